"""The runner: against a plain reference, the same however it is cut, and failing with a time stamp."""

import os

import jax
import numpy as np
import pytest
import reference

import snnlab
from snnlab import Input, Interrupted, Network, Population, Projection, Recording, SimulationError, simulate
from snnlab.connectivity import FixedProbability, Matrix
from snnlab.core import planner
from snnlab.core import step as stepping
from snnlab.core.carry import initial
from snnlab.distributions import Normal
from snnlab.inputs import Constant, GaussianNoise, Poisson, SpikeTimes
from snnlab.models import coba_ei, cuba_ei, lif_ei
from snnlab.neurons import LIF
from snnlab.synapses import Alpha, Conductance, Current, Exponential, Synapse


def same_spikes(a, b):
    return all(
        np.array_equal(a.spikes[name].times, b.spikes[name].times)
        and np.array_equal(a.spikes[name].neurons, b.spikes[name].neurons)
        for name in a.spikes
    )


def against_reference(receptors, delays, cell, duration, seed, weights=(0.9, 5.0), I=25.0):
    """Spikes of two interacting populations here and in the float64 reference, as sets of (step, cell)."""
    rng = np.random.default_rng(seed)
    n_exc, n_inh, n = 80, 20, 100
    V0 = rng.uniform(-65, -49, n)
    blocks, entries, projections = {"E": slice(0, n_exc), "I": slice(n_exc, n)}, [], []
    for j, (pre, post) in enumerate((p, q) for p in "EI" for q in "EI"):
        synapse, weight = ("exc", weights[0]) if pre == "E" else ("inh", weights[1])
        block = weight * rng.uniform(0.5, 1.5, (len(range(n)[blocks[pre]]), len(range(n)[blocks[post]])))
        block *= rng.random(block.shape) < 0.15
        projections.append(Projection(pre, post, synapse, Matrix(block), delay=delays[j] * 0.1))
        W = np.zeros((n, n))
        W[blocks[pre], blocks[post]] = block
        receptor = receptors[synapse]
        E_rev = receptor.E_rev if isinstance(receptor, Conductance) else None
        entries.append((W, {"exc": 5.0, "inh": 10.0}[synapse], E_rev, delays[j]))
    net = Network(
        {"E": Population(cell, n_exc, {"V": V0[:n_exc]}), "I": Population(cell, n_inh, {"V": V0[n_exc:]})},
        {
            "exc": Synapse(Exponential(5.0), receptors["exc"]),
            "inh": Synapse(Exponential(10.0), receptors["inh"]),
        },
        projections,
        [Input(("E", "I"), Constant(I))],
    )
    rec = simulate(net, duration=duration)
    params = {k: getattr(cell, k) for k in ("V_rest", "V_reset", "V_th", "tau", "tau_ref", "R", "soft_reset")}
    steps, cells = reference.simulate_lif(V0, entries, params, I, round(duration / 0.1))
    ours = [
        (round(t / 0.1), i + off)
        for name, off in (("E", 0), ("I", n_exc))
        for t, i in zip(rec.spikes[name].times, rec.spikes[name].neurons, strict=True)
    ]
    return sorted(ours), list(zip(steps.tolist(), cells.tolist(), strict=True))


@pytest.mark.parametrize("delays", [(0, 0, 0, 0), (5, 5, 5, 5), (1, 0, 17, 3)])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", ["conductance", "current"])
def test_networks_equal_the_reference_spike_by_spike(delays, soft, kind):
    cell = LIF(tau_ref=2.0, soft_reset=soft)
    if kind == "conductance":
        case = {"receptors": {"exc": Conductance(0.0), "inh": Conductance(-80.0)}}
    else:
        case = {"receptors": {"exc": Current(), "inh": Current()}, "weights": (1.5, -2.5), "I": 14.0}
    with jax.enable_x64(True):
        ours, theirs = against_reference(delays=delays, cell=cell, duration=60.0, seed=0, **case)
    assert len(theirs) > 100
    assert ours == theirs
    # in single precision a spike may move by a step, after which a chaotic network goes its own way
    ours, theirs = against_reference(delays=delays, cell=cell, duration=10.0, seed=0, **case)
    first = sorted(set(ours) ^ set(theirs))[:1]
    for step, moved in first:
        assert {abs(k - step) for k, i in ours + theirs if i == moved and abs(k - step) <= 1} == {0, 1}
    agreed = sum(1 for k, _ in theirs if not first or k < first[0][0])
    assert agreed >= 20


