"""What does not fit is refused before it is taken, and what is kept has a bound."""

import threading
import tracemalloc

import numpy as np
import pytest

import snnlab
from snnlab import Network, Population, Projection, simulate
from snnlab.connectivity import AllToAll, FixedProbability
from snnlab.core import memory, planner
from snnlab.core import step as stepping
from snnlab.neurons import HH, LIF
from snnlab.synapses import Exponential, Synapse

SYNAPSES = {"s": Synapse(Exponential())}


def counting(limit):
    calls = []

    @memory.kept(limit, size=lambda key, result: len(result))
    def made(n):
        """Bytes."""
        calls.append(n)
        return bytes(n)

    return made, calls


def test_what_is_kept_is_not_made_again_and_takes_no_more_than_the_limit():
    made, calls = counting(100)
    assert made.__doc__ == "Bytes."
    for _ in range(3):
        assert [len(made(n)) for n in (10, 20, 30)] == [10, 20, 30]
    assert calls == [10, 20, 30] and made.bytes == 60 and len(made) == 3
    made.clear()
    assert made.bytes == 0 and len(made) == 0
    made(10)
    assert calls == [10, 20, 30, 10]


def test_what_was_not_asked_for_longest_goes_first():
    made, calls = counting(100)
    for n in (40, 50, 40, 30):  # 30 does not fit beside 40 and 50; 50 is the oldest
        made(n)
    assert made.bytes == 70
    calls.clear()
    made(40), made(30)
    assert calls == []
    made(50)
    assert calls == [50]


def test_many_small_results_stay_and_a_large_one_drives_nothing_out():
    made, calls = counting(10_000)
    for _ in range(2):
        for n in range(1, 41):
            made(n)
        made(20_000)
    assert calls == [*range(1, 41), 20_000, 20_000] and made.bytes == sum(range(1, 41))


def test_a_failure_keeps_nothing():
    fail = [True]

    @memory.kept(100, size=lambda key, result: 1)
    def made(key):
        if fail.pop():
            raise OSError("no")
        return key

    fail.append(True)
    with pytest.raises(OSError):
        made("a")
    fail[:] = [False]
    assert made("a") == "a" and made("a") == "a" and len(made) == 1


def test_threads_share_what_is_kept():
    made, _ = counting(500)
    threads = [
        threading.Thread(target=lambda: [made(n) for _ in range(50) for n in (100, 150, 200, 90, 260)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.bytes == sum(size for _, size in made._results.values()) <= 500


def test_small_needs_are_met_without_asking(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: pytest.fail("asked"))
    memory.require("x", ("a", 1000, "b"))


def test_needs_are_refused_alone_and_together(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 1e9)
    memory.require("x", ("a", 0.4e9, "do this"), ("b", 0.4e9, "do that"))
    with pytest.raises(ValueError, match=r"x: b would take 2\.0 GB, but 1\.0 GB are free; do that\."):
        memory.require("x", ("a", 0.4e9, "do this"), ("b", 2e9, "do that"))
    with pytest.raises(ValueError, match=r"x: b and all the rest would take 1\.1 GB, but 1\.0 GB"):
        memory.require("x", ("a", 0.5e9, "do this"), ("b", 0.6e9, "do that"))


def lone(n, neuron=None, **kwargs):
    return Network({"E": Population(neuron or LIF(), n)}, **kwargs)


@pytest.mark.parametrize(
    ("build", "kwargs", "message"),
    [
        (lambda: lone(10**9), {}, r"the state of 1000000000 cells would take 48\.0 GB"),
        (lambda: lone(2**31 - 1), {"record": "E.V"}, "recording E.V .* would take"),
        (lambda: lone(10**8, HH()), {}, "the state of 100000000 cells would take"),
        (
            lambda: lone(10**7),
            {"chunk": 10**6},
            r"a chunk of 1000000 steps would take 2500\.0 GB.*smaller chunks",
        ),
        (
            lambda: lone(
                10**5, synapses=SYNAPSES, projections=[Projection("E", "E", "s", AllToAll(), delay=10_000.0)]
            ),
            {},
            r"remembering spikes for delays of 131072 steps would take 9\.8 GB.*shorter delays",
        ),
        (
            lambda: lone(
                10**6, synapses=SYNAPSES, projections=[Projection("E", "E", "s", FixedProbability(0.01))]
            ),
            {},
            "making the wiring would take .*smaller connection probability",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_allocated(build, kwargs, message, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 2e9)
    monkeypatch.setattr("snnlab.core.network_run.initial", None)
    monkeypatch.setattr(planner, "tables", None)
    with pytest.raises(ValueError, match=message):
        simulate(build(), duration=10.0, **kwargs)


def test_a_population_has_no_more_cells_than_can_be_counted():
    with pytest.raises(ValueError, match=r"n = 1000000000000 must be .* at least 1 and at most 2147483647"):
        Population(LIF(), 10**12)


def test_a_matrix_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 2e9)
    for wiring in (AllToAll(), FixedProbability(0.1)):
        net = lone(10**6, synapses=SYNAPSES, projections=[Projection("E", "E", "s", wiring)])
        with pytest.raises(
            ValueError, match=r"matrix of projection 0, 1000000 x 1000000, would take 24000\.0 GB"
        ):
            net.matrix(0)


def test_a_chunk_of_a_huge_population_has_fewer_steps():
    from snnlab.core.run import CHUNK_BYTES

    run = snnlab.Run(lone(3_000_000), duration=1000.0)
    assert run.chunk * 3_000_000 / 8 <= CHUNK_BYTES < (run.chunk + 1) * 3_000_000 / 8


def test_making_the_wiring_takes_no_more_than_was_reckoned():
    from snnlab.core.network_run import _wiring_bytes

    net = lone(2000, synapses=SYNAPSES, projections=[Projection("E", "E", "s", FixedProbability(0.5))])
    plan, _ = planner.build(net, 0.1)
    tracemalloc.start()
    planner.tables(net, plan, seed=4711)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert planner.table_bytes(net, plan) < peak < _wiring_bytes(net, plan)


def test_compiled_programs_of_ever_new_sizes_are_forgotten(monkeypatch):
    from snnlab.core import network_run as running

    monkeypatch.setattr(running, "PROGRAMS", 3)
    running._programs.clear()
    stepping.advance.clear_cache()
    counts = []
    for n in range(20, 26):
        simulate(lone(n), duration=0.3)
        counts.append(stepping.advance._cache_size())
    assert max(counts) <= 3 and len(running._programs) <= 3
    before = stepping.advance._cache_size()
    for tau in (5.0, 6.0, 7.0, 8.0):  # other values are no other programs
        simulate(lone(25, LIF(tau=tau)), duration=0.3)
    assert stepping.advance._cache_size() == before


def test_a_run_goes_on_when_its_program_was_forgotten(monkeypatch):
    from snnlab.core import network_run as running

    monkeypatch.setattr(running, "PROGRAMS", 1)
    V = np.linspace(-60.0, -49.0, 40)
    net = Network({"E": Population(LIF(tau_ref=1.0), 40, {"V": V})})
    whole = simulate(net, duration=2.0, record="E.V")
    run = snnlab.Run(net, duration=2.0, record="E.V", chunk=5)
    for i, _ in enumerate(run):
        simulate(lone(30 + i), duration=0.1)
    assert np.array_equal(run.recording()["E.V"], whole["E.V"])
