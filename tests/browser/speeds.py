"""Where browser tests put what they measured, for `make bench` to print; no test judges a time."""

import json
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).parents[2] / "benchmarks" / "results" / "in_page.json"


def note(what: str, values: Sequence[float], goal: str, unit: str = "ms") -> None:
    """Keep the ``values`` that were measured of ``what``, instead of those of another day."""
    FILE.parent.mkdir(exist_ok=True)
    rows = json.loads(FILE.read_text()) if FILE.exists() else {}
    rows[what] = {"values": [round(float(value), 3) for value in values], "unit": unit, "goal": goal}
    FILE.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{what}: {rows[what]}")
