"""A function as a graph: what ``jax.make_jaxpr`` gives, with fewer kinds of things in it.

Calls are written out where they stand, a scan is a while loop, an array of random keys is an array of words, and what
nobody reads is gone. A region (the body of a loop, a branch) names the values around it directly; only what a loop
carries has names of its own.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

DTYPES = (
    ("bool", "float32", "float64")
    + ("int8", "int16", "int32", "int64")
    + ("uint8", "uint16", "uint32", "uint64")
)
CALLS = {  # a call, and the parameter that holds what is called
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "checkpoint": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}
SAME = {"copy", "copy_p", "optimization_barrier", "random_wrap", "random_unwrap", "pvary", "stop_gradient"}


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


def trace(function: Any, *args: Any) -> tuple[list[Value], Region]:
    """The graph of a function of abstract arrays: its parameters, leaf by leaf, and its body."""
    closed = jax.make_jaxpr(function)(*args)
    params = [Value(*kind(v.aval)) for v in closed.jaxpr.invars]
    ops: list[Op] = []
    body = Region(ops, _Tracer(ops).run(closed.jaxpr, closed.consts, params))
    _drop_unread(body)
    return params, body


def constant(value: Any, aval: Any) -> Value:
    shape, dtype = kind(aval)
    if jax.dtypes.issubdtype(aval.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return Value(shape, dtype, constant=np.broadcast_to(np.asarray(value, dtype), shape))


class _Tracer:
    """Appends the operations of jaxprs to a list."""

    def __init__(self, ops: list[Op]):
        self.ops = ops

    def run(self, jaxpr: Any, consts: Sequence[Any], args: Sequence[Value]) -> list[Value]:
        known = dict(zip(jaxpr.invars, args, strict=True))
        known |= {v: constant(c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)}

        def read(v):
            return constant(v.val, v.aval) if isinstance(v, Literal) else known[v]

        for eqn in jaxpr.eqns:
            outputs = self.equation(eqn, [read(v) for v in eqn.invars])
            known.update(zip(eqn.outvars, outputs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def called(self, jaxpr: Any, args: Sequence[Value]) -> list[Value]:
        if hasattr(jaxpr, "jaxpr"):
            return self.run(jaxpr.jaxpr, jaxpr.consts, args)
        return self.run(jaxpr, (), args)

    def region(self, jaxpr: Any, args: Sequence[Value]) -> Region:
        ops: list[Op] = []
        return Region(ops, _Tracer(ops).called(jaxpr, args))

    def add(self, name: str, inputs: Iterable[Value], *outputs: tuple, **more: Any) -> list[Value]:
        regions, carry = more.pop("regions", ()), more.pop("carry", [])
        op = Op(name, more.pop("params", more), list(inputs), [], regions, carry)
        op.outputs = [Value(tuple(shape), dtype, op) for shape, dtype in outputs]
        self.ops.append(op)
        return op.outputs

    def equation(self, eqn: Any, inputs: list[Value]) -> list[Value]:
        name, params = eqn.primitive.name, eqn.params
        if name in CALLS:
            return self.called(params[CALLS[name]], inputs)
        if name in SAME:
            return inputs
        if name == "scan":
            return self.scan(params, inputs)
        if name == "while":
            at, middle = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
            test, step, start = inputs[:at], inputs[at:middle], inputs[middle:]
            return self.loop(
                start,
                lambda tracer, carry: tracer.called(params["cond_jaxpr"], test + carry),
                lambda tracer, carry: tracer.called(params["body_jaxpr"], step + carry),
            )
        outputs = [kind(v.aval) for v in eqn.outvars]
        if name == "cond":
            regions = tuple(self.region(branch, inputs[1:]) for branch in params["branches"])
            return self.add("cond", inputs[:1], *outputs, regions=regions)
        if any(_is_key(v.aval) for v in eqn.invars) and not name.startswith("random_"):
            params = _of_words(name, params, eqn.invars[0].aval)
        return self.add(name, inputs, *outputs, params=params)

    def loop(self, start: list[Value], test: Any, step: Any) -> list[Value]:
        """A while loop. What it carries and never changes is not carried but read where it is."""
        fixed: dict[int, Value] = {}
        while True:
            carry = [fixed.get(i, Value(v.shape, v.dtype)) for i, v in enumerate(start)]
            regions = []
            for make in (test, step):
                ops: list[Op] = []
                regions.append(Region(ops, make(_Tracer(ops), carry)))
            results = regions[1].results
            unchanged = {i: v for i, v in enumerate(start) if i not in fixed and results[i] is carry[i]}
            if not unchanged:
                break
            fixed |= unchanged
        moving = [i for i in range(len(start)) if i not in fixed]
        regions[1].results = [results[i] for i in moving]
        kinds = [(start[i].shape, start[i].dtype) for i in moving]
        outputs = self.add(
            "while",
            [start[i] for i in moving],
            *kinds,
            regions=tuple(regions),
            carry=[carry[i] for i in moving],
        )
        after = dict(zip(moving, outputs, strict=True))
        return [after[i] if i in after else fixed[i] for i in range(len(start))]

    def scan(self, params: Mapping[str, Any], inputs: list[Value]) -> list[Value]:
        """A while loop over a counter, which writes a row of every output in each turn."""
        n, jaxpr = params["length"], params["jaxpr"]
        n_consts, n_carry = params["num_consts"], params["num_carry"]
        consts, start, xs = (
            inputs[:n_consts],
            inputs[n_consts : n_consts + n_carry],
            inputs[n_consts + n_carry :],
        )
        rows = [kind(v.aval) for v in jaxpr.jaxpr.outvars[n_carry:]]
        empty = [self.add("empty", [], ((n, *shape), dtype))[0] for shape, dtype in rows]
        if n == 0:
            return start + empty

        def step(tracer, carry):
            (t,), state, ys = carry[:1], carry[1 : 1 + n_carry], carry[1 + n_carry :]
            at = tracer.add("sub", [_number(n - 1), t], ((), "int32"))[0] if params["reverse"] else t
            zero = _number(0)
            row = [
                tracer.add(
                    "dynamic_slice",
                    [x, at] + [zero] * len(x.shape[1:]),
                    ((1, *x.shape[1:]), x.dtype),
                    slice_sizes=(1, *x.shape[1:]),
                )[0]
                for x in xs
            ]
            row = [tracer.add("squeeze", [x], (x.shape[1:], x.dtype), dimensions=(0,))[0] for x in row]
            results = tracer.called(jaxpr, consts + state + row)
            after = [tracer.add("add", [t, _number(1)], ((), "int32"))[0], *results[:n_carry]]
            for y, new in zip(ys, results[n_carry:], strict=True):
                new = tracer.add("reshape", [new], ((1, *new.shape), new.dtype))[0]
                inputs = [y, new, at] + [zero] * len(y.shape[1:])
                after += tracer.add("dynamic_update_slice", inputs, (y.shape, y.dtype))
            return after

        def test(tracer, carry):
            return tracer.add("lt", [carry[0], _number(n)], ((), "bool"))

        return self.loop([_number(0), *start, *empty], test, step)[1:]


def _number(n: int) -> Value:
    return Value((), "int32", constant=np.asarray(n, np.int32))


def _is_key(aval: Any) -> bool:
    return jax.dtypes.issubdtype(aval.dtype, jax.dtypes.prng_key)


def _of_words(name: str, params: Mapping[str, Any], key: Any) -> dict[str, Any]:
    """The parameters of an operation on keys [...] for their words [..., 2]."""
    params, rank = dict(params), len(key.shape)
    if name == "slice":
        params["start_indices"] += (0,)
        params["limit_indices"] += (2,)
        params["strides"] = None if params["strides"] is None else (*params["strides"], 1)
    elif name == "dynamic_slice":
        params["slice_sizes"] += (2,)
    elif name == "broadcast_in_dim":
        params["broadcast_dimensions"] += (len(params["shape"]),)
        params["shape"] += (2,)
    elif name == "transpose":
        params["permutation"] += (rank,)
    elif name not in ("reshape", "squeeze", "expand_dims", "concatenate", "rev"):
        raise NotImplementedError(f"{name} of random keys")
    return params


def _drop_unread(region: Region) -> None:
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
                _drop_unread(branch)
        kept.append(op)
        read.update(op.inputs)
        for inner in op.regions:
            read |= inner.free()
    region.ops[:] = reversed(kept)


def _drop_uncarried(op: Op, read: set[Value]) -> None:
    test, body = op.regions
    _drop_unread(test)
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
    _drop_unread(body)


def _needed(region: Region, results: Iterable[Value]) -> set[Value]:
    """All values that are read on the way to some of a region's results."""
    needed = set(results)
    for op in reversed(region.ops):
        if any(v in needed for v in op.outputs):
            needed.update(op.inputs)
            for inner in op.regions:
                needed |= inner.free()
    return needed
