"""The step of a planned network, and the loop that takes many of them.

A step from t to t + dt: every group fires; the spikes that are due arrive; synapses give their conductance; the
drive is summed; states advance. Nothing writes into another object.

Entry variables of synapses that are fed by sparse wiring are not decayed step by step. The buffer holds
``x e^{age dt / tau}``: a spike's weight is scaled by the same factor when it is added, the factor is divided out
when x is read, and every so often the buffer is brought back to age 0. At 40,000 cells this saves the most
expensive pass of a step.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from snnlab.core import delivery, randomness
from snnlab.core.integrators import Drive
from snnlab.core.network import Network
from snnlab.core.planner import Group, Plan

MAX_EXPONENT = (
    20.0  # the largest age dt / tau: keeps the rounding error of the scale near 1e-6 in single precision
)
MAX_AGE = 512
ABSURD = 1e6  # a state variable beyond this has left the model: no membrane reaches 1000 V


class Carry(NamedTuple):
    """The state of a network between two steps."""

    k: Array  # number of the next step
    age: Array  # steps since the buffer was last rescaled
    neurons: tuple[Any, ...]  # a State a group, arrays [group.n]
    buffer: Array  # [plan.size] entry variables fed by sparse wiring, times e^{age dt / tau}
    blocks: tuple[Array, ...]  # per row [populations of its group]: entry variables fed by all-to-all wiring
    dense: tuple[Array, ...]  # per row [group.n] (or [0]): entry variables with arrivals of their own
    rest: tuple[tuple[Array, ...], ...]  # per row: the further variables of its kinetics
    ring: tuple[Array, ...]  # per group [ring, words]: the spikes of the last steps (or [0, words])
    found: tuple[Array, ...]  # per lane: room for the indices of the cells that spiked


class Probe(NamedTuple):
    """What to record: a state variable or a synapse's conductance of one population."""

    population: str
    variable: str


@functools.partial(jax.jit, static_argnames=("plan",))
def initial(plan: Plan, network: Network, seed: Array) -> Carry:
    """The state at t = 0."""
    neurons = []
    for group in plan.groups:
        states = []
        for name in group.populations:
            population = network.populations[name]
            key = randomness.subkey(seed, f"initial {name}")
            state = population.neuron.init(population.n, key)
            for variable, value in population.initial.items():
                field = getattr(state, variable)
                if hasattr(value, "sample"):
                    value = value.sample(randomness.subkey(key, variable), population.n)
                state = state._replace(
                    **{variable: jnp.broadcast_to(jnp.asarray(value, field.dtype), field.shape)}
                )
            states.append(state)
        neurons.append(jax.tree.map(lambda *parts: jnp.concatenate(parts), *states))
    rows = [(row, plan.groups[row.group]) for row in plan.rows]
    return Carry(
        k=jnp.int32(0),
        age=jnp.int32(0),
        neurons=tuple(neurons),
        buffer=jnp.zeros(plan.size),
        blocks=tuple(jnp.zeros(len(group.populations) if row.blocks else 0) for row, group in rows),
        dense=tuple(jnp.zeros(group.n if row.dense else 0) for row, group in rows),
        rest=tuple(network.synapses[row.synapse].kinetics.init(group.n) for row, group in rows),
        ring=tuple(jnp.zeros((plan.ring, delivery.n_words(group.n)), jnp.uint32) for group in plan.groups),
        found=tuple(jnp.zeros(plan.groups[lane.group].n + 1, jnp.int32) for lane in plan.lanes),
    )


