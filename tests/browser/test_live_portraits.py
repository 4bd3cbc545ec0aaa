"""Phase planes and rings on a page: what the worker finds is what Python's analysis finds."""

import base64
import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from playwright.sync_api import Page

from snnlab import analysis, simulate
from snnlab.live import page as live
from snnlab.models import cann, wong_wang2006
from snnlab.widgets.frames import encode
from snnlab.widgets.phase_planes import portrait
from snnlab.widgets.rings import ring_portrait

FILES = ("numbers.js", "spikes.js", "frames.js", "plane.js", "ring.js")
LOAD = """async (source) => {
  window.live = (await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })))).default;
  // a compiled model's place is taken by a table of flows that Python computed: here a function of JavaScript's
  window.fake = (flow, key) => {
    const points = new Float32Array(8192), count = new Int32Array(1), result = new Float32Array(8192);
    const leaves = { points: [points], count: [count], flow: [result], values: [[key]] };
    return { leaves: (name) => leaves[name], call() {
      for (let i = 0; i < count[0]; i++) {
        const [dx, dy] = flow(points[2 * i], points[2 * i + 1]);
        result[2 * i] = dx;
        result[2 * i + 1] = dy;
      }
    } };
  };
}"""


@pytest.fixture
def js(page: Page) -> Page:
    page.set_content("<p>functions</p>")
    source = live._files(FILES).replace("export function", "function").replace("export class", "class")
    page.evaluate(LOAD, source + "\nexport default { PlanePortrait, RingPortrait, encode };")
    return page


@dataclasses.dataclass(frozen=True)
class System:
    """A plane system given twice: for Python, and as the same formula in JavaScript."""

    flow: object
    formula: str
    window: tuple[tuple[float, float], tuple[float, float]]
    variables: tuple[str, str] = ("x", "y")
    time_unit: str = "ms"

    def derivative(self, state):
        x, y = state[..., 0], state[..., 1]
        return jnp.stack(self.flow(x, y), -1)


def fitzhugh_nagumo(current: float) -> System:
    return System(
        lambda x, y: (x - x**3 / 3 - y + current, 0.08 * (x + 0.7 - 0.8 * y)),
        f"(x, y) => [x - x ** 3 / 3 - y + {current}, 0.08 * (x + 0.7 - 0.8 * y)]",
        ((-2.5, 2.5), (-1.5, 2.5)),
    )


SYSTEMS = {
    "a switch": System(
        lambda x, y: (4.0 / (1.0 + y**3) - x, 4.0 / (1.0 + x**3) - y),
        "(x, y) => [4 / (1 + y ** 3) - x, 4 / (1 + x ** 3) - y]",
        ((0.0, 5.0), (0.0, 5.0)),
    ),
    "at rest": fitzhugh_nagumo(0.0),
    "firing": fitzhugh_nagumo(0.6),
    "a double well": System(
        lambda x, y: (x - x**3, -y), "(x, y) => [x - x ** 3, -y]", ((-1.7, 1.7), (-1.1, 1.1))
    ),
}

FIND = """([formula, window, variables, path, name]) => {
  const [low, high] = [0, 1].map((k) => window.map((range) => range[k]));
  const values = (k) => Float32Array.from(path, (state) => state[k]);
  const samples = variables.map((name, k) => ({ name, cells: null, width: 1, values: values(k) }));
  const run = { dt: 0.1, duration: path.length / 10, done: path.length, trains: [], samples };
  const found = new live.PlanePortrait({ variables, low, high }, fake(eval(formula), name), run);
  return { ...found.back, sentence: found.sentence(), panel: live.encode(run, {}, found)[0].panels[0] };
}"""


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_plane(js: Page, name: str) -> None:
    system = SYSTEMS[name]
    size = np.ptp(np.array(system.window), axis=1)
    start = np.array([0.3, 0.2]) * size + np.array(system.window)[:, 0]
    path = analysis.trajectory(system, start, 60.0, n=601).states
    found = js.evaluate(FIND, [system.formula, system.window, system.variables, path.tolist(), name])

    points = analysis.fixed_points(system)
    assert [point["kind"] for point in found["points"]] == [point.kind for point in points]
    for here, there in zip(found["points"], points, strict=True):
        assert np.max(np.abs(here["state"] - there.state) / size) < 1e-4

    for line, exact in zip(found["nullclines"], analysis.nullclines(system).values(), strict=True):
        assert len(line["lines"]) == len(exact)
        true = np.concatenate(exact)
        for corner in np.concatenate([np.array(each) for each in line["lines"]])[::7]:
            assert np.min(np.max(np.abs(true - corner) / size, axis=1)) < 0.01

    lines = analysis.separatrix(system, points=points)
    assert len(found["separatrix"]) == len(lines)
    for drawn, exact in zip(found["separatrix"], lines, strict=True):
        drawn = np.array(drawn)
        inside = np.all(
            (drawn > np.array(system.window)[:, 0]) & (drawn < np.array(system.window)[:, 1]), axis=1
        )
        for state in drawn[inside][::5]:
            assert np.min(np.linalg.norm((exact - state) / size, axis=1)) < 0.015
        for end in (np.min, np.max):  # it goes as far
            assert np.max(np.abs(end(drawn, axis=0) - end(exact, axis=0)) / size) < 0.03

    expected = _sentence(system, path)
    assert found["sentence"].split("; ")[0] == expected.split("; ")[0]
    if "still moving" in expected:
        assert "still moving" in found["sentence"]
    else:
        assert (
            found["sentence"].split(" to ")[1].split(" at ")[0] == expected.split(" to ")[1].split(" at ")[0]
        )


