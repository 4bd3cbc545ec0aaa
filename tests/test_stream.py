"""A run without an end: the steps of ``simulate``, parameters that change on the way, memory that stays."""

import tracemalloc

import numpy as np
import pytest

import snnlab
from snnlab import Input, Network, Population, Projection, SimulationError, analysis, models, simulate
from snnlab.connectivity import AllToAll, FixedProbability
from snnlab.core.stream import Stream
from snnlab.inputs import Constant, Poisson
from snnlab.neurons import LIF
from snnlab.synapses import Conductance, Exponential, Synapse

SMALL = {"n_exc": 80, "n_inh": 20}
MODELS = {
    "coba_ei": (models.coba_ei(**SMALL), 0.1, {"E.V": [0], "I.exc": [3]}),
    "coba_hh_ei": (models.coba_hh_ei(**SMALL), 0.1, {"E.V": [0, 1]}),
    "wang2002": (models.wang2002(scale=0.05, start=20.0), 0.1, {"A.NMDA": [0]}),
    "two_neurons": (models.two_neurons(delay=5.0), 0.1, {"post.I_syn": [0]}),
    "wong_wang2006": (models.wong_wang2006(sigma=0.02, trials=3), 1.0, ("s1", "r2")),
    "cann": (models.cann(n=32, noise=0.1), 0.1, {"u": [0, 7]}),
}


def cut(whole, start, stop):
    """What a recording holds from one time to another, on the grid of its steps."""
    first, last = round(start / whole.dt), round(stop / whole.dt)
    spikes = {}
    for name, trains in whole.spikes.items():
        steps = np.rint(trains.times / whole.dt)
        inside = (steps >= first) & (steps < last)
        spikes[name] = trains.times[inside], trains.neurons[inside]
    return spikes, {name: values[first:last] for name, values in whole.samples.items()}


def equal(recording, whole):
    start, stop = recording.start, recording.start + recording.duration
    spikes, samples = cut(whole, start, stop)
    assert list(recording.spikes) == list(spikes) and list(recording.samples) == list(samples)
    for name, (times, neurons) in spikes.items():
        assert np.array_equal(recording.spikes[name].times, times)
        assert np.array_equal(recording.spikes[name].neurons, neurons)
        trains = recording.spikes[name]
        assert (trains.t_start, trains.t_stop) == pytest.approx((start, stop))
    return all(np.array_equal(recording[name], values) for name, values in samples.items())


@pytest.mark.parametrize("name", MODELS)
def test_a_stream_takes_the_steps_of_simulate(name):
    model, dt, record = MODELS[name]
    pieces = (13.0, 1.0, 40.0, 150.0, 7.0, 89.0)
    whole = simulate(model, duration=sum(pieces), dt=dt, seed=3, record=record)
    stream = Stream(model, window=60.0, dt=dt, seed=3, record=record)
    for piece in pieces:
        stream.advance(piece)
        recording = stream.recording()
        assert recording.duration == pytest.approx(min(60.0, stream.t))
        assert recording.start + recording.duration == pytest.approx(stream.t)
        assert np.array_equal(recording.t, whole.t[round(recording.start / dt) :][: len(recording.t)])
        assert equal(recording, whole)
    assert stream.t == pytest.approx(sum(pieces)) and not recording.complete


@pytest.mark.parametrize(("name", "change"), [("coba_ei", {"g_inh": 6.7}), ("wong_wang2006", {})])
def test_taking_on_the_same_parameters_changes_nothing_to_see(name, change):
    model, dt, record = MODELS[name]
    again = models.coba_ei(**SMALL, **change) if change else model
    whole = simulate(model, duration=100.0, dt=dt, seed=1, record=record)
    stream = Stream(model, window=100.0, dt=dt, seed=1, record=record)
    stream.advance(33.0)
    assert stream.change(again)
    stream.advance(67.0)
    if name == "wong_wang2006":
        assert equal(stream.recording(), whole)
    else:  # the buffer was brought to age 0 in between: its last digits are others
        for label in record:
            early = np.abs(stream.recording()[label] - whole[label])[:400]
            assert np.max(early) < 1e-3


