"""Building a network: what does not fit together is named, with the choices."""

import numpy as np
import pytest

from snnlab import Input, Network, Population, Projection, simulate
from snnlab.connectivity import AllToAll, FixedProbability
from snnlab.distributions import Normal, Uniform
from snnlab.inputs import Constant, GaussianNoise, Poisson, Ramp, Sections, SpikeTimes
from snnlab.neurons import LIF
from snnlab.synapses import Current, Exponential, Synapse

CELLS = {"E": Population(LIF(), 8), "I": Population(LIF(), 2)}
SYNAPSES = {"exc": Synapse(Exponential())}
HALF = FixedProbability(0.5)


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
        (lambda: Network({}), "populations must be a dict"),
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
        ({"record": "E.v"}, 'population "E" has no variable "v".*"V", "held", "exc"'),
        ({"record": {"E.V": [0, 8]}}, "must be whole numbers from 0 to 7"),
        ({"record": {"E.V": [0.5]}}, "must be whole numbers"),
        ({"chunk": 0}, "chunk = 0 must be a whole number of steps"),
        (
            {"duration": 1e8, "record": "E.V"},
            "recording E.V for 1e.08 ms .* would take 32.0 GB, but 1.0 GB are free; record",
        ),
        ({"duration": 1e10}, "steps are too many"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_compiles(kwargs, message, monkeypatch):
    from snnlab.core import step

    monkeypatch.setattr(step, "initial", None)
    monkeypatch.setattr(step, "advance", None)
    monkeypatch.setattr("snnlab.core.simulate._free_memory", lambda: 1e9)
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


def test_only_a_network_can_be_simulated():
    with pytest.raises(ValueError, match="is not a model; expected a Network"):
        simulate(LIF(), duration=10.0)


def test_wiring_that_does_not_fit_in_memory_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr("snnlab.core.simulate._free_memory", lambda: 1e9)
    cells = {"E": Population(LIF(), 100_000)}
    net = Network(
        cells, {"s": Synapse(Exponential(), Current())}, [Projection("E", "E", "s", FixedProbability(0.5))]
    )
    with pytest.raises(ValueError, match=r"the wiring would take 4\d\.\d GB, but 1.0 GB are free"):
        simulate(net, duration=10.0)


def test_all_to_all_is_the_full_matrix():
    from snnlab.connectivity import Matrix

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
