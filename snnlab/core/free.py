"""Values that stay open while a model is built around them: what the sliders of a page will set.

A ``Free`` value stands where a number does. It has a present value, by which Python code goes its way, and remembers
how it comes from the free parameters, so that the same arithmetic can be compiled. What Python decides by it, a
branch or a check, becomes a *condition*: the model that was built is right for all values for which every condition
comes out as it did. Where Python needs the number itself (for a size, say), ``Needed`` is raised.
"""

import builtins
import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np


class Needed(TypeError):
    """Python needs the numbers of these parameters."""

    def __init__(self, names: frozenset[str]):
        super().__init__(f"Python needs the value of {', '.join(sorted(names))}")
        self.names = names


class Conditions:
    """What Python decided while it built a model: truth values, each with how it came out."""

    def __init__(self):
        self._found: dict[tuple[Any, ...], tuple[Free, bool]] = {}

    def add(self, condition: "Free", outcome: bool) -> None:
        self._found.setdefault(condition.key, (condition, outcome))

    def __iter__(self) -> Iterator[tuple["Free", bool]]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)


_METHODS = frozenset(
    "sum prod mean std var max min cumsum cumprod dot ravel reshape transpose clip round".split()
)


def _unary(function: Callable[..., Any]) -> Callable[["Free"], Any]:
    return lambda a: derived(function, function, (a,))


def _binary(function: Callable[..., Any]) -> Callable[["Free", Any], Any]:
    return lambda a, b: derived(function, function, (a, b))


def _reflected(function: Callable[..., Any]) -> Callable[["Free", Any], Any]:
    return lambda a, b: derived(function, function, (b, a))


