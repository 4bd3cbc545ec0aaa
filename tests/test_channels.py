"""Ion channels and the HH neuron: published rates, an independent solver, closed forms, no NaN at singular voltages."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from targets import meets, target
from textbook import SQUID, TRAUB, hodgkin_huxley, solution, squid_rates, traub_rates

from snnlab import Input, Network, Population, describe, replace, simulate
from snnlab.channels import K, Leak, Na, SquidK, SquidNa, squid
from snnlab.inputs import Constant
from snnlab.integrators import Drive
from snnlab.neurons import HH

SINGULAR = {Na: (-50.0, -23.0), K: (-48.0,), SquidNa: (-40.0,), SquidK: (-55.0,)}


def cell(g_L=10.0, E_L=-60.0, **kwargs):
    return HH((Leak(g_L, E_L), Na(), K()), **kwargs)


def driven(neuron, I, duration, dt, n=None, **initial):
    """Unconnected cells under constant currents I (pA), in double precision; V of all is recorded."""
    I = np.atleast_1d(np.asarray(I, float))
    with jax.enable_x64(True):
        network = Network(
            {"c": Population(neuron, n or len(I), initial)},
            inputs=[Input("c", Constant(I if len(I) > 1 else I[0]))],
        )
        return simulate(network, duration=duration, dt=dt, record="c.V")


def rates(V, *channels):
    return np.array([rate for channel in channels for pair in channel.rates(V) for rate in pair], float)


# ---- rates


@pytest.mark.parametrize("V", [-65.0, -50.0, 0.0])
@pytest.mark.parametrize("precise", [False, True])
def test_rates_are_the_published_ones(V, precise):
    entry, tolerance = target("hh_channels", f"rates_V{V:.1f}"), 1e-10 if precise else 1e-5
    with jax.enable_x64(precise):
        ours = rates(jnp.asarray(V, float), Na(), K())
    alpha, beta = ours[::2], ours[1::2]
    meets("hh_channels", f"rates_V{V:.1f}", ours, rel=tolerance)
    assert np.allclose(alpha / (alpha + beta), entry["inf"], rtol=tolerance, atol=0)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize(
    ("channels", "textbook"), [((Na(), K()), traub_rates), ((SquidNa(), SquidK()), squid_rates)]
)
def test_rates_are_the_textbook_s_at_all_voltages(channels, textbook, precise):
    V = np.linspace(-120.0, 80.0, 4001) + 0.0123  # beside the singular voltages
    with jax.enable_x64(precise):
        ours = np.array([r for c in channels for pair in c.rates(jnp.asarray(V, float)) for r in pair])
    assert np.allclose(ours, textbook(V), rtol=1e-10 if precise else 1e-5, atol=0)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("kind", SINGULAR)
def test_singular_voltages_have_their_limits_and_slopes(kind, precise):
    textbook = traub_rates if kind in (Na, K) else squid_rates
    mine = slice(0, 4) if "h" in kind.gates else slice(4, 6)
    for V in SINGULAR[kind]:
        with np.errstate(invalid="ignore"):
            assert np.isnan(textbook(V)[mine]).any()  # 0 / 0 as it is written
        around = np.array([textbook(V + step)[mine] for step in (-1e-3, 1e-3)])
        with jax.enable_x64(precise):
            at = jnp.asarray(V, float)
            value = np.array([r for pair in kind().rates(at) for r in pair])
            slope = np.array([r for pair in jax.jacfwd(kind().rates)(at) for r in pair])
            backward = np.array([r for pair in jax.jacrev(kind().rates)(at) for r in pair])
        assert np.allclose(value, around.mean(axis=0), rtol=1e-5)
        assert np.allclose(slope, (around[1] - around[0]) / 2e-3, rtol=1e-4)
        assert np.allclose(backward, slope, rtol=1e-5)


@pytest.mark.parametrize("precise", [False, True])
def test_rates_stay_numbers_near_the_singularities_and_far_outside(precise):
    with jax.enable_x64(precise):
        for kind, singular in SINGULAR.items():
            near = [np.nextafter(V, side) for V in singular for side in (-1e9, 1e9)]
            V = jnp.asarray([*near, -5000.0, -1000.0, -300.0, 300.0, 1000.0, 5000.0], float)
            for alpha, beta in kind().rates(V):
                assert not np.any(np.isnan(alpha)) and not np.any(np.isnan(beta)), kind
                assert np.all(alpha >= 0) and np.all(beta >= 0), kind


@pytest.mark.parametrize("precise", [False, True])
def test_a_cell_held_at_a_singular_voltage_goes_on(precise):
    """Value and derivative of a step from every singular voltage are finite."""
    with jax.enable_x64(precise):
        for channels in ((Leak(), Na(), K()), squid()):
            neuron = HH(channels, steady=True)
            for V in (v for channel in channels[1:] for v in SINGULAR[type(channel)]):

                def after(V, neuron=neuron):
                    state = neuron.settle(neuron.init(1, jnp.uint32(0))._replace(V=V[None]), frozenset())
                    return neuron.advance(state, Drive(), 0.1).V[0]

                value, slope = jax.value_and_grad(after)(jnp.asarray(V, float))
                assert np.isfinite(value) and np.isfinite(slope)


def test_squid_gates_at_rest_are_the_published_ones():
    with jax.enable_x64(True):
        r = rates(jnp.asarray(-65.0), SquidNa(), SquidK())
    assert np.allclose(r[::2] / (r[::2] + r[1::2]), [0.0529, 0.5961, 0.3177], atol=5e-5)


# ---- one cell

PERIODS = [  # g_L, E_L, currents (pA)
    (10.0, -60.0, (0, 100, 200, 500, 1000)),
    (10.0, -65.0, (100,)),
    (0.001, -60.0, (100, 200, 500, 1000)),
]


@functools.cache
def trains(g_L, E_L, currents, dt, duration):
    recording = driven(cell(g_L, E_L, steady=True), currents, duration, dt, V=-65.0)
    return recording, [recording.spikes["c"].of(i) for i in range(len(currents))]


@pytest.mark.parametrize(
    ("g_L", "E_L", "currents", "I"), [(*condition, I) for condition in PERIODS for I in condition[-1]]
)
def test_periods_are_those_of_the_exact_solution(g_L, E_L, currents, I):
    recording, spikes = trains(g_L, E_L, currents, 0.0025, 400.0)
    i, name = currents.index(I), f"period_gL{g_L:g}_EL{E_L:g}_I{I}"
    meets("hh_single", name, np.diff(spikes[i])[-1])
    entry, V = target("hh_single", name), recording["c.V"][:, i]
    assert spikes[i][0] == pytest.approx(entry["first_spike_ms"], rel=0.005)
    assert V.min() == pytest.approx(entry["vmin"], abs=0.1) and V.max() == pytest.approx(
        entry["vmax"], abs=0.1
    )


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.025, 0.01])
@pytest.mark.parametrize("I", [0, 100, 500])
def test_periods_on_a_grid_are_those_of_independent_exponential_euler(dt, I):
    _, spikes = trains(10.0, -60.0, (0, 100, 500), dt, 400.0)
    meets("hh_single", f"disc_dt{dt:g}_I{I}", np.diff(spikes[(0, 100, 500).index(I)])[-1])


def test_a_leak_at_minus_65_lets_the_cell_rest():
    recording = driven(cell(10.0, -65.0, steady=True), 0.0, 400.0, 0.05, V=-65.0)
    meets("hh_single", "nspk_gL10_EL-65_I0", recording.spikes["c"].count)
    end = target("hh_single", "nspk_gL10_EL-65_I0")["vend"]
    assert recording["c.V"][-1, 0] == pytest.approx(end, abs=1e-4)


def test_a_leak_of_1_pS_lets_the_cell_fire_once():
    recording = driven(cell(0.001, -60.0, steady=True), 0.0, 600.0, 0.01, V=-65.0)
    meets("hh_single", "nspk_gL0.001_EL-60_I0", recording.spikes["c"].count)


def steady_current(V, g_L):
    """The current at V (pA, inwards) with all gates at their steady state."""
    neuron = cell(g_L, steady=True)
    with jax.enable_x64(True):
        state = neuron.settle(neuron.init(1, jnp.uint32(0))._replace(V=jnp.asarray([V], float)), frozenset())
        leak, na, k = neuron.channels
        currents = (leak.g * (leak.E_rev - V), na.conductance(state.m, state.h) * (na.E_rev - V))
        return float(sum(currents)[0] + k.conductance(state.n)[0] * (k.E_rev - V))


@pytest.mark.parametrize("g_L", [10.0, 0.001])
def test_there_is_no_stable_rest_at_minus_60(g_L):
    zero = brentq(steady_current, -40.0, -30.0, args=(g_L,), xtol=1e-10)
    meets("hh_single", f"ss_zero_gL{g_L:g}", zero, tol=1e-6)
    ((V, low),) = target("hh_single", f"ss_localmin_gL{g_L:g}")["value"]
    best = minimize_scalar(steady_current, bounds=(V - 3, V + 3), args=(g_L,), method="bounded")
    meets("hh_single", f"ss_localmin_gL{g_L:g}", (best.x, best.fun), tol=(0.02, 1e-3 * low))
    curve = [steady_current(v, g_L) for v in np.arange(-90.0, -34.0, 1.0)]
    assert min(curve) > 0  # inward everywhere below the only zero, where the slope is upwards: unstable


@pytest.mark.parametrize("equations", [TRAUB, SQUID], ids=["Traub & Miles", "squid"])
def test_convergence_to_an_independent_solver_is_of_first_order(equations):
    """Through a spike: V and the gates against LSODA at all times. Errors halve with dt, and what
    two steps extrapolate to is nearer by an order."""
    _, C, g, E = equations
    channels = (Leak(g[0], E[0]), Na(), K()) if equations is TRAUB else squid()
    start, I, duration = (-65.0, 0.05, 0.6, 0.3), 1500.0, 8.0
    exact = solution(hodgkin_huxley(equations, I), duration, start)
    initial = dict(zip(("V", "m", "h", "n"), start, strict=True))
    errors, runs = [], []
    for dt in (0.008, 0.004, 0.002, 0.001):
        with jax.enable_x64(True):
            network = Network(
                {"c": Population(HH(channels, C=C), 1, initial)}, inputs=[Input("c", Constant(I))]
            )
            recording = simulate(network, duration=duration, dt=dt, record=["c.V", "c.m", "c.h", "c.n"])
        assert recording.spikes["c"].count >= 1
        runs.append(np.array([recording[f"c.{name}"][:, 0] for name in initial]))
        errors.append(np.abs(runs[-1] - exact(recording.t)).max(axis=1))
    errors = np.array(errors)
    assert np.all((errors[1:] / errors[:-1] > 0.42) & (errors[1:] / errors[:-1] < 0.56))
    extrapolated = 2 * runs[-1][:, ::2] - runs[-2]
    error = np.abs(extrapolated - exact(0.002 * np.arange(extrapolated.shape[1]))).max(axis=1)
    assert np.all(error < 0.1 * errors[-1])


def test_substeps_are_smaller_steps_for_an_unconnected_cell():
    coarse = driven(cell(substeps=4), 500.0, 100.0, 0.1)
    fine = driven(cell(), 500.0, 100.0, 0.025)
    assert np.allclose(coarse["c.V"], fine["c.V"][::4], atol=1e-9)


def test_single_precision_keeps_the_spikes_of_double():
    network = Network({"c": Population(cell(), 1)}, inputs=[Input("c", Constant(500.0))])
    single = simulate(network, duration=200.0).spikes["c"].times
    double = driven(cell(), 500.0, 200.0, 0.1).spikes["c"].times
    assert len(single) == len(double) > 10 and np.abs(single - double).max() <= 0.1 + 1e-9


# ---- composition


def test_a_leak_alone_is_a_passive_membrane():
    neuron = HH((Leak(10.0, -65.0),), C=200.0, V_start=-65.0)
    recording = driven(neuron, 100.0, 50.0, 0.5)
    assert recording["c.V"][:, 0] == pytest.approx(-65 + 10 * (1 - np.exp(-recording.t / 20)), abs=1e-9)


def test_a_membrane_without_conductance_integrates_its_current():
    recording = driven(HH((Leak(0.0),), C=200.0, V_start=-65.0), 100.0, 50.0, 0.5)
    assert recording["c.V"][:, 0] == pytest.approx(-65 + recording.t / 2, abs=1e-9)


def test_gates_start_at_zero_or_steady_at_the_voltage_that_the_population_gives():
    V = np.array([-70.0, -60.0, -50.0])
    for steady in (False, True):
        population = Population(cell(steady=steady), 3, {"V": V, "n": 0.25})
        recording = simulate(Network({"c": population}), duration=0.1, record=["c.V", "c.m", "c.n"])
        m = [traub_rates(v)[0] / sum(traub_rates(v)[:2]) for v in V + 1e-7] if steady else np.zeros(3)
        assert recording["c.m"][0] == pytest.approx(np.array(m), rel=1e-4)
        assert np.all(recording["c.n"] == 0.25)


def test_a_spike_is_an_upward_crossing_and_a_start_above_the_level_is_none():
    recording = driven(HH((Leak(10.0, -65.0),)), 0.0, 50.0, 0.1, V=40.0)
    assert recording["c.V"][0, 0] == 40.0 and recording.spikes["c"].count == 0
    recording = driven(HH((Leak(10.0, -65.0),)), 1000.0, 200.0, 0.1)
    assert recording["c.V"][-1, 0] > -20 and recording.spikes["c"].count == 1
    V, time = recording["c.V"][:, 0], recording.spikes["c"].times[0]
    assert time == pytest.approx(np.flatnonzero(V >= -20)[0] * 0.1)


def test_gates_of_the_same_name_are_numbered():
    neuron = HH((Leak(), Na(), K(), K(g=100.0)))
    assert neuron.State._fields == ("V", "above", "m", "h", "n", "n2")
    assert HH((Leak(), Na(), K())).State is HH().State
    halves = HH((Leak(E_rev=-60.0), Na(), K(g=3000.0), K(g=3000.0)))
    a, b = driven(halves, 200.0, 100.0, 0.1)["c.V"], driven(cell(), 200.0, 100.0, 0.1)["c.V"]
    assert np.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("place", [(i, p.name) for i, c in enumerate((Leak, Na, K)) for p in describe(c)])
def test_every_cell_has_its_own_channels_when_given_arrays(place):
    which, name = place
    channels = list(cell().channels)
    values = np.array([0.9, 1.1]) * getattr(channels[which], name)
    both = [*channels[:which], replace(channels[which], **{name: values}), *channels[which + 1 :]]
    together = driven(HH(both), 300.0, 60.0, 0.1, n=2)["c.V"]
    for i, value in enumerate(values):
        channels[which] = replace(channels[which], **{name: value})
        assert np.allclose(together[:, i], driven(HH(channels), 300.0, 60.0, 0.1)["c.V"][:, 0], atol=1e-6)
    assert not np.allclose(together[:, 0], together[:, 1], atol=1e-3)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: HH(channels=()), "channels = .*must be a tuple of channels"),
        (lambda: HH(channels=Leak()), "must be a tuple of channels"),
        (lambda: HH(channels=(Leak(), 3.0)), "3.0 is not a channel"),
        (lambda: HH(channels=(Leak,)), "is not a channel"),
        (lambda: HH(substeps=0), "substeps = 0 must be a whole number"),
        (lambda: HH(C=0.0), "HH: C = 0 pF is not allowed; it must be above 0"),
        (lambda: Na(g=-1.0), "Na: g = -1 nS is not allowed"),
        (lambda: Population(HH(), 3, {"q": 0.5}), 'HH has no state variable "q".*"above"'),
        (lambda: Network({"c": Population(HH((Leak(np.ones(4)),)), 3)}), r'"c": Leak.g has shape \(4,\)'),
    ],
)
def test_what_is_no_neuron_is_refused(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()
