"""From spikes to targets: spikes packed 32 to a word, found by their set bits, delivered one row a spike.

Everything is exact at any activity: there is no list that could overflow, and the cost is linear in the number of
spikes. Each loop below is shaped so that XLA compiles it to one native loop on the CPU.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core.planner import NARROW, STRIDE

BITS = 32
_BIT = np.arange(BITS, dtype=np.uint32)


def n_words(n: int) -> int:
    """Words that hold ``n`` spikes."""
    return -(-n // BITS)


def pack(spikes: Array) -> Array:
    """Spikes [n] as bits of words [n_words(n)]: cell c is bit c // n_words of word c % n_words.

    Neighbouring cells lie in neighbouring words, not bits, so that packing runs along the vector lanes.
    """
    n = spikes.shape[0]
    lanes = jnp.pad(spikes, (0, n_words(n) * BITS - n)).reshape(BITS, -1)
    return jnp.sum(lanes.astype(jnp.uint32) << _BIT[:, None], axis=0, dtype=jnp.uint32)


def unpack(words: Array, n: int) -> Array:
    """The first ``n`` spikes of packed words, bool [n]."""
    return ((words[None] >> _BIT[:, None]) & 1).astype(bool).reshape(-1)[:n]


def summary(words: Array) -> Array:
    """Words whose bits say which of ``words`` are non-zero."""
    pad = n_words(words.shape[0]) * BITS - words.shape[0]
    nonzero = jnp.pad(words != 0, (0, pad)).reshape(-1, BITS).astype(jnp.uint32)
    return jnp.sum(nonzero << _BIT[None], axis=1, dtype=jnp.uint32)


def each_spike(words: Array, summary: Array, act: Callable[[Array, Array, Any], Any], result: Any) -> Any:
    """The last result of ``result = act(cell, spiked, result)``, called for every cell that spiked, word by word.

    Two levels: the bits of ``summary`` say which words are non-zero, then the bits of those. For a word of the summary
    that is zero there is one call in which ``spiked`` is False: a branch in the loop would cost more.
    """
    n_w, n_s = words.shape[0], summary.shape[0]

    def lowest(word):
        return lax.population_count((word & -word) - jnp.uint32(1)).astype(jnp.int32)

    def advance(loop):
        s, pending, w, word, result = loop
        fetch = word == 0
        w = jnp.where(fetch, jnp.minimum(s * BITS + lowest(pending), n_w - 1), w)
        word = jnp.where(fetch, jnp.where(pending != 0, words[w], jnp.uint32(0)), word)
        pending = jnp.where(fetch, pending & (pending - 1), pending)
        result = act(lowest(word) * n_w + w, word != 0, result)
        word = word & (word - 1)
        exhausted = (word == 0) & (pending == 0)
        s = jnp.where(exhausted, s + 1, s)
        pending = jnp.where(exhausted, summary[jnp.minimum(s, n_s - 1)], pending)
        return s, pending, w, word, result

    zero = jnp.int32(0)
    start = (zero, summary[0], zero, jnp.uint32(0), result)
    return lax.while_loop(lambda loop: loop[0] < n_s, advance, start)[-1]


def deliver(lane, group, network, tables, scale, words, summary, buffer):
    """Adds the targets of the spiking cells to the buffer, whose last slot is for what fills up a stride.

    The loops hold nothing but single numbers, so that each is a native one; a stride at a time, because a loop's
    counter goes through memory.
    """

    def one(cell, spiked, buffer):
        for layer, (starts, targets, weights) in zip(lane.layers, tables, strict=True):
            values = _values(layer, group, network, scale, cell)
            base = _base(layer, group, cell)

            def stride(loop, targets=targets, weights=weights, values=values, base=base):
                p, buffer = loop
                for j in range(STRIDE):
                    position = _at(targets, p + j).astype(jnp.uint32)
                    if base is not None:
                        none = position == NARROW
                        position = jnp.where(none, jnp.uint32(buffer.shape[0] - 1), position + base)
                    value = values[-1][0]
                    for other, end in reversed(values[:-1]):
                        value = jnp.where(position < end, other, value)
                    if weights is not None:
                        value = value * _at(weights, p + j)
                    buffer = _put(buffer, _at(buffer, position) + value, position)
                return p + STRIDE, buffer

            start = _at(starts, cell) * STRIDE
            end = jnp.where(spiked, _at(starts, cell + 1) * STRIDE, start)
            _, buffer = lax.while_loop(lambda loop, end=end: loop[0] < end, stride, (start, buffer))
        return buffer

    return each_spike(words, summary, one, buffer)


def _at(array, index):
    return lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False)


def _put(array, value, index):
    return lax.dynamic_update_index_in_dim(array, value, index, 0, allow_negative_indices=False)


def _base(layer, group, cell):
    """Where the positions of a cell's targets count from; None: from the start of the buffer."""
    if not any(layer.bases):
        return None
    base = layer.bases[-1]
    for other, upper in reversed(list(zip(layer.bases, group.offsets[1:], strict=True))[:-1]):
        base = jnp.where(cell < upper, other, base)
    return jnp.asarray(base, jnp.uint32)


def _values(layer, group, network, scale, cell):
    """What a spike of ``cell`` adds, as (value, end of the span of the buffer in which it adds that)."""

    def value_and_end(spans, j):
        if not spans:
            return 0.0, 0
        synapse, i, end = spans[min(j, len(spans) - 1)]
        return (scale[synapse] if i is None else scale[synapse] * network.projections[i].weight), end

    spans_of_cell = []
    for j in range(max(len(spans) for spans in layer.values)):
        value, end = value_and_end(layer.values[-1], j)
        for spans, upper in reversed(list(zip(layer.values, group.offsets[1:], strict=True))[:-1]):
            other, other_end = value_and_end(spans, j)
            value = jnp.where(cell < upper, other, value)
            end = jnp.where(cell < upper, other_end, end)
        spans_of_cell.append((value, jnp.asarray(end, jnp.uint32)))
    return spans_of_cell


def decode(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Host side: (step, cell) of every set bit of a packed raster [T, n_words], in that order."""
    n_w = words.shape[1]
    shift = (n_w * BITS).bit_length()
    flat = np.flatnonzero(words != 0)  # on bools numpy is eight times faster than on words
    word = words.ravel()[flat]
    step = flat // n_w
    place = (step << shift) + (flat - step * n_w)
    keys = []
    while word.size:
        lowest = word & (~word + np.uint32(1))
        bit = (lowest.astype(np.float64).view(np.int64) >> 52) - 1023  # the exponent of a power of two
        keys.append(place + bit * n_w)
        word = word ^ lowest
        more = np.flatnonzero(word)
        place, word = place[more], word[more]
    key = np.sort(np.concatenate([np.empty(0, np.int64), *keys]))
    return (key >> shift).astype(np.int32), (key & ((1 << shift) - 1)).astype(np.int32)
