"""What is taken away from an explorer and brought back: files, links, code; and the run that is pinned."""

import asyncio
import csv
import io
import json
import math
import random

import numpy as np
import pytest
from explorers import executed, same, small

import snnlab
from snnlab import Recording
from snnlab.widgets import Explorer, explore, links
from snnlab.widgets.catalogue import LOOKS
from snnlab.widgets.exports import KINDS

# ---- links and settings


@pytest.mark.parametrize("model", LOOKS)
def test_a_link_says_what_differs_and_comes_back(model):
    explorer = explore(model)
    assert explorer.link() == f"#snnlab={model}"
    assert Explorer.from_link(explorer.link()).values == explorer.values
    rng = random.Random(model)
    declared = explorer.settings.parameters.values()
    for parameter in (p for p in declared if p.name in explorer.values and not p.integer):
        low, high = (bound if math.isfinite(bound) else 100.0 for bound in parameter.slider)
        explorer.set(**{parameter.name: rng.uniform(low, high)})
    explorer.set(seed=12345)
    link = explorer.link()
    assert link.count("&") == sum(v != explorer._opening[k] for k, v in explorer.values.items()) > 3
    assert Explorer.from_link(f"https://example.org/a%20page.html?x=1{link}").values == explorer.values
    assert Explorer.from_dict(json.loads(json.dumps(explorer.to_dict()))).link() == link


def test_a_link_means_the_same_whatever_the_explorer_was_opened_with():
    explorer = explore("cann", k=0.7)
    assert explorer.link() == "#snnlab=cann&k=0.7"
    explorer.reset()
    assert explorer.link() == "#snnlab=cann&k=0.7"  # it was opened so; a new one would not be


WRONG_LINKS = {
    "": "A link reads",
    "#": "A link reads",
    "#g_inh=5": "names its model",
    "#snnlab=coba_ei&g_in=5": 'no parameter "g_in".*"g_inh"',
    "#snnlab=coba_ei&g_inh=5&g_inh=6": "twice",
    "#snnlab=coba_ei&g_inh=nan": "not a number",
    "#snnlab=coba_ei&g_inh=inf": "not a number",
    "#snnlab=coba_ei&g_inh=1e999": "g_inh = inf",
    "#snnlab=coba_ei&g_inh=__import__('os')": "not a number",
    "#snnlab=coba_ei&g_inh=1_0": "not a number",
    "#snnlab=coba_ei&g_inh=٣": "not a number",
    "#snnlab=coba_ei&g_inh=": "not a number",
    "#snnlab=coba_ei&g_inh": "A link reads",
    "#snnlab=coba_ei&g_inh=<img src=x onerror=alert(1)>": "not a number",
    "#snnlab=<script>alert(1)</script>": "no model",
    "#snnlab=coba_ei&<script>=1": "A link reads",
    "#snnlab=coba_ei&__class__=1": "no parameter",
    "#snnlab=coba_ei&n_exc=10.5": "whole number",
    "#snnlab=coba_ei&p=1.5": "p = 1.5 is not allowed",
    "#snnlab=coba_ei&g_inh=" + "5" * 10_000_000: "characters; at most",
    "#snnlab=coba_ei" + "&g_inh=5" * 3000: "twice",
}


@pytest.mark.parametrize("text", [*WRONG_LINKS, None, 5, b"#snnlab=coba_ei"], ids=lambda t: repr(t)[:40])
def test_a_wrong_link_is_refused_with_the_reason_and_changes_nothing(text):
    reason = WRONG_LINKS.get(text, "must be text")
    with pytest.raises(ValueError, match=reason) as caught:
        Explorer.from_link(text)
    assert len(str(caught.value)) < 1000
    if isinstance(text, str) and len(text) < 1000:
        explorer = small()
        before = explorer.values
        explorer.panel.link_text.value = text
        status = explorer.panel.view.status
        assert explorer.values == before and status["state"] == "error" and status["error"]
        assert explorer.panel.link_text.value == explorer.link()


