"""The zero level of a function on a grid as polylines (marching squares)."""

from collections.abc import Callable

import numpy as np


def zero_level(
    values: np.ndarray, points: np.ndarray, zeros: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """Polylines [k, 2] on which a function is 0, given its ``values`` [m, n] on ``points`` [m, n, 2].

    ``zeros`` finds the exact place between points [e, 2] and points [e, 2] of opposite sign, NaN where it jumps. A
    closed line ends where it starts. Lines are found where they separate the signs of two grid points.
    """
    positive, finite = values >= 0.0, np.isfinite(values)
    along = (positive[:-1] != positive[1:]) & finite[:-1] & finite[1:]  # edges in the first direction
    across = (positive[:, :-1] != positive[:, 1:]) & finite[:, :-1] & finite[:, 1:]
    starts = np.concatenate([points[:-1][along], points[:, :-1][across]])
    ends = np.concatenate([points[1:][along], points[:, 1:][across]])
    if not len(starts):
        return []
    crossings = zeros(starts, ends)
    number_along = np.full(along.shape, -1)
    number_along[along] = np.arange(along.sum())
    number_across = np.full(across.shape, -1)
    number_across[across] = along.sum() + np.arange(across.sum())
    # the four edges of every cell, around it: bottom, right, top, left
    edges = np.stack([number_along[:, :-1], number_across[1:], number_along[:, 1:], number_across[:-1]], -1)
    corner = positive[:-1, :-1]
    edges, corner = edges.reshape(-1, 4), corner.ravel()
    count = np.sum(edges >= 0, axis=1)
    simple = edges[count == 2]
    pairs = [simple[simple >= 0].reshape(-1, 2)]
    if np.any(count == 4):
        mean = (values[:-1, :-1] + values[1:, :-1] + values[:-1, 1:] + values[1:, 1:]).ravel()[count == 4]
        four = edges[count == 4]
        joined = (mean >= 0.0) == corner[count == 4]  # the first corner is joined to the one opposite
        pairs += [np.where(joined[:, None], four[:, [0, 1]], four[:, [0, 3]])]
        pairs += [np.where(joined[:, None], four[:, [2, 3]], four[:, [1, 2]])]
    segments = np.concatenate(pairs)
    whole = np.all(np.isfinite(crossings), axis=1)
    segments = segments[np.all(whole[segments], axis=1)]
    return [crossings[chain] for chain in _chains(segments, len(crossings))]


def _chains(segments: np.ndarray, n: int) -> list[list[int]]:
    """Segments [s, 2] between n nodes, of which each has at most two, as chains of nodes."""
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for a, b in segments.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    seen, chains = [False] * n, []
    ends = [node for node in range(n) if len(neighbours[node]) == 1]
    for start in [*ends, *range(n)]:  # open lines from their ends, then what is left: loops
        if seen[start] or not neighbours[start]:
            continue
        chain, node = [start], start
        seen[start] = True
        while True:
            ahead = next((other for other in neighbours[node] if not seen[other]), None)
            if ahead is None:
                break
            seen[ahead] = True
            chain.append(ahead)
            node = ahead
        if len(neighbours[start]) == 2:
            chain.append(start)
        chains.append(chain)
    return chains
