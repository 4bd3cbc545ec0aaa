"""``python -m benchmarks``: what snnlab costs, beside plain C on the same networks and beside its peers."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from benchmarks import machine, page, processes, ring, scaling, workload, workloads
from benchmarks.report import Report

RESULTS = Path(__file__).resolve().parent / "results"
IN_PAGE = RESULTS / "in_page.json"  # written by the browser tests
OTHERS = ("psychometric", "compilation", "memory", "figure", "scaling", "ring", "slider", "page", "peers")


def main(arguments: list[str] | None = None) -> int:
    every = {w.name: w for w in workloads.every()}
    options = parse(arguments, [*every, *OTHERS])
    chosen = options.only or [name for name in [*every, *OTHERS] if not options.quick or quick(name, every)]
    lines = [every[name] for name in every if name in chosen] or [w for w in every.values() if w.quick]
    rounds = options.rounds or (3 if options.quick else 11)

    found: dict = {"date": date.today().isoformat(), "machine": machine.state()}
    report = Report(sys.stdout)
    report.text(machine.header(found["machine"]))

    found["workloads"] = [workload.measure(every[name], rounds) for name in every if name in chosen]
    if found["workloads"]:
        report.workloads(found["workloads"])
    if "peers" in chosen:
        found["peers"] = peers(lines, options.peer_python, runs=3 if options.quick else 5)
        report.peers(found["peers"], found["workloads"])
    if "psychometric" in chosen:
        found["psychometric"] = processes.experiment(trials=3 if options.quick else 50)
        report.psychometric(found["psychometric"])
    if "compilation" in chosen:
        found["compilation"] = {
            w.title: processes.probe(w, w.duration, runs=5 if options.quick else 20) for w in lines
        }
        report.compilation(found["compilation"])
    if "memory" in chosen:
        coba = every["coba_4000"]
        runs = [(w.title, w, w.duration) for w in lines]
        runs += [] if options.quick else [("COBA 4000, 10 s", coba, 10_000.0)]
        found["memory"] = {title: processes.probe(w, duration, runs=0) for title, w, duration in runs}
        report.memory(found["memory"], found["workloads"])
    if "figure" in chosen:
        found["figure"] = processes.first_figure(repeats=1 if options.quick else 3)
        report.figure(found["figure"])
    if "scaling" in chosen:
        found["scaling"] = scaling.measure(rounds=3 if options.quick else 7)
        report.scaling(found["scaling"])
    if "ring" in chosen:
        found["ring"] = ring.measure(rounds=5 if options.quick else 21)
        report.ring(found["ring"])
    if "slider" in chosen:
        found["slider"] = json.loads(IN_PAGE.read_text()) if IN_PAGE.exists() else {}
        report.slider(found["slider"])

    if "page" in chosen:
        why = page.missing()
        found["page"] = {"missing": why} if why else page.measure(*((3, 15) if options.quick else (15, 60)))
        report.page(found["page"])

    found["machine_after"] = machine.state()
    if found["machine_after"]["load"] > machine.BUSY + 1:  # this benchmark itself is a load of about one
        report.text(
            f"WARNING   the load at the end is {found['machine_after']['load']}: the machine was not quiet"
        )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def parse(arguments: list[str] | None, names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, small networks, no peers")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=names,
        help=f"measure only this: {', '.join(names)}",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="interleaved rounds a workload (11; --quick: 3)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        metavar="PYTHON",
        help="a Python with brian2 or brainpy; may be given more than once (this one is looked at anyway)",
    )
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")
    return options


def quick(name: str, every: dict) -> bool:
    """Whether --quick measures this."""
    return every[name].quick if name in every else name != "peers"


def peers(lines: list[workload.Workload], pythons: list[str], runs: int) -> dict:
    """Peer -> workload title -> what it printed."""
    found = processes.find_peers([*pythons, sys.executable])
    return {
        peer: {w.title: processes.run_peer(peer, python, w, runs) for w in lines if w.peer_parameters}
        for peer, python in found.items()
    }


if __name__ == "__main__":
    sys.exit(main())
