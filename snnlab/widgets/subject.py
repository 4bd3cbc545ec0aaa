"""What an explorer explores: a model function, how it is run and how it is written as code."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import snnlab.models
from snnlab.core.parameters import Parameter, describe, unknown
from snnlab.core.rate_run import RateRun
from snnlab.core.simulate import Run, begin
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

    def model(self, values: Mapping[str, Any]) -> Any:
        """The model with these values. Raises ValueError when they exclude each other."""
        return self.build(**{name: value for name, value in values.items() if name not in _RUN})

    def start(self, model: Any, values: Mapping[str, Any]) -> Run | RateRun:
        """A run of a ``model`` with these values. Raises ValueError before anything compiles."""
        return begin(model, record=self.look.record or None, **{name: values[name] for name in _RUN})

    def starts(self, variables: Iterable[str]) -> tuple[str, ...]:
        """The parameters that say where a run of these variables starts; none where the model has none."""
        names = tuple(f"{variable}_0" for variable in variables)
        return names if set(names) <= {p.name for p in self.parameters} else ()

    def code(self, changed: Mapping[str, Any], run: Mapping[str, Any]) -> str:
        """Python that builds and runs the same."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        settings = ", ".join(f"{name}={run[name]!r}" for name in _RUN)
        record = f", record={self.look.record!r}" if self.look.record else ""
        return (
            f"{self.imports}\n\nmodel = {self.call}({arguments})\n"
            f"recording = snnlab.simulate(model, {settings}{record})\n"
        )


def models() -> dict[str, Callable[..., Any]]:
    """The documented models by name."""
    return {name: getattr(snnlab.models, name) for name in snnlab.models.__all__}


def subject(model: str | Callable[..., Any]) -> Subject:
    """What ``model`` names or is. Raises ValueError for an unknown name and what declares no parameters."""
    known = models()
    if isinstance(model, str):
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
