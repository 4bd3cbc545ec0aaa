"""The explorer of a two-variable system: its phase plane through real callbacks, and what it says."""

import asyncio
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from explorers import executed, same

import snnlab
from snnlab import analysis, component, param
from snnlab.widgets import explore
from snnlab.widgets.catalogue import LOOKS

NAME = "wong_wang2006"


@pytest.fixture(scope="module")
def explorer():
    return explore(NAME)


@pytest.fixture(autouse=True)
def _first_values(explorer):
    explorer.reset()


def shown(explorer):
    """The panel of the phase plane, with its arrays as states [n, 2]."""
    view = explorer.panel.view
    arrays = [
        np.frombuffer(view.data, "<f4", a["length"], a["offset"]).reshape(-1, 2)
        for a in view.frame["arrays"]
        if a["type"] == "f4" and a["length"] % 2 == 0
    ]
    assert len(arrays) == len(view.frame["arrays"])
    plane, *traces = view.frame["panels"]
    assert plane["kind"] == "phase plane" and all(panel["kind"] == "traces" for panel in traces)
    return plane, arrays


def test_the_panel_shows_what_the_analysis_finds(explorer):
    explorer.preset("coherence 51.2 %")
    explorer.run()
    plane, arrays = shown(explorer)
    system = snnlab.models.wong_wang2006(coherence=0.512)
    assert plane["axes"] == ["s1", "s2"] and (plane["low"], plane["high"]) == ([0.0, 0.0], [1.0, 1.0])
    assert [(p["kind"], p["state"]) for p in plane["points"]] == [
        (p.kind, p.state.tolist()) for p in analysis.fixed_points(system)
    ]
    for line in plane["nullclines"]:
        expected = analysis.nullclines(system)[line["name"]]
        assert [len(arrays[i]) for i in line["lines"]] == [len(branch) for branch in expected]
        for i, branch in zip(line["lines"], expected, strict=True):
            assert np.allclose(arrays[i], branch, atol=1e-6)
    assert {line["name"]: line["colour"] for line in plane["nullclines"]} == {"s1": 0, "s2": 1}
    (i,) = plane["separatrix"]
    assert np.allclose(arrays[i], analysis.separatrix(system)[0], atol=1e-6)
    states, flow = (arrays[plane["field"][key]] for key in ("states", "flow"))
    lengths = np.linalg.norm(flow, axis=1)
    assert np.allclose(lengths, 1.0, atol=1e-5) and len(states) == plane["field"]["n"] ** 2
    true = analysis.vector_field(system, plane["field"]["n"])[1].reshape(-1, 2)
    assert np.allclose(flow, true / np.linalg.norm(true, axis=1, keepdims=True), atol=1e-5)


def test_the_path_is_the_run(explorer):
    explorer.set(s1_0=0.3, s2_0=0.25, coherence=-0.2, duration=600.0)
    recording = explorer.run()
    plane, arrays = shown(explorer)
    (path,) = plane["paths"]
    assert np.array_equal(arrays[path], np.stack([recording["s1"], recording["s2"]], 1))
    assert np.allclose(plane["starts"], [[0.3, 0.25]])
    traces = explorer.panel.view.frame["panels"][1:]
    assert [[series["name"] for series in panel["series"]] for panel in traces] == [
        ["s1", "s2"],
        ["r1", "r2"],
    ]
    assert [panel["title"] for panel in traces] == ["s1, s2", "r1, r2 (Hz)"]
    assert same(recording, executed(explorer.code()))
    direct = snnlab.simulate(
        snnlab.models.wong_wang2006(coherence=-0.2, s1_0=0.3, s2_0=0.25),
        duration=600.0,
        dt=1.0,
        record=("s1", "s2", "r1", "r2"),
    )
    assert same(recording, direct)


