"""Phase planes of two-variable systems: nullclines, fixed points, separatrices, trajectories, basins.

All of it in float64, for any system with two ``variables``, a ``window`` and a ``derivative`` (see
``snnlab.core.rates``). Time is in the system's own unit. ``window``, such as ``{"s2": (-0.5, 1.0)}``, replaces the
system's range of a variable. Every function raises ValueError for what is no two-variable system and for a window
that is none.
"""

import dataclasses
from typing import Any

import numpy as np
import scipy

from snnlab.analysis import planes
from snnlab.analysis.contours import zero_level
from snnlab.analysis.planes import Plane, Window
from snnlab.core.parameters import unknown

_SMOOTH = 2e-7  # how far, in windows, a nullcline's straight pieces may lie from the curve
_BATCH, _ROUND = 1024, 16  # states that are followed at a time, and steps between two looks at them


@dataclasses.dataclass(frozen=True, eq=False)
class FixedPoint:
    """Where a system stands still: the state [2], and what becomes of a small deviation.

    ``eigenvalues`` [2], in rising order, and ``eigenvectors`` [2, 2], in columns, are those of ``jacobian`` [2, 2];
    real numbers unless it is a focus or a centre. ``kind`` is "stable node", "unstable node", "saddle", "stable
    focus", "unstable focus", "centre", or "degenerate" when an eigenvalue is 0 and the linear part does not decide.
    """

    state: np.ndarray
    jacobian: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    kind: str

    @property
    def stable(self) -> bool:
        """Whether it attracts what is near."""
        return self.kind.startswith("stable")


@dataclasses.dataclass(frozen=True, eq=False)
class Trajectory:
    """A solution: times ``t`` [n] in the system's unit and ``states`` [n, 2]."""

    t: np.ndarray
    states: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Basin:
    """Which fixed point attracts what: ``attractors``, and on a grid of ``states`` [n, n, 2] their ``index`` [n, n].

    The first variable runs along the first axis. -1 stands for states that come to rest at none of them.
    """

    attractors: list[FixedPoint]
    states: np.ndarray
    index: np.ndarray