@functools.partial(jax.jit, static_argnames=("plan", "probes", "capacity"))
def advance(
    plan: Plan,
    probes: tuple[Probe, ...],
    capacity: int,
    network: Network,
    tables: tuple[Any, ...],
    delays: Array,
    selections: tuple[Array, ...],
    carry: Carry,
    n_steps: Array,
    dt: Array,
    seed: Array,
) -> tuple[Carry, tuple[Array, ...], tuple[Array, ...], Array]:
    """``n_steps`` steps (at most ``capacity``): the new carry, the packed spikes of every group [capacity, words],
    the probed values [capacity, cells] and whether the state is still sound (see ``sound``).
    """
    step = _stepper(plan, probes, network, tables, delays, selections, dt, seed)
    begin, end = carry.k, carry.k + n_steps
    taus = {
        row.synapse: network.synapses[row.synapse].kinetics.tau_entry
        for row in plan.rows
        if row.at is not None
    }

    def one(loop):
        carry, words, samples = loop
        now = carry.k - begin
        carry, new_words, values = step(carry)
        words = tuple(_put(buffer, row, now) for buffer, row in zip(words, new_words, strict=True))
        samples = tuple(_put(buffer, row, now) for buffer, row in zip(samples, values, strict=True))
        return carry, words, samples

    words = tuple(jnp.zeros((capacity, delivery.n_words(group.n)), jnp.uint32) for group in plan.groups)
    samples = tuple(
        jnp.zeros((capacity, cells.shape[0]), value.dtype)
        for cells, value in zip(selections, jax.eval_shape(step, carry)[2], strict=True)
    )
    loop = (carry, words, samples)
    if not taus:
        carry, words, samples = lax.while_loop(lambda loop: loop[0].k < end, one, loop)
        return carry, words, samples, sound(carry)
    fastest = functools.reduce(jnp.minimum, taus.values())
    period = jnp.clip(jnp.floor(MAX_EXPONENT * fastest / dt), 1, MAX_AGE).astype(jnp.int32)

    def until_rescale(loop):
        stop = jnp.minimum(end, loop[0].k + period - loop[0].age)
        carry, words, samples = lax.while_loop(lambda loop: loop[0].k < stop, one, loop)
        due = carry.age >= period
        factors = [
            jnp.broadcast_to(
                jnp.where(due, jnp.exp(-period * dt / taus[row.synapse]), 1.0), plan.groups[row.group].n
            )
            for row in plan.rows
            if row.at is not None
        ]
        # multiplying by exactly 1 where nothing is due keeps results independent of how a run is cut into pieces
        buffer = carry.buffer * jnp.concatenate(factors)
        return carry._replace(buffer=buffer, age=jnp.where(due, 0, carry.age)), words, samples

    carry, words, samples = lax.while_loop(lambda loop: loop[0].k < end, until_rescale, loop)
    return carry, words, samples, sound(carry)


def sound(carry: Carry) -> Array:
    """Whether every number of the state is finite and no state variable is absurdly large."""
    flags = [jnp.all(jnp.isfinite(carry.buffer))]
    flags += [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves((carry.blocks, carry.dense, carry.rest))]
    flags += [jnp.all(jnp.abs(x) < ABSURD) for x in jax.tree.leaves(carry.neurons) if x.dtype.kind == "f"]
    return jnp.all(jnp.stack(flags))


def _put(buffer, row, index):
    return lax.dynamic_update_index_in_dim(buffer, row, index, 0)


