"""What a presynaptic spike does: conductance courses and EPSPs in closed form, and measured in a recording."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from snnlab.core.recording import Recording
from snnlab.core.synapses import Alpha, DualExponential, Exponential


class Peak(NamedTuple):
    """The largest deflection of a trace: how far from where it started (negative: downwards), and when (ms)."""

    amplitude: float
    time: float


def conductance_course(kinetics: Any, times: Sequence[float], t: Any, weight: float = 1.0) -> np.ndarray:
    """The conductance of a synapse at ``t`` (ms, any shape) after spikes at ``times`` [k] (ms), in closed form.

    ``kinetics`` is ``Exponential``, ``Alpha`` (Rall, 1967) or ``DualExponential``; the spikes add up. At the time of a
    spike its jump is included. ``weight`` is the peak after one spike and gives the unit. Raises ValueError for other
    kinetics.
    """
    t, times = np.asarray(t, float), np.asarray(times, float)
    past = t[..., None] - times
    after = past > -1e-9  # times on a grid are equal only up to rounding
    past = np.where(after, past, 0.0)
    if isinstance(kinetics, Exponential):
        single = np.exp(-past / kinetics.tau)
    elif isinstance(kinetics, (Alpha, DualExponential)):
        rise, decay = (
            (kinetics.tau, kinetics.tau)
            if isinstance(kinetics, Alpha)
            else (kinetics.tau_rise, kinetics.tau_decay)
        )
        single = _difference(past, rise, decay) / _difference(_peak_time(rise, decay), rise, decay)
    else:
        raise ValueError(
            f"conductance_course: {kinetics!r} has no closed form here; there is one for Exponential, Alpha and "
            "DualExponential."
        )
    return weight * np.sum(single * after, axis=-1)


def epsp(t: Any, *, w: float, tau_m: float, tau_s: float, R: float = 1.0) -> np.ndarray:
    """The EPSP (mV) at ``t`` (ms, any shape) after a spike at 0: a current ``w e^{-t/tau_s}`` (pA) into a leaky cell.

    ``R w tau_s / (tau_m - tau_s) (e^{-t/tau_m} - e^{-t/tau_s})``, its limit where the time constants (ms) are equal, 0
    before the spike; above the resting potential, without a threshold (Gerstner et al., 2014, chapter 1). With a
    negative ``w`` it is an IPSP. Raises ValueError when a time constant is not above 0.
    """
    _check(tau_m=tau_m, tau_s=tau_s)
    t = np.asarray(t, float)
    return np.where(t > 0.0, R * w / tau_m * _difference(np.maximum(t, 0.0), tau_s, tau_m), 0.0)


def epsp_peak(*, w: float, tau_m: float, tau_s: float, R: float = 1.0) -> Peak:
    """Height (mV) and time (ms) of the peak of ``epsp``: ``R w (tau_s / tau_m)^(tau_m / (tau_m - tau_s))``."""
    _check(tau_m=tau_m, tau_s=tau_s)
    time = _peak_time(tau_s, tau_m)
    return Peak(float(epsp(time, w=w, tau_m=tau_m, tau_s=tau_s, R=R)), time)


def deflection(
    recording: Recording, name: str, neuron: int = 0, *, start: float = 0.0, stop: float | None = None
) -> Peak:
    """The largest deflection of what was recorded under ``name`` ("post.V") between ``start`` and ``stop`` (ms).

    It counts from the sample at ``start``, so start where the spike arrives. Its time is that of the sample, in ms
    after ``start``. Raises ValueError when it was not recorded and when there is no sample in between.
    """
    values = recording.column(name, neuron).astype(float)
    t = recording.t
    first, last = np.searchsorted(t, [start - 1e-9, (np.inf if stop is None else stop) - 1e-9])
    if first >= last:
        raise ValueError(f"deflection: there is no sample of {name} from {start:g} ms to {stop:g} ms.")
    away = values[first:last] - values[first]
    k = int(np.argmax(np.abs(away)))
    return Peak(float(away[k]), float(t[first + k] - t[first]))


def _check(**constants: float):
    for name, tau in constants.items():
        if not 0.0 < tau < np.inf:
            raise ValueError(f"{name} = {tau:g} ms must be above 0 and finite.")


def _difference(t: Any, a: float, b: float) -> Any:
    """``(e^{-t/b} - e^{-t/a}) / (1/a - 1/b)`` for t >= 0, and its limit ``t e^{-t/a}`` where a and b are equal."""
    a, b = min(a, b), max(a, b)
    rate = 1.0 / a - 1.0 / b
    return np.exp(-t / b) * (-np.expm1(-rate * t) / rate if rate > 0.0 else t)


def _peak_time(a: float, b: float) -> float:
    """Where ``_difference`` is largest."""
    a, b = min(a, b), max(a, b)
    return float(np.log1p((b - a) / a) * a * b / (b - a)) if b > a else float(a)
