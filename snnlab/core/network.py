"""A network: populations by name, synapses by name, projections between populations, inputs.

It is checked once, when it is built; what depends on dt and duration is checked by ``simulate``.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from snnlab.core import connectivity as wiring
from snnlab.core.parameters import component, param, static, unknown
from snnlab.core.synapses import Synapse

INF = float("inf")


@component
class Population:
    """``n`` cells of one neuron model.

    ``initial`` gives state variables their values at t = 0: a number, an array [n] or a distribution, by the
    variable's name (``{"V": Normal(-55, 5)}``); the others start as the neuron model says.
    """

    neuron: Any
    n: int = static()
    initial: Any = dataclasses.field(default_factory=dict)

    def check(self):
        missing = [
            m for m in ("init", "fire", "advance", "voltage") if not callable(getattr(self.neuron, m, None))
        ]
        if missing:
            raise ValueError(
                f"Population: {self.neuron!r} is not a neuron model: it has no method {missing[0]}."
            )
        if isinstance(self.n, bool) or not isinstance(self.n, (int, np.integer)) or self.n < 1:
            raise ValueError(f"Population: n = {self.n!r} must be a whole number of cells, at least 1.")
        if not isinstance(self.initial, Mapping):
            raise ValueError(f'Population: initial = {self.initial!r} must be a dict such as {{"V": -60.0}}.')
        for name, value in self.initial.items():
            if name not in self.neuron.State._fields:
                raise ValueError(
                    unknown(
                        f"{type(self.neuron).__name__} has no state variable", name, self.neuron.State._fields
                    )
                )
            if not hasattr(value, "sample"):
                _check_array(f'Population: initial["{name}"]', value, self.n)


@component
class Projection:
    """Spikes of population ``pre`` go to ``synapse`` on population ``post``, ``delay`` ms later.

    With delay 0 a spike acts on the very step at whose beginning it was fired.
    """

    pre: str = static()
    post: str = static()
    synapse: str = static()
    connectivity: Any
    weight: float = param(
        1.0, doc="what a spike adds: the peak conductance (nS) or current (pA)", scalar=True
    )
    delay: float = param(
        0.0, unit="ms", doc="transmission delay", bounds=(0.0, INF), slider=(0.0, 5.0), scalar=True
    )


@component
class Input:
    """A source acting on a population (or on several: a tuple of names).

    A source of current is injected; a source of spikes needs the name of the ``synapse`` it feeds.
    """

    post: Any = static()
    source: Any
    synapse: str | None = static(None)
    weight: float = param(1.0, doc="factor of a current, or what a spike adds to the synapse", scalar=True)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the populations it acts on."""
        return (self.post,) if isinstance(self.post, str) else tuple(self.post)


