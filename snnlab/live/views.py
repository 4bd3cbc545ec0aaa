"""Views: operations that move no number, only say where in their operand an element of the result is found."""

import math
from collections.abc import Callable

import numpy as np

from snnlab.live.c import Index, clamped, plus, ravel, times, unravel
from snnlab.live.graph import Op, Value

Atom = Callable[[Value], str]  # a scalar's name in C
View = Callable[[Op, Index, Atom], Index]


def _reshape(op: Op, index: Index, atom: Atom) -> Index:
    """Axes of length one come and go freely; else an element keeps its place in memory."""
    source, target = op.inputs[0].shape, op.outputs[0].shape
    if [n for n in source if n != 1] == [n for n in target if n != 1]:
        moving = iter([i for i, n in zip(index, target, strict=True) if n != 1])
        return tuple("0" if n == 1 else next(moving) for n in source)
    return unravel(ravel(index, target), source)


def _broadcast(op: Op, index: Index, atom: Atom) -> Index:
    axes, shape = op.params["broadcast_dimensions"], op.inputs[0].shape
    return tuple("0" if n == 1 else index[axis] for n, axis in zip(shape, axes, strict=True))


def _transpose(op: Op, index: Index, atom: Atom) -> Index:
    return tuple(index[i] for i in np.argsort(op.params["permutation"]))


def _reverse(op: Op, index: Index, atom: Atom) -> Index:
    axes, shape = op.params["dimensions"], op.inputs[0].shape
    return tuple(
        f"({n - 1}-{i})" if k in axes else i for k, (i, n) in enumerate(zip(index, shape, strict=True))
    )


def _slice(op: Op, index: Index, atom: Atom) -> Index:
    starts = op.params["start_indices"]
    strides = op.params["strides"] or (1,) * len(starts)
    return tuple(plus(times(i, step), start) for i, step, start in zip(index, strides, starts, strict=True))


def starts(whole: Value, part: tuple[int, ...], indices: list[Value], atom: Atom) -> list[str]:
    """Where a part that is asked for by ``indices`` begins: moved so that it lies within the whole."""
    return [
        clamped(atom(i), n - m, i.dtype) if n > m else "0"
        for i, n, m in zip(indices, whole.shape, part, strict=True)
    ]


def _dynamic_slice(op: Op, index: Index, atom: Atom) -> Index:
    whole, *indices = op.inputs
    begin = starts(whole, op.outputs[0].shape, indices, atom)
    return tuple(plus(i, start) if start != "0" else i for i, start in zip(index, begin, strict=True))


def _tile(op: Op, index: Index, atom: Atom) -> Index:
    shape = op.inputs[0].shape
    return tuple("0" if n == 1 else f"({i}%{n})" for i, n in zip(index[-len(shape) :], shape, strict=True))


VIEWS: dict[str, View] = {
    "reshape": _reshape,
    "squeeze": _reshape,
    "expand_dims": _reshape,
    "broadcast_in_dim": _broadcast,
    "transpose": _transpose,
    "rev": _reverse,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "tile": _tile,
}
FLAT = {"reshape", "squeeze", "expand_dims"}  # elements keep their places in memory


def is_view(op: Op | None) -> bool:
    return op is not None and op.name in VIEWS


def base(value: Value) -> Value:
    """What a view, or a view of a view, looks at."""
    while is_view(value.op):
        assert value.op is not None
        value = value.op.inputs[0]
    return value


UNKNOWN = 10**6  # the distance of neighbours that lie at no regular distance


def strides(value: Value) -> tuple[int, ...]:
    """How far apart in memory the neighbours along each axis are."""
    op = value.op
    if op is None or not is_view(op):
        return _row_major(value.shape)
    source = op.inputs[0]
    inner = strides(source)
    if op.name == "transpose":
        return tuple(inner[i] for i in op.params["permutation"])
    if op.name == "broadcast_in_dim":
        found = [0] * len(value.shape)
        for step, n, axis in zip(inner, source.shape, op.params["broadcast_dimensions"], strict=True):
            found[axis] = step if n != 1 else 0
        return tuple(found)
    if op.name == "slice":
        return tuple(
            s * step for s, step in zip(inner, op.params["strides"] or [1] * len(inner), strict=True)
        )
    if op.name in FLAT:
        moving = [n for n in value.shape if n != 1]
        if moving == [n for n in source.shape if n != 1]:
            steps = iter([s for s, n in zip(inner, source.shape, strict=True) if n != 1])
            return tuple(0 if n == 1 else next(steps) for n in value.shape)
        return _row_major(value.shape) if inner == _row_major(source.shape) else (UNKNOWN,) * len(value.shape)
    return inner


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
