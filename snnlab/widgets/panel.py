"""The widgets of an explorer: controls on the left, the canvas view on the right."""

import functools
from typing import Any

import ipywidgets

from snnlab.core.recording import Recording
from snnlab.widgets.controls import Control
from snnlab.widgets.explorer import Explorer
from snnlab.widgets.frames import encode
from snnlab.widgets.phase_planes import Portrait
from snnlab.widgets.rings import RingPortrait
from snnlab.widgets.runner import loop_runs
from snnlab.widgets.settings import Number
from snnlab.widgets.view import CanvasView

VISIBLE = 4  # controls above "More" where nobody chose
CUSTOM = "(custom values)"


class Panel:
    """Views of one explorer. Callbacks call the explorer's own methods, so page and code do the same."""

    def __init__(self, explorer: Explorer):
        self.explorer = explorer
        self.view = CanvasView(explorer.name, explorer.status(), self._start_chosen)
        self._starts: tuple[str, ...] = ()  # the parameters of a run's start that a click on the picture sets
        self._quiet = False
        declared = explorer.settings.parameters
        self.controls = {
            name: Control(declared[name], value, self._touched) for name, value in explorer.settings.items()
        }
        self.buttons = {
            "run": _button("Run", "run with these values", lambda: explorer.request()),
            "stop": _button("Stop", "end the run after its present chunk", lambda: explorer.stop()),
            "reset": _button("Reset", "back to the first values", lambda: explorer.gesture(explorer.reset)),
            "seed": _button("New seed", "another network", lambda: explorer.gesture(explorer.new_seed)),
        }
        for name, button in self.buttons.items():
            button.add_class(f"snnlab-action-{name}")
        self.preset = ipywidgets.Dropdown(
            options=[CUSTOM, *explorer.presets],
            value=explorer.present_preset() or CUSTOM,
            description="preset",
            style={"description_width": "auto"},
        )
        self.preset.add_class("snnlab-action-preset")
        self.preset.observe(lambda change: self._preset_chosen(change.new), "value")
        self.more = ipywidgets.ToggleButton(value=False, description="More", tooltip="the other parameters")
        self.more.add_class("snnlab-action-more")
        self.more.observe(lambda change: self._more_shown(change.new), "value")
        self.widget = self._arranged()
        if explorer.recording is not None:
            self.show(explorer.recording, explorer.values, explorer.portrait)

    def _arranged(self) -> ipywidgets.Box:
        explorer = self.explorer
        model = [name for name in explorer.settings.defaults()]
        first = [name for name in explorer.subject.look.visible if name in model] or model[:VISIBLE]
        first += ["duration", "seed"]
        self._folded = [name for name in self.controls if name not in first]
        self._count_hidden_changes()
        self.hidden = ipywidgets.VBox([self.controls[name].widget for name in self._folded])
        self.hidden.add_class("snnlab-more")
        self.hidden.layout.display = "none"
        buttons = _box(ipywidgets.HBox, list(self.buttons.values()), "snnlab-buttons")
        preset = _box(ipywidgets.VBox, [self.preset], "snnlab-control")
        shown = [self.controls[name].widget for name in first]
        parts = [buttons, *([preset] if explorer.presets else []), *shown, self.more, self.hidden]
        controls = _box(ipywidgets.VBox, parts, "snnlab-controls")
        picture = _box(ipywidgets.VBox, [self.view], "snnlab-picture")
        body = _box(ipywidgets.HBox, [controls, picture], "snnlab-body")
        return _box(ipywidgets.VBox, [body], "snnlab-explorer")

    def displayed(self) -> Any:
        """The mime bundle of the widgets; the first display runs the model once, in the background."""
        if self.explorer.recording is None and loop_runs():
            self.explorer.request()
        return self.widget._repr_mimebundle_()

    def values_changed(self) -> None:
        """Show the explorer's values in the controls."""
        explorer = self.explorer
        self._quiet = True
        try:
            for name, control in self.controls.items():
                control.show(explorer.settings[name])
            self.preset.value = explorer.present_preset() or CUSTOM
            self._count_hidden_changes()
        finally:
            self._quiet = False

    def show(
        self, recording: Recording, values: dict[str, Number], portrait: Portrait | RingPortrait | None
    ) -> None:
        """A new picture: ``recording``, made with ``values``; in the ``portrait`` of a two-variable system."""
        scales = {name: control.scale for name, control in self.controls.items() if control.scale}
        positions = {name: scale.fraction(values[name]) for name, scale in scales.items()}
        self._starts = self.explorer.subject.starts(portrait.variables) if portrait else ()
        header, data = encode(
            recording, float(values["duration"]), positions, portrait, startable=bool(self._starts)
        )
        self.view.send_frame(header, data, self.explorer.status())
        self._glow()

    def tell(self) -> None:
        """New words about the same picture."""
        self.view.status = self.explorer.status()
        self._glow()

    def _glow(self) -> None:
        glows = self.explorer.stale and not self.explorer.live
        (self.buttons["run"].add_class if glows else self.buttons["run"].remove_class)("snnlab-glow")

    def _touched(self, name: str, value: Any) -> None:
        self.explorer.gesture(self.explorer.set, **{name: value})

    def _start_chosen(self, state: list[float]) -> None:
        values = {}
        for name, value in zip(self._starts, state, strict=False):
            low, high = self.explorer.settings.parameters[name].bounds
            values[name] = round(min(max(value, low), high), 3)
        if values:
            self.explorer.gesture(self.explorer.set, **values)

    def _preset_chosen(self, name: str) -> None:
        if not self._quiet and name != CUSTOM:
            self.explorer.gesture(functools.partial(self.explorer.preset, name))

    def _count_hidden_changes(self) -> None:
        # a preset may change what "More" hides; say so, for nobody looks for what he does not see
        changed = [name for name in self.explorer.settings.changed() if name in self._folded]
        self.more.description = f"More ({len(changed)} changed)" if changed else "More"

    def _more_shown(self, shown: bool) -> None:
        self.hidden.layout.display = "" if shown else "none"


def _button(label: str, tooltip: str, act: Any) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, tooltip=tooltip)
    button.on_click(lambda _: act())
    return button


def _box(kind: type[ipywidgets.Box], children: list[ipywidgets.Widget], name: str) -> ipywidgets.Box:
    box = kind(children)
    box.add_class(name)
    return box
