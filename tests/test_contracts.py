"""Laws that every neuron, synapse, source and model obeys. A new one is found and held to them by itself."""

import importlib
import inspect
import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnlab
from snnlab import Input, Network, Population, Projection, describe, replace, simulate
from snnlab.connectivity import FixedProbability
from snnlab.core import units
from snnlab.core.rates import RateModel, RateSystem
from snnlab.inputs import Constant, Poisson, SpikeTimes
from snnlab.integrators import Drive
from snnlab.synapses import Current, Exponential, Synapse


def declared(module, *methods):
    """The component classes that a module defines with these methods."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and hasattr(value, "__declared__")
        and all(callable(getattr(value, method, None)) for method in methods)
    ]


def from_the_appendix():
    """The neuron that the page "Build your own neuron" writes: what it promises its readers is tested here."""
    page = Path(__file__).resolve().parents[1] / "chapters" / "build_a_neuron.ipynb"
    names = {}
    for cell in json.loads(page.read_text(encoding="utf-8"))["cells"]:
        if cell["id"] == "setup" or cell["id"].startswith("neuron-"):
            exec("".join(cell["source"]), names)
    return names["Tired"]


NEURONS = [
    from_the_appendix(),
    *declared(snnlab.neurons, "fire", "advance"),
    *declared(importlib.import_module("snnlab.core.upstroke"), "fire", "advance"),
    *declared(importlib.import_module("snnlab.command.templates.new_neuron"), "fire", "advance"),
]
CHANNELS = declared(snnlab.channels, "rates", "conductance")
KINETICS = declared(snnlab.synapses, "conductance", "advance")
RECEPTORS = declared(snnlab.synapses, "current")
SOURCES = declared(snnlab.inputs, "values")
INTEGRATORS = [
    value
    for value in vars(snnlab.integrators).values()
    if inspect.isfunction(value) and value.__module__ == snnlab.integrators.__name__
]
STEPPERS = [item for item in INTEGRATORS if "flow" in inspect.signature(item).parameters]  # of any dx/dt
INTEGRATORS = [item for item in INTEGRATORS if item not in STEPPERS]  # of the membrane equation
MODELS = [getattr(snnlab.models, name) for name in snnlab.models.__all__]
NETWORKS = [item for item in MODELS if isinstance(item(), Network)]
SYSTEMS = [item for item in MODELS if item not in NETWORKS]
PLANES = [item for item in SYSTEMS if isinstance(item(), RateSystem)]  # those with a phase plane
EXAMPLES = {
    "Sections": ([1.0, 2.0], [3.0, 4.0]),
    "SpikeTimes": ([1.0, 2.0],),
    "Bernoulli": (Poisson(300.0),),
}  # those without defaults
DT = 0.1


def each(items):
    return pytest.mark.parametrize("item", items, ids=lambda item: item.__name__)


def test_something_is_found():
    assert (NEURONS and CHANNELS and KINETICS and RECEPTORS and SOURCES) and (
        INTEGRATORS and STEPPERS and NETWORKS and SYSTEMS
    )


@each(
    [*NEURONS, *CHANNELS, *KINETICS, *RECEPTORS, *SOURCES, *declared(snnlab.distributions, "sample"), *MODELS]
)
def test_declarations_are_complete(item):
    assert inspect.getdoc(item), "no docstring"
    for p in describe(item):
        assert p.doc and not p.doc.endswith("."), p.name
        assert not p.unit or p.unit in units._SPELLING or " " in p.unit, f"{p.name}: no such unit as {p.unit}"
        low, high = p.bounds
        assert low <= p.default <= high and low < high, p.name
        assert low <= p.slider[0] < p.slider[1] <= high, f"{p.name}: the slider leaves the legal range"
        assert not p.log or p.slider[0] > 0, p.name


@each([*NEURONS, *CHANNELS, *KINETICS, *RECEPTORS, *SOURCES, *MODELS])
def test_an_unknown_parameter_raises_and_illegal_values_are_named(item):
    arguments = EXAMPLES.get(item.__name__, ())
    with pytest.raises(ValueError, match='has no parameter "no_such"'):
        item(*arguments, no_such=1.0)
    for p in describe(item):
        for value in (math.nan, *(x for x in (p.bounds[0] - 1, p.bounds[1] + 1) if math.isfinite(x))):
            with pytest.raises(ValueError, match=f"{item.__name__}: {p.name} = "):
                item(*arguments, **{p.name: value})


@each([*NEURONS, *CHANNELS, *KINETICS, *RECEPTORS])
def test_components_survive_a_trip_through_jax(item):
    component = item()
    leaves, structure = jax.tree.flatten(component)
    again = jax.tree.unflatten(structure, leaves)
    assert repr(again) == repr(component)
    assert jax.jit(lambda c: c)(component).__class__ is item
    assert (
        jax.tree.structure(jax.tree.map(lambda _: None, component, is_leaf=lambda x: x is not component))
        is not None
    )


def one_step(neuron, state, I=0.0, g=0.0, dt=DT):
    state, spikes = neuron.fire(state, dt)
    return neuron.advance(state, Drive(I, g), dt), spikes


def at_rest(neuron, n=1):
    return neuron.init(n, jnp.uint32(0))


def strong_drive(neuron):
    """A current that makes the cell fire: found, not assumed."""
    for I in 10.0 ** np.arange(0, 6, 0.25):
        state = at_rest(neuron)
        for _ in range(300):
            state, spikes = one_step(neuron, state, I)
            if spikes[0]:
                return float(I)
    raise AssertionError("no current up to 100 nA makes it fire")


@each(NEURONS)
def test_state_keeps_its_shape_and_type(item):
    neuron = item()
    for n in (1, 3):
        state = at_rest(neuron, n)
        after, spikes = one_step(neuron, state, 1.0, 0.1)
        assert spikes.shape == (n,) and spikes.dtype == bool
        assert neuron.voltage(state).shape == (n,)
        assert state._fields == neuron.State._fields
        for before, later in zip(state, after, strict=True):
            assert before.shape == later.shape == (n,) and before.dtype == later.dtype


@each(NEURONS)
def test_compiled_equals_interpreted(item):
    """In double precision: where a spike begins to grow, differences of rounding grow with it."""
    drive, step = strong_drive(item()), jax.jit(one_step)
    with jax.enable_x64(True):
        neuron = item()
        a = b = at_rest(neuron)
        for k in range(200):
            (a, spikes_a), (b, spikes_b) = one_step(neuron, a, drive), step(neuron, b, drive)
            assert spikes_a == spikes_b, k
            for x, y in zip(a, b, strict=True):
                assert np.allclose(x, y, rtol=1e-9, atol=1e-9), k


@each(NEURONS)
def test_a_cell_does_not_feel_its_neighbours(item):
    neuron, step = item(), jax.jit(one_step)
    drives = np.linspace(0.0, 2.0, 5) * strong_drive(neuron)
    together, alone = at_rest(neuron, 5), [at_rest(neuron) for _ in drives]
    for _ in range(300):
        together, _ = step(neuron, together, jnp.asarray(drives, float))
        alone = [
            step(neuron, state, jnp.asarray([I], float))[0] for state, I in zip(alone, drives, strict=True)
        ]
    for variable, values in zip(together._fields, together, strict=True):
        assert np.allclose(
            values, [float(getattr(state, variable)[0]) for state in alone], rtol=1e-5, atol=1e-4
        )


@each(NEURONS)
def test_it_rests_without_input_and_fires_more_with_more(item):
    neuron = item()
    drive = strong_drive(neuron)
    net = Network(
        {"c": Population(neuron, 4)}, inputs=[Input("c", Constant(drive * np.array([0.0, 1.0, 2.0, 4.0])))]
    )
    spikes = simulate(net, duration=300.0, record="c.V").spikes["c"]
    counts = np.bincount(spikes.neurons, minlength=4)
    assert counts[0] == 0 and np.all(np.diff(counts) > 0)


@each(NEURONS)
def test_a_value_for_every_cell_equals_the_one_value(item):
    drive = strong_drive(item())
    arrays = {p.name: np.full(3, p.default) for p in describe(item)}
    trains = [
        simulate(
            Network({"c": Population(neuron, 3)}, inputs=[Input("c", Constant(1.5 * drive))]), duration=100.0
        )
        for neuron in (item(), item(**arrays))
    ]
    assert trains[0].spikes["c"].count > 0
    assert np.array_equal(trains[0].spikes["c"].times, trains[1].spikes["c"].times)


@each(NEURONS)
def test_halving_dt_converges_at_first_order_at_least(item):
    """Below threshold, with a conductance: errors against a fine step fall in proportion to dt."""
    neuron = item()
    V0, g = float(neuron.voltage(at_rest(neuron))[0]), 0.5
    I = g * (V0 + 3.0)  # a conductance of 0.5 nS with reversal 3 mV above rest

    def final(dt):
        with jax.enable_x64(True):
            cell = jax.tree.map(jnp.float64, neuron)
            run = jax.jit(
                lambda state: jax.lax.fori_loop(
                    0, round(20 / dt), lambda _, s: one_step(cell, s, I, g, dt)[0], state
                )
            )
            return float(cell.voltage(run(at_rest(cell)))[0])

    reference = final(0.002)
    errors = np.array([abs(final(dt) - reference) for dt in (0.4, 0.2, 0.1)])
    assert errors[0] < 0.5
    assert np.all(errors[1:] <= 0.6 * errors[:-1] + 1e-9)


@each(INTEGRATORS)
def test_integrators_are_exact_for_a_constant_current(item):
    V, tau, R, I = jnp.asarray([-60.0, -70.0]), 20.0, 0.1, 50.0
    for _ in range(100):
        V = item(V, -60.0, tau, R, Drive(I, 0.0), 0.5)
    exact = -55.0 + (np.array([-60.0, -70.0]) + 55.0) * np.exp(-50 / 20)
    # the implicit step is first order: (1 + h)^-n for e^{-nh}
    tolerance = 0.5 if item is snnlab.integrators.implicit else 1e-4
    assert np.allclose(V, exact, atol=tolerance)


@each(STEPPERS)
def test_steppers_have_their_order(item):
    """x' = t - x, whose solution is known: halving dt divides the error by 2^order."""
    order = {"euler": 1, "rk4": 4}[item.__name__]
    with jax.enable_x64(True):

        def error(dt):
            x = jnp.asarray(1.0)
            for k in range(round(2.0 / dt)):
                x = item(lambda x, t: t - x, x, jnp.asarray(k * dt), jnp.asarray(dt))
            return abs(float(x) - (2.0 - 1.0 + 2.0 * math.exp(-2.0)))

        errors = np.array([error(dt) for dt in (0.2, 0.1, 0.05)])
    assert np.allclose(np.log2(errors[:-1] / errors[1:]), order, atol=0.15)


