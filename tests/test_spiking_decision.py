"""Wang's decision network: its parts against closed forms, its steps against a plain simulator, its bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import norm
from test_random_networks import given

from snnlab import Input, Network, Population, Projection, simulate
from snnlab.connectivity import AllToAll, FixedProbability
from snnlab.inputs import Bernoulli, Constant, Poisson, RedrawnPoisson, Sections, SpikeTimes
from snnlab.models import wang2002
from snnlab.neurons import LIF
from snnlab.synapses import NMDA, Conductance, Current, Exponential, MgBlock, Synapse

RELAY = LIF(tau=1e-3)  # fires on the step after a strong pulse


def gated(times, duration, dt, kinetics=None, receptor=None, delay=0.0, n=3):
    """``n`` cells that spike at the given times and what they open together on one silent cell: conductance [T]."""
    pulse = [(t, dt, 1e4) for t in times]
    edges = np.concatenate([[0.0], *([t, t + dt] for t, _, _ in pulse), [duration]])
    currents = [0.0, *(value for _ in pulse for value in (1e4, 0.0))]
    keep = np.diff(edges) > 0
    net = Network(
        {"pre": Population(RELAY, n), "post": Population(LIF(V_th=1e5), 1)},
        {"NMDA": Synapse(kinetics or NMDA(), receptor or Current())},
        [Projection("pre", "post", "NMDA", AllToAll(), 1.0, delay)],
        [Input("pre", Sections(np.asarray(currents)[keep], np.diff(edges)[keep]))],
    )
    recording = simulate(net, duration=duration, dt=dt, record=["post.NMDA", "post.V"])
    assert np.allclose(np.unique(recording.spikes["pre"].times), np.asarray(times) + dt, atol=1e-6)
    return recording.t, recording["post.NMDA"][:, 0], recording["post.V"][:, 0]


def exact(times, t, tau_rise=2.0, tau_decay=100.0, alpha=0.5):
    """The gating variable of one cell by an adaptive solver, restarted at every spike."""
    x = s = 0.0
    out, ends = np.zeros(len(t)), [*times[1:], t[-1] + 1.0]
    for start, end in zip(times, ends, strict=True):
        x += 1.0

        def rate(now, state):
            return [-state[0] / tau_rise, -state[1] / tau_decay + alpha * state[0] * (1 - state[1])]

        here = (t >= start - 1e-9) & (t < end - 1e-9)
        solved = solve_ivp(rate, (start, end), [x, s], rtol=1e-10, atol=1e-12, dense_output=True)
        out[here] = solved.sol(t[here])[1]
        x, s = solved.y[:, -1]
    return out


def test_nmda_gating_is_the_solution_of_its_equations_to_second_order():
    errors = []
    for dt in (0.4, 0.2, 0.1):
        times = np.array([2.0, 4.0, 5.2, 20.0])
        with jax.enable_x64(True):
            t, g, _ = gated(times, 60.0, dt)
        errors.append(np.abs(g - 3 * exact(times + dt, t)).max())
    assert errors[2] < 3 * 2e-4
    assert errors[1] < 0.3 * errors[0] and errors[2] < 0.3 * errors[1]


def test_nmda_saturates_and_stays_between_0_and_1_for_any_step():
    for dt in (0.1, 1.0, 10.0):
        _, g, _ = gated(np.arange(2 * dt, 60 * dt, 2 * dt), 70 * dt, dt, NMDA(2.0, 100.0, 5.0), n=1)
        assert 0 <= g.min() and g.max() <= 1
        assert g.max() > 0.9


@pytest.mark.parametrize("delay", [0.1, 0.5, 3.2])
def test_a_delay_moves_the_gating_as_a_whole(delay):
    (_, at_once, _), (_, later, _) = (gated([2.0, 4.0], 30.0, 0.1, delay=d) for d in (0.0, delay))
    shift = round(delay / 0.1)
    assert np.array_equal(later[shift:], at_once[:-shift]) and not later[:shift].any()


def test_magnesium_blocks_at_rest_and_not_without_magnesium():
    V = np.array([-80.0, -60.0, -40.0, 0.0])
    for Mg in (0.0, 1.0):
        drive = MgBlock(0.0, Mg).current(2.0, V)
        share = 1 / (1 + Mg * np.exp(-0.062 * V) / 3.57)
        assert np.allclose(drive.g, 2 * share, rtol=1e-5) and np.allclose(drive.I, 0.0)
    assert (
        0.02 < MgBlock().current(1.0, -80.0).g < 0.03
    )  # a few percent are open near rest (Jahr & Stevens, 1990)


def plain_wang(network, seed, steps, dt):
    """Spikes [steps, n] of every population, one synapse at a time in float64; the noise is the package's."""
    cells = network.populations
    arrivals = given(network, dt, seed, steps)[1]
    V = {name: np.full(p.n, -70.0) for name, p in cells.items()}
    held = {name: np.zeros(p.n, int) for name, p in cells.items()}
    ampa = {name: np.zeros(p.n) for name, p in cells.items()}
    gaba = {name: np.zeros(p.n) for name, p in cells.items()}
    x = {name: np.zeros(p.n) for name, p in cells.items()}
    s = {name: np.zeros(p.n) for name, p in cells.items()}
    spikes = {name: np.zeros((steps, p.n), bool) for name, p in cells.items()}
    past = {name: [] for name in cells}
    for k in range(steps):
        for name, p in cells.items():
            fired = spikes[name][k] = (held[name] == 0) & (V[name] >= -50.0)
            V[name] = np.where(fired, -55.0, V[name])
            held[name] = np.where(fired, round(p.neuron.tau_ref / dt), held[name])
            past[name].append(s[name].sum())
        for name in cells:
            ampa[name] = ampa[name] * np.exp(-dt / 2.0) + arrivals[name, "AMPA"][k]
            gaba[name] = gaba[name] * np.exp(-dt / 5.0)
        g_nmda = dict.fromkeys(cells, 0.0)
        for p in network.projections:
            if k >= (delay := round(p.delay / dt)):
                if p.synapse == "NMDA":
                    g_nmda[p.post] += p.weight * past[p.pre][k - delay]
                else:
                    into = ampa if p.synapse == "AMPA" else gaba
                    into[p.post] = into[p.post] + p.weight * spikes[p.pre][k - delay].sum()
        for name, p in cells.items():
            block = 1 / (1 + np.exp(-0.062 * V[name]) / 3.57)
            I = -(ampa[name] + g_nmda[name] * block) * V[name] + gaba[name] * (-70.0 - V[name])
            after = V[name] + (1 - np.exp(-dt / p.neuron.tau)) * (-70.0 - V[name] + p.neuron.R * I)
            V[name] = np.where(held[name] > 0, V[name], after)
            held[name] = np.maximum(held[name] - 1, 0)
            x[name] = x[name] + spikes[name][k]
            opened = 0.5 * x[name] * 2.0 * (1 - np.exp(-dt / 2.0))
            t, half = np.minimum(opened / 4, 1.0), np.exp(-dt / 200.0)
            s[name] = half * (1 - (1 - half * s[name]) * (1 - t + t * t / 2) ** 4)
            x[name] = x[name] * np.exp(-dt / 2.0)
    return spikes


