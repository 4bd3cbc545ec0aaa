"""The built book: every explorer of every chapter is alive, under the site's own policy, and runs what JAX runs."""

import functools
import gzip
import re
import threading
from collections.abc import Iterator

import pytest
from live_page import LONG_TASKS, LivePage, explorer
from playwright.sync_api import Page, expect

import snnlab
from tools import serve

FIRST_FRAME = 2000  # ms
SLOW = 4  # times as long on a machine that has other work
HOLDER = 'class="snnlab-live" data-model="'
FOUND = [
    (path.relative_to(serve.SITE).as_posix(), nth, text.partition('"')[0])
    for path in sorted((serve.SITE / "chapters").glob("*.html"))
    for nth, text in enumerate(path.read_text("utf-8").split(HOLDER)[1:])
]
CHAOTIC = {
    "coba_ei",
    "coba_hh_ei",
    "wang2002",
}  # the last bit of an exponential is another spike after some tens of ms
PAGE_BYTES = 2_000_000  # without figures


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serve.server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@functools.cache
def known(model: str) -> bool:
    return hasattr(snnlab.models, model)


def test_every_chapter_has_a_live_explorer() -> None:
    chapters = {path.stem for path in (serve.SITE / "chapters").glob("0*.html")}
    assert len(chapters) == 7 and {name.split("/")[1][:-5] for name, _, _ in FOUND} >= chapters
    assert {model for _, _, model in FOUND} >= {
        *("lif_fi", "two_neurons", "synapse_train", "cuba_ei", "coba_ei", "coba_hh_ei"),
        *("wang2002", "wong_wang2006", "cann"),
    }


@pytest.mark.parametrize(("name", "nth", "model"), FOUND)
def test_it_is_alive(page: Page, site: str, name: str, nth: int, model: str) -> None:
    loaded, errors = [], []
    page.on("response", lambda response: loaded.append(response))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(f"({LONG_TASKS})()")
    page.goto(f"{site}/{name}")
    place = page.locator(".snnlab-live").nth(nth)
    expect(place.locator("[data-snnlab]")).to_have_attribute("data-state", "ready", timeout=30_000)
    first = page.evaluate("performance.now()")
    live = LivePage(page, model)
    live.root = place.locator("[data-snnlab]")
    live.wait(after=0)
    print(
        f"{name}, {model}: ready {first:.0f} ms after the page began to load, {live.read('elapsed')} ms a run"
    )

    if known(model):
        agrees(live, model)
        before = live.frame
        control = live.root.locator("[data-parameter]:has(input[type=range])").first.get_attribute(
            "data-parameter"
        )
        page.evaluate("window.long.length = 0")
        live.drag(control, 0.62, steps=15)
        live.at_rest()
        if live.root.locator("[data-action=run].snnlab-glow").count():
            live.click("run")
            live.at_rest()
        long = page.evaluate("window.long")
        assert live.state == "ready" and live.frame > before
        agrees(live, model)
        print(
            f"dragging {control}: the longest task took {max(long, default=0):.0f} ms, {live.read('latency')} ms"
        )
    assert errors == []
    figures = re.compile(rb"data:image/[^\"]*")
    own = [figures.sub(b"", each.body()) for each in loaded if each.request.resource_type != "image"]
    sent = sum(len(gzip.compress(body)) for body in own)  # as hosts of static sites send them
    print(f"    the page without figures: {sum(map(len, own)) / 1e6:.2f} MB, {sent / 1e6:.2f} MB on the way")
    assert sent < PAGE_BYTES
    assert first < FIRST_FRAME * SLOW


def agrees(live: LivePage, model: str) -> None:
    """The page's status line is that of the notebook; of a chaotic model the rates are near."""
    twin = explorer(model, live.settings)
    if model not in CHAOTIC:
        assert live.summary == twin.summary
        return
    ours, theirs = ([float(x) for x in _numbers(text)] for text in (live.summary, twin.summary))
    assert ours == pytest.approx(theirs, rel=0.15, abs=0.15)


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+\.\d+", text)
