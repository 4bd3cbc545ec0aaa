"""Every explorer in a real JupyterLab: a drag, a preset, a pin, files taken away and opened, a link there and back."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Page, expect

import snnlab
from snnlab.widgets.catalogue import LOOKS


def press(explorer: ExplorerPage, change) -> None:
    """Make a change and wait for the picture that answers it, by Run where it asks for that."""
    before = explorer.frame
    change()
    run = explorer.root.locator("[data-action=run]")
    explorer.page.wait_for_function(
        """([root, before]) => root.dataset.state === "ready" && (Number(root.dataset.frame) > before
          || root.querySelector("[data-action=run]").classList.contains("snnlab-glow"))""",
        arg=[explorer.root.element_handle(), before],
        timeout=60_000,
    )
    if "snnlab-glow" in (run.get_attribute("class") or ""):
        before = explorer.frame
        explorer.click("run")
        explorer.wait(after=before, timeout=60_000)
    expect(run).not_to_have_class(re.compile("snnlab-glow"))
    still = 0
    while still < 8:  # the last of a drag's values may still be on its way
        frame = explorer.frame
        explorer.page.wait_for_timeout(150)
        still = still + 1 if explorer.state == "ready" and explorer.frame == frame else 0


def download(explorer: ExplorerPage, kind: str) -> bytes:
    explorer.root.locator("[data-action=format] select").select_option(label=kind)
    explorer.page.wait_for_timeout(200)
    with explorer.page.expect_download() as taken:
        explorer.click("export")
    with open(taken.value.path(), "rb") as file:
        return file.read()


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_all_that_an_explorer_does(page: Page, jupyterlab: JupyterLab, tmp_path: Path, name: str) -> None:
    jupyterlab.write_notebook("driven.ipynb", f"import snnlab\nexplorer = snnlab.explore('{name}')\nexplorer")
    jupyterlab.open_notebook(page, "driven.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, name)
    explorer.wait(timeout=120_000)

    parameter = LOOKS[name].visible[0]
    explorer.click("pin")
    expect(explorer.root.locator(".snnlab-pinned")).to_be_visible()
    press(explorer, lambda: explorer.drag(parameter, 0.62))
    assert explorer.error == ""
    explorer.root.screenshot(path=SCREENSHOTS / f"driven {name}.png")

    settings = json.loads(download(explorer, "settings"))
    assert settings["model"] == name and settings[parameter] == explorer.value(parameter)
    same = snnlab.explore(name)
    same.set(**same.settings.checked({key: value for key, value in settings.items() if key != "model"}))
    recording = same.run()
    (tmp_path / "run.npz").write_bytes(download(explorer, "NPZ arrays"))
    other = snnlab.Recording.load(tmp_path / "run.npz")
    assert other.duration == recording.duration
    for population, trains in recording.spikes.items():
        np.testing.assert_array_equal(other.spikes[population].neurons, trains.neurons)
        np.testing.assert_array_equal(other.spikes[population].times, trains.times)
    for variable in recording.samples:
        np.testing.assert_array_equal(other[variable], recording[variable])
    assert download(explorer, "PNG picture")[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in download(explorer, "SVG picture")[:1000]

    explorer.click("link")
    link = explorer.root.locator(".snnlab-link input").input_value()
    assert link == same.link()
    press(explorer, lambda: explorer.choose(list(LOOKS[name].presets)[1]))
    assert explorer.root.locator(".snnlab-link input").input_value() != link
    box = explorer.root.locator(".snnlab-link input")
    box.fill(link)
    press(explorer, lambda: box.press("Enter"))
    assert explorer.value(parameter) == settings[parameter]
