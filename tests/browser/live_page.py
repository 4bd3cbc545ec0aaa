"""Explorers on pages without a kernel: how they are built for a test, served, and touched."""

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explorer_page import ExplorerPage
from playwright.sync_api import Locator, expect

import snnlab
from snnlab.live import page as live

# With these the page may load nothing but its own files, and run nothing that is written in it.
STRICT = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; style-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
WATCH = """() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
}"""
LONG_TASKS = """() => {
  window.long = [];
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => long.push(entry.duration)))
    .observe({ entryTypes: ["longtask"] });
}"""
SMALL = {"n_exc": 80, "n_inh": 20, "p": 0.2}


@functools.cache
def package(model: str, **values: float) -> dict[str, Any]:
    """A compiled program; one compilation for all tests."""
    return live.package(model, **values)


@functools.cache
def picture() -> tuple[bytes, str]:
    """An executed picture and its text: a white square."""
    import io

    from matplotlib.figure import Figure

    png = io.BytesIO()
    Figure(figsize=(4.0, 2.0)).savefig(png, format="png")
    return png.getvalue(), 'what was run: "E" & <I>'


def one_file(folder: Path, model: str, **values: float) -> str:
    """The address of a page in one file."""
    path = folder / f"{model}.html"
    path.write_text(live.document(package(model, **values), *picture()), "utf-8")
    return path.as_uri()


def site(folder: Path, *fragments: str) -> Path:
    """A page that names its script and its style, as a book's pages do."""
    (folder / "snnlab-live.js").write_text(live.script(), "utf-8")
    (folder / "snnlab-live.css").write_text(live.style(), "utf-8")
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>explorers</title>'
        '<link rel="stylesheet" href="snnlab-live.css"><script src="snnlab-live.js" defer></script>'
        f"<body>{''.join(fragments)}</body></html>",
        "utf-8",
    )
    return folder


@contextlib.contextmanager
def served(folder: Path, policy: str = STRICT) -> Iterator[str]:
    """The folder on a port of this machine, under a Content-Security-Policy."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


class LivePage(ExplorerPage):
    """An explorer with native controls. What it waits for are attributes: a strict page evaluates no strings."""

    def wait(self, state: str = "ready", after: int = -1, timeout: float = 30_000) -> None:
        expect(self.root).to_have_attribute("data-state", state, timeout=timeout)
        while self.frame <= after:
            self.page.wait_for_timeout(20)
            timeout -= 20
            assert timeout > 0, f"no frame after {after}"
        expect(self.root).to_have_attribute("data-state", state, timeout=timeout)

    def box(self, parameter: str) -> Locator:
        return self.control(parameter).locator("input[type=number]")

    def slider(self, parameter: str) -> Locator:
        return self.control(parameter).locator("input[type=range]")

    def drag(self, parameter: str, to: float, steps: int = 20, pause: float = 16.0) -> None:
        slider = self.slider(parameter)
        slider.scroll_into_view_if_needed()
        rail = slider.bounding_box()
        low, high, value = (
            float(slider.evaluate(f"(input) => input.{each}")) for each in ("min", "max", "value")
        )
        thumb = 16.0  # px: the middle of the thumb runs from half of it to half of it from the other end
        place = lambda share: rail["x"] + thumb / 2 + share * (rail["width"] - thumb)  # noqa: E731
        start, end, y = place((value - low) / (high - low)), place(to), rail["y"] + rail["height"] / 2
        self.page.mouse.move(start, y)
        self.page.mouse.down()
        for i in range(1, steps + 1):
            self.page.mouse.move(start + (end - start) * i / steps, y)
            self.page.wait_for_timeout(pause)
        self.page.mouse.up()

    @property
    def settings(self) -> dict[str, float]:
        """The value of every control."""
        found = self.root.locator("[data-parameter]").evaluate_all(
            "(all) => all.map((each) => [each.dataset.parameter, each.querySelector('input[type=number]').value])"
        )
        return {name: float(value) for name, value in found}

    def at_rest(self) -> None:
        """Wait until nothing has changed for a while."""
        seen = None
        while seen != (seen := (self.frame, self.state, self.summary)) or self.state == "running":
            self.page.wait_for_timeout(200)


def explorer(name: str, settings: dict[str, float]) -> "snnlab.widgets.explorer.Explorer":
    """The explorer of a notebook with a page's settings, after a run."""
    whole = {name for name, value in snnlab.explore(name).values.items() if isinstance(value, int)}
    twin = snnlab.explore(name, **{k: int(v) if k in whole else v for k, v in settings.items()})
    twin.run()
    return twin
