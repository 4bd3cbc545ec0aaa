"""Figures of a ring that holds an angle: its activity over time, one moment of it, and a film of it."""

import base64
import html
import io
import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from snnlab.analysis.ring import lag, population_vector, ring_summary
from snnlab.core.recording import Recording
from snnlab.plots import OKABE_ITO, Picture, _axes, _light

_QUARTERS = ((-np.pi, "-π"), (-np.pi / 2, "-π/2"), (0.0, "0"), (np.pi / 2, "π/2"), (np.pi, "π"))
_numbers = itertools.count()


def ring_map(recording: Recording, ax: Axes | None = None, *, name: str = "u", angles: Any = None) -> Axes:
    """What was recorded under ``name`` [T, n] as a map: time across, the angle up, in cividis; with the decoded angle
    and, where "position" was recorded, the stimulus as lines.

    ``angles`` [n] are those of the units, without them -pi + 2 pi j / n. Raises ValueError for what was not recorded.
    """
    values = np.asarray(recording[name])
    ax = _axes(ax)
    edges = recording.t[0], recording.t[-1] + recording.dt, -np.pi, np.pi
    image = ax.imshow(
        values.T, aspect="auto", origin="lower", cmap="cividis", extent=edges, interpolation="nearest"
    )
    ax.figure.colorbar(image, ax=ax, label=name, pad=0.01)
    if "position" in recording.samples:
        _angle(ax, recording.t, recording["position"], OKABE_ITO["vermillion"], "--", "stimulus")
    _angle(ax, recording.t, population_vector(values, angles), OKABE_ITO["black"], "-", "decoded")
    ax.set(xlabel="time (ms)", ylabel="angle (rad)", xlim=edges[:2], ylim=edges[2:])
    ax.set_yticks(*zip(*_QUARTERS, strict=True))
    return _light(ax, legend=True)


def bump(
    recording: Recording, t: float, ax: Axes | None = None, *, angles: Any = None, theory: Any = None
) -> Axes:
    """The activity u on the ring at time ``t`` (ms), the stimulus where it was recorded, and the decoded angle.

    ``theory`` [n] is drawn as a dotted line. Raises ValueError for a time that was not simulated.
    """
    moment = _moment(recording, t)
    u = np.asarray(recording["u"])[moment]
    angles = _angles(u, angles)
    ax = _axes(ax)
    if "stimulus" in recording.samples:
        given = recording["stimulus"][moment]
        ax.plot(angles, given, "--", color=OKABE_ITO["vermillion"], linewidth=0.8, label="stimulus")
    ax.plot(angles, u, color=OKABE_ITO["blue"], linewidth=2.0, label="u")
    if theory is not None:
        ax.plot(angles, theory, ":", color=OKABE_ITO["black"], linewidth=2.0, label="theory")
    decoded = float(population_vector(u, angles))
    if np.isfinite(decoded):
        ax.axvline(decoded, color=OKABE_ITO["black"], linewidth=0.8, label="decoded")
    ax.set(xlabel="angle (rad)", ylabel="u", xlim=(-np.pi, np.pi))
    ax.set_xticks(*zip(*_QUARTERS, strict=True))
    return _light(ax, legend=True)


def figure(recording: Recording, angles: Any = None) -> Picture:
    """The standard figure of a ring: the map above the distance of the bump from the stimulus, under their summary."""
    picture = Picture(figsize=(8.0, 5.0), layout="constrained")
    top, bottom = picture.subplots(2, sharex=True, height_ratios=(3, 1))
    ring_map(recording, top, angles=angles).set_xlabel("")
    words = str(ring_summary(recording, angles))
    picture.suptitle(words, x=0.01, ha="left", fontsize="medium")
    bottom.plot(recording.t, lag(recording, angles), color=OKABE_ITO["blue"], linewidth=1.2)
    bottom.set(xlabel="time (ms)", ylabel="lag (rad)")
    _light(bottom, legend=False)
    picture.alt = f"Map of the ring's activity over time above the lag of the bump. {words}."
    return picture


