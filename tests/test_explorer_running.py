"""Explorers in the background: the newest value wins, Stop stops, nothing queues, two do not interfere."""

import asyncio
import itertools

import pytest
from explorers import executed, same, small

import snnlab
from snnlab.widgets import explore, runner


def test_stop_acts_within_a_chunk(monkeypatch):
    monkeypatch.setattr(runner, "SLICE", 0.0)
    explorer = small(duration=20_000.0)
    chunks = []
    advance = snnlab.Run.advance
    monkeypatch.setattr(snnlab.Run, "advance", lambda run: chunks.append(1) or advance(run))

    async def stopped():
        explorer.panel.buttons["run"].click()
        while len(chunks) < 5:
            await asyncio.sleep(0)
        at = len(chunks)
        explorer.panel.buttons["stop"].click()
        assert explorer.panel.view.status["text"] == "stopping ..."
        await explorer.flush()
        return at

    at = asyncio.run(stopped())
    assert len(chunks) <= at + 1
    assert not explorer.recording.complete and explorer.recording.duration == pytest.approx(
        100.0 * len(chunks)
    )
    assert explorer.panel.view.status["state"] == "ready"
    assert f"stopped after {explorer.recording.duration:g} of 20000 ms" in explorer.panel.view.status["text"]


def test_a_storm_ends_on_the_last_value_with_few_runs():
    explorer = small(n_exc=800, n_inh=200, duration=500.0)
    slider = explorer.panel.controls["g_inh"].slider
    explorer.run()
    before = explorer.runs

    async def storm():
        loop = asyncio.get_running_loop()
        began = loop.time()
        for i in range(1000):
            slider.value = 1.0 + 0.1 * (i % 180)
            await asyncio.sleep(max(0.0, began + 0.002 * i - loop.time()))
        slider.value = 4.2
        await explorer.flush()
        return loop.time() - began

    seconds = asyncio.run(storm())
    assert explorer.values["g_inh"] == 4.2 and not explorer.stale
    assert 5 < explorer.runs - before <= seconds / runner.INTERVAL + 2
    assert same(explorer.recording, executed(explorer.code()))


def test_frames_appear_while_a_slider_is_dragged_over_long_runs():
    explorer = small(duration=500.0)
    explorer.run()
    explorer.set(duration=200_000.0)
    explorer._seconds = 0.0  # taken for short, so that it is live
    frames = []
    explorer.panel.view.observe(lambda change: frames.append(change.new["end"]), "frame")

    async def drag():
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.5
        i = 0
        while loop.time() < end:
            i += 1
            explorer._seconds = 0.0
            explorer.panel.controls["g_inh"].slider.value = 1.0 + 0.1 * (i % 100)
            await asyncio.sleep(0.016)
        explorer.stop()
        await explorer.flush()

    asyncio.run(drag())
    assert len(frames) >= 4 and all(end > 0 for end in frames)
    assert explorer.runs >= 4  # a long run was given up for the newer value, more than once


def test_a_value_changed_during_a_run_leaves_its_picture_stale():
    explorer = small(duration=500.0)
    explorer.run()
    explorer.set(duration=20_000.0)
    explorer._seconds = 1.0  # taken for long: sliders wait for the button

    async def change():
        explorer.panel.buttons["run"].click()
        async with asyncio.timeout(60):
            while explorer.progress * 20_000.0 <= 500.0 or explorer.progress == 1.0:  # the old run's is 1
                await asyncio.sleep(0.01)
        explorer._seconds = 1.0
        explorer.panel.controls["g_inh"].box.value = 3.0
        explorer.stop()
        await explorer.flush()

    asyncio.run(change())
    assert explorer.recording.duration > 500.0 and explorer.stale
    assert explorer.panel.view.status["stale"] and "press Run" in explorer.panel.view.status["note"]


def test_a_long_run_waits_for_its_button():
    explorer = small(duration=500.0)
    explorer.run()
    explorer._seconds = 1.0
    runs = explorer.runs
    explorer.panel.controls["g_inh"].slider.value = 4.0
    status = explorer.panel.view.status
    assert explorer.runs == runs and status["stale"] and "press Run" in status["note"]
    assert "snnlab-glow" in explorer.panel.buttons["run"]._dom_classes
    explorer.panel.buttons["run"].click()
    assert explorer.runs == runs + 1 and not explorer.panel.view.status["stale"]
    assert "snnlab-glow" not in explorer.panel.buttons["run"]._dom_classes


def test_code_overtakes_what_goes_on_in_the_background():
    explorer = small(duration=5000.0)

    async def overtake():
        explorer.panel.buttons["run"].click()
        await asyncio.sleep(0.02)
        explorer.set(duration=50.0, g_inh=2.0)
        recording = explorer.run()
        await explorer.flush()
        assert explorer.recording is recording and not explorer.stale

    asyncio.run(overtake())


def test_the_first_display_runs_once_and_says_that_it_compiles():
    explorer = explore("lif_ei", n_exc=83, duration=50.0)
    words = []

    async def display():
        explorer.panel.view.observe(lambda change: words.append(change.new), "status")
        assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()
        await explorer.flush()
        explorer._repr_mimebundle_()  # a second view of the same explorer runs nothing
        await explorer.flush()

    asyncio.run(display())
    assert explorer.runs == 1 and explorer.recording is not None
    # a state may be told more than once, with what there is by then
    states = [state for state, _ in itertools.groupby(w["state"] for w in words)]
    assert states == ["loading", "ready"] and "compiling" in words[0]["text"]
    first = len(words)
    explorer.panel.controls["RI"].slider.value = 25.0
    assert len(words) > first and not any("compiling" in w["text"] for w in words[first:])


def test_two_explorers_do_not_interfere():
    one, two = small(seed=1), small("lif_ei", seed=2)

    async def both():
        for i in range(12):
            one.panel.controls["g_inh"].slider.value = 1.0 + i
            two.panel.controls["RI"].slider.value = 10.0 + i
            await asyncio.sleep(0.01)
        await one.flush()
        await two.flush()

    asyncio.run(both())
    assert (one.values["g_inh"], two.values["RI"]) == (12.0, 21.0)
    assert same(one.recording, executed(one.code())) and same(two.recording, executed(two.code()))


def test_frames_never_queue_behind_a_page_that_draws():
    explorer = small()
    view = explorer.panel.view

    async def page():
        explorer.request()
        await explorer.flush()
        view._handle_custom_msg({"drawn": view.frame["serial"]}, [])  # a page is there
        explorer.set(g_inh=2.0)
        await explorer.flush()
        shown = view.frame["serial"]
        explorer.set(g_inh=3.0)
        await asyncio.sleep(0.4)
        assert view.frame["serial"] == shown  # the page has not drawn it yet
        view._handle_custom_msg({"drawn": shown}, [])
        await explorer.flush()
        assert view.frame["serial"] == shown + 1
        explorer.set(g_inh=4.0)  # the page is closed: nothing hangs
        await asyncio.wait_for(explorer.flush(), 5.0)
        assert view.frame["serial"] == shown + 2
        explorer.set(g_inh=5.0)
        await asyncio.wait_for(explorer.flush(), 0.9)  # and is not waited for again
        for nonsense in (None, {"drawn": "x"}, {"drawn": 10**9}, [], {"drawn": -5}):
            view._handle_custom_msg(nonsense, [])
        assert view._drawn <= view.frame["serial"]

    asyncio.run(page())
