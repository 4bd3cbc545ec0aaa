"""A network as the entries of a module: one plan that is right for all values of its sliders."""

import dataclasses
import itertools
import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab.core import delivery, planner, probes, randomness
from snnlab.core import step as stepping
from snnlab.core.carry import initial
from snnlab.core.free import Free, derived, evaluated
from snnlab.core.network import Network, Packed
from snnlab.core.network_run import _without_wiring
from snnlab.core.parameters import replace
from snnlab.core.randomness import MAX_MEAN
from snnlab.live.opening import Fault, Opening
from snnlab.live.wiring import Part, Sheet, drawable, wired

REAL = jnp.float32
GRID = 1e-6  # of a step, or of a delay's steps, that a delay may be off the grid: as in a run, and single precision


def float32(shape: tuple[int, ...] = (1,)) -> Any:
    return jax.ShapeDtypeStruct(shape, np.float32)


def int32(shape: tuple[int, ...] = (1,)) -> Any:
    return jax.ShapeDtypeStruct(shape, np.int32)


def buffers_of_any(parameters: int, leaves: int, checks: int) -> dict[str, Any]:
    """The buffers of every program: what is set, what follows from it, and what it says of a run."""
    return {
        "values": jax.ShapeDtypeStruct((parameters,), np.float64),
        "dt": jax.ShapeDtypeStruct((1,), np.float64),
        "seed": jax.ShapeDtypeStruct((1,), np.uint32),
        "steps": int32(),
        "last": int32(),
        "leaves": float32((leaves,)),
        "step": float32(),
        "fault": int32(),
        "failed": int32(),
        "verdict": int32((checks,)),
        "value": float32((checks,)),
    }


class Leaves:
    """The numbers of a model, computed from the sliders in double precision as Python does, in one array."""

    def __init__(self, opening: Opening, tree: Any):
        self.names = opening.names
        self.values, self.structure = jax.tree.flatten(tree)
        self.shapes = tuple(np.shape(value) for value in self.values)
        self.size = sum(map(math.prod, self.shapes))

    def compute(self, point: Any) -> jax.Array:
        """Single precision [size]; inside a program of double precision."""
        return _joined(evaluated(self.values, point, compiled=True)).astype(REAL)

    def packed(self, leaves: Any) -> Packed:
        return Packed(leaves, (self.structure, self.shapes))

    def parts(self, leaves: Any) -> tuple[Any, ...]:
        ends = np.cumsum([math.prod(shape) for shape in self.shapes]).tolist()
        return tuple(
            leaves[end - math.prod(shape) : end].reshape(shape)
            for shape, end in zip(self.shapes, ends, strict=True)
        )


def _joined(values: list[Any]) -> jax.Array:
    """Numbers and arrays end to end; runs of numbers that nothing moves as one constant."""
    pieces = []
    for fixed, run in itertools.groupby(values, key=lambda value: not isinstance(value, jax.Array)):
        if fixed:
            pieces.append(jnp.asarray(np.concatenate([np.ravel(np.asarray(value, float)) for value in run])))
        else:
            pieces += [jnp.ravel(value) for value in run]
    return jnp.concatenate([*pieces, jnp.zeros(0)])


def checked(faults: list[Fault], point: Any) -> jax.Array:
    """The number of the first condition that does not hold, or -1."""
    found = evaluated([fault.condition for fault in faults], point, compiled=True)
    good = [
        jnp.asarray(value).astype(bool).reshape(()) == f.outcome
        for value, f in zip(found, faults, strict=True)
    ]
    if not good:
        return jnp.full(1, -1, jnp.int32)
    good = jnp.stack(good)
    return jnp.where(jnp.all(good), -1, jnp.argmin(good)).astype(jnp.int32).reshape(1)


