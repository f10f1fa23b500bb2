"""Small linear algebra on covariances, compiled: for a few columns calls cost more than sums.

Source: Golub & Van Loan (2013), *Matrix Computations*, §4.2.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Bools, Floats
from em_explorer.models.gaussian import LOG_2PI
from em_explorer.models.kernels.jit import kernel

FAR = 1000.0
"""A group whose new mean lies further from the old one than the root of this many of its new
standard deviations must be measured again, about its new mean: else digits would be lost."""


@kernel()
def finish(
    counts: Floats, sums: Floats, products: Floats, centers: Floats
) -> tuple[Floats, Floats, Bools]:
    """Turn sums about the centers into means, scatter about these, and who moved ``FAR``."""
    n_groups, n_dims = sums.shape
    means, scatter = np.zeros((n_groups, n_dims)), np.zeros((n_groups, n_dims, n_dims))
    far: Bools = np.zeros(n_groups, np.bool_)
    shift = np.empty(n_dims)
    for k in range(n_groups):
        if counts[k] == 0.0:
            continue
        for i in range(n_dims):
            shift[i] = sums[k, i] / counts[k]
            means[k, i] = centers[k, i] + shift[i]
            for j in range(i + 1):
                value = products[k, i, j] - counts[k] * shift[i] * shift[j]
                scatter[k, i, j] = value
                scatter[k, j, i] = value
            scatter[k, i, i] = max(scatter[k, i, i], 0.0)
        far[k] = _distance(scatter[k], shift) * counts[k] > FAR
    return means, scatter, far


@kernel()
def factorize(covariances: Floats, weights: Floats) -> tuple[Floats, Floats, bool]:
    """Return Cholesky factors, ``log w_k N(μ_k; μ_k, Σ_k)``, and whether all went well."""
    n_groups, n_dims = covariances.shape[:2]
    factors, offsets = np.zeros((n_groups, n_dims, n_dims)), np.zeros(n_groups)
    for k in range(n_groups):
        product = cholesky(covariances[k], factors[k])
        if not product > 0.0:
            return factors, offsets, False
        offsets[k] = np.log(weights[k]) - 0.5 * n_dims * LOG_2PI
        for i in range(n_dims):
            offsets[k] -= np.log(factors[k, i, i])
    return factors, offsets, True


@kernel()
def cholesky(covariance: Floats, factor: Floats) -> float:
    """Fill in the lower factor and return its smallest squared pivot; none positive is failure."""
    smallest = np.inf
    for i in range(len(covariance)):
        pivot = covariance[i, i]
        for j in range(i):
            value = covariance[i, j]
            for m in range(j):
                value -= factor[i, m] * factor[j, m]
            factor[i, j] = value / factor[j, j]
            pivot -= factor[i, j] ** 2
        if not pivot > 0.0:
            return 0.0
        smallest = min(smallest, pivot)
        factor[i, i] = np.sqrt(pivot)
    return smallest


@kernel()
def surely_regular(
    counts: Floats,
    means: Floats,
    scatter: Floats,
    covariances: Floats,
    smallest_eigenvalue: float,
    smallest_variance: float,
) -> bool:
    """Say whether no covariance is near either limit: of correlations, or of the data's variance.

    With R the correlations, ``λ_min(R) ≥ 1 / tr(R⁻¹)``, which takes no search for eigenvalues.
    """
    n_groups, n_dims = means.shape
    spread, total = np.empty(n_dims), counts.sum()
    for i in range(n_dims):
        middle = second = 0.0
        for k in range(n_groups):
            middle += counts[k] * means[k, i] / total
        for k in range(n_groups):
            second += scatter[k, i, i] + counts[k] * (means[k, i] - middle) ** 2
        spread[i] = second / total
    factor, correlation = np.zeros((n_dims, n_dims)), np.empty((n_dims, n_dims))
    for k in range(n_groups):
        for i in range(n_dims):
            if not covariances[k, i, i] > 2.0 * smallest_variance * spread[i]:
                return False
            for j in range(i + 1):
                scale = np.sqrt(covariances[k, i, i]) * np.sqrt(covariances[k, j, j])
                correlation[i, j] = covariances[k, i, j] / scale
        if not cholesky(correlation, factor) > 0.0:
            return False
        if not _inverse_trace(factor) < 0.1 / smallest_eigenvalue:
            return False
    return True


@kernel()
def _inverse_trace(factor: Floats) -> float:
    """Return ``tr((L Lᵀ)⁻¹)``, the sum of the squares of L⁻¹, column by column."""
    n_dims, trace = len(factor), 0.0
    column = np.empty(n_dims)
    for c in range(n_dims):
        for i in range(c, n_dims):
            column[i] = 1.0 if i == c else 0.0
            for j in range(c, i):
                column[i] -= factor[i, j] * column[j]
            column[i] /= factor[i, i]
            trace += column[i] ** 2
    return trace


@kernel()
def expected_log_joint(
    counts: Floats,
    group_means: Floats,
    scatter: Floats,
    weights: Floats,
    means: Floats,
    covariances: Floats,
) -> tuple[float, bool]:
    """Return ``Σ_k E[log w_k N(x; μ_k, Σ_k)]`` from statistics, and whether all factors exist."""
    n_groups, n_dims = means.shape
    factor, column, total = np.zeros((n_dims, n_dims)), np.empty(n_dims), 0.0
    for k in range(n_groups):
        if counts[k] == 0.0:
            continue
        if not cholesky(covariances[k], factor) > 0.0:
            return 0.0, False
        per_point = n_dims * LOG_2PI - 2.0 * np.log(weights[k])
        for i in range(n_dims):
            column[i] = group_means[k, i] - means[k, i]
            for j in range(i):
                column[i] -= factor[i, j] * column[j]
            column[i] /= factor[i, i]
            per_point += column[i] ** 2 + 2.0 * np.log(factor[i, i])
        total += counts[k] * per_point + _trace(factor, scatter[k], column)
    return -0.5 * total, True


@kernel()
def _trace(factor: Floats, scatter: Floats, column: Floats) -> float:
    """Return ``tr(L⁻¹ S L⁻ᵀ)``: for each column of S, forward and then back substitution."""
    n_dims, trace = len(factor), 0.0
    for c in range(n_dims):
        for i in range(n_dims):
            column[i] = scatter[i, c]
            for j in range(i):
                column[i] -= factor[i, j] * column[j]
            column[i] /= factor[i, i]
        for i in range(n_dims - 1, c - 1, -1):
            for j in range(i + 1, n_dims):
                column[i] -= factor[j, i] * column[j]
            column[i] /= factor[i, i]
        trace += column[c]
    return trace


@kernel()
def _distance(covariance: Floats, shift: Floats) -> float:
    """Return ``shiftᵀ Σ⁻¹ shift``; a direction without spread counts only if moved along."""
    factor, whitened, total = np.zeros_like(covariance), np.zeros_like(shift), 0.0
    for i in range(len(shift)):
        rest, pivot = shift[i], covariance[i, i]
        for j in range(i):
            value = covariance[i, j]
            for m in range(j):
                value -= factor[i, m] * factor[j, m]
            factor[i, j] = value / factor[j, j]
            rest -= factor[i, j] * whitened[j]
            pivot -= factor[i, j] ** 2
        factor[i, i] = np.sqrt(max(pivot, 1e-13 * covariance[i, i], 1e-300))
        whitened[i] = rest / factor[i, i]
        total += whitened[i] ** 2
    return total
