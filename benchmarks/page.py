"""What the live book's pages cost in a headless browser: a run, a compile, a module; from a slider to its frame."""

import base64
import importlib.util
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

MODELS = {  # title: model, settings, goal for one run (ms)
    "COBA 1000, 500 ms": ("coba_ei", {"n_exc": 800, "n_inh": 200, "p": 0.08, "duration": 500.0}, 20.0),
    "COBA 4000, 500 ms": ("coba_ei", {"duration": 500.0}, 80.0),
    "COBA-HH 1000, 200 ms": ("coba_hh_ei", {"n_exc": 800, "n_inh": 200, "p": 0.08, "duration": 200.0}, 200.0),
    "Wang 320 + 80, 1.5 s": ("wang2002", {"scale": 0.2, "duration": 1500.0}, 250.0),
    "reduced decision, 1 s": ("wong_wang2006", {"duration": 1000.0}, 5.0),
    "CANN 512, 60 ms": ("cann", {"duration": 60.0}, 25.0),
}
DRAGS = {"COBA 1000, 500 ms": 50.0, "COBA 4000, 500 ms": 150.0}  # goal for the 95th percentile, ms
FIRST, TASK, COMPILE, MODULE, PAGE = 2000.0, 50.0, 5.0, 200_000, 2e6  # goals: ms, ms, s, bytes, bytes
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")

RUN = """async ([wasm, buffers, capacity, values, moves, dt, steps, rounds]) => {
  const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
  const { instance: { exports } } = await WebAssembly.instantiate(bytes, {});
  exports._initialize?.();
  const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint32: Uint32Array };
  const buffer = (name) => {
    const [{ offset, shape, dtype }] = buffers[name];
    return new kinds[dtype](exports.memory.buffer, offset, shape.reduce((a, b) => a * b, 1));
  };
  buffer("dt").set([dt]);
  buffer("last").set([steps]);
  const runs = [], wirings = [];
  for (let round = 0; round < rounds; round++) {
    buffer("seed").set([round]);
    buffer("values").set(values.map((x, i) => moves[i] ? x * (1 + 1e-4 * Math.random()) : x));
    let began = performance.now();
    exports.prepare();
    exports.wire?.();
    wirings.push(performance.now() - began);
    began = performance.now();
    exports.prepare();
    exports.start();
    for (let k = 0; k < steps; k += capacity) {
      buffer("steps").set([Math.min(capacity, steps - k)]);
      exports.advance();
    }
    runs.push(performance.now() - began);
    if (buffer("fault")[0] >= 0 || buffer("failed")[0] >= 0) throw new Error("the run failed");
  }
  return { runs, wirings };
}"""
WATCH = """() => {
  window.found = { latencies: [], tasks: [] };
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => found.tasks.push(entry.duration)))
    .observe({ entryTypes: ["longtask"] });
  const root = document.querySelector("[data-snnlab]");
  new MutationObserver(() => found.latencies.push(Number(root.dataset.latency)))
    .observe(root, { attributeFilter: ["data-latency"] });
}"""


def missing() -> str | None:
    """Why nothing can be measured here; None where it can."""
    for package, what in (("ziglang", "the C compiler"), ("playwright", "the browser's driver")):
        if importlib.util.find_spec(package) is None:
            return f"{what} ({package}) is not installed"
    from tools import browser

    return None if browser.find() else "no Chromium or Chrome was found"


def measure(rounds: int, moves: int) -> dict[str, Any]:
    """Of every model milliseconds of a run and of its wiring in Chromium, seconds to compile, bytes; and of drags."""
    from playwright.sync_api import sync_playwright

    from tools import browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find(), args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        models = {title: _model(page, name, values, rounds) for title, (name, values, _) in MODELS.items()}
        drags = {title: _drag(page, *MODELS[title][:2], moves) for title in DRAGS}
        chromium.close()
    return {"rounds": rounds, "moves": moves, "models": models, "drags": drags}


def _model(page: Any, name: str, values: dict[str, float], rounds: int) -> dict[str, float]:
    from snnlab import live

    began = time.perf_counter()
    program = live.program(name, **values)
    compiled = live.compile(program.entries, program.buffers)
    seconds, manifest = time.perf_counter() - began, program.manifest()
    first = manifest["values"]
    names = [parameter["name"] for parameter in manifest["parameters"]]
    moved = (
        [first[each] for each in names],
        [each != "delay" for each in names],
    )  # which stays on the grid of dt
    wasm, steps = base64.b64encode(compiled.wasm).decode(), round(first["duration"] / first["dt"])
    given = [wasm, compiled.buffers, manifest["capacity"], *moved, first["dt"], steps, rounds]
    found = page.evaluate(RUN, given)
    return {
        "run": statistics.median(found["runs"]),
        "best": min(found["runs"]),
        "wiring": statistics.median(found["wirings"]) if "wire" in program.entries else math.nan,
        "compile": seconds,
        "bytes": len(compiled.wasm),
    }


def _drag(page: Any, name: str, values: dict[str, float], moves: int) -> dict[str, float]:
    """Milliseconds from an event of a dragged slider to the painted frame, and from loading to the first frame."""
    from snnlab import live

    with tempfile.TemporaryDirectory() as folder:
        path = live.export(name, Path(folder, "page.html"), **values)
        size = path.stat().st_size
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("[data-snnlab][data-frame='1']")
        first = 1e3 * (time.perf_counter() - began)
        page.wait_for_selector("[data-snnlab][data-state='ready']")
        page.evaluate(WATCH)
        rail = page.locator("[data-parameter=g_inh] input[type=range]").bounding_box()
        x, y = rail["x"] + rail["width"] / 2, rail["y"] + rail["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for i in range(moves):
            page.mouse.move(x + 0.3 * rail["width"] * math.sin(0.3 * i), y)
            page.wait_for_timeout(30)
        page.mouse.up()
        page.wait_for_timeout(500)
        found = page.evaluate("found")
    latencies = sorted(found["latencies"])
    return {
        "first": first,
        "median": statistics.median(latencies),
        "p95": latencies[min(len(latencies) - 1, math.ceil(0.95 * len(latencies)) - 1)],
        "frames": len(latencies),
        "task": max(found["tasks"], default=0.0),
        "bytes": size,
    }
