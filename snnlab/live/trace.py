"""From a jaxpr to a graph: calls are written out where they stand, a scan is a while loop, an array of random keys is
an array of words, a complex array two real ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

from snnlab.live import complex_numbers
from snnlab.live.complex_numbers import Pair
from snnlab.live.graph import Op, Region, Value, drop_unread, kind
from snnlab.live.invariants import hoist

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
IDLE = {
    "reshape",
    "broadcast_in_dim",
    "squeeze",
    "expand_dims",
    "slice",
    "convert_element_type",
}  # if nothing changes
SAME = {"copy", "copy_p", "optimization_barrier", "random_wrap", "random_unwrap", "pvary", "stop_gradient"}


def trace(function: Any, *args: Any) -> tuple[list[Value], Region]:
    """The graph of a function of abstract arrays: its parameters, leaf by leaf, and its body."""
    closed = jax.make_jaxpr(function)(*args)
    params = [Value(*kind(v.aval)) for v in closed.jaxpr.invars]
    ops: list[Op] = []
    body = Region(ops, _Tracer(ops).run(closed.jaxpr, closed.consts, params))
    drop_unread(body)
    return params, body


def _constant(value: Any, aval: Any) -> Any:
    if _is_complex(aval):
        parts = (part(np.asarray(value, aval.dtype)) for part in (np.real, np.imag))
        return Pair(*(Value(tuple(aval.shape), str(part.dtype), constant=part) for part in parts))
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
        known |= {v: _constant(c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)}

        def read(v):
            return _constant(v.val, v.aval) if isinstance(v, Literal) else known[v]

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

            def going_on(tracer, carry):
                return tracer.called(params["cond_jaxpr"], test + carry)

            def turn(tracer, carry):
                results = tracer.called(params["body_jaxpr"], step + carry)
                (on,) = going_on(tracer, carry) if batched else [None]
                return (
                    [tracer.where(on, new, old) for new, old in zip(results, carry, strict=True)]
                    if on
                    else results
                )

            # under vmap there is a condition a lane: it goes on while one does, and the others stand still
            batched = params["cond_jaxpr"].out_avals[0].shape
            axes = tuple(range(len(batched)))
            return self.loop(
                start,
                lambda tracer, carry: (
                    tracer.add("reduce_or", going_on(tracer, carry), ((), "bool"), axes=axes)
                    if batched
                    else going_on(tracer, carry)
                ),
                turn,
            )
        if any(_is_complex(v.aval) for v in (*eqn.invars, *eqn.outvars)) and name != "cond":
            return complex_numbers.expand(self, name, params, inputs, [v.aval for v in eqn.outvars])
        if name.startswith("random_") and not jax.config.jax_threefry_partitionable:
            raise NotImplementedError(f"{name} with jax_threefry_partitionable = False")
        if name == "reshape" and params["dimensions"] is not None:
            raise NotImplementedError("reshape in another order of axes")
        outputs = [kind(v.aval) for v in eqn.outvars]
        if outputs and inputs and name in IDLE and outputs[0] == (inputs[0].shape, inputs[0].dtype):
            return inputs[:1]
        if name == "cond":
            regions = tuple(self.region(branch, inputs[1:]) for branch in params["branches"])
            return self.add("cond", inputs[:1], *outputs, regions=regions)
        if any(_is_key(v.aval) for v in eqn.invars) and not name.startswith("random_"):
            params = _of_words(name, params, eqn.invars[0].aval)
        return self.add(name, inputs, *outputs, params=params)

    def where(self, on: Value, new: Value, old: Value) -> Value:
        """New values where a condition holds, one for each of the leading axes."""
        axes = tuple(range(len(on.shape)))
        (wide,) = self.add("broadcast_in_dim", [on], (new.shape, "bool"), broadcast_dimensions=axes)
        return self.add("select_n", [wide, old, new], (new.shape, new.dtype))[0]

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
        self.ops += hoist(regions[1], [carry[i] for i in moving])
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


def _is_complex(aval: Any) -> bool:
    return jax.dtypes.issubdtype(aval.dtype, np.complexfloating)


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
