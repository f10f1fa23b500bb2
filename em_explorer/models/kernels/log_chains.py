"""Forward–backward on logarithms, and the most probable path.

The first serves the few sequences whose numbers would leave the range of floating point, where
:mod:`.chains` gives up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.kernels.emission_blocks import BLOCK, log_densities
from em_explorer.models.kernels.jit import kernel
from em_explorer.models.kernels.recursion import X2, X3, X4, XX2, XX3, XX4, replaced


@kernel()
def _log_sum(values: Floats) -> float:
    """Return ``log Σ exp(values)``."""
    top = -np.inf
    for value in values:
        top = max(top, value)
    if top == -np.inf:
        return -np.inf
    total = 0.0
    for value in values:
        total += np.exp(value - top)
    return float(top + np.log(total))


@kernel()
def _log_backward(
    log_transition: Floats,
    predicted: Floats,
    xi: Floats,
    gamma: Floats,
    alpha: Floats,
    beta: Floats,
) -> None:
    """Go back from the filter in logs, α, and leave γ, α and β themselves."""
    n_steps, size = alpha.shape
    row = np.empty(size)
    xi[:] = 0.0
    ratio = np.empty(size)
    gamma[n_steps - 1] = alpha[n_steps - 1]
    beta[n_steps - 1] = 0.0
    for t in range(n_steps - 2, -1, -1):
        for j in range(size):
            ratio[j] = gamma[t + 1, j]
            if ratio[j] > -np.inf:
                ratio[j] -= predicted[t + 1, j]
        for i in range(size):
            for j in range(size):
                row[j] = log_transition[i, j] + ratio[j]
                xi[i, j] += np.exp(alpha[t, i] + row[j])
            beta[t, i] = _log_sum(row)
            gamma[t, i] = alpha[t, i] + beta[t, i]
        gamma[t] -= _log_sum(gamma[t])
    for t in range(n_steps):
        for k in range(size):
            gamma[t, k], alpha[t, k] = np.exp(gamma[t, k]), np.exp(alpha[t, k])
            beta[t, k] = np.exp(min(beta[t, k], 700.0))


@kernel()
def log_chain(
    initial: Floats,
    transition: Floats,
    log_emission: Floats,
    xi: Floats,
    gamma: Floats,
    alpha: Floats,
    beta: Floats,
    log_scale: Floats,
) -> int:
    """Fill the posterior of one sequence; twin of ``log_forward_backward``.

    Returns
    -------
    int
        −1, or the time step at which the observations become impossible.
    """
    n_steps, size = log_emission.shape
    log_initial, log_transition = np.log(initial), np.log(transition)
    row = np.empty(size)
    predicted = np.empty((n_steps, size))
    for t in range(n_steps):
        for j in range(size):
            predicted[t, j] = log_initial[j]
            if t > 0:
                for i in range(size):
                    row[i] = alpha[t - 1, i] + log_transition[i, j]
                predicted[t, j] = _log_sum(row)
            alpha[t, j] = predicted[t, j] + log_emission[t, j]
        log_scale[t] = _log_sum(alpha[t])
        if log_scale[t] == -np.inf:
            return t
        for j in range(size):
            alpha[t, j] -= log_scale[t]

    _log_backward(log_transition, predicted, xi, gamma, alpha, beta)
    return -1


@kernel()
def _advance_few(
    observations: Any, log_table: Floats, begin: int, log_into: Floats, logs: Floats, first: int,
    n: int, delta: Floats, before: Any, x: Any, rows: Any,
) -> None:  # fmt: skip
    """Do :func:`_advance` in tuples, which live in registers; symbols are looked up on the way."""
    size = len(x)
    for j in range(size):
        x = replaced(x, j, delta[j])
        row = x
        for i in range(size):
            row = replaced(row, i, log_into[j, i])
        rows = replaced(rows, j, row)
    for t in range(first, n):
        after = x
        choices = 0
        for j in range(size):
            best, choice = x[0] + rows[j][0], 0
            for i in range(1, size):
                score = x[i] + rows[j][i]
                choice = i if score > best else choice
                best = score if score > best else best
            if observations.ndim == 1:
                after = replaced(after, j, best + log_table[j, observations[begin + t]])
            else:
                after = replaced(after, j, best + logs[j, t])
            choices |= choice << (2 * j)
        before[t, 0] = choices
        x = after
    for j in range(size):
        delta[j] = x[j]


@kernel()
def _advance(
    observations: Any, log_table: Floats, begin: int, log_into: Floats, logs: Floats, first: int,
    n: int, delta: Floats, before: Any,
) -> None:  # fmt: skip
    """Take δ through steps first … n − 1 of a block, noting each state's best predecessor.

    With two to four states the predecessors are packed into one byte of ``before``, two bits each;
    else each has its own.
    """
    size = len(delta)
    if size == 2:
        _advance_few(
            observations, log_table, begin, log_into, logs, first, n, delta, before, X2, XX2
        )
    elif size == 3:
        _advance_few(
            observations, log_table, begin, log_into, logs, first, n, delta, before, X3, XX3
        )
    elif size == 4:
        _advance_few(
            observations, log_table, begin, log_into, logs, first, n, delta, before, X4, XX4
        )
    else:
        after = np.empty(size)
        for t in range(first, n):
            for j in range(size):
                best, choice = delta[0] + log_into[j, 0], 0
                for i in range(1, size):
                    score = delta[i] + log_into[j, i]
                    if score > best:
                        best, choice = score, i
                after[j] = best + logs[j, t]
                before[t, j] = choice
            delta[:] = after


@kernel()
def best_paths(
    observations: Any,
    emission: Any,
    starts: Ints,
    log_initial: Floats,
    log_transition: Floats,
    path: Ints,
) -> tuple[float, int]:
    """Fill the most probable path of each sequence; twin of ``viterbi_path``.

    Returns
    -------
    log_probability : float, nats
        Summed over the sequences.
    impossible : int
        −1, or the number of the first sequence that has probability zero.
    """
    size = len(log_initial)
    longest = 0
    for s in range(len(starts) - 1):
        longest = max(longest, starts[s + 1] - starts[s])
    log_into = np.ascontiguousarray(log_transition.T)
    packed = 2 <= size <= 4
    before = np.empty((longest, 1 if packed else size), dtype=np.uint8)
    logs, delta = np.empty((size, BLOCK)), np.empty(size)
    n_dims = observations.shape[1] if observations.ndim == 2 else 0
    vectors = np.empty((2, n_dims, BLOCK))
    total = 0.0
    for s in range(len(starts) - 1):
        begin, end = starts[s], starts[s + 1]
        for start in range(begin, end, BLOCK):
            n = min(BLOCK, end - start)
            first = 1 if start == begin else 0
            looked_up = packed and observations.ndim == 1
            log_densities(observations, emission, start, first if looked_up else n, logs, vectors)
            if start == begin:
                for k in range(size):
                    delta[k] = log_initial[k] + logs[k, 0]
            _advance(
                observations, emission[0], start, log_into, logs, first, n, delta,
                before[start - begin :],
            )  # fmt: skip
        state = np.argmax(delta)
        if delta[state] == -np.inf:
            return -np.inf, s
        total += delta[state]
        path[end - 1] = state
        for t in range(end - 1, begin, -1):
            if packed:
                state = (np.int64(before[t - begin, 0]) >> (2 * state)) & 3
            else:
                state = np.int64(before[t - begin, state])
            path[t - 1] = state
    return total, -1
