"""An explorer: a model and settings to change, run, save and write as code; widgets are views of it."""

import json
import pathlib
import random
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from snnlab.core.parameters import unknown
from snnlab.core.recording import Recording, named_file, whole_file
from snnlab.widgets.phase_planes import Portrait, portrait
from snnlab.widgets.rings import RingPortrait, ring_portrait
from snnlab.widgets.runner import LatestWins, loop_runs
from snnlab.widgets.settings import RUN_PARAMETERS, Number, Settings
from snnlab.widgets.subject import Subject, subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snnlab.widgets.panel import Panel

LIVE = 0.25  # s; where a run takes longer, a slider waits for the Run button


def explore(model: str | Callable[..., Any], **values: Any) -> "Explorer":
    """An explorer of a documented model, by name, or of a model function; ``values`` are its first settings.

    Raises ValueError for an unknown name, with the nearest one, and for a wrong value.
    """
    return Explorer(model, **values)


class Explorer:
    """A model and the settings it is run with.

    ``set``, ``preset``, ``reset`` and ``run`` act at once and raise in the caller. In a notebook the explorer
    shows itself with controls; what those do goes on in the background, and ``await explorer.flush()`` waits
    for it and raises its error. ``recording`` is always that of the last run that worked.
    """

    def __init__(self, model: str | Callable[..., Any], **values: Any):
        self.subject: Subject = subject(model)
        self.name = self.subject.name
        self.presets = {name: dict(changes) for name, changes in self.subject.look.presets.items()}
        first = {**self.subject.look.start, **values}
        self.settings = Settings(self.name, self.subject.parameters, first)
        self.recording: Recording | None = None
        self.summary = ""
        self.state = "loading"  # then ready, running, error
        self.progress = 0.0
        self.problem = ""  # what went wrong last, for the reader
        self._recorded: dict[str, Number] | None = None  # the values of the recording
        self.portrait: Portrait | RingPortrait | None = None  # of the recording: a plane, a ring
        self._compiled: set[tuple[int, ...]] = set()
        self._seconds: float | None = None  # computing time of one ms of model time
        self._words = ""
        self._panel: Panel | None = None
        self._runner = LatestWins(self._begin, self._failed, self._drawn)

    def __repr__(self) -> str:
        changed = "".join(f", {name}={value!r}" for name, value in self.settings.changed().items())
        return f"<Explorer of {self.name}{changed}>"

    # ---- values -----------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Number]:
        """The value of every parameter, of duration (ms), dt (ms) and seed."""
        return dict(self.settings)

    @property
    def seed(self) -> int:
        """The seed of the next run."""
        return int(self.settings["seed"])

    @property
    def stale(self) -> bool:
        """Whether the recording was made with other values than the present ones."""
        return self.recording is not None and self._recorded != self.values

    def set(self, **values: Any) -> None:
        """Change settings. Raises ValueError, and changes nothing, when a name or a value is wrong."""
        self.settings.update(values)
        if self._panel is not None:
            self._panel.values_changed()
            if loop_runs():
                self._follow()

    def reset(self) -> None:
        """Back to the first settings."""
        self.set(**self.settings.start)

    def preset(self, name: str) -> None:
        """The model's defaults with the changes of a preset; duration, dt and seed stay."""
        if not isinstance(name, str) or name not in self.presets:
            raise ValueError(unknown(f"{self.name} has no preset", name, self.presets))
        self.set(**{**self.settings.defaults(), **self.presets[name]})

    def present_preset(self) -> str | None:
        """The preset whose values these are."""
        model = {name: self.settings[name] for name in self.settings.defaults()}
        for name, changes in self.presets.items():
            if model == {**self.settings.defaults(), **changes}:
                return name
        return None

    def new_seed(self) -> None:
        """Another seed."""
        self.set(seed=random.SystemRandom().randrange(1, 100_000))

    def to_dict(self) -> dict[str, Any]:
        """The model's name and every setting, as JSON can carry them."""
        return {"model": self.name, **self.values}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], model: Callable[..., Any] | None = None) -> "Explorer":
        """The explorer that ``to_dict`` described. A model of your own is given as ``model``.

        Raises ValueError for an unknown name, a wrong type or a value that is not allowed.
        """
        if not isinstance(settings, Mapping):
            raise ValueError(f"Settings must be a dict, not {type(settings).__name__}.")
        settings = dict(settings)
        name = settings.pop("model", None)
        if not isinstance(name, str):
            raise ValueError('Settings must name their model, such as "model": "coba_ei".')
        explorer = cls(model if model is not None and model.__name__ == name else name)
        explorer.set(**explorer.settings.checked(settings))
        return explorer

    # ---- running ----------------------------------------------------------------------------------------

    def run(self) -> Recording:
        """Run with the present settings and return the recording. Raises what the model raises."""
        self._runner.run()
        return self.recording

    def request(self) -> None:
        """Run in the background, the newest request winning; at once where no event loop runs."""
        self._runner.request()

    def stop(self) -> None:
        """End the run under way after its chunk; what was simulated by then is the recording."""
        self._runner.stop()
        if self._runner.busy:
            self._words = "stopping ..."
            self._tell()

    async def flush(self) -> None:
        """Wait for what goes on in the background. Raises the error of the last run or wrong entry."""
        await self._runner.flush()

    @property
    def runs(self) -> int:
        """How many runs were started."""
        return self._runner.count

    @property
    def live(self) -> bool:
        """Whether a run is short enough to be made on every move of a slider."""
        return self._seconds is None or self._seconds * self.settings["duration"] <= LIVE

    def gesture(self, act: Callable[..., None], **values: Any) -> None:
        """Do what somebody asked for on the page: a wrong value is said in place and kept for ``flush``."""
        try:
            act(**values)
        except ValueError as error:
            self._runner.error = error
            self.problem, self.state = str(error), "error"
            self.panel.values_changed()
            self._tell()
        else:
            if not loop_runs():
                self._follow()

    def _follow(self) -> None:
        """Let the picture follow the values: run where a run is short, else ask for the Run button."""
        if self.live and (self._runner.busy or self._recorded != self.values):
            self.request()
            return
        if not self._runner.busy:
            self.problem, self.state = "", "loading" if self.recording is None else "ready"
            self._words = "" if self.stale else self.summary
        self._tell()

    def _begin(self) -> "_Attempt":
        attempt = _Attempt(self, self.values)
        new = attempt.structure not in self._compiled
        self.state = "loading" if self.recording is None else "running"
        self.progress, self.problem = 0.0, ""
        self._words = "compiling (once) ..." if new else self._words
        self._tell()
        attempt.start()
        return attempt

    def _publish(self, attempt: "_Attempt", finished: bool) -> None:
        began = perf_counter()
        recording = attempt.run.recording()
        attempt.seconds += perf_counter() - began
        self.progress = attempt.fraction
        part = f"{recording.duration:g} of {attempt.values['duration']:g} ms"
        self._words = f"running: {part}"
        self._seconds = attempt.seconds / recording.duration
        if finished:
            self._compiled.add(attempt.structure)
            self.recording, self._recorded, self.portrait = recording, attempt.values, attempt.portrait
            self.state = "error" if self.problem else "ready"
            self.summary = summarise(recording, attempt.portrait)
            self._words = self.summary if attempt.fraction >= 1.0 else f"stopped after {part}. {self.summary}"
        if self._panel is not None:
            self._panel.show(recording, attempt.values, attempt.portrait)

    def _failed(self, error: Exception) -> None:
        changed = ", ".join(f"{name} = {value:g}" for name, value in self.settings.changed().items())
        self.problem = f"{error} Values: {changed or 'the defaults'}."
        self.state, self._words = "error", ""
        self._tell()

    async def _drawn(self) -> None:
        if self._panel is not None:
            await self._panel.view.drawn()

    def status(self) -> dict[str, Any]:
        """What the page says: state, words, progress, and whether the picture is of other values."""
        note = ""
        if self.stale and self.state == "error":
            note = "the last run that worked, with other values"
        elif self.stale and self.state == "ready":
            note = "not of these values: press Run"
        elif self.recording is None and self.state == "loading":
            note = self._words
        return {
            "state": self.state,
            "text": self._words,
            "note": note,
            "error": self.problem,
            "stale": self.stale and bool(note),
            "progress": self.progress,
        }

    def _tell(self) -> None:
        if self._panel is not None:
            self._panel.tell()

    # ---- what can be taken away -------------------------------------------------------------------------

    def code(self) -> str:
        """Python source that builds the same model and runs it; the result is ``recording``."""
        run = {parameter.name: self.settings[parameter.name] for parameter in RUN_PARAMETERS}
        return self.subject.code(self.settings.changed(), run)

    def figure(self) -> "Figure":
        """A matplotlib figure of the recording. Raises ValueError when there is none yet."""
        from snnlab import plots

        recording = self._needed()
        if self.portrait is not None:
            return self.portrait.figure(recording)
        return plots.figure(recording)

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Write the recording (.npz), the figure (.png, .svg, .pdf) or the settings (.json), whole or not at all."""
        path = named_file(f"{self.name}: save", path)
        match path.suffix.lower():
            case ".npz":
                self._needed().save(path)
            case ".png" | ".svg" | ".pdf":
                figure = self.figure()
                with whole_file(path) as file:
                    figure.savefig(file, format=path.suffix.lower()[1:], dpi=150)
            case ".json":
                with whole_file(path) as file:
                    file.write(json.dumps(self.to_dict(), indent=1).encode() + b"\n")
            case other:
                raise ValueError(f'Cannot save as "{other}"; there is .npz, .png, .svg, .pdf and .json.')
        return path

    def _needed(self) -> Recording:
        if self.recording is None:
            raise ValueError(f"{self.name} has not been run yet; call run() first.")
        return self.recording

    # ---- on a page --------------------------------------------------------------------------------------

    @property
    def panel(self) -> "Panel":
        """The widgets, made when they are first asked for."""
        if self._panel is None:
            from snnlab.widgets.panel import Panel

            self._panel = Panel(self)
        return self._panel

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return self.panel.displayed()


class _Attempt:
    """One run of an explorer's model, timed."""

    def __init__(self, explorer: Explorer, values: dict[str, Number]):
        self.explorer, self.values, self.structure = explorer, values, explorer.settings.structure()
        self.fraction = self.seconds = 0.0

    def start(self) -> None:
        model = self.explorer.subject.model(self.values)
        self.run = self.explorer.subject.start(model, self.values)
        self.portrait = portrait(model) or ring_portrait(model)

    def __iter__(self) -> Iterator[float]:
        chunks = iter(self.run)
        self.fraction = next(chunks, 1.0)  # not timed: it may compile
        yield self.fraction
        while self.fraction < 1.0:
            began = perf_counter()
            self.fraction = next(chunks, 1.0)
            self.seconds += perf_counter() - began
            yield self.fraction

    def show(self, finished: bool) -> None:
        self.explorer._publish(self, finished)


def summarise(recording: Recording, portrait: Portrait | RingPortrait | None = None) -> str:
    """The status line: rates, irregularity, synchrony and the verdict; of a plane or a ring what it shows."""
    from snnlab import analysis

    if recording.spikes:
        return str(analysis.summary(recording))
    if portrait is not None:
        return portrait.sentence(recording)
    ends = ((name, np.asarray(values)[-1]) for name, values in recording.samples.items())
    return "at the end " + ", ".join(f"{name} {np.min(end):.3g} to {np.max(end):.3g}" for name, end in ends)
