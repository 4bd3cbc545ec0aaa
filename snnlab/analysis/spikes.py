"""Statistics of spike trains: rates, irregularity, synchrony, and a verdict in words.

Every function takes ``spikes`` as a ``SpikeTrains``, or as a ``Recording`` or a mapping of names to
``SpikeTrains``; several populations are laid end to end and measured as one. ``start`` and ``stop`` (ms)
select the spikes with ``start <= t < stop`` and default to the whole simulated window. What the spikes do not
define (a CV without intervals, a rate over no time) is ``nan``, never a warning. Every function raises
ValueError when ``start`` is not before ``stop``, when the window leaves the simulated one, and when a width
is not above 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from snnlab.core.recording import Recording, SpikeTrains

Trains: TypeAlias = SpikeTrains | Recording | Mapping[str, SpikeTrains]

FEW = 10  # cells; fewer are no population
# Where one regime ends and the next begins; `regime` says why.
SILENT_RATE = 0.1  # Hz
SATURATED_SHARE = 0.75  # of the highest rate that the refractory period allows
IRREGULAR_CV = 0.5
SYNCHRONOUS_COVARIANCE = 0.02  # mean covariance of two cells' counts over their mean variance

# Spike times are multiples of dt only up to rounding: this far below an edge, a spike counts as on it.
ROUNDING = 1e-9
BIN_WIDTH = 5.0  # ms


def mean_rate(spikes: Trains, *, start: float | None = None, stop: float | None = None) -> float:
    """Mean firing rate of a cell, in Hz: spikes / (cells * time). ``nan`` when no time was simulated."""
    window = _window(spikes, start, stop)
    return _ratio(1000.0 * window.times.size, window.n * window.duration)


def rates(spikes: Trains, *, start: float | None = None, stop: float | None = None) -> np.ndarray:
    """Firing rate of each neuron, ``[n]``, in Hz. All ``nan`` when no time was simulated."""
    window = _window(spikes, start, stop)
    return window.counts * _ratio(1000.0, window.duration)


def windowed_rate(
    spikes: Trains,
    window: float = 5.0,
    step: float | None = None,
    *,
    causal: bool = False,
    start: float | None = None,
    stop: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Population rate in a sliding window, as ``(t, rate)``: both ``[windows]``, in ms and Hz.

    The windows are half-open and ``window`` ms wide; the first opens at ``start``, each next one ``step`` ms
    later (default: ``window``, so that they tile the time). Only windows wholly inside ``[start, stop)`` are
    taken, so no rate is biased by an edge; there are none when ``stop - start < window``. ``t`` is a window's
    centre, or with ``causal=True`` its end, so that the rate at ``t`` depends on the past alone.
    """
    _above_zero("window", window)
    step = window if step is None else _above_zero("step", step)
    selected = _window(spikes, start, stop)
    left = selected.start + step * np.arange(math.floor((selected.duration - window) / step + ROUNDING) + 1)
    times = np.sort(selected.times, kind="stable")  # merges the populations, which are sorted
    count = np.searchsorted(times, left + window - ROUNDING) - np.searchsorted(times, left - ROUNDING)
    return left + (window if causal else window / 2), count * (1000.0 / (selected.n * window))


