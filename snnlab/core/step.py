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
from snnlab.core.carry import Carry, Cells, Layout, gating
from snnlab.core.grouped import Summed, by_population, footprint, joined_neuron, pieces
from snnlab.core.integrators import Drive
from snnlab.core.network import Packed
from snnlab.core.planner import Draw, Plan, Row
from snnlab.core.stages import Stages

MAX_EXPONENT = (
    20.0  # the largest age dt / tau: keeps the scale's rounding error near 1e-6 in single precision
)
MAX_AGE = 500
CHECK = (
    500  # steps from one question whether the state is sound to the next, however a run is cut into pieces
)
ABSURD = 1e6  # a state variable beyond this has left the model: no membrane reaches 1000 V


class Seen(NamedTuple):
    """What a step finds out before anything moves."""

    spikes: tuple[Array, ...]  # per group [group.n], where a gating variable asks for them; else [0]
    words: tuple[Array, ...]  # per group: its packed spikes
    found: tuple[
        Any, ...
    ]  # per lane without a delay: words, their summary, and whether there are any; else ()
    line: Array  # [width] of the history
    gated: tuple[Array, ...]  # per row [populations of its group]: what gating variables bring (or [0])


class Probe(NamedTuple):
    """What to record: a state variable or a synapse's conductance of one population."""

    population: str
    variable: str


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
        words = _put(words, jnp.concatenate(spikes), now)
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

    widths = [delivery.n_words(group.n) for group in plan.groups]
    words = jnp.zeros((capacity, sum(widths)), jnp.uint32)
    kinds = jax.eval_shape(lambda carry: engine.step(carry, probes, selections)[2], carry)
    samples = tuple(jnp.zeros((capacity, *kind.shape), kind.dtype) for kind in kinds)
    loop = lax.while_loop(lambda loop: loop[0].k < end, stretch, (carry, words, samples))
    carry, words, samples = loop
    return carry, tuple(jnp.split(words, np.cumsum(widths)[:-1], axis=1)), samples


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
        self.layout = Layout(plan)
        self.rows = [
            [r for r, row in enumerate(plan.rows) if row.group == g] for g in range(len(plan.groups))
        ]
        self.neurons = [joined_neuron(network, group) for group in plan.groups]
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
        self.footprints = [footprint(plan, network, row) for row in plan.rows]
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
        plan, k = self.plan, carry.k
        seen = self.stages.apart(self.look, k, carry.cells, carry.history)
        ring, history = carry.ring, carry.history
        if plan.ring:
            both = zip(ring, seen.words, strict=True)
            ring = tuple(_put(past, row, k % plan.ring) if len(past) else past for past, row in both)
        if self.layout.width:
            history = _put(history, seen.line, k % len(history))

        def due(group, delay):
            return seen.words[group] if delay is None else self.past(ring[group], k, delay)

        buffer = self.deliver(carry, seen.found, due)
        cells, values = [], {}
        for g, group in enumerate(plan.groups):
            chosen = zip(probes, selections, strict=True)
            wanted = {probe: which for probe, which in chosen if probe.population in group.populations}
            advance = functools.partial(self.advance, g, due, wanted)
            arrived = k, carry.born, buffer, seen.line, seen.gated, seen.spikes[g]
            after, read = self.stages.update(advance, carry.cells[g], *arrived)
            cells.append(after)
            values.update(zip(wanted, read, strict=True))
        carry = carry._replace(k=k + 1, cells=tuple(cells), buffer=buffer, history=history, ring=ring)
        return carry, seen.words, tuple(values[probe] for probe in probes)

    def look(self, k: Array, cells: tuple[Cells, ...], history: Array) -> Seen:
        """Who spikes, and what all-to-all projections bring."""
        spikes = tuple(
            neuron.fire(each.state, self.dt)[1] for neuron, each in zip(self.neurons, cells, strict=True)
        )
        words, found = self.stages.apart(self.packed, spikes)
        line, gated = self.stages.apart(
            self.arrive, k, self.stages.apart(self.totals, cells, spikes), history
        )
        kept = zip(spikes, cells, strict=True)
        spikes = tuple(each if of.gates else jnp.zeros(0, bool) for each, of in kept)
        return Seen(spikes, words, found, line, gated)

    def packed(self, spikes: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Any, ...]]:
        """The packed spikes of every group, and of every lane without a delay the overview of its own."""
        words = tuple(map(delivery.pack, spikes))
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
            late = lane.delay is not None
            words, summary, some = self.stages.apart(_overview, due(lane.group, lane.delay)) if late else here

            def add(buffer, lane=lane, tables=tables, words=words, summary=summary):
                group, (scale, _) = self.plan.groups[lane.group], self.scale(carry.k - carry.born)
                return delivery.deliver(lane, group, self.network, tables, scale, words, summary, buffer)

            buffer = lax.cond(some, add, lambda buffer: buffer, buffer)
        return buffer

    def past(self, ring: Array, k: Array, delay: int) -> Array:
        """The entry of a ring that was made ``delay`` (a delay class) before step k."""
        return lax.dynamic_index_in_dim(ring, (k - self.delays[delay]) % self.plan.ring, keepdims=False)

    def totals(self, cells: tuple[Cells, ...], spikes: tuple[Array, ...]) -> tuple[Array, ...]:
        """The present value of every sum [populations]."""
        values = []
        for each in self.plan.sums:
            summed = spikes[each.group]
            if each.synapse:
                state = cells[each.group].gates[gating(self.plan, each.group).index(each)]
                summed = self.network.synapses[each.synapse].kinetics.gating(state)
            values.append(by_population(self.plan.groups[each.group], summed.astype(self.dt.dtype)))
        return tuple(values)

    def brought(self, r: int, k: Array, sums: tuple[Array, ...], history: Array) -> Array:
        """What all-to-all projections bring to the populations of row ``r`` [populations], given the sums of now."""
        total = jnp.zeros(())
        for (s, delay), W in self.footprints[r].items():
            # a delay is a step at least: what the history still lacks is not asked of it
            read = sums[s] if delay is None else self.past(history, k, delay)[self.layout.sums[s]]
            total += jnp.sum(W * read[None], axis=1)
        return total

    def arrive(self, k: Array, sums: tuple[Array, ...], history: Array) -> tuple[Array, tuple[Array, ...]]:
        """The line of this step, and of every row what gating variables bring to it, given the sums of now."""
        before = lax.dynamic_index_in_dim(history, (k - 1) % len(history), keepdims=False)
        gated = tuple(
            self.brought(r, k, sums, history) if row.blocks and row.gated else jnp.zeros(0, self.dt.dtype)
            for r, row in enumerate(self.plan.rows)
        )
        fed = [
            before[place] * self.decays[r] + self.brought(r, k, sums, history)
            for r, place in self.layout.blocks.items()
        ]
        return jnp.concatenate([*sums, *fed, jnp.zeros(0, self.dt.dtype)]), gated

    def advance(self, g: int, due, wanted, cells: Cells, k, born, buffer, line, gated, spikes):
        """The cells of group ``g`` a step later, and what the probes ``wanted`` as the step uses it."""
        neuron, rows = self.neurons[g], self.rows[g]
        state, _ = neuron.fire(cells.state, self.dt)
        current, arrivals = self.inputs(g, k)
        dense = tuple(
            self.fed(r, k, before, arrivals[r], due) for r, before in zip(rows, cells.dense, strict=True)
        )
        here = cells._replace(state=state, dense=dense)
        entries, conductances, drive = self.synaptic(g, here, k - born, buffer, line, gated)
        values = tuple(self.probed(g, probe, state, conductances)[which] for probe, which in wanted.items())
        rest = tuple(
            () if self.plan.rows[r].gated else self.synapses[r].kinetics.advance(x, before, self.dt)
            for r, x, before in zip(rows, entries, cells.rest, strict=True)
        )
        gates = tuple(
            self.network.synapses[each.synapse].kinetics.release(before, spikes, self.dt)
            for each, before in zip(gating(self.plan, g), cells.gates, strict=True)
        )
        state = neuron.advance(state, drive.plus(Drive(current.total())), self.dt)
        return Cells(state, dense, rest, gates), values

    def inputs(self, g: int, k: Array) -> tuple[Summed, dict[int, Summed]]:
        """The current into group ``g``, and the spikes that sources bring to its rows."""
        group = self.plan.groups[g]
        current, arrivals = Summed(group), {r: Summed(group) for r in self.rows[g]}
        for entry, keys in zip(self.network.inputs, self.input_keys, strict=True):
            if hasattr(entry.source, "intensity"):
                continue  # drawn together with others: see ``drawn``
            values = None
            for name in entry.targets:
                if name not in group.populations:
                    continue
                if values is None or jnp.ndim(values):  # what is the same for all cells is computed once
                    n = self.network.populations[name].n
                    values = entry.weight * entry.source.values(k, self.dt, keys[name], n)
                if entry.synapse is None:
                    current.add(name, values)
                else:
                    r = self.plan.row(g, entry.synapse)
                    spread = getattr(entry.source, "spread", False)
                    arrivals[r].add(name, self.remains[r] * values if spread else values)
        return current, arrivals

    def fed(self, r: int, k: Array, before: Array, arrivals: Summed, due) -> Array:
        """The entry variables of row ``r`` that have arrivals of their own [group.n], decayed and fed."""
        plan, row = self.plan, self.plan.rows[r]
        if not row.dense:
            return before
        for i, autapses in row.blocks:
            if not autapses:
                projection, g = self.network.projections[i], plan.locate(self.network.projections[i].pre)
                own = delivery.unpack(due(g, plan.delays[i]), plan.groups[g].n)
                own = own[slice(*plan.groups[g].span(projection.pre))]
                arrivals.add(projection.post, -projection.weight * own)
        draws = zip(row.draws, self.lanes[r], strict=True)
        drawn = (self.remains[r] * self.drawn(k, row, draw, lanes) for draw, lanes in draws)
        return before * self.decays[r] + sum(drawn, start=arrivals.total())

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
        weights = [inputs[members[0]].weight if members else 0.0 for members in draw.inputs]

        def means(k):
            for name, members in zip(group.populations, draw.inputs, strict=True):
                courses = [inputs[i].source.intensity(k, self.dt, self.input_keys[i][name]) for i in members]
                yield (sum(courses[1:], start=courses[0]) if courses else 0.0) * (self.dt * 1e-3)

        words = randomness.words(lanes, randomness.clock(k))
        if draw.terms > randomness.UNROLLED or any(jnp.ndim(mean) for mean in means(k)):
            counts = randomness.poisson(words, pieces(list(means(k)), group), draw.terms)
        else:  # what cells have in common is little to compute, but many kernels
            thresholds = self.stages.apart(
                lambda k: randomness.poisson_thresholds(jnp.stack(list(means(k))), draw.terms), k
            )
            counts = randomness.above(words, (pieces(list(each), group) for each in thresholds))
        return pieces(weights, group) * counts

    def synaptic(self, g: int, cells: Cells, age, buffer, line, gated) -> tuple[list[Any], list[Any], Drive]:
        """Of every row of group ``g`` its entry variable and conductance, and the drive that they make."""
        plan, group, (_, unscale) = self.plan, self.plan.groups[g], self.scale(age)
        entries, conductances, drive = [], [], Drive()
        V = self.neurons[g].voltage(cells.state)
        for r, dense, rest in zip(self.rows[g], cells.dense, cells.rest, strict=True):
            row, synapse, x = plan.rows[r], self.synapses[r], 0.0
            if row.at is not None:
                factors = [
                    unscale[row.synapse] * (1.0 if i is None else self.network.projections[i].weight)
                    for i in row.factors
                ]
                x = buffer[row.at : row.at + group.n] * pieces(factors, group)
            if row.blocks:
                x = x + pieces(list(gated[r] if row.gated else line[self.layout.blocks[r]]), group)
            if row.dense:
                x = x + dense
            entries.append(x)
            conductances.append(x if row.gated else synapse.kinetics.conductance(x, rest))
            drive = drive.plus(synapse.receptor.current(conductances[-1], V))
        return entries, conductances, drive

    def probed(self, g: int, probe: Probe, state: Any, conductances: list[Any]) -> Array:
        """What a probe reads: a state variable or a conductance of one population of group ``g``."""
        group = self.plan.groups[g]
        start, stop = group.span(probe.population)
        if probe.variable in state._fields:
            return getattr(state, probe.variable)[start:stop]
        conductance = conductances[self.rows[g].index(self.plan.row(g, probe.variable))]
        return jnp.broadcast_to(conductance, group.n)[start:stop]

    def sound(self, carry: Carry) -> Array:
        """Whether the state is finite, nowhere absurdly large, and can be advanced by steps of this length."""
        synaptic = [cells._replace(state=()) for cells in carry.cells]
        flags = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves((carry.buffer, carry.history, synaptic))]
        states = jax.tree.leaves([cells.state for cells in carry.cells])
        flags += [jnp.all(jnp.abs(x) < ABSURD) for x in states if x.dtype.kind == "f"]
        flags += [~jnp.any(cells) for cells in self.overshooting(carry) if cells is not None]
        return jnp.all(jnp.stack(flags))

    def overshooting(self, carry: Carry) -> list[Array | None]:
        """Of every group, which cells a step would throw past their equilibrium and further from it; None: cannot."""
        silent = tuple(jnp.zeros(group.n, bool) for group in self.plan.groups)
        _, gated = self.arrive(carry.k, self.totals(carry.cells, silent), carry.history)
        line = lax.dynamic_index_in_dim(carry.history, (carry.k - 1) % len(carry.history), keepdims=False)
        flags = []
        for g, (neuron, cells) in enumerate(zip(self.neurons, carry.cells, strict=True)):
            drive = self.synaptic(g, cells, carry.k - carry.born, carry.buffer, line, gated)[-1]
            flags.append(neuron.overshoots(drive, self.dt) if hasattr(neuron, "overshoots") else None)
        return flags


def _overview(words: Array) -> tuple[Array, Array, Array]:
    """Packed spikes, their summary, and whether there are any."""
    summary = delivery.summary(words)
    return words, summary, jnp.any(summary != 0)
