"""One step in time: of the leaky membrane equation, and of any system of differential equations.

``frozen``, ``implicit`` and ``exponential`` step ``tau dV/dt = V_rest - V + R (I - g V)``. ``I - g V`` is the synaptic
drive, summed over all receptors. The functions differ in how the conductance ``g`` enters. All three are exact for
constant ``I`` when ``g`` is 0. ``euler`` and ``rk4`` step ``dx/dt = flow(x, t)``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array


class Drive(NamedTuple):
    """An affine current ``I - g V``: ``I`` in pA, ``g`` in nS, scalars or [n]."""

    I: Any = 0.0
    g: Any = 0.0

    def plus(self, other: "Drive") -> "Drive":
        return Drive(self.I + other.I, self.g + other.g)


def frozen(V: Array, V_rest: Array, tau: Array, R: Array, drive: Drive, dt: Array) -> Array:
    """Exponential Euler with the synaptic current held at its value for the present V: what most references do."""
    return V - jnp.expm1(-dt / tau) * (V_rest - V + R * (drive.I - drive.g * V))


def implicit(V: Array, V_rest: Array, tau: Array, R: Array, drive: Drive, dt: Array) -> Array:
    """Linearly implicit Euler: first order, stable for any conductance."""
    h = dt / tau
    return (V + h * (V_rest + R * drive.I)) / (1 + h * (1 + R * drive.g))


def exponential(V: Array, V_rest: Array, tau: Array, R: Array, drive: Drive, dt: Array) -> Array:
    """Exponential Euler with the conductance inside the exponential: exact for constant ``I`` and ``g``."""
    total = 1 + R * drive.g
    V_inf = (V_rest + R * drive.I) / total
    return V_inf + (V - V_inf) * jnp.exp(-dt / tau * total)


Flow = Callable[[Array, Array], Array]


def euler(flow: Flow, x: Array, t: Array, dt: Array) -> Array:
    """x(t + dt) by the tangent at t: first order."""
    return x + dt * flow(x, t)


def rk4(flow: Flow, x: Array, t: Array, dt: Array) -> Array:
    """x(t + dt) by the classic method of Runge and Kutta (Kutta, 1901): fourth order, four evaluations."""
    half = t + 0.5 * dt
    k_1 = flow(x, t)
    k_2 = flow(x + 0.5 * dt * k_1, half)
    k_3 = flow(x + 0.5 * dt * k_2, half)
    k_4 = flow(x + dt * k_3, t + dt)
    return x + dt / 6.0 * (k_1 + 2.0 * (k_2 + k_3) + k_4)
