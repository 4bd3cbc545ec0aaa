"""Where arrays live: every stored array has a buffer; buffers that are never needed at the same time share memory."""

import dataclasses
from typing import Any

import numpy as np

from snnlab.live.c import TYPES, literal
from snnlab.live.graph import Value


@dataclasses.dataclass(eq=False)
class Buffer:
    """A C array. ``occupant`` is the value that it holds at this point of the program; ``first`` and ``last`` say from
    when to when it holds anything. An outside buffer is seen by the caller and shares with nobody.
    """

    name: str
    dtype: str
    size: int
    outside: bool = False
    occupant: Value | None = None
    first: int = 0
    last: int = 0


class AliasingError(AssertionError):
    """The compiler was about to read an array from memory that holds something else by now."""


class Memory:
    """All buffers of a module, and the clock by which their lives are measured."""

    def __init__(self):
        self.buffers: list[Buffer] = []
        self.constants: dict[tuple[str, bytes], str] = {}
        self.texts: list[str] = []
        self.now = 0

    def new(self, dtype: str, size: int, outside: bool = False) -> Buffer:
        kind = "io" if outside else "b"
        buffer = Buffer(f"{kind}{len(self.buffers)}", dtype, size, outside, first=self.now, last=self.now)
        self.buffers.append(buffer)
        return buffer

    def constant(self, array: np.ndarray, dtype: str) -> str:
        """The name of a constant array."""
        key = dtype, np.ascontiguousarray(array).tobytes()
        if key not in self.constants:
            name = self.constants[key] = f"k{len(self.constants)}"
            numbers = ",".join(literal(x, dtype) for x in array.ravel())
            self.texts.append(f"static const {TYPES[dtype]} {name}[]={{{numbers}}};")
        return self.constants[key]

    def declarations(self) -> str:
        """The arrays in C. Those of one type whose buffers are never alive together are one array."""
        lines = list(self.texts)
        for buffer in self.buffers:
            if buffer.outside:
                lines.append(_array(buffer.name, buffer.dtype, buffer.size))
        shared: list[dict[str, Any]] = []
        for buffer in sorted((b for b in self.buffers if not b.outside), key=lambda b: b.first):
            free = [s for s in shared if s["dtype"] == buffer.dtype and s["last"] < buffer.first]
            if free:
                slot = min(free, key=lambda s: abs(s["size"] - buffer.size))
            else:
                slot = {"name": f"m{len(shared)}", "dtype": buffer.dtype, "size": 0}
                shared.append(slot)
            slot["size"], slot["last"] = max(slot["size"], buffer.size), buffer.last
            lines.append(f"#define {buffer.name} {slot['name']}")
        lines += [f"static {_array(slot['name'], slot['dtype'], slot['size'])}" for slot in shared]
        return "\n".join(lines)


def _array(name: str, dtype: str, size: int) -> str:
    return f"{TYPES[dtype]} {name}[{max(size, 1)}] __attribute__((aligned(16)));"
