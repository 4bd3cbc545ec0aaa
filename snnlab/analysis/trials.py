"""Many trials of a network that decides, at several coherences, on all processors.

Every trial is a run of its own, with a seed that follows from (seed, coherence, trial) alone: how many trials there
are, which coherences stand beside it, how many threads work and in which order they finish change nothing. Of a
trial only what the analysis asks for is kept.
"""

import inspect
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from snnlab.analysis import decisions
from snnlab.analysis.decisions import POOLS, STEP, THRESHOLD, WINDOW, Decision
from snnlab.analysis.psychometry import Psychometric
from snnlab.core import randomness
from snnlab.core.network import Network
from snnlab.core.parameters import describe, shown, unknown
from snnlab.core.rates import MILLISECONDS
from snnlab.core.recording import Recording, Spikes, SpikeTrains
from snnlab.core.run import Pieces
from snnlab.core.simulate import Run, bar, begin

COHERENCES = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0)
DELAY = 500.0  # ms from the end of the stimulus to that of the trial


class PsychometricInterrupted(KeyboardInterrupt):
    """The trials were interrupted from the keyboard; ``result`` holds those that were finished."""

    def __init__(self, result: "Psychometric"):
        done, asked = int(result.done.sum()), result.done.size
        super().__init__(f"stopped after {done} of {asked} trials; they are this exception's .result")
        self.result = result


def psychometric(
    model: Callable[..., Any] | None = None,
    coherences: Sequence[float] | np.ndarray = COHERENCES,
    trials: int = 50,
    *,
    onset: float | None = None,
    offset: float | None = None,
    duration: float | None = None,
    dt: float = 0.1,
    seed: int = 0,
    pools: Sequence[str] = POOLS,
    threshold: float = THRESHOLD,
    window: float = WINDOW,
    step: float = STEP,
    workers: int | None = None,
    progress: bool | Callable[[float], Any] | None = None,
    **parameters: Any,
) -> Psychometric:
    """Run ``trials`` trials at each coherence (a fraction) and read each one's decision.

    ``model`` is a function with a parameter ``coherence`` that returns a network, by default ``models.wang2002``; all
    further ``parameters`` are handed to it. The stimulus lasts from ``onset`` to ``offset`` ms, by default what the
    model's parameters ``start`` and ``stop`` say, and a trial for ``duration`` ms, by default 500 ms longer than that.
    A rate model, such as ``wong_wang2006``, has its rates for ``pools=("r1", "r2")``; where it has a parameter
    ``onset`` of its own, that is the same onset.
    ``pools`` are the populations that compete, the one that positive coherence favours first; for ``threshold`` (Hz),
    ``window`` and ``step`` (ms) see ``decision``. ``workers`` threads share the trials, by default one a processor.
    ``progress`` is True for a bar on stderr, or a function that is called with the finished fraction and may return
    False to stop; the result then holds the trials that were finished. Trials go round the coherences, so that all
    of them have about as many.

    Raises ValueError before anything is run for coherences outside -1 to 1 or given twice, for less than one trial,
    and for populations and parameters that the model does not have; what ``simulate`` raises of a trial;
    PsychometricInterrupted (a KeyboardInterrupt that keeps the result) on Ctrl-C.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise ValueError(f"psychometric: progress = {shown(progress)} must be True, False or a function.")
    if model is None:
        from snnlab.models import wang2002 as model  # the default alone comes from another floor
    reading = {"pools": pools, "threshold": threshold, "window": window, "step": step}
    times = {"onset": onset, "offset": offset, "duration": duration, "dt": dt}
    experiment = Experiment(
        model, coherences, trials, **times, seed=seed, **reading, workers=workers, **parameters
    )
    report = bar if progress is True else progress or (lambda fraction: None)
    try:
        for fraction in experiment:
            if report(fraction) is False:
                break
    except KeyboardInterrupt:
        raise PsychometricInterrupted(experiment.result()) from None
    finally:
        experiment.stop()
        if progress is True:
            print(file=sys.stderr)
    return experiment.result()


class Experiment:
    """A psychometric experiment under way: iterate for the finished fraction, ask for the ``result()`` at any time.

    Its arguments are those of ``psychometric``, which is a loop over it. With ``patience`` (s) iterating gives the
    fraction again where nothing was finished for so long.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        coherences: Sequence[float] | np.ndarray = COHERENCES,
        trials: int = 50,
        *,
        onset: float | None = None,
        offset: float | None = None,
        duration: float | None = None,
        dt: float = 0.1,
        seed: int = 0,
        pools: Sequence[str] = POOLS,
        threshold: float = THRESHOLD,
        window: float = WINDOW,
        step: float = STEP,
        workers: int | None = None,
        patience: float | None = None,
        **parameters: Any,
    ):
        values = _check_coherences(coherences)
        trials = _count("trials", trials)
        n_workers = _count("workers", (os.cpu_count() or 1) if workers is None else workers)
        name = getattr(model, "__name__", str(model))
        declared = inspect.signature(model).parameters
        if "coherence" not in declared:
            raise ValueError(f"psychometric: {name} has no parameter coherence.")
        if "coherence" in parameters:
            raise ValueError("psychometric: one coherence is given; give all of them as coherences=[...].")
        known = {n: p.default for n, p in declared.items() if p.default is not p.empty} | parameters
        onset = _protocol("onset", onset, "start", name, known)
        offset = _protocol("offset", offset, "stop", name, known)
        duration = offset + DELAY if duration is None else float(duration)
        if "onset" in declared:  # a rate model's own, in its own unit of time
            unit = next(p.unit for p in describe(model) if p.name == "onset")
            parameters = {**parameters, "onset": onset / MILLISECONDS[unit]}
        reading = {
            "pools": decisions.check_pools(pools),
            "threshold": threshold,
            "window": window,
            "step": step,
        }
        plan = _Plan(model, parameters, values, trials, seed, dt, duration, onset, offset, reading)
        self._found = _Found(plan)
        self._workers = _Workers(plan, n_workers, patience)

    def __iter__(self) -> Iterator[float]:
        try:
            for found in self._workers:
                if found is not None:
                    self._found.keep(*found)
                yield self._found.fraction
        finally:
            self._workers.stopping.set()

    def stop(self) -> None:
        """End the trials that are under way, within a chunk, and wait until they have ended."""
        self._workers.stop()

    def result(self) -> Psychometric:
        """The trials that were finished."""
        return self._found.result()


