"""Live mode: the model runs on, its sliders act while it does, and the last stretch of it scrolls by."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from snnlab.core.run import SimulationError
from snnlab.core.stream import Stream
from snnlab.widgets.attempt import Shown, summarise
from snnlab.widgets.phase_planes import Portrait
from snnlab.widgets.rings import RingPortrait
from snnlab.widgets.runner import PAUSE, heard, interruptible, loop_runs
from snnlab.widgets.settings import Number

if TYPE_CHECKING:
    from snnlab.widgets.explorer import Explorer

FRAME = 1 / 30  # s from frame to frame, where nothing takes longer
SLOWEST = 1 / 28  # s: a frame that would take longer has less model time in it
CROSSING = 5.0  # s in which the picture scrolls by, where nobody chose a speed
STEPS = 50  # presses of Step that cross the picture
TALK = 0.5  # s between words about what one sees


class Player:
    """Plays an explorer's model, frame by frame, as fast as asked for or as can be shown.

    A frame waits for the page to have drawn the last one; what is computed for it is cut so that there are 25 frames
    a second. So nothing queues: where the machine or the page is slow, model time goes by more slowly. The stretch
    that is shown, and kept, is as long as the setting ``duration``.
    """

    def __init__(self, explorer: "Explorer"):
        self._explorer = explorer
        self._stream: Stream | None = None
        self._task: asyncio.Task | None = None
        self._values: dict[str, Number] = {}  # that the stream goes by
        self._portrait: Portrait | RingPortrait | None = None
        self._frame: Shown | None = None  # to be shown next, or shown last
        self._cost: float | None = None  # s of computing for one ms of model time
        self._rest = 0.0  # s of a frame that are not computing: making and showing it
        self._talked = -TALK
        self._news = ""
        self.playing = False
        self.pace: float | None = None  # model time over real time that is asked for
        self.speed = 0.0  # that there is

    @property
    def active(self) -> bool:
        """Whether the explorer is in live mode, playing or paused."""
        return self._stream is not None or self.playing

    @property
    def natural_pace(self) -> float:
        """The speed at which the picture scrolls by in a few seconds."""
        return float(f"{self._explorer.settings['duration'] / (1000.0 * CROSSING):.1g}")

    def play(self) -> None:
        """Run on from where it is. Raises ValueError where there is no event loop to do it in."""
        if not loop_runs():
            raise ValueError(f"{self._explorer.name}: play() needs a notebook; step() goes on without one.")
        self.playing = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def pause(self) -> None:
        """Stand still after the present frame."""
        self.playing, self.speed = False, 0.0

    def leave(self) -> None:
        """Forget it all: back to runs from t = 0."""
        self.pause()
        self._stream = None

    def step(self) -> None:
        """Go on by a fiftieth of the picture, and stand still."""
        self.pause()
        try:
            self._advance(self._explorer.settings["duration"] / STEPS)
            self._show()
        except Exception as error:
            self._fail(error)
            raise

    async def caught_up(self) -> None:
        """Wait until what is shown goes by the present values, or nothing plays any more."""
        explorer = self._explorer
        while self.playing and (explorer.shown is not self._frame or explorer.stale):
            await asyncio.sleep(PAUSE)
        if not self.playing and self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        with heard(self._interrupted):
            await self._frames()

    async def _frames(self) -> None:
        last = perf_counter() - FRAME
        while self.playing:
            began = perf_counter()
            elapsed, last = min(began - last, 2 * FRAME), began
            before, stream = self._time(), self._stream
            try:
                with interruptible(self._interrupted):
                    computing = self._advance(self._stride(elapsed))
            except (Exception, KeyboardInterrupt) as error:
                self._explorer.remember(error)
                self._fail(error)
                return
            await self._explorer.drawn()  # the frame before: the page draws while the next is computed
            if self._explorer.left_alone:
                self.pause()
            self._show()
            spent = perf_counter() - began
            self._rest += 0.2 * (spent - computing - self._rest)
            await asyncio.sleep(max(PAUSE, FRAME - spent))
            if self.playing and self._stream is stream:
                now = (self._time() - before) * 1e-3 / (perf_counter() - began)
                self.speed = now if self.speed == 0.0 else self.speed + 0.1 * (now - self.speed)
        if self._explorer.state == "running":  # else the last frame has said it already
            self._show()

    def _time(self) -> float:
        return 0.0 if self._stream is None else self._stream.t

    def _stride(self, elapsed: float) -> float:
        """How much model time (ms) the next frame can have: what is asked for, or what there is time for."""
        asked = 1000.0 * elapsed * (self.pace or self.natural_pace)
        if self._cost is None:
            return min(asked, 1.0)
        return min(asked, max(SLOWEST - self._rest, 0.2 * SLOWEST) / self._cost)

    def _advance(self, ms: float) -> float:
        """Simulate the next frame, and say how many seconds that took."""
        fresh = self._follow()
        began = perf_counter()
        before = self._stream.t
        self._stream.advance(ms)
        self._frame = Shown(self._stream.recording(), self._values, self._portrait)
        spent = perf_counter() - began
        self._cost = None if fresh else spent / (self._stream.t - before)  # the first may have compiled
        return spent

    def _follow(self) -> bool:
        """Give the stream the explorer's values; whether another program or a stream of its own is due."""
        explorer, values = self._explorer, self._explorer.values
        if self._stream is not None and values == self._values:
            return False
        subject = explorer.subject
        model = subject.model(values)
        portrait = subject.portrait(model)
        options = {"dt": values["dt"], "seed": values["seed"], "window": values["duration"]}
        starts = subject.starts(portrait.variables) if portrait else ()
        moved = any(self._values[name] != values[name] for name in starts) if self._values else False
        if self._stream is None or moved:
            self._stream = Stream(model, record=subject.look.record or None, **options)
            fresh = True
        else:
            fresh = not self._stream.change(model, **options)
            if fresh:
                self._news = "started anew, for the state would not fit these values. "
        self._values, self._portrait = values, portrait
        return fresh

    def _show(self) -> None:
        if self._stream is None or self._frame is None:
            return
        explorer, now = self._explorer, perf_counter()
        words = None
        if not self.playing or now - self._talked >= TALK:
            words = f"{self._news}{'' if self.playing else 'paused at '}t = {self._stream.t:.6g} ms"
            explorer.summary = summarise(self._frame.recording, self._frame.portrait)
            words, self._news, self._talked = f"{words}. {explorer.summary}", "", now
        explorer.show_live(self._frame, words)

    def _interrupted(self) -> None:
        self._news = "interrupted from the keyboard, "
        self.pause()

    def _fail(self, error: BaseException) -> None:
        """What cannot go on is said; the values may be put right, and Play pressed again."""
        if isinstance(error, KeyboardInterrupt):
            self._interrupted()
            self._show()
            return
        self.pause()
        if isinstance(
            error, SimulationError
        ):  # frames up to its discovery may have shown what was wrong already
            self._frame = Shown(error.recording, self._values, self._portrait)
            self._show()
        if not isinstance(error, ValueError):
            self._stream = None
        self._explorer.failed(error)
