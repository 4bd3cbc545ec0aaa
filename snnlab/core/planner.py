"""Groups a network's work once, in numpy, so that a step is one pass.

* Populations with equal cells are laid end to end and stepped as one *group*.
* A *row* is one synapse on one group; rows that are fed by sparse wiring lie end to end in one flat buffer.
* A *lane* is one group's spikes after one delay: they are found once, and each spiking cell's targets, in all rows,
  lie end to end in a table of buffer positions.
* All-to-all projections bring the same to all cells of a population: a *block* of the row. They read a *sum* over each
  presynaptic population, of its spikes or of a gating variable, and each sum is kept for as long as delays ask.
* A *draw* is one random number a cell for all Poisson sources of a row that add the same weight.

The plan is hashable structure, known when the program is compiled; the tables and delays are arrays.
"""

import collections
import dataclasses
import hashlib
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab.core import memory, randomness
from snnlab.core.connectivity import AllToAll, Matrix, bucket
from snnlab.core.network import Network

STRIDE = 8  # positions of a cell that are added without asking whether there are more
NARROW = 2**16 - 1  # what 16 bits hold; the value itself marks padding
KEPT = 2**29  # bytes of tables that are kept for the next run
MAX_DIFFERENT = 4  # past this, cells that differ in more parameters are faster in groups of their own,
MAX_MIXED = (
    1000  # and past so many cells any that differ: what a group of their own costs is the same for all sizes
)


@dataclasses.dataclass(frozen=True)
class Group:
    """Populations laid end to end; ``shared[i]`` says whether leaf i of their neurons is one value for all."""

    populations: tuple[str, ...]
    offsets: tuple[int, ...]
    shared: tuple[bool, ...]

    @property
    def n(self) -> int:
        return self.offsets[-1]

    def span(self, population: str) -> tuple[int, int]:
        """First and last + 1 cell of a population within the group."""
        i = self.populations.index(population)
        return self.offsets[i], self.offsets[i + 1]


@dataclasses.dataclass(frozen=True)
class Draw:
    """One Poisson number a cell: of every population the inputs whose rates add up, and the terms that can matter."""

    inputs: tuple[tuple[int, ...], ...]
    terms: int


@dataclasses.dataclass(frozen=True)
class Row:
    """One synapse on one group. ``at`` is its place in the buffer, None when no sparse projection feeds it.

    Where a single projection feeds a population, its weight is applied when the buffer is read, not at every spike.
    """

    group: int
    synapse: str
    at: int | None
    factors: tuple[
        int | None, ...
    ]  # per population (or one for all): the one sparse projection that feeds it
    blocks: tuple[tuple[int, bool], ...]  # all-to-all projections and whether they have autapses
    dense: bool  # whether anything gives every cell an arrival of its own
    draws: tuple[Draw, ...]
    gated: bool  # the synapse's state is that of the presynaptic cells: ``blocks`` are then all there is


@dataclasses.dataclass(frozen=True)
class Layer:
    """Projections that share a table, per presynaptic population of the lane, ordered by their span of the buffer.

    ``values`` says what a spike adds there, as (synapse, projection whose weight counts or None, end of the span);
    neighbouring spans that add the same are one. A table holds positions from ``bases`` on, so that 16 bits hold
    them also where the buffer is longer: what a spike costs is to fetch its positions from memory.
    """

    projections: tuple[tuple[int, ...], ...]
    values: tuple[tuple[tuple[str, int | None, int], ...], ...]
    bases: tuple[int, ...]
    narrow: bool
    weighted: bool


@dataclasses.dataclass(frozen=True)
class Lane:
    """The spikes of one group at one delay (None: no delay), and the layers they are delivered to."""

    group: int
    delay: int | None
    layers: tuple[Layer, ...]


