"""The distance to the next connection: its chances counted out, and its draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnlab.core import gaps


def chances(p):
    """The exact chance of every outcome, in units of 2^-32: every word is counted."""
    cut, other = (np.asarray(column) for column in gaps.table(np.float32(p)))
    counted = np.zeros(gaps.OUTCOMES)
    np.add.at(counted, np.arange(gaps.OUTCOMES), cut)
    np.add.at(counted, other, 2.0**22 - cut)
    assert np.all(cut <= 2**22) and np.all((other >= 0) & (other < gaps.OUTCOMES))
    return counted


@pytest.mark.parametrize("p", [0.0, 1e-6, 0.0005, 0.002, 0.02, 0.1, 0.3, 0.5, 0.9, 0.97, 0.999, 1.0])
def test_every_word_has_one_outcome_and_outcomes_have_geometric_chances(p):
    counted, q = chances(p), 1 - float(np.float32(p))
    k = np.arange(1, gaps.OUTCOMES)
    expected = 2.0**32 * np.concatenate([[q**gaps.REACH], (1 - q) * q ** (k - 1)])
    assert counted.sum() == 2**32
    # p itself and every chance are whole words: half a word for each of the distances before
    assert np.all(np.abs(counted[1:] - expected[1:]) <= 1 + 0.5 * min(1 / max(p, 1e-9), gaps.REACH))
    assert counted[0] == pytest.approx(expected[0], abs=gaps.REACH)


def test_a_chance_is_the_product_rounded():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 2**32, 10_000, dtype=np.uint32) for _ in range(2))
    exact = (a.astype(object) * b + 2**31) // 2**32
    assert np.array_equal(np.asarray(gaps._share(jnp.asarray(a), jnp.asarray(b))), exact.astype(np.uint32))


@pytest.mark.parametrize("p", [0.0003, 0.02, 0.7])
def test_draws_have_these_chances(p):
    n = 400_000
    lane = gaps.lanes(jnp.uint32(5), jnp.arange(n, dtype=jnp.uint32))
    distance, connected = jax.jit(gaps.draw)(*gaps.table(np.float32(p)), lane, jnp.uint32(3))
    outcome = np.where(np.asarray(connected), np.asarray(distance), 0)
    assert np.all(np.asarray(distance)[outcome == 0] == gaps.REACH)
    expected = chances(p) / 2.0**32
    for k in (0, 1, 2, 10, 100, 1000):
        deviation = np.sqrt(n * expected[k] * (1 - expected[k]))
        assert abs(np.sum(outcome == k) - n * expected[k]) <= 5 * deviation + 1
