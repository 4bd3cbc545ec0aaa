"""Statistics of spike trains: closed forms, laws, and an independent package as oracle."""

import dataclasses
import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnlab import analysis
from snnlab.core.recording import SpikeTrains

pytestmark = pytest.mark.filterwarnings("error")


def trains(each, t_stop, t_start=0.0):
    """SpikeTrains from one sequence of spike times (ms) for each neuron."""
    times = np.concatenate([np.asarray(own, float) for own in each])
    neurons = np.repeat(np.arange(len(each)), [len(own) for own in each])
    order = np.argsort(times, kind="stable")
    return SpikeTrains(
        times=times[order], neurons=neurons[order], n=len(each), t_start=t_start, t_stop=t_stop
    )


def renewal(intervals, n, duration, seed=0):
    """n trains whose intervals are drawn by ``intervals(rng, size)`` ms, equilibrated for one duration."""
    rng = np.random.default_rng(seed)
    each = []
    for _ in range(n):
        times = np.cumsum(intervals(rng, int(4 * duration))) - duration
        each.append(times[(times >= 0) & (times < duration)])
    return trains(each, duration)


def poisson(rate, n, duration, seed=0):
    rng = np.random.default_rng(seed)
    return trains(
        [np.sort(rng.uniform(0, duration, rng.poisson(rate * duration / 1000))) for _ in range(n)], duration
    )


EMPTY = trains([[]] * 5, 100.0)
BY_HAND = trains([[0.0, 10.0, 99.9], [10.0], []], 100.0)


@st.composite
def spike_trains(draw, max_n=6):
    """A few neurons on a grid of 0.1 ms, 40 ms long, from a start that is not 0."""
    t_start = draw(st.integers(0, 10_000))
    n = draw(st.integers(1, max_n))
    steps = [sorted(draw(st.sets(st.integers(0, 399), max_size=25))) for _ in range(n)]
    return trains([[(t_start + k) * 0.1 for k in own] for own in steps], t_start * 0.1 + 40.0, t_start * 0.1)


# rates


def test_rates_by_hand():
    assert analysis.mean_rate(BY_HAND) == pytest.approx(4 / 3 / 0.1)
    assert analysis.rates(BY_HAND) == pytest.approx([30.0, 10.0, 0.0])
    assert analysis.silent_fraction(BY_HAND) == pytest.approx(1 / 3)


def test_window_is_half_open():
    assert analysis.rates(BY_HAND, start=0, stop=10) == pytest.approx([100.0, 0.0, 0.0])
    assert analysis.rates(BY_HAND, start=10, stop=20) == pytest.approx([100.0, 100.0, 0.0])
    assert analysis.silent_fraction(BY_HAND, start=11, stop=99) == 1.0


def test_windowed_rate_by_hand():
    t, rate = analysis.windowed_rate(BY_HAND, window=10.0)
    assert t == pytest.approx(np.arange(5.0, 100.0, 10.0))
    assert rate == pytest.approx([1000 / 30, 2000 / 30, 0, 0, 0, 0, 0, 0, 0, 1000 / 30])
    ends, causal = analysis.windowed_rate(BY_HAND, window=10.0, causal=True)
    assert ends == pytest.approx(t + 5.0) and np.array_equal(causal, rate)
    t, rate = analysis.windowed_rate(BY_HAND, window=10.0, step=2.5, start=5.0, stop=22.0)
    assert t == pytest.approx([10.0, 12.5, 15.0]) and rate == pytest.approx([2000 / 30] * 3)


def test_windowed_rate_has_no_edge_bias():
    regular = trains([np.arange(0.0, 103.0, 1.0)] * 3, 103.0)
    for step in (None, 1.0, 7.0, 0.5):
        for window in (4.0, 10.0, 100.0, 103.0):
            assert analysis.windowed_rate(regular, window, step)[1] == pytest.approx(1000.0)
    for result in analysis.windowed_rate(regular, window=104.0):
        assert result.shape == (0,)


@given(spike_trains())
def test_windows_that_tile_count_every_spike_once(spikes):
    _, rate = analysis.windowed_rate(spikes, window=0.5)
    assert rate.shape == (80,)
    assert rate.sum() * spikes.n * 0.5e-3 == pytest.approx(spikes.count)


