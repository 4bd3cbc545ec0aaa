"""What a run leaves behind."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from snnlab.core.parameters import unknown

FORMAT = "snnlab recording 1"


@dataclasses.dataclass(frozen=True, eq=False)
class SpikeTrains:
    """The spikes of one population, in order of time and then of cell."""

    times: np.ndarray  # [count] ms, float64
    neurons: np.ndarray  # [count] index within the population
    n: int  # cells in the population
    t_start: float  # ms: the simulated window is t_start <= t < t_stop
    t_stop: float

    @property
    def count(self) -> int:
        """The number of spikes."""
        return len(self.times)

    def window(self, start: float, stop: float) -> "SpikeTrains":
        """The spikes with ``start <= t < stop`` (ms)."""
        first, last = np.searchsorted(self.times, [start, stop])
        return SpikeTrains(self.times[first:last], self.neurons[first:last], self.n, start, stop)

    def of(self, neuron: int) -> np.ndarray:
        """The spike times of one cell, ms."""
        return self.times[self.neurons == neuron]


class Spikes(Mapping):
    """Spike trains by population name; an unknown name is a ValueError that offers the nearest."""

    def __init__(self, trains: dict[str, SpikeTrains]):
        self._trains = trains

    def __getitem__(self, name: str) -> SpikeTrains:
        if name not in self._trains:
            raise ValueError(unknown("recording: no population", name, self._trains))
        return self._trains[name]

    def __contains__(self, name: object) -> bool:
        return name in self._trains

    def __iter__(self):
        return iter(self._trains)

    def __len__(self) -> int:
        return len(self._trains)

    def __repr__(self) -> str:
        return ", ".join(
            f"{name}: {trains.count} spikes of {trains.n}" for name, trains in self._trains.items()
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """A run's spikes and samples.

    ``recording.spikes["E"]`` are the spikes of population E; ``recording["E.V"]`` [T, n] what was asked for in
    ``record``, of the cells ``recording.cells["E.V"]`` [n]. What is one number at a time, such as a variable of a
    two-variable system, is [T] and has no cells. A sample at ``t[k]`` is taken after resets and arrivals
    at that time. ``complete`` is False when the run was stopped before its duration; everything then covers the part
    that was run.
    """

    dt: float  # ms
    duration: float  # ms that were simulated
    seed: int
    spikes: Spikes
    samples: dict[str, np.ndarray]
    complete: bool = True
    cells: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)  # without an entry: all cells

    def __post_init__(self):
        cells = {name: np.arange(v.shape[1]) for name, v in self.samples.items() if v.ndim > 1}
        object.__setattr__(self, "cells", {**cells, **self.cells})

    @property
    def t(self) -> np.ndarray:
        """The sample times [T], ms."""
        return np.arange(round(self.duration / self.dt)) * self.dt

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.samples:
            raise ValueError(unknown("recording: nothing was recorded under", name, self.samples))
        return self.samples[name]

    def column(self, name: str, cell: int) -> np.ndarray:
        """The samples [T] of one cell. Raises ValueError when it was not recorded."""
        values = self[name]
        cells = self.cells.get(name, np.arange(0))
        found = np.flatnonzero(cells == cell)
        if not len(found):
            listed = ", ".join(map(str, cells[:8])) + (", ..." if len(cells) > 8 else "")
            raise ValueError(f"recording: {name} of cell {cell} was not recorded; there is {listed}.")
        return values[:, found[0]]

    def __repr__(self) -> str:
        recorded = [f"{name} {values.shape}" for name, values in self.samples.items()]
        parts = ", ".join([repr(self.spikes)] * bool(self.spikes) + recorded)
        state = "" if self.complete else " (stopped early)"
        return f"<Recording of {self.duration:g} ms{state}: {parts or 'nothing was recorded'}>"

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything to one ``.npz`` file, whole or not at all."""
        path = Path(path)
        header = {
            "format": FORMAT,
            "dt": self.dt,
            "duration": self.duration,
            "seed": self.seed,
            "complete": self.complete,
            "populations": {name: trains.n for name, trains in self.spikes.items()},
            "samples": list(self.samples),
        }
        arrays = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
        for i, trains in enumerate(self.spikes.values()):
            arrays[f"times_{i}"], arrays[f"neurons_{i}"] = trains.times, trains.neurons
        for i, (name, values) in enumerate(self.samples.items()):
            arrays[f"samples_{i}"] = values
            if name in self.cells:
                arrays[f"cells_{i}"] = self.cells[name]
        with whole_file(path) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recording":
        """Read a file written by ``save``. Raises ValueError when it is not one."""
        try:
            with np.load(path, allow_pickle=False) as file:
                header: dict[str, Any] = json.loads(file["header"].tobytes())
                if header["format"] != FORMAT:
                    raise ValueError(f"format {header['format']!r}")
                trains = {
                    name: SpikeTrains(file[f"times_{i}"], file[f"neurons_{i}"], n, 0.0, header["duration"])
                    for i, (name, n) in enumerate(header["populations"].items())
                }
                samples = {name: file[f"samples_{i}"] for i, name in enumerate(header["samples"])}
                cells = {
                    name: file[f"cells_{i}"]
                    for i, name in enumerate(header["samples"])
                    if f"cells_{i}" in file
                }
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(f"{path} is not a snnlab recording: {error}.") from None
        return cls(
            header["dt"],
            header["duration"],
            header["seed"],
            Spikes(trains),
            samples,
            header["complete"],
            cells,
        )


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends well, and leaves no trace when it does not."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
