"""Rows of probabilities: the compiled twins of :mod:`em_explorer.models.probabilities`.

On arrays of a dozen numbers each call of numpy costs more than the arithmetic; here one call does.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel

Chain = tuple[Floats, Floats, Floats]
"""Of a hidden Markov model: its beginning (K,), transitions (K, K) and symbols (K, M)."""


@kernel()
def probability_rows(counts: Floats, old: Floats, pseudo_count: float, rows: Floats) -> None:
    """Write rows ``∝ counts + a`` (R, M), with a = 0 where the old probability is zero.

    A row that nothing was counted in keeps its old values.
    """
    for i in range(len(old)):
        total = 0.0
        for j in range(old.shape[1]):
            rows[i, j] = counts[i, j]
            if old[i, j] > 0.0:
                rows[i, j] += pseudo_count
            total += rows[i, j]
        for j in range(old.shape[1]):
            rows[i, j] = rows[i, j] / total if total > 0.0 else old[i, j]


@kernel()
def chain_probabilities(counts: Chain, old: Chain, pseudo_count: float, new: Chain) -> None:
    """Write :func:`probability_rows` of all parts of a chain: one call instead of three."""
    probability_rows(_row(counts[0]), _row(old[0]), pseudo_count, _row(new[0]))
    probability_rows(counts[1], old[1], pseudo_count, new[1])
    probability_rows(counts[2], old[2], pseudo_count, new[2])


@kernel()
def _row(vector: Floats) -> Floats:
    return vector.reshape((1, len(vector)))


@kernel()
def expected_log(counts: Floats, probs: Floats) -> float:
    """Return ``Σ counts · log probs``, where 0 · log 0 = 0."""
    total = 0.0
    for i in range(len(counts)):
        for j in range(counts.shape[1]):
            if counts[i, j] != 0.0:
                total += counts[i, j] * np.log(probs[i, j])
    return total


@kernel()
def expected_chain_log(counts: Chain, probs: Chain) -> float:
    """Return the sum of :func:`expected_log` over all parts of a chain."""
    total = expected_log(_row(counts[0]), _row(probs[0]))
    total += expected_log(counts[1], probs[1])
    total += expected_log(counts[2], probs[2])
    return total