def test_a_spike_on_an_edge_opens_the_bin():
    for dt in (0.1, 0.05, 0.025):
        for start in (0.0, 200.1, 1000.3):
            on_edge = start + dt * np.arange(0, 4000, 10)
            edges, counts = analysis.binned_counts(
                trains([on_edge], start + 4000 * dt, start), bin_width=10 * dt
            )
            assert np.all(counts == 1) and counts.shape == (400, 1)
            assert edges == pytest.approx(np.append(on_edge, start + 4000 * dt))


def test_binned_counts_leave_out_the_partial_bin():
    edges, counts = analysis.binned_counts(BY_HAND, 30.0)
    assert edges == pytest.approx([0.0, 30.0, 60.0, 90.0])
    assert counts.tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 0]]


# irregularity


def test_cv_of_a_clock_is_zero():
    clock = trains([np.arange(0.3, 1000.0, 7.3), np.arange(5.0, 1000.0, 20.0)], 1000.0)
    assert analysis.isi_cv_per_neuron(clock) == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("shape", [1, 2, 4, 16])
def test_cv_of_a_gamma_process(shape):
    spikes = renewal(lambda rng, size: rng.gamma(shape, 10.0 / shape, size), 40, 20_000.0)
    standard_error = 1.5 / math.sqrt(
        spikes.count * shape
    )  # about sqrt(CV^2 / 2 intervals), CV = 1 / sqrt(shape)
    assert analysis.isi_cv(spikes) == pytest.approx(1 / math.sqrt(shape), abs=4 * standard_error)


def test_more_neurons_than_16_bits_count():
    first, last = np.arange(0.0, 100.0, 7.0), np.arange(2.0, 100.0, 3.0)
    few = trains([first, last], 100.0)
    many = dataclasses.replace(few, neurons=few.neurons * (1 << 16), n=70_000)
    assert analysis.isi_cv(many) == pytest.approx(0.0, abs=1e-12)
    assert analysis.pair_correlation(many) == pytest.approx(analysis.pair_correlation(few))


def test_cv_needs_min_spikes():
    spikes = trains([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0, 8.0], [5.0], []], 10.0)
    by_hand = np.std([1.0, 2.0, 4.0]) / np.mean([1.0, 2.0, 4.0])
    nan = math.nan
    assert analysis.isi_cv_per_neuron(spikes) == pytest.approx([nan, by_hand, nan, nan], nan_ok=True)
    assert analysis.isi_cv(spikes) == pytest.approx(by_hand)
    assert analysis.isi_cv_per_neuron(spikes, min_spikes=3)[0] == pytest.approx(1 / 3)
    assert math.isnan(analysis.isi_cv(spikes, stop=8.0))
    with pytest.raises(ValueError, match="min_spikes = 2"):
        analysis.isi_cv(spikes, min_spikes=2)


def test_fano_of_poisson_and_of_clocks():
    spikes = poisson(20.0, 50, 20_000.0)
    bins = 4000
    assert analysis.fano_factor(spikes) == pytest.approx(1.0, abs=4 * math.sqrt(2 / bins))
    assert analysis.fano_factor(trains([np.arange(0.0, 1000.0, 5.0)] * 3, 1000.0)) == 0.0


# synchrony


def test_identical_trains_are_fully_synchronous():
    one = poisson(30.0, 1, 1000.0).times
    spikes = trains([one] * 7, 1000.0)
    assert analysis.synchrony(spikes) == pytest.approx(1.0)
    assert analysis.pair_correlation(spikes) == pytest.approx(1.0)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_independent_trains_are_asynchronous(n):
    spikes = poisson(20.0, n, 10_000.0)
    bins = 2000
    assert n * analysis.synchrony(spikes) ** 2 == pytest.approx(1.0, abs=4 * math.sqrt(2 / bins))
    pairs = min(n, 200) * (min(n, 200) - 1) / 2
    assert analysis.pair_correlation(spikes) == pytest.approx(0.0, abs=4 / math.sqrt(pairs * bins))


def test_alternating_trains_are_anticorrelated():
    spikes = trains([np.arange(0.0, 100.0, 10.0), np.arange(5.0, 100.0, 10.0)], 100.0)
    assert analysis.pair_correlation(spikes) == pytest.approx(-1.0)
    assert analysis.synchrony(spikes) == 0.0


def test_counts_that_never_vary_have_no_synchrony():
    constant = trains([np.arange(0.1, 1000.0, 5.0)] * 3, 1000.0)
    assert math.isnan(analysis.synchrony(constant))
    assert math.isnan(analysis.pair_correlation(constant))


