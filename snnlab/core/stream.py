"""A run without an end, whose parameters may change while it goes on."""

from typing import Any

from snnlab.core.recording import Recording
from snnlab.core.simulate import begin

__all__ = ["Stream"]


class Stream:
    """A model that runs on: ``advance(ms)`` as often as one likes, ``recording()`` of the last ``window`` ms.

    As long as nothing changes, it takes the very steps of ``simulate``, bit for bit. ``change`` goes on with other
    parameters from the present state; where that state would not be one of the other model (it has more cells, other
    synapses or another wiring, or time steps of another length) it starts anew and says so. A parameter acts on what
    there is: a conductance that is there already grows with its weight, a delay is that of spikes on their way, too.
    What memory it takes depends on the window alone. ``record`` and ``seed`` are those of ``simulate``.

    Raises ValueError before anything is compiled; SimulationError when the state blows up.
    """

    def __init__(self, model: Any, *, window: float = 500.0, **options: Any):
        self._model, self._options = model, {**options, "window": window}
        self._run = begin(model, **self._options)

    @property
    def t(self) -> float:
        """The model time, ms, since the start."""
        return self._run.taken * self._run.dt

    @property
    def dt(self) -> float:
        """The time step, ms."""
        return self._run.dt

    def advance(self, ms: float) -> None:
        """Simulate about ``ms`` more: in whole steps, at least one."""
        steps = max(1, round(ms / self._run.dt))
        if self._run.taken + steps > self._run.n_steps:
            self._run = begin(self._model, **self._options)  # steps are counted in 32 bits
        while steps > 0:
            before = self._run.taken
            self._run.advance(steps)
            steps -= self._run.taken - before

    def recording(self) -> Recording:
        """The last ``window`` ms, with the times of the run."""
        return self._run.recording()

    def change(self, model: Any, **options: Any) -> bool:
        """Go on with another ``model`` and other ``options``; False where that means to start anew.

        Raises ValueError, and changes nothing, for a model or an option that cannot be run.
        """
        options = {**self._options, **options}
        changed = {name for name, value in options.items() if self._options.get(name) != value}
        if changed <= {"window"} and self._run.adopt(model):
            if changed:
                self._run.look_back(options["window"])
            kept = True
        else:
            self._run, kept = begin(model, **options), False
        self._model, self._options = model, options
        return kept
