"""A page of one's own: a model with its explorer in one HTML file."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snnlab.core.recording import named_file, whole_file
from snnlab.live import page
from snnlab.widgets.explorer import Explorer


def export(
    model: str | Callable[..., Any] | Explorer, path: str | os.PathLike, *, title: str = "", **values: Any
) -> Path:
    """Write a page with the explorer of a model: one HTML file that runs the model in the browser it is opened in.

    It needs no server, no installation and no network, and works from a disk. ``model`` is a documented model's name,
    a model function, or an explorer, whose present settings are then the first ones; ``values`` change settings.
    Whole numbers (sizes), and what else decides the structure, are fixed on the page. The C compiler comes with the
    package ``ziglang``.

    Raises ValueError for an unknown name, a wrong value and a model that a page cannot run; ImportError without the
    compiler.
    """
    path = named_file("export", path)
    if importlib.util.find_spec("ziglang") is None:
        raise ImportError("export: the C compiler is not installed; pip install 'snnlab[live]' brings it.")
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f'export: "{path.name}" must be the name of an HTML file, such as "{path.stem}.html".'
        )
    explorer = Explorer(model.subject, **model.values) if isinstance(model, Explorer) else Explorer(model)
    explorer.set(**values)
    text = page.document(*page.parts(explorer), title)
    with whole_file(path) as file:
        file.write(text.encode())
    return path
