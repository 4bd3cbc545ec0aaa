"""What membranes have in common: the step under a capacitance, and being held."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from snnlab.core.integrators import Drive


def charged(V: Array, C: Any, drive: Drive, dt: Array) -> Array:
    """``C dV/dt = I - g V`` for constant I and g, exactly, also where g is 0."""
    x = drive.g * (dt / C)
    return V + (drive.I - drive.g * V) * (dt / C) * mean_growth(-x)


def mean_growth(x: Array) -> Array:
    """``(e^x - 1) / x``, also at x = 0."""
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1 + x / 2 + x * x / 6, (jnp.exp(safe) - 1) / safe)


def reset_held(state: Any, V_th: Any, V_reset: Any) -> Any:
    """A state to start from, in which no cell is both held and above threshold: it would fire all the same."""
    return state._replace(V=jnp.where((state.held > 1) & (state.V >= V_th), V_reset, state.V))
