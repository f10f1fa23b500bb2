"""The E-step of missing data, compiled: pattern by pattern, from each pattern's own statistics.

Its time depends on the number of patterns and not on the number of rows. The patterns of one
stack observe equally many columns; each is worked off in its own order of columns, observed ones
first, and added up in the table's order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.model import Expectation
from em_explorer.models.backend import map_chunks
from em_explorer.models.gaussian import LOG_2PI, GaussianStatistics
from em_explorer.models.kernels.covariances import cholesky
from em_explorer.models.kernels.jit import constant, kernel
from em_explorer.models.patterns import IncompleteData, PatternStack, centred

CHUNK = 256
"""Patterns a thread takes at once. Fixed, so that sums don't depend on the number of threads."""


class Part(NamedTuple):
    """What one chunk of patterns finds: means (P, D) of completed rows, and sums over patterns."""

    means: Floats
    within: Floats
    entropy: float
    log_likelihood: float
    good: bool


def e_step(
    data: IncompleteData, mean: Floats, covariance: Floats
) -> Expectation[GaussianStatistics] | None:
    """Do what :meth:`MissingData.e_step` does, but for the latent posterior.

    Returns
    -------
    Expectation or None
        None when a covariance could not be factorized.
    """
    mean, covariance = constant(mean), constant(covariance)

    def part(chunk: tuple[PatternStack, int]) -> Part:
        stack, first = chunk
        statistics = (constant(stack.counts), constant(stack.means), constant(stack.scatter))
        last = min(first + CHUNK, len(stack.order))
        return Part(*_patterns(constant(stack.order), first, last, *statistics, mean, covariance))

    chunks = [(s, first) for s in data.stacks for first in range(0, len(s.order), CHUNK)]
    # Few patterns are done before a thread has begun.
    few = sum(len(stack.order) for stack in data.stacks) <= CHUNK
    parts = [part(c) for c in chunks] if few else list(map_chunks(part, chunks))
    if not all(found.good for found in parts):
        return None
    counts = np.concatenate([stack.counts for stack in data.stacks])
    means = np.concatenate([found.means for found in parts])
    total = counts.sum(keepdims=True)
    grand = counts @ means / total
    shift = means - grand
    scatter = (counts[:, None] * shift).T @ shift
    for found in parts:
        scatter += found.within
    scatter = np.tril(scatter) + np.tril(scatter, -1).T
    return Expectation(
        GaussianStatistics(total, grand[None], scatter[None]),
        sum(found.entropy for found in parts),
        sum(found.log_likelihood for found in parts),
    )


@kernel()
def _patterns(
    order: Ints,
    first: int,
    last: int,
    counts: Floats,
    means: Floats,
    scatter: Floats,
    mean: Floats,
    covariance: Floats,
) -> tuple[Floats, Floats, float, float, bool]:
    """Work off the patterns ``first`` to ``last`` of a stack."""
    n_dims, n_seen = order.shape[1], means.shape[1]
    filled, within = np.empty((last - first, n_dims)), np.zeros((n_dims, n_dims))
    ordered, factor = np.empty((n_dims, n_dims)), np.zeros((n_dims, n_dims))
    slopes, scratch = np.empty((n_dims, n_dims)), np.empty((n_dims, n_dims))
    shift = np.empty(n_dims)
    entropy = log_likelihood = 0.0
    for p in range(first, last):
        columns, count = order[p], counts[p]
        for i in range(n_dims):
            for j in range(i + 1):
                ordered[i, j] = covariance[columns[i], columns[j]]
        if not cholesky(ordered, factor) > 0.0:
            return filled, within, 0.0, 0.0, False
        _invert(factor, n_seen, slopes)
        for i in range(n_seen):
            shift[i] = means[p, i] - mean[columns[i]]
        log_likelihood -= 0.5 * _surprise(factor, slopes, shift, scatter[p], count, n_seen)
        for i in range(n_seen, n_dims):
            entropy += count * (0.5 * (LOG_2PI + 1.0) + np.log(factor[i, i]))
        _regress(factor, n_seen, slopes, scratch)
        _complete(filled[p - first], columns, means[p], mean, shift, slopes, n_seen)
        _add_scatter(within, columns, scatter[p], count, factor, slopes, scratch, n_seen)
    return filled, within, entropy, log_likelihood, True


