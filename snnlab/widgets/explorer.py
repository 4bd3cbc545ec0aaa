"""An explorer: a model and settings to change, run, save and write as code; widgets are views of it."""

import random
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from snnlab.core.parameters import unknown
from snnlab.core.recording import Recording
from snnlab.widgets.attempt import Attempt, Shown, summarise
from snnlab.widgets.playing import Player
from snnlab.widgets.portable import Portable
from snnlab.widgets.runner import LatestWins, loop_runs
from snnlab.widgets.settings import Settings
from snnlab.widgets.subject import Subject, subject

if TYPE_CHECKING:
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


class Explorer(Portable):
    """A model and the settings it is run with.

    ``set``, ``preset``, ``reset`` and ``run`` act at once and raise in the caller. In a notebook the explorer
    shows itself with controls; what those do goes on in the background, and ``await explorer.flush()`` waits
    for it and raises its error. ``recording`` is always that of the last run that worked.

    ``play`` is live mode: the model runs on and settings act while it does; ``step`` and ``pause`` it, and ``run``
    leaves it.
    """

    def __init__(self, model: Any, **values: Any):
        self.subject: Subject = subject(model)
        self.name = self.subject.name
        self.presets = {name: dict(changes) for name, changes in self.subject.look.presets.items()}
        opening = Settings(self.name, self.subject.parameters, self.subject.look.start)
        self._opening = dict(opening)  # what an explorer of this model starts with: links say what differs
        self.settings = Settings(self.name, self.subject.parameters, {**self._opening, **values})
        self.shown: Shown | None = None
        self.pinned: Shown | None = None
        self.summary = ""
        self.state = "loading"  # then ready, running, error
        self.progress = 0.0
        self.problem = ""  # what went wrong last, for the reader
        self._compiled: set[tuple[int, ...]] = set()
        self._seconds: float | None = None  # computing time of one ms of model time
        self._words = ""
        self._panel: Panel | None = None
        self._runner = LatestWins(self._begin, self.failed, self.drawn)
        self._player = Player(self)

    def __repr__(self) -> str:
        changed = "".join(f", {name}={value!r}" for name, value in self.settings.changed().items())
        return f"<Explorer of {self.name}{changed}>"

    # ---- values -----------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """The seed of the next run."""
        return int(self.settings["seed"])

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

    # ---- running ----------------------------------------------------------------------------------------

    def run(self) -> Recording:
        """Run with the present settings and return the recording. Raises what the model raises."""
        self._player.leave()
        self._runner.run()
        return self.needed()

    def request(self) -> None:
        """Run in the background, the newest request winning; at once where no event loop runs."""
        self._player.leave()
        self._runner.request()

    def stop(self) -> None:
        """End the run under way after its chunk; what was simulated by then is the recording. Live mode pauses."""
        self._player.pause()
        self._runner.stop()
        if self._runner.busy:
            self._words = "stopping ..."
            self._tell()

    async def flush(self) -> None:
        """Wait for what goes on in the background. Raises the error of the last run or wrong entry."""
        await self._player.caught_up()
        await self._runner.flush()

    # ---- live mode --------------------------------------------------------------------------------------

    def play(self, speed: float | None = None) -> None:
        """Let the model run on in the background, at ``speed`` times real time or more slowly; settings act at once.

        Raises ValueError where no event loop runs, and for a speed that is none.
        """
        self._must_play()
        if speed is not None and not 0.0 < speed < float("inf"):
            raise ValueError(f"{self.name}: speed = {speed} must be a number above 0.")
        self._player.pace = speed if speed is not None else self._player.pace
        self._words = self._words if self._player.active else "starting (what is new is compiled once) ..."
        self._player.play()
        self._runner.drop()
        self._tell()

    def pause(self) -> None:
        """Let live mode stand still; ``play`` and ``step`` go on."""
        self._player.pause()
        self._tell()

    def step(self) -> Recording:
        """Go on a little in live mode, and return what is shown. Raises what the model raises."""
        self._must_play()
        self._runner.drop()
        self._player.step()
        return self.needed()

    def _must_play(self) -> None:
        if not self.subject.plays:
            raise ValueError(f"{self.name} has no live mode; run() its trials.")

    @property
    def playing(self) -> bool:
        """Whether the model runs on."""
        return self._player.playing

    def show_live(self, shown: Shown, words: str | None) -> None:
        """A frame of live mode, and once in a while words about it."""
        self.shown, self.problem, self.progress = shown, "", 0.0
        self.state = "running" if self.playing else "ready"
        self._words = self._words if words is None else words
        if self._panel is not None:
            self._panel.show(shown)

    @property
    def left_alone(self) -> bool:
        """Whether there was a page and it has gone away."""
        return self._panel is not None and self._panel.view.left

    # ---- the ways of the page ---------------------------------------------------------------------------

    @property
    def runs(self) -> int:
        """How many runs were started."""
        return self._runner.count

    @property
    def live(self) -> bool:
        """Whether a run is short enough to be made on every move of a slider."""
        short = self._seconds is None or self._seconds * self.settings["duration"] <= LIVE
        return short and self.subject.plays

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
        if self._player.active:
            if not self.playing:
                self.problem, self.state = "", "ready"
            self._tell()
            return
        if self.live and (self._runner.busy or (self.shown is None or self.stale)):
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

    def publish(self, attempt: Attempt, finished: bool) -> None:
        began = perf_counter()
        recording = attempt.run.recording()
        attempt.seconds += perf_counter() - began
        part, done = attempt.part(recording)
        if not done:
            self.failed(KeyboardInterrupt())
            return
        shown = Shown(recording, attempt.values, attempt.portrait)
        self.progress = attempt.fraction
        self._words = f"running: {part}"
        self._seconds = attempt.seconds / done
        if finished:
            self._compiled.add(attempt.structure)
            self.shown = shown
            self.state = "error" if self.problem else "ready"
            self.summary = summarise(recording, attempt.portrait)
            ended = "interrupted" if self._runner.interrupted else "stopped"
            self._words = self.summary if attempt.fraction >= 1.0 else f"{ended} after {part}. {self.summary}"
        if self._panel is not None:
            self._panel.show(shown)

    def remember(self, error: BaseException) -> None:
        """Keep an error for ``flush``; an interrupt is none."""
        self._runner.error = error if isinstance(error, Exception) else None

    def failed(self, error: BaseException) -> None:
        """Say what went wrong, and with which values."""
        if isinstance(error, KeyboardInterrupt):
            self.state, self._words = "loading" if self.shown is None else "ready", "interrupted; press Run"
            self._tell()
            return
        changed = ", ".join(f"{name} = {value:g}" for name, value in self.settings.changed().items())
        self.problem = f"{error} Values: {changed or 'the defaults'}."
        self.state, self._words = "error", ""
        self._tell()

    async def drawn(self) -> None:
        if self._panel is not None:
            await self._panel.view.drawn()

    def status(self) -> dict[str, Any]:
        """What the page says: state, words, progress, and whether the picture is of other values."""
        note = ""
        if self.stale and self.state == "error":
            note = "the last run that worked, with other values"
        elif self.stale and self.state == "ready":
            note = f"not of these values: press {'Play' if self._player.active else 'Run'}"
        elif self.recording is None and self.state == "loading":
            note = self._words
        return {
            "state": self.state,
            "text": self._words,
            "note": note,
            "error": self.problem,
            "stale": self.stale and bool(note),
            "progress": self.progress,
            "mode": "live" if self._player.active else "run",
            "speed": self._player.speed,
        }

    def _pin_changed(self) -> None:
        if self._panel is not None:
            self._panel.pin_changed()

    def _tell(self) -> None:
        if self._panel is not None:
            self._panel.tell()

    def say(self, words: str) -> None:
        """Put words into the status line, until the next run."""
        self._words = words
        self._tell()

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
