"""Programs of pages: the same network as the chapter's, for all values of the sliders; and what a page must say."""

import itertools
import json
import math

import jax
import numpy as np
import pytest

import snnlab
from snnlab import Input, Network, Population, Projection, model, param
from snnlab.channels import squid
from snnlab.connectivity import AllToAll, FixedProbability, Matrix, OneToOne
from snnlab.core import planner
from snnlab.core.network import Packed
from snnlab.distributions import Normal, Uniform
from snnlab.inputs import (
    Bernoulli,
    Constant,
    GaussianNoise,
    Poisson,
    Ramp,
    RedrawnPoisson,
    Sections,
    Sine,
    SpikeTimes,
    Step,
)
from snnlab.live import program
from snnlab.live.session import Session
from snnlab.neurons import EIF, HH, LIF, AdEx, Izhikevich
from snnlab.synapses import (
    NMDA,
    Alpha,
    Conductance,
    Current,
    DualExponential,
    Exponential,
    MgBlock,
    Synapse,
)

SMALL = {
    "coba_ei": {"n_exc": 160, "n_inh": 40, "p": 0.1},
    "coba_hh_ei": {"n_exc": 80, "n_inh": 20, "p": 0.1},
    "cuba_ei": {"n_exc": 60, "n_inh": 60},
    "lif_ei": {"n_exc": 120, "n_inh": 30},
    "wang2002": {"scale": 0.1, "dt": 0.1},
    "cann": {"n": 64},
}
WINDOW = 50.0  # ms in which rasters are the same


def made(name, **values):
    return program(name, **{**SMALL.get(name, {}), **values})


def points(found, number):
    """The first values, corners and random values of a program's sliders that go together."""
    opening = found.opening
    legal = (p for p in opening._points() if opening.broken(p) is None)
    every = [p for p in legal if "delay" not in p or p["delay"] == found.settings["delay"]]
    return [every[i] for i in np.linspace(0, len(every) - 1, number).astype(int)]


def simulated(found, point, **run):
    record = found.subject.look.record or None
    run = {"duration": WINDOW, "dt": found.settings["dt"], "seed": 0, **run}
    return snnlab.simulate(found.opening.built(point), record=record, **run)


def assert_equal(a, b, bit=None):
    """The same spikes, and samples within 1e-5 of what they reach: in value, or in time, by 1e-5 ms.

    ``bit`` is the run ``b`` with a parameter's last bits changed: twice the difference that makes is allowed.
    """
    for name, trains in b.spikes.items():
        assert np.array_equal(a.spikes[name].times, trains.times), name
        assert np.array_equal(a.spikes[name].neurons, trains.neurons), name
    for name, values in b.samples.items():
        assert np.array_equal(np.isnan(a[name]), np.isnan(values)), name
        mine, theirs = np.nan_to_num(a[name]), np.nan_to_num(values)
        allowed = 1e-5 * (np.max(np.abs(theirs)) + np.abs(np.gradient(theirs, b.dt, axis=0)))
        if bit is not None:
            allowed = allowed + 2 * np.abs(bit[name] - values)
        assert np.all(np.abs(mine - theirs) <= allowed), name


@pytest.mark.parametrize("name", snnlab.models.__all__)
def test_a_page_runs_what_simulate_runs(name):
    found = made(name)
    session = Session(found)
    for seed, point in enumerate(points(found, 6)):
        try:
            expected = simulated(found, point, seed=seed)
        except snnlab.SimulationError as error:
            with pytest.raises(snnlab.SimulationError) as raised:
                session.run(WINDOW, **{**point, "seed": seed})
            assert str(raised.value).partition(": the run")[0] == str(error).partition(": the run")[0]
            continue
        bit = None
        if name == "coba_hh_ei":  # whose upstrokes magnify a rounding a thousand times
            bit = simulated(found, {**point, "C": point["C"] * (1 + 2e-7)}, seed=seed)
        assert_equal(session.run(WINDOW, **{**point, "seed": seed}), expected, bit)


@pytest.mark.parametrize("name", snnlab.models.__all__)
def test_leaves_are_pythons_to_the_last_bit_all_over_the_sliders_ranges(name):
    found = made(name)
    leaves, dt = found.parts.leaves, np.array([found.settings["dt"]])
    with jax.enable_x64(True):
        prepare = jax.jit(found.parts.prepare)
        for point in points(found, 40):
            values = np.array([point[n] for n in found.opening.names])
            mine = np.asarray(prepare(values, dt)["leaves"])
            plain = jax.tree.leaves(
                found.opening.at(point, jax.tree.unflatten(leaves.structure, leaves.values))
            )
            theirs = np.concatenate([np.ravel(np.asarray(x, float)) for x in plain]).astype(np.float32)
            exact = name not in ("lif_fi",)  # numpy's and JAX's linspace differ in the last bit
            assert np.array_equal(mine, theirs) if exact else np.allclose(mine, theirs, rtol=1e-6, atol=0)
    built = found.opening.built(found.opening.point)
    if isinstance(built, Network):
        packed = Packed.of(snnlab.core.network_run._without_wiring(built))
        assert packed.layout == (leaves.structure, leaves.shapes)


