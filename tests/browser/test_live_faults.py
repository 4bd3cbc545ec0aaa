"""Pages with explorers where something is missing or refused, and what a page may ask of whom."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import violations
from live_page import SMALL, STRICT, WATCH, LivePage, explorer, one_file, package, picture, served, site
from playwright.sync_api import Browser, Page, expect

import snnlab
from snnlab.live import page as live


def small() -> str:
    return live.fragment(package("coba_ei", **SMALL), *picture())


@contextlib.contextmanager
def opened(browser: Browser, address: str, script: str = "", **settings: object) -> Iterator[Page]:
    """A page of its own, with a script that runs before all others."""
    context = browser.new_context(**settings)
    page = context.new_page()
    if script:
        page.add_init_script(script)
    page.goto(address)
    yield page
    context.close()


def test_a_strict_policy_is_enough(page: Page, tmp_path: Path) -> None:
    """Nothing but the page's own files, wasm and a worker made from a blob; no request leaves the host."""
    requested, errors = [], []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(f"({WATCH})()")
    with served(site(tmp_path, small())) as address:
        page.goto(address)
        one = LivePage(page, "coba_ei")
        one.wait(after=0)
        one.drag("g_inh", 0.8, steps=5)
        for action in ("pin", "code", "link", "more", "seed"):
            one.click(action)
        one.at_rest()
        assert one.state == "ready" and one.summary == explorer("coba_ei", one.settings).summary
        assert page.evaluate("window.violations") == [] and errors == []
        host = address.rpartition("/")[0]
        assert [url for url in requested if not url.startswith((f"{host}/", "data:", "blob:"))] == []


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (STRICT.replace("worker-src blob:", "worker-src 'none'"), "worker"),
        (STRICT.replace("'wasm-unsafe-eval'", ""), "Content Security Policy"),
    ],
)
def test_a_policy_that_forbids_it_leaves_the_picture(
    browser: Browser, tmp_path: Path, policy: str, words: str
) -> None:
    with served(site(tmp_path, small()), policy) as address, opened(browser, address) as page:
        refused(page, words)


def refused(page: Page, words: str) -> None:
    """The executed picture is there, and one sentence with these words."""
    said = page.locator(".snnlab-failure")
    expect(said).to_have_count(1, timeout=10_000)
    expect(said).to_contain_text("This is the executed picture; it cannot be explored here, because")
    assert words.lower() in said.inner_text().lower() and said.inner_text().endswith(".")
    expect(page.get_by_role("img", name='what was run: "E" & <I>')).to_be_visible()
    expect(page.locator("[data-snnlab]")).to_have_count(0)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("delete window.WebAssembly", "this browser has no WebAssembly"),
        ("delete window.Worker", "this browser has no workers"),
        ("window.Worker = class { constructor() { throw new Error('not today'); } }", "not today"),
    ],
)
def test_a_browser_that_cannot_leaves_the_picture(
    browser: Browser, tmp_path: Path, script: str, words: str
) -> None:
    with opened(browser, one_file(tmp_path, "coba_ei", **SMALL), script) as page:
        refused(page, words)


def test_without_javascript_the_picture_and_its_words_are_there(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, one_file(tmp_path, "coba_ei", **SMALL), java_script_enabled=False) as page:
        expect(page.get_by_role("img", name='what was run: "E" & <I>')).to_be_visible()
        expect(page.locator("noscript p")).to_contain_text("executed picture")


def test_a_damaged_page_leaves_the_picture(browser: Browser, tmp_path: Path) -> None:
    broken = re.sub(r'("simd": ")[^"]{40}', r"\1", small())
    broken = re.sub(r'("scalar": ")[^"]{40}', r"\1", broken)
    cut = small().replace('{"manifest"', '{"manifes', 1)
    for fragment in (broken, cut):
        with (
            served(site(tmp_path, fragment)) as address,
            opened(browser, address) as page,
        ):
            refused(page, "")


def test_without_vector_instructions_the_scalar_build_runs(page: Page, tmp_path: Path) -> None:
    """What the browser does not validate it does not run; both builds give the same spikes."""
    whole = package("coba_ei", **SMALL)
    assert whole["simd"] != whole["scalar"]
    fragments = {
        "simd": live.fragment(whole, *picture()),
        "scalar": live.fragment({**whole, "simd": b"\0asm\1\0\0\0 unknown instructions"}, *picture()),
    }
    said = {}
    for build, fragment in fragments.items():
        with served(site(tmp_path, fragment)) as address:
            page.goto(address)
            one = LivePage(page, "coba_ei")
            one.wait(after=0)
            assert one.read("build") == build
            said[build] = one.summary
    assert said["simd"] == said["scalar"]


def test_storage_that_is_blocked_is_not_missed(browser: Browser, tmp_path: Path) -> None:
    script = """for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
      Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
    }"""
    with opened(browser, one_file(tmp_path, "coba_ei", **SMALL), script) as page:
        LivePage(page, "coba_ei").wait(after=0)


def test_a_file_asks_nobody_for_anything(page: Page, tmp_path: Path) -> None:
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.context.set_offline(True)
    address = one_file(tmp_path, "coba_ei", **SMALL)
    page.goto(address)
    one = LivePage(page, "coba_ei")
    one.wait(after=0)
    one.drag("g_inh", 0.8, steps=5)
    one.at_rest()
    assert [url for url in requested if not url.startswith((address, "data:", "blob:"))] == []
    page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => (window.refused = true))")
    assert page.evaluate("window.refused") is True