@kernel()
def _invert(factor: Floats, n: int, inverse: Floats) -> None:
    """Set the leading n × n of ``inverse`` to the inverse of the lower factor's."""
    for c in range(n):
        for i in range(c):
            inverse[i, c] = 0.0
        inverse[c, c] = 1.0 / factor[c, c]
        for i in range(c + 1, n):
            value = 0.0
            for j in range(c, i):
                value -= factor[i, j] * inverse[j, c]
            inverse[i, c] = value / factor[i, i]


@kernel()
def _surprise(
    factor: Floats, inverse: Floats, shift: Floats, scatter: Floats, count: float, n: int
) -> float:
    """Return ``n (o log 2π + log|Σ_oo| + |z|²) + tr(Σ_oo⁻¹ S)``, with ``z = L⁻¹ shift``."""
    per_row, spread = n * LOG_2PI, 0.0
    for i in range(n):
        z = 0.0
        for j in range(i + 1):
            z += inverse[i, j] * shift[j]
        per_row += z * z + 2.0 * np.log(factor[i, i])
        for j in range(i + 1):
            for c in range(j + 1):
                # Row i of L⁻¹ on both sides of S, of which one triangle is enough.
                value = inverse[i, j] * scatter[j, c] * inverse[i, c]
                spread += value if c == j else 2.0 * value
    return count * per_row + spread


@kernel()
def _regress(factor: Floats, n: int, slopes: Floats, scratch: Floats) -> None:
    """Turn ``slopes[:n, :n] = L_oo⁻¹`` into ``slopes[n:, :n] = B = L_mo L_oo⁻¹``."""
    for i in range(n, len(factor)):
        for j in range(n):
            value = 0.0
            for c in range(j, n):
                value += factor[i, c] * slopes[c, j]
            scratch[i, j] = value
        for j in range(n):
            slopes[i, j] = scratch[i, j]


@kernel()
def _complete(
    filled: Floats,
    columns: Ints,
    seen: Floats,
    mean: Floats,
    shift: Floats,
    slopes: Floats,
    n: int,
) -> None:
    """Set the mean of the completed rows, in the table's order of columns."""
    for i in range(n):
        filled[columns[i]] = seen[i]
    for i in range(n, len(columns)):
        value = mean[columns[i]]
        for j in range(n):
            value += slopes[i, j] * shift[j]
        filled[columns[i]] = value


@kernel()
def _add_scatter(
    within: Floats,
    columns: Ints,
    scatter: Floats,
    count: float,
    factor: Floats,
    slopes: Floats,
    product: Floats,
    n: int,
) -> None:
    """Add ``[[S, S Bᵀ], [B S, B S Bᵀ + n C]]`` with ``C = L_mm L_mmᵀ`` to a lower triangle."""
    n_dims = len(columns)
    for i in range(n):
        for j in range(i + 1):
            a, b = columns[i], columns[j]
            within[max(a, b), min(a, b)] += scatter[i, j]
    for i in range(n, n_dims):
        for j in range(n):
            value = 0.0
            for c in range(n):
                value += slopes[i, c] * scatter[c, j]
            product[i, j] = value
            a, b = columns[i], columns[j]
            within[max(a, b), min(a, b)] += value
        for j in range(n, i + 1):
            value = 0.0
            for c in range(n):
                value += product[i, c] * slopes[j, c]
            for c in range(n, j + 1):
                value += count * factor[i, c] * factor[j, c]
            a, b = columns[i], columns[j]
            within[max(a, b), min(a, b)] += value


def _run() -> None:
    table = np.array([[1.0, 2.0], [np.nan, 1.0], [2.0, np.nan], [0.0, 0.5]])
    e_step(centred(table, ("one", "two")), np.zeros(2), np.eye(2))


KERNELS = (("Missing data", _run),)
