"""What is taken away from an explorer and brought back: settings, links, code, files; and the run kept to compare."""

import abc
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from snnlab.core.parameters import shown
from snnlab.core.recording import Recording, named_file, whole_file
from snnlab.widgets import exports, links
from snnlab.widgets.attempt import Shown
from snnlab.widgets.phase_planes import Portrait
from snnlab.widgets.rings import RingPortrait
from snnlab.widgets.settings import Number, Settings
from snnlab.widgets.subject import Subject, subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Portable(abc.ABC):
    """The part of an explorer that is its settings and its last run, as text and files."""

    name: str
    subject: Subject
    settings: Settings
    shown: Shown | None  # the last run that worked
    pinned: Shown | None
    _opening: dict[str, Number]  # what an explorer of this model starts with: links say what differs

    @abc.abstractmethod
    def set(self, **values: Any) -> None:
        """Change settings."""

    @abc.abstractmethod
    def _pin_changed(self) -> None:
        """Show what is pinned now."""

    @property
    def values(self) -> dict[str, Number]:
        """The value of every parameter, of duration (ms), dt (ms) and seed."""
        return dict(self.settings)

    @property
    def recording(self) -> Recording | None:
        """The recording of the last run that worked; in live mode of what was shown last."""
        return self.shown.recording if self.shown else None

    @property
    def portrait(self) -> Portrait | RingPortrait | None:
        """The picture of the recording, where it is a plane or a ring."""
        return self.shown.portrait if self.shown else None

    @property
    def stale(self) -> bool:
        """Whether the recording was made with other values than the present ones."""
        return self.shown is not None and self.shown.values != self.values

    def to_dict(self) -> dict[str, Any]:
        """The model's name and every setting, as JSON can carry them."""
        return {"model": self.name, **self.values}

    def restore(self, settings: Mapping[str, Any]) -> None:
        """Take on the settings that ``to_dict`` described; what they leave out is as in a new explorer.

        Raises ValueError, and changes nothing, for another model, an unknown name, a wrong type or a value that is
        not allowed.
        """
        name, given = _model_of(settings)
        if name != self.name:
            raise ValueError(f"These settings are of {shown(name)}; this is an explorer of {self.name}.")
        self.set(**{**self._opening, **self.settings.checked(given)})

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], model: Any = None) -> Self:
        """The explorer that ``to_dict`` described. A model of your own is given as ``model``.

        Raises ValueError for an unknown name, a wrong type or a value that is not allowed.
        """
        name, _ = _model_of(settings)
        explorer = cls(model if model is not None and subject(model).name == name else name)
        explorer.restore(settings)
        return explorer

    @classmethod
    def load(cls, path: str | os.PathLike, model: Any = None) -> Self:
        """The explorer whose settings ``save("....json")`` wrote. Raises ValueError for a file that holds none."""
        return cls.from_dict(links.read_file(named_file("Explorer.load", path)), model)

    def link(self) -> str:
        """The settings as the end of an address, ``#snnlab=coba_ei&g_inh=5.0``: what differs from a new explorer."""
        changed = {name: value for name, value in self.values.items() if value != self._opening[name]}
        return links.written(self.name, changed)

    @classmethod
    def from_link(cls, text: str, model: Any = None) -> Self:
        """The explorer that a link describes. Raises ValueError for text that is no link to one."""
        return cls.from_dict(links.read(text), model)

    # ---- comparing --------------------------------------------------------------------------------------

    def pin(self) -> None:
        """Keep the present run in the picture, behind the runs to come. Raises ValueError when there is none."""
        self.needed()
        self.pinned = self.shown
        self._pin_changed()

    def unpin(self) -> None:
        """Take the pinned run out of the picture."""
        self.pinned = None
        self._pin_changed()

    def pinned_label(self) -> str:
        """Whose the pinned run is: the values in which it differs from the run that is shown."""
        if self.pinned is None:
            return ""
        now, parameters = self.shown.values, self.settings.parameters
        different = [
            f"{name} {value:g} {parameters[name].unit}".rstrip()
            for name, value in self.pinned.values.items()
            if value != now[name]
        ]
        words = ", ".join(different[:3]) + (f" and {len(different) - 3} more" if len(different) > 3 else "")
        return f"pinned: {words or 'the same values'}"

    # ---- what can be taken away -------------------------------------------------------------------------

    def code(self) -> str:
        """Python source that builds the same model and runs it; the result is ``recording``."""
        return self.subject.code(self.values)

    def figure(self) -> "Figure":
        """A matplotlib figure of the recording. Raises ValueError when there is none yet."""
        from snnlab import plots

        recording = self.needed()
        return plots.figure(recording) if self.portrait is None else self.portrait.figure(recording)

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write a file, whole or not at all: by its ending the recording (.npz, .csv), its figure (.png, .svg, .pdf)
        or the settings (.json). Raises ValueError for another ending and when there is nothing yet to save.
        """
        path = named_file(f"{self.name}: save", path)
        data = exports.exported(self, path.suffix.lower())
        with whole_file(path) as file:
            file.write(data)
        return path

    def needed(self) -> Recording:
        """The recording. Raises ValueError when there is none yet."""
        if self.recording is None:
            raise ValueError(f"{self.name} has not been run yet; call run() first.")
        return self.recording


def _model_of(settings: Any) -> tuple[str, dict[str, Any]]:
    """The name of the model that settings are of, and the settings without it."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"Settings must be a dict, not {type(settings).__name__}.")
    given = dict(settings)
    name = given.pop("model", None)
    if not isinstance(name, str):
        raise ValueError('Settings must name their model, such as "model": "coba_ei".')
    return name, given
