"""``snnlab run``: one run of a model, its options made from the model's declared parameters."""

import argparse
import contextlib
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnlab import Recording, SimulationError, analysis, models, simulate
from snnlab.command import Misuse
from snnlab.command.listing import known, summary, switches
from snnlab.command.options import Options, number
from snnlab.core.parameters import describe
from snnlab.core.recording import whole_file
from snnlab.core.simulate import bar
from snnlab.models.published import allowed
from snnlab.widgets.catalogue import LOOKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (".png", ".svg", ".pdf")
DURATION = 1000.0
LINES = 3  # of a variable of many units, as many are drawn
HELP = """\
usage: snnlab run MODEL [--PARAMETER VALUE ...] [--duration MS] [--dt MS] [--seed N] [--record NAME ...]
                  [--out FILE.npz] [--plot FILE.png]

`snnlab list` prints the models, `snnlab run MODEL --help` what can be set in one."""


def main(arguments: Sequence[str]) -> int:
    """Run a model. What there is when it is interrupted, or fails, is kept as a whole run would be."""
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(HELP)
        return 0
    if name.startswith("-"):
        raise Misuse(f"name a model before {name}; `snnlab list` prints them")
    given = vars(_options(known(name)).read(rest))
    run = {"duration": DURATION} | {
        each: given.pop(each) for each in ("duration", "dt", "seed") if each in given
    }
    out, plot, record = (given.pop(each, None) for each in ("out", "plot", "record"))
    _writable("--out", out, (".npz",))
    _writable("--plot", plot, FIGURES)
    model = getattr(models, name)(**given)
    if not record and hasattr(model, "variables"):
        record = [each for each in LOOKS[name].record if isinstance(each, str)]
    return _run(model, out, plot, record=_cells(record), **run)


def _run(model: Any, out: Path | None, plot: Path | None, **settings: Any) -> int:
    code, complaint, seen = 0, "", sys.stderr.isatty()
    with _interrupt() as interrupted:

        def report(fraction: float) -> bool:
            if seen:
                bar(fraction)
            return not interrupted.is_set()

        try:
            recording = simulate(model, progress=report, **settings)
        except SimulationError as error:
            recording, code, complaint = error.recording, 1, str(error)
    if seen:
        print(file=sys.stderr)
    if interrupted.is_set() and not code:
        code, complaint = 130, f"stopped after {recording.duration:g} of {settings['duration']:g} ms"
    if complaint:
        print(f"snnlab run: {complaint}", file=sys.stderr)
    print(analysis.summary(recording) if recording.spikes and recording.duration else recording)
    if out is not None:
        print(f"wrote {recording.save(out)}")
    if plot is not None and recording.duration:
        picture = figure(recording)
        with whole_file(plot) as file:
            picture.savefig(file, format=plot.suffix.lower()[1:], dpi=150)
        print(f"wrote {plot}")
    return code


@contextlib.contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, to be asked between pieces: raised at any moment, one may get lost in a callback.

    The second Ctrl-C is what it always is.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def first(*_: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def figure(recording: Recording) -> "Figure":
    """The standard figure of spikes or of a ring; of another model, its variables over time."""
    from snnlab import plots, ring_plots

    if recording.spikes:
        return plots.figure(recording)
    if {"u", "position"} <= recording.samples.keys():
        return ring_plots.figure(recording)
    picture = plots.Picture(figsize=(8.0, 1.0 + 1.5 * len(recording.samples)), layout="constrained")
    axes = picture.subplots(len(recording.samples), sharex=True, squeeze=False)[:, 0]
    for ax, (name, values) in zip(axes, recording.samples.items(), strict=True):
        columns = values.reshape(len(values), -1).T[:LINES]
        for column, line in zip(columns, itertools.cycle(plots.LINES), strict=False):
            ax.plot(recording.t, column, line, linewidth=1.2)
        ax.set(ylabel=name)
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set(xlabel="time (ms)", xlim=(0.0, recording.duration))
    return picture


def _options(name: str) -> Options:
    """The options of a model: those of any run, and its parameters. What is not given is not there."""
    usage = "[--PARAMETER VALUE ...] [--duration MS] [--out FILE.npz] [--plot FILE.png] ..."
    parser = Options(f"run {name}", usage, f"{name}: {summary(name)}", argument_default=argparse.SUPPRESS)
    run = parser.add_argument_group("the run").add_argument
    run("--duration", type=number, metavar="ms", help=f"model time ({DURATION:g})")
    run("--dt", type=number, metavar="ms", help="time step (0.1)")
    run("--seed", type=_whole, metavar="N", help="seed of the random numbers (0)")
    words = "what to record beside spikes, of which cells: E.V, E.V:0,5 or E.V:0-9; may be given again"
    run("--record", action="append", metavar="NAME[:CELLS]", help=words)
    run("--out", type=Path, metavar="FILE.npz", help="keep the recording; Recording.load reads it")
    run("--plot", type=Path, metavar="FILE", help=f"draw the figure, as {', '.join(FIGURES)}")
    own = parser.add_argument_group(f"parameters of {name} (default; allowed)").add_argument
    for p in describe(getattr(models, name)):
        words = f"{p.doc} ({p.default:g}; {allowed(p)})".replace("%", "%%")
        own(_option(p.name), dest=p.name, type=number, metavar=p.unit or "N", help=words)
    for each in switches(name):
        own(_option(each), dest=each, action="store_true", help="on (off)")
    return parser


def _option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number') from None


def _cells(wanted: Sequence[str] | None) -> dict[str, np.ndarray | None] | None:
    """``["E.V:0,5", "I.V"]`` as ``{"E.V": [0, 5], "I.V": None}``: None for all. Raises Misuse for what is no list."""
    if not wanted:
        return None
    chosen: dict[str, np.ndarray | None] = {}
    for word in wanted:
        name, colon, listed = word.partition(":")
        try:
            chosen[name] = _numbers(listed) if colon else None
        except ValueError:
            raise Misuse(f'--record {word}: "{listed}" is no list of cells such as 0,5 or 0-9') from None
    return chosen


def _numbers(listed: str) -> np.ndarray:
    spans = [[int(end) for end in part.split("-", 1)] for part in listed.split(",")]
    if any(span[0] > span[-1] for span in spans):
        raise ValueError
    return np.concatenate([np.arange(span[0], span[-1] + 1) for span in spans])


def _writable(option: str, path: Path | None, suffixes: Sequence[str]) -> None:
    """Raises Misuse when nothing could be written there: better now than after the run."""
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise Misuse(f"{option} {path}: the name must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise Misuse(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise Misuse(f"{option} {path}: it cannot be written")
