"""Normal densities and weighted statistics of one block of points, compiled.

Each is written three times, because each is best in its place: two columns, the case that is
watched most, in one loop; few columns by elimination, row by row; many by matrix products, which
BLAS does better than any loop here. All measure the points from the means, never from zero: the
terms of an expanded square would cancel as soon as a component is narrow. Rows are cut out before
they are run through, because an index that is a sum keeps the compiler from vector registers.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel

BLOCK = 256
"""Points in the fastest cache at once; a power of two."""

WIDE = 14
"""From this many columns on, matrix products are faster than loops."""

STRIP = 16
"""Rows of a triangular matrix multiplied at once: what lies right of them is left out, and BLAS
is at its best."""


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