def test_the_status_line_is_computed(explorer):
    explorer.run()
    end = analysis.fixed_points(snnlab.models.wong_wang2006())[2].state
    assert explorer.summary == (
        f"3 fixed points: 2 stable, 1 saddle; from (0.1, 0.099) to the stable node at ({end[0]:.3g}, {end[1]:.3g})"
    )
    assert explorer.panel.view.status["text"] == explorer.summary
    expected = {
        "no input": "5 fixed points: 3 stable, 2 saddles; from (0.1, 0.1) to the stable node at (0.0618, 0.0618)",
        "coherence 100 %": "1 fixed point: 1 stable; from (0.1, 0.1) to the stable node at (0.741, 0.00269)",
        "in doubt for ever": "3 fixed points: 2 stable, 1 saddle; from (0.1, 0.1) to the saddle at (0.499, 0.499)",
        "too strong a stimulus": "1 fixed point: 1 stable; from (0.1, 0.1) to the stable node at (0.672, 0.672)",
    }
    for preset, words in expected.items():
        explorer.preset(preset)
        explorer.run()
        assert explorer.summary == words, preset
    explorer.reset()
    explorer.set(duration=50.0)
    explorer.run()
    assert explorer.summary.endswith("still moving")


def test_noisy_trials_are_paths_of_their_own(explorer):
    explorer.preset("noisy decisions")
    recording = explorer.run()
    plane, arrays = shown(explorer)
    assert recording["s1"].shape == (1000, 20) and len(plane["paths"]) == 20
    for k, path in enumerate(plane["paths"]):
        assert np.array_equal(arrays[path][:, 0], recording["s1"][:, k])
    ends = np.stack([recording["s1"][-1], recording["s2"][-1]], 1)
    system = snnlab.models.wong_wang2006(**explorer.presets["noisy decisions"]).system
    lasting = [analysis.trajectory(system, end, 5.0).states[-1] for end in ends]
    first = sum(a > b for a, b in lasting)
    assert 10 < first <= 20 and f"{first} in the basin of (0.66" in explorer.summary
    assert "of 20 runs ended" in explorer.summary
    explorer.set(trials=1)
    assert explorer.run()["s1"].shape == (1000,) and "of 1 run ended 1 in the basin of" in explorer.summary


def test_every_preset_is_recognised_and_gives_another_picture(explorer):
    pictures = set()
    for name in LOOKS[NAME].presets:
        explorer.panel.preset.value = name
        explorer.panel.buttons["run"].click()
        assert explorer.state == "ready" and explorer.present_preset() == name
        pictures.add(explorer.panel.view.data)
    assert len(pictures) == len(LOOKS[NAME].presets) >= 5


def test_every_corner_of_every_control(explorer):
    for name, control in explorer.panel.controls.items():
        if control.slider is None or name == "duration":
            continue
        for value in (control.slider.min, control.slider.max):
            control.slider.value = value
            explorer.panel.buttons["run"].click()
            assert explorer.state == "ready" and explorer.summary, (name, explorer.problem)
            plane, _ = shown(explorer)
            assert plane["note"] == "" and plane["points"]
        explorer.reset()


def test_a_click_on_the_plane_starts_the_run_there(explorer):
    view = explorer.panel.view
    for sent, start in (
        ([0.25, 0.625], (0.25, 0.625)),
        ([-0.01, 1.2], (0.0, 1.0)),
        ([0.1234567, 0], (0.123, 0)),
    ):
        view._handle_custom_msg({"start": sent}, [])
        assert (explorer.values["s1_0"], explorer.values["s2_0"]) == start
        assert explorer.panel.controls["s1_0"].box.value == start[0]
        assert explorer.recording["s1"][0] == pytest.approx(start[0], abs=1e-6)
    values = explorer.values
    for nonsense in (
        [],
        [0.1],
        [0.1, "x"],
        [True, 0.5],
        ["0.1", "0.2"],
        [float("nan"), 0.1],
        {"0": 1},
        None,
        7,
    ):
        view._handle_custom_msg({"start": nonsense}, [])
    assert explorer.values == values and explorer.state == "ready"


def test_a_slider_is_answered_at_the_speed_of_the_hand(explorer):
    import time

    explorer.panel.buttons["run"].click()
    spent = []
    for k in range(10):
        explorer.set(coherence=0.05 * k)
        began = time.process_time()
        explorer.run()
        spent.append(time.process_time() - began)
    assert sorted(spent)[5] < 0.1 and explorer.live  # s; 16 ms where nothing else runs


