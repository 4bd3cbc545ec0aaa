"""Explorers in JupyterLab for everybody: by axe-core, by keyboard alone, light and dark, narrow, at 200 %."""

import json

import pytest
from accessibility import violations
from bare_page import frames, prepare, send
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Browser, Page, expect
from test_explorer_page import recording

from snnlab.widgets.frames import encode

NAMES = ("coba_ei", "wong_wang2006", "cann")


def set_theme(lab: JupyterLab, name: str) -> None:
    themes = lab.runtime.parent / "settings" / "@jupyterlab" / "apputils-extension"
    themes.mkdir(parents=True, exist_ok=True)
    (themes / "themes.jupyterlab-settings").write_text(json.dumps({"theme": f"JupyterLab {name}"}))


def opened(page: Page, lab: JupyterLab, name: str) -> ExplorerPage:
    lab.write_notebook(f"{name}.ipynb", f"import snnlab\nsnnlab.explore('{name}')")
    lab.open_notebook(page, f"{name}.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, name)
    explorer.wait(timeout=120_000)
    return explorer


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize("name", NAMES)
def test_the_checker_finds_nothing_serious(page: Page, jupyterlab: JupyterLab, name: str, theme: str) -> None:
    set_theme(jupyterlab, theme)
    try:
        explorer = opened(page, jupyterlab, name)
        for action in ("more", "code", "link"):
            explorer.click(action)
        explorer.click("pin")
        explorer.root.locator("[data-tool=zoom-in]").click()
        expect(explorer.root.locator(".snnlab-pinned")).to_be_visible()
        explorer.root.screenshot(path=SCREENSHOTS / f"{name} {theme}.png")
        found = violations(page, "[data-snnlab]")
        assert not found, found
    finally:
        set_theme(jupyterlab, "Light")


FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const said = element.getAttribute("aria-label") || element.textContent.trim();
  const name = said || element.labels?.[0]?.textContent || element.title;
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const { parameter, action } = element.closest("[data-parameter], [data-action]")?.dataset ?? {};
  const within = parameter ?? action ?? "";
  return [name, element.getAttribute("role") ?? element.type ?? "", within, ring || style.boxShadow !== "none"];
}"""


def test_by_keyboard_alone(page: Page, jupyterlab: JupyterLab) -> None:
    """Every control is reached by Tab, has a name and shows that it is reached; keys move it and the moment."""
    explorer = opened(page, jupyterlab, "coba_ei")
    explorer.root.locator("[data-action=run]").focus()
    reached = []
    for _ in range(60):
        reached.append(page.evaluate(FOCUSED))
        if reached[-1][0] == "time (ms)":
            break
        page.keyboard.press("Tab")
    assert all(name for name, *_ in reached), reached
    within = [place for _, _, place, _ in reached]
    assert {"run", "stop", "reset", "seed", "pin", "preset", "more", "export", "link", "code"} <= set(within)
    for parameter in ("g_exc", "g_inh", "I", "p", "duration"):
        assert [role for _, role, place, _ in reached if place == parameter] == ["number", "slider"], reached
    assert reached[-1][0] == "time (ms)" and reached[-1][3]
    assert all(ring for _, role, _, ring in reached if role in ("slider", "submit", "button", "range")), (
        reached
    )
    for key in ("0", "0", "ArrowUp", "+", "0", "0"):  # two zeros restart a kernel elsewhere in JupyterLab
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "neuron" in explorer.root.locator(".snnlab-readout").inner_text()
    before = explorer.frame
    explorer.control("g_inh").locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    explorer.wait(after=before)
    explorer.box("g_inh").focus()
    page.keyboard.press("Control+a")
    before = explorer.frame
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    explorer.wait(after=before)
    assert explorer.value("g_inh") == 9


@pytest.mark.parametrize("name", ["coba_ei", "wong_wang2006"])
@pytest.mark.parametrize(("width", "height", "ratio"), [(680, 1000, 1), (640, 450, 2)])
def test_one_column_where_it_is_narrow_and_at_200_percent(
    browser: Browser, jupyterlab: JupyterLab, name: str, width: int, height: int, ratio: int
) -> None:
    """A window of 1280 x 900 at 200 % is one of 640 x 450 with two pixels to each of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, device_scale_factor=ratio)
    page = context.new_page()
    explorer = opened(page, jupyterlab, name)
    page.keyboard.press("Control+b")  # the file browser away
    page.set_viewport_size({"width": width, "height": height})
    expect(explorer.root).not_to_have_attribute("data-frame", "0")
    page.wait_for_timeout(500)
    root = explorer.root.element_handle()
    assert page.evaluate("root => root.scrollWidth <= root.clientWidth", root)
    places = page.evaluate(
        """root => [".snnlab-controls", ".snnlab-picture", "canvas"].map((each) => {
          const { left, right, top, bottom } = root.querySelector(each).getBoundingClientRect();
          return { left, right, top, bottom };
        })""",
        root,
    )
    controls, picture, canvas = places
    assert controls["bottom"] <= picture["top"] and abs(controls["left"] - picture["left"]) < 10
    assert canvas["right"] <= width and canvas["right"] - canvas["left"] > 300
    small = page.evaluate(
        """root => [...root.querySelectorAll("label, button, p, span, input, select")]
          .filter((each) => each.offsetParent && each.textContent.trim())
          .filter((each) => parseFloat(getComputedStyle(each).fontSize) < 11).map((each) => each.textContent)""",
        root,
    )
    assert not small
    page.screenshot(path=SCREENSHOTS / f"{name} {width} x {height} at {ratio}.png")
    explorer.root.locator("canvas").first.scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / f"{name} {width} x {height} at {ratio}, picture.png")
    context.close()


def test_forced_colours(browser: Browser) -> None:
    """In a reader's own colours text and axes are of them, and curves keep their dashes."""
    context = browser.new_context(forced_colors="active", color_scheme="dark")
    page = prepare(context.new_page())
    send(page, "#one", encode(recording(320, 80, 5_000), 500.0, {}))
    frames(page, "#one", 1)
    ground, text = page.evaluate(
        """() => {
          const box = document.querySelector("#one .snnlab-frame"), { backgroundColor, color } = getComputedStyle(box);
          return [backgroundColor, color];
        }"""
    )
    corner = page.evaluate(
        """() => {
          const context = document.querySelector("#one canvas").getContext("2d");
          return [...context.getImageData(1, 1, 1, 1).data.slice(0, 3)];
        }"""
    )
    assert ground == f"rgb({corner[0]}, {corner[1]}, {corner[2]})" and text != ground
    brightest = page.evaluate(
        """() => {
          const { data } = document.querySelector("#one canvas").getContext("2d").getImageData(0, 0, 56, 400);
          let far = 0;
          for (let i = 0; i < data.length; i += 4) far = Math.max(far, Math.abs(data[i + 1] - data[1]));
          return far;
        }"""
    )
    assert brightest > 150  # the numbers of the axes
    page.screenshot(path=SCREENSHOTS / "forced_colours.png")
    context.close()
