"""How explorers keep up with a hand, in JupyterLab: what is asserted are counts and last values; times are reported."""

import math
import re
import time

import pytest
import speeds
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Page, expect

WHERE = "slider event to drawn frame, JupyterLab in headless Chromium"


def opened(page: Page, lab: JupyterLab, name: str, values: str = "", more: str = "1") -> ExplorerPage:
    code = f"import snnlab\nexplorer = snnlab.explore('{name}'{values})\nexplorer"
    lab.write_notebook("speed.ipynb", code, more)
    lab.open_notebook(page, "speed.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, name)
    explorer.wait(timeout=120_000)
    return explorer


def said(page: Page) -> list[float]:
    """Run the second cell, which prints numbers."""
    page.locator(".jp-CodeCell").nth(1).click()
    before = page.locator(".jp-CodeCell .jp-InputPrompt").nth(1).inner_text()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).not_to_have_text(before)
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).to_have_text(re.compile(r"\[\d+\]"))
    printed = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output").last
    return [float(word) for word in printed.inner_text().split()]


@pytest.mark.parametrize(
    ("name", "parameter", "what", "goal"),
    [
        ("coba_ei", "g_inh", "COBA 4000, 500 ms", "median 100, 95 % 200"),
        ("lif_fi", "I", "LIF F-I curve", "50"),
        ("wong_wang2006", "coherence", "reduced decision model", "50"),
        ("cann", "k", "CANN 512", "50"),
    ],
)
def test_from_the_slider_to_the_frame(
    page: Page, jupyterlab: JupyterLab, name: str, parameter: str, what: str, goal: str
) -> None:
    explorer = opened(page, jupyterlab, name)
    handle = explorer.control(parameter).locator(".noUi-handle")
    milliseconds = []
    for i in range(20):
        frame = explorer.frame
        handle.press("ArrowLeft" if i % 2 else "ArrowRight")
        explorer.wait(after=frame, timeout=20_000)
        page.wait_for_timeout(60)  # a long run shows what it has first
        explorer.wait(timeout=20_000)
        milliseconds.append(explorer.latency)
    assert all(math.isfinite(ms) and ms > 0 for ms in milliseconds)
    speeds.note(f"{what}: {WHERE}", milliseconds, goal)


PRESS = """(action) => new Promise((done) => {
  const root = document.querySelector("[data-snnlab]"), began = performance.now();
  let first = null, heard = null;
  const seen = new MutationObserver(() => {
    if (root.querySelector(".snnlab-summary").textContent.startsWith("stop")) heard ??= performance.now() - began;
    if (root.dataset.state === "running") first ??= root.dataset.frame;
    if (root.dataset.state !== "ready" || first === null || root.dataset.frame === first) return;
    seen.disconnect();
    done([performance.now() - began, heard]);
  });
  seen.observe(root, { attributes: true, childList: true, subtree: true });
  if (root.dataset.state === "running") first = root.dataset.frame;
  root.querySelector(`[data-action=${action}]`).click();
})"""  # ms from a click until the view is ready, with another frame; and until it says that it stops


def test_a_run_too_long_for_its_slider(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "wang2002", ", scale=0.2, duration=1500.0")
    milliseconds = []
    for _ in range(8):
        milliseconds.append(page.evaluate(PRESS, "run")[0])
        page.wait_for_timeout(200)
    assert explorer.error == "" and "A " in explorer.summary
    speeds.note("Wang 320/80, 1.5 s: Run to its last drawn frame, JupyterLab", milliseconds, "400")


def test_stop(page: Page, jupyterlab: JupyterLab) -> None:
    explorer = opened(page, jupyterlab, "coba_ei")
    explorer.type("duration", 100_000)
    waits = []
    for _ in range(3):
        explorer.click("run")
        explorer.wait("running", after=explorer.frame)
        page.wait_for_timeout(300)
        waits.append(page.evaluate(PRESS, "stop"))
        assert "stopped after" in explorer.summary
    ready, heard = zip(*waits, strict=True)
    speeds.note("Stop, from the click to the word that it is heard, COBA 4000", heard, "100")
    speeds.note("Stop, from the click to the picture of what there was", ready, "-")


