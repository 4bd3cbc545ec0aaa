"""Hands on the canvas view: zoom, the moment that all panels share, the pinned run, pictures to take away."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from bare_page import frames, pin, send
from playwright.sync_api import Page, expect
from test_explorer_page import colours, recording
from test_phase_plane_page import PLACE
from test_phase_plane_page import frame as plane_frame
from test_ring_map import ANGLES, ring

from snnlab import Recording, SpikeTrains
from snnlab.core.recording import Spikes
from snnlab.widgets.frames import encode
from snnlab.widgets.rings import RingPortrait

SVG = "{http://www.w3.org/2000/svg}"


def few() -> Recording:
    """Three spikes at 100, 200 and 400 ms of 500, of neurons 10 and 90 of E and 5 of I."""
    trains = {
        "E": SpikeTrains(np.array([100.0, 400.0]), np.array([10, 90]), 100, 0.0, 500.0),
        "I": SpikeTrains(np.array([200.0]), np.array([5]), 20, 0.0, 500.0),
    }
    return Recording(0.1, 500.0, 0, Spikes(trains), {})


def boxes(page: Page, where: str = "#one") -> list[dict]:
    return page.evaluate(
        """(id) => {
          const element = document.querySelector(id + " canvas");
          const { panels } = shown[id].model.get("frame");
          return canvas.layout(panels, element.clientWidth, element.clientHeight);
        }""",
        where,
    )


def stretch(page: Page, where: str = "#one") -> tuple[float, float]:
    """The stretch of time that is looked at, ms."""
    moment = page.locator(f"{where} input[type=range]")
    return tuple(float(moment.get_attribute(edge)) for edge in ("min", "max"))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], where: str = "#one") -> None:
    corner = page.locator(f"{where} canvas").bounding_box()
    (x0, y0), (x1, y1) = ((corner["x"] + x, corner["y"] + y) for x, y in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    for share in (0.3, 0.7, 1.0):
        page.mouse.move(x0 + share * (x1 - x0), y0 + share * (y1 - y0))
    page.mouse.up()


@pytest.fixture
def raster(bare: Page) -> Page:
    send(bare, "#one", encode(few(), 500.0, {}))
    frames(bare, "#one", 1)
    return bare


def test_a_pointer_finds_the_neuron_and_the_time(raster: Page) -> None:
    box = boxes(raster)[0]
    x, y = box["x"] + 0.2 * box["w"], box["y"] + box["h"] * (1 - 10.5 / 120)  # E's neuron 10 at 100 ms
    raster.locator("#one canvas").hover(position={"x": x + 2, "y": y - 2})
    tip = raster.locator("#one .snnlab-tip")
    expect(tip).to_have_text(re.compile(r"^10[01]\.?\d* ms: neuron 10 of E$"))
    lines = raster.locator("#one .snnlab-overlay path[stroke-dasharray='4 2']")
    expect(lines).to_have_count(2)  # the moment, in the raster and in the rates
    raster.locator("#one canvas").hover(position={"x": x, "y": box["y"] + 0.5 * box["h"]})
    expect(tip).to_have_text(re.compile(r"^100\.?\d* ms$"))  # no spike there
    raster.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    expect(lines).to_have_count(0)


def test_a_stretch_is_dragged_out_moved_and_given_back(raster: Page) -> None:
    box = boxes(raster)[0]
    at = lambda t: box["x"] + box["w"] * t / 500  # noqa: E731
    drag(raster, (at(50), box["y"] + 60), (at(150), box["y"] + 62))
    from_, to = stretch(raster)
    assert (from_, to) == pytest.approx((50, 150), abs=1.5)
    blue, orange = colours(raster, "#one")
    assert blue > 0 and "100" in raster.locator("#one canvas").get_attribute("aria-label")
    drag(
        raster, (at(250), box["y"] + 60), (at(0), box["y"] + 60)
    )  # backwards; of the stretch, its first half
    assert stretch(raster) == pytest.approx((50, 100), abs=2)
    raster.keyboard.down("Shift")
    drag(raster, (at(400), box["y"] + 60), (at(200), box["y"] + 60))
    raster.keyboard.up("Shift")
    assert stretch(raster) == pytest.approx((70, 120), abs=2.5)
    raster.locator("#one canvas").dblclick(position={"x": at(250), "y": box["y"] + 60})
    assert stretch(raster) == (0, 500)
    expect(raster.get_by_role("button", name="Whole run").first).to_be_disabled()


def test_neurons_are_dragged_out_too(raster: Page) -> None:
    """A frame around the upper right corner of E's band shows its neuron 90 and nothing of I."""
    box = boxes(raster)[0]
    y = lambda neuron: box["y"] + box["h"] * (1 - neuron / 120)  # noqa: E731
    drag(raster, (box["x"] + 0.5 * box["w"], y(99)), (box["x"] + 0.95 * box["w"], y(80)))
    assert stretch(raster) == pytest.approx((250, 475), abs=2)
    middle = {"x": box["x"] + box["w"] * (400 - 250) / 225, "y": box["y"] + box["h"] * (1 - 10.5 / 19)}
    raster.locator("#one canvas").hover(position=middle)
    expect(raster.locator("#one .snnlab-tip")).to_contain_text("neuron 90 of E")


