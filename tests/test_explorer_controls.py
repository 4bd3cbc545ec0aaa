"""The controls of an explorer: every corner, every preset, names and units, the scales of sliders."""

import itertools
import math

import numpy as np
import pytest
from explorers import MODELS, same

import snnlab
from snnlab.core.parameters import ABOVE_ZERO, Parameter, describe
from snnlab.widgets import explore
from snnlab.widgets.catalogue import LOOKS
from snnlab.widgets.controls import Scale
from snnlab.widgets.panel import CUSTOM


@pytest.mark.parametrize("model", MODELS)
def test_every_corner_of_every_control(model):
    explorer = explore(model, n_exc=80, n_inh=20, duration=20.0)
    explorer.panel.buttons["run"].click()
    for name, control in explorer.panel.controls.items():
        parameter = explorer.settings.parameters[name]
        if control.slider is None:  # a whole number
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
        if not explorer.live:  # on a slow machine it waits for its button
            panel.buttons["run"].click()
        assert explorer.state == "ready" and not explorer.stale
        assert explorer.present_preset() == name
        assert {
            **explorer.settings.defaults(),
            **LOOKS[model].presets[name],
        }.items() <= explorer.values.items()
        recordings[name] = explorer.recording
    pairs = itertools.combinations(recordings.values(), 2)
    assert not any(same(a, b) for a, b in pairs)
    explorer.set(p=0.21)
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
    assert panel.more.description == "More"
    explorer.preset("the old listing")
    folded = [name for name in explorer.settings.changed() if name not in LOOKS[model].visible]
    assert panel.more.description == (f"More ({len(folded)} changed)" if folded else "More")
