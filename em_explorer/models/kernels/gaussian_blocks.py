"""Normal densities and weighted statistics of one block of points, compiled.

Each is written three times, because each is best in its place: two columns, the case that is
watched most, in one loop; few columns by elimination, row by row; many by matrix products, which
BLAS does better than any loop here. All measure the points from the means, never from zero: the
terms of an expanded square would cancel as soon as a component is narrow. Rows are cut out before
they are run through, because an index that is a sum keeps the compiler from vector registers.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Bools, Floats
from em_explorer.models.gaussian import LOG_2PI
from em_explorer.models.kernels.jit import kernel

BLOCK = 256
"""Points in the fastest cache at once; a power of two."""

WIDE = 14
"""From this many columns on, matrix products are faster than loops."""

STRIP = 8
"""Rows of a triangular matrix multiplied at once: what lies right of them is left out, and BLAS
is at its best."""

FAR = 1000.0
"""A group whose new mean lies further from the old one than the root of this many of its new
standard deviations must be measured again, about its new mean: else digits would be lost."""


@kernel(reorder=True)
def log_densities(
    columns: Floats,
    start: int,
    size: int,
    means: Floats,
    whiten: Floats,
    offsets: Floats,
    apart: Floats,
    white: Floats,
    result: Floats,
) -> None:
    """Set ``result[k, b] = offsets[k] − ½ |L_k⁻¹ (x_b − μ_k)|²`` for a block of points.

    ``whiten`` holds the Cholesky factors L_k, or their inverses from ``WIDE`` columns on; ``apart``
    and ``white`` are scratch, (D, BLOCK), of which the columns past ``size`` don't matter.
    """
    n_dims = means.shape[1]
    for k in range(len(means)):
        row = result[k]
        if n_dims == 2:
            _plane_distances(columns, start, size, means[k], whiten[k], row)
        else:
            for b in range(size):
                row[b] = 0.0
            if n_dims < WIDE:
                _distances(columns, start, size, means[k], whiten[k], apart, row)
            else:
                _wide_distances(columns, start, size, means[k], whiten[k], apart, white, row)
        offset = offsets[k]
        for b in range(size):
            row[b] = offset - 0.5 * row[b]


@kernel(reorder=True)
def _plane_distances(
    columns: Floats, start: int, size: int, mean: Floats, factor: Floats, result: Floats
) -> None:
    mean0, mean1, slope = mean[0], mean[1], factor[1, 0]
    root0, root1 = 1.0 / factor[0, 0], 1.0 / factor[1, 1]
    column0, column1 = columns[0, start : start + size], columns[1, start : start + size]
    for b in range(size):
        z0 = (column0[b] - mean0) * root0
        z1 = (column1[b] - mean1 - slope * z0) * root1
        result[b] = z0 * z0 + z1 * z1


@kernel(reorder=True)
def _distances(
    columns: Floats,
    start: int,
    size: int,
    mean: Floats,
    factor: Floats,
    apart: Floats,
    result: Floats,
) -> None:
    """Add the squared lengths of ``z = L⁻¹ (x − μ)``, by forward substitution."""
    for i in range(len(mean)):
        column, center, root = columns[i, start : start + size], mean[i], 1.0 / factor[i, i]
        z = apart[i, :size]
        for b in range(size):
            z[b] = column[b] - center
        for j in range(i):
            slope, earlier = factor[i, j], apart[j, :size]
            for b in range(size):
                z[b] -= slope * earlier[b]
        for b in range(size):
            value = z[b] * root
            z[b] = value
            result[b] += value * value


@kernel(reorder=True)
def _wide_distances(
    columns: Floats,
    start: int,
    size: int,
    mean: Floats,
    inverse: Floats,
    apart: Floats,
    white: Floats,
    result: Floats,
) -> None:
    """Add the squared lengths of ``z = L⁻¹ (x − μ)``, by products with the inverse factor."""
    n_dims = len(mean)
    for i in range(n_dims):
        column, center, row = columns[i, start : start + size], mean[i], apart[i]
        for b in range(size):
            row[b] = column[b] - center
    for first in range(0, n_dims, STRIP):
        end = min(first + STRIP, n_dims)
        strip = np.ascontiguousarray(inverse[first:end, :end])
        np.dot(strip, apart[:end], white[first:end])
    for i in range(n_dims):
        row = white[i]
        for b in range(size):
            result[b] += row[b] * row[b]


@kernel(reorder=True)
def accumulate(
    columns: Floats,
    start: int,
    size: int,
    weights: Floats,
    centers: Floats,
    apart: Floats,
    white: Floats,
    counts: Floats,
    sums: Floats,
    products: Floats,
) -> None:
    """Add a block's weights, and weighted sums and products of its distances to the centers.

    Of the products only the lower triangles are to be read.
    """
    n_dims = centers.shape[1]
    for k in range(len(centers)):
        weight = weights[k]
        count = 0.0
        for b in range(size):
            count += weight[b]
        if count == 0.0:
            continue
        counts[k] += count
        if n_dims == 2:
            _plane_products(columns, start, size, weight, centers[k], sums[k], products[k])
        elif n_dims < WIDE:
            _products(
                columns, start, size, weight, centers[k], apart, white[0], sums[k], products[k]
            )
        else:
            _wide_products(
                columns, start, size, weight, centers[k], apart, white, sums[k], products[k]
            )


@kernel(reorder=True)
def _plane_products(
    columns: Floats,
    start: int,
    size: int,
    weight: Floats,
    center: Floats,
    sums: Floats,
    products: Floats,
) -> None:
    center0, center1 = center[0], center[1]
    s0 = s1 = p00 = p10 = p11 = 0.0
    column0, column1 = columns[0, start : start + size], columns[1, start : start + size]
    for b in range(size):
        x0, x1 = column0[b] - center0, column1[b] - center1
        w0, w1 = weight[b] * x0, weight[b] * x1
        s0 += w0
        s1 += w1
        p00 += w0 * x0
        p10 += w1 * x0
        p11 += w1 * x1
    sums[0] += s0
    sums[1] += s1
    products[0, 0] += p00
    products[1, 0] += p10
    products[1, 1] += p11


@kernel(reorder=True)
def _products(
    columns: Floats,
    start: int,
    size: int,
    weight: Floats,
    center: Floats,
    apart: Floats,
    weighted: Floats,
    sums: Floats,
    products: Floats,
) -> None:
    for i in range(len(center)):
        column, middle, total = columns[i, start : start + size], center[i], 0.0
        x = apart[i, :size]
        for b in range(size):
            value = column[b] - middle
            x[b] = value
            weighted[b] = weight[b] * value
            total += weight[b] * value
        sums[i] += total
        for j in range(i + 1):
            earlier, product = apart[j, :size], 0.0
            for b in range(size):
                product += weighted[b] * earlier[b]
            products[i, j] += product


@kernel(reorder=True)
def _wide_products(
    columns: Floats,
    start: int,
    size: int,
    weight: Floats,
    center: Floats,
    apart: Floats,
    white: Floats,
    sums: Floats,
    products: Floats,
) -> None:
    n_dims = len(center)
    for i in range(n_dims):
        column, middle, total = columns[i, start : start + size], center[i], 0.0
        row, weighted = apart[i], white[i]
        for b in range(size):
            value = column[b] - middle
            row[b] = value
            weighted[b] = weight[b] * value
            total += weight[b] * value
        for b in range(size, BLOCK):
            row[b] = weighted[b] = 0.0
        sums[i] += total
    for first in range(0, n_dims, STRIP):
        end = min(first + STRIP, n_dims)
        strip = np.dot(white[first:end], apart[:end].T)
        for i in range(end - first):
            for j in range(end):
                products[first + i, j] += strip[i, j]


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