def test_a_wheel_scrolls_the_page_and_with_a_key_zooms(raster: Page) -> None:
    raster.set_viewport_size({"width": 900, "height": 400})
    box = boxes(raster)[0]
    raster.mouse.move(box["x"] + 0.4 * box["w"], box["y"] + 100)
    raster.mouse.wheel(0, 120)
    raster.wait_for_function("window.scrollY > 0")
    assert stretch(raster) == (0, 500)
    raster.evaluate("window.scrollTo(0, 0)")
    raster.mouse.move(box["x"] + 0.4 * box["w"], box["y"] + 100)
    raster.keyboard.down("Control")
    raster.mouse.wheel(0, -400)
    raster.keyboard.up("Control")
    raster.wait_for_function("document.querySelector('#one input[type=range]').max < 500")
    from_, to = stretch(raster)
    assert from_ < 200 < to and (200 - from_) / (to - from_) == pytest.approx(0.4, abs=0.02)
    assert raster.evaluate("window.scrollY") == 0


def test_keys_do_what_the_mouse_does(raster: Page) -> None:
    moment = raster.locator("#one input[type=range]")
    said = lambda: moment.get_attribute("aria-valuetext")  # noqa: E731
    moment.focus()
    for times in ("100 ms: neuron 10 of E", "200 ms: neuron 5 of I", "400 ms: neuron 90 of E"):
        raster.keyboard.press("ArrowUp")
        assert said().startswith(times)
    raster.keyboard.press("ArrowDown")
    assert said().startswith("200 ms: neuron 5 of I; E 0, I ")
    raster.keyboard.press("ArrowRight")
    assert said().startswith("202.5 ms: E 0")
    expect(raster.locator("#one .snnlab-readout")).to_have_text(said())
    raster.keyboard.press("+")
    raster.keyboard.press("+")
    from_, to = stretch(raster)
    assert to - from_ == pytest.approx(125) and from_ < 202.5 < to
    raster.keyboard.press("Shift+ArrowRight")
    assert stretch(raster)[0] == pytest.approx(from_ + 25)
    raster.keyboard.press("-")
    assert stretch(raster)[1] - stretch(raster)[0] == pytest.approx(250)
    raster.keyboard.press("0")
    assert stretch(raster) == (0, 500)
    raster.keyboard.press("Escape")
    assert said() == "no moment chosen"
    raster.keyboard.press("+")
    raster.keyboard.press("Home")
    assert stretch(raster) == (0, 500)


def test_fingers_choose_a_moment_and_a_stretch(raster: Page) -> None:
    """Touches along the picture are the view's, touches up and down the page's."""
    canvas = raster.locator("#one canvas")
    expect(canvas).to_have_css("touch-action", "pan-y pinch-zoom")
    box = boxes(raster)[0]
    touch = """([element, type, x, y]) => element.dispatchEvent(new PointerEvent(type, {
      pointerType: "touch", pointerId: 7, isPrimary: true, bubbles: true, cancelable: true,
      clientX: x + element.getBoundingClientRect().left, clientY: y + element.getBoundingClientRect().top }))"""
    raster.evaluate("Element.prototype.setPointerCapture = () => {}")  # of no real finger
    hand = canvas.element_handle()
    for kind in ("pointerdown", "pointerup", "pointerleave"):
        raster.evaluate(touch, [hand, kind, box["x"] + 0.5 * box["w"], box["y"] + 50])
    expect(raster.locator("#one .snnlab-readout")).to_contain_text("250 ms")
    for kind, share in (("pointerdown", 0.2), ("pointermove", 0.4), ("pointercancel", 0.4)):
        raster.evaluate(touch, [hand, kind, box["x"] + share * box["w"], box["y"] + 50])
    assert stretch(raster) == (0, 500)  # the page took the finger for scrolling
    for kind, share in (("pointerdown", 0.2), ("pointermove", 0.3), ("pointermove", 0.4), ("pointerup", 0.4)):
        raster.evaluate(touch, [hand, kind, box["x"] + share * box["w"], box["y"] + 50])
    assert stretch(raster) == pytest.approx((100, 200), abs=2)


