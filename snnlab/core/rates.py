"""Models without spikes: a derivative that can be stepped in time and, of two variables, drawn as a phase plane."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

MILLISECONDS = {"ms": 1.0, "s": 1000.0}  # how many there are in a model's unit of time


class Moment(NamedTuple):
    """When something from outside acts: all that a stimulus may depend on. Times are in the model's own unit.

    ``t`` is the time itself, which moves on within a step of ``rk4``. The number ``k`` of the step, which began at
    ``k dt``, does not, nor what was ``drawn`` for it: noise stands still for a step.
    """

    t: jax.Array
    k: jax.Array
    dt: jax.Array
    drawn: Any = None


@runtime_checkable
class RateModel(Protocol):
    """What ``simulate`` runs beside networks: ``d state / dt = derivative(state)`` from ``initial(key)`` on.

    A state is one vector: the variables one after the other, as many units of each. A model may have more:

    * ``input(moment)``, what comes from outside at a ``Moment``. It is then handed on as ``derivative(state, input)``;
    * ``draw(key, k, dt)``, what chance adds in step k, ``moment.drawn`` to the input: a function of seed, step and unit
      by ``snnlab.core.randomness``;
    * ``observe(state)``, or ``observe(state, input)``: a dict of further values, scalars or [units], to record by name;
    * ``integrator``, the function that takes a step: ``integrators.rk4`` where there is none.

    A component is compiled once for all values of its parameters, any other object once for itself.
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in the order of the state."""
        ...

    @property
    def time_unit(self) -> str:
        """The unit of time in which the derivative is a rate: "ms" or "s"."""
        ...

    def initial(self, key: jax.Array) -> Any:
        """The state [n] at t = 0; ``key`` is for what is drawn."""
        ...

    @property
    def derivative(self) -> Any:
        """A function: the rate of change [n] of a state [n]."""
        ...


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


class Itself:
    """The structure of a model that is no pytree: hashable whatever it is."""

    def __init__(self, model: Any):
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.model is self.model

    def __hash__(self) -> int:
        return id(self.model)


def taken_apart(model: Any) -> tuple[Any, tuple[Any, ...]]:
    """What a compiled function is made for, and the values it is handed: ``put_together`` gives the model again."""
    leaves, structure = jax.tree.flatten(model)
    if jax.tree_util.treedef_is_leaf(structure):
        return Itself(model), ()
    return structure, tuple(leaves)


def put_together(structure: Any, leaves: Any) -> Any:
    """The model from its two halves, inside a compiled function."""
    return structure.model if isinstance(structure, Itself) else jax.tree.unflatten(structure, leaves)
