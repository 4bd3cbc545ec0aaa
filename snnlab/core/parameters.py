"""Parameters, declared once.

``param(default, unit=, doc=, bounds=)`` is the only place where a parameter's default, unit, meaning and range
stand. Validation, slider ranges, the tables in the chapters and the conversion of quantities are read from it.
"""

import dataclasses
import difflib
import functools
import inspect
import math
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.core
import numpy as np

from snnlab.core import units

T = TypeVar("T")
ABOVE_ZERO = math.ulp(0.0)  # the lower bound of what must be strictly positive


@dataclasses.dataclass(frozen=True, eq=False)
class Parameter:
    """One declared parameter: what it is, in which unit, and which values it may take.

    ``bounds`` is the closed range of legal values; ``slider`` the range that is worth exploring (``bounds`` where
    nothing narrower was given), ``log`` whether a slider over it should be logarithmic.
    """

    name: str
    default: Any
    unit: str
    doc: str
    bounds: tuple[float, float]
    slider: tuple[float, float]
    log: bool
    integer: bool
    scalar: bool

    def check(self, owner: str, value: Any) -> Any:
        """``value`` as a float, an int or a float array. Raises ValueError when it is not a legal value."""
        if isinstance(value, jax.core.Tracer):
            return value
        label = f"{owner}: {self.name}"
        if units.is_quantity(value):
            value = units.magnitude(value, self.unit, label)
        array = _numbers(value)
        if array is None:
            raise ValueError(f"{label} must be a number{self._in_unit()}, not {value!r}.")
        if self.scalar and array.ndim:
            raise ValueError(f"{label} must be one number, not an array of shape {array.shape}.")
        low, high = self.bounds
        wrong = array[~((array >= low) & (array <= high) & np.isfinite(array))]
        if wrong.size:
            raise ValueError(
                f"{label} = {wrong.flat[0]:g}{self._suffix()} is not allowed; it must be {self._range()}."
            )
        if self.integer:
            if np.any(array != np.round(array)):
                raise ValueError(f"{label} = {array.flat[0]:g} must be a whole number.")
            return int(array) if not array.ndim else array.astype(int)
        if isinstance(value, jax.Array):
            return value
        return float(array) if not array.ndim else array.astype(float)

    def _suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def _in_unit(self) -> str:
        return f" in {self.unit}" if self.unit else ""

    def _range(self) -> str:
        low, high = self.bounds
        if low == ABOVE_ZERO:
            lower = "above 0"
        elif low == -math.inf:
            lower = ""
        else:
            lower = f"at least {low:g}"
        upper = "" if high == math.inf else f"at most {high:g}"
        return (
            " and ".join(part for part in (lower, upper) if part) + self._suffix()
            if lower or upper
            else "finite"
        )


def _numbers(value: Any) -> np.ndarray | None:
    """``value`` as an array of real numbers, or None when it is none."""
    try:
        array = np.asarray(value)
    except Exception:  # whatever a foreign object raises, it is not a number
        return None
    return array if array.dtype.kind in "iuf" else None


def param(
    default: Any,
    *,
    unit: str = "",
    doc: str,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    slider: tuple[float, float] | None = None,
    log: bool = False,
    integer: bool = False,
    scalar: bool = False,
) -> Any:
    """Declare a parameter of a ``@component`` class or of a ``@model`` function."""
    return Parameter("", default, unit, doc, bounds, slider or bounds, log, integer, scalar)


def static(default: Any = dataclasses.MISSING, *, doc: str = "") -> Any:
    """Declare a field that is part of a component's structure: changing it compiles a new program."""
    return dataclasses.field(default=default, metadata={"static": True, "doc": doc})