def trial_seed(seed: int, coherence: float, trial: int) -> int:
    """The seed of one trial; it depends on nothing else."""
    return randomness.subkey(randomness.check_seed(seed), f"coherence {float(coherence)!r} trial {trial}")


@dataclass(frozen=True)
class _Plan:
    """What is to be run, and how a trial is read."""

    model: Callable[..., Any]
    parameters: dict[str, Any]
    coherences: np.ndarray
    trials: int
    seed: int
    dt: float
    duration: float
    onset: float
    offset: float
    reading: dict[str, Any]

    def network(self, i: int) -> Any:
        return self.model(**self.parameters, coherence=float(self.coherences[i]))

    def run(self, i: int, j: int) -> Pieces:
        """Trial j at coherence i, not yet advanced."""
        model, seed = self.network(i), trial_seed(self.seed, self.coherences[i], j)
        record = None if isinstance(model, Network) else self.reading["pools"]
        return begin(model, duration=self.duration, dt=self.dt, seed=seed, record=record)

    def read(self, recording: Recording) -> tuple[Decision, np.ndarray]:
        """The decision, and the rate of each pool in each window, [windows, pools], in units of ``self.unit``."""
        decision = decisions.decision(recording, onset=self.onset, offset=self.offset, **self.reading)
        _, rates = self.course(recording)
        return decision, np.rint(rates / self.unit(recording)).astype(np.int64)

    def unit(self, recording: Recording) -> np.ndarray:
        """What sums of rates are counted in (Hz), so that their order is nothing: a spike; of a rate model, 1e-6 Hz."""
        cells = [recording.spikes[name].n if recording.spikes else 0 for name in self.reading["pools"]]
        return np.array([1e3 / (n * self.reading["window"]) if n else 1e-6 for n in cells])

    def course(self, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
        reading = {name: value for name, value in self.reading.items() if name != "threshold"}
        return decisions.pool_rates(recording, **reading)

    def silence(self) -> Recording:
        """A trial without a spike. Raises ValueError for what no trial could be run or read with."""
        for i in range(len(self.coherences)):
            self.network(i)
        run, pools = self.run(0, 0), self.reading["pools"]
        T = run.n_steps * run.dt
        if not isinstance(run, Run):
            rates = {name: np.zeros(run.n_steps) for name in pools}
            recording = Recording(run.dt, T, run.seed, Spikes({}), rates)
            self.read(recording)
            return recording
        sizes = {name: population.n for name, population in run.network.populations.items()}
        for pool in pools:
            if pool not in sizes:
                raise ValueError(unknown("psychometric: no pool", pool, sizes))
        none = np.empty(0), np.empty(0, np.int32)
        trains = {name: SpikeTrains(*none, n, 0.0, T) for name, n in sizes.items()}
        recording = Recording(run.dt, T, run.seed, Spikes(trains), {})
        self.read(recording)
        return recording


class _Found:
    """What the finished trials have given so far; sums are of whole numbers, so that their order is nothing."""

    def __init__(self, plan: _Plan):
        self.plan, empty = plan, plan.silence()
        t, rates = plan.course(empty)
        self.t, self.populations = t - plan.onset, tuple(empty.spikes) or plan.reading["pools"]
        self.unit = plan.unit(empty)
        C, N, P = len(plan.coherences), plan.trials, len(self.populations)
        self.done = np.zeros((C, N), bool)
        self.choice, self.late_choice = np.full((2, C, N), -1, np.int8)
        self.time = np.full((C, N), np.nan)
        self.ending, self.late = np.full((2, C, N, P), np.nan)
        self.spikes = np.zeros((C, *rates.shape), np.int64)

    @property
    def fraction(self) -> float:
        return float(self.done.mean())

    def keep(self, i: int, j: int, decision: Decision, counts: np.ndarray):
        index = {None: -1, **{name: k for k, name in enumerate(self.plan.reading["pools"])}}
        self.choice[i, j], self.time[i, j] = index[decision.choice], decision.time
        self.late_choice[i, j] = index[decision.late_choice]
        self.ending[i, j] = [decision.ending[name] for name in self.populations]
        self.late[i, j] = [decision.late[name] for name in self.populations]
        self.spikes[i] += counts
        self.done[i, j] = True

    def result(self) -> Psychometric:
        plan = self.plan
        ran = self.done.sum(axis=1)[:, None, None]
        seeds = [[trial_seed(plan.seed, c, j) for j in range(plan.trials)] for c in plan.coherences]
        settings = {k: v for k, v in plan.reading.items() if k != "pools"} | {
            "model": getattr(plan.model, "__name__", str(plan.model)),
            "parameters": {name: _plain(value) for name, value in plan.parameters.items()},
            "onset": plan.onset,
            "offset": plan.offset,
            "duration": plan.duration,
            "dt": plan.dt,
            "seed": plan.seed,
            "version": metadata.version("snnlab"),
        }
        return Psychometric(
            coherences=plan.coherences,
            done=self.done.copy(),
            seeds=np.array(seeds, np.uint32),
            choice=self.choice.copy(),
            time=self.time.copy(),
            late_choice=self.late_choice.copy(),
            ending=self.ending.copy(),
            late=self.late.copy(),
            t=self.t,
            course=np.where(ran > 0, self.spikes / np.maximum(ran, 1) * self.unit, np.nan),
            populations=self.populations,
            pools=plan.reading["pools"],
            settings=settings,
        )


class _Workers:
    """Threads that run the trials; iterate for the finished ones, in the order in which they finish.

    JAX lets go of Python's lock while it computes, so they share the processors; where NPROC=1 has left XLA one
    thread of its own they take turns, and lose nothing, because no step is split. Batches by vmap are slower: 19
    instead of 8 us a step and trial for the 2000 cells of Wang (2002), and far slower for event-driven networks.
    """

    def __init__(self, plan: _Plan, n: int, patience: float | None = None):
        self.plan, self.patience = plan, patience
        self.jobs = ((i, j) for j in range(plan.trials) for i in range(len(plan.coherences)))
        self.lock, self.stopping, self.results = threading.Lock(), threading.Event(), queue.Queue()
        jobs = len(plan.coherences) * plan.trials
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(min(n, jobs))]

    def __iter__(self) -> Iterator[tuple[int, int, Decision, np.ndarray] | None]:
        """Finished trials; None where there was none for as long as patience lasts."""
        for thread in self.threads:
            thread.start()
        at_work = len(self.threads)
        while at_work:
            try:
                found = self.results.get(timeout=self.patience)
            except queue.Empty:
                yield None
                continue
            if isinstance(found, BaseException):
                raise found
            if found is None:
                at_work -= 1
            else:
                yield found

    def work(self):
        i = j = -1
        try:
            while not self.stopping.is_set():
                with self.lock:
                    i, j = next(self.jobs, (-1, -1))
                if j < 0:
                    break
                run = self.plan.run(i, j)
                for _ in run:
                    if self.stopping.is_set():
                        return
                self.results.put((i, j, *self.plan.read(run.recording())))
        except BaseException as error:
            error.add_note(f"This was trial {j} at coherence {self.plan.coherences[i]:g}.")
            self.results.put(error)
        finally:
            self.results.put(None)

    def stop(self):
        """End the trials that are under way, within a chunk."""
        self.stopping.set()
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()