def mixed(p=0.1, w=1.0):
    """Cells of four kinds of wiring, some of which lie in one table."""
    cells = {"a": Population(LIF(), 50), "b": Population(LIF(tau=10.0), 70)}
    rng = np.random.default_rng(3)
    return Network(
        cells,
        {"s": Synapse(Exponential(), Conductance(-80.0)), "z": Synapse(Exponential(2.0))},
        [
            Projection("a", "b", "s", FixedProbability(p), w),
            Projection("a", "a", "s", FixedProbability(p * p, autapses=False), w),
            Projection("b", "b", "s", OneToOne(), 2.0),
            Projection("b", "a", "s", FixedProbability(0.3), w),
            Projection("b", "b", "z", FixedProbability(p), -3.0, 1.5),
            Projection("a", "b", "z", Matrix(rng.random((50, 70)) * (rng.random((50, 70)) < 0.2)), 1.0),
        ],
        [Input(("a", "b"), Constant(25.0))],
    )


@model
def mixed_wiring(
    *,
    p: float = param(0.1, doc="chance", bounds=(0.0, 1.0)),
    w: float = param(1.0, unit="nS", doc="weight", slider=(0.0, 3.0)),
) -> Network:
    """For the tests."""
    return mixed(p, w)


def test_tables_are_the_planners_for_every_seed_and_chance():
    found = program(mixed_wiring)
    session = Session(found)
    for seed, p in ((0, 0.1), (1, 0.0), (7, 1.0), (2**32 - 1, 0.037), (5, 0.9)):
        session.instance.write("seed", np.array([seed], np.uint32))
        session.instance.write("values", np.array([p, 1.0]))
        session.instance.write("dt", np.array([0.1]))
        for entry in ("prepare", "wire"):
            session.instance.call(entry)
        assert session.instance.read("overflow")[0] == 0
        network = found.opening.at({"p": p, "w": 1.0})
        theirs = planner.tables(network, found.parts.plan, seed)
        for mine, other in zip(
            jax.tree.leaves(session.instance.read("tables")), jax.tree.leaves(theirs), strict=True
        ):
            n = min(len(mine), len(other))
            assert np.array_equal(mine[:n], np.asarray(other)[:n])


def test_a_network_of_mixed_wiring_and_delays_runs_as_simulate_runs_it():
    found = program(mixed_wiring)
    session = Session(found)
    for point in ({"p": 0.1, "w": 1.0}, {"p": 0.6, "w": 0.2}):
        for seed in (0, 9):
            assert_equal(
                session.run(60.0, seed=seed, **point), simulated(found, point, duration=60.0, seed=seed)
            )


@model
def zoo(
    *,
    I: float = param(20.0, unit="pA", doc="current", slider=(5.0, 40.0)),
    w: float = param(0.5, unit="nS", doc="weight", bounds=(0.0, 1.0)),
    tau: float = param(8.0, unit="ms", doc="time constant", bounds=(5.0, 20.0)),
    rate: float = param(800.0, unit="Hz", doc="rate", bounds=(0.0, 900.0)),
    t: float = param(12.0, unit="ms", doc="a time", bounds=(0.0, 40.0)),
) -> Network:
    """For the tests: every kind of cell, source, synapse and connection, each with something that moves."""
    levels = math.sqrt(I) * np.array([1.0, 2.0, 0.5]) if I else np.zeros(3)
    squids = HH(squid(), C=200.0 + I, V_start=-65.0, substeps=2)
    cells = {
        "a": Population(LIF(tau=2 * tau, tau_ref=min(tau, 3.0)), 20, {"V": Uniform(-60.0, -50.0 - 1 / tau)}),
        "b": Population(AdEx(b=tau), 7, {"V": Normal(-65.0, w)}),
        "c": Population(EIF(), 33),
        "d": Population(Izhikevich(), 5),
        "e": Population(squids, 4),
    }
    return Network(
        cells,
        {
            "exp": Synapse(Exponential(tau), Conductance(0.0)),
            "alpha": Synapse(Alpha(tau / 2), Conductance(-80.0)),
            "dual": Synapse(DualExponential(tau / 4, tau), Current()),
            "nmda": Synapse(NMDA(tau_decay=10 * tau), MgBlock(0.0, w)),
        },
        [
            Projection("a", "c", "exp", FixedProbability(0.2), w, 1.0),
            Projection("c", "a", "alpha", FixedProbability(1 / tau), 3 * w),
            Projection("b", "a", "dual", AllToAll(), w**2),
            Projection("c", "c", "exp", AllToAll(autapses=False), w / 50, 0.5),
            Projection("d", "e", "dual", FixedProbability(0.5), 2 * w),
            Projection("a", "a", "alpha", OneToOne(), w, 2.0),
            Projection("c", "d", "nmda", AllToAll(), w / 9),
        ],
        [
            Input("a", Sections([I, 0.0, 1.2 * I], [t + 1.0, 5.0, 30.0])),
            Input("a", GaussianNoise(I / 4)),
            Input("b", Step(20 * I, t, 2 * t)),
            Input("b", Ramp(0.0, 30 * I, t, t + 20.0)),
            Input("c", Sine(4 * I, 40.0, mean=6 * I)),
            Input("d", Constant(10 * I * np.linspace(0.8, 1.2, 5))),
            Input("e", Constant(20 * I)),
            Input("c", Poisson(rate), "exp", w),
            Input("c", RedrawnPoisson(rate / 2, tau, 10.0, t), "exp", w),
            Input("a", Bernoulli(Poisson(rate)), "exp", w),
            Input("b", SpikeTimes([t, t + 1.0, 30.0]), "dual", w),
            Input("a", Constant(levels.sum())),
        ],
    )


