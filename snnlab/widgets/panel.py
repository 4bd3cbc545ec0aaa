"""The widgets of an explorer: controls on the left, the canvas view on the right."""

import functools
from typing import Any

import ipywidgets

from snnlab.analysis import Psychometric
from snnlab.core.parameters import Parameter
from snnlab.core.recording import whole_file
from snnlab.widgets import exports, links
from snnlab.widgets.attempt import Shown
from snnlab.widgets.controls import Control
from snnlab.widgets.experiments import fit, points
from snnlab.widgets.explorer import Explorer
from snnlab.widgets.frames import Frame, encode, psychometric_frame
from snnlab.widgets.home import Home
from snnlab.widgets.runner import loop_runs
from snnlab.widgets.view import CanvasView

VISIBLE = 4  # controls above "More" where nobody chose
SPEED = Parameter(
    "speed", 0.1, "x real time", "how fast model time goes by", (1e-6, 1e3), (1e-3, 10.0), True, False, True
)
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
            "run": _button("Run", "run with these values", explorer.request),
            "stop": _button("Stop", "end the run after its present chunk", explorer.stop),
            "play": _button("Play", "let it run on, while you move the sliders", self._play_pressed),
            "step": _button("Step", "go on a little", lambda: explorer.tried(explorer.step)),
            "reset": _button("Reset", "back to the first values", lambda: explorer.gesture(explorer.reset)),
            "seed": _button("New seed", "another network", lambda: explorer.gesture(explorer.new_seed)),
            "pin": _button("Pin", "keep this run in the picture, to compare", self._pin_pressed),
            "link": _button("Copy link", "these settings as text", self._link_pressed),
            "export": _button("Export", "save the run, its picture or the settings", self._export_pressed),
        }
        self.kind = ipywidgets.Dropdown(
            options=[(words, kind) for kind, (words, _) in exports.KINDS.items()], tooltip="what to export"
        )
        self.more = _fold("More", "the other parameters", lambda shown: _show(self.hidden, shown))
        self.code = _fold("Show code", "Python that does the same", self._code_shown)
        self.copy = _button("Copy code", "copy it", lambda: self._copied(self.code_text.value, "code"))
        self.code_text = ipywidgets.Textarea(explorer.code(), rows=8)
        self.link_text = ipywidgets.Text(
            explorer.link(),
            description="link",
            tooltip="these settings; paste another link here",
            continuous_update=False,
        )
        self.link_text.observe(lambda change: self._link_entered(change.new), "value")
        actions = {"format": self.kind, "more": self.more, "code": self.code, "copy": self.copy}
        for name, widget in {**self.buttons, **actions}.items():
            widget.add_class(f"snnlab-action-{name}")
        self.speed = Control(SPEED, 0.1, lambda _, pace: explorer.play(pace))
        self.preset = ipywidgets.Dropdown(
            options=[CUSTOM, *explorer.presets],
            value=explorer.present_preset() or CUSTOM,
            description="preset",
            style={"description_width": "auto"},
        )
        self.preset.add_class("snnlab-action-preset")
        self.preset.observe(lambda change: self._preset_chosen(change.new), "value")
        self.widget = self._arranged()
        self._home = Home()
        self._home.receive(self.widget)
        if explorer.shown is not None:
            self.pin_changed()
            self.show(explorer.shown)

    def _arranged(self) -> ipywidgets.Box:
        explorer = self.explorer
        model = [name for name in explorer.settings.defaults()]
        first = [name for name in explorer.subject.look.visible if name in model] or model[:VISIBLE]
        first += ["duration", "seed"]
        self._folded = [name for name in self.controls if name not in first]
        self._count_hidden_changes()
        self.hidden = ipywidgets.VBox([self.controls[name].widget for name in self._folded])
        self.hidden.add_class("snnlab-more")
        self.shown_code = _box(ipywidgets.VBox, [self.code_text, self.copy], "snnlab-code")
        self.shown_link = _box(ipywidgets.VBox, [self.link_text], "snnlab-link")
        for folded in (self.hidden, self.shown_code, self.shown_link):
            _show(folded, False)
        live = ("play", "step") if explorer.subject.plays else ()
        acts = ("run", "stop", *live, "reset", "seed", "pin")
        first_row = [self.buttons[name] for name in acts]
        buttons = _box(ipywidgets.HBox, first_row, "snnlab-buttons")
        _show(self.speed.widget, False)
        export = [self.buttons["export"], self.kind, self.buttons["link"], self.code]
        taken = _box(ipywidgets.HBox, export, "snnlab-buttons")
        preset = _box(ipywidgets.VBox, [self.preset], "snnlab-control")
        shown = [self.controls[name].widget for name in first]
        parts = [
            buttons,
            self.speed.widget,
            *([preset] if explorer.presets else []),
            *shown,
            self.more,
            self.hidden,
        ]
        parts += [taken, self.shown_link, self.shown_code]
        controls = _box(ipywidgets.VBox, parts, "snnlab-controls")
        picture = _box(ipywidgets.VBox, [self.view], "snnlab-picture")
        body = _box(ipywidgets.HBox, [controls, picture], "snnlab-body")
        return _box(ipywidgets.VBox, [body], "snnlab-explorer")

    def displayed(self) -> Any:
        """The mime bundle of the widgets; the first display runs the model once, in the background."""
        self._home.settle()
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
            self.code_text.value, self.link_text.value = explorer.code(), explorer.link()
        finally:
            self._quiet = False

    def show(self, shown: Shown) -> None:
        """A new picture."""
        scales = {name: control.scale for name, control in self.controls.items() if control.scale}
        positions = {name: scale.fraction(shown.values[name]) for name, scale in scales.items()}
        self._starts = self.explorer.subject.starts(shown.portrait.variables) if shown.portrait else ()
        header, data = _encoded(shown, positions, startable=bool(self._starts))
        self.view.send_frame(header, data, self.explorer.status())
        if self.explorer.pinned is not None:
            self._label_pin()
        self._glow()

    def tell(self) -> None:
        """New words about the same picture."""
        self.view.status = self.explorer.status()
        self._glow()
        self.buttons["play"].description = "Pause" if self.explorer.playing else "Play"
        _show(self.speed.widget, self.explorer.status()["mode"] == "live")

    def _glow(self) -> None:
        glows = self.explorer.stale and not self.explorer.live and not self.explorer.playing
        (self.buttons["run"].add_class if glows else self.buttons["run"].remove_class)("snnlab-glow")

    def _play_pressed(self) -> None:
        explorer = self.explorer
        if explorer.playing:
            explorer.pause()
        elif explorer.tried(explorer.play):
            self.speed.show(explorer.pace)

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

    # ---- what can be taken away, and compared -----------------------------------------------------------

    def pin_changed(self) -> None:
        """Show the run that the explorer has pinned, or none."""
        pinned = self.explorer.pinned
        self.buttons["pin"].description = "Pin" if pinned is None else "Unpin"
        if pinned is None:
            self.view.pin(None)
            return
        self._pinned = _encoded(pinned, {})
        self._label_pin()

    def _label_pin(self) -> None:
        header, data = self._pinned
        self.view.pin({**header, "label": self.explorer.pinned_label()}, data)

    def _pin_pressed(self) -> None:
        explorer = self.explorer
        explorer.tried(explorer.pin if explorer.pinned is None else explorer.unpin)

    def _code_shown(self, shown: bool) -> None:
        self.code_text.value = self.explorer.code()
        _show(self.shown_code, shown)

    def _link_pressed(self) -> None:
        _show(self.shown_link, True)
        self._copied(self.explorer.link(), "link")

    def _link_entered(self, text: str) -> None:
        explorer = self.explorer
        if not self._quiet and text != explorer.link():
            explorer.gesture(lambda: explorer.restore(links.read(text)))

    def _copied(self, text: str, what: str) -> None:
        self.link_text.value, self.code_text.value = self.explorer.link(), self.explorer.code()
        self.view.send({"copy": text})
        self.explorer.say(f"{what} copied: {text}" if what == "link" else f"{what} copied")

    def _export_pressed(self) -> None:
        self.explorer.tried(self._export)

    def _export(self) -> None:
        """Hand the chosen file to the page, which downloads it; where there is no page, write it here."""
        kind, name = self.kind.value, f"{self.explorer.name}{self.kind.value}"
        data = exports.exported(self.explorer, kind)
        if self.view.present:
            self.view.send({"download": name, "type": exports.KINDS[kind][1]}, [data])
        else:
            with whole_file(name) as file:
                file.write(data)
        self.explorer.say(f"{name} {'downloaded' if self.view.present else 'written'}: {len(data):,} bytes")


def _encoded(shown: Shown, positions: dict[str, float], startable: bool = False) -> Frame:
    recording, duration = shown.recording, float(shown.values["duration"])
    if isinstance(recording, Psychometric):
        fitted = fit(recording)
        weibull = None if fitted is None else {"alpha": fitted.alpha, "beta": fitted.beta}
        return psychometric_frame(points(recording), weibull, positions)
    return encode(recording, duration, positions, shown.portrait, startable, recording.start)


def _button(label: str, tooltip: str, act: Any) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, tooltip=tooltip)
    button.on_click(lambda _: act())
    return button


def _box(kind: type[ipywidgets.Box], children: list[ipywidgets.Widget], name: str) -> ipywidgets.Box:
    box = kind(children)
    box.add_class(name)
    return box


def _fold(label: str, tooltip: str, shown: Any) -> ipywidgets.ToggleButton:
    button = ipywidgets.ToggleButton(value=False, description=label, tooltip=tooltip)
    button.observe(lambda change: shown(change.new), "value")
    return button


def _show(box: ipywidgets.Box, shown: bool) -> None:
    box.layout.display = "" if shown else "none"
