"""The reduced decision model in time: its stimulus, its noise, and decisions against a solver of our own."""

import numpy as np
import pytest

from snnlab import analysis, simulate
from snnlab.models import wong_wang2006

APPENDIX = {
    "J_rec": 0.2609,
    "J_inh": 0.0497,
    "I_0": 0.3255,
    "J_A": 5.2e-4,
    "tau_s": 0.1,
}  # Wong & Wang (2006)


def test_the_noise_is_an_ornstein_uhlenbeck_process():
    """Its variance is sigma^2 / 2 from the first step on, its correlation that of tau_noise, for any dt."""
    for dt in (0.1, 0.5, 1.0):
        recording = simulate(wong_wang2006(sigma=0.02, trials=300), duration=600 * dt, dt=dt)
        one, two = recording["noise1"], recording["noise2"]
        assert one.shape == (600, 300)
        samples = one.size * dt / 4.0  # that are independent, at least
        for part, independent in ((one, samples), (two, samples), (one[0], 300)):
            spread = 0.02 / np.sqrt(2)
            assert part.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * independent))
        for lag in (1, 3):
            measured = np.mean(one[lag:] * one[:-lag]) / one.var()
            assert measured == pytest.approx(np.exp(-lag * dt / 2.0), abs=4 / np.sqrt(samples))
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4 / np.sqrt(samples)
        assert abs(np.corrcoef(one[:, 0], one[:, 1])[0, 1]) < 4 / np.sqrt(600 * dt / 4.0)


def test_trials_without_noise_are_the_system_itself():
    start = {"coherence": 0.1, "s1_0": 0.05, "s2_0": 0.2}
    record = ("s1", "s2", "r1", "r2")
    alone = simulate(wong_wang2006(**start), duration=300.0, record=record)
    many = simulate(wong_wang2006(**start, trials=3), duration=300.0, record=record)
    for name in record:
        assert many[name].shape == (3000, 3)
        assert np.allclose(many[name], alone[name][:, None], rtol=1e-5, atol=1e-6)
    assert simulate(wong_wang2006(sigma=0.01), duration=1.0, record=record)["r1"].shape == (10,)


def test_the_stimulus_comes_at_its_onset():
    resting, given = (wong_wang2006(stimulus=mu, coherence=0.3) for mu in (0.0, 30.0))
    recording = simulate(wong_wang2006(coherence=0.3, onset=0.2), duration=400.0)
    path = np.stack([recording["s1"], recording["s2"]], 1)
    before = analysis.trajectory(resting, (0.1, 0.1), 0.2, n=2001).states
    after = analysis.trajectory(given, before[-1], 0.2, n=2001).states
    assert np.allclose(path, [*before[:-1], *after[:-1]], atol=2e-5)


def solved(coherence, trials, duration=2.5, onset=0.5, dt=5e-4, sigma=0.02, tau=0.002):
    """Euler and exact noise by NumPy's generator: which pool is ahead at the end [trials]."""
    p, rng = APPENDIX, np.random.default_rng(7)
    s = np.full((trials, 2), 0.1)
    noise = rng.normal(0.0, sigma / np.sqrt(2), s.shape)
    kept = np.exp(-dt / tau)
    for k in range(round(duration / dt)):
        stimulus = p["J_A"] * 30.0 * np.array([1 + coherence, 1 - coherence]) * (k * dt >= onset)
        x = 270.0 * (p["J_rec"] * s - p["J_inh"] * s[:, ::-1] + p["I_0"] + stimulus + noise) - 108.0
        s = s + dt * (-s / p["tau_s"] + (1 - s) * 0.641 * x / (1 - np.exp(-0.154 * x)))
        noise = kept * noise + sigma * np.sqrt((1 - kept**2) / 2) * rng.standard_normal(s.shape)
    return s[:, 0] > s[:, 1]


@pytest.mark.parametrize("coherence", [0.0, 0.064, -0.128])
def test_decisions_agree_with_another_solver(coherence):
    trials = 1500
    model = wong_wang2006(coherence=coherence, onset=0.5, sigma=0.02, trials=trials, **APPENDIX)
    end = simulate(model, duration=2500.0, dt=0.5, seed=3, record=("s1", "s2"))
    ours, theirs = np.mean(end["s1"][-1] > end["s2"][-1]), np.mean(solved(coherence, trials))
    assert ours == pytest.approx(theirs, abs=4 * np.sqrt(2 * 0.25 / trials))
    assert (ours > 0.75) == (coherence == 0.064) and (ours < 0.1) == (coherence == -0.128)


def test_the_same_seed_gives_the_same_trials_however_the_run_is_cut():
    model = wong_wang2006(sigma=0.02, trials=5)
    first, pieces, other = (
        simulate(model, duration=60.0, seed=seed, chunk=chunk)
        for seed, chunk in ((1, None), (1, 7), (2, None))
    )
    assert np.array_equal(first["s1"], pieces["s1"]) and not np.array_equal(first["s1"], other["s1"])


def test_the_plane_of_a_noisy_system_is_that_without_noise():
    noisy = wong_wang2006(sigma=0.02, coherence=0.512)
    with pytest.raises(ValueError, match="needs two variables, but NoisyDecision has 4"):
        analysis.fixed_points(noisy)
    assert len(analysis.fixed_points(noisy.system)) == 3
    with pytest.raises(
        ValueError, match="coherence = 1.5 is not allowed; it must be at least -1 and at most 1"
    ):
        wong_wang2006(coherence=1.5)
    for wrong in ({"sigma": -0.1}, {"tau_noise": 0.0}, {"trials": 0}, {"trials": 1.5}, {"s1_0": 1.1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            wong_wang2006(**wrong)
