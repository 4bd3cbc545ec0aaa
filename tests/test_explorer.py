"""Explorers through their real callbacks: what the page does, code does, bit for bit."""

import asyncio
import json
import math

import numpy as np
import pytest
from explorers import MODELS, executed, same, small

import snnlab
from snnlab import Recording, analysis
from snnlab.widgets import Explorer, explore
from snnlab.widgets.catalogue import LOOKS

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
    control["p"].box.value = 0.1725
    control["seed"].box.value = 3
    recording = explorer.recording
    assert sum(trains.count for trains in recording.spikes.values()) > 0
    values = {k: v for k, v in explorer.values.items() if k not in ("duration", "dt", "seed")}
    assert values["p"] == 0.1725 and values[name] != explorer.settings.start[name]
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
    with pytest.raises(ValueError, match="save: path = 5 must be the name of a file"):
        explorer.save(5)
    with pytest.raises(ValueError, match="has no preset"):
        explorer.preset(["quiet"])
    assert len(explorer.figure().axes) >= 2
    assert matplotlib.pyplot.get_fignums() == []
