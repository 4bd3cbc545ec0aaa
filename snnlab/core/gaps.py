"""How far it is from one connection of a cell to the next: a draw in whole numbers, the same to the last bit wherever
it is made.

Where every pair is connected with probability p, the distance to the next connection is geometric. A random word
picks one of ``OUTCOMES``: a distance of 1 to ``REACH``, or that there is no connection within reach, after which the
draw begins anew from there. Their chances are whole multiples of 2^-32. By the alias method (Walker, 1977) a word's
upper bits choose a column and its lower bits one of two outcomes that share it: two look-ups and a comparison.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core import randomness

OUTCOMES = 1024
REACH = OUTCOMES - 1
_SHIFT = 22  # of a word's 32 bits the upper ten choose the column
_COLUMN = 1 << _SHIFT  # what the chances in one column add up to
_DRAW = 0x51ED270B


def columns(p: Array) -> tuple[Array, Array]:
    """Of every column [OUTCOMES]: below which of its words it is its own outcome, and what it is otherwise.

    Outcome 0 is that there is no connection within reach. ``p`` is taken in single precision.
    """
    chance = jnp.round(jnp.minimum(jnp.float32(p), jnp.float32(1 - 2**-24)) * jnp.float32(2**32)).astype(
        jnp.uint32
    )

    def weigh(o, loop):
        left, weights = loop
        weight = jnp.where(o == 1, chance, _share(left, chance))
        return left - weight, _put(weights, weight, o)

    # of 2^32 words none is spent yet: as a word of 32 bits that is 0
    left, weights = lax.fori_loop(1, OUTCOMES, weigh, (jnp.uint32(0), jnp.zeros(OUTCOMES, jnp.uint32)))
    weights = weights.at[0].set(left)
    # Chances fall with the distance: heavy are 1 to ``last``, light those after it, and 0 is either. The heavy fill up
    # the light ones' columns, one after the other.
    last = jnp.sum(weights[1:] > _COLUMN).astype(jnp.int32)
    near = left <= _COLUMN  # outcome 0 is light

    def fill(loop):
        light, heavy, rest, cut, other = loop
        takes = rest > _COLUMN
        at = jnp.where(takes, light, heavy)
        after = jnp.where(light == 0, last + 1, light + 1)
        mine = jnp.where(takes, weights[jnp.minimum(light, REACH)], rest)
        gives = jnp.where(takes, heavy, heavy + 1)
        more = jnp.where(takes, mine, weights[jnp.minimum(heavy + 1, REACH)])
        return (
            jnp.where(takes, after, light),
            gives,
            rest + more - jnp.uint32(_COLUMN),
            _put(cut, mine, at),
            _put(other, gives, at),
        )

    heavy = jnp.where(near, jnp.int32(1), jnp.int32(0))
    start = (jnp.where(near, 0, last + 1), heavy, weights[heavy], weights, jnp.zeros(OUTCOMES, jnp.int32))
    *_, cut, other = lax.while_loop(lambda loop: loop[1] <= last, fill, start)
    certain, never = p >= 1, chance == 0
    cut = jnp.where(certain | never, jnp.uint32(0), cut)
    return cut, jnp.where(certain, 1, jnp.where(never, 0, other))


def _put(array, value, index):
    return lax.dynamic_update_index_in_dim(array, value, index, 0, allow_negative_indices=False)


def _share(left: Array, chance: Array) -> Array:
    """``left chance / 2^32``, rounded."""
    a, b, c, d = left >> 16, left & 0xFFFF, chance >> 16, chance & 0xFFFF
    middle = (b * d >> 16) + (a * d & 0xFFFF) + (b * c & 0xFFFF)
    return a * c + (a * d >> 16) + (b * c >> 16) + (middle >> 16) + (left * chance >> 31)


@functools.lru_cache(maxsize=64)
def table(p: np.float32) -> tuple[Array, Array]:
    """``columns`` of a number."""
    return _columns(p)


_columns = jax.jit(columns)


def lanes(key: Array, rows: Array) -> Array:
    """The part of a row's random words that is the same in all of its draws."""
    return randomness.mix(rows.astype(jnp.uint32) + jnp.uint32(1)) ^ key


def draw(cut: Array, other: Array, lane: Array, nth: Array) -> tuple[Array, Array]:
    """The ``nth`` draw of a row: how far to go on, and whether there is a connection then."""
    word = randomness.mix(randomness.mix(lane ^ randomness.mix(nth.astype(jnp.uint32) + jnp.uint32(_DRAW))))
    column = (word >> _SHIFT).astype(jnp.int32)
    outcome = jnp.where((word & (_COLUMN - 1)) < cut[column], column, other[column])
    return jnp.where(outcome == 0, REACH, outcome), outcome > 0
