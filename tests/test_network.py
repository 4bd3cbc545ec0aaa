"""Building a network: what does not fit together is named, with the choices."""

import jax
import numpy as np
import pytest

from snnlab import Input, Network, Population, Projection, replace, simulate
from snnlab.connectivity import AllToAll, FixedProbability, Matrix
from snnlab.distributions import Normal, Uniform
from snnlab.inputs import Constant, GaussianNoise, Poisson, Ramp, Sections, SpikeTimes
from snnlab.neurons import LIF
from snnlab.synapses import Current, Exponential, Synapse

CELLS = {"E": Population(LIF(), 8), "I": Population(LIF(), 2)}
SYNAPSES = {"exc": Synapse(Exponential())}
HALF = FixedProbability(0.5)
E_TO_E = Projection("E", "E", "exc", HALF)


class Undecorated(LIF):
    """What forgot to be a component."""


def net():
    return Network(CELLS, SYNAPSES, [E_TO_E])


def test_unknown_names_offer_the_nearest():
    with pytest.raises(
        ValueError, match=r'projection 1 \("E" -> "X"\): no population "X".*There is "E", "I"'
    ):
        Network(CELLS, SYNAPSES, [Projection("E", "E", "exc", HALF), Projection("E", "X", "exc", HALF)])
    with pytest.raises(ValueError, match='no synapse "exec". Did you mean "exc"'):
        Network(CELLS, SYNAPSES, [Projection("E", "E", "exec", HALF)])
    with pytest.raises(ValueError, match='input 0 .*no population "EE". Did you mean "E"'):
        Network(CELLS, SYNAPSES, inputs=[Input("EE", Constant(1.0))])
    with pytest.raises(ValueError, match='LIF has no state variable "v"'):
        Population(LIF(), 8, {"v": 1.0})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Population(LIF(), 0), "n = 0 must be a whole number of cells, at least 1"),
        (lambda: Population(LIF(), 2.5), "n = 2.5 must be a whole number"),
        (lambda: Population("LIF", 2), "'LIF' is not a neuron model"),
        (
            lambda: Population(LIF(), 3, {"V": [1.0, 2.0]}),
            r'initial\["V"\] has shape \(2,\); it must be one number or 3',
        ),
        (lambda: Population(LIF(), 3, {"V": float("nan")}), "must be finite"),
        (lambda: Network({}), "populations must not be empty"),
        (lambda: Network({"my pop": CELLS["E"]}), "population name 'my pop' must be a word"),
        (lambda: Network({"E": LIF()}), 'population "E" = .* is not a Population'),
        (lambda: Network(CELLS, {"exc": Exponential()}), 'synapse "exc" = .* is not a Synapse'),
        (lambda: Network(CELLS, SYNAPSES, ["E->I"]), "projection 0 = 'E->I' is not a Projection"),
        (lambda: Network(CELLS, SYNAPSES, [Projection("E", "I", "exc", 0.5)]), "0.5 is not a connectivity"),
        (lambda: Network(CELLS, inputs=[Input("E", 20.0)]), "20.0 is not a source"),
        (
            lambda: Network(CELLS, inputs=[Input("E", Poisson(5.0))]),
            "Poisson gives spikes; say which synapse",
        ),
        (
            lambda: Network(CELLS, SYNAPSES, inputs=[Input("E", Constant(5.0), "exc")]),
            "Constant gives a current",
        ),
        (
            lambda: Network(CELLS, inputs=[Input("E", Constant([1.0, 2.0]))]),
            r"Constant.I has shape \(2,\).*8 of them",
        ),
        (lambda: Network({"E": Population(LIF(tau=[1.0, 2.0]), 3)}), r'population "E": tau has shape \(2,\)'),
        (
            lambda: Projection("E", "E", "exc", HALF, delay=-1.0),
            "Projection: delay = -1 ms is not allowed; it must be at least 0",
        ),
        (lambda: Projection("E", "E", "exc", HALF, weight=float("nan")), "Projection: weight = nan"),
        (lambda: Synapse(LIF()), None),
        (lambda: Synapse(3.0), "Synapse: kinetics = 3.0 is not one"),
        (lambda: Synapse(Exponential(), Exponential()), "Synapse: receptor = .* is not one"),
        (lambda: Uniform(2.0, 1.0), "low = 2 must not be above high = 1"),
        (lambda: Normal(0.0, -1.0), "Normal: std = -1"),
        (lambda: GaussianNoise(-1.0), "GaussianNoise: sigma = -1"),
        (lambda: Poisson(-1.0), "Poisson: rate = -1 Hz"),
        (lambda: Ramp(0.0, 1.0, 5.0, 5.0), "stop = 5 ms must be after start = 5 ms"),
        (lambda: Sections([1.0], [1.0, 2.0]), "must be lists of equal length"),
        (lambda: Sections([1.0], [0.0]), "durations above 0"),
        (lambda: SpikeTimes([-1.0]), "none of them negative"),
        (lambda: Network(None), r"populations must be a dict such as .*, not None"),
        (lambda: Network(CELLS, None), r"synapses must be a dict such as .*, not None"),
        (lambda: Network(CELLS, [SYNAPSES]), "synapses must be a dict such as"),
        (lambda: Network(CELLS, SYNAPSES, None), "projections = None must be a list of projections"),
        (lambda: Network(CELLS, SYNAPSES, 5), "projections = 5 must be a list of projections"),
        (lambda: Network(CELLS, SYNAPSES, E_TO_E), "projections = .* must be a list of projections"),
        (lambda: Network(CELLS, SYNAPSES, [], None), "inputs = None must be a list of inputs"),
        (lambda: Network(CELLS, SYNAPSES, [], {"a": 1}), "inputs = .* must be a list of inputs"),
        (lambda: Network(CELLS, SYNAPSES, [], [3]), "input 0 = 3 is not an Input"),
        (lambda: Network({("E",): CELLS["E"]}), r"population name \('E',\) must be a word"),
        (lambda: Projection({}, "E", "exc", HALF), "Projection: pre = {} is not allowed"),
        (lambda: Projection("E", ["E"], "exc", HALF), r"Projection: post = \('E',\) must be a name"),
        (lambda: Projection("E", "E", None, HALF), "Projection: synapse = None must be a name"),
        (lambda: Input(None, Constant(1.0)), "Input: post = None must be a population's name or several"),
        (lambda: Input([], Constant(1.0)), r"Input: post = \(\) must be a population's name or several"),
        (lambda: Input(("E", 3), Constant(1.0)), r"Input: post = \('E', 3\) must be"),
        (lambda: Input(("E", "E"), Constant(1.0)), "Input: post = .* names a population twice"),
        (lambda: Input("E", Poisson(1.0), 3), "Input: synapse = 3 must be a synapse's name"),
        (lambda: Network(CELLS, inputs=[Input("E", {})]), "{} is not a source, such as Constant"),
        (lambda: Network(CELLS, inputs=[Input("E", Constant)]), "it is a class; write Constant"),
        (lambda: Population(LIF, 3), r"it is a class; write LIF\(\)"),
        (lambda: Population(Undecorated(), 3), "decorate Undecorated with @component"),
        (lambda: Population(LIF(), 3, {"V": "x"}), r'initial\["V"\] must be a number in mV, not .x.'),
        (lambda: Population(LIF(), 3, {3: 1.0}), 'has no state variable "3"'),
        (lambda: Population(LIF(), 3, None), "initial = None must be a dict"),
        (lambda: Population(LIF(), [500, 500]), "n = .500, 500. must be a whole number"),
        (
            lambda: Network(CELLS, {"held": Synapse(Exponential())}),
            'synapse "held": population "E" has a state variable of that name; choose another',
        ),
        (lambda: net().matrix("x"), "Network.matrix: index = 'x' must be a projection's number, from 0 to 0"),
        (lambda: net().matrix(1), "Network.matrix: index = 1 must be a projection's number"),
        (lambda: net().matrix(-1), "Network.matrix: index = -1 must be"),
        (lambda: net().matrix(0, seed="x"), "seed = 'x' must be a whole number"),
        (lambda: Network(CELLS).matrix(0), "Network.matrix: this network has no projections"),
        (lambda: replace(net(), nonsense=3), 'Network has no parameter "nonsense"'),
        (lambda: replace(net(), projections=3), "projections = 3 must be a list"),
        (
            lambda: simulate(net(), duration=1.0, progress="x"),
            "progress = 'x' must be True, False or a function",
        ),
    ],
)
def test_wrong_parts_are_refused(build, message):
    if message is None:
        build()  # has the method that is asked for
        return
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"duration": 0.0}, "duration = 0 ms is not allowed; it must be above 0"),
        ({"duration": float("nan")}, "duration = nan"),
        ({"dt": 0.0}, "dt = 0 ms is not allowed"),
        ({"dt": -0.1}, "dt = -0.1 ms"),
        (
            {"dt": 0.3},
            "duration = 10 ms is not a whole number of steps of dt = 0.3 ms; the nearest is 9.9 ms",
        ),
        ({"seed": -1}, "seed = -1"),
        ({"record": "X.V"}, 'no population "X"'),
        ({"record": "I.v"}, 'population "I" has no variable "v".*"V", "held", "exc"'),
        ({"record": "E.exc"}, 'nothing feeds synapse "exc" on population "E"'),
        ({"record": {"E.V": [0, 8]}}, "must be whole numbers from 0 to 7"),
        ({"record": {"E.V": [0.5]}}, "must be whole numbers"),
        ({"chunk": 0}, "chunk = 0 must be a whole number of steps"),
        (
            {"duration": 1e8, "record": "E.V"},
            "recording E.V for 1e.08 ms .* would take 32.0 GB, but 1.0 GB are free; record",
        ),
        ({"duration": 1e10}, "steps are too many"),
        ({"duration": 1e300}, "steps are too many"),
        ({"dt": 5e-324}, "dt = 4.94066e-324 ms is not allowed; it must be at least 1e-06 and at most"),
        ({"dt": "x"}, "dt must be a number in ms, not 'x'"),
        ({"dt": [0.1, 0.2]}, "dt must be one number"),
        ({"record": 5}, "record = 5 must be a name such as"),
        ({"record": [5]}, "record: 5 is not a name"),
        ({"record": {5: None}}, "record: 5 is not a name"),
        ({"record": {"E.V": [[1], [2, 3]]}}, "must be whole numbers from 0 to 7"),
        ({"record": {"E.V": {}}}, "must be whole numbers from 0 to 7"),
        ({"chunk": "x"}, "chunk = 'x' must be a whole number of steps"),
        ({"chunk": 2.0}, "chunk = 2.0 must be a whole number of steps"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_compiles(kwargs, message, monkeypatch):
    from snnlab.core import step

    monkeypatch.setattr("snnlab.core.network_run.initial", None)
    monkeypatch.setattr(step, "advance", None)
    monkeypatch.setattr("snnlab.core.memory.free", lambda: 1e9)
    net = Network(CELLS, SYNAPSES, [Projection("E", "I", "exc", HALF)])
    with pytest.raises(ValueError, match=message):
        simulate(net, **{"duration": 10.0, **kwargs})


def test_a_delay_is_a_multiple_of_dt():
    net = Network(CELLS, SYNAPSES, [Projection("E", "I", "exc", HALF, delay=0.25)])
    with pytest.raises(
        ValueError, match='"E" -> "I".*delay = 0.25 ms is not a multiple of dt = 0.1 ms.*0.2 and 0.3 ms'
    ):
        simulate(net, duration=10.0)
    simulate(net, duration=10.0, dt=0.05)


@pytest.mark.parametrize("delay", [1e9, 1e12, 1e300])
def test_a_delay_of_too_many_steps_is_refused(delay):
    net = Network(CELLS, SYNAPSES, [Projection("E", "I", "exc", HALF, delay=delay)])
    with pytest.raises(
        ValueError, match=r'projection 0 \("E" -> "I"\): delay = 1e.* ms is too long for dt = 0.1 ms'
    ):
        simulate(net, duration=10.0)


def test_a_network_does_not_change_with_the_dicts_it_was_built_from():
    cells, initial = dict(CELLS), {"V": [-55.0] * 8}
    cells["E"] = Population(LIF(), 8, initial)
    net = Network(cells)
    cells["X"], initial["held"] = 3, "x"
    assert set(net.populations) == {"E", "I"} and set(net.populations["E"].initial) == {"V"}


def test_a_list_of_values_to_start_from_is_one_leaf():
    listed, array = (Population(LIF(), 8, {"V": V}) for V in ([-55.0] * 8, np.full(8, -55.0)))
    assert jax.tree.structure(listed) == jax.tree.structure(array)
    wired = [Projection("E", "E", "exc", Matrix(W)) for W in (np.eye(3).tolist(), np.eye(3))]
    assert jax.tree.structure(wired[0]) == jax.tree.structure(wired[1])


def test_only_a_network_can_be_simulated():
    with pytest.raises(ValueError, match="is not a model; expected a Network"):
        simulate(LIF(), duration=10.0)


def test_wiring_that_does_not_fit_in_memory_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr("snnlab.core.memory.free", lambda: 1e9)
    cells = {"E": Population(LIF(), 100_000)}
    net = Network(
        cells, {"s": Synapse(Exponential(), Current())}, [Projection("E", "E", "s", FixedProbability(0.5))]
    )
    with pytest.raises(ValueError, match=r"making the wiring would take 3\d\d\.\d GB, but 1.0 GB are free"):
        simulate(net, duration=10.0)


def test_all_to_all_is_the_full_matrix():
    rng = np.random.default_rng(0)
    V = rng.uniform(-60, -49, 40)
    for autapses in (True, False):
        trains = []
        for wiring in (AllToAll(autapses=autapses), Matrix(np.ones((40, 40)) - (not autapses) * np.eye(40))):
            net = Network(
                {"E": Population(LIF(tau_ref=2.0), 40, {"V": V})},
                {"s": Synapse(Exponential(3.0), Current())},
                [Projection("E", "E", "s", wiring, 0.3, delay=0.5)],
                [Input("E", Constant(14.0))],
            )
            trains.append(simulate(net, duration=100.0).spikes["E"])
        assert trains[0].count > 100
        assert np.array_equal(trains[0].times, trains[1].times)
        assert np.array_equal(trains[0].neurons, trains[1].neurons)
