"""Live mode through real callbacks: the model runs on, sliders act, nothing queues, memory stays."""

import asyncio
import gc
import os
import signal
import threading
import tracemalloc

import numpy as np
import pytest
from explorers import same, small

import snnlab
from snnlab import simulate
from snnlab.widgets import explore, playing, runner

RECORD = {"E.V": [0], "I.V": [0]}


def page(view):
    """A page that draws every frame as soon as it comes."""
    view.observe(lambda change: view._handle_custom_msg({"drawn": change.new["serial"]}, []), "frame")


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def test_steps_show_the_very_run(monkeypatch):
    explorer = small("coba_ei", duration=50.0)
    panel = explorer.panel
    for _ in range(80):
        panel.buttons["step"].click()
    status = panel.view.status
    assert status["mode"] == "live" and status["state"] == "ready" and "paused at t = 80 ms" in status["text"]
    whole = simulate(explorer.subject.model(explorer.values), duration=80.0, record=RECORD)
    recording = explorer.recording
    assert recording.start == pytest.approx(30.0) and recording.duration == pytest.approx(50.0)
    assert np.array_equal(recording["E.V"], whole["E.V"][300:])
    late = whole.spikes["E"].times > 29.95
    assert np.array_equal(recording.spikes["E"].times, whole.spikes["E"].times[late])
    assert panel.view.frame["origin"] == pytest.approx(30.0) and panel.view.frame["duration"] == 50.0
    panel.buttons["run"].click()
    assert panel.view.status["mode"] == "run" and explorer.recording.start == 0.0
    assert np.array_equal(explorer.recording["E.V"], whole["E.V"][:500])


@pytest.mark.parametrize("name", ["coba_ei", "wong_wang2006", "cann"])
def test_playing_shows_the_very_run(name):
    explorer = small() if name == "coba_ei" else explore(name, **({"n": 32} if name == "cann" else {}))
    page(explorer.panel.view)

    async def play():
        explorer.panel.buttons["play"].click()
        await until(lambda: explorer.shown and explorer.recording.start > 10.0)
        assert explorer.playing and explorer.panel.buttons["play"].description == "Pause"
        assert explorer.panel.view.status["state"] == "running"
        explorer.panel.buttons["play"].click()
        await explorer.flush()

    asyncio.run(play())
    recording = explorer.recording
    stop = recording.start + recording.duration
    record = explorer.subject.look.record
    model = explorer.subject.model(explorer.values)
    whole = simulate(model, duration=stop, dt=recording.dt, record=record)
    for sampled in recording.samples:
        assert np.array_equal(recording[sampled], whole[sampled][-len(recording.t) :], equal_nan=True)
    assert not explorer.playing and explorer.panel.buttons["play"].description == "Play"
    assert explorer.panel.view.status["text"].startswith(f"paused at t = {stop:.6g} ms")
    assert len(explorer.panel.view.frame["panels"]) >= 2 and not explorer.stale


def test_a_slider_acts_while_it_plays_and_the_state_stays():
    explorer = small()
    panel = explorer.panel
    page(panel.view)

    async def play():
        explorer.play(speed=1.0)
        await until(lambda: explorer.shown and explorer._player._stream.t > 30.0)
        before = explorer._player._stream.t
        panel.controls["I"].slider.value = 0.0
        panel.controls["g_exc"].slider.value = 0.0
        await explorer.flush()
        assert explorer._player._stream.t > before and not explorer.stale
        at = explorer._player._stream.t
        await until(lambda: explorer._player._stream.t > at + 120.0)
        assert explorer.recording.spikes["E"].count == 0  # nothing drives it any more
        panel.buttons["reset"].click()
        await until(lambda: explorer.recording.spikes["E"].count > 0)
        assert explorer._player._stream.t > at and explorer.runs == 0
        panel.controls["n_exc"].box.value = 100
        await explorer.flush()
        assert explorer._player._stream.t < at and explorer.recording.spikes["E"].n == 100
        await until(lambda: explorer._player._news == "")
        panel.buttons["stop"].click()
        await explorer.flush()
        assert panel.view.status["mode"] == "live" and not explorer.playing

    asyncio.run(play())


def test_a_fresh_start_is_said():
    explorer = small()
    explorer.step()
    explorer.set(p=0.1)
    explorer.step()
    assert explorer.status()["text"].startswith(
        "started anew, for the state would not fit these values. paused at t = 1 ms"
    )
    explorer.set(g_inh=1.0)
    explorer.step()
    assert explorer.status()["text"].startswith("paused at t = 2 ms")


