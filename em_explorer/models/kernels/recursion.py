"""The recursion ``x ← (M x) ∘ b`` that a chain's forward and backward pass both are.

Only this loop must wait for its own last result, so it is kept bare. The number of states is known
when it is compiled (up to eight), which keeps x in registers, and x is brought back to sum one only
when it has become small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.cpython.unsafe.tuple import tuple_setitem

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel

replaced: Any = tuple_setitem
"""``replaced(x, j, value)`` is the tuple x with entry j replaced. Tuples, unlike arrays, can live
in registers."""

SMALL = 1e-30
"""A state vector that sums to less is brought back to sum one."""

HOPELESS = 1e-90
"""A step that ends below this would cost digits of the other states: logarithms must serve."""

X2, X3, X4, X5 = (0.0,) * 2, (0.0,) * 3, (0.0,) * 4, (0.0,) * 5
X6, X7, X8 = (0.0,) * 6, (0.0,) * 7, (0.0,) * 8
XX2, XX3, XX4, XX5 = (X2,) * 2, (X3,) * 3, (X4,) * 4, (X5,) * 5
XX6, XX7, XX8 = (X6,) * 6, (X7,) * 7, (X8,) * 8
"""Empty states and matrices: their lengths tell the compiler how many states there are."""


@kernel(reorder=True)
def _propagate_few(
    matrix: Floats,
    weights: Floats,
    first: int,
    step: int,
    n: int,
    state: Floats,
    out: Floats,
    x: Any,
    rows: Any,
) -> float:
    """Do :func:`propagate` in tuples ``x`` (K) and ``rows`` (K of K), which live in registers."""
    size = len(x)
    for j in range(size):
        x = replaced(x, j, state[j])
        row = x
        for i in range(size):
            row = replaced(row, i, matrix[j, i])
        rows = replaced(rows, j, row)
    log_scale = 0.0
    t = first
    for _ in range(n):
        after = x
        total = 0.0
        for j in range(size):
            value = 0.0
            for i in range(size):
                value += x[i] * rows[j][i]
            value *= weights[j, t]
            out[j, t] = value
            total += value
            after = replaced(after, j, value)
        x = after
        if total < SMALL:
            if not total >= HOPELESS:
                return np.nan
            log_scale += np.log(total)
            for j in range(size):
                value = x[j] / total
                out[j, t] = value
                x = replaced(x, j, value)
        t += step
    for j in range(size):
        state[j] = x[j]
    return log_scale


@kernel(reorder=True)
def _propagate_many(
    matrix: Floats, weights: Floats, first: int, step: int, n: int, state: Floats, out: Floats
) -> float:
    """Do :func:`propagate` for any number of states."""
    size = len(state)
    after = np.empty(size)
    log_scale = 0.0
    t = first
    for _ in range(n):
        total = 0.0
        for j in range(size):
            value = 0.0
            for i in range(size):
                value += state[i] * matrix[j, i]
            value *= weights[j, t]
            total += value
            after[j] = value
        if total < SMALL:
            if not total >= HOPELESS:
                return np.nan
            log_scale += np.log(total)
            for j in range(size):
                after[j] /= total
        for j in range(size):
            state[j] = after[j]
            out[j, t] = after[j]
        t += step
    return log_scale


@kernel()
def propagate(
    matrix: Floats, weights: Floats, first: int, step: int, n: int, state: Floats, out: Floats
) -> float:
    """Take ``n`` steps ``x ← (M x) ∘ weights[:, t]`` from t = first on.

    Parameters
    ----------
    matrix : (K, K) float
        Aᵀ forward, A backward.
    weights : (K, BLOCK) float
    first, step, n : int
        t = first, first + step, …; n of them.
    state : (K,) float
        x before, overwritten by x after.
    out : (K, BLOCK) float
        Where each x goes.

    Returns
    -------
    float, nats
        The log of all that x was divided by; NaN when the numbers became too small.
    """
    size = len(state)
    if size == 2:
        return _propagate_few(matrix, weights, first, step, n, state, out, X2, XX2)
    if size == 3:
        return _propagate_few(matrix, weights, first, step, n, state, out, X3, XX3)
    if size == 4:
        return _propagate_few(matrix, weights, first, step, n, state, out, X4, XX4)
    if size == 5:
        return _propagate_few(matrix, weights, first, step, n, state, out, X5, XX5)
    if size == 6:
        return _propagate_few(matrix, weights, first, step, n, state, out, X6, XX6)
    if size == 7:
        return _propagate_few(matrix, weights, first, step, n, state, out, X7, XX7)
    if size == 8:
        return _propagate_few(matrix, weights, first, step, n, state, out, X8, XX8)
    return _propagate_many(matrix, weights, first, step, n, state, out)