def test_a_run_that_follows_keeps_the_stretch_and_another_length_does_not(raster: Page) -> None:
    raster.locator("#one input[type=range]").focus()
    raster.keyboard.press("+")
    kept = stretch(raster)
    send(raster, "#one", encode(few(), 500.0, {}), 2)
    frames(raster, "#one", 2)
    assert stretch(raster) == kept != (0, 500)
    send(raster, "#one", encode(recording(100, 20, 500, 300.0), 300.0, {}), 3)
    frames(raster, "#one", 3)
    assert stretch(raster) == (0, 300)


def test_times_count_from_the_frames_origin(raster: Page) -> None:
    """Of a run that goes on, the frame shows the last stretch; a moment stays with its spikes and scrolls away."""
    header, data = encode(few(), 500.0, {})
    raster.locator("#one input[type=range]").focus()
    raster.keyboard.press("ArrowUp")
    raster.keyboard.press("ArrowUp")
    expect(raster.locator("#one .snnlab-overlay path[stroke-dasharray='4 2']")).to_have_count(2)
    send(raster, "#one", ({**header, "origin": 150.0}, data), 2)
    frames(raster, "#one", 2)
    assert stretch(raster) == (150, 650)
    line = raster.locator("#one .snnlab-overlay path[stroke-dasharray='4 2']").first
    box = boxes(raster)[0]
    x = float(re.match(r"M([\d.]+) ", line.get_attribute("d"))[1])
    assert x == pytest.approx(box["x"] + box["w"] * 0.1, abs=1)  # 200 ms, 50 from the left edge
    send(raster, "#one", ({**header, "origin": 250.0}, data), 3)
    frames(raster, "#one", 3)
    expect(raster.locator("#one .snnlab-overlay path[stroke-dasharray='4 2']")).to_have_count(0)


def test_zooming_a_hundred_thousand_spikes(bare: Page) -> None:
    """Drawn anew from the same arrays, at every size."""
    send(bare, "#one", encode(recording(3200, 800, 100_000), 500.0, {}))
    frames(bare, "#one", 1)
    bare.locator("#one input[type=range]").focus()
    times = []
    for key in ("+", "+", "+", "Shift+ArrowRight", "Shift+ArrowLeft", "-", "-", "-"):
        bare.evaluate("document.querySelector('#one').dataset.draw = ''")
        bare.keyboard.press(key)
        bare.wait_for_function("document.querySelector('#one').dataset.draw !== ''")
        times.append(float(bare.locator("#one").get_attribute("data-draw")))
        blue, _ = colours(bare, "#one")
        assert blue > 3000
    print("zoomed pictures drawn in", times, "ms")
    assert bare.evaluate("shown['#one'].model.sent") == [{"drawn": 1}]  # the kernel hears nothing of it


def grey_between(page: Page, box: dict) -> int:
    """How many pixels of a box are of the grey of a pinned curve."""
    return page.evaluate(
        """(box) => {
          const element = document.querySelector("#one canvas");
          const { data } = element.getContext("2d").getImageData(box.x + 2, box.y, box.w - 4, box.h);
          let grey = 0;
          for (let i = 0; i < data.length; i += 4) {
            const spread = Math.max(...data.slice(i, i + 3)) - Math.min(...data.slice(i, i + 3));
            if (spread < 12 && data[i] < 170) grey++;
          }
          return grey;
        }""",
        box,
    )


def test_a_pinned_run_lies_under_the_present_one(bare: Page) -> None:
    present, other = recording(100, 20, 1000), recording(100, 20, 4000)
    send(bare, "#one", encode(present, 500.0, {}))
    frames(bare, "#one", 1)
    box, label = boxes(bare)[1], bare.locator("#one .snnlab-pinned")
    before = grey_between(bare, box)  # of the edges of curves
    expect(label).to_be_hidden()
    pin(bare, "#one", encode(other, 500.0, {}), "pinned: g_inh 5 nS <b>")
    expect(label).to_have_text("pinned: g_inh 5 nS <b>")
    bare.wait_for_timeout(100)
    assert grey_between(bare, box) > before + 100
    assert "in grey, pinned: g_inh" in bare.locator("#one canvas").get_attribute("aria-label")
    pin(bare, "#one", None)
    expect(label).to_be_hidden()
    bare.wait_for_timeout(100)
    assert grey_between(bare, box) < before + 30  # but for the range of the axis


