"""Every page of the built book: it comes from one host and no script of it fails, its formulas are typeset, its links
lead somewhere, a screen reader and a phone can read it, by day and by night."""

import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from accessibility import violations
from playwright.sync_api import Page, expect

from tools import finish, serve

SITE = serve.SITE
PAGES = [
    path.relative_to(SITE).as_posix()
    for path in [*sorted((SITE / "chapters").rglob("*.html")), *sorted(SITE.glob("*.html"))]
    if path != SITE / "index.html"  # sends the reader on to the first page
]
LARGEST = 2_500_000  # bytes of a page with its figures
PHONE = 360  # pixels across
VIOLATIONS = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => refused.push(
  `${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serve.server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_is_built() -> None:
    assert {"chapters/index.html", "404.html", "search.html"} <= set(PAGES), "run `make book` first"
    assert (SITE / ".nojekyll").exists()


@pytest.mark.parametrize("name", PAGES)
def test_page(page: Page, site: str, name: str) -> None:
    requested, answers, errors = [], [], []
    page.on("request", lambda request: requested.append(request.url))
    page.on("response", lambda response: answers.append((response.url, response.status)))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(VIOLATIONS)
    page.goto(f"{site}/{name}", wait_until="networkidle")
    expect(page.locator("h1:visible, h2:visible").first).to_be_visible()
    formulas = page.locator(".math:not(.output_area)")
    expect(formulas.locator("mjx-container")).to_have_count(formulas.count())
    assert [url for url in requested if not url.startswith((f"{site}/", "data:", "blob:"))] == []
    assert [url for url, status in answers if status >= 400 and not url.endswith("/favicon.ico")] == []
    assert errors == []
    assert page.evaluate("refused") == []
    assert (SITE / name).stat().st_size < LARGEST


@pytest.mark.parametrize("name", PAGES)
def test_can_be_read_by_all(page: Page, site: str, name: str) -> None:
    """No serious fault of accessibility, light and dark; on a phone only tables and code scroll sideways."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # colours that fade are no colours yet
    page.goto(f"{site}/{name}", wait_until="networkidle")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    if name != "404.html":
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert violations(page) == []
    page.set_viewport_size({"width": PHONE, "height": 740})
    page.wait_for_function(f"document.documentElement.scrollWidth <= {PHONE}", timeout=5000)


# ---- the security policy ----------------------------------------------------------------------------------


def test_the_policy_lets_a_page_reach_no_other_host_and_run_no_foreign_script(page: Page, site: str) -> None:
    page.add_init_script(VIOLATIONS)
    page.goto(f"{site}/chapters/units.html", wait_until="networkidle")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    page.evaluate("void (document.createElement('img').src = 'http://127.0.0.1:9/')")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.foreign = true";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", '<button onclick="window.foreign = true">x</button>');
          document.body.lastElementChild.click();
        }"""
    )
    page.wait_for_function("refused.length >= 4")
    directives = {each.split()[0] for each in page.evaluate("refused")}
    assert directives == {"connect-src", "img-src", "script-src-elem", "script-src-attr"}
    assert page.evaluate("window.foreign") is None


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("<script>a</script><script src='b.js'></script><script type='module'>c</script>", {"a", "c"}),
        ("<script type='application/json'>{}</script><p onclick='d()'>e</p>", {"d()"}),
        ("<script>if (1 < 2) '<b onclick=\"f\">'</script>", {"if (1 < 2) '<b onclick=\"f\">'"}),
    ],
)
def test_the_policy_names_what_a_page_runs(text: str, scripts: set[str]) -> None:
    assert finish.Scripts.of(text) == scripts
    page = finish.with_policy(f'<head><meta charset="utf-8" />{text}')
    assert all(finish.digest(script).strip("'") in page for script in scripts)
    assert page.index("Content-Security-Policy") < page.index("<", page.index("content=") + 1)


@pytest.mark.parametrize("path", ["snnlab", "/snnlab", "//elsewhere/", "/a b/", "/<b>/"])
def test_a_site_path_that_is_none_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNLAB_SITE_PATH", path)
    with pytest.raises(SystemExit, match="SNNLAB_SITE_PATH"):
        finish.site_path()


def test_a_film_plays(page: Page, site: str) -> None:
    """A chapter's own inline script runs under the policy."""
    page.goto(f"{site}/chapters/07_continuous_attractor.html", wait_until="networkidle")
    film = page.locator("[id^=snnlab-film]").first
    first = film.locator("img").get_attribute("src")
    film.get_by_role("button").click()
    expect(film.locator("img")).not_to_have_attribute("src", first)


# ---- links ------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """What a page links to or loads, and the places in it that a link can name."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.places: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.places += [given[name] for name in ("id",) if name in given]


def parsed() -> dict[str, Links]:
    return {name: Links((SITE / name).read_text(encoding="utf-8")) for name in [*PAGES, "index.html"]}


def dead_links(pages: dict[str, Links]) -> list[str]:
    """Links within the site to a file that is not there, or to a place that its page does not have."""
    root, dead = finish.site_path(), []
    for name, page in pages.items():
        for link in page.links:
            target = urlsplit(urljoin(f"http://site{root}{name}", link))
            if target.netloc != "site" or target.scheme != "http":
                continue
            path = unquote(target.path).removeprefix(root)
            if path.endswith("/") or not path:
                path += "index.html"
            place = unquote(target.fragment)
            if not (SITE / path).is_file():
                dead.append(f"{name}: {link}: no such file")
            elif place and path in pages and place not in pages[path].places:
                dead.append(f"{name}: {link}: no such place")
    return dead


def test_links_within_the_site_lead_somewhere() -> None:
    pages = parsed()
    assert sum(len(page.links) for page in pages.values()) > 500
    assert dead_links(pages) == []


def test_a_dead_link_is_noticed() -> None:
    bad = Links('<a href="no.html">a</a><a href="#no">b</a><a href="chapters/units.html#no">c</a>')
    good = Links('<b id="yes"></b><a href="#yes">a</a><a href="https://doi.org/x">b</a><img src="data:,">')
    pages = parsed() | {"index.html": bad}
    assert [line.split(": ")[1] for line in dead_links(pages)] == ["no.html", "#no", "chapters/units.html#no"]
    assert dead_links(parsed() | {"index.html": good}) == []


@pytest.mark.parametrize(
    "name", [name for name in PAGES if name != "search.html"]
)  # the theme's: a part and its list
def test_a_place_has_one_name(name: str) -> None:
    places = Links((SITE / name).read_text(encoding="utf-8")).places
    assert sorted(places) == sorted(set(places))


def test_an_unknown_address_gets_a_page_that_leads_back(page: Page, site: str) -> None:
    answer = page.goto(f"{site}/chapters/no/such/page.html")
    assert answer.status == 404
    expect(page.locator("h1")).to_have_text("There is no such page")
    links = page.locator("li a")
    assert links.count() >= 8
    if finish.site_path() == "/":
        links.nth(1).click()
        expect(page.locator("article h1")).to_be_visible()


def test_search_finds_words_without_any_other_host(page: Page, site: str) -> None:
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{site}/search.html?q=synchrony", wait_until="networkidle")
    results = page.locator("#search-results li")
    expect(results.first).to_be_visible(timeout=20_000)
    assert [url for url in requested if not url.startswith(f"{site}/")] == []
    results.first.locator("a").first.click()
    expect(page.locator("article")).to_contain_text("synchrony", ignore_case=True)


# ---- the front page ---------------------------------------------------------------------------------------


def test_every_chapter_has_a_card_with_its_picture(page: Page, site: str) -> None:
    page.goto(f"{site}/chapters/index.html", wait_until="networkidle")
    cards = page.locator("article .sd-card")
    chapters = [name for name in PAGES if name.removeprefix("chapters/")[:1].isdigit() and name != "404.html"]
    assert cards.count() == len(chapters)
    for i, name in enumerate(chapters):
        picture = cards.nth(i).locator("img")
        assert picture.get_attribute("alt") and picture.evaluate("img => img.naturalWidth") > 0
        assert (
            urljoin(f"{site}/chapters/", cards.nth(i).locator("a").get_attribute("href")) == f"{site}/{name}"
        )
