"""Spiking neurons.

A neuron is a component with four methods. State is read and written in this order within a step from t to t + dt:
``fire`` looks at the state at t, says who spikes and resets them; the spikes arrive; ``advance`` carries the state
to t + dt under the summed drive. The un-reset voltage is kept until the next step's ``fire``.
"""

import collections
import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core import integrators
from snnlab.core.channels import K, Leak, Na
from snnlab.core.integrators import Drive
from snnlab.core.membrane import charged, reset_held
from snnlab.core.parameters import ABOVE_ZERO, component, param, shown, static
from snnlab.core.upstroke import EIF, AdEx, Izhikevich

__all__ = ["EIF", "HH", "LIF", "AdEx", "Izhikevich", "Neuron"]

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
    # A model whose variables start at values that depend on one another has ``settle(state, given)``: the state at
    # t = 0, once the variables in ``given`` have the values that the population says.
    # V is in mV and other variables are plain numbers, unless ``units`` says otherwise: {"w": "pA"}.


@component
class LIF:
    """Leaky integrate-and-fire neuron with an absolute refractory period (Lapicque, 1907; Stein, 1967).

    ``tau dV/dt = -(V - V_rest) + R I``; when ``V >= V_th`` the cell spikes, V is set to ``V_reset`` (or, with
    ``soft_reset``, lowered by ``V_th - V_reset``) and held for ``tau_ref``, which is rounded to whole steps.
    With R = 1 GOhm a current in pA is a drive in mV and a conductance in nS is relative to the leak. A cell that
    starts held and above threshold starts at ``V_reset``, unless resets are soft.
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
        if np.any(np.less_equal(self.V_th, self.V_reset)):
            raise ValueError(f"LIF: V_th = {self.V_th} mV must be above V_reset = {self.V_reset} mV.")
        if not callable(self.integrator):
            raise ValueError(
                f"LIF: integrator = {shown(self.integrator)} must be a function such as integrators.implicit."
            )

    def init(self, n: int, key: Array) -> State:
        return self.State(jnp.broadcast_to(jnp.asarray(self.V_rest, float), n), jnp.zeros(n, jnp.int32))

    def settle(self, state: State, given: frozenset[str]) -> State:
        return state if self.soft_reset else reset_held(state, self.V_th, self.V_reset)

    def fire(self, state: State, dt: Array) -> tuple[State, Array]:
        spikes = state.V >= self.V_th
        # a hard reset leaves V below threshold while the cell is held, a soft one may not; asking always would make
        # the whole step a third slower
        if self.soft_reset:
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


@functools.cache
def _channel_state(gates: tuple[str, ...]) -> Any:
    """One type a set of gates: JAX takes states of different types for different structures."""
    return collections.namedtuple("State", ("V", "above", *gates))  # arrays [n]; a gate a field


@component
class HH:
    """Conductance neuron composed of channels on a membrane (Hodgkin & Huxley, 1952).

    ``C dV/dt = sum of g (E_rev - V) + I`` over the ion channels and the synaptic drive. A step is exponential Euler of
    every variable for itself: gates are exact for the present V, V is exact for the present conductances, the
    synaptic ones included. That is of first order and stable; ``substeps`` divides a step for the membrane alone.
    A spike is an upward crossing of ``V_spike``. Nothing is reset; there is no refractoriness but that of the
    channels. The state is V in mV, ``above`` (whether V was over ``V_spike``) and every gate by its name; a second
    gate of the same name is called ``n2``. Gates start at 0, or ``steady``: at their steady state.

    Raises ValueError when ``channels`` holds something that is not a channel.
    """

    channels: Any = (Leak(), Na(), K())
    C: float = param(
        default=200.0, unit="pF", doc="membrane capacitance", bounds=(ABOVE_ZERO, INF), slider=(50.0, 500.0)
    )
    V_spike: float = param(
        default=-20.0, unit="mV", doc="level whose upward crossing is a spike", slider=(-40.0, 20.0)
    )
    V_start: float = param(
        default=-65.0,
        unit="mV",
        doc="potential at t = 0 where a population gives none",
        slider=(-90.0, -40.0),
    )
    steady: bool = static(default=False, doc="gates start at their steady state, not at 0")
    substeps: int = static(default=1, doc="steps of the membrane in a step of the network")

    def check(self):
        if not isinstance(self.channels, (tuple, list)) or not self.channels:
            raise ValueError(
                f"HH: channels = {self.channels!r} must be a tuple of channels such as (Leak(), Na(), K())."
            )
        for channel in self.channels:
            if not all(
                callable(getattr(channel, method, None)) for method in ("rates", "conductance")
            ) or isinstance(channel, type):
                raise ValueError(f"HH: {channel!r} is not a channel, such as Leak() or Na().")
        if isinstance(self.substeps, bool) or not isinstance(self.substeps, int) or self.substeps < 1:
            raise ValueError(f"HH: substeps = {self.substeps!r} must be a whole number, at least 1.")
        object.__setattr__(self, "channels", tuple(self.channels))

    @property
    def State(self) -> Any:
        names = []
        for name in (gate for channel in self.channels for gate in channel.gates):
            count = sum(1 for other in names if other.rstrip("0123456789") == name)
            names.append(f"{name}{count + 1}" if count else name)
        return _channel_state(tuple(names))

    def init(self, n: int, key: Array) -> Any:
        V = jnp.broadcast_to(jnp.asarray(self.V_start, float), n)
        gates = (jnp.zeros(n) for _ in self.State._fields[2:])
        # who starts above the level has not crossed it
        return self.settle(self.State(V, jnp.ones(n, bool), *gates), frozenset())

    def settle(self, state: Any, given: frozenset[str]) -> Any:
        if not self.steady:
            return state
        rates = [pair for channel in self.channels for pair in channel.rates(state.V)]
        steady = {
            name: alpha / (alpha + beta)
            for name, (alpha, beta) in zip(state._fields[2:], rates, strict=True)
            if name not in given
        }
        return state._replace(**steady)

    def fire(self, state: Any, dt: Array) -> tuple[Any, Array]:
        above = state.V >= self.V_spike
        return state._replace(above=above), above & ~state.above

    def advance(self, state: Any, drive: Drive, dt: Array) -> Any:
        if self.substeps == 1:
            return self._substep(state, drive, dt)
        smaller = dt / self.substeps
        return lax.fori_loop(0, self.substeps, lambda _, state: self._substep(state, drive, smaller), state)

    def _substep(self, state, drive, dt):
        V, _, *gates = state
        after = []
        for channel in self.channels:
            mine, gates = gates[: len(channel.gates)], gates[len(channel.gates) :]
            g = channel.conductance(*mine)
            drive = drive.plus(Drive(g * channel.E_rev, g))
            for x, (alpha, beta) in zip(mine, channel.rates(V), strict=True):
                x_inf = alpha / (alpha + beta)
                after.append(x_inf + (x - x_inf) * jnp.exp(-dt * (alpha + beta)))
        return self.State(charged(V, self.C, drive, dt), state.above, *after)

    def voltage(self, state: Any) -> Array:
        return state.V
