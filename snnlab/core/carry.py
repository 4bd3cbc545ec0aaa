"""What a network carries from step to step, and what it starts with."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core import delivery, randomness
from snnlab.core.network import Packed
from snnlab.core.planner import Plan, Sum


class Cells(NamedTuple):
    """The cells of a group, and the synaptic variables of which each of them has its own."""

    state: Any  # of the neurons: a State, arrays [group.n]
    dense: tuple[
        Array, ...
    ]  # per row of the group [group.n] (or [0]): entry variables with arrivals of their own
    rest: tuple[Any, ...]  # per row of the group: the further variables of its kinetics
    gates: tuple[
        Any, ...
    ]  # per sum over the group that reads a gating variable: the variables of its kinetics


class Carry(NamedTuple):
    """The state of a network between two steps."""

    k: Array  # number of the next step
    failed: Array  # the step at which the state was first found not to be sound; -1: never
    born: Array  # the step at which the buffer was last at age 0
    cells: tuple[Cells, ...]  # per group
    buffer: Array  # [plan.size + 1] entry variables fed by sparse wiring, times e^{age dt / tau}; a slot for nothing
    history: (
        Array  # [steps, width] what all-to-all projections read and fed in the last steps, see ``Layout``
    )
    ring: tuple[Array, ...]  # per group [ring, words]: the spikes of the last steps (or [0, words])


class Layout:
    """Where things lie in a line of a network's history: the sums over populations at a step and, after them, the
    entry variables that all-to-all projections feed. One small array, because what an array costs is its kernel.
    """

    def __init__(self, plan: Plan):
        fed = [r for r, row in enumerate(plan.rows) if row.blocks and not row.gated]
        sizes = [len(plan.groups[each.group].populations) for each in plan.sums]
        sizes += [len(plan.groups[plan.rows[r].group].populations) for r in fed]
        places = [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True)]
        self.width = sum(sizes)
        self.sums = places[: len(plan.sums)]
        self.blocks = dict(zip(fed, places[len(plan.sums) :], strict=True))


@functools.partial(jax.jit, static_argnames=("plan",))
def initial(plan: Plan, packed: Packed, seed: Array) -> Carry:
    """The state at t = 0."""
    network = packed.network()
    kinetics = {name: synapse.kinetics for name, synapse in network.synapses.items()}
    cells = []
    for g, group in enumerate(plan.groups):
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
        rows = [row for row in plan.rows if row.group == g]
        cells.append(
            Cells(
                state=jax.tree.map(lambda *parts: jnp.concatenate(parts), *states),
                dense=tuple(jnp.zeros(group.n if row.dense else 0) for row in rows),
                rest=tuple(() if row.gated else kinetics[row.synapse].init(group.n) for row in rows),
                gates=tuple(kinetics[each.synapse].init(group.n) for each in gating(plan, g)),
            )
        )
    return Carry(
        k=jnp.int32(0),
        failed=jnp.int32(-1),
        born=jnp.int32(0),
        cells=tuple(cells),
        buffer=jnp.zeros(plan.size + 1),
        history=jnp.zeros((max(plan.ring, 1), Layout(plan).width)),
        ring=tuple(
            jnp.zeros((plan.ring if kept else 0, delivery.n_words(group.n)), jnp.uint32)
            for group, kept in zip(plan.groups, plan.kept, strict=True)
        ),
    )


def gating(plan: Plan, g: int) -> list[Sum]:
    """The sums over group ``g`` that read a gating variable."""
    return [each for each in plan.sums if each.group == g and each.synapse]
