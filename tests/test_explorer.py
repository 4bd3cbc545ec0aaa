"""Explorers through their real callbacks: what the page does, code does, bit for bit."""

import asyncio
import itertools
import json
import math

import numpy as np
import pytest

import snnlab
from snnlab import Recording, analysis
from snnlab.core.parameters import ABOVE_ZERO, Parameter, describe
from snnlab.widgets import Explorer, explore, runner
from snnlab.widgets.catalogue import LOOKS
from snnlab.widgets.controls import Scale
from snnlab.widgets.panel import CUSTOM

MODELS = ("coba_ei", "cuba_ei", "lif_ei")
SMALL = {"n_exc": 160, "n_inh": 40, "duration": 50.0}


def small(model: str = "coba_ei", **values) -> Explorer:
    return explore(model, **{**SMALL, **values})


def same(a: Recording, b: Recording) -> bool:
    """Whether two recordings are equal to the last bit."""
    assert list(a.spikes) == list(b.spikes) and list(a.samples) == list(b.samples)
    spikes = all(
        np.array_equal(a.spikes[name].times, b.spikes[name].times)
        and np.array_equal(a.spikes[name].neurons, b.spikes[name].neurons)
        for name in a.spikes
    )
    samples = all(np.array_equal(a[name], b[name]) for name in a.samples)
    return spikes and samples and (a.duration, a.dt, a.seed) == (b.duration, b.dt, b.seed)


def executed(code: str) -> Recording:
    namespace: dict = {}
    exec(code, namespace)
    return namespace["recording"]


# ---- values


def test_an_unknown_model_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match='no model "coba_e".*"coba_ei"'):
        explore("coba_e")
    with pytest.raises(ValueError, match="cannot be explored"):
        explore(3.0)
    with pytest.raises(ValueError, match="declares no parameters"):
        explore(lambda: None)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"g_in": 5.0}, 'no parameter "g_in".*"g_inh"'),
        ({"g_inh": "5"}, "g_inh must be a number"),
        ({"g_inh": math.nan}, "g_inh = nan"),
        ({"g_inh": math.inf}, "g_inh = inf"),
        ({"g_inh": None}, "g_inh must be a number"),
        ({"g_inh": True}, "g_inh must be a number"),
        ({"g_inh": [1.0, 2.0]}, "g_inh must be a number"),
        ({"g_inh": np.ones(3)}, "one number"),
        ({"g_inh": -1.0}, "g_inh = -1 nS is not allowed"),
        ({"p": 1.5}, "p = 1.5 is not allowed"),
        ({"n_exc": 10.5}, "whole number"),
        ({"n_exc": 0}, "n_exc = 0 is not allowed"),
        ({"duration": 0.0}, "duration = 0 ms is not allowed"),
        ({"seed": -1}, "seed = -1 is not allowed"),
        ({"seed": 1.5}, "whole number"),
        ({"x" * 10_000_000: 1.0}, "no parameter"),
        ({"g_inh": "5" * 10_000_000}, "g_inh must be a number"),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(values, reason):
    explorer = small()
    before = explorer.values
    with pytest.raises(ValueError, match=reason) as caught:
        explorer.set(g_exc=1.0, **values)
    assert explorer.values == before
    assert len(str(caught.value)) < 1000
    with pytest.raises(ValueError, match=reason):
        Explorer.from_dict({**explorer.to_dict(), **values})
    with pytest.raises(ValueError, match=reason):
        small(**values)


def test_settings_round_trip_through_json():
    explorer = small("lif_ei", RI=12.345678901234567, J_inh=-3, seed=77)
    settings = json.loads(json.dumps(explorer.to_dict()))
    again = Explorer.from_dict(settings)
    assert again.values == explorer.values and again.name == "lif_ei"
    assert same(again.run(), explorer.run())


@pytest.mark.parametrize("settings", [[], None, "coba_ei", {}, {"model": 3}, {"model": "cobra"}])
def test_settings_that_name_no_model_are_refused(settings):
    with pytest.raises(ValueError, match="[Ss]ettings|no model"):
        Explorer.from_dict(settings)