@dataclasses.dataclass(frozen=True, order=True)
class Sum:
    """What all-to-all projections read of a group's populations: how many cells spiked or, of a synapse whose state is
    the presynaptic cell's, its gating variable summed.
    """

    group: int
    synapse: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The structure of a network's step."""

    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    lanes: tuple[Lane, ...]
    sums: tuple[Sum, ...]
    delays: tuple[int | None, ...]  # delay class of every projection
    keys: tuple[str, ...]  # stable name of every input, for its noise
    order: tuple[int, ...]  # projections in an order that does not depend on how they were listed
    size: int
    ring: int  # steps for which the past is kept; 0 where there are no delays
    kept: tuple[bool, ...]  # of every group whether its single spikes are kept, or only sums over them
    staged: bool = True  # whether a step is laid into stages, as suits XLA's CPU runtime

    def locate(self, population: str) -> int:
        """The group a population lies in."""
        return next(i for i, group in enumerate(self.groups) if population in group.populations)

    def row(self, group: int, synapse: str) -> int:
        """The row of a synapse on a group."""
        return next(i for i, row in enumerate(self.rows) if (row.group, row.synapse) == (group, synapse))


def names(network: Network) -> tuple[str, ...]:
    """A stable name for every projection: it seeds the wiring, whatever the order of the list."""
    return _numbered([(f"{p.pre}->{p.post}:{p.synapse}", p) for p in network.projections])


def wiring_key(network: Network, index: int, seed: int) -> int:
    """The key from which projection ``index`` draws its wiring."""
    return randomness.subkey(seed, names(network)[index])


def build(network: Network, dt: float) -> tuple[Plan, np.ndarray]:
    """The plan of a concrete network, and its delays in steps, one for each delay class."""
    for entry in network.inputs:
        if hasattr(entry.source, "check_step"):
            entry.source.check_step(dt)
    groups = _groups(network)
    located = {name: i for i, group in enumerate(groups) for name in group.populations}
    labels = names(network)
    order = tuple(sorted(range(len(labels)), key=labels.__getitem__))
    steps = [_delay_steps(network, i, dt) for i in range(len(labels))]
    classes = sorted({step for step in steps if step})
    delays = tuple(classes.index(step) if step else None for step in steps)
    rows, size = _rows(network, groups, located, order, dt)
    lanes = _lanes(network, groups, located, rows, size, order, delays)
    sums, kept = (
        set(),
        [any(lane.group == i and lane.delay is not None for lane in lanes) for i in range(len(groups))],
    )
    for projection, delay in zip(network.projections, delays, strict=True):
        if isinstance(projection.connectivity, AllToAll):
            group, gated = located[projection.pre], network.synapses[projection.synapse].presynaptic
            sums.add(Sum(group, projection.synapse if gated else ""))
            kept[group] |= delay is not None and not projection.connectivity.autapses
    keys = _numbered([(f"{'+'.join(i.targets)}<-{type(i.source).__name__}", i) for i in network.inputs])
    ring = max(16, 1 << max(classes, default=0).bit_length()) if classes else 0
    plan = Plan(groups, rows, lanes, tuple(sorted(sums)), delays, keys, order, size, ring, tuple(kept))
    return plan, np.asarray(classes, np.int32)


Recipes = tuple[tuple[Any, ...], ...]


def recipes(network: Network, plan: Plan, seed: int) -> Recipes:
    """For every lane and layer what its table is made from: equal recipes are the same wiring."""
    return tuple(
        tuple(_recipe(network, plan, lane, layer, seed) for layer in lane.layers) for lane in plan.lanes
    )


def tables(network: Network, plan: Plan, seed: int) -> tuple[tuple[Any, ...], ...]:
    """For every lane and layer (starts [group.n + 1], targets, weights or None), see ``_layer_table``."""
    return made(recipes(network, plan, seed))


def made(recipes: Recipes) -> tuple[tuple[Any, ...], ...]:
    """The tables of these recipes."""
    return tuple(tuple(map(_layer_table, lane)) for lane in recipes)


def alike(one: tuple[Network, Plan], other: tuple[Network, Plan]) -> bool:
    """Whether the states of two planned networks mean the same, cell by cell and synapse by synapse."""

    def meaning(network: Network, plan: Plan):
        return (
            [(group.populations, group.offsets) for group in plan.groups],
            [(row.group, row.synapse, row.at, row.gated) for row in plan.rows],
            [(p.pre, p.post, p.synapse) for p in network.projections],
            (plan.sums, plan.ring, plan.kept),
        )

    return meaning(*one) == meaning(*other)


