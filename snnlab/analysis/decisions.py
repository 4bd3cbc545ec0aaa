"""Decisions of competing pools: who crosses a threshold first, and when; accuracy; psychometric functions (Wang, 2002).

A pool's rate at t is that of the 50 ms before t, looked at every 5 ms, so that a decision depends on the past alone.
Coherence is a fraction; where it is negative the second pool is the correct one, and at 0 the first by convention.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from snnlab.analysis.spikes import mean_rate, windowed_rate
from snnlab.core.recording import Recording

POOLS = ("A", "B")
THRESHOLD = 15.0  # Hz
WINDOW, STEP = 50.0, 5.0  # ms
ENDING, LATE = 200.0, 300.0  # ms: the ends of the stimulus and of the trial over which rates are averaged


@dataclass(frozen=True)
class Decision:
    """What the pools did in one trial. ``choice`` and ``time`` are None and nan when no pool reached the threshold."""

    choice: str | None  # the pool that reached the threshold first
    time: float  # ms from the stimulus' onset to that crossing
    late_choice: str | None  # the pool with the higher rate at the end of the trial; None when they are equal
    ending: dict[str, float]  # Hz: rate of every population over the last 200 ms of the stimulus
    late: dict[str, float]  # Hz: over the last 300 ms of the trial


def decision(
    recording: Recording,
    *,
    onset: float,
    offset: float,
    pools: Sequence[str] = POOLS,
    threshold: float = THRESHOLD,
    window: float = WINDOW,
    step: float = STEP,
) -> Decision:
    """The decision of one trial whose stimulus lasts from ``onset`` to ``offset`` (ms).

    A pool decides when its rate, over the last ``window`` ms and looked at every ``step`` ms, is first at ``threshold``
    (Hz) or above after the onset; of two pools at once it is the one with the higher rate, and of equal ones neither
    yet. Raises ValueError for unknown pools and for times outside the recording.
    """
    pools = check_pools(pools)
    t, rates = pool_rates(recording, pools=pools, window=window, step=step)
    if not 0 <= onset < offset <= recording.duration + 1e-6:
        raise ValueError(
            f"decision: a stimulus from {onset:g} to {offset:g} ms must lie within the trial's "
            f"0 to {recording.duration:g} ms."
        )
    if offset - onset < ENDING or recording.duration < LATE:
        raise ValueError(
            f"decision: rates are averaged over the last {ENDING:g} ms of the stimulus and the last {LATE:g} ms of "
            f"the trial; these last {offset - onset:g} and {recording.duration:g} ms."
        )
    which, when = first_crossing(t, rates, threshold, onset)
    T = recording.duration
    ending = _means(recording, pools, offset - ENDING, min(offset, T))
    late = _means(recording, pools, T - LATE, T)
    best = max(pools, key=late.__getitem__)
    return Decision(
        choice=None if which is None else pools[which],
        time=when - onset,
        late_choice=best if all(late[best] > late[other] for other in pools if other != best) else None,
        ending=ending,
        late=late,
    )


def pool_rates(
    recording: Recording, *, pools: Sequence[str] = POOLS, window: float = WINDOW, step: float = STEP
) -> tuple[np.ndarray, np.ndarray]:
    """Each pool's rate over the last ``window`` ms, every ``step`` ms: ``(t, rates)``, [windows], [windows, pools].

    Pools are populations or, of a rate model, variables that were recorded: "r1" and "r2".
    """
    pools = check_pools(pools)
    if not recording.spikes:  # a rate model's, whose rates were recorded
        width, every = (max(1, round(each / recording.dt)) for each in (window, step))
        sums = np.cumsum(np.stack([recording[name] for name in pools], axis=1, dtype=float), axis=0)
        means = (sums[width:] - sums[:-width]) / width
        return recording.t[width::every], means[::every]
    found = [windowed_rate(recording.spikes[name], window, step, causal=True) for name in pools]
    return found[0][0], np.stack([rate for _, rate in found], axis=1)


def _means(recording: Recording, pools: tuple[str, ...], start: float, stop: float) -> dict[str, float]:
    """The mean rate (Hz) of every population from ``start`` to ``stop`` ms; of a rate model, of the pools."""
    if recording.spikes:
        return {name: mean_rate(spikes, start=start, stop=stop) for name, spikes in recording.spikes.items()}
    first, last = round(start / recording.dt), round(stop / recording.dt)
    return {name: float(np.mean(recording[name][first:last])) for name in pools}


def first_crossing(
    t: np.ndarray, rates: np.ndarray, threshold: float = THRESHOLD, onset: float = 0.0
) -> tuple[int | None, float]:
    """The first pool at ``threshold`` or above after ``onset``, and the time of it; ``(None, nan)`` without one.

    t [windows], rates [windows, pools]. The pool with the highest rate counts; where two share it, none does yet.
    """
    if not 0 < threshold < math.inf:
        raise ValueError(f"threshold = {threshold:g} Hz must be above 0 and finite.")
    ranked = np.sort(rates, axis=1)
    clear = ranked[:, -1] > ranked[:, -2] if rates.shape[1] > 1 else True
    crossed = np.flatnonzero((t > onset + 1e-6) & (ranked[:, -1] >= threshold) & clear)
    if not crossed.size:
        return None, math.nan
    return int(np.argmax(rates[crossed[0]])), float(t[crossed[0]])


def binomial_interval(successes: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson, 1927): ``(low, high)``; ``(nan, nan)`` without a trial.

    It keeps within 0 and 1, and has a width where all trials or none succeed. Raises ValueError for counts that are
    none.
    """
    if not 0 < level < 1:
        raise ValueError(f"level = {level:g} must be between 0 and 1.")
    if not (0 <= successes <= trials < math.inf):
        raise ValueError(f"{successes:g} successes in {trials:g} trials are not counts of trials.")
    if trials == 0:
        return math.nan, math.nan
    z = scipy.special.ndtri((1 + level) / 2)
    p, weight = successes / trials, z * z / trials
    centre = (p + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(p * (1 - p) / trials + weight / (4 * trials))
    # rounding must not push the ends of certainty off 0 and 1
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == trials else centre + half)