def _check_coherences(coherences: Any) -> np.ndarray:
    values = np.atleast_1d(np.asarray(coherences))
    if values.dtype.kind not in "iuf" or values.ndim != 1 or not values.size:
        raise ValueError(f"psychometric: coherences = {coherences!r} must be a list of numbers from -1 to 1.")
    values = values.astype(float)
    wrong = values[~((values >= -1) & (values <= 1))]
    if wrong.size:
        raise ValueError(
            f"psychometric: coherence {wrong[0]:g} must be from -1 to 1; it is a fraction, not per cent."
        )
    for value in values:
        if np.count_nonzero(values == value) > 1:
            raise ValueError(f"psychometric: coherence {value:g} is given twice.")
    return values + 0.0  # -0 is 0


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"psychometric: {name} = {value!r} must be a whole number, at least 1.")
    return int(value)


def _protocol(label: str, given: float | None, parameter: str, model: str, known: dict[str, Any]) -> float:
    if given is None and parameter not in known:
        raise ValueError(
            f"psychometric: {model} has no parameter {parameter}, so the {label} must be given in ms."
        )
    return float(known[parameter] if given is None else given)


def _plain(value: Any) -> Any:
    """A parameter as JSON knows it."""
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return np.asarray(value).tolist() if np.asarray(value).dtype.kind in "iuf" else str(value)
