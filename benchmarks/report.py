"""The benchmark's figures as text: one table a subject, printed as soon as it is known."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import TextIO

from benchmarks import page

MEGABYTE = 1e6


class Report:
    """Prints tables to a stream. Goals stand beside the figures; what misses one is marked with `!`."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def text(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def table(self, title: str, head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> None:
        """A table with its first column to the left and the others to the right."""
        cells = [list(head), *[list(row) for row in rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        self.text(f"\n{title}")
        for k, row in enumerate(cells):
            self.text("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip())
            if k == 0:
                self.text("  ".join("-" * width for width in widths))
        if note:
            self.text(note)

    def workloads(self, found: list[dict]) -> None:
        rows = []
        for w in found:
            seconds, goal = w["seconds"], w["goal"]
            rows.append(
                [
                    w["title"],
                    ms(seconds["c"]),
                    ms(seconds["moved"]),
                    ratio(w["ratio_moved"], goal),
                    ms(seconds["drawn"]),
                    ratio(w["ratio_drawn"], goal),
                    f"<= {goal:g}",
                    hertz(w["rates"]["c"]),
                    hertz(w["rates"]["snnlab"]),
                ]
            )
        head = ["work", "C", "snnlab", "x C", "+ wiring", "x C", "goal", "E/I Hz in C", "in snnlab"]
        note = (
            f"ms, medians of {found[0]['rounds']} interleaved rounds; snnlab from the model's call to spikes on "
            "the host.\nsnnlab: all parameters but p move from run to run; + wiring: p and the seed too, so that "
            "the\nconnections are drawn again (C is handed them). Rates: the same networks in both. ! misses its "
            "goal."
        )
        self.table("snnlab beside C, one thread", head, rows, note)

    def peers(self, found: dict[str, dict[str, dict]], measured: list[dict]) -> None:
        c = {w["title"]: w["seconds"]["c"] for w in measured}
        rows = []
        for peer, lines in found.items():
            for title, line in lines.items():
                if "error" in line:
                    rows.append([title, peer, "failed", "", "", line["error"][:60]])
                    continue
                times = f"{line['median'] / c[title]:.1f}" if title in c else ""
                rates = hertz((line["rate_exc"], line["rate_inh"]))
                first = f"{line['first_call']:.1f} s"
                rows.append([title, f"{peer} {line['version']}", ms(line["median"]), times, first, rates])
        if not rows:
            self.text(
                "\npeers: neither brian2 nor brainpy is installed; --peer-python names a Python that has them"
            )
            return
        self.table("peers", ["work", "peer", "ms", "x C", "first call", "E/I Hz"], rows)

    def psychometric(self, found: dict) -> None:
        """The goal is that of 50 trials a coherence; fewer are scaled up."""
        scaled = found["first"] + found["seconds"] * 50 / found["trials"]
        rows = [
            [
                f"Wang 1600 + 400, 2 s at dt 0.1, {found['coherences']} coherences x {found['trials']} trials",
                f"{found['seconds']:.1f} s",
                f"{found['cpu_seconds']:.1f} s",
                mark(f"{scaled:.0f} s", scaled > 120),
                mark(f"{found['peak_bytes'] / MEGABYTE:.0f} MB", found["peak_bytes"] > 2e9),
            ]
        ]
        head = ["a psychometric function", "time", "of CPUs", "50 trials", "memory"]
        note = "50 trials: with the first, which compiles (goal: 50 trials in <= 120 s on 2 CPUs, <= 2 GB)"
        self.table("many trials", head, rows, note)

    def compilation(self, found: dict[str, dict]) -> None:
        rows = [
            [
                title,
                f"{p['first_call']:.2f} s",
                mark(f"{p['first']['seconds']:.2f} s", p["first"]["seconds"] > 1),
                str(p["first"]["compilations"]),
                mark(str(p["again"]["traces"]), p["again"]["traces"] > 0),
                mark(str(p["again"]["compilations"]), p["again"]["compilations"] > 0),
                str(p["runs"]),
            ]
            for title, p in found.items()
        ]
        head = ["work", "first call", "in XLA", "programs", "retraces", "recompiled", "in runs"]
        note = (
            "a process each, no compilation cache (goal: <= 1 s in XLA). Retraces and recompilations: all "
            "parameters,\nseed and duration move from run to run (goal: none)."
        )
        self.table("compilation", head, rows, note)

    def memory(self, found: dict[str, dict], measured: list[dict]) -> None:
        c = {w["title"]: f"{w['c_peak_bytes'] / MEGABYTE:.0f} MB" for w in measured if w["c_peak_bytes"]}
        rows = [
            [
                title,
                f"{p['peak_bytes'] / MEGABYTE:.0f} MB",
                f"{(p['peak_bytes'] - p['imported_bytes']) / MEGABYTE:.0f} MB",
                c.get(title, ""),
            ]
            for title, p in found.items()
        ]
        note = "resident memory of a process of its own (goal: 10 s of COBA 4000 in <= 1 GB)"
        self.table("memory", ["work", "peak", "above imports", "C"], rows, note)

    def figure(self, found: dict) -> None:
        stages = found["warm_stages"]
        rows = [
            ["no compilation cache", f"{found['no_cache']:.2f} s", ""],
            ["empty cache (the first start)", f"{found['empty_cache']:.2f} s", ""],
            ["full cache", mark(f"{found['warm_cache']:.2f} s", found["warm_cache"] > 3), "<= 3 s"],
        ]
        note = (
            f"full cache: imported after {stages['imported']:.2f} s, "
            f"simulated after {stages['simulated']:.2f} s, drawn after {stages['drawn']:.2f} s"
        )
        self.table("from a cold start to a saved raster, COBA 4000, 500 ms", ["", "time", "goal"], rows, note)

    def scaling(self, found: dict) -> None:
        rows = [[f"{s:.1f}", f"{us:.1f}"] for us, s in found["levels"]]
        all_us, share = found["all_firing_us"], found["all_firing_share"]
        rows.append(
            ["all 4000" if share == 1 else f"{share:.4f} of 4000 !", mark(f"{all_us:.0f}", all_us > 1000)]
        )
        note = (
            f"a line: {found['base_us']:.2f} us + {found['ns_per_spike']:.0f} ns a spike (80 targets each), "
            f"R^2 = {found['r_squared']:.4f}. All firing every step: goal <= 1000 us"
        )
        self.table("cost of a step by its spikes, 4000 cells", ["spikes a step", "us"], rows, note)

    def ring(self, found: dict) -> None:
        goal = found["goal"]
        rows = [
            (name, f"{1e3 * seconds:.1f}{'' if seconds <= goal or name != 'tracking' else ' !'}")
            for name, seconds in found["cases"].items()
        ]
        rows.append(("first call, which compiles", f"{1e3 * found['first']:.0f}"))
        self.table(
            "CANN 512 units, 600 steps of rk4",
            ("run", "ms"),
            rows,
            f"goal: tracking in {1e3 * goal:g} ms; all parameters and the seed move in every run",
        )

    def page(self, found: dict) -> None:
        if found.get("missing"):
            self.text(f"\nthe live book's pages: not measured here: {found['missing']}")
            return
        rows = []
        for title, m in found["models"].items():
            goal = page.MODELS[title][2]
            rows.append(
                [
                    title,
                    mark(f"{m['run']:.1f}", m["run"] > goal),
                    f"{m['best']:.1f}",
                    f"<= {goal:g}",
                    "" if m["wiring"] != m["wiring"] else f"{m['wiring']:.1f}",
                    mark(f"{m['bytes'] / 1e3:.0f} kB", m["bytes"] > page.MODULE),
                    mark(f"{m['compile']:.1f} s", m["compile"] > page.COMPILE),
                ]
            )
        head = ["work", "run", "fastest", "goal", "+ wiring", "module", "compile"]
        note = (
            f"ms in Chromium, medians of {found['rounds']} runs whose seed and parameters move; goals: a module of "
            "<= 200 kB,\na compile of <= 5 s (the first on a machine takes longer)"
        )
        self.table("the live book's models in the browser", head, rows, note)
        rows = [
            [
                title,
                f"{d['median']:.0f}",
                mark(f"{d['p95']:.0f}", d["p95"] > page.DRAGS[title]),
                f"<= {page.DRAGS[title]:g}",
                mark(f"{d['task']:.0f}", d["task"] > page.TASK),
                mark(f"{d['first']:.0f}", d["first"] > page.FIRST),
                mark(f"{d['bytes'] / 1e3:.0f} kB", d["bytes"] > page.PAGE),
            ]
            for title, d in found["drags"].items()
        ]
        head = ["dragging g_inh", "median", "p95", "goal", "longest task", "first frame", "page"]
        note = (
            f"ms from an event of the slider to the painted frame, {found['moves']} moves; goals: no task of the page "
            "longer than 50 ms\nwhile dragging, the first frame <= 2 s after loading, a page of <= 2 MB"
        )
        self.table("from a slider to its frame on a page without a kernel", head, rows, note)

    def slider(self, found: dict) -> None:
        """What browser tests measured: title -> values, unit, goal."""
        if not found:
            self.text("\nin the page: not measured here (`pytest tests/browser` writes results/in_page.json)")
            return
        rows = []
        for what, row in found.items():
            values, unit = sorted(row["values"]), row["unit"]
            late = values[math.ceil(0.95 * len(values)) - 1] if len(values) > 1 else None
            median = f"{statistics.median(values):.3g} {unit}"
            rows.append([what, median, "" if late is None else f"{late:.3g} {unit}", row["goal"]])
        self.table("explorers in JupyterLab", ("what hands meet", "median", "95 %", "goal"), rows)


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}"


def hertz(rates: Sequence[float]) -> str:
    return " / ".join(f"{rate:.1f}" for rate in rates)


def ratio(value: float, goal: float) -> str:
    return mark(f"{value:.2f}", value > goal)


def mark(text: str, missed: bool) -> str:
    return f"{text} !" if missed else text
