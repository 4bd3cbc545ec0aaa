"""Random numbers as a function of (key, step, neuron).

A counter-based generator: no state is carried, so chunks, batches and processes all see the same numbers, and one
step of noise for thousands of cells costs microseconds. Words come from the "lowbias32" integer hash (Wellons,
2018), applied to the neuron's index, to the step and to their mixture.
"""

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

_GOLDEN = 0x9E3779B9  # 2^32 / golden ratio: spreads consecutive steps over all bits
MAX_MEAN = 80.0  # of a Poisson number: beyond, exp(-mean) underflows in single precision
_REST = 1e-8  # what the terms of a Poisson distribution may leave out: below the grid of single precision
_TERMS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
UNROLLED = 16


def mix(x: Any) -> Any:
    """A bijection of 32-bit words in which every input bit moves every output bit; of an int or of an array."""
    if isinstance(x, int):
        x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
        x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
        return x ^ (x >> 16)
    x = jnp.uint32(x)
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def subkey(key: Any, name: str) -> Any:
    """The key of one named use of randomness; different names give unrelated streams. An int gives an int."""
    return mix(
        mix(key)
        ^ (zlib.crc32(name.encode()) if isinstance(key, int) else jnp.uint32(zlib.crc32(name.encode())))
    )


def lanes(key: Array, n: int) -> Array:
    """The part of random words that is the same in every step [n]: of the neuron and the use."""
    return mix(mix(jnp.arange(n, dtype=jnp.uint32) + jnp.uint32(1)) ^ key)


def clock(step: Array) -> Array:
    """The part of random words that depends on the step: one word."""
    return mix(jnp.uint32(step) * jnp.uint32(_GOLDEN) + jnp.uint32(1))


def words(lanes: Array, clock: Array) -> Array:
    """Random 32-bit words from both parts."""
    return mix(lanes ^ clock)


def bits(key: Array, step: Array, n: int) -> Array:
    """``n`` random 32-bit words [n] for this step."""
    return words(lanes(key, n), clock(step))


def uniform(words: Array) -> Array:
    """Numbers strictly between 0 and 1 from random words, on a grid of 2^-24."""
    real = jnp.result_type(float)
    # the last point of the grid would round to 1 in single precision
    return jnp.minimum(
        (words >> 8).astype(real) * real.type(2**-24) + real.type(2**-25), real.type(1 - 2**-24)
    )


def normal(words: Array) -> Array:
    """Standard normal numbers from random words, by the inverse distribution."""
    real = jnp.result_type(float)
    return real.type(math.sqrt(2.0)) * lax.erf_inv(2 * uniform(words) - 1)


def exponential(words: Array) -> Array:
    """Exponential numbers of mean 1 from random words; exact for small values, where gaps of 0 or 1 are decided."""
    real = jnp.result_type(float)
    return -jnp.log1p(-jnp.minimum((words.astype(real) + 0.5) * real.type(2**-32), real.type(1 - 2**-24)))


def poisson_terms(mean: float) -> int:
    """How many terms of the inverse distribution counts of this mean can need; one of a few numbers."""
    term, k = math.exp(-mean), 0
    while term >= _REST or k <= mean:
        k += 1
        term *= mean / k
    return next(number for number in _TERMS if number >= k)


def poisson_thresholds(mean: Array, terms: int) -> tuple[Array, ...]:
    """Of Poisson numbers with this mean, scalar or [m]: a random word above threshold k means more than k."""
    mean = jnp.asarray(mean, jnp.result_type(float))
    return tuple(_extended(mean, terms))


def _extended(mean: Array, terms: int) -> Iterator[Array]:
    k, (term, cumulative) = jnp.zeros((), mean.dtype), (jnp.exp(-mean),) * 2
    for _ in range(terms):
        yield _threshold(cumulative)
        k, term, cumulative = _next_term(k, term, cumulative, mean)


def _threshold(cumulative: Array) -> Array:
    # comparing words is faster than making them fractions; nothing is above a certainty
    fraction = (jnp.where(cumulative < 1, cumulative, 0.0) * 2.0**32).astype(jnp.uint32)
    return jnp.where(cumulative < 1, fraction, jnp.uint32(2**32 - 1))


def _next_term(k: Array, term: Array, cumulative: Array, mean: Array) -> tuple[Array, Array, Array]:
    k = k + 1
    term = term * mean / k
    # what is left is below the grid of single precision: ends the search, which a rounded sum might not
    return k, term, jnp.where((term < _REST) & (k > mean), 1.0, cumulative + term)


def above(words: Array, thresholds: Iterable[Array]) -> Array:
    """Poisson counts (as floats, shape of ``words``): how many of the thresholds, scalars or [n], a word is above."""
    counts = sum((words > threshold).astype(jnp.int32) for threshold in thresholds)
    return jnp.asarray(counts).astype(jnp.result_type(float))


def poisson(words: Array, mean: Array, terms: int | None = None) -> Array:
    """Poisson counts (as floats, shape of ``words``) with the given mean, by the inverse distribution.

    ``mean`` is a scalar or [n], at most ``MAX_MEAN``. ``terms``, where it is known, is a number that suffices
    (``poisson_terms``): then nothing has to be asked on the way.
    """
    mean = jnp.asarray(mean, jnp.result_type(float))
    if terms is not None and terms <= UNROLLED:
        return above(words, poisson_thresholds(mean, terms))

    def extend(carry):
        k, term, cumulative, count = carry
        count = count + (words > _threshold(cumulative)).astype(jnp.int32)
        return *_next_term(k, term, cumulative, mean), count

    start = jnp.exp(-mean)
    carry = (jnp.zeros((), mean.dtype), start, start, jnp.zeros(words.shape, jnp.int32))
    if terms is None:
        carry = lax.while_loop(lambda carry: jnp.any(carry[2] < 1), extend, carry)
    else:
        carry = lax.fori_loop(0, terms, lambda _, carry: extend(carry), carry)
    return carry[3].astype(mean.dtype)


def check_seed(seed: int) -> int:
    """``seed`` as an int of 32 bits. Raises ValueError when it is none."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed = {seed!r} must be a whole number from 0 to 4294967295.")
    return int(seed)