def test_a_link_pasted_on_the_page_is_followed():
    explorer = small()
    explorer.panel.link_text.value = "#snnlab=coba_ei&g_inh=3.5&n_exc=160&n_inh=40&duration=50"
    assert explorer.values["g_inh"] == explorer.panel.controls["g_inh"].box.value == 3.5
    assert not explorer.stale and same(explorer.recording, executed(explorer.code()))
    before = explorer.values
    explorer.panel.link_text.value = "#snnlab=lif_ei&RI=3"
    assert "settings are of 'lif_ei'" in explorer.panel.view.status["error"] and explorer.values == before


def test_a_settings_file_comes_back(tmp_path):
    explorer = small("lif_ei", RI=12.345678901234567, seed=4)
    again = Explorer.load(explorer.save(tmp_path / "a.json"))
    assert again.values == explorer.values and again.name == "lif_ei"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no settings"),
        (b"\xff\xfe\x00", "holds no settings"),
        (b"[1, 2]", "not an object"),
        (b'{"model": "coba_ei", "g_inh": NaN}', "NaN is not a number"),
        (b'{"model": "coba_ei", "g_inh": 1e999}', "g_inh = inf"),
        (b'{"model": "coba_ei", "g_inh": "5"}', "must be a number"),
        (b'{"model": "coba_ei", "g_inh": null}', "must be a number"),
        (b'{"model": "coba_ei", "g_inh": true}', "must be a number"),
        (b'{"model": "coba_ei", "g_inh": {"a": 1}}', "must be a number"),
        (b'{"model": "coba_ei", "g_inh": 1, "g_inh": 2}', "given twice"),
        (b'{"model": "coba_ei", "<script>alert(1)</script>": 1}', "no parameter"),
        (b'{"model": "<b>", "g_inh": 1}', "no model"),
        (b'{"g_inh": 1}', "name their model"),
        (b"[" * 90_000, "holds no settings"),
        (b'{"model": "coba_ei", "seed": ' + b"9" * 5000 + b"}", "settings|not allowed"),
        (b'{"model": "coba_ei"' + b" " * 10_000_000 + b"}", "bytes; settings are at most"),
    ],
    ids=lambda x: repr(x)[:40],
)
def test_a_wrong_settings_file_is_refused(tmp_path, content, reason):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        Explorer.load(tmp_path / "a.json")
    assert len(str(caught.value)) < 1000


def test_a_large_text_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b" " * 10_000_000)
    monkeypatch.setattr(links.json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match="10000000 bytes"):
        Explorer.load(tmp_path / "a.json")


# ---- files


def test_a_table_holds_all_that_was_recorded(tmp_path):
    explorer = small()
    recording = explorer.run()
    rows = list(csv.DictReader(io.StringIO(explorer.save(tmp_path / "a.csv").read_text())))
    assert list(rows[0]) == ["variable", "cell", "time_ms", "value"]
    for name, trains in recording.spikes.items():
        mine = [row for row in rows if row["variable"] == f"{name}.spike"]
        assert [int(row["cell"]) for row in mine] == trains.neurons.tolist()
        assert np.allclose([float(row["time_ms"]) for row in mine], trains.times, atol=1e-6)
    for name, values in recording.samples.items():
        mine = [row for row in rows if row["variable"] == name]
        assert np.array_equal(np.array([row["value"] for row in mine], values.dtype), values[:, 0])
        assert np.allclose([float(row["time_ms"]) for row in mine], recording.t) and mine[0]["cell"] == "0"
    assert len(rows) == sum(t.count for t in recording.spikes.values()) + 2 * len(recording.t)


def test_a_table_of_variables_without_cells_and_of_a_ring():
    plane, ring = explore("wong_wang2006", duration=20.0).run(), explore("cann", duration=2.0, n=16).run()
    for recording, columns in ((plane, 4), (ring, 17)):
        rows = list(csv.DictReader(io.StringIO(recording.csv())))
        assert len(rows) == columns * len(recording.t)
        for name, values in recording.samples.items():
            read = np.array([row["value"] for row in rows if row["variable"] == name], values.dtype)
            assert np.array_equal(read.reshape(-1, len(values)).T.reshape(values.shape), values)
    assert {row["cell"] for row in csv.DictReader(io.StringIO(plane.csv()))} == {""}


