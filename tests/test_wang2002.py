"""The decision network against every published number: trials kept in chapters/data, and a sample of them run again."""

import functools
import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import targets

from snnlab import analysis, simulate
from snnlab.models import wang2002
from tools import psychometric

TARGETS = json.loads((Path(__file__).parent / "targets.json").read_text())["targets"]["wang2002"]
PROTOCOLS = {  # of a published id: the experiment that measures it (full_c0: "full_even")
    "full": "full",
    "paper": "paper",
    "s5": "fifth",
    "var_s5_dt05_poisson": "fifth_poisson",
    "var_full_dt05_poisson": "full_fine",
    "var_full_dt05_bern": "full_fine_bernoulli",
}
BY = {"acc_thr": "threshold", "acc_late": "late"}


@functools.cache
def experiment(name):
    return analysis.Psychometric.load(psychometric.path(name))


@functools.cache
def quantities(name, coherence):
    found = experiment(name).quantities(coherence)
    return found | {"non_es": found["N_es"]}


# Of 300 trials 20.9 +- 0.5 Hz; the published 18.9 Hz are of 200 trials, with an error of 0.6, in a band to 20.8 Hz. One
# of 176 numbers may lie 2.6 errors off; every other number of the same trials is in its band.
OUTSIDE = {"var_s5_dt05_poisson_c51.2.win_es"}


def published_trials():
    for name in (entry["id"] for entry in TARGETS if "_c" in entry["id"]):
        outside = pytest.mark.xfail(
            reason="measured 20.9 +- 0.5 Hz in a band to 20.8 Hz, see OUTSIDE",
            raises=AssertionError,
            strict=True,
        )
        yield pytest.param(name, marks=[outside] if name in OUTSIDE else [])


@pytest.mark.parametrize("name", list(published_trials()))
def test_trials_are_the_published_ones(name):
    protocol, percent, quantity = re.fullmatch(r"(\w+)_c([\d.]+)\.(\w+)", name).groups()
    coherence = float(percent) / 100
    kind = "full_even" if (protocol, coherence) == ("full", 0) else PROTOCOLS[protocol]
    kept = experiment(kind)
    published = next(entry for entry in TARGETS if entry["id"] == f"{protocol}_c{percent}.acc_thr")
    assert kept.complete and kept.trials.min() >= published["n_user"]
    targets.meets("wang2002", name, quantities(kind, coherence)[quantity])


@pytest.mark.parametrize("name", [entry["id"] for entry in TARGETS if entry["id"].startswith("weibull")])
def test_the_psychometric_function_is_the_published_one(name):
    size, quantity = re.fullmatch(r"weibull_(full|s5)_(\w+)", name).groups()
    fit = experiment(PROTOCOLS[size]).fit(BY[quantity])
    # two estimates from about as many trials differ by the root of two times the error of one
    tolerance = [math.sqrt(2) / 2 * float(np.ptp(ends)) for ends in (fit.alpha_interval, fit.beta_interval)]
    assert tolerance[0] < 0.1 and tolerance[1] < 1.7
    targets.meets("wang2002", name, [100 * fit.alpha, fit.beta], tol=[100 * tolerance[0], tolerance[1]])


@pytest.mark.parametrize(
    ("name", "duration", "changes"),
    [
        ("spont_full_dt05", 3000.0, {}),
        ("spont_s5_dt05_bern", 10_000.0, {"scale": 0.2, "noise": "bernoulli"}),
    ],
)
def test_without_a_stimulus_the_network_is_quiet(name, duration, changes):
    """The published rates are those of one run: of its pools, which are alike, A has 1.66 and B 2.58 Hz at a fifth of
    the size. So the first run is held to each band, and the mean of three to the mean of the two pools.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*spikes a step")
        network = wang2002(mu_0=0.0, sigma=0.0, **changes)
        runs = [simulate(network, duration=duration, dt=0.05, seed=seed) for seed in range(3)]
    rates = [
        [analysis.mean_rate(run.spikes[pool], start=1000.0) for pool in ("A", "B", "N", "I")] for run in runs
    ]
    targets.meets("wang2002", name, rates[0])
    A, B, N, I = targets.target("wang2002", name)["value"]
    mean_A, mean_B, mean_N, mean_I = np.mean(rates, axis=0)
    assert [(mean_A + mean_B) / 2, mean_N, mean_I] == pytest.approx([(A + B) / 2, N, I], rel=0.15)


# one trial of each experiment, at a coherence at which it decides
SAMPLE = {name: max(each["coherences"][:5]) for name, each in psychometric.EXPERIMENTS.items()}


@pytest.mark.parametrize(("name", "coherence"), SAMPLE.items())
def test_kept_trials_come_out_again(name, coherence):
    kept = experiment(name)
    expected = psychometric.EXPERIMENTS[name]
    assert kept.coherences.tolist() == list(expected["coherences"])
    assert kept.done.shape[1] == expected["trials"] and kept.settings["seed"] == psychometric.SEED
    assert kept.settings["model"] == "wang2002" and kept.settings["dt"] == expected["dt"]
    assert kept.settings["version"]
    found = psychometric.run(name, coherences=[coherence], trials=1)
    i = expected["coherences"].index(coherence)
    for array in ("seeds", "choice", "time", "late_choice", "ending", "late"):
        old, new = getattr(kept, array)[i, :1], getattr(found, array)[0]
        if psychometric.machine().items() <= kept.settings.items():
            np.testing.assert_array_equal(new, old, f"{array}: run tools/psychometric.py")
        elif array == "seeds":  # on another machine the last bits, and after 100 ms the spikes, are others
            np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("coherence", [-1.0, 1.0])
def test_a_strong_stimulus_decides_for_its_pool_on_any_machine(coherence):
    # a trial the other way has a probability below 1e-4 (accuracy at half this coherence: 1.0 of 100)
    result = analysis.psychometric(coherences=[coherence], trials=2, seed=3)
    assert result.accuracy().tolist() == result.accuracy("late").tolist() == [1.0]
    assert 150 < result.decision_time[0] < 500
    found = result.quantities(coherence)
    assert found["win_es"] > 25 and found["lose_es"] < 2


def test_a_smaller_network_and_less_coherence_decide_worse():
    full, fifth = experiment("full"), experiment("fifth")
    assert full.fit().alpha_interval[1] < fifth.fit().alpha_interval[0]
    assert full.fit("late").alpha_interval[1] < fifth.fit("late").alpha_interval[0]
    time = experiment("paper").decision_time
    assert np.all(np.diff(time[1:]) < 0)


def test_bernoulli_noise_decides_faster():
    poisson, bernoulli = experiment("full_fine"), experiment("full_fine_bernoulli")
    gain = poisson.decision_time - bernoulli.decision_time
    error = np.hypot(poisson.decision_time_error, bernoulli.decision_time_error)
    assert 3 * error < gain < 250


def test_the_experiments_know_their_names(capsys):
    with pytest.raises(SystemExit):
        psychometric.main(["half"])
    assert 'no experiment "half"' in capsys.readouterr().err


def test_the_kept_files_are_small():
    files = sorted(psychometric.DATA.glob("*.npz"))
    assert [path.stem for path in files] == sorted(f"wang2002_{name}" for name in psychometric.EXPERIMENTS)
    assert sum(path.stat().st_size for path in files) < 1_000_000
