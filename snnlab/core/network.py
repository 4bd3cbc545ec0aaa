"""A network: populations by name, synapses by name, projections between populations, inputs.

It is checked once, when it is built; what depends on dt and duration is checked by ``simulate``.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from snnlab.core import connectivity as wiring
from snnlab.core import memory, randomness
from snnlab.core.free import Free
from snnlab.core.parameters import (
    component,
    in_unit,
    lacks,
    numbers,
    param,
    replace,
    shown,
    static,
    unknown,
)
from snnlab.core.synapses import Synapse
from snnlab.core.units import is_quantity, magnitude

INF = float("inf")
MAX_CELLS = 2**31 - 1  # cells are counted in 32 bits


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
        if wrong := lacks(self.neuron, "State", "init", "fire", "advance", "voltage"):
            raise ValueError(f"Population: {shown(self.neuron)} is not a neuron model: {wrong}.")
        if (
            isinstance(self.n, bool)
            or not isinstance(self.n, (int, np.integer))
            or not 1 <= self.n <= MAX_CELLS
        ):
            raise ValueError(
                f"Population: n = {shown(self.n)} must be a whole number of cells, at least 1 and at most {MAX_CELLS}."
            )
        object.__setattr__(self, "n", int(self.n))
        if not isinstance(self.initial, Mapping):
            raise ValueError(
                f'Population: initial = {shown(self.initial)} must be a dict such as {{"V": -60.0}}.'
            )
        variables, initial = self.neuron.State._fields, {}
        units = {"V": "mV", **getattr(self.neuron, "units", {})}
        for name, value in self.initial.items():
            if name not in variables:
                kind = type(self.neuron).__name__
                raise ValueError(unknown(f"{kind} has no state variable", name, variables))
            label, unit = f'Population: initial["{name}"]', units.get(name, "")
            if callable(getattr(value, "sample", None)):
                if wrong := lacks(value, "sample"):
                    raise ValueError(f"{label} = {shown(value)} is not a distribution: {wrong}.")
                initial[name] = in_unit(value, unit, label)
            else:
                array = numbers(label, value, unit, kinds="biuf").astype(float)
                _check_size(label, array, self.n)
                initial[name] = array if array.ndim or isinstance(array, Free) else float(array)
        object.__setattr__(self, "initial", initial)


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
        1.0, doc="what a spike adds: the peak conductance (nS) or current (pA)", scalar=True, open=True
    )
    delay: float = param(
        0.0, unit="ms", doc="transmission delay", bounds=(0.0, INF), slider=(0.0, 5.0), scalar=True
    )

    def check(self):
        for role, name in (("pre", self.pre), ("post", self.post), ("synapse", self.synapse)):
            if not isinstance(name, str):
                raise ValueError(f'Projection: {role} = {shown(name)} must be a name, such as "E".')


@component
class Input:
    """A source acting on a population (or on several: a tuple of names).

    A source of current is injected; a source of spikes needs the name of the ``synapse`` it feeds.
    """

    post: Any = static()
    source: Any
    synapse: str | None = static(None)
    weight: float = param(
        1.0, doc="factor of a current, or what a spike adds to the synapse", scalar=True, open=True
    )

    def check(self):
        names = self.targets if isinstance(self.post, (str, tuple)) else ()
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(
                f'Input: post = {shown(self.post)} must be a population\'s name or several: "E" or ("E", "I").'
            )
        if len(set(names)) < len(names):
            raise ValueError(f"Input: post = {shown(self.post)} names a population twice.")
        if not isinstance(self.synapse, (str, type(None))):
            raise ValueError(f"Input: synapse = {shown(self.synapse)} must be a synapse's name.")

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
        if isinstance(self.populations, Mapping) and not self.populations:
            raise ValueError("Network: populations must not be empty.")
        populations = _named("population", self.populations, Population, "Population(LIF(), 100)")
        synapses = _named("synapse", self.synapses, Synapse, "Synapse(Exponential())")
        self._take("populations", populations)
        self._take("synapses", synapses)
        for name, population in self.populations.items():
            where = f'population "{name}"'
            for synapse in self.synapses:
                if synapse in population.neuron.State._fields:
                    raise ValueError(
                        f'synapse "{synapse}": {where} has a state variable of that name; choose another name.'
                    )
            _check_sizes(f"{where}: ", population.neuron, population.n)
            for channel in getattr(population.neuron, "channels", ()):
                _check_sizes(f"{where}: {type(channel).__name__}.", channel, population.n)
        projections = _listed("projections", self.projections, Projection, "a Projection")
        self._take("projections", tuple(map(self._projection, range(len(projections)), projections)))
        inputs = _listed("inputs", self.inputs, Input, "an Input")
        self._take("inputs", tuple(map(self._input, range(len(inputs)), inputs)))

    def matrix(self, index: int, seed: int = 0) -> np.ndarray:
        """The weights [n_pre, n_post] of projection ``index`` as a run with this seed wires them.

        Raises ValueError when there is no such projection or memory does not suffice.
        """
        from snnlab.core.planner import wiring_key

        count = len(self.projections)
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not 0 <= index < count:
            raise ValueError(
                f"Network.matrix: index = {shown(index)} must be a projection's number, from 0 to {count - 1}."
                if count
                else "Network.matrix: this network has no projections."
            )
        seed = randomness.check_seed(seed)
        projection = self.projections[index]
        n_pre, n_post = self.populations[projection.pre].n, self.populations[projection.post].n
        what = f"the matrix of projection {index}, {n_pre} x {n_post},"
        memory.require("Network.matrix", (what, 24 * n_pre * n_post, "simulate with the network instead"))
        if isinstance(projection.connectivity, wiring.AllToAll):
            full = np.full((n_pre, n_post), float(projection.weight))
            if not projection.connectivity.autapses:
                np.fill_diagonal(full, 0.0)
            return full
        targets, weights = projection.connectivity.table(wiring_key(self, index, seed), n_pre, n_post)
        dense = np.zeros((n_pre, n_post + 1))
        dense[np.arange(n_pre)[:, None], targets] = 1.0 if weights is None else weights
        return dense[:, :n_post] * float(projection.weight)

    def _take(self, field: str, value: Any):
        object.__setattr__(self, field, value)

    def _projection(self, i: int, projection: Projection) -> Projection:
        """Projection ``i``, checked, its quantities converted."""
        where = f'projection {i} ("{projection.pre}" -> "{projection.post}")'
        self._check_population(where, projection.pre)
        self._check_population(where, projection.post)
        unit = self._check_synapse(where, projection.synapse)
        connectivity = projection.connectivity
        to_all, synapse = isinstance(connectivity, wiring.AllToAll), self.synapses[projection.synapse]
        if synapse.presynaptic and not (to_all and connectivity.autapses):
            raise ValueError(
                f"{where}: {type(synapse.kinetics).__name__} has its state in the presynaptic cells and needs "
                f"AllToAll(), not {shown(connectivity)}."
            )
        if wrong := lacks(connectivity, *(() if to_all else ("table", "degree"))):
            raise ValueError(
                f"{where}: {shown(connectivity)} is not a connectivity, such as FixedProbability(0.1): {wrong}."
            )
        n_pre, n_post = self.populations[projection.pre].n, self.populations[projection.post].n
        if isinstance(connectivity, wiring.OneToOne) and n_pre != n_post:
            raise ValueError(
                f"{where}: OneToOne needs populations of equal size, not {n_pre} and {n_post} cells."
            )
        if isinstance(connectivity, wiring.Matrix):
            if is_quantity(connectivity.weights):
                plain = magnitude(connectivity.weights, unit, f"{where}: Matrix.weights")
                projection, unit = (
                    replace(projection, connectivity=wiring.Matrix(plain)),
                    "",
                )  # weight is a factor
            shape = np.shape(projection.connectivity.weights)
            if shape != (n_pre, n_post):
                raise ValueError(
                    f"{where}: Matrix weights are {shape}, but the populations need ({n_pre}, {n_post})."
                )
        if not getattr(connectivity, "autapses", True) and projection.pre != projection.post:
            raise ValueError(f"{where}: autapses=False is about a population's projection to itself.")
        return in_unit(projection, unit, where)

    def _input(self, i: int, entry: Input) -> Input:
        """Input ``i``, checked, its quantities converted."""
        where = f"input {i} (to {entry.post!r})"
        for name in entry.targets:
            self._check_population(where, name)
        if wrong := lacks(entry.source, "values", "events"):
            raise ValueError(
                f"{where}: {shown(entry.source)} is not a source, such as Constant(20.0): {wrong}."
            )
        kind, unit = type(entry.source).__name__, ""
        if entry.source.events and entry.synapse is None:
            raise ValueError(
                f'{where}: {kind} gives spikes; say which synapse they feed, for example synapse="exc".'
            )
        if not entry.source.events and entry.synapse is not None:
            raise ValueError(f"{where}: {kind} gives a current, which no synapse takes; leave synapse out.")
        if entry.synapse is not None:
            unit = self._check_synapse(where, entry.synapse)
            if self.synapses[entry.synapse].presynaptic:
                raise ValueError(
                    f"{where}: {type(self.synapses[entry.synapse].kinetics).__name__} has its state in the "
                    "presynaptic cells, of which a source has none; feed another synapse."
                )
        for name in entry.targets:
            _check_sizes(f"{where}: {kind}.", entry.source, self.populations[name].n)
        return in_unit(entry, unit, where)

    def _check_population(self, where: str, name: str):
        if name not in self.populations:
            raise ValueError(unknown(f"{where}: no population", name, self.populations))

    def _check_synapse(self, where: str, name: str) -> str:
        """The unit of the weights that a synapse takes."""
        if name not in self.synapses:
            raise ValueError(unknown(f"{where}: no synapse", name, self.synapses))
        return getattr(self.synapses[name].receptor, "unit", "")


def _named(kind: str, members: Any, expected: type, example: str) -> dict[str, Any]:
    if not isinstance(members, Mapping):
        raise ValueError(f'Network: {kind}s must be a dict such as {{"E": {example}}}, not {shown(members)}.')
    for name, value in members.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"Network: {kind} name {shown(name)} must be a word of letters, digits and _.")
        if not isinstance(value, expected):
            raise ValueError(f'Network: {kind} "{name}" = {shown(value)} is not a {expected.__name__}.')
    return dict(members)


def _listed(field: str, members: Any, expected: type, kind: str) -> tuple[Any, ...]:
    if isinstance(members, (str, bytes, Mapping, expected)) or not isinstance(members, Iterable):
        raise ValueError(f"Network: {field} = {shown(members)} must be a list of {field}.")
    members = tuple(members)
    for i, member in enumerate(members):
        if not isinstance(member, expected):
            raise ValueError(f"Network: {expected.__name__.lower()} {i} = {shown(member)} is not {kind}.")
    return members


def _check_sizes(prefix: str, component: Any, n: int):
    """Every parameter of a component of ``n`` cells is one number or [n]."""
    for parameter in type(component).__declared__:
        value = getattr(component, parameter.name)
        if type(value) is not float and not isinstance(value, jax.core.Tracer):
            _check_size(prefix + parameter.name, value if isinstance(value, Free) else np.asarray(value), n)


def _check_size(label: str, array: np.ndarray | Free, n: int):
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
