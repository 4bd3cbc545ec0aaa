"""From a recording to a frame of the canvas view: a small header and one block of bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snnlab.core.recording import Recording
from snnlab.widgets.phase_planes import Portrait
from snnlab.widgets.rings import RingPortrait

RASTER_LIMIT = 200_000  # spikes drawn; beyond it every second, third ... neuron is shown
TRACES = 2  # cells of a recorded variable that are drawn
POINTS = 2000  # samples of a trace that are drawn
COLOURS = {"E": 0, "I": 1}


class _Block:
    """Typed arrays laid end to end; what a header keeps of one is its number."""

    def __init__(self, origin: int = 0):
        self.origin = origin  # the step from which times count
        self.arrays: list[dict[str, Any]] = []
        self._parts: list[bytes] = []
        self._offset = 0

    def add(self, array: np.ndarray) -> int:
        part = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        self.arrays.append(
            {
                "type": f"{array.dtype.kind}{array.dtype.itemsize}",
                "offset": self._offset,
                "length": array.size,
            }
        )
        self._parts.append(part)
        self._offset += len(part)
        return len(self.arrays) - 1

    def bytes(self) -> bytes:
        return b"".join(self._parts)


Frame = tuple[dict[str, Any], bytes]


def encode(
    recording: Recording,
    duration: float,
    positions: dict[str, float],
    portrait: Portrait | RingPortrait | None = None,
    startable: bool = False,
    origin: float = 0.0,
) -> Frame:
    """The frame of ``recording``, a run that was to last ``duration`` ms.

    The header lists the panels; arrays are u2 or u4 (steps, neurons) and f4 (curves), little-endian, one
    after the other in the bytes. ``positions`` says where the sliders stood, by which the view finds the
    event that a frame answers. Of a two-variable system there is a ``portrait``, in which a click may choose the start
    where that is ``startable``; of a ring a map. Of a run that goes on the recording is the stretch of ``duration`` ms
    from ``origin`` (ms) on, with the spikes at the run's own times; the frame's arrays count from the origin.
    """
    block = _Block(round(origin / recording.dt))
    if not recording.spikes:
        pictures = [portrait.panel(block, recording, startable)] if portrait else []
        samples, units = (portrait.traces(recording), portrait.units) if portrait else (recording.samples, {})
        traces = _variables(block, recording, samples, units)
        return _framed(recording, duration, positions, pictures + traces, block)
    panels = [portrait.panel(block, recording, startable)] if portrait else []
    panels.append(_raster(block, recording, duration))
    if any(trains.n > 1 for trains in recording.spikes.values()):  # one cell has spikes, but no rate to see
        panels.append(_rates(block, recording, duration))
    voltages = [name for name in recording.samples if name.endswith(".V")]
    others = [name for name in recording.samples if name not in voltages]
    if voltages:
        panels.append(_traces(block, recording, voltages, "membrane potential (mV)"))
    if others:
        variables = dict.fromkeys(name.rpartition(".")[2] for name in others)
        panels.append(_traces(block, recording, others, ", ".join(variables)))
    return _framed(recording, duration, positions, panels, block)


def _framed(
    recording: Recording, duration: float, positions: dict[str, float], panels: list[Any], block: _Block
) -> Frame:
    header = {
        "duration": duration,
        "origin": block.origin * recording.dt,
        "end": float(recording.duration),
        "steps": max(1, round(duration / recording.dt)),
        "positions": positions,
        "panels": panels,
        "arrays": block.arrays,
    }
    return header, block.bytes()


def colour_of(name: str, index: int) -> int:
    """The place of a population in the palette: E and I have theirs, which no other takes."""
    return COLOURS.get(name, 2 + index % 3)


def _smallest(array: np.ndarray, top: int) -> np.ndarray:
    return array.astype(np.uint16 if top < 2**16 else np.uint32)


def _raster(block: _Block, recording: Recording, duration: float) -> dict[str, Any]:
    every = max(1, -(-sum(trains.count for trains in recording.spikes.values()) // RASTER_LIMIT))
    populations = []
    for i, (name, trains) in enumerate(recording.spikes.items()):
        times, neurons = np.asarray(trains.times), np.asarray(trains.neurons)
        if every > 1:
            kept = neurons % every == 0
            times, neurons = times[kept], neurons[kept]
        steps = np.rint(times / recording.dt) - block.origin
        populations.append(
            {
                "name": name,
                "n": trains.n,
                "colour": colour_of(name, i),
                "steps": block.add(_smallest(steps, round(duration / recording.dt) + 1)),
                "neurons": block.add(_smallest(neurons, trains.n)),
            }
        )
    size = ", ".join(f"{p['name']} {p['n']}" for p in populations)
    title = "spikes" if every == 1 else f"spikes (of 1 neuron in {every}, for there are many)"
    alt = f"spike raster ({size} neurons)"
    return {"kind": "raster", "title": title, "alt": alt, "populations": populations}


def rate_bin(duration: float, dt: float) -> int:
    """Steps to a bin of the rate panel: about a hundred bins, of 1, 2 or 5 times a power of ten ms."""
    target = max(duration / 100, dt)
    power = 10.0 ** np.floor(np.log10(target))
    width = next(m * power for m in (1, 2, 5, 10) if m * power >= target * (1 - 1e-9))
    return max(1, round(width / dt))


def _rates(block: _Block, recording: Recording, duration: float) -> dict[str, Any]:
    width = rate_bin(duration, recording.dt)
    # A bin keeps its spikes while the picture of a run that goes on moves: bins begin at multiples of their width, and
    # one that lies in the picture only partly is left out.
    first, simulated = -block.origin % width, round(recording.duration / recording.dt)
    bins = (simulated - first) // width if block.origin else max(1, -(-simulated // width))
    bins = max(bins, 0)
    widths = np.full(bins, width * recording.dt)
    if not block.origin:
        widths[-1] = max(recording.dt, (simulated - (bins - 1) * width) * recording.dt)
    series = []
    for i, (name, trains) in enumerate(recording.spikes.items()):
        steps = np.rint(np.asarray(trains.times) / recording.dt).astype(np.int64) - block.origin - first
        counts = np.bincount(steps[steps >= 0] // width, minlength=bins)[:bins]
        rate = 1000.0 * counts / (trains.n * widths)
        series.append(
            {
                "name": name,
                "legend": name,
                "colour": colour_of(name, i),
                "values": block.add(rate.astype(np.float32)),
            }
        )
    milliseconds = width * recording.dt
    return {
        "kind": "rates",
        "title": f"population rate (Hz), {milliseconds:g} ms bins",
        "alt": "population rates in Hz",
        "start": first * recording.dt + milliseconds / 2,
        "step": milliseconds,
        "series": series,
    }


def _traces(block: _Block, recording: Recording, names: list[str], what: str) -> dict[str, Any]:
    steps = max(len(recording[name]) for name in names)
    every = max(1, -(-steps // POINTS))
    first = -block.origin % every
    places = list(recording.spikes)
    mixed = len({name.rpartition(".")[2] for name in names}) > 1
    series = []
    for name in names:
        values, (population, _, variable) = np.asarray(recording[name]), name.rpartition(".")
        for cell in range(min(TRACES, values.shape[1])):
            legend = f"{population} {variable}" if mixed else population
            series.append(
                {
                    "name": name,
                    "legend": legend if values.shape[1] == 1 else f"{legend} {cell + 1}",
                    "colour": (colour_of(population, places.index(population)) + 2 * cell) % 5,
                    "values": block.add(values[first::every, cell].astype(np.float32)),
                }
            )
    what += ", one cell each" if len(series) == len(names) > 1 and not mixed else ""
    step = every * recording.dt
    return {
        "kind": "traces",
        "title": what,
        "alt": what,
        "start": first * recording.dt,
        "step": step,
        "series": series,
    }


def _variables(
    block: _Block, recording: Recording, samples: Mapping[str, np.ndarray], units: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Of a model without spikes, one panel for variables that differ in their number: s1 and s2, r1 and r2."""
    alike: dict[str, list[str]] = {}
    for name in samples:
        alike.setdefault(name.rstrip("0123456789"), []).append(name)
    every = max(1, -(-len(recording.t) // POINTS))
    first = -block.origin % every
    panels = []
    for names in alike.values():
        series = []
        for i, name in enumerate(names):
            values = np.asarray(samples[name])[first::every]
            for unit, column in enumerate(np.atleast_2d(values.T)[:TRACES]):
                series.append(
                    {
                        "name": name,
                        "legend": name if values.ndim == 1 else f"{name}, {unit + 1}",
                        "colour": (i + 2 * unit) % 5,
                        "values": block.add(column.astype(np.float32)),
                    }
                )
        title, step = ", ".join(names), every * recording.dt
        title += f" ({units[names[0]]})" if names[0] in units else ""
        if len(series) == 1:
            series[0]["legend"] = ""  # the title says it
        start = first * recording.dt
        panels.append(
            {"kind": "traces", "title": title, "alt": title, "start": start, "step": step, "series": series}
        )
    return panels


def psychometric_frame(
    points: Sequence[Mapping[str, Any]], fit: Mapping[str, float] | None, positions: dict[str, float]
) -> Frame:
    """The frame of an experiment: choices, and mean decision times where there are some, against coherence.

    ``points`` are mappings with coherence (a fraction), correct and total (trials) and time (ms, or None); one without
    trials yet keeps its place on the axis. ``fit`` has alpha and beta of Weibull's function.
    """
    done = [point for point in points if point["total"]]
    trials = sum(point["total"] for point in done)
    alt = f"psychometric curve: right choices against coherence, {trials} trials at {len(done)} coherence"
    alt += "s" * (len(done) != 1)
    if any(point["time"] is not None for point in done):
        alt += "; below it the mean decision times"
    panel = {
        "kind": "psychometric",
        "title": "right choices (%)",
        "alt": alt,
        "points": [
            {name: point[name] for name in ("coherence", "correct", "total", "time")} for point in points
        ],
        "fit": None if fit is None else {"alpha": fit["alpha"], "beta": fit["beta"]},
    }
    header = {
        "duration": 1.0,
        "origin": 0.0,
        "end": 1.0,
        "steps": 1,
        "positions": positions,
        "panels": [panel],
    }
    return {**header, "arrays": []}, b""
