"""Ion channels: what a conductance neuron (``neurons.HH``) is composed of.

A channel is a component with a peak conductance, a reversal potential and gates. A gate x opens and closes with the
voltage-dependent rates alpha and beta: ``dx/dt = alpha (1 - x) - beta x``. There are two published sets: ``Na`` and
``K`` of Traub & Miles (1991) as simplified for networks by Brette et al. (2007), and ``SquidNa`` and ``SquidK`` of
Hodgkin & Huxley (1952). Peak conductances are those of a membrane of 20,000 um^2.
"""

from typing import Any, Protocol

import jax.numpy as jnp
from jax import Array

from snnlab.core.parameters import component, param

INF = float("inf")


class Channel(Protocol):
    """What a neuron asks of a channel."""

    gates: tuple[str, ...]  # the names of the gates; none for a leak

    @property
    def E_rev(self) -> Any:
        """The reversal potential, mV."""
        ...

    def rates(self, V: Array) -> tuple[tuple[Array, Array], ...]:
        """(alpha, beta) [n] in 1/ms of every gate."""
        ...

    def conductance(self, *gates: Array) -> Array:
        """The conductance [n] in nS with the gates at these values."""
        ...


def _relative(x, exp_x):
    """``x / (e^x - 1)`` for a given ``e^x``, with a finite value and derivative at x = 0."""
    small = jnp.abs(x) < 0.1  # where e^x - 1 loses digits; the series is good to 1e-14 there
    y = x * x
    series = 1 - x / 2 + y * (1 / 12 - y * (1 / 720 - y / 30240))
    # both branches of a derivative are computed, so the quotient must be finite also where it is not used
    return jnp.where(small, series, x / jnp.where(small, 1.0, exp_x - 1))


@component
class Leak:
    """A conductance that is always open."""

    gates = ()
    g: float = param(
        default=10.0, unit="nS", doc="conductance", bounds=(0.0, INF), slider=(0.001, 100.0), log=True
    )
    E_rev: float = param(default=-65.0, unit="mV", doc="reversal potential", slider=(-80.0, -50.0))

    def rates(self, V):
        return ()

    def conductance(self):
        return self.g


@component
class Na:
    """The fast sodium channel m^3 h of Traub & Miles (1991)."""

    gates = ("m", "h")
    g: float = param(
        default=20000.0,
        unit="nS",
        doc="conductance with all gates open",
        bounds=(0.0, INF),
        slider=(0.0, 50000.0),
    )
    E_rev: float = param(default=50.0, unit="mV", doc="reversal potential", slider=(20.0, 80.0))
    V_T: float = param(
        default=-63.0, unit="mV", doc="shift of the rates along the voltage", slider=(-70.0, -50.0)
    )

    def rates(self, V):
        u = V - self.V_T
        # one exponential for two rates; as e^-x and its inverse it may overflow without making a NaN
        falling = jnp.exp((40.0 - u) / 5.0)
        x = (13.0 - u) / 4.0
        return (
            (1.28 * _relative(x, jnp.exp(x)), 1.4 * _relative((u - 40.0) / 5.0, 1 / falling)),
            (0.128 * jnp.exp((17.0 - u) / 18.0), 4.0 / (1.0 + falling)),
        )

    def conductance(self, m, h):
        return self.g * (m * m * m * h)


@component
class K:
    """The delayed-rectifier potassium channel n^4 of Traub & Miles (1991)."""

    gates = ("n",)
    g: float = param(
        default=6000.0,
        unit="nS",
        doc="conductance with all gates open",
        bounds=(0.0, INF),
        slider=(0.0, 20000.0),
    )
    E_rev: float = param(default=-90.0, unit="mV", doc="reversal potential", slider=(-100.0, -70.0))
    V_T: float = param(
        default=-63.0, unit="mV", doc="shift of the rates along the voltage", slider=(-70.0, -50.0)
    )

    def rates(self, V):
        u = V - self.V_T
        x = (15.0 - u) / 5.0
        return ((0.16 * _relative(x, jnp.exp(x)), 0.5 * jnp.exp((10.0 - u) / 40.0)),)

    def conductance(self, n):
        return self.g * (n * n * n * n)


@component
class SquidNa:
    """The sodium channel m^3 h of the squid giant axon at 6.3 degrees (Hodgkin & Huxley, 1952)."""

    gates = ("m", "h")
    g: float = param(
        default=24000.0,
        unit="nS",
        doc="conductance with all gates open",
        bounds=(0.0, INF),
        slider=(0.0, 50000.0),
    )
    E_rev: float = param(default=50.0, unit="mV", doc="reversal potential", slider=(20.0, 80.0))
    V_rest: float = param(
        default=-65.0, unit="mV", doc="potential from which the rates count", slider=(-75.0, -55.0)
    )

    def rates(self, V):
        v = V - self.V_rest
        x = (25.0 - v) / 10.0
        return (
            (_relative(x, jnp.exp(x)), 4.0 * jnp.exp(-v / 18.0)),
            (0.07 * jnp.exp(-v / 20.0), 1.0 / (1.0 + jnp.exp((30.0 - v) / 10.0))),
        )

    def conductance(self, m, h):
        return self.g * (m * m * m * h)


@component
class SquidK:
    """The potassium channel n^4 of the squid giant axon at 6.3 degrees (Hodgkin & Huxley, 1952)."""

    gates = ("n",)
    g: float = param(
        default=7200.0,
        unit="nS",
        doc="conductance with all gates open",
        bounds=(0.0, INF),
        slider=(0.0, 20000.0),
    )
    E_rev: float = param(default=-77.0, unit="mV", doc="reversal potential", slider=(-100.0, -70.0))
    V_rest: float = param(
        default=-65.0, unit="mV", doc="potential from which the rates count", slider=(-75.0, -55.0)
    )

    def rates(self, V):
        v = V - self.V_rest
        x = (10.0 - v) / 10.0
        return ((0.1 * _relative(x, jnp.exp(x)), 0.125 * jnp.exp(-v / 80.0)),)

    def conductance(self, n):
        return self.g * (n * n * n * n)


def squid() -> tuple[Leak, SquidNa, SquidK]:
    """The channels of the squid giant axon (Hodgkin & Huxley, 1952), for ``HH(channels=squid())``: rest at -65 mV."""
    return (Leak(g=60.0, E_rev=-54.387), SquidNa(), SquidK())
