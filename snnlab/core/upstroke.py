"""Integrate-and-fire neurons that make the upstroke of a spike themselves; the reset ends it at ``V_peak``.

V is kept from passing ``V_peak``, where the upstroke would go to infinity within a step.
"""

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core.integrators import Drive
from snnlab.core.membrane import charged, mean_growth, reset_held
from snnlab.core.parameters import ABOVE_ZERO, component, param

INF = float("inf")


def _check_peak(neuron: Any):
    if np.any(np.less_equal(neuron.V_peak, neuron.V_reset)):
        name = type(neuron).__name__
        raise ValueError(f"{name}: V_peak = {neuron.V_peak} mV must be above V_reset = {neuron.V_reset} mV.")


def _exponential(neuron: Any, V: Array, drive: Drive, dt: Array) -> Array:
    """V a step later under the leak, the exponential spike current and ``drive``."""
    spike = (
        neuron.g_L * neuron.Delta_T * jnp.exp((jnp.minimum(V, neuron.V_peak) - neuron.V_T) / neuron.Delta_T)
    )
    own = Drive(neuron.g_L * neuron.E_L + spike, neuron.g_L)
    return jnp.minimum(charged(V, neuron.C, drive.plus(own), dt), neuron.V_peak)


@component
class EIF:
    """Exponential integrate-and-fire neuron (Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, 2003).

    ``C dV/dt = g_L (E_L - V) + g_L Delta_T e^{(V - V_T) / Delta_T} + I``; at ``V_peak`` the cell spikes, V is set to
    ``V_reset`` and held for ``tau_ref``, which is rounded to whole steps.
    """

    C: float = param(
        default=100.0, unit="pF", doc="capacitance", bounds=(ABOVE_ZERO, INF), slider=(50.0, 500.0)
    )
    g_L: float = param(default=10.0, unit="nS", doc="leak", bounds=(ABOVE_ZERO, INF), slider=(1.0, 50.0))
    E_L: float = param(default=-65.0, unit="mV", doc="leak reversal potential", slider=(-80.0, -60.0))
    V_T: float = param(
        default=-59.9, unit="mV", doc="where the slope of the current is 0", slider=(-60.0, -40.0)
    )
    Delta_T: float = param(
        default=3.48, unit="mV", doc="sharpness of spikes", bounds=(ABOVE_ZERO, INF), slider=(0.5, 10.0)
    )
    V_peak: float = param(default=-30.0, unit="mV", doc="end of the upstroke", slider=(-40.0, 40.0))
    V_reset: float = param(default=-68.0, unit="mV", doc="potential after a spike", slider=(-80.0, -50.0))
    tau_ref: float = param(
        default=1.7, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)
    )

    class State(NamedTuple):
        V: Array  # [n] mV
        held: Array  # [n] steps of refractoriness left

    def check(self):
        _check_peak(self)

    def init(self, n: int, key: Array) -> State:
        return self.State(jnp.broadcast_to(jnp.asarray(self.E_L, float), n), jnp.zeros(n, jnp.int32))

    def settle(self, state: State, given: frozenset[str]) -> State:
        return reset_held(state, self.V_peak, self.V_reset)

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        spikes = state.V >= self.V_peak
        held = jnp.where(spikes, jnp.round(self.tau_ref / dt).astype(jnp.int32), state.held - 1)
        return self.State(jnp.where(spikes, self.V_reset, state.V), held), spikes

    def advance(self, state: State, drive: Drive, dt: Array) -> State:
        V = _exponential(self, state.V, drive, dt)
        return self.State(jnp.where(state.held <= 0, V, state.V), state.held)

    def voltage(self, state: State) -> Array:
        return state.V


