"""Synapses: kinetics (how an arriving spike unfolds in time) and receptor (what current it makes).

Linear kinetics keep their state per *postsynaptic* cell. Spikes enter one variable x, which jumps by the weight and
decays with ``tau_entry``; everything else is computed from x. The decay of x is the runner's business
(``planner.py``), so that delivering spikes never costs a pass over all cells.

Kinetics that saturate are not linear: what a spike does depends on those that the same cell fired before. They keep
their state per *presynaptic* cell and hand on a gating variable, which all-to-all projections weight and sum.
"""

from typing import Any, ClassVar, Protocol

import jax.numpy as jnp
from jax import Array

from snnlab.core.integrators import Drive
from snnlab.core.parameters import ABOVE_ZERO, component, lacks, param, shown

INF = float("inf")


class Kinetics(Protocol):
    """Linear kinetics. ``x`` is the entry variable [n], ``rest`` a tuple of further variables [n]."""

    @property
    def tau_entry(self) -> Array:
        """The time constant of x, ms."""
        ...

    def init(self, n: int) -> tuple[Array, ...]: ...

    def conductance(self, x: Array, rest: tuple[Array, ...]) -> Array:
        """The conductance (or current) now: the weight is its peak after one spike."""
        ...

    def advance(self, x: Array, rest: tuple[Array, ...], dt: Array) -> tuple[Array, ...]:
        """``rest`` one step later, given x now."""
        ...


@component
class Exponential:
    """Instant rise, exponential decay: ``g(t) = w e^{-t/tau}`` after a spike."""

    tau: float = param(
        5.0, unit="ms", doc="decay time constant", bounds=(ABOVE_ZERO, INF), slider=(1.0, 50.0), scalar=True
    )

    @property
    def tau_entry(self):
        return self.tau

    def init(self, n):
        return ()

    def conductance(self, x, rest):
        return x

    def advance(self, x, rest, dt):
        return ()


@component
class Alpha:
    """The alpha function: ``g(t) = w (t/tau) e^{1 - t/tau}``, peak w at t = tau (Rall, 1967)."""

    tau: float = param(
        5.0, unit="ms", doc="time to peak", bounds=(ABOVE_ZERO, INF), slider=(1.0, 50.0), scalar=True
    )

    @property
    def tau_entry(self):
        return self.tau

    def init(self, n):
        return (jnp.zeros(n),)

    def conductance(self, x, rest):
        return rest[0]

    def advance(self, x, rest, dt):
        # exact for g' = -g/tau + e x/tau
        return ((rest[0] + x * (jnp.e * dt / self.tau)) * jnp.exp(-dt / self.tau),)


@component
class DualExponential:
    """Difference of two exponentials, scaled to peak w; the time constants may be equal (then it is ``Alpha``)."""

    tau_rise: float = param(
        1.0, unit="ms", doc="rise time constant", bounds=(ABOVE_ZERO, INF), slider=(0.1, 10.0), scalar=True
    )
    tau_decay: float = param(
        5.0, unit="ms", doc="decay time constant", bounds=(ABOVE_ZERO, INF), slider=(1.0, 100.0), scalar=True
    )

    @property
    def tau_entry(self):
        return self.tau_rise

    def init(self, n):
        return (jnp.zeros(n),)

    def conductance(self, x, rest):
        return rest[0]

    def advance(self, x, rest, dt):
        # g' = -g/tau_decay + c x with c such that one spike peaks at 1: at the peak g = c tau_decay x
        ratio = jnp.log(self.tau_decay / self.tau_rise)
        peak_time = self.tau_rise * _relative(ratio)
        c = jnp.exp(peak_time / self.tau_rise) / self.tau_decay
        difference = 1 / self.tau_rise - 1 / self.tau_decay
        gain = c * dt * _mean_decay(difference * dt)
        return ((rest[0] + gain * x) * jnp.exp(-dt / self.tau_decay),)


class Gating(Protocol):
    """Kinetics of the presynaptic cell. ``state`` is a tuple of variables [n] of the cells that spike."""

    def init(self, n: int) -> tuple[Array, ...]: ...

    def gating(self, state: tuple[Array, ...]) -> Array:
        """The gating variable now [n]: the conductance is the sum of weight times gating over the presynaptic cells."""
        ...

    def release(self, state: tuple[Array, ...], spikes: Array, dt: Array) -> tuple[Array, ...]:
        """The state one step later, given whose spikes [n] arrive now."""
        ...


