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


def test_two_views_of_one_explorer_show_the_same_and_one_may_go():
    async def session():
        explorer = small()
        first, second = explorer._repr_mimebundle_(), explorer._repr_mimebundle_()
        await explorer.flush()
        shown = "application/vnd.jupyter.widget-view+json"
        one, other = first[shown]["model_id"], second[shown]["model_id"]
        assert one == other and explorer.runs == 1  # one set of widgets, drawn twice
        view, slider = explorer.panel.view, explorer.panel.controls["g_inh"].slider
        for value in (2.0, 3.0, 4.0):
            slider.value = value
            await explorer.flush()
            serial = view.frame["serial"]
            view._handle_custom_msg({"drawn": serial}, [])  # both answer, the slower one late
            view._handle_custom_msg({"drawn": serial - 1}, [])
        slider.value = 5.0  # and only one of them from now on
        await explorer.flush()
        view._handle_custom_msg({"drawn": view.frame["serial"]}, [])
        slider.value = 6.0
        await asyncio.wait_for(explorer.flush(), 0.9)
        assert explorer.values["g_inh"] == 6.0 and not explorer.stale
        assert same(explorer.recording, executed(explorer.code()))

    asyncio.run(session())


def test_a_page_from_before_the_kernel_was_restarted_is_understood():
    """A notebook that is opened again draws its saved picture, and says so with a number of the kernel before."""

    async def session():
        explorer = small()
        view = explorer.panel.view
        for serial in (57, 10**12, -3, 0):
            view._handle_custom_msg({"drawn": serial}, [])
        explorer._repr_mimebundle_()
        await explorer.flush()
        assert view.frame["serial"] >= 1 and explorer.state == "ready"
        view._handle_custom_msg({"start": [0.1, 0.2]}, [])  # a plane that this model does not have
        explorer.set(g_inh=2.0)
        await asyncio.wait_for(explorer.flush(), 5.0)
        assert not explorer.stale

    asyncio.run(session())
