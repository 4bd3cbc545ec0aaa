"""Frames of the canvas view: what a header says and where its numbers lie."""

import json

import numpy as np
import pytest

from snnlab import Recording, SpikeTrains
from snnlab.core.recording import Spikes
from snnlab.widgets.frames import Frame, encode, psychometric_frame, rate_bin

DT, WINDOW = 0.1, 100.0
KINDS = {"u2": np.uint16, "u4": np.uint32, "f4": np.float32}


def arrays(frame: Frame) -> list[np.ndarray]:
    header, data = frame
    return [
        np.frombuffer(data, KINDS[each["type"]], each["length"], each["offset"]) for each in header["arrays"]
    ]


def stretch(start: float, length: float = WINDOW) -> Recording:
    """A stretch of one and the same long run: spikes of 50 cells and a variable of one."""
    rng = np.random.default_rng(3)
    steps = np.sort(rng.integers(0, 10_000, 4000))
    neurons = rng.integers(0, 50, 4000)
    first, last = round(start / DT), round((start + length) / DT)
    kept = (steps >= first) & (steps < last)
    trains = SpikeTrains(steps[kept] * DT, neurons[kept], 50, start, start + length)
    wave = np.sin(np.arange(first, last) / 50.0)[:, None]
    return Recording(DT, length, 0, Spikes({"E": trains}), {"E.V": wave})


def rates(frame: Frame) -> dict[int, float]:
    """The rates by the steps of the run at which their bins begin."""
    header, _ = frame
    panel = header["panels"][1]
    width = rate_bin(WINDOW, DT)
    begin = header["origin"] + panel["start"] - width * DT / 2
    values = arrays(frame)[panel["series"][0]["values"]]
    return {round(begin / DT) + i * width: float(value) for i, value in enumerate(values)}


def test_a_picture_that_moves_along_a_run_shows_the_same_numbers() -> None:
    """Spikes, bins of the rate and samples of a trace stay with their times."""
    whole = {
        step: rate
        for start in (0.0, 50.0, 100.0)
        for step, rate in rates(encode(stretch(start), WINDOW, {}, origin=start)).items()
    }
    for start in (3.7, 12.3, 60.0, 99.9):
        frame = encode(stretch(start), WINDOW, {}, origin=start)
        header, numbers = frame[0], arrays(frame)
        assert header["origin"] == pytest.approx(start) and header["end"] == WINDOW
        population = header["panels"][0]["populations"][0]
        times = header["origin"] + numbers[population["steps"]] * DT
        np.testing.assert_allclose(times, stretch(start).spikes["E"].times, atol=1e-6)
        found = rates(frame)
        assert len(found) in (99, 100) and min(found) >= round(start / DT)
        assert found == {step: pytest.approx(whole[step]) for step in found}
        trace = header["panels"][2]
        values = numbers[trace["series"][0]["values"]]
        steps = (header["origin"] + trace["start"] + trace["step"] * np.arange(len(values))) / DT
        np.testing.assert_allclose(values, np.sin(steps / 50.0), atol=1e-3)


def test_a_run_that_has_only_begun() -> None:
    header, _ = frame = encode(stretch(0.0, 30.5), WINDOW, {})
    assert (header["origin"], header["end"], header["duration"]) == (0.0, 30.5, WINDOW)
    assert len(rates(frame)) == 31 and header["steps"] == 1000


def test_an_experiment_is_plain_json_with_a_truthful_alternative() -> None:
    points = [
        {"coherence": 0.032, "correct": 30, "total": 50, "time": 850.0, "more": object()},
        {"coherence": 0.512, "correct": 0, "total": 0, "time": None},
    ]
    header, data = psychometric_frame(points, None, {})
    panel = json.loads(json.dumps(header))["panels"][0]
    assert data == b"" and panel["fit"] is None and panel["points"][1]["total"] == 0
    assert "50 trials at 1 coherence;" in panel["alt"] and "decision times" in panel["alt"]
    header, _ = psychometric_frame(points[1:], {"alpha": 0.1, "beta": 1.3}, {})
    assert "0 trials" in header["panels"][0]["alt"] and "times" not in header["panels"][0]["alt"]
