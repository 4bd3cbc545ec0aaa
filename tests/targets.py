"""The published numbers that models are held against (targets.json), by section and id, and the table of them all.

    python tests/targets.py [options of pytest]

runs the tests that measure a published number and prints every id with its band and what was measured; so does
`make targets`. A test says what it measured by ``meets``, and nothing else has to be written down: conftest.py gathers
it, and a run with ``--targets`` fails when an id went without a measurement.
"""

import functools
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest

AWAITED: tuple[str, ...] = ()  # sections whose ids may go without a test: their models are not here yet

measured: dict[str, dict[str, Any]] = {}  # "section.id": what a test of this run measured, and in which band


@functools.cache
def _sections() -> dict[str, dict[str, dict[str, Any]]]:
    data = json.loads((Path(__file__).parent / "targets.json").read_text())
    return {name: {entry["id"]: entry for entry in entries} for name, entries in data["targets"].items()}


def target(section: str, name: str) -> dict[str, Any]:
    """One entry: value, lo, hi, and the protocol where there is one."""
    return _sections()[section][name]


def meets(section: str, name: str, value: Any, *, tol: Any = None, rel: float | None = None) -> bool:
    """Whether a measured value lies in its band; says which one and what it is when it does not.

    The value has the form of the published one: a number, a list, a dict of them. Where no band is published it is
    ``tol`` (one number or one each) or ``rel`` times the value to either side.
    """
    entry = target(section, name)
    expected, found = _numbers(entry["value"]), _numbers(value)
    lo, hi = (None if entry[side] is None else _numbers(entry[side]) for side in ("lo", "hi"))
    if lo is None or hi is None:
        width = (
            rel * np.abs(expected) if rel is not None else np.asarray(entry["tol"] if tol is None else tol)
        )
        lo, hi = (expected - width).tolist(), (expected + width).tolist()
    else:
        assert tol is None and rel is None, f"{section}.{name} has a published band"
    assert len(found) == len(expected), f"{section}.{name}: {len(found)} values for {len(expected)}"
    inside = [low <= x <= high for low, x, high in zip(lo, found, hi, strict=True)]
    key, passed = f"{section}.{name}", all(inside)
    gather({key: {"value": found, "lo": lo, "hi": hi, "passed": passed}})
    wrong = [
        f"measured {x:.6g}, expected {low:.6g} to {high:.6g}"
        for low, x, high in zip(lo, found, hi, strict=True)
        if not low <= x <= high
    ]
    assert passed, f"{key}: {'; '.join(wrong)}"
    return True


def _numbers(value: Any) -> list[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in _numbers(part)]
    return np.ravel(value).astype(float).tolist()


def gather(others: Mapping[str, dict[str, Any]]) -> None:
    """Take in measurements; of several of the same id one that failed is kept."""
    for key, entry in others.items():
        if key not in measured or measured[key]["passed"]:
            measured[key] = entry


def says_meets(code: CodeType) -> bool:
    """Whether a function, or one inside it, measures a published number."""
    return "meets" in code.co_names or any(says_meets(c) for c in code.co_consts if isinstance(c, CodeType))


def without_test() -> list[str]:
    """The ids that no test measured."""
    return [
        key
        for section, entries in _sections().items()
        for key in (f"{section}.{name}" for name in entries)
        if key not in measured
    ]


def complaints() -> list[str]:
    """What is wrong with the tests as a whole, after all of them have run."""
    missing = without_test()
    open_sections = {key.partition(".")[0] for key in missing}
    return [f"no test measures {key}" for key in missing if not key.startswith(_prefixes())] + [
        f"every id of {section} is measured now: take it out of AWAITED in tests/targets.py"
        for section in AWAITED
        if section not in open_sections
    ]


def _prefixes() -> tuple[str, ...]:
    return tuple(f"{section}." for section in AWAITED)


def counts() -> str:
    """One line: how many ids there are, were measured, lie in their bands, and wait for a test."""
    total = sum(map(len, _sections().values()))
    passed, waiting = sum(entry["passed"] for entry in measured.values()), len(without_test())
    return f"{total} published ids: {passed} in their band, {len(measured) - passed} outside, {waiting} without a test"


def table() -> str:
    """Every id: expected, band, measured, whether it passed."""
    rows = [("id", "expected", "from", "to", "measured", "pass")]
    for section, entries in _sections().items():
        for name, entry in entries.items():
            rows.append(_row(f"{section}.{name}", entry, measured.get(f"{section}.{name}")))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in (0, 5) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(key: str, entry: Mapping[str, Any], found: Mapping[str, Any] | None) -> tuple[str, ...]:
    """A row of the table; of several values it shows the one that is nearest to leaving its band."""
    expected = _numbers(entry["value"])
    lo, hi = (_numbers(entry[side]) if entry[side] is not None else None for side in ("lo", "hi"))
    if found:
        lo, hi = found["lo"], found["hi"]
    worst = 0
    if found and len(expected) > 1:
        worst = int(np.argmax(_strain(expected, found["value"], lo, hi)))
    of = f" ({worst + 1} of {len(expected)})" if len(expected) > 1 else ""
    width = hi[worst] - lo[worst] if lo and hi else 0.0
    show = functools.partial(_decimal, width=width)
    band = (show(lo[worst]), show(hi[worst])) if lo and hi else ("", "")
    shown = (
        (show(found["value"][worst]), "yes" if found["passed"] else "NO") if found else ("", "no test yet")
    )
    return (key + of, show(expected[worst]), *band, *shown)


def _strain(expected: Sequence[float], found: Sequence[float], lo: Any, hi: Any) -> Iterable[float]:
    """By how much of the way to its bound each value is off."""
    off = np.subtract(found, expected)
    room = np.where(off < 0, np.subtract(expected, lo), np.subtract(hi, expected))
    return np.abs(off) / np.maximum(room, 1e-300)


def _decimal(value: float, width: float) -> str:
    """As many decimals as tell a tenth of the band."""
    digits = (
        min(12, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else 0 if value == round(value) else 4
    )
    return f"{value:.{digits}f}"


if __name__ == "__main__":
    tests = Path(__file__).parent
    files = [
        str(path) for path in sorted(tests.glob("test_*.py")) if "meets(" in path.read_text(encoding="utf-8")
    ]
    run = ["-q", "-n", "2", "--dist", "loadfile", "--targets", "table"]
    sys.exit(pytest.main([*run, *sys.argv[1:], *files]))
