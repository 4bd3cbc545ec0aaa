"""Chapter 03 as a student meets it: in JupyterLab, run from top to bottom, with a hand on the inhibition slider."""

import math
import re

import speeds
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all, scroll_to
from playwright.sync_api import Locator, Page, expect

CHAPTER = "03_ei_balance.ipynb"


def canvas_picture(explorer: ExplorerPage) -> bytes:
    canvas: Locator = explorer.root.locator("canvas").first
    return canvas.screenshot()


def rates(summary: str) -> tuple[float, float]:
    """The rates of E and I in a status line."""
    found = re.match(r"E ([\d.]+) Hz, I ([\d.]+) Hz", summary)
    assert found, summary
    return float(found[1]), float(found[2])


def test_a_hand_on_the_chapters_network(page: Page, jupyterlab: JupyterLab) -> None:
    jupyterlab.open_notebook(page, CHAPTER)
    run_all(page, timeout=180)
    scroll_to(page, "[data-snnlab=coba_ei]")
    explorer = ExplorerPage(page, "coba_ei")
    explorer.wait(timeout=120_000)
    drag_the_inhibition_slider(explorer)
    type_a_wrong_value(explorer)
    report_the_time_from_slider_to_frame(explorer)


def drag_the_inhibition_slider(explorer: ExplorerPage) -> None:
    """The raster and the status line follow, while the hand moves."""
    before, picture, frame = explorer.summary, canvas_picture(explorer), explorer.frame
    explorer.page.screenshot(path=SCREENSHOTS / "chapter_03_before.png")
    assert 15 < rates(before)[0] < 30  # the chapter starts with the balanced network
    explorer.drag("g_inh", to=0.15)
    explorer.wait(after=frame + 1)  # more than one frame: not only at the drag's end
    expect(explorer.root.locator(".snnlab-summary")).not_to_have_text(before)
    explorer.page.wait_for_function(
        "root => /^E [3-9]/.test(root.querySelector('.snnlab-summary').innerText)",
        arg=explorer.root.element_handle(),
    )
    explorer.page.screenshot(path=SCREENSHOTS / "chapter_03_after.png")
    assert explorer.value("g_inh") < 5
    assert canvas_picture(explorer) != picture
    assert rates(explorer.summary)[0] > rates(before)[0] + 5  # less inhibition, more spikes


def type_a_wrong_value(explorer: ExplorerPage) -> None:
    """It is refused in place, in a sentence; then the explorer goes on, and equal values give equal spikes."""
    explorer.click("reset")
    expect(explorer.root.locator(".snnlab-summary")).to_have_text(
        re.compile("^E 2")
    )  # not the drag's last frame
    explorer.wait()
    good = explorer.summary
    explorer.type("g_inh", -3)
    explorer.wait("error")
    assert "g_inh = -3 nS is not allowed; it must be at least 0" in explorer.error
    assert explorer.value("g_inh") == 6.7
    for value in (5, 6.7):
        frame = explorer.frame
        explorer.type("g_inh", value)
        explorer.wait("ready", after=frame)
    assert explorer.summary == good and explorer.error == ""


def report_the_time_from_slider_to_frame(explorer: ExplorerPage) -> None:
    """Measured in the page, from the key to the drawn frame; kept for `make bench`, not judged."""
    handle = explorer.control("g_inh").locator(".noUi-handle")
    milliseconds = []
    for i in range(24):
        frame = explorer.frame
        handle.press("ArrowLeft" if i % 2 else "ArrowRight")
        explorer.wait(after=frame, timeout=20_000)
        milliseconds.append(explorer.latency)
    assert all(math.isfinite(ms) and ms > 0 for ms in milliseconds)
    what = (
        "COBA 4000, 500 ms: key press on chapter 03's slider to drawn frame, JupyterLab in headless Chromium"
    )
    speeds.note(what, milliseconds, "median 100, 95 % 200")