def test_pair_correlation_samples_the_neurons_that_vary():
    silent, one = [], poisson(30.0, 1, 1000.0).times
    mixed = trains([silent, one, silent, np.arange(0.0, 1000.0, 5.0), one], 1000.0)
    assert analysis.pair_correlation(mixed) == pytest.approx(1.0)
    halves = trains([poisson(30.0, 1, 1000.0, seed).times for seed in range(300)] + [one] * 300, 1000.0)
    assert analysis.pair_correlation(halves) == analysis.pair_correlation(halves)
    # A quarter of the sampled pairs lies inside the identical half: the sample reaches over all neurons.
    assert analysis.pair_correlation(halves) == pytest.approx(0.25, abs=0.02)


# against the definitions, written out


@settings(max_examples=150)
@given(spike_trains(), st.sampled_from([1.0, 2.5, 7.0]))
def test_definitions(spikes, bin_width):
    _, counts = analysis.binned_counts(spikes, bin_width)
    edges = spikes.t_start + bin_width * np.arange(counts.shape[0] + 1) - 1e-7
    for neuron in range(spikes.n):
        own = spikes.times[spikes.neurons == neuron]
        assert np.array_equal(counts[:, neuron], np.histogram(own, edges)[0])

    single = counts.var(0)
    chi = math.sqrt(counts.mean(1).var() / single.mean()) if single.any() else math.nan
    assert analysis.synchrony(spikes, bin_width) == pytest.approx(chi, abs=1e-7, nan_ok=True)
    total = counts.sum(1)
    fano = total.var() / total.mean() if total.any() else math.nan
    assert analysis.fano_factor(spikes, bin_width) == pytest.approx(fano, nan_ok=True)
    varying = counts[:, single > 0].T
    pairs = np.corrcoef(varying)[np.triu_indices(len(varying), 1)] if len(varying) > 1 else []
    correlation = np.mean(pairs) if len(pairs) else math.nan
    assert analysis.pair_correlation(spikes, bin_width) == pytest.approx(correlation, abs=1e-9, nan_ok=True)

    intervals = [np.diff(spikes.times[spikes.neurons == neuron]) for neuron in range(spikes.n)]
    cv = [own.std() / own.mean() if len(own) >= 3 else math.nan for own in intervals]
    assert analysis.isi_cv_per_neuron(spikes) == pytest.approx(cv, abs=1e-12, nan_ok=True)


MEASURES = {
    "mean_rate": analysis.mean_rate,
    "isi_cv": analysis.isi_cv,
    "pair_correlation": analysis.pair_correlation,
    "synchrony": analysis.synchrony,
    "fano_factor": analysis.fano_factor,
    "silent_fraction": analysis.silent_fraction,
}
every_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


@every_measure
@given(spikes=spike_trains(), seed=st.integers(0, 99))
def test_names_of_neurons_do_not_matter(measure, spikes, seed):
    name = np.random.default_rng(seed).permutation(spikes.n)
    renamed = dataclasses.replace(spikes, neurons=name[spikes.neurons])
    assert measure(renamed) == pytest.approx(measure(spikes), abs=1e-9, nan_ok=True)


@every_measure
@given(spikes=spike_trains(), steps=st.integers(0, 100_000))
def test_the_origin_of_time_does_not_matter(measure, spikes, steps):
    t = (np.round(spikes.times / 0.1) + steps) * 0.1
    shift = steps * 0.1
    later = dataclasses.replace(spikes, times=t, t_start=spikes.t_start + shift, t_stop=spikes.t_stop + shift)
    assert measure(later) == pytest.approx(measure(spikes), abs=1e-9, nan_ok=True)


@every_measure
@given(spikes=spike_trains())
def test_populations_are_laid_end_to_end(measure, spikes):
    split = spikes.n // 2
    low, high = spikes.neurons < split, spikes.neurons >= split
    parts = {
        "E": dataclasses.replace(spikes, times=spikes.times[low], neurons=spikes.neurons[low], n=split),
        "I": dataclasses.replace(
            spikes, times=spikes.times[high], neurons=spikes.neurons[high] - split, n=spikes.n - split
        ),
    }
    if split:
        assert measure(parts) == pytest.approx(measure(spikes), abs=1e-9, nan_ok=True)


@every_measure
@given(spikes=spike_trains())
def test_a_window_is_a_recording_of_its_own(measure, spikes):
    first = round(spikes.t_start / 0.1)
    start, stop = (first + 100) * 0.1, (first + 300) * 0.1
    alone = measure(spikes.window(start, stop))
    assert measure(spikes, start=start, stop=stop) == pytest.approx(alone, nan_ok=True)


