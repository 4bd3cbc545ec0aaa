"""The phase plane on a canvas: what is drawn where, what a click says, and a hand on it in JupyterLab."""

import numpy as np
import pytest
from bare_page import frames, prepare, send
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Browser, Page, expect

from snnlab import analysis, simulate
from snnlab.models import wong_wang2006
from snnlab.widgets.frames import Frame, encode
from snnlab.widgets.phase_planes import portrait

SYSTEM = wong_wang2006(coherence=0.512)

PLACE = """([id, state]) => {
  const element = document.querySelector(id + " canvas"), panels = shown[id].model.get("frame").panels;
  const box = canvas.layout(panels, element.clientWidth, element.clientHeight)[0];
  return [box.x + box.w * state[0], box.y + box.h * (1 - state[1])]; // the window is the unit square
}"""
LIGHT = """([id, x, y]) => {
  const canvas = document.querySelector(id + " canvas"), ratio = canvas.width / canvas.clientWidth;
  const [r, g, b] = canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data;
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255;
}"""


def frame(system=SYSTEM, startable: bool = True) -> Frame:
    recording = simulate(system, duration=400.0, dt=1.0, record=("s1", "s2", "r1", "r2"))
    return encode(recording, 400.0, {}, portrait(system), startable)


def light(page: Page, state, dx: float = 0.0, dy: float = 0.0, where: str = "#one") -> float:
    """How light the canvas is beside a state, 0 to 1."""
    x, y = page.evaluate(PLACE, [where, list(state)])
    return page.evaluate(LIGHT, [where, x + dx, y + dy])


def test_fixed_points_are_told_apart_by_their_fill(bare: Page) -> None:
    send(bare, "#one", frame())
    frames(bare, "#one", 1)
    kinds = [point.kind for point in analysis.fixed_points(SYSTEM)]
    assert kinds == ["stable node", "saddle", "stable node"]
    for point in analysis.fixed_points(SYSTEM):
        left, right = (light(bare, point.state, dx) for dx in (-2.5, 2.5))
        assert left < 0.3 and (right < 0.3) == point.stable, point.kind
    unstable = next(p for p in analysis.fixed_points(wong_wang2006(stimulus=4.0)) if p.stable)
    header, data = frame()
    header["panels"][0]["points"] = [{"kind": "unstable node", "state": unstable.state.tolist()}]
    send(bare, "#one", (header, data), 2)
    frames(bare, "#one", 2)
    assert light(bare, unstable.state) > 0.9 and light(bare, unstable.state, 5.5) < 0.5
    alt = bare.get_by_role("img", name="modelone").get_attribute("aria-label")
    assert "phase plane of s1 and s2" in alt


def test_curves_are_drawn_where_they_are(bare: Page) -> None:
    header, data = frame()
    parts = ("nullclines", "separatrix", "points", "paths", "starts")
    for serial, part in enumerate(parts, start=1):  # one by one, on the flow
        only = {**header["panels"][0], **dict.fromkeys(parts, []), part: header["panels"][0][part]}
        send(bare, "#one", ({**header, "panels": [only]}, data), serial)
        frames(bare, "#one", serial)
        states = {
            "nullclines": analysis.nullclines(SYSTEM)["s1"][0][10:-10:40],
            "separatrix": analysis.separatrix(SYSTEM)[0][20:-20],
            "points": [point.state for point in analysis.fixed_points(SYSTEM)],
            "paths": analysis.trajectory(SYSTEM, (0.1, 0.1), 0.06, n=5).states[1:],
            "starts": [(0.1, 0.1)],
        }[part]
        dark = [min(light(bare, s, dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)) for s in states]
        share = np.mean(np.array(dark) < 0.65)
        assert share > (0.2 if part == "separatrix" else 0.99), part  # that line is dotted


