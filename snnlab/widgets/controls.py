"""One control for one declared parameter: a labelled number box and, where dragging makes sense, a slider."""

import math
from collections.abc import Callable
from typing import Any

import ipywidgets

from snnlab.core.parameters import ABOVE_ZERO, Parameter

STEPS = 200  # positions of a slider, about


class Scale:
    """Where a value stands on a slider's track, 0 to 1, and which round value stands at a position.

    A logarithmic scale that begins at zero is ``asinh``, so that zero can be reached: linear near zero,
    logarithmic above a thousandth of its end.
    """

    def __init__(self, parameter: Parameter):
        low, high = parameter.slider
        default = float(parameter.default)
        if not math.isfinite(high):
            high = 4.0 * abs(default) or 10.0
        if not math.isfinite(low):
            low = -high
        self.low, self.high = (0.0 if low == ABOVE_ZERO else float(low)), float(high)
        self.log = parameter.log and self.low >= 0.0
        self.positive = parameter.bounds[0] == ABOVE_ZERO
        self._quantum = _round_number((self.high - self.low) / STEPS)
        if self.positive and self.low == 0.0:
            self.low = self.high / 1000.0 if self.log else self._quantum
        self._knee = self.high / 1000.0
        self.step = 1.0 / STEPS if self.log else min(1.0, self._quantum / (self.high - self.low))

    def position(self, value: float) -> float:
        """The place of ``value``, 0 to 1; a value beyond the slider's ends stands at the end."""
        value = min(max(value, self.low), self.high)
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if self.low > 0.0:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return math.asinh(value / self._knee) / math.asinh(self.high / self._knee)

    def value(self, position: float) -> float:
        """The value at a place: rounded, so that labels stay short; exact at the ends."""
        if position <= 0.0 or position >= 1.0:
            return self.low if position <= 0.0 else self.high
        if not self.log:
            exact = self.low + position * (self.high - self.low)
            return float(f"{round(exact / self._quantum) * self._quantum:.12g}")
        if self.low > 0.0:
            exact = self.low * (self.high / self.low) ** position
        else:
            exact = self._knee * math.sinh(position * math.asinh(self.high / self._knee))
        return float(f"{exact:.3g}")


def _round_number(rough: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return max(m * power for m in (1, 2, 5) if m * power <= rough * (1 + 1e-9))


class Control:
    """The widgets of one parameter. ``changed(name, value)`` is called when somebody moves or types.

    A whole number has no slider: it is a size, and each new one is compiled anew.
    """

    def __init__(self, parameter: Parameter, value: float, changed: Callable[[str, Any], None]):
        self.name = parameter.name
        self._changed = changed
        self._quiet = False
        label = f"{parameter.name} ({parameter.unit})" if parameter.unit else parameter.name
        wide = {"description_width": "auto"}
        kind = ipywidgets.IntText if parameter.integer else ipywidgets.FloatText
        self.box = kind(value=value, description=label, tooltip=parameter.doc, style=wide)
        self.box.observe(lambda change: self._touched(change.new), "value")
        parts = [self.box]
        self.scale: Scale | None = None
        self.slider: ipywidgets.FloatSlider | None = None
        if not parameter.integer:
            self.scale = Scale(parameter)
            self.slider = ipywidgets.FloatSlider(
                value=self.scale.position(value), min=0.0, max=1.0, step=self.scale.step, readout=False,
                tooltip=parameter.doc,
            )  # fmt: skip
            self.slider.observe(lambda change: self._touched(self.scale.value(change.new)), "value")
            parts.append(self.slider)
        self.widget = ipywidgets.VBox(parts)
        self.widget.add_class("snnlab-control")
        self.widget.add_class(f"snnlab-parameter-{self.name}")
        self._shown = value

    def _touched(self, value: Any) -> None:
        if not self._quiet:
            self._changed(self.name, value)

    def show(self, value: float) -> None:
        """Show ``value`` without reporting it; a slider that stands for it stays where the hand has it."""
        self._quiet = True
        try:
            self.box.value = value
            if self.slider is not None and self.scale.value(self.slider.value) != value:
                self.slider.value = self.scale.position(value)
        finally:
            self._quiet = False

    def position(self) -> float | None:
        """Where the slider stands, 0 to 1; None without a slider."""
        return None if self.slider is None else float(self.slider.value)
