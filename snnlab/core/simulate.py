"""Running a model: in chunks, so that a run can show progress, be stopped, and fail with a time stamp."""

import collections
import copy
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab.core import delivery, planner, randomness
from snnlab.core import step as stepping
from snnlab.core.network import Network, Packed
from snnlab.core.parameters import ABOVE_ZERO, Parameter, unknown
from snnlab.core.rates import RateModel
from snnlab.core.recording import Recording, Spikes, SpikeTrains

CHUNK = 1000  # steps a chunk: costs about a tenth at 4000 cells and buys progress and a Stop that stops
TAIL = 300  # steps that a run may end with in one piece
CHUNK_BYTES = 2**26  # a chunk's samples stay below this, with fewer steps
INF = float("inf")

_DURATION = Parameter(
    "duration", 1000.0, "ms", "model time", (ABOVE_ZERO, INF), (10.0, 2000.0), False, False, True
)
_DT = Parameter("dt", 0.1, "ms", "time step", (ABOVE_ZERO, INF), (0.01, 1.0), False, False, True)


class SimulationError(RuntimeError):
    """The state left the numbers: the message names population, variable and time. ``recording`` is what there was."""

    recording: Recording


class Interrupted(KeyboardInterrupt):
    """A run was interrupted from the keyboard; ``recording`` is what had been simulated by then."""

    def __init__(self, recording: Recording, of: float):
        super().__init__(
            f"stopped after {recording.duration:g} of {of:g} ms; the recording so far is this exception's .recording"
        )
        self.recording = recording


def begin(model: Any, **options: Any) -> Any:
    """A run of a model, to be iterated: a ``Run`` of a Network, a ``RateRun`` of any other model.

    ``options`` are those of ``simulate`` without ``progress``; both kinds of run have the same interface.
    """
    from snnlab.core.rate_run import RateRun  # which imports this module

    return (Run if isinstance(model, Network) else RateRun)(model, **options)


def simulate(
    model: Network | RateModel,
    *,
    duration: float,
    dt: float = 0.1,
    seed: int = 0,
    record: str | Iterable[str] | Mapping[str, Any] | None = None,
    progress: bool | Callable[[float], Any] | None = None,
    chunk: int | None = None,
) -> Recording:
    """Run a network or a rate model for ``duration`` ms in steps of ``dt`` ms, whatever the model's own unit of time.

    Spikes of every population are always recorded. ``record`` names what else is: ``"E.V"`` for a state variable of
    population E, ``"E.exc"`` for the conductance of synapse exc on E; a dict ``{"E.V": [0, 5]}`` picks cells. Of a
    model without populations the variables are recorded unless ``record`` names others (``"s1"``, ``"r1"``).
    ``progress`` is True for a bar on stderr, or a function that is called with the finished fraction and may return
    False to stop. The same model, seed and dt give the same spikes whatever ``chunk`` (steps) and ``progress`` are.

    Raises ValueError for anything that cannot be run, before anything is compiled; SimulationError when the state
    blows up; Interrupted (a KeyboardInterrupt that keeps the recording) on Ctrl-C.
    """
    run = begin(model, duration=duration, dt=dt, seed=seed, record=record, chunk=chunk)
    report = _bar if progress is True else progress or (lambda fraction: None)
    try:
        for fraction in run:
            if report(fraction) is False:
                break
        return run.recording()
    except KeyboardInterrupt:
        raise Interrupted(run.recording(), run.duration) from None
    finally:
        if progress is True:
            print(file=sys.stderr)


