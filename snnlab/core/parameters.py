"""Parameters, declared once.

``param(default, unit=, doc=, bounds=)`` is the only place where a parameter's default, unit, meaning and range
stand. Validation, slider ranges, the tables in the chapters and the conversion of quantities are read from it.
"""

import contextlib
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
from snnlab.core.free import Free, gathered

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
    open: bool = (
        False  # its unit depends on where the component is used: ``in_unit`` converts quantities then
    )

    def check(self, owner: str, value: Any) -> Any:
        """``value`` as a float, an int or a float array. Raises ValueError when it is not a legal value."""
        low, high = self.bounds
        if (
            type(value) is float
            and low <= value <= high
            and -math.inf < value < math.inf
            and not self.integer
        ):
            return value  # the common case: a network has thirty of them
        if isinstance(value, jax.core.Tracer) or (self.open and units.is_quantity(value)):
            return value
        if isinstance(value, Free):
            self._check_free(owner, value)
            return value
        label = f"{owner}: {self.name}"
        array = numbers(label, value, self.unit)
        if (self.scalar or self.integer) and array.ndim:
            raise ValueError(f"{label} must be one number, not an array of shape {array.shape}.")
        wrong = array[~((array >= low) & (array <= high) & np.isfinite(array))]
        if wrong.size:
            raise ValueError(
                f"{label} = {wrong.flat[0]:g}{self._suffix()} is not allowed; it must be {self._range()}."
            )
        if self.integer:
            if np.any(array != np.round(array)):
                raise ValueError(f"{label} = {array.flat[0]:g} must be a whole number.")
            return int(array)
        if isinstance(value, jax.Array):
            return value
        return float(array) if not array.ndim else array.astype(float)

    def _check_free(self, owner: str, value: Free) -> None:
        """What ``check`` finds for the present value, and as conditions for any other."""
        if self.integer:
            int(value)  # a size: its number is needed
        self.check(owner, value.value)
        low, high = self.bounds
        if low > -math.inf:
            bool(np.all(value > 0 if low == ABOVE_ZERO else value >= low))
        if high < math.inf:
            bool(np.all(value <= high))

    def _suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""

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


def numbers(label: str, value: Any, unit: str = "", kinds: str = "iuf") -> np.ndarray:
    """``value`` as an array of real numbers in ``unit``, of whatever shape; quantities are converted.

    ``kinds`` are the kinds of numbers allowed, as numpy calls them ("b" would be truth values). Raises ValueError,
    naming ``label``, for anything else.
    """
    if (free := gathered(value)) is not None:
        return free
    array = None
    if not units.is_quantity(value):
        with contextlib.suppress(Exception):  # whatever a foreign object raises, it is not a number
            array = np.asarray(value)
    if array is None or array.dtype.kind == "O":
        plain = units.magnitudes(value, unit, label)
        with contextlib.suppress(Exception):
            array = np.asarray(plain)
    if array is None or array.dtype.kind not in kinds:
        raise ValueError(f"{label} must be a number{f' in {unit}' if unit else ''}, not {shown(value)}.")
    return array


