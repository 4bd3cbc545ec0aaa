"""The canvas view as a widget: what the kernel sends it and what it hears back."""

import asyncio
import math
import pathlib
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

_HERE = pathlib.Path(__file__).parent
# Laid end to end they are one module, for a page takes no second from a widget. It exports `mount`.
_SURFACE = (
    *("frame.js", "theme.js", "svg_pen.js", "curves.js", "raster.js", "phase_plane.js", "ring_map.js"),
    *("psychometric.js", "draw.js", "looking.js", "overlay.js", "export.js", "tools.js", "hands.js"),
    *("latency.js", "view.js"),
)
_DRAWN_WITHIN = 1.0  # s; a view that has not answered by then is taken to be away (a closed tab)


def script(*adapters: str) -> str:
    """The view's JavaScript module, which knows nothing of widgets, and behind it the files of its ``adapters``."""
    return "\n".join((_HERE / name).read_text("utf-8") for name in (*_SURFACE, *adapters))


def style() -> str:
    """The view's style sheet."""
    return (_HERE / "view.css").read_text("utf-8")


class CanvasView(anywidget.AnyWidget):
    """Draws frames on a canvas. A frame is one message, header and bytes; the view answers it."""

    _esm = script("widget.js")
    _css = style()
    name = traitlets.Unicode().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    pinned = traitlets.Dict().tag(sync=True)
    pinned_data = traitlets.Bytes().tag(sync=True)

    def __init__(
        self, name: str, status: dict[str, Any], started: Callable[[list[float]], None] | None = None
    ):
        """``started`` is called with the state on which somebody clicked in a phase plane."""
        self._started = started
        self._drawn = 0
        self._present = False  # whether a page has ever answered, and answered the last frame
        self._answer: asyncio.Event | None = None
        super().__init__(name=name, status=status)
        self.on_msg(self._heard)

    def send_frame(self, header: dict[str, Any], data: bytes, status: dict[str, Any]) -> None:
        """Replace the picture and the words about it, in one message."""
        serial = self.frame.get("serial", 0) + 1
        with self.hold_sync():
            self.frame = {**header, "serial": serial}
            self.data = data
            self.status = status

    def pin(self, header: dict[str, Any] | None, data: bytes = b"") -> None:
        """Draw a frame behind all that follow, under its "label"; None: no longer."""
        with self.hold_sync():
            self.pinned, self.pinned_data = header or {}, data

    @property
    def present(self) -> bool:
        """Whether a page shows this view."""
        return self._present

    @property
    def left(self) -> bool:
        """Whether a page showed this view and has gone away."""
        return self._drawn > 0 and not self._present

    async def drawn(self) -> None:
        """Wait until the last frame was drawn, so that frames never queue; not for a page that went away."""
        if not self._present or self._drawn >= self.frame.get("serial", 0):
            return
        self._answer = asyncio.Event()
        try:
            await asyncio.wait_for(self._answer.wait(), _DRAWN_WITHIN)
        except TimeoutError:
            self._present = False

    def _heard(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        start = content.get("start")
        if self._started is not None and _is_state(start):
            self._started([float(value) for value in start])
        if isinstance(content.get("ping"), int):
            self.send({"pong": content["ping"]})  # a page asks whether anybody is there
        serial = content.get("drawn")
        if not isinstance(serial, int):
            return
        self._present = True
        self._drawn = max(self._drawn, min(serial, self.frame.get("serial", 0)))
        if self._answer is not None and self._drawn >= self.frame.get("serial", 0):
            self._answer.set()


def _is_state(given: Any) -> bool:
    """Whether a page sent two numbers."""
    numbers = isinstance(given, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in given
    )
    return numbers and len(given) == 2 and all(map(math.isfinite, given))