def test_a_changed_parameter_acts_from_then_on():
    record = {"E.V": [0]}
    stream = Stream(models.coba_ei(**SMALL), window=400.0, seed=1, record=record)
    stream.advance(200.0)
    assert stream.change(models.coba_ei(**SMALL, I=0.0, g_exc=0.0))
    stream.advance(200.0)
    recording = stream.recording()
    before = simulate(models.coba_ei(**SMALL), duration=200.0, seed=1, record=record)
    spikes, samples = cut(recording, 0.0, 200.0)
    assert np.array_equal(spikes["E"][0], before.spikes["E"].times)
    assert np.array_equal(samples["E.V"], before["E.V"])
    assert analysis.mean_rate(recording.spikes["E"], start=0.0, stop=200.0) > 5.0
    assert analysis.mean_rate(recording.spikes["E"], start=260.0, stop=400.0) == 0.0
    assert abs(recording["E.V"][-1, 0] - -60.0) < 0.5  # it rests


def pulse(tau, weight=2.0):
    """One cell that a single spike of another reaches: its conductance decays with ``tau``."""
    cell = LIF(V_rest=-60.0, V_reset=-60.0, V_th=0.0, tau=20.0, tau_ref=1000.0)
    return Network(
        populations={"pre": Population(cell, 1, {"V": 10.0}), "post": Population(cell, 1)},
        synapses={"g": Synapse(Exponential(tau), Conductance(0.0))},
        projections=(Projection("pre", "post", "g", FixedProbability(1.0), weight),),
    )


def test_a_conductance_keeps_its_value_when_its_time_constant_changes():
    stream = Stream(pulse(5.0), window=30.0, record={"post.g": [0]})
    stream.advance(10.0)
    assert stream.change(pulse(50.0))
    stream.advance(20.0)
    g, t = stream.recording()["post.g"][:, 0], stream.recording().t
    first = g[0]
    expected = np.where(t < 10.0, np.exp(-t / 5.0), np.exp(-10.0 / 5.0) * np.exp(-(t - 10.0) / 50.0))
    assert np.allclose(g / first, expected, rtol=1e-4)
    assert stream.change(pulse(50.0, weight=4.0))  # what is there grows with its weight
    stream.advance(1.0)
    assert stream.recording()["post.g"][-10, 0] == pytest.approx(2 * g[-1] * np.exp(-0.1 / 50.0), rel=1e-4)


@pytest.mark.parametrize("changes", [{"n_exc": 81}, {"p": 0.03}], ids=["another size", "another wiring"])
def test_another_structure_starts_anew(changes):
    stream = Stream(models.coba_ei(**SMALL), window=50.0, seed=2, record={"E.V": [0]})
    stream.advance(20.0)
    other = models.coba_ei(**{**SMALL, **changes})
    assert not stream.change(other) and stream.t == 0.0
    stream.advance(30.0)
    assert equal(stream.recording(), simulate(other, duration=30.0, seed=2, record={"E.V": [0]}))


def test_what_else_starts_anew_and_what_does_not():
    stream = Stream(models.wong_wang2006(), window=50.0, dt=1.0)
    stream.advance(20.0)
    assert stream.change(models.wong_wang2006(coherence=0.3)) and stream.t == 20.0
    assert not stream.change(models.wong_wang2006(sigma=0.02))
    stream.advance(20.0)
    assert not stream.change(models.wong_wang2006(sigma=0.02), seed=5)
    stream.advance(20.0)
    assert not stream.change(models.wong_wang2006(sigma=0.02), dt=0.5) and stream.dt == 0.5
    stream = Stream(models.two_neurons(delay=2.0), window=50.0, dt=0.1)
    stream.advance(20.0)
    assert stream.change(models.two_neurons(delay=2.0, w=100.0)) and stream.t == pytest.approx(20.0)
    assert not stream.change(models.two_neurons(delay=0.0))
    noisy = [
        Network(
            {"E": Population(LIF(), 5)},
            {"g": Synapse(Exponential(5.0), Conductance(0.0))},
            inputs=(Input("E", Poisson(rate), "g", 0.1),),
        )
        for rate in (10.0, 5000.0)
    ]
    stream = Stream(noisy[0], window=50.0)
    stream.advance(20.0)
    assert stream.change(noisy[1]) and stream.t == pytest.approx(20.0)  # another program, the same state