def test_every_spike_is_that_of_a_plain_simulator():
    network = wang2002(scale=0.05, coherence=0.5, start=10.0, stop=60.0, mu_0=400.0, background=3600.0)
    with jax.enable_x64(True):
        ours = simulate(network, duration=120.0, dt=0.1, seed=5)
        theirs = plain_wang(network, 5, 1200, 0.1)
    assert sum(trains.count for trains in ours.spikes.values()) > 50
    for name, trains in ours.spikes.items():
        step, cell = np.nonzero(theirs[name])
        assert trains.count
        assert np.array_equal(np.rint(trains.times / 0.1).astype(int), step)
        assert np.array_equal(trains.neurons, cell)


def test_the_footprint_keeps_the_mean_weight_and_swaps_with_the_coherence():
    network = wang2002(scale=0.5)
    n = {name: p.n for name, p in network.populations.items()}
    assert n == {"A": 120, "B": 120, "N": 560, "I": 200}
    for synapse, g in (("AMPA", 0.05), ("NMDA", 0.165)):
        for post in "ABN":
            feeding = [p for p in network.projections if (p.post, p.synapse) == (post, synapse)]
            assert sum(n[p.pre] * p.weight for p in feeding) == pytest.approx(1600 * g)
    rates = {entry.post: entry.source.rate for entry in wang2002(coherence=-0.2).inputs[2:]}
    assert rates == pytest.approx({"A": 32.0, "B": 48.0})