def _stepper(plan, probes, network, tables, delays, selections, dt, seed):
    """The function from one carry to the next; everything that does not change from step to step is made here."""
    groups = plan.groups
    neurons = [_joined_neuron(network, group) for group in groups]
    synapses = [network.synapses[row.synapse] for row in plan.rows]
    decay = [jnp.exp(-dt / synapse.kinetics.tau_entry) for synapse in synapses]
    buffered = {
        row.synapse: synapse.kinetics.tau_entry for row, synapse in zip(plan.rows, synapses, strict=True)
    }
    place = {name: i for i, name in enumerate(buffered)}
    exponents = (
        jnp.arange(MAX_AGE + 1)[:, None] * (dt / jnp.stack(list(buffered.values())))[None]
        if buffered
        else None
    )
    scales = None if exponents is None else jnp.concatenate([jnp.exp(exponents), jnp.exp(-exponents)], axis=1)
    input_keys = [
        {name: randomness.subkey(seed, f"{key} {name}") for name in entry.targets}
        for key, entry in zip(plan.keys, network.inputs, strict=True)
    ]

    def step(carry: Carry):
        k = carry.k
        fired = [neuron.fire(state, dt) for neuron, state in zip(neurons, carry.neurons, strict=True)]
        states = [state for state, _ in fired]
        words = [delivery.pack(spikes) for _, spikes in fired]
        ring = carry.ring
        if plan.ring:
            ring = tuple(_put(buffer, row, k % plan.ring) for buffer, row in zip(ring, words, strict=True))

        def due(group, delay):
            if delay is None:
                return words[group]
            return lax.dynamic_index_in_dim(ring[group], (k - delays[delay]) % plan.ring, keepdims=False)

        if scales is not None:
            at_age = lax.dynamic_index_in_dim(scales, carry.age, keepdims=False)
            scale = {name: at_age[i] for name, i in place.items()}
            unscale = {name: at_age[len(place) + i] for name, i in place.items()}
        buffer, found = carry.buffer, []
        for lane, lane_tables, indices in zip(plan.lanes, tables, carry.found, strict=True):
            indices, number = delivery.find(due(lane.group, lane.delay), indices)
            buffer = _deliver(lane, groups[lane.group], network, lane_tables, scale, buffer, indices, number)
            found.append(indices)

        currents = [_Summed(group) for group in groups]
        arrivals = [_Summed(groups[row.group]) for row in plan.rows]
        for entry, keys in zip(network.inputs, input_keys, strict=True):
            values = None
            for name in entry.targets:
                if values is None or jnp.ndim(values):  # what is the same for all cells is computed once
                    values = entry.weight * entry.source.values(
                        k, dt, keys[name], network.populations[name].n
                    )
                g = plan.locate(name)
                if entry.synapse is None:
                    currents[g].add(name, values)
                else:
                    r = next(
                        i for i, row in enumerate(plan.rows) if (row.group, row.synapse) == (g, entry.synapse)
                    )
                    arrivals[r].add(name, values)

        drives = [Drive(current.total()) for current in currents]
        blocks, dense, rest, conductances = [], [], [], []
        for r, (row, synapse) in enumerate(zip(plan.rows, synapses, strict=True)):
            group, x = groups[row.group], 0.0
            if row.at is not None:
                weights = [1.0 if i is None else network.projections[i].weight for i in row.factors]
                x = buffer[row.at : row.at + group.n] * _pieces(
                    [weight * unscale[row.synapse] for weight in weights], group
                )
            block = carry.blocks[r]
            if row.blocks:
                block = block * decay[r] + jnp.stack(_block_arrivals(plan, network, row, due, arrivals[r]))
                x = x + _pieces(list(block), group)
            own = carry.dense[r]
            if row.dense:
                own = own * decay[r] + arrivals[r].total()
                x = x + own
            g = synapse.kinetics.conductance(x, carry.rest[r])
            drives[row.group] = drives[row.group].plus(
                synapse.receptor.current(g, neurons[row.group].voltage(states[row.group]))
            )
            blocks.append(block)
            dense.append(own)
            rest.append(synapse.kinetics.advance(x, carry.rest[r], dt))
            conductances.append(g)

        values = tuple(
            _probed(plan, probe, states, conductances)[cells]
            for probe, cells in zip(probes, selections, strict=True)
        )
        states = [
            neuron.advance(state, drive, dt)
            for neuron, state, drive in zip(neurons, states, drives, strict=True)
        ]
        after = Carry(
            k + 1,
            carry.age + 1,
            tuple(states),
            buffer,
            tuple(blocks),
            tuple(dense),
            tuple(rest),
            ring,
            tuple(found),
        )
        return after, tuple(words), values

    return step


def _joined_neuron(network: Network, group: Group) -> Any:
    """One neuron object for the whole group: shared leaves as they are, the others a value a cell."""
    members = [network.populations[name] for name in group.populations]
    leaves = [jax.tree.leaves(member.neuron) for member in members]
    joined = []
    for shared, column in zip(group.shared, zip(*leaves, strict=True), strict=True):
        if shared:
            joined.append(column[0])
        else:
            parts = [jnp.broadcast_to(leaf, member.n) for leaf, member in zip(column, members, strict=True)]
            joined.append(jnp.concatenate(parts))
    return jax.tree.unflatten(jax.tree.structure(members[0].neuron), joined)


