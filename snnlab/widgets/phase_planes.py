"""What an explorer shows of a two-variable system: its phase plane with the run as a path, and a sentence about it."""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from snnlab import analysis
from snnlab.analysis import FixedPoint, Trajectory
from snnlab.core.rates import RateSystem
from snnlab.core.recording import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARROWS = 17  # a side
PATHS = 20  # trials whose paths are drawn
POINTS = 1000  # of a path that are drawn
NEAR = 0.01  # of the window: a run that ends so near a fixed point has come to it


class Arrays(Protocol):
    """Where the numbers of a panel are put; its header keeps the number that ``add`` gives."""

    def add(self, array: np.ndarray) -> int: ...


def portrait(model: Any) -> "Portrait | None":
    """The phase portrait of a two-variable model, of a noisy one without its noise; None of any other model."""
    system = getattr(model, "system", model)
    if not isinstance(system, RateSystem) or len(system.variables) != 2:
        return None
    return Portrait(system, noisy=system is not model)


class Portrait:
    """The phase portrait of a two-variable system: computed once, for all frames of a run."""

    def __init__(self, system: RateSystem, noisy: bool = False):
        self.system, self.variables, self.noisy = system, tuple(system.variables), noisy
        self.units: Mapping[str, str] = getattr(system, "units", {})  # of what is not a plain number

    @functools.cached_property
    def points(self) -> list[FixedPoint]:
        """The fixed points in the window."""
        return analysis.fixed_points(self.system)

    def paths(self, recording: Recording) -> np.ndarray:
        """The states of a run [trials, T, 2]."""
        first, second = (np.asarray(recording[name]) for name in self.variables)
        return np.stack([np.atleast_2d(first.T), np.atleast_2d(second.T)], -1)

    def panel(self, arrays: Arrays, recording: Recording, startable: bool) -> dict[str, Any]:
        """The panel of a frame. ``startable`` says that a click may choose another start.

        Where a nullcline lies outside the window the panel says so and shows the rest.
        """
        paths = self.paths(recording)[:PATHS, :: max(1, -(-len(recording.t) // POINTS))]
        return {
            "kind": "phase plane",
            "title": "phase plane",
            "alt": f"phase plane of {' and '.join(self.variables)}",
            "axes": list(self.variables),
            "startable": startable,
            "starts": np.unique(paths[:, 0], axis=0).tolist(),
            "paths": [_curve(arrays, path) for path in paths],
            **self._background(arrays),
        }

    def traces(self, recording: Recording) -> dict[str, np.ndarray]:
        """What is drawn over time beside the plane: all that was recorded."""
        return recording.samples

    @functools.cached_property
    def _drawn(self) -> dict[str, Any]:
        """What stands behind the paths: it takes longer to find than a frame of live mode lasts."""
        states, flow = analysis.vector_field(self.system, ARROWS)
        low, high = states[0, 0], states[-1, -1]
        arrows = flow / (high - low)
        speed = np.linalg.norm(arrows, axis=-1, keepdims=True)
        arrows = np.divide(arrows, speed, out=np.zeros_like(arrows), where=speed > 0.0)
        try:
            lines, note = analysis.nullclines(self.system), ""
        except ValueError as error:
            lines, note = {}, str(error)
        separatrix = analysis.separatrix(self.system, points=self.points)
        return {"states": states, "arrows": arrows, "lines": lines, "note": note, "separatrix": separatrix}

    def _background(self, arrays: Arrays) -> dict[str, Any]:
        drawn = self._drawn
        branches = [
            {
                "name": name,
                "colour": self.variables.index(name),
                "lines": [_curve(arrays, each) for each in found],
            }
            for name, found in drawn["lines"].items()
        ]
        field = {"states": _curve(arrays, drawn["states"]), "flow": _curve(arrays, drawn["arrows"])}
        return {
            "low": drawn["states"][0, 0].tolist(),
            "high": drawn["states"][-1, -1].tolist(),
            "field": {"n": ARROWS, **field},
            "nullclines": branches,
            "separatrix": [_curve(arrays, each) for each in drawn["separatrix"]],
            "points": [{"kind": point.kind, "state": point.state.tolist()} for point in self.points],
            "note": drawn["note"],
        }

    def sentence(self, recording: Recording) -> str:
        """The fixed points, and where the run ended; of noisy runs, in whose basin."""
        paths = self.paths(recording)
        start, end, size = _place(paths[0, 0]), paths[0, -1], np.diff(self.system.window)[:, 0]
        if len(paths) > 1 or self.noisy:
            return f"{self._counted()}; {self._basins(paths)}"
        for point in self.points:
            if np.max(np.abs(point.state - end) / size) < NEAR:
                return f"{self._counted()}; from {start} to the {point.kind} at {_place(point.state)}"
        return f"{self._counted()}; from {start} to {_place(end)}, still moving"

    def _basins(self, paths: np.ndarray) -> str:
        stable = [point for point in self.points if point.stable]
        which = analysis.attractors_of(self.system, paths[:, -1], points=self.points)
        counts = [
            f"{np.sum(which == k)} in the basin of {_place(point.state)}"
            for k, point in enumerate(stable)
            if np.any(which == k)
        ]
        counts += [f"{np.sum(which < 0)} in none"] * bool(np.any(which < 0))
        return f"of {len(paths)} run{'s' * (len(paths) > 1)} ended {', '.join(counts)}"

    def _counted(self) -> str:
        kinds = Counter("stable" if point.stable else point.kind.split()[0] for point in self.points)
        parts = ", ".join(f"{n} {kind}{'s' * (kind == 'saddle' and n > 1)}" for kind, n in kinds.items())
        n = len(self.points)
        return f"{n} fixed point{'s' * (n > 1)}: {parts}" if n else "no fixed point in the window"

    def figure(self, recording: Recording) -> "Figure":
        """A matplotlib figure: the phase plane with the run, and the variables over time."""
        from snnlab import plots

        picture = plots.Picture(figsize=(10.0, 4.5), layout="constrained")
        left, right = picture.subplots(1, 2, width_ratios=(3, 2))
        paths = self.paths(recording)
        runs = [Trajectory(recording.t, path) for path in paths[:PATHS]]
        plots.phase_plane(self.system, left, trajectories=runs)
        courses = np.moveaxis(paths, 2, 0)  # [variables, runs, T], under whatever names they were recorded
        for name, course, line, colour in zip(
            self.variables, courses, plots.LINES, plots.COLOURS.values(), strict=False
        ):
            right.plot(recording.t, course.T, line, color=colour, linewidth=1.2)
            right.plot([], [], line, color=colour, label=name)
        right.set(xlabel="time (ms)")
        right.legend(frameon=False)
        right.spines[["top", "right"]].set_visible(False)
        picture.alt = f"Phase plane beside the variables over time. {self.sentence(recording)}."
        return picture


def _curve(arrays: Arrays, points: np.ndarray) -> int:
    return arrays.add(np.asarray(points, np.float32).ravel())


def _place(state: np.ndarray) -> str:
    return f"({', '.join(f'{value:.3g}' for value in state)})"
