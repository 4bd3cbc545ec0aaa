"""Many trials on all processors: the same trial whatever stands beside it, and a result that can be kept."""

import dataclasses
import json
import math
import subprocess
import sys
import threading

import numpy as np
import pytest

from snnlab import Input, Network, Population, Projection, analysis, model, param, simulate
from snnlab.connectivity import FixedProbability
from snnlab.inputs import Constant, Poisson
from snnlab.neurons import LIF
from snnlab.synapses import Current, Exponential, Synapse


@model
def race(
    *,
    coherence: float = param(0.1, doc="how much more A gets", bounds=(-1.0, 1.0)),
    rate: float = param(900.0, unit="Hz", doc="events a cell", bounds=(0.0, 2000.0)),
    drive: float = param(0.0, unit="pA", doc="constant drive"),
    start: float = param(100.0, unit="ms", doc="read from here"),
    stop: float = param(400.0, unit="ms", doc="to there"),
) -> Network:
    """Two pools that race for a threshold, each with its own noise, and a third that listens."""
    pool = Population(LIF(V_rest=-60.0, V_reset=-60.0, V_th=-50.0, tau=20.0, tau_ref=2.0), 6)
    return Network(
        populations={"A": pool, "B": pool, "I": pool},
        synapses={"exc": Synapse(Exponential(5.0), Current())},
        projections=(Projection("A", "I", "exc", FixedProbability(0.5), 4.0),),
        inputs=(
            Input("A", Poisson(rate * (1 + coherence)), "exc", 2.0),
            Input("B", Poisson(rate * (1 - coherence)), "exc", 2.0),
            Input("I", Constant(drive)),
        ),
    )


RUN = {"duration": 450.0, "dt": 0.5, "seed": 7}


def experiment(coherences=(0.0, 0.1, 0.4), trials=4, **changes):
    return analysis.psychometric(race, coherences, trials, **{**RUN, **changes})


def arrays(result):
    return {name: value for name, value in vars(result).items() if isinstance(value, np.ndarray)}


def assert_equal(one, other):
    for name, value in arrays(one).items():
        np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


def test_every_trial_is_a_simulation_of_its_own():
    result = experiment()
    assert result.complete and result.trials.tolist() == [4, 4, 4]
    assert result.populations == ("A", "B", "I") and len(set(result.seeds.flat)) == 12
    for i, coherence in enumerate(result.coherences):
        total = 0.0
        for j in range(4):
            seed = analysis.trial_seed(7, coherence, j)
            assert result.seeds[i, j] == seed
            recording = simulate(race(coherence=coherence), duration=450.0, dt=0.5, seed=seed)
            one = analysis.decision(recording, onset=100.0, offset=400.0)
            assert result.choice[i, j] == {"A": 0, "B": 1, None: -1}[one.choice]
            assert result.late_choice[i, j] == {"A": 0, "B": 1, None: -1}[one.late_choice]
            assert result.time[i, j] == one.time or math.isnan(one.time)
            assert result.ending[i, j].tolist() == list(one.ending.values())
            assert result.late[i, j].tolist() == list(one.late.values())
            total = total + analysis.pool_rates(recording)[1]
        np.testing.assert_allclose(result.course[i], total / 4)
    assert result.t[0] == -50.0 and result.t[-1] == 350.0


def test_a_trial_is_the_same_whatever_stands_beside_it():
    result = experiment()
    assert_equal(experiment(workers=1), result)
    assert_equal(experiment(workers=5), result)
    more = experiment(coherences=(0.4, -0.3, 0.1), trials=6)
    for name in ("seeds", "choice", "time", "ending", "late"):
        mine, theirs = getattr(result, name), getattr(more, name)
        np.testing.assert_array_equal(theirs[0, :4], mine[2], err_msg=name)
        np.testing.assert_array_equal(theirs[2, :4], mine[1], err_msg=name)
    assert (experiment(seed=8).seeds != result.seeds).all()
    assert not np.array_equal(experiment(seed=8).ending, result.ending)


