"""The functions of live/runtime.h and of the C library, against double precision and the special cases of JAX."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax import lax
from live_programs import Module

F = np.float32
TINY = np.finfo(F).tiny
EVERYWHERE = np.concatenate([np.linspace(-95, 95, 1501), np.linspace(-1.2, 1.2, 801)])
SMALL = np.outer([-1, 1], np.logspace(-30, 0, 200)).ravel()
LARGE = np.outer([-1, 1], np.logspace(0, 38, 200)).ravel()
NASTY = np.array(
    [0.0, -0.0, 1, -1, 2, 0.5, np.inf, -np.inf, np.nan, TINY, -TINY, np.finfo(F).max, np.finfo(F).min]
)
POINTS = np.concatenate([EVERYWHERE, SMALL, LARGE, NASTY]).astype(F)
FUNCTIONS = {  # what it ought to be, and the units in the last place that it may be off (1e-6 are 8 to 16)
    "exp": (np.exp, 3),
    "exp2": (np.exp2, 3),
    "expm1": (np.expm1, 3),
    "log": (np.log, 3),
    "log1p": (np.log1p, 4),
    "tanh": (np.tanh, 8),
    "logistic": (scipy.special.expit, 5),
    "erf_inv": (scipy.special.erfinv, 8),
    "sqrt": (np.sqrt, 1),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 2),
    "cbrt": (np.cbrt, 2),
    "sin": (np.sin, 1),
    "cos": (np.cos, 1),
    "tan": (np.tan, 1),
    "asin": (np.arcsin, 2),
    "acos": (np.arccos, 2),
    "atan": (np.arctan, 2),
    "sinh": (np.sinh, 3),
    "cosh": (np.cosh, 3),
    "asinh": (np.arcsinh, 4),
    "acosh": (np.arccosh, 4),
    "atanh": (np.arctanh, 4),
    "erf": (scipy.special.erf, 3),
    "erfc": (scipy.special.erfc, 8),
}


@pytest.fixture(scope="module")
def module():
    def build(simd):
        functions = [lambda x, name=name: getattr(lax, name)(x) for name in FUNCTIONS]
        return Module([(function, (POINTS,)) for function in functions], simd=simd)

    kept = functools.cache(build)
    yield kept
    kept.cache_clear()


@pytest.mark.parametrize("simd", [True, False], ids=["simd", "scalar"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accurate_to_a_millionth(name, simd, module):
    exact, ulp = FUNCTIONS[name]
    found = module(simd).results(list(FUNCTIONS).index(name)).astype(float)
    with np.errstate(all="ignore"):
        expected = exact(POINTS.astype(float))
        bound = float(np.finfo(F).max)
        expected = np.where(np.abs(expected) > bound * (1 + 2.0**-25), np.sign(expected) * np.inf, expected)
        expected = np.where(np.abs(expected) < TINY, 0.0, expected)
        found = np.where(np.abs(found) < TINY, 0.0, found)
        unit = np.spacing(np.abs(expected).astype(F)).astype(float)
        off = np.where(found == expected, 0.0, np.abs(found - expected) / unit)
        off = np.where(np.isnan(expected), np.where(np.isnan(found), 0.0, np.inf), off)
        edge = np.abs(expected) < 1.01 * TINY  # where JAX and WebAssembly differ on denormals
    off = np.where(edge & (np.abs(found) < 1.01 * TINY), 0.0, off)
    worst = np.nanargmax(off)
    assert off[worst] <= ulp, (POINTS[worst], found[worst], expected[worst], off[worst])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values_are_those_of_jax(name, module):
    found = module(True).results(list(FUNCTIONS).index(name))
    expected = np.asarray(jax.jit(getattr(lax, name))(POINTS))
    assert (np.isnan(found) == np.isnan(expected)).all()
    infinite = np.isinf(expected)
    assert (found[infinite] == expected[infinite]).all()
    exact = np.abs(POINTS) > TINY  # of a denormal number JAX sees nothing
    zero = (expected == 0) & exact
    assert (np.abs(found[zero]) < TINY).all()
    assert (np.signbit(found[-13:-11]) == np.signbit(expected[-13:-11])).all()  # of 0 and -0


@pytest.mark.parametrize("n", [1, 2, 8, 15, 64, 77, 101, 512])
def test_fourier_transforms(n):
    x = np.random.default_rng(n).normal(size=(2, 2, n)).astype(F)

    def transforms(a, b):
        z = a + 1j * b
        back = jnp.fft.ifft(jnp.fft.fft(z))
        spectrum = jnp.fft.rfft(a) * jnp.fft.rfft(b)
        return [
            *(part(w) for w in (jnp.fft.fft(z), back, jnp.fft.rfft(a)) for part in (jnp.real, jnp.imag)),
            jnp.fft.irfft(spectrum, n=n),
        ]

    results = Module([(transforms, (x[0], x[1]))]).results(0)
    z = x[0].astype(float) + 1j * x[1]
    product = np.fft.rfft(x[0].astype(float)) * np.fft.rfft(x[1].astype(float))
    wanted = [*(part(w) for w in (np.fft.fft(z), z, np.fft.rfft(x[0])) for part in (np.real, np.imag))]
    for found, expected in zip(results, [*wanted, np.fft.irfft(product, n=n)], strict=True):
        np.testing.assert_allclose(found, expected, atol=3e-6 * np.abs(expected).max() + 1e-6)
