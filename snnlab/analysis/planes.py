"""What every analysis of a two-variable system stands on: its checks and its double-precision kernels.

Precision is the kernels' own: they run in float64 whatever the caller's setting, which they leave as it is. A
system that is a component is compiled once for all values of its parameters.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab.core.parameters import unknown
from snnlab.core.rates import put_together, taken_apart

Window = Mapping[str, tuple[float, float]]


class Plane:
    """A two-variable system in a window: the derivative, Jacobian and solvers, in float64.

    Raises ValueError when ``system`` is no such system and when ``window`` is none.
    """

    def __init__(self, system: Any, window: Window | None = None):
        self.name = type(system).__name__
        if not (callable(getattr(system, "derivative", None)) and hasattr(system, "variables")):
            raise ValueError(
                f"{self.name} has no phase plane; expected a system with variables and a derivative."
            )
        self.variables = tuple(system.variables)
        if len(self.variables) != 2:
            listed = ", ".join(map(str, self.variables))
            raise ValueError(
                f"A phase plane needs two variables, but {self.name} has {len(self.variables)}: {listed}."
            )
        self.time_unit = getattr(system, "time_unit", "")
        self.low, self.high = self._window(system, window)
        self.size = self.high - self.low
        self._structure, leaves = taken_apart(system)
        self._leaves = tuple(np.asarray(leaf, float) for leaf in leaves)
        for shape, given in _shapes(self._structure, tuple(leaf.shape for leaf in self._leaves)).items():
            if given != shape:
                raise ValueError(
                    f"The derivative of {self.name} must have the shape of the state: {shape}, not {given}."
                )

    def _window(self, system: Any, window: Window | None) -> tuple[np.ndarray, np.ndarray]:
        natural = getattr(system, "window", None)
        ranges = dict(zip(self.variables, natural, strict=True)) if natural is not None else {}
        for name, given in (window or {}).items():
            if name not in self.variables:
                raise ValueError(unknown(f"window: {self.name} has no variable", name, self.variables))
            ranges[name] = given
        for name in self.variables:
            if name not in ranges:
                raise ValueError(
                    f"{self.name} has no window of its own; give window={{{name!r}: (low, high)}}."
                )
            bounds = np.asarray(ranges[name], float)
            if bounds.shape != (2,) or not np.all(np.isfinite(bounds)) or bounds[0] >= bounds[1]:
                raise ValueError(
                    f"The window of {name} must be finite (low, high) with low < high, not {ranges[name]!r}."
                )
        low, high = np.transpose([np.asarray(ranges[name], float) for name in self.variables])
        return low, high

    def described(self) -> str:
        """The window in words."""
        ranges = zip(self.variables, self.low, self.high, strict=True)
        return ", ".join(f"{name} {low:g} to {high:g}" for name, low, high in ranges)

    def states(self, given: Any, what: str) -> np.ndarray:
        """``given`` as states [..., 2]. Raises ValueError, naming ``what``."""
        try:
            states = np.asarray(given, float)
        except (TypeError, ValueError):
            states = np.empty(0)
        if states.ndim == 0 or states.shape[-1] != 2 or not np.all(np.isfinite(states)):
            raise ValueError(f"{what} must be finite numbers ({', '.join(self.variables)}), not {given!r}.")
        return states

    def inside(self, states: np.ndarray) -> np.ndarray:
        """Which of the states [n, 2] lie in the window, to rounding."""
        slack = 1e-9 * self.size
        return np.all((states >= self.low - slack) & (states <= self.high + slack), axis=-1)

    def run(self, kernel: Any, states: np.ndarray, *rest: Any) -> Any:
        """A kernel on states [n, 2], padded to a power of two so that few sizes compile; numpy arrays [n, ...]."""
        n = len(states)
        padded = np.empty((1 << max(n - 1, 0).bit_length(), 2))
        padded[:n], padded[n:] = states, states[-1] if n else 0.0
        with jax.enable_x64(True):
            out = kernel(self._structure, self._leaves, padded, *rest)
        return jax.tree.map(lambda x: np.asarray(x)[:n], out)

    def flow(self, states: np.ndarray) -> np.ndarray:
        """The derivative [n, 2] in states [n, 2]."""
        return self.run(flow, states)

    def jacobian(self, states: np.ndarray) -> np.ndarray:
        """The Jacobians [n, 2, 2] in states [n, 2]."""
        return self.run(jacobian, states)

    def grid(self, n: int) -> np.ndarray:
        """States [n, n, 2], the first variable along the first axis."""
        axes = [np.linspace(low, high, n) for low, high in zip(self.low, self.high, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1)

    def time_step(self) -> float:
        """A step that resolves the fastest change anywhere in the window."""
        rates = np.linalg.norm(self.jacobian(self.grid(16).reshape(-1, 2)), axis=(1, 2))
        fastest = np.max(rates[np.isfinite(rates)], initial=0.0)
        return 0.5 / fastest if fastest > 0.0 else 1.0


@functools.lru_cache(maxsize=256)
def _shapes(structure: Any, leaves: tuple[tuple[int, ...], ...]) -> dict[tuple[int, ...], Any]:
    """By the shape of a state, that of its derivative; for what is no array, its type's name."""
    with jax.enable_x64(True):
        values = tuple(jax.ShapeDtypeStruct(shape, float) for shape in leaves)
        found = {
            shape: jax.eval_shape(
                lambda leaves, x: put_together(structure, leaves).derivative(x),
                values,
                jax.ShapeDtypeStruct(shape, float),
            )
            for shape in ((2,), (3, 2))
        }
    return {shape: getattr(given, "shape", type(given).__name__) for shape, given in found.items()}


