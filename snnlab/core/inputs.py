"""What drives a network from outside.

A current source gives the current at step k, one number for all cells or [n]; an event source gives the number of
spikes that arrive at each cell. Windows are counted in whole steps, so that a time on the grid is on the grid.
"""

import warnings
from typing import Any, ClassVar, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core import randomness
from snnlab.core.parameters import ABOVE_ZERO, component, lacks, numbers, param, shown

INF = float("inf")


class Source(Protocol):
    """An input's course in time; ``events`` says whether it gives spikes (to a synapse) or a current.

    A source of spikes with ``spread`` counts those that fall anywhere within a step. When the step is over they have
    decayed for half of it on average; without that a mean conductance would be too large by ``dt / (2 tau)``.
    """

    events: bool

    def values(self, k: Array, dt: Array, key: Array, n: int) -> Array:
        """The values at t = k dt: a scalar for all cells, or [n]."""
        ...

    # A source that cannot take every step says so before a run: ``check_step(dt)`` raises ValueError.


def _steps(t, dt):
    return jnp.round(t / dt).astype(jnp.int32)


@component
class Constant:
    """A constant current, one number or one a cell [n]."""

    I: float = param(0.0, unit="pA", doc="current", slider=(0.0, 50.0))
    events: ClassVar[bool] = False

    def values(self, k, dt, key, n):
        return self.I


@component
class Step:
    """A current ``I`` for ``start <= t < stop``, zero otherwise."""

    I: float = param(0.0, unit="pA", doc="current while it is on", slider=(0.0, 50.0))
    start: float = param(0.0, unit="ms", doc="onset", scalar=True)
    stop: float = param(1e9, unit="ms", doc="end", scalar=True)
    events: ClassVar[bool] = False

    def check(self):
        if self.stop < self.start:
            raise ValueError(f"Step: stop = {self.stop:g} ms must not be before start = {self.start:g} ms.")

    def values(self, k, dt, key, n):
        on = (k >= _steps(self.start, dt)) & (k < _steps(jnp.minimum(self.stop, 2e9 * dt), dt))
        return jnp.where(on, self.I, 0.0)


@component
class Sections:
    """A piecewise constant current: ``currents[j]`` for ``durations[j]`` ms each, one after the other, then zero."""

    currents: Any
    durations: Any
    events: ClassVar[bool] = False

    def check(self):
        currents = numbers("Sections: currents", self.currents, "pA").astype(float)
        durations = numbers("Sections: durations", self.durations, "ms").astype(float)
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
    events: ClassVar[bool] = False

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
    events: ClassVar[bool] = False

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
    events: ClassVar[bool] = False

    def values(self, k, dt, key, n):
        return self.mean + self.sigma / jnp.sqrt(dt) * randomness.normal(randomness.bits(key, k, n))


@component
class Poisson:
    """An independent Poisson spike train for every cell; the number of spikes a step is Poisson(rate dt).

    Sources with an ``intensity`` that feed one synapse of a population with one weight are one source whose rate is
    the sum: it is drawn once.
    """

    spread = True
    rate: float = param(10.0, unit="Hz", doc="rate a cell", bounds=(0.0, 1e5), slider=(0.0, 5000.0))
    events: ClassVar[bool] = True

    @property
    def highest(self) -> Any:
        """The highest rate that is ever drawn from, Hz."""
        return np.max(self.rate)

    def intensity(self, k, dt, key):
        """The rate (Hz) at step k: a scalar for all cells, or [n]."""
        return self.rate

    def values(self, k, dt, key, n):
        mean = self.intensity(k, dt, key) * dt * 1e-3
        return randomness.poisson(randomness.bits(key, k, n), mean)


@component
class RedrawnPoisson:
    """Poisson spike trains whose common rate is drawn anew every ``interval``: the noisy stimulus of Wang (2002).

    Between ``start`` and ``stop`` the rate is normal with mean ``rate`` and standard deviation ``sigma``, cut off at 0,
    and the same for all cells of a population; outside it is 0.
    """

    spread = True
    rate: float = param(40.0, unit="Hz", doc="mean rate a cell", bounds=(0.0, 1e5), scalar=True)
    sigma: float = param(10.0, unit="Hz", doc="spread of the rate", bounds=(0.0, 1e5), scalar=True)
    interval: float = param(
        50.0, unit="ms", doc="time for which a rate is kept", bounds=(ABOVE_ZERO, INF), scalar=True
    )
    start: float = param(0.0, unit="ms", doc="onset", scalar=True)
    stop: float = param(1e9, unit="ms", doc="end", scalar=True)
    events: ClassVar[bool] = True

    @property
    def highest(self) -> Any:
        """The highest rate that is ever drawn from, Hz: no normal number of 24 bits is beyond 5.5."""
        return self.rate + 5.5 * self.sigma

    def intensity(self, k, dt, key):
        """The rate (Hz) of all cells at step k."""
        since = k - _steps(self.start, dt)
        on = (since >= 0) & (k < _steps(jnp.minimum(self.stop, 2e9 * dt), dt))
        nth = since // jnp.maximum(_steps(self.interval, dt), 1)
        drawn = self.rate + self.sigma * randomness.normal(randomness.bits(key ^ jnp.uint32(1), nth, 1))[0]
        return jnp.where(on, jnp.maximum(drawn, 0.0), 0.0)

    def values(self, k, dt, key, n):
        mean = self.intensity(k, dt, key) * dt * 1e-3
        return randomness.poisson(randomness.bits(key, k, n), mean)


@component
class Bernoulli:
    """Spikes of which there is at most one a step, with probability rate dt: what many scripts call Poisson.

    Its variance is ``1 - rate dt`` of the Poisson one. ``source`` gives the rate: ``Poisson`` or ``RedrawnPoisson``.
    """

    spread = True
    source: Any
    events: ClassVar[bool] = True

    def check(self):
        if wrong := lacks(self.source, "intensity", "highest"):
            raise ValueError(
                f"Bernoulli: {shown(self.source)} has no rate; expected Poisson(...) or RedrawnPoisson(...): {wrong}."
            )

    def check_step(self, dt: float):
        """Raises ValueError where rate dt is beyond 0.2, warns beyond 0.1."""
        worst = float(np.max(self.source.rate)) * dt * 1e-3
        sentence = (
            f"Bernoulli: {np.max(self.source.rate):g} Hz at dt = {dt:g} ms is {worst:g} spikes a step, whose "
            f"variance is only {1 - worst:.2g} of that of Poisson spikes; use a smaller dt or Poisson."
        )
        if worst > 0.2:
            raise ValueError(sentence)
        if worst > 0.1:
            warnings.warn(sentence, stacklevel=2)

    def values(self, k, dt, key, n):
        probability = self.source.intensity(k, dt, key) * dt * 1e-3
        return (randomness.uniform(randomness.bits(key, k, n)) < probability).astype(float)


@component
class SpikeTimes:
    """Spikes at given times (ms), the same for every cell; two equal times are two spikes."""

    times: Any
    events: ClassVar[bool] = True

    def check(self):
        times = numbers("SpikeTimes: times", self.times, "ms").astype(float)
        if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0):
            raise ValueError("SpikeTimes: times must be a list of times in ms, none of them negative.")
        object.__setattr__(self, "times", times)

    def values(self, k, dt, key, n):
        times = jnp.asarray(self.times)
        return jnp.sum(_steps(times, dt) == k).astype(times.dtype)