@dataclass(frozen=True)
class Weibull:
    """A psychometric function ``p(c) = 1 - 0.5 exp(-(c / alpha)^beta)``: half of the trials at 0, all at large c."""

    alpha: float  # the coherence with 82 % correct
    beta: float  # steepness
    alpha_interval: tuple[float, float]
    beta_interval: tuple[float, float]
    level: float  # of both intervals
    log_likelihood: float  # of the counts, without the binomial coefficients

    def __call__(self, coherence: float | np.ndarray) -> float | np.ndarray:
        """Share of correct trials at this coherence; of its size where it is negative."""
        return 1 - 0.5 * np.exp(-((np.abs(coherence) / self.alpha) ** self.beta))

    def __str__(self) -> str:
        (a, b), (c, d) = self.alpha_interval, self.beta_interval
        return (
            f"alpha {100 * self.alpha:.1f} % ({100 * a:.1f} to {100 * b:.1f}), "
            f"beta {self.beta:.2f} ({c:.2f} to {d:.2f})"
        )


BETA = (0.05, 30.0)  # where a steepness is looked for; beyond, the counts do not tell it


def weibull_fit(
    coherences: Sequence[float] | np.ndarray,
    correct: Sequence[float] | np.ndarray,
    trials: Sequence[float] | np.ndarray,
    *,
    level: float = 0.95,
) -> Weibull:
    """The Weibull function under which ``correct`` of ``trials`` at each coherence, [n] each, are most likely.

    Intervals are those of the profile likelihood: the values that a likelihood-ratio test at ``level`` does not
    refuse. An end that the counts do not bound is 0 or inf. Raises ValueError unless there are trials at two
    different coherences other than 0.
    """
    c, k, n = (np.asarray(values, float) for values in (coherences, correct, trials))
    if not (c.ndim == 1 and c.shape == k.shape == n.shape and np.all(np.isfinite(c))):
        raise ValueError("weibull_fit: coherences, correct and trials must be lists of equal length.")
    if not (np.all((0 <= k) & (k <= n)) and np.all(np.isfinite(n))):
        raise ValueError("weibull_fit: correct must lie between 0 and trials.")
    if not 0 < level < 1:
        raise ValueError(f"level = {level:g} must be between 0 and 1.")
    c, used = np.abs(c), (n > 0) & (c != 0)  # at 0 every such function gives one half
    if np.unique(c[used]).size < 2:
        raise ValueError("weibull_fit: there must be trials at two different coherences other than 0.")
    at_zero = math.log(0.5) * float(n[c == 0].sum())
    c, k, n = c[used], k[used], n[used]

    def loss(log_alpha, log_beta):  # of numbers or of arrays
        # wrong with probability 0.5 e^-x, in logarithms: exact where nearly all are right
        a, b = np.asarray(log_alpha)[..., None], np.asarray(log_beta)[..., None]
        x = np.exp(np.minimum(np.exp(b) * (np.log(c) - a), 50.0))
        return np.sum((n - k) * (x + math.log(2)) - k * np.log1p(-0.5 * np.exp(-x)), axis=-1)

    bounds = [(math.log(c.min() / 100), math.log(c.max() * 100)), tuple(map(math.log, BETA))]
    grid = [np.linspace(low, high, 81) for low, high in bounds]
    coarse = loss(grid[0][:, None], grid[1][None, :])
    start = [axis[i] for axis, i in zip(grid, np.unravel_index(coarse.argmin(), coarse.shape), strict=True)]
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}
    best = scipy.optimize.minimize(
        lambda x: float(loss(*x)), start, method="Nelder-Mead", bounds=bounds, options=options
    )
    # half the chi-squared number, with one degree of freedom, of this level
    excess = float(scipy.special.chdtri(1, 1 - level)) / 2

    def interval(i: int) -> tuple[float, float]:
        free = grid[1 - i]

        def given(value, other):
            return loss(value, other) if i == 0 else loss(other, value)

        def beyond(value):  # above 0 where the test refuses the value, whatever the other parameter is
            near = int(np.argmin(given(np.full(free.shape, value), free)))
            around = free[max(near - 1, 0)], free[min(near + 1, len(free) - 1)]
            found = scipy.optimize.minimize_scalar(
                lambda other: float(given(value, other)), bounds=around, method="bounded"
            )
            return min(found.fun, float(given(value, free[near]))) - best.fun - excess

        ends = []
        for edge, unbounded in zip(bounds[i], (0.0, math.inf), strict=True):
            if beyond(edge) <= 0:
                ends.append(unbounded)
            else:
                ends.append(math.exp(scipy.optimize.brentq(beyond, best.x[i], edge, xtol=1e-6)))
        return ends[0], ends[1]

    alpha, beta = map(float, np.exp(best.x))
    return Weibull(alpha, beta, interval(0), interval(1), level, at_zero - float(best.fun))


def check_pools(pools: Sequence[str]) -> tuple[str, ...]:
    """``pools`` as a tuple of different names. Raises ValueError when it is none."""
    names = (pools,) if isinstance(pools, str) else tuple(pools)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f'pools = {pools!r} must name two different populations, such as ("A", "B").')
    return names
