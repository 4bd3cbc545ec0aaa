"""Inputs: the course of each source in time, and the statistics of the random ones."""

import numpy as np
import pytest

from snnlab import Input, Network, Population, replace, simulate
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
from snnlab.neurons import LIF
from snnlab.synapses import Current, Exponential, Synapse


def course(source, duration, dt=0.1, n=1):
    """The current [T, n] of a source, read from an integrating cell: V(t + dt) - V(t) = I (1 - e^{-dt/tau})."""
    cell = LIF(V_rest=0.0, V_reset=0.0, V_th=1e9, tau=1e6, R=1e6)  # tau / R = 1: V is the integral of I
    net = Network({"c": Population(cell, n)}, inputs=[Input("c", source)])
    V = simulate(net, duration=duration, dt=dt, record="c.V")["c.V"].astype(float)
    return np.arange(len(V) - 1) * dt, np.diff(V, axis=0) / dt


def test_deterministic_sources_follow_their_formulas():
    t, I = course(Constant(3.0), 20.0)
    assert np.allclose(I, 3.0, atol=1e-2)
    t, I = course(Step(2.0, start=5.0, stop=8.0), 20.0)
    assert np.allclose(I[:, 0], 2.0 * ((t > 5 - 1e-6) & (t < 8 - 1e-6)), atol=1e-2)
    t, I = course(Sections([1.0, -2.0, 0.5], [3.0, 4.0, 2.0]), 20.0)
    exact = np.select([t < 3 - 1e-6, t < 7 - 1e-6, t < 9 - 1e-6], [1.0, -2.0, 0.5], 0.0)
    assert np.allclose(I[:, 0], exact, atol=1e-2)
    t, I = course(Ramp(1.0, 5.0, 4.0, 12.0), 20.0)
    assert np.allclose(I[:, 0], np.interp(t, [4, 12], [1, 5]), atol=1e-2)
    t, I = course(Sine(2.0, 100.0, 0.5, 1.0), 20.0)
    assert np.allclose(I[:, 0], 1 + 2 * np.sin(2 * np.pi * 0.1 * t + 0.5), atol=1e-2)


def test_a_constant_may_differ_from_cell_to_cell():
    _, I = course(Constant([1.0, 2.0, 3.0]), 5.0, n=3)
    assert np.allclose(I, [[1.0, 2.0, 3.0]], atol=1e-2)


def test_a_step_that_never_ends_runs_to_the_end():
    _, I = course(Step(1.0, start=1.0), 5.0)
    assert np.allclose(I[12:], 1.0, atol=1e-2)


@pytest.mark.parametrize("dt", [0.05, 0.1, 0.5])
def test_gaussian_noise_gives_the_stationary_variance_whatever_dt(dt):
    sigma, tau, R = 4.0, 10.0, 0.5
    cell = LIF(V_rest=0.0, V_reset=0.0, V_th=1e6, tau=tau, R=R)
    net = Network({"c": Population(cell, 2000)}, inputs=[Input("c", GaussianNoise(sigma, 3.0))])
    V = simulate(net, duration=100.0, dt=dt, record="c.V")["c.V"][-1]
    assert V.mean() == pytest.approx(3.0 * R, abs=5 * np.sqrt((R * sigma) ** 2 / (2 * tau) / 2000))
    # Euler-Maruyama on an exact decay: (R sigma)^2 / (2 tau) times (1 + dt / (2 tau)) or so
    assert V.var() == pytest.approx((R * sigma) ** 2 / (2 * tau), rel=0.03 + 5 * np.sqrt(2 / 2000))


def test_noise_is_independent_over_cells_inputs_and_populations():
    cell = LIF(V_rest=0.0, V_reset=0.0, V_th=1e9, tau=1e6, R=1e6)
    net = Network(
        {"a": Population(cell, 500), "b": Population(cell, 500), "c": Population(cell, 500)},
        inputs=[
            Input(("a", "b"), GaussianNoise(1.0)),
            Input("c", GaussianNoise(1.0)),
            Input("c", GaussianNoise(1.0)),
        ],
    )
    rec = simulate(net, duration=40.0, record=("a.V", "b.V", "c.V"))
    a, b, c = (np.diff(rec[f"{x}.V"].astype(float), axis=0) for x in "abc")
    bound = 5 / np.sqrt(a.size)
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < bound
    assert abs(np.corrcoef(a.ravel(), c.ravel())[0, 1]) < bound
    assert abs(np.corrcoef(a[:, :-1].ravel(), a[:, 1:].ravel())[0, 1]) < bound
    assert abs(np.corrcoef(a[:-1].ravel(), a[1:].ravel())[0, 1]) < bound
    assert c.var() == pytest.approx(2 * a.var(), rel=0.05)  # two independent inputs add their variances


