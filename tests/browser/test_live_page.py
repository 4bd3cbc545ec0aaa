"""A compiled explorer in one file: what its controls do, against the explorer of a notebook."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from live_page import LONG_TASKS, SMALL, LivePage, explorer, one_file
from playwright.sync_api import Page, expect

import snnlab


@pytest.fixture
def live(page: Page, tmp_path: Path) -> LivePage:
    """A small network of conductance-based cells, opened from its file."""
    page.goto(one_file(tmp_path, "coba_ei", **SMALL))
    opened = LivePage(page, "coba_ei")
    opened.wait(after=0)
    return opened


def test_what_it_runs_is_what_the_notebook_runs(live: LivePage) -> None:
    """The same spikes are the same sentence, at the defaults, for another network, and for every preset."""
    assert live.summary == explorer("coba_ei", live.settings).summary
    live.type("seed", 7)
    live.at_rest()
    assert live.settings["seed"] == 7
    assert live.summary == explorer("coba_ei", live.settings).summary
    for preset in snnlab.explore("coba_ei").presets:
        option = live.root.locator("[data-action=preset] option", has_text=preset).first
        if option.is_disabled():  # its values are those of another size of network
            continue
        live.choose(preset)
        live.at_rest()
        twin = explorer("coba_ei", live.settings)
        assert live.summary == twin.summary, preset


def test_a_drag_runs_and_ends_on_the_last_value(live: LivePage) -> None:
    before, first = live.frame, live.summary
    live.drag("g_inh", 0.9, steps=40)
    live.at_rest()
    assert live.frame > before + 5 and live.summary != first
    assert live.value("g_inh") > 15.0
    assert live.summary == explorer("coba_ei", live.settings).summary
    live.slider("g_inh").press("ArrowLeft")
    live.at_rest()
    assert live.summary == explorer("coba_ei", live.settings).summary
    live.click("reset")
    live.at_rest()
    assert live.summary == first


def test_a_storm_of_a_thousand_events(page: Page, tmp_path: Path) -> None:
    page.add_init_script(f"({LONG_TASKS})()")
    page.goto(one_file(tmp_path, "coba_ei", **SMALL))
    live = LivePage(page, "coba_ei")
    live.wait(after=0)
    before = live.frame
    spent = live.slider("g_inh").evaluate(
        """async (slider) => {
          window.long.length = 0;
          let spent = 0;
          for (let i = 0; i < 1000; i++) {
            const began = performance.now();
            slider.value = 1 + 0.1 * (i % 180);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            spent = Math.max(spent, performance.now() - began);
            if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve));
          }
          slider.value = 4.2;
          slider.dispatchEvent(new Event("input", { bubbles: true }));
          return spent;
        }"""
    )
    live.at_rest()
    assert live.value("g_inh") == 4.2
    assert live.summary == explorer("coba_ei", live.settings).summary
    assert live.frame - before < 500  # most of the events were overtaken
    print(f"the longest of 1000 events took {spent:.1f} ms; {live.frame - before} frames were drawn")


def test_a_wrong_value_is_said_and_changes_nothing(live: LivePage) -> None:
    first = live.summary
    live.type("p", 7)
    live.wait("error")
    assert "coba_ei: p = 7 is not allowed; it must be at least 0" in live.error
    assert live.value("p") == 0.2
    live.type("g_inh", 5)
    live.at_rest()
    assert live.state == "ready" and live.error == "" and live.summary != first


def test_a_network_that_blows_up_says_why(live: LivePage) -> None:
    first = live.summary
    live.click("more")
    live.type("dt", 0.5)
    live.type("g_exc", 1e6)
    live.at_rest()
    assert live.state == "error"
    with pytest.raises(snnlab.SimulationError) as caught:
        explorer("coba_ei", live.settings)
    said = str(caught.value).split(" at t = ")[0]
    assert said in live.error and "g_exc = 1e+06" in live.error
    expect(live.root.locator(".snnlab-note")).to_have_text("the last run that worked, with other values")
    live.click("reset")
    live.at_rest()
    assert live.state == "ready" and live.summary == first


def test_stop_stops_and_progress_is_real(live: LivePage) -> None:
    live.type("duration", 1_000_000)
    live.at_rest()
    if live.state == "ready":  # too long a run waits for its button
        expect(live.root.locator("[data-action=run]")).to_have_class(re.compile("snnlab-glow"))
        live.click("run")
    live.wait("running", after=live.frame)
    share = float(live.root.locator("progress").evaluate("(bar) => bar.value"))
    assert 0.0 < share < 1.0
    live.click("stop")
    expect(live.root).to_have_attribute("data-state", "ready", timeout=2000)
    assert re.match(r"stopped after [\d.]+ of 1e\+06 ms\. E ", live.summary)


def test_pin_keeps_a_picture(live: LivePage) -> None:
    live.type("g_inh", 5)
    live.at_rest()
    live.click("pin")
    label = live.root.locator(".snnlab-pinned")
    expect(label).to_contain_text("g_inh 5 nS")
    live.type("g_inh", 9)
    live.at_rest()
    expect(label).to_contain_text("g_inh 5 nS")
    expect(live.root.locator("[data-action=pin]")).to_have_attribute("aria-pressed", "true")
    live.click("pin")
    expect(label).to_have_text("")


def exported(live: LivePage, entry: str) -> Path:
    live.root.locator("[data-action=export] summary").click()
    with live.page.expect_download() as waiting:
        live.root.get_by_role("button", name=entry).click()
    return Path(waiting.value.path())


def test_what_is_exported_is_what_was_run(live: LivePage) -> None:
    live.type("g_inh", 5)
    live.at_rest()
    twin = explorer("coba_ei", live.settings)

    rows = [line.split(",") for line in exported(live, "Spikes (CSV)").read_text().split()]
    assert rows[0] == ["population", "cell", "time_ms"]
    for name, trains in twin.recording.spikes.items():
        mine = [(float(time), int(cell)) for population, cell, time in rows[1:] if population == name]
        assert np.allclose([time for time, _ in mine], trains.times, atol=1e-9)
        assert [cell for _, cell in mine] == trains.neurons.tolist()

    table = np.genfromtxt(exported(live, "Traces (CSV)"), delimiter=",", names=True, deletechars="")
    assert table.dtype.names[0] == "time_ms" and len(table) == len(twin.recording.t)
    assert np.allclose(table["time_ms"], twin.recording.t)
    for name, values in twin.recording.samples.items():
        column = next(each for each in table.dtype.names if each.replace("_", " ").startswith(name))
        early = twin.recording.t < 20.0  # before chaos has made much of a last bit
        assert np.allclose(table[column][early], values[early, 0], atol=1e-3)

    assert json.loads(exported(live, "Settings (JSON)").read_text()) == twin.to_dict()
    assert exported(live, "Code (Python)").read_text() == twin.code()
    assert exported(live, "Picture (PNG)").read_bytes().startswith(b"\x89PNG")
    drawing = ElementTree.fromstring(exported(live, "Picture (SVG)").read_text())
    text = " ".join("".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text"))
    assert "time (ms)" in text and "population rate" in text


def test_the_code_shown_is_the_notebooks(live: LivePage) -> None:
    live.click("code")
    shown = live.root.locator("pre.snnlab-code")
    expect(shown).to_have_text(explorer("coba_ei", live.settings).code())
    live.type("g_inh", 5)
    live.type("seed", 3)
    live.at_rest()
    expect(shown).to_have_text(explorer("coba_ei", live.settings).code())
    live.click("code")
    expect(shown).to_be_hidden()


def test_a_link_opens_what_it_was_copied_from(live: LivePage, tmp_path: Path) -> None:
    page = live.page
    live.type("g_inh", 5)
    live.type("seed", 3)
    live.at_rest()
    live.click("link")
    expect(live.root.locator(".snnlab-said")).to_contain_text("link is")
    link = page.evaluate("location.hash")
    assert link == snnlab.explore("coba_ei", **{**SMALL, "g_inh": 5.0, "seed": 3}).link()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    again = LivePage(page, "coba_ei")
    again.wait(after=0)
    assert again.settings == explorer("coba_ei", again.settings).values
    assert (again.value("g_inh"), again.value("seed")) == (5.0, 3.0)
    assert again.summary == explorer("coba_ei", again.settings).summary


EVIL = "<img src=x onerror=window.caught=1>"


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=0.2&g_inhh=5", 'Did you mean "g_inh"?'),
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=7", "p = 7 is not allowed"),
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=abc", 'p must be a number, not "abc"'),
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=1e999", "p = inf is not allowed"),
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=NaN", 'p must be a number, not "NaN"'),
        ("#snnlab=coba_ei&n_exc=500", "n_exc is 80 on this page"),
        ("#snnlab=coba_ei&n_exc=80&n_inh=20&p=0.2&seed=1.5", "seed = 1.5 must be a whole number"),
        (f"#snnlab=coba_ei&n_exc=80&n_inh=20&p={quote(EVIL)}", "p must be a number"),
        (f"#snnlab=coba_ei&{EVIL}=1", "damaged"),
        ("#snnlab=coba_ei&p=%E0%A4%A", "damaged"),
        ("#snnlab=coba_ei&" + "x" * 5000, "longer than any link"),
    ],
)
def test_a_broken_link_is_said_and_the_page_works(
    page: Page, tmp_path: Path, fragment: str, words: str
) -> None:
    page.goto(one_file(tmp_path, "coba_ei", **SMALL) + fragment)
    live = LivePage(page, "coba_ei")
    live.wait("error", after=0)
    assert live.error.startswith("The link was not followed.") and words in live.error
    assert live.value("g_inh") == 6.7 and live.summary.startswith("E ")
    assert page.evaluate("window.caught") is None and live.root.locator("img").count() == 0
    live.type("g_inh", 5)
    live.at_rest()
    assert live.state == "ready" and live.error == ""


def test_a_link_to_another_model_is_said(page: Page, tmp_path: Path) -> None:
    page.goto(one_file(tmp_path, "coba_ei", **SMALL) + "#snnlab=coba&g_inh=5")
    live = LivePage(page, "coba_ei")
    live.wait(after=0)
    said = page.locator(".snnlab-failure")
    expect(said).to_contain_text('no explorer of "coba". Did you mean "coba_ei"?')
    page.evaluate("location.hash = '#a-section'")  # any other fragment is none of ours
    assert live.state == "ready"


def test_controls_have_names_units_and_keys(live: LivePage) -> None:
    for name in ("g_exc (nS)", "g_inh (nS)", "duration (ms)"):
        expect(live.page.get_by_role("slider", name=name)).to_be_visible()
        expect(live.page.get_by_role("spinbutton", name=name)).to_be_visible()
    expect(live.page.get_by_role("spinbutton", name="seed")).to_be_visible()
    assert live.page.get_by_role("slider", name="seed").count() == 0
    expect(live.control("V_th")).to_be_hidden()
    live.click("more")
    expect(live.control("V_th")).to_be_visible()
    expect(live.root.locator("[data-action=more]")).to_have_attribute("aria-expanded", "true")
    expect(live.box("n_exc")).to_be_disabled()
    assert set(live.settings) == set(snnlab.explore("coba_ei").values)
    summary = live.root.locator(".snnlab-summary")
    expect(summary).to_have_attribute("aria-live", "polite")


def test_a_preset_of_another_size_runs_its_own_module(page: Page, tmp_path: Path) -> None:
    """Twenty noisy trials instead of one, and back; a click on the plane starts a run there."""
    page.goto(one_file(tmp_path, "wong_wang2006"))
    live = LivePage(page, "wong_wang2006")
    live.wait(after=0)
    first = live.summary
    assert first == explorer("wong_wang2006", live.settings).summary
    live.choose("noisy decisions")
    live.at_rest()
    assert live.settings["trials"] == 20 and "of 20 runs ended" in live.summary
    assert live.summary == explorer("wong_wang2006", live.settings).summary
    live.click("more")
    live.type("trials", 7)
    live.wait("error")
    assert "trials is 1 or 20 on this page" in live.error
    live.click("reset")
    live.at_rest()
    assert live.summary == first
    live.root.locator("canvas").first.click(position={"x": 76, "y": 42})
    live.at_rest()
    assert live.settings["s1_0"] < 0.15 and live.settings["s2_0"] > 0.8
    assert live.summary == explorer("wong_wang2006", live.settings).summary


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("coba_ei", {**SMALL, "duration": 100.0}),  # short: chaos makes much of a last bit
        ("lif_fi", {"n": 11}),
        ("two_neurons", {}),
        ("synapse_train", {}),
        ("wong_wang2006", {}),
        ("cann", {"n": 64}),
    ],
)
def test_every_control_does_what_it_does_in_the_notebook(
    page: Page, tmp_path: Path, model: str, values: dict[str, float]
) -> None:
    """One after another each is moved to a third of its track, then back."""
    page.goto(one_file(tmp_path, model, **values))
    live = LivePage(page, model)
    live.wait(after=0)
    live.click("more")
    first, moved = live.settings, 0
    for parameter in snnlab.explore(model).settings.parameters.values():
        slider = live.slider(parameter.name)
        if not slider.count() or parameter.name == "duration":
            continue
        slider.evaluate(
            """(slider) => {
              slider.value = Number(slider.min) + (slider.max - slider.min) / 3;
              slider.dispatchEvent(new Event("input", { bubbles: true }));
            }"""
        )
        live.at_rest()
        settings = live.settings
        moved += settings[parameter.name] != first[parameter.name]
        assert {name for name in first if settings[name] != first[name]} <= {parameter.name}
        try:
            expected = explorer(model, settings).summary
        except (ValueError, snnlab.SimulationError) as error:
            assert live.state == "error", f"{parameter.name} = {settings[parameter.name]}: {error}"
            assert str(error).removeprefix("simulate: ").split(" at t = ")[0] in live.error
        else:
            unsigned = [
                text.replace("-0.00 ", "+0.00 ") for text in (live.summary, expected)
            ]  # a rounded zero
            assert unsigned[0] == unsigned[1], f"{parameter.name} = {settings[parameter.name]}"
        live.click("reset")
    assert moved >= 8
