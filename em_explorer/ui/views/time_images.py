"""Long sequences as small images: at most one column per pixel, however many steps there are.

Pure numpy; images are (columns, rows, 3 or 4) uint8, the first row at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from em_explorer.em.arrays import Floats, Ints

Image = NDArray[np.uint8]

BAND_ROWS = 120
"""Height of the posterior's bands, pixels of their image."""


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
    widths = np.diff(edges)
    if (widths == 1).all():
        return part
    m = len(widths)
    cell = np.repeat(np.arange(m) * n_labels, widths) + part
    counts = np.bincount(cell, minlength=m * n_labels).reshape(m, n_labels)
    return np.asarray(counts.argmax(1), dtype=np.int64)


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


@dataclass(frozen=True)
class Sweep:
    """How far forward–backward has come, for the eye.

    Attributes
    ----------
    alpha : (T, K) float
        What each step knows from the past and itself; rows sum to one.
    beta : (T, K) float
        What the future adds; ``alpha · beta`` is the posterior.
    ahead : int
        Steps before this one have their α.
    back : int
        Steps from this one on have their β.
    """

    alpha: Floats
    beta: Floats
    ahead: int
    back: int


def sweep_image(sweep: Sweep, edges: Ints, colors: Floats, rows: int) -> Image:
    """Draw α in the upper half as far as it has come, β in the lower half likewise.

    Returns
    -------
    (m, rows, 4) uint8
        Transparent where the sweep has not been yet. β is drawn as shares: which state the
        future alone would choose.
    """
    half = rows // 2 - 1
    image = np.zeros((len(edges) - 1, rows, 4), dtype=np.uint8)
    known = edges[:-1] < sweep.ahead
    if known.any():
        alpha = column_means(sweep.alpha, edges)[known]
        image[known, rows - half :, :3] = stack_image(alpha, colors, half)
        image[known, rows - half :, 3] = 255
    known = edges[1:] > sweep.back
    if known.any():
        part = sweep.beta[edges[0] : edges[-1]]
        future = part / np.maximum(part.sum(axis=1, keepdims=True), 1e-300)
        beta = column_means(future, edges - edges[0])[known]
        image[known, :half, :3] = stack_image(beta, colors, half)
        image[known, :half, 3] = 255
    return image


def strip_image(labels: Ints, colors: Floats) -> Image:
    """Color a strip by its labels, (m, 1, 3) uint8."""
    return np.asarray(colors[labels][:, None, :], dtype=np.uint8)


def mark_image(marked: NDArray[Any], edges: Ints, color: Any) -> Image:
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


@dataclass(frozen=True)
class Palette:
    """Colors, 0 to 255.

    Attributes
    ----------
    states : (K, 3) float
    truth : (n, 3) float
    neutral, warning : (3,) float
    """

    states: Floats
    truth: Floats
    neutral: Floats
    warning: Floats


@dataclass(frozen=True)
class TimeWindow:
    """The steps ``start … stop − 1`` over at most ``columns`` columns.

    Attributes
    ----------
    dots : int
        Rows of the image of what was seen; 0 where the steps are drawn as marks instead.
    """

    start: int
    stop: int
    columns: int
    dots: int


class TimeImages:
    """All images of a window; None where there is nothing to draw.

    Parameters
    ----------
    window : TimeWindow
    seen : (T,) int or None
        The row of each step's dot.
    gamma : (T, K) float or None
        The posterior.
    path, truth : (T,) int or None
        The Viterbi path and the true states.
    palette : Palette
    """

    def __init__(
        self,
        window: TimeWindow,
        seen: Ints | None,
        gamma: Floats | None,
        path: Ints | None,
        truth: Ints | None,
        palette: Palette,
    ) -> None:
        self.window = window
        part = slice(window.start, window.stop)
        edges = column_edges(0, window.stop - window.start, window.columns)
        self.edges = edges + window.start
        self.shares: Floats | None = None
        self.bands: Image | None = None
        self.strip: Image | None = None
        self.differ: Image | None = None
        self.truth: Image | None = None
        self.dots: Image | None = None
        if gamma is not None:
            gamma = gamma[part]
            self.shares = column_means(gamma, edges)
            self.bands = stack_image(self.shares, palette.states, BAND_ROWS)
            if path is not None:
                n_states, here = gamma.shape[1], path[part]
                self.strip = strip_image(column_majority(here, edges, n_states), palette.states)
                self.differ = mark_image(gamma.argmax(1) != here, edges, palette.warning)
        if truth is not None:
            majority = column_majority(truth[part], edges, len(palette.truth))
            self.truth = strip_image(majority, palette.truth)
        if seen is not None and window.dots:
            seen = seen[part]
            if gamma is None:
                rgb = np.broadcast_to(palette.neutral, (len(seen), 3))
            else:
                rgb = gamma @ palette.states
            self.dots = dots_image(seen, window.dots, rgb, edges)