def shown(value: Any) -> str:
    """``value`` as an error names it: on one line, and short."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a foreign object whose repr fails
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def lacks(value: Any, *members: str) -> str:
    """Why ``value`` is no component with these members; nothing when it is one."""
    for member in members:
        if not hasattr(value, member):
            return f"it has no {member}"
    if isinstance(value, type):
        return f"it is a class; write {value.__name__}()"
    return "" if "__declared__" in vars(type(value)) else f"decorate {type(value).__name__} with @component"


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
    open: bool = False,
) -> Any:
    """Declare a parameter of a ``@component`` class or of a ``@model`` function.

    ``open`` parameters have the unit of what they are used for: a weight that of its synapse. They keep a quantity
    as it is until ``in_unit`` converts it.
    """
    return Parameter("", default, unit, doc, bounds, slider or bounds, log, integer, scalar, open)


def static(default: Any = dataclasses.MISSING, *, doc: str = "") -> Any:
    """Declare a field that is part of a component's structure: changing it compiles a new program.

    Its values can be hashed; where the default is True or False, so is every value.
    """
    return dataclasses.field(default=default, metadata={"static": True, "doc": doc})


@dataclass_transform(frozen_default=True, field_specifiers=(param, static))
def component(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass and a pytree whose declared parameters are leaves.

    Building one checks every name and value and raises ValueError; rebuilding one inside JAX does not. A class may
    add ``check(self)`` for conditions between parameters; it runs when all of them are concrete. A component that
    inherits from another has its parameters, too.
    """
    for name, value in tuple(vars(cls).items()):
        if isinstance(value, Parameter):
            named = dataclasses.replace(value, name=name)
            setattr(cls, name, dataclasses.field(default=value.default, metadata={"parameter": named}))
    made: Any = dataclasses.dataclass(frozen=True, eq=False)(cls)
    fields = {f.name: f for f in dataclasses.fields(made)}
    declared = tuple(f.metadata["parameter"] for f in fields.values() if "parameter" in f.metadata)
    # a whole number is a size: part of the structure, as what is declared static
    sizes = {parameter.name for parameter in declared if parameter.integer}
    statics = tuple(name for name, f in fields.items() if f.metadata.get("static") or name in sizes)
    leaves = tuple(name for name in fields if name not in statics)
    unsettled = tuple(parameter.name for parameter in declared if parameter.open)
    assign = made.__init__

    @functools.wraps(assign)
    def init(self, *args, **kwargs):
        for name in kwargs:
            if name not in fields:
                raise ValueError(unknown(f"{cls.__name__} has no parameter", name, fields))
        assign(self, *args, **kwargs)
        for parameter in declared:
            given = getattr(self, parameter.name)
            value = parameter.check(cls.__name__, given)
            if value is not given:
                object.__setattr__(self, parameter.name, value)
        for name in statics:
            value = _structural(f"{cls.__name__}: {name}", getattr(self, name), fields[name].default)
            object.__setattr__(self, name, value)
        shapes = {p.name: np.shape(v) for p in declared if type(v := getattr(self, p.name)) is not float}
        lists = [(name, shape) for name, shape in shapes.items() if shape]
        if len({shape for _, shape in lists}) > 1:
            listed = " and ".join(f"{name} {shape}" for name, shape in lists)
            raise ValueError(f"{cls.__name__}: {listed} must have one shape: a value a cell.")
        if (
            hasattr(self, "check")
            and not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(self))
            and not any(units.is_quantity(getattr(self, name)) for name in unsettled)
        ):
            self.check()

    made.__init__ = init
    made.__declared__ = declared

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


def _structural(label: str, value: Any, default: Any) -> Any:
    """A static field's value, or ValueError when it cannot be one."""
    if isinstance(default, bool):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{label} = {shown(value)} must be True or False.")
        return bool(value)
    if isinstance(value, list):
        value = tuple(value)
    try:
        hash(value)
    except TypeError:
        raise ValueError(f"{label} = {shown(value)} is not allowed.") from None
    return value


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

    def build(*args, **kwargs):
        if args:
            first = next(iter(signature.parameters))
            raise ValueError(
                f"{function.__name__} takes its parameters by name, such as {first}=..., not {shown(args[0])}."
            )
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
    if isinstance(obj, type) or "__declared__" not in vars(type(obj)):
        raise ValueError(f"replace: {shown(obj)} is not a component.")
    component: Any = obj
    fields = {f.name: getattr(obj, f.name) for f in dataclasses.fields(component)}
    return type(obj)(**{**fields, **changes})


def in_unit(component: T, unit: str, label: str) -> T:
    """The component with the quantities among its open parameters as numbers in ``unit``; itself where there are none.

    Raises ValueError, naming ``label`` and both units, when the dimension is another.
    """
    given = {p.name: getattr(component, p.name) for p in type(component).__declared__ if p.open}  # pyright: ignore
    changes = {
        name: units.magnitude(value, unit, f"{label}: {name}")
        for name, value in given.items()
        if units.is_quantity(value)
    }
    return replace(component, **changes) if changes else component


def unknown(complaint: str, name: Any, choices: Iterable[str]) -> str:
    """The sentence for a name that is not among ``choices``, with the nearest one offered."""
    choices = [str(choice) for choice in choices]
    name = name if isinstance(name, str) and len(name) <= 60 else shown(name)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    listed = ", ".join(f'"{choice}"' for choice in choices) or "none"
    return f'{complaint} "{name}".{hint} There is {listed}.'