def test_the_numbers_are_those_of_the_trials():
    result = experiment(coherences=(0.0, 0.1, -0.2), trials=12)
    table = result.table
    assert (
        len(table) == 36 and set(table["choice"]) <= {"A", "B", ""} and set(table["trial"]) == set(range(12))
    )
    for i, (coherence, right) in enumerate(((0.0, "A"), (0.1, "A"), (-0.2, "B"))):
        own = table[table["coherence"] == coherence]
        decided = own[own["choice"] != ""]
        found = result.quantities(coherence)
        assert found["decided"] == result.decided[i] == len(decided) / 12
        assert found["acc_thr"] == result.accuracy()[i] == np.mean(decided["choice"] == right)
        assert found["acc_late"] == result.accuracy("late")[i] == np.mean(own["late_choice"] == right)
        assert found["dt_mean"] == result.decision_time[i] == pytest.approx(decided["time"].mean())
        assert result.decision_time_error[i] == pytest.approx(
            decided["time"].std(ddof=1) / math.sqrt(len(decided))
        )
        for suffix in ("es", "late"):
            pools = np.stack([own[f"A_{suffix}"], own[f"B_{suffix}"]])
            assert found[f"win_{suffix}"] == pytest.approx(pools.max(axis=0).mean())
            assert found[f"lose_{suffix}"] == pytest.approx(pools.min(axis=0).mean())
        assert found["I_es"] == pytest.approx(own["I_es"].mean())
        low, high = result.interval()[i]
        assert low <= found["acc_thr"] <= high
        assert (low, high) == analysis.binomial_interval(sum(decided["choice"] == right), len(decided))


def test_more_coherence_is_more_accuracy_and_the_function_is_fitted():
    result = experiment(coherences=(0.01, 0.04, 0.3), trials=40)
    correct, counted = result.counts()
    assert np.all(np.diff(result.accuracy()) > 0)
    assert result.fit() == analysis.weibull_fit(result.coherences, correct, counted)
    assert 0.01 < result.fit().alpha < 0.1
    with pytest.raises(ValueError, match='not "winner"'):
        result.fit("winner")
    with pytest.raises(ValueError, match='no trials at coherence "0.2"'):
        result.quantities(0.2)


def test_without_a_decision_there_is_no_accuracy_and_no_time():
    silent = experiment(rate=0.0, trials=2)
    assert silent.decided.tolist() == [0, 0, 0]
    assert np.isnan(silent.accuracy()).all() and np.isnan(silent.decision_time).all()
    assert np.isnan(silent.decision_time_error).all() and np.isnan(silent.interval()).all()
    assert (silent.late_choice == -1).all() and silent.accuracy("late").tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="two different coherences"):
        silent.fit()


def test_the_protocol_is_the_model_s_unless_given():
    result = analysis.psychometric(race, [0.1], 1, dt=0.5, start=50.0, stop=300.0)
    assert [result.settings[name] for name in ("onset", "offset", "duration")] == [50.0, 300.0, 800.0]
    result = analysis.psychometric(race, [0.1], 1, dt=0.5, onset=120.0, offset=380.0, duration=400.0)
    assert [result.settings[name] for name in ("onset", "offset", "duration")] == [120.0, 380.0, 400.0]
    assert result.settings["model"] == "race" and result.settings["parameters"] == {}

    def undeclared(coherence):
        return race(coherence=coherence)

    assert analysis.psychometric(undeclared, [0.1], 1, dt=0.5, onset=100.0, offset=400.0).complete
    with pytest.raises(ValueError, match="undeclared has no parameter start, so the onset must be given"):
        analysis.psychometric(undeclared, [0.1], 1)


def test_it_is_stopped_by_its_progress_and_keeps_what_it_has():
    fractions = []
    result = experiment(trials=5, workers=2, progress=lambda f: fractions.append(f) or len(fractions) < 4)
    assert fractions == pytest.approx([1 / 15, 2 / 15, 3 / 15, 4 / 15])
    assert not result.complete and result.done.sum() == 4
    assert "4 trials of 15 (stopped early)" in repr(result)
    whole = experiment(trials=5)
    for name in ("choice", "time", "late"):
        np.testing.assert_array_equal(getattr(result, name)[result.done], getattr(whole, name)[result.done])
    assert len(result.table) == 4 and result.trials.sum() == 4
    empty = result.trials == 0
    assert np.isnan(result.course[empty]).all() and not np.isnan(result.course[~empty]).any()
    assert threading.active_count() < 10  # no thread goes on