@component
class AdEx:
    """Adaptive exponential integrate-and-fire neuron (Brette & Gerstner, 2005).

    ``C dV/dt = g_L (E_L - V) + g_L Delta_T e^{(V - V_T) / Delta_T} - w + I``, ``tau_w dw/dt = a (V - E_L) - w``; at
    ``V_peak`` the cell spikes, V is set to ``V_reset`` and w rises by b.
    """

    C: float = param(
        default=281.0, unit="pF", doc="capacitance", bounds=(ABOVE_ZERO, INF), slider=(50.0, 500.0)
    )
    g_L: float = param(default=30.0, unit="nS", doc="leak", bounds=(ABOVE_ZERO, INF), slider=(1.0, 50.0))
    E_L: float = param(default=-70.6, unit="mV", doc="leak reversal potential", slider=(-80.0, -60.0))
    V_T: float = param(
        default=-50.4, unit="mV", doc="where the slope of the current is 0", slider=(-60.0, -40.0)
    )
    Delta_T: float = param(
        default=2.0, unit="mV", doc="sharpness of spikes", bounds=(ABOVE_ZERO, INF), slider=(0.5, 10.0)
    )
    a: float = param(default=4.0, unit="nS", doc="adaptation below threshold", slider=(-10.0, 20.0))
    b: float = param(default=80.5, unit="pA", doc="adaptation by a spike", slider=(0.0, 200.0))
    tau_w: float = param(
        default=144.0,
        unit="ms",
        doc="adaptation time constant",
        bounds=(ABOVE_ZERO, INF),
        slider=(10.0, 500.0),
    )
    V_peak: float = param(default=20.0, unit="mV", doc="end of the upstroke", slider=(-40.0, 40.0))
    V_reset: float = param(default=-70.6, unit="mV", doc="potential after a spike", slider=(-80.0, -45.0))

    class State(NamedTuple):
        V: Array  # [n] mV
        w: Array  # [n] pA

    units: ClassVar[dict[str, str]] = {"w": "pA"}

    def check(self):
        _check_peak(self)

    def init(self, n: int, key: Array) -> State:
        return self.State(jnp.broadcast_to(jnp.asarray(self.E_L, float), n), jnp.zeros(n))

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        spikes = state.V >= self.V_peak
        V, w = jnp.where(spikes, self.V_reset, state.V), jnp.where(spikes, state.w + self.b, state.w)
        return self.State(V, w), spikes

    def advance(self, state: State, drive: Drive, dt: Array) -> State:
        w_inf = self.a * (state.V - self.E_L)
        w = w_inf + (state.w - w_inf) * jnp.exp(-dt / self.tau_w)
        return self.State(_exponential(self, state.V, drive.plus(Drive(-state.w)), dt), w)

    def voltage(self, state: State) -> Array:
        return state.V


@component
class Izhikevich:
    """The quadratic neuron with recovery of Izhikevich (2003), by default of the kind "regular spiking".

    ``dV/dt = 0.04 V^2 + 5 V + 140 - u + I / C``, ``du/dt = a (b V - u)``; at ``V_peak`` the cell spikes, V is set to
    ``V_reset`` (his c) and u rises by d. With C = 1 pF a current in pA is his I. V is advanced by the exponential of
    its slope, not by his Euler steps of 0.5 ms. u starts at b V.
    """

    a: float = param(
        default=0.02, unit="1 / ms", doc="rate of recovery", bounds=(0.0, INF), slider=(0.01, 0.2)
    )
    b: float = param(default=0.2, unit="1 / ms", doc="recovery by the potential", slider=(-0.1, 0.3))
    V_reset: float = param(default=-65.0, unit="mV", doc="potential after a spike", slider=(-70.0, -45.0))
    d: float = param(default=8.0, unit="mV / ms", doc="recovery by a spike", slider=(0.0, 10.0))
    V_peak: float = param(default=30.0, unit="mV", doc="end of the upstroke", slider=(0.0, 40.0))
    C: float = param(default=1.0, unit="pF", doc="capacitance", bounds=(ABOVE_ZERO, INF), slider=(0.5, 200.0))
    V_start: float = param(
        default=-70.0,
        unit="mV",
        doc="potential at t = 0 where a population gives none",
        slider=(-80.0, -50.0),
    )

    class State(NamedTuple):
        V: Array  # [n] mV
        u: Array  # [n] mV / ms

    units: ClassVar[dict[str, str]] = {"u": "mV / ms"}

    def check(self):
        _check_peak(self)

    def init(self, n: int, key: Array) -> State:
        V = jnp.broadcast_to(jnp.asarray(self.V_start, float), n)
        return self.State(V, self.b * V)

    def settle(self, state: State, given: frozenset[str]) -> State:
        return state if "u" in given else state._replace(u=self.b * state.V)

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        spikes = state.V >= self.V_peak
        V, u = jnp.where(spikes, self.V_reset, state.V), jnp.where(spikes, state.u + self.d, state.u)
        return self.State(V, u), spikes

    def advance(self, state: State, drive: Drive, dt: Array) -> State:
        V, u = state
        flow = (0.04 * V + 5.0) * V + 140.0 - u + (drive.I - drive.g * V) / self.C
        slope = 0.08 * V + 5.0 - drive.g / self.C
        after = jnp.minimum(V + dt * flow * mean_growth(slope * dt), self.V_peak)
        u_inf = self.b * V
        return self.State(after, u_inf + (u - u_inf) * jnp.exp(-self.a * dt))

    def voltage(self, state: State) -> Array:
        return state.V
