"""Decisions of competing pools: recordings made by hand, closed forms, laws of likelihood."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from targets import target

from snnlab import analysis
from snnlab.core.recording import Recording, Spikes, SpikeTrains

PROTOCOL = {"onset": 100.0, "offset": 600.0}


def trains(times, n, duration):
    times = np.sort(np.asarray(times, float))
    return SpikeTrains(times, np.zeros(len(times), int), n, 0.0, duration)


def recording(duration=1000.0, n=100, **populations):
    """Spikes by population, each a list of (start, stop, rate in Hz) of evenly spaced spikes."""
    each = {}
    for name, pieces in populations.items():
        gaps = [(start, stop, 1e3 / (rate * n)) for start, stop, rate in pieces]
        times = [start + gap * (np.arange(round((stop - start) / gap)) + 0.5) for start, stop, gap in gaps]
        each[name] = trains(np.concatenate([[], *times]), n, duration)
    return Recording(0.1, duration, 0, Spikes(each), {})


def test_a_decision_by_hand():
    # A jumps from 4 to 20 Hz at 300 ms: the last 50 ms hold 15 Hz when 34.4 ms of them are at 20
    trial = recording(
        A=[(0, 300, 4), (300, 1000, 20)], B=[(0, 1000, 8)], N=[(0, 1000, 2)], I=[(500, 1000, 10)]
    )
    found = analysis.decision(trial, **PROTOCOL)
    assert found.choice == found.late_choice == "A"
    assert found.time == pytest.approx(235.0)  # the first multiple of 5 ms after 300 + 34.4 is 335 ms
    assert found.ending == pytest.approx({"A": 20.0, "B": 8.0, "N": 2.0, "I": 5.0})
    assert found.late == pytest.approx({"A": 20.0, "B": 8.0, "N": 2.0, "I": 10.0})


def test_the_first_to_cross_decides_though_the_other_wins_later():
    trial = recording(A=[(200, 300, 30), (300, 1000, 2)], B=[(400, 1000, 30)])
    found = analysis.decision(trial, **PROTOCOL)
    assert (found.choice, found.late_choice) == ("A", "B")
    assert found.time == pytest.approx(125.0)


def test_a_crossing_before_the_onset_is_none_and_one_that_lasts_counts_after_it():
    early = recording(A=[(0, 40, 40)], B=[(300, 1000, 40)])
    assert analysis.decision(early, **PROTOCOL).choice == "B"
    lasting = analysis.decision(recording(A=[(0, 1000, 40)], B=[]), **PROTOCOL)
    assert (lasting.choice, lasting.time) == ("A", 5.0)


def test_without_a_crossing_there_is_no_decision():
    found = analysis.decision(recording(A=[(0, 1000, 10)], B=[(0, 1000, 10)]), **PROTOCOL)
    assert found.choice is None and math.isnan(found.time) and found.late_choice is None
    assert analysis.decision(recording(A=[], B=[]), **PROTOCOL).choice is None


def test_the_threshold_is_reached_at_its_own_value():
    trial = recording(A=[(0, 1000, 20)], B=[])
    assert analysis.decision(trial, **PROTOCOL, threshold=20.0).choice == "A"
    assert analysis.decision(trial, **PROTOCOL, threshold=20.001).choice is None


def test_of_two_at_once_the_higher_decides_and_of_equals_neither_yet():
    t = np.array([5.0, 10.0, 15.0])
    rates = np.array([[0.0, 0.0], [16.0, 18.0], [30.0, 20.0]])
    assert analysis.first_crossing(t, rates) == (1, 10.0)
    rates[1] = 18.0
    assert analysis.first_crossing(t, rates) == (0, 15.0)
    assert analysis.first_crossing(t, rates, onset=15.0)[0] is None
    assert analysis.first_crossing(t, rates[:, :1]) == (0, 10.0)


@pytest.mark.parametrize("seed", range(5))
def test_pool_rates_are_a_sum_over_the_past(seed):
    rng = np.random.default_rng(seed)
    times = {name: np.sort(rng.uniform(0, 400, 300)) for name in "AB"}
    trial = Recording(
        0.1, 400.0, 0, Spikes({name: trains(each, 7, 400.0) for name, each in times.items()}), {}
    )
    t, rates = analysis.pool_rates(trial, window=50.0, step=5.0)
    assert t == pytest.approx(np.arange(50.0, 400.1, 5.0))
    for k, name in enumerate("AB"):
        counts = [np.sum((times[name] >= now - 50) & (times[name] < now)) for now in t]
        assert rates[:, k] == pytest.approx(np.array(counts) / 7 / 0.05)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"onset": 600.0}, "600 to 600 ms must lie within the trial's 0 to 1000"),
        ({"offset": 1200.0}, "100 to 1200 ms must lie within"),
        ({"onset": -1.0}, "-1 to 600 ms must lie within"),
        ({"onset": 500.0}, "the last 200 ms of the stimulus"),
        ({"pools": ("A", "C")}, 'no population "C"'),
        ({"pools": ("A", "A")}, "two different populations"),
        ({"pools": "A"}, "two different populations"),
        ({"threshold": 0.0}, "threshold = 0 Hz"),
        ({"window": -1.0}, "window = -1 ms"),
    ],
)
def test_what_cannot_be_read_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        analysis.decision(recording(A=[], B=[]), **{**PROTOCOL, **changes})


# intervals of proportions


def test_wilson_s_interval_by_hand():
    # the four examples of Newcombe (1998), table I, method 3
    assert analysis.binomial_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert analysis.binomial_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert analysis.binomial_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert analysis.binomial_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert all(map(math.isnan, analysis.binomial_interval(0, 0)))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_proportion_and_mirrors(counts):
    k, n = counts
    low, high = analysis.binomial_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1 and low < high
    assert analysis.binomial_interval(n - k, n) == pytest.approx((1 - high, 1 - low))
    assert low == 0 if k == 0 else low > 0
    z = stats.norm.ppf(0.975)
    for p in (low, high):  # the ends are where the score test just refuses
        if 0 < p < 1:
            assert (k / n - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / n)


@pytest.mark.parametrize("counts", [(-1, 10), (11, 10), (1, math.inf)])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(ValueError, match="not counts of trials"):
        analysis.binomial_interval(*counts)
    with pytest.raises(ValueError, match="level = 1 must"):
        analysis.binomial_interval(1, 2, level=1.0)


# psychometric functions

C = np.array([0.032, 0.064, 0.128, 0.256, 0.512])


def expected_counts(alpha, beta, n):
    return n * (1 - 0.5 * np.exp(-((C / alpha) ** beta)))


@pytest.mark.parametrize("alpha", [0.03, 0.092, 0.3])
@pytest.mark.parametrize("beta", [0.8, 1.5, 3.0])
def test_expected_counts_give_back_the_function(alpha, beta):
    # the likelihood of expected counts is largest at the parameters that made them (Gibbs' inequality)
    n = np.full(5, 1000.0)
    fit = analysis.weibull_fit(C, expected_counts(alpha, beta, n), n)
    assert (fit.alpha, fit.beta) == pytest.approx((alpha, beta), rel=1e-4)
    assert fit(0.0) == 0.5 and fit(alpha) == pytest.approx(1 - 0.5 / math.e) and fit(-alpha) == fit(alpha)
    assert fit.alpha_interval[0] < alpha < fit.alpha_interval[1]
    assert fit.beta_interval[0] < beta < fit.beta_interval[1]


def test_intervals_shrink_with_the_root_of_the_trials():
    few, many = (
        analysis.weibull_fit(C, expected_counts(0.092, 1.5, n), n) for n in (np.full(5, 1e2), np.full(5, 1e4))
    )
    for name in ("alpha_interval", "beta_interval"):
        ratio = np.ptp(getattr(few, name)) / np.ptp(getattr(many, name))
        assert 9 < ratio < 12


def test_intervals_are_where_the_likelihood_ratio_says():
    n = np.full(5, 60)
    k = np.array([33, 40, 50, 59, 60])
    fit = analysis.weibull_fit(C, k, n, level=0.9)

    def log_likelihood(alpha, beta):
        x = (C / alpha) ** beta
        return float(np.sum(k * np.log(1 - 0.5 * np.exp(-x)) + (n - k) * (np.log(0.5) - x)))

    assert fit.log_likelihood == pytest.approx(log_likelihood(fit.alpha, fit.beta))
    limit = fit.log_likelihood - stats.chi2.ppf(0.9, 1) / 2
    betas, alphas = np.geomspace(0.1, 10, 4000), np.geomspace(0.01, 1, 4000)
    for alpha in fit.alpha_interval:
        assert max(log_likelihood(alpha, beta) for beta in betas) == pytest.approx(limit, abs=1e-3)
    for beta in fit.beta_interval:
        assert max(log_likelihood(alpha, beta) for alpha in alphas) == pytest.approx(limit, abs=1e-3)


def test_intervals_cover_at_their_level():
    rng = np.random.default_rng(0)
    n, alpha, beta = np.full(5, 60), 0.092, 1.5
    fits = [
        analysis.weibull_fit(C, rng.binomial(n, expected_counts(alpha, beta, 1.0)), n, level=0.8)
        for _ in range(60)
    ]
    covered = sum(fit.alpha_interval[0] < alpha < fit.alpha_interval[1] for fit in fits)
    assert 38 <= covered <= 56  # 48 +- 3.3 standard deviations of a binomial number


def test_a_mirrored_experiment_and_trials_at_zero_change_nothing():
    n, k = np.full(5, 60), np.array([33, 40, 50, 59, 60])
    fit = analysis.weibull_fit(C, k, n)
    assert analysis.weibull_fit(-C, k, n) == fit
    more = analysis.weibull_fit([0.0, *C], [28, *k], [60, *n])
    assert (more.alpha, more.beta, more.alpha_interval) == (fit.alpha, fit.beta, fit.alpha_interval)
    assert more.log_likelihood == pytest.approx(fit.log_likelihood + 60 * math.log(0.5))


def test_what_the_counts_do_not_bound_has_no_end():
    all_right = analysis.weibull_fit([0.1, 0.2], [50, 50], [50, 50])
    assert all_right.alpha_interval[0] == 0.0 and all_right.alpha_interval[1] < 0.1
    none_right = analysis.weibull_fit([0.1, 0.2], [25, 20], [50, 50])
    assert none_right.alpha_interval[0] > 0.2 and none_right.alpha_interval[1] == math.inf
    a_step = analysis.weibull_fit([0.1, 0.2], [500, 1000], [1000, 1000])
    assert a_step.beta_interval[1] == math.inf and 0.1 < a_step.alpha < 0.2


@pytest.mark.parametrize("size", ["full", "s5"])
@pytest.mark.parametrize("by", ["acc_thr", "acc_late"])
def test_the_published_accuracies_make_the_published_function_likely(size, by):
    percent = (6.4, 12.8, 25.6, 51.2) + ((100,) if size == "s5" else ())
    entries = [target("wang2002", f"{size}_c{c:g}.{by}") for c in percent]
    n = np.array([entry["n_ref"] for entry in entries], float)
    if by == "acc_thr":
        n = np.round(n * [target("wang2002", f"{size}_c{c:g}.decided")["value"] for c in percent])
    fit = analysis.weibull_fit(
        np.array(percent) / 100, np.round(n * [entry["value"] for entry in entries]), n
    )
    alpha, beta = target("wang2002", f"weibull_{size}_{by}")["value"]
    assert fit.alpha_interval[0] < alpha / 100 < fit.alpha_interval[1]
    assert fit.beta_interval[0] < beta < fit.beta_interval[1]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (([0.1, 0.2], [1, 2], [2]), "equal length"),
        (([0.1, 0.2], [3, 2], [2, 2]), "between 0 and trials"),
        (([0.1, 0.2], [1, 0], [2, 0]), "two different coherences"),
        (([0.0, 0.2], [1, 1], [2, 2]), "two different coherences"),
        (([0.2, -0.2], [1, 1], [2, 2]), "two different coherences"),
        (([0.2, math.nan], [1, 1], [2, 2]), "equal length"),
    ],
)
def test_counts_without_a_function_are_refused(counts, reason):
    with pytest.raises(ValueError, match=reason):
        analysis.weibull_fit(*counts)