def test_every_kind_of_cell_source_synapse_and_connection_runs_as_in_simulate():
    record = {
        "a.V": [0, 3],
        "b.w": [0],
        "c.exp": [1],
        "d.nmda": [2],
        "e.V": [0],
        "a.alpha": [5],
        "b.dual": [0],
    }
    found = program(zoo, record=record)
    session = Session(found)
    for seed, point in enumerate(
        [found.opening.point, *itertools.islice(found.opening.random_points(99), 3)]
    ):
        expected = snnlab.simulate(zoo(**point), duration=WINDOW, seed=seed, record=record)
        assert sum(train.count > 0 for train in expected.spikes.values()) >= 3
        assert_equal(session.run(WINDOW, seed=seed, **point), expected)


def test_a_delay_moves_from_nothing_to_the_sliders_end():
    found = made("two_neurons")
    session = Session(found)
    for delay in (0.0, 0.1, 3.0, 20.0):
        point = {**found.opening.point, "delay": delay}
        assert_equal(session.run(WINDOW, **point), simulated(found, point))
    with pytest.raises(ValueError, match="not a whole number of time steps"):
        session.run(WINDOW, delay=0.25)
    with pytest.raises(ValueError, match="longer than 1000 time steps"):
        session.run(WINDOW, delay=200.0)


def test_dt_seed_and_the_cut_into_chunks_move_as_in_a_run():
    found = made("wang2002", stop=60.0, start=10.0)
    session = Session(found)
    point = found.opening.point
    for dt, seed, chunk in ((0.1, 0, None), (0.05, 3, 77), (0.02, 2**31 - 1, 1000)):
        mine = session.run(40.0, chunk=min(chunk or 250, 250), dt=dt, seed=seed)
        assert_equal(mine, simulated(found, point, duration=40.0, dt=dt, seed=seed))


def test_too_many_connections_are_told():
    found = made("coba_ei")
    ((sheet,),) = found.parts.sheets
    import dataclasses

    found.parts.sheets = ((dataclasses.replace(sheet, room=2 * sheet.n),),)
    with pytest.raises(ValueError, match="more connections than this page has room for"):
        Session(found).run(10.0)


def test_values_that_do_not_go_together_are_told_and_no_other():
    session = Session(made("coba_ei"))
    with pytest.raises(ValueError, match=r"do not go together: V_rest, V_th\. For instance: LIF: V_th"):
        session.run(10.0, V_rest=-50.0, V_th=-55.0)
    session.run(10.0, V_rest=-56.0, V_th=-55.0)
    found = made("wang2002")
    with pytest.raises(ValueError, match="w_plus"):
        Session(found).run(10.0, w_plus=7.0)
    with pytest.raises(ValueError, match="rates are beyond what this page can draw: .*background"):
        Session(found).run(10.0, background=9000.0)


@pytest.mark.parametrize(
    "name, changes", [("synapse_train", {"tau_rise": 2.0}), ("wong_wang2006", {"sigma": 0.02})]
)
def test_what_python_builds_in_another_way_has_a_program_of_its_own(name, changes):
    found = made(name)
    (parameter,) = changes
    with pytest.raises(ValueError, match=f"built in another way.*{parameter}"):
        Session(found).run(10.0, **changes)
    (variant,) = found.variants()
    session, point = Session(variant), {**found.opening.point, **changes}
    assert_equal(session.run(WINDOW, **point), simulated(variant, point))
    with pytest.raises(ValueError, match="built in another way"):
        session.run(10.0, **{parameter: 0.0})


