"""Live explorers in a book: name ``snnlab.live.sphinx`` among the extensions of a Sphinx project with MyST-NB.

While its notebooks are executed, a cell whose value is an explorer shows the executed picture and, in a browser, the
explorer with its compiled model (``snnlab.live.page``); an explorer in JupyterLab, and a notebook under test, are as
they always are. A page without an explorer loads nothing.
"""

import os
from pathlib import Path
from typing import Any

from snnlab.live import page

FILES = {"snnlab-live.js": page.script, "snnlab-live.css": page.style}

# What every kernel of the build does first. Explorer is named, not imported: a kernel that needs none stays quick.
STARTUP = """\
from IPython import get_ipython


def _live(explorer):
    from snnlab.live import page

    return page.mimebundle(explorer)


get_ipython().display_formatter.mimebundle_formatter.for_type_by_name(
    "snnlab.widgets.explorer", "Explorer", _live
)
del get_ipython
"""


def setup(app: Any) -> dict[str, Any]:
    """The entry point that Sphinx calls."""
    app.connect("config-inited", _prepare_kernels)
    app.connect("builder-inited", _write_files)
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _prepare_kernels(app: Any, _config: Any) -> None:
    settings = Path(app.doctreedir) / "ipython"
    startup = settings / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "live.py").write_text(STARTUP)
    os.environ["IPYTHONDIR"] = str(settings)


def _write_files(app: Any) -> None:
    if app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            (static / name).write_text(text(), "utf-8")


def _load(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if 'class="snnlab-live"' in context.get("body", ""):
        app.add_js_file("snnlab-live.js", loading_method="defer")
        app.add_css_file("snnlab-live.css")
