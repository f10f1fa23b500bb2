"""Which found part is which true one: EM numbers its parts by chance, people do not.

Every model permutes its params with ``model.permuted(params, order)``, where new part ``i`` is
old part ``order[i]``; the functions here find that ``order``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from em_explorer.em.arrays import Ints
from em_explorer.em.errors import DataError


def align_parts(cost: ArrayLike) -> Ints:
    """Match found parts to true ones so that the summed cost is as small as possible.

    Minimizes ``Σ_i cost[i, order[i]]`` over all matchings.

    Parameters
    ----------
    cost : (M, K) float
        What it costs to call found part ``j`` by the name of true part ``i``. M and K may differ.

    Returns
    -------
    (K,) int
        ``order``: the found parts in the order of the true parts they match, those that match
        none at the end. With ``M <= K``, found part ``order[i]`` is true part ``i``.

    Raises
    ------
    DataError
        When the cost is not a finite matrix.

    Source: Kuhn (1955), "The Hungarian method for the assignment problem".
    """
    from scipy.optimize import linear_sum_assignment

    table = np.asarray(cost, dtype=float)
    if table.ndim != 2 or not np.all(np.isfinite(table)):
        raise DataError("Parts can be matched only by a matrix of finite costs.")
    _, matched = linear_sum_assignment(table)  # the rows come back sorted
    spare = np.setdiff1d(np.arange(table.shape[1]), matched)
    return np.concatenate([matched, spare]).astype(np.int64)


def overlap(found: ArrayLike, truth: ArrayLike, n: int) -> Ints:
    """Count how often each found label meets each true one.

    Parameters
    ----------
    found, truth : (N,) int
        Labels from 0; a negative label means "unknown" and is not counted.
    n : int
        Number of found parts.

    Returns
    -------
    (M, n) int
        Row: true label, column: found label.
    """
    found_labels = np.asarray(found, dtype=np.int64).ravel()
    true_labels = np.asarray(truth, dtype=np.int64).ravel()
    if found_labels.shape != true_labels.shape:
        raise DataError(
            f"There are {found_labels.size} found labels and {true_labels.size} true ones; "
            "both must name the same points."
        )
    if found_labels.size and found_labels.max() >= n:
        raise DataError(f"Label {found_labels.max()} is too large for {n} parts numbered from 0.")
    known = (found_labels >= 0) & (true_labels >= 0)
    n_true = int(true_labels.max(initial=0)) + 1
    table = np.zeros((n_true, n), dtype=np.int64)
    np.add.at(table, (true_labels[known], found_labels[known]), 1)
    return table


def align_labels(found: ArrayLike, truth: ArrayLike, n: int) -> Ints:
    """Return the order of the found parts in which the most labels agree with the truth.

    Parameters
    ----------
    found, truth : (N,) int
        Labels from 0; a negative label means "unknown".
    n : int
        Number of found parts.

    Returns
    -------
    (n,) int
        ``order`` for ``model.permuted(params, order)``; see :func:`align_parts`.
    """
    return align_parts(-overlap(found, truth, n))


def relabel(labels: ArrayLike, order: ArrayLike) -> Ints:
    """Rename labels as ``permuted`` renames parts: ``order[i]`` becomes ``i``.

    Parameters
    ----------
    labels : array of int
    order : (K,) int
        A permutation of 0 … K − 1.
    """
    sequence = np.asarray(order, dtype=np.int64)
    inverse = np.empty_like(sequence)
    inverse[sequence] = np.arange(sequence.size)
    renamed: Any = inverse[np.asarray(labels, dtype=np.int64)]
    return np.asarray(renamed, dtype=np.int64)
