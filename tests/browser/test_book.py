"""Every page of the built book: it comes from one host, no script of it fails, and its formulas are typeset."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGES = [path.relative_to(SITE).as_posix() for path in sorted((SITE / "chapters").rglob("*.html"))]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_is_built() -> None:
    assert "chapters/index.html" in PAGES, "no book in _build/html: run `make book` first"


@pytest.mark.parametrize("name", PAGES)
def test_page(page: Page, site: str, name: str) -> None:
    requested, answers, errors = [], [], []
    page.on("request", lambda request: requested.append(request.url))
    page.on("response", lambda response: answers.append((response.url, response.status)))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site}/{name}", wait_until="networkidle")
    expect(page.locator("article h1").first).to_be_visible()
    formulas = page.locator(".math:not(.output_area)")
    expect(formulas.locator("mjx-container")).to_have_count(formulas.count())
    widgets = page.locator('script[type="application/vnd.jupyter.widget-view+json"]')
    if widgets.count():
        expect(page.locator(".jupyter-widgets").first).to_be_visible()
    assert [url for url in requested if not url.startswith((f"{site}/", "data:", "blob:"))] == []
    assert [url for url, status in answers if status >= 400 and not url.endswith("/favicon.ico")] == []
    assert errors == []
