"""The tables of targets, made inside a module: the same to the last bit as ``planner.tables`` makes them.

Nothing but loops over single numbers, each of which becomes a native one.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core import gaps
from snnlab.core.connectivity import FixedProbability
from snnlab.core.planner import STRIDE


@dataclasses.dataclass(frozen=True)
class Part:
    """One projection's share of a table: ``n_pre`` cells from ``first`` on, whose targets count from ``base``.

    Its connections are drawn with chance number ``chance`` and key number ``key``, or are ``given``: of every cell the
    targets, padded with ``n_post``.
    """

    first: int
    n_pre: int
    n_post: int
    base: int
    key: int
    chance: int | None
    autapses: bool
    given: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Sheet:
    """One layer's table: its parts, the cells of its group, its length, and what fills it up."""

    parts: tuple[Part, ...]
    n: int
    room: int
    padding: int
    kind: Any


def drawable(connectivity: Any) -> bool:
    """Whether a module can draw these connections; others are given."""
    return isinstance(connectivity, FixedProbability)


def table(sheet: Sheet, keys: list[Array], columns: list[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    """The starts [n + 1] and positions [room] of a layer, and whether all of them found room."""
    kind, parts = np.dtype(sheet.kind), sheet.parts
    edges = sorted({0, sheet.n, *(p.first for p in parts), *(p.first + p.n_pre for p in parts)})
    at, starts = jnp.int32(0), jnp.zeros(sheet.n + 1, jnp.int32)
    targets = jnp.full(sheet.room, sheet.padding, kind)
    for begin, end in zip(edges, edges[1:], strict=False):
        mine = [part for part in parts if part.first <= begin < part.first + part.n_pre]

        def cell(loop, mine=mine):
            i, at, starts, targets = loop
            for part in mine:
                at, targets = _cell(part, keys, columns, i - part.first, at, targets)
            at, targets = lax.while_loop(
                lambda loop: loop[0] % STRIDE != 0,
                lambda loop: (loop[0] + 1, _put(loop[1], jnp.asarray(sheet.padding, kind), loop[0])),
                (at, targets),
            )
            return i + 1, at, _put(starts, at // STRIDE, i + 1), targets

        loop = (jnp.int32(begin), at, starts, targets)
        _, at, starts, targets = lax.while_loop(lambda loop, end=end: loop[0] < end, cell, loop)
    # what was written last and did not count
    behind = jnp.where(at < sheet.room, jnp.asarray(sheet.padding, kind), targets[sheet.room - 1])
    return starts, _put(targets, behind, jnp.minimum(at, sheet.room - 1)), at <= sheet.room


def _cell(part, keys, columns, row, at, targets):
    """The targets of one cell of a part, written from place ``at`` on; the place behind them."""

    def note(target, counts, at, targets):
        # written also when it does not count: the place is then written again
        targets = _put(targets, (target + part.base).astype(targets.dtype), at)
        return at + counts.astype(jnp.int32), targets

    if part.given is not None:
        width, given = part.given.shape[1], jnp.asarray(part.given.ravel(), jnp.int32)

        def copy(loop):
            j, at, targets = loop
            target = given[row * width + j]
            return j + 1, *note(target, target < part.n_post, at, targets)

        return lax.while_loop(lambda loop: loop[0] < width, copy, (jnp.int32(0), at, targets))[1:]

    (cut, other), lane = columns[part.chance], gaps.lanes(keys[part.key], row)
    n_columns = part.n_post - (not part.autapses)

    def draw(loop):
        position, nth, at, targets = loop
        distance, connected = gaps.draw(cut, other, lane, nth)
        position = position + distance
        target = position if part.autapses else position + (position >= row)
        return position, nth + 1, *note(target, connected & (position < n_columns), at, targets)

    # what lies further than the last column is not counted, and neither is a place that was written for it
    loop = (jnp.int32(-1), jnp.int32(0), at, targets)
    return lax.while_loop(lambda loop: loop[0] < n_columns, draw, loop)[2:]


def _put(array, value, index):
    return lax.dynamic_update_index_in_dim(array, value, index, 0, allow_negative_indices=False)


def wired(sheets: Any, keys: list[Array], chances: Array) -> tuple[Any, Array]:
    """The tables of all lanes and layers, and whether any of them overflowed (0 or 1)."""
    columns = [gaps.columns(chances[i]) for i in range(chances.shape[0])]
    fits, tables = jnp.array(True), []
    for lane in sheets:
        layers = []
        for sheet in lane:
            if isinstance(sheet, Sheet):
                starts, targets, fit = table(sheet, keys, columns)
                layers.append((starts, targets, None))
                fits &= fit
            else:
                layers.append(jax.tree.map(jnp.asarray, sheet))
        tables.append(tuple(layers))
    return tuple(tables), jnp.where(fits, 0, 1).astype(jnp.int32).reshape(1)
