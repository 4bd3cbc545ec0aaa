"""The step of a planned network, and the loop that takes many of them.

A step from t to t + dt: every group fires; the spikes that are due arrive; synapses give their conductance; the
drive is summed; states advance. Nothing writes into another object.

Entry variables of synapses that are fed by sparse wiring are not decayed step by step. The buffer holds
``x e^{age dt / tau}``: a spike's weight is scaled by the same factor when it is added, the factor is divided out
when x is read, and every so often the buffer is brought back to age 0. At 40,000 cells this saves the most
expensive pass of a step.
"""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core import delivery, randomness
from snnlab.core.integrators import Drive
from snnlab.core.network import Network, Packed
from snnlab.core.planner import Draw, Group, Plan, Row, Sum
from snnlab.core.stages import Stages

MAX_EXPONENT = (
    20.0  # the largest age dt / tau: keeps the rounding error of the scale near 1e-6 in single precision
)
MAX_AGE = 500
CHECK = (
    500  # whether the state is sound is asked at multiples of so many steps, however a run is cut into pieces
)
ABSURD = 1e6  # a state variable beyond this has left the model: no membrane reaches 1000 V


class Carry(NamedTuple):
    """The state of a network between two steps."""

    k: Array  # number of the next step
    failed: Array  # the step at which the state was first found not to be sound; -1: never
    born: Array  # the step at which the buffer was last at age 0
    neurons: tuple[Any, ...]  # a State a group, arrays [group.n]
    buffer: Array  # [plan.size + 1] entry variables fed by sparse wiring, times e^{age dt / tau}; a slot for nothing
    blocks: tuple[Array, ...]  # per row [populations of its group]: entry variables fed by all-to-all wiring
    dense: tuple[Array, ...]  # per row [group.n] (or [0]): entry variables with arrivals of their own
    rest: tuple[tuple[Array, ...], ...]  # per row: the further variables of its kinetics
    gates: tuple[
        tuple[Array, ...], ...
    ]  # per sum of a gating variable: the state of its cells [group.n]; else ()
    sums: tuple[Array, ...]  # per sum [ring, populations]: its last values
    ring: tuple[Array, ...]  # per group [ring, words]: the spikes of the last steps (or [0, words])


class Probe(NamedTuple):
    """What to record: a state variable or a synapse's conductance of one population."""

    population: str
    variable: str


@functools.partial(jax.jit, static_argnames=("plan",))
def initial(plan: Plan, packed: Packed, seed: Array) -> Carry:
    """The state at t = 0."""
    network = packed.network()
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
            if hasattr(population.neuron, "settle"):
                state = population.neuron.settle(state, frozenset(population.initial))
            states.append(state)
        neurons.append(jax.tree.map(lambda *parts: jnp.concatenate(parts), *states))
    rows = [(row, plan.groups[row.group]) for row in plan.rows]
    return Carry(
        k=jnp.int32(0),
        failed=jnp.int32(-1),
        born=jnp.int32(0),
        neurons=tuple(neurons),
        buffer=jnp.zeros(plan.size + 1),
        blocks=tuple(
            jnp.zeros(len(group.populations) if row.blocks and not row.gated else 0) for row, group in rows
        ),
        dense=tuple(jnp.zeros(group.n if row.dense else 0) for row, group in rows),
        rest=tuple(
            () if row.gated else network.synapses[row.synapse].kinetics.init(group.n) for row, group in rows
        ),
        gates=tuple(
            network.synapses[each.synapse].kinetics.init(plan.groups[each.group].n) if each.synapse else ()
            for each in plan.sums
        ),
        sums=tuple(jnp.zeros((plan.ring, len(plan.groups[each.group].populations))) for each in plan.sums),
        ring=tuple(
            jnp.zeros((plan.ring if kept else 0, delivery.n_words(group.n)), jnp.uint32)
            for group, kept in zip(plan.groups, plan.kept, strict=True)
        ),
    )