def test_a_failed_export_leaves_no_file(tmp_path, monkeypatch):
    explorer = small()
    explorer.run()
    monkeypatch.setattr(Recording, "csv", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        explorer.save(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r'saved as ".exe".*".csv"'):
        explorer.save(tmp_path / "a.exe")


@pytest.mark.parametrize("kind", KINDS)
def test_the_export_button_hands_the_file_to_the_page_or_writes_it(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = small()
    panel, sent = explorer.panel, []
    explorer.run()
    panel.kind.value = kind
    monkeypatch.setattr(
        panel.view, "send", lambda content, buffers=None: sent.append((content, buffers or []))
    )
    panel.buttons["export"].click()
    written = (tmp_path / f"coba_ei{kind}").read_bytes()
    assert sent == [] and "written" in panel.view.status["text"]
    panel.view._handle_custom_msg({"drawn": panel.view.frame["serial"]}, [])  # a page is there
    (tmp_path / f"coba_ei{kind}").unlink()
    panel.buttons["export"].click()
    ((content, (data,)),) = sent
    assert content == {"download": f"coba_ei{kind}", "type": KINDS[kind][1]}
    assert list(tmp_path.iterdir()) == []
    assert f"{len(data):,} bytes" in panel.view.status["text"]
    if kind in (".csv", ".json", ".png"):
        assert data == written
    if kind == ".npz":
        (tmp_path / "a.npz").write_bytes(data)
        assert same(Recording.load(tmp_path / "a.npz"), explorer.recording)


def test_nothing_to_export_is_said_in_place():
    explorer = small()
    explorer.panel.buttons["export"].click()
    assert "not been run yet" in explorer.panel.view.status["error"]
    with pytest.raises(ValueError, match="not been run yet"):
        asyncio.run(explorer.flush())


# ---- code and copies


def test_the_code_is_shown_follows_and_is_copied(monkeypatch):
    explorer = small()
    panel, sent = explorer.panel, []
    monkeypatch.setattr(panel.view, "send", lambda content, buffers=None: sent.append(content))
    assert panel.shown_code.layout.display == "none"
    panel.code.value = True
    assert panel.shown_code.layout.display == "" and panel.code_text.value == explorer.code()
    panel.controls["g_inh"].slider.value = 4.0
    assert panel.code_text.value == explorer.code() and "g_inh=4.0" in panel.code_text.value
    assert same(executed(panel.code_text.value), explorer.recording)
    panel.copy.click()
    panel.buttons["link"].click()
    assert sent == [{"copy": explorer.code()}, {"copy": explorer.link()}]
    assert panel.shown_link.layout.display == "" and panel.link_text.value == explorer.link()
    panel.code.value = False
    assert panel.shown_code.layout.display == "none"


# ---- pinning


def test_a_pinned_run_stays_behind_the_next_and_says_whose_it_is():
    explorer = small()
    panel = explorer.panel
    panel.buttons["pin"].click()
    assert "not been run yet" in panel.view.status["error"] and explorer.pinned is None
    panel.buttons["run"].click()
    first = explorer.recording
    panel.buttons["pin"].click()
    assert (
        panel.view.pinned["label"] == "pinned: the same values"
        and panel.buttons["pin"].description == "Unpin"
    )
    data = panel.view.pinned_data
    assert data == panel.view.data
    panel.controls["g_inh"].box.value = 3.0
    assert panel.view.pinned["label"] == "pinned: g_inh 6.7 nS"
    assert panel.view.pinned_data == data != panel.view.data and explorer.pinned.recording is first
    explorer.set(g_exc=1.0, I=15.0, p=0.03)
    explorer.run()
    assert panel.view.pinned["label"] == "pinned: p 0.02, g_exc 0.6 nS, g_inh 6.7 nS and 1 more"
    panel.buttons["pin"].click()
    assert panel.view.pinned == {} and panel.view.pinned_data == b"" and explorer.pinned is None


def test_a_run_is_pinned_before_the_explorer_is_shown():
    explorer = small()
    explorer.run()
    explorer.pin()
    explorer.set(g_inh=2.0)
    explorer.run()
    assert explorer.panel.view.pinned["label"] == "pinned: g_inh 6.7 nS"
    assert snnlab.widgets.Explorer.from_dict(explorer.to_dict()).pinned is None
