"""A browser, pages that leave a screenshot, and a JupyterLab; everything here carries the marker `browser`."""

from collections.abc import Iterator
from pathlib import Path

import bare_page
import lab_page
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import tools.browser

HERE = Path(__file__).parent
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = tools.browser.find()
    assert path, "no Chromium or Chrome found; `python tools/browser.py --install` fetches one"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with storage of its own. How it looked at the end is kept in _build/test/screenshots."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    yield page
    name = request.node.name.replace("/", "_")
    page.screenshot(path=lab_page.SCREENSHOTS / f"{name}.png")
    context.close()


@pytest.fixture
def bare(page: Page) -> Page:
    """A page with two roots, each with a view."""
    return bare_page.prepare(page)


@pytest.fixture(scope="session")
def _lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab_page.JupyterLab]:
    with lab_page.serve(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


@pytest.fixture
def jupyterlab(_lab_server: lab_page.JupyterLab) -> Iterator[lab_page.JupyterLab]:
    """The session's JupyterLab; the kernels that a test starts end with it."""
    yield _lab_server
    _lab_server.stop_kernels()
