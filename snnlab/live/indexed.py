"""Reading and writing at indices that are computed: gather, scatter, and slices that are updated in place.

An index that points outside is what its mode makes of it: moved inside (clip), read as a fill value, or not written.
"""

import math
from typing import Any

from snnlab.live import elementwise
from snnlab.live.c import Index, clamped, highest, is_float, literal, lowest, plus, ravel, within
from snnlab.live.graph import Op
from snnlab.live.views import starts


def _mode(op: Op) -> str:
    return str(op.params["mode"]).rpartition(".")[2].upper()


def _fill(op: Op) -> Any:
    value, dtype = op.params["fill_value"], op.outputs[0].dtype
    if value is not None:
        return value
    return math.nan if is_float(dtype) else lowest(dtype) if dtype.startswith("i") else highest(dtype)


def gathered(lower, op: Op, index: Index) -> str:
    """The element of a gather's result."""
    d, (whole, indices), out = op.params["dimension_numbers"], op.inputs, op.outputs[0]
    sizes = op.params["slice_sizes"]
    batch = [i for axis, i in enumerate(index) if axis not in d.offset_dims]
    offsets = iter([index[axis] for axis in d.offset_dims])
    place, inside = [], []
    for axis, (n, size) in enumerate(zip(whole.shape, sizes, strict=True)):
        if axis in d.operand_batching_dims:
            at = batch[d.start_indices_batching_dims[d.operand_batching_dims.index(axis)]]
        else:
            at = "0" if axis in d.collapsed_slice_dims else next(offsets)
        if axis in d.start_index_map and n > 0:
            k = str(d.start_index_map.index(axis))
            start = lower.element(indices, (*batch, k if indices.shape[-1] > 1 else "0"))
            inside.append(within(start, n - size, indices.dtype))
            start = clamped(start, n - size, indices.dtype)
            at = start if at == "0" else plus(start, at)
        place.append(at)
    if whole.size == 0:
        return literal(_fill(op), out.dtype)
    element = lower.element(whole, tuple(place))
    if "FILL" not in _mode(op) or not inside:
        return element
    return f"({'&&'.join(inside)}?{element}:{literal(_fill(op), out.dtype)})"


SCATTERS = {
    "scatter": None,
    "scatter-add": "add",
    "scatter_add": "add",
    "scatter-sub": "sub",
    "scatter_sub": "sub",
    "scatter-mul": "mul",
    "scatter_mul": "mul",
    "scatter-min": "min",
    "scatter_min": "min",
    "scatter-max": "max",
    "scatter_max": "max",
}


def _scatter(lower, op: Op) -> None:
    d, out = op.params["dimension_numbers"], op.outputs[0]
    whole = op.inputs[0]
    indices, updates = (lower.apart(v, whole) for v in op.inputs[1:])
    buffer = lower.taken_over(whole, out)
    clip, combination = "CLIP" in _mode(op), SCATTERS[op.name]
    window = {}  # how large a window is along the axes of the whole
    moving = iter(d.update_window_dims)
    for axis in range(len(whole.shape)):
        if axis not in d.inserted_window_dims and axis not in d.operand_batching_dims:
            window[axis] = next(moving)
    if whole.size == 0:
        return
    with lower.loops(updates.shape) as index:
        batch = [i for axis, i in enumerate(index) if axis not in d.update_window_dims]
        place, inside = [], []
        for axis, n in enumerate(whole.shape):
            at, size = "0", 1
            if axis in d.operand_batching_dims:
                at = batch[d.scatter_indices_batching_dims[d.operand_batching_dims.index(axis)]]
            elif axis in window:
                at, size = index[window[axis]], updates.shape[window[axis]]
            if axis in d.scatter_dims_to_operand_dims:
                k = str(d.scatter_dims_to_operand_dims.index(axis))
                start = lower.element(indices, (*batch, k if indices.shape[-1] > 1 else "0"))
                if clip:
                    start = lower.let("int32", clamped(start, n - size, indices.dtype))
                else:
                    inside.append(within(start, n - size, indices.dtype))
                at = start if at == "0" else plus(start, at)
            place.append(at)
        update = lower.element(updates, index)
        with lower.block(f"if ({'&&'.join(inside) or 1})"):
            target = f"{buffer.name}[{ravel(place, whole.shape)}]"
            if combination is not None:
                old = lower.let(out.dtype, target)
                update = elementwise.combine(combination, out.dtype)(old, update)
            lower.emit(f"{target} = {update};")


def _update(lower, op: Op) -> None:
    """dynamic_update_slice: the part is moved so that it lies within the whole."""
    whole, part, *indices = op.inputs
    out = op.outputs[0]
    part = lower.apart(part, whole)
    begin = [s if s == "0" else lower.let("int32", s) for s in starts(whole, part.shape, indices, lower.atom)]
    if part.size == 1:  # read before anything is overwritten
        lower.atom(part)
    if part.shape == whole.shape:
        lower.copy(part, lower.store(out))
        return
    buffer = lower.taken_over(whole, out)
    with lower.loops(part.shape) as index:
        element = lower.element(part, index)
        place = [plus(i, start) if start != "0" else i for i, start in zip(index, begin, strict=True)]
        lower.emit(f"{buffer.name}[{ravel(place, whole.shape)}] = {element};")


RULES = {"dynamic_update_slice": _update, **dict.fromkeys(SCATTERS, _scatter)}
