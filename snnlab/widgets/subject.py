"""What an explorer explores: a model function, how it is run and how it is written as code."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import snnlab.models
from snnlab.core.network import Network
from snnlab.core.parameters import Parameter, describe, unknown
from snnlab.core.simulate import Run
from snnlab.widgets.catalogue import LOOKS, Look
from snnlab.widgets.settings import RUN_PARAMETERS

_RUN = tuple(p.name for p in RUN_PARAMETERS)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model function with the lines that import and call it."""

    name: str
    build: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    imports: str
    call: str
    look: Look

    def start(self, values: Mapping[str, Any]) -> Run:
        """A run of the model with these values. Raises ValueError before anything compiles."""
        model = self.build(**{name: value for name, value in values.items() if name not in _RUN})
        return Run(model, record=dict(self.look.record) or None, **{name: values[name] for name in _RUN})

    def code(self, changed: Mapping[str, Any], run: Mapping[str, Any]) -> str:
        """Python that builds and runs the same."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        settings = ", ".join(f"{name}={run[name]!r}" for name in _RUN)
        record = f", record={dict(self.look.record)!r}" if self.look.record else ""
        return (
            f"{self.imports}\n\nmodel = {self.call}({arguments})\n"
            f"recording = snnlab.simulate(model, {settings}{record})\n"
        )


def models() -> dict[str, Callable[..., Any]]:
    """The documented networks by name; a two-variable system has a phase plane instead of a raster."""
    found = {name: getattr(snnlab.models, name) for name in snnlab.models.__all__}
    return {name: each for name, each in found.items() if _returns(each) is Network}


def _returns(model: Callable[..., Any]) -> Any:
    return inspect.signature(model).return_annotation


def subject(model: str | Callable[..., Any]) -> Subject:
    """What ``model`` names or is. Raises ValueError for an unknown name and what declares no parameters."""
    known = models()
    if isinstance(model, str):
        if model in snnlab.models.__all__ and model not in known:
            raise ValueError(
                f"{model} is not a network; its phase plane is drawn by snnlab.plots.phase_plane."
            )
        if model not in known:
            raise ValueError(unknown("There is no model", model[:60], known))
        name, model = model, known[model]
    elif not callable(model) or isinstance(model, type):
        raise ValueError(f"{model!r} cannot be explored; expected a model's name or a model function.")
    else:
        name = model.__name__
    parameters = describe(model)
    if known.get(name) is model:
        look = LOOKS.get(name, Look())
        return Subject(name, model, parameters, "import snnlab", f"snnlab.models.{name}", look)
    where = getattr(model, "__module__", "__main__")
    imports = "import snnlab" if where == "__main__" else f"import snnlab\nfrom {where} import {name}"
    return Subject(name, model, parameters, imports, name, Look())
