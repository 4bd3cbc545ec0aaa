"""The benchmark measures what it says: the C references do the same work, and every parameter moves."""

import io
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from targets import target

import snnlab
from benchmarks import __main__ as command
from benchmarks import c_program, experiment, probe, processes, report, ring, workloads

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="the C references need gcc")
COBA = {w.name: w for w in workloads.every()}["coba_4000"]
CUBA = {w.name: w for w in workloads.every()}["cuba_1000"]
COBA_HH = {w.name: w for w in workloads.every()}["coba_hh_4000"]
WANG = {w.name: w for w in workloads.every()}["wang_1600"]
STEPS = 500


def read_spikes(path):
    pairs = np.fromfile(path, "<i4").reshape(-1, 2)
    return list(map(tuple, pairs.tolist()))


def run_c(folder, name, n_exc, matrix, V0, parameters):
    """Run a reference on a 0/1 matrix [n, n]; returns its JSON and its spikes."""
    first = np.concatenate([[0], np.cumsum(matrix.sum(1))])
    c_program.write_network(folder / "network", n_exc, first, np.nonzero(matrix)[1], V0)
    fixed = {"steps": STEPS, "repeats": 2, "dt": 0.1}
    program = c_program.build(name, folder)
    found = c_program.run(program, folder / "network", {**fixed, **parameters}, spikes=folder / "spikes")
    return found, read_spikes(folder / "spikes")


@needs_gcc
@pytest.mark.parametrize("name", ["coba", "cuba"])
def test_a_c_reference_fires_the_spikes_of_the_float64_reference(tmp_path, name):
    rng = np.random.default_rng(3)
    n, n_exc = 101, 80  # not a multiple of 8: the search for spikes goes eight cells at a time
    matrix = (rng.random((n, n)) < 0.1).astype(int)
    if name == "coba":
        V0 = rng.normal(-55, 5, n).astype(np.float32)
        own = COBA.program_parameters(COBA.parameters)
        synapses = [
            (own["g_exc"], own["tau_exc"], own["E_exc"]),
            (own["g_inh"], own["tau_inh"], own["E_inh"]),
        ]
    else:
        V0 = rng.uniform(-60, -49, n).astype(np.float32)
        own = {**CUBA.program_parameters(CUBA.parameters), "w_exc": 1.0, "w_inh": -2.0}
        synapses = [(own["w_exc"], own["tau_syn"], None), (own["w_inh"], own["tau_syn"], None)]
    is_exc = np.arange(n)[:, None] < n_exc
    weights = [
        (matrix * w * mask, tau, E_rev, 0)
        for (w, tau, E_rev), mask in zip(synapses, (is_exc, ~is_exc), strict=True)
    ]
    cell = {k: own[k] for k in ("V_rest", "V_reset", "V_th", "tau", "tau_ref")}
    expected = reference.simulate_lif(V0, weights, cell, own["I"], STEPS)
    expected = list(zip(expected[0].tolist(), expected[1].tolist(), strict=True))

    found, spikes = run_c(tmp_path, name, n_exc, matrix, V0, own)
    assert spikes == expected
    assert len(spikes) > n
    assert found["spikes"] == len(spikes)
    count_exc = sum(neuron < n_exc for _, neuron in spikes)
    assert found["rate_exc"] == pytest.approx(count_exc / n_exc / (STEPS * 1e-4))
    assert found["rate_inh"] == pytest.approx((len(spikes) - count_exc) / (n - n_exc) / (STEPS * 1e-4))
    assert len(found["seconds"]) == 2 and min(found["seconds"]) > 0


def strays(found, expected):
    """The spikes of one list that have none in the other at most a step away."""
    near = {(step + d, neuron) for step, neuron in expected for d in (-1, 0, 1)}
    return [spike for spike in found if spike not in near]


@needs_gcc
def test_the_hodgkin_huxley_reference_in_c_fires_the_spikes_of_the_float64_reference(tmp_path):
    rng = np.random.default_rng(3)
    n, n_exc = 101, 80  # not a multiple of the vectors' width
    matrix = (rng.random((n, n)) < 0.1).astype(int)
    # two cells start exactly where two of the rates are 0 / 0
    V0 = np.concatenate([[-50.0, -23.0], rng.uniform(-75, -15, n - 2)]).astype(np.float32)
    own = COBA_HH.program_parameters(COBA_HH.parameters)
    is_exc = np.arange(n)[:, None] < n_exc
    synapses = [
        (matrix * own["g_exc"] * is_exc, own["tau_exc"], own["E_exc"]),
        (matrix * own["g_inh"] * ~is_exc, own["tau_inh"], own["E_inh"]),
    ]
    expected = reference.simulate_hh(V0, synapses, {**own, "dt": 0.1}, STEPS)
    expected = list(zip(expected[0].tolist(), expected[1].tolist(), strict=True))
    found, spikes = run_c(tmp_path, "hh", n_exc, matrix, V0, own)
    assert len(expected) > n
    assert not strays(spikes, expected) and not strays(expected, spikes)
    assert found["spikes"] == len(spikes)


