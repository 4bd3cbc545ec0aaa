"""The canvas view on a bare page, and an explorer in JupyterLab: what is drawn, said and answered."""

import statistics

import numpy as np
import pytest
from bare_page import STATUS, frames, prepare, send
from explorer_page import ExplorerPage
from lab_page import JupyterLab, run_all
from playwright.sync_api import Browser, Page, expect

from snnlab import Recording, SpikeTrains
from snnlab.core.recording import Spikes
from snnlab.widgets.frames import encode


def recording(n_exc: int, n_inh: int, spikes: int, duration: float = 500.0) -> Recording:
    rng = np.random.default_rng(1)
    trains = {}
    for name, n in (("E", n_exc), ("I", n_inh)):
        count = spikes * n // (n_exc + n_inh)
        steps = np.sort(rng.integers(0, round(duration / 0.1), count))
        trains[name] = SpikeTrains(steps * 0.1, rng.integers(0, n, count), n, 0.0, duration)
    return Recording(0.1, duration, 0, Spikes(trains), {})


def test_a_hundred_thousand_spikes(bare: Page) -> None:
    expect(bare.locator("#one")).to_have_attribute("data-state", "loading")
    times = []
    for serial in range(1, 11):
        send(bare, "#one", encode(recording(3200, 800, 100_000), 500.0, {}), serial)
        frames(bare, "#one", serial)
        times.append(float(bare.locator("#one").get_attribute("data-draw")))
    print(f"100,000 spikes are drawn in {statistics.median(times):.1f} ms (the first in {times[0]:.1f})")
    root = bare.locator("#one")
    expect(root).to_have_attribute("data-snnlab", "modelone")
    expect(root).to_have_attribute("data-state", "ready")
    expect(root.locator(".snnlab-summary")).to_have_text("E 20.0 Hz")
    alt = bare.get_by_role("img", name="modelone").get_attribute("aria-label")
    assert "E 3200, I 800 neurons" in alt and "population rates" in alt and "E 20.0 Hz" in alt
    assert bare.evaluate("shown['#one'].model.sent") == [{"drawn": serial} for serial in range(1, 11)]
    assert bare.evaluate("shown['#two'].model.sent") == []
    expect(bare.locator("#two")).to_have_attribute("data-frame", "0")
    blue, orange = colours(bare, "#one")
    assert blue > 10_000 and orange > 2_000


def colours(page: Page, where: str) -> tuple[int, int]:
    """How many pixels are rather blue, and rather orange."""
    return tuple(
        page.evaluate(
            """(id) => {
              const canvas = document.querySelector(id + " canvas");
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let blue = 0, orange = 0;
              for (let i = 0; i < data.length; i += 4) {
                if (data[i + 2] > data[i] + 40) blue++;
                if (data[i] > data[i + 2] + 40) orange++;
              }
              return [blue, orange];
            }""",
            where,
        )
    )


def test_spikes_are_drawn_where_they_are(bare: Page) -> None:
    """One spike of one cell, in a corner of the raster's band."""
    for serial, (time, neuron) in enumerate([(0.0, 0), (499.9, 99)], start=1):
        trains = {
            "E": SpikeTrains(np.array([time]), np.array([neuron]), 100, 0.0, 500.0),
            "I": SpikeTrains(np.array([]), np.array([], int), 100, 0.0, 500.0),
        }
        header, data = encode(Recording(0.1, 500.0, 0, Spikes(trains), {}), 500.0, {})
        header["panels"] = header["panels"][:1]
        send(bare, "#one", (header, data), serial)
        frames(bare, "#one", serial)
        x, y = bare.evaluate(
            """() => {
              const canvas = document.querySelector("#one canvas");
              const left = 56, top = 22, right = 16, bottom = 40; // inside the axes
              const width = canvas.width - left - right, height = canvas.height - top - bottom;
              const { data } = canvas.getContext("2d").getImageData(left, top, width, height);
              const seen = [];
              for (let i = 0; i < data.length; i += 4) {
                const column = (i / 4) % width, row = Math.floor(i / 4 / width);
                if (data[i + 2] > data[i] + 40) seen.push([column / width, row / height]);
              }
              return [0, 1].map((k) => seen.reduce((sum, each) => sum + each[k], 0) / seen.length);
            }"""
        )
        assert (x, y) == pytest.approx([(0.0, 1.0), (1.0, 0.5)][serial - 1], abs=0.03)


def test_text_is_never_markup(bare: Page) -> None:
    evil = "<img src=x onerror='window.caught = true'><script>window.caught = true</script>"
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}), text=evil, error=evil, note=evil, stale=True)
    frames(bare, "#one", 1)
    root = bare.locator("#one")
    for part in (".snnlab-summary", ".snnlab-error", ".snnlab-note"):
        expect(root.locator(part)).to_have_text(evil)
    assert root.locator("img:not(canvas), script").count() == 0
    assert bare.evaluate("window.caught") is None
    expect(bare.get_by_role("alert").first).to_have_text(evil)


def test_what_is_not_current_is_marked(bare: Page) -> None:
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}))
    frames(bare, "#one", 1)
    canvas = bare.locator("#one canvas")
    expect(canvas).to_have_css("opacity", "1")
    status = {**STATUS, "state": "error", "stale": True, "note": "not of these values", "error": "g = 7"}
    bare.evaluate("(status) => shown['#one'].model.set({ status })", status)
    expect(canvas).to_have_css("opacity", "0.35")
    expect(bare.locator("#one .snnlab-note")).to_be_visible()
    assert "not of these values" in canvas.get_attribute("aria-label")
    expect(bare.locator("#one")).to_have_attribute("data-state", "error")
    bare.evaluate("(status) => shown['#one'].model.set({ status })", STATUS)
    expect(canvas).to_have_css("opacity", "1")
    expect(bare.locator("#one .snnlab-note")).to_be_hidden()