@functools.partial(jax.jit, static_argnames=("plan", "probes", "capacity"))
def advance(
    plan: Plan,
    probes: tuple[Probe, ...],
    capacity: int,
    packed: Packed,
    tables: tuple[Any, ...],
    delays: Array,
    selections: tuple[Array, ...],
    carry: Carry,
    n_steps: Array,
    last: Array,
    dt: Array,
    seed: Array,
) -> tuple[Carry, tuple[Array, ...], tuple[Array, ...]]:
    """``n_steps`` steps (at most ``capacity``) of a run that ends at step ``last``: the new carry, the packed spikes of
    every group [capacity, words] and the probed values [capacity, cells].
    """
    network = packed.network()
    engine = _Engine(plan, network, tables, delays, dt, seed)
    begin, end = carry.k, carry.k + n_steps
    taus = {name: network.synapses[name].kinetics.tau_entry for name in engine.buffered}
    fastest = functools.reduce(jnp.minimum, taus.values(), jnp.inf)
    period = jnp.clip(jnp.floor(MAX_EXPONENT * fastest / dt), 1, MAX_AGE).astype(jnp.int32)

    def one(loop):
        carry, words, samples = loop
        now = carry.k - begin
        carry, spikes, values = engine.step(carry, probes, selections)
        words = tuple(_put(kept, row, now) for kept, row in zip(words, spikes, strict=True))
        samples = tuple(_put(kept, row, now) for kept, row in zip(samples, values, strict=True))
        return carry, words, samples

    def rescaled(carry):
        due = carry.k - carry.born >= period
        # multiplying by exactly 1 where nothing is due keeps results independent of how a run is cut into pieces
        factors = [
            jnp.broadcast_to(
                jnp.where(due, jnp.exp(-period * dt / taus[row.synapse]), 1.0), plan.groups[row.group].n
            )
            for row in plan.rows
            if row.at is not None
        ]
        factors.append(jnp.where(due, jnp.zeros(1), 1.0))
        return carry._replace(
            buffer=carry.buffer * jnp.concatenate(factors), born=jnp.where(due, carry.k, carry.born)
        )

    def checked(carry):
        due = ((carry.k % CHECK == 0) | (carry.k == last)) & (carry.failed < 0)
        unsound = lax.cond(due, lambda: ~engine.sound(carry), lambda: jnp.array(False))
        return carry._replace(failed=jnp.where(unsound, carry.k, carry.failed))

    def stretch(loop):
        carry = loop[0]
        stop = jnp.minimum(end, (carry.k // CHECK + 1) * CHECK)
        stop = jnp.minimum(stop, carry.born + period) if taus else stop
        carry, words, samples = lax.while_loop(lambda loop: loop[0].k < stop, one, loop)
        return checked(rescaled(carry) if taus else carry), words, samples

    words = tuple(jnp.zeros((capacity, delivery.n_words(group.n)), jnp.uint32) for group in plan.groups)
    kinds = jax.eval_shape(lambda carry: engine.step(carry, probes, selections)[2], carry)
    samples = tuple(jnp.zeros((capacity, *kind.shape), kind.dtype) for kind in kinds)
    return lax.while_loop(lambda loop: loop[0].k < end, stretch, (carry, words, samples))


@functools.partial(jax.jit, static_argnames=("plan",))
def settled(plan: Plan, packed: Packed, carry: Carry, dt: Array) -> Carry:
    """The same state with its buffer at age 0: what it holds then means the same under other time constants."""
    network = packed.network()
    factors = [
        jnp.broadcast_to(
            jnp.exp(-(carry.k - carry.born) * dt / network.synapses[row.synapse].kinetics.tau_entry),
            plan.groups[row.group].n,
        )
        for row in plan.rows
        if row.at is not None
    ]
    return carry._replace(buffer=carry.buffer * jnp.concatenate([*factors, jnp.zeros(1)]), born=carry.k)


@functools.partial(jax.jit, static_argnames=("plan",))
def soundness(plan, packed, tables, delays, carry, dt) -> tuple[Array, tuple[Array, ...]]:
    """Whether a state is sound, and of every group which cells cannot be advanced by steps of this length [group.n]."""
    engine = _Engine(plan, packed.network(), tables, delays, dt, jnp.uint32(0))
    overshooting = tuple(
        jnp.broadcast_to(False if which is None else which, group.n)
        for which, group in zip(engine.overshooting(carry), plan.groups, strict=True)
    )
    return engine.sound(carry), overshooting


def _put(buffer, row, index):
    return lax.dynamic_update_index_in_dim(buffer, row, index, 0)


class _Engine:
    """One plan with one network's values; what does not change from step to step is made here."""

    def __init__(self, plan, network, tables, delays, dt, seed):
        self.plan, self.network, self.tables, self.delays, self.dt = plan, network, tables, delays, dt
        self.stages = Stages(dt > 0 if plan.staged else None)
        self.neurons = [_joined_neuron(network, group) for group in plan.groups]
        self.synapses = [network.synapses[row.synapse] for row in plan.rows]
        self.decays = [
            jnp.ones(()) if row.gated else jnp.exp(-dt / synapse.kinetics.tau_entry)
            for row, synapse in zip(plan.rows, self.synapses, strict=True)
        ]
        # e^{-t / tau}, averaged over a step: what is left at its end of spikes that fall anywhere within it
        self.remains = [
            1.0
            if row.gated
            else -jnp.expm1(-dt / synapse.kinetics.tau_entry) * synapse.kinetics.tau_entry / dt
            for row, synapse in zip(plan.rows, self.synapses, strict=True)
        ]
        self.footprints = [_footprint(plan, network, row) for row in plan.rows]
        self.input_keys = [
            {name: randomness.subkey(seed, f"{key} {name}") for name in entry.targets}
            for key, entry in zip(plan.keys, network.inputs, strict=True)
        ]
        self.lanes = [[self.draw_lanes(row, draw) for draw in row.draws] for row in plan.rows]
        # e^{age dt / tau} and its inverse, for every synapse in the buffer and every age
        self.buffered = sorted({row.synapse for row in plan.rows if row.at is not None})
        if self.buffered:
            taus = jnp.stack([network.synapses[name].kinetics.tau_entry for name in self.buffered])
            exponents = jnp.arange(MAX_AGE + 1)[:, None] * (dt / taus)[None]
            self.scales = jnp.concatenate([jnp.exp(exponents), jnp.exp(-exponents)], axis=1)

    def step(self, carry: Carry, probes: tuple[Probe, ...], selections: tuple[Array, ...]):
        """The next carry, the packed spikes of every group, and the probed values."""
        plan = self.plan
        fired = [
            neuron.fire(state, self.dt) for neuron, state in zip(self.neurons, carry.neurons, strict=True)
        ]
        states = tuple(state for state, _ in fired)
        words, found = self.stages.apart(self.look, carry.neurons)
        ring = carry.ring
        at = carry.k % max(plan.ring, 1)
        if plan.ring:
            ring = tuple(
                _put(past, row, at) if len(past) else past for past, row in zip(ring, words, strict=True)
            )

        def due(group, delay):
            if delay is None:
                return words[group]
            return self.past(ring[group], carry.k, delay)

        buffer = self.deliver(carry, found, due)
        here = carry._replace(neurons=states, buffer=buffer, ring=ring)
        now = self.totals(carry.gates, tuple(spikes for _, spikes in fired))
        if plan.ring:
            here = here._replace(
                sums=tuple(_put(past, row, at) for past, row in zip(carry.sums, now, strict=True))
            )
        currents, arrivals = self.inputs(carry.k)
        blocks, dense = self.arrive(here, now, due, arrivals)
        here = here._replace(blocks=blocks, dense=dense)
        entries, conductances, drives = self.synaptic(here, now)
        drives = [drive.plus(Drive(current.total())) for drive, current in zip(drives, currents, strict=True)]
        values = tuple(
            _probed(plan, probe, states, conductances)[cells]
            for probe, cells in zip(probes, selections, strict=True)
        )
        neurons = tuple(
            neuron.advance(state, drive, self.dt)
            for neuron, state, drive in zip(self.neurons, states, drives, strict=True)
        )
        rest = tuple(
            () if row.gated else synapse.kinetics.advance(x, rest, self.dt)
            for row, synapse, x, rest in zip(plan.rows, self.synapses, entries, carry.rest, strict=True)
        )
        gates = tuple(
            self.kinetics(each).release(state, fired[each.group][1], self.dt) if each.synapse else ()
            for each, state in zip(plan.sums, carry.gates, strict=True)
        )
        after = here._replace(k=carry.k + 1, neurons=neurons, rest=rest, gates=gates)
        return after, words, values

    def look(self, neurons: tuple[Any, ...]) -> tuple[tuple[Array, ...], tuple[Any, ...]]:
        """The packed spikes of every group, and of every lane without a delay the overview of its own."""
        words = tuple(
            delivery.pack(neuron.fire(state, self.dt)[1])
            for neuron, state in zip(self.neurons, neurons, strict=True)
        )
        return words, tuple(
            _overview(words[lane.group]) if lane.delay is None else () for lane in self.plan.lanes
        )

    def scale(self, age: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Of every synapse in the buffer: what arrivals are multiplied by at this age, and what undoes it."""
        if not self.buffered:
            return {}, {}
        row = lax.dynamic_index_in_dim(self.scales, age, keepdims=False)
        half = len(self.buffered)
        return dict(zip(self.buffered, row[:half], strict=True)), dict(
            zip(self.buffered, row[half:], strict=True)
        )

    def deliver(self, carry: Carry, found: tuple[Any, ...], due) -> Array:
        """The buffer after the spikes that are due have been added; where there are some."""
        buffer = carry.buffer
        for lane, tables, here in zip(self.plan.lanes, self.tables, found, strict=True):

            def late(lane=lane):
                return _overview(due(lane.group, lane.delay))

            words, summary, some = here if lane.delay is None else self.stages.apart(late)

            def add(buffer, lane=lane, tables=tables, words=words, summary=summary):
                scale, _ = self.scale(carry.k - carry.born)
                group = self.plan.groups[lane.group]
                return delivery.deliver(lane, group, self.network, tables, scale, words, summary, buffer)

            buffer = lax.cond(some, add, lambda buffer: buffer, buffer)
        return buffer

    def inputs(self, k: Array) -> tuple[list["_Summed"], list["_Summed"]]:
        """The currents into every group, and the spikes that sources bring to every row."""
        plan = self.plan
        currents = [_Summed(group) for group in plan.groups]
        arrivals = [_Summed(plan.groups[row.group]) for row in plan.rows]
        for entry, keys in zip(self.network.inputs, self.input_keys, strict=True):
            if hasattr(entry.source, "intensity"):
                continue  # drawn together with others: see ``drawn``
            values = None
            for name in entry.targets:
                if values is None or jnp.ndim(values):  # what is the same for all cells is computed once
                    n = self.network.populations[name].n
                    values = entry.weight * entry.source.values(k, self.dt, keys[name], n)
                g = plan.locate(name)
                if entry.synapse is None:
                    currents[g].add(name, values)
                else:
                    r = plan.row(g, entry.synapse)
                    spread = getattr(entry.source, "spread", False)
                    arrivals[r].add(name, self.remains[r] * values if spread else values)
        return currents, arrivals

    def past(self, ring: Array, k: Array, delay: int) -> Array:
        """The entry of a ring that was made ``delay`` (a delay class) before step k."""
        return lax.dynamic_index_in_dim(ring, (k - self.delays[delay]) % self.plan.ring, keepdims=False)

    def kinetics(self, each: Sum) -> Any:
        return self.network.synapses[each.synapse].kinetics

    def totals(self, gates: tuple[Any, ...], spikes: tuple[Array, ...]) -> tuple[Array, ...]:
        """The present value of every sum [populations]."""
        values = []
        for each, state in zip(self.plan.sums, gates, strict=True):
            cells = self.kinetics(each).gating(state) if each.synapse else spikes[each.group]
            values.append(_by_population(self.plan.groups[each.group], cells.astype(self.dt.dtype)))
        return tuple(values)

    def brought(self, r: int, carry: Carry, now: tuple[Array, ...]) -> Array:
        """What all-to-all projections bring to the populations of row ``r`` [populations], given the sums of now."""
        total = jnp.zeros(())
        for (s, delay), W in self.footprints[r].items():
            sums = now[s] if delay is None else self.past(carry.sums[s], carry.k, delay)
            total += jnp.sum(W * sums[None], axis=1)
        return total

    def arrive(self, carry: Carry, now, due, arrivals) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """The entry variables that are not in the buffer, decayed and fed."""
        plan, blocks, dense = self.plan, list(carry.blocks), list(carry.dense)
        for r, row in enumerate(plan.rows):
            if row.blocks and not row.gated:
                blocks[r] = blocks[r] * self.decays[r] + self.brought(r, carry, now)
            for i, autapses in row.blocks:
                if not autapses:
                    projection, g = self.network.projections[i], plan.locate(self.network.projections[i].pre)
                    own = delivery.unpack(due(g, plan.delays[i]), plan.groups[g].n)
                    own = own[slice(*plan.groups[g].span(projection.pre))]
                    arrivals[r].add(projection.post, -projection.weight * own)
            if row.dense:
                draws = zip(row.draws, self.lanes[r], strict=True)
                drawn = (self.remains[r] * self.drawn(carry.k, row, draw, lanes) for draw, lanes in draws)
                dense[r] = dense[r] * self.decays[r] + sum(drawn, start=arrivals[r].total())
        return tuple(blocks), tuple(dense)

    def draw_lanes(self, row: Row, draw: Draw) -> Array:
        """The part of a draw's random words that is the same in every step [group.n]."""
        group, parts = self.plan.groups[row.group], []
        for name, members, (first, end) in zip(
            group.populations, draw.inputs, itertools.pairwise(group.offsets), strict=True
        ):
            keys = [self.input_keys[i][name] for i in members]
            parts.append(randomness.lanes(functools.reduce(jnp.add, keys, jnp.uint32(0)), end - first))
        return jnp.concatenate(parts)

    def drawn(self, k: Array, row: Row, draw: Draw, lanes: Array) -> Array:
        """What the Poisson sources of one draw bring to every cell of a row [group.n]."""
        group, inputs = self.plan.groups[row.group], self.network.inputs
        rates, weights = [], []
        for name, members in zip(group.populations, draw.inputs, strict=True):
            courses = [inputs[i].source.intensity(k, self.dt, self.input_keys[i][name]) for i in members]
            rates.append(sum(courses[1:], start=courses[0]) if courses else 0.0)
            weights.append(inputs[members[0]].weight if members else 0.0)
        words = randomness.words(lanes, randomness.clock(k))
        if any(jnp.ndim(rate) for rate in rates):
            means = _pieces(rates, group) * (self.dt * 1e-3)
            counts = randomness.poisson(words, means, terms=draw.terms)
        else:
            means = jnp.stack([jnp.asarray(rate, self.dt.dtype) for rate in rates]) * (self.dt * 1e-3)
            counts = randomness.poisson(words, means, lambda each: _pieces(list(each), group), draw.terms)
        return _pieces(weights, group) * counts

    def synaptic(self, carry: Carry, now: tuple[Array, ...]) -> tuple[list[Any], list[Any], list[Drive]]:
        """Of every row its entry variable and conductance, and of every group the drive that they make."""
        plan, (_, unscale) = self.plan, self.scale(carry.k - carry.born)
        entries, conductances, drives = [], [], [Drive() for _ in plan.groups]
        for r, (row, synapse) in enumerate(zip(plan.rows, self.synapses, strict=True)):
            group, x = plan.groups[row.group], 0.0
            V = self.neurons[row.group].voltage(carry.neurons[row.group])
            if row.at is not None:
                factors = [
                    unscale[row.synapse] * (1.0 if i is None else self.network.projections[i].weight)
                    for i in row.factors
                ]
                x = carry.buffer[row.at : row.at + group.n] * _pieces(factors, group)
            if row.blocks:
                brought = self.brought(r, carry, now) if row.gated else carry.blocks[r]
                x = x + _pieces(list(brought), group)
            if row.dense:
                x = x + carry.dense[r]
            g = x if row.gated else synapse.kinetics.conductance(x, carry.rest[r])
            drives[row.group] = drives[row.group].plus(synapse.receptor.current(g, V))
            entries.append(x)
            conductances.append(g)
        return entries, conductances, drives

    def sound(self, carry: Carry) -> Array:
        """Whether the state is finite, nowhere absurdly large, and can be advanced by steps of this length."""
        flags = [
            jnp.all(jnp.isfinite(x))
            for x in jax.tree.leaves((carry.buffer, carry.blocks, carry.dense, carry.rest, carry.gates))
        ]
        flags += [jnp.all(jnp.abs(x) < ABSURD) for x in jax.tree.leaves(carry.neurons) if x.dtype.kind == "f"]
        flags += [~jnp.any(cells) for cells in self.overshooting(carry) if cells is not None]
        return jnp.all(jnp.stack(flags))

    def overshooting(self, carry: Carry) -> list[Array | None]:
        """Of every group, which cells a step would throw past their equilibrium and further from it; None: cannot."""
        silent = tuple(jnp.zeros(group.n, bool) for group in self.plan.groups)
        *_, drives = self.synaptic(carry, self.totals(carry.gates, silent))
        return [
            neuron.overshoots(drive, self.dt) if hasattr(neuron, "overshoots") else None
            for neuron, drive in zip(self.neurons, drives, strict=True)
        ]


def _overview(words: Array) -> tuple[Array, Array, Array]:
    """Packed spikes, their summary, and whether there are any."""
    summary = delivery.summary(words)
    return words, summary, jnp.any(summary != 0)


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


def _footprint(plan: Plan, network: Network, row: Row) -> dict[tuple[int, int | None], Array]:
    """Weights [post populations, pre populations] of a row's all-to-all projections, by the sum and delay they read."""
    post, tables = plan.groups[row.group].populations, {}
    for i, _ in row.blocks:
        projection, g = network.projections[i], plan.locate(network.projections[i].pre)
        pre, read = plan.groups[g].populations, plan.sums.index(Sum(g, row.synapse if row.gated else ""))
        table = tables.setdefault((read, plan.delays[i]), [[0.0] * len(pre) for _ in post])
        table[post.index(projection.post)][pre.index(projection.pre)] += projection.weight
    return {source: jnp.stack([jnp.stack(line) for line in table]) for source, table in tables.items()}


def _by_population(group: Group, values: Array) -> Array:
    """Sums of values [group.n] over each population of the group [populations]."""
    cells, ends = np.arange(group.n), np.asarray(group.offsets)
    member = (cells >= ends[:-1, None]) & (cells < ends[1:, None])
    return jnp.asarray(member, values.dtype) @ values


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
    if all(value is values[0] for value in values) and (len(values) == 1 or not jnp.ndim(values[0])):
        return values[0]
    if any(jnp.ndim(value) for value in values):
        sizes = [stop - start for start, stop in zip(group.offsets, group.offsets[1:], strict=False)]
        return jnp.concatenate([jnp.broadcast_to(v, n) for v, n in zip(values, sizes, strict=True)])
    cell = jnp.arange(group.n)
    joined = values[-1]
    for value, end in reversed(list(zip(values, group.offsets[1:], strict=True))[:-1]):
        joined = jnp.where(cell < end, value, joined)
    return joined
