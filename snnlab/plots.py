"""Figures of what a simulation did, drawn by matplotlib on given axes.

Every function draws on ``ax`` and returns it; without ``ax`` it opens a pyplot figure, which ``show`` closes.
``start`` and ``stop`` (ms) choose the time that is drawn, ``start <= t < stop``. No setting of matplotlib is
changed. The colours are those of Okabe & Ito (2008), which colour-blind readers can tell apart, and they are
never the only cue: populations also differ in place, lines in style.
"""

import base64
import html
import io
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnlab.analysis.bifurcations import Diagram
from snnlab.analysis.phase_plane import Trajectory, fixed_points, nullclines, separatrix, vector_field
from snnlab.analysis.spikes import Trains, span, summary, windowed_rate
from snnlab.core.parameters import unknown
from snnlab.core.recording import Recording, SpikeTrains

OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
COLOURS = {"E": OKABE_ITO["blue"], "I": OKABE_ITO["vermillion"], "": OKABE_ITO["black"]}
OTHERS = tuple(OKABE_ITO.values())[2:]  # for every other population, in order
LINES = ("-", "--", "-.", ":")
GREY = "#6E6E6E"


def raster(
    recording: Trains,
    ax: Axes | None = None,
    *,
    populations: Sequence[str] | None = None,
    start: float | None = None,
    stop: float | None = None,
) -> Axes:
    """Spike raster: one mark a spike, the populations stacked in bands, the first at the bottom.

    Nothing is thinned: however long the recording, every spike is drawn. The marks are a bitmap in vector
    files too. Raises ValueError for an unknown population.
    """
    shown = _populations(recording, populations)
    ax = _axes(ax)
    total = sum(trains.n for trains in shown.values())
    row = ax.get_window_extent().height * 72.0 / ax.get_figure().dpi / total  # points
    offset, centres = 0, []
    for (name, trains), colour in zip(shown.items(), _colours(shown), strict=True):
        start, stop = span(trains, start, stop)
        spikes = trains.window(start, stop)
        ax.plot(
            spikes.times,
            spikes.neurons + offset,
            linestyle="none",
            marker="|" if row > 3.0 else "s",
            markersize=np.clip(0.8 * row, 1.0, 12.0),
            markeredgewidth=1.0 if row > 3.0 else 0.0,
            antialiased=False,  # crisp, and a third of the size as PNG
            color=colour,
            label=name,
            rasterized=True,
        )
        if offset:
            ax.axhline(offset - 0.5, color=GREY, linewidth=0.6)
        centres.append(offset + (trains.n - 1) / 2)
        offset += trains.n
    ax.set(ylim=(-0.5, total - 0.5), ylabel="neuron")
    if len(shown) > 1:
        ax.set_yticks(centres, [f"{name}\n{trains.n}" for name, trains in shown.items()], fontweight="bold")
        ax.tick_params("y", length=0)
        for label, colour in zip(ax.get_yticklabels(), _colours(shown), strict=True):
            label.set_color(colour)
    return _finish(ax, start, stop)


def rate(
    recording: Trains,
    ax: Axes | None = None,
    window: float = 5.0,
    *,
    populations: Sequence[str] | None = None,
    start: float | None = None,
    stop: float | None = None,
) -> Axes:
    """Population rates (Hz) over time: means over ``window`` ms around a point, five points a window.

    The curves end half a window inside the time drawn. Raises ValueError for an unknown population.
    """
    shown = _populations(recording, populations)
    ax = _axes(ax)
    lines = itertools.cycle(LINES)
    for (name, trains), colour, line in zip(shown.items(), _colours(shown), lines, strict=False):
        start, stop = span(trains, start, stop)
        t, hertz = windowed_rate(trains, window, window / 5.0, start=start, stop=stop)
        ax.plot(t, hertz, color=colour, linestyle=line, linewidth=1.2, label=name)
    ax.set(ylabel="rate (Hz)")
    ax.set_ylim(bottom=0.0)
    return _finish(ax, start, stop, legend=len(shown) > 1)


