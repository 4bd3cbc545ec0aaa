"""Every integrator against SciPy's solvers: the exact answer in the end, and the order on the way there."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from textbook import SQUID, TRAUB, hodgkin_huxley, solution, steady_gates, upward_crossings, wong_wang

from snnlab import Input, Network, Population, analysis, replace, simulate
from snnlab.channels import K, Leak, Na, squid
from snnlab.inputs import Constant, Sine, SpikeTimes
from snnlab.integrators import euler, exponential, frozen, implicit, rk4
from snnlab.models import wong_wang2006
from snnlab.neurons import EIF, HH, LIF, AdEx, Izhikevich
from snnlab.synapses import Conductance, Exponential, Synapse


def errors(run, exact, steps, at):
    """Of every variable, how far runs with these steps (ms) are from the exact course at the times ``at`` [T]."""
    with jax.enable_x64(True):
        ours = [run(dt) for dt in steps]  # [variables, T], one sample a step
    picked = [values[:, np.round(at / dt).astype(int)] for values, dt in zip(ours, steps, strict=True)]
    return np.array([np.abs(values - exact(at)).max(axis=1) for values in picked])


def orders(errors):
    """By which power of the step the errors fall, from each step to its half."""
    return np.log2(errors[:-1] / errors[1:])


# ---- membranes with a synapse


@pytest.mark.parametrize("integrator", [frozen, implicit, exponential])
@pytest.mark.parametrize("drive", ["synapse", "sine"])
def test_membranes_are_of_first_order_and_converge_to_the_solution(integrator, drive):
    """Under a decaying conductance as strong as six leaks, and under a current that never stands still."""
    g, I = (6.0, 0.0) if drive == "synapse" else (0.0, 8.0)
    cell = LIF(V_th=1e6, tau=20.0, integrator=integrator)

    def slope(t, V):
        sine = I * np.sin(2e-3 * np.pi * 20.0 * t)
        return (-60.0 - V + sine - g * np.exp(-t / 5.0) * V) / 20.0

    def run(dt):
        network = Network(
            {"c": Population(cell, 1)},
            {"s": Synapse(Exponential(5.0), Conductance(0.0))},
            inputs=[Input("c", SpikeTimes([0.0]), "s", g), Input("c", Sine(I, 20.0))],
        )
        return simulate(network, duration=40.0, dt=dt, record="c.V")["c.V"].T

    at = np.arange(1.0, 40.0)
    found = errors(run, solution(slope, 40.0, [-60.0]), (0.1, 0.05, 0.025), at)
    assert np.all(np.abs(orders(found) - 1.0) < 0.1) and found[0] < 0.5


# ---- neurons, up to and through their first spike


def adex(t, y):
    """Brette & Gerstner (2005) under 700 pA. What it does above -30 mV takes less than a microsecond."""
    V, w = min(y[0], -30.0), y[1]
    return (30.0 * (-70.6 - V) + 60.0 * np.exp((V + 50.4) / 2.0) - w + 700.0) / 281.0, (
        4.0 * (V + 70.6) - w
    ) / 144.0


def eif(t, y):
    """Fourcaud-Trocme et al. (2003) under 40 pA."""
    V = min(y[0], -30.0)
    return ((10.0 * (-65.0 - V) + 34.8 * np.exp((V + 59.9) / 3.48) + 40.0) / 100.0,)


def izhikevich(t, y):
    """Izhikevich (2003), regular spiking, under 5."""
    V, u = min(y[0], 100.0), y[1]
    return 0.04 * V**2 + 5 * V + 140 - u + 5.0, 0.02 * (0.2 * V - u)


UPSTROKES = [  # neuron, current, variables, slope, and a level that it crosses as it spikes
    (AdEx(), 700.0, "Vw", adex, -30.5),
    (EIF(), 40.0, "V", eif, -30.5),
    (Izhikevich(), 5.0, "Vu", izhikevich, 29.9),
]


@pytest.mark.parametrize(
    ("neuron", "I", "variables", "slope", "level"), UPSTROKES, ids=["AdEx", "EIF", "Izhikevich"]
)
def test_upstrokes_are_of_first_order_and_the_first_spike_converges(neuron, I, variables, slope, level):
    def run(dt, duration=60.0):
        network = Network({"c": Population(neuron, 1)}, inputs=[Input("c", Constant(I))])
        return simulate(network, duration=duration, dt=dt, record=[f"c.{name}" for name in variables])

    start = np.array([run(0.1, 0.1)[f"c.{name}"][0, 0] for name in variables], float)
    (spike, *_) = upward_crossings(slope, 60.0, start, level, first_only=True)
    with jax.enable_x64(True):
        late = [abs(run(dt).spikes["c"].times[0] - spike) for dt in (0.04, 0.01)]
    assert late[1] < 0.3 * late[0] + 0.01 < 0.1  # a quarter, and a step of the grid

    at = np.arange(0.5, spike - 2.0, 0.5)
    courses = lambda dt: np.stack([run(dt)[f"c.{name}"][:, 0] for name in variables])  # noqa: E731
    found = errors(courses, solution(slope, spike - 1.0, start), (0.025, 0.0125, 0.00625), at)
    assert np.all(orders(found) > 0.85) and np.all(found[-1] < 0.1)


def squid_curves(dt):
    currents = np.array([1000.0, 1200.0, 1300.0, 1600.0, 2000.0, 3000.0])
    cell = HH(squid(), steady=True)
    return currents, analysis.fi_curve(cell, currents, duration=400.0, start=100.0, dt=dt).interval_rates


def exact_rate(equations, I, start, skip, duration):
    """The rate (Hz) that SciPy's spikes have after ``skip`` ms; 0 if they end."""
    times = upward_crossings(hodgkin_huxley(equations, I), duration, start, -20.0)
    late = times[times > skip]
    return 1000.0 / np.diff(late).mean() if len(late) > 1 else 0.0