def test_a_start_is_dragged_in_the_plane(bare: Page) -> None:
    send(bare, "#one", plane_frame())
    frames(bare, "#one", 1)
    start, end = (bare.evaluate(PLACE, ["#one", state]) for state in ((0.2, 0.2), (0.6, 0.4)))
    drag(bare, start, end)
    bare.wait_for_timeout(100)
    starts = [each["start"] for each in bare.evaluate("shown['#one'].model.sent") if "start" in each]
    assert 2 <= len(starts) <= 4 and starts[-1] == pytest.approx((0.6, 0.4), abs=0.006)
    expect(bare.locator("#one input[type=range]")).to_have_count(1)
    point = bare.evaluate(PLACE, ["#one", (0.31, 0.62)])
    bare.locator("#one canvas").hover(position={"x": point[0], "y": point[1]})
    expect(bare.locator("#one .snnlab-tip")).to_have_text(re.compile(r"^s1, s2: \(0\.31\d?, 0\.62\d?\)$"))


def test_the_run_is_marked_in_the_plane_at_the_moment(bare: Page) -> None:
    send(bare, "#one", plane_frame())
    frames(bare, "#one", 1)
    moment = bare.locator("#one input[type=range]")
    moment.focus()
    places = []
    for key in ("ArrowRight", "End"):
        bare.keyboard.press(key)
        mark = bare.locator("#one .snnlab-overlay path[fill='#009E73']")
        box = mark.bounding_box()
        places.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    expected = [bare.evaluate(PLACE, ["#one", state]) for state in ((0.1, 0.099), (0.723, 0.005))]
    corner = bare.locator("#one canvas").bounding_box()
    for seen, where in zip(places, expected, strict=True):
        assert seen == pytest.approx((where[0] + corner["x"], where[1] + corner["y"]), abs=6)


def moving(speed: float) -> Recording:
    """A bump that goes round, with the stimulus ahead of it."""
    t = np.arange(200) * 0.1
    place = (speed * t + np.pi) % (2 * np.pi) - np.pi
    away = (ANGLES[None] - place[:, None] + np.pi) % (2 * np.pi) - np.pi
    samples = {"u": np.exp(-(away**2)).astype(np.float32), "position": place.astype(np.float32)}
    return Recording(0.1, 20.0, 0, Spikes({}), samples, True)


def test_the_ring_shows_the_moment_and_plays(bare: Page) -> None:
    send(bare, "#one", encode(moving(0.1), 20.0, {}, RingPortrait(ANGLES)))
    frames(bare, "#one", 1)
    words = bare.locator("#one .snnlab-overlay text")
    expect(words.filter(has_text="at ")).to_have_text("at 20 ms")
    moment = bare.locator("#one input[type=range]")
    moment.focus()
    bare.keyboard.press("ArrowRight")
    for _ in range(5):
        bare.keyboard.press("PageUp")
    expect(words.filter(has_text="at ")).to_have_text("at 10.1 ms")
    expect(words.filter(has_text="stimulus")).to_have_text("stimulus 1.01 rad")
    expect(words.filter(has_text="decoded")).to_have_text("decoded 1.01 rad")
    play = bare.locator("#one [data-tool=play]")
    play.click()
    expect(play).to_have_text("Pause")
    bare.wait_for_function("document.querySelector('#one input[type=range]').value > 11")
    play.click()
    expect(play).to_have_text("Replay")
    stopped = moment.input_value()
    bare.wait_for_timeout(150)
    assert moment.input_value() == stopped and float(stopped) < 20


def test_still_pictures_where_motion_is_not_wanted(bare: Page) -> None:
    bare.emulate_media(reduced_motion="reduce")
    send(bare, "#one", encode(moving(0.1), 20.0, {}, RingPortrait(ANGLES)))
    frames(bare, "#one", 1)
    bare.evaluate("""() => {
      window.seen = new Set();
      const range = document.querySelector("#one input[type=range]");
      new MutationObserver(() => seen.add(range.value)).observe(range, { attributes: true });
    }""")
    bare.locator("#one [data-tool=play]").click()
    bare.wait_for_timeout(1300)
    values = sorted(map(float, bare.evaluate("[...seen]")))
    assert np.diff(values) == pytest.approx(1.0, abs=0.01)  # 20 pictures of the run, two a second
    assert len(values) <= 4


