"""Explorers in JupyterLab for everybody: by axe-core, by keyboard alone, light and dark, narrow, at 200 %."""

import json

import pytest
from accessibility import violations
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Page, expect

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
