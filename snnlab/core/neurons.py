"""Spiking neurons.

A neuron is a component with four methods. State is read and written in this order within a step from t to t + dt:
``fire`` looks at the state at t, says who spikes and resets them; the spikes arrive; ``advance`` carries the state
to t + dt under the summed drive. The un-reset voltage is kept until the next step's ``fire``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from snnlab.core import integrators
from snnlab.core.integrators import Drive
from snnlab.core.parameters import ABOVE_ZERO, component, param, static

INF = float("inf")


class Neuron(Protocol):
    """What a network asks of a neuron model."""

    State: Any  # a NamedTuple type: one array [n] a field

    def init(self, n: int, key: Array) -> Any:
        """The state of ``n`` cells at t = 0."""
        ...

    def fire(self, state: Any, dt: Array) -> tuple[Any, Array]:
        """The state after reset, and who spikes, bool [n]."""
        ...

    def advance(self, state: Any, drive: Drive, dt: Array) -> Any:
        """The state one step later, under ``drive``."""
        ...

    def voltage(self, state: Any) -> Array:
        """The membrane potential [n] in mV, which receptors see."""
        ...

    # A model whose steps can be too long for its conductance says which cells are thrown past their equilibrium
    # and further from it: ``overshoots(drive, dt)`` -> bool, or None. It is asked after every chunk.


@component
class LIF:
    """Leaky integrate-and-fire neuron with an absolute refractory period (Lapicque, 1907; Stein, 1967).

    ``tau dV/dt = -(V - V_rest) + R I``; when ``V >= V_th`` the cell spikes, V is set to ``V_reset`` (or, with
    ``soft_reset``, lowered by ``V_th - V_reset``) and held for ``tau_ref``, which is rounded to whole steps.
    With R = 1 GOhm a current in pA is a drive in mV and a conductance in nS is relative to the leak.
    """

    V_rest: float = param(-60.0, unit="mV", doc="resting potential", slider=(-80.0, -40.0))
    V_reset: float = param(-60.0, unit="mV", doc="potential after a spike", slider=(-80.0, -40.0))
    V_th: float = param(-50.0, unit="mV", doc="spike threshold", slider=(-60.0, -30.0))
    tau: float = param(
        20.0, unit="ms", doc="membrane time constant", bounds=(ABOVE_ZERO, INF), slider=(2.0, 50.0)
    )
    tau_ref: float = param(0.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0))
    R: float = param(
        1.0, unit="GOhm", doc="membrane resistance", bounds=(ABOVE_ZERO, INF), slider=(0.01, 2.0), log=True
    )
    soft_reset: bool = static(False, doc="subtract V_th - V_reset instead of setting V_reset")
    integrator: Callable[..., Array] = static(integrators.frozen, doc="how the conductance enters a step")

    class State(NamedTuple):
        V: Array  # [n] mV
        held: Array  # [n] steps of refractoriness left

    def check(self):
        if np.any(np.asarray(self.V_th) <= np.asarray(self.V_reset)):
            raise ValueError(f"LIF: V_th = {self.V_th} mV must be above V_reset = {self.V_reset} mV.")

    def init(self, n: int, key: Array) -> State:
        return self.State(jnp.broadcast_to(jnp.asarray(self.V_rest, float), n), jnp.zeros(n, jnp.int32))

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        spikes = state.V >= self.V_th
        if (
            self.soft_reset
        ):  # a hard reset leaves V below threshold while the cell is held, a soft one may not
            spikes &= state.held <= 1
        after = state.V - (self.V_th - self.V_reset) if self.soft_reset else self.V_reset
        n_held = jnp.round(self.tau_ref / dt).astype(jnp.int32)
        return self.State(
            jnp.where(spikes, after, state.V), jnp.where(spikes, n_held, state.held - 1)
        ), spikes

    def advance(self, state: State, drive: Drive, dt: Array) -> State:
        V = self.integrator(state.V, self.V_rest, self.tau, self.R, drive, dt)
        return self.State(jnp.where(state.held <= 0, V, state.V), state.held)

    def voltage(self, state: State) -> Array:
        return state.V

    def overshoots(self, drive: Drive, dt: Array) -> Array | None:
        if self.integrator is not integrators.frozen:
            return None
        return -jnp.expm1(-dt / self.tau) * (1 + self.R * drive.g) > 2