@pytest.mark.parametrize("dt", [0.05, 1.0, 5.0])
@pytest.mark.parametrize("source", [Poisson, lambda rate: RedrawnPoisson(rate, 0.0)])
def test_poisson_input_has_mean_and_variance_of_shot_noise(source, dt):
    """Campbell's theorem: mean rate w tau, for any step; variance rate w^2 tau / 2 where the step is short."""
    rate, w, tau = 500.0, 2.0, 5.0
    net = Network(
        {"c": Population(LIF(V_th=1e6), 1000)},
        {"s": Synapse(Exponential(tau), Current())},
        inputs=[Input("c", source(rate), "s", w)],
    )
    every = round(25.0 / dt)
    g = simulate(net, duration=200.0, dt=dt, record="c.s")["c.s"][2 * every :: every].astype(float)
    n = g.size / 1.5  # samples 25 ms apart, five time constants
    mean, variance = rate * 1e-3 * w * tau, rate * 1e-3 * w * w * tau / 2
    assert g.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / n))
    if dt < 0.1:
        assert g.var() == pytest.approx(variance, rel=0.1)


def test_bernoulli_input_has_the_mean_of_shot_noise():
    rate, w, tau, dt = 200.0, 2.0, 2.0, 0.4
    net = Network(
        {"c": Population(LIF(V_th=1e6), 1000)},
        {"s": Synapse(Exponential(tau), Current())},
        inputs=[Input("c", Bernoulli(Poisson(rate)), "s", w)],
    )
    g = simulate(net, duration=200.0, dt=dt, record="c.s")["c.s"][100::25].astype(float)
    mean, variance = rate * 1e-3 * w * tau, rate * 1e-3 * w * w * tau / 2
    assert g.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / g.size))


def test_spike_times_count_repeats_and_ignore_what_comes_later():
    net = Network(
        {"c": Population(LIF(V_th=1e6), 2)},
        {"s": Synapse(Exponential(1e6), Current())},
        inputs=[Input("c", SpikeTimes([1.0, 1.0, 2.5, 99.0]), "s", 1.0)],
    )
    g = simulate(net, duration=5.0, record="c.s")["c.s"]
    assert np.allclose(g[[9, 10, 24, 25, 49]], [[0], [2], [2], [3], [3]], atol=1e-3)


def test_a_step_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="Step: stop = 3 ms must not be before start = 5 ms"):
        Step(1.0, start=5.0, stop=3.0)
    _, I = course(Step(1.0, start=5.0, stop=5.0), 8.0)
    assert np.all(I == 0)


@pytest.mark.parametrize("rate", [1000.0, [10.0, 1000.0]])
def test_a_poisson_rate_that_cannot_be_drawn_is_refused_before_anything_compiles(rate, monkeypatch):
    net = Network(
        {"c": Population(LIF(V_th=1e9), 2)},
        {"s": Synapse(Exponential(1e9), Current())},
        inputs=[Input("c", Poisson(rate), "s")],
    )
    largest = simulate(net, duration=80.0 * 100, dt=80.0, record="c.s")["c.s"][-1, -1]
    assert largest == pytest.approx(8000, abs=5 * np.sqrt(8000))  # 80 a step: the largest that is drawn
    monkeypatch.setattr("snnlab.core.network_run.initial", None)
    with pytest.raises(
        ValueError,
        match=r'input 0 \(to "c"\): 1000 Hz are 100 Poisson spikes a step of dt = 100 ms; at most 80 can be drawn',
    ):
        simulate(net, duration=1000.0, dt=100.0)
    both = replace(net, inputs=[Input("c", Poisson(30.0), "s"), Input("c", RedrawnPoisson(40.0, 1.0), "s")])
    with pytest.raises(ValueError, match=r'input 1 \(to "c"\): 75.5 Hz are 83.05 Poisson spikes a step'):
        simulate(both, duration=1100.0, dt=1100.0)  # drawn once, so that their rates add up
    apart = replace(net, inputs=[Input("c", Poisson(60.0), "s", w) for w in (1.0, 2.0)])
    with pytest.raises(TypeError, match="not callable"):  # comes to the step that is not there
        simulate(apart, duration=1100.0, dt=1100.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Sections({1.0: 2.0}, [1.0]), "Sections: currents must be a number in pA, not {1.0: 2.0}"),
        (lambda: Sections([1.0], {}), "Sections: durations must be a number in ms, not {}"),
        (lambda: Sections("ab", [1.0]), "Sections: currents must be a number in pA, not 'ab'"),
        (lambda: SpikeTimes({}), "SpikeTimes: times must be a number in ms, not {}"),
        (lambda: SpikeTimes(None), "SpikeTimes: times must be a number in ms, not None"),
        (lambda: SpikeTimes([[1.0], [2.0, 3.0]]), "SpikeTimes: times must be a number in ms"),
        (lambda: Constant(20.0, events=True), 'Constant has no parameter "events"'),
    ],
)
def test_courses_that_are_none_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