class Run:
    """A run in pieces: iterate to advance chunk by chunk, ask for ``recording()`` at any time.

    Building one checks everything and plans the network; ``simulate`` is a loop over it.
    """

    def __init__(
        self,
        model: Network,
        *,
        duration: float,
        dt: float = 0.1,
        seed: int = 0,
        record: str | Iterable[str] | Mapping[str, Any] | None = None,
        chunk: int | None = None,
    ):
        if not isinstance(model, Network):
            raise ValueError(f"simulate: {model!r} is not a model; expected a Network.")
        self.dt = float(_DT.check("simulate", dt))
        self.duration = float(_DURATION.check("simulate", duration))
        self.seed = randomness.check_seed(seed)
        self.n_steps = _whole_steps(self.duration, self.dt)
        self.network = model
        self._plan, delays = planner.build(model, self.dt)
        self._probes, cells = _probes(model, self._plan, record)
        self._labels = tuple(f"{probe.population}.{probe.variable}" for probe in self._probes)
        self._refuse_if_too_large(cells, chunk)
        self.chunk = self._chunk_steps(cells, chunk)
        self._tail = TAIL if chunk is None else self.chunk
        real = np.dtype(jnp.result_type(float))
        packed = Packed.of(_without_wiring(model))
        self._arguments = (
            packed,
            planner.tables(model, self._plan, self.seed),
            *jax.device_put((delays, cells)),
        )
        self._scalars = jax.device_put((np.asarray(self.dt, real), np.uint32(self.seed)))
        self._carry = stepping.initial(self._plan, packed, self._scalars[1])
        self._dispatched = 0
        self._anchors = collections.deque(
            maxlen=4
        )  # states from which a check and what came before can be repeated
        self._pending: collections.deque[tuple[Any, ...]] = collections.deque()
        self._chunks: list[tuple[int, dict[str, tuple[np.ndarray, np.ndarray]]]] = []
        self._cells = dict(zip(self._labels, cells, strict=True))
        self._samples = [np.empty((self.n_steps, len(which)), real) for which in cells]

    def __iter__(self) -> Iterator[float]:
        while self._dispatched < self.n_steps:
            yield self.advance()

    @property
    def fraction(self) -> float:
        """How much of the duration has been simulated, 0 to 1."""
        return self._dispatched / self.n_steps

    def advance(self) -> float:
        """Simulate one chunk more; returns the finished fraction. Raises SimulationError when the state blows up."""
        start = self._dispatched
        n = min(self.chunk, self.n_steps - start)
        if start + n == self.n_steps and n > self._tail:
            n = -(
                -n // 2
            )  # nothing is computed while the last piece is decoded: the shorter it is, the better
        if n > 0:
            if -start % stepping.CHECK < n:
                self._anchors.append((start, self._carry))
            self._carry, *results = self._steps(self._carry, n)
            self._pending.append((self._carry.failed, start, n, results))
            self._dispatched = start + n
        if len(self._pending) > 1:
            self._collect()  # the host decodes one chunk while the device computes the next
        return self.fraction

    def recording(self) -> Recording:
        """What has been simulated so far."""
        while self._pending:
            self._collect()
        return self._recording(self.done)

    @property
    def done(self) -> int:
        """How many steps have been collected."""
        return self._chunks[-1][0] if self._chunks else 0

    def _steps(self, carry, n):
        packed, tables, delays, cells = self._arguments
        dt, seed = self._scalars
        return stepping.advance(
            self._plan,
            self._probes,
            self.chunk,
            packed,
            tables,
            delays,
            cells,
            carry,
            np.int32(n),
            np.int32(self.n_steps),
            dt,
            seed,
        )

    def _collect(self):
        """Takes in the oldest chunk that is pending; when it is interrupted, the chunk is still pending."""
        failed, start, n, (words, samples) = self._pending[0]
        if failed >= 0:
            self._explain_blow_up(int(failed))
        self._keep(start, n, words, samples)
        self._pending.popleft()

    def _keep(self, start, n, words, samples):
        spikes = {}
        for group, packed in zip(self._plan.groups, words, strict=True):
            step, cell = delivery.decode(np.asarray(packed)[:n])
            times = (step + start) * self.dt
            for name, first, last in zip(group.populations, group.offsets, group.offsets[1:], strict=False):
                mine = (cell >= first) & (cell < last) if len(group.populations) > 1 else slice(None)
                spikes[name] = times[mine], cell[mine] - np.int32(first)
        for kept, values in zip(self._samples, samples, strict=True):
            kept[start : start + n] = np.asarray(values)[:n]
        if start == self.done:  # else an interrupt came after the chunk was kept and before it was struck off
            self._chunks.append((start + n, spikes))

    def _recording(self, done) -> Recording:
        stop = done * self.dt
        trains = {}
        for name, population in self.network.populations.items():
            times = np.concatenate([np.empty(0), *(spikes[name][0] for _, spikes in self._chunks)])
            neurons = np.concatenate(
                [np.empty(0, np.int32), *(spikes[name][1] for _, spikes in self._chunks)]
            )
            trains[name] = SpikeTrains(times, neurons, population.n, 0.0, stop)
        samples = {label: values[:done] for label, values in zip(self._labels, self._samples, strict=True)}
        complete = done == self.n_steps
        return Recording(self.dt, stop, self.seed, Spikes(trains), samples, complete, self._cells)

    def _explain_blow_up(self, failed):
        """Finds the first step after which the state is not sound, and raises."""
        start, carry = next(
            each for each in reversed(self._anchors) if each[0] <= max(0, failed - stepping.CHECK)
        )
        self._chunks = [chunk for chunk in self._chunks if chunk[0] <= start]
        while True:
            n = min(self.chunk, failed - start)
            after, words, samples = self._steps(carry, n)
            if not self._soundness(after)[0]:
                break
            self._keep(start, n, words, samples)
            start, carry = start + n, after
        good, bad = 0, n
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._soundness(self._steps(carry, middle)[0])[0]:
                good = middle
            else:
                bad = middle
        _, words, samples = self._steps(carry, good)
        self._keep(start, good, words, samples)
        after = self._steps(carry, bad)[0]
        self._dispatched = self.n_steps
        self._pending.clear()
        error = SimulationError(
            f"{self._culprit(after)} at t = {(start + bad) * self.dt:g} ms: the run was stopped. "
            f"The drive is too strong for dt = {self.dt:g} ms; use weaker weights, a smaller dt or an integrator that "
            "takes the conductance along (implicit, exponential)."
        )
        error.recording = self._recording(self.done)
        raise error

    def _soundness(self, carry):
        packed, tables, delays, _ = self._arguments
        return stepping.soundness(self._plan, packed, tables, delays, carry, self._scalars[0])

    def _culprit(self, carry) -> str:
        def place(group, cell):
            i = np.searchsorted(group.offsets, cell, side="right") - 1
            return f'population "{group.populations[i]}"', cell - group.offsets[i]

        for group, state in zip(self._plan.groups, carry.neurons, strict=True):
            for variable, values in zip(state._fields, map(np.asarray, state), strict=True):
                wrong = np.flatnonzero(~(np.abs(values) < stepping.ABSURD))
                if values.dtype.kind == "f" and len(wrong):
                    population, cell = place(group, wrong[0])
                    return f"{population}: {variable} of cell {cell} is {values[wrong[0]]:g}"
        for group, cells in zip(self._plan.groups, self._soundness(carry)[1], strict=True):
            wrong = np.flatnonzero(cells)
            if len(wrong):
                population, cell = place(group, wrong[0])
                return (
                    f"{population}: a step throws V of cell {cell} past its equilibrium and further from it"
                )
        return "a synapse's state is not finite"

    def _chunk_steps(self, cells, chunk) -> int:
        if chunk is not None:
            if isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1:
                raise ValueError(f"simulate: chunk = {chunk!r} must be a whole number of steps, at least 1.")
            return int(chunk)
        per_step = 8 * sum(len(which) for which in cells)
        return max(1, min(CHUNK, CHUNK_BYTES // max(per_step, 1)))

    def _refuse_if_too_large(self, cells, chunk):
        itemsize = np.dtype(jnp.result_type(float)).itemsize
        samples = self.n_steps * itemsize * sum(len(which) for which in cells)
        wiring = 2 * planner.table_bytes(self.network, self._plan)
        raster = (chunk or 0) * sum(4 * delivery.n_words(group.n) for group in self._plan.groups)
        free = _free_memory()
        length = f"for {self.duration:g} ms at dt = {self.dt:g} ms"
        for what, size, advice in (
            (f"recording {', '.join(self._labels)} {length}", samples, "record fewer cells or a shorter run"),
            ("the wiring", wiring, "use fewer cells or a smaller connection probability"),
            ("a chunk's raster", raster, "use smaller chunks"),
        ):
            if size > 0.9 * free:
                raise ValueError(
                    f"simulate: {what} would take {size / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; {advice}."
                )


def _whole_steps(duration: float, dt: float) -> int:
    exact = duration / dt
    n = round(exact)
    if n < 1 or abs(exact - n) > min(1e-6 * exact, 0.01):
        nearest = max(1, n) * dt
        raise ValueError(
            f"simulate: duration = {duration:g} ms is not a whole number of steps of dt = {dt:g} ms; "
            f"the nearest is {nearest:.10g} ms."
        )
    if n >= 2**31 - 1:
        raise ValueError(f"simulate: {n} steps are too many; at most 2147483646 can be taken in one run.")
    return n


def _probes(network: Network, plan: planner.Plan, record: Any):
    """The probes that ``record`` asks for, and the cells [m] of each."""
    if record is None:
        record = ()
    if isinstance(record, str):
        record = (record,)
    wanted = record.items() if isinstance(record, Mapping) else ((name, None) for name in record)
    probes, selections = [], []
    for label, which in wanted:
        name, _, variable = str(label).partition(".")
        if name not in network.populations:
            raise ValueError(unknown(f'record "{label}": no population', name, network.populations))
        population = network.populations[name]
        fed = [row.synapse for row in plan.rows if row.group == plan.locate(name)]
        choices = [*population.neuron.State._fields, *fed]
        if variable not in choices:
            raise ValueError(
                unknown(f'record "{label}": population "{name}" has no variable', variable, choices)
            )
        cells = np.arange(population.n) if which is None else np.atleast_1d(np.asarray(which))
        if cells.dtype.kind not in "iu" or cells.ndim != 1 or np.any((cells < 0) | (cells >= population.n)):
            raise ValueError(
                f'record "{label}": cells {which!r} must be whole numbers from 0 to {population.n - 1}.'
            )
        probes.append(stepping.Probe(name, variable))
        selections.append(cells.astype(np.int32))
    return tuple(probes), tuple(selections)


def _without_wiring(network: Network) -> Network:
    """The network as the compiled step sees it: connectivity is in the tables."""
    bare = []
    for projection in network.projections:
        projection = copy.copy(projection)
        object.__setattr__(projection, "connectivity", None)
        bare.append(projection)
    network = copy.copy(network)
    object.__setattr__(network, "projections", tuple(bare))
    return network


def _free_memory() -> float:
    """Bytes that can still be had; infinite where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024 * float(line.split()[1])
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        return math.inf


def _bar(fraction: float):
    width = 40
    filled = round(width * fraction)
    print(
        f"\r[{'#' * filled}{'.' * (width - filled)}] {100 * fraction:3.0f} %",
        end="",
        file=sys.stderr,
        flush=True,
    )
