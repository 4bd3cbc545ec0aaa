"""An explorer on a page without a kernel: the script and the style, what a cell of a book shows, a page in one file.

The scripts of this folder and those of the canvas view are one classic script, so that a page opened from a file runs
it too. What runs in the Web Worker is a string in it, for a worker made from a blob needs no file of its own.
"""

import base64
import functools
import hashlib
import html
import io
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from snnlab.widgets import view
from snnlab.widgets.explorer import Explorer

_HERE = pathlib.Path(__file__).parent
_WORKER = ("numbers.js", "spikes.js", "frames.js", "plane.js", "ring.js", "module.js", "worker.js")
_PAGE = ("numbers.js", "settings.js", "controls.js", "exports.js", "runner.js", "explorer.js", "boot.js")


def _files(names: tuple[str, ...]) -> str:
    return "\n".join((_HERE / name).read_text("utf-8") for name in names)


def _closed(modules: str, result: str = "") -> str:
    """Modules, laid end to end, as one strict script with a scope of its own, which gives ``result``."""
    source = re.sub(r"^export default .*;$", "", modules, flags=re.MULTILINE)
    source = re.sub(r"^export ", "", source, flags=re.MULTILINE)
    return f'(() => {{\n"use strict";\n{source}\nreturn {{ {result} }};\n}})();\n'


@functools.cache
def script() -> str:
    """The script of a page: it starts every explorer that it finds."""
    worker = f"const WORKER = {json.dumps(_closed(_files(_WORKER)))};\n"
    drawing = f"const {{ mount }} = {_closed(view.script(), 'mount')}"
    return _closed(worker + drawing + _files(_PAGE))


@functools.cache
def style() -> str:
    """The style of a page's explorers."""
    return view.style() + (_HERE / "page.css").read_text("utf-8")


def fragment(compiled: Mapping[str, Any], picture: bytes, alt: str) -> str:
    """The HTML of one explorer: the executed ``picture`` (PNG) and what takes its place.

    ``compiled`` is what ``package`` or ``Program.package`` gives.
    """
    data = json.dumps(_encoded(compiled), allow_nan=False)
    model, words = html.escape(compiled["manifest"]["model"]), html.escape(alt)
    # "<" is written so that no text in the data ends the script element
    return (
        f'<div class="snnlab-live" data-model="{model}">\n'
        f'<figure><img alt="{words}" src="data:image/png;base64,{_base64(picture)}"></figure>\n'
        "<noscript><p>This is the executed picture; with JavaScript it becomes an explorer.</p></noscript>\n"
        f'<script type="application/json">{data.replace("<", chr(92) + "u003c")}</script>\n'
        "</div>\n"
    )


def _encoded(compiled: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "manifest": compiled["manifest"],
        **{build: _base64(compiled[build]) for build in ("simd", "scalar")},
        **{more: [_encoded(each) for each in compiled.get(more, ())] for more in ("variants", "sizes")},
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def package(model: Any, **values: Any) -> dict[str, Any]:
    """A model's compiled program with, as ``sizes``, those of the presets that are of another size.

    Raises ValueError for an unknown name, a wrong value, and what a page cannot run.
    """
    from snnlab.live import program

    first = program(model, **values)
    whole = first.package()
    fixed, sizes = whole["manifest"]["fixed"], []
    for changes in whole["manifest"]["presets"].values():
        size = {**fixed, **{name: value for name, value in changes.items() if name in fixed}}
        if size != fixed and size not in sizes:
            sizes.append(size)
    return {**whole, "sizes": [program(model, **{**values, **size}).package() for size in sizes]}


def mimebundle(explorer: Explorer) -> dict[str, str]:
    """What a cell of a book shows of an explorer: its present recording (it is run if there is none), then itself."""
    return {"text/html": fragment(*parts(explorer)), "text/plain": repr(explorer)}


def parts(explorer: Explorer) -> tuple[dict[str, Any], bytes, str]:
    """Of an explorer its package, the picture of its recording (PNG), and the picture in words."""
    if explorer.recording is None:
        explorer.run()
    figure, png = explorer.figure(), io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return package(explorer.subject, **explorer.values), png.getvalue(), figure.alt


def document(compiled: Mapping[str, Any], picture: bytes, alt: str, title: str = "") -> str:
    """A whole page in one file. It may ask nobody for anything: its own security policy says so."""
    manifest = compiled["manifest"]
    title = html.escape(title or manifest.get("title") or manifest["model"])
    code, look = script(), style() + _PAGE_STYLE
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(code)}' 'wasm-unsafe-eval'",
            f"style-src '{_digest(look)}'",
            "worker-src blob:",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{look}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n{fragment(compiled, picture, alt)}</main>\n"
        f"<script>{code}</script>\n</body>\n</html>\n"
    )


_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 1em; font-family: system-ui, sans-serif; background: #fff; color: #1f1f1f; }
main { max-width: 1200px; margin: 0 auto; }
h1 { font-size: 1.3em; }
@media (prefers-color-scheme: dark) {
  body { background: #1a1a1a; color: #f2f2f2; }
  .snnlab-explorer, .snnlab-view { --snnlab-accent: #56b4e9; --snnlab-alarm: #ff8a80; }
}
"""


def _digest(text: str) -> str:
    return f"sha256-{_base64(hashlib.sha256(text.encode()).digest())}"
