"""Running a model from beginning to end."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from snnlab.core.network import Network
from snnlab.core.network_run import Run
from snnlab.core.parameters import shown
from snnlab.core.rate_run import RateRun
from snnlab.core.rates import RateModel
from snnlab.core.recording import Recording
from snnlab.core.run import SimulationError

__all__ = ["Interrupted", "Run", "SimulationError", "begin", "simulate"]


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
    population E, ``"E.exc"`` for the conductance of synapse exc on E, where a projection or an input feeds it there; a
    dict ``{"E.V": [0, 5]}`` picks cells. Of a model without populations the variables are recorded unless ``record``
    names others (``"s1"``, ``"r1"``).
    ``progress`` is True for a bar on stderr, or a function that is called with the finished fraction and may return
    False to stop. The same model, seed and dt give the same spikes whatever ``chunk`` (steps) and ``progress`` are.

    Raises ValueError for anything that cannot be run, before anything is compiled; SimulationError when the state
    blows up; Interrupted (a KeyboardInterrupt that keeps the recording) on Ctrl-C.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise ValueError(f"simulate: progress = {shown(progress)} must be True, False or a function.")
    run = begin(model, duration=duration, dt=dt, seed=seed, record=record, chunk=chunk)
    report = bar if progress is True else progress or (lambda fraction: None)
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


def bar(fraction: float):
    """A bar on stderr, drawn over the one before."""
    width = 40
    filled = round(width * fraction)
    print(
        f"\r[{'#' * filled}{'.' * (width - filled)}] {100 * fraction:3.0f} %",
        end="",
        file=sys.stderr,
        flush=True,
    )
