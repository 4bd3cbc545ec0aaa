"""The documented models on paper: where their parameters come from, and the numbers that others have published.

``published.json`` holds the bands in which a right implementation lies, by section and protocol. They come from
independent references and closed formulas, and those of random networks are means over five or more of them;
tools/published.py writes the file.
"""

import functools
import html
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from snnlab.core.parameters import ABOVE_ZERO, Parameter, describe, unknown

QUANTITIES = {
    "rE": "rate of E",
    "rI": "rate of I",
    "cv_isi": "ISI CV",
    "corr": "pair correlation",
    "chi_spk": "synchrony",
    "fano_pop": "Fano factor",
    "silent_frac": "silent cells",
    "acc_thr": "accuracy, first to cross",
    "acc_late": "accuracy, higher at the end",
    "decided": "share decided",
    "dt_mean": "decision time",
    "win_es": "winner, end of stimulus",
    "lose_es": "loser, end of stimulus",
    "non_es": "non-selective, end of stimulus",
    "I_es": "interneurons, end of stimulus",
    "win_late": "winner, end of trial",
    "lose_late": "loser, end of trial",
}


class Table:
    """Rows of text under a header; a notebook shows it as a table, ``print`` as aligned columns."""

    def __init__(self, caption: str, header: Sequence[str], rows: Iterable[Sequence[str]] = ()):
        self.caption, self.header = caption, tuple(header)
        self.rows = [tuple(row) for row in rows]

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        left = 'style="text-align: left; padding: 0.15em 0.4em"'
        head = "".join(f'<th scope="col" {left}>{html.escape(cell)}</th>' for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td {left}>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f'<table class="dataframe"><caption {left}>{html.escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def parameter_table(model: Callable[..., Any], source: str, **exceptions: str) -> Table:
    """The declared parameters of a model: symbol, value, unit, allowed range, meaning and source.

    ``source`` says where the values come from; ``exceptions`` says it for single parameters, by name. Raises
    ValueError for a name that the model does not have.
    """
    parameters = describe(model)
    for name in exceptions:
        if name not in (names := [p.name for p in parameters]):
            raise ValueError(unknown(f"{model.__name__} has no parameter", name, names))
    rows = [
        (p.name, f"{p.default:g}", p.unit, allowed(p), p.doc, exceptions.get(p.name, source))
        for p in parameters
    ]
    return Table(
        f"Parameters of {model.__name__}", ("symbol", "value", "unit", "allowed", "meaning", "source"), rows
    )


class Checks(Table):
    """Measured numbers beside the published ones: ``add`` a protocol at a time, then look at ``passed``."""

    def __init__(self, caption: str = "Measured against published numbers, means over networks"):
        super().__init__(caption, ("model", "quantity", "measured", "expected", "band", "in band"))
        self._inside: list[bool] = []

    @property
    def passed(self) -> bool:
        """Whether there is a check and every number lies in its band."""
        return bool(self._inside) and all(self._inside)

    def add(self, model: str, protocol: str, measured: Mapping[str, float]) -> None:
        """Add a row for every quantity that is published for ``protocol``, such as "coba_002/coba_6p7".

        ``measured`` holds them by name (``rE``, ``cv_isi``, ...); what has not been published is left out. Raises
        ValueError for an unknown protocol, and when a published quantity was not measured.
        """
        entries = published(protocol)
        for quantity in entries:
            if quantity not in measured:
                raise ValueError(unknown(f"{protocol}: nothing was measured for", quantity, measured))
        for quantity, entry in entries.items():
            value, low, high = float(measured[quantity]), entry["lo"], entry["hi"]
            inside = low <= value <= high
            name = QUANTITIES.get(quantity, quantity) + (f" ({entry['unit']})" if entry["unit"] else "")
            numbers = value, entry["value"], low, high
            digits = _decimals(*numbers)
            shown, expected, first, last = (f"{number:.{digits}f}" for number in numbers)
            band = f"{first} to {last}" if low < high else first
            self._inside.append(inside)
            self.rows.append((model, name, shown, expected, band, "yes" if inside else "NO"))


def published(protocol: str) -> dict[str, dict[str, Any]]:
    """What is published for "section/name": by quantity, its ``value``, band ``lo`` to ``hi`` and ``unit``.

    Raises ValueError for an unknown protocol, with the nearest one.
    """
    known = _protocols()
    if protocol not in known:
        raise ValueError(unknown("Nothing is published for", protocol, known))
    return {quantity: dict(entry) for quantity, entry in known[protocol].items()}


@functools.cache
def _protocols() -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads(resources.files("snnlab.models").joinpath("published.json").read_text("utf-8"))


def allowed(parameter: Parameter) -> str:
    """The range of legal values in words."""
    low, high = parameter.bounds
    if low == ABOVE_ZERO:
        return "above 0" if high == math.inf else f"above 0, to {high:g}"
    if high == math.inf:
        return "any" if low == -math.inf else f"from {low:g}"
    return f"up to {high:g}" if low == -math.inf else f"{low:g} to {high:.10g}"


def _decimals(value: float, expected: float, low: float, high: float) -> int:
    """How many decimals to show: three digits of the band's ends and two of its width, none of whole numbers.

    A value outside is given as many more as tell it from the nearer end.
    """
    if all(float(number).is_integer() for number in (value, expected, low, high)):
        return 0
    scale, width = max(abs(low), abs(high)), high - low
    digits = max(0, *(n - math.floor(math.log10(x)) for n, x in ((2, scale), (1, width)) if x > 0.0), 0)
    while not low <= value <= high and digits < 12:
        if f"{value:.{digits}f}" not in (f"{low:.{digits}f}", f"{high:.{digits}f}"):
            break
        digits += 1
    return digits