def test_agrees_with_elephant():
    warnings.simplefilter("ignore")  # its dependencies warn of each other; pytest restores the filters
    statistics = pytest.importorskip("elephant.statistics")
    correlation = pytest.importorskip("elephant.spike_train_correlation")
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    from elephant.conversion import BinnedSpikeTrain

    spikes = renewal(lambda rng, size: rng.gamma(2, 15.0, size), 20, 2000.0)
    each = [
        neo.SpikeTrain(spikes.times[spikes.neurons == neuron], units=pq.ms, t_start=0.0, t_stop=2000.0)
        for neuron in range(20)
    ]
    rates = [float(statistics.mean_firing_rate(own).rescale(pq.Hz)) for own in each]
    assert analysis.rates(spikes) == pytest.approx(rates)
    cv = [float(statistics.cv(statistics.isi(own).magnitude)) for own in each]
    assert analysis.isi_cv_per_neuron(spikes) == pytest.approx(cv)
    binned = BinnedSpikeTrain(each, bin_size=5 * pq.ms)
    assert np.array_equal(analysis.binned_counts(spikes)[1].T, binned.to_array())
    pairs = correlation.correlation_coefficient(binned)[np.triu_indices(20, 1)]
    assert analysis.pair_correlation(spikes) == pytest.approx(pairs.mean())


# the verdict


def jittered(period, jitter, n, duration=1000.0, phase=None, seed=0):
    """n clocks of one period (ms), with a phase each and an independent jitter of every spike."""
    rng = np.random.default_rng(seed)
    phase = np.zeros(n) if phase is None else phase
    each = [np.arange(own, duration - period, period) for own in phase]
    return trains([np.sort(own + rng.uniform(0, jitter, own.size)) for own in each], duration)


def bursts(n, duration=5000.0, seed=0):
    """n cells that each join a common Poisson train of volleys at random."""
    rng = np.random.default_rng(seed)
    volleys = np.sort(rng.uniform(0, duration, int(duration / 20)))
    return trains([volleys[rng.random(volleys.size) < 0.3] for _ in range(n)], duration)