def busy(**kwargs):
    """A small network that uses everything at once: wiring, delays, noise, Poisson input, two kinds of cells."""
    exc, inh = LIF(tau_ref=2.0), LIF(tau=10.0, tau_ref=1.0)
    return Network(
        {
            "E": Population(exc, 160, {"V": Normal(-55.0, 5.0)}),
            "I": Population(inh, 40, {"V": Normal(-55.0, 5.0)}),
        },
        {
            "exc": Synapse(Exponential(5.0), Conductance(0.0)),
            "inh": Synapse(Alpha(4.0), Conductance(-80.0)),
            "background": Synapse(Exponential(2.0), Current()),
        },
        kwargs.get("projections", PROJECTIONS),
        [Input(("E", "I"), GaussianNoise(8.0, 14.0)), Input("E", Poisson(400.0), "background", 3.0)],
    )


PROJECTIONS = (
    Projection("E", "E", "exc", FixedProbability(0.1), 0.6, delay=1.0),
    Projection("E", "I", "exc", FixedProbability(0.1), 0.6),
    Projection("I", "E", "inh", FixedProbability(0.1), 4.0, delay=0.5),
    Projection("I", "I", "inh", FixedProbability(0.1), 4.0),
    Projection("E", "I", "exc", FixedProbability(0.05), 1.2),
)


@pytest.fixture(scope="module")
def whole():
    return simulate(busy(), duration=150.0, seed=5, record=("E.V", "I.exc", "E.inh"), chunk=1500)


@pytest.mark.parametrize("chunk", [1, 7, 500, None])
def test_the_same_spikes_however_the_run_is_cut(whole, chunk):
    cut = simulate(busy(), duration=150.0, seed=5, record=("E.V", "I.exc", "E.inh"), chunk=chunk)
    assert whole.spikes["E"].count > 200 and whole.spikes["I"].count > 50
    assert same_spikes(whole, cut)
    for name in ("E.V", "I.exc", "E.inh"):
        assert np.array_equal(whole[name], cut[name])


def test_the_same_spikes_with_progress_without_recording_and_after_another_run(whole):
    seen = []
    simulate(busy(), duration=20.0, seed=6)
    again = simulate(busy(), duration=150.0, seed=5, progress=seen.append)
    assert same_spikes(whole, again)
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_a_shorter_run_is_the_beginning_of_a_longer_one(whole):
    short = simulate(busy(), duration=60.0, seed=5, record="E.V")
    assert np.array_equal(whole["E.V"][:600], short["E.V"])
    assert np.array_equal(whole.spikes["E"].window(0.0, 60.0).times, short.spikes["E"].times)