@each(KINETICS)
def test_kinetics_superpose_and_die_out(item):
    def conductance(times, weight=1.0):
        net = Network(
            {"c": Population(snnlab.neurons.LIF(V_th=1e9), 1)},
            {"s": Synapse(item(), Current())},
            inputs=[Input("c", SpikeTimes(times), "s", weight)],
        )
        return simulate(net, duration=200.0, record="c.s")["c.s"][:, 0]

    a, b, both = conductance([1.0]), conductance([4.0]), conductance([1.0, 4.0])
    assert np.allclose(both, a + b, atol=1e-5)
    assert np.allclose(conductance([1.0], -3.0), -3 * a, atol=1e-5)
    assert np.all(a[:10] == 0) and abs(a[-1]) < 1e-3 < a.max() <= 1.0 + 1e-5
    assert np.all(a >= 0)


@each(SOURCES)
def test_sources_are_functions_of_key_and_step(item):
    source = item(*EXAMPLES.get(item.__name__, ()))
    values = jax.jit(lambda k, key: source.values(k, jnp.asarray(DT), key, 7))
    for k in (0, 1, 500):
        first = values(jnp.int32(k), jnp.uint32(3))
        assert first.shape in ((), (7,)) and np.all(np.isfinite(first))
        assert np.array_equal(first, values(jnp.int32(k), jnp.uint32(3)))
        if source.events:
            assert np.all(first >= 0) and np.all(first == np.round(first))