def table_bytes(network: Network, plan: Plan) -> int:
    """About how much memory the tables of targets will take."""
    real = np.dtype(jnp.result_type(float)).itemsize
    return sum(
        4 * plan.groups[lane.group].n
        + _room(network, plan, lane, layer) * ((2 if layer.narrow else 4) + (real if layer.weighted else 0))
        for lane in plan.lanes
        for layer in lane.layers
    )


def _room(network: Network, plan: Plan, lane: Lane, layer: Layer) -> int:
    """How long a layer's table is: six deviations above its mean, so that another seed gives the same shape."""
    total, spread = 0.0, 0.0
    for i in itertools.chain.from_iterable(layer.projections):
        projection = network.projections[i]
        n_pre, n_post = network.populations[projection.pre].n, network.populations[projection.post].n
        mean, variance = projection.connectivity.degree(n_pre, n_post)
        total += n_pre * mean
        spread += n_pre * variance
    filled_up = plan.groups[lane.group].n * (STRIDE - 1)
    return bucket(math.ceil(total + filled_up + 6 * math.sqrt(spread)))


def _groups(network: Network) -> tuple[Group, ...]:
    found: list[list[str]] = []
    for name, population in network.populations.items():
        for members in found:
            first = network.populations[members[0]].neuron
            if jax.tree.structure(first) == jax.tree.structure(population.neuron):
                joined = [network.populations[m] for m in members] + [population]
                differing = _shared([each.neuron for each in joined]).count(False)
                if differing <= (MAX_DIFFERENT if sum(each.n for each in joined) <= MAX_MIXED else 0):
                    members.append(name)
                    break
        else:
            found.append([name])
    groups = []
    for members in found:
        offsets = np.cumsum([0] + [network.populations[m].n for m in members]).tolist()
        shared = _shared([network.populations[m].neuron for m in members])
        groups.append(Group(tuple(members), tuple(offsets), shared))
    return tuple(groups)


def _shared(neurons: list[Any]) -> tuple[bool, ...]:
    """For each leaf, whether it is one and the same number in all these neurons (or there is only one neuron)."""
    if len(neurons) == 1:
        return tuple(True for _ in jax.tree.leaves(neurons[0]))
    columns = zip(*(jax.tree.leaves(neuron) for neuron in neurons), strict=True)
    return tuple(all(np.ndim(v) == 0 and v == column[0] for v in column) for column in columns)


def _delay_steps(network: Network, i: int, dt: float) -> int:
    projection = network.projections[i]
    exact = float(projection.delay) / dt
    if abs(exact - round(exact)) > 1e-6 * max(1.0, exact):
        below = int(exact) * dt
        raise ValueError(
            f'projection {i} ("{projection.pre}" -> "{projection.post}"): delay = {float(projection.delay):g} ms '
            f"is not a multiple of dt = {dt:g} ms; the nearest are {below:g} and {below + dt:g} ms."
        )
    return round(exact)


