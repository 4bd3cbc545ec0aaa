"""Explorers of psychometric experiments: points appear as trials finish, Stop keeps what there is."""

import asyncio
import csv
import io

import numpy as np
import pytest

import snnlab
from snnlab import analysis, models
from snnlab.analysis import Psychometric
from snnlab.widgets import Explorer, explore
from snnlab.widgets.experiments import experiments

QUICK = {
    "wong_wang2006_psychometric": {"trials": 3, "coherences": 3},
    "wang2002_psychometric": {"trials": 1, "coherences": 2, "scale": 0.05, "stop": 400.0, "duration": 600.0},
}


def quick(name="wong_wang2006_psychometric", **values):
    return explore(name, **{**QUICK[name], **values})


def equal(a: Psychometric, b: Psychometric) -> bool:
    arrays = ("coherences", "done", "seeds", "choice", "time", "late_choice", "ending", "late", "course")
    return all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in arrays)


@pytest.mark.parametrize("name", QUICK)
def test_the_page_the_api_and_the_code_run_the_same_trials(name, tmp_path):
    explorer = quick(name, seed=5)
    panel = explorer.panel
    assert (
        "play" in panel.buttons
        and panel.buttons["play"] not in panel.widget.children[0].children[0].children[0].children
    )
    panel.buttons["run"].click()
    result = explorer.recording
    assert isinstance(result, Psychometric) and result.complete
    namespace: dict = {}
    exec(explorer.code(), namespace)
    assert equal(result, namespace["result"])
    assert equal(Explorer.from_link(explorer.link()).run(), result)
    assert equal(Psychometric.load(explorer.save(tmp_path / "a.npz")), result)
    (curve,) = panel.view.frame["panels"]
    correct, total = result.counts()
    assert curve["kind"] == "psychometric"
    assert [p["correct"] for p in curve["points"]] == correct.tolist()
    assert [p["total"] for p in curve["points"]] == total.tolist()
    assert explorer.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(io.StringIO(explorer.save(tmp_path / "a.csv").read_text())))
    assert len(rows) == result.done.size and {row["trial"] for row in rows} == set(
        map(str, range(result.done.shape[1]))
    )
    assert f"of {result.done.size} trial" in explorer.summary


def test_points_appear_as_trials_finish_and_stop_keeps_them():
    explorer = quick(trials=200)
    panel, seen = explorer.panel, []
    panel.view.observe(
        lambda change: seen.append(sum(p["total"] for p in change.new["panels"][0]["points"])), "frame"
    )

    async def session():
        panel.buttons["run"].click()
        async with asyncio.timeout(60):
            while len(seen) < 3:
                await asyncio.sleep(0.01)
        assert 0 < explorer.progress < 1.0 and "of 600 trials" in panel.view.status["text"]
        began = asyncio.get_running_loop().time()
        panel.buttons["stop"].click()
        await explorer.flush()
        return asyncio.get_running_loop().time() - began

    asyncio.run(session())
    result = explorer.recording
    n = int(result.done.sum())
    assert seen == sorted(seen) and seen[0] < n < 600 and not result.complete
    assert panel.view.status["text"].startswith(f"stopped after {n} of 600 trials")
    whole = quick(trials=int(result.trials.max())).run()
    both = result.done[:, : whole.done.shape[1]]
    assert np.array_equal(result.time[:, : both.shape[1]][both], whole.time[both], equal_nan=True)


def test_sliders_wait_for_the_button_and_there_is_no_live_mode():
    explorer = quick()
    explorer.panel.buttons["run"].click()
    runs = explorer.runs
    explorer.panel.controls["stimulus"].slider.value = 20.0
    assert explorer.runs == runs and "press Run" in explorer.panel.view.status["note"]
    for act in (explorer.play, explorer.step):
        with pytest.raises(ValueError, match="no live mode"):
            act()


def test_wrong_designs_are_refused_in_place():
    explorer = quick(lowest=0.5, highest=0.1)
    with pytest.raises(ValueError, match=r"highest coherence 0.1 must be above the lowest, 0.5"):
        explorer.run()
    assert explorer.state == "error"
    with pytest.raises(ValueError, match="trials = 0 is not allowed"):
        explorer.set(trials=0)
    with pytest.raises(ValueError, match='no model "wang_psychometric".*"wang2002_psychometric"'):
        explore("wang_psychometric")
    explorer.set(lowest=0.05, highest=0.1, duration=1000.0)
    with pytest.raises(ValueError, match="must lie within the trial's"):
        explorer.run()


def test_presets_are_of_legal_values():
    for name in experiments():
        explorer = explore(name)
        assert len(explorer.presets) >= 3
        for preset in explorer.presets:
            explorer.preset(preset)
            assert explorer.present_preset() == preset
        assert explorer.link().startswith(f"#snnlab={name}")


def test_a_rate_model_decides_like_its_own_run():
    settings = {"sigma": 0.02, "J_rec": 0.2609, "J_inh": 0.0497, "I_0": 0.3255, "J_A": 5.2e-4, "tau_s": 0.1}
    times = {"onset": 500.0, "offset": 2000.0, "duration": 2500.0, "dt": 1.0}
    result = analysis.psychometric(
        models.wong_wang2006, [0.0, 0.256], 6, pools=("r1", "r2"), seed=4, workers=2, **times, **settings
    )
    assert result.populations == ("r1", "r2") and result.decided[1] == 1.0
    for i, j in ((0, 3), (1, 0)):
        model = models.wong_wang2006(coherence=float(result.coherences[i]), onset=0.5, **settings)
        run = snnlab.simulate(
            model, duration=2500.0, dt=1.0, seed=int(result.seeds[i, j]), record=("r1", "r2")
        )
        rates = np.stack([run["r1"], run["r2"]], -1).astype(float)
        means = np.array([rates[k - 50 : k].mean(axis=0) for k in range(50, 2500, 5)])
        which, when = analysis.first_crossing(np.arange(50.0, 2500.0, 5.0), means, 15.0, 500.0)
        assert which == result.choice[i, j] and when - 500.0 == result.time[i, j]
        assert result.late[i, j] == pytest.approx(rates[2200:].mean(axis=0), rel=1e-5)
        assert result.late_choice[i, j] == np.argmax(rates[2200:].mean(axis=0))
    alone = analysis.psychometric(
        models.wong_wang2006, [0.256], 2, pools=("r1", "r2"), seed=4, workers=1, **times, **settings
    )
    assert np.array_equal(alone.time[0], result.time[1, :2])
    with pytest.raises(ValueError, match="nothing like"):
        analysis.psychometric(models.wong_wang2006, [0.1], 1, pools=("A", "B"), **times)


def test_an_experiment_that_is_given_up_ends_its_threads():
    experiment = analysis.Experiment(
        models.wong_wang2006,
        [0.1, 0.2],
        500,
        pools=("r1", "r2"),
        onset=500.0,
        offset=2000.0,
        dt=1.0,
        sigma=0.02,
        patience=0.01,
    )
    pieces = iter(experiment)
    fractions = [next(pieces) for _ in range(5)]
    assert fractions == sorted(fractions)
    pieces.close()
    experiment.stop()
    assert not any(thread.is_alive() for thread in experiment._workers.threads)
    assert int(experiment.result().done.sum()) < 1000
