"""Operations that bring many numbers to few: sums, extremes, running sums, and products of matrices."""

import numpy as np

from snnlab.live import elementwise
from snnlab.live.c import TYPES, is_float, literal, ravel
from snnlab.live.graph import Op
from snnlab.live.views import strides

AT_ONCE = 8  # sums of products
COMBINED = {
    "sum": "add",
    "prod": "mul",
    "or": "or",
    "and": "and",
    "xor": "xor",
    "max": "max",
    "min": "min",
}


def _combined(name: str, dtype: str, a: str, b: str) -> str:
    if name == "add" and is_float(dtype):
        return f"sum_{'f32' if dtype == 'float32' else 'f64'}({a},{b})"  # in any order
    return elementwise.combine(name, dtype)(a, b)


def _reduce(lower, op: Op) -> None:
    """Over some axes. The innermost loop runs along the memory: over a reduced axis or a kept one."""
    (x,), out = op.inputs, op.outputs[0]
    name, axes = COMBINED[op.name.removeprefix("reduce_")], op.params["axes"]
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    start = elementwise.neutral(name, out.dtype)
    buffer = lower.store(out)

    def element(outer, inner):
        index = dict(zip(kept, outer, strict=True)) | dict(zip(axes, inner, strict=True))
        return lower.element(x, tuple(index[axis] for axis in range(len(x.shape))))

    steps = strides(x)
    reduced = min((steps[axis] for axis in axes if x.shape[axis] != 1), default=0)
    if kept and x.shape[kept[-1]] > 1 and steps[kept[-1]] < reduced:
        with lower.loops([x.shape[axis] for axis in kept[:-1]]) as outer:
            with lower.loops([x.shape[kept[-1]]]) as row:
                lower.emit(f"{buffer.name}[{ravel((*outer, *row), out.shape)}] = {start};")
            with (
                lower.loops([x.shape[axis] for axis in axes]) as inner,
                lower.loops([x.shape[kept[-1]]]) as row,
            ):
                target = f"{buffer.name}[{ravel((*outer, *row), out.shape)}]"
                old = lower.let(out.dtype, target)
                new = element((*outer, *row), inner)
                lower.emit(f"{target} = {_combined(name, out.dtype, old, new)};")
        return
    with lower.loops(out.shape) as outer:
        total = lower.name("q")
        lower.emit(f"{TYPES[out.dtype]} {total} = {start};")
        with lower.loops([x.shape[axis] for axis in axes]) as inner:
            lower.emit(f"{total} = {_combined(name, out.dtype, total, element(outer, inner))};")
        lower.emit(f"{buffer.name}[{ravel(outer, out.shape)}] = {total};")


def _accumulate(lower, op: Op) -> None:
    """Running sums, products and extremes along an axis."""
    (x,), out, axis = op.inputs, op.outputs[0], op.params["axis"]
    name, n = COMBINED[op.name.removeprefix("cum")], op.outputs[0].shape[axis]
    buffer = lower.store(out)
    with lower.loops([size for k, size in enumerate(out.shape) if k != axis]) as outer:
        total = lower.name("q")
        lower.emit(f"{TYPES[out.dtype]} {total} = {elementwise.neutral(name, out.dtype)};")
        with lower.loops([n]) as (step,):
            at = f"({n - 1}-{step})" if op.params["reverse"] and step != "0" else step
            index = (*outer[:axis], at, *outer[axis:])
            new = lower.element(x, index)
            lower.emit(f"{total} = {elementwise.combine(name, out.dtype)(total, new)};")
            lower.emit(f"{buffer.name}[{ravel(index, out.shape)}] = {total};")


