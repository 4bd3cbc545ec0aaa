"""What runs of networks and of rate models have in common: a time, an end or none, and what is kept of the samples."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from snnlab.core import randomness
from snnlab.core.parameters import ABOVE_ZERO, Parameter, shown
from snnlab.core.recording import Recording

CHUNK = 1000  # steps a chunk: costs about a tenth at 4000 cells and buys progress and a Stop that stops
CHUNK_BYTES = 2**26  # a chunk's samples stay below this, with fewer steps
MAX_STEPS = 2**31 - 2  # steps are counted in 32 bits
INF = float("inf")

_DURATION = Parameter(
    "duration", 1000.0, "ms", "model time", (ABOVE_ZERO, INF), (10.0, 2000.0), False, False, True
)
_DT = Parameter("dt", 0.1, "ms", "time step", (1e-6, 1e6), (0.01, 1.0), False, False, True)


class SimulationError(RuntimeError):
    """The state left the numbers: the message names population, variable and time. ``recording`` is what there was."""

    recording: Recording


class Pieces(abc.ABC):
    """A run in pieces: iterate to advance chunk by chunk, ask for ``recording()`` at any time.

    A run of a ``duration`` keeps all of it. One with a ``window`` instead has no end and keeps the last ``window`` ms.
    Building one checks everything.
    """

    chunk: int  # steps

    def __init__(self, duration: float | None, dt: float, seed: int, window: float | None):
        self.dt = float(_DT.check("simulate", dt))
        self.endless = window is not None
        self.duration = float(_DURATION.check("simulate", window if self.endless else duration))
        self.seed = randomness.check_seed(seed)
        steps = whole_steps(self.duration, self.dt)  # the window's, where there is one
        self.n_steps = MAX_STEPS if self.endless else steps
        self.window = steps  # of which the recording is, at most
        self._failure: SimulationError | None = None

    def __iter__(self) -> Iterator[float]:
        while self.taken < self.n_steps:
            yield self.advance()

    @property
    def fraction(self) -> float:
        """How much of the duration has been simulated, 0 to 1."""
        return self.taken / self.n_steps

    @property
    @abc.abstractmethod
    def taken(self) -> int:
        """How many steps have been taken or begun."""

    def advance(self, steps: int | None = None) -> float:
        """Simulate one chunk more, of at most ``steps``; returns the finished fraction.

        Raises SimulationError when the state blows up, and again whenever it is asked to go on.
        """
        if self._failure is not None:
            raise self._failure
        n = min(self.chunk, self.n_steps - self.taken, self.chunk if steps is None else steps)
        if n > 0:
            self._take(n)
        return self.fraction

    @abc.abstractmethod
    def _take(self, n: int) -> None:
        """Simulate ``n`` steps more, at least 1 and at most a chunk."""

    @abc.abstractmethod
    def recording(self) -> Recording:
        """What has been simulated so far; of a run without an end, the last of it."""

    @abc.abstractmethod
    def look_back(self, window: float) -> None:
        """Keep the last ``window`` ms from now on. For a run without an end."""

    @abc.abstractmethod
    def adopt(self, model: Any) -> bool:
        """Go on with another model's parameters from the present state.

        False, and nothing changes, where that state is none of the other model: it has another structure or wiring.
        """


class Kept:
    """The samples of a run: arrays [steps, ...], of all steps or of the last ones."""

    def __init__(self, shapes: Sequence[tuple[int, ...]], real: Any, rows: int, past: int | None = None):
        """``rows`` steps at a time; where they are full, all but the last ``past`` are forgotten."""
        self.first = 0  # the step of the first row
        self._past = past
        self._arrays = [np.empty((rows, *shape), real) for shape in shapes]
        self._rows = rows

    def put(self, start: int, n: int, samples: Sequence[Any]) -> None:
        """Take in the first ``n`` of ``samples``, which begin at step ``start``."""
        if self._past is not None and start + n - self.first > self._rows:
            first = max(start - self._past, self.first)
            for array in self._arrays:
                array[: start - first] = array[first - self.first : start - self.first].copy()
            self.first = first
        at = start - self.first
        for array, values in zip(self._arrays, samples, strict=True):
            array[at : at + n] = np.asarray(values)[:n]

    def resized(self, rows: int, past: int, done: int) -> "Kept":
        """The same samples, up to step ``done``, with room for other numbers of steps."""
        first = max(self.first, done - past)
        other = Kept([array.shape[1:] for array in self._arrays], None, 0, past)
        other._arrays = [np.empty((rows, *array.shape[1:]), array.dtype) for array in self._arrays]
        other.first, other._rows = first, rows
        other.put(first, done - first, [array[first - self.first :] for array in self._arrays])
        return other

    def get(self, begin: int, end: int) -> list[np.ndarray]:
        """The samples from step ``begin`` to ``end``: their own memory where it will be written over."""
        parts = [array[begin - self.first : end - self.first] for array in self._arrays]
        return parts if self._past is None else [part.copy() for part in parts]


def chunk_steps(chunk: int | None, step_bytes: int) -> int:
    """Steps a chunk: as many as were asked for, or else few enough of what a step leaves behind."""
    if chunk is None:
        return max(1, min(CHUNK, CHUNK_BYTES // max(step_bytes, 1)))
    if isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1:
        raise ValueError(f"simulate: chunk = {shown(chunk)} must be a whole number of steps, at least 1.")
    return int(chunk)


def whole_steps(duration: float, dt: float) -> int:
    """The steps of a duration. Raises ValueError where they are not whole or too many."""
    exact = duration / dt
    if exact > MAX_STEPS:
        raise ValueError(
            f"simulate: {exact:g} steps are too many; at most {MAX_STEPS} can be taken in one run."
        )
    n = round(exact)
    if n < 1 or abs(exact - n) > min(1e-6 * exact, 0.01):
        nearest = max(1, n) * dt
        raise ValueError(
            f"simulate: duration = {duration:g} ms is not a whole number of steps of dt = {dt:g} ms; "
            f"the nearest is {nearest:.10g} ms."
        )
    return n
