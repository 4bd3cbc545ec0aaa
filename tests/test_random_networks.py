"""Random networks of everything at once, spike by spike against a dense simulator in float64.

The simulator below shares no step with the package: synapses are closed-form kernels convolved with the arrivals,
wiring is a dense matrix. Only the wiring itself and the sources' values are taken from the package.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnlab import Input, Network, Population, Projection, integrators, replace, simulate
from snnlab.connectivity import AllToAll, FixedProbability, Matrix, OneToOne
from snnlab.core import planner, randomness
from snnlab.inputs import Constant, GaussianNoise, Poisson, Ramp, Sections, Sine, SpikeTimes, Step
from snnlab.neurons import LIF
from snnlab.synapses import Alpha, Conductance, Current, DualExponential, Exponential, Synapse

STEPS = 250
CELLS = (
    {"tau_ref": 2.0},
    {"tau": 10.0, "tau_ref": 1.0},
    {"tau": 10.0, "V_th": -51.0, "V_rest": -58.0},
    {"tau": 7.0, "tau_ref": 1.5, "V_rest": -61.0, "V_reset": -65.0, "R": 0.5},
)
SOURCES = (
    Constant(22.0),
    Constant(15.0),
    Step(20.0, 2.0, 12.0),
    Ramp(0.0, 30.0, 1.0, 15.0),
    Sine(10.0, 80.0, 0.3, 9.0),
    Sections([5.0, 20.0, 0.0], [2.0, 5.0, 5.0]),
    GaussianNoise(5.0, 11.0),
    Poisson(300.0),
    Poisson(1500.0),
    SpikeTimes([0.0, 1.0, 1.0, 7.0]),
)


def random_network(seed):
    rng = np.random.default_rng(seed)
    dt = float(rng.choice([0.1, 0.05, 0.2]))

    def pick(choices):
        return choices[rng.integers(len(choices))]

    integrator = (integrators.frozen, integrators.implicit, integrators.exponential)
    kinds = [(bool(rng.random() < 0.3), pick(integrator)) for _ in range(rng.integers(1, 3))]
    populations, synapses, projections, inputs = {}, {}, [], []
    for name in "ABCDE"[: rng.integers(2, 6)]:
        n, cell = int(pick([1, 2, 31, 32, 33, 64, 65, 130])), dict(pick(CELLS))
        if rng.random() < 0.3:
            cell["V_th"] = rng.uniform(-52, -48, n)
        soft_reset, how = pick(kinds)
        V = rng.uniform(-65, -45, n) if rng.random() < 0.8 else -40.0
        populations[name] = Population(LIF(**cell, soft_reset=soft_reset, integrator=how), n, {"V": V})
    for name in ("s", "exc", "x")[: rng.integers(1, 4)]:
        tau = float(pick([0.004, 0.3, 2.0, 5.0, 40.0, 1e5]))  # the first is rescaled at every step
        dual = DualExponential(tau, tau * float(pick([1.5, 1.0005])))
        kinetics = pick([Exponential(tau), Exponential(tau), Alpha(tau), dual])
        synapses[name] = Synapse(kinetics, pick([Current(), Conductance(0.0), Conductance(-80.0)]))
    delays = [int(pick([0, 0, 0, 1, 3, 15, 16, 17, 40])) * dt for _ in range(2)]
    for _ in range(rng.integers(3, 13)):
        pre, post, synapse = pick(list(populations)), pick(list(populations)), pick(list(synapses))
        shape, autapses = (populations[pre].n, populations[post].n), pre != post or bool(rng.random() < 0.5)
        matrix = Matrix(rng.uniform(0, 2, shape) * (rng.random(shape) < pick([0.0, 0.1, 0.9])))
        choices = [FixedProbability(float(pick([0, 0.05, 0.2, 1])), autapses=autapses), AllToAll(autapses)]
        choices += [matrix] * 2 + [OneToOne()] * (shape[0] == shape[1])
        weight = float(pick([0.1, 0.1, 0.3])) * 10 / max(10, shape[0])  # often equal, sometimes not
        if isinstance(synapses[synapse].receptor, Current):
            weight *= float(pick([3.0, -3.0]))
        projections.append(Projection(pre, post, synapse, pick(choices), weight, pick(delays)))
        if rng.random() < 0.2:  # a twin that differs in its weight alone
            projections.append(replace(projections[-1], weight=-0.7 * weight if weight < 0 else 2 * weight))
    for _ in range(rng.integers(3, 8)):
        post = tuple(name for name in populations if rng.random() < 0.6) or "A"
        source = pick(SOURCES)
        into = (pick(list(synapses)), pick([0.1, 0.3])) if source.events else (None, pick([1.0, 0.7]))
        inputs.append(Input(post, source, *into))
    return Network(populations, synapses, projections, inputs), dt


def kernel(kinetics, t):
    """The response at ``t`` after one spike of weight 1."""
    if isinstance(kinetics, Exponential):
        return np.exp(-t / kinetics.tau)
    if isinstance(kinetics, Alpha):
        return t / kinetics.tau * np.exp(1 - t / kinetics.tau)
    rise, decay = kinetics.tau_rise, kinetics.tau_decay
    peak = np.log(decay / rise) * rise * decay / (decay - rise)
    return (np.exp(-t / decay) - np.exp(-t / rise)) / (np.exp(-peak / decay) - np.exp(-peak / rise))


def remaining(synapse, dt):
    """What has not decayed at the end of a step, of spikes that fall anywhere within it."""
    t = (np.arange(1000) + 0.5) / 1000 * dt
    return np.exp(-t / synapse.kinetics.tau_entry).mean()


def given(network, dt, seed, steps=STEPS):
    """Currents [steps, n] into every population, arrivals [steps, n] from sources at every synapse on it."""
    currents = {name: np.zeros((steps, p.n)) for name, p in network.populations.items()}
    arrivals = {
        (name, s): np.zeros((steps, len(currents[name][0]))) for name in currents for s in network.synapses
    }
    merged = {}  # sources with a rate that add the same to one synapse of a population are one source
    for entry, label in zip(network.inputs, planner.build(network, dt)[0].keys, strict=True):
        for name in entry.targets:
            n, key = network.populations[name].n, jnp.uint32(randomness.subkey(seed, f"{label} {name}"))
            if hasattr(entry.source, "intensity"):
                merged.setdefault((name, entry.synapse, entry.weight), []).append((entry.source, key))
                continue
            values = jax.vmap(
                lambda k, e=entry, key=key, n=n: jnp.broadcast_to(e.source.values(k, dt, key, n), n)
            )
            into = currents[name] if entry.synapse is None else arrivals[name, entry.synapse]
            spread = getattr(entry.source, "spread", False)
            share = remaining(network.synapses[entry.synapse], dt) if spread else 1.0
            into += entry.weight * share * np.asarray(values(jnp.arange(steps)))
    for (name, synapse, weight), sources in merged.items():
        rates = [
            jax.vmap(lambda k, s=s, key=key: s.intensity(k, dt, key) + 0.0 * k)(jnp.arange(steps))
            for s, key in sources
        ]
        n, total = network.populations[name].n, sum(key for _, key in sources)
        values = jax.vmap(lambda k, rate, key=total, n=n: Poisson(rate).values(k, dt, key, n))
        counts = np.asarray(values(jnp.arange(steps), sum(rates)))
        arrivals[name, synapse] += weight * counts * remaining(network.synapses[synapse], dt)
    return currents, arrivals


def dense_spikes(network, dt, seed):
    """For every population its spikes, bool [STEPS, n]."""
    cells, weights = network.populations, []
    for i, projection in enumerate(network.projections):
        weights.append(network.matrix(i, seed))
        if not getattr(projection.connectivity, "autapses", True):
            np.fill_diagonal(weights[-1], 0.0)
    currents, arrivals = given(network, dt, seed)
    kernels = {name: kernel(s.kinetics, np.arange(STEPS) * dt) for name, s in network.synapses.items()}
    V = {name: np.array(np.broadcast_to(p.initial["V"], p.n)) for name, p in cells.items()}
    held = {name: np.zeros(p.n, int) for name, p in cells.items()}
    spikes = {name: np.zeros((STEPS, p.n), bool) for name, p in cells.items()}
    for k in range(STEPS):
        for name, cell in ((name, p.neuron) for name, p in cells.items()):
            fired = spikes[name][k] = (held[name] == 0) & (V[name] >= cell.V_th)
            reset = V[name] - (cell.V_th - cell.V_reset) if cell.soft_reset else cell.V_reset
            V[name] = np.where(fired, reset, V[name])
            held[name] = np.where(fired, round(cell.tau_ref / dt), held[name])
        for projection, matrix in zip(network.projections, weights, strict=True):
            if k >= (delay := round(projection.delay / dt)):
                arrivals[projection.post, projection.synapse][k] += spikes[projection.pre][k - delay] @ matrix
        for name, cell in ((name, p.neuron) for name, p in cells.items()):
            I, g = currents[name][k].copy(), 0.0
            for s, synapse in network.synapses.items():
                x = kernels[s][k::-1] @ arrivals[name, s][: k + 1]
                is_current = isinstance(synapse.receptor, Current)
                I += x if is_current else x * synapse.receptor.E_rev
                g = g if is_current else g + x
            h, total = dt / cell.tau, 1 + cell.R * g
            V_inf = (cell.V_rest + cell.R * I) / total
            after = {  # the same equation as in integrators.py, written around its equilibrium
                integrators.frozen: V[name] + (1 - np.exp(-h)) * total * (V_inf - V[name]),
                integrators.implicit: V[name] + h * total / (1 + h * total) * (V_inf - V[name]),
                integrators.exponential: V_inf + (V[name] - V_inf) * np.exp(-h * total),
            }[cell.integrator]
            V[name] = np.where(held[name] > 0, V[name], after)
            held[name] = np.maximum(held[name] - 1, 0)
    return spikes


def steps_and_cells(recording):
    return {
        name: np.stack([np.rint(s.times / recording.dt).astype(int), s.neurons], axis=1).tolist()
        for name, s in recording.spikes.items()
    }


# chosen so that every one of 13 faults put into planner, delivery, step and synapses is caught by one of them
@pytest.mark.parametrize("seed", [8, 14, 18, 23, 32])
def test_every_spike_is_that_of_the_dense_simulator(seed):
    with jax.enable_x64(True):
        network, dt = random_network(seed)
        ours = steps_and_cells(simulate(network, duration=STEPS * dt, dt=dt, seed=seed, chunk=100))
        theirs = {name: np.argwhere(s).tolist() for name, s in dense_spikes(network, dt, seed).items()}
    assert sum(map(len, theirs.values())) > 100
    assert ours == theirs


@pytest.mark.parametrize("seed", [8, 32])
def test_a_run_may_be_cut_anywhere(seed):
    network, dt = random_network(seed)
    whole, cut = (
        simulate(network, duration=STEPS * dt, dt=dt, seed=seed, chunk=chunk) for chunk in (STEPS, 7)
    )
    assert steps_and_cells(whole) == steps_and_cells(cut)
