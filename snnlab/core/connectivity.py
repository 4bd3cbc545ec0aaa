"""Who is connected to whom.

A sparse connectivity answers with a table of targets: one row per presynaptic cell, padded with ``n_post``. The
planner lays the rows end to end.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snnlab.core import gaps, units
from snnlab.core.parameters import component, numbers, param, static


class Table(NamedTuple):
    """Targets [n_pre, K] (int32, ascending, padded with ``n_post``) and, where they differ, weights [n_pre, K]."""

    targets: np.ndarray
    weights: np.ndarray | None = None


class Connectivity(Protocol):
    """Sparse wiring; ``AllToAll`` is the exception that needs no table."""

    def table(self, key: int, n_pre: int, n_post: int) -> Table: ...

    def degree(self, n_pre: int, n_post: int) -> tuple[float, float]:
        """Mean and variance of the number of targets of a cell (a certain number has variance 0)."""
        ...


@component
class FixedProbability:
    """Every pair is connected with probability p, independently; no pair twice (Bernoulli wiring)."""

    p: float = param(0.1, doc="connection probability", bounds=(0.0, 1.0), slider=(0.0, 1.0), scalar=True)
    autapses: bool = static(True, doc="whether a cell may project to itself, within one population")

    def table(self, key: int, n_pre: int, n_post: int) -> Table:
        skip_self = not self.autapses
        columns = n_post - skip_self
        targets = bernoulli_rows(key, float(self.p), n_pre, columns)
        if skip_self:
            targets = targets + (targets >= np.arange(n_pre)[:, None])
        return Table(targets)

    def degree(self, n_pre: int, n_post: int) -> tuple[float, float]:
        p = float(self.p)
        return n_post * p, n_post * p * (1 - p)


@component
class OneToOne:
    """Cell i to cell i; both populations have the same size."""

    def table(self, key: int, n_pre: int, n_post: int) -> Table:
        if n_pre != n_post:
            raise ValueError(f"OneToOne needs populations of equal size, not {n_pre} and {n_post} cells.")
        return Table(np.arange(n_pre, dtype=np.int32)[:, None])

    def degree(self, n_pre: int, n_post: int) -> tuple[float, float]:
        return 1.0, 0.0


@component
class AllToAll:
    """Every cell to every cell. Costs O(n), not O(n^2): only the number of spikes matters."""

    autapses: bool = static(True, doc="whether a cell projects to itself, within one population")


@component
class Matrix:
    """Explicit weights [n_pre, n_post]; zero means no connection. A projection's weight scales them."""

    weights: Any

    def check(self):
        if units.is_quantity(self.weights):  # the network knows the unit they must have
            return
        weights = numbers("Matrix: weights", self.weights, kinds="biuf")
        if weights.ndim != 2:
            raise ValueError(f"Matrix: weights must be numbers [n_pre, n_post], not {weights.shape}.")
        if not np.all(np.isfinite(weights)):
            pre, post = np.argwhere(~np.isfinite(weights))[0]
            raise ValueError(f"Matrix: weights[{pre}, {post}] = {weights[pre, post]} is not finite.")
        object.__setattr__(self, "weights", weights)

    def table(self, key: int, n_pre: int, n_post: int) -> Table:
        weights = np.asarray(self.weights, float)
        if weights.shape != (n_pre, n_post):
            raise ValueError(
                f"Matrix: weights are {weights.shape}, but the populations need ({n_pre}, {n_post})."
            )
        pre, post = np.nonzero(weights)
        degree = np.bincount(pre, minlength=n_pre)
        column = np.arange(len(pre)) - np.repeat(np.cumsum(degree) - degree, degree)
        width = int(degree.max(initial=0))
        targets = np.full((n_pre, width), n_post, np.int32)
        values = np.zeros((n_pre, width))
        targets[pre, column] = post
        values[pre, column] = weights[pre, post]
        return Table(targets, values)

    def degree(self, n_pre: int, n_post: int) -> tuple[float, float]:
        return float(np.count_nonzero(self.weights)) / n_pre, 0.0


def bucket(size: int) -> int:
    """The next of a few sizes (eight an octave), at least 8: arrays of equal shape run the same compiled program."""
    step = max(8, 2 ** (max(size - 1, 1).bit_length() - 4))
    return max(8, -(-size // step) * step)


_ROWS, _DRAWS = 1024, 32  # the tile that is drawn at once: one shape, so one compilation for every network


def bernoulli_rows(key: int, p: float, n_pre: int, n_post: int) -> np.ndarray:
    """Bernoulli(p) targets [n_pre, K], ascending, padded with ``n_post``; K is the longest row."""
    columns = gaps.table(np.float32(p))
    degrees, targets = [], []
    for first in range(0, n_pre, _ROWS):
        position, tiles = jnp.full(_ROWS, -1, jnp.int32), []
        while not tiles or np.any(np.asarray(position) < n_post):
            nth = np.uint32(_DRAWS * len(tiles))
            position, tile = _tile(np.uint32(key), columns, np.uint32(first), np.int32(n_post), nth, position)
            tiles.append(np.asarray(tile).T[: n_pre - first])
        band = np.concatenate(tiles, axis=1)
        connected = band < n_post
        degrees.append(np.sum(connected, axis=1))
        targets.append(band[connected])
    degree = np.concatenate(degrees)
    rows = np.full((n_pre, int(degree.max())), n_post, np.int32)
    rows[np.arange(rows.shape[1]) < degree[:, None]] = np.concatenate(targets)
    return rows


@jax.jit
def _tile(key, columns, first_row, n_post, first_draw, position):
    """The next draws of ``_ROWS`` rows: new positions [rows], and targets [draws, rows], ``n_post`` for none."""
    cut, other = columns
    lane = gaps.lanes(key, first_row + jnp.arange(_ROWS, dtype=jnp.uint32))

    def next_target(position, nth):
        distance, connected = gaps.draw(cut, other, lane, nth)
        position = jnp.minimum(position + distance, n_post)
        return position, jnp.where(connected, position, n_post)

    return lax.scan(next_target, position, first_draw + jnp.arange(_DRAWS, dtype=jnp.uint32))