def test_the_same_spikes_in_another_process(whole):
    import subprocess
    import sys
    import zlib

    def digest(rec):
        return zlib.crc32(rec.spikes["E"].times.tobytes() + rec.spikes["I"].neurons.tobytes())

    code = (
        "import zlib, test_simulate as t; rec = t.simulate(t.busy(), duration=150.0, seed=5);"
        "print(zlib.crc32(rec.spikes['E'].times.tobytes() + rec.spikes['I'].neurons.tobytes()))"
    )
    path = os.pathsep.join([os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "77"}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert int(out.stdout) == digest(whole)


def test_the_order_of_projections_changes_nothing(whole):
    shuffled = simulate(busy(projections=[PROJECTIONS[i] for i in (3, 1, 0, 2, 4)]), duration=150.0, seed=5)
    assert same_spikes(whole, shuffled)


def test_the_order_of_twins_changes_nothing():
    """Projections and sources that differ in their numbers alone keep their wiring and noise in other places."""

    def net(order):
        wires = [
            Projection("E", "E", "s", FixedProbability(p), w) for p, w in ((0.1, 0.3), (0.1, 0.4), (0.2, 0.3))
        ]
        noise = [Input("E", GaussianNoise(sigma, 9.0)) for sigma in (5.0, 8.0)]
        return Network(
            {"E": Population(LIF(), 60)},
            {"s": Synapse(Exponential(5.0), Current())},
            wires[::order],
            noise[::order],
        )

    forth, back = (simulate(net(order), duration=60.0, seed=2) for order in (1, -1))
    assert forth.spikes["E"].count > 50
    same_spikes(forth, back)
    for i in range(3):
        assert np.array_equal(net(1).matrix(i, 2), net(-1).matrix(2 - i, 2))


def test_seeds_differ(whole):
    assert not same_spikes(whole, simulate(busy(), duration=150.0, seed=4))


def test_nothing_is_traced_again_when_parameters_seed_or_duration_move(monkeypatch):
    monkeypatch.setattr("snnlab.core.network_run.PROGRAMS", 1000)  # no spring cleaning in between
    simulate(coba_ei(n_exc=320, n_inh=80), duration=20.0)
    simulate(cuba_ei(n_exc=50, n_inh=50), duration=20.0)
    before = stepping.advance._cache_size(), initial._cache_size()
    values = {
        "g_exc": 0.7,
        "g_inh": 3,
        "I": 25,
        "tau": 17,
        "tau_ref": 3,
        "tau_exc": 4,
        "tau_inh": 12,
        "E_exc": -5,
    }
    for i, (name, value) in enumerate(
        {**values, "V_rest": -61, "V_th": -49, "V_mean": -57, "E_inh": -75}.items()
    ):
        simulate(coba_ei(n_exc=320, n_inh=80, **{name: value}), duration=10.0 + i, seed=i)
    simulate(coba_ei(n_exc=320, n_inh=80, p=0.0205), duration=333.3)  # within the same bucket of row widths
    simulate(cuba_ei(n_exc=50, n_inh=50, I=4), duration=12.0)
    assert (stepping.advance._cache_size(), initial._cache_size()) == before


def test_all_neurons_firing_at_every_step_are_delivered_exactly():
    n = 200
    cell = LIF(V_rest=0.0, V_reset=0.0, V_th=1e-3)
    net = Network(
        {"E": Population(cell, n, {"V": 1.0})},
        {"s": Synapse(Exponential(1e9), Current())},
        [Projection("E", "E", "s", FixedProbability(0.5), 0.01)],
        [Input("E", Constant(100.0))],
    )
    rec = simulate(net, duration=10.0, record="E.s")
    assert rec.spikes["E"].count == n * 100
    in_degree = net.matrix(0, seed=0).sum(0)
    assert np.allclose(rec["E.s"][-1], in_degree * 100, rtol=1e-4)


def test_two_projections_between_the_same_populations_add_up():
    W1, W2 = np.diag([1.0, 2.0, 3.0]), np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0.5]])
    V = {"V": [0.0, -60.0, 0.0]}  # the first and the last cell fire once, at t = 0
    for delay in (0.0, 0.3):
        projections = [
            Projection("a", "b", "s", Matrix(W1), 2.0),
            Projection("a", "b", "s", Matrix(W2), -1.0, delay),
        ]
        net = Network(
            {"a": Population(LIF(), 3, V), "b": Population(LIF(V_th=1e4), 3)},
            {"s": Synapse(Exponential(4.0), Current())},
            projections,
        )
        g = simulate(net, duration=1.0, record="b.s")["b.s"]
        spikes = np.array([1.0, 0.0, 1.0])
        assert g[3] == pytest.approx(
            np.exp(-0.3 / 4) * 2 * spikes @ W1 - np.exp(-(0.3 - delay) / 4) * spikes @ W2, abs=1e-5
        )


