"""An explorer: a model and settings to change, run, save and write as code; widgets are views of it."""

import dataclasses
import os
import pathlib
import random
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from snnlab.core.parameters import shown, unknown
from snnlab.core.recording import Recording, named_file, whole_file
from snnlab.widgets import exports, links
from snnlab.widgets.attempt import Attempt, summarise
from snnlab.widgets.phase_planes import Portrait
from snnlab.widgets.rings import RingPortrait
from snnlab.widgets.runner import LatestWins, loop_runs
from snnlab.widgets.settings import Number, Settings
from snnlab.widgets.subject import Subject, subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snnlab.widgets.panel import Panel

LIVE = 0.25  # s; where a run takes longer, a slider waits for the Run button


def explore(model: Any, **values: Any) -> "Explorer":
    """An explorer of a documented model, by name, of a ``@model`` function, or of a neuron or rate model that is a
    ``@component`` (the class, or one with other values); ``values`` are its first settings.

    A neuron is one cell under a constant current. Attributes ``visible`` (names of parameters) and ``presets``
    (settings by name) of a model of your own say what is shown first. Raises ValueError for an unknown name, with the
    nearest one, for what is no model, and for a wrong value.
    """
    return Explorer(model, **values)


@dataclasses.dataclass(frozen=True)
class Pinned:
    """A run that stays in the picture behind the present one."""

    recording: Recording
    values: dict[str, Number]
    portrait: Portrait | RingPortrait | None