@pytest.mark.parametrize("width", [800, 420])
def test_a_click_says_the_state_under_it(bare: Page, width: int) -> None:
    bare.evaluate("(width) => { document.querySelector('#one').style.width = width + 'px'; }", width)
    send(bare, "#one", frame())
    frames(bare, "#one", 1)
    canvas = bare.locator("#one canvas")
    expect(canvas).to_have_css("cursor", "crosshair")
    height = canvas.evaluate("canvas => canvas.clientHeight")
    assert (
        height > 600 if width < 560 else height < 500
    )  # the plane stands above the traces where it is narrow
    for state in ((0.25, 0.75), (0.9, 0.1)):
        x, y = bare.evaluate(PLACE, ["#one", state])
        canvas.click(position={"x": x, "y": y})
        sent = bare.evaluate("shown['#one'].model.sent.at(-1)")["start"]
        assert sent == pytest.approx(state, abs=0.006)
    count = bare.evaluate("shown['#one'].model.sent.length")
    canvas.click(position={"x": width - 60, "y": height - 60})  # on a trace, or beside everything
    assert bare.evaluate("shown['#one'].model.sent.length") == count
    send(bare, "#one", frame(startable=False), 2)
    frames(bare, "#one", 2)
    x, y = bare.evaluate(PLACE, ["#one", (0.5, 0.5)])
    canvas.click(position={"x": x, "y": y})
    assert "start" not in bare.evaluate("shown['#one'].model.sent.at(-1)")


def test_in_the_dark_points_are_light(browser: Browser) -> None:
    context = browser.new_context(color_scheme="dark")
    page = prepare(context.new_page())
    send(page, "#one", frame())
    frames(page, "#one", 1)
    for point in analysis.fixed_points(SYSTEM):
        left, right = (light(page, point.state, dx) for dx in (-2.5, 2.5))
        assert left > 0.7 and (right > 0.7) == point.stable
    page.screenshot(path=SCREENSHOTS / "phase_plane_dark.png")
    context.close()


def test_a_hand_on_the_plane_in_jupyterlab(page: Page, jupyterlab: JupyterLab) -> None:
    jupyterlab.write_notebook("plane.ipynb", "import snnlab\nsnnlab.explore('wong_wang2006')")
    jupyterlab.open_notebook(page, "plane.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, "wong_wang2006")
    explorer.wait(timeout=120_000)
    assert explorer.summary.startswith("3 fixed points: 2 stable, 1 saddle; from (0.1, 0.099)")
    page.screenshot(path=SCREENSHOTS / "phase_plane_first.png")

    canvas, before = explorer.root.locator("canvas").first, explorer.frame
    canvas.scroll_into_view_if_needed()
    canvas.click(position={"x": 76, "y": 42})  # near the upper left corner of the plane
    explorer.wait(after=before)
    s1, s2 = explorer.value("s1_0"), explorer.value("s2_0")
    assert s1 < 0.15 and s2 > 0.85
    assert f"from ({s1:.3g}, {s2:.3g}) to the stable node at (0.0116, 0.699)" in explorer.summary

    explorer.choose("coherence 51.2 %")
    explorer.wait(after=explorer.frame - 1)
    expect(explorer.root.locator(".snnlab-summary")).to_contain_text("to the stable node at (0.723")
    before = explorer.frame
    explorer.drag("coherence", to=1.0)
    explorer.wait(after=before + 1)  # more than one frame: not only at the drag's end
    expect(explorer.root.locator(".snnlab-summary")).to_contain_text("1 fixed point: 1 stable")
    print(f"slider to drawn frame {explorer.latency:.0f} ms, drawn in {explorer.read('draw')} ms")

    explorer.type("coherence", 1.5)
    explorer.wait("error")
    assert "coherence = 1.5 is not allowed" in explorer.error and explorer.value("coherence") == 1.0
    explorer.choose("noisy decisions")
    explorer.wait()
    expect(explorer.root.locator(".snnlab-summary")).to_contain_text("of 20 runs ended")
    page.screenshot(path=SCREENSHOTS / "phase_plane_noisy.png")