def test_reset_goes_back_to_the_first_values():
    explorer = small(g_inh=3.0)
    first = explorer.values
    explorer.set(g_inh=9.0, seed=5, duration=20.0)
    explorer.new_seed()
    explorer.reset()
    assert explorer.values == first and explorer.values["g_inh"] == 3.0


def test_a_run_parameter_cannot_be_hidden_by_a_models():
    @snnlab.model
    def mine(*, seed: float = snnlab.param(1.0, doc="x")):
        return None

    with pytest.raises(ValueError, match='"seed" belongs to the run'):
        explore(mine)


# ---- page = code


@pytest.mark.parametrize("model", MODELS)
def test_the_page_and_the_code_give_the_same_spikes(model):
    explorer = small(model)
    control = explorer.panel.controls
    name = LOOKS[model].visible[0]
    control[name].slider.value = control[name].slider.max * 0.7
    control["tau"].box.value = 17.25
    control["seed"].box.value = 3
    recording = explorer.recording
    assert sum(trains.count for trains in recording.spikes.values()) > 0
    values = {k: v for k, v in explorer.values.items() if k not in ("duration", "dt", "seed")}
    assert values["tau"] == 17.25 and values[name] != explorer.settings.start[name]
    direct = snnlab.simulate(
        getattr(snnlab.models, model)(**values), duration=50.0, seed=3, record={"E.V": [0], "I.V": [0]}
    )
    assert same(recording, direct)
    assert same(recording, executed(explorer.code()))
    assert explorer.summary == str(analysis.summary(direct)) == explorer.panel.view.status["text"]


def test_code_names_only_what_differs_from_the_defaults():
    assert "coba_ei()" in explore("coba_ei").code()
    explorer = explore("coba_ei", g_inh=0.1 + 0.2, seed=4)
    assert f"coba_ei(g_inh={0.1 + 0.2!r})" in explorer.code() and "seed=4" in explorer.code()


def test_a_model_function_of_ones_own():
    @snnlab.model
    def pair(*, drive: float = snnlab.param(25.0, unit="pA", doc="drive", slider=(0.0, 50.0))):
        cells = {"A": snnlab.Population(snnlab.neurons.LIF(), 2)}
        return snnlab.Network(cells, inputs=(snnlab.Input("A", snnlab.inputs.Constant(drive)),))

    explorer = explore(pair, duration=100.0)
    explorer.panel.controls["drive"].slider.value = 40.0
    assert explorer.values["drive"] == 40.0 and explorer.recording.spikes["A"].count > 0
    assert explorer.code().startswith(f"import snnlab\nfrom {__name__} import pair\n")
    again = Explorer.from_dict(explorer.to_dict(), pair)
    assert same(again.run(), explorer.recording)


# ---- controls


@pytest.mark.parametrize("model", MODELS)
def test_every_corner_of_every_control(model):
    explorer = explore(model, n_exc=80, n_inh=20, duration=20.0)
    explorer.panel.buttons["run"].click()
    for name, control in explorer.panel.controls.items():
        parameter = explorer.settings.parameters[name]
        if name in ("n_exc", "n_inh", "seed"):
            corners = [(control.box, max(1, parameter.bounds[0])), (control.box, 30)]
        else:
            slider = control.slider
            assert parameter.bounds[0] <= control.scale.value(slider.min)
            assert control.scale.value(slider.max) <= parameter.bounds[1]
            corners = [(slider, slider.min), (slider, slider.max), (control.box, parameter.default)]
        if name == "duration":  # as long as it is in class would take too long here
            corners = [(control.box, 10.0), (control.box, 100.0)]
        for widget, value in corners:
            widget.value = value
            if explorer.state == "ready":
                assert not explorer.stale and explorer.problem == "" and explorer.summary
                assert explorer.recording.duration == explorer.values["duration"]
            else:  # two parameters that exclude each other, such as a threshold below the reset
                assert explorer.state == "error" and name in explorer.problem
        explorer.panel.buttons["reset"].click()
        assert explorer.state == "ready" and explorer.values == explorer.settings.start


