"""Packing, finding and decoding spikes: exact for every pattern, at any activity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnlab.core import delivery


def patterns(n):
    rng = np.random.default_rng(n)
    yield np.zeros(n, bool)
    yield np.ones(n, bool)
    for cell in {0, n - 1, n // 2, min(31, n - 1), min(32, n - 1)}:
        one = np.zeros(n, bool)
        one[cell] = True
        yield one
    for p in (0.001, 0.03, 0.5, 0.97):
        yield rng.random(n) < p


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 64, 100, 1023, 1024, 1025, 4000, 33_000])
def test_pack_unpack_and_each_spike(n):
    @jax.jit
    def spiking(packed):
        def count(cell, spiked, result):
            number, calls = result
            return number + spiked, calls.at[jnp.where(spiked, cell, n)].add(1)

        start = jnp.int32(0), jnp.zeros(n + 1, jnp.int32)
        return delivery.each_spike(packed, delivery.summary(packed), count, start)

    for spikes in patterns(n):
        packed = delivery.pack(jnp.asarray(spikes))
        assert np.array_equal(delivery.unpack(packed, n), spikes)
        number, calls = spiking(packed)
        assert number == spikes.sum()
        assert np.array_equal(calls[:n], spikes)  # each once


def test_decode_reads_a_raster_in_order():
    rng = np.random.default_rng(0)
    raster = rng.random((50, 130)) < np.linspace(0, 1, 50)[:, None]
    packed = np.stack([np.asarray(delivery.pack(jnp.asarray(row))) for row in raster])
    step, cell = delivery.decode(packed)
    expected = np.nonzero(raster)
    assert np.array_equal(step, expected[0]) and np.array_equal(cell, expected[1])
    assert all(len(x) == 0 for x in delivery.decode(packed[:0]))