def _rows(network, groups, located, order, dt):
    fed: dict[tuple[int, str], dict[str, Any]] = {}

    def row_of(population, synapse):
        empty = {"sparse": {}, "blocks": [], "dense": False, "rates": {}}
        return fed.setdefault((located[population], synapse), empty)

    for i in order:
        projection = network.projections[i]
        row = row_of(projection.post, projection.synapse)
        if isinstance(projection.connectivity, AllToAll):
            row["blocks"].append((i, projection.connectivity.autapses))
            row["dense"] |= not projection.connectivity.autapses
        else:
            row["sparse"].setdefault(projection.post, []).append(i)
    for i, entry in enumerate(network.inputs):
        for name in entry.targets if entry.synapse is not None else ():
            row = row_of(name, entry.synapse)
            row["dense"] = True
            if hasattr(entry.source, "intensity"):
                row["rates"].setdefault(name, {}).setdefault(float(entry.weight), []).append(i)
    rows, size = [], 0
    for (group, synapse), row in sorted(fed.items()):
        feeding = [row["sparse"].get(name, []) for name in groups[group].populations]
        factors = tuple(of[0] if len(of) == 1 else None for of in feeding)
        if None not in factors and len({float(network.projections[i].weight) for i in factors}) == 1:
            factors = factors[:1]  # equal when the network was built: one scalar
        merged = [list(row["rates"].get(name, {}).values()) for name in groups[group].populations]
        draws = []
        for layer in itertools.zip_longest(*merged, fillvalue=()):
            rates = [sum(network.inputs[i].source.highest for i in members) for members in layer]
            draws.append(Draw(tuple(map(tuple, layer)), randomness.poisson_terms(max(rates) * dt * 1e-3)))
        at = size if row["sparse"] else None
        gated = network.synapses[synapse].presynaptic
        rows.append(Row(group, synapse, at, factors, tuple(row["blocks"]), row["dense"], tuple(draws), gated))
        size += groups[group].n if row["sparse"] else 0
    return tuple(rows), size


def _lanes(network, groups, located, rows, size, order, delays):
    row_at = {(row.group, row.synapse): row for row in rows}
    sparse_feeds = collections.Counter(
        (located[p.post], p.synapse, p.post)
        for p in network.projections
        if not isinstance(p.connectivity, AllToAll)
    )
    sparse: dict[tuple[int, int], list[list[tuple[str, int, int, bool]]]] = {}
    for i in order:
        projection = network.projections[i]
        if isinstance(projection.connectivity, AllToAll):
            continue
        group = located[projection.post]
        end = row_at[group, projection.synapse].at + groups[group].span(projection.post)[1]
        weighted = isinstance(projection.connectivity, Matrix)
        layers = sparse.setdefault((located[projection.pre], -1 if delays[i] is None else delays[i]), [])
        # what a slot adds is found from where it points: one projection a place, and weights of its own or none
        for layer in layers:
            if all(weighted == w and (pre, end) != (projection.pre, e) for pre, _, e, w in layer):
                layer.append((projection.pre, i, end, weighted))
                break
        else:
            layers.append([(projection.pre, i, end, weighted)])

    alike: dict[
        tuple[str, float], int
    ] = {}  # weights that are equal when the network is built stay one number
    for i in reversed(order):
        alike[network.projections[i].synapse, float(network.projections[i].weight)] = i

    def build(layer, populations):
        members, values, starts, lengths = [], [], [], []
        for name in populations:
            spans = sorted((end, i) for pre, i, end, _ in layer if pre == name)
            merged: list[tuple[str, int | None, int]] = []
            for end, i in spans:
                projection = network.projections[i]
                factored = sparse_feeds[located[projection.post], projection.synapse, projection.post] == 1
                value = (
                    projection.synapse,
                    None if factored else alike[projection.synapse, float(projection.weight)],
                )
                if merged and merged[-1][:2] == value:
                    merged.pop()
                merged.append((*value, end))
            members.append(tuple(i for _, i in spans))
            values.append(tuple(merged))
            starts.append(
                min((end - network.populations[network.projections[i].post].n for end, i in spans), default=0)
            )
            lengths.append(max((end for end, _ in spans), default=0) - starts[-1])
        if size < NARROW:
            bases, narrow = (0,) * len(starts), True
        elif max(lengths) < NARROW:
            bases, narrow = tuple(starts), True
        else:
            bases, narrow = (0,) * len(starts), False
        return Layer(tuple(members), tuple(values), bases, narrow, layer[0][3])

    return tuple(
        Lane(
            group,
            None if delay < 0 else delay,
            tuple(build(layer, groups[group].populations) for layer in layers),
        )
        for (group, delay), layers in sorted(sparse.items())
    )


@dataclasses.dataclass(frozen=True)
class _Part:
    """One projection's share of a layer's table; equal parts give equal tables."""

    connectivity: Any = dataclasses.field(compare=False)
    fingerprint: tuple
    key: int
    first: int
    n_pre: int
    n_post: int
    base: int


