"""Running while a slider is dragged: the newest request wins, and nothing is computed in vain."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter
from typing import Protocol

SLICE = 0.05  # s of computing before the kernel's other work (Stop, the next slider value) gets its turn
PAUSE = 0.005  # s of that turn
PATIENCE = 0.15  # s a run may take before what it has so far is shown, or a newer request replaces it
SHARE = 0.2  # of a long run's time is spent on showing what it has so far, at most
INTERVAL = 0.05  # s between the starts of two runs at least: at most 20 a second, whatever the hand does


class Attempt(Protocol):
    """One run: iterating advances it by a chunk and gives the fraction done."""

    def __iter__(self) -> Iterator[float]: ...

    def show(self, finished: bool) -> None:
        """Put what there is on the screen; ``finished`` when nothing will be added."""


class LatestWins:
    """Runs what ``begin`` starts whenever it is asked to, one run at a time, the newest request waiting.

    An interrupt from the keyboard is a Stop. With a running event loop a request returns at once and the run
    goes on in a task, chunk by chunk. A request that comes during a run waits for its end: were the run given
    up, the next event of a drag would end the next run too, and no frame would ever appear. Only a run that has
    taken longer than ``PATIENCE`` is given up, and it shows what it has first. Without a loop the run is made
    on the spot. An exception goes to ``failed``, and ``flush`` raises it.
    """

    def __init__(
        self,
        begin: Callable[[], Attempt],
        failed: Callable[[Exception], None],
        ready: Callable[[], Awaitable[None]],
    ):
        self._begin, self._failed, self._ready = begin, failed, ready
        self._task: asyncio.Task | None = None
        self._wanted = False
        self._stopped = False
        self.interrupted = False  # whether the last run was ended from the keyboard
        self._epoch = 0  # counts what makes a run under way obsolete
        self._last_start = -INTERVAL
        self.error: Exception | None = None
        self.count = 0  # runs started

    @property
    def busy(self) -> bool:
        """Whether a run is under way or waits."""
        return self._task is not None and not self._task.done()

    def request(self) -> None:
        """Ask for a run of what ``begin`` will find."""
        if not loop_runs():
            try:
                self.run()
            except Exception as error:
                self.error = error
            return
        self._wanted = True
        if not self.busy:
            self._task = asyncio.create_task(self._work())

    def run(self) -> None:
        """Run here and now; what was under way or waiting is dropped. Raises what the run raises."""
        self.drop()
        self.error = None
        self.interrupted, attempt = False, None
        try:
            attempt = self._start()
            for _ in attempt:
                pass
            attempt.show(finished=True)
        except KeyboardInterrupt as error:
            self.interrupted = True
            self._failed(error) if attempt is None else attempt.show(finished=True)
            raise
        except Exception as error:
            self._failed(error)
            raise

    def stop(self) -> None:
        """End the run under way after its chunk, keeping what it has; forget what waits."""
        self._wanted = False
        self._stopped = self.busy

    def _interrupt(self) -> None:
        self.stop()
        self.interrupted = True

    def drop(self) -> None:
        """Forget what is under way and what waits, without a trace."""
        self._wanted = False
        self._epoch += 1

    async def flush(self) -> None:
        """Wait until nothing is under way. Raises the error of the last run, once."""
        while self.busy:
            await asyncio.wait([self._task])
        error, self.error = self.error, None
        if error is not None:
            raise error

    def _start(self) -> Attempt:
        self.count += 1
        self._last_start = perf_counter()
        return self._begin()

    async def _work(self) -> None:
        with heard(self._interrupt):
            await self._all()

    async def _all(self) -> None:
        while self._wanted:
            await asyncio.sleep(max(0.0, self._last_start + INTERVAL - perf_counter()))
            if not self._wanted:
                break
            self._wanted = self._stopped = self.interrupted = False
            self.error = None
            epoch = self._epoch
            try:
                await self._one()
            except KeyboardInterrupt as error:
                self._interrupt()
                self._failed(error)
            except Exception as error:
                if epoch == self._epoch:
                    self.error = error
                    self._failed(error)

    async def _one(self) -> None:
        epoch = self._epoch
        with interruptible(self._interrupt):
            attempt = self._start()
        await asyncio.sleep(0)
        yielded = shown = perf_counter()
        patience = PATIENCE
        chunks = iter(attempt)
        finished = False
        while not finished:
            try:
                with interruptible(self._interrupt):
                    finished = next(chunks, 1.0) >= 1.0
            except KeyboardInterrupt:
                self._interrupt()
            now = perf_counter()
            if not finished and now - yielded >= SLICE:
                await asyncio.sleep(PAUSE)
                yielded = perf_counter()
                if epoch != self._epoch:
                    return
            if not finished and now - shown >= patience:
                await self._ready()
                if epoch != self._epoch:
                    return
                began = perf_counter()
                attempt.show(finished=False)
                shown = perf_counter()
                patience = max(PATIENCE, (shown - began) / SHARE)
                if self._wanted:
                    return
            if self._stopped:
                break
        await self._ready()
        if epoch == self._epoch:
            attempt.show(finished=True)


_under_way: list[
    Callable[[], None]
] = []  # what an interrupt ends that comes between two stretches of computing


def _hear(*_: object) -> None:
    for interrupted in tuple(_under_way):
        interrupted()


@contextlib.contextmanager
def heard(interrupted: Callable[[], None]) -> Iterator[None]:
    """Say that something is under way in the background, which an interrupt from the keyboard is to end."""
    _under_way.append(interrupted)
    try:
        yield
    finally:
        _under_way.remove(interrupted)


@contextlib.contextmanager
def interruptible(interrupted: Callable[[], None]) -> Iterator[None]:
    """Let an interrupt from the keyboard call ``interrupted`` while the block runs.

    A kernel ignores interrupts while it runs no cell, and so all that come in the background. Where it does, it does
    so from now on by a function that tells what is under way. To be laid around a stretch of computing without a wait
    in it: who waits lets others set the signal, too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _hear if before is signal.SIG_IGN else before)


def loop_runs() -> bool:
    """Whether there is an event loop to run things in the background."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