def test_the_squid_axon_jumps_into_firing_where_the_exact_solution_does():
    """Class II: silent at 1200 pA, above 50 Hz at 1300 pA; errors of the rates halve with the step."""
    start = (-65.0, *steady_gates(SQUID, -65.0))
    currents, coarse = squid_curves(0.02)
    _, fine = squid_curves(0.01)
    exact = np.array([exact_rate(SQUID, float(I), start, 100.0, 400.0) for I in currents])
    assert np.array_equal(exact > 0, currents > 1250.0) and np.array_equal(fine > 0, exact > 0)
    assert exact[2] > 50.0
    firing = exact > 0
    assert fine[firing] == pytest.approx(exact[firing], rel=0.01)
    error = np.array([np.abs(rates - exact)[firing] for rates in (coarse, fine)])
    assert np.all(np.abs(orders(error) - 1.0) < 0.4)


def test_the_hippocampal_cell_fires_as_slowly_as_the_exact_solution_does():
    """Class I: below 5 Hz just above its rheobase of 18.2 pA, with the leak at -65 mV."""
    resting = (*TRAUB[:3], (-65.0, 50.0, -90.0))
    start = (-65.0, *steady_gates(TRAUB, -65.0))
    cell = HH((Leak(10.0, -65.0), Na(), K()), steady=True)
    currents = np.array([17.0, 20.0, 300.0])
    ours = analysis.fi_curve(cell, currents, duration=1200.0, start=200.0, dt=0.01).interval_rates
    exact = np.array([exact_rate(resting, float(I), start, 200.0, 1200.0) for I in currents])
    assert exact[0] == ours[0] == 0 and 0 < exact[1] < 5.0
    assert ours[1:] == pytest.approx(exact[1:], rel=0.012)