class Explorer:
    """A model and the settings it is run with.

    ``set``, ``preset``, ``reset`` and ``run`` act at once and raise in the caller. In a notebook the explorer
    shows itself with controls; what those do goes on in the background, and ``await explorer.flush()`` waits
    for it and raises its error. ``recording`` is always that of the last run that worked.
    """

    def __init__(self, model: Any, **values: Any):
        self.subject: Subject = subject(model)
        self.name = self.subject.name
        self.presets = {name: dict(changes) for name, changes in self.subject.look.presets.items()}
        opening = Settings(self.name, self.subject.parameters, self.subject.look.start)
        self._opening = dict(opening)  # what an explorer of this model starts with: links say what differs
        self.settings = Settings(self.name, self.subject.parameters, {**self._opening, **values})
        self.recording: Recording | None = None
        self.summary = ""
        self.state = "loading"  # then ready, running, error
        self.progress = 0.0
        self.problem = ""  # what went wrong last, for the reader
        self._recorded: dict[str, Number] | None = None  # the values of the recording
        self.portrait: Portrait | RingPortrait | None = None  # of the recording: a plane, a ring
        self.pinned: Pinned | None = None
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
    def recorded_values(self) -> dict[str, Number]:
        """The values that the recording was made with; before the first run the present ones."""
        return self.values if self._recorded is None else dict(self._recorded)

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

    def restore(self, settings: Mapping[str, Any]) -> None:
        """Take on the settings that ``to_dict`` described; what they leave out is as in a new explorer.

        Raises ValueError, and changes nothing, for another model, an unknown name, a wrong type or a value that is
        not allowed.
        """
        name, given = _model_of(settings)
        if name != self.name:
            raise ValueError(f"These settings are of {shown(name)}; this is an explorer of {self.name}.")
        self.set(**{**self._opening, **self.settings.checked(given)})

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], model: Any = None) -> "Explorer":
        """The explorer that ``to_dict`` described. A model of your own is given as ``model``.

        Raises ValueError for an unknown name, a wrong type or a value that is not allowed.
        """
        name, _ = _model_of(settings)
        explorer = cls(model if model is not None and subject(model).name == name else name)
        explorer.restore(settings)
        return explorer

    @classmethod
    def load(cls, path: str | os.PathLike, model: Any = None) -> "Explorer":
        """The explorer whose settings ``save("....json")`` wrote. Raises ValueError for a file that holds none."""
        return cls.from_dict(links.read_file(named_file("Explorer.load", path)), model)

    def link(self) -> str:
        """The settings as the end of an address, ``#snnlab=coba_ei&g_inh=5.0``: what differs from a new explorer."""
        changed = {name: value for name, value in self.values.items() if value != self._opening[name]}
        return links.written(self.name, changed)

    @classmethod
    def from_link(cls, text: str, model: Any = None) -> "Explorer":
        """The explorer that a link describes. Raises ValueError for text that is no link to one."""
        return cls.from_dict(links.read(text), model)

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

    def tried(self, act: Callable[..., None], **values: Any) -> bool:
        """Do what somebody asked for on the page: what is wrong is said in place and kept for ``flush``."""
        try:
            act(**values)
        except (ValueError, OSError) as error:
            self._runner.error = error
            self.problem, self.state = str(error), "error"
            self.panel.values_changed()
            self._tell()
            return False
        return True

    def gesture(self, act: Callable[..., None], **values: Any) -> None:
        """Change values as somebody asked for on the page, and let the picture follow."""
        if self.tried(act, **values) and not loop_runs():
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

    def _begin(self) -> Attempt:
        attempt = Attempt(self, self.values)
        new = attempt.structure not in self._compiled
        self.state = "loading" if self.recording is None else "running"
        self.progress, self.problem = 0.0, ""
        self._words = "compiling (once) ..." if new else self._words
        self._tell()
        attempt.start()
        return attempt

    def _publish(self, attempt: Attempt, finished: bool) -> None:
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

    # ---- comparing --------------------------------------------------------------------------------------

    def pin(self) -> None:
        """Keep the present run in the picture, behind the runs to come. Raises ValueError when there is none."""
        self.pinned = Pinned(self.needed(), self.recorded_values, self.portrait)
        self._pin_changed()

    def unpin(self) -> None:
        """Take the pinned run out of the picture."""
        self.pinned = None
        self._pin_changed()

    def _pin_changed(self) -> None:
        if self._panel is not None:
            self._panel.pin_changed()

    def pinned_label(self) -> str:
        """Whose the pinned run is: the values in which it differs from the run that is shown."""
        if self.pinned is None:
            return ""
        now, parameters = self.recorded_values, self.settings.parameters
        different = [
            f"{name} {value:g} {parameters[name].unit}".rstrip()
            for name, value in self.pinned.values.items()
            if value != now[name]
        ]
        words = ", ".join(different[:3]) + (f" and {len(different) - 3} more" if len(different) > 3 else "")
        return f"pinned: {words or 'the same values'}"

    def _tell(self) -> None:
        if self._panel is not None:
            self._panel.tell()

    # ---- what can be taken away -------------------------------------------------------------------------

    def code(self) -> str:
        """Python source that builds the same model and runs it; the result is ``recording``."""
        return self.subject.code(self.values)

    def figure(self) -> "Figure":
        """A matplotlib figure of the recording. Raises ValueError when there is none yet."""
        from snnlab import plots

        recording = self.needed()
        if self.portrait is not None:
            return self.portrait.figure(recording)
        return plots.figure(recording)

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write a file, whole or not at all: by its ending the recording (.npz, .csv), its figure (.png, .svg, .pdf)
        or the settings (.json). Raises ValueError for another ending and when there is nothing yet to save.
        """
        path = named_file(f"{self.name}: save", path)
        data = exports.exported(self, path.suffix.lower())
        with whole_file(path) as file:
            file.write(data)
        return path

    def say(self, words: str) -> None:
        """Put words into the status line, until the next run."""
        self._words = words
        self._tell()

    def needed(self) -> Recording:
        """The recording. Raises ValueError when there is none yet."""
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


def _model_of(settings: Any) -> tuple[str, dict[str, Any]]:
    """The name of the model that settings are of, and the settings without it."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"Settings must be a dict, not {type(settings).__name__}.")
    given = dict(settings)
    name = given.pop("model", None)
    if not isinstance(name, str):
        raise ValueError('Settings must name their model, such as "model": "coba_ei".')
    return name, given