@dataclass_transform(frozen_default=True, field_specifiers=(param, static))
def component(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass and a pytree whose declared parameters are leaves.

    Building one checks every name and value and raises ValueError; rebuilding one inside JAX does not. A class may
    add ``check(self)`` for conditions between parameters; it runs when all of them are concrete.
    """
    declared = []
    for name in cls.__dict__.get("__annotations__", {}):
        default = cls.__dict__.get(name)
        if isinstance(default, Parameter):
            parameter = dataclasses.replace(default, name=name)
            declared.append(parameter)
            setattr(cls, name, dataclasses.field(default=default.default, metadata={"parameter": parameter}))
    made: Any = dataclasses.dataclass(frozen=True, eq=False)(cls)
    names = tuple(f.name for f in dataclasses.fields(made))
    # a whole number is a size: part of the structure, as what is declared static
    sizes = {p.name for p in declared if p.integer}
    statics = tuple(f.name for f in dataclasses.fields(made) if f.metadata.get("static") or f.name in sizes)
    leaves = tuple(name for name in names if name not in statics)
    assign = made.__init__

    @functools.wraps(assign)
    def init(self, *args, **kwargs):
        for name in kwargs:
            if name not in names:
                raise ValueError(unknown(f"{cls.__name__} has no parameter", name, names))
        assign(self, *args, **kwargs)
        for parameter in declared:
            value = parameter.check(cls.__name__, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        if hasattr(self, "check") and not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(self)):
            self.check()

    made.__init__ = init
    made.__declared__ = tuple(declared)

    def flatten(self):
        keyed = tuple((jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in leaves)
        return keyed, tuple(getattr(self, name) for name in statics)

    def unflatten(aux, children):
        # JAX rebuilds components with tracers, placeholders and None for leaves: nothing to check there
        self = object.__new__(made)
        for name, value in zip(leaves, children, strict=True):
            object.__setattr__(self, name, value)
        for name, value in zip(statics, aux, strict=True):
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_with_keys(made, flatten, unflatten)
    return made


def model(function: Callable[..., T]) -> Callable[..., T]:
    """Give a function whose keyword parameters are declared with ``param`` the same checks as a component.

    A function of ``**parameters`` has the parameters of the component that it is annotated to return, the first of them
    where there are several.
    """
    signature = _with_parameters_of_what_it_returns(inspect.signature(function))
    declared = tuple(
        dataclasses.replace(p.default, name=name)
        for name, p in signature.parameters.items()
        if isinstance(p.default, Parameter)
    )
    defaults = {p.name: p.default for p in declared}

    def build(**kwargs):
        for name in kwargs:
            if name not in signature.parameters:
                raise ValueError(unknown(f"{function.__name__} has no parameter", name, signature.parameters))
        values = {p.name: p.check(function.__name__, kwargs.get(p.name, p.default)) for p in declared}
        return function(**{**kwargs, **values})

    checked: Any = functools.wraps(function)(build)
    checked.__signature__ = signature.replace(
        parameters=[
            p.replace(default=defaults.get(name, p.default), kind=inspect.Parameter.KEYWORD_ONLY)
            for name, p in signature.parameters.items()
        ]
    )
    checked.__declared__ = declared
    return checked


def _with_parameters_of_what_it_returns(signature: inspect.Signature) -> inspect.Signature:
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(own) == len(signature.parameters):
        return signature
    returned: Any = signature.return_annotation
    returned = typing.get_args(returned)[0] if typing.get_args(returned) else returned
    declared = {p.name: p for p in returned.__declared__}
    fields = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=declared.get(f.name, f.default))
        for f in dataclasses.fields(returned)
    ]
    return signature.replace(parameters=[*own, *fields])


def describe(model: Any) -> tuple[Parameter, ...]:
    """The declared parameters of a component class, a component or a model function.

    Of a component itself the present values stand where the defaults would.
    """
    declared = getattr(model, "__declared__", None)
    if declared is None:
        raise ValueError(f"{model!r} declares no parameters; expected a component or a model function.")
    if isinstance(model, type) or not dataclasses.is_dataclass(model):
        return declared
    return tuple(dataclasses.replace(p, default=getattr(model, p.name)) for p in declared)


def replace(obj: T, **changes: Any) -> T:
    """A copy of a component with some fields changed; names and values are checked as when it was built."""
    component: Any = obj
    fields = {f.name: getattr(obj, f.name) for f in dataclasses.fields(component)}
    return type(obj)(**{**fields, **changes})


def unknown(complaint: str, name: str, choices: Iterable[str]) -> str:
    """The sentence for a name that is not among ``choices``, with the nearest one offered."""
    choices = [str(choice) for choice in choices]
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    listed = ", ".join(f'"{choice}"' for choice in choices) or "none"
    return f'{complaint} "{name}".{hint} There is {listed}.'
