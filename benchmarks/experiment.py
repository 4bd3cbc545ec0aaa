"""A whole experiment in a process of its own: ``python -m benchmarks.experiment TRIALS`` prints JSON.

The psychometric function of Wang (2002) at full size: 8 coherences, trials of 2 s at dt 0.1.
"""

import json
import os
import sys
import time

from benchmarks.probe import peak_bytes
from snnlab import analysis

COHERENCES = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512, 0.768, 1.0)


def measure(trials: int) -> dict:
    """Seconds on the clock and of the processors, after a first trial that compiles, and peak memory."""
    start = time.perf_counter()
    analysis.psychometric(coherences=[0.1], trials=1, duration=2000.0)
    wall, cpu = time.perf_counter(), time.process_time()
    result = analysis.psychometric(coherences=COHERENCES, trials=trials, duration=2000.0, seed=1)
    return {
        "trials": trials,
        "coherences": len(COHERENCES),
        "cpus": os.cpu_count(),
        "first": wall - start,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": peak_bytes(),
        "accuracy": result.accuracy("late").tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
