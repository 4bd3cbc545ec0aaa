"""The published numbers that models are held against (targets.json), by section and id."""

import functools
import json
from pathlib import Path
from typing import Any


@functools.cache
def _sections() -> dict[str, dict[str, dict[str, Any]]]:
    data = json.loads((Path(__file__).parent / "targets.json").read_text())
    return {name: {entry["id"]: entry for entry in entries} for name, entries in data["targets"].items()}


def target(section: str, name: str) -> dict[str, Any]:
    """One entry: value, lo, hi, and the protocol where there is one."""
    return _sections()[section][name]


def band(section: str, name: str) -> tuple[float, float]:
    """The interval in which a right implementation lies."""
    entry = target(section, name)
    return entry["lo"], entry["hi"]


def meets(section: str, name: str, measured: float) -> bool:
    """Whether a measured number lies in its band; says which one and what it is when it does not."""
    lo, hi = band(section, name)
    assert lo <= measured <= hi, f"{section}.{name}: measured {measured:.6g}, expected {lo:.6g} to {hi:.6g}"
    return True