def test_trials_go_round_the_coherences():
    seen = experiment(trials=3, workers=1, progress=lambda f: f < 0.6)
    assert seen.trials.max() - seen.trials.min() <= 1


def test_an_interrupt_keeps_what_was_finished():
    def interrupt(fraction):
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(analysis.PsychometricInterrupted, match="of 12 trials") as caught:
        experiment(progress=interrupt)
    assert 0 < caught.value.result.done.sum() < 12


def test_a_trial_that_fails_says_which_it_was():
    built = []

    def brittle(coherence, start=100.0, stop=400.0):
        built.append(coherence)
        if len(built) > 5:  # two to check the coherences, one to see the populations, two trials
            raise RuntimeError("broken")
        return race(coherence=coherence)

    with pytest.raises(RuntimeError, match="broken") as caught:
        analysis.psychometric(brittle, [0.1, 0.2], 9, workers=1, **RUN)
    assert caught.value.__notes__ == ["This was trial 1 at coherence 0.1."]
    assert threading.active_count() < 10


def test_a_bar_goes_to_stderr(capsys):
    experiment(trials=1, progress=True)
    out, err = capsys.readouterr()
    assert not out and "100 %" in err and err.endswith("\n")


def test_it_is_kept_in_a_file(tmp_path):
    result = experiment(trials=3, progress=lambda f: f < 0.7)
    path = result.save(tmp_path / "trials.npz")
    again = analysis.Psychometric.load(path)
    assert_equal(again, result)
    assert dataclasses.fields(again) == dataclasses.fields(result)
    assert again.settings == result.settings and again.pools == result.pools
    assert again.settings["version"] and again.populations == result.populations
    json.dumps(again.settings)
    with pytest.raises(ValueError, match="is not a snnlab psychometric function"):
        analysis.Psychometric.load(simulate(race(), duration=10.0).save(tmp_path / "run.npz"))
    with pytest.raises(FileNotFoundError):
        analysis.Psychometric.load(tmp_path / "none.npz")
    with pytest.raises(OSError):
        result.save(tmp_path / "no" / "folder.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "trials.npz"]


def test_another_process_finds_the_same():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_psychometric as t; "
        "print(t.experiment().ending.tobytes().hex())"
    )
    folder = __file__.rpartition("/")[0]
    found = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == experiment().ending.tobytes().hex()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coherences": [0.1, 1.2]}, "coherence 1.2 must be from -1 to 1; it is a fraction, not per cent"),
        ({"coherences": [-1.01]}, "coherence -1.01 must be"),
        ({"coherences": [math.nan]}, "coherence nan must be"),
        ({"coherences": []}, "must be a list of numbers"),
        ({"coherences": ["high"]}, "must be a list of numbers"),
        ({"coherences": [0.1, 0.2, 0.1]}, "coherence 0.1 is given twice"),
        ({"coherences": [0.0, -0.0]}, "coherence 0 is given twice"),
        ({"trials": 0}, "trials = 0 must be a whole number, at least 1"),
        ({"trials": 2.5}, "trials = 2.5 must be"),
        ({"trials": True}, "trials = True must be"),
        ({"workers": 0}, "workers = 0 must be"),
        ({"pools": ("A", "C")}, 'no pool "C"'),
        ({"pools": ("A",)}, "two different populations"),
        ({"threshold": -1.0}, "threshold = -1 Hz"),
        ({"window": 0.0}, "window = 0 ms"),
        ({"duration": 390.0}, "from 100 to 400 ms must lie within the trial's 0 to 390 ms"),
        ({"offset": 200.0}, "the last 200 ms of the stimulus"),
        ({"dt": 0.7}, "whole number of steps"),
        ({"seed": -1}, "seed = -1"),
        ({"rat": 3.0}, 'race has no parameter "rat"'),
        ({"rate": 1e9}, "rate = 1e"),
        ({"coherence": 0.1}, "give all of them as coherences="),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(changes, reason):
    calls = []
    with pytest.raises(ValueError, match=reason):
        experiment(**changes, progress=calls.append)
    assert not calls


def test_a_model_without_coherence_is_refused():
    from snnlab.models import coba_ei

    with pytest.raises(ValueError, match="coba_ei has no parameter coherence"):
        analysis.psychometric(coba_ei, [0.1], 1, onset=0.0, offset=300.0)
