"""Long sequences as small images: at most one column per pixel, however many steps there are.

Pure numpy; images are (columns, rows, 3 or 4) uint8, the first row at the bottom.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from em_explorer.em.arrays import Floats, Ints

Image = NDArray[np.uint8]


def column_edges(start: int, stop: int, most: int) -> Ints:
    """Split steps ``start … stop − 1`` into at most ``most`` columns.

    Returns
    -------
    (m + 1,) int
        Column c holds the steps ``edges[c] … edges[c + 1] − 1``; none is empty.
    """
    n = stop - start
    m = max(1, min(n, most))
    return np.asarray(start + (np.arange(m + 1) * n) // m, dtype=np.int64)


def column_means(values: Floats, edges: Ints) -> Floats:
    """Return the mean of (T, K) values over each column, (m, K)."""
    part = values[edges[0] : edges[-1]]
    widths = np.diff(edges)
    if (widths == 1).all():
        return part
    sums = np.add.reduceat(part, edges[:-1] - edges[0], axis=0)
    return np.asarray(sums / widths[:, None])


def column_majority(labels: Ints, edges: Ints, n_labels: int) -> Ints:
    """Return the most frequent label of each column, (m,) int; the lowest where they tie."""
    part = labels[edges[0] : edges[-1]]
    if (np.diff(edges) == 1).all():
        return part
    return np.asarray(column_means(np.eye(n_labels)[labels], edges).argmax(1), dtype=np.int64)


def stack_image(shares: Floats, colors: Floats, rows: int) -> Image:
    """Stack the shares of each column on each other, state 0 at the bottom.

    Parameters
    ----------
    shares : (m, K) float
        Rows sum to one.
    colors : (K, 3) float, 0 to 255
    rows : int

    Returns
    -------
    (m, rows, 3) uint8
    """
    levels = (np.arange(rows) + 0.5) / rows
    tops = np.cumsum(shares, axis=1)[:, :-1]
    state = np.zeros((len(shares), rows), dtype=np.int64)
    for k in range(tops.shape[1]):
        state += levels[None, :] >= tops[:, k, None]
    return np.asarray(colors[state], dtype=np.uint8)


def strip_image(labels: Ints, colors: Floats) -> Image:
    """Color a strip by its labels, (m, 1, 3) uint8."""
    return np.asarray(colors[labels][:, None, :], dtype=np.uint8)


def mark_image(marked: NDArray[Any], edges: Ints, color: tuple[int, int, int]) -> Image:
    """Mark steps, (m, 1, 4) uint8: the opacity of a column is its share of marked steps."""
    share = column_means(np.asarray(marked, dtype=float)[:, None], edges)[:, 0]
    image = np.zeros((len(share), 1, 4), dtype=np.uint8)
    image[share > 0, 0, :3] = color
    image[:, 0, 3] = np.ceil(255.0 * share)
    return image


def dots_image(rows: Ints, n_rows: int, rgb: Floats, edges: Ints) -> Image:
    """Draw one dot per step, in its column and row; crowded cells are more opaque.

    Parameters
    ----------
    rows : (T,) int
        The row of each step.
    rgb : (T, 3) float, 0 to 255
        The color of each step.

    Returns
    -------
    (m, n_rows, 4) uint8
        The mean color of a cell's steps; opacity follows the root of their share of the column.
    """
    first, last = edges[0], edges[-1]
    widths = np.diff(edges)
    m = len(widths)
    cell = np.repeat(np.arange(m), widths) * n_rows + rows[first:last]
    counts = np.bincount(cell, minlength=m * n_rows)
    image = np.zeros((m * n_rows, 4))
    for channel in range(3):
        sums = np.bincount(cell, weights=rgb[first:last, channel], minlength=m * n_rows)
        image[:, channel] = sums / np.maximum(counts, 1)
    share = (counts.reshape(m, n_rows) / widths[:, None]).ravel()
    image[:, 3] = np.where(counts > 0, 40.0 + 215.0 * np.sqrt(share), 0.0)
    return np.asarray(np.clip(image, 0, 255).reshape(m, n_rows, 4), dtype=np.uint8)
