"""The page's JavaScript against Python: numbers, sliders, frames, status lines, code and links are the same."""

import base64
import json
import math
import random

import numpy as np
import pytest
from playwright.sync_api import Page

from snnlab import Recording, SpikeTrains, analysis, core
from snnlab.core.recording import Spikes
from snnlab.live import page as live
from snnlab.widgets.controls import Scale
from snnlab.widgets.frames import encode
from snnlab.widgets.subject import models, subject

NAMES = "fixed, general, repr, rounded, Scale, Train, unpack, summarise, encode"
FILES = ("numbers.js", "settings.js", "controls.js", "spikes.js", "frames.js")


@pytest.fixture
def js(page: Page) -> Page:
    """A page with the functions of the page's and the worker's scripts in ``window.live``."""
    page.set_content("<p>functions</p>")
    source = live._files(FILES) + f"\nexport default {{ {NAMES} }};"
    source = source.replace("export function", "function").replace("export class", "class")
    page.evaluate(
        """async (source) => {
          window.live = (await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })))).default;
        }""",
        source,
    )
    return page


def test_numbers_are_written_as_python_writes_them(js: Page) -> None:
    draw = random.Random(1)
    numbers = [0.0, -0.0, 0.125, 0.375, 2.5, 1e-5, 1e-4, 123456.0, 1234567.0, 1e15, 1e16, 1e21, 1e22, 5e-324]
    numbers += [0.05, 1.005, 0.1 + 0.2, 100.0, 99999.95, 0.00012345, 1e300, -7.25, -0.045]
    numbers += [draw.choice((-1, 1)) * draw.random() * 10.0 ** draw.randint(-8, 18) for _ in range(500)]
    formats = [".1f", ".2f", ".0f", "g", ".3g", ".12g", "repr"]
    expected = [[repr(x) if each == "repr" else format(x, each) for each in formats] for x in numbers]
    found = js.evaluate(
        """(numbers) => numbers.map((text) => {
          const x = Number(text), { fixed, general, repr } = live;
          return [fixed(x, 1), fixed(x, 2), fixed(x, 0), general(x), general(x, 3), general(x, 12), repr(x)];
        })""",
        [repr(x) for x in numbers],
    )
    assert found == expected


def test_sliders_are_those_of_the_notebook(js: Page) -> None:
    """Every parameter of every model, the places and values of its scale."""
    places = np.linspace(0.0, 1.0, 41)
    for name in models():
        for parameter in subject(name).parameters:
            if parameter.integer:
                continue
            scale = Scale(parameter)
            ends = [x if math.isfinite(x) else None for x in (*parameter.bounds, *parameter.slider)]
            given = {"default": parameter.default, "low": ends[0], "slider": ends[2:], "log": parameter.log}
            numbers = (scale.min + places * (scale.max - scale.min)).tolist()
            expected = [
                [scale.value(x), scale.stop(scale.value(x)), scale.fraction(scale.value(x))] for x in numbers
            ]
            found = js.evaluate(
                """([parameter, numbers]) => {
                  const scale = new live.Scale(parameter);
                  return numbers.map((x) => {
                    const value = scale.value(x);
                    return [value, scale.stop(scale.place(value)), scale.fraction(value)];
                  });
                }""",
                [given, numbers],
            )
            assert np.array(found) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12), parameter.name


def recording(rate: float, together: float, seed: int, duration: float, sizes: tuple[int, int]) -> Recording:
    """Two populations of Poisson cells, with a share of their spikes in common volleys."""
    rng, dt, trains = np.random.default_rng(seed), 0.1, {}
    steps = round(duration / dt)
    volleys = rng.random(steps) < 0.02
    for name, n in zip("EI", sizes, strict=True):
        chance = rate * dt * 1e-3 * np.where(volleys, 1.0 + 50.0 * together, 1.0 - together)[:, None]
        step, cell = np.nonzero(rng.random((steps, n)) < chance)
        trains[name] = SpikeTrains(step * dt, cell.astype(np.int32), n, 0.0, duration)
    samples = {name: rng.normal(-60.0, 5.0, (steps, 1)) for name in ("E.V", "I.V")}
    return Recording(dt, duration, 0, Spikes(trains), samples)


def packed(run: Recording) -> np.ndarray:
    """All spikes of a recording as the words of one group, [T, words]."""
    sizes = [trains.n for trains in run.spikes.values()]
    raster = np.zeros((len(run.t), sum(sizes)), bool)
    for first, trains in zip(np.cumsum([0, *sizes]), run.spikes.values(), strict=False):
        raster[np.rint(trains.times / run.dt).astype(int), trains.neurons + first] = True
    return np.stack([np.asarray(core.delivery.pack(row)) for row in raster])


@pytest.mark.parametrize(
    ("rate", "together", "duration", "sizes"),
    [
        (20.0, 0.0, 500.0, (333, 70)),
        (20.0, 0.8, 500.0, (333, 70)),
        (0.05, 0.0, 500.0, (333, 70)),
        (0.0, 0.0, 500.0, (333, 70)),
        (40.0, 0.3, 123.4, (65, 64)),
        (80.0, 0.0, 300.0, (2, 1)),
        (0.0, 0.0, 300.0, (1, 1)),
    ],
)
def test_spikes_frame_and_status_line(
    js: Page, rate: float, together: float, duration: float, sizes: tuple[int, int]
) -> None:
    """Packed words, in pieces, become the very frame and the very sentence that Python makes of the recording."""
    run = recording(rate, together, 3, duration, sizes)
    words = packed(run)
    header, data = encode(run, duration, {"p": 0.5})
    found = js.evaluate(
        """([words, nWords, dt, duration, samples, sizes]) => {
          const bytes = Uint8Array.from(atob(words), (c) => c.charCodeAt(0)), all = new Uint32Array(bytes.buffer);
          const trains = sizes.map((n, i) => new live.Train("EI"[i], n)), steps = all.length / nWords;
          for (let first = 0; first < steps; first += 700) {
            const taken = Math.min(700, steps - first);
            live.unpack(all.subarray(first * nWords), nWords, taken, first, trains, [0, sizes[0], sizes[0] + sizes[1]]);
          }
          const of = ([name, values]) => ({ name, cells: [0], width: 1, values: Float32Array.from(values) });
          const run = { dt, duration, done: steps, trains, samples: samples.map(of) };
          const [frame, data] = live.encode(run, { p: 0.5 });
          const text = btoa(data.reduce((text, byte) => text + String.fromCharCode(byte), ""));
          return [frame, text, live.summarise(trains, dt, steps * dt)];
        }""",
        [
            base64.b64encode(words.astype("<u4").tobytes()).decode(),
            words.shape[1],
            run.dt,
            duration,
            [[name, values[:, 0].tolist()] for name, values in run.samples.items()],
            list(sizes),
        ],
    )
    frame, bytes_, summary = found
    assert {key: frame[key] for key in header} == json.loads(json.dumps(header))
    assert base64.b64decode(bytes_) == data
    expected = analysis.summary(run)
    assert summary["words"] == str(expected)
    for name, value in (("cv", expected.cv), ("synchrony", expected.synchrony)):
        assert (summary[name] is None or math.isnan(summary[name])) == math.isnan(value)
        if not math.isnan(value):
            assert summary[name] == pytest.approx(value, rel=1e-12)
    assert summary["rates"] == pytest.approx(list(expected.rates.values()), rel=1e-12)