def test_a_storm_of_a_thousand_events(page: Page, jupyterlab: JupyterLab) -> None:
    """It ends on the last value, with few runs made and nothing left behind."""
    memory = (
        "import resource\nprint(explorer.runs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    explorer = opened(page, jupyterlab, "coba_ei", more=memory)
    storm = """() => new Promise((done) => {
      const root = document.querySelector("[data-parameter=g_inh]");
      const rail = root.querySelector(".noUi-base").getBoundingClientRect();
      const handle = root.querySelector(".noUi-handle");
      const fire = (type, share, target) => target.dispatchEvent(new MouseEvent(type, { bubbles: true,
        cancelable: true, view: window, button: 0, buttons: type === "mouseup" ? 0 : 1,
        clientX: rail.left + share * rail.width, clientY: rail.top + rail.height / 2 }));
      const at = handle.getBoundingClientRect();
      fire("mousedown", ((at.left + at.right) / 2 - rail.left) / rail.width, handle);
      let count = 0;
      const timer = setInterval(() => {
        for (let i = 0; i < 2; i++) {
          fire("mousemove", 0.1 + 0.75 * Math.abs(Math.sin(++count / 40)), document.documentElement);
        }
        if (count < 998) return;
        clearInterval(timer);
        fire("mousemove", 0.3, document.documentElement);
        fire("mouseup", 0.3, document.documentElement);
        done();
      }, 10);
    })"""
    runs, before = said(page)
    began = time.monotonic()
    page.evaluate(storm)
    seconds = time.monotonic() - began
    explorer.wait(timeout=60_000)
    page.wait_for_timeout(1500)
    value = explorer.value("g_inh")
    last, grown = said(page)
    explorer.wait()
    made = last - runs
    assert 3 <= made <= 100 * max(1.0, seconds / 5)
    assert grown - before < 150  # MB
    shown = explorer.summary
    explorer.click("run")
    explorer.wait(after=explorer.frame)
    assert explorer.value("g_inh") == value and explorer.summary == shown  # it was of the last value
    speeds.note("1000 slider events, COBA 4000: runs made", [made], "100", "runs")
    speeds.note("1000 slider events, COBA 4000: time they took", [seconds], "5", "s")
    speeds.note("1000 slider events, COBA 4000: memory grown", [grown - before], "flat", "MB")


def test_live_mode(page: Page, jupyterlab: JupyterLab) -> None:
    """The network runs on, sliders act while it does, and frames come; a pause stands still."""
    explorer = opened(page, jupyterlab, "coba_ei")
    explorer.click("play")
    page.wait_for_timeout(1500)
    count = """() => new Promise((done) => {
      const root = document.querySelector("[data-snnlab]"), began = performance.now();
      const first = Number(root.dataset.frame);
      setTimeout(() => done((Number(root.dataset.frame) - first) / ((performance.now() - began) / 1000)), 3000);
    })"""
    rate = page.evaluate(count)
    assert rate > 3
    speed = explorer.root.locator(".snnlab-speed")
    expect(speed).to_have_text(re.compile(r"[\d.]+ times real time"))
    factor = float(speed.inner_text().split()[0])
    page.screenshot(path=SCREENSHOTS / "live.png")
    edge = "() => Number(document.querySelector('[data-snnlab] .snnlab-tools input').min)"
    page.wait_for_function(f"() => ({edge})() > 0")  # the picture moves along the run
    start = page.evaluate(edge)
    explorer.drag("g_inh", 0.1)
    page.wait_for_timeout(800)
    assert page.evaluate(edge) > start  # and goes on
    explorer.click("play")  # pause
    page.wait_for_timeout(500)
    frame = explorer.frame
    page.wait_for_timeout(500)
    assert explorer.frame == frame
    speeds.note("live mode of COBA 4000 in JupyterLab", [rate], ">= 25", "frames / s")
    speeds.note("live mode of COBA 4000, model time over real time", [factor], "-", "times")