def _sentence(system: System, path: np.ndarray) -> str:
    from snnlab.core.recording import Recording, Spikes

    samples = {name: path[:, k] for k, name in enumerate(system.variables)}
    return portrait(system).sentence(Recording(0.1, len(path) / 10, 0, Spikes({}), samples))


def test_a_nullcline_out_of_sight_is_said(js: Page) -> None:
    found = js.evaluate(
        FIND, ["(x, y) => [1 + x * x, -y]", [[-1, 1], [-1, 1]], ["x", "y"], [[0, 0], [0.1, 0]], "none"]
    )
    assert found["panel"]["note"] == (
        "The nullcline of x lies outside the window (x -1 to 1, y -1 to 1); widen it."
    )
    assert found["sentence"].startswith("no fixed point in the window")


def test_noisy_runs_end_in_basins(js: Page) -> None:
    ends = [[-0.5, 0.3], [0.2, -0.9], [-0.01, 0.5], [1.2, 0.0]]
    found = js.evaluate(
        """([formula, ends]) => {
          const of = (k) => Float32Array.from(ends, (end) => end[k]);
          const samples = [0, 1].map((k) => ({ name: "xy"[k], cells: [0, 1, 2, 3], width: 4, values: of(k) }));
          const run = { dt: 1, duration: 1, done: 1, trains: [], samples };
          const plane = { variables: ["x", "y"], low: [-1.7, -1.1], high: [1.7, 1.1], noisy: true };
          return new live.PlanePortrait(plane, fake(eval(formula), "noisy"), run).sentence();
        }""",
        [SYSTEMS["a double well"].formula, ends],
    )
    assert found.startswith("3 fixed points: 2 stable, 1 saddle; of 4 runs ended 2 in the basin of (-1, ")
    assert "2 in the basin of (1, " in found and "in none" not in found


def test_the_reduced_decision_model_has_the_panels_of_the_notebook(js: Page) -> None:
    model = wong_wang2006(coherence=0.1)
    run = simulate(model, duration=300.0, dt=1.0, record=("s1", "s2", "r1", "r2"))
    header, _ = encode(run, 300.0, {}, portrait(model), True)
    found = js.evaluate(
        """([samples, units]) => {
          const of = ([name, values]) => ({ name, cells: null, width: 1, values: Float32Array.from(values) });
          const run = { dt: 1, duration: 300, done: 300, trains: [], samples: samples.map(of) };
          const plane = { variables: ["s1", "s2"], low: [0, 0], high: [1, 1], startable: true, units };
          const module = fake((x, y) => [y - x, 0.5 - y], "panels");
          return live.encode(run, {}, new live.PlanePortrait(plane, module, run))[0];
        }""",
        [[[name, np.asarray(v).tolist()] for name, v in run.samples.items()], dict(portrait(model).units)],
    )
    for here, there in zip(found["panels"], header["panels"], strict=True):
        for key in ("kind", "title", "alt", "axes", "startable", "start", "step"):
            assert here.get(key) == there.get(key), key
        names = [
            [(s["name"], s["legend"], s["colour"]) for s in panel.get("series", [])]
            for panel in (here, there)
        ]
        assert names[0] == names[1]


@pytest.mark.parametrize("values", [{}, {"A": 0.0, "k": 0.1}, {"k": 140.0, "A": 0.0}])
def test_a_ring(js: Page, values: dict) -> None:
    """The map to the byte but for a level's rounding, and the sentence in full."""
    model = cann(n=64, t_on=0.0, t_off=60.0, t_move=20.0, t_halt=40.0, speed=0.04, **values)
    run = simulate(model, duration=60.0, dt=0.1, record=("u", "position"))
    picture = ring_portrait(model)
    header, data = encode(run, 60.0, {}, picture)
    found = js.evaluate(
        """([samples, angles]) => {
          const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
          const of = ([name, width, text]) => ({ name, cells: width === 1 ? null : [], width, values: floats(text) });
          const run = { dt: 0.1, duration: 60, done: 600, trains: [], samples: samples.map(of) };
          const ring = new live.RingPortrait({ angles }, run), [frame, data] = live.encode(run, {}, ring);
          const text = btoa(data.reduce((text, byte) => text + String.fromCharCode(byte), ""));
          return [frame, text, ring.sentence()];
        }""",
        [
            [
                [name, int(np.prod(v.shape[1:])), base64.b64encode(np.asarray(v, "<f4").tobytes()).decode()]
                for name, v in run.samples.items()
            ],
            np.asarray(model.angles).tolist(),
        ],
    )
    frame, text, sentence = found
    assert sentence == picture.sentence(run)
    assert {key: frame[key] for key in header} == json.loads(json.dumps(header))
    here, there = base64.b64decode(text), data
    for array in header["arrays"]:
        kind = {"u2": "<u2", "f4": "<f4"}[array["type"]]
        a, b = (np.frombuffer(x, kind, array["length"], array["offset"]).astype(float) for x in (here, there))
        assert np.array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, atol=1.0 if kind == "<u2" else 2e-5, rtol=1e-5)
