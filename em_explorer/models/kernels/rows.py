"""Rows of probabilities: the compiled twins of :mod:`em_explorer.models.probabilities`.

On arrays of a dozen numbers each call of numpy costs more than the arithmetic; here one call does.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel


@kernel()
def probability_rows(counts: Floats, old: Floats, pseudo_count: float) -> Floats:
    """Return rows ``∝ counts + a`` (R, M), with a = 0 where the old probability is zero.

    A row that nothing was counted in keeps its old values.
    """
    rows = np.empty(old.shape)
    for i in range(len(old)):
        total = 0.0
        for j in range(old.shape[1]):
            rows[i, j] = counts[i, j]
            if old[i, j] > 0.0:
                rows[i, j] += pseudo_count
            total += rows[i, j]
        for j in range(old.shape[1]):
            rows[i, j] = rows[i, j] / total if total > 0.0 else old[i, j]
    return rows


@kernel()
def expected_log(counts: Floats, probs: Floats) -> float:
    """Return ``Σ counts · log probs``, where 0 · log 0 = 0."""
    total = 0.0
    for i in range(len(counts)):
        for j in range(counts.shape[1]):
            if counts[i, j] != 0.0:
                total += counts[i, j] * np.log(probs[i, j])
    return total