def trace(
    recording: Recording,
    name: str,
    neurons: int | Sequence[int] | None = None,
    ax: Axes | None = None,
    *,
    unit: str | None = None,
    start: float | None = None,
    stop: float | None = None,
) -> Axes:
    """What was recorded under ``name`` ("E.V", "E.exc") over time, one line for each of ``neurons`` (without: the
    first three that were recorded).

    ``unit`` labels the axis; without it a potential is in mV, and a synapse in the unit of its weights.
    Raises ValueError for a name that was not recorded and for a neuron that does not exist.
    """
    recording[name]  # an unknown name is told with its choices
    population, variable = name.rsplit(".", 1)
    recorded = recording.cells[name]
    neurons = _indices(
        recorded[:3] if neurons is None else neurons, population, recording.spikes[population].n
    )
    start, stop = span(recording.spikes[population], start, stop)
    ax = _axes(ax)
    shown = slice(*np.searchsorted(recording.t, (start, stop)))
    colours = itertools.cycle(dict.fromkeys((*_colours([population]), *OTHERS)))  # the first one once
    for neuron, colour, line in zip(neurons, colours, itertools.cycle(LINES), strict=False):
        label = f"{population} {neuron}"
        ax.plot(
            recording.t[shown],
            recording.column(name, neuron)[shown],
            line,
            color=colour,
            linewidth=1.0,
            label=label,
        )
    ax.set(ylabel=f"{variable} ({unit or ('mV' if variable == 'V' else 'unit of its weights')})")
    return _finish(ax, start, stop, legend=True)


def voltage(
    recording: Recording,
    population: str,
    neurons: int | Sequence[int] | None = None,
    ax: Axes | None = None,
    *,
    V_th: float | None = None,
    start: float | None = None,
    stop: float | None = None,
) -> Axes:
    """Membrane potentials (mV) of ``neurons`` (without: the first recorded), with a stroke up at each spike.

    The strokes are drawn: a sample at the time of a spike already shows the reset. They stand on ``V_th``
    (mV), a dotted line, or without it on the highest potential in sight. Raises ValueError as ``trace`` does.
    """
    trains = recording.spikes[population]
    if neurons is None:
        neurons = recording.cells.get(f"{population}.V", (0,))[:1]
    neurons = _indices(neurons, population, trains.n)
    ax = trace(recording, f"{population}.V", neurons, ax, start=start, stop=stop)
    lines = ax.get_lines()[-len(neurons) :]
    potentials = np.concatenate([line.get_ydata() for line in lines])
    spikes = trains.window(*span(trains, start, stop))
    foot = potentials.max(initial=-np.inf) if V_th is None else V_th
    tip = foot + 0.25 * (foot - potentials.min(initial=foot))
    for neuron, line in zip(neurons, lines, strict=True):
        ax.vlines(spikes.of(neuron), foot, tip, color=line.get_color(), linewidth=1.2)
    if V_th is not None:
        ax.axhline(V_th, color=GREY, linestyle=":", linewidth=1.0)
    return ax


def fi_curve(
    currents: Sequence[float],
    rates: Sequence[float],
    theory: Callable[[np.ndarray], Any] | Sequence[float] | None = None,
    ax: Axes | None = None,
    *,
    unit: str = "pA",
) -> Axes:
    """Firing rate (Hz) against input current: the measured points, and ``theory`` as a line.

    ``theory`` is a function of an array of currents, or its values at ``currents``. Raises ValueError when
    the lengths differ.
    """
    currents = np.asarray(currents, float)
    line = np.linspace(currents.min(), currents.max(), 400) if callable(theory) else currents
    expected = theory(line) if callable(theory) else theory
    for name, values, x in (("rates", rates, currents), ("theory", expected, line)):
        if values is not None and np.shape(values) != x.shape:
            raise ValueError(f"{name} has the shape {np.shape(values)}, its currents {x.shape}.")
    ax = _axes(ax)
    if expected is not None:
        ax.plot(line, expected, color=GREY, label="theory")
    ax.plot(currents, rates, "o", color=OKABE_ITO["blue"], markersize=5.0, label="simulation")
    ax.set(ylabel="rate (Hz)", xlabel=f"input current ({unit})")
    return _light(ax, legend=expected is not None)


