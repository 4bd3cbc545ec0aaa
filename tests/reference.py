"""A small, plain, float64 reference of leaky integrate-and-fire networks, to compare spike trains with.

Nothing here is clever: dense matrices, one Python loop over the steps, numpy only, nothing shared with the
package under test. It states what a step means, and it is compared spike by spike with Brian2
(`fixtures/brian2_trains.json`), so that it is more than this project's own opinion.

A step from t_k = k dt to t_{k+1}:

1. *fire*: a cell that is not held and whose V(t_k) >= V_th spikes at t_k. Its V is reset (hard: V = V_reset;
   soft: V falls by V_th - V_reset) and it is held there for round(tau_ref / dt) steps, this one included.
2. *arrive*: every synaptic state decays by exp(-dt / tau_syn) and then receives the spikes that were fired
   `delay_steps` steps ago; with a delay of 0 these are the spikes of this very step.
3. *advance*: a cell that is not held moves by
   V += (1 - exp(-dt / tau)) (V_rest - V + R (I + sum g (E_rev - V))), with g frozen over the step.
   A synapse without a reversal potential injects its state itself as a current.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

LIF_DEFAULTS = {
    "V_rest": -60.0,
    "V_reset": -60.0,
    "V_th": -50.0,
    "tau": 20.0,
    "tau_ref": 5.0,
    "R": 1.0,
    "soft_reset": False,
    "dt": 0.1,
}


def simulate_lif(
    V0: np.ndarray,
    weights: Sequence[tuple[np.ndarray, float, float | None, int]],
    params: Mapping[str, object],
    I: float | np.ndarray,  # noqa: E741 - the current's name in every equation of the field
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate N leaky integrate-and-fire cells; return (spike_steps [count], spike_neurons [count]).

    V0: membrane potential at t = 0, [N], mV.
    weights: one entry a synapse: (W [N, N] with W[pre, post], tau in ms, E_rev in mV or None for a current,
        delay in steps). A population of its own is a block of rows and columns.
    params: V_rest, V_reset, V_th, tau, tau_ref, R, each a number or [N]; soft_reset; dt. `LIF_DEFAULTS` fills
        in what is missing, and an unknown name raises KeyError.
    I: input current, a number, [N] or [steps, N].

    Spikes are ordered by step, then by neuron.
    """
    unknown = set(params) - set(LIF_DEFAULTS)
    if unknown:
        raise KeyError(f"unknown parameters {sorted(unknown)}")
    p = {**LIF_DEFAULTS, **params}
    V = np.array(V0, dtype=np.float64)
    n = len(V)
    dt = float(p["dt"])
    V_rest, V_reset, V_th, tau, R = (
        np.asarray(p[k], dtype=np.float64) for k in ("V_rest", "V_reset", "V_th", "tau", "R")
    )
    ref_steps = np.broadcast_to(np.round(np.asarray(p["tau_ref"], dtype=np.float64) / dt).astype(int), n)
    current = np.broadcast_to(np.asarray(I, dtype=np.float64), (steps, n))
    matrices = [np.asarray(W, dtype=np.float64) for W, *_ in weights]
    for W in matrices:
        if W.shape != (n, n):
            raise ValueError(f"a weight matrix has shape {W.shape}; {n} cells need {(n, n)}")

    state = [np.zeros(n) for _ in weights]  # conductance or current of each synapse on each cell
    held = np.zeros(n, dtype=int)  # steps for which a cell stays at its reset
    fired: list[np.ndarray] = []  # fired[k]: the cells that spiked in step k
    for k in range(steps):
        spikes = (held == 0) & (V >= V_th)
        V = np.where(spikes, V - (V_th - V_reset) if p["soft_reset"] else V_reset, V)
        held = np.where(spikes, ref_steps, held)
        fired.append(np.flatnonzero(spikes))

        drive = current[k].copy()
        for s, (W, (_, tau_syn, E_rev, delay)) in enumerate(zip(matrices, weights, strict=True)):
            state[s] = state[s] * np.exp(-dt / tau_syn)
            if k >= delay:
                state[s] = state[s] + W[fired[k - delay]].sum(axis=0)
            drive += state[s] if E_rev is None else state[s] * (E_rev - V)

        V_next = V + (1.0 - np.exp(-dt / tau)) * (V_rest - V + R * drive)
        V = np.where(held > 0, V, V_next)
        held = np.maximum(held - 1, 0)
    spike_steps = np.repeat(np.arange(steps), [len(f) for f in fired])
    return spike_steps, np.concatenate(fired) if fired else np.zeros(0, dtype=int)


def bernoulli_weights(rng: np.random.Generator, n: int, pre: slice, p: float, weight: float) -> np.ndarray:
    """Weights [n, n] in which the cells of `pre` reach every cell with probability p, the others none."""
    W = np.zeros((n, n))
    W[pre] = weight * (rng.random((n, n))[pre] < p)
    return W


def simulate_hh(
    V0: np.ndarray,
    weights: Sequence[tuple[np.ndarray, float, float]],
    params: Mapping[str, float],
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate N cells with the channels of Traub & Miles (1991); return (spike_steps, spike_neurons).

    weights: one entry a synapse: (W [N, N], tau in ms, E_rev in mV); no delay. params: C, g_L, g_Na, g_K, E_L, E_Na,
    E_K, V_T, V_spike, I, dt. A spike is an upward crossing of V_spike; gates start at 0. V and every gate go to their
    steady state exponentially, each with the others held.
    """
    p, V, dt = params, np.array(V0, dtype=np.float64), params["dt"]
    m, h, n = np.zeros((3, len(V)))
    state = [np.zeros(len(V)) for _ in weights]
    below = np.zeros(len(V), dtype=bool)  # at t = 0 nobody comes from below
    spikes = []

    def relative(x):
        zero = x == 0
        return np.where(zero, 1.0, x / np.where(zero, 1.0, np.expm1(x)))

    for k in range(steps):
        fired = np.flatnonzero(below & (p["V_spike"] <= V))
        spikes += [(k, cell) for cell in fired]
        below = p["V_spike"] > V
        g = np.stack(np.broadcast_arrays(p["g_L"], p["g_Na"] * m**3 * h, p["g_K"] * n**4))
        drive = p["I"] + p["E_L"] * g[0] + p["E_Na"] * g[1] + p["E_K"] * g[2]
        total = g.sum(axis=0)
        for s, (W, tau_syn, E_rev) in enumerate(weights):
            state[s] = state[s] * np.exp(-dt / tau_syn) + W[fired].sum(axis=0)
            total, drive = total + state[s], drive + state[s] * E_rev
        u = V - p["V_T"]
        V = drive / total + (V - drive / total) * np.exp(-dt * total / p["C"])
        rates = (
            (1.28 * relative((13 - u) / 4), 1.4 * relative((u - 40) / 5)),
            (0.128 * np.exp((17 - u) / 18), 4 / (1 + np.exp((40 - u) / 5))),
            (0.16 * relative((15 - u) / 5), 0.5 * np.exp((10 - u) / 40)),
        )
        m, h, n = (
            a / (a + b) + (x - a / (a + b)) * np.exp(-dt * (a + b))
            for x, (a, b) in zip((m, h, n), rates, strict=True)
        )
    pairs = np.array(spikes, dtype=int).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