def psychometric(times: bool) -> tuple[dict, bytes]:
    trials = [(0.0, 26, 50), (0.064, 34, 50), (0.256, 48, 50), (0.512, 0, 0)]
    points = [
        {"coherence": c, "correct": k, "total": n, "time": 900 - 1000 * c if times and n else None}
        for c, k, n in trials
    ]
    panel = {
        "kind": "psychometric",
        "title": "right choices (%)",
        "alt": "psychometric curve",
        "points": points,
    }
    header = {"duration": 1.0, "end": 1.0, "steps": 1, "positions": {}, "arrays": []}
    return {**header, "panels": [{**panel, "fit": {"alpha": 0.09, "beta": 1.2}}]}, b""


@pytest.mark.parametrize("times", [True, False])
def test_a_psychometric_curve(bare: Page, times: bool) -> None:
    send(bare, "#one", psychometric(times))
    frames(bare, "#one", 1)
    canvas, tip = bare.locator("#one canvas"), bare.locator("#one .snnlab-tip")
    width = canvas.evaluate("canvas => canvas.clientWidth")
    canvas.hover(position={"x": 56 + 18 + 1, "y": 200})
    # Wilson (1927): 26 of 50 is 52 %, 38.5 to 65.2
    expect(tip).to_contain_text("coherence 0 %: 26 of 50 right (52 %, 39 to 65)" + ", 900 ms" * times)
    canvas.hover(position={"x": width - 16 - 18, "y": 200})
    expect(tip).to_be_hidden()  # no trial there yet
    blue, orange = colours(bare, "#one")
    assert blue > 500 and (orange > 100) == times
    expect(bare.locator("#one .snnlab-tools")).to_be_hidden()


@pytest.mark.parametrize("what", ["raster", "plane", "ring", "psychometric"])
def test_pictures_are_taken_away(bare: Page, what: str) -> None:
    made = {
        "raster": lambda: encode(recording(320, 80, 5000), 500.0, {}),
        "plane": plane_frame,
        "ring": lambda: encode(ring(1.0, stimulus=-1.5), 20.0, {}, RingPortrait(ANGLES)),
        "psychometric": lambda: psychometric(True),
    }[what]()
    bare.evaluate(
        """() => {
          const el = document.body.appendChild(document.createElement("div"));
          window.mounted = canvas.mount(el, { name: "a <model>", send() {} });
          mounted.status({ state: "ready", text: "E 20.0 Hz & more" });
        }"""
    )
    with pytest.raises(Exception, match="there is no picture yet"):
        bare.evaluate("() => mounted.picture('svg')")
    header, data = made
    bare.evaluate(
        "([header, data]) => mounted.frame(header, bytes(data))",
        [{**header, "serial": 1}, base64.b64encode(data).decode()],
    )
    bare.wait_for_timeout(100)
    read = """async (kind) => {
      const blob = await mounted.picture(kind), bitmap = kind === "png" && (await createImageBitmap(blob));
      if (!bitmap) return { type: blob.type, text: await blob.text() };
      const sheet = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      sheet.drawImage(bitmap, 0, 0);
      const { data } = sheet.getImageData(0, 0, bitmap.width, bitmap.height);
      let ink = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] < 200 || data[i + 2] < 200) ink++;
      return { type: blob.type, width: bitmap.width, corner: [...data.slice(0, 4)], ink };
    }"""
    svg = bare.evaluate(read, "svg")
    root = ElementTree.fromstring(svg["text"])
    texts = [text.text for text in root.iter(SVG + "text")]
    assert svg["type"] == "image/svg+xml" and root.tag == SVG + "svg"
    assert texts[:2] == ["a <model>", "E 20.0 Hz & more"]
    assert header["panels"][0]["title"] in texts
    paths = [path.get("d") for path in root.iter(SVG + "path")]
    if what == "raster":  # every spike is in it
        assert sum(d.count("M") for d in paths if d.count("M") > 500) == 5000
    if what == "ring":
        assert len(list(root.iter(SVG + "image"))) == 1
    assert not any("NaN" in d for d in paths)
    png = bare.evaluate(read, "png")
    width = bare.evaluate("() => document.querySelector('body > div:last-child canvas').clientWidth")
    assert png["type"] == "image/png" and png["width"] == 2 * width
    assert png["corner"] == [255, 255, 255, 255] and png["ink"] > 2000
    with pytest.raises(Exception, match="no picture of the kind gif"):
        bare.evaluate("() => mounted.picture('gif')")