def test_a_click_on_the_plane_starts_from_there():
    explorer = explore("wong_wang2006")
    for _ in range(3):
        explorer.step()
    explorer.panel.view._handle_custom_msg({"start": [0.4, 0.2]}, [])
    recording = explorer.step()
    assert recording["s1"][0] == pytest.approx(0.4) and recording.start == 0.0
    explorer.set(coherence=0.3)
    assert len(explorer.step()["s1"]) == 40  # the path goes on


def test_while_paused_new_values_wait_and_the_picture_is_called_stale():
    explorer = small()
    explorer.panel.buttons["step"].click()
    before, runs = explorer.recording, explorer.runs
    explorer.panel.controls["g_inh"].slider.value = 3.0
    status = explorer.panel.view.status
    assert explorer.recording is before and explorer.runs == runs
    assert status["stale"] and "press Play" in status["note"]
    explorer.panel.buttons["step"].click()
    assert not explorer.panel.view.status["stale"]


def test_no_frame_is_made_before_the_page_has_drawn_the_last():
    explorer = small()
    view = explorer.panel.view

    async def play():
        explorer.play()
        await until(lambda: view.frame.get("serial", 0) >= 3)
        view._handle_custom_msg({"drawn": view.frame["serial"]}, [])  # a page is there
        await asyncio.sleep(0.1)
        shown, time = view.frame["serial"], explorer._player._stream.t
        await asyncio.sleep(0.3)
        assert view.frame["serial"] == shown and explorer._player._stream.t == time
        view._handle_custom_msg({"drawn": shown}, [])
        await until(lambda: view.frame["serial"] > shown)
        await until(
            lambda: not explorer.playing
        )  # the page never answers again: it is gone, and nothing plays
        await explorer.flush()

    asyncio.run(play())
    assert explorer.status()["state"] == "ready"


def test_a_slow_machine_slows_model_time_and_not_the_frames(monkeypatch):
    explorer = small(duration=100.0)
    page(explorer.panel.view)
    advance = snnlab.core.stream.Stream.advance

    def slow(stream, ms):
        advance(stream, ms)
        asyncio_sleep = 0.02 * ms  # s: 20 times slower than real time
        threading.Event().wait(asyncio_sleep)

    monkeypatch.setattr(snnlab.core.stream.Stream, "advance", slow)

    async def play():
        loop = asyncio.get_running_loop()
        explorer.play(speed=10.0)
        await until(lambda: explorer.panel.view.frame.get("serial", 0) >= 5)
        first, began = explorer.panel.view.frame["serial"], loop.time()
        await asyncio.sleep(1.5)
        rate = (explorer.panel.view.frame["serial"] - first) / (loop.time() - began)
        speed = explorer.panel.view.status["speed"]
        explorer.pause()
        await explorer.flush()
        return rate, speed

    rate, speed = asyncio.run(play())
    assert rate > 12.0, rate  # 28 where nothing else runs
    assert 0.005 < speed < 0.06  # of the ten that were asked for


def test_an_hour_takes_the_memory_of_a_window():
    """An hour at 30 frames a second, compressed: what one frame leaves behind is all that they could add up to."""
    explorer = small(duration=250.0)
    page(explorer.panel.view)
    tracemalloc.start()
    try:
        for i in range(200):  # until the window, and what may have to be repeated, are full
            explorer.settings.update({"g_inh": 5.0 + 0.01 * (i % 50)})
            explorer.step()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for i in range(150):
            explorer.settings.update({"g_inh": 5.0 + 0.01 * (i % 50)})
            explorer.step()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 60_000, grown  # 400 bytes a frame; the spikes of 5 ms are more


@snnlab.model
def failing(*, drive: float = snnlab.param(5.0, unit="pA", doc="drive", slider=(0.0, 1e38))):
    """A network whose voltage leaves the numbers when driven hard."""
    cells = {"A": snnlab.Population(snnlab.neurons.LIF(), 3)}
    source = snnlab.inputs.Constant(drive)
    return snnlab.Network(cells, inputs=(snnlab.Input("A", source), snnlab.Input("A", source)))


def test_a_model_that_fails_while_it_plays():
    explorer = explore(failing)
    page(explorer.panel.view)

    async def play():
        explorer.play()
        await until(lambda: explorer.shown and explorer._player._stream.t > 5.0)
        explorer.panel.controls["drive"].box.value = 3e38
        await until(lambda: not explorer.playing)
        await explorer._player.caught_up()
        status = explorer.panel.view.status
        assert status["state"] == "error" and "drive = 3e+38" in status["error"]
        recording = explorer.recording  # what went well
        assert f"at t = {recording.start + recording.duration + 0.1:.6g} ms" in status["error"]
        with pytest.raises(snnlab.SimulationError):
            await explorer.flush()
        await explorer.flush()  # raised once
        explorer.panel.controls["drive"].box.value = 8.0
        explorer.panel.buttons["play"].click()
        await until(lambda: explorer.panel.view.status["state"] == "running" and not explorer.stale)
        explorer.panel.buttons["play"].click()
        await explorer.flush()

    asyncio.run(play())


