"""How the cost of a step grows with the number of spikes in it, up to every cell firing in every step."""

import statistics
import time

import numpy as np

import snnlab
from snnlab import (
    Input,
    Network,
    Population,
    Projection,
    connectivity,
    distributions,
    inputs,
    neurons,
    synapses,
)

N, P, DT, STEPS = 4000, 0.02, 0.1, 2000
DRIVES = (
    0.0,
    11.0,
    15.0,
    25.0,
    50.0,
    100.0,
    200.0,
    400.0,
)  # pA on 1 GOhm, threshold at 10: silence to 400 Hz
ALL_FIRE = 1e6  # pA: from the reset to far above threshold in one step


def network(drive: float) -> Network:
    """The wiring and the receptors of COBA, with weights so small that the drive alone decides who fires.

    Delivering a spike costs the same whatever it weighs.
    """
    cell = neurons.LIF(V_rest=-60.0, V_reset=-60.0, V_th=-50.0, tau=20.0, tau_ref=0.0)
    # spread over one period, so that a step's spikes are a share of all cells and not a volley
    initial = {"V": distributions.Uniform(-60.0, -50.0)} if drive < ALL_FIRE else {"V": -50.0}
    n_exc = N * 4 // 5
    projections = tuple(
        Projection(pre, post, "exc" if pre == "E" else "inh", connectivity.FixedProbability(P), weight=1e-9)
        for pre in "EI"
        for post in "EI"
    )
    return Network(
        populations={"E": Population(cell, n_exc, initial), "I": Population(cell, N - n_exc, initial)},
        synapses={
            "exc": synapses.Synapse(synapses.Exponential(5.0), synapses.Conductance(0.0)),
            "inh": synapses.Synapse(synapses.Exponential(10.0), synapses.Conductance(-80.0)),
        },
        projections=projections,
        inputs=(Input(("E", "I"), inputs.Constant(drive)),),
    )


def run(drive: float, rounds: int) -> tuple[float, float]:
    """(microseconds a step, spikes a step) of a warm run."""
    seconds = []
    for k in range(rounds + 1):
        model = network(drive * (1 + 1e-7 * k))
        start = time.perf_counter()
        recording = snnlab.simulate(model, duration=STEPS * DT, dt=DT, seed=0)
        count = sum(trains.count for trains in recording.spikes.values())
        seconds.append(time.perf_counter() - start)
    return 1e6 * statistics.median(seconds[1:]) / STEPS, count / STEPS


def measure(rounds: int) -> dict:
    """A straight line through microseconds over spikes, and the all-firing run with its correctness."""
    levels = [run(drive, rounds) for drive in DRIVES]
    microseconds, spikes = np.transpose(levels)
    slope, base = np.polyfit(spikes, microseconds, 1)
    residual = microseconds - (base + slope * spikes)
    all_us, all_spikes = run(ALL_FIRE, rounds)
    return {
        "levels": levels,
        "base_us": float(base),
        "ns_per_spike": 1e3 * float(slope),
        "r_squared": float(1 - residual.var() / microseconds.var()),
        "worst_residual": float(np.max(np.abs(residual) / microseconds)),
        "all_firing_us": all_us,
        "all_firing_share": all_spikes / N,
    }
