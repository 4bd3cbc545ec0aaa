"""Runs of models without spikes, against closed forms; noise, chunks, blow-ups and what is refused."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnlab
from snnlab import Interrupted, RateRun, Recording, Run, SimulationError, component, param, simulate, static
from snnlab.core import randomness
from snnlab.core.simulate import begin
from snnlab.integrators import euler, rk4
from snnlab.models import wong_wang2006


@component
class Driven:
    """x' = (-x + sin(t) + noise) / tau for every unit, and y' = -y."""

    tau: float = param(2.0, unit="ms", doc="time constant")
    noise: float = param(0.0, doc="standard deviation of the noise")
    n: int = param(3, doc="units", bounds=(1, 10_000), integer=True)
    integrator: object = static(rk4)

    variables: ClassVar = ("x", "y")
    time_unit: ClassVar = "ms"

    def initial(self, key):
        return jnp.concatenate([jnp.arange(1.0, 1.0 + self.n), jnp.ones(self.n)])

    def draw(self, key, k, dt):
        return self.noise * randomness.normal(randomness.bits(key, k, self.n))

    def input(self, moment):
        return jnp.sin(moment.t) + moment.drawn

    def derivative(self, state, given):
        x, y = jnp.split(state, 2)
        return jnp.concatenate([(-x + given) / self.tau, -y])

    def observe(self, state, given):
        return {"given": given, "total": jnp.sum(state)}


def solution(t, tau, start):
    """x' = (sin t - x) / tau."""
    particular = (np.sin(t) - tau * np.cos(t)) / (1 + tau**2)
    return particular + (start + tau / (1 + tau**2)) * np.exp(-t / tau)


@pytest.mark.parametrize(("integrator", "tolerance"), [(rk4, 1e-9), (euler, 0.06)])
def test_a_driven_equation_has_its_solution(integrator, tolerance):
    """rk4 sees the input at the stages of a step: held over it, the error would be of first order."""
    with jax.enable_x64(True):
        recording = simulate(Driven(integrator=integrator), duration=20.0, dt=0.02)
    x, t = recording["x"], recording.t
    assert x.shape == (1000, 3) and recording["y"].shape == (1000, 3) and not recording.spikes
    error = np.abs(x - np.stack([solution(t, 2.0, start) for start in (1, 2, 3)], 1)).max()
    assert error < tolerance
    assert integrator is rk4 or error > 1e-4  # it is another method


def test_a_model_in_seconds_runs_in_milliseconds():
    """A leaky variable of 60 ms: at low drive the reduced model decays as exp(-t / tau_s), tau_s in s."""
    model = wong_wang2006(gamma=0.0, s1_0=0.8, s2_0=0.4)
    recording = simulate(model, duration=300.0, record=("s1", "s2"))
    assert recording["s1"].shape == (3000,) and recording.t[-1] == pytest.approx(299.9)
    assert np.allclose(recording["s1"], 0.8 * np.exp(-recording.t / 60.0), rtol=1e-4)
    assert np.allclose(recording["s2"], 0.4 * np.exp(-recording.t / 60.0), rtol=1e-4)


def test_a_run_agrees_with_the_trajectory_of_the_phase_plane():
    model = wong_wang2006(coherence=0.1, stimulus=20.0, s1_0=0.05, s2_0=0.2)
    recording = simulate(model, duration=1000.0, record=["s1", "s2", "r1", "r2"])
    path = snnlab.analysis.trajectory(model, (0.05, 0.2), 1.0, n=11)
    states = np.stack([recording["s1"], recording["s2"]], 1)
    assert np.allclose(states[::1000], path.states[:10], atol=2e-5)
    rates = np.stack([recording["r1"], recording["r2"]], 1)
    assert np.allclose(rates, model.rates(jnp.asarray(states)), rtol=1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 33, 200, 10_000])
def test_the_same_samples_however_the_run_is_cut(chunk):
    model = Driven(noise=0.5)
    whole, pieces = (simulate(model, duration=20.0, seed=4, chunk=c) for c in (None, chunk))
    for name in ("x", "y"):
        assert np.array_equal(whole[name], pieces[name])
    longer = simulate(model, duration=30.0, seed=4)
    assert np.array_equal(whole["x"], longer["x"][:200])


def test_noise_is_a_function_of_seed_step_and_unit():
    def noise(seed):
        kept = simulate(Driven(noise=1.0, n=400), duration=50.0, seed=seed, record="given")
        return kept["given"] - np.sin(kept.t)[:, None]

    first, second = noise(1), noise(2)
    assert np.array_equal(first, noise(1)) and not np.allclose(first, second)
    assert abs(first.mean()) < 5 / math.sqrt(first.size) and first.std() == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 0.2


