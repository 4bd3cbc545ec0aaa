"""What holds for every explorer there is: page = API = code to the last bit, at corners, presets and random points."""

import random

import matplotlib.pyplot
import numpy as np
import pytest
from explorers import executed, same

import snnlab
from snnlab.analysis import Psychometric
from snnlab.widgets import Explorer, explore
from snnlab.widgets.catalogue import LOOKS
from snnlab.widgets.experiments import experiments

_NETWORK = {"n_exc": 80, "n_inh": 20, "duration": 30.0}
_DESIGN = {"trials": 1, "coherences": 2}
SMALL = {
    **dict.fromkeys(("coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei"), _NETWORK),
    "cann": {"n": 32, "duration": 20.0},
    "lif_fi": {"n": 11, "duration": 50.0},
    "synapse_train": {"duration": 60.0},
    "two_neurons": {"duration": 60.0},
    "wong_wang2006": {"duration": 100.0},
    "wang2002": {"scale": 0.05, "duration": 60.0},
    "wang2002_psychometric": {**_DESIGN, "scale": 0.05, "start": 0.0, "stop": 300.0, "duration": 300.0},
    "wong_wang2006_psychometric": _DESIGN,
}
EVERY = [*LOOKS, *experiments()]


def small(name: str, **values) -> Explorer:
    return explore(name, **{**SMALL[name], **values})


def run(explorer: Explorer):
    """Press Run; what is wrong is said in place, and names a parameter."""
    explorer.panel.buttons["run"].click()
    if explorer.state == "ready":
        assert not explorer.stale and explorer.problem == "" and explorer.summary
        return explorer.recording
    assert explorer.state == "error" and explorer.problem and explorer.stale in (True, explorer.shown is None)
    return None


def equal(a, b) -> bool:
    if isinstance(a, Psychometric):
        return all(
            np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True)
            for name in ("coherences", "done", "seeds", "choice", "time", "ending", "course")
        )
    return same_or_nan(a, b)


def same_or_nan(a, b) -> bool:
    samples = all(np.array_equal(a[name], b[name], equal_nan=True) for name in a.samples)
    bare = [
        snnlab.Recording(r.dt, r.duration, r.seed, r.spikes, {}) for r in (a, b)
    ]  # samples may be nan where there is nothing to measure
    return samples and same(*bare)


def by_code(explorer: Explorer):
    namespace: dict = {}
    if not isinstance(explorer.recording, Psychometric):
        return executed(explorer.code())
    exec(explorer.code(), namespace)
    return namespace["result"]


def test_every_model_has_an_explorer_with_presets_and_a_few_controls():
    assert set(LOOKS) == set(snnlab.models.__all__) and set(EVERY) == set(SMALL)
    for name in EVERY:
        explorer = explore(name)
        assert len(explorer.presets) >= 3
        shown = len(explorer.panel.controls) - len(explorer.panel.hidden.children)
        assert 5 <= shown <= 7  # duration and seed are two of them


@pytest.mark.parametrize("name", EVERY)
def test_page_api_and_code_agree_at_random_points(name):
    rng = random.Random(name)
    explorer = small(name, seed=7)
    first, worked = explorer.values, 0
    for _ in range(3):
        explorer.panel.buttons["reset"].click()
        assert explorer.values == first
        visible = explorer.subject.look.visible
        for parameter in rng.sample(visible, 2):
            control = explorer.panel.controls[parameter]
            if control.slider is None:
                control.box.value = rng.choice([1, 2, 3])
            else:
                control.slider.value = rng.uniform(control.slider.min, control.slider.max)
        recording = run(explorer)
        if recording is None:
            continue
        worked += 1
        assert equal(recording, by_code(explorer))
        assert equal(recording, Explorer.from_link(explorer.link()).run())
        assert equal(recording, Explorer.from_dict(explorer.to_dict()).run())
    assert worked >= 1
    explorer.reset()
    assert explorer.values == first and matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "name", [name for name in EVERY if name not in ("coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei")]
)
def test_every_corner_runs_or_says_why(name):
    explorer = small(name)
    run(explorer)
    lasting = (
        "duration",
        "dt",
        "trials",
        "coherences",
        "n",
        "scale",
        "start",
        "stop",
        "delay",
    )  # elsewhere, or too long here
    for parameter, control in explorer.panel.controls.items():
        if control.slider is None or parameter in lasting:
            continue
        for value in (control.slider.min, control.slider.max):
            control.slider.value = value
            if run(explorer) is None:
                assert explorer.problem
        explorer.panel.buttons["reset"].click()
        explorer.panel.buttons["run"].click()
        assert explorer.state == "ready", parameter


@pytest.mark.parametrize(
    "name", [name for name in LOOKS if name not in ("coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei")]
)
def test_every_preset_is_another_run(name):
    explorer = explore(name)
    seen = []
    for preset in explorer.presets:
        explorer.panel.preset.value = preset
        assert explorer.present_preset() == preset
        explorer.set(duration=SMALL[name]["duration"] * (5 if name == "wang2002" else 1))
        if name == "wang2002":
            explorer.set(scale=0.1)
        recording = run(explorer)
        assert recording is not None, explorer.problem
        seen.append((preset, recording))
        assert equal(recording, by_code(explorer))
    assert len(seen) >= 3


def test_a_few_cells_are_no_asynchronous_network():
    for name in ("two_neurons", "synapse_train"):
        explorer = small(name)
        for preset in explorer.presets:
            explorer.preset(preset)
            explorer.run()
            assert "synchron" not in explorer.summary and "regular" not in explorer.summary


def test_a_storm_of_a_thousand_events_over_any_explorer_ends_on_the_last_value():
    import asyncio

    explorer = small("wong_wang2006")
    slider = explorer.panel.controls["coherence"].slider

    async def storm():
        for i in range(1000):
            slider.value = -1.0 + 0.01 * (i % 200)
            if i % 10 == 0:
                await asyncio.sleep(0.01)
        slider.value = 0.37
        await explorer.flush()

    explorer.run()
    before = explorer.runs
    asyncio.run(storm())
    assert explorer.values["coherence"] == 0.37 and not explorer.stale and explorer.runs - before <= 100
    assert equal(explorer.recording, by_code(explorer))