@each(NEURONS)
def test_a_network_of_it_gives_the_same_spikes_in_pieces(item):
    drive = strong_drive(item())
    net = Network(
        {"a": Population(item(), 30), "b": Population(item(), 20)},
        {"s": Synapse(Exponential(3.0), Current())},
        [Projection("a", "b", "s", FixedProbability(0.2), drive, delay=0.7)],
        [Input("a", Constant(drive * np.linspace(1, 3, 30)))],
    )
    whole, pieces = simulate(net, duration=80.0, chunk=10_000), simulate(net, duration=80.0, chunk=33)
    assert whole.spikes["a"].count > 30 and whole.spikes["b"].count > 0
    for name in "ab":
        assert np.array_equal(whole.spikes[name].times, pieces.spikes[name].times)
        assert np.array_equal(whole.spikes[name].neurons, pieces.spikes[name].neurons)


@each(NETWORKS)
def test_models_run_as_they_come_and_are_reproducible(item):
    first, second = simulate(item(), duration=30.0, seed=3), simulate(item(), duration=30.0, seed=3, chunk=77)
    for name in first.spikes:
        assert np.array_equal(first.spikes[name].times, second.spikes[name].times)
        assert np.array_equal(first.spikes[name].neurons, second.spikes[name].neurons)


@each(NETWORKS)
def test_corners_of_every_slider_build_a_network(item):
    for p in describe(item):
        for value in p.slider:
            assert isinstance(item(**{p.name: value}), Network)


