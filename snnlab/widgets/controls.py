"""One control for one declared parameter: a labelled number box and, where dragging makes sense, a slider."""

import math
from collections.abc import Callable
from typing import Any

import ipywidgets

from snnlab.core.parameters import ABOVE_ZERO, Parameter

STEPS = 200  # positions of a slider, about


class Scale:
    """How a slider's own number stands for a value.

    A linear slider is in the parameter's unit. A logarithmic one goes from 0 to 1; where its range begins at
    zero it is ``asinh``, so that zero can be reached: linear near it, logarithmic further up.
    """

    def __init__(self, parameter: Parameter):
        low, high = parameter.slider
        around = 4.0 * abs(float(parameter.default)) or 10.0  # where nobody said what is worth exploring
        if not math.isfinite(high):
            high = max(around, low + 1.0)
        if not math.isfinite(low):
            low = min(-around, high - 1.0)
        self.low, self.high = (0.0 if low == ABOVE_ZERO else float(low)), float(high)
        self.log = parameter.log and self.low >= 0.0
        quantum = _round_number((self.high - self.low) / STEPS)
        if parameter.bounds[0] == ABOVE_ZERO and self.low == 0.0:
            self.low = self.high / 1000.0 if self.log else quantum
        self._knee = self.high / 1000.0
        self.min, self.max, self.step = (
            (0.0, 1.0, 1.0 / STEPS) if self.log else (self.low, self.high, quantum)
        )

    def place(self, value: float) -> float:
        """The slider's number for ``value``; a value beyond the ends stands at the end."""
        value = min(max(value, self.low), self.high)
        if not self.log:
            return value
        if self.low > 0.0:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return math.asinh(value / self._knee) / math.asinh(self.high / self._knee)

    def value(self, place: float) -> float:
        """The value for a slider's number: rounded, so that it stays short; exact at the ends."""
        if place <= self.min or place >= self.max:
            return self.low if place <= self.min else self.high
        if not self.log:
            return round(self._on_grid(place), 2 + max(0, math.ceil(-math.log10(self.step)))) + 0.0
        if self.low > 0.0:
            return float(f"{self.low * (self.high / self.low) ** place:.3g}")
        return float(f"{self._knee * math.sinh(place * math.asinh(self.high / self._knee)):.3g}")

    def stop(self, value: float) -> float:
        """The slider's own stop nearest to ``value``: the page moves a handle that stands between two of them."""
        return min(self.max, self._on_grid(self.place(value)))

    def _on_grid(self, place: float) -> float:
        return self.min + round((place - self.min) / self.step) * self.step

    def fraction(self, value: float) -> float:
        """How far along the track ``value`` stands, 0 to 1."""
        return (self.place(value) - self.min) / (self.max - self.min)


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
            self.scale = scale = Scale(parameter)
            self.slider = ipywidgets.FloatSlider(
                value=scale.stop(value),
                min=scale.min,
                max=scale.max,
                step=scale.step,
                readout=False,
                tooltip=parameter.doc,
            )
            self._place = self.slider.value  # the last number that the slider was at
            self.slider.observe(lambda change: self._moved(change.new), "value")
            parts.append(self.slider)
        self.widget = ipywidgets.VBox(parts)
        self.widget.add_class("snnlab-control")
        self.widget.add_class(f"snnlab-parameter-{self.name}")

    def _touched(self, value: Any) -> None:
        if not self._quiet:
            self._changed(self.name, value)

    def _moved(self, place: float) -> None:
        # a page may send a slider's number back with another last digit: that is nobody's wish
        if abs(place - self._place) > 1e-6 * self.scale.step:
            self._place = place
            self._touched(self.scale.value(place))

    def show(self, value: float) -> None:
        """Show ``value`` without reporting it; a slider that stands for it stays where the hand has it."""
        self._quiet = True
        try:
            self.box.value = value
            if self.slider is not None and self.scale.value(self.slider.value) != value:
                self.slider.value = self._place = self.scale.stop(value)
        finally:
            self._quiet = False