def test_recording_picks_cells_and_round_trips(tmp_path):
    rec = simulate(busy(), duration=20.0, record={"E.V": [3, 0, 7], "I.exc": None})
    full = simulate(busy(), duration=20.0, record="E.V")
    assert np.array_equal(rec["E.V"], full["E.V"][:, [3, 0, 7]])
    assert rec["I.exc"].shape == (200, 40) and np.allclose(rec.t, np.arange(200) * 0.1)
    path = rec.save(tmp_path / "run.npz")
    back = Recording.load(path)
    assert same_spikes(rec, back) and np.array_equal(rec["E.V"], back["E.V"])
    assert (back.dt, back.duration, back.seed, back.complete) == (rec.dt, rec.duration, rec.seed, True)
    assert back.cells["E.V"].tolist() == [3, 0, 7] and np.array_equal(back.column("E.V", 0), rec["E.V"][:, 1])
    assert back.spikes["E"].n == 160 and back.spikes["E"].t_stop == 20.0
    with pytest.raises(ValueError, match='nothing was recorded under "E.v".*"E.V"'):
        rec["E.v"]
    with pytest.raises(ValueError, match='no population "e"'):
        rec.spikes["e"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    rec = simulate(busy(), duration=5.0)
    path = rec.save(tmp_path / "run.npz")
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        rec.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_what_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    for content in (b"", b"not a zip", np.random.default_rng(0).bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not a snnlab recording"):
            Recording.load(path)
    np.savez(path, header=np.array([{"pickled": "object"}], dtype=object))
    with pytest.raises(ValueError, match="is not a snnlab recording"):
        Recording.load(path)
    with pytest.raises(FileNotFoundError):
        Recording.load(tmp_path / "missing.npz")


def test_interruption_keeps_what_there_is():
    def interrupt(fraction):
        if fraction > 0.4:
            raise KeyboardInterrupt

    whole = simulate(busy(), duration=100.0, seed=1, chunk=100)
    with pytest.raises(Interrupted, match="stopped after 50 of 100 ms") as caught:
        simulate(busy(), duration=100.0, seed=1, chunk=100, progress=interrupt)
    part = caught.value.recording
    assert not part.complete and part.duration == pytest.approx(50.0)
    assert np.array_equal(part.spikes["E"].times, whole.spikes["E"].window(0, 50.0).times)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupt_while_spikes_are_decoded_leaves_no_gap(at, monkeypatch):
    from snnlab.core import delivery

    whole = simulate(busy(), duration=100.0, seed=1, record="E.V", chunk=100)
    decode, calls = delivery.decode, []

    def interrupted(words):
        calls.append(1)
        if len(calls) == 2 * at:
            raise KeyboardInterrupt
        return decode(words)

    monkeypatch.setattr(delivery, "decode", interrupted)
    with pytest.raises(Interrupted) as caught:
        simulate(busy(), duration=100.0, seed=1, record="E.V", chunk=100)
    part = caught.value.recording
    assert not part.complete and part.duration >= 10.0 * at
    assert np.array_equal(part.spikes["E"].times, whole.spikes["E"].window(0, part.duration).times)
    assert np.array_equal(part["E.V"], whole["E.V"][: len(part.t)])


def test_progress_may_stop_a_run():
    part = simulate(busy(), duration=100.0, chunk=100, progress=lambda fraction: fraction < 0.3)
    assert not part.complete and part.duration == pytest.approx(30.0)
    assert part.t.shape == (300,)


def test_a_progress_bar_is_printed(capsys):
    simulate(busy(), duration=10.0, progress=True)
    assert "100 %" in capsys.readouterr().err


def test_a_run_can_be_read_while_it_goes_on():
    run = snnlab.Run(busy(), duration=100.0, seed=1, chunk=250)
    counts = [run.recording().spikes["E"].count for _ in run]
    assert len(counts) == 4 and counts == sorted(counts)
    assert same_spikes(run.recording(), simulate(busy(), duration=100.0, seed=1))


@pytest.mark.parametrize("chunk", [None, 7])
def test_a_blow_up_names_population_variable_and_time(chunk):
    """A current that overflows: E fires at 22 ms, its weight brings V of I beyond all bounds."""
    net = Network(
        {"E": Population(LIF(tau_ref=2.0), 50), "I": Population(LIF(V_th=1e9), 10)},
        {"exc": Synapse(Exponential(50.0), Current())},
        [Projection("E", "I", "exc", FixedProbability(0.5), 1e5)],
        [Input("E", Constant(15.0))],
    )
    with pytest.raises(
        SimulationError, match=r'population "I": V of cell \d is .* at t = [\d.]+ ms'
    ) as caught:
        simulate(net, duration=500.0, chunk=chunk, record=("E.V", "I.V"))
    text, part = str(caught.value), caught.value.recording
    time = float(text.split("t = ")[1].split(" ms")[0])
    assert 22 < time < 50
    assert part.duration == pytest.approx(time - 0.1) and not part.complete
    assert part["I.V"].shape == (round(part.duration / 0.1), 10)
    assert 1e5 < np.abs(part["I.V"]).max() < 1e6
    assert part.spikes["E"].count >= 50


@pytest.mark.parametrize("at", [99.9, 20.0])
def test_where_a_run_is_cut_does_not_decide_whether_it_is_sound(at):
    """A conductance beyond what the step allows, gone after half a millisecond: found at 100 ms, when it is there."""
    net = Network(
        {"c": Population(LIF(V_th=1e9), 3)},
        {"s": Synapse(Exponential(0.1), Conductance(0.0))},
        inputs=[Input("c", SpikeTimes([at]), "s", 2000.0)],
    )

    def outcome(chunk):
        try:
            return simulate(net, duration=130.0, chunk=chunk, record="c.V")["c.V"].tobytes()
        except SimulationError as error:
            return str(error), error.recording.duration, error.recording["c.V"].tobytes()

    outcomes = [outcome(chunk) for chunk in (None, 1, 499, 1300)]
    assert all(each == outcomes[0] for each in outcomes)
    assert isinstance(outcomes[0], tuple) == (at == 99.9)


def test_a_step_too_long_for_the_conductance_is_no_silent_nonsense():
    """With inhibition of 60 nS a step of 0.1 ms throws V below the reversal potential; finer steps do not."""
    with pytest.raises(
        SimulationError, match='population "[EI]": a step throws V of cell .* past its equilibrium'
    ):
        simulate(coba_ei(g_inh=100.0), duration=300.0)
    network = coba_ei(g_inh=100.0)
    careful = {
        name: snnlab.replace(p, neuron=snnlab.replace(p.neuron, integrator=snnlab.integrators.exponential))
        for name, p in network.populations.items()
    }
    rec = simulate(snnlab.replace(network, populations=careful), duration=300.0, record="E.V")
    assert rec["E.V"].min() > -80.0 and rec.spikes["E"].count < 40 * 3200 * 0.3


def test_strong_conductances_are_stable_when_implicit():
    net = lif_ei()
    stiff = snnlab.replace(
        net,
        populations={
            name: snnlab.replace(p, neuron=snnlab.replace(p.neuron, integrator=snnlab.integrators.implicit))
            for name, p in net.populations.items()
        },
    )
    assert simulate(stiff, duration=50.0).complete


@pytest.mark.parametrize("model", [coba_ei, cuba_ei, lif_ei])
def test_double_precision_agrees_over_the_first_milliseconds(model):
    with jax.enable_x64(False):
        single = simulate(model(), duration=10.0)
    with jax.enable_x64(True):
        double = simulate(model(), duration=10.0, record={"E.V": [0]})
        assert double["E.V"].dtype == np.float64
    a = set(zip(np.round(single.spikes["E"].times / 0.1), single.spikes["E"].neurons, strict=True))
    b = set(zip(np.round(double.spikes["E"].times / 0.1), double.spikes["E"].neurons, strict=True))
    assert len(b) > 20 and len(a ^ b) <= 0.03 * len(b) + 2


@pytest.mark.parametrize("wires", ["ax bx", "ax by", "ay bx", "ax ay bx by"])
def test_lines_of_sixteen_bits_reach_all_of_a_long_buffer(wires):
    """Two synapses on 40,100 cells are 80,200 positions: a line then counts from where its targets begin."""
    n, cell = 40_000, LIF(V_th=-10.0)
    V = np.where(np.arange(n) % 4000 == 7, 0.0, -60.0)  # ten cells of a and all of b fire once, at t = 0
    projections = [
        Projection(pre, "a", synapse, FixedProbability(0.001), 0.1 * (k + 1))
        for k, (pre, synapse) in enumerate(wires.split())
    ]
    net = Network(
        {"a": Population(cell, n, {"V": V}), "b": Population(cell, 100, {"V": 0.0})},
        {"x": Synapse(Exponential(1e9), Current()), "y": Synapse(Exponential(1e9), Current())},
        [*projections, Projection("b", "b", "y", FixedProbability(0.5), 1.0)],
    )
    variables = sorted({f"a.{synapse}" for _, synapse in wires.split()} | {"b.y"})
    rec = simulate(net, duration=0.2, record=variables, seed=3)
    fired = {name: np.unique(rec.spikes[name].neurons) for name in "ab"}
    assert len(fired["a"]) == 10 and len(fired["b"]) == 100
    for variable in variables:
        post, _, synapse = variable.partition(".")
        expected = np.zeros(net.populations[post].n)
        for k, p in enumerate(net.projections):
            if (p.post, p.synapse) == (post, synapse):
                n_pre, n_post = net.populations[p.pre].n, net.populations[post].n
                targets = p.connectivity.table(planner.wiring_key(net, k, 3), n_pre, n_post).targets
                expected += (
                    p.weight * np.bincount(targets[fired[p.pre]].ravel(), minlength=n_post + 1)[:n_post]
                )
        assert expected.sum() > 0 and np.allclose(rec[variable][0], expected, atol=1e-4)
