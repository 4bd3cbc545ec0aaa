"""Operations that put arrays together or apart, and sort them."""

from snnlab.live.c import is_float, plus, ravel, times
from snnlab.live.graph import Op


def _concatenate(lower, op: Op) -> None:
    axis, out, offset = op.params["dimension"], op.outputs[0], 0
    buffer = lower.store(out)
    for part in op.inputs:
        with lower.loops(part.shape) as index:
            element = lower.element(part, index)
            place = (*index[:axis], plus(index[axis], offset), *index[axis + 1 :])
            lower.emit(f"{buffer.name}[{ravel(place, out.shape)}] = {element};")
        offset += part.shape[axis]


def _stack(lower, op: Op) -> None:
    axis, out = op.params["axis"], op.outputs[0]
    buffer = lower.store(out)
    for k, part in enumerate(op.inputs):
        with lower.loops(part.shape) as index:
            element = lower.element(part, index)
            place = (*index[:axis], str(k), *index[axis:])
            lower.emit(f"{buffer.name}[{ravel(place, out.shape)}] = {element};")


def _split(lower, op: Op) -> None:
    axis, (whole,), offset = op.params["axis"], op.inputs, 0
    for out, size in zip(op.outputs, op.params["sizes"], strict=True):
        buffer = lower.store(out)
        with lower.loops(out.shape) as index:
            place = (*index[:axis], plus(index[axis], offset), *index[axis + 1 :])
            element = lower.element(whole, place)
            lower.emit(f"{buffer.name}[{ravel(index, out.shape)}] = {element};")
        offset += size


def _unstack(lower, op: Op) -> None:
    axis, (whole,) = op.params["axis"], op.inputs
    for k, out in enumerate(op.outputs):
        buffer = lower.store(out)
        with lower.loops(out.shape) as index:
            element = lower.element(whole, (*index[:axis], str(k), *index[axis:]))
            lower.emit(f"{buffer.name}[{ravel(index, out.shape)}] = {element};")


def _pad(lower, op: Op) -> None:
    """Padding at the ends (negative: cut off) and between the elements."""
    (part, value), out = op.inputs, op.outputs[0]
    buffer, filling = lower.store(out), lower.atom(value)
    with lower.loops((out.size,)) as (place,):
        lower.emit(f"{buffer.name}[{place}] = {filling};")
    with lower.loops(part.shape) as index:
        place, inside = [], []
        for i, n, (low, high, between) in zip(index, out.shape, op.params["padding_config"], strict=True):
            at = plus(times(i, int(between) + 1), int(low))
            if low < 0 or high < 0:
                inside.append(f"(uint32_t)({at})<{n}u")
            place.append(at)
        element = lower.element(part, index)
        guard = f"if ({'&&'.join(inside)}) " if inside else ""
        lower.emit(f"{guard}{buffer.name}[{ravel(place, out.shape)}] = {element};")


def _empty(lower, op: Op) -> None:
    lower.store(op.outputs[0])


def _sort(lower, op: Op) -> None:
    """A stable merge sort of indices along an axis, by the first keys; NaN comes last, as in JAX."""
    axis, keys = op.params["dimension"], op.params["num_keys"]
    shape = op.inputs[0].shape
    n = shape[axis]
    outs = [lower.store(out) for out in op.outputs]
    a, b = (lower.memory.new("int32", n) for _ in range(2))
    if not op.inputs[0].size:
        return
    others = tuple(1 if k == axis else size for k, size in enumerate(shape))
    copies = [lower.memory.new(v.dtype, v.size) for v in op.inputs]
    for value, copy in zip(op.inputs, copies, strict=True):
        lower.copy(value, copy)
    for buffer in (a, b, *copies):
        buffer.last = lower.memory.now

    with lower.loops(others) as index:

        def place(i):
            return ravel((*index[:axis], i if n != 1 else "0", *index[axis + 1 :]), shape)

        def before(x, y):
            """Whether what stands at x must come before what stands at y."""
            less = "0"
            for value, copy in reversed(list(zip(op.inputs[:keys], copies[:keys], strict=True))):
                p, q = f"{copy.name}[{place(x)}]", f"{copy.name}[{place(y)}]"
                smaller, larger = f"{p}<{q}", f"{q}<{p}"
                if is_float(value.dtype):
                    smaller, larger = (
                        f"({smaller}||({p}=={p}&&{q}!={q}))",
                        f"({larger}||({q}=={q}&&{p}!={p}))",
                    )
                less = f"({smaller}||(!({larger})&&{less}))"
            return less

        lower.emit(f"int32_t *from = {a.name}, *to = {b.name};")
        lower.emit(f"for (int i = 0; i < {n}; i++) from[i] = i;")
        with lower.block(f"for (int width = 1; width < {n}; width *= 2)"):
            with lower.block(f"for (int start = 0; start < {n}; start += 2 * width)"):
                lower.emit(f"int x = start, middle = start + width < {n} ? start + width : {n}, y = middle;")
                lower.emit(f"const int end = middle + width < {n} ? middle + width : {n};")
                with lower.block("for (int k = start; k < end; k++)"):
                    second = f"x >= middle || (y < end && {before('from[y]', 'from[x]')})"
                    lower.emit(f"to[k] = from[({second}) ? y++ : x++];")
            lower.emit("int32_t *swap = from; from = to; to = swap;")
        with lower.block(f"for (int k = 0; k < {n}; k++)"):
            for out, copy in zip(outs, copies, strict=True):
                lower.emit(f"{out.name}[{place('k')}] = {copy.name}[{place('from[k]')}];")


RULES = {
    "concatenate": _concatenate,
    "stack": _stack,
    "unstack": _unstack,
    "split": _split,
    "pad": _pad,
    "empty": _empty,
    "sort": _sort,
}
