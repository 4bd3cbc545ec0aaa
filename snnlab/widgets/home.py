"""Where an explorer lives: the one thread in which everything about it happens."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets


class Home:
    """The event loop in which an explorer was shown.

    JupyterLab hands a widget's messages to a thread of their own while the kernel is busy (a "subshell"), and to the
    main thread at other times. Traits, tasks and signals want one thread: here the messages wait for their turn in it.
    """

    def __init__(self):
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self.settle()

    def settle(self) -> None:
        """Live in the loop that runs now, if one does."""
        try:
            self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        except RuntimeError:
            pass

    def receive(self, root: ipywidgets.Widget) -> None:
        """Let all messages to these widgets be handled here."""
        for widget in _with_children(root):
            if widget.comm is not None:
                widget.comm.on_msg(lambda message, widget=widget: self.do(widget._handle_msg, message))

    def do(self, act: Any, *given: Any) -> None:
        """Call ``act`` here: at once, or in its turn where this is another thread."""
        loop = self._loop
        if loop is None or self._thread == threading.get_ident() or not loop.is_running():
            act(*given)
        else:
            loop.call_soon_threadsafe(act, *given)


def _with_children(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _with_children(child)