def test_values_that_exclude_each_other_pause_it_and_nothing_stale_is_shown_as_current():
    explorer = small()
    page(explorer.panel.view)

    async def play():
        explorer.play()
        await until(lambda: explorer.shown)
        explorer.panel.controls["V_th"].box.value = -70.0
        await until(lambda: not explorer.playing)
        await explorer._player.caught_up()
        status = explorer.panel.view.status
        assert status["state"] == "error" and "V_th = -70" in status["error"] and status["stale"]
        with pytest.raises(ValueError, match="V_th"):
            await explorer.flush()
        explorer.panel.controls["V_th"].box.value = -50.0
        explorer.panel.buttons["play"].click()
        await until(lambda: explorer.panel.view.status["state"] == "running")
        explorer.stop()
        await explorer.flush()

    asyncio.run(play())
    with pytest.raises(ValueError, match=r"play\(\) needs a notebook"):
        explorer.play()
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="speed"):
            explorer.play(wrong)


# ---- interrupts


def test_an_interrupt_while_it_plays_pauses_it():
    explorer = small()
    page(explorer.panel.view)
    advance = playing.Stream.advance

    def interrupted(stream, ms):
        advance(stream, ms)
        if stream.t > 5.0 and explorer.playing:
            os.kill(os.getpid(), signal.SIGINT)

    async def play():
        explorer.play()
        await until(lambda: explorer.shown and not explorer.playing)
        await explorer.flush()

    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playing.Stream, "advance", interrupted)
        asyncio.run(play())
    assert signal.getsignal(signal.SIGINT) is before
    status = explorer.panel.view.status
    assert status["state"] == "ready" and "interrupted from the keyboard, paused at t = " in status["text"]
    at = explorer._player._stream.t
    explorer.step()
    assert explorer._player._stream.t > at


def test_an_interrupt_while_it_runs_is_a_stop_that_says_so(monkeypatch):
    monkeypatch.setattr(runner, "SLICE", 0.0)
    explorer = small(duration=2000.0)
    taken = []
    advance = snnlab.Run._take

    def interrupted(run, n):
        advance(run, n)
        taken.append(n)
        if len(taken) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    async def run():
        explorer.panel.buttons["run"].click()
        await explorer.flush()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snnlab.Run, "_take", interrupted)
        asyncio.run(run())
    status = explorer.panel.view.status
    assert len(taken) == 3 and explorer.recording.duration == pytest.approx(300.0)
    assert status["state"] == "ready" and status["text"].startswith("interrupted after 300 of 2000 ms")
    asyncio.run(run())
    assert explorer.recording.complete and "interrupted" not in explorer.panel.view.status["text"]


@pytest.mark.parametrize("way", ["run", "play"])
def test_an_interrupt_that_comes_between_two_pieces_is_heard(way):
    """A kernel that runs no cell ignores the signal, as here; pieces of background work make it listen."""
    explorer = small(duration=20_000.0 if way == "run" else 50.0)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def session():
        explorer.panel.buttons[way].click()
        await until(
            lambda: signal.getsignal(signal.SIGINT) is runner._hear and explorer.runs + explorer.playing
        )
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)  # nothing is being computed while this is
        await explorer.flush()

    try:
        asyncio.run(session())
        assert explorer.panel.view.status["text"].startswith("interrupted")
        assert explorer.panel.view.status["state"] == "ready" and not runner._under_way
        os.kill(os.getpid(), signal.SIGINT)  # and with nothing under way nothing happens
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("at", ["the start", "the middle"])
def test_an_interrupt_that_reaches_the_model_is_caught_too(at, monkeypatch):
    explorer = small(duration=500.0)
    calls = []

    def interrupted(*given):
        calls.append(1)
        if at == "the start" or len(calls) == 2:
            raise KeyboardInterrupt
        return advance(*given)

    name = "start" if at == "the start" else "_take"
    owner = type(explorer.subject) if at == "the start" else snnlab.Run
    advance = getattr(owner, name)

    async def run():
        explorer.panel.buttons["run"].click()
        await explorer.flush()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        asyncio.run(run())
        assert "interrupted" in explorer.panel.view.status["text"]
        assert explorer.panel.view.status["state"] != "running"
        calls.clear()
        with pytest.raises(KeyboardInterrupt):  # who calls run() sees it
            explorer.run()
        assert explorer.panel.view.status["state"] != "running"
    asyncio.run(run())
    assert explorer.panel.view.status["state"] == "ready" and explorer.recording.complete
    assert same(explorer.recording, explorer.run())
