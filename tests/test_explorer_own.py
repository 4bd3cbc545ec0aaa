"""Explorers of models of one's own: neuron models, rate models, classes and objects, in a line."""

import subprocess
import sys
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explorers import executed, same

import snnlab
from snnlab import analysis, component, neurons, param, static
from snnlab.integrators import Drive
from snnlab.widgets import Explorer, explore
from snnlab.widgets.neuron_planes import NeuronPlane

OWN = (neurons.LIF, neurons.EIF, neurons.AdEx, neurons.Izhikevich, neurons.HH)


@component
class Resonator:
    """A linear cell with a slow current: ``dV/dt = -V / tau - w + I``, ``dw/dt = (k V - w) / tau_w``."""

    tau: float = param(10.0, unit="ms", doc="membrane time constant", bounds=(0.1, 100.0), slider=(1.0, 50.0))
    k: float = param(0.05, doc="strength of the slow current", bounds=(0.0, 10.0))
    tau_w: float = param(50.0, unit="ms", doc="its time constant", bounds=(0.1, 1000.0))
    V_th: float = param(10.0, unit="mV", doc="threshold", bounds=(1.0, 100.0))

    visible: ClassVar = ("I", "k")
    presets: ClassVar = {"no slow current": {"k": 0.0}, "pushed": {"I": 5.0}}

    class State(NamedTuple):
        V: jax.Array
        w: jax.Array
        held: jax.Array

    def init(self, n, key):
        return self.State(jnp.zeros(n), jnp.zeros(n), jnp.zeros(n, jnp.int32))

    def fire(self, state, dt):
        spikes = state.V >= self.V_th
        return state._replace(V=jnp.where(spikes, 0.0, state.V)), spikes

    def advance(self, state, drive, dt):
        V = state.V + dt * (-state.V / self.tau - state.w + drive.I - drive.g * state.V)
        return self.State(V, state.w + dt * (self.k * state.V - state.w) / self.tau_w, state.held)

    def voltage(self, state):
        return state.V


@component
class Hopf:
    """A two-variable rate model, in the coordinates of its cycle."""

    mu: float = param(1.0, doc="distance from the bifurcation", bounds=(-5.0, 5.0))
    trials: int = param(1, doc="unused", bounds=(1, 3), integer=True)

    variables: ClassVar = ("x", "y")
    window: ClassVar = ((-2.0, 2.0), (-2.0, 2.0))
    time_unit: ClassVar = "ms"
    presets: ClassVar = {"rest": {"mu": -1.0}}

    def initial(self, key):
        return jnp.array([0.5, 0.0])

    def derivative(self, state):
        x, y = state[..., 0], state[..., 1]
        pull = self.mu - x * x - y * y
        return jnp.stack([pull * x - y, pull * y + x], -1)


@pytest.mark.parametrize("neuron", [*OWN, Resonator], ids=lambda kind: kind.__name__)
def test_a_neuron_model_in_a_line(neuron):
    explorer = explore(neuron, duration=100.0)
    explorer.panel.buttons["run"].click()
    assert explorer.state == "ready" and explorer.name == neuron.__name__
    assert next(iter(explorer.settings)) == "I" and explorer.settings.parameters["I"].unit == "pA"
    kinds = [panel["kind"] for panel in explorer.panel.view.frame["panels"]]
    two = len([name for name in neuron().State._fields if name not in ("held", "above")]) == 2
    assert "traces" in kinds and ("phase plane" in kinds) == two
    assert explorer.values["I"] > 0.0
    explorer.set(I=0.0)
    assert explorer.run().spikes["cell"].count == 0  # and what it starts with makes it fire
    explorer.set(I=2.0 * explorer.settings.start["I"], seed=3)
    recording = explorer.run()
    assert recording.spikes["cell"].count > 0 and same(recording, executed(explorer.code()))
    again = Explorer.from_link(explorer.link(), neuron)
    assert again.values == explorer.values and same(again.run(), recording)
    assert "synchron" not in explorer.summary and "cell" in explorer.summary


def test_every_corner_of_a_neurons_controls_runs_or_says_why():
    explorer = explore(neurons.AdEx, duration=20.0)
    for name, control in explorer.panel.controls.items():
        if control.slider is None or name == "duration":
            continue
        for value in (control.slider.min, control.slider.max):
            control.slider.value = value
            explorer.panel.buttons["run"].click()
            assert explorer.state == "ready" or name in explorer.problem, explorer.problem
        explorer.reset()


def test_presets_and_visible_parameters_are_read_from_the_class():
    explorer = explore(Resonator, duration=50.0)
    shown = [
        c.widget for n, c in explorer.panel.controls.items() if c.widget not in explorer.panel.hidden.children
    ]
    assert shown == [explorer.panel.controls[name].widget for name in ("I", "k", "duration", "seed")]
    explorer.panel.preset.value = "pushed"
    assert explorer.values["I"] == 5.0 and explorer.present_preset() == "pushed"
    assert same(explorer.run(), executed(explorer.code()))