@component
class Network:
    """Populations, synapses, projections and inputs. Building one checks that they fit together.

    Raises ValueError naming the object, the wrong value and the choices.
    """

    populations: Any
    synapses: Any = dataclasses.field(default_factory=dict)
    projections: Any = ()
    inputs: Any = ()

    def check(self):
        if not isinstance(self.populations, Mapping) or not self.populations:
            raise ValueError('Network: populations must be a dict such as {"E": Population(LIF(), 100)}.')
        for kind, members, expected in (
            ("population", self.populations, Population),
            ("synapse", self.synapses, Synapse),
        ):
            for name, value in members.items():
                if not isinstance(name, str) or not name.isidentifier():
                    raise ValueError(
                        f"Network: {kind} name {name!r} must be a word of letters, digits and _."
                    )
                if not isinstance(value, expected):
                    raise ValueError(f'Network: {kind} "{name}" = {value!r} is not a {expected.__name__}.')
        object.__setattr__(self, "projections", tuple(self.projections))
        object.__setattr__(self, "inputs", tuple(self.inputs))
        for i, projection in enumerate(self.projections):
            self._check_projection(i, projection)
        for i, entry in enumerate(self.inputs):
            self._check_input(i, entry)
        for name, population in self.populations.items():
            for parameter in type(population.neuron).__declared__:
                value = getattr(population.neuron, parameter.name)
                _check_array(f'population "{name}": {parameter.name}', value, population.n)
            for channel in getattr(population.neuron, "channels", ()):
                for parameter in type(channel).__declared__:
                    label = f'population "{name}": {type(channel).__name__}.{parameter.name}'
                    _check_array(label, getattr(channel, parameter.name), population.n)

    def matrix(self, index: int, seed: int = 0) -> np.ndarray:
        """The weights [n_pre, n_post] of projection ``index`` as a run with this seed wires them."""
        from snnlab.core.planner import wiring_key

        projection = self.projections[index]
        n_pre, n_post = self.populations[projection.pre].n, self.populations[projection.post].n
        if isinstance(projection.connectivity, wiring.AllToAll):
            full = np.full((n_pre, n_post), float(projection.weight))
            if not projection.connectivity.autapses:
                np.fill_diagonal(full, 0.0)
            return full
        targets, weights = projection.connectivity.table(wiring_key(self, index, seed), n_pre, n_post)
        dense = np.zeros((n_pre, n_post + 1))
        dense[np.arange(n_pre)[:, None], targets] = 1.0 if weights is None else weights
        return dense[:, :n_post] * float(projection.weight)

    def _check_projection(self, i: int, projection: Projection):
        if not isinstance(projection, Projection):
            raise ValueError(f"Network: projection {i} = {projection!r} is not a Projection.")
        where = f'projection {i} ("{projection.pre}" -> "{projection.post}")'
        self._check_population(where, projection.pre)
        self._check_population(where, projection.post)
        self._check_synapse(where, projection.synapse)
        connectivity = projection.connectivity
        to_all, synapse = isinstance(connectivity, wiring.AllToAll), self.synapses[projection.synapse]
        if synapse.presynaptic and not (to_all and connectivity.autapses):
            raise ValueError(
                f"{where}: {type(synapse.kinetics).__name__} has its state in the presynaptic cells and needs "
                f"AllToAll(), not {connectivity!r}."
            )
        if not to_all and not callable(getattr(connectivity, "table", None)):
            raise ValueError(
                f"{where}: {connectivity!r} is not a connectivity, such as FixedProbability(0.1)."
            )
        n_pre, n_post = self.populations[projection.pre].n, self.populations[projection.post].n
        if isinstance(connectivity, wiring.OneToOne) and n_pre != n_post:
            raise ValueError(
                f"{where}: OneToOne needs populations of equal size, not {n_pre} and {n_post} cells."
            )
        if isinstance(connectivity, wiring.Matrix) and np.shape(connectivity.weights) != (n_pre, n_post):
            raise ValueError(
                f"{where}: Matrix weights are {np.shape(connectivity.weights)}, "
                f"but the populations need ({n_pre}, {n_post})."
            )
        if not getattr(connectivity, "autapses", True) and projection.pre != projection.post:
            raise ValueError(f"{where}: autapses=False is about a population's projection to itself.")

    def _check_input(self, i: int, entry: Input):
        if not isinstance(entry, Input):
            raise ValueError(f"Network: input {i} = {entry!r} is not an Input.")
        where = f"input {i} (to {entry.post!r})"
        for name in entry.targets:
            self._check_population(where, name)
        if not callable(getattr(entry.source, "values", None)):
            raise ValueError(f"{where}: {entry.source!r} is not a source, such as Constant(20.0).")
        kind = type(entry.source).__name__
        if entry.source.events and entry.synapse is None:
            raise ValueError(
                f'{where}: {kind} gives spikes; say which synapse they feed, for example synapse="exc".'
            )
        if not entry.source.events and entry.synapse is not None:
            raise ValueError(f"{where}: {kind} gives a current, which no synapse takes; leave synapse out.")
        if entry.synapse is not None:
            self._check_synapse(where, entry.synapse)
            if self.synapses[entry.synapse].presynaptic:
                raise ValueError(
                    f"{where}: {type(self.synapses[entry.synapse].kinetics).__name__} has its state in the "
                    "presynaptic cells, of which a source has none; feed another synapse."
                )
        for parameter in type(entry.source).__declared__:
            value = getattr(entry.source, parameter.name)
            for name in entry.targets:
                _check_array(f"{where}: {kind}.{parameter.name}", value, self.populations[name].n)

    def _check_population(self, where: str, name: str):
        if name not in self.populations:
            raise ValueError(unknown(f"{where}: no population", name, self.populations))

    def _check_synapse(self, where: str, name: str):
        if name not in self.synapses:
            raise ValueError(unknown(f"{where}: no synapse", name, self.synapses))


def _check_array(label: str, value: Any, n: int):
    """A value for ``n`` cells is one number or [n], and finite."""
    if isinstance(value, jax.core.Tracer):
        return
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise ValueError(f"{label} = {value!r} is not a number.") from None
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{label} has shape {array.shape}; it must be one number or {n} of them, one a cell."
        )
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{label} must be finite.")


@jax.tree_util.register_pytree_node_class
class Packed:
    """A network's numbers in one array: a call costs by the number of its arguments, and a network has thirty."""

    def __init__(self, values: Any, layout: tuple[Any, ...]):
        self.values, self.layout = values, layout

    @classmethod
    def of(cls, network: Network) -> "Packed":
        """Packs a network in the precision that JAX computes in."""
        leaves, structure = jax.tree.flatten(network)
        real = jnp.result_type(float)
        leaves = [np.asarray(leaf, real) for leaf in leaves]
        values = np.concatenate([leaf.ravel() for leaf in leaves])
        return cls(jax.device_put(values), (structure, tuple(leaf.shape for leaf in leaves)))

    def network(self) -> Network:
        """The network again, inside a compiled program."""
        structure, shapes = self.layout
        ends = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
        parts = [
            self.values[end - math.prod(shape) : end].reshape(shape)
            for shape, end in zip(shapes, ends, strict=True)
        ]
        return jax.tree.unflatten(structure, parts)

    def tree_flatten(self):
        return (self.values,), self.layout

    @classmethod
    def tree_unflatten(cls, layout, children) -> "Packed":
        (values,) = children
        return cls(values, layout)
