"""Elementwise operations: from C expressions of the operands' elements to one of the result's.

Every expression does what XLA does: integers wrap, a division by zero gives -1 and its remainder the dividend, a shift
by more than the width gives zero (or the sign), NaN runs through max and min, and conversions of floats saturate.
Operands are names of variables, so that they may be repeated.
"""

import functools
from collections.abc import Callable, Mapping

from snnlab.live.c import TYPES, bits, highest, is_float, is_signed, literal, lowest, unsigned
from snnlab.live.graph import Op

Expression = Callable[..., str]


def _infix(operator: str) -> Expression:
    # narrow integers are computed as int, and brought back to their width
    return lambda dtype, a, b: f"(({TYPES[dtype]})({a}{operator}{b}))"


def _compare(operator: str) -> Expression:
    return lambda dtype, a, b: f"({a}{operator}{b})"


def _ordered(operator: str) -> Expression:
    """In the total order of floats: -0 before 0, NaN at the ends."""

    def expression(dtype, a, b):
        if is_float(dtype):
            a, b = (f"order_{_suffix(dtype)}({x})" for x in (a, b))
        return f"({a}{operator}{b})"

    return expression


def _extreme(name: str) -> Expression:
    def expression(dtype, a, b):
        if is_float(dtype):
            return f"{name}_{_suffix(dtype)}({a},{b})"
        return f"({a}{'>' if name == 'maximum' else '<'}{b}?{a}:{b})"

    return expression


def _suffix(dtype: str) -> str:
    return "f32" if dtype == "float32" else "f64"


def _mathematics(name: str) -> Expression:
    """A function of runtime.h."""
    return lambda dtype, *operands: f"{name}_{_suffix(dtype)}({','.join(operands)})"


def _library(name: str) -> Expression:
    """A function of the C library."""
    return lambda dtype, *operands: f"{name}{'f' if dtype == 'float32' else ''}({','.join(operands)})"


def _add(dtype, a, b):
    return f"({a}|{b})" if dtype == "bool" else _infix("+")(dtype, a, b)


def _multiply(dtype, a, b):
    if dtype in ("int16", "uint16"):  # as int, two 16-bit numbers may overflow
        return f"(({TYPES[dtype]})((uint32_t){a}*(uint32_t){b}))"
    return f"({a}&{b})" if dtype == "bool" else _infix("*")(dtype, a, b)


def _divide(dtype, a, b):
    if is_float(dtype):
        return f"({a}/{b})"
    negated = f"{b}==-1?({TYPES[dtype]})(0-{a}):" if is_signed(dtype) else ""
    return f"({b}==0?({TYPES[dtype]})-1:{negated}({TYPES[dtype]})({a}/{b}))"


def _remainder(dtype, a, b):
    if is_float(dtype):
        return _library("fmod")(dtype, a, b)
    return f"({b}==0?{a}:{f'{b}==-1?0:' if is_signed(dtype) else ''}({TYPES[dtype]})({a}%{b}))"


def _shift(operator: str, arithmetic: bool = False) -> Expression:
    def expression(dtype, a, by):
        width = bits(dtype)
        shifted = TYPES[unsigned(dtype).removeprefix("u") if arithmetic else unsigned(dtype)]
        a = f"(({shifted}){a})"
        beyond = f"{a}>>{width - 1}" if arithmetic else "0"
        return f"(({TYPES[dtype]})(({TYPES[unsigned(dtype)]}){by}<{width}?{a}{operator}{by}:{beyond}))"

    return expression


def _sign(dtype, a):
    if not is_float(dtype):
        return f"(({TYPES[dtype]})({f'{a}<0?-1:' if is_signed(dtype) else ''}{a}>0))"
    return f"({a}>0?1:{a}<0?-1:{a})"


def _absolute(dtype, a):
    if is_float(dtype):
        return _library("fabs")(dtype, a)
    return f"(({TYPES[dtype]})({a}<0?0-{a}:{a}))" if is_signed(dtype) else a


def _negative(dtype, a):
    return f"(-{a})" if is_float(dtype) else f"(({TYPES[dtype]})(0-{a}))"


def _inverted(dtype, a):
    return f"(!{a})" if dtype == "bool" else f"(({TYPES[dtype]})~{a})"


def _popcount(dtype, a):
    wide = "ll" if bits(dtype) == 64 else ""
    return f"(({TYPES[dtype]})__builtin_popcount{wide}(({TYPES[unsigned(dtype)]}){a}))"


def _leading_zeros(dtype, a):
    wide, width = ("ll", 64) if bits(dtype) == 64 else ("", 32)
    count = f"__builtin_clz{wide}(({TYPES[unsigned(dtype)]}){a})-{width - bits(dtype)}"
    return f"(({TYPES[dtype]})({a}?{count}:{bits(dtype)}))"


def _clamp(dtype, low, x, high):
    larger = _extreme("maximum")(dtype, low, x)
    if is_float(dtype):
        return f"minimum_{_suffix(dtype)}({larger},{high})"
    return f"({larger}<{high}?{larger}:{high})"