def test_nothing_is_traced_again_when_parameters_seed_or_duration_move():
    events = []
    simulate(Driven(n=5), duration=50.0)
    simulate(wong_wang2006(), duration=50.0)
    jax.monitoring.register_event_duration_secs_listener(lambda event, _, **__: events.append(event))
    simulate(Driven(n=5, tau=3.0, noise=0.1), duration=131.0, dt=0.05, seed=9)
    simulate(Driven(n=5, tau=3), duration=30.0, seed=1)
    simulate(wong_wang2006(coherence=0.3, s1_0=0.2), duration=777.0, seed=2)
    traced = [event for event in events if "trace" in event or "backend_compile" in event]
    simulate(Driven(n=6), duration=50.0)
    assert not traced and len(events) > 0  # another size is compiled, and noticed


def test_what_is_recorded_and_how_it_round_trips(tmp_path):
    record = {"x": [2, 0], "y": None, "total": None, "given": range(3)}
    recording = simulate(Driven(noise=0.1), duration=5.0, record=record)
    assert recording["x"].shape == (50, 2) and recording["total"].shape == (50,)
    assert list(recording.cells["x"]) == [2, 0] and "total" not in recording.cells
    assert np.array_equal(recording.column("x", 0), recording["x"][:, 1])
    assert np.allclose(recording["total"][0], 1 + 2 + 3 + 3)
    again = Recording.load(recording.save(tmp_path / "run.npz"))
    for name, values in recording.samples.items():
        assert np.array_equal(again[name], values) and again[name].shape == values.shape
    assert not again.spikes and again.complete and list(again.cells) == list(recording.cells)
    assert repr(recording).startswith("<Recording of 5 ms: x (50, 2), y (50, 3), total (50,)")
    assert simulate(Driven(), duration=1.0, record=()).samples == {}
    with pytest.raises(ValueError, match='nothing was recorded under "z"'):
        recording["z"]
    with pytest.raises(ValueError, match="total of cell 0 was not recorded"):
        recording.column("total", 0)


def test_both_kinds_of_run_have_one_interface():
    network = begin(snnlab.models.lif_ei(), duration=10.0)
    rates = begin(Driven(), duration=10.0, chunk=30)
    assert type(network) is Run and type(rates) is RateRun
    public = {name for name in vars(Run) | vars(network) if not name.startswith("_")} - {"network"}
    assert all(hasattr(rates, name) for name in public)
    assert rates.fraction == 0.0 and rates.recording()["x"].shape == (0, 3)
    assert rates.advance() == pytest.approx(0.3) and rates.done == 30
    half = rates.recording()
    assert half.duration == 3.0 and not half.complete and half["x"].shape == (30, 3)
    assert list(rates) == pytest.approx([0.6, 0.9, 1.0]) and rates.recording().complete
    assert rates.advance() == 1.0  # nothing is left to do


def test_progress_may_stop_a_run_and_an_interrupt_keeps_what_there_is():
    stopped = simulate(Driven(), duration=10.0, chunk=25, progress=lambda fraction: fraction < 0.5)
    assert stopped.duration == 5.0 and not stopped.complete

    def interrupt(fraction):
        if fraction > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="stopped after 7.5 of 10 ms") as caught:
        simulate(Driven(), duration=10.0, chunk=25, progress=interrupt)
    assert caught.value.recording["x"].shape == (75, 3)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_blow_up_names_variable_unit_and_time(chunk):
    """x' = -x / tau by rk4 diverges for steps beyond 2.785 tau; here |x| grows 27/8-fold a step of 3 tau... from 3."""
    model = Driven(tau=1.0)
    growth = abs(1 - 4 + 8 - 32 / 3 + 32 / 3)  # the polynomial of rk4 at -4: it multiplies x in every step
    with pytest.raises(SimulationError) as caught:
        simulate(model, duration=400.0, dt=4.0, chunk=chunk)
    words = str(caught.value)
    assert words.startswith("Driven: x of unit 2 is ") and "dt = 4 ms" in words
    recording = caught.value.recording
    steps = len(recording["x"])
    assert f"at t = {steps * 4:g} ms" in words and not recording.complete
    assert steps == pytest.approx(math.log(1e9 / 3) / math.log(growth), abs=3)
    assert np.all(np.abs(recording["x"]) < 1e9)


