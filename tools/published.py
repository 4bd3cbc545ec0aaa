"""Write snnlab/models/published.json: the published numbers that the chapters check themselves against.

    python tools/published.py

The numbers are those of tests/targets.json; a test holds the two files together.
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ROOT / "tests" / "targets.json"
PUBLISHED = ROOT / "snnlab" / "models" / "published.json"
SECTIONS = ("cuba_000", "coba_002", "ei_004")  # what a chapter checks


def selection() -> dict[str, dict[str, dict[str, Any]]]:
    """By "section/protocol" and quantity: value, lo, hi and unit."""
    targets = json.loads(TARGETS.read_text(encoding="utf-8"))["targets"]
    chosen: dict[str, dict[str, dict[str, Any]]] = {}
    for section in SECTIONS:
        for entry in targets[section]:
            protocol, _, quantity = entry["id"].rpartition(".")
            kept = {key: entry[key] for key in ("value", "lo", "hi", "unit")}
            chosen.setdefault(f"{section}/{protocol}", {})[quantity] = kept
    return chosen


if __name__ == "__main__":
    PUBLISHED.write_text(json.dumps(selection(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {PUBLISHED.relative_to(ROOT)}")
