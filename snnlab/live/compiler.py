"""Pure JAX functions as one WebAssembly module: named buffers in its memory, and entries that read and write them."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from snnlab.live import build, graph, trace
from snnlab.live.graph import Region, Value
from snnlab.live.lowering import Lowering
from snnlab.live.memory import Buffer


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A module: its bytes; of every named buffer its leaves' places (``offset``, ``shape``, ``dtype``), in flattening
    order; the names of its entries; the C that it was made from; and the structure of the buffers' trees.
    """

    wasm: bytes
    buffers: dict[str, list[dict[str, Any]]]
    entries: tuple[str, ...]
    source: str
    structures: Mapping[str, Any]


def compile(
    entries: Mapping[str, Callable[..., Mapping[str, Any]]], buffers: Mapping[str, Any], simd: bool = True
) -> Compiled:
    """Compiles pure JAX functions into one WebAssembly module.

    ``buffers`` are named trees of ``jax.ShapeDtypeStruct``. Every entry is a function whose arguments are names of
    buffers, and which returns a dict of buffers by name; what it both reads and returns is updated in place. ``simd``
    says whether the module may use 128-bit vector lanes. An entry that reads a buffer of 64-bit numbers is traced with
    JAX's 64-bit types enabled.

    Raises ValueError when entries and buffers do not fit, NotImplementedError with the name of a primitive that cannot
    be compiled.
    """
    source, places = lowered(entries, buffers)
    exports = [*entries, *(buffer.name for leaves in places.values() for buffer, _ in leaves)]
    wasm = build.wasm(source, exports, simd=simd)
    offsets = build.addresses(wasm)
    described = {
        name: [
            {"offset": offsets[buffer.name], "shape": list(shape), "dtype": buffer.dtype}
            for buffer, shape in leaves
        ]
        for name, leaves in places.items()
    }
    structures = {name: jax.tree.structure(tree) for name, tree in buffers.items()}
    return Compiled(wasm, described, tuple(entries), source, structures)


def lowered(entries, buffers) -> tuple[str, dict[str, list[tuple[Buffer, tuple[int, ...]]]]]:
    """The C of a module, and the buffers and shapes of every name's leaves."""
    lower = Lowering()
    places = {}
    for name, tree in buffers.items():
        kinds = [graph.kind(leaf) for leaf in jax.tree.leaves(tree)]
        places[name] = [
            (lower.memory.new(dtype, _size(shape), outside=True), shape) for shape, dtype in kinds
        ]
    functions = []
    for name, function in entries.items():
        lower.lines = []
        _entry(lower, name, function, buffers, places)
        functions.append(f"void {name}(void) {{\n" + "\n".join(lower.lines) + "\n}")
    source = "\n".join(['#include "runtime.h"', lower.memory.declarations(), *functions, ""])
    return source, places


def _entry(lower: Lowering, name: str, function: Any, buffers: Mapping[str, Any], places: Any) -> None:
    if not name.isidentifier() or name in ("memory", "_initialize", "main"):
        raise ValueError(f"entry {name!r}: its name must be one that C allows.")
    read = list(inspect.signature(function).parameters)
    for each in read:
        if each not in buffers:
            raise ValueError(f"entry {name}: it reads {each!r}, but the buffers are {', '.join(buffers)}.")
    written: dict[str, Any] = {}

    def traced(arguments):
        results = dict(function(**arguments))
        written.update(results)
        for each, tree in results.items():
            _check_result(name, each, tree, buffers)
        return results

    used = jax.tree.leaves([buffers[each] for each in read])
    wide = any(leaf.dtype in (np.float64, np.int64, np.uint64) for leaf in used)
    with jax.enable_x64(wide or jax.config.jax_enable_x64):
        params, body = trace.trace(traced, {each: buffers[each] for each in read})
    inputs = [buffer for each in sorted(read) for buffer, _ in places[each]]
    outputs = [buffer for each in sorted(written) for buffer, _ in places[each]]
    for buffer in lower.memory.buffers:
        buffer.occupant = None
    _run(lower, params, body, inputs, outputs)


def _run(
    lower: Lowering, params: list[Value], body: Region, inputs: list[Buffer], outputs: list[Buffer]
) -> None:
    lower.known = [{}, {}]
    for value, buffer in zip(params, inputs, strict=True):
        if value.size == 1:
            lower.scalars[value] = lower.let(value.dtype, f"{buffer.name}[0]")
        else:
            lower.stored[value] = buffer
            buffer.occupant = value
    mutable = {
        v for v, buffer in zip(params, inputs, strict=True) if buffer in outputs and v.size != 1
    }  # what is only read is there for the next call
    wants = [None if buffer.size == 1 else buffer for buffer in outputs]
    lower.region(body, wants, loop=False, born=mutable)
    last = [
        (buffer, lower.let(buffer.dtype, lower.atom(value)))
        for value, buffer in zip(body.results, outputs, strict=True)
        if buffer.size == 1
    ]
    for buffer, number in last:
        lower.emit(f"{buffer.name}[0] = {number};")


def _check_result(entry: str, name: str, tree: Any, buffers: Mapping[str, Any]) -> None:
    if name not in buffers:
        raise ValueError(f"entry {entry}: it returns {name!r}, but the buffers are {', '.join(buffers)}.")
    wanted, given = jax.tree.structure(buffers[name]), jax.tree.structure(tree)
    if wanted != given:
        raise ValueError(f"entry {entry}: {name} is {given}, but the buffer is {wanted}.")
    for leaf, declared in zip(jax.tree.leaves(tree), jax.tree.leaves(buffers[name]), strict=True):
        if (leaf.shape, leaf.dtype) != (declared.shape, declared.dtype):
            raise ValueError(
                f"entry {entry}: a leaf of {name} is {leaf.dtype}{list(leaf.shape)}, "
                f"but in the buffer {declared.dtype}{list(declared.shape)}."
            )


def _size(shape: tuple[int, ...]) -> int:
    return Value(shape, "").size
