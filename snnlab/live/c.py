"""Pieces of C: types, literals, and the arithmetic of indices."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

TYPES = {"bool": "uint8_t", "float32": "float", "float64": "double"}
TYPES |= {f"{u}int{bits}": f"{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 32, 64)}

Index = tuple[str, ...]


def is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


def bits(dtype: str) -> int:
    return 8 * np.dtype(dtype).itemsize


def unsigned(dtype: str) -> str:
    return dtype if dtype.startswith("u") else f"u{dtype}"


def literal(x: Any, dtype: str) -> str:
    """A value as it is written in C, to the last bit (a NaN is any NaN)."""
    if dtype == "bool":
        return "1" if x else "0"
    if not is_float(dtype):
        x = int(x)
        lowest = -(1 << (bits(dtype) - 1))
        suffix = ("u" if dtype.startswith("u") else "") + ("ll" if bits(dtype) == 64 else "")
        return f"({x + 1}{suffix}-1)" if x == lowest else f"({x}{suffix})" if x < 0 else f"{x}{suffix}"
    x = float(x)
    if math.isnan(x):
        return "NAN"
    if math.isinf(x):
        return "INFINITY" if x > 0 else "(-INFINITY)"
    return f"({x.hex()}{'f' if dtype == 'float32' else ''})"


def lowest(dtype: str) -> Any:
    """What any other value of the type is at least."""
    return -math.inf if is_float(dtype) else 0 if dtype == "bool" else np.iinfo(dtype).min


def highest(dtype: str) -> Any:
    return math.inf if is_float(dtype) else 1 if dtype == "bool" else np.iinfo(dtype).max


def plus(index: str, offset: int | str) -> str:
    if index == "0":
        return str(offset)
    return index if offset in (0, "0") else f"({index}+{offset})"


def times(index: str, factor: int) -> str:
    return "0" if index == "0" or factor == 0 else index if factor == 1 else f"({index}*{factor})"


def ravel(index: Sequence[str], shape: Sequence[int]) -> str:
    """The place of an element in memory, last axis fastest."""
    place, stride = "0", 1
    for i, n in zip(reversed(index), reversed(shape), strict=True):
        if n != 1:
            place = plus(times(i, stride), place)
        stride *= n
    return place


def unravel(place: str, shape: Sequence[int]) -> Index:
    """The index of the element at a place in memory."""
    index, stride, outermost = [], math.prod(shape), True
    for n in shape:
        stride //= max(n, 1)
        if n == 1:
            index.append("0")
            continue
        quotient = place if stride == 1 else f"({place}/{stride})"
        index.append(quotient if outermost else f"({quotient}%{n})")
        outermost = False
    return tuple(index)


def clamped(index: str, highest: int, dtype: str) -> str:
    """An index moved into 0 ... highest."""
    return f"clamp_{'s' if is_signed(dtype) else 'u'}{64 if bits(dtype) == 64 else 32}({index},{max(highest, 0)})"


def within(index: str, highest: int, dtype: str) -> str:
    """Whether an index lies in 0 ... highest."""
    return f"((uint{64 if bits(dtype) == 64 else 32}_t){index}<={max(highest, 0)}u)"