@needs_gcc
@pytest.mark.parametrize(
    ("workload", "duration", "seeds"),
    [(COBA, 40.0, (5,)), (CUBA, 40.0, (5,)), (COBA_HH, 18.0, (5, 6))],
    ids=["coba", "cuba", "hh"],
)
def test_c_and_snnlab_run_the_same_network(tmp_path, workload, duration, seeds):
    # long enough for every connection to act, too short for rounding to have grown to a whole step (sooner with
    # Hodgkin-Huxley cells: their first volley, at 20 ms, finds many of them just below the crossing; so two of them)
    parameters, count = workload.moved(np.random.default_rng(4)), 0
    program, n_exc = c_program.build(workload.program, tmp_path), workload.sizes["n_exc"]
    fixed = {"steps": round(duration / 0.1), "repeats": 1, "dt": 0.1}
    for seed in seeds:
        network = workload.network(parameters)
        recording = snnlab.simulate(network, duration=duration, seed=seed)
        expected = sorted(
            (round(t / 0.1), int(i) + offset)
            for name, offset in (("E", 0), ("I", n_exc))
            for t, i in zip(recording.spikes[name].times, recording.spikes[name].neurons, strict=True)
        )
        V0 = c_program.initial_voltage(network, seed, 0.1)
        c_program.write_network(tmp_path / "network", n_exc, *c_program.wiring(network, seed), V0)
        own = {**fixed, **workload.program_parameters(parameters)}
        c_program.run(program, tmp_path / "network", own, spikes=tmp_path / "spikes")
        found = read_spikes(tmp_path / "spikes")
        assert abs(len(found) - len(expected)) <= 2
        assert len(strays(found, expected)) <= 2
        count += len(found)
    assert count > 400


def run_wang(folder, duration, **changes):
    """Rates of A, B, N and I in the C reference, Hz, over the last two thirds of the trial."""
    values = WANG.program_parameters({**WANG.parameters, **changes})
    fixed = {"steps": round(duration / 0.05), "repeats": 1, "dt": 0.05, "seed": 3}
    program = c_program.build("wang", folder)
    found = c_program.run(program, None, {**fixed, **values}, spikes=folder / "spikes")
    steps, cells = np.fromfile(folder / "spikes", "<i4").reshape(-1, 2).T
    assert found["spikes"] == len(steps)
    edges = np.cumsum([0, *(values[f"n_{name}"] for name in "ABNI")])
    late = cells[steps >= duration / 3 / 0.05]
    return np.histogram(late, edges)[0] / np.diff(edges) / (duration * 2 / 3) * 1e3


@needs_gcc
def test_the_decision_network_in_c_is_the_published_one(tmp_path):
    # its noise is its own: what can be compared are rates
    spontaneous = target("wang2002", "spont_full_dt05")
    rates = run_wang(tmp_path, 3000.0, mu_0=0.0, sigma=0.0)
    assert np.all((spontaneous["lo"] <= rates) & (rates <= spontaneous["hi"]))
    # the stimulus of the paper's protocol lasts until the end of the trial, so A has won in its last two thirds
    rates = run_wang(tmp_path, 2500.0, coherence=1.0, start=100.0, stop=2500.0)
    assert rates[0] > 30 and rates[1] < 2
    rates = run_wang(tmp_path, 2500.0, coherence=-1.0, start=100.0, stop=2500.0)
    assert rates[1] > 30 and rates[0] < 2


@needs_gcc
def test_the_decision_network_in_c_is_snnlab_s(tmp_path):
    # spontaneous activity: no decision that falls this way or that
    quiet = {**WANG.parameters, "mu_0": 0.0, "sigma": 0.0}
    recording = snnlab.simulate(WANG.network(quiet), duration=1500.0, dt=0.1, seed=4)
    found = run_wang(tmp_path, 1500.0, mu_0=0.0, sigma=0.0)
    own = [snnlab.analysis.mean_rate(recording.spikes[name], start=500.0) for name in "ABNI"]
    assert found == pytest.approx(own, rel=0.2)