@functools.partial(jax.jit, static_argnums=0)
def flow(structure, leaves, states):
    """The derivative [n, 2]."""
    return put_together(structure, leaves).derivative(states)


@functools.partial(jax.jit, static_argnums=0)
def jacobian(structure, leaves, states):
    """The Jacobians [n, 2, 2]."""
    return jax.vmap(jax.jacfwd(put_together(structure, leaves).derivative))(states)


@functools.partial(jax.jit, static_argnums=0)
def newton(structure, leaves, states, size):
    """Newton's method with bounded steps from states [n, 2]: where it ends, and whether that is a zero."""
    derivative = put_together(structure, leaves).derivative

    def step(state):
        F, J = derivative(state), jax.jacfwd(derivative)(state)
        det = J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
        move = jnp.stack([J[1, 1] * F[0] - J[0, 1] * F[1], J[0, 0] * F[1] - J[1, 0] * F[0]]) / det
        move = move / jnp.maximum(1.0, jnp.max(jnp.abs(move / size)) / 0.2)
        return state - jnp.where(jnp.all(jnp.isfinite(move)), move, 0.0)

    found = jax.lax.fori_loop(0, 50, lambda _, x: jax.vmap(step)(x), states)

    def is_zero(state):
        F, J = derivative(state), jax.jacfwd(derivative)(state)
        return jnp.all(jnp.abs(F) <= 1e-9 * (jnp.abs(J) @ size))

    return found, jax.vmap(is_zero)(found)


@functools.partial(jax.jit, static_argnums=0)
def edge_zeros(structure, leaves, starts, ends, which):
    """Where component ``which`` of the derivative changes sign between states [n, 2] and states [n, 2].

    NaN where it does so through a pole.
    """
    derivative = put_together(structure, leaves).derivative

    def value(states):
        return jnp.take(derivative(states), which, axis=-1)

    positive = value(starts) >= 0.0

    def halve(_, bracket):
        a, b = bracket
        middle = 0.5 * (a + b)
        left = ((value(middle) >= 0.0) == positive)[:, None]
        return jnp.where(left, middle, a), jnp.where(left, b, middle)

    a, b = jax.lax.fori_loop(0, 52, halve, (starts, ends))
    largest = jnp.maximum(jnp.abs(value(starts)), jnp.abs(value(ends)))
    zero = jnp.where(jnp.abs(value(a)) <= jnp.abs(value(b)), 1, 0)[:, None] > 0
    x = jnp.where(zero, a, b)
    return jnp.where((jnp.abs(value(x)) <= largest)[:, None], x, jnp.nan)


@functools.partial(jax.jit, static_argnums=0)
def project(structure, leaves, states, which, size):
    """States [n, 2] moved onto the zero level of component ``which``, across it; left alone where that is far."""
    derivative, size = put_together(structure, leaves).derivative, size[None]

    def step(_, states):
        value, slope = jax.vmap(jax.value_and_grad(lambda x: jnp.take(derivative(x), which)))(states)
        slope = slope * size
        return states - size * slope * (value / jnp.sum(slope * slope, axis=-1))[:, None]

    moved = jax.lax.fori_loop(0, 4, step, states)
    near = jnp.all(jnp.abs(moved - states) < 0.02 * size, axis=-1, keepdims=True)
    return jnp.where(near, moved, states)


def _step(derivative, states, size, length, dt_max):
    """A Runge-Kutta step of order 4 that covers at most ``length`` windows and takes at most ``dt_max``."""
    k1 = derivative(states)
    speed = jnp.linalg.norm(k1 / size, axis=-1, keepdims=True)
    dt = 1.0 / (speed / length + 1.0 / dt_max)
    k2 = derivative(states + 0.5 * dt * k1)
    k3 = derivative(states + 0.5 * dt * k2)
    k4 = derivative(states + dt * k3)
    return states + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


@functools.partial(jax.jit, static_argnums=(0, 7))
def backwards(structure, leaves, states, low, high, length, dt_max, most):
    """States [n, 2] followed back in time until they leave the window or stand still: paths [n, most, 2]."""
    system = put_together(structure, leaves)
    low, high = low[None], high[None]
    size = high - low

    def more(carry):
        k, _, moving, _ = carry
        return (k < most) & jnp.any(moving)

    def step(carry):
        k, states, moving, path = carry
        after = _step(lambda x: -system.derivative(x), states, size, length, dt_max)
        after = jnp.where(moving[:, None] & jnp.isfinite(after), after, states)
        inside = jnp.all((after >= low) & (after <= high), axis=-1)
        moving = moving & inside & (jnp.max(jnp.abs(after - states) / size, axis=-1) > 1e-8)
        return k + 1, after, moving, path.at[k].set(after)

    path = jnp.broadcast_to(states, (most, *states.shape))
    moving = jnp.ones(len(states), bool)
    k, last, _, path = jax.lax.while_loop(more, step, (0, states, moving, path))
    beyond = (jnp.arange(most) >= k)[:, None, None]
    return jnp.swapaxes(jnp.where(beyond, last, path), 0, 1)


@functools.partial(jax.jit, static_argnums=(0, 5))
def ahead(structure, leaves, states, size, dt_max, steps):
    """States [n, 2] a number of steps later, and whether each of them still moves [n]."""
    derivative, size = put_together(structure, leaves).derivative, size[None]

    def step(_, pair):
        return pair[1], _step(derivative, pair[1], size, 0.03, dt_max)

    before, states = jax.lax.fori_loop(0, steps, step, (states, states))
    return states, jnp.max(jnp.abs(states - before) / size, axis=-1) >= 1e-9