@each(PLANES)
def test_systems_are_finite_with_finite_gradients_in_their_window_at_every_corner(item):
    assert isinstance(item(), inspect.signature(item).return_annotation)
    for change in ({}, *({p.name: value} for p in describe(item) for value in p.slider)):
        system = item(**change)
        system = getattr(system, "system", system)  # a noisy one has the plane of its system without noise
        assert isinstance(system, RateSystem) and system.time_unit in units._SPELLING
        low, high = np.transpose(system.window)
        assert len(system.variables) == len(system.window) and np.all(low < high)
        states = low + (high - low) * np.random.default_rng(1).random((3, 5, len(low)))
        flow = system.derivative(jnp.asarray(states))
        assert flow.shape == states.shape and np.all(np.isfinite(flow))
        assert np.allclose(flow[1, 2], system.derivative(jnp.asarray(states[1, 2])), rtol=1e-4, atol=1e-4)
        total = jax.grad(lambda system, state: jnp.sum(system.derivative(state)), argnums=(0, 1))
        gradients = jax.tree.leaves(total(jax.tree.map(float, system), jnp.asarray(states)))
        assert all(np.all(np.isfinite(gradient)) for gradient in gradients), change


@each(SYSTEMS)
def test_systems_run_as_they_come_and_are_reproducible(item):
    first, second = simulate(item(), duration=30.0, seed=3), simulate(item(), duration=30.0, seed=3, chunk=77)
    assert list(first.samples) == list(item().variables) and not first.spikes
    for name in first.samples:
        assert len(first[name]) == 300 and np.all(np.isfinite(first[name]))
        assert np.array_equal(first[name], second[name])


@each(SYSTEMS)
def test_systems_run_at_the_corners_of_every_slider(item):
    assert isinstance(item(), RateModel)
    for p in describe(item):
        for value in () if p.integer else p.slider:  # a whole number is a size, which is compiled anew
            recording = simulate(item(**{p.name: value}), duration=20.0)
            assert all(np.all(np.isfinite(values)) for values in recording.samples.values()), (p.name, value)


def test_replacing_a_nested_component_keeps_the_rest():
    net = snnlab.models.lif_ei()
    louder = replace(net, inputs=(Input(("E", "I"), Constant(40.0)),))
    assert louder.populations == net.populations and louder.inputs[0].source.I == 40.0