EXPRESSIONS: dict[str, Expression] = {
    "copy": lambda dtype, a: a,
    "add": _add,
    "add_any": _add,
    "sub": _infix("-"),
    "mul": _multiply,
    "div": _divide,
    "rem": _remainder,
    "max": _extreme("maximum"),
    "min": _extreme("minimum"),
    "and": _infix("&"),
    "or": _infix("|"),
    "xor": _infix("^"),
    "lt": _compare("<"),
    "le": _compare("<="),
    "gt": _compare(">"),
    "ge": _compare(">="),
    "eq": _compare("=="),
    "ne": _compare("!="),
    "lt_to": _ordered("<"),
    "le_to": _ordered("<="),
    "eq_to": _ordered("=="),
    "shift_left": _shift("<<"),
    "shift_right_logical": _shift(">>"),
    "shift_right_arithmetic": _shift(">>", arithmetic=True),
    "neg": _negative,
    "not": _inverted,
    "abs": _absolute,
    "sign": _sign,
    "square": lambda dtype, a: _multiply(dtype, a, a),
    "is_finite": lambda dtype, a: f"({a}-{a}==0)",
    "population_count": _popcount,
    "clz": _leading_zeros,
    "clamp": _clamp,
    "sqrt": _library("sqrt"),
    "floor": _library("floor"),
    "ceil": _library("ceil"),
    "atan2": _library("atan2"),
    "nextafter": _library("nextafter"),
    "rsqrt": lambda dtype, a: f"(1/{_library('sqrt')(dtype, a)})",
    **{name: _mathematics(name) for name in ("exp", "exp2", "log", "log1p", "expm1", "tanh", "logistic")},
    **{name: _mathematics(name) for name in ("erf_inv",)},
    **{name: _library(name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh")},
    **{name: _library(name) for name in ("asinh", "acosh", "atanh", "erf", "erfc", "cbrt", "lgamma")},
}


def cast(a: str, source: str, target: str) -> str:
    """A value of one type as another's."""
    if source == target:
        return a
    if target == "bool":
        return f"({a}!=0)"
    if is_float(source) and not is_float(target):
        return f"to_{target}_{_suffix(source)}({a})"
    return f"(({TYPES[target]}){a})"


def _power(dtype: str, a: str, exponent: int) -> str:
    """By repeated squaring, as XLA does; the operand is a variable."""
    if exponent == 0:
        return literal(1, dtype)
    if exponent < 0:
        return f"({literal(1, dtype)}/{_power(dtype, a, -exponent)})"
    half = _power(dtype, a, exponent // 2)
    squared = a if exponent == 1 else _multiply(dtype, half, half)
    return squared if exponent % 2 == 0 or exponent == 1 else _multiply(dtype, squared, a)


def _bitcast(a: str, source: str, target: str) -> str:
    if bits(source) != bits(target) or "bool" in (source, target):
        raise NotImplementedError(f"bitcast_convert_type from {source} to {target}")
    if is_float(source) == is_float(target):
        return f"(({TYPES[target]}){a})"
    return f"(({TYPES[target]}){'bits' if is_float(source) else 'float'}_of_{bits(source)}({a}))"


def _select(op: Op, which: str, cases: list[str]) -> str:
    # of a number, the nearest case is taken for one that does not exist
    last = len(cases) - 1
    if last == 1 and op.inputs[0].dtype == "bool":
        return f"({which}?{cases[1]}:{cases[0]})"
    chain = cases[-1]
    for i in range(last - 1, -1, -1):
        chain = f"({which}<={i}?{cases[i]}:{chain})"
    return chain


def _round(op: Op, a: str) -> str:
    name = "round" if int(op.params["rounding_method"]) == 0 else "rint"
    return _library(name)(op.inputs[0].dtype, a)


def _real_power(op: Op, a: str, b: str) -> str:
    dtype, exponent = op.inputs[0].dtype, op.inputs[1].dtype
    if not is_float(dtype):
        raise NotImplementedError(f"pow of {dtype}")
    return _library("pow")(dtype, a, cast(b, exponent, dtype))


def _reduced(op: Op, a: str) -> str:
    exact = {"float32": (8, 23), "float64": (11, 52)}[op.inputs[0].dtype]
    if (op.params["exponent_bits"], op.params["mantissa_bits"]) != exact:
        raise NotImplementedError("reduce_precision to fewer bits")
    return a


WITH_PARAMETERS: Mapping[str, Callable[..., str]] = {
    "convert_element_type": lambda op, a: cast(a, op.inputs[0].dtype, op.outputs[0].dtype),
    "bitcast_convert_type": lambda op, a: _bitcast(a, op.inputs[0].dtype, op.outputs[0].dtype),
    "integer_pow": lambda op, a: _power(op.inputs[0].dtype, a, op.params["y"]),
    "round": _round,
    "pow": _real_power,
    "select_n": lambda op, which, *cases: _select(op, which, list(cases)),
    "reduce_precision": _reduced,
}

NAMES = frozenset(EXPRESSIONS) | frozenset(WITH_PARAMETERS)


def expression(op: Op, operands: list[str]) -> str:
    """The element of the result from those of the operands."""
    if op.name in WITH_PARAMETERS:
        return WITH_PARAMETERS[op.name](op, *operands)
    return EXPRESSIONS[op.name](op.inputs[0].dtype, *operands)


def combine(name: str, dtype: str) -> Expression:
    """The expression that combines two values of a type: ``add``, ``max`` ..."""
    return functools.partial(EXPRESSIONS[name], dtype)


def neutral(name: str, dtype: str) -> str:
    """What leaves the other operand of a combination as it is."""
    values = {
        "add": 0,
        "mul": 1,
        "or": 0,
        "xor": 0,
        "and": 1 if dtype == "bool" else -1 if is_signed(dtype) else highest(dtype),
        "max": lowest(dtype),
        "min": highest(dtype),
    }
    return literal(values[name], dtype)
