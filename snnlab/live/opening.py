"""A model function called with open values: what of it a page can compute anew from its sliders."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from snnlab.core.free import Conditions, Free, Needed, evaluated, opened
from snnlab.core.parameters import Parameter
from snnlab.widgets.subject import Subject

POINTS = 48  # random points of the sliders' ranges at which what was built is held against the model itself
TRIES = 2000
CORNERS = 12  # parameters up to which all corners of their ranges are looked at


@dataclasses.dataclass
class Fault:
    """A condition of the model that was built, and what is said where it does not hold.

    ``branch``: Python then builds the model in another way; otherwise it refuses the values.
    """

    condition: Any
    outcome: bool
    text: str
    branch: bool = False

    @property
    def names(self) -> list[str]:
        return sorted(self.condition.names) if isinstance(self.condition, Free) else []


class Opening:
    """The model that a function builds with some of its parameters open.

    ``fixed`` are the parameters whose number Python needs, a size for example, and those that are no number;
    ``ranges`` says between which values each of the others moves. ``other`` are points for which Python builds the
    model in another way.
    """

    def __init__(
        self,
        subject: Subject,
        values: Mapping[str, Any],
        more: Mapping[str, Any],
        ranges: Mapping[str, tuple[float, float]],
    ):
        self.subject, self.ranges, self.more = subject, dict(ranges), dict(more)
        self.parameters = {p.name: p for p in subject.parameters}
        self.fixed = {
            name: values[name] for name, p in self.parameters.items() if p.integer or name not in ranges
        }
        building = dataclasses.replace(subject, build=opened(subject.build))
        while True:
            self.conditions = Conditions()
            free = {
                name: Free.parameter(name, values[name], self.conditions)
                for name in self.parameters
                if name not in self.fixed
            }
            try:
                self.model = building.model({**free, **self.fixed, **self.more})
                break
            except Needed as needed:
                self.fixed |= {name: values[name] for name in needed.names}
        self.names = tuple(free)
        self.point = {name: values[name] for name in self.names}
        self.leaves, self.structure = jax.tree.flatten(self.model)
        self._compare()

    def at(self, point: Mapping[str, float], tree: Any = None) -> Any:
        """The model, or another tree of free values, with these values of the parameters."""
        leaves, structure = jax.tree.flatten(self.model if tree is None else tree)
        return jax.tree.unflatten(structure, evaluated(leaves, point, compiled=False))

    def built(self, point: Mapping[str, float]) -> Any:
        """The model as its function builds it. Raises ValueError where it refuses the values."""
        return self.subject.model({**point, **self.fixed, **self.more})

    def random_points(self, n: int) -> Iterator[dict[str, float]]:
        rng = np.random.default_rng(1)
        for _ in range(n):
            yield {name: self._between(name, rng.random()) for name in self.names}

    def generic(self) -> dict[str, float]:
        """Values among which nothing is equal that need not be."""
        deciding = {name: self.point[name] for fault in self.faults if fault.branch for name in fault.names}
        for held in ({}, deciding):  # a branch may be that of one value, such as 0
            for point in self.random_points(TRIES):
                if self.broken(point := {**point, **held}) is None:
                    return point
        raise ValueError(
            f"{self.subject.name}: hardly any values in the sliders' ranges go together; choose narrower ranges."
        )

    def corners(self, names: Iterable[str]) -> Iterator[dict[str, float]]:
        """The corners of the ranges of these parameters; of many parameters a random choice of corners."""
        names = sorted(names)
        if len(names) <= CORNERS:
            yield from (
                dict(zip(names, ends, strict=True))
                for ends in itertools.product(*(self.ranges[n] for n in names))
            )
            return
        rng = np.random.default_rng(2)
        for _ in range(2**CORNERS):
            yield {name: self.ranges[name][rng.integers(2)] for name in names}

    def highest(self, value: Any) -> float:
        """The largest value within the ranges of what grows or falls with each parameter."""
        if not isinstance(value, Free):
            return float(np.max(value))
        return max(
            float(np.max(evaluated([value], corner, False)[0])) for corner in self.corners(value.names)
        )

    def broken(self, point: Mapping[str, float]) -> int | None:
        """The number of the first condition that does not come out at this point as it did."""
        conditions = [condition for condition, _ in self.conditions]
        with np.errstate(all="ignore"):
            found = evaluated(conditions, point, compiled=False)
        for i, ((_, outcome), value) in enumerate(zip(self.conditions, found, strict=True)):
            if bool(value) != outcome:
                return i
        return None

    def _between(self, name: str, share: float) -> float:
        low, high = self.ranges[name]
        if self.parameters[name].log and low > 0:
            return float(low * (high / low) ** share)
        return float(low + (high - low) * share)

    def _points(self) -> Iterator[dict[str, float]]:
        yield self.point
        for name in self.names:
            for end in self.ranges[name]:
                yield {**self.point, name: end}
        for changes in self.subject.look.presets.values():
            yield {**self.point, **{name: float(v) for name, v in changes.items() if name in self.names}}
        yield from self.random_points(POINTS)

    def _compare(self) -> None:
        """Holds what was built against the model itself; finds out what each condition is about."""
        self.faults = [
            Fault(
                condition, outcome, f"These values do not go together: {', '.join(sorted(condition.names))}."
            )
            for condition, outcome in self.conditions
        ]
        self.other: list[dict[str, float]] = []
        for point in self._points():
            which = self.broken(point)
            try:
                model = self.built(point)
            except ValueError as error:
                if which is None:
                    raise ValueError(
                        f"{self.subject.name}: a page cannot know that these values are refused ({error}): write "
                        "the check as a comparison of the parameters."
                    ) from None
                fault = self.faults[which]
                fault.text = (
                    f"These values do not go together: {', '.join(fault.names)}. For instance: {error}"
                )
                continue
            if which is not None:
                fault = self.faults[which]
                fault.branch = True
                fault.text = (
                    f"With these values the model is built in another way ({', '.join(fault.names)})."
                )
                self.other.append(point)
            elif not self._same(model, point):
                raise ValueError(
                    f"{self.subject.name}: with {point} the function builds another model than its open values say; "
                    "write it with arithmetic, math and numpy only."
                )

    def _same(self, model: Any, point: Mapping[str, float]) -> bool:
        leaves, structure = jax.tree.flatten(model)
        mine = evaluated(self.leaves, point, compiled=False)
        return structure == self.structure and all(
            np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=0.0)
            for a, b in zip(leaves, mine, strict=True)
        )


def span(parameter: Parameter, *values: float) -> tuple[float, float]:
    """The values a slider of this parameter moves over, widened to hold ``values``."""
    low, high = parameter.slider
    known = [float(v) for v in (parameter.default, *values)]
    size = max(1.0, *(2 * abs(v) for v in known))
    low = min(known) - size if not math.isfinite(low) else low
    high = max(known) + size if not math.isfinite(high) else high
    low, high = min(low, *known), max(high, *known)
    return max(low, parameter.bounds[0]), min(high, parameter.bounds[1])