@pytest.mark.parametrize("model", MODELS)
def test_every_preset_runs_and_is_recognised(model):
    explorer = explore(model)
    panel = explorer.panel
    assert set(panel.preset.options) == {CUSTOM, *LOOKS[model].presets} and len(LOOKS[model].presets) >= 3
    recordings = {}
    for name in LOOKS[model].presets:
        panel.preset.value = CUSTOM
        panel.preset.value = name
        assert explorer.state == "ready" and not explorer.stale
        assert explorer.present_preset() == name
        assert {
            **explorer.settings.defaults(),
            **LOOKS[model].presets[name],
        }.items() <= explorer.values.items()
        recordings[name] = explorer.recording
    pairs = itertools.combinations(recordings.values(), 2)
    assert not any(same(a, b) for a, b in pairs)
    explorer.set(tau=21.0)
    assert panel.preset.value == CUSTOM
    with pytest.raises(ValueError, match="no preset"):
        explorer.preset("inhibition of")


def test_the_presets_show_what_their_names_say():
    explorer = explore("coba_ei", duration=1000.0)
    verdicts = {}
    for name in explorer.presets:
        explorer.preset(name)
        explorer.run()
        verdicts[name] = explorer.summary.split(": ")[-1]
    assert verdicts["asynchronous irregular"] == "asynchronous irregular"
    assert verdicts["inhibition off"] == verdicts["the old listing"] == "saturated"
    explorer = explore("cuba_ei", duration=1000.0)
    explorer.run()
    assert "regular" in explorer.summary and "irregular" not in explorer.summary
    explorer.preset("the old listing")
    explorer.run()
    assert explorer.summary.endswith("silent")


def parameter(default, bounds, slider, log, integer=False):
    return Parameter("g", default, "nS", "", bounds, slider, log, integer, True)


@pytest.mark.parametrize(
    ("declared", "low", "high"),
    [
        (parameter(1.0, (0.0, 100.0), (0.0, 100.0), True), 0.0, 100.0),
        (parameter(1.0, (0.01, 100.0), (0.01, 100.0), True), 0.01, 100.0),
        (parameter(1.0, (ABOVE_ZERO, math.inf), (ABOVE_ZERO, 50.0), True), 0.05, 50.0),
        (parameter(1.0, (ABOVE_ZERO, math.inf), (ABOVE_ZERO, math.inf), False), 0.02, 4.0),
        (parameter(0.0, (-math.inf, math.inf), (-math.inf, math.inf), False), -10.0, 10.0),
        (parameter(-3.0, (-math.inf, 0.0), (-math.inf, 0.0), False), -12.0, 0.0),
        (parameter(-60.0, (-math.inf, math.inf), (-80.0, -40.0), False), -80.0, -40.0),
    ],
)
def test_a_scale_reaches_its_ends_and_is_monotonic(declared, low, high):
    scale = Scale(declared)
    places = np.linspace(scale.min, scale.max, 301)
    values = [scale.value(place) for place in places]
    assert values[0] == pytest.approx(low) and values[-1] == pytest.approx(high)
    assert all(a <= b for a, b in zip(values, values[1:], strict=False))
    for value in values:
        declared.check("model", value)
        assert scale.value(scale.place(value)) == pytest.approx(value, rel=1e-2, abs=1e-9)
    assert 0.0 <= scale.fraction(declared.default) <= 1.0
    assert scale.place(math.inf) == scale.max and scale.place(-math.inf) == scale.min


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_has_a_control_with_a_name_and_a_unit(model):
    explorer = explore(model)
    panel = explorer.panel
    names = [p.name for p in describe(getattr(snnlab.models, model))]
    assert list(panel.controls) == [*names, "duration", "dt", "seed"]
    for name, control in panel.controls.items():
        unit = explorer.settings.parameters[name].unit
        assert control.box.description == (f"{name} ({unit})" if unit else name)
        assert control.box.value == explorer.values[name]
        assert f"snnlab-parameter-{name}" in control.widget._dom_classes
    assert panel.hidden.layout.display == "none"
    panel.more.value = True
    assert panel.hidden.layout.display == ""
    shown = len(panel.hidden.children)
    assert 0 < len(panel.controls) - shown <= 6