class NetworkEntries:
    """The buffers and entries of a network whose parameters are open.

    The plan is made from values among which nothing is equal that need not be, so that what it merges is always equal.
    Random counts, tables and the memory of past spikes are made for the largest values of the sliders' ranges.
    """

    kind = "network"

    def __init__(self, opening: Opening, dts: tuple[float, float, float], record: Any, capacity: int | None):
        self.opening, self.capacity = opening, capacity or 250
        self.dt_low, self.dt, self.dt_high = dts
        self.network: Network = opening.model
        self.faults = list(opening.faults)
        generic = opening.generic()
        self.generic: Network = opening.at(generic)
        self.limited: set[str] = set()  # parameters that must stay within their ranges
        self._plan_delays()
        self._plan()
        self._check_names()
        self.leaves = Leaves(opening, _without_wiring(self.network))
        self._plan_wiring()
        self.probes, wanted = probes.wanted(self.generic, record)
        self.cells = tuple(np.asarray(which, np.int32) for which in wanted)

    # ---- structure --------------------------------------------------------------------------------------

    def _plan_delays(self):
        """A class of delays for every delay that is not always 0, whatever its value; and the steps kept for them."""
        self.delays: list[Any] = []  # of every class what it is computed from, ms
        classes: dict[Any, int] = {}
        lengths = []
        for projection in self.network.projections:
            delay = projection.delay
            if isinstance(delay, Free) or delay:
                key = delay.key if isinstance(delay, Free) else delay
                if key not in classes:
                    classes[key] = len(self.delays)
                    self.delays.append(delay)
                    self.limited |= delay.names if isinstance(delay, Free) else set()
                lengths.append(classes[key])
            else:
                lengths.append(None)
        top = max((self.opening.highest(delay) for delay in self.delays), default=0.0)
        self.most_steps = max(math.ceil(top / self.dt_low - GRID), len(self.delays))
        # planned as delays of different lengths, the longest of them as long as any can be
        steps = [self.most_steps - i for i in range(len(self.delays))][::-1]
        bare = [
            replace(projection, delay=0.0 if i is None else steps[i] * self.dt)
            for projection, i in zip(self.generic.projections, lengths, strict=True)
        ]
        self.generic = replace(self.generic, projections=tuple(bare))

    def _plan(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said by the run itself
            self._check_steps()
            plan, _ = planner.build(self.generic, self.dt)
        inputs, rows = self.network.inputs, []
        for row in plan.rows:
            draws = []
            for draw in row.draws:
                means = []
                for members in filter(None, draw.inputs):
                    rate = sum(
                        (inputs[i].source.highest for i in members[1:]), inputs[members[0]].source.highest
                    )
                    means.append(self.opening.highest(rate) * self.dt_high * 1e-3)
                    if isinstance(rate, Free):
                        self.limited |= rate.names
                        most = derived(
                            _at_most, _at_most, (rate, means[-1] / self.dt_high * 1e3 * (1 + 1e-9))
                        )
                        text = f"These rates are beyond what this page can draw: {', '.join(sorted(rate.names))}."
                        self.faults.append(Fault(most, True, text))
                if max(means) > MAX_MEAN:
                    raise ValueError(
                        f"{self.opening.subject.name}: {max(means):g} Poisson spikes a step of dt = "
                        f"{self.dt_high:g} ms are more than can be drawn ({MAX_MEAN:g}); choose narrower ranges."
                    )
                draws.append(dataclasses.replace(draw, terms=randomness.poisson_terms(max(means))))
            rows.append(dataclasses.replace(row, draws=tuple(draws)))
        changes = {"staged": False} if "staged" in {f.name for f in dataclasses.fields(plan)} else {}
        self.plan = dataclasses.replace(plan, rows=tuple(rows), **changes)

    def _check_steps(self):
        """Sources that cannot take every step are asked about the longest, at the ends of their parameters' ranges.

        Raises ValueError, as a run would.
        """
        for entry in self.network.inputs:
            if hasattr(entry.source, "check_step"):
                free = [leaf for leaf in jax.tree.leaves(entry.source) if isinstance(leaf, Free)]
                names = frozenset().union(*(leaf.names for leaf in free))
                self.limited |= names
                for corner in self.opening.corners(names):
                    self.opening.at(corner, entry.source).check_step(self.dt_high)

    def _check_names(self):
        """Names that seed noise and wiring must not hang on values, as they do where two things are alike."""
        network, labels = self.network, {}
        for p in network.projections:
            labels.setdefault((p.pre, p.post, p.synapse), []).append(p)
        for i in network.inputs:
            labels.setdefault((i.targets, type(i.source)), []).append(i)
        for alike in labels.values():
            for values in zip(*(jax.tree.leaves(each) for each in alike), strict=False):
                keys = [value.key if isinstance(value, Free) else None for value in values]
                if any(key is not None and key != keys[0] for key in keys) or (keys[0] and None in keys):
                    raise ValueError(
                        f"{self.opening.subject.name}: two projections or two inputs are alike but for values that "
                        "sliders change; a page cannot tell which is which. Give them synapses or targets of their own."
                    )

    def _plan_wiring(self):
        """The sheets from which tables are drawn, and the chances that decide them."""
        self.chances: list[Any] = []
        self.keys = [name for name in planner.names(self.generic)]
        places: dict[Any, int] = {}
        full, self.wires = [], set()
        for projection in self.network.projections:
            connectivity = projection.connectivity
            free = [leaf for leaf in jax.tree.leaves(connectivity) if isinstance(leaf, Free)]
            if free and not drawable(connectivity):
                raise ValueError(
                    f"{self.opening.subject.name}: {type(connectivity).__name__} hangs on "
                    f"{', '.join(sorted(free[0].names))}; on a page only FixedProbability can be moved."
                )
            if free:
                self.wires |= free[0].names
                connectivity = replace(
                    self.opening.at(self.opening.point, connectivity), p=self.opening.highest(free[0])
                )
            full.append(connectivity)
        self.limited |= self.wires
        widest = replace(
            self.generic,
            projections=tuple(
                replace(p, connectivity=c) for p, c in zip(self.generic.projections, full, strict=True)
            ),
        )

        def chance(i):
            p = self.network.projections[i].connectivity.p
            key = p.key if isinstance(p, Free) else float(p)
            if key not in places:
                places[key] = len(self.chances)
                self.chances.append(p)
            return places[key]

        def part(start, i):
            projection, plan = self.generic.projections[i], self.plan
            target, pre = plan.locate(projection.post), plan.locate(projection.pre)
            row = plan.rows[plan.row(target, projection.synapse)]
            n_pre, n_post = (
                self.generic.populations[projection.pre].n,
                self.generic.populations[projection.post].n,
            )
            first = plan.groups[pre].span(projection.pre)[0]
            base = (row.at or 0) + plan.groups[target].span(projection.post)[0] - start
            drawn = drawable(projection.connectivity)
            given = None if drawn else projection.connectivity.table(0, n_pre, n_post).targets
            autapses = getattr(projection.connectivity, "autapses", True)
            return Part(first, n_pre, n_post, base, i, chance(i) if drawn else None, autapses, given)

        def sheet(lane, layer):
            members = [i for group in layer.projections for i in group]
            if not any(drawable(self.generic.projections[i].connectivity) for i in members):
                given = planner._layer_table(planner._recipe(self.generic, self.plan, lane, layer, 0))
                return tuple(None if x is None else np.asarray(x) for x in given)
            parts = tuple(
                part(start, i)
                for start, group in zip(layer.bases, layer.projections, strict=True)
                for i in group
            )
            room = planner._room(widest, self.plan, lane, layer)
            padding = planner.NARROW if any(layer.bases) else self.plan.size
            kind = np.dtype(np.uint16 if layer.narrow else np.uint32)
            return Sheet(parts, self.plan.groups[lane.group].n, room, padding, kind)

        self.sheets = tuple(tuple(sheet(lane, layer) for layer in lane.layers) for lane in self.plan.lanes)

    # ---- the module -------------------------------------------------------------------------------------

    @property
    def buffers(self) -> dict[str, Any]:
        plan, n = self.plan, self.capacity
        buffers = {
            **buffers_of_any(len(self.opening.names), self.leaves.size, len(self.checks)),
            "delays": int32((len(self.delays),)),
            "words": tuple(jax.ShapeDtypeStruct((n, delivery.n_words(g.n)), np.uint32) for g in plan.groups),
            "samples": tuple(float32((n, len(cells))) for cells in self.cells),
        }
        buffers["carry"] = jax.eval_shape(self.start, buffers["leaves"], buffers["seed"])["carry"]
        if self.sheets:
            buffers["chances"] = float32((len(self.chances),))
            buffers["overflow"] = int32()
            buffers["tables"] = jax.eval_shape(self.wire, buffers["chances"], buffers["seed"])["tables"]
        return buffers

    @property
    def entries(self) -> dict[str, Any]:
        entries = {"prepare": self.prepare, "start": self.start}
        if self.sheets:
            return {
                **entries,
                "wire": self.wire,
                "advance": lambda leaves, step, seed, delays, tables, carry, steps, last: self.advance(
                    leaves, step, seed, delays, tables, carry, steps, last
                ),
                "inspect": lambda leaves, step, delays, tables, carry: self.inspect(
                    leaves, step, delays, tables, carry
                ),
            }
        none = tuple(() for _ in self.plan.lanes)
        return {
            **entries,
            "advance": lambda leaves, step, seed, delays, carry, steps, last: self.advance(
                leaves, step, seed, delays, none, carry, steps, last
            ),
            "inspect": lambda leaves, step, delays, carry: self.inspect(leaves, step, delays, none, carry),
        }

    def prepare(self, values, dt):
        """From the sliders, in double precision, what the other entries read; and which condition is broken."""
        point = {name: values[i] for i, name in enumerate(self.opening.names)}
        fault = checked(self.faults, point)
        found = {"leaves": self.leaves.compute(point), "step": dt.astype(REAL), "fault": fault}
        exact = _joined(evaluated(self.delays, point, compiled=True)) / dt[0]
        steps = jnp.round(exact)
        if self.delays:
            off = jnp.any(jnp.abs(exact - steps) > GRID * jnp.maximum(1.0, exact))
            far = jnp.any(steps > self.most_steps)
            fault = jnp.where((fault < 0) & off, len(self.faults), fault)
            found["fault"] = jnp.where((fault < 0) & far, len(self.faults) + 1, fault).astype(jnp.int32)
        found["delays"] = jnp.clip(steps, 0, self.most_steps).astype(jnp.int32)
        if self.sheets:
            found["chances"] = _joined(evaluated(self.chances, point, compiled=True)).astype(REAL)
        return found

    def wire(self, chances, seed):
        """The tables of targets."""
        keys = [randomness.subkey(seed[0], name) for name in self.keys]
        tables, overflow = wired(self.sheets, keys, chances)
        return {"tables": tables, "overflow": overflow}

    def start(self, leaves, seed):
        """The state at t = 0."""
        carry = initial(self.plan, self.leaves.packed(leaves), seed[0])
        return {"carry": carry, "failed": jnp.full(1, -1, jnp.int32)}

    def advance(self, leaves, step, seed, delays, tables, carry, steps, last):
        """So many steps more, at most ``capacity``."""
        carry, words, samples = stepping.advance(
            self.plan,
            self.probes,
            self.capacity,
            self.leaves.packed(leaves),
            tables,
            delays,
            tuple(map(jnp.asarray, self.cells)),
            carry,
            steps[0],
            last[0],
            step[0],
            seed[0],
        )
        return {"carry": carry, "words": words, "samples": samples, "failed": carry.failed.reshape(1)}

    def inspect(self, leaves, step, delays, tables, carry):
        """What is wrong with the state: of every check the first cell that fails it (-1: none), and its value."""
        packed = self.leaves.packed(leaves)
        sound, overshooting = stepping.soundness(self.plan, packed, tables, delays, carry, step[0])
        verdict, value = [], []
        for group, state in zip(self.plan.groups, (cells.state for cells in carry.cells), strict=True):
            for values in state:
                if values.dtype.kind == "f":
                    for first, end in itertools.pairwise(group.offsets):
                        mine = values[first:end]
                        wrong = ~(jnp.abs(mine) < stepping.ABSURD)
                        cell = jnp.argmax(wrong)
                        verdict.append(jnp.where(jnp.any(wrong), cell, -1))
                        value.append(mine[cell])
        for group, wrong in zip(self.plan.groups, overshooting, strict=True):
            for first, end in itertools.pairwise(group.offsets):
                mine = wrong[first:end]
                verdict.append(jnp.where(jnp.any(mine), jnp.argmax(mine), -1))
                value.append(jnp.float32(0))
        verdict.append(jnp.where(sound, -1, 0))
        value.append(jnp.float32(0))
        return {"verdict": jnp.stack(verdict).astype(jnp.int32), "value": jnp.stack(value)}

    # ---- what the page says -----------------------------------------------------------------------------

    @property
    def checks(self) -> list[str]:
        """What each number of ``verdict`` is about; {cell} and {value} are to be filled in."""
        said = []
        for group in self.plan.groups:
            neuron = self.generic.populations[group.populations[0]].neuron
            kinds = jax.eval_shape(lambda neuron=neuron: neuron.init(1, jnp.uint32(0)))
            for variable, kind in zip(kinds._fields, kinds, strict=True):
                if kind.dtype.kind == "f":
                    said += [
                        f'population "{p}": {variable} of cell {{cell}} is {{value}}'
                        for p in group.populations
                    ]
        for group in self.plan.groups:
            said += [
                f'population "{p}": a step throws V of cell {{cell}} past its equilibrium and further from it'
                for p in group.populations
            ]
        return [*said, "a synapse's state is not finite"]

    def manifest(self) -> dict[str, Any]:
        faults = [{"text": f.text, "parameters": f.names, "branch": f.branch} for f in self.faults]
        if self.delays:
            names = sorted(set().union(*(d.names for d in self.delays if isinstance(d, Free))))
            grid = "A delay is not a whole number of time steps: change the delay or dt."
            far = f"A delay is longer than {self.most_steps} time steps, which is what this page remembers."
            faults += [{"text": text, "parameters": names, "branch": False} for text in (grid, far)]
        groups = self.plan.groups
        return {
            "populations": [
                {
                    "name": name,
                    "n": self.network.populations[name].n,
                    "group": g,
                    "first": first,
                    "last": last,
                }
                for name in self.network.populations
                for g in [self.plan.locate(name)]
                for first, last in [groups[g].span(name)]
            ],
            "groups": [{"n": group.n, "words": delivery.n_words(group.n)} for group in groups],
            "samples": [
                {"label": f"{probe.population}.{probe.variable}", "cells": cells.tolist()}
                for probe, cells in zip(self.probes, self.cells, strict=True)
            ],
            "faults": faults,
            "limits": {
                "checks": [{"text": text} for text in self.checks],
                "every": stepping.CHECK,
                "sentence": "{culprit} at t = {time} ms: the run was stopped. The drive is too strong for "
                "dt = {dt} ms; use weaker weights or a smaller dt.",
                "overflow": "There are more connections than this page has room for; choose another seed.",
            },
        }


def _at_most(value: Any, limit: float) -> Any:
    return value <= limit