@pytest.mark.parametrize(
    ("spikes", "verdict"),
    [
        (EMPTY, "silent"),
        (trains([[1.0]] + [[]] * 999, 100.0), "nearly silent"),
        (jittered(5.1, 0.1, 50), "saturated"),
        (jittered(25.0, 2.0, 100), "synchronous regular"),
        (jittered(25.0, 2.0, 100, phase=np.linspace(0, 25, 100)), "asynchronous regular"),
        (bursts(100), "synchronous irregular"),
        (poisson(20.0, 1000, 1000.0), "asynchronous irregular"),
        (poisson(20.0, 4, 1000.0), "asynchronous irregular"),
        (jittered(25.0, 2.0, 2), "synchronous regular"),
        (poisson(20.0, 1, 5000.0), "irregular"),
        (jittered(25.0, 2.0, 1), "regular"),
        (poisson(3.0, 500, 300.0), "asynchronous irregular"),
        (trains([[10.0], [30.0]], 100.0), "asynchronous"),
        (trains([[10.0]], 100.0), "too few spikes to tell"),
        (trains([[]], 0.0), "no time was simulated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_regime(spikes, verdict):
    assert analysis.regime(spikes) == verdict


@pytest.mark.parametrize("n", [2, 5, 20, 100, 1000])
def test_independent_trains_are_hardly_ever_called_synchronous(n):
    verdicts = [analysis.regime(poisson(20.0, n, 300.0, seed)) for seed in range(100)]
    assert sum(verdict.startswith("synchronous") for verdict in verdicts) <= 2


def test_saturation_is_relative_to_the_refractory_period():
    spikes = jittered(5.1, 0.1, 50)
    assert analysis.regime(spikes, tau_ref=5.0) == "saturated"
    assert analysis.regime(spikes, tau_ref=1.0).endswith("regular")
    assert analysis.regime(spikes, tau_ref=0.0).endswith("regular")
    with pytest.raises(ValueError, match="tau_ref = -1 ms"):
        analysis.regime(spikes, tau_ref=-1.0)


def test_summary_reads_as_a_status_line():
    spikes = {"E": poisson(21.7, 800, 1000.0), "I": poisson(40.0, 200, 1000.0, seed=1)}
    result = analysis.summary(spikes, start=100.0)
    assert result.rates == {name: analysis.mean_rate(own, start=100.0) for name, own in spikes.items()}
    assert result.cv == analysis.isi_cv(spikes, start=100.0)
    assert result.synchrony == analysis.synchrony(spikes, start=100.0)
    assert result.silent == analysis.silent_fraction(spikes, start=100.0)
    assert (result.start, result.stop) == (100.0, 1000.0)
    line = "E {E:.1f} Hz, I {I:.1f} Hz, CV {cv:.2f}, synchrony {chi:.2f}: asynchronous irregular"
    assert str(result) == line.format(**result.rates, cv=result.cv, chi=result.synchrony)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.cv = 0.0


def test_summary_leaves_out_what_is_not_defined():
    assert str(analysis.summary({"E": EMPTY, "I": EMPTY})) == "E 0.0 Hz, I 0.0 Hz: silent"
    assert str(analysis.summary(EMPTY)) == "rate 0.0 Hz: silent"
    assert str(analysis.summary({"E": trains([[]], 0.0)})) == "no time was simulated"


def test_summary_is_fast_enough_for_a_slider():
    spikes = {"E": poisson(12.5, 3200, 1000.0), "I": poisson(12.5, 800, 1000.0, seed=1)}
    assert sum(own.count for own in spikes.values()) > 49_000
    elapsed = []
    for _ in range(20):
        begin = time.perf_counter()
        analysis.summary(spikes)
        elapsed.append(time.perf_counter() - begin)
    assert min(elapsed) < 0.005


# nothing to measure, and what is refused


@every_measure
def test_nothing_to_measure(measure):
    no_spikes = {"mean_rate": 0.0, "silent_fraction": 1.0}
    name = measure.__name__
    assert measure(EMPTY) == pytest.approx(no_spikes.get(name, math.nan), nan_ok=True)
    assert math.isnan(measure(trains([[]] * 3, 0.0)))
    one_short_window = measure(BY_HAND, start=1.0, stop=2.0)
    assert one_short_window == pytest.approx(no_spikes.get(name, math.nan), nan_ok=True)


def test_no_time_was_simulated():
    nothing = trains([[]] * 3, 50.0, 50.0)
    assert np.isnan(analysis.rates(nothing)).all()
    assert analysis.binned_counts(nothing)[1].shape == (0, 3)
    assert analysis.windowed_rate(nothing)[0].shape == (0,)


@pytest.mark.parametrize(
    "function",
    [*MEASURES.values(), analysis.rates, analysis.windowed_rate, analysis.regime, analysis.summary],
    ids=lambda function: function.__name__,
)
def test_refuses_a_wrong_window(function):
    with pytest.raises(ValueError, match="start = 60 ms must lie before stop = 40 ms"):
        function(BY_HAND, start=60, stop=40)
    with pytest.raises(ValueError, match="start = 40 ms must lie before stop = 40 ms"):
        function(BY_HAND, start=40, stop=40)
    with pytest.raises(ValueError, match="start = nan ms must lie before stop = 100 ms"):
        function(BY_HAND, start=math.nan)
    with pytest.raises(ValueError, match="-1 to 100 ms leaves the simulated 0 to 100 ms"):
        function(BY_HAND, start=-1)
    with pytest.raises(ValueError, match="0 to 101 ms leaves the simulated 0 to 100 ms"):
        function(BY_HAND, stop=101)


@pytest.mark.parametrize("width", [0.0, -5.0, math.nan, math.inf])
def test_refuses_a_wrong_width(width):
    for function in (
        analysis.binned_counts,
        analysis.pair_correlation,
        analysis.synchrony,
        analysis.fano_factor,
    ):
        with pytest.raises(ValueError, match=f"bin_width = {width:g} ms must be above 0"):
            function(BY_HAND, bin_width=width)
    with pytest.raises(ValueError, match=f"window = {width:g} ms must be above 0"):
        analysis.windowed_rate(BY_HAND, window=width)
    with pytest.raises(ValueError, match=f"step = {width:g} ms must be above 0"):
        analysis.windowed_rate(BY_HAND, step=width)


def test_refuses_what_is_not_one_experiment():
    with pytest.raises(ValueError, match="not simulated over the same time"):
        analysis.mean_rate({"E": EMPTY, "I": trains([[]], 50.0)})
    with pytest.raises(ValueError, match="no population"):
        analysis.mean_rate({})
    with pytest.raises(ValueError, match="sample = 1"):
        analysis.pair_correlation(EMPTY, sample=1)
