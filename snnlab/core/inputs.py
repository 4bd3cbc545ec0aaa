"""What drives a network from outside.

A current source gives the current at step k, one number for all cells or [n]; an event source gives the number of
spikes that arrive at each cell. Windows are counted in whole steps, so that a time on the grid is on the grid.
"""

from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core import randomness
from snnlab.core.parameters import component, param, static

INF = float("inf")


class Source(Protocol):
    """An input's course in time; ``events`` says whether it gives spikes (to a synapse) or a current."""

    events: bool

    def values(self, k: Array, dt: Array, key: Array, n: int) -> Array:
        """The values at t = k dt: a scalar for all cells, or [n]."""
        ...


def _steps(t, dt):
    return jnp.round(t / dt).astype(jnp.int32)


@component
class Constant:
    """A constant current, one number or one a cell [n]."""

    I: float = param(0.0, unit="pA", doc="current", slider=(0.0, 50.0))
    events: bool = static(False)

    def values(self, k, dt, key, n):
        return self.I


@component
class Step:
    """A current ``I`` for ``start <= t < stop``, zero otherwise."""

    I: float = param(0.0, unit="pA", doc="current while it is on", slider=(0.0, 50.0))
    start: float = param(0.0, unit="ms", doc="onset", scalar=True)
    stop: float = param(1e9, unit="ms", doc="end", scalar=True)
    events: bool = static(False)

    def values(self, k, dt, key, n):
        on = (k >= _steps(self.start, dt)) & (k < _steps(jnp.minimum(self.stop, 2e9 * dt), dt))
        return jnp.where(on, self.I, 0.0)


@component
class Sections:
    """A piecewise constant current: ``currents[j]`` for ``durations[j]`` ms each, one after the other, then zero."""

    currents: Any
    durations: Any
    events: bool = static(False)

    def check(self):
        currents, durations = np.asarray(self.currents, float), np.asarray(self.durations, float)
        if currents.ndim != 1 or currents.shape != durations.shape or not currents.size:
            raise ValueError(
                f"Sections: currents {currents.shape} and durations {durations.shape} must be lists of equal length."
            )
        if not (np.all(np.isfinite(currents)) and np.all(durations > 0) and np.all(np.isfinite(durations))):
            raise ValueError("Sections: currents must be finite and durations above 0 ms.")
        object.__setattr__(self, "currents", currents)
        object.__setattr__(self, "durations", durations)

    def values(self, k, dt, key, n):
        currents, ends = jnp.asarray(self.currents), jnp.cumsum(jnp.asarray(self.durations))
        section = jnp.sum(k >= _steps(ends, dt))
        return jnp.where(section < ends.size, currents[jnp.minimum(section, ends.size - 1)], 0.0)


@component
class Ramp:
    """A current that goes linearly from ``I_start`` to ``I_stop`` between two times and stays there."""

    I_start: float = param(0.0, unit="pA", doc="current before and at the start")
    I_stop: float = param(10.0, unit="pA", doc="current from the end on")
    start: float = param(0.0, unit="ms", doc="time at which it begins to change", scalar=True)
    stop: float = param(100.0, unit="ms", doc="time at which it is constant again", scalar=True)
    events: bool = static(False)

    def check(self):
        if self.stop <= self.start:
            raise ValueError(f"Ramp: stop = {self.stop:g} ms must be after start = {self.start:g} ms.")

    def values(self, k, dt, key, n):
        share = jnp.clip((k * dt - self.start) / (self.stop - self.start), 0.0, 1.0)
        return self.I_start + share * (self.I_stop - self.I_start)


@component
class Sine:
    """``mean + amplitude sin(2 pi frequency t + phase)``."""

    amplitude: float = param(1.0, unit="pA", doc="amplitude")
    frequency: float = param(10.0, unit="Hz", doc="frequency", bounds=(0.0, INF))
    phase: float = param(0.0, unit="", doc="phase at t = 0, radians")
    mean: float = param(0.0, unit="pA", doc="mean current")
    events: bool = static(False)

    def values(self, k, dt, key, n):
        return self.mean + self.amplitude * jnp.sin(2e-3 * jnp.pi * self.frequency * k * dt + self.phase)


@component
class GaussianNoise:
    """White noise around ``mean``, independent for every cell.

    ``sigma`` is in pA sqrt(ms): the value of one step has standard deviation ``sigma / sqrt(dt)``, so that the
    variance of the membrane potential, ``(R sigma)^2 / (2 tau)``, does not depend on dt.
    """

    sigma: float = param(1.0, unit="pA sqrt(ms)", doc="noise strength", bounds=(0.0, INF))
    mean: float = param(0.0, unit="pA", doc="mean current")
    events: bool = static(False)

    def values(self, k, dt, key, n):
        return self.mean + self.sigma / jnp.sqrt(dt) * randomness.normal(randomness.bits(key, k, n))


@component
class Poisson:
    """An independent Poisson spike train for every cell; the number of spikes a step is Poisson(rate dt)."""

    rate: float = param(10.0, unit="Hz", doc="rate a cell", bounds=(0.0, 1e5), slider=(0.0, 5000.0))
    events: bool = static(True)

    def values(self, k, dt, key, n):
        return randomness.poisson(randomness.bits(key, k, n), self.rate * dt * 1e-3)


@component
class SpikeTimes:
    """Spikes at given times (ms), the same for every cell; two equal times are two spikes."""

    times: Any
    events: bool = static(True)

    def check(self):
        times = np.asarray(self.times, float)
        if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0):
            raise ValueError("SpikeTimes: times must be a list of times in ms, none of them negative.")
        object.__setattr__(self, "times", times)

    def values(self, k, dt, key, n):
        times = jnp.asarray(self.times)
        return jnp.sum(_steps(times, dt) == k).astype(times.dtype)