class Film:
    """Pictures to be played: in a notebook a slider with Play and Pause, at rest until somebody plays it.

    The page needs nothing from elsewhere. ``alt`` says in words what is to be seen; where no script runs, the first
    picture is shown.
    """

    def __init__(self, frames: list[bytes], labels: list[str], alt: str, interval: float = 80.0):
        self.frames, self.labels, self.alt, self.interval = frames, labels, alt, interval

    def _repr_html_(self) -> str:
        name = f"snnlab-film-{next(_numbers)}-{len(self.frames)}"
        pictures = [f"data:image/png;base64,{base64.b64encode(frame).decode()}" for frame in self.frames]
        listed = ",".join(f'"{picture}"' for picture in pictures)
        labels = ",".join(f'"{html.escape(label)}"' for label in self.labels)
        return f"""<div id="{name}" style="max-width: 600px">
<img alt="{html.escape(self.alt)}" src="{pictures[0]}" style="max-width: 100%; height: auto">
<div><button type="button" aria-label="play or pause">Play</button>
<input type="range" min="0" max="{len(self.frames) - 1}" value="0" aria-label="time" style="width: 60%">
<output>{html.escape(self.labels[0])}</output></div>
<script>(() => {{
  const frames = [{listed}], labels = [{labels}], root = document.getElementById("{name}");
  const [picture, button, slider, words] = ["img", "button", "input", "output"].map((tag) => root.querySelector(tag));
  let timer = 0;
  const show = () => {{ picture.src = frames[slider.value]; words.textContent = labels[slider.value]; }};
  const pause = () => {{ clearInterval(timer); timer = 0; button.textContent = "Play"; }};
  slider.addEventListener("input", () => {{ pause(); show(); }});
  button.addEventListener("click", () => {{
    if (timer) return pause();
    button.textContent = "Pause";
    const next = () => {{ slider.value = (Number(slider.value) + 1) % frames.length; show(); }};
    timer = setInterval(next, {self.interval:g});
  }});
}})();</script></div>"""


def film(
    recording: Recording, alt: str, *, frames: int = 40, angles: Any = None, stop: float | None = None
) -> Film:
    """The bump and its stimulus over time, in ``frames`` pictures. Needs "u", and shows "stimulus" if recorded.

    Raises ValueError for an empty ``alt``, for fewer than 2 frames and for more than there are samples.
    """
    if not alt.strip():
        raise ValueError("alt is empty; it must say in a sentence what the film shows.")
    last = _moment(recording, recording.t[-1] if stop is None else stop)
    if not 2 <= frames <= last + 1:
        raise ValueError(f"frames = {frames} must be from 2 to {last + 1}, the number of samples.")
    moments = np.linspace(0, last, frames).astype(int)
    u = np.asarray(recording["u"])
    angles = _angles(u[0], angles)
    curves = {"u": (u, OKABE_ITO["blue"], "-")}
    if "stimulus" in recording.samples:
        curves["stimulus"] = (np.asarray(recording["stimulus"]), OKABE_ITO["vermillion"], "--")
    picture = Picture(figsize=(6.0, 2.6), layout="constrained")
    ax = picture.subplots()
    lines = {
        name: ax.plot(angles, values[0], style, color=colour, linewidth=1.2, label=name)[0]
        for name, (values, colour, style) in curves.items()
    }
    mark = ax.axvline(0.0, color=OKABE_ITO["black"], linewidth=0.8, label="decoded")
    top = max(float(values[: last + 1].max()) for values, *_ in curves.values())
    ax.set(xlabel="angle (rad)", ylim=(-0.05 * top, 1.05 * top or 1.0), xlim=(-np.pi, np.pi))
    ax.set_xticks(*zip(*_QUARTERS, strict=True))
    _light(ax, legend=True)
    pictures = []
    for moment in moments:
        for name, (values, *_) in curves.items():
            lines[name].set_ydata(values[moment])
        mark.set_xdata([float(population_vector(u[moment], angles))] * 2)
        buffer = io.BytesIO()
        picture.savefig(buffer, format="png", dpi=72)
        pictures.append(buffer.getvalue())
    return Film(pictures, [f"{recording.t[moment]:.1f} ms" for moment in moments], alt)


def _angle(ax: Axes, t: np.ndarray, angle: Any, colour: str, line: str, label: str) -> None:
    angle = np.array(angle, float)
    angle[1:][np.abs(np.diff(angle)) > np.pi] = np.nan  # it went round
    ax.plot(t, angle, color="white", linewidth=2.6)
    ax.plot(t, angle, line, color=colour, linewidth=1.3, label=label)


def _moment(recording: Recording, t: float) -> int:
    moment = round(t / recording.dt)
    if not 0 <= moment < len(recording.t):
        end = recording.t[-1] if len(recording.t) else 0.0
        raise ValueError(f"t = {t:g} ms was not simulated; the recording goes from 0 to {end:g} ms.")
    return moment


def _angles(u: np.ndarray, angles: Any) -> np.ndarray:
    return -np.pi + 2.0 * np.pi * np.arange(len(u)) / len(u) if angles is None else np.asarray(angles, float)
