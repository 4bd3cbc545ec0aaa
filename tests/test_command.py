"""The command `snnlab`: through its entry point, what it prints, which files it leaves, how it refuses."""

import contextlib
import importlib.metadata
import os
import pty
import select
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

import snnlab
from snnlab import Recording, analysis, describe, models, simulate
from snnlab.command import COMMANDS, lab, main
from snnlab.command.templates.new_neuron import NewNeuron

ROOT = Path(__file__).parents[1]
ENTRY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["snnlab"]
# what an installer writes into the script that it calls snnlab
MODULE, FUNCTION = ENTRY.split(":")
SNNLAB = [sys.executable, "-c", f"import sys; from {MODULE} import {FUNCTION}; sys.exit({FUNCTION}())"]


def snnlab_command(*arguments, cwd=None):
    return subprocess.run([*SNNLAB, *arguments], capture_output=True, text=True, cwd=cwd)


def refused(capsys, *arguments):
    """The one line on stderr with which a command is refused."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1, err
    return err.strip()


def test_the_installed_script_is_this_command():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="snnlab")
    assert script.value == ENTRY and script.load() is main
    module = subprocess.run([sys.executable, "-m", "snnlab", "--version"], capture_output=True, text=True)
    assert module.stdout == snnlab_command("--version").stdout == f"snnlab {snnlab.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], *([name, "--help"] for name in COMMANDS), ["run", "cann", "-h"]]
)
def test_help_is_printed(arguments, capsys):
    try:
        assert main(arguments) == 0
    except SystemExit as end:  # argparse's own way to end
        assert end.code == 0
    out, err = capsys.readouterr()
    assert "snnlab" in out and err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "coba_ei"]])
def test_what_only_prints_loads_nothing_heavy(arguments):
    heavy = ("matplotlib", "ipywidgets", "anywidget", "IPython", "scipy.optimize", "jupyterlab")
    code = (
        f"import sys; from {MODULE} import main; main({arguments!r}); "
        f"sys.exit(str([m for m in {heavy} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_list_names_every_model(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(models.__all__)]] == models.__all__


@pytest.mark.parametrize("name", models.__all__)
def test_list_shows_what_a_model_declares(name, capsys):
    assert main(["list", name]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()[3:]}
    for p in describe(getattr(models, name)):
        assert float(rows[p.name][1]) == p.default
        assert " ".join(rows[p.name]).endswith(p.doc)
        assert not p.unit or " ".join(rows[p.name][2:]).startswith(p.unit)
        assert "{:g} to {:g}".format(*p.slider) in " ".join(rows[p.name])


# ---- run --------------------------------------------------------------------------------------------------


def test_run_is_what_the_functions_do(tmp_path):
    done = snnlab_command(
        *"run coba_ei --g-inh 5 --n_exc=800 --n-inh 200 --I -1e-3 --V-th -50.5".split(),
        *"--duration 120 --dt 0.2 --seed 3 --record E.V:0,5-7 --record I.exc:1 --out run.npz --plot run.png".split(),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    model = models.coba_ei(g_inh=5, n_exc=800, n_inh=200, I=-1e-3, V_th=-50.5)
    record = {"E.V": [0, 5, 6, 7], "I.exc": [1]}
    expected = simulate(model, duration=120.0, dt=0.2, seed=3, record=record)
    found = Recording.load(tmp_path / "run.npz")
    for name in expected.spikes:
        assert np.array_equal(found.spikes[name].times, expected.spikes[name].times)
        assert np.array_equal(found.spikes[name].neurons, expected.spikes[name].neurons)
    assert found.samples.keys() == record.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in record)
    assert done.stdout.splitlines() == [str(analysis.summary(expected)), "wrote run.npz", "wrote run.png"]
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} == {"run.npz", "run.png"}


@pytest.mark.parametrize("name", models.__all__)
def test_every_model_runs_as_it_comes_and_has_a_figure(name, tmp_path, capsys):
    small = {"wang2002": ["--scale", "0.1"], "coba_hh_ei": ["--n-exc", "80", "--n-inh", "20", "--steady"]}
    files = [tmp_path / "run.npz", tmp_path / "run.svg"]
    arguments = ["--duration", "20", "--out", str(files[0]), "--plot", str(files[1])]
    assert main(["run", name, *small.get(name, []), *arguments]) == 0
    assert Recording.load(files[0]).duration == 20.0 and b"<svg" in files[1].read_bytes()
    assert str(files[1]) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("rnu", 'there is no command "rnu" (did you mean run?)'),
        ("lab no/such/folder", "there is no folder no/such/folder"),
        ("list cobaei", "did you mean coba_ei?"),
        ("list --al", "there is no option --al (did you mean --all?)"),
        ("run cobaei", "did you mean coba_ei?"),
        ("run --g-inh 5", "name a model before --g-inh"),
        ("run coba_ei --g-ihn 5", "there is no option --g-ihn (did you mean --g-inh?)"),
        ("run coba_ei --g_ihn=5", "did you mean --g-inh?"),
        (
            "run coba_ei --g-in 5",
            "there is no option --g-in ",
        ),  # no abbreviations: it might be another tomorrow
        ("run coba_ei --g-inh", "--g-inh: expected one argument"),
        ("run coba_ei --g-inh five", '--g-inh: "five" is not a number'),
        ("run coba_ei --g-inh -5", "g_inh = -5 nS is not allowed; it must be at least 0 nS"),
        ("run coba_ei --g-inh nan", "g_inh = nan nS is not allowed"),
        ("run coba_ei --n-exc 10.5", "n_exc = 10.5 must be a whole number"),
        ("run coba_ei --seed 1.5", '--seed: "1.5" is not a whole number'),
        ("run coba_ei --seed -1", "seed"),
        ("run coba_ei --duration 0", "duration = 0 ms is not allowed"),
        ("run coba_ei --dt 0.3 --duration 1", "the nearest is"),
        ("run coba_ei --duration 1e7 --record E.V", "record fewer cells or a shorter run"),
        ("run coba_ei --record E.W", 'population "E" has no variable "W"'),
        ("run coba_ei --record E.V:0-x", '"0-x" is no list of cells'),
        ("run coba_ei --record E.V:9-0", '"9-0" is no list of cells'),
        ("run coba_ei --record E.V:99999", "must be whole numbers from 0 to 3199"),
        ("run coba_ei 5", '"5" is one word too many'),
        ("run coba_ei --out run.txt", "the name must end in .npz"),
        ("run coba_ei --plot run", "the name must end in .png or .svg or .pdf"),
        ("run coba_ei --out no/such/run.npz", "there is no folder no/such"),
        ("new-neuron ../x", '"../x" cannot be the name of a neuron'),
        ("new-neuron class", '"class" cannot be the name of a neuron'),
        ("new-neuron numpy", '"numpy" would hide the module of that name'),
    ],
)
def test_what_is_wrong_is_told_in_a_line(line, complaint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complaint in refused(capsys, *line.split())
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_keeps_what_there_is(tmp_path, capsys):
    out = tmp_path / "run.npz"
    # every cell starts at rest and fires first after 20 ln 2 = 13.9 ms; what that sets off is too much
    line = "run coba_ei --n-exc 80 --n-inh 20 --p 1 --g-exc 1e9 --V-mean -60 --V-std 0 --out"
    assert main([*line.split(), str(out)]) == 1
    assert "the run was stopped" in capsys.readouterr().err
    kept = Recording.load(out)
    assert not kept.complete and kept.duration == pytest.approx(20.0 * np.log(2.0), abs=0.5)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run.npz"
    out.write_text("precious")

    def full(*arguments, **options):
        arguments[0].write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    assert main(["run", "lif_ei", "--duration", "10", "--out", str(out)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert out.read_text() == "precious" and list(tmp_path.iterdir()) == [out]


def test_control_c_keeps_what_there_is_and_a_terminal_sees_progress(tmp_path):
    """In a terminal, as a person would: the bar moves, Ctrl-C stops it, the file holds the part that was run."""
    terminal, child = pty.openpty()
    line = [*SNNLAB, *"run coba_ei --duration 1e6 --out run.npz --plot run.png".split()]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=child, text=True)
    os.close(child)
    seen, deadline, told = "", time.monotonic() + 100.0, False
    with contextlib.suppress(OSError):  # that is how a terminal ends whose last user is gone
        while True:  # read all the time: a full terminal would hold the process up
            assert time.monotonic() < deadline, seen
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536).decode()
            if not told and seen.count("\r[") >= 4:
                process.send_signal(signal.SIGINT)
                told = True
    out = process.communicate(timeout=60)[0]
    os.close(terminal)
    kept = Recording.load(tmp_path / "run.npz")
    assert process.returncode == 130
    assert not kept.complete and 200.0 <= kept.duration < 1e6 and kept.spikes["E"].count > 0
    assert f"stopped after {kept.duration:g} of 1e+06 ms" in seen
    assert out.splitlines() == [str(analysis.summary(kept)), "wrote run.npz", "wrote run.png"]


# ---- new-neuron and lab -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "module", "name"),
    [
        ("FastSpiking", "fast_spiking", "FastSpiking"),
        ("my_cell", "my_cell", "MyCell"),
        ("LIF2D", "lif2_d", "LIF2D"),
    ],
)
def test_a_new_neuron_works(given, module, name, tmp_path):
    """Its own test passes; the laws of test_contracts.py are asked of the template itself."""
    done = snnlab_command("new-neuron", given, cwd=tmp_path)
    assert done.returncode == 0 and module in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {f"{module}.py", f"test_{module}.py"}
    text = (tmp_path / f"{module}.py").read_text()
    assert f"class {name}:" in text and "ew_neuron" not in text.lower() and "NewNeuron" not in text
    if given == "FastSpiking":
        test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{module}.py"]
        done = subprocess.run(test, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and "passed" in done.stdout, done.stdout


def test_the_template_has_an_explorer_with_its_plane_and_figure(tmp_path):
    explorer = snnlab.explore(NewNeuron)
    explorer.run()
    assert explorer.save(tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")
    assert "Phase plane" in explorer.figure().alt and "cell" in explorer.summary


@pytest.mark.parametrize("there", ["my_cell.py", "test_my_cell.py"])
def test_a_new_neuron_overwrites_nothing(there, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(there).write_text("mine")
    assert f"{there} is there already" in refused(capsys, "new-neuron", "MyCell")
    assert [path.name for path in tmp_path.iterdir()] == [there] and Path(there).read_text() == "mine"


def test_the_lab_is_for_this_machine_and_keeps_its_token(tmp_path):
    (tmp_path / "02_b.ipynb").touch()
    (tmp_path / "01_a.ipynb").touch()
    words = lab.command(tmp_path, "--no-browser")
    assert "--ServerApp.ip=127.0.0.1" in words and words[-1] == "--no-browser"
    assert "--LabApp.default_url=/lab/tree/01_a.ipynb" in words
    assert not any("token" in word or "password" in word for word in words)
    (settings,) = (word.partition("=")[2] for word in words if "app_settings_dir" in word)
    assert (Path(settings) / "overrides.json").is_file()
    assert lab.environment()["NPROC"] == os.environ.get("NPROC", "1")