@component
class NMDA:
    """NMDA receptor channels, opened by transmitter x and saturating at s = 1 (Wang, 1999; 2002).

    ``x' = -x / tau_rise``, plus 1 at every spike of the presynaptic cell; ``s' = -s / tau_decay + alpha x (1 - s)``.
    x is exact; s is of second order in dt. The weight of a projection is the conductance when all channels are open.
    """

    tau_rise: float = param(
        2.0, unit="ms", doc="decay of transmitter", bounds=(ABOVE_ZERO, INF), slider=(0.5, 10.0), scalar=True
    )
    tau_decay: float = param(
        100.0,
        unit="ms",
        doc="closing time constant",
        bounds=(ABOVE_ZERO, INF),
        slider=(20.0, 200.0),
        scalar=True,
    )
    alpha: float = param(
        0.5,
        unit="1 / ms",
        doc="opening rate by transmitter",
        bounds=(0.0, INF),
        slider=(0.0, 2.0),
        scalar=True,
    )

    def init(self, n):
        return jnp.zeros(n), jnp.zeros(n)

    def gating(self, state):
        return state[1]

    def release(self, state, spikes, dt):
        x, s = state
        x = x + spikes
        opened = self.alpha * dt * _mean_decay(dt / self.tau_rise) * x  # alpha x, integrated over the step
        # Half a step of closing, the opening, the other half. The share that opens, 1 - e^{-opened}, is that of
        # (1 - t + t^2 / 2)^4 with t = opened / 4: within opened^3 / 96, without a division, and between 0 and 1.
        t = jnp.minimum(opened / 4, 1.0)
        share = t * (1 - t / 2)
        share = share * (2 - share)
        share = share * (2 - share)
        half = jnp.exp(-dt / (2 * self.tau_decay))
        s = half * s
        s = half * (s + (1 - s) * share)
        return x * jnp.exp(-dt / self.tau_rise), s


def _relative(r):
    """``r / (1 - e^{-r})``, also at r = 0."""
    small = jnp.abs(r) < 1e-3
    safe = jnp.where(small, 1.0, r)
    return jnp.where(small, 1 + r / 2 + r * r / 12, safe / -jnp.expm1(-safe))


def _mean_decay(x):
    """``(1 - e^{-x}) / x``, also at x = 0."""
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1 - x / 2 + x * x / 6, -jnp.expm1(-safe) / safe)


class Receptor(Protocol):
    """What current a conductance makes at a given voltage; ``unit`` is that of the weights it takes."""

    unit: str

    def current(self, g: Array, V: Array) -> Drive: ...


@component
class Current:
    """A current-based synapse: the drive is g itself, in pA, with the sign of the weight."""

    unit: ClassVar[str] = "pA"

    def current(self, g, V):
        return Drive(g, 0.0)


@component
class Conductance:
    """A conductance with a reversal potential: ``g (E_rev - V)``."""

    unit: ClassVar[str] = "nS"
    E_rev: float = param(0.0, unit="mV", doc="reversal potential", slider=(-90.0, 0.0), scalar=True)

    def current(self, g, V):
        return Drive(g * self.E_rev, g)


@component
class MgBlock:
    """A conductance that magnesium blocks at rest: ``g B(V) (E_rev - V)``, ``B = 1 / (1 + Mg e^{-0.062 V} / 3.57)``.

    Jahr & Stevens (1990).
    """

    unit: ClassVar[str] = "nS"
    E_rev: float = param(0.0, unit="mV", doc="reversal potential", slider=(-20.0, 20.0), scalar=True)
    Mg: float = param(
        1.0, unit="mM", doc="extracellular magnesium", bounds=(0.0, INF), slider=(0.0, 3.0), scalar=True
    )

    def current(self, g, V):
        open_ = g / (1 + self.Mg / 3.57 * jnp.exp(-0.062 * V))
        return Drive(open_ * self.E_rev, open_)


@component
class Synapse:
    """Kinetics and a receptor. Projections that name the same synapse of a network share its state."""

    kinetics: Any
    receptor: Any = Current()

    @property
    def presynaptic(self) -> bool:
        """Whether the state is one of the presynaptic cell."""
        return hasattr(self.kinetics, "gating")

    def check(self):
        own = "release" if self.presynaptic else "advance"
        for part, method in (("kinetics", own), ("receptor", "current")):
            if wrong := lacks(getattr(self, part), method):
                raise ValueError(f"Synapse: {part} = {shown(getattr(self, part))} is not one: {wrong}.")