def binned_counts(
    spikes: Trains, bin_width: float = BIN_WIDTH, *, start: float | None = None, stop: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of each neuron in each bin, as ``(edges, counts)``: ``[bins + 1]`` in ms and ``[bins, n]``.

    Bins are half-open, the first opens at ``start``; a rest at the end that is shorter than a bin is not
    counted.
    """
    window = _window(spikes, start, stop)
    bins, neurons, index = window.binned(bin_width)
    counts = np.bincount(index * window.n + neurons, minlength=bins * window.n)
    return window.start + bin_width * np.arange(bins + 1), counts.reshape(bins, window.n)


def isi_cv_per_neuron(
    spikes: Trains, *, min_spikes: int = 4, start: float | None = None, stop: float | None = None
) -> np.ndarray:
    """Coefficient of variation of each neuron's interspike intervals, ``[n]``: standard deviation over mean.

    Only intervals between two spikes inside the window count; the deviation is the sample's own (``ddof=0``).
    ``nan`` for a neuron with fewer than ``min_spikes`` spikes. 0 is a clock, 1 a Poisson process; short
    trains underestimate it.
    """
    if min_spikes < 3:
        raise ValueError(f"min_spikes = {min_spikes}: a CV needs two intervals, so at least 3 spikes.")
    window = _window(spikes, start, stop)
    neurons, times = window.trains
    within = neurons[1:] == neurons[:-1]
    owner, interval = neurons[1:][within], np.diff(times)[within]
    count = np.maximum(window.counts - 1, 1)
    mean = np.bincount(owner, interval, window.n) / count
    variance = np.bincount(owner, (interval - mean[owner]) ** 2, window.n) / count
    enough = (window.counts >= min_spikes) & (mean > 0.0)
    return np.divide(np.sqrt(variance), mean, out=np.full(window.n, np.nan), where=enough)


def isi_cv(
    spikes: Trains, *, min_spikes: int = 4, start: float | None = None, stop: float | None = None
) -> float:
    """Mean of ``isi_cv_per_neuron`` over the neurons that have ``min_spikes`` spikes; ``nan`` without one."""
    cv = isi_cv_per_neuron(spikes, min_spikes=min_spikes, start=start, stop=stop)
    cv = cv[np.isfinite(cv)]
    return _ratio(float(cv.sum()), cv.size)


def pair_correlation(
    spikes: Trains,
    bin_width: float = BIN_WIDTH,
    *,
    sample: int = 200,
    start: float | None = None,
    stop: float | None = None,
) -> float:
    """Mean Pearson correlation of two neurons' spike counts in bins of ``bin_width`` ms, over all pairs.

    The pairs are those among ``sample`` neurons, spread evenly over the neurons whose count varies (or all of
    these), so the same spikes always give the same value. ``nan`` when fewer than two counts vary.
    """
    if sample < 2:
        raise ValueError(f"sample = {sample}: a pair needs at least 2 neurons.")
    window = _window(spikes, start, stop)
    bins, neurons, index = window.binned(bin_width)
    total, squares = _sums(window.n, neurons, index)
    varying = np.flatnonzero(bins * squares > total**2)
    chosen = varying[np.linspace(0, varying.size - 1, min(sample, varying.size)).round().astype(int)]
    if chosen.size < 2:
        return math.nan
    row = np.full(window.n, -1)
    row[chosen] = np.arange(chosen.size)
    taken = row[neurons] >= 0
    counts = np.bincount(row[neurons[taken]] * bins + index[taken], minlength=chosen.size * bins)
    counts = counts.reshape(chosen.size, bins)
    z = (counts - counts.mean(1, keepdims=True)) / counts.std(1, keepdims=True)
    # The sum over all ordered pairs is the square of the sum, less the diagonal of ones.
    return float((np.mean(z.sum(0) ** 2) - chosen.size) / (chosen.size * (chosen.size - 1)))


def synchrony(
    spikes: Trains, bin_width: float = BIN_WIDTH, *, start: float | None = None, stop: float | None = None
) -> float:
    """Golomb's synchrony chi of the spike counts in bins of ``bin_width`` ms (Golomb & Rinzel 1993).

    The square root of the variance of the population mean over the mean variance of a single neuron: 1 when
    all fire together, about 1/sqrt(n) for independent trains. ``nan`` when no neuron's count varies.
    """
    return _synchrony(_window(spikes, start, stop), bin_width)


def fano_factor(
    spikes: Trains, bin_width: float = BIN_WIDTH, *, start: float | None = None, stop: float | None = None
) -> float:
    """Variance over mean of the population's spike count in bins of ``bin_width`` ms.

    1 for independent Poisson trains; ``nan`` without a spike in a whole bin.
    """
    bins, _, index = _window(spikes, start, stop).binned(bin_width)
    counts = np.bincount(index, minlength=bins)
    return float(counts.var() / counts.mean()) if index.size else math.nan


def silent_fraction(spikes: Trains, *, start: float | None = None, stop: float | None = None) -> float:
    """Share of the neurons without a spike. ``nan`` when no time was simulated."""
    window = _window(spikes, start, stop)
    return _ratio(float(np.count_nonzero(window.counts == 0)), window.n) if window.duration else math.nan


def regime(
    spikes: Trains, *, tau_ref: float = 5.0, start: float | None = None, stop: float | None = None
) -> str:
    """The state of the network in words, after Brunel (2000).

    * ``silent`` without a spike, ``nearly silent`` below 0.1 Hz;
    * ``saturated`` from 75 % of the highest rate, 1000 / ``tau_ref`` (ms), that refractoriness allows;
    * otherwise ``synchronous`` or ``asynchronous``, and ``regular`` or ``irregular``.

    Irregular is a mean ISI CV of 0.5 or more, half way from a clock to a Poisson process. Synchronous is a
    mean covariance of two cells' counts in 5 ms bins above 0.02 of their variance, by three standard errors
    of independent trains: chi above 0.14 in a large network. Every shared change of rate counts, so leave a
    transient out with ``start``. A word that the spikes cannot decide (one cell, no cell with 4 spikes) is
    not said.
    """
    window = _window(spikes, start, stop)
    return _verdict(window, isi_cv(window), _synchrony(window, BIN_WIDTH), tau_ref)


@dataclass(frozen=True)
class Summary:
    """What a network did between ``start`` and ``stop`` (ms); as text, one line for a status bar."""

    rates: dict[str, float]  # Hz, by population
    cv: float
    synchrony: float
    silent: float  # share of the cells
    verdict: str
    start: float
    stop: float

    def __str__(self) -> str:
        figures = [f"{name} {rate:.1f} Hz" for name, rate in self.rates.items() if not math.isnan(rate)]
        measures = {"CV": self.cv, "synchrony": self.synchrony}
        figures += [f"{name} {value:.2f}" for name, value in measures.items() if not math.isnan(value)]
        return ": ".join(part for part in (", ".join(figures), self.verdict) if part)


def summary(
    spikes: Trains, *, tau_ref: float = 5.0, start: float | None = None, stop: float | None = None
) -> Summary:
    """The rate of each population; CV, synchrony, silent share and ``regime`` of all cells together.

    ``str()`` of it reads ``E 21.7 Hz, I 21.3 Hz, CV 1.57, synchrony 0.05: asynchronous irregular``. Fewer than ten
    cells are no population: of them rates and CV are all that is said, and whether they are silent.
    """
    window = _window(spikes, start, stop)
    each = {name: mean_rate(trains, start=start, stop=stop) for name, trains in _populations(spikes).items()}
    cv, chi, silent = isi_cv(window), _synchrony(window, BIN_WIDTH), silent_fraction(window)
    verdict = _verdict(window, cv, chi, tau_ref)
    if window.n < FEW:
        chi, verdict = math.nan, verdict if "silent" in verdict or not window.duration else ""
    return Summary(each, cv, chi, silent, verdict, window.start, window.stop)


def span(trains: SpikeTrains, start: float | None = None, stop: float | None = None) -> tuple[float, float]:
    """``start`` and ``stop`` (ms), checked against the simulated time, which is also their default."""
    first, last = trains.t_start, trains.t_stop
    start = first if start is None else float(start)
    stop = last if stop is None else float(stop)
    if not start < stop and (start, stop) != (first, last):  # a run stopped at once has no time
        raise ValueError(f"start = {start:g} ms must lie before stop = {stop:g} ms.")
    if start < first - ROUNDING or stop > last + ROUNDING:
        raise ValueError(f"{start:g} to {stop:g} ms leaves the simulated {first:g} to {last:g} ms.")
    return start, stop


@dataclass(frozen=True)
class _Window:
    """The spikes of ``n`` neurons with ``start <= t < stop``."""

    times: np.ndarray  # [count] ms, sorted within each neuron
    neurons: np.ndarray  # [count]
    n: int
    start: float
    stop: float

    @property
    def duration(self) -> float:
        return self.stop - self.start

    @cached_property
    def counts(self) -> np.ndarray:
        """Spikes of each neuron, ``[n]``."""
        return np.bincount(self.neurons, minlength=self.n)

    @cached_property
    def trains(self) -> tuple[np.ndarray, np.ndarray]:
        """Neurons and times, ``[count]`` each, one train after another."""
        # numpy sorts 16-bit integers by radix, five times as fast as wider ones.
        key = self.neurons.astype(np.uint16) if self.n <= 1 << 16 else self.neurons
        order = np.argsort(key, kind="stable")
        return self.neurons[order], self.times[order]

    def binned(self, bin_width: float) -> tuple[int, np.ndarray, np.ndarray]:
        """The number of whole bins; neuron and bin of each spike in one of them, one train after another."""
        _above_zero("bin_width", bin_width)
        bins = math.floor(self.duration / bin_width + ROUNDING)
        neurons, times = self.trains
        index = ((times - self.start) / bin_width + ROUNDING).astype(np.intp)
        whole = index < bins
        return bins, neurons[whole], index[whole]


def _window(spikes: Trains | _Window, start: float | None, stop: float | None) -> _Window:
    if isinstance(spikes, _Window):
        return spikes
    populations = list(_populations(spikes).values())
    if len({(trains.t_start, trains.t_stop) for trains in populations}) > 1:
        raise ValueError("The populations were not simulated over the same time; analyse them one by one.")
    start, stop = span(populations[0], start, stop)
    times, neurons, n = [], [], 0
    for trains in populations:
        selected = slice(*np.searchsorted(trains.times, (start - ROUNDING, stop - ROUNDING)))
        times.append(trains.times[selected])
        neurons.append(trains.neurons[selected].astype(np.intp) + n)
        n += trains.n
    return _Window(np.concatenate(times), np.concatenate(neurons), n, start, stop)


def _populations(spikes: Trains) -> Mapping[str, SpikeTrains]:
    spikes = getattr(spikes, "spikes", spikes)
    if not isinstance(spikes, Mapping):
        return {"rate": spikes}
    if not spikes:
        raise ValueError("There is no population to analyse.")
    return spikes


def _sums(n: int, neurons: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and sum of squares of each neuron's counts over the bins, ``[n]``, in time linear in the spikes."""
    first = np.flatnonzero(np.diff(neurons, prepend=-1) | np.diff(index, prepend=-1))  # of a neuron in a bin
    count = np.diff(first, append=neurons.size)
    return np.bincount(neurons, minlength=n), np.bincount(neurons[first], count**2, n)


def _synchrony(window: _Window, bin_width: float) -> float:
    bins, neurons, index = window.binned(bin_width)
    population = np.bincount(index, minlength=bins)
    total, squares = _sums(window.n, neurons, index)
    # Both variances times bins^2, in integers: counts that never vary give exactly 0, so nan and no noise.
    together = bins * int(population @ population) - neurons.size**2
    single = bins * int(squares.sum()) - int(total @ total)
    return math.sqrt(_ratio(together, window.n * single))


def _verdict(window: _Window, cv: float, chi: float, tau_ref: float) -> str:
    if not tau_ref >= 0.0:
        raise ValueError(f"tau_ref = {tau_ref:g} ms must not be negative.")
    if not window.duration:
        return "no time was simulated"
    rate, n = mean_rate(window), window.n
    if rate < SILENT_RATE:
        return "nearly silent" if rate else "silent"
    if rate * tau_ref >= 1000.0 * SATURATED_SHARE:
        return "saturated"
    words = []
    if n > 1 and not math.isnan(chi):
        # n chi^2 - 1 is (n - 1) covariance / variance: 0 +- sqrt(2 / (bins - 1)) for independent trains.
        noise = math.sqrt(2.0 / (window.duration / BIN_WIDTH - 1.0))
        together = n * chi**2 - 1.0 > (n - 1) * SYNCHRONOUS_COVARIANCE + 3.0 * noise
        words.append("synchronous" if together else "asynchronous")
    if not math.isnan(cv):
        words.append("irregular" if cv >= IRREGULAR_CV else "regular")
    return " ".join(words) or "too few spikes to tell"


def _above_zero(name: str, width: float) -> float:
    if not 0.0 < width < math.inf:
        raise ValueError(f"{name} = {width:g} ms must be above 0 and finite.")
    return width


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
