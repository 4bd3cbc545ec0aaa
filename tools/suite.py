"""Run the whole suite, stage after stage, and end on a summary; the exit code is 0 if every stage passed.

    python tools/suite.py [stage ...]    all stages by default; their names are printed by --list

A failing stage does not stop the later ones: one run tells everything that is wrong.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "_build" / "test"
CELL_SECONDS = 120  # one cell of a chapter may take no longer, on a machine as slow as a free CI runner

PYTEST = ["-m", "pytest", "--color=yes" if sys.stdout.isatty() else "--color=no"]
# Two processes keep two cores busy; `loadfile` keeps a notebook's cells, and a file's fixtures, together.
PARALLEL = ["-n", "2", "--dist", "loadfile"]


@dataclass(frozen=True)
class Stage:
    name: str
    arguments: list[str]  # of this Python
    counts: bool = False  # a pytest run, whose tests are counted


def stages() -> list[Stage]:
    chapters = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "chapters").glob("*.ipynb"))]
    nbval = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}"]
    return [
        Stage("format", ["-m", "ruff", "format", "--check", "."]),
        Stage("lint", ["-m", "ruff", "check", "."]),
        Stage("types", ["-m", "pyright", "--pythonpath", sys.executable]),
        Stage(
            "unit", [*PYTEST, *PARALLEL, "tests", "--ignore=tests/browser", "--targets=check"], counts=True
        ),
        Stage("chapters", [*PYTEST, *PARALLEL, *nbval, *(chapters or ["no-chapter.ipynb"])], counts=True),
        Stage("book", ["tools/book.py"]),
        Stage("browser", [*PYTEST, "tests/browser"], counts=True),
    ]


def run(stage: Stage) -> tuple[bool, dict[str, int], float]:
    """Run one stage: whether it passed, how its tests came out, and how many seconds it took."""
    print(f"\n===== {stage.name}", flush=True)
    arguments, report = stage.arguments, REPORTS / f"{stage.name}.xml"
    if stage.counts:
        report.unlink(missing_ok=True)
        arguments = [*arguments, f"--junitxml={report}"]
    started = time.monotonic()
    code = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, env=environment()
    ).returncode
    outcome = count(report) if stage.counts else {}
    if code != 0 and not (outcome.get("failed") or outcome.get("errors")):
        outcome["failed"] = 1  # the stage itself: lint, a crash, or a test run that found no test
    return code == 0, outcome, time.monotonic() - started


def environment() -> dict[str, str]:
    """Kernels are this Python's, and neither configuration nor start-up files of the user reach them."""
    return os.environ | {
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_CONFIG_DIR": str(REPORTS / "jupyter"),
        "IPYTHONDIR": str(REPORTS / "ipython"),
        "PYTHONUNBUFFERED": "1",
    }


def count(report: Path) -> dict[str, int]:
    """How many tests of a junit report came out which way."""
    if not report.exists():
        return {}
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in ElementTree.parse(report).iter("testsuite"):
        for key in totals:
            totals[key] += int(suite.get(key, 0))
    passed = totals["tests"] - totals["failures"] - totals["errors"] - totals["skipped"]
    return {
        "failed": totals["failures"],
        "passed": passed,
        "skipped": totals["skipped"],
        "errors": totals["errors"],
    }


def summary(results: list[tuple[Stage, bool, dict[str, int], float]]) -> str:
    """The table of the stages, and the line that ends the run."""
    lines, totals = ["\n===== summary"], {}
    for stage, passed, outcome, seconds in results:
        for key, number in outcome.items():
            totals[key] = totals.get(key, 0) + number
        counts = ", ".join(f"{number} {key}" for key, number in outcome.items() if number)
        lines.append(f"{stage.name:9} {'ok' if passed else 'FAILED':7} {seconds:6.1f} s  {counts}")
    counts = ", ".join(f"{number} {key}" for key, number in totals.items() if number)
    failed = [stage.name for stage, passed, *_ in results if not passed]
    verdict = f"failed: {', '.join(failed)}" if failed else f"{len(results)} stages ok"
    lines.append(f"===== {counts or 'no tests'} in {sum(r[3] for r in results):.2f}s ({verdict}) =====")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    every = {stage.name: stage for stage in stages()}
    if names == ["--list"]:
        print(*every)
        return 0
    if unknown := [name for name in names if name not in every]:
        print(f"no stage is called {', '.join(unknown)}; there are: {', '.join(every)}", file=sys.stderr)
        return 2
    chosen = [every[name] for name in names] or list(every.values())
    REPORTS.mkdir(parents=True, exist_ok=True)
    if "browser" in (stage.name for stage in chosen):
        subprocess.run([sys.executable, "tools/browser.py", "--install"], cwd=ROOT, stdin=subprocess.DEVNULL)
    results = [(stage, *run(stage)) for stage in chosen]
    print(summary(results), flush=True)
    return 0 if all(passed for _, passed, *_ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
