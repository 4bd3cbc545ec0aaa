"""Values of the populations of a group: one number for all of them as long as it can be, a value a cell otherwise."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core.network import Network
from snnlab.core.planner import Group, Plan, Row, Sum


def joined_neuron(network: Network, group: Group) -> Any:
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


def footprint(plan: Plan, network: Network, row: Row) -> dict[tuple[int, int | None], Array]:
    """Weights [post populations, pre populations] of a row's all-to-all projections, by the sum and delay they read."""
    post, tables = plan.groups[row.group].populations, {}
    for i, _ in row.blocks:
        projection, g = network.projections[i], plan.locate(network.projections[i].pre)
        pre, read = plan.groups[g].populations, plan.sums.index(Sum(g, row.synapse if row.gated else ""))
        table = tables.setdefault((read, plan.delays[i]), [[0.0] * len(pre) for _ in post])
        table[post.index(projection.post)][pre.index(projection.pre)] += projection.weight
    return {source: jnp.stack([jnp.stack(line) for line in table]) for source, table in tables.items()}


def by_population(group: Group, values: Array) -> Array:
    """Sums of values [group.n] over each population of the group [populations]."""
    cells, ends = np.arange(group.n), np.asarray(group.offsets)
    member = (cells >= ends[:-1, None]) & (cells < ends[1:, None])
    return jnp.asarray(member, values.dtype) @ values


class Summed:
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
        return sums[0] if same and not jnp.ndim(sums[0]) else pieces(sums, self.group)


def pieces(values: list[Any], group: Group) -> Any:
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
