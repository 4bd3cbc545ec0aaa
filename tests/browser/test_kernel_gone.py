"""An explorer whose kernel has gone, hangs, was interrupted or was never there: one sentence, and nobody is fooled."""

import os
import re
import signal

import pytest
from bare_page import STATUS, frames, send
from explorer_page import ExplorerPage
from lab_page import IDLE, SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Page, expect
from test_explorer_page import recording

from snnlab.widgets.frames import encode

CELL = "import snnlab\nexplorer = snnlab.explore('lif_fi')\nexplorer"
NO_KERNEL = "No kernel is connected"


def opened(page: Page, lab: JupyterLab, name: str, *cells: str) -> ExplorerPage:
    lab.write_notebook(name, CELL, *cells)
    lab.open_notebook(page, name)
    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
    page.keyboard.press("Shift+Enter")
    explorer = ExplorerPage(page, "lif_fi")
    explorer.wait(timeout=120_000)
    return explorer


def expect_gone(explorer: ExplorerPage, words: str = NO_KERNEL) -> None:
    expect(explorer.root.locator(".snnlab-error")).to_contain_text(words, timeout=20_000)
    expect(explorer.root.locator("canvas").first).to_have_css("opacity", "0.35")
    assert explorer.state == "error"
    assert words in explorer.root.locator("canvas").first.get_attribute("aria-label")


def expect_back(explorer: ExplorerPage) -> None:
    """Run again, it answers hands."""
    explorer.wait(timeout=60_000)
    assert explorer.error == ""
    before = explorer.frame
    explorer.control("I").locator(".noUi-handle").press("ArrowRight")
    explorer.wait(after=before)


def test_a_kernel_that_is_restarted(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "restarted.ipynb")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect_gone(explorer)
    page.screenshot(path=SCREENSHOTS / "kernel_gone.png")
    expect(page.locator(IDLE)).to_be_visible(timeout=30_000)
    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-snnlab]")).to_have_count(1)
    expect(page.locator("[data-snnlab][data-state=ready]")).to_have_count(1, timeout=60_000)
    expect_back(ExplorerPage(page, "lif_fi"))


def test_a_kernel_that_dies(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "dies.ipynb", "import os\nos._exit(1)")
    page.locator(".jp-CodeCell").nth(1).click()
    page.keyboard.press("Shift+Enter")
    expect_gone(explorer)


def test_a_kernel_that_is_busy_with_a_cell(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "busy.ipynb", "import time\ntime.sleep(12)")
    page.locator(".jp-CodeCell").nth(1).click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).to_contain_text("*")
    before = explorer.frame
    explorer.control("I").locator(".noUi-handle").press("ArrowRight")
    expect_gone(explorer, "The kernel does not answer: it is busy")
    explorer.wait(after=before, timeout=30_000)
    assert explorer.error == ""


def test_a_kernel_that_hangs(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "hangs.ipynb", "import os\nprint('process', os.getpid())")
    page.locator(".jp-CodeCell").nth(1).click()
    page.keyboard.press("Shift+Enter")
    printed = page.locator(".jp-OutputArea-output", has_text="process")
    process = int(printed.inner_text().split()[-1])
    os.kill(process, signal.SIGSTOP)
    try:
        before = explorer.frame
        explorer.control("I").locator(".noUi-handle").press("ArrowRight")
        expect_gone(explorer, "The kernel does not answer")
    finally:
        os.kill(process, signal.SIGCONT)
    explorer.wait(after=before, timeout=30_000)
    assert explorer.error == ""
    expect(explorer.root.locator("canvas").first).to_have_css("opacity", "1")


