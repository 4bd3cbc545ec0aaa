"""Open values: arithmetic as Python's, conditions for what Python decided, a clear word where a number is needed."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnlab.core.free import Conditions, Free, Needed, evaluated, opened


def halved(x):
    return x / 2


def arithmetic(a, b, n):
    """What model functions do: operators, math, numpy, both ways round, arrays, min and max."""
    line = np.linspace(a, b, n) + a * np.arange(n)
    return [
        a + b, 2 - a, b * 3.0, 1 / a, a**2, 2**a, a // 0.3, a % 0.3, -a, abs(-b), halved(a),
        math.sqrt(a * n), math.exp(b), math.log(a), math.pow(a, b), math.atan2(a, b), np.sqrt(b), np.hypot(a, b),
        jnp.tanh(a), max(a, b, 0.1), min(a, b), sum([a, b]), line, line[1], np.max(line), np.array([a, b, 1.0]),
        np.where(line > 1, line, 0.0), np.float64(2.0) * a, np.ones(3) * b,
    ]  # fmt: skip


def test_arithmetic_is_pythons_in_double_precision_and_can_be_compiled():
    conditions, rng = Conditions(), np.random.default_rng(0)
    free = [Free.parameter(name, 0.7, conditions) for name in "ab"]
    values = opened(arithmetic)(*free, 4)
    assert not len(conditions) and all(isinstance(value, Free) for value in values)

    with jax.enable_x64(True):
        compiled = jax.jit(lambda point: evaluated(values, point, compiled=True))
        for a, b in rng.uniform(0.2, 2.0, (5, 2)):
            expected = arithmetic(float(a), float(b), 4)
            plain = evaluated(values, {"a": float(a), "b": float(b)}, compiled=False)
            found = compiled({"a": a, "b": b})
            for x, y, z in zip(expected, plain, found, strict=True):
                assert np.array_equal(x, y)
                rel = 1e-6 if np.asarray(x).dtype == np.float32 else 1e-14  # jnp.tanh of a number is single
                assert np.allclose(x, z, rtol=rel, atol=0)


def test_what_python_decides_becomes_a_condition():
    def model(a, b):
        if a > b:
            raise ValueError("a must not be above b")
        return a if b else 2 * a

    conditions = Conditions()
    model(*(Free.parameter(name, value, conditions) for name, value in (("a", 1.0), ("b", 2.0))))
    assert [(sorted(c.names), outcome) for c, outcome in conditions] == [(["a", "b"], False), (["b"], True)]
    broken = evaluated([c for c, _ in conditions], {"a": 3.0, "b": 0.0}, compiled=False)
    assert list(map(bool, broken)) == [True, False]


@pytest.mark.parametrize(
    "use", [round, int, float, range, lambda a: [1, 2][a], np.asarray, lambda a: math.comb(a, 2), str.format]
)
def test_where_the_number_is_needed_it_says_whose(use):
    both = Free.parameter("a", 2.0, Conditions()) * Free.parameter("b", 1.0, Conditions())
    if use is str.format:
        assert f"{both:g}" == "2"  # a message is written with the present value
        return
    with pytest.raises(Needed, match="a, b") as raised:
        use(both)
    assert raised.value.names == {"a", "b"}


def test_equal_keys_are_what_is_always_equal():
    a, b = (Free.parameter(name, 1.0, Conditions()) for name in "ab")
    assert (a * b + 1).key == (a * b + 1).key
    assert len({(a * b).key, (b * a).key, (a + b).key, (a * b + 1.0).key, (a * b + 1).key}) == 5
    assert (np.ones(2) * a).key != (np.zeros(2) * a).key


def test_a_function_keeps_its_other_names():
    def model(a, scale=3.0):
        return halved(a) * scale + len("four")

    a = Free.parameter("a", 1.0, Conditions())
    assert opened(model)(a).value == 5.5 and opened(model)(2.0) == 7.0
