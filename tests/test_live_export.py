"""A model's page in one file: what it holds, and what is refused. tests/browser opens it."""

import importlib.util
import json
import re

import pytest

import snnlab
from snnlab import live

SMALL = {"n_exc": 80, "n_inh": 20, "p": 0.1, "duration": 50.0}


def test_the_file_is_whole_small_and_asks_nobody(tmp_path):
    explorer = snnlab.explore("coba_ei", **SMALL)
    explorer.set(g_inh=9.0)
    path = live.export(explorer, tmp_path / "page.html", title="A <small> network")
    text = path.read_text("utf-8")
    assert [path] == list(tmp_path.iterdir()) and path.stat().st_size < 2e6
    assert "<title>A &lt;small&gt; network</title>" in text and "Content-Security-Policy" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    package = json.loads(data)
    assert package["manifest"]["values"] == explorer.values and explorer.values["g_inh"] == 9.0
    assert package["manifest"]["fixed"] == {"n_exc": 80, "n_inh": 20}
    for build in ("simd", "scalar"):
        assert 1_000 < len(package[build]) < 4 / 3 * 200_000


@pytest.mark.parametrize(
    "model, name, values, sentence",
    [
        ("coba", "page.html", {}, 'no model "coba"'),
        ("coba_ei", "page.pdf", {}, r'"page.pdf" must be the name of an HTML file, such as "page.html"'),
        ("coba_ei", "", {}, "must be the name of"),
        ("coba_ei", "page.html", {"g_in": 1.0}, 'no parameter "g_in".*"g_inh"'),
        ("coba_ei", "page.html", {"p": 7.0}, "p = 7 is not allowed"),
        (3, "page.html", {}, "3 cannot be explored"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_nothing_is_written(
    tmp_path, monkeypatch, model, name, values, sentence
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        live.export(model, name, **values)
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_it_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'snnlab\[live\]'"):
        live.export("lif_fi", tmp_path / "page.html")