def test_a_kernel_that_is_interrupted_during_a_run(page: Page, jupyterlab: JupyterLab) -> None:
    jupyterlab.write_notebook("interrupted.ipynb", "import snnlab\nsnnlab.explore('coba_ei')")
    jupyterlab.open_notebook(page, "interrupted.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, "coba_ei")
    explorer.wait(timeout=120_000)
    explorer.type("duration", 100_000)
    explorer.click("run")
    explorer.wait("running", after=explorer.frame)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Interrupt Kernel")).click()
    page.wait_for_timeout(1500)
    explorer.click("stop")
    page.wait_for_function("root => root.dataset.state !== 'running'", arg=explorer.root.element_handle())
    explorer.click("reset")
    expect(explorer.root.locator(".snnlab-summary")).to_have_text(re.compile("^E 2"), timeout=60_000)
    assert explorer.error == ""


def test_a_notebook_with_old_widgets_and_no_kernel(page: Page, jupyterlab: JupyterLab) -> None:
    """Saved with its widgets' state: the old picture is shown as old, and what is run anew as new."""
    opened(page, jupyterlab, "reopened.ipynb")
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    saving = page.get_by_role("menuitem", name="Save Widget State Automatically")
    if saving.get_attribute("aria-checked") != "true":
        saving.click()
    page.keyboard.press("Escape")
    page.locator(".jp-Notebook").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    jupyterlab.stop_kernels()
    jupyterlab.open_notebook(page, "reopened.ipynb")
    explorer = ExplorerPage(page, "lif_fi")
    expect(explorer.root).to_have_count(1, timeout=20_000)
    expect_gone(explorer)
    page.screenshot(path=SCREENSHOTS / "old_widgets.png")
    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-snnlab][data-state=ready]")).to_have_count(1, timeout=60_000)
    expect_back(ExplorerPage(page, "lif_fi"))


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  window.requestAnimationFrame = hidden ? () => 1 : window.realFrames; // a tab in the background paints nothing
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_tab_in_the_background_holds_nobody_up_and_shows_the_last_frame_when_it_returns(bare: Page) -> None:
    bare.evaluate("() => { window.realFrames = window.requestAnimationFrame.bind(window); }")
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}))
    frames(bare, "#one", 1)
    bare.evaluate(HIDE, True)
    for serial in (2, 3):
        send(bare, "#one", encode(recording(100, 50, 500), 500.0, {}), serial, text=f"run {serial}")
        frames(bare, "#one", serial)
    assert [each["drawn"] for each in bare.evaluate("shown['#one'].model.sent")] == [1, 2, 3]
    bare.evaluate("() => { document.querySelector('#one').dataset.draw = ''; }")
    bare.evaluate(HIDE, False)
    bare.wait_for_function("() => document.querySelector('#one').dataset.draw !== ''")
    expect(bare.locator("#one .snnlab-summary")).to_have_text("run 3")


def test_a_frame_that_was_to_be_painted_when_the_tab_went_is_answered(bare: Page) -> None:
    bare.evaluate("() => { window.realFrames = window.requestAnimationFrame.bind(window); }")
    bare.evaluate("() => { window.requestAnimationFrame = () => 1; }")
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}))
    assert bare.evaluate("shown['#one'].model.sent") == []
    bare.evaluate(HIDE, True)
    assert bare.evaluate("shown['#one'].model.sent") == [{"drawn": 1}]


@pytest.mark.parametrize("answers", [True, False])
def test_a_touch_asks_whether_the_kernel_is_there(bare: Page, answers: bool) -> None:
    bare.clock.install()
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}))
    bare.clock.run_for(100)
    bare.evaluate(
        """() => document.querySelector("#one").insertAdjacentHTML("afterbegin",
          '<button class="snnlab-action-run">Run</button>')"""
    )
    bare.locator("#one [data-action=run]").click()
    assert bare.evaluate("shown['#one'].model.sent.at(-1)") == {"ping": 1}
    if answers:
        bare.evaluate("shown['#one'].model.listeners['msg:custom'].forEach((act) => act({ pong: 1 }, []))")
    bare.clock.run_for(6000)
    error = bare.locator("#one .snnlab-error")
    if answers:
        expect(error).to_have_text("")
        return
    expect(error).to_contain_text("The kernel does not answer")
    expect(bare.locator("#one")).to_have_attribute("data-state", "error")
    bare.evaluate("(status) => shown['#one'].model.set({ status })", STATUS)
    expect(error).to_have_text("")
    expect(bare.locator("#one")).to_have_attribute("data-state", "ready")