# ---- errors


def test_a_value_out_of_range_leaves_the_last_good_state():
    explorer = small()
    panel = explorer.panel
    explorer.run()
    recording = explorer.recording
    panel.controls["p"].box.value = 7.0
    assert explorer.values["p"] == panel.controls["p"].box.value == 0.02
    assert explorer.recording is recording and not explorer.stale
    status = panel.view.status
    assert status["state"] == "error" and "p = 7 is not allowed" in status["error"]
    with pytest.raises(ValueError, match="p = 7"):
        asyncio.run(explorer.flush())
    asyncio.run(explorer.flush())  # raised once
    panel.controls["p"].box.value = 0.03
    assert panel.view.status["state"] == "ready" and panel.view.status["error"] == ""


def test_values_that_exclude_each_other_are_said_in_place_and_raised_by_run():
    explorer = small()
    explorer.panel.buttons["run"].click()
    before = explorer.recording
    explorer.panel.controls["V_th"].box.value = -70.0
    status = explorer.panel.view.status
    assert status["state"] == "error" and "V_th = -70" in status["error"]
    assert status["stale"] and status["note"] and explorer.recording is before
    with pytest.raises(ValueError, match="V_th"):
        explorer.run()
    explorer.panel.buttons["reset"].click()
    status = explorer.panel.view.status
    assert status["state"] == "ready" and not status["stale"] and status["error"] == ""


@snnlab.model
def failing(*, drive: float = snnlab.param(5.0, unit="pA", doc="drive", slider=(0.0, 1e38))):
    """A network whose voltage leaves the numbers a while after the start, when driven hard."""
    cells = {"A": snnlab.Population(snnlab.neurons.LIF(), 3)}
    source = snnlab.inputs.Sections([drive, 3e38 if drive > 1e30 else drive], [150.0, 150.0])
    return snnlab.Network(cells, inputs=(snnlab.Input("A", source), snnlab.Input("A", source)))


def test_a_model_that_fails_mid_run():
    explorer = explore(failing, duration=300.0)
    explorer.panel.buttons["run"].click()
    good = explorer.recording
    explorer.set(drive=2e38)
    with pytest.raises(snnlab.SimulationError):
        explorer.run()
    status = explorer.panel.view.status
    assert explorer.recording is good and explorer.stale
    assert status["state"] == "error" and status["stale"] and "drive = 2e+38" in status["error"]

    async def on_the_page():
        explorer.panel.buttons["run"].click()
        with pytest.raises(snnlab.SimulationError):
            await explorer.flush()
        assert explorer.panel.view.status["state"] == "error" and explorer.recording is good
        explorer.panel.controls["drive"].box.value = 5.0
        await explorer.flush()
        assert explorer.panel.view.status["state"] == "ready"

    asyncio.run(on_the_page())


def test_nothing_was_run_yet():
    explorer = small()
    for act in (explorer.figure, lambda: explorer.save("x.npz")):
        with pytest.raises(ValueError, match="not been run"):
            act()


# ---- in the background


def test_stop_acts_within_a_chunk(monkeypatch):
    monkeypatch.setattr(runner, "SLICE", 0.0)
    explorer = small(duration=20_000.0)
    chunks = []
    advance = snnlab.Run.advance
    monkeypatch.setattr(snnlab.Run, "advance", lambda run: chunks.append(1) or advance(run))

    async def stopped():
        explorer.panel.buttons["run"].click()
        while len(chunks) < 5:
            await asyncio.sleep(0)
        at = len(chunks)
        explorer.panel.buttons["stop"].click()
        await explorer.flush()
        return at

    at = asyncio.run(stopped())
    assert len(chunks) <= at + 1
    assert not explorer.recording.complete and explorer.recording.duration == pytest.approx(
        100.0 * len(chunks)
    )
    assert explorer.panel.view.status["state"] == "ready"
    assert f"stopped after {explorer.recording.duration:g} of 20000 ms" in explorer.panel.view.status["text"]


