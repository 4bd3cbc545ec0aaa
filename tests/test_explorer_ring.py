"""The explorer of a ring and its figures: the map through real callbacks, what it says, what is drawn."""

import asyncio
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from explorers import executed, same

import snnlab
from snnlab import analysis, model, ring_plots, simulate
from snnlab.models import cann
from snnlab.models.ring_attractor import RingAttractor
from snnlab.widgets import explore
from snnlab.widgets.catalogue import LOOKS


@pytest.fixture(scope="module")
def explorer():
    return explore("cann")


@pytest.fixture(autouse=True)
def _first_values(explorer):
    explorer.reset()


def shown(explorer):
    """The panels of the last frame, and its arrays."""
    view = explorer.panel.view
    kinds = {"u2": "<u2", "u4": "<u4", "f4": "<f4"}
    arrays = [
        np.frombuffer(view.data, kinds[a["type"]], a["length"], a["offset"]) for a in view.frame["arrays"]
    ]
    return view.frame["panels"], arrays


def test_the_map_is_the_run(explorer):
    recording = explorer.run()
    (ring, height, lag), arrays = shown(explorer)
    assert [ring["kind"], height["kind"], lag["kind"]] == ["map", "traces", "traces"]
    u, every = recording["u"], round(ring["step"] / recording.dt)
    top = u[::every].max()
    levels = arrays[ring["levels"]].reshape(ring["rows"], -1)
    assert levels.max() == 65_535 and f"{top:.3g}" in ring["title"]
    assert np.allclose(levels / 65_535 * top, np.maximum(u[::every, ::4].T, 0.0), atol=1e-4 * top)
    lines = {line["name"]: arrays[line["values"]] for line in ring["lines"]}
    assert np.array_equal(lines["stimulus"], recording["position"][::every])
    decoded = analysis.population_vector(u[::every])
    assert np.allclose(lines["decoded"][1:], decoded[1:], atol=1e-6)
    (series,) = lag["series"]
    assert np.allclose(arrays[series["values"]][1:], analysis.lag(recording)[1:], atol=1e-5)
    assert same(recording, executed(explorer.code()))
    assert len(explorer.panel.view.data) < 300_000


def test_presets_show_what_they_are_called(explorer):
    found = {}
    for name in LOOKS["cann"].presets:
        explorer.preset(name)
        recording = explorer.run()
        assert explorer.present_preset() == name
        found[name] = analysis.ring_summary(recording), explorer.summary, recording
        assert explorer.summary == str(found[name][0])
    tracked = found["smooth tracking"][0]
    assert tracked.error < 1e-3 and 0.553 < tracked.lag < 0.57  # it overshoots a little
    stays = found["a memory that stays"][0]
    assert stays.angle == pytest.approx(0.0, abs=1e-3) and stays.height == pytest.approx(22.56, rel=1e-2)
    wanders = analysis.population_vector(found["a memory that wanders"][2]["u"][100:])
    assert 0.02 < np.ptp(wanders) < 1.0 and found["a memory that wanders"][0].height > 20.0
    assert found["a jump under noise"][0].error < 0.01
    torn = np.unwrap(analysis.lag(found["torn off"][2])[1:])
    assert np.ptp(torn) > 2.0
    assert found["no attractor"][1] == "no activity is left"
    assert found["the old listing"][0].lag > 0.85


def test_a_slider_moves_and_the_ring_answers(explorer):
    async def session():
        panel = explorer.panel
        before = panel.view.frame.get("serial", 0)
        for value in (5.0, 8.0, 12.0):
            panel.controls["A"].slider.value = value
        await explorer.flush()
        assert explorer.values["A"] == 12.0 and panel.view.frame["serial"] > before
        assert not explorer.stale and "bump of height" in panel.view.status["text"]
        panel.preset.value = "a memory that stays"
        await explorer.flush()
        assert "no stimulus" in panel.view.status["text"] and explorer.values["k"] == 0.1
        panel.controls["a"].box.value = 0.001
        with pytest.raises(ValueError, match="n = 512 units are too few"):
            await explorer.flush()
        assert panel.view.status["state"] == "error" and "too few" in panel.view.status["error"]

    asyncio.run(session())


