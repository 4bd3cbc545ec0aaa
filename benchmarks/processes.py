"""Measurements that need a process of their own: first calls, memory, the first figure, the peers."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.workload import Workload

HERE = Path(__file__).resolve().parent
PEERS = {"brian2": "brian2_ei.py", "brainpy": "brainpy_ei.py"}
PEER_TIMEOUT = 900  # s
# JAX's persistent cache, keeping everything: its own thresholds leave out what compiles in less than a second
CACHE_EVERYTHING = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "0"}


def probe(workload: Workload, duration: float, runs: int) -> dict:
    """What `benchmarks.probe` finds out about a workload, without a compilation cache."""
    words = [sys.executable, "-m", "benchmarks.probe", workload.name, str(duration), str(runs)]
    return json.loads(_run(words, NO_CACHE))


def experiment(trials: int) -> dict:
    """What `benchmarks.experiment` finds: many trials of the decision network on all processors."""
    return json.loads(_run([sys.executable, "-m", "benchmarks.experiment", str(trials)]))


def first_figure(repeats: int) -> dict:
    """Seconds from starting Python to a saved raster: no compilation cache, an empty one, a full one."""
    with tempfile.TemporaryDirectory() as folder:
        figure, cache = str(Path(folder) / "raster.png"), str(Path(folder) / "cache")
        cached = {**CACHE_EVERYTHING, "JAX_COMPILATION_CACHE_DIR": cache}
        # matplotlib lists the fonts once in a machine's life: not part of any of these
        _run([sys.executable, "-c", "import matplotlib.font_manager"])

        def seconds(environment: Mapping[str, str]) -> tuple[float, dict]:
            start = time.perf_counter()
            stages = json.loads(_run([sys.executable, str(HERE / "cold_figure.py"), figure], environment))
            return time.perf_counter() - start, stages

        none = [seconds(NO_CACHE)[0] for _ in range(repeats)]
        empty = seconds(cached)[0]
        warm = sorted(seconds(cached) for _ in range(max(repeats, 3)))
        median = warm[len(warm) // 2]
    return {
        "no_cache": statistics.median(none),
        "empty_cache": empty,
        "warm_cache": median[0],
        "warm_stages": median[1],
    }


def find_peers(pythons: Iterable[str]) -> dict[str, str]:
    """Peer -> the first of these Pythons that has it."""
    found: dict[str, str] = {}
    for python in pythons:
        code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
        for peer in _run([python, "-c", code, *PEERS]).split():
            found.setdefault(peer, python)
    return found


def run_peer(peer: str, python: str, workload: Workload, runs: int) -> dict:
    """One peer on one workload: what its script prints, and its median; or {"error": its last words}."""
    spec = {
        **workload.sizes,
        **workload.peer_parameters(workload.parameters),
        "duration": workload.duration,
        "dt": workload.dt,
        "seed": 1,
        "runs": runs,
    }
    try:
        printed = _run([python, str(HERE / "peers" / PEERS[peer]), json.dumps(spec)])
        found = json.loads(printed.splitlines()[-1])
    except (RuntimeError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return {"error": (str(error).strip().splitlines() or [type(error).__name__])[-1]}
    return {**found, "median": statistics.median(found["seconds"])}


def _run(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    root = str(HERE.parent)
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    path = os.pathsep.join(filter(None, [root, inherited.get("PYTHONPATH")]))
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        cwd=root,
        env={**inherited, "PYTHONPATH": path, **(environment or {})},
        timeout=PEER_TIMEOUT,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words[:3]))}: {done.stderr.strip() or done.returncode}")
    return done.stdout
