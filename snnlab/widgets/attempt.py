"""One run of an explorer's model, and what is said about it."""

import dataclasses
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from snnlab.analysis import Psychometric
from snnlab.widgets.settings import Number

if TYPE_CHECKING:
    from snnlab.widgets.explorer import Explorer


@dataclasses.dataclass(frozen=True)
class Shown:
    """A recording that is shown, the values it was made with, and its picture where it has one."""

    recording: Any  # a Recording, or the Psychometric of an experiment
    values: dict[str, Number]
    portrait: Any  # a Portrait, a RingPortrait or a Curve


class Attempt:
    """One run of an explorer's model, timed."""

    def __init__(self, explorer: "Explorer", values: dict[str, Number]):
        self.explorer, self.values, self.structure = explorer, values, explorer.settings.structure()
        self.fraction = self.seconds = 0.0

    def start(self) -> None:
        model = self.explorer.subject.model(self.values)
        self.run = self.explorer.subject.start(model, self.values)
        self.portrait = self.explorer.subject.portrait(model)

    def __iter__(self) -> Iterator[float]:
        chunks = iter(self.run)
        self.fraction = next(chunks, 1.0)  # not timed: it may compile
        yield self.fraction
        while self.fraction < 1.0:
            began = perf_counter()
            self.fraction = next(chunks, 1.0)
            self.seconds += perf_counter() - began
            yield self.fraction

    def part(self, recording: Any) -> tuple[str, float]:
        """How much of the run there is, in words, and its model time (ms); trials have none."""
        if isinstance(recording, Psychometric):
            n = int(recording.done.sum())
            return f"{n} of {recording.done.size} trials", float(n)
        return f"{recording.duration:g} of {self.values['duration']:g} ms", recording.duration

    def show(self, finished: bool) -> None:
        self.explorer.publish(self, finished)


def summarise(recording: Any, portrait: Any = None) -> str:
    """The status line: rates, irregularity, synchrony and the verdict; of a plane or a ring what it shows."""
    from snnlab import analysis

    if portrait is not None:
        return portrait.sentence(recording)
    if recording.spikes:
        return str(analysis.summary(recording))
    ends = ((name, np.asarray(values)[-1]) for name, values in recording.samples.items())
    return "at the end " + ", ".join(f"{name} {np.min(end):.3g} to {np.max(end):.3g}" for name, end in ends)