def test_a_run_can_be_shown_before_its_end(explorer):
    model = explorer.subject.model(explorer.values)
    run = explorer.subject.start(model, explorer.values)
    from snnlab.widgets.frames import encode
    from snnlab.widgets.rings import ring_portrait

    for steps in (0, 1, 7):
        run.chunk = max(steps, 1)
        if steps:
            run.advance()
        header, data = encode(run.recording(), 60.0, {}, ring_portrait(model))
        assert header["panels"][0]["kind"] == "map" and len(data) == sum(
            a["length"] * int(a["type"][1]) for a in header["arrays"]
        )


def test_figures_of_a_ring(explorer, tmp_path):
    explorer.run()
    picture = explorer.figure()
    assert "lag up to 0.56" in picture.alt and explorer.save(tmp_path / "ring.png").stat().st_size > 1000
    recording = simulate(cann(k=0.1), duration=20.0, record=("u", "stimulus", "position"))
    ax = ring_plots.ring_map(recording)
    assert ax.images[0].get_array().shape == (512, 200) and ax.images[0].get_cmap().name == "cividis"
    labels = {line.get_label(): line for line in ax.get_lines()}
    assert np.nanmax(np.abs(labels["decoded"].get_ydata()[30:])) < 1e-3
    ax = ring_plots.bump(recording, 19.0, theory=analysis.bump(cann(k=0.1)).u)
    drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    assert np.array_equal(drawn["u"], recording["u"][190])
    assert np.abs(drawn["u"] - drawn["theory"]).max() < 0.1
    plt.close("all")
    with pytest.raises(
        ValueError, match=r"t = 20 ms was not simulated; the recording goes from 0 to 19.9 ms"
    ):
        ring_plots.bump(recording, 20.0)


def test_a_film_plays_without_asking_anybody():
    recording = simulate(cann(k=0.1), duration=10.0, record=("u", "stimulus"))
    film = ring_plots.film(recording, "A bump grows under the stimulus & stays.", frames=5)
    page = film._repr_html_()
    assert len(film.frames) == 5 and len({*film.frames}) > 2 and film.labels[-1] == "9.9 ms"
    assert "stimulus &amp; stays" in page and not re.search(r"https?://|src=\"(?!data:)|href", page)
    assert page != film._repr_html_()  # two films on a page do not share a name
    with pytest.raises(ValueError, match="alt is empty"):
        ring_plots.film(recording, " ")
    with pytest.raises(ValueError, match="frames = 1 must be from 2 to 100"):
        ring_plots.film(recording, "A bump.", frames=1)
    assert not plt.get_fignums()


@model
def my_ring(**parameters) -> RingAttractor:
    """A ring of one's own."""
    return RingAttractor(**{**parameters, "noise": 0.2})


def test_a_ring_of_ones_own_is_explored_too():
    explorer = snnlab.explore(my_ring, n=64, duration=20.0)
    recording = explorer.run()
    assert list(recording.samples) == ["u"] and "no stimulus" in explorer.summary
    panels, arrays = shown(explorer)
    assert panels[0]["kind"] == "map" and panels[0]["rows"] == 64
    assert np.all(np.isnan(arrays[panels[0]["lines"][0]["values"]]))
    assert "bump of height" in explorer.figure().alt


def test_every_corner_of_every_slider_is_shown(explorer):
    for name, control in explorer.panel.controls.items():
        if control.scale is None or name in ("seed", "duration", "dt"):
            continue
        for value in (control.scale.low, control.scale.high):
            explorer.reset()
            explorer.set(**{name: value})
            assert np.all(np.isfinite(explorer.run()["u"])), (name, value)
            assert explorer.summary and explorer.state == "ready"
