"""What an explorer explores: a model, how it is built from values, how it is run, and how it is written as code."""

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import snnlab.models
from snnlab.core import neurons
from snnlab.core.inputs import Constant
from snnlab.core.network import Input, Network, Population
from snnlab.core.parameters import Parameter, describe, lacks, replace, shown, unknown
from snnlab.core.rate_run import RateRun
from snnlab.core.simulate import Run, SimulationError, begin
from snnlab.widgets.catalogue import LOOKS, Look
from snnlab.widgets.neuron_planes import neuron_portrait, variables
from snnlab.widgets.phase_planes import Portrait, portrait
from snnlab.widgets.rings import RingPortrait, ring_portrait
from snnlab.widgets.settings import RUN_PARAMETERS

_RUN = tuple(p.name for p in RUN_PARAMETERS)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model function or a component class, with the lines that import and call it."""

    name: str
    build: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    imports: str
    call: str
    look: Look
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)  # further arguments, as code
    plays: ClassVar[bool] = (
        True  # whether there is a live mode, and a run can be short enough to follow a slider
    )

    def model(self, values: Mapping[str, Any]) -> Any:
        """The model with these values. Raises ValueError when they exclude each other."""
        return self.build(**{name: value for name, value in values.items() if name not in _RUN})

    def start(self, model: Any, values: Mapping[str, Any]) -> Run | RateRun:
        """A run of a ``model`` with these values. Raises ValueError before anything compiles."""
        return begin(model, record=self.look.record or None, **{name: values[name] for name in _RUN})

    def portrait(self, model: Any) -> Portrait | RingPortrait | None:
        """The picture of a plane or a ring; None of any other model."""
        return portrait(model) or ring_portrait(model)

    def starts(self, variables: Iterable[str]) -> tuple[str, ...]:
        """The parameters that say where a run of these variables starts; none where the model has none."""
        names = tuple(f"{variable}_0" for variable in variables)
        return names if set(names) <= {p.name for p in self.parameters} else ()

    def code(self, values: Mapping[str, Any]) -> str:
        """Python that builds and runs the same."""
        settings = ", ".join(f"{name}={values[name]!r}" for name in _RUN)
        record = f", record={self.look.record!r}" if self.look.record else ""
        return f"{self.imports}\n\n{self._built(values)}\nrecording = snnlab.simulate(model, {settings}{record})\n"

    def _built(self, values: Mapping[str, Any]) -> str:
        return f"model = {self._called(values)}"

    def _called(self, values: Mapping[str, Any]) -> str:
        changed = {p.name: repr(values[p.name]) for p in self.parameters if self._differs(p, values)}
        return (
            f"{self.call}({', '.join(f'{name}={text}' for name, text in {**self.given, **changed}.items())})"
        )

    def _differs(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        return parameter.name in values and values[parameter.name] != parameter.default


@dataclasses.dataclass(frozen=True)
class NeuronSubject(Subject):
    """One cell of a neuron model under a constant current, the parameter ``current``."""

    current: str = "I"

    def model(self, values: Mapping[str, Any]) -> Network:
        cell = {name: value for name, value in values.items() if name not in (*_RUN, self.current)}
        source = Input("cell", Constant(values[self.current]))
        return Network({"cell": Population(self.build(**cell), 1)}, inputs=(source,))

    def portrait(self, model: Network) -> Portrait | None:
        return neuron_portrait(model, "cell")

    def _built(self, values: Mapping[str, Any]) -> str:
        return (
            f"cell = snnlab.Population({self._called(values)}, 1)\n"
            f'source = snnlab.Input("cell", snnlab.inputs.Constant({values[self.current]!r}))\n'
            'model = snnlab.Network({"cell": cell}, inputs=[source])'
        )

    def _differs(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        return parameter.name != self.current and super()._differs(parameter, values)


def models() -> dict[str, Callable[..., Any]]:
    """The documented models by name."""
    return {name: getattr(snnlab.models, name) for name in snnlab.models.__all__}


def subject(model: Any) -> Subject:
    """What ``model`` names or is: a documented model, a model function, or a component (or its class) that is a neuron
    model or a rate model. Raises ValueError for an unknown name and for what cannot be explored or written as code.
    """
    if isinstance(model, Subject):
        return model
    known = models()
    if isinstance(model, str):
        from snnlab.widgets.experiments import experiments  # which are subjects, too

        if model in experiments():
            return experiments()[model]()
        if model not in known:
            raise ValueError(unknown("There is no model", model[:60], [*known, *experiments()]))
        model = known[model]
    kind = model if isinstance(model, type) else type(model)
    if "__declared__" in vars(kind):
        return _of_component(model, kind)
    if not callable(model) or isinstance(model, type):
        hint = (
            "decorate it with @component"
            if isinstance(model, type)
            else "expected a model's name or function"
        )
        raise ValueError(f"explore: {shown(model)} cannot be explored; {hint}.")
    name, parameters = model.__name__, describe(model)
    if known.get(name) is model:
        look = LOOKS.get(name, Look())
        return Subject(name, model, parameters, "import snnlab", f"snnlab.models.{name}", look)
    return Subject(name, model, parameters, _imports(model), name, _look(model))


def _of_component(model: Any, kind: type) -> Subject:
    """The subject of a component or of its class, whose present values are what it starts with."""
    given = {} if model is kind else _given(model, kind)
    instance = _instance(model, kind)
    name, look = kind.__name__, _look(kind)
    if not lacks(instance, "State", "init", "fire", "advance", "voltage"):
        recorded = {f"cell.{variable}": [0] for variable in variables(instance)}
        current = "I" if all(p.name != "I" for p in describe(kind)) else "I_ext"
        drive = _drive(instance, current)
        visible = look.visible or (current, *[p.name for p in describe(kind)][:4])
        look = dataclasses.replace(look, visible=visible, record=recorded, start={"duration": 200.0})
        parameters = (drive, *describe(instance))
        return NeuronSubject(name, _rebuilt(instance), parameters, _imports(kind), name, look, given, current)
    if wrong := lacks(instance, "variables", "time_unit", "initial", "derivative"):
        raise ValueError(
            f"explore: {name} is neither a neuron model (State, init, fire, advance, voltage) nor a rate model: "
            f"{wrong}. What is made of several objects is explored as a @model function that builds it."
        )
    start = {"duration": 1000.0, "dt": 1.0} if instance.time_unit == "s" else {"duration": 100.0}
    look = dataclasses.replace(look, start=start)
    return Subject(name, _rebuilt(instance), describe(instance), _imports(kind), name, look, given)


def _instance(model: Any, kind: type) -> Any:
    if model is not kind:
        return model
    try:
        return kind()
    except TypeError as error:
        raise ValueError(f"explore: {kind.__name__} cannot be built without arguments: {error}") from None


def _rebuilt(instance: Any) -> Callable[..., Any]:
    return lambda **values: replace(instance, **values)


def _given(instance: Any, kind: type) -> dict[str, str]:
    """The arguments that make ``instance`` from its class, as code. Raises ValueError for what code cannot say."""
    declared = {p.name: p for p in kind.__declared__}
    given = {}
    for field in dataclasses.fields(instance):
        value, label = getattr(instance, field.name), f"explore: {kind.__name__}.{field.name}"
        default = declared[field.name].default if field.name in declared else field.default
        if value is default or (isinstance(value, int | float | str) and value == default):
            continue
        if not isinstance(value, bool | int | float | str):
            raise ValueError(
                f"{label} = {shown(value)} cannot be written as code; explore a @model function that builds it."
            )
        given[field.name] = repr(value)
    return given


def _drive(neuron: Any, name: str) -> Parameter:
    """The current into a neuron, by default one and a half times what makes it fire."""
    from snnlab.analysis import rheobase

    try:
        threshold = float(f"{rheobase(neuron, duration=300.0, tolerance=0.02):.2g}")
    except (ValueError, SimulationError):  # it fires by itself, or never
        threshold = 0.0
    default = float(f"{1.5 * threshold:.2g}")
    top = 4.0 * threshold or 1000.0
    everything = (-sys.float_info.max, sys.float_info.max)
    return Parameter(name, default, "pA", "current into the cell", everything, (0.0, top), False, False, True)


def _look(model: Any) -> Look:
    """What a model of one's own says about how it is shown: its attributes ``visible`` and ``presets``."""
    visible, presets = getattr(model, "visible", ()), getattr(model, "presets", {})
    if not isinstance(visible, tuple | list) or not isinstance(presets, Mapping):
        raise ValueError(f"explore: visible and presets of {model.__name__} must be a tuple and a dict.")
    return Look(tuple(visible), presets)


def _imports(model: Any) -> str:
    """The lines that import a model; one that was written in the notebook is there already."""
    where, name = model.__module__, model.__name__
    if getattr(neurons, name, None) is model:
        where = "snnlab.neurons"
    return "import snnlab" if where == "__main__" else f"import snnlab\nfrom {where} import {name}"