@pytest.mark.parametrize(("I", "kind"), [(0.0, "stable"), (400.0, "stable"), (1500.0, None)])
def test_the_plane_of_a_neuron_is_that_of_its_equations(I, kind):
    explorer = explore(neurons.AdEx, I=I, duration=300.0)
    explorer.run()
    points = explorer.portrait.points
    cell, system = neurons.AdEx(), explorer.portrait.system

    def flow(V, w):
        spike = cell.g_L * cell.Delta_T * np.exp((V - cell.V_T) / cell.Delta_T)
        dV = (-cell.g_L * (V - cell.E_L) + spike - w + I) / cell.C
        return np.stack([dV, (cell.a * (V - cell.E_L) - w) / cell.tau_w], -1)

    states, found = analysis.vector_field(system)
    states, found = states.reshape(-1, 2), found.reshape(-1, 2)
    slow = states[:, 0] < -40.0  # above, the exponential takes over within the step
    assert slow.any() and np.allclose(found[slow], flow(*states[slow].T), rtol=1e-4, atol=1e-6)
    for point in points:
        assert np.allclose(flow(*point.state), 0.0, atol=1e-6)
    assert any(kind in point.kind for point in points) if kind else points == []
    path = explorer.portrait.paths(explorer.recording)[0]
    low, high = np.array(system.window).T
    assert np.all(path >= low) and np.all(path <= high + [1.0, 0.0])  # V up to its peak


def test_a_plane_leaves_variables_that_are_none_alone():
    plane = NeuronPlane(Resonator(), np.array([[-5.0, 15.0], [-1.0, 1.0]]), ("V", "w"), 1.0)
    with jax.enable_x64(True):
        change = plane.derivative(jnp.array([2.0, 0.5]))
    assert np.allclose(change, [-0.2 - 0.5 + 1.0, (0.1 - 0.5) / 50.0], atol=1e-8)
    assert Drive(1.0).I == 1.0 and plane.units == {"V": "mV"}


def test_a_rate_model_in_a_line():
    explorer = explore(Hopf)
    explorer.panel.buttons["run"].click()
    assert explorer.panel.view.frame["panels"][0]["kind"] == "phase plane"
    assert "1 fixed point" in explorer.summary
    explorer.panel.preset.value = "rest"
    assert explorer.values["mu"] == -1.0 and "stable" in explorer.summary
    assert same(explorer.recording, executed(explorer.code()))


def test_an_object_is_explored_from_its_present_values():
    explorer = explore(neurons.LIF(tau=5.0, soft_reset=True), I=30.0, duration=50.0)
    assert explorer.values["tau"] == 5.0 and "LIF(tau=5.0, soft_reset=True)" in explorer.code()
    assert same(explorer.run(), executed(explorer.code()))
    explorer.set(tau=20.0)
    assert "LIF(tau=20.0, soft_reset=True)" in explorer.code()
    assert same(explorer.run(), executed(explorer.code()))
    explorer = explore(snnlab.models.wong_wang2006(coherence=0.1), duration=20.0)
    assert explorer.name == "ReducedDecision" and explorer.values["coherence"] == 0.1
    assert same(explorer.run(), executed(explorer.code()))


@component
class Headless:
    """No neuron: it has no voltage."""

    tau: float = param(1.0, doc="time")

    def init(self, n, key):
        return None


@component
class Unfinished:
    """A neuron that cannot be built without an argument."""

    size: int = static()


class Plain:
    pass


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Headless, "neither a neuron model .* nor a rate model: it has no variables"),
        (Unfinished, "cannot be built without arguments.*size"),
        (Plain, "decorate it with @component"),
        (Plain(), "cannot be explored"),
        (neurons.LIF(tau=np.ones(3)), "must be one number|cannot be written as code"),
        (neurons.LIF(integrator=snnlab.integrators.implicit), "integrator.*cannot be written as code"),
        (snnlab.models.lif_fi(), "Network.populations.*@model function"),
        (None, "cannot be explored"),
    ],
)
def test_what_cannot_be_explored_says_why(model, reason):
    with pytest.raises(ValueError, match=reason):
        explore(model)


NOTEBOOK = """
import jax, jax.numpy as jnp, snnlab
from typing import NamedTuple

@snnlab.component
class MyNeuron:
    tau: float = snnlab.param(10.0, unit="ms", doc="time constant", bounds=(0.1, 100.0))

    class State(NamedTuple):
        V: jax.Array

    def init(self, n, key): return self.State(jnp.zeros(n))

    def fire(self, state, dt):
        spikes = state.V >= 1.0
        return self.State(jnp.where(spikes, 0.0, state.V)), spikes

    def advance(self, state, drive, dt): return self.State(state.V + dt * (drive.I - state.V) / self.tau)

    def voltage(self, state): return state.V

explorer = snnlab.explore(MyNeuron, duration=100.0)
explorer.panel.buttons["run"].click()
code = explorer.code()
assert "import MyNeuron" not in code
exec(code)
assert (recording["cell.V"] == explorer.recording["cell.V"]).all() and recording.spikes["cell"].count > 0
print(explorer.summary)
"""


def test_a_neuron_written_in_the_notebook_itself():
    done = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cell ") and "Hz" in done.stdout
