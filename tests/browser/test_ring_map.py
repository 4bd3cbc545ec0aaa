"""The map of a ring on a bare page: where the bump is drawn, in which colours, and how far."""

import numpy as np
from bare_page import frames, send
from playwright.sync_api import Page

from snnlab import Recording
from snnlab.core.recording import Spikes
from snnlab.widgets.frames import encode
from snnlab.widgets.rings import RingPortrait

ANGLES = np.linspace(-np.pi, np.pi, 64, endpoint=False)


def ring(angle: float, stimulus: float = np.nan, simulated: int = 200) -> Recording:
    """A bump that stands at an angle for up to 20 ms."""
    away = (ANGLES - angle + np.pi) % (2 * np.pi) - np.pi
    u = np.repeat(np.exp(-(away**2))[None], simulated, 0).astype(np.float32)
    samples = {"u": u, "position": np.full(simulated, stimulus, np.float32)}
    return Recording(0.1, 0.1 * simulated, 0, Spikes({}), samples, simulated == 200)


def at(page: Page, share_x: float, angle: float, dy: int = 0) -> list[int]:
    """Red, green and blue on the map, at a share of its width and an angle, or ``dy`` pixels below."""
    return page.evaluate(
        """([x, angle, dy]) => {
          const element = document.querySelector("#one canvas"), ratio = window.devicePixelRatio;
          const { panels } = shown["#one"].model.get("frame");
          const [box] = canvas.layout(panels, element.clientWidth, element.clientHeight);
          const at = [box.x + x * box.w, box.y + box.h * (0.5 - angle / (2 * Math.PI)) + dy];
          const [px, py] = at.map((v) => Math.floor(v * ratio));
          return [...element.getContext("2d").getImageData(px, py, 1, 1).data.slice(0, 3)];
        }""",
        [share_x, angle, dy],
    )


def test_the_bump_is_light_where_it_stands_and_dark_elsewhere(bare: Page) -> None:
    for serial, angle in enumerate((-2.0, 0.5, 2.5), 1):
        send(bare, "#one", encode(ring(angle), 20.0, {}, RingPortrait(ANGLES)), serial)
        frames(bare, "#one", serial)
        beside, opposite = at(bare, 0.5, angle - 0.3), at(bare, 0.5, angle - np.pi * np.sign(angle))
        assert beside[0] > 200 and beside[0] > beside[2] + 80, (angle, beside)  # yellow
        assert opposite[0] < 40 and opposite[2] > 60, (angle, opposite)  # dark blue
        assert min(max(at(bare, 0.5, angle, dy)) for dy in (-1, 0, 1)) < 110  # the line of the decoded angle
    alt = bare.get_by_role("img", name="modelone").get_attribute("aria-label")
    assert "map of the activity u over time and angle" in alt


def test_a_run_under_way_fills_its_share_of_the_map_and_shows_the_stimulus(bare: Page) -> None:
    send(bare, "#one", encode(ring(1.0, stimulus=-1.5, simulated=50), 20.0, {}, RingPortrait(ANGLES)), 1)
    frames(bare, "#one", 1)
    background = at(bare, 0.6, 0.7)
    assert at(bare, 0.2, 0.7)[0] > 200 and at(bare, 0.2, 0.7) != background
    assert at(bare, 0.6, -2.0) == background  # nothing is drawn where nothing was simulated
    column = [at(bare, x, -1.5, dy) for x in np.linspace(0.02, 0.22, 40) for dy in (-1, 0, 1)]
    assert any(r > 180 and g < 140 and b < 60 for r, g, b in column)  # the dashes of the stimulus