class Picture(Figure):
    """A figure outside pyplot: nothing has to close it; a cell that ends with it shows it, with ``alt``."""

    alt = ""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return _mimebundle(self, self.alt)


def phase_plane(
    system: Any,
    ax: Axes | None = None,
    *,
    window: Mapping[str, tuple[float, float]] | None = None,
    trajectories: Iterable[Trajectory] = (),
) -> Axes:
    """Phase plane of a two-variable system: nullclines, vector field, separatrix, fixed points, trajectories.

    Stable fixed points are filled, unstable ones open, saddles half filled; the legend has the words. The arrows
    show the direction of the flow, in windows, and not its speed. Raises ValueError for what is no two-variable
    system and where a nullcline lies outside the window.
    """
    lines = nullclines(system, window)
    x, y = lines
    ax = _axes(ax, (7.0, 5.0))
    states, flow = vector_field(system, 21, window)
    size = states[-1, -1] - states[0, 0]
    arrows = flow / size
    speed = np.linalg.norm(arrows, axis=-1, keepdims=True)
    arrows = np.divide(arrows, speed, out=np.zeros_like(arrows), where=speed > 0.0)
    ax.quiver(*states.T, *arrows.T, color=GREY, alpha=0.5, pivot="mid", scale=35.0, width=0.003, angles="uv")
    for name, colour, line in ((x, OKABE_ITO["blue"], "-"), (y, OKABE_ITO["vermillion"], "--")):
        for k, branch in enumerate(lines[name]):
            ax.plot(*branch.T, line, color=colour, linewidth=1.6, label=None if k else f"d{name}/dt = 0")
    for k, path in enumerate(separatrix(system, window)):
        ax.plot(*path.T, ":", color=OKABE_ITO["black"], linewidth=1.6, label=None if k else "separatrix")
    for k, run in enumerate(trajectories):
        ax.plot(*run.states.T, color=OKABE_ITO["green"], linewidth=1.0, label=None if k else "trajectory")
        ax.plot(*run.states[0], "x", color=OKABE_ITO["green"], markersize=5.0)
    named = set()
    for point in fixed_points(system, window):
        fill = "left" if point.kind == "saddle" else "full" if point.stable else "none"
        ax.plot(
            *point.state,
            linestyle="none",
            marker="o" if "node" in point.kind or point.kind == "saddle" else "D",
            fillstyle=fill,
            markersize=8.0,
            color=OKABE_ITO["black"],
            markerfacecoloralt="white",
            zorder=3.0,
            label=None if point.kind in named else point.kind,
        )
        named.add(point.kind)
    (left, bottom), (right, top) = states[0, 0], states[-1, -1]
    margin = 0.02 * size
    ax.set(xlabel=x, ylabel=y)
    ax.set(xlim=(left - margin[0], right + margin[0]), ylim=(bottom - margin[1], top + margin[1]))
    _light(ax, legend=False)
    ax.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def bifurcation(
    diagram: Diagram, variable: int = 0, ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """Fixed points over a parameter: one variable of each, solid where it is stable, dotted where it is not.

    Bifurcations are marked, each kind by a marker of its own; the legend has the words. ``label`` is that of the
    vertical axis.
    """
    ax = _axes(ax)
    for branch in diagram.branches:
        for stable, line in ((True, "-"), (False, ":")):
            # a piece goes on to the first point of the other kind, so that no gap is left
            shown = branch.stable == stable
            shown[1:] |= shown[:-1] & ~shown[1:]
            values = np.where(shown, branch.states[:, variable], np.nan)
            ax.plot(branch.values, values, line, color=OKABE_ITO["blue"], linewidth=1.8)
    handles = [
        ax.plot([], [], line, color=OKABE_ITO["blue"], linewidth=1.8, label=word)[0]
        for word, line in (("stable", "-"), ("unstable", ":"))
    ]
    markers = dict(zip(("fold", "pitchfork", "transcritical", "Hopf"), "osD^", strict=True))
    for kind, marker in markers.items():
        found = [b for b in diagram.bifurcations if b.kind == kind]
        if found:
            x, y = np.transpose([(b.value, b.state[variable]) for b in found])
            handles += ax.plot(x, y, marker, color=OKABE_ITO["vermillion"], linestyle="none", label=kind)
    ax.set(xlabel=diagram.parameter, ylabel=label or f"variable {variable + 1}")
    ax.legend(handles=handles, frameon=False, fontsize="small")
    return _light(ax, legend=False)


def figure(
    recording: Trains,
    *,
    window: float = 5.0,
    start: float | None = None,
    stop: float | None = None,
    figsize: tuple[float, float] = (8.0, 5.0),
) -> Picture:
    """The standard figure: the raster above the rates on one time axis, under the summary of that time."""
    line = summary(recording, start=start, stop=stop)
    picture = Picture(figsize=figsize, layout="constrained")
    top, bottom = picture.subplots(2, sharex=True, height_ratios=(3, 1))
    raster(recording, top, start=start, stop=stop).set_xlabel("")
    rate(recording, bottom, window, start=start, stop=stop)
    top.set_title(str(line), loc="left", fontsize="medium")
    picture.align_ylabels()
    picture.alt = f"Spike raster above population rates, {line.start:g} to {line.stop:g} ms. {line}."
    return picture


def show(drawing: Figure | Axes, alt: str) -> None:
    """Display a figure in a notebook with ``alt``, which says in words what is to be seen.

    The picture goes out as an HTML element, the one form whose text JupyterLab and MyST-NB both keep, and as
    a PNG with the text in its metadata, for nbconvert and for print. Raises ValueError for an empty text.
    """
    if not alt.strip():
        raise ValueError("alt is empty; it must say in a sentence what the figure shows.")
    import matplotlib.pyplot as plt
    from IPython.display import display

    shown = drawing.get_figure() if isinstance(drawing, Axes) else drawing
    data, metadata = _mimebundle(shown, alt)
    plt.close(shown)  # the notebook would show it once more at the end of the cell
    display(data, metadata=metadata, raw=True)


def _mimebundle(drawing: Figure, alt: str) -> tuple[dict[str, str], dict[str, Any]]:
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=144)
    png = base64.b64encode(buffer.getvalue()).decode()
    width, height = (round(96 * inches) for inches in drawing.get_size_inches())
    image = (
        f'<img alt="{html.escape(alt)}" width="{width}" style="max-width: 100%; height: auto" '
        f'src="data:image/png;base64,{png}">'
    )
    data = {"text/html": image, "image/png": png, "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


def _axes(ax: Axes | None, size: tuple[float, float] = (8.0, 3.5)) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def _finish(ax: Axes, start: float, stop: float, legend: bool = False) -> Axes:
    ax.set(xlabel="time (ms)")
    if start < stop:
        ax.set_xlim(start, stop)
    return _light(ax, legend)


def _light(ax: Axes, legend: bool) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    if legend:  # above the axes, where it hides no data
        ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, ncols=6)
    return ax


def _populations(recording: Trains, names: Sequence[str] | None) -> dict[str, SpikeTrains]:
    spikes = getattr(recording, "spikes", recording)
    trains = dict(spikes) if isinstance(spikes, Mapping) else {"": spikes}
    for name in names or ():
        if name not in trains:
            raise ValueError(unknown("recording: no population", name, trains))
    return {name: trains[name] for name in names or trains}


def _colours(names: Iterable[str]) -> list[str]:
    others = itertools.cycle(OTHERS)
    return [COLOURS.get(name) or next(others) for name in names]


def _indices(neurons: int | Sequence[int], population: str, n: int) -> list[int]:
    indices = np.atleast_1d(neurons).tolist()
    if not indices:
        raise ValueError(f"{population}: there is no neuron to draw.")
    for neuron in indices:
        if neuron not in range(n):
            raise ValueError(f"{population}: there is no neuron {neuron}; it has {n}, from 0 to {n - 1}.")
    return indices
