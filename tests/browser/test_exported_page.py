"""A page in one file, opened from a disk: what it says is what ``simulate`` says."""

import re

import pytest
from playwright.sync_api import Page, expect

import snnlab
from snnlab import analysis, live

CASES = {
    "coba_ei": {"n_exc": 160, "n_inh": 40, "p": 0.1, "duration": 100.0},
    "lif_fi": {},
    "two_neurons": {"delay": 3.0},
}


@pytest.mark.parametrize("name", CASES)
def test_an_exported_page_runs_the_model_from_a_disk(page: Page, tmp_path, name: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    path = live.export(name, tmp_path / "page.html", **CASES[name])
    explorer = snnlab.explore(name, **CASES[name])
    page.goto(path.as_uri())
    root = page.locator(f'[data-snnlab="{name}"]')
    expect(root).to_have_attribute("data-state", "ready", timeout=30_000)
    expect(root).to_contain_text(str(analysis.summary(explorer.run())))
    assert not said
    assert all(re.match("file:|blob:|data:", url) for url in asked)
