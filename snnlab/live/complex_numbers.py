"""Complex numbers, as pairs of real arrays, and Fourier transforms between them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from snnlab.live.c import ravel
from snnlab.live.graph import Op, Value
from snnlab.live.views import VIEWS

REAL = {"complex64": "float32", "complex128": "float64"}
MOVED = {
    *VIEWS,
    "concatenate",
    "pad",
    "select_n",
    "stack",
    "dynamic_update_slice",
}  # real and imaginary part alike


@dataclasses.dataclass(eq=False)
class Pair:
    """A complex array while a function is traced."""

    real: Value
    imaginary: Value


def expand(
    tracer: Any, name: str, params: Mapping[str, Any], inputs: list[Any], outputs: list[Any]
) -> list[Any]:
    """The real operations that a complex one stands for. Raises NotImplementedError where there are none."""
    (out,) = outputs
    shape, dtype = tuple(out.shape), REAL.get(str(out.dtype), str(out.dtype))

    def add(name, *operands, **params):
        return tracer.add(name, operands, (shape, dtype), **params)[0]

    def pair(make):
        return [Pair(make(lambda v: v.real), make(lambda v: v.imaginary))]

    first = inputs[0]
    if name == "fft":
        return _transformed(tracer, params, first, shape, dtype)
    if name == "convert_element_type" and not isinstance(first, Pair):
        zero = Value(shape, dtype, constant=np.zeros(shape, dtype))
        return [Pair(add("convert_element_type", first), zero)]
    if name == "complex":
        return [Pair(*inputs)]
    if name == "conj":
        return [Pair(first.real, add("neg", first.imaginary))]
    if name in ("real", "imag"):
        return [first.real if name == "real" else first.imaginary]
    if name in ("add", "sub", "neg", "add_any") and isinstance(first, Pair):
        return pair(lambda part: add(name, *map(part, inputs)))
    if name == "mul":
        a, b = inputs
        real = add("sub", add("mul", a.real, b.real), add("mul", a.imaginary, b.imaginary))
        return [Pair(real, add("add", add("mul", a.real, b.imaginary), add("mul", a.imaginary, b.real)))]
    if name in MOVED:
        return pair(
            lambda part: add(name, *(part(v) if isinstance(v, Pair) else v for v in inputs), **params)
        )
    raise NotImplementedError(f"{name} of complex numbers")


def _transformed(
    tracer: Any, params: Mapping[str, Any], x: Any, shape: tuple[int, ...], dtype: str
) -> list[Any]:
    kind, lengths = int(params["fft_type"]), params["fft_lengths"]
    if len(lengths) != 1:
        raise NotImplementedError("fft over more than one axis")
    parts = [x.real, x.imaginary] if isinstance(x, Pair) else [x]
    outputs = [(shape, dtype)] * (1 if kind == 3 else 2)
    found = tracer.add("fft", parts, *outputs, n=int(lengths[0]), kind=kind)
    return [found[0] if kind == 3 else Pair(*found)]


def _fft(lower, op: Op) -> None:
    """Along the last axis: forward (0), inverse (1), of real numbers (2), and to real numbers (3)."""
    n, kind = op.params["n"], op.params["kind"]
    dtype, shape = op.outputs[0].dtype, op.inputs[0].shape
    buffers = [lower.store(out) for out in op.outputs]
    angles = 2 * np.pi * np.arange(n) / n
    waves = [lower.memory.constant(wave(angles).astype(dtype), dtype) for wave in (np.cos, np.sin)]
    x, y, scratch = ([lower.memory.new(dtype, n).name for _ in range(2)] for _ in range(3))
    if not n or not op.inputs[0].size:
        return
    with lower.loops(shape[:-1]) as outer:
        with lower.loops(shape[-1:]) as inner:
            parts = [lower.element(v, (*outer, *inner)) for v in op.inputs]
            for to, part in zip(x, (*parts, "0"), strict=False):
                lower.emit(f"{to}[{inner[0]}] = {part};")
        if kind == 3:  # the other half of the spectrum mirrors this one, whose ends are real
            lower.emit(f"{x[1]}[0] = 0;" + (f" {x[1]}[{n // 2}] = 0;" if n % 2 == 0 else ""))
            with lower.block(f"for (int k = {n // 2 + 1}; k < {n}; k++)"):
                lower.emit(f"{x[0]}[k] = {x[0]}[{n}-k]; {x[1]}[k] = -{x[1]}[{n}-k];")
        suffix, sign = "f32" if dtype == "float32" else "f64", 1 if kind in (1, 3) else -1
        arrays = ", ".join([*waves, *x, *y, *scratch])
        lower.emit(f"fourier_{suffix}({n}, 1, {n}, {sign}, {arrays});")
        scale = f" / {n}" if sign == 1 else ""
        with lower.loops(op.outputs[0].shape[-1:]) as inner:
            for buffer, part in zip(buffers, y, strict=False):
                place = ravel((*outer, *inner), op.outputs[0].shape)
                lower.emit(f"{buffer.name}[{place}] = {part}[{inner[0]}]{scale};")


RULES = {"fft": _fft}