def _extremum(lower, op: Op) -> None:
    """Where the largest or smallest element is, the first of equals; a NaN is both."""
    (x,), out, (axis,) = op.inputs, op.outputs[0], op.params["axes"]
    buffer = lower.store(out)
    with lower.loops(out.shape) as outer:
        best, where = lower.name("q"), lower.name("q")
        first = lower.element(x, (*outer[:axis], "0", *outer[axis:]))
        lower.emit(f"{TYPES[x.dtype]} {best} = {first}; int {where} = 0;")
        with lower.loops([x.shape[axis]]) as (i,):
            new = lower.element(x, (*outer[:axis], i, *outer[axis:]))
            better = f"{new}{'>' if op.name == 'argmax' else '<'}{best}"
            if is_float(x.dtype):
                better = f"{better}||({new}!={new}&&{best}=={best})"
            lower.emit(f"if ({better}) {{ {best} = {new}; {where} = {i}; }}")
        lower.emit(f"{buffer.name}[{ravel(outer, out.shape)}] = {where};")


def _dot(lower, op: Op) -> None:
    """Products of matrices, with axes to sum over and axes that both have; the inner loop runs along the memory."""
    (x, y), out = op.inputs, op.outputs[0]
    (summed, shared) = op.params["dimension_numbers"]
    dtype = out.dtype
    free = [
        [k for k in range(len(v.shape)) if k not in (*s, *b)]
        for v, s, b in zip((x, y), summed, shared, strict=True)
    ]
    n_shared, n_left = len(shared[0]), len(free[0])
    over = [x.shape[k] for k in summed[0]]
    buffer = lower.store(out)

    def factor(side, outer, inner):
        value = (x, y)[side]
        mine = outer[n_shared : n_shared + n_left] if side == 0 else outer[n_shared + n_left :]
        index = dict(zip(shared[side], outer[:n_shared], strict=True))
        index |= dict(zip(free[side], mine, strict=True)) | dict(zip(summed[side], inner, strict=True))
        element = lower.element(value, tuple(index[k] for k in range(len(value.shape))))
        return elementwise.cast(element, value.dtype, dtype)

    def added(total, outer, inner):
        product = lower.let(
            dtype, elementwise.combine("mul", dtype)(factor(0, outer, inner), factor(1, outer, inner))
        )
        return _combined("add", dtype, total, product)

    def jump(side, axis):
        return strides((x, y)[side])[axis] if (x, y)[side].shape[axis] != 1 else 0

    across = 0 if not summed[0] else max(jump(0, summed[0][-1]), jump(1, summed[1][-1]))
    side = 1 if free[1] else 0
    along = jump(side, free[side][-1]) if free[side] and out.shape[-1:] != (1,) else across
    if along < across:  # add multiples of rows
        with lower.loops(out.shape[:-1]) as outer:
            with lower.loops(out.shape[-1:]) as last:
                lower.emit(f"{buffer.name}[{ravel((*outer, *last), out.shape)}] = 0;")
            with lower.loops(over) as inner, lower.loops(out.shape[-1:]) as last:
                target = f"{buffer.name}[{ravel((*outer, *last), out.shape)}]"
                lower.emit(f"{target} = {added(lower.let(dtype, target), (*outer, *last), inner)};")
        return
    at_once = out.size <= AT_ONCE  # few sums run side by side: what they share is read once
    with lower.loops(() if at_once else out.shape) as index:
        outers = [tuple(map(str, each)) for each in np.ndindex(out.shape)] if at_once else [index]
        totals = [lower.name("q") for _ in outers]
        for total in totals:
            lower.emit(f"{TYPES[dtype]} {total} = {literal(0, dtype)};")
        with lower.loops(over) as inner:
            for total, outer in zip(totals, outers, strict=True):
                lower.emit(f"{total} = {added(total, outer, inner)};")
        for total, outer in zip(totals, outers, strict=True):
            lower.emit(f"{buffer.name}[{ravel(outer, out.shape)}] = {total};")


RULES = {
    **{f"reduce_{name}": _reduce for name in COMBINED},
    **{f"cum{name}": _accumulate for name in ("sum", "prod", "max", "min")},
    "argmax": _extremum,
    "argmin": _extremum,
    "dot_general": _dot,
}