def test_the_exported_wiring_is_the_networks():
    network = snnlab.models.coba_ei(n_exc=60, n_inh=20, p=0.1)
    first, targets = c_program.wiring(network, seed=7)
    dense = np.zeros((80, 80))
    dense[np.repeat(np.arange(80), np.diff(first)), targets] = 1
    expected = np.block(
        [[network.matrix(0, 7), network.matrix(1, 7)], [network.matrix(2, 7), network.matrix(3, 7)]]
    )
    np.testing.assert_array_equal(dense, expected != 0)
    assert all(np.all(np.diff(targets[a:b]) > 0) for a, b in zip(first, first[1:], strict=False))


@needs_gcc
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"tau_excc": 5.0}, "unknown parameter tau_excc"),
        ({}, "missing parameter steps"),
        ({"steps": "many"}, "not a number"),
    ],
)
def test_a_c_reference_refuses_what_it_does_not_know(tmp_path, words, complaint):
    program = c_program.build("coba", tmp_path)
    with pytest.raises(RuntimeError, match=complaint):
        c_program.run(program, tmp_path / "network", words)


@pytest.mark.parametrize("workload", workloads.every(), ids=lambda w: w.name)
def test_every_parameter_of_the_model_moves_in_every_run(workload):
    declared = {p.name: p for p in snnlab.describe(workload.model)}
    assert set(workload.parameters) | set(workload.sizes) == set(declared)
    if workload.name != "coba_40000":  # which differs in size and p; sizes are not compared
        assert all(workload.parameters[k] == declared[k].default for k in workload.parameters)
    rng = np.random.default_rng(0)
    one, two = workload.moved(rng), workload.moved(rng)
    assert all(one[k] != two[k] != workload.parameters[k] for k in workload.parameters)


def test_compilations_are_counted():
    counter = probe.Compilations()

    @jax.jit
    def f(x):
        return jnp.sin(x) + 1

    f(np.float32(1.0)).block_until_ready()
    first = counter.take()
    assert first["traces"] >= 1 and first["compilations"] >= 1 and first["seconds"] > 0
    f(np.float32(2.0)).block_until_ready()
    assert counter.take() == {"traces": 0, "compilations": 0, "seconds": 0}
    f(np.int32(2)).block_until_ready()
    assert counter.take()["compilations"] >= 1


def test_the_report_marks_what_misses_its_goal():
    stream = io.StringIO()
    found = {"title": "work", "goal": 3.0, "rounds": 1, "ratio_moved": 2.5, "ratio_drawn": 3.5}
    found |= {"seconds": {"c": 0.01, "moved": 0.025, "drawn": 0.035}}
    found |= {"rates": {"c": [21.0, 22.0], "snnlab": [21.5, 22.5]}}
    report.Report(stream).workloads([found])
    line = next(line for line in stream.getvalue().splitlines() if "21.0 / 22.0" in line)
    assert "2.50 " in line and "2.50 !" not in line and "3.50 !" in line


def test_an_experiment_is_measured_and_its_goals_marked():
    found = experiment.measure(1)
    assert found["seconds"] > 0 and found["cpu_seconds"] > 0 and found["peak_bytes"] > 1e8
    assert len(found["accuracy"]) == found["coherences"] == 8 and found["accuracy"][-1] == 1.0
    stream = io.StringIO()
    report.Report(stream).psychometric(
        {**found, "trials": 25, "first": 1.0, "seconds": 70.0, "peak_bytes": 3e9}
    )
    assert "141 s !" in stream.getvalue() and "3000 MB !" in stream.getvalue()
    stream = io.StringIO()
    report.Report(stream).psychometric(
        {**found, "trials": 50, "first": 1.0, "seconds": 118.0, "peak_bytes": 1e9}
    )
    assert "!" not in stream.getvalue()


def test_the_command_knows_its_lines():
    with pytest.raises(SystemExit):
        command.parse(["--only", "no_such_line"], ["coba_4000"])
    assert command.parse(["--only", "coba_4000"], ["coba_4000"]).only == ["coba_4000"]


def test_a_failing_peer_is_a_line_not_the_end(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such simulator' >&2\nexit 3\n")
    broken.chmod(0o755)
    assert "no such simulator" in processes.run_peer("brian2", str(broken), CUBA, 1)["error"]


def test_the_ring_is_timed_while_it_tracks_and_is_compiled_once():
    ring.measure(rounds=1)
    compilations = probe.Compilations()
    found = ring.measure(rounds=2)
    again = compilations.take()
    assert again["traces"] == again["compilations"] == 0
    assert all(0.0 < seconds for seconds in found["cases"].values())
    assert max(found["errors"].values()) < 0.05  # it has come to rest where the stimulus halted
    out = io.StringIO()
    report.Report(out).ring({**found, "cases": {**found["cases"], "tracking": 0.5}})
    assert "500.0 !" in out.getvalue() and out.getvalue().count("!") == 1
