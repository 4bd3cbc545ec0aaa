"""Recordings: what a file must say to be one, and what a run that failed leaves behind."""

import json

import numpy as np
import pytest

import snnlab
from snnlab import Input, Network, Population, Recording, SimulationError, simulate
from snnlab.inputs import Constant, Step
from snnlab.neurons import LIF


@pytest.fixture(scope="module")
def recording():
    net = Network({"E": Population(LIF(tau_ref=2.0), 4)}, inputs=[Input("E", Constant(20.0))])
    return simulate(net, duration=30.0, record={"E.V": [0, 2]})


def rewritten(path, recording, header=None, **arrays):
    """The recording's file with changes to its header (None: without the key) and its arrays."""
    recording.save(path)
    with np.load(path) as file:
        kept = dict(file)
    says = json.loads(kept["header"].tobytes())
    for key, value in (header or {}).items():
        says.pop(key)
        if value is not None:
            says[key] = value
    kept["header"] = np.frombuffer(json.dumps(says).encode(), np.uint8)
    np.savez(path, **{**kept, **arrays})
    return path


@pytest.mark.parametrize("key", ["format", "dt", "duration", "seed", "complete", "populations", "samples"])
def test_a_header_must_be_whole(tmp_path, recording, key):
    path = rewritten(tmp_path / "run.npz", recording, {key: None})
    with pytest.raises(ValueError, match=f'run.npz is not a snnlab recording: its header .*"{key}"'):
        Recording.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dt", "x"),
        ("dt", 0.0),
        ("dt", True),
        ("duration", [30.0]),
        ("duration", -1.0),
        ("seed", 1.5),
        ("seed", -1),
        ("complete", "yes"),
        ("populations", ["E"]),
        ("populations", {"E": 2.5}),
        ("samples", "E.V"),
        ("samples", [3]),
    ],
)
def test_what_a_header_says_has_the_right_type(tmp_path, recording, key, value):
    path = rewritten(tmp_path / "run.npz", recording, {key: value})
    with pytest.raises(ValueError, match=f'run.npz is not a snnlab recording: "{key}": .* must be'):
        Recording.load(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"times_0": np.zeros(3)}, 'spikes of "E" are not a list of times and cells'),
        ({"neurons_0": np.array(["a"])}, 'spikes of "E" are not a list'),
        ({"times_0": np.zeros(1), "neurons_0": np.array([4])}, 'spikes of "E" are of cells beyond its 4'),
        ({"samples_0": np.zeros((3, 2))}, r'samples "E.V" are \(3, 2\), not \(300, 2\)'),
        ({"cells_0": np.arange(3)}, r'samples "E.V" are \(300, 2\), not \(300, 3\)'),
    ],
)
def test_arrays_fit_together(tmp_path, recording, arrays, message):
    path = rewritten(tmp_path / "run.npz", recording, **arrays)
    with pytest.raises(ValueError, match=f"run.npz is not a snnlab recording: .*{message}"):
        Recording.load(path)


def test_a_file_unchanged_is_one(tmp_path, recording):
    back = Recording.load(rewritten(tmp_path / "run.npz", recording))
    assert np.array_equal(back["E.V"], recording["E.V"]) and back.spikes["E"].count > 0


@pytest.mark.parametrize("path", [5, None, "", ["x"]])
def test_only_a_name_can_be_saved_to_and_loaded_from(recording, path):
    with pytest.raises(ValueError, match="Recording.save: path = .* must be the name of a file"):
        recording.save(path)
    with pytest.raises(ValueError, match="Recording.load: path = .* must be the name of a file"):
        Recording.load(path)


def test_names_that_are_no_names_are_refused(recording):
    for name in (["E"], 3, None):
        with pytest.raises(ValueError, match="no population"):
            recording.spikes[name]
        with pytest.raises(ValueError, match="nothing was recorded under"):
            recording[name]


@pytest.mark.parametrize("at", [0.0, 12.3])
def test_a_run_that_failed_keeps_what_there_was_and_stays_failed(at):
    net = Network({"E": Population(LIF(V_th=1e9), 2)}, inputs=[Input("E", Step(1e8, start=at))])
    run = snnlab.Run(net, duration=50.0, record="E.V", chunk=100)
    with pytest.raises(SimulationError) as first:
        for _ in run:
            pass
        run.recording()
    kept = first.value.recording
    assert at <= kept.duration < at + 1 and not kept.complete
    for _ in range(2):
        with pytest.raises(SimulationError) as again:
            run.advance()
        assert again.value is first.value
        part = run.recording()
        assert part.duration == kept.duration and not part.complete
        assert part["E.V"].shape == (round(part.duration / 0.1), 2) and np.all(np.isfinite(part["E.V"]))
        assert run.fraction == pytest.approx(part.duration / 50.0)
    with pytest.raises(SimulationError):
        list(run)


def test_a_failure_that_is_found_by_reading_is_one_too():
    net = Network({"E": Population(LIF(V_th=1e9), 2)}, inputs=[Input("E", Constant(1e8))])
    run = snnlab.Run(net, duration=5.0)
    run.advance()
    with pytest.raises(SimulationError):
        run.recording()
    assert not run.recording().complete and run.fraction < 1.0
    with pytest.raises(SimulationError):
        run.advance()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda spikes: spikes.window(5.0, 1.0), "window: start = 5 ms must not be after stop = 1 ms"),
        (lambda spikes: spikes.window(float("nan"), 1.0), "window: start = nan ms must not be after"),
        (lambda spikes: spikes.window("a", 1.0), "window: start must be a number in ms, not 'a'"),
        (lambda spikes: spikes.window(0.0, [1.0, 2.0]), "window: stop must be one number"),
        (lambda spikes: spikes.of(4), "neuron = 4 must be a whole number from 0 to 3"),
        (lambda spikes: spikes.of("x"), "neuron = 'x' must be a whole number"),
        (lambda spikes: spikes.of(-1), "neuron = -1 must be"),
    ],
)
def test_spikes_are_asked_for_what_there_is(recording, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(recording.spikes["E"])
