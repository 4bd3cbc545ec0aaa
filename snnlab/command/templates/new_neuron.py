"""NewNeuron: a leaky integrate-and-fire cell that spikes make tired. Change what is to be different."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from snnlab import component, param
from snnlab.integrators import Drive, exponential

INF = float("inf")


@component
class NewNeuron:
    """Leaky integrate-and-fire cell with an adaptation current ``w`` (after Treves, 1993).

    ``tau dV/dt = V_rest - V + R (I - w)``, ``tau_w dw/dt = -w``; when ``V >= V_th`` the cell spikes, V becomes
    ``V_reset`` and w grows by ``b``.
    """

    # Declared once: default, unit, meaning, what is allowed, what a slider spans. Checks, tables and sliders follow.
    V_rest: float = param(-60.0, unit="mV", doc="resting potential", slider=(-80.0, -52.0))
    V_reset: float = param(-60.0, unit="mV", doc="potential after a spike", slider=(-80.0, -52.0))
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-58.0, -40.0))
    tau: float = param(20.0, unit="ms", doc="membrane time constant", bounds=(1e-3, INF), slider=(5.0, 50.0))
    R: float = param(1.0, unit="GOhm", doc="membrane resistance", bounds=(1e-6, INF), slider=(0.1, 2.0))
    b: float = param(2.0, unit="pA", doc="adaptation by a spike", bounds=(0.0, INF), slider=(0.0, 10.0))
    tau_w: float = param(100.0, unit="ms", doc="adaptation's decay", bounds=(1e-3, INF), slider=(20.0, 500.0))

    class State(NamedTuple):
        """What changes in time: arrays with one entry a cell."""

        V: Array  # [n] mV
        w: Array  # [n] pA

    units = {"w": "pA"}  # V is in mV; other variables are plain numbers unless they are named here

    def init(self, n: int, key: Array) -> State:
        """The state of ``n`` cells at t = 0. ``key`` is for cells that begin at random."""
        return self.State(jnp.broadcast_to(jnp.asarray(self.V_rest, float), n), jnp.zeros(n))

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        """The state after reset, and who spikes: ``jnp.where`` instead of ``if``, for all cells at once."""
        spikes = state.V >= self.V_th
        V = jnp.where(spikes, self.V_reset, state.V)
        return self.State(V, jnp.where(spikes, state.w + self.b, state.w)), spikes

    def advance(self, state: State, drive: Drive, dt: Array) -> State:
        """The state one step later. ``drive`` is all that is injected and all that the synapses add up to."""
        V = exponential(state.V, self.V_rest, self.tau, self.R, drive.plus(Drive(-state.w)), dt)
        return self.State(V, state.w * jnp.exp(-dt / self.tau_w))

    def voltage(self, state: State) -> Array:
        """The membrane potential in mV, which synapses see."""
        return state.V