def test_a_stimulus_is_drawn_anew_in_every_interval_and_never_negative():
    source = RedrawnPoisson(40.0, 30.0, 50.0, 100.0, 10_100.0)
    k, key = jnp.arange(0, 102_000, 10), jnp.uint32(3)
    rate = np.asarray([source.intensity(each, jnp.float32(0.1), key) for each in k[::50]])
    t = np.asarray(k[::50]) * 0.1
    on = (t >= 100.0) & (t < 10_100.0)
    assert np.all(rate[~on] == 0) and np.all(rate >= 0)
    drawn = rate[on]
    assert len(np.unique(drawn)) > 0.85 * len(
        drawn
    )  # every sample is in an interval of its own; some are cut off at 0
    z = -40.0 / 30.0
    mean = 40.0 * norm.cdf(-z) + 30.0 * norm.pdf(z)
    assert abs(drawn.mean() - mean) < 4 * 30.0 / np.sqrt(len(drawn))


def test_sources_of_one_weight_are_one_source_of_the_summed_rate():
    cell = LIF(V_th=1e5)

    def arrivals(*inputs):
        net = Network(
            {"c": Population(cell, 2000)}, {"s": Synapse(Exponential(1e-3), Conductance(0.0))}, inputs=inputs
        )
        g = simulate(net, duration=100.0, dt=0.1, record={"c.s": range(2000)})["c.s"]
        return g / 0.01  # of spikes that fall anywhere in 0.1 ms a share of 0.001 / 0.1 is left at its end

    both = arrivals(Input("c", Poisson(400.0), "s"), Input("c", Poisson(800.0), "s"))
    apart = arrivals(Input("c", Poisson(400.0), "s"), Input("c", Poisson(800.0), "s", 1.0 + 1e-6))
    for counts in map(np.round, (both, apart)):  # 2 million draws of mean and variance 0.12
        assert abs(counts.mean() - 0.12) < 4 * np.sqrt(0.12 / counts.size)
        assert abs(counts.var() - 0.12) < 4 * np.sqrt((0.12 + 2 * 0.12**2) / counts.size)


def test_bernoulli_has_the_mean_but_not_the_variance_of_poisson():
    source = Bernoulli(Poisson(1000.0))
    counts = np.stack(
        [source.values(jnp.int32(k), jnp.float32(0.1), jnp.uint32(1), 5000) for k in range(100)]
    )
    assert set(np.unique(counts)) == {0.0, 1.0}
    assert abs(counts.mean() - 0.1) < 4 * np.sqrt(0.09 / counts.size)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: wang2002(coherence=1.2), "coherence = 1.2 is not allowed"),
        (lambda: wang2002(coherence=-1.01), "coherence = -1.01 is not allowed"),
        (lambda: wang2002(scale=0.001), "leave a pool empty"),
        (lambda: wang2002(f=0.5), "leave a pool empty"),
        (lambda: wang2002(f=0.6), "f = 0.6 is not allowed"),
        (lambda: wang2002(w_plus=8.0), "w_plus = 8 is not allowed with f = 0.15; it must be at most 6.66667"),
        (lambda: wang2002(noise="poison"), 'no noise "poison". Did you mean "poisson"?'),
        (lambda: Bernoulli(Constant(3.0)), "has no rate"),
        (
            lambda: simulate(wang2002(noise="bernoulli", scale=0.1), duration=1.0, dt=0.1),
            "0.24 spikes a step",
        ),
        (
            lambda: Network(
                {"c": Population(LIF(), 2)},
                {"s": Synapse(NMDA(), MgBlock())},
                [Projection("c", "c", "s", FixedProbability(0.5))],
            ),
            "needs AllToAll()",
        ),
        (
            lambda: Network(
                {"c": Population(LIF(), 2)},
                {"s": Synapse(NMDA(), MgBlock())},
                inputs=[Input("c", SpikeTimes([1.0]), "s")],
            ),
            "of which a source has none",
        ),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(ValueError) as error:
        wrong()
    assert words in str(error.value)


def test_bernoulli_noise_at_the_listings_step_runs_with_a_warning():
    with pytest.warns(UserWarning, match=r"0\.12 spikes a step, whose variance is only 0\.88"):
        simulate(wang2002(noise="bernoulli", scale=0.1), duration=5.0, dt=0.05)
