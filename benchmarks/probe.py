"""One workload in a process of its own: ``python -m benchmarks.probe NAME DURATION RUNS`` prints JSON.

The first call's time and its share in XLA, what is traced or compiled again when everything a slider can
move has moved, and the peak memory of the process.
"""

import json
import resource
import statistics
import sys
import time
from pathlib import Path

start = time.perf_counter()

import jax  # noqa: E402 - the import is part of what is timed
import numpy as np  # noqa: E402

from benchmarks import workloads  # noqa: E402

IMPORTS = time.perf_counter() - start
TRACED = "/jax/core/compile/jaxpr_trace_duration"
COMPILED = "/jax/core/compile/backend_compile_duration"


class Compilations:
    """Counts what JAX traces and compiles from now on, and how long that takes."""

    def __init__(self):
        self.events: list[tuple[str, float]] = []
        jax.monitoring.register_event_duration_secs_listener(
            lambda event, seconds, **_: self.events.append((event, seconds))
        )

    def take(self) -> dict:
        """Counts and seconds since the last call."""
        events, self.events = self.events, []
        return {
            "traces": sum(event == TRACED for event, _ in events),
            "compilations": sum(event == COMPILED for event, _ in events),
            "seconds": sum(seconds for event, seconds in events if event == COMPILED),
        }


def peak_bytes() -> int:
    """Peak resident memory of this process.

    On Linux the kernel's figure for this program; getrusage's begins with that of the process it came from.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def probe(name: str, duration: float, runs: int) -> dict:
    """Run a workload `runs` + 1 times; every parameter, the seed and the duration move."""
    workload = next(w for w in workloads.every() if w.name == name)
    rng = np.random.default_rng(2)
    before = peak_bytes()
    compilations = Compilations()
    first = workload.simulate(workload.moved(rng), seed=0, duration=duration)
    first_compilations = compilations.take()
    warm = []
    for seed in range(1, runs + 1):
        # whole steps, never the same number: durations of a half to the whole
        steps = round(duration / workload.dt * (1 - 0.5 * rng.random()))
        found = workload.simulate(workload.moved(rng), seed=seed, duration=round(steps * workload.dt, 6))
        warm.append(found["seconds"] * duration / (steps * workload.dt))
    return {
        "imports": IMPORTS,
        "imported_bytes": before,
        "first_call": first["seconds"],
        "first": first_compilations,
        "again": compilations.take(),
        "runs": runs,
        "warm": statistics.median(warm) if warm else None,
        "peak_bytes": peak_bytes(),
    }


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))