def test_a_storm_ends_on_the_last_value_with_few_runs():
    explorer = small(n_exc=800, n_inh=200, duration=500.0)
    slider = explorer.panel.controls["g_inh"].slider
    explorer.run()
    before = explorer.runs

    async def storm():
        loop = asyncio.get_running_loop()
        began = loop.time()
        for i in range(1000):
            slider.value = 1.0 + 0.1 * (i % 180)
            await asyncio.sleep(max(0.0, began + 0.002 * i - loop.time()))
        slider.value = 4.2
        await explorer.flush()
        return loop.time() - began

    seconds = asyncio.run(storm())
    assert explorer.values["g_inh"] == 4.2 and not explorer.stale
    assert 5 < explorer.runs - before <= seconds / runner.INTERVAL + 2
    assert same(explorer.recording, executed(explorer.code()))


def test_frames_appear_while_a_slider_is_dragged_over_long_runs():
    explorer = small(duration=500.0)
    explorer.run()
    explorer.set(duration=200_000.0)
    explorer._seconds = 0.0  # taken for short, so that it is live
    frames = []
    explorer.panel.view.observe(lambda change: frames.append(change.new["end"]), "frame")

    async def drag():
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.5
        i = 0
        while loop.time() < end:
            i += 1
            explorer._seconds = 0.0
            explorer.panel.controls["g_inh"].slider.value = 1.0 + 0.1 * (i % 100)
            await asyncio.sleep(0.016)
        explorer.stop()
        await explorer.flush()

    asyncio.run(drag())
    assert len(frames) >= 4 and all(end > 0 for end in frames)
    assert explorer.runs >= 4  # a long run was given up for the newer value, more than once


def test_a_value_changed_during_a_run_leaves_its_picture_stale():
    explorer = small(duration=500.0)
    explorer.run()
    explorer.set(duration=20_000.0)
    explorer._seconds = 1.0  # taken for long: sliders wait for the button

    async def change():
        explorer.panel.buttons["run"].click()
        await asyncio.sleep(0.05)
        explorer._seconds = 1.0
        explorer.panel.controls["g_inh"].box.value = 3.0
        explorer.stop()
        await explorer.flush()

    asyncio.run(change())
    assert explorer.recording.duration > 500.0 and explorer.stale
    assert explorer.panel.view.status["stale"] and "press Run" in explorer.panel.view.status["note"]


def test_a_long_run_waits_for_its_button():
    explorer = small(duration=500.0)
    explorer.run()
    explorer._seconds = 1.0
    runs = explorer.runs
    explorer.panel.controls["g_inh"].slider.value = 4.0
    status = explorer.panel.view.status
    assert explorer.runs == runs and status["stale"] and "press Run" in status["note"]
    assert "snnlab-glow" in explorer.panel.buttons["run"]._dom_classes
    explorer.panel.buttons["run"].click()
    assert explorer.runs == runs + 1 and not explorer.panel.view.status["stale"]
    assert "snnlab-glow" not in explorer.panel.buttons["run"]._dom_classes


def test_code_overtakes_what_goes_on_in_the_background():
    explorer = small(duration=5000.0)

    async def overtake():
        explorer.panel.buttons["run"].click()
        await asyncio.sleep(0.02)
        explorer.set(duration=50.0, g_inh=2.0)
        recording = explorer.run()
        await explorer.flush()
        assert explorer.recording is recording and not explorer.stale

    asyncio.run(overtake())


def test_the_first_display_runs_once_and_says_that_it_compiles():
    explorer = explore("lif_ei", n_exc=83, duration=50.0)
    words = []

    async def display():
        explorer.panel.view.observe(lambda change: words.append(change.new), "status")
        assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()
        await explorer.flush()
        explorer._repr_mimebundle_()  # a second view of the same explorer runs nothing
        await explorer.flush()

    asyncio.run(display())
    assert explorer.runs == 1 and explorer.recording is not None
    assert [w["state"] for w in words] == ["loading", "ready"] and "compiling" in words[0]["text"]
    explorer.panel.controls["RI"].slider.value = 25.0
    assert not any("compiling" in w["text"] for w in words[1:])