def _deliver(lane, group, network, tables, scale, buffer, indices, number):
    """Adds the target rows of ``number`` spiking cells to the buffer."""

    def one(loop):
        i, buffer = loop
        cell = indices[i]
        for layer, (targets, weights) in zip(lane.layers, tables, strict=True):
            row = lax.dynamic_index_in_dim(targets, cell, keepdims=False)
            value = _slot_values(layer, group, network, scale, cell, row)
            if weights is not None:
                value = value * lax.dynamic_index_in_dim(weights, cell, keepdims=False)
            buffer = buffer.at[row].add(value, mode="drop")  # padding points beyond the buffer
        return i + 1, buffer

    return lax.while_loop(lambda loop: loop[0] < number, one, (jnp.int32(0), buffer))[1]


def _slot_values(layer, group, network, scale, cell, row):
    """What a spike of ``cell`` adds to each slot of its target row, by the span of the buffer it points into."""

    def value_and_end(spans, j):
        if not spans:
            return 0.0, 0
        synapse, i, end = spans[min(j, len(spans) - 1)]
        return (scale[synapse] if i is None else scale[synapse] * network.projections[i].weight), end

    spans_of_cell = []
    for j in range(max(len(spans) for spans in layer.values)):
        value, end = value_and_end(layer.values[-1], j)
        for spans, upper in reversed(list(zip(layer.values, group.offsets[1:], strict=True))[:-1]):
            other, other_end = value_and_end(spans, j)
            value = jnp.where(cell < upper, other, value)
            end = jnp.where(cell < upper, other_end, end)
        spans_of_cell.append((value, end))
    value = spans_of_cell[-1][0]
    for other, end in reversed(spans_of_cell[:-1]):
        value = jnp.where(row < end, other, value)
    return value


def _block_arrivals(plan, network, row, due, arrivals):
    """What all-to-all projections bring to each population of the row's group: one number each."""
    group = plan.groups[row.group]
    sums = [jnp.zeros(()) for _ in group.populations]
    for i, autapses in row.blocks:
        projection = network.projections[i]
        g = plan.locate(projection.pre)
        words = due(g, plan.delays[i])
        start, stop = plan.groups[g].span(projection.pre)
        target = group.populations.index(projection.post)
        sums[target] = sums[target] + projection.weight * delivery.count(words, start, stop)
        if not autapses:
            own = delivery.unpack(words, plan.groups[g].n)[start:stop]
            arrivals.add(projection.post, -projection.weight * own)
    return sums


def _probed(plan, probe, states, conductances):
    g = plan.locate(probe.population)
    start, stop = plan.groups[g].span(probe.population)
    if probe.variable in states[g]._fields:
        return getattr(states[g], probe.variable)[start:stop]
    r = next(i for i, row in enumerate(plan.rows) if (row.group, row.synapse) == (g, probe.variable))
    return jnp.broadcast_to(conductances[r], plan.groups[g].n)[start:stop]


class _Summed:
    """A sum of contributions to the populations of a group: one scalar as long as it can be, [n] otherwise."""

    def __init__(self, group: Group):
        self.group = group
        self.parts = {name: [] for name in group.populations}

    def add(self, population: str, value: Any):
        self.parts[population].append(value)

    def total(self) -> Any:
        parts = list(self.parts.values())
        sums = [sum(values) if values else 0.0 for values in parts]
        same = all([id(value) for value in values] == [id(value) for value in parts[0]] for values in parts)
        return sums[0] if same and not jnp.ndim(sums[0]) else _pieces(sums, self.group)


def _pieces(values: list[Any], group: Group) -> Any:
    """Values of the populations of a group (scalars or [n]) as one scalar or [group.n], never stored if avoidable."""
    if len(values) == 1:
        return values[0]
    if any(jnp.ndim(value) for value in values):
        sizes = [stop - start for start, stop in zip(group.offsets, group.offsets[1:], strict=False)]
        return jnp.concatenate([jnp.broadcast_to(v, n) for v, n in zip(values, sizes, strict=True)])
    cell = jnp.arange(group.n)
    joined = values[-1]
    for value, end in reversed(list(zip(values, group.offsets[1:], strict=True))[:-1]):
        joined = jnp.where(cell < end, value, joined)
    return joined
