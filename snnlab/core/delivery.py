"""From spikes to targets: spikes packed 32 to a word, found by their set bits, delivered one row a spike.

Everything is exact at any activity: there is no list that could overflow, and the cost is linear in the number of
spikes. Each loop below is shaped so that XLA compiles it to one native loop on the CPU.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

BITS = 32


def n_words(n: int) -> int:
    """Words that hold ``n`` spikes."""
    return -(-n // BITS)


def pack(spikes: Array) -> Array:
    """Spikes [n] as bits of words [n_words(n)], the first cell in the lowest bit."""
    n = spikes.shape[0]
    padded = jnp.pad(spikes, (0, n_words(n) * BITS - n)).reshape(-1, BITS)
    return jnp.sum(
        padded.astype(jnp.uint32) << jnp.arange(BITS, dtype=jnp.uint32)[None], axis=1, dtype=jnp.uint32
    )


def unpack(words: Array, n: int) -> Array:
    """The first ``n`` spikes of packed words, bool [n]."""
    return ((words[:, None] >> jnp.arange(BITS, dtype=jnp.uint32)[None]) & 1).astype(bool).reshape(-1)[:n]


def count(words: Array, start: int, stop: int) -> Array:
    """How many of the cells ``start .. stop - 1`` spiked."""
    mask = np.zeros(words.shape[0] * BITS, bool)
    mask[start:stop] = True
    mask = np.packbits(mask.reshape(-1, BITS), axis=1, bitorder="little").view("<u4")[:, 0]
    return jnp.sum(lax.population_count(words & jnp.asarray(mask)), dtype=jnp.int32)


def find(words: Array, indices: Array) -> tuple[Array, Array]:
    """Which cells spiked: writes their indices, ascending, into ``indices`` [n + 1]; returns it and their number.

    Two levels: a word whose bits say which words are non-zero, then the bits of those. ``indices`` is carried from
    step to step so that it is written in place; what lies beyond the returned number is stale.
    """
    summary = pack(words != 0)
    last_word, last_summary = words.shape[0] - 1, summary.shape[0] - 1

    def lowest(word):
        return lax.population_count((word & -word) - jnp.uint32(1)).astype(jnp.int32)

    def more(carry):
        s, pending, _, word, _, _ = carry
        return (s < last_summary) | (pending != 0) | (word != 0)

    def advance(carry):
        s, pending, w, word, found, indices = carry
        in_word = word != 0
        in_summary = ~in_word & (pending != 0)
        # written also when there is no bit: the slot is then not counted and is written again
        indices = lax.dynamic_update_slice(indices, (w * BITS + lowest(word))[None], (found,))
        next_w = jnp.where(in_summary, jnp.minimum(s * BITS + lowest(pending), last_word), w)
        next_s = jnp.where(in_word | in_summary, s, s + 1)
        cleared = word & (word - 1)
        next_word = jnp.where(in_word, cleared, jnp.where(in_summary, words[next_w], jnp.uint32(0)))
        rest = pending & (pending - 1)
        following = summary[jnp.minimum(next_s, last_summary)]
        next_pending = jnp.where(in_word, pending, jnp.where(in_summary, rest, following))
        return next_s, next_pending, next_w, next_word, found + in_word, indices

    zero = jnp.int32(0)
    start = (zero, summary[0], zero, jnp.uint32(0), zero, indices)
    *_, found, indices = lax.while_loop(more, advance, start)
    return indices, found


def decode(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Host side: (step, cell) of every set bit of a packed raster [T, n_words], in that order."""
    flat = np.flatnonzero(words)
    word = words.ravel()[flat]
    places, bits = [], []
    while flat.size:
        lowest = word & -word
        places.append(flat)
        bits.append(np.log2(lowest).astype(np.int64))  # exact: a power of two
        word = word ^ lowest
        keep = word != 0
        flat, word = flat[keep], word[keep]
    if not places:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    cells = np.sort(np.concatenate(places) * BITS + np.concatenate(bits))
    step, cell = np.divmod(cells, words.shape[1] * BITS)
    return step.astype(np.int32), cell.astype(np.int32)