def test_a_derivative_that_is_no_number_is_told():
    @component
    class Root:
        start: float = param(1.0, doc="x at t = 0")
        variables: ClassVar = ("x",)
        time_unit: ClassVar = "s"

        def initial(self, key):
            return jnp.asarray([self.start])

        def derivative(self, state):
            return -jnp.sqrt(state - 0.5) - 1.0

    with pytest.raises(SimulationError, match=r"Root: x is nan at t = \d+ ms"):
        simulate(Root(), duration=2000.0, dt=10.0)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"record": "u"}, 'Driven has nothing like "u".*There is "x", "y", "given", "total"'),
        ({"record": ["x", "givn"]}, 'nothing like "givn". Did you mean "given"'),
        ({"record": {"x": [3]}}, r"units \[3\] must be whole numbers from 0 to 2"),
        ({"record": {"x": [0.5]}}, "must be whole numbers from 0 to 2"),
        ({"record": {"total": [1]}}, "must be whole numbers from 0 to 0"),
        ({"chunk": 0}, "chunk = 0 must be a whole number of steps"),
        ({"dt": 0.0}, "dt = 0 ms is not allowed"),
        ({"duration": -1.0}, "duration = -1 ms is not allowed"),
        ({"dt": 0.3}, "not a whole number of steps"),
        ({"seed": -1}, "seed = -1"),
        (
            {"duration": 1e8},
            r"recording x, y for 1e\+08 ms at dt = 0.1 ms would take 24.0 GB, but 1.0 GB are free",
        ),
    ],
)
def test_what_cannot_be_run_is_refused(options, reason, monkeypatch):
    monkeypatch.setattr(snnlab.core.memory, "free", lambda: 1e9)
    with pytest.raises(ValueError, match=reason):
        simulate(Driven(), **{"duration": 10.0, **options})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"record": 5}, "record = 5 must be a name"),
        ({"record": [5]}, "record: 5 is not a name"),
        ({"record": {"x": "all"}}, 'record "x": units .all. must be whole numbers from 0 to'),
        ({"chunk": "x"}, "chunk = 'x' must be a whole number of steps"),
        ({"progress": "x"}, "progress = 'x' must be True, False or a function"),
        ({"dt": 5e-324}, "dt = 4.94066e-324 ms is not allowed"),
        ({"duration": 1e300}, "steps are too many"),
    ],
)
def test_nonsense_is_refused_by_name(options, reason):
    with pytest.raises(ValueError, match=reason):
        simulate(Driven(), **{"duration": 10.0, **options})


def test_a_run_that_failed_stays_failed():
    class Bursting:
        variables, time_unit = ("x",), "ms"

        def initial(self, key):
            return np.ones(1)

        def derivative(self, state):
            return state * state  # x = 1 / (1 - t)

    run = RateRun(Bursting(), duration=5.0, chunk=5)
    with pytest.raises(SimulationError) as first:
        for _ in run:
            pass
    assert 0.9 < first.value.recording.duration < 1.3
    for _ in range(2):
        with pytest.raises(SimulationError):
            run.advance()
        part = run.recording()
        assert not part.complete and len(part["x"]) == len(part.t) == len(first.value.recording.t) > 8
        assert run.fraction < 0.3


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="is not a model; expected a Network, or a rate model"):
        simulate(3.0, duration=1.0)
    with pytest.raises(ValueError, match="it is a class"):
        simulate(Driven, duration=1.0)

    class Bare:
        variables, time_unit = ("x",), "ms"

        def derivative(self, state):
            return -state

    with pytest.raises(ValueError, match="it has no initial"):
        simulate(Bare(), duration=1.0)
    Bare.initial = lambda self, key: np.ones(1)
    assert simulate(Bare(), duration=1.0)["x"][-1] == pytest.approx(math.exp(-0.9), rel=1e-5)
    Bare.time_unit = "min"
    with pytest.raises(ValueError, match='no time_unit "min"'):
        simulate(Bare(), duration=1.0)
    Bare.time_unit, Bare.variables = "ms", ("x", "y")
    with pytest.raises(ValueError, match=r"the state \(1,\) must hold its variables \(x, y\)"):
        simulate(Bare(), duration=1.0)
    Bare.variables, Bare.derivative = ("x",), lambda self, state: jnp.zeros(3)
    with pytest.raises(ValueError, match=r"derivative must have the shape of the state: \(1,\), not \(3,\)"):
        simulate(Bare(), duration=1.0)


def test_what_wong_wang_declares_can_be_described_and_replaced():
    system = wong_wang2006(coherence=0.2)
    assert {p.name: p.default for p in snnlab.describe(system)}["coherence"] == 0.2
    assert [p.name for p in snnlab.describe(wong_wang2006)] == [p.name for p in snnlab.describe(system)]
    assert snnlab.replace(system, coherence=-0.5).coherence == -0.5
    with pytest.raises(ValueError, match="ReducedDecision: coherence = 2 is not allowed"):
        snnlab.replace(system, coherence=2.0)
    with pytest.raises(ValueError, match="wong_wang2006: coherence = 2 is not allowed"):
        wong_wang2006(coherence=2.0)
