"""What makes the built pages a site that any static host can serve: a security policy in every page, a page for
addresses that do not exist, and the file that keeps a host from leaving out folders whose name begins with "_".

SNNLAB_SITE_PATH says under which path the site will be served ("/snnlab/", say); without it that is "/". Only the
page for unknown addresses needs to know.
"""

import base64
import hashlib
import os
import re
import shutil
from html import escape
from html.parser import HTMLParser
from pathlib import Path

# What a page may load and run: its own host's files, its own inline scripts by their digests, and what these make
# (blob:), which is how the explorers' workers start. No other host is reachable from a page.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
REPAIRS = {  # what the theme and the extensions get wrong for a screen reader
    # a name that hides the words on the button
    ' aria-label="Toggle hidden content"': "",
    'search-button-field search-button__button" title="Search" aria-label="Search"': (
        'search-button-field search-button__button"'
    ),
    # one name for many places
    ' id="exercise-content"': "",
    ' id="solution-content"': "",
    # a list whose items are none
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
}
# Icons drawn by a script of 1.5 MB; the style sheet beside it draws the same ones from a font of 0.15 MB.
ICONS = re.compile(r'<script src="[^"]*/fontawesome/[^"]*"></script>\n?')
CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.IGNORECASE)
EXECUTED = ("", "module", "text/javascript", "application/javascript")

UNKNOWN = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page: snnlab</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ background: #fff; color: #222; font: 1.1rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 36rem; margin: 10vh auto; padding: 0 1rem; }}
a {{ color: #0b57c2; }}
@media (prefers-color-scheme: dark) {{
body {{ background: #121212; color: #ddd; }}
a {{ color: #7ab7ff; }}
}}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>It may have moved, or the address has a slip. The pages there are:</p>
<ul>
{links}
</ul>
<p>Or <a href="{path}search.html">search</a> for it.</p>
</main>
</body>
</html>
"""


def finish(html: Path) -> None:
    """Add to the pages in the folder ``html`` what the book's builder does not."""
    (html / ".nojekyll").touch()
    path = site_path()
    pages = [html / "chapters" / "index.html", *sorted((html / "chapters").glob("[0-9]*.html"))]
    links = "\n".join(
        f'<li><a href="{path}{page.relative_to(html).as_posix()}">{escape(title(page))}</a></li>'
        for page in pages
    )
    (html / "404.html").write_text(UNKNOWN.format(links=links, path=path), encoding="utf-8")
    for unused in (html / "_static" / "vendor" / "fontawesome").glob("*/js"):
        shutil.rmtree(unused)
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for wrong, right in REPAIRS.items():
            text = text.replace(wrong, right)
        text = ICONS.sub("", text)
        page.write_text(with_policy(text), encoding="utf-8", newline="\n")


def site_path() -> str:
    """Where on its host the site lies: a path that begins and ends with a stroke."""
    path = os.environ.get("SNNLAB_SITE_PATH", "/")
    if not re.fullmatch(r"/([\w.-]+/)*", path):
        raise SystemExit(f"SNNLAB_SITE_PATH = {path!r} must be a path such as / or /snnlab/")
    return path


def title(page: Path) -> str:
    """What the page calls itself."""
    found = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"), re.DOTALL)
    return " ".join(found[1].partition(" &#8212; ")[0].partition(" — ")[0].split()) if found else page.stem


def with_policy(text: str) -> str:
    """The page with its security policy, directly after its character set: ahead of everything that it loads."""
    allowed = ["'unsafe-hashes'", *sorted(map(digest, Scripts.of(text)))]
    policy = POLICY.format(scripts=" ".join(allowed))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
    return CHARSET.sub(lambda found: f"{found[0]}\n{meta}", text, count=1)


def digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class Scripts(HTMLParser):
    """The inline scripts of a page, and what its attributes such as ``onclick`` say."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._inside = False

    @classmethod
    def of(cls, text: str) -> set[str]:
        parser = cls()
        parser.feed(text.replace("\r\n", "\n"))
        parser.close()
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found |= {value for name, value in attrs if name.startswith("on") and value}
        self._inside = tag == "script" and "src" not in given and (given.get("type") or "") in EXECUTED

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.add(data)
