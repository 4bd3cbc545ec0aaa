"""`make lab`: a widget works in it, its kernel is ours, it is private, and it asks no other host for anything."""

import json
import sys
import urllib.error
from urllib.parse import urlsplit

import pytest
from lab_page import SCREENSHOTS, JupyterLab, run_all, scroll_to
from playwright.sync_api import Page, expect

SLIDER = """\
import sys
import ipywidgets
label = ipywidgets.Label(sys.prefix)
slider = ipywidgets.FloatSlider(value=6.7, step=0.1, description="g_inh")
slider.observe(lambda change: setattr(label, "value", f"doubled: {2 * change['new']:.1f}"), "value")
ipywidgets.VBox([slider, label])
"""


def test_slider_reaches_the_kernel(page: Page, jupyterlab: JupyterLab) -> None:
    jupyterlab.write_notebook("slider.ipynb", "1 + 1", SLIDER)
    jupyterlab.open_notebook(page, "slider.ipynb")
    run_all(page)
    handle = page.locator(".jp-OutputArea .noUi-handle")
    label = page.locator(".jp-OutputArea .widget-label").last
    expect(handle).to_be_visible()
    expect(label).to_have_text(sys.prefix)
    handle.press("ArrowRight")
    expect(label).to_have_text("doubled: 13.6")


def test_needs_the_token(jupyterlab: JupyterLab) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        jupyterlab.api("contents", token=False)
    assert {entry["name"] for entry in jupyterlab.api("contents")["content"]} >= {"index.md"}


def test_listens_on_this_machine_only(jupyterlab: JupyterLab) -> None:
    (description,) = jupyterlab.runtime.glob("jpserver-*.json")
    assert json.loads(description.read_text())["hostname"] == "127.0.0.1"


def test_asks_no_other_host(page: Page, jupyterlab: JupyterLab) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    jupyterlab.write_notebook("quiet.ipynb", "1 + 1")
    jupyterlab.open_notebook(page, "quiet.ipynb")
    run_all(page)
    assert hosts - {None} == {"127.0.0.1"}  # None: data: and blob: addresses


def test_a_chapters_exercises_are_typeset_and_their_answers_folded(
    page: Page, jupyterlab: JupyterLab
) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    jupyterlab.open_notebook(page, "02_synapse.ipynb")
    scroll_to(page, ".jp-Notebook details")
    answer = page.locator(".jp-Notebook details").first
    expect(answer.locator("summary")).to_have_text("The answer")
    page.screenshot(path=SCREENSHOTS / "lab_folded_answer.png")
    scroll_to(page, ".jp-Notebook aside:has-text('Exercise')")
    exercise = page.locator(".jp-Notebook aside:has-text('Exercise')").first
    expect(exercise).not_to_contain_text(":::")
    page.screenshot(path=SCREENSHOTS / "lab_exercise.png")
    assert hosts - {None} == {"127.0.0.1"}
