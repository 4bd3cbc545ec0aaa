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
    "01_neuron": ("lif",),
    "02_synapse": ("expsyn", "two_neuron"),
    "03_ei_balance": ("cuba_000", "coba_002", "ei_004"),
    "04_hodgkin_huxley": ("cobahh_003", "hh_single"),
    "05_decision": ("wang2002",),
    "06_reduced_decision": ("wongwang",),
    "07_continuous_attractor": ("cann",),
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


def within(value: float, tolerance: float, unit: str = "") -> dict[str, Any]:
    return {"value": value, "lo": value - tolerance, "hi": value + tolerance, "unit": unit}


def lif(entry: dict[str, Any]) -> Numbers:
    """Rate, spike counts and interval by drive, and the counts of the whole F-I curve."""
    name, band = entry["id"], {key: entry[key] for key in ("value", "lo", "hi", "unit")}
    if found := re.fullmatch(r"(fi_analytic|nspk500_hard|nspk500_soft|isi_hard)_(RI\d+|ref_RI\d+)", name):
        kinds = {
            "fi_analytic": "rate on paper",
            "nspk500_hard": "spikes in 500 ms, hard reset",
            "nspk500_soft": "spikes in 500 ms, soft reset",
            "isi_hard": "interval, hard reset",
        }
        yield found[2], kinds[found[1]], band
    elif name.startswith("fi_curve"):
        for I, count in zip(entry["params"]["I_nA"], entry["counts_500ms_hard"], strict=True):
            yield "fi_curve", f"spikes in 500 ms at {I:.3f} nA", within(count, 1 if I > 1.5 else 0)
    else:
        yield "literal", "spikes", band


def expsyn(entry: dict[str, Any]) -> Numbers:
    """The conductance after a train of four spikes."""
    at = entry["id"].removeprefix("g_t")
    yield "train", f"g at {at} ms", {key: entry[key] for key in ("value", "lo", "hi", "unit")}


def two_neuron(entry: dict[str, Any]) -> Numbers:
    """Spike counts of both cells by weight and reset, the height of one EPSP, and the listing as it stands."""
    name = entry["id"]
    if name == "literal_seed":
        for cell, steps in zip(("pre", "post"), entry["value"], strict=True):
            yield "literal", f"spikes of {cell}", within(len(steps), 0)
            for k, step in enumerate(steps):
                yield (
                    "literal",
                    f"step of spike {k + 1} of {cell}",
                    within(step, 1 if step > len(steps) else 0),
                )
    elif name.startswith("single_epsp"):
        yield "single_epsp", "peak", {key: entry[key] for key in ("value", "lo", "hi", "unit")}
    else:
        for k, cell in enumerate(("pre", "post")):
            numbers = {key: entry[key][k] for key in ("value", "lo", "hi")}
            yield name, f"spikes of {cell}", {**numbers, "unit": ""}


def wongwang(entry: dict[str, Any]) -> Numbers:
    """Fixed points and trajectories by stimulus and coherence, values of phi, and bifurcations."""
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


def hh_single(entry: dict[str, Any]) -> Numbers:
    """Periods and counts of a single cell by its leak and its current; the rest of the section is for the tests."""
    cells = {"gL10_EL-60": "intended", "gL10_EL-65": "resting", "gL0.001_EL-60": "listing"}
    if found := re.fullmatch(r"(period|nspk)_(gL.+_EL-\d+)_I(\d+)", entry["id"]):
        kind = {"period": "period", "nspk": "spikes"}[found[1]]
        kept = {key: entry[key] for key in ("value", "lo", "hi", "unit")}
        yield cells[found[2]], f"{kind} at {found[3]} pA", kept


def cann(entry: dict[str, Any]) -> Numbers:
    """Critical inhibition by grid, bumps by inhibition, lags by speed; the three experiments by what was measured."""
    name, band = entry["id"], {key: entry[key] for key in ("value", "lo", "hi", "unit")}
    grids = {"kc_linspace512": "double point", "kc_theory_N512": "even ring"}
    if name in grids:
        yield "critical_k", grids[name], band
    elif found := re.fullmatch(r"bump_k([\d.]+)", name):
        yield "bumps", f"height at k {found[1]}", band
    elif found := re.fullmatch(r"lag_k8.1_A10_v([\d.]+)", name):
        yield "lags", f"lag at {found[1]} rad/ms", band
    elif name.startswith("vmax"):
        yield "vmax", "largest speed", band
    else:
        yield from one_number(entry)


def wang2002(entry: dict[str, Any]) -> Numbers:
    """Trials by protocol and coherence, and spontaneous rates; fitted functions have no published band."""
    if entry["id"].startswith("spont"):
        for k, population in enumerate("ABNI"):
            numbers = {key: entry[key][k] for key in ("value", "lo", "hi")}
            yield entry["id"], f"rate of {population}", {**numbers, "unit": "Hz"}
    elif not entry["id"].startswith("weibull"):
        yield from one_number(entry)


READ = {
    "cann": cann,
    "hh_single": hh_single,
    "lif": lif,
    "expsyn": expsyn,
    "two_neuron": two_neuron,
    "wang2002": wang2002,
    "wongwang": wongwang,
}  # of sections whose entries are more than one number


if __name__ == "__main__":
    PUBLISHED.write_text(json.dumps(selection(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {PUBLISHED.relative_to(ROOT)}")