def test_a_run_that_leaves_the_numbers_says_which_cell_and_when():
    found = made("coba_ei")
    session, point = Session(found), {**found.opening.point, "g_exc": 900.0}
    with pytest.raises(snnlab.SimulationError) as expected:
        simulated(found, point, duration=200.0)
    with pytest.raises(snnlab.SimulationError) as raised:
        session.run(200.0, g_exc=900.0)
    assert str(raised.value).partition(": the run")[0] == str(expected.value).partition(": the run")[0]


@model
def sized(
    *,
    n: float = param(20.0, doc="cells", bounds=(1.0, 100.0)),
    w: float = param(2.0, unit="nS", doc="weight", bounds=(0.0, 10.0)),
    rate: float = param(500.0, unit="Hz", doc="rate", bounds=(0.0, 1000.0)),
) -> Network:
    """For the tests: a size that is no whole number, arithmetic with numpy."""
    return Network(
        {"c": Population(LIF(), round(n))},
        {"s": Synapse(Exponential(), Conductance())},
        inputs=[Input("c", Poisson(rate), "s", w), Input("c", Constant(np.sqrt(rate)))],
    )


def test_what_decides_the_size_is_fixed_and_said_to_be():
    found = program(sized, n=30.0, record={"c.V": [0]})
    manifest = found.manifest()
    assert manifest["fixed"] == {"n": 30.0} and manifest["fixed_parameters"][0]["fixed"]
    assert [p["name"] for p in manifest["parameters"]] == ["w", "rate"]
    assert_equal(Session(found).run(WINDOW, rate=100.0, w=5.0), simulated(found, {"rate": 100.0, "w": 5.0}))


@model
def hidden(*, a: float = param(0.0, doc="a", bounds=(-1.0, 1.0))) -> Network:
    """For the tests: a check that no comparison shows."""
    if isinstance(a, float) and a > 0.5:
        raise ValueError("a is too large")
    return Network({"c": Population(LIF(), 1)}, inputs=[Input("c", Constant(a))])


@model
def secret(*, a: float = param(0.0, doc="a", bounds=(-1.0, 1.0))) -> Network:
    """For the tests: another model for open values than for numbers."""
    return Network(
        {"c": Population(LIF(), 1)}, inputs=[Input("c", Constant(a if isinstance(a, float) else 2 * a))]
    )


@model
def twins(*, w: float = param(1.0, doc="w", bounds=(0.0, 2.0))) -> Network:
    """For the tests: two projections that only their weights tell apart."""
    pair = [Projection("c", "c", "s", FixedProbability(0.5), weight) for weight in (w, 1.0)]
    return Network({"c": Population(LIF(), 9)}, {"s": Synapse(Exponential())}, pair)


@pytest.mark.parametrize(
    "function, sentence",
    [
        (hidden, "a page cannot know that these values are refused"),
        (secret, "builds another model than its open values say"),
        (twins, "alike but for values that sliders change"),
    ],
)
def test_what_a_page_cannot_run_is_refused(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        program(function)


@pytest.mark.parametrize("cell", [AdEx, LIF(tau=5.0, soft_reset=True)])
def test_a_neuron_alone_is_a_program_too(cell):
    found = program(cell)
    assert_equal(Session(found).run(WINDOW), simulated(found, found.opening.point))


def test_an_experiment_of_many_runs_is_refused():
    from snnlab.widgets.experiments import experiments

    for name in experiments():
        with pytest.raises(ValueError, match="is an experiment of many runs"):
            program(name)


def test_wrong_names_and_values_are_refused():
    with pytest.raises(ValueError, match='no model "coba"'):
        program("coba")
    with pytest.raises(ValueError, match='coba_ei has no parameter "g_in"'):
        program("coba_ei", g_in=3.0)
    with pytest.raises(ValueError, match="p = 2 is not allowed"):
        program("coba_ei", p=2.0)


@pytest.mark.parametrize("name", snnlab.models.__all__)
def test_the_manifest_is_json_and_complete(name):
    found = made(name)
    manifest = json.loads(json.dumps(found.manifest(), allow_nan=False))
    described = {p["name"] for p in manifest["parameters"] + manifest["fixed_parameters"]}
    assert described == set(manifest["order"]) and described.isdisjoint({"duration", "dt", "seed"})
    assert set(manifest["visible"]) <= described
    for changes in manifest["presets"].values():
        assert set(changes) <= described
    for p in manifest["parameters"]:
        low, high = p["slider"]
        assert (
            low < high and (p["low"] is None or p["low"] <= low) and (p["high"] is None or high <= p["high"])
        )
    sizes = [population["last"] - population["first"] for population in manifest["populations"]]
    assert sizes == [population["n"] for population in manifest["populations"]]
    assert len(manifest["limits"]["checks"]) == found.buffers["verdict"].shape[0]
