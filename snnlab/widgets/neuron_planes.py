"""The phase plane of a neuron with two variables: what its steps would do between spikes, as a system."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab import analysis
from snnlab.core.integrators import Drive
from snnlab.core.network import Network
from snnlab.core.parameters import component, param, static
from snnlab.core.recording import Recording
from snnlab.widgets.phase_planes import Arrays, Portrait

STEP = 1e-5  # ms: over so short a step the change of the state is its derivative to nine digits
AROUND = 10.0  # mV on either side of rest that a plane shows at least


def variables(neuron: Any) -> tuple[str, ...]:
    """The names of a neuron's variables: what counts steps or says yes and no is none. The potential is the first."""
    state = jax.eval_shape(lambda: neuron.init(1, jnp.uint32(0)))
    found = [
        name for name, x in zip(state._fields, state, strict=True) if jnp.issubdtype(x.dtype, jnp.floating)
    ]
    return tuple(sorted(found, key=lambda name: name != "V"))


@component
class NeuronPlane:
    """A neuron under a constant current ``I``, as a system in time: two ``variables``, a ``window`` to look through.

    The derivative is that of a step between spikes, for a vanishing length of it.
    """

    neuron: Any
    ranges: Any  # [2, 2]: low and high of each variable
    variables: tuple[str, ...] = static(("V", "w"))
    I: float = param(0.0, unit="pA", doc="current")

    time_unit = "ms"

    @property
    def units(self) -> dict[str, str]:
        return {"V": "mV", **getattr(self.neuron, "units", {})}

    @property
    def window(self) -> tuple[tuple[float, float], ...]:
        return tuple((float(low), float(high)) for low, high in np.asarray(self.ranges))

    def derivative(self, state: jax.Array) -> jax.Array:
        """Rates of change [..., 2] (1/ms) of states [..., 2]."""
        given = {name: state[..., i] for i, name in enumerate(self.variables)}
        rest = self.neuron.init(1, jnp.uint32(0))
        still = {name: jnp.broadcast_to(x[0], state.shape[:-1]) for name, x in rest._asdict().items()}
        before = type(rest)(**{**still, **given})
        after = self.neuron.advance(before, Drive(self.I), STEP)
        changes = [getattr(after, name) - getattr(before, name) for name in self.variables]
        return jnp.stack(changes, -1) / STEP


def neuron_portrait(model: Network, population: str) -> "NeuronPortrait | None":
    """The plane of the one neuron of a network; None where it has not two variables."""
    neuron = model.populations[population].neuron
    names = variables(neuron)
    return (
        NeuronPortrait(neuron, float(model.inputs[0].source.I), population, names)
        if len(names) == 2
        else None
    )


class NeuronPortrait(Portrait):
    """The phase plane of a neuron, as wide as the run needs it; the run is a path with a jump at every spike."""

    def __init__(self, neuron: Any, I: float, population: str, names: tuple[str, ...]):
        super().__init__(NeuronPlane(neuron, np.array([[0.0, 1.0]] * 2), names, I))
        self.population = population

    def paths(self, recording: Recording) -> np.ndarray:
        first, second = (recording[f"{self.population}.{name}"][:, 0] for name in self.variables)
        return np.stack([first, second], -1)[None]

    def panel(self, arrays: Arrays, recording: Recording, startable: bool) -> dict[str, Any]:
        self._look_at(recording)
        return super().panel(arrays, recording, False)

    def sentence(self, recording: Recording) -> str:
        self._look_at(recording)
        return f"{analysis.summary(recording)}; {self._counted()}"

    def _look_at(self, recording: Recording) -> None:
        """Lay the window around the path, and wide enough for the nullclines near its end."""
        path = self.paths(recording)[0].astype(float)
        low, high = np.min(path, axis=0), np.max(path, axis=0)
        V, w = path[-1]
        reach = self._balance(V, w)
        low = np.minimum(low, [min(low[0], V - AROUND), w - reach])
        high = np.maximum(high, [max(high[0], V + AROUND), w + reach])
        ranges = _rounded(low, high)
        ranges[0, 1] = self._below_the_peak(*ranges[0], w)
        system = self.system
        if np.array_equal(ranges, system.ranges):
            return
        for found in ("points", "_drawn"):
            self.__dict__.pop(found, None)
        self.system = type(system)(system.neuron, ranges, system.variables, system.I)

    def _below_the_peak(self, low: float, high: float, w: float) -> float:
        """``high``, or a little less than where a neuron that ends its upstroke itself pulls V back within a step.

        There the step's change is 0, but that is no fixed point: the cell fires.
        """
        V = np.linspace(low, high + 0.01 * (high - low), 2001)
        with jax.enable_x64(True):
            change = self.system.derivative(jnp.stack([V, np.full_like(V, w)], -1))[:, 0]
        pulled = np.flatnonzero(np.asarray(change) * STEP < -0.4 * (V[1] - V[0]))
        return high if not len(pulled) else float(V[max(pulled[0] - 4, 1)])

    def _balance(self, V: float, w: float) -> float:
        """How far the second variable must move to balance what AROUND mV do to the potential."""
        with jax.enable_x64(True):
            states = jnp.array([[V - AROUND, w], [V + AROUND, w], [V, w], [V, w + 1.0]])
            change = np.asarray(self.system.derivative(states))[:, 0]
        pull = abs(change[3] - change[2])
        # the lesser of both ways: upwards, a cell's upstroke would take the window along
        reach = np.min(np.abs(change[:2])) / pull if pull > 0.0 else 1.0
        return float(reach) if np.isfinite(reach) and reach > 0.0 else 1.0


def _rounded(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The ranges [2, 2], widened to round numbers, so that a picture does not shake while a slider moves."""
    step = 10.0 ** np.floor(np.log10((high - low) / 2.0))
    return np.stack([np.floor(low / step) * step, np.ceil(high / step) * step], -1) + 0.0  # no -0