def vector_field(system: Any, n: int = 21, window: Window | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The flow on a grid: states [n, n, 2], the first variable along the first axis, and derivatives [n, n, 2]."""
    plane = Plane(system, window)
    states = plane.grid(_count(n, "n"))
    return states, plane.flow(states.reshape(-1, 2)).reshape(states.shape)


def nullclines(system: Any, window: Window | None = None, n: int = 151) -> dict[str, list[np.ndarray]]:
    """Where each variable stands still: by variable the branches, polylines [k, 2] of states.

    They are zero levels, so they may fold, stand upright, lie level and come in several pieces; a closed one ends
    where it starts. Corners lie on the curve, straight pieces within 1e-6 windows of it. ``n`` grid lines a side
    decide which branches are told apart; where a derivative touches zero without changing sign, none is found.
    Raises ValueError when a nullcline lies outside the window.
    """
    plane = Plane(system, window)
    n = _count(n, "n")
    # a hair wider than the window: a branch along its border still separates signs
    hair = 1e-9 * plane.size
    axes = [np.linspace(a, b, n) for a, b in zip(plane.low - hair, plane.high + hair, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    values = plane.flow(points.reshape(-1, 2)).reshape(points.shape)
    found = {}
    for which, name in enumerate(plane.variables):
        branches = zero_level(values[..., which], points, lambda a, b, i=which: _between(plane, a, b, i))
        if not branches:
            raise ValueError(
                f"The nullcline of {name} lies outside the window ({plane.described()}); widen it."
            )
        found[name] = [np.clip(line, plane.low, plane.high) for line in _smooth(plane, branches, which)]
    return found


def nullcline_at(
    system: Any, variable: str, *, window: Window | None = None, n: int = 2001, **at: float
) -> np.ndarray:
    """Where the nullcline of ``variable`` meets the line on which the one variable in ``at`` has that value.

    ``nullcline_at(system, "s1", s1=0.2)`` are the s2, in rising order, at which ds1/dt = 0 while s1 = 0.2. Raises
    ValueError when there is none in the window.
    """
    plane = Plane(system, window)
    for name in (variable, *at):
        if name not in plane.variables:
            raise ValueError(unknown(f"{plane.name} has no variable", name, plane.variables))
    if len(at) != 1:
        raise ValueError(f"nullcline_at needs the value of one variable, such as {plane.variables[0]}=0.1.")
    ((fixed, value),) = at.items()
    free = 1 - plane.variables.index(fixed)
    line = np.empty((_count(n, "n"), 2))
    line[:, 1 - free] = value
    line[:, free] = np.linspace(plane.low[free], plane.high[free], len(line))
    which = plane.variables.index(variable)
    positive = plane.flow(line)[:, which] >= 0.0
    (k,) = np.nonzero(positive[:-1] != positive[1:])
    found = _between(plane, line[k], line[k + 1], which)[:, free] if len(k) else np.empty(0)
    if not len(found := found[np.isfinite(found)]):
        raise ValueError(
            f"The nullcline of {variable} does not meet {fixed} = {value:g} in the window ({plane.described()})."
        )
    return found


def fixed_points(system: Any, window: Window | None = None) -> list[FixedPoint]:
    """All fixed points in the window, by rising first variable, then second.

    Newton's method from a grid of states and from every cell in which both derivatives change sign; what it finds
    twice is listed once. Two fixed points are told apart when they lie more than 1e-6 windows from each other.
    Raises ValueError when they form a line instead.
    """
    return _fixed_points(Plane(system, window))


def _fixed_points(plane: Plane) -> list[FixedPoint]:
    grid = plane.grid(81)
    values = plane.flow(grid.reshape(-1, 2)).reshape(grid.shape)
    signs = np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]]) >= 0.0
    mixed = np.all(np.any(signs, axis=0) & ~np.all(signs, axis=0), axis=-1)
    centres = 0.5 * (grid[:-1, :-1] + grid[1:, 1:])[mixed][:2000]
    corners = np.concatenate([grid[:-1, :-1][mixed][:2000], grid[1:, 1:][mixed][:2000]])
    seeds = np.concatenate([plane.grid(13).reshape(-1, 2), centres, corners])
    found, zero = plane.run(planes.newton, seeds, plane.size)
    found = found[zero & np.all(np.isfinite(found), axis=1)]
    distinct: list[np.ndarray] = []
    for state in found[plane.inside(found)]:
        if all(np.max(np.abs(state - other) / plane.size) > 1e-6 for other in distinct):
            distinct.append(state)
        if len(distinct) > 100:
            raise ValueError(f"The fixed points of {plane.name} in {plane.described()} are not isolated.")
    if not distinct:
        return []
    # rounded: mirror images do not change places by the last bit
    distinct.sort(key=lambda state: tuple(np.round(state / plane.size, 7)))
    states = np.array(distinct)
    return [
        _fixed_point(state, J, plane.size) for state, J in zip(states, plane.jacobian(states), strict=True)
    ]


def _fixed_point(state: np.ndarray, jacobian: np.ndarray, size: np.ndarray) -> FixedPoint:
    values, vectors = np.linalg.eig(jacobian)
    order = np.lexsort((values.imag, values.real))
    values, vectors = values[order], vectors[:, order]
    # in windows, the Jacobian's entries are comparable with its eigenvalues
    small = 1e-8 * np.linalg.norm(jacobian * size[None, :] / size[:, None])
    low, high = values.real
    if np.iscomplexobj(values) and np.any(values.imag):
        kind = "centre" if abs(high) <= small else "stable focus" if high < 0.0 else "unstable focus"
    elif np.any(np.abs(values) <= small):
        kind = "degenerate"
    elif low < 0.0 < high:
        kind = "saddle"
    else:
        kind = "stable node" if high < 0.0 else "unstable node"
    return FixedPoint(state, jacobian, values, vectors, kind)


def separatrix(
    system: Any, window: Window | None = None, *, points: list[FixedPoint] | None = None
) -> list[np.ndarray]:
    """The stable manifold of every saddle in the window, a polyline [k, 2] through the saddle: where basins part.

    Followed back in time from the saddle, both ways, until it leaves the window or comes to rest. Empty without a
    saddle. ``points`` are the fixed points in the window where they are known already.
    """
    plane = Plane(system, window)
    found = _fixed_points(plane) if points is None else points
    saddles = [point for point in found if point.kind == "saddle"]
    if not saddles:
        return []
    starts = []
    for saddle in saddles:
        away = saddle.eigenvectors[:, 0] / np.linalg.norm(saddle.eigenvectors[:, 0] / plane.size)
        starts += [saddle.state - 1e-5 * away, saddle.state + 1e-5 * away]
    paths = plane.run(
        planes.backwards, np.array(starts), plane.low, plane.high, 0.004, plane.time_step(), 4096
    )
    lines = []
    for k, saddle in enumerate(saddles):
        left, right = (_within(plane, path) for path in paths[2 * k : 2 * k + 2])
        lines.append(np.concatenate([left[::-1], saddle.state[None], right]))
    return lines


def trajectory(system: Any, start: Any, duration: float, n: int = 501) -> Trajectory:
    """The solution from ``start`` [2] over ``duration``, in the system's unit of time, at ``n`` even times.

    Adaptive Runge-Kutta of order 8 (Dormand & Prince, 1980), local error 1e-10. A negative duration goes back in
    time. Raises ValueError for a start that is no state, a duration of 0 and a solution that runs away to infinity.
    """
    plane = Plane(system)
    state = plane.states(start, "start")
    if state.shape != (2,):
        raise ValueError(f"start must be one state of shape (2,), not {state.shape}.")
    if not np.isfinite(duration) or duration == 0.0:
        raise ValueError(f"duration must be a finite time other than 0, not {duration!r}.")

    def derivative(_t: float, x: np.ndarray) -> np.ndarray:
        return plane.flow(x[None])[0]

    times = np.linspace(0.0, duration, _count(n, "n"))
    with np.errstate(all="ignore"):
        solved = scipy.integrate.solve_ivp(
            derivative, (0.0, duration), state, "DOP853", times, rtol=1e-10, atol=1e-12 * np.min(plane.size)
        )
    if not solved.success or not np.all(np.isfinite(solved.y)):
        raise ValueError(f"The trajectory of {plane.name} from {state} runs away before {duration:g}.")
    return Trajectory(times, solved.y.T)


def basin(system: Any, n: int = 101, window: Window | None = None) -> Basin:
    """Which stable fixed point attracts every state on a grid of n x n."""
    plane = Plane(system, window)
    points = _fixed_points(plane)
    states = plane.grid(_count(n, "n"))
    index = _settled(plane, states.reshape(-1, 2), points)
    return Basin([point for point in points if point.stable], states, index.reshape(states.shape[:2]))


def attractors_of(
    system: Any, states: Any, window: Window | None = None, *, points: list[FixedPoint] | None = None
) -> np.ndarray:
    """Into which of the stable fixed points in the window each of ``states`` [n, 2] runs: its number [n], -1 for none.

    Stable fixed points are numbered in the order of ``fixed_points``, whose result may be handed over as ``points``.
    Raises ValueError for what are no states.
    """
    plane = Plane(system, window)
    states = plane.states(states, "states")
    if states.ndim != 2:
        raise ValueError(f"states must be of shape (n, 2), not {states.shape}.")
    return _settled(plane, states, _fixed_points(plane) if points is None else points)


def _settled(plane: Plane, starts: np.ndarray, points: list[FixedPoint]) -> np.ndarray:
    """Into which of the stable ``points`` each of the ``starts`` [n, 2] runs: its number, -1 for none.

    A batch at a time: states that have arrived make room for others, so that the slow ones hold up nobody.
    """
    index, dt = np.full(len(starts), -1), plane.time_step()
    targets = np.array([point.state for point in points if point.stable])
    if not len(targets):
        return index
    gaps = [np.linalg.norm((a.state - b.state) / plane.size) for a in points for b in points if a is not b]
    near = min(0.01, 0.1 * min(gaps, default=1.0))
    which, states, waiting = np.empty(0, int), np.empty((0, 2)), 0
    age = np.zeros(len(starts), int)
    while len(which) or waiting < len(starts):
        more = slice(waiting, waiting + _BATCH - len(which))
        waiting = min(more.stop, len(starts))
        which = np.concatenate([which, np.arange(more.start, waiting)])
        states = np.concatenate([states, starts[more]])
        room = _BATCH if len(which) > _BATCH // 8 else _BATCH // 8  # two sizes: two compilations
        padded = np.pad(states, ((0, room - len(states)), (0, 0)), mode="edge")
        states, moves = (x[: len(which)] for x in plane.run(planes.ahead, padded, plane.size, dt, _ROUND))
        age[which] += _ROUND
        distance = np.linalg.norm((states[:, None] - targets) / plane.size, axis=-1)
        here = np.min(distance, axis=1) < near
        index[which[here]] = np.argmin(distance[here], axis=1)
        # what stands elsewhere is on a saddle, say; what is far away, or not a number, does not come back
        close = np.all(np.abs(states - plane.low - 0.5 * plane.size) < 20.0 * plane.size, axis=1)
        goes_on = ~here & moves & close & (age[which] < 5000)
        which, states = which[goes_on], states[goes_on]
    return index


def _count(n: Any, name: str) -> int:
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 2:
        raise ValueError(f"{name} must be a whole number of at least 2, not {n!r}.")
    return int(n)


def _between(plane: Plane, starts: np.ndarray, ends: np.ndarray, which: int) -> np.ndarray:
    padded = np.empty((1 << max(len(ends) - 1, 0).bit_length(), 2))
    padded[: len(ends)], padded[len(ends) :] = ends, ends[-1]
    return plane.run(planes.edge_zeros, starts, padded, which)


def _smooth(plane: Plane, lines: list[np.ndarray], which: int) -> list[np.ndarray]:
    """The lines with as many more corners as their bends need."""
    cuts = np.cumsum([len(line) - 1 for line in lines])[:-1]
    starts, ends = np.concatenate([x[:-1] for x in lines]), np.concatenate([x[1:] for x in lines])
    if not len(starts):
        return lines
    middle = 0.5 * (starts + ends)
    bend = np.max(np.abs(plane.run(planes.project, middle, which, plane.size) - middle) / plane.size, axis=1)
    # halving a piece quarters its distance from the curve; two is for bends that are not round
    parts = np.clip(np.ceil(2.0 * np.sqrt(np.nan_to_num(bend) / _SMOOTH)), 1, 64).astype(int)
    first = np.cumsum(parts) - parts
    share = (np.arange(parts.sum()) - np.repeat(first, parts)) / np.repeat(parts, parts)
    points = np.repeat(starts, parts, 0) + share[:, None] * np.repeat(ends - starts, parts, 0)
    points = np.where(share[:, None] > 0.0, plane.run(planes.project, points, which, plane.size), points)
    return [
        np.concatenate([piece, line[-1:]])
        for piece, line in zip(np.split(points, first[cuts]), lines, strict=True)
    ]


def _within(plane: Plane, path: np.ndarray) -> np.ndarray:
    """A path up to where it leaves the window, ending on the border; without the points where it stands."""
    path = path[np.concatenate([[True], np.any(np.diff(path, axis=0) != 0.0, axis=1)])]
    outside = ~np.all((path >= plane.low) & (path <= plane.high), axis=1)
    if not np.any(outside):
        return path
    k = int(np.argmax(outside))
    if k == 0:
        return path[:0]
    inner, outer = path[k - 1], path[k]
    with np.errstate(divide="ignore", invalid="ignore"):
        border = np.where(outer > plane.high, plane.high, plane.low)
        shares = np.where((outer < plane.low) | (outer > plane.high), (border - inner) / (outer - inner), 1.0)
    end = np.clip(inner + np.min(shares) * (outer - inner), plane.low, plane.high)
    # a cubic through the last points, over the variable that leaves, instead of the chord
    axis = int(np.argmin(shares))
    x, y = path[max(k - 3, 0) : k + 1].T[[axis, 1 - axis]]
    if len(x) == 4 and (np.all(np.diff(x) > 0.0) or np.all(np.diff(x) < 0.0)):
        # Lagrange's form; SciPy's interpolators shuffle their nodes, and no two calls end on the same bit
        others = [np.delete(x, i) for i in range(4)]
        bent = sum(y[i] * np.prod((end[axis] - others[i]) / (x[i] - others[i])) for i in range(4))
        end[1 - axis] = np.clip(bent, plane.low[1 - axis], plane.high[1 - axis])
    return np.concatenate([path[:k], end[None]])
