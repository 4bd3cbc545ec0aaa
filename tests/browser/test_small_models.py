"""The explorers of one cell, one synapse and two cells in JupyterLab: every preset draws, and a hand moves them."""

import re

import pytest
from explorer_page import ExplorerPage
from lab_page import SCREENSHOTS, JupyterLab, run_all
from playwright.sync_api import Page

from snnlab.widgets.catalogue import LOOKS


def rate(explorer: ExplorerPage, population: str) -> float:
    found = re.search(rf"{population} ([\d.]+) Hz", explorer.summary)
    assert found, explorer.summary
    return float(found[1])


@pytest.mark.parametrize(
    ("name", "parameter", "population"),
    [("lif_fi", "I", "cell"), ("synapse_train", "g", "CUBA"), ("two_neurons", "w", "post")],
)
def test_presets_and_a_drag(page: Page, jupyterlab: JupyterLab, name, parameter, population) -> None:
    """From the low end of its slider to the high one, the cell goes from silence to firing."""
    jupyterlab.write_notebook(f"{name}.ipynb", f"import snnlab\nsnnlab.explore('{name}')")
    jupyterlab.open_notebook(page, f"{name}.ipynb")
    run_all(page)
    explorer = ExplorerPage(page, name)
    explorer.wait(timeout=120_000)
    for preset in reversed(LOOKS[name].presets):
        frame = explorer.frame
        explorer.choose(preset)
        explorer.wait(after=frame)
        assert not explorer.error
        explorer.root.screenshot(path=SCREENSHOTS / f"{name} {preset.replace(':', '')}.png")
    explorer.drag(parameter, to=0.01)
    explorer.wait()
    assert rate(explorer, population) == 0.0
    explorer.drag(parameter, to=0.99)
    explorer.wait()
    assert rate(explorer, population) > 0.0
