"""What a run leaves behind."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from snnlab.core.parameters import numbers, shown, unknown

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
        """The spikes with ``start <= t < stop`` (ms). Raises ValueError where that is no window."""
        start, stop = _time("window: start", start), _time("window: stop", stop)
        if not start <= stop:
            raise ValueError(f"window: start = {start:g} ms must not be after stop = {stop:g} ms.")
        first, last = np.searchsorted(self.times, [start, stop])
        return SpikeTrains(self.times[first:last], self.neurons[first:last], self.n, start, stop)

    def of(self, neuron: int) -> np.ndarray:
        """The spike times of one cell, ms. Raises ValueError when there is no such cell."""
        if isinstance(neuron, bool) or not isinstance(neuron, (int, np.integer)) or not 0 <= neuron < self.n:
            raise ValueError(
                f"spikes: neuron = {shown(neuron)} must be a whole number from 0 to {self.n - 1}."
            )
        return self.times[self.neurons == neuron]


class Spikes(Mapping):
    """Spike trains by population name; an unknown name is a ValueError that offers the nearest."""

    def __init__(self, trains: dict[str, SpikeTrains]):
        self._trains = trains

    def __getitem__(self, name: str) -> SpikeTrains:
        if not isinstance(name, str) or name not in self._trains:
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
    start: float = 0.0  # ms: later than 0 in the recording of the last stretch of a run without an end

    def __post_init__(self):
        cells = {name: np.arange(v.shape[1]) for name, v in self.samples.items() if v.ndim > 1}
        object.__setattr__(self, "cells", {**cells, **self.cells})

    @property
    def t(self) -> np.ndarray:
        """The sample times [T], ms."""
        return (round(self.start / self.dt) + np.arange(round(self.duration / self.dt))) * self.dt

    def __getitem__(self, name: str) -> np.ndarray:
        if not isinstance(name, str) or name not in self.samples:
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
        """Write everything to one ``.npz`` file, whole or not at all. Raises ValueError for what is no file's name."""
        path = named_file("Recording.save", path)
        with whole_file(path) as file:
            self.write(file)
        return path

    def write(self, file: BinaryIO) -> None:
        """Write everything to an open binary file, as ``save`` does."""
        header = {
            "format": FORMAT,
            "dt": self.dt,
            "start": self.start,
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
        np.savez_compressed(file, allow_pickle=False, **arrays)

    def csv(self) -> str:
        """Spikes and samples as one table with a row each: variable, cell, time in ms, value.

        A spike of cell 17 of population E is the row ``E.spike,17,12.3,1``; what has no cells leaves the column empty.
        Values are written with all their digits.
        """
        lines = ["variable,cell,time_ms,value"]
        for name, trains in self.spikes.items():
            pairs = zip(trains.neurons.tolist(), trains.times.tolist(), strict=True)
            lines += [f"{name}.spike,{neuron},{time:.10g},1" for neuron, time in pairs]
        times = [f"{time:.10g}" for time in self.t.tolist()]
        for name, values in self.samples.items():
            digits = 9 if values.dtype.itemsize <= 4 else 17
            cells = self.cells[name].tolist() if values.ndim > 1 else [""]
            for cell, column in zip(cells, np.atleast_2d(values.T), strict=True):
                rows = zip(times, column.tolist(), strict=True)
                lines += [f"{name},{cell},{time},{value:.{digits}g}" for time, value in rows]
        return "\n".join(lines) + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recording":
        """Read a file written by ``save``. Raises ValueError when it is not one."""
        path = named_file("Recording.load", path)
        try:
            with np.load(path, allow_pickle=False) as file:
                header = _checked({"start": 0.0, **json.loads(file["header"].tobytes())})
                start, stop = header["start"], header["start"] + header["duration"]
                trains = {
                    name: SpikeTrains(file[f"times_{i}"], file[f"neurons_{i}"], n, start, stop)
                    for i, (name, n) in enumerate(header["populations"].items())
                }
                samples = {name: file[f"samples_{i}"] for i, name in enumerate(header["samples"])}
                cells = {
                    name: file[f"cells_{i}"]
                    for i, name in enumerate(header["samples"])
                    if f"cells_{i}" in file
                }
            recording = cls(
                float(header["dt"]),
                float(header["duration"]),
                header["seed"],
                Spikes(trains),
                samples,
                header["complete"],
                cells,
                float(start),
            )
            _check_shapes(recording)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(f"{path} is not a snnlab recording: {error}") from None
        return recording


def _time(label: str, value: Any) -> float:
    array = numbers(label, value, "ms")
    if array.ndim:
        raise ValueError(f"{label} must be one number, not an array of shape {array.shape}.")
    return float(array)


def named_file(label: str, path: Any) -> Path:
    """``path`` as a Path. Raises ValueError, naming ``label``, for what is no file's name."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise ValueError(f"{label}: path = {shown(path)} must be the name of a file.")
    return Path(path)


_HEADER = {  # what a header says, and what it may say
    "dt": (lambda x: type(x) in (int, float) and 0 < x < float("inf"), "a number above 0"),
    "start": (lambda x: type(x) in (int, float) and 0 <= x < float("inf"), "a number, at least 0"),
    "duration": (lambda x: type(x) in (int, float) and 0 <= x < float("inf"), "a number, at least 0"),
    "seed": (lambda x: type(x) is int and 0 <= x < 2**32, "a whole number from 0 to 4294967295"),
    "complete": (lambda x: type(x) is bool, "true or false"),
    "populations": (
        lambda x: isinstance(x, dict) and all(type(n) is int and n > 0 for n in x.values()),
        "numbers of cells by name",
    ),
    "samples": (
        lambda x: isinstance(x, list) and all(isinstance(name, str) for name in x),
        "a list of names",
    ),
}


def _checked(header: Any) -> dict[str, Any]:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f'its header must say "format": "{FORMAT}".')
    for key, (allowed, words) in _HEADER.items():
        if key not in header:
            raise ValueError(f'its header has no "{key}".')
        if not allowed(header[key]):
            raise ValueError(f'"{key}": {shown(header[key])} in its header must be {words}.')
    return header


def _check_shapes(recording: Recording):
    for name, trains in recording.spikes.items():
        times, cells = trains.times, trains.neurons
        if (
            times.ndim != 1
            or times.shape != cells.shape
            or times.dtype.kind != "f"
            or cells.dtype.kind != "i"
        ):
            raise ValueError(f'the spikes of "{name}" are not a list of times and cells.')
        if len(cells) and not 0 <= cells.min() <= cells.max() < trains.n:
            raise ValueError(f'the spikes of "{name}" are of cells beyond its {trains.n}.')
    for name, values in recording.samples.items():
        expected = (len(recording.t), *recording.cells.get(name, np.empty(())).shape)
        if values.shape != expected:
            raise ValueError(f'the samples "{name}" are {values.shape}, not {expected}.')


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
