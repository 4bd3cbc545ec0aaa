"""The settings of an explorer: parameter values by name, checked one by one, as plain numbers."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from snnlab.core.parameters import ABOVE_ZERO, Parameter, unknown

Number = float | int


def _run_parameter(name: str, default: Number, unit: str, doc: str, **more: Any) -> Parameter:
    bounds, slider = more.pop("bounds"), more.pop("slider")
    integer = isinstance(default, int)
    return Parameter(name, default, unit, doc, bounds, slider, more.get("log", False), integer, True)


RUN_PARAMETERS = (
    _run_parameter(
        "duration", 500.0, "ms", "model time of a run", bounds=(ABOVE_ZERO, 1e6), slider=(100.0, 2000.0)
    ),
    _run_parameter("dt", 0.1, "ms", "time step", bounds=(ABOVE_ZERO, 10.0), slider=(0.02, 0.5), log=True),
    _run_parameter("seed", 0, "", "seed of the random numbers", bounds=(0, 2**31 - 1), slider=(0, 2**31 - 1)),
)


class Settings(Mapping[str, Number]):
    """The values of a model's parameters and of ``duration``, ``dt`` and ``seed``, all of them legal.

    Reading is by name, ``settings["g_inh"]``; ``update`` checks all it is given before it changes anything.
    """

    def __init__(self, owner: str, parameters: Iterable[Parameter], start: Mapping[str, Any]):
        self.owner = owner
        self.parameters = {p.name: p for p in parameters}
        for parameter in RUN_PARAMETERS:
            if parameter.name in self.parameters:
                raise ValueError(f'{owner}: the name "{parameter.name}" belongs to the run; choose another.')
            self.parameters[parameter.name] = parameter
        self._values: dict[str, Number] = {
            p.name: p.default for p in self.parameters.values() if _is_number(p.default)
        }
        self._values.update(self.checked(start))
        self.start = dict(self._values)

    def __getitem__(self, name: str) -> Number:
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def checked(self, values: Mapping[str, Any]) -> dict[str, Number]:
        """``values`` as plain floats and ints. Raises ValueError naming what is wrong and what is allowed."""
        good = {}
        for name, value in values.items():
            if not isinstance(name, str) or name not in self.parameters:
                raise ValueError(unknown(f"{self.owner} has no parameter", str(name)[:60], self.parameters))
            if isinstance(value, (str, bytes, Mapping, list, tuple, set, bool, np.bool_)) or value is None:
                raise ValueError(f"{self.owner}: {name} must be a number, not {_short(value)}.")
            number = self.parameters[name].check(self.owner, value)
            if np.ndim(number):
                raise ValueError(f"{self.owner}: {name} must be one number in an explorer, not an array.")
            good[name] = int(number) if self.parameters[name].integer else float(number)
        return good

    def update(self, values: Mapping[str, Any]) -> bool:
        """Change the values given, or none: raises ValueError. Says whether anything is different now."""
        good = self.checked(values)
        different = any(self._values.get(name) != value for name, value in good.items())
        self._values.update(good)
        return different

    def defaults(self) -> dict[str, Number]:
        """The declared defaults of the model's parameters, without those of the run."""
        run = {p.name for p in RUN_PARAMETERS}
        return {n: p.default for n, p in self.parameters.items() if n in self._values and n not in run}

    def changed(self) -> dict[str, Number]:
        """The model's parameters that differ from their declared defaults."""
        return {name: self[name] for name, default in self.defaults().items() if self[name] != default}

    def structure(self) -> tuple[int, ...]:
        """The whole numbers among the model's values: sizes, whose change makes JAX compile again."""
        sizes = (name for name in self if self.parameters[name].integer and name != "seed")
        return tuple(int(self[name]) for name in sizes)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
