"""Equations written out once more in NumPy, as the textbooks have them, and SciPy's solution of them.

Nothing of snnlab is used here: these are what its neurons and its models are held against.
"""

import numpy as np
from scipy.integrate import solve_ivp


def traub_rates(V):
    """Rates of Traub & Miles (1991): am, bm, ah, bh, an, bn."""
    u = V + 63.0
    return (
        0.32 * (13 - u) / (np.exp((13 - u) / 4) - 1),
        0.28 * (u - 40) / (np.exp((u - 40) / 5) - 1),
        0.128 * np.exp((17 - u) / 18),
        4 / (1 + np.exp((40 - u) / 5)),
        0.032 * (15 - u) / (np.exp((15 - u) / 5) - 1),
        0.5 * np.exp((10 - u) / 40),
    )


def squid_rates(V):
    """Rates of Hodgkin & Huxley (1952) with rest at -65 mV and depolarisation upwards."""
    v = V + 65.0
    return (
        0.1 * (25 - v) / (np.exp((25 - v) / 10) - 1),
        4 * np.exp(-v / 18),
        0.07 * np.exp(-v / 20),
        1 / (np.exp((30 - v) / 10) + 1),
        0.01 * (10 - v) / (np.exp((10 - v) / 10) - 1),
        0.125 * np.exp(-v / 80),
    )


# rates; C (pF); g (nS) and E (mV) of leak, sodium, potassium
TRAUB = (traub_rates, 200.0, (10.0, 20000.0, 6000.0), (-60.0, 50.0, -90.0))
SQUID = (squid_rates, 200.0, (60.0, 24000.0, 7200.0), (-54.387, 50.0, -77.0))


def hodgkin_huxley(equations, I):
    """The slope of (V, m, h, n) under a current I (pA), for ``solution``."""
    rates, C, g, E = equations

    def slope(t, y):
        V, m, h, n = y
        am, bm, ah, bh, an, bn = rates(V)
        current = g[0] * (E[0] - V) + g[1] * m**3 * h * (E[1] - V) + g[2] * n**4 * (E[2] - V) + I
        return current / C, am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n

    return slope


def steady_gates(equations, V):
    """m, h and n where they settle at V."""
    rates = equations[0](V)
    return tuple(a / (a + b) for a, b in zip(rates[::2], rates[1::2], strict=True))


def wong_wang(stimulus, coherence):
    """The slope (1/s) of (s1, s2) of Wong & Wang (2006), t in seconds."""

    def phi(I):
        x = 270.0 * I - 108.0
        return x / (1 - np.exp(-0.154 * x))

    def slope(t, s):
        drive = 0.00117 * stimulus * np.array([1 + coherence, 1 - coherence])
        I = 0.3725 * s - 0.1137 * s[::-1] + 0.3297 + drive
        return -s / 0.06 + (1 - s) * 0.641 * phi(I)

    return slope


def solution(slope, duration, start, method="LSODA"):
    """The exact course: a function of t that gives the state."""
    return solve_ivp(slope, (0, duration), start, method, rtol=1e-10, atol=1e-12, dense_output=True).sol


def upward_crossings(slope, duration, start, level, first_only=False):
    """The times at which the first variable crosses ``level`` upwards; it ends there with ``first_only``."""

    def crossing(t, y):
        return y[0] - level

    crossing.direction, crossing.terminal = 1, first_only
    method = "DOP853" if first_only else "LSODA"  # LSODA stumbles where a spike runs off to infinity
    return solve_ivp(slope, (0, duration), start, method, rtol=1e-8, atol=1e-10, events=crossing).t_events[0]
