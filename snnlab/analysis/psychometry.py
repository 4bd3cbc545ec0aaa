"""Psychometric and chronometric functions: what many trials at several coherences say."""

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from snnlab.analysis import decisions
from snnlab.analysis.decisions import Weibull
from snnlab.core.parameters import unknown
from snnlab.core.recording import whole_file

FORMAT = "snnlab psychometric 1"
BY = (
    "threshold",
    "late",
)  # what makes a choice: the first pool over the threshold; the higher rate at the end


@dataclass(frozen=True, eq=False)
class Psychometric:
    """Trials at several coherences, and what they say. ``done`` tells the trials that were run (all, unless stopped).

    Shapes: C coherences, N trials at each, P populations, W times.
    """

    coherences: np.ndarray  # [C]
    done: np.ndarray  # [C, N] bool
    seeds: np.ndarray  # [C, N] what ``simulate`` was given
    choice: np.ndarray  # [C, N] index in ``pools`` of the first pool over the threshold; -1: none
    time: np.ndarray  # [C, N] ms from the onset to that crossing; nan
    late_choice: (
        np.ndarray
    )  # [C, N] index of the pool with the higher rate at the end of the trial; -1: equal
    ending: np.ndarray  # [C, N, P] Hz: rates over the last 200 ms of the stimulus
    late: np.ndarray  # [C, N, P] Hz: over the last 300 ms of the trial
    t: np.ndarray  # [W] ms from the onset
    course: np.ndarray  # [C, W, pools] Hz: each pool's rate over the window before t, mean of the trials
    populations: tuple[str, ...]
    pools: tuple[str, ...]
    settings: dict[str, Any]  # model, parameters, protocol, dt, seed, version

    @property
    def complete(self) -> bool:
        """Whether every trial was run."""
        return bool(self.done.all())

    @property
    def trials(self) -> np.ndarray:
        """The number of trials that were run at each coherence, [C]."""
        return self.done.sum(axis=1)

    @property
    def correct_pool(self) -> np.ndarray:
        """Index of the pool that the stimulus favours, [C]; at 0 the first by convention."""
        return np.where(self.coherences >= 0, 0, 1)

    def counts(self, by: str = "threshold") -> tuple[np.ndarray, np.ndarray]:
        """Correct trials, and those that count, [C] each: all that decided, or by "late" rate all that were run."""
        if by not in BY:
            raise ValueError(unknown("psychometric: a choice is read by one of two ways, not", by, BY))
        chosen = self.choice if by == "threshold" else self.late_choice
        counted = self.done & ((chosen >= 0) if by == "threshold" else True)
        right = counted & (chosen == self.correct_pool[:, None])
        return right.sum(axis=1), counted.sum(axis=1)

    def accuracy(self, by: str = "threshold") -> np.ndarray:
        """Share of correct trials at each coherence, [C]; nan where none counts."""
        return _share(*self.counts(by))

    def interval(self, by: str = "threshold", *, level: float = 0.95) -> np.ndarray:
        """Wilson's interval of each accuracy, [C, 2]."""
        pairs = zip(*self.counts(by), strict=True)
        return np.array([decisions.binomial_interval(int(k), int(n), level=level) for k, n in pairs])

    @property
    def decided(self) -> np.ndarray:
        """Share of the trials in which a pool reached the threshold, [C]."""
        return _share((self.done & (self.choice >= 0)).sum(axis=1), self.trials)

    @property
    def decision_time(self) -> np.ndarray:
        """Mean time from the onset to the decision, ms, over the trials that decided, [C]; nan without one."""
        return _mean(self.time, self.done & (self.choice >= 0))

    @property
    def decision_time_error(self) -> np.ndarray:
        """Standard error of ``decision_time``, [C]; nan with fewer than two decisions."""
        chosen = self.done & (self.choice >= 0)
        n, mean = chosen.sum(axis=1), self.decision_time
        squares = np.where(chosen, (self.time - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return np.sqrt(_share(squares, n * (n - 1)))

    def fit(self, by: str = "threshold", *, level: float = 0.95) -> Weibull:
        """The Weibull function of these trials, by maximum likelihood; see ``weibull_fit``."""
        return decisions.weibull_fit(self.coherences, *self.counts(by), level=level)

    def quantities(self, coherence: float) -> dict[str, float]:
        """The numbers of one coherence by the names that are published.

        ``acc_thr``, ``acc_late``, ``decided``, ``dt_mean`` (ms); mean rates in Hz of the higher and the lower pool over
        the last 200 ms of the stimulus (``win_es``, ``lose_es``) and the last 300 ms of the trial (``win_late``,
        ``lose_late``), and over the former of every other population (``N_es``, ``I_es``).
        """
        found = np.flatnonzero(np.isclose(self.coherences, coherence))
        if not len(found):
            listed = [f"{c:g}" for c in self.coherences]
            raise ValueError(unknown("psychometric: no trials at coherence", f"{coherence:g}", listed))
        i, ran = found[0], self.done[found[0]]
        each = {name: self.populations.index(name) for name in self.populations}
        values = {
            "acc_thr": self.accuracy()[i],
            "acc_late": self.accuracy("late")[i],
            "decided": self.decided[i],
            "dt_mean": self.decision_time[i],
        }
        for suffix, rates in (("es", self.ending[i, ran]), ("late", self.late[i, ran])):
            ranked = np.sort(rates[:, [each[name] for name in self.pools]], axis=1)
            values |= {f"win_{suffix}": ranked[:, -1].mean(), f"lose_{suffix}": ranked[:, 0].mean()}
        others = (name for name in self.populations if name not in self.pools)
        values |= {f"{name}_es": self.ending[i, ran, each[name]].mean() for name in others}
        return {name: float(value) for name, value in values.items()}

    @property
    def table(self) -> np.ndarray:
        """The trials that were run, one a row: a structured array [trials] with a column a name."""
        row, column = np.nonzero(self.done)
        names = np.array([*self.pools, ""])  # -1 is the last
        columns = {
            "coherence": self.coherences[row],
            "trial": column,
            "seed": self.seeds[row, column],
            "choice": names[self.choice[row, column]],
            "time": self.time[row, column],
            "late_choice": names[self.late_choice[row, column]],
        }
        for p, name in enumerate(self.populations):
            columns[f"{name}_es"] = self.ending[row, column, p]
            columns[f"{name}_late"] = self.late[row, column, p]
        made = np.empty(len(row), [(name, values.dtype) for name, values in columns.items()])
        for name, values in columns.items():
            made[name] = values
        return made

    def __repr__(self) -> str:
        model, ran = self.settings.get("model", "?"), int(self.done.sum())
        state = "" if self.complete else f" of {self.done.size} (stopped early)"
        return f"<Psychometric of {model}: {len(self.coherences)} coherences, {ran} trials{state}>"

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything to one ``.npz`` file, whole or not at all."""
        path = Path(path)
        with whole_file(path) as file:
            self.write(file)
        return path

    def write(self, file: BinaryIO) -> None:
        """Write everything to an open binary file, as ``save`` does."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        header = {name: arrays.pop(name) for name in ("populations", "pools", "settings")}
        encoded = json.dumps({"format": FORMAT, **header}).encode()
        np.savez_compressed(file, allow_pickle=False, header=np.frombuffer(encoded, np.uint8), **arrays)

    def csv(self) -> str:
        """The ``table`` of trials as text: a line of names, then a trial a line."""
        table = self.table
        rows = (",".join(map(_written, row)) for row in table.tolist())
        return "\n".join([",".join(table.dtype.names or ()), *rows]) + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Psychometric":
        """Read a file written by ``save``. Raises ValueError when it is not one."""
        try:
            with np.load(path, allow_pickle=False) as file:
                header: dict[str, Any] = json.loads(file["header"].tobytes())
                if header.pop("format") != FORMAT:
                    raise ValueError("another format")
                header |= {name: tuple(header[name]) for name in ("populations", "pools")}
                arrays = {f.name: file[f.name] for f in fields(cls) if f.name not in header}
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(f"{path} is not a snnlab psychometric function: {error}.") from None
        return cls(**arrays, **header)


def _written(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)


def _mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return _share(np.where(chosen, values, 0.0).sum(axis=1), chosen.sum(axis=1))
