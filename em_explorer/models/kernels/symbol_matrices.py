"""One matrix for each symbol, and for each pair of symbols, of a chain with few of either.

They hold the transition and the probability of the symbol at once, so that a step of the recursion
is a single small product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel

MOST_STATES, MOST_ENTRIES = 5, 2**12
"""With no more than so many states, and entries in all, every symbol gets a matrix of its own, and
so does every pair of symbols."""


@kernel()
def matrices_of_symbols(emission: Any, matrix: Floats, wanted: bool) -> Floats:
    """Return ``diag(b) M`` for each symbol, (M, K, K), or none."""
    table = emission[0]
    size = len(matrix)
    matrices = np.empty((table.shape[1] if wanted else 0, size, size))
    for symbol in range(len(matrices)):
        for j in range(size):
            for i in range(size):
                matrices[symbol, j, i] = table[j, symbol] * matrix[j, i]
    return matrices


@kernel()
def matrices_of_pairs(matrices: Floats) -> Floats:
    """Return the products of two symbols' matrices, the later one first, (M², K, K), or none."""
    n_symbols, size, _ = matrices.shape
    wanted = n_symbols * n_symbols * size * size <= MOST_ENTRIES
    pairs = np.zeros((n_symbols * n_symbols if wanted else 0, size, size))
    if wanted:
        for one in range(n_symbols):
            for two in range(n_symbols):
                for j in range(size):
                    for k in range(size):
                        for i in range(size):
                            entry = matrices[two, j, k] * matrices[one, k, i]
                            pairs[one * n_symbols + two, j, i] += entry
    return pairs


@kernel(reorder=True)
def sum_of_peaks(observations: Any, emission: Any, begin: int, n: int) -> float:
    """Return the log of what the densities of symbols were divided by."""
    peaks = emission[1]
    total = 0.0
    if len(peaks) > 0:
        for t in range(begin, begin + n):
            total += peaks[observations[t]]
    return total
