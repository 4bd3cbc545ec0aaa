"""Running a compiled module in Python, by wasmtime: what the tests compare with JAX."""

from typing import Any

import jax
import numpy as np

from snnlab.live.compiler import Compiled


class Instance:
    """A module with a memory of its own: write buffers, call entries, read buffers."""

    def __init__(self, compiled: Compiled):
        import wasmtime

        self.compiled = compiled
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        self._module = wasmtime.Instance(self._store, wasmtime.Module(engine, compiled.wasm), [])
        self._exports = self._module.exports(self._store)
        self._memory = self._exports["memory"]

    def write(self, name: str, tree: Any) -> None:
        """Fills a buffer with a tree of arrays. Raises ValueError when its structure, a shape or a dtype differs."""
        leaves, structure = jax.tree.flatten(tree)
        if structure != self.compiled.structures[name]:
            raise ValueError(f"{name}: {structure} is given, the buffer is {self.compiled.structures[name]}.")
        for leaf, place in zip(leaves, self.compiled.buffers[name], strict=True):
            if hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                leaf = jax.random.key_data(leaf)
            array = np.asarray(leaf)
            if list(array.shape) != place["shape"] or str(array.dtype) != place["dtype"]:
                raise ValueError(
                    f"{name}: {array.dtype}{list(array.shape)} is given, the buffer has {place}."
                )
            self._memory.write(self._store, array.tobytes(), place["offset"])

    def call(self, entry: str) -> None:
        self._exports[entry](self._store)

    def read(self, name: str) -> Any:
        """What a buffer holds, as a tree of numpy arrays."""
        leaves = []
        for place in self.compiled.buffers[name]:
            dtype, start = np.dtype(place["dtype"]), place["offset"]
            length = int(np.prod(place["shape"], dtype=np.int64)) * dtype.itemsize
            data = bytes(self._memory.read(self._store, start, start + length))
            leaves.append(np.frombuffer(data, dtype).reshape(place["shape"]))
        return jax.tree.unflatten(self.compiled.structures[name], leaves)