class Free:
    """A number, or an array of numbers, that comes from free parameters.

    ``plain`` computes it from the values of its arguments, ``compiled`` from arrays of JAX. Two values with equal
    ``key`` are equal whatever the parameters are.
    """

    __hash__ = object.__hash__
    __array_priority__ = 1000

    def __init__(
        self,
        value: Any,
        conditions: Conditions,
        key: tuple[Any, ...],
        names: frozenset[str],
        plain: Callable[..., Any] | None = None,
        compiled: Callable[..., Any] | None = None,
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ):
        self.value, self.conditions, self.key, self.names = value, conditions, key, names
        self.plain, self.compiled, self.arguments, self.options = plain, compiled, arguments, options or {}

    @classmethod
    def parameter(cls, name: str, value: float, conditions: Conditions) -> "Free":
        return cls(float(value), conditions, ("parameter", name), frozenset([name]))

    # ---- what a model may ask of a number ---------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        return int(np.size(self.value))

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> "Free":
        return derived(operator.getitem, operator.getitem, (self, index))

    def __iter__(self) -> Iterator["Free"]:
        return (self[i] for i in range(len(self)))

    __neg__, __pos__, __abs__ = _unary(operator.neg), _unary(operator.pos), _unary(operator.abs)
    __add__, __radd__ = _binary(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _binary(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv), _reflected(operator.truediv)
    __floordiv__, __rfloordiv__ = _binary(operator.floordiv), _reflected(operator.floordiv)
    __mod__, __rmod__ = _binary(operator.mod), _reflected(operator.mod)
    __pow__, __rpow__ = _binary(operator.pow), _reflected(operator.pow)
    __lt__, __le__ = _binary(operator.lt), _binary(operator.le)
    __gt__, __ge__ = _binary(operator.gt), _binary(operator.ge)
    __eq__, __ne__ = _binary(operator.eq), _binary(operator.ne)  # pyright: ignore[reportAssignmentType]

    def __bool__(self) -> bool:
        outcome = bool(self.value)
        self.conditions.add(self, outcome)
        return outcome

    def __repr__(self) -> str:
        return repr(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(f"a free value has no {name}")
        return lambda *args, **kwargs: derived(getattr(np, name), getattr(jnp, name), (self, *args), kwargs)

    def astype(self, kind: Any) -> "Free":
        return self if np.dtype(kind).kind == "f" else self._need()

    def _need(self, *_: Any, **__: Any) -> Any:
        raise Needed(self.names)

    __float__ = __int__ = __index__ = __round__ = __trunc__ = __floor__ = __ceil__ = __complex__ = _need
    __array__ = _need

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        compiled: Any = getattr(jnp, ufunc.__name__, None)
        if method != "__call__" or compiled is None or options:
            return self._need()
        return derived(ufunc, compiled, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim, np.size):
            return function(self.value)
        compiled: Any = getattr(jnp, function.__name__, None)
        if compiled is None:
            return self._need()
        return derived(function, compiled, args, kwargs)


def _inside(arguments: Any) -> Iterator[Free]:
    for each in arguments:
        if isinstance(each, Free):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from _inside(each)


def gathered(value: Any) -> Any:
    """A list that holds free values as one free array; None for any other value. A free value is itself."""
    if isinstance(value, (list, tuple)) and any(True for _ in _inside(value)):
        return derived(np.array, jnp.array, (list(value),))
    return value if isinstance(value, Free) else None


def _swapped(argument: Any, swap: Callable[[Free], Any]) -> Any:
    if isinstance(argument, Free):
        return swap(argument)
    if isinstance(argument, (list, tuple)):
        return type(argument)(_swapped(each, swap) for each in argument)
    return argument


def _key(argument: Any) -> Any:
    """Equal for arguments that are equal whatever the parameters are."""
    if isinstance(argument, Free):
        return argument.key
    if isinstance(argument, (list, tuple)):
        return tuple(map(_key, argument))
    if isinstance(argument, np.ndarray):
        return (argument.shape, argument.dtype.str, argument.tobytes())
    return (type(argument).__name__, repr(argument))


def derived(
    plain: Callable[..., Any],
    compiled: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: Mapping[str, Any] | None = None,
) -> Any:
    """``plain`` of arguments of which some are free, to be compiled as ``compiled``."""
    free = list(_inside((*arguments, *(options or {}).values())))
    value = plain(
        *_swapped(tuple(arguments), lambda each: each.value),
        **{name: _swapped(each, lambda each: each.value) for name, each in (options or {}).items()},
    )
    key = (
        getattr(plain, "__name__", repr(plain)),
        *map(_key, arguments),
        *sorted((k, _key(v)) for k, v in (options or {}).items()),
    )
    names = frozenset().union(*(each.names for each in free))
    return Free(value, free[0].conditions, key, names, plain, compiled, tuple(arguments), options)


def evaluated(values: Any, parameters: Mapping[str, Any], compiled: bool) -> list[Any]:
    """These free values (others are left alone), given the parameters: in plain numbers or compiled."""
    done: dict[int, Any] = {}

    def of(each: Free) -> Any:
        if each.plain is None:
            return parameters[each.key[1]]
        if id(each) not in done:
            function = each.compiled if compiled else each.plain
            arguments = [_swapped(argument, of) for argument in each.arguments]
            options = {name: _swapped(argument, of) for name, argument in each.options.items()}
            done[id(each)] = function(*arguments, **options)  # pyright: ignore[reportOptionalCall]
        return done[id(each)]

    return [of(each) if isinstance(each, Free) else each for each in values]


class _Open:
    """A module of functions that take free values as well."""

    def __init__(self, module: ModuleType):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)
        compiled = getattr(jnp, _SPELLING.get(name, name), None)
        if isinstance(function, type) or not callable(function):
            return function

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if any(True for _ in _inside((*args, *kwargs.values()))) and compiled is not None:
                return derived(function, compiled, args, kwargs)
            return function(*args, **kwargs)

        return call


_SPELLING = {
    "pow": "power",
    "fabs": "abs",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
}
_MODULES = {math, np, jnp}


def _extreme(plain: Callable[..., Any], pairwise: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        given = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
        if kwargs or not any(isinstance(each, Free) for each in given):
            return plain(*args, **kwargs)
        return functools.reduce(lambda a, b: derived(plain, pairwise, (a, b)), given)

    return call


def opened(function: Callable[..., Any]) -> Callable[..., Any]:
    """A model function whose ``math``, ``numpy`` and ``jax.numpy`` take free values; others stay as they are."""
    wrapped = getattr(function, "__wrapped__", function)
    if not isinstance(wrapped, FunctionType):
        return function
    names: dict[str, Any] = {name: _Open(each) for name, each in wrapped.__globals__.items() if _is_one(each)}
    names["min"], names["max"] = _extreme(builtins.min, jnp.minimum), _extreme(builtins.max, jnp.maximum)
    own = FunctionType(
        wrapped.__code__,
        {**wrapped.__globals__, **names},
        wrapped.__name__,
        wrapped.__defaults__,
        wrapped.__closure__,
    )
    own.__kwdefaults__ = wrapped.__kwdefaults__
    return own


def _is_one(value: Any) -> bool:
    return isinstance(value, ModuleType) and value in _MODULES
