"""Run the psychometric experiments of chapter 05 at full size and keep them in chapters/data.

    python tools/psychometric.py [NAME ...]

Each name of EXPERIMENTS becomes one file that ``snnlab.analysis.Psychometric.load`` reads; all of them take about ten
minutes. A trial's seed follows from (seed, coherence, trial), so that a part of an experiment can be repeated alone:
tests/test_wang2002.py does so, and holds the files to the published numbers. Run this again when it says that the
trials come out otherwise.
"""

import argparse
import dataclasses
import os
import platform
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("NPROC", "1")  # one XLA thread: a step is too short to be split

from snnlab import analysis, models

DATA = Path(__file__).resolve().parents[1] / "chapters" / "data"
SEED = 2002

LISTING = {"start": 100.0, "stop": 1100.0, "duration": 1600.0}  # 500 ms of delay
PAPER = {"start": 500.0, "stop": 2500.0, "duration": 2500.0}
ALL = (0.0, 0.064, 0.128, 0.256, 0.512, 1.0)
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "full": {**LISTING, "dt": 0.1, "coherences": ALL, "trials": 100},
    # without evidence a trial stays undecided for longest, and its rates vary most
    "full_even": {**LISTING, "dt": 0.1, "coherences": (0.0,), "trials": 900},
    "paper": {**PAPER, "dt": 0.1, "coherences": (0.032, *ALL[1:]), "trials": 80},
    "fifth": {**LISTING, "dt": 0.05, "coherences": ALL, "trials": 100, "scale": 0.2, "noise": "bernoulli"},
    "fifth_poisson": {**LISTING, "dt": 0.05, "coherences": ALL[1:], "trials": 300, "scale": 0.2},
    "full_fine": {**LISTING, "dt": 0.05, "coherences": (0.256,), "trials": 100},
    "full_fine_bernoulli": {
        **LISTING,
        "dt": 0.05,
        "coherences": (0.256,),
        "trials": 100,
        "noise": "bernoulli",
    },
}


def path(name: str) -> Path:
    """The file of an experiment."""
    return DATA / f"wang2002_{name}.npz"


def run(name: str, progress: bool = False, **changes: Any) -> analysis.Psychometric:
    """An experiment, or with ``changes`` (coherences, trials, ...) a part of it."""
    experiment = {"seed": SEED, **EXPERIMENTS[name], **changes}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*spikes a step")  # Bernoulli noise is meant here
        return analysis.psychometric(models.wang2002, **experiment, progress=progress)


def machine() -> dict[str, str]:
    """What decides the last bit of a number; a network's spikes depend on it."""
    return {"processor": _processor(), "jaxlib": metadata.version("jaxlib")}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    kept = ("vendor_id", "cpu family", "model", "flags")
    found = {line.split("\t")[0]: line.partition(": ")[2] for line in reversed(lines)}
    flags = [flag for flag in found.get("flags", "").split() if flag.startswith(("avx", "fma"))]
    return " ".join([*(found.get(name, "") for name in kept[:3]), *flags]).strip() or platform.machine()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python tools/psychometric.py", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(EXPERIMENTS)}")
    names = parser.parse_args(arguments).names
    for name in names:
        if name not in EXPERIMENTS:
            parser.error(f'there is no experiment "{name}"; there is {", ".join(EXPERIMENTS)}')
    DATA.mkdir(exist_ok=True)
    for name in names or EXPERIMENTS:
        print(f"{name}:", file=sys.stderr)
        result = run(name, progress=True)
        kept = dataclasses.replace(result, settings={**result.settings, **machine()})
        print(f"wrote {kept.save(path(name)).relative_to(DATA.parents[1])}: {kept!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
