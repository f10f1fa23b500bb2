"""How good a clustering is: beside the truth, and by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from em_explorer.em.arrays import Floats
from em_explorer.models.alignment import overlap

ROWS_AT_ONCE = 512
"""Distances are measured for so many points at a time, to spare the memory."""


def adjusted_rand_index(found: ArrayLike, truth: ArrayLike) -> float:
    """Compare two groupings of the same points: 1 for the same groups, about 0 for chance.

    Counts the pairs of points that both groupings keep together, less what chance would give:
    ``(S − E) / (½ (A + B) − E)`` with S pairs together in both, A and B in each, and
    ``E = A B / C(N, 2)``. Names of the groups do not matter.

    Parameters
    ----------
    found, truth : (N,) int
        Labels from 0; a negative label means "unknown" and is not counted.

    Source: Hubert & Arabie (1985), "Comparing partitions", Journal of Classification 2.
    """
    labels = np.asarray(found, dtype=np.int64)
    table = overlap(labels, truth, int(labels.max(initial=0)) + 1)
    together = _pairs(table).sum()
    in_found, in_truth = _pairs(table.sum(axis=0)).sum(), _pairs(table.sum(axis=1)).sum()
    pairs = float(_pairs(table.sum()))
    chance = in_found * in_truth / pairs if pairs else 0.0
    most = 0.5 * (in_found + in_truth)
    return 1.0 if most == chance else float((together - chance) / (most - chance))


def _pairs(counts: ArrayLike) -> Floats:
    n = np.asarray(counts, dtype=float)
    return np.asarray(n * (n - 1.0) / 2.0)


def silhouette(points: Floats, labels: ArrayLike) -> float | None:
    """Return the mean silhouette: how much nearer points are to their own group than the next.

    For each point ``(b − a) / max(a, b)`` with a its mean distance to the others of its group
    and b the smallest mean distance to another group; 0 for a point alone in its group.

    Parameters
    ----------
    points : (N, D) float
    labels : (N,) int

    Returns
    -------
    float or None
        None where there are fewer than two groups.

    Source: Rousseeuw (1987), Journal of Computational and Applied Mathematics 20, 53–65.
    """
    groups, own = np.unique(np.asarray(labels), return_inverse=True)
    if groups.size < 2:
        return None
    members = np.eye(groups.size)[own]
    sizes = members.sum(axis=0)
    squares = np.einsum("nd,nd->n", points, points)
    total = 0.0
    for first in range(0, len(points), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        square = squares[rows, None] - 2.0 * points[rows] @ points.T + squares
        mine = own[rows]
        line = np.arange(mine.size)
        square[line, first + line] = 0.0  # rounding would leave a distance to oneself
        sums = np.sqrt(np.maximum(square, 0.0)) @ members
        inside = sums[line, mine] / np.maximum(sizes[mine] - 1.0, 1.0)
        means = sums / sizes
        means[line, mine] = np.inf
        outside = means.min(axis=1)
        score = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-300)
        total += float(score[sizes[mine] > 1].sum())
    return total / len(points)
