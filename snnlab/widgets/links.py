"""Settings as text: a link and a file. What comes from outside is bounded and read as numbers by name, nothing else."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote_plus, urlencode

from snnlab.core.parameters import shown

LIMIT = 100_000  # characters of a link, bytes of a file: a thousand times what an explorer writes
KEY = "snnlab"
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{0,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)


def written(model: str, values: Mapping[str, Any]) -> str:
    """The link to a model with these values: ``#snnlab=coba_ei&g_inh=5.0``."""
    return "#" + urlencode({KEY: model, **{name: repr(value) for name, value in values.items()}})


def read(text: Any) -> dict[str, Any]:
    """The settings in a link, with or without the address before ``#``. Raises ValueError for what is none."""
    if not isinstance(text, str):
        raise ValueError(f"A link must be text, not {type(text).__name__}.")
    if len(text) > LIMIT:
        raise ValueError(f"This link has {len(text)} characters; at most {LIMIT} are read.")
    settings: dict[str, Any] = {}
    for part in text.strip().rpartition("#")[2].split("&"):
        name, equals, value = (unquote_plus(piece) for piece in part.partition("="))
        if not equals or not name.isidentifier():
            raise ValueError(f'A link reads "#{KEY}=coba_ei&g_inh=5", not {shown(part)}.')
        if name in settings:
            raise ValueError(f"This link gives {shown(name)} twice.")
        settings[name] = value if name == KEY else _number(name, value)
    if KEY not in settings:
        raise ValueError(f'A link names its model: "#{KEY}=coba_ei".')
    return {"model": settings.pop(KEY), **settings}


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a JSON file. Raises ValueError for what holds none, before it is parsed where it is too large."""
    with open(path, "rb") as file:
        data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            size = os.fstat(file.fileno()).st_size
            raise ValueError(f"{path} has {size} bytes; settings are at most {LIMIT}.")
    try:
        settings = json.loads(data.decode(), parse_constant=_refused, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no settings: {error}") from None
    if not isinstance(settings, dict):
        raise ValueError(
            f"{path} holds no settings: {shown(settings)} is not an object of names and numbers."
        )
    return settings


def _number(name: str, text: str) -> float | int:
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"This link gives {name} = {shown(text)}, which is not a number.")
    return float(text)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    settings = dict(pairs)
    if len(settings) < len(pairs):
        raise ValueError("a name is given twice")
    return settings
