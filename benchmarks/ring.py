"""What a ring of 512 units costs: 600 steps of rk4, from the model's call to the samples on the host."""

import statistics
import time

import numpy as np

import snnlab
from snnlab.models import cann

UNITS, DURATION, DT = 512, 60.0, 0.1  # 600 steps
GOAL = 0.010  # s
CASES = {  # a stimulus that moves, and what else is asked of the ring
    "tracking": {},
    "with noise": {"noise": 0.1},
    "narrow connections (by FFT)": {"a": 0.3},
}
MOVING = {"speed": 0.6, "t_on": 0.0, "t_off": 60.0, "t_move": 20.0, "t_halt": 40.0}


def run(changes: dict[str, float], rng: np.random.Generator, seed: int) -> tuple[float, float]:
    """(seconds, final decoding error in rad) of a run in which every parameter has moved a little."""
    parameters = {p.name: p.default for p in snnlab.describe(cann) if not p.integer} | MOVING | changes
    moved = {name: value * (1 + 1e-4 * rng.uniform(-1, 1)) for name, value in parameters.items()}
    start = time.perf_counter()
    recording = snnlab.simulate(cann(n=UNITS, **moved), duration=DURATION, dt=DT, seed=seed)
    u = recording["u"]
    seconds = time.perf_counter() - start
    away = snnlab.analysis.population_vector(u[-1]) - moved["speed"] * (moved["t_halt"] - moved["t_move"])
    return seconds, abs(float(np.angle(np.exp(1j * away))))


def measure(rounds: int) -> dict:
    """Medians over rounds in which the cases take turns; ``first`` is the first call, which compiles for all."""
    rng = np.random.default_rng(1)
    first, _ = run({}, rng, 0)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for seed in range(1, rounds + 1):
        for name, changes in CASES.items():
            found[name].append(run(changes, rng, seed))
    return {
        "goal": GOAL,
        "first": first,
        "cases": {name: statistics.median(s for s, _ in runs) for name, runs in found.items()},
        "errors": {name: max(error for _, error in runs) for name, runs in found.items()},
    }