def test_two_explorers_do_not_interfere():
    one, two = small(seed=1), small("lif_ei", seed=2)

    async def both():
        for i in range(12):
            one.panel.controls["g_inh"].slider.value = 1.0 + i
            two.panel.controls["RI"].slider.value = 10.0 + i
            await asyncio.sleep(0.01)
        await one.flush()
        await two.flush()

    asyncio.run(both())
    assert (one.values["g_inh"], two.values["RI"]) == (12.0, 21.0)
    assert same(one.recording, executed(one.code())) and same(two.recording, executed(two.code()))


def test_frames_never_queue_behind_a_page_that_draws():
    explorer = small()
    view = explorer.panel.view

    async def page():
        explorer.request()
        await explorer.flush()
        view._handle_custom_msg({"drawn": view.frame["serial"]}, [])  # a page is there
        explorer.set(g_inh=2.0)
        await explorer.flush()
        shown = view.frame["serial"]
        explorer.set(g_inh=3.0)
        await asyncio.sleep(0.4)
        assert view.frame["serial"] == shown  # the page has not drawn it yet
        view._handle_custom_msg({"drawn": shown}, [])
        await explorer.flush()
        assert view.frame["serial"] == shown + 1
        explorer.set(g_inh=4.0)  # the page is closed: nothing hangs
        await asyncio.wait_for(explorer.flush(), 5.0)
        assert view.frame["serial"] == shown + 2
        explorer.set(g_inh=5.0)
        await asyncio.wait_for(explorer.flush(), 0.9)  # and is not waited for again
        for nonsense in (None, {"drawn": "x"}, {"drawn": 10**9}, [], {"drawn": -5}):
            view._handle_custom_msg(nonsense, [])
        assert view._drawn <= view.frame["serial"]

    asyncio.run(page())


# ---- frames and files


def arrays(view) -> list[np.ndarray]:
    kinds = {"u2": "<u2", "u4": "<u4", "f4": "<f4"}
    return [
        np.frombuffer(view.data, kinds[a["type"]], a["length"], a["offset"]) for a in view.frame["arrays"]
    ]


def test_a_frame_holds_the_recording():
    explorer = small(duration=200.0)
    explorer.panel.buttons["run"].click()
    view, recording = explorer.panel.view, explorer.recording
    data = arrays(view)
    raster, rates, traces = view.frame["panels"]
    for population in raster["populations"]:
        trains = recording.spikes[population["name"]]
        assert np.allclose(data[population["steps"]] * recording.dt, trains.times)
        assert np.array_equal(data[population["neurons"]], trains.neurons) and population["n"] == trains.n
    for series in rates["series"]:
        trains = recording.spikes[series["name"]]
        spikes = data[series["values"]].sum() * trains.n * rates["step"] / 1000.0
        assert spikes == pytest.approx(trains.count, rel=1e-5)
    assert [series["name"] for series in traces["series"]] == ["E.V", "I.V"]
    assert data[traces["series"][0]["values"]][0] == recording["E.V"][0, 0]
    assert json.loads(json.dumps(view.frame)) == view.frame
    assert view.frame["positions"]["g_inh"] == pytest.approx(6.7 / 20.0)


def test_files_by_their_endings(tmp_path):
    import matplotlib.pyplot

    explorer = small()
    explorer.run()
    assert same(Recording.load(explorer.save(tmp_path / "a.npz")), explorer.recording)
    settings = json.loads(explorer.save(tmp_path / "a.json").read_text())
    assert Explorer.from_dict(settings).values == explorer.values
    assert explorer.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in explorer.save(tmp_path / "a.svg").read_text()
    with pytest.raises(ValueError, match='".txt"'):
        explorer.save(tmp_path / "a.txt")
    assert len(explorer.figure().axes) >= 2
    assert matplotlib.pyplot.get_fignums() == []