def test_a_storm_of_slider_events_ends_on_the_last_value(explorer):
    async def storm():
        for k in range(200):
            explorer.panel.controls["coherence"].slider.value = round(-1 + 0.01 * k, 2)
            if k % 20 == 0:
                await asyncio.sleep(0)
        await explorer.flush()

    explorer.run()
    asyncio.run(storm())
    assert explorer.values["coherence"] == 0.99 and not explorer.stale and explorer.state == "ready"
    assert len(shown(explorer)[0]["points"]) == 1


def test_the_figure_and_the_files(explorer, tmp_path):
    import matplotlib.pyplot

    recording = explorer.run()
    figure = explorer.figure()
    plane, traces = figure.axes
    assert plane.get_xlabel() == "s1" and len(traces.lines) == 4 and "3 fixed points" in figure.alt
    assert explorer.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert same(snnlab.Recording.load(explorer.save(tmp_path / "a.npz")), recording)
    assert matplotlib.pyplot.get_fignums() == []


# ---- systems of one's own


@component
class Adrift:
    """x' = speed, y' = -y: the nullcline of x is nowhere."""

    speed: float = param(0.001, doc="drift", slider=(0.0, 0.01))

    variables: ClassVar = ("x", "y")
    window: ClassVar = ((-1.0, 1.0), (-2.0, 2.0))
    time_unit: ClassVar = "ms"

    def initial(self, key):
        return jnp.array([0.0, 1.0])

    def derivative(self, state):
        return jnp.stack([self.speed + 0 * state[..., 0], -0.1 * state[..., 1]], -1)


@snnlab.model
def adrift(**parameters) -> Adrift:
    """A system whose plane lacks a nullcline."""
    return Adrift(**parameters)


def test_a_plane_without_a_nullcline_says_so_and_shows_the_rest():
    explorer = explore(adrift, duration=100.0)
    explorer.panel.buttons["run"].click()
    plane, _ = shown(explorer)
    assert "The nullcline of x lies outside the window (x -1 to 1, y -2 to 2)" in plane["note"]
    assert plane["nullclines"] == [] and plane["points"] == [] and plane["field"]["n"] > 2
    assert not plane["startable"]
    assert explorer.summary == "no fixed point in the window; from (0, 1) to (0.0999, 4.59e-05), still moving"
    before = explorer.values
    explorer.panel.view._handle_custom_msg({"start": [0.5, 0.5]}, [])
    assert explorer.values == before


@component
class Chain:
    """Three variables that decay."""

    tau: float = param(10.0, unit="ms", doc="decay", bounds=(0.1, 1e3))

    variables: ClassVar = ("x", "y", "z")
    window: ClassVar = ((0.0, 1.0),) * 3
    time_unit: ClassVar = "ms"

    def initial(self, key):
        return jnp.ones(3)

    def derivative(self, state):
        return -state / self.tau


@snnlab.model
def chain(**parameters) -> Chain:
    """A system without a plane."""
    return Chain(**parameters)


def test_three_variables_have_traces_and_no_plane():
    explorer = explore(chain, duration=10.0)
    explorer.panel.buttons["run"].click()
    panels = explorer.panel.view.frame["panels"]
    assert [panel["kind"] for panel in panels] == ["traces"] * 3
    assert "x 0.3" in explorer.summary
    with pytest.raises(ValueError, match="needs two variables, but Chain has 3: x, y, z"):
        snnlab.plots.phase_plane(chain())


def test_wrong_values_are_said_in_place(explorer):
    explorer.run()
    explorer.panel.controls["coherence"].box.value = 1.5
    status = explorer.panel.view.status
    assert status["state"] == "error" and "coherence = 1.5 is not allowed" in status["error"]
    assert explorer.values["coherence"] == 0.0
    with pytest.raises(ValueError, match="coherence = -2 is not allowed"):
        explore(NAME, coherence=-2.0)
