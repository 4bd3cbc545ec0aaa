"""Messages of a page that come by another thread, as JupyterLab sends them while a kernel is busy."""

import asyncio
import threading

import ipywidgets
from explorers import executed, same, small

from snnlab.widgets.home import Home


def delivered(widget: ipywidgets.Widget, **state) -> None:
    """A message of the page that sets traits, handled by a thread of its own that has a loop running."""

    async def handle():
        widget.comm.handle_msg({"content": {"data": {"method": "update", "state": state}}, "buffers": []})

    thread = threading.Thread(target=lambda: asyncio.run(handle()))
    thread.start()
    thread.join()


def test_everything_happens_in_the_thread_in_which_it_was_shown():
    threads = set()

    async def session():
        explorer = small()
        explorer._repr_mimebundle_()
        await explorer.flush()
        panel = explorer.panel
        seen = panel.view.observe
        seen(lambda _: threads.add(threading.get_ident()), "frame")
        slider = panel.controls["g_inh"].slider
        slider.observe(lambda _: threads.add(threading.get_ident()), "value")
        for value in (3.0, 4.0, 9.5):
            delivered(slider, value=value)
        delivered(panel.controls["seed"].box, value=7)
        await asyncio.sleep(0.05)
        await explorer.flush()
        assert (explorer.values["g_inh"], explorer.values["seed"]) == (9.5, 7)
        assert same(explorer.recording, executed(explorer.code())) and not explorer.stale
        return explorer

    asyncio.run(session())
    assert threads == {threading.get_ident()}


def test_the_answer_of_a_page_wakes_what_waits_for_it():
    async def session():
        explorer = small()
        explorer._repr_mimebundle_()
        await explorer.flush()
        view, loop = explorer.panel.view, asyncio.get_running_loop()
        view._handle_custom_msg({"drawn": view.frame["serial"]}, [])  # a page is there
        explorer.request()
        await explorer.flush()
        content = {"method": "custom", "content": {"drawn": view.frame["serial"]}}
        message = {"content": {"data": content}, "buffers": []}
        threading.Timer(0.05, view.comm.handle_msg, [message]).start()
        began = loop.time()
        await view.drawn()
        assert loop.time() - began < 0.8  # it did not wait until its patience was over

    asyncio.run(session())


def test_without_a_loop_of_its_own_a_home_is_wherever_one_is():
    done = []
    Home().do(done.append, 1)

    async def settle():
        return Home()

    asyncio.run(settle()).do(done.append, 2)  # that loop has ended
    assert done == [1, 2]
