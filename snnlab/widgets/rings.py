"""What an explorer shows of a ring: a map of its activity over time with the angles on it, and a sentence about it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snnlab import analysis
from snnlab.core.recording import Recording
from snnlab.widgets.phase_planes import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, ROWS = 400, 128  # of the map, at most
LEVELS = 65_535


def ring_portrait(model: Any) -> "RingPortrait | None":
    """The picture of a ring that holds an angle; None of any other model."""
    return RingPortrait(model.angles) if hasattr(model, "angles") and model.variables == ("u",) else None


class RingPortrait:
    """The activity of a ring over time: u as colour, the decoded angle and the stimulus as lines."""

    variables = ()  # a click chooses no start
    units: Mapping[str, str] = {}

    def __init__(self, angles: np.ndarray):
        self.angles = np.asarray(angles, float)

    def panel(self, arrays: Arrays, recording: Recording, startable: bool) -> dict[str, Any]:
        """The panel of a frame: u [rows, columns], the first row at -pi, and the angles at the columns."""
        every = max(1, -(-len(recording.t) // COLUMNS))
        rows = np.arange(0, len(self.angles), max(1, -(-len(self.angles) // ROWS)))
        u = np.maximum(np.asarray(recording["u"])[::every], 0.0)
        top = float(u.max(initial=0.0))
        levels = np.rint(u[:, rows].T * (LEVELS / top if top > 0.0 else 0.0)).astype(np.uint16)
        lines = (
            (
                "stimulus",
                np.asarray(recording.samples.get("position", np.full(len(u) * every, np.nan)))[::every],
            ),
            ("decoded", analysis.population_vector(u, self.angles)),
        )
        return {
            "kind": "map",
            "title": f"u on the ring (rad), from 0 (dark) to {top:.3g} (light)",
            "alt": "map of the activity u over time and angle, with the decoded angle and the stimulus as lines",
            "rows": len(rows),
            "step": every * recording.dt,
            "levels": arrays.add(levels.ravel()),
            "lines": [{"name": name, "values": arrays.add(line.astype(np.float32))} for name, line in lines],
        }

    def traces(self, recording: Recording) -> dict[str, np.ndarray]:
        """What is drawn below the map, by name."""
        return {
            "height of the bump": analysis.peak_height(recording["u"]),
            # without the rounding errors, which would fill a panel that shows nothing else
            "stimulus minus decoded angle (rad)": np.round(analysis.lag(recording, self.angles), 5),
        }

    def sentence(self, recording: Recording) -> str:
        """Height and angle of the bump at the end, decoding error and lag."""
        return str(analysis.ring_summary(recording, self.angles))

    def figure(self, recording: Recording) -> "Figure":
        """A matplotlib figure: the map, and the bump at the end."""
        from snnlab import ring_plots

        return ring_plots.figure(recording, self.angles)
