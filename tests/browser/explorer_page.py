"""An explorer as a browser sees it: state by the DOM contract, controls by the names of their parameters."""

from typing import Any

from playwright.sync_api import Locator, Page, expect


class ExplorerPage:
    """One explorer on a page, found by its name (and, where there are several, its place)."""

    def __init__(self, page: Page, name: str, nth: int = 0):
        self.page = page
        self.root = page.locator(f'[data-snnlab="{name}"]').nth(nth)

    def read(self, attribute: str) -> str | None:
        return self.root.get_attribute(f"data-{attribute}")

    @property
    def state(self) -> str | None:
        """loading, ready, running or error."""
        return self.read("state")

    @property
    def frame(self) -> int:
        """How many frames have been drawn."""
        return int(self.read("frame") or 0)

    @property
    def latency(self) -> float:
        """Milliseconds from the last answered event to its drawn frame."""
        return float(self.read("latency") or "nan")

    @property
    def summary(self) -> str:
        """The computed status line."""
        return self.root.locator(".snnlab-summary").inner_text()

    @property
    def error(self) -> str:
        return self.root.locator(".snnlab-error").inner_text()

    def wait(self, state: str = "ready", after: int = -1, timeout: float = 60_000) -> None:
        """Wait until it is in ``state`` and has drawn more than ``after`` frames."""
        expect(self.root).to_have_attribute("data-state", state, timeout=timeout)
        self.page.wait_for_function(
            "([root, state, after]) => root.dataset.state === state && Number(root.dataset.frame) > after",
            arg=[self.root.element_handle(), state, after],
            timeout=timeout,
        )

    def control(self, parameter: str) -> Locator:
        return self.root.locator(f'[data-parameter="{parameter}"]')

    def box(self, parameter: str) -> Locator:
        """The number box of a parameter."""
        return self.control(parameter).locator("input")

    def value(self, parameter: str) -> float:
        return float(self.box(parameter).input_value())

    def type(self, parameter: str, value: Any) -> None:
        """Type a value and press Enter."""
        self.box(parameter).fill(str(value))
        self.box(parameter).press("Enter")

    def click(self, action: str) -> None:
        """Press run, stop, reset, seed or more."""
        self.root.locator(f'[data-action="{action}"]').click()

    def choose(self, preset: str) -> None:
        self.root.locator('[data-action="preset"] select').select_option(preset)

    def drag(self, parameter: str, to: float, steps: int = 20, pause: float = 16.0) -> None:
        """Drag a slider's handle to ``to`` (0 to 1 of its track), in ``steps`` moves ``pause`` ms apart."""
        control = self.control(parameter)
        control.scroll_into_view_if_needed()
        handle, track = control.locator(".noUi-handle"), control.locator(".noUi-base")
        start, rail = handle.bounding_box(), track.bounding_box()
        x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
        end = rail["x"] + to * rail["width"]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for i in range(1, steps + 1):
            self.page.mouse.move(x + (end - x) * i / steps, y)
            self.page.wait_for_timeout(pause)
        self.page.mouse.up()
