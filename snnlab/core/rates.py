"""Systems of a few rate variables: a derivative without spikes, on which a phase plane can be drawn."""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp


@runtime_checkable
class RateSystem(Protocol):
    """What has a phase plane: an autonomous system ``d state / dt = derivative(state)``.

    A component (a pytree of its parameters) is compiled once for all of its values; any other object once for
    itself. The derivative is written in ``jax.numpy`` and carries leading axes along.
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in the order of the state."""
        ...

    @property
    def window(self) -> tuple[tuple[float, float], ...]:
        """Of every variable the range in which its life takes place: what a picture shows."""
        ...

    @property
    def time_unit(self) -> str:
        """The unit of time in which the derivative is a rate, such as "ms"."""
        ...

    def derivative(self, state: jax.Array, /) -> jax.Array:
        """The rate of change [..., n] of a state [..., n]."""
        ...


def threshold_linear(
    I: jax.Array, a: jax.Array | float, b: jax.Array | float, d: jax.Array | float
) -> jax.Array:
    """The rate ``(a I - b) / (1 - exp(-d (a I - b)))`` of a cell in noise (Abbott & Chance, 2005).

    Zero far below I = b / a, a line far above, 1 / d there, where the formula is 0 / 0. The value and all of its
    derivatives are finite for every I.
    """
    y = d * (a * I - b)
    near = jnp.abs(y) < 0.1
    # y / (1 - e^-y) = max(y, 0) + |y| / (e^|y| - 1): no exponential that overflows
    size = jnp.abs(jnp.where(near, 1.0, y))
    far = jnp.maximum(y, 0.0) + size * jnp.exp(-size) / -jnp.expm1(-size)
    # its Taylor series: within 1e-17 where it is used
    x = jnp.where(near, y, 0.0)
    x2 = x * x
    series = 1 + x / 2 + x2 * (1 / 12 - x2 * (1 / 720 - x2 * (1 / 30240 - x2 / 1209600)))
    return jnp.where(near, series, far) / d