@pytest.mark.parametrize(
    ("equations", "channels", "voltages"),
    [(TRAUB, (Leak(10.0, -60.0), Na(), K()), (-50.0, -48.0, -23.0)), (SQUID, squid(), (-55.0, -40.0))],
    ids=["Traub & Miles", "squid"],
)
def test_a_start_where_rates_are_0_over_0_converges_to_the_solution(equations, channels, voltages):
    """SciPy, with the rates as they are written, starts a billionth of a millivolt beside."""
    gates = steady_gates(equations, -65.0)
    for V in voltages:
        initial = dict(zip(("V", "m", "h", "n"), (V, *gates), strict=True))
        network = Network({"c": Population(HH(channels), 1, initial)})

        def run(dt, network=network):
            recording = simulate(network, duration=4.0, dt=dt, record=["c.V", "c.m", "c.h", "c.n"])
            return np.stack([recording[name][:, 0] for name in ("c.V", "c.m", "c.h", "c.n")])

        exact = solution(hodgkin_huxley(equations, 0.0), 4.0, (V + 1e-9, *gates))
        found = errors(run, exact, (0.004, 0.002, 0.001), np.arange(0.1, 4.0, 0.1))
        assert np.all(np.isfinite(found)) and np.all(np.abs(orders(found) - 1.0) < 0.25)


# ---- models without spikes

DECISIONS = [(30.0, 0.512, (0.06, 0.06)), (20.0, 0.1, (0.3, 0.25)), (0.0, 0.0, (0.62, 0.02))]


@pytest.mark.parametrize(("stimulus", "coherence", "start"), DECISIONS)
@pytest.mark.parametrize(("method", "order"), [(euler, 1), (rk4, 4)])
def test_the_reduced_decision_model_converges_at_the_order_of_its_integrator(
    stimulus, coherence, start, method, order
):
    model = wong_wang2006(stimulus=stimulus, coherence=coherence, s1_0=start[0], s2_0=start[1])
    system = types.SimpleNamespace(
        variables=model.variables,
        time_unit=model.time_unit,
        integrator=method,
        initial=lambda key: jnp.asarray(start, float),
        derivative=lambda state: model.derivative(state),
    )

    def run(dt):
        recording = simulate(system, duration=800.0, dt=dt)
        return np.stack([recording["s1"], recording["s2"]])

    exact = solution(wong_wang(stimulus, coherence), 0.8, start, "DOP853")
    steps = (10.0, 5.0, 2.5) if method is rk4 else (1.0, 0.5, 0.25)
    found = errors(run, lambda ms: exact(ms / 1000.0), steps, np.arange(0.0, 800.0, 10.0))
    assert np.all(np.abs(orders(found.max(axis=1)) - order) < 0.1 + 0.1 * order)
    if method is rk4:  # the step that simulate takes when nobody says another
        with jax.enable_x64(True):
            recording = simulate(model, duration=800.0)
        both = np.stack([recording["s1"], recording["s2"]])
        assert np.abs(both - exact(recording.t / 1000.0)).max() < 1e-9


@pytest.mark.parametrize("stimulus", [0.0, 10.0, 30.0, 60.0])
def test_pools_end_at_the_rates_of_the_exact_attractor(stimulus):
    """The winner's and the loser's rate against the stimulus, from SciPy's end state, with the rates written out."""
    start = (0.5, 0.1)
    s = solution(wong_wang(stimulus, 0.0), 5.0, start)(5.0)
    x = 270.0 * (0.3725 * s - 0.1137 * s[::-1] + 0.3297 + 0.00117 * stimulus) - 108.0
    exact = x / (1 - np.exp(-0.154 * x))
    model = replace(wong_wang2006(stimulus=stimulus), s1_0=start[0], s2_0=start[1])
    recording = simulate(model, duration=5000.0, record=["r1", "r2"])
    assert [recording["r1"][-1], recording["r2"][-1]] == pytest.approx(exact, rel=1e-4)
    winners = [p for p in analysis.fixed_points(model) if p.stable and p.state[0] > p.state[1]]
    assert any(np.allclose(model.rates(p.state), exact, rtol=1e-4) for p in winners)