def _recipe(network, plan, lane, layer, seed):
    parts = []
    for start, i in (
        (start, i) for start, members in zip(layer.bases, layer.projections, strict=True) for i in members
    ):
        projection = network.projections[i]
        target = plan.locate(projection.post)
        row = plan.rows[plan.row(target, projection.synapse)]
        n_pre, n_post = network.populations[projection.pre].n, network.populations[projection.post].n
        leaves, structure = jax.tree.flatten(projection.connectivity)
        fingerprint = (structure, *map(_digest, leaves))
        first = plan.groups[lane.group].span(projection.pre)[0]
        base = row.at + plan.groups[target].span(projection.post)[0] - start
        key = wiring_key(network, i, seed)
        parts.append(_Part(projection.connectivity, fingerprint, key, first, n_pre, n_post, base))
    # the precision decides the last bit of a random gap, too
    real = np.dtype(jnp.result_type(float))
    return (
        tuple(parts),
        plan.groups[lane.group].n,
        _room(network, plan, lane, layer),
        # a position that is none: beyond the base of any population, or the slot behind the buffer
        NARROW if any(layer.bases) else plan.size,
        np.dtype(np.uint16 if layer.narrow else np.uint32),
        real if layer.weighted else None,
    )


def _digest(leaf: Any) -> bytes:
    array = np.ascontiguousarray(leaf)
    return array.tobytes() if array.nbytes <= 64 else hashlib.blake2b(array.data, digest_size=16).digest()


@memory.kept(KEPT, size=lambda recipe, table: sum(array.nbytes for array in table if array is not None))
def _layer_table(recipe):
    """Each cell's buffer positions in all projections end to end, filled up with ``padding`` to whole strides.

    ``starts`` [n + 1] says at which stride a cell's positions start.
    """
    parts, n, room, padding, kind, real = recipe
    drawn = [(part, part.connectivity.table(part.key, part.n_pre, part.n_post)) for part in parts]
    degrees = [np.sum(table.targets < part.n_post, axis=1) for part, table in drawn]
    joint = np.zeros(n, np.int64)
    for (part, _), degree in zip(drawn, degrees, strict=True):
        joint[part.first : part.first + part.n_pre] += degree
    starts = np.concatenate([[0], np.cumsum(-(-joint // STRIDE))])
    size = max(room, bucket(int(starts[-1]) * STRIDE))
    targets = np.full(
        size, padding, kind
    )  # unsigned: there are no negative positions to provide for at every spike
    weights = None if real is None else np.zeros(size, real)
    filled = starts[:-1] * STRIDE
    for (part, table), degree in zip(drawn, degrees, strict=True):
        mine = slice(part.first, part.first + part.n_pre)
        valid = (
            np.arange(table.targets.shape[1]) < degree[:, None]
        )  # rows are ascending: padding is at their end
        before = np.cumsum(degree) - degree
        at = np.repeat(filled[mine] - before, degree) + np.arange(int(degree.sum()))
        targets[at] = table.targets[valid] + part.base
        if weights is not None:
            weights[at] = table.weights[valid]
        filled[mine] += degree
    return (
        jnp.asarray(starts.astype(np.int32)),
        jnp.asarray(targets),
        None if weights is None else jnp.asarray(weights),
    )


def _numbered(labelled: list[tuple[str, Any]]) -> tuple[str, ...]:
    """Labels made different by a number; objects of one label are numbered by what they are, not by their place."""
    places: dict[str, list[int]] = {}
    for i, (label, _) in enumerate(labelled):
        places.setdefault(label, []).append(i)
    numbered = [""] * len(labelled)
    for label, twins in places.items():
        if len(twins) > 1:
            twins.sort(key=lambda i: _fingerprint(labelled[i][1]))
        for number, i in enumerate(twins):
            numbered[i] = f"{label}#{number + 1}"
    return tuple(numbered)


def _fingerprint(component: Any) -> tuple[str, tuple[bytes, ...]]:
    leaves, structure = jax.tree.flatten(component)
    return str(structure), tuple(np.asarray(leaf, float).tobytes() for leaf in leaves)
