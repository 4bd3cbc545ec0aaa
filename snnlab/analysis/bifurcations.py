"""One-parameter bifurcation diagrams of two-variable systems by pseudo-arclength continuation (Keller, 1977)."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from snnlab.analysis.phase_plane import fixed_points
from snnlab.analysis.planes import Plane, Window

_MOST = 4000  # points on a branch


@dataclasses.dataclass(frozen=True, eq=False)
class Branch:
    """A line of fixed points: parameter ``values`` [n], ``states`` [n, 2] and whether each is ``stable`` [n]."""

    values: np.ndarray
    states: np.ndarray
    stable: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Bifurcation:
    """Where fixed points change in number or kind: "fold", "pitchfork", "transcritical" or "Hopf"."""

    kind: str
    value: float
    state: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Diagram:
    """A bifurcation diagram over ``parameter``: its branches, and its bifurcations by rising parameter."""

    parameter: str
    branches: list[Branch]
    bifurcations: list[Bifurcation]


def bifurcation(
    model: Callable[..., Any],
    parameter: str,
    range: tuple[float, float],
    *,
    window: Window | None = None,
    starts: int = 9,
    **fixed: Any,
) -> Diagram:
    """All lines of fixed points of ``model(**{parameter: value}, **fixed)`` while the parameter runs through a range.

    Lines are followed from the fixed points at ``starts`` even values, through folds, until they leave the window
    or the range: a line that closes between two of these values is missed. Folds, pitchforks, transcritical and
    Hopf points are located to 1e-6 of the range or better. Raises ValueError for values that the model refuses, an
    empty range, and where ``nullclines`` would.
    """
    ends = np.asarray(range, float)
    if ends.shape != (2,) or not np.all(np.isfinite(ends)) or ends[0] >= ends[1]:
        raise ValueError(
            f"The range of {parameter} must be finite (low, high) with low < high, not {range!r}."
        )
    if starts < 2:
        raise ValueError(f"starts must be at least 2, not {starts!r}.")
    for value in ends:
        plane = Plane(model(**{parameter: float(value)}, **fixed), window)
    line = _Line(model, parameter, ends, fixed, plane)
    traced: list[np.ndarray] = []
    found: list[Bifurcation] = []
    for value in np.linspace(*ends, starts):
        for point in fixed_points(model(**{parameter: float(value)}, **fixed), window):
            here = np.append((point.state - plane.low) / plane.size, (value - ends[0]) / (ends[1] - ends[0]))
            if any(line.passes(path, here) for path in traced):
                continue
            path, special = line.follow(here)
            traced.append(path)
            for other in special:
                if all(not _same(other, known, ends, plane.size) for known in found):
                    found.append(other)
    branches = []
    for path in traced:
        _, J = line.evaluate(path)
        stable = (J[:, 0, 0] + J[:, 1, 1] < 0.0) & (np.linalg.det(J[:, :2, :2]) > 0.0)
        branches.append(Branch(line.value(path), line.state(path), stable))
    return Diagram(parameter, branches, sorted(found, key=lambda b: (b.value, tuple(np.round(b.state, 6)))))


def _same(a: Bifurcation, b: Bifurcation, ends: np.ndarray, size: np.ndarray) -> bool:
    # a pitchfork is met on each of its branches; states at folds and pitchforks are known to a root of the error
    near = abs(a.value - b.value) < 1e-5 * (ends[1] - ends[0])
    return a.kind == b.kind and near and bool(np.all(np.abs(a.state - b.state) < 5e-3 * size))


class _Line:
    """Points z = (state, parameter) [3], in windows and ranges, on which the derivative is 0."""

    def __init__(
        self,
        model: Callable[..., Any],
        parameter: str,
        ends: np.ndarray,
        fixed: Mapping[str, Any],
        plane: Plane,
    ):
        self._model, self._parameter = model, parameter
        self._fixed = {name: np.asarray(value, float) for name, value in fixed.items()}
        self._low = np.append(plane.low, ends[0])
        self._size = np.append(plane.size, ends[1] - ends[0])

    def state(self, z: np.ndarray) -> np.ndarray:
        return self._low[:2] + self._size[:2] * z[..., :2]

    def value(self, z: np.ndarray) -> np.ndarray:
        return self._low[2] + self._size[2] * z[..., 2]

    def _run(self, kernel: Any, *arrays: np.ndarray) -> Any:
        with jax.enable_x64(True):
            out = kernel(self._model, self._parameter, self._fixed, self._low, self._size, *arrays)
        return jax.tree.map(np.asarray, out)

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The derivative [n, 2] and its Jacobian [n, 2, 3], over the window's size, in points [n, 3]."""
        padded = np.repeat(z[-1:], 1 << (len(z) - 1).bit_length(), axis=0)
        padded[: len(z)] = z
        F, J = self._run(_evaluate, padded)
        return F[: len(z)], J[: len(z)]

    def correct(self, guess: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The point on the line across ``direction`` from ``guess``, with the Jacobian [2, 3]; None without one."""
        z, J, close = self._run(_correct, guess, direction)
        return (z, J) if close else None

    def passes(self, path: np.ndarray, here: np.ndarray) -> bool:
        """Whether the traced path goes through this very point."""
        side = path[:, 2] - here[2]
        (k,) = np.nonzero((side[:-1] <= 0.0) != (side[1:] <= 0.0))
        ends = [path[i] for i in (0, -1) if abs(side[i]) < 1e-9]
        for i in k:
            share = side[i] / (side[i] - side[i + 1])
            exact = self.correct(path[i] + share * (path[i + 1] - path[i]), np.array([0.0, 0.0, 1.0]))
            if exact is not None:
                ends.append(exact[0])
        return any(np.max(np.abs(end - here)) < 1e-6 for end in ends)

    def follow(self, here: np.ndarray) -> tuple[np.ndarray, list[Bifurcation]]:
        """The line through a point, both ways, and the bifurcations on it."""
        special: list[Bifurcation] = []
        halves = [list(self._walk(here, sign, special)) for sign in (1.0, -1.0)]
        return np.array([*halves[1][::-1], here, *halves[0]]), special

    def _walk(self, here: np.ndarray, sign: float, special: list[Bifurcation]) -> Iterator[np.ndarray]:
        found = self.correct(here, np.array([0.0, 0.0, 1.0]))
        if found is None:
            return
        z, J = found
        along, length, origin = sign * _unit(_across(J)), 0.005, z
        for k in np.arange(_MOST):
            after = self.correct(z + length * along, along)
            turned = -1.0
            if after is not None:
                ahead = _unit(_across(after[1]))
                turned = abs(float(ahead @ along))
            if after is None or turned < 0.97 or np.linalg.norm(after[0] - z) > 2.0 * length:
                length *= 0.5
                if length < 1e-7:
                    return
                continue
            last = self._border(z, after[0])
            special += self._between(z, along, J, after, last)
            if last is not None:
                yield last
                return
            flip = 1.0 if _across(after[1]) @ along > 0.0 else -1.0
            (z, J), along = after, flip * ahead
            yield z
            if k > 10 and np.linalg.norm(z - origin) < 0.5 * length and along @ (origin - z) > 0.0:
                return  # a closed line
            length = min(0.02, 1.3 * length)

    def _border(self, z: np.ndarray, after: np.ndarray) -> np.ndarray | None:
        """Where the step from ``z`` leaves the window or the range, None while it does not."""
        slack = 1e-12
        low, high = after < -slack, after > 1.0 + slack
        if not np.any(low | high):
            return None
        shares = np.where(
            low | high, (np.where(high, 1.0, 0.0) - z) / np.where(after == z, 1.0, after - z), 2.0
        )
        axis = int(np.argmin(shares))
        guess = z + min(1.0, max(0.0, shares[axis])) * (after - z)
        exact = self.correct(guess, np.eye(3)[axis])
        return guess if exact is None else exact[0]

    def _between(
        self,
        z: np.ndarray,
        along: np.ndarray,
        J: np.ndarray,
        after: tuple[np.ndarray, np.ndarray],
        last: np.ndarray | None,
    ) -> Iterator[Bifurcation]:
        """The bifurcations on the step from ``z`` to ``after``."""
        length = float((after[0] - z) @ along)
        limit = length if last is None else float((last - z) @ along)

        def test(measure: Callable[[np.ndarray], float]) -> Callable[[float], float]:
            def at(s: float) -> float:
                point = self.correct(z + s * along, along)
                return measure(J if point is None else point[1])

            return at

        def root(measure: Callable[[np.ndarray], float]) -> np.ndarray | None:
            if measure(J) * measure(after[1]) >= 0.0:
                return None
            s = float(scipy.optimize.brentq(test(measure), 0.0, length, xtol=1e-13))  # pyright: ignore[reportArgumentType]
            point = self.correct(z + s * along, along)
            return z + s * along if s > limit else z + s * along if point is None else point[0]

        # the tangent is the cross product of the Jacobian's rows, and its last part is the determinant over states
        branching = root(lambda J: float(_across(J) @ along))
        fold = root(lambda J: float(_across(J)[2])) if branching is None else None
        hopf = root(lambda J: float(J[0, 0] + J[1, 1]))
        for point, kind in ((branching, "branching"), (fold, "fold"), (hopf, "Hopf")):
            if point is None or float((point - z) @ along) > limit + 1e-12:
                continue
            _, slope = self.evaluate(point[None])
            if kind == "Hopf" and np.linalg.det(slope[0, :, :2]) <= 0.0:
                continue  # a saddle whose eigenvalues cancel
            if kind == "branching":
                point = self._polished(point)
                kind = self._branching(point)
            yield Bifurcation(kind, float(self.value(point)), self.state(point))

    def _polished(self, z: np.ndarray) -> np.ndarray:
        """A branch point from one nearby: across it the line's own equations lose their hold."""
        left, _, _ = np.linalg.svd(self.evaluate(z[None])[1][0])
        exact = self._run(_branch_point, z, left[:, 1])
        return exact if np.all(np.abs(exact - z) < 0.02) else z

    def _branching(self, z: np.ndarray) -> str:
        """Pitchfork or transcritical: whether the second derivative along the null direction vanishes."""
        _, J = self.evaluate(z[None])
        left, _, right = np.linalg.svd(J[0, :, :2])
        null = np.append(right[1], 0.0)
        step = 1e-3
        F, _ = self.evaluate(np.array([z + step * null, z, z - step * null]))
        F2, _ = self.evaluate(np.array([z + 2 * step * null, z, z - 2 * step * null]))
        second = float(left[:, 1] @ (F[0] - 2 * F[1] + F[2])) / step**2
        # odd part: the cubic term that a pitchfork has instead
        third = float(left[:, 1] @ (F2[0] - F2[2] - 2 * (F[0] - F[2]))) / (2 * step**3)
        return "pitchfork" if abs(second) <= 1e-2 * abs(third) else "transcritical"


def _across(J: np.ndarray) -> np.ndarray:
    return np.cross(J[0], J[1])


def _unit(v: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(v)
    return v / size if size > 0.0 else v


def _scaled(model, parameter, fixed, low, size):
    def derivative(z):
        place = low + size * z
        return model(**{parameter: place[2]}, **fixed).derivative(place[:2]) / size[:2]

    return derivative


@functools.partial(jax.jit, static_argnums=(0, 1))
def _evaluate(model, parameter, fixed, low, size, z):
    derivative = _scaled(model, parameter, fixed, low, size)
    return jax.vmap(derivative)(z), jax.vmap(jax.jacfwd(derivative))(z)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _correct(model, parameter, fixed, low, size, guess, direction):
    derivative = _scaled(model, parameter, fixed, low, size)
    slope = jax.jacfwd(derivative)

    def step(_, z):
        J, F = slope(z), derivative(z)
        # the cross products are the columns of the inverse, but for the determinant
        across = jnp.cross(J[0], J[1])
        det = across @ direction
        move = (F[0] * jnp.cross(J[1], direction) + F[1] * jnp.cross(direction, J[0])) / det
        return z - jnp.where(jnp.all(jnp.isfinite(move)), move, 0.0)

    z = jax.lax.fori_loop(0, 8, step, guess)
    J = slope(z)
    close = jnp.all(jnp.abs(derivative(z)) <= 1e-9 * jnp.linalg.norm(J, axis=1))
    return z, J, close & jnp.all(jnp.isfinite(z))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _branch_point(model, parameter, fixed, low, size, guess, left):
    """Newton on Moore's (1980) system, regular at simple branch points: F + e w = 0, J' w = 0, w' w = 1."""
    derivative = _scaled(model, parameter, fixed, low, size)

    def system(u):
        z, e, w = u[:3], u[3], u[4:]
        # rows of J in the unit of the largest, so that the six equations are of one size
        return jnp.concatenate(
            [derivative(z) / unit + e * w, w @ jax.jacfwd(derivative)(z) / unit, w[None] @ w - 1]
        )

    unit = jnp.linalg.norm(jax.jacfwd(derivative)(guess))
    start = jnp.concatenate([guess, jnp.zeros(1), left])
    return jax.lax.fori_loop(
        0, 12, lambda _, u: u - jnp.linalg.solve(jax.jacfwd(system)(u), system(u)), start
    )[:3]