def test_two_explorers_do_not_interfere(page: Page, tmp_path: Path) -> None:
    other = live.fragment(package("two_neurons"), *picture())
    with served(site(tmp_path, small(), other, small())) as address:
        page.goto(address + "#snnlab=coba_ei&n_exc=80&n_inh=20&p=0.2&g_inh=5.0")
        one, two, three = (
            LivePage(page, "coba_ei"),
            LivePage(page, "two_neurons"),
            LivePage(page, "coba_ei", 1),
        )
        for each in (one, two, three):
            each.wait(after=0)
        assert (one.value("g_inh"), three.value("g_inh")) == (5.0, 6.7)  # the link is for the first
        first = three.summary
        one.drag("g_inh", 0.9, steps=10)
        two.drag("w", 0.2, steps=10)
        one.at_rest()
        two.at_rest()
        for each, name in ((one, "coba_ei"), (two, "two_neurons"), (three, "coba_ei")):
            assert each.summary == explorer(name, each.settings).summary
        assert three.summary == first
        ids = page.locator("[id]").evaluate_all("(all) => all.map((each) => each.id)")
        assert len(ids) == len(set(ids))


HIDDEN = """
window.asleep = true;
Object.defineProperty(document, "hidden", { get: () => window.asleep });
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => (window.asleep ? 0 : frame(act));
"""


def test_a_hidden_tab_keeps_up_and_wakes_up(browser: Browser, tmp_path: Path) -> None:
    """A tab that paints nothing holds nothing up; when it is looked at it shows the last values."""
    with opened(browser, one_file(tmp_path, "coba_ei", **SMALL), HIDDEN) as page:
        one = LivePage(page, "coba_ei")
        expect(one.root).to_have_attribute("data-state", "ready", timeout=30_000)
        one.slider("g_inh").evaluate(
            """(slider) => {
              for (let i = 0; i < 1000; i++) {
                slider.value = 1 + 0.1 * (i % 180);
                slider.dispatchEvent(new Event("input", { bubbles: true }));
              }
            }"""
        )
        one.at_rest()
        assert one.summary == explorer("coba_ei", one.settings).summary
        page.evaluate("() => { asleep = false; document.dispatchEvent(new Event('visibilitychange')); }")
        seen = one.root.locator("canvas").first
        page.wait_for_timeout(300)
        dark = seen.evaluate(
            """(canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let seen = 0;
              for (let i = 0; i < data.length; i += 4) if (data[i] < 100) seen++;
              return seen;
            }"""
        )
        assert dark > 500  # it is drawn


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_how_it_looks(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing sticks out of the page, and words stand out from their ground."""
    from lab_page import SCREENSHOTS

    settings = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
    with opened(browser, one_file(tmp_path, "coba_ei", **SMALL), **settings) as page:
        one = LivePage(page, "coba_ei")
        one.wait(after=0)
        one.click("more")
        one.click("code")
        page.screenshot(path=SCREENSHOTS / f"live_{width}_{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []
        contrast = page.evaluate(
            """() => [...document.querySelectorAll(".snnlab-native :is(label, button, summary, select, input, pre, p)")]
              .filter((each) => each.type !== "range")
              .filter((each) => each.checkVisibility() && !each.disabled)
              .map((each) => {
                const numbers = (colour) => {
                  const pen = new OffscreenCanvas(1, 1).getContext("2d");
                  pen.fillStyle = colour;
                  pen.fillRect(0, 0, 1, 1);
                  return [...pen.getImageData(0, 0, 1, 1).data];
                };
                const light = ([r, g, b]) => [r, g, b].map((x) => x / 255)
                  .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
                  .reduce((sum, x, k) => sum + x * [0.2126, 0.7152, 0.0722][k], 0);
                let under = each;
                while (under && numbers(getComputedStyle(under).backgroundColor)[3] === 0) under = under.parentElement;
                const ground = light(numbers(under ? getComputedStyle(under).backgroundColor : "#fff"));
                const ink = light(numbers(getComputedStyle(each).color));
                return [(Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05), each.outerHTML.slice(0, 80)];
              })"""
        )
        assert len(contrast) > 20
        assert [each for each in contrast if each[0] < 4.5] == []


def test_a_models_own_name_is_never_markup(page: Page, tmp_path: Path) -> None:
    """Text from a model's author goes through the page as text."""
    whole = package("coba_ei", **SMALL)
    evil = "</script><img src=x onerror=window.caught=1>"
    manifest = {**whole["manifest"], "presets": {evil: {}}, "title": evil}
    manifest["parameters"] = [{**each, "doc": evil} for each in manifest["parameters"]]
    path = tmp_path / "evil.html"
    path.write_text(live.document({**whole, "manifest": manifest}, picture()[0], evil), "utf-8")
    page.goto(path.as_uri())
    one = LivePage(page, "coba_ei")
    one.wait(after=0)
    expect(page.get_by_role("heading")).to_have_text(evil)
    assert one.root.locator("[data-action=preset] option").last.inner_text() == evil
    assert page.evaluate("window.caught") is None and page.locator("img").count() == 0
    assert snnlab.explore("coba_ei").name in page.locator("[data-snnlab]").get_attribute("data-snnlab")
