"""Write snnlab/models/published.json: the published numbers that the chapters check themselves against.

    python tools/published.py

The numbers are those of tests/targets.json; a test holds the two files together.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ROOT / "tests" / "targets.json"
PUBLISHED = ROOT / "snnlab" / "models" / "published.json"
CHAPTERS = {  # the sections that a chapter checks
    "03_ei_balance": ("cuba_000", "coba_002", "ei_004"),
    "06_reduced_decision": ("wongwang",),
}

Numbers = Iterator[tuple[str, str, dict[str, Any]]]  # protocol, quantity, and value, lo, hi and unit


def selection() -> dict[str, dict[str, dict[str, Any]]]:
    """By "section/protocol" and quantity: value, lo, hi and unit."""
    targets = json.loads(TARGETS.read_text(encoding="utf-8"))["targets"]
    chosen: dict[str, dict[str, dict[str, Any]]] = {}
    for section in (name for sections in CHAPTERS.values() for name in sections):
        for entry in targets[section]:
            for protocol, quantity, kept in READ.get(section, one_number)(entry):
                chosen.setdefault(f"{section}/{protocol}", {})[quantity] = kept
    return chosen


def one_number(entry: dict[str, Any]) -> Numbers:
    """An entry "protocol.quantity" that is one number."""
    protocol, _, quantity = entry["id"].rpartition(".")
    yield protocol, quantity, {key: entry[key] for key in ("value", "lo", "hi", "unit")}


def wongwang(entry: dict[str, Any]) -> Numbers:
    """Fixed points and trajectories by stimulus and coherence, values of phi, and bifurcations."""

    def within(value: float, tolerance: float, unit: str = "") -> dict[str, Any]:
        return {"value": value, "lo": value - tolerance, "hi": value + tolerance, "unit": unit}

    name = entry["id"]
    if found := re.fullmatch(r"n_fp_(.+)", name):
        yield found[1], "fixed points", within(entry["value"], 0)
    elif found := re.fullmatch(r"(fp|traj)_(mu.+)_T?([\d.]+)", name):
        where = f"at {found[3]} s" if found[1] == "traj" else f"of point {int(found[3]) + 1}"
        for k, variable in enumerate(("s1", "s2")):
            numbers = {key: entry[key][k] for key in ("value", "lo", "hi")}
            yield found[2], f"{variable} {where}", {**numbers, "unit": ""}
        for k, eigenvalue in enumerate(entry.get("eig", ())):
            yield (
                found[2],
                f"eigenvalue {k + 1} {where}",
                within(eigenvalue, entry["eig_tol"], "1/s"),
            )
    elif name == "phi":
        for I, value in entry["value"].items():
            yield "phi", f"phi at {I} nA", within(value, entry["tol"], "Hz")
    elif isinstance(entry["value"], float):
        kind = {"c_fold_mu30": "coherence of the fold", "pitchfork_0_mu_c0": "stimulus of the pitchfork"}
        yield "bifurcations", kind[name], {key: entry[key] for key in ("value", "lo", "hi", "unit")}


READ = {"wongwang": wongwang}  # of sections whose entries are more than one number


if __name__ == "__main__":
    PUBLISHED.write_text(json.dumps(selection(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {PUBLISHED.relative_to(ROOT)}")
