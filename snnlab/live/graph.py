"""A function as a graph: what ``jax.make_jaxpr`` gives, with fewer kinds of things in it.

A region (a function, the body of a loop, a branch) names the values around it directly; only what a loop carries has
names of its own. What nobody reads is dropped.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

DTYPES = (
    ("bool", "float32", "float64")
    + ("int8", "int16", "int32", "int64")
    + ("uint8", "uint16", "uint32", "uint64")
)


@dataclasses.dataclass(eq=False)
class Value:
    """An array that is computed once: its shape, its dtype and what makes it (an operation, a constant or neither)."""

    shape: tuple[int, ...]
    dtype: str
    op: "Op | None" = None
    constant: np.ndarray | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclasses.dataclass(eq=False)
class Op:
    """An operation. A ``while`` has a condition, a body and the values that it carries; a ``cond`` has branches."""

    name: str
    params: Mapping[str, Any]
    inputs: list[Value]
    outputs: list[Value]
    regions: tuple["Region", ...] = ()
    carry: list[Value] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(eq=False)
class Region:
    """Operations in order, and what they result in."""

    ops: list[Op]
    results: list[Value]

    def free(self) -> set[Value]:
        """The values around the region that it reads."""
        read, made = set(self.results), set()
        for op in self.ops:
            read.update(op.inputs)
            made.update(op.outputs)
            for region in op.regions:
                read |= region.free() - set(op.carry)
        return read - made


def kind(aval: Any) -> tuple[tuple[int, ...], str]:
    """Shape and dtype in memory: a threefry key is two words at the end. Raises NotImplementedError for others."""
    if jax.dtypes.issubdtype(aval.dtype, jax.dtypes.prng_key):
        if str(aval.dtype) != "key<fry>":
            raise NotImplementedError(f"random keys of type {aval.dtype}")
        return (*aval.shape, 2), "uint32"
    if str(aval.dtype) not in DTYPES:
        raise NotImplementedError(f"dtype {aval.dtype}")
    return tuple(aval.shape), str(aval.dtype)


def drop_unread(region: Region) -> None:
    """Drops the operations whose outputs nobody reads, and what loops carry for nobody."""
    read, kept = set(region.results), []
    for op in reversed(region.ops):
        if not any(v in read for v in op.outputs):
            continue
        if op.name == "while":
            _drop_uncarried(op, read)
        elif op.name == "cond":
            wanted = [i for i, v in enumerate(op.outputs) if v in read]
            op.outputs = [op.outputs[i] for i in wanted]
            for branch in op.regions:
                branch.results = [branch.results[i] for i in wanted]
                drop_unread(branch)
        kept.append(op)
        read.update(op.inputs)
        for inner in op.regions:
            read |= inner.free()
    region.ops[:] = reversed(kept)


def _drop_uncarried(op: Op, read: set[Value]) -> None:
    test, body = op.regions
    drop_unread(test)
    wanted = {i for i, v in enumerate(op.outputs) if v in read}
    wanted |= {i for i, v in enumerate(op.carry) if v in test.free()}
    while True:
        needed = _needed(body, [body.results[i] for i in wanted])
        more = wanted | {i for i, v in enumerate(op.carry) if v in needed}
        if more == wanted:
            break
        wanted = more
    order = sorted(wanted)
    for values in (op.inputs, op.outputs, op.carry, body.results):
        values[:] = [values[i] for i in order]
    drop_unread(body)


def _needed(region: Region, results: Iterable[Value]) -> set[Value]:
    """All values that are read on the way to some of a region's results."""
    needed = set(results)
    for op in reversed(region.ops):
        if any(v in needed for v in op.outputs):
            needed.update(op.inputs)
            for inner in op.regions:
                needed |= inner.free()
    return needed
