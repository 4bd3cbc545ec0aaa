"""The counter hash: distributions, independence over cells, steps, seeds and uses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from snnlab.core import randomness as r

N = 4096


def words(steps=64, n=N, key=1234):
    return np.stack([np.asarray(r.bits(jnp.uint32(key), jnp.uint32(k), n)) for k in range(steps)])


def test_a_key_is_the_same_for_an_int_and_for_an_array():
    for seed in (0, 1, 2**32 - 1):
        assert r.subkey(seed, "E") == int(r.subkey(jnp.uint32(seed), "E"))


def test_mixing_is_a_bijection_on_a_sample_and_moves_half_the_bits():
    x = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    y = np.asarray(r.mix(jnp.asarray(x)))
    assert len(np.unique(y)) == len(np.unique(x))
    for bit in range(32):
        flipped = np.bitwise_count(y ^ np.asarray(r.mix(jnp.asarray(x ^ np.uint32(1 << bit)))))
        assert flipped.mean() == pytest.approx(16, abs=0.5)


def test_every_bit_is_fair_and_bits_are_independent():
    w = words()
    bits = (w[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    sd = 0.5 / np.sqrt(w.size)
    assert np.all(np.abs(bits.mean((0, 1)) - 0.5) < 5 * sd)
    flat = bits.reshape(-1, 32).astype(float) - 0.5
    correlation = flat.T @ flat / (0.25 * len(flat)) - np.eye(32)
    assert np.abs(correlation).max() < 6 / np.sqrt(len(flat))


@pytest.mark.parametrize("lag", [1, 2, 3, 32, 1024])
def test_neighbouring_cells_and_steps_are_independent(lag):
    u = (
        np.asarray(
            r.uniform(jnp.asarray(words(steps=2048 if lag == 1024 else 128, n=N if lag != 1024 else 256)))
        )
        - 0.5
    )
    bound = 5 / 12
    if lag < u.shape[1]:
        assert abs(np.mean(u[:, lag:] * u[:, :-lag])) < bound / np.sqrt(u[:, lag:].size)
    if lag < u.shape[0]:
        assert abs(np.mean(u[lag:] * u[:-lag])) < bound / np.sqrt(u[lag:].size)


def test_distributions_pass_kolmogorov_smirnov():
    w = jnp.asarray(words().ravel())
    assert stats.kstest(np.asarray(r.uniform(w), float), "uniform").pvalue > 1e-3
    assert stats.kstest(np.asarray(r.normal(w), float), "norm").pvalue > 1e-3
    assert stats.kstest(np.asarray(r.exponential(w), float), "expon").pvalue > 1e-3
    u = np.asarray(r.uniform(w))
    assert 0 < u.min() and u.max() < 1
    ends = jnp.asarray([0, 0xFFFFFF00, 0xFFFFFFFF], jnp.uint32)
    assert np.all((0 < r.uniform(ends)) & (r.uniform(ends) < 1)) and np.all(np.isfinite(r.normal(ends)))


@pytest.mark.parametrize("mean", [0.0, 0.01, 0.24, 1.0, 5.0, 30.0, r.MAX_MEAN])
def test_poisson_counts_are_poisson(mean):
    counts = np.asarray(r.poisson(jnp.asarray(words(32).ravel()), jnp.float32(mean)), int)
    n = len(counts)
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / n) + 1e-12)
    assert counts.var() == pytest.approx(mean, abs=5 * np.sqrt((mean + 2 * mean**2) / n) + 1e-12)
    for k in range(int(mean + 5 * np.sqrt(mean)) + 1):
        expected = stats.poisson.pmf(k, mean)
        assert np.mean(counts == k) == pytest.approx(expected, abs=5 * np.sqrt(expected / n) + 1e-5)


def test_poisson_takes_a_mean_for_every_cell():
    mean = jnp.asarray(np.repeat([0.1, 2.0], 1000), float)
    draw = jax.jit(lambda k: r.poisson(r.bits(jnp.uint32(5), k, 2000), mean))
    counts = np.stack([draw(jnp.uint32(k)) for k in range(200)])
    assert counts[:, :1000].mean() == pytest.approx(0.1, abs=0.005)
    assert counts[:, 1000:].mean() == pytest.approx(2.0, abs=0.02)


def test_seeds_and_uses_are_unrelated():
    base = np.asarray(r.uniform(r.bits(r.subkey(jnp.uint32(0), "a"), jnp.uint32(0), 50_000)))
    for key in (r.subkey(jnp.uint32(1), "a"), r.subkey(jnp.uint32(0), "b"), r.subkey(jnp.uint32(2**31), "a")):
        other = np.asarray(r.uniform(r.bits(key, jnp.uint32(0), 50_000)))
        assert abs(np.corrcoef(base, other)[0, 1]) < 5 / np.sqrt(50_000)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", True, None])
def test_a_seed_is_a_whole_number_of_32_bits(seed):
    with pytest.raises(ValueError, match="seed = .* must be a whole number from 0 to 4294967295"):
        r.check_seed(seed)


@pytest.mark.parametrize("mean", [0.0, 0.005, 0.12, 0.24, 1.0, 5.0, 30.0, 79.0])
def test_poisson_with_its_terms_known_is_the_same(mean):
    w = jnp.asarray(np.append(words(32).ravel(), np.uint32([0, 1, 0xFFFFFF00, 0xFFFFFFFF])))
    known = r.poisson(w, jnp.float32(mean), terms=r.poisson_terms(mean))
    assert np.array_equal(known, r.poisson(w, jnp.float32(mean)))