def test_a_wrong_change_is_refused_and_the_stream_goes_on():
    model = models.coba_ei(**SMALL)
    stream = Stream(model, window=50.0, seed=2)
    stream.advance(10.0)
    for wrong in (3, None, snnlab.neurons.LIF):
        with pytest.raises(ValueError, match="is not a model"):
            stream.change(wrong)
    with pytest.raises(ValueError, match="dt = -1 ms"):
        stream.change(model, dt=-1.0)
    stream.advance(20.0)
    assert equal(stream.recording(), simulate(model, duration=30.0, seed=2))


def test_the_window_can_change_and_the_state_stays():
    model = models.coba_ei(**SMALL)
    whole = simulate(model, duration=250.0, seed=2, record={"E.V": [0]})
    stream = Stream(model, window=50.0, seed=2, record={"E.V": [0]})
    stream.advance(100.0)
    for window in (10.0, 500.0, 120.0):
        stream.change(model, window=window)
        stream.advance(50.0)
        recording = stream.recording()
        assert recording.duration <= window
        early = round(recording.start / 0.1)
        assert np.allclose(
            recording["E.V"][:200, 0], whole["E.V"][early : early + 200, 0][: len(recording.t)], atol=0.5
        )
    assert stream.t == pytest.approx(250.0) and recording.duration == pytest.approx(120.0)


def driven(strength):
    cells = {"A": Population(LIF(), 3)}
    source = snnlab.inputs.Sections([5.0, strength], [2000.0, 1e6])
    return Network(cells, inputs=(Input("A", source), Input("A", source)))


def test_a_state_that_blows_up_says_where_and_when():
    stream = Stream(driven(3e38), window=100.0)
    with pytest.raises(SimulationError, match=r'population "A": V of cell 0 .* at t = 2000\.1 ms') as caught:
        for _ in range(100):
            stream.advance(40.0)
            stream.recording()
    recording = caught.value.recording
    assert recording.start + recording.duration == pytest.approx(2000.0, abs=0.3)
    with pytest.raises(SimulationError):
        stream.advance(1.0)
    assert not stream.change(driven(5.0), dt=0.2)  # starts anew
    stream.advance(100.0)


def test_a_state_that_blows_up_after_a_change():
    cell, to_all = LIF(), AllToAll()

    def network(I):
        return Network(
            {"A": Population(cell, 4)},
            {"g": Synapse(Exponential(5.0), Conductance(0.0))},
            (Projection("A", "A", "g", to_all, 0.1),),
            (Input("A", Constant(I)), Input("A", Constant(I))),
        )

    stream = Stream(network(5.0), window=100.0)
    stream.advance(333.0)
    assert stream.change(network(3e38))
    with pytest.raises(SimulationError, match=r"at t = 333\.1 ms"):
        stream.advance(500.0)
        stream.recording()


def test_memory_is_that_of_the_window():
    stream = Stream(models.coba_ei(**SMALL), window=100.0, record={"E.V": [0]})
    tracemalloc.start()
    try:
        for _ in range(50):
            stream.advance(40.0)
            stream.recording()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(150):  # 6 s of model time
            stream.advance(40.0)
            stream.recording()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000, grown
    assert len(stream._run._chunks) < 250
