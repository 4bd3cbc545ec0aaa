"""Wiring: exact Bernoulli statistics, shapes that do not depend on the seed, explicit matrices."""

import itertools

import numpy as np
import pytest

from snnlab import Network, Population, Projection
from snnlab.connectivity import AllToAll, FixedProbability, Matrix, OneToOne, bernoulli_rows, bucket
from snnlab.core import planner
from snnlab.core.randomness import subkey
from snnlab.neurons import LIF
from snnlab.synapses import Exponential, Synapse


def adjacency(p, n_pre, n_post, seed=0, **kwargs):
    rows = FixedProbability(p, **kwargs).table(subkey(seed, "test"), n_pre, n_post).targets
    dense = np.zeros((n_pre, n_post + 1), int)
    np.add.at(dense, (np.arange(n_pre)[:, None], rows), 1)
    return dense[:, :n_post]


@pytest.mark.parametrize("p", [0.0, 0.002, 0.02, 0.5, 0.97, 1.0])
def test_every_pair_is_connected_at_most_once_and_with_probability_p(p):
    n_pre, n_post = 1500, 700  # more than one band of rows
    A = adjacency(p, n_pre, n_post)
    assert A.max() <= 1
    sd = np.sqrt(p * (1 - p))
    assert abs(A.mean() - p) <= 4.5 * sd / np.sqrt(A.size)
    for axis, n in ((0, n_pre), (1, n_post)):
        degree = A.sum(axis)
        assert np.all(np.abs(degree - n * p) <= 6 * sd * np.sqrt(n) + 1e-9)  # no row or column stands out
        if 0 < p < 1:  # and their spread is the binomial one: neither fixed degree nor clustering
            assert np.var(degree) == pytest.approx(n * p * (1 - p), rel=5 * np.sqrt(2 / len(degree)))


def test_pairs_are_independent():
    A = adjacency(0.3, 1000, 400).astype(float) - 0.3
    for shifted in (
        A[1:] * A[:-1],
        A[:, 1:] * A[:, :-1],
        A[1:, 1:] * A[:-1, :-1],
        A[1000 // 2 :] * A[: 1000 // 2],
    ):
        assert abs(shifted.mean()) < 5 * 0.21 / np.sqrt(shifted.size)


def test_gaps_are_geometric():
    p, n = 0.05, 4000
    rows = bernoulli_rows(7, p, 1000, n)
    gaps = np.diff(rows, axis=1)[(rows[:, 1:] < n)]
    for k in (1, 2, 5, 20, 60):
        expected = (1 - p) ** (k - 1)
        assert np.mean(gaps >= k) == pytest.approx(
            expected, abs=5 * np.sqrt(expected * (1 - expected) / len(gaps)) + 1e-12
        )


def test_seeds_and_names_give_unrelated_wirings():
    a, b, c = adjacency(0.2, 500, 500, 0), adjacency(0.2, 500, 500, 1), adjacency(0.2, 500, 500, 2**31)
    for x, y in ((a, b), (b, c), (a, c), (a, a.T)):
        off = ~np.eye(500, dtype=bool)
        assert abs(np.corrcoef(x[off], y[off])[0, 1]) < 5 / 500
    assert np.array_equal(a, adjacency(0.2, 500, 500, 0))


def test_without_autapses_the_diagonal_is_empty_and_the_rest_still_bernoulli():
    A = adjacency(0.3, 600, 600, autapses=False)
    assert not np.any(np.diag(A))
    assert A.sum() / (600 * 599) == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 360_000))
    assert np.trace(adjacency(0.3, 600, 600)) == pytest.approx(180, abs=60)
    assert np.all(adjacency(1.0, 50, 50, autapses=False) == 1 - np.eye(50))


def tables(connectivity, seed=0, n_pre=320, n_post=400):
    net = network(connectivity, n_pre, n_post)
    plan, _ = planner.build(net, 0.1)
    ((table,),) = planner.tables(net, plan, seed)
    return net, table, planner.table_bytes(net, plan)


def test_the_shape_of_the_planned_table_does_not_follow_the_seed():
    for p in (0.0, 0.02, 0.5, 1.0):
        assert len({tables(FixedProbability(p), seed)[1][1].shape for seed in range(10)}) == 1


@pytest.mark.parametrize(
    "connectivity", [FixedProbability(0.1), FixedProbability(0.0), Matrix(np.eye(320, 400))]
)
def test_the_planned_table_has_every_cells_targets_in_whole_strides(connectivity):
    net, (starts, targets, weights), size = tables(connectivity)
    dense = net.matrix(0)
    taken = sum(array.nbytes for array in (starts, targets, weights) if array is not None)
    assert size == pytest.approx(taken, rel=0.02)
    starts, targets = np.asarray(starts) * planner.STRIDE, np.asarray(targets)
    for i, (first, end) in enumerate(itertools.pairwise(starts[:321])):
        mine = targets[first:end]  # of both populations laid end to end
        assert np.array_equal(mine[mine < 720] - 320, np.flatnonzero(dense[i]))
        assert len(mine) - planner.STRIDE < np.count_nonzero(dense[i]) <= len(mine)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100, 126, 129, 1000, 10**6])
def test_buckets_hold_the_size_and_waste_little(size):
    assert size <= bucket(size) <= max(1.25 * size, size + 8)


def network(connectivity, n_pre=3, n_post=4):
    cells = {"a": Population(LIF(), n_pre), "b": Population(LIF(), n_post)}
    return Network(cells, {"s": Synapse(Exponential())}, [Projection("a", "b", "s", connectivity, 2.0)])


def test_a_network_shows_its_weights():
    W = np.array([[0, 1.5, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 3]])
    assert np.array_equal(network(Matrix(W)).matrix(0), 2 * W)
    assert np.array_equal(network(OneToOne(), 4, 4).matrix(0), 2 * np.eye(4))
    assert np.array_equal(network(AllToAll()).matrix(0), np.full((3, 4), 2.0))


def test_wrong_shapes_and_values_are_named():
    with pytest.raises(
        ValueError, match=r'projection 0 \("a" -> "b"\): Matrix weights are \(2, 2\).*need \(3, 4\)'
    ):
        network(Matrix(np.ones((2, 2))))
    with pytest.raises(ValueError, match="OneToOne needs populations of equal size, not 3 and 4"):
        network(OneToOne())
    with pytest.raises(ValueError, match=r"Matrix: weights\[0, 1\] = nan is not finite"):
        Matrix([[0.0, float("nan")]])
    with pytest.raises(ValueError, match="Matrix: weights must be numbers"):
        Matrix([1.0, 2.0])
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="FixedProbability: p = .* must be at least 0 and at most 1"):
            FixedProbability(p)
    with pytest.raises(ValueError, match="autapses=False is about a population's projection to itself"):
        network(FixedProbability(0.5, autapses=False))