def test_controls_get_their_attributes_whenever_they_come(bare: Page) -> None:
    add = """([id, name]) => document.querySelector(id).insertAdjacentHTML("afterbegin",
      `<div class="snnlab-control snnlab-parameter-${name}"><label>${name} (nS)</label>
       <div class="noUi-handle" tabindex="0"></div></div><button class="snnlab-action-run">Run</button>`)"""
    for where, names in {"#one": ["g_inh", "p"], "#two": ["g_inh"]}.items():
        for name in names:
            bare.evaluate(add, [where, name])
            expect(bare.locator(f'{where} [data-parameter="{name}"]')).to_have_count(1)
            expect(bare.locator(f"{where} .noUi-handle").first).to_have_attribute(
                "aria-label", f"{name} (nS)"
            )
    expect(bare.locator('#one [data-action="run"]')).to_have_count(2)


def test_a_frame_that_cannot_be_read_is_said(bare: Page) -> None:
    header, data = encode(recording(10, 5, 50), 500.0, {})
    send(bare, "#one", (header, data[: len(data) // 2]))
    expect(bare.locator("#one .snnlab-error")).to_contain_text("could not be drawn")
    send(bare, "#two", (header, data))  # the other view is none the worse
    frames(bare, "#two", 1)


def test_dark_pages_and_sharp_screens(browser: Browser) -> None:
    context = browser.new_context(device_scale_factor=2, color_scheme="dark")
    page = prepare(context.new_page())
    send(page, "#one", encode(recording(320, 80, 5_000), 500.0, {}))
    frames(page, "#one", 1)
    size = page.evaluate(
        """() => {
          const canvas = document.querySelector("#one canvas");
          return [canvas.width, canvas.clientWidth, canvas.height, canvas.clientHeight];
        }"""
    )
    assert size[0] == 2 * size[1] and size[2] == 2 * size[3]
    corner = page.evaluate(
        "() => [...document.querySelector('#one canvas').getContext('2d').getImageData(1, 1, 1, 1).data]"
    )
    assert max(corner[:3]) < 60
    blue, _ = colours(page, "#one")
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "() => document.querySelector('#one canvas').getContext('2d').getImageData(1, 1, 1, 1).data[0] > 200"
    )
    assert blue > 1000 and colours(page, "#one")[0] > 1000
    page.evaluate("() => (document.querySelector('#one').style.width = '500px')")
    page.wait_for_function(
        "() => document.querySelector('#one canvas').width === 2 * document.querySelector('#one canvas').clientWidth"
    )
    assert colours(page, "#one")[0] > 500  # drawn anew: setting its size clears a canvas
    context.close()


def test_a_view_that_is_taken_away_is_gone(bare: Page) -> None:
    bare.evaluate("() => shown['#one'].stop()")
    send(bare, "#one", encode(recording(10, 5, 50), 500.0, {}))
    send(bare, "#two", encode(recording(10, 5, 50), 500.0, {}))
    frames(bare, "#two", 1)
    assert bare.evaluate("shown['#one'].model.sent") == []
    assert bare.evaluate("Object.values(shown['#one'].model.listeners).flat().length") == 0


def test_explorer_in_jupyterlab(page: Page, jupyterlab: JupyterLab) -> None:
    """Two views of one explorer: by keyboard, by mouse, stopped, with a wrong value; none leads to stale pictures."""
    jupyterlab.write_notebook(
        "explorer.ipynb", "import snnlab\nexplorer = snnlab.explore('coba_ei')\nexplorer", "explorer"
    )
    jupyterlab.open_notebook(page, "explorer.ipynb")
    run_all(page)
    expect(page.locator("[data-snnlab]")).to_have_count(2)
    one, two = ExplorerPage(page, "coba_ei"), ExplorerPage(page, "coba_ei", 1)
    one.wait()
    two.wait()
    assert one.summary == two.summary and one.summary.startswith("E 2")
    # those of the model and the run, and the speed of live mode
    assert one.root.locator("[data-parameter]").count() == 20
    # a page that snaps a slider to its stops must not change the value it stands for
    expect(one.root.locator('[data-action="preset"] select')).to_have_value("asynchronous irregular")
    assert page.get_by_role("slider", name="g_inh (nS)").count() == 2
    assert page.get_by_role("spinbutton", name="g_inh (nS)").count() == 2

    first = one.summary
    handle = one.control("g_inh").locator(".noUi-handle")
    keyed = []
    for _ in range(10):
        before = one.frame
        handle.press("ArrowRight")
        one.wait(after=before)
        keyed.append(one.latency)
    assert one.value("g_inh") == pytest.approx(7.7) and one.summary == two.summary != first

    before = one.frame
    one.drag("g_inh", 0.9, steps=40)
    one.wait(after=before + 2)
    page.wait_for_function("() => document.querySelector('[data-parameter=g_inh] input').value > 17")
    print(
        f"a key to its frame: median {statistics.median(keyed):.0f} ms; the drag's last: {one.latency:.0f} ms"
    )
    print(f"frames while dragging: {one.frame - before}; drawn in {one.read('draw')} ms")

    one.type("p", 7)
    one.wait("error")
    assert "p = 7 is not allowed" in one.error and one.value("p") == 0.02
    one.click("reset")
    one.wait()
    assert one.error == "" and one.value("g_inh") == 6.7

    two.type("duration", 100_000)
    two.click("run")
    two.wait("running", after=two.frame)
    two.click("stop")
    two.wait()
    assert "stopped after" in one.summary and one.summary == two.summary
    two.click("reset")
    two.wait()
    expect(two.root.locator(".snnlab-summary")).to_have_text(first)
