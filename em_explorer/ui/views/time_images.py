"""Long sequences as small images: at most one column per pixel, however many steps there are.

Pure numpy; images are (columns, rows, 3 or 4) uint8, the first row at the bottom. The large ones
lie in memory row by row, as the screen wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
    (m, rows, 4) uint8
    """
    levels = (np.arange(rows) + 0.5) / rows
    tops = np.cumsum(shares, axis=1)[:, :-1]
    state = np.zeros((rows, len(shares)), dtype=np.min_scalar_type(len(colors)))
    for k in range(tops.shape[1]):
        state += levels[:, None] >= tops[:, k]
    # One number of 32 bits for each color: four times as fast as looking up its channels.
    packed = np.full((len(colors), 4), 255, dtype=np.uint8)
    packed[:, :3] = colors
    image = packed.view(np.uint32)[:, 0][state].view(np.uint8)
    return image.reshape(*state.shape, 4).transpose(1, 0, 2)


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
        image[known, rows - half :] = stack_image(alpha, colors, half)
    known = edges[1:] > sweep.back
    if known.any():
        part = sweep.beta[edges[0] : edges[-1]]
        future = part / np.maximum(part.sum(axis=1, keepdims=True), 1e-300)
        beta = column_means(future, edges - edges[0])[known]
        image[known, :half] = stack_image(beta, colors, half)
    return image


def _strip(m: int, channels: int) -> Image:
    """Return an image of one row, (m, 1, channels), that lies in memory as a row of the screen.

    Any other order looks the same to numpy, but tells Qt that a row ends after its first pixel,
    and Qt paints nothing.
    """
    return np.zeros((1, m, channels), dtype=np.uint8).transpose(1, 0, 2)


def strip_image(labels: Ints, colors: Floats) -> Image:
    """Color a strip by its labels, (m, 1, 3) uint8."""
    image = _strip(len(labels), 3)
    image[:, 0] = colors[labels]
    return image


def mark_image(marked: NDArray[Any], edges: Ints, color: Any) -> Image:
    """Mark steps, (m, 1, 4) uint8: a column's opacity is the root of its share of marked steps.

    The share itself, one step in a hundred, could not be seen.
    """
    share = column_means(np.asarray(marked, dtype=float)[:, None], edges)[:, 0]
    image = _strip(len(share), 4)
    image[share > 0, 0, :3] = color
    image[:, 0, 3] = np.ceil(255.0 * np.sqrt(share))
    return image


FAINTEST = 90.0
"""Opacity towards which a cell goes that few steps share, of 255: it can still be seen."""

CROWDED = 0.95
"""Of the cells in which any step lies so many are less crowded than one that is opaque."""


@dataclass(frozen=True)
class Cells:
    """The cells of an image of dots in which any step lies.

    Attributes
    ----------
    shape : (int, int)
        Columns and rows of the image.
    cell : (T,) int
        Which of the cells each step lies in.
    places : (n,) int
        Where each cell lies in the image, row by row.
    counts : (n,) int
        Steps in each cell.
    opacity : (n,) uint8
        It follows the root of the cell's share of its column, up to full in the crowded ones: a
        long sequence is not paler than a short one.
    """

    shape: tuple[int, int]
    cell: Ints
    places: Ints
    counts: Ints
    opacity: NDArray[np.uint8]


def sort_into_cells(rows: Ints, n_rows: int, edges: Ints) -> Cells:
    """Find the cell of each step's dot, by its column and its row.

    Parameters
    ----------
    rows : (T,) int
        The row of each step.
    """
    widths = np.diff(edges)
    m = len(widths)
    place = rows[edges[0] : edges[-1]] * m + np.repeat(np.arange(m), widths)
    counts = np.bincount(place, minlength=n_rows * m)
    places = np.flatnonzero(counts)
    number = np.empty(n_rows * m, dtype=np.int64)
    number[places] = np.arange(len(places))
    share = counts[places] / widths[places % m]
    crowded = np.quantile(share, CROWDED) if len(share) else 1.0
    opacity = FAINTEST + (255.0 - FAINTEST) * np.sqrt(np.minimum(share / crowded, 1.0))
    return Cells((m, n_rows), number[place], places, counts[places], opacity.astype(np.uint8))


def dots_image(cells: Cells, shares: Floats | None, colors: Floats) -> Image:
    """Draw one dot per step, in its column and row; crowded cells are more opaque.

    Parameters
    ----------
    shares : (T, K) float or None
        How much of each color a step has; None where there is but one color.
    colors : (K, 3) float, 0 to 255

    Returns
    -------
    (m, n_rows, 4) uint8
        The mean color of a cell's steps.
    """
    n, (m, n_rows) = len(cells.places), cells.shape
    dots = np.empty((n, 4), dtype=np.uint8)
    dots[:, 3] = cells.opacity
    if shares is None:
        dots[:, :3] = colors[0]
    else:
        sums = [np.bincount(cells.cell, weights=column, minlength=n) for column in shares.T]
        dots[:, :3] = np.stack(sums, axis=1) @ colors / cells.counts[:, None]
    # One number of 32 bits for each dot: half the time of placing its channels.
    image = np.zeros(n_rows * m, dtype=np.uint32)
    image[cells.places] = dots.view(np.uint32)[:, 0]
    return image.view(np.uint8).reshape(n_rows, m, 4).transpose(1, 0, 2)


@dataclass(frozen=True)
class Palette:
    """Colors, 0 to 255.

    Attributes
    ----------
    states : (K, 3) float
    truth : (n, 3) float
    neutral : (3,) float
    mark : (3,) float
        Of no state, in either theme: it marks where two readings differ.
    """

    states: Floats
    truth: Floats
    neutral: Floats
    mark: Floats


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


class Binning:
    """How the steps of a window fall into columns and cells, which no posterior changes.

    Parameters
    ----------
    window : TimeWindow
    seen : (T,) int or None
        The row of each step's dot.
    truth : (T,) int or None
        The true states.
    n_true : int
    """

    def __init__(
        self, window: TimeWindow, seen: Ints | None, truth: Ints | None, n_true: int
    ) -> None:
        self.window, self.seen, self.truth, self._n_true = window, seen, truth, n_true
        self.part = slice(window.start, window.stop)
        self.edges = column_edges(0, window.stop - window.start, window.columns)

    def serves(self, window: TimeWindow, seen: Ints | None, truth: Ints | None) -> bool:
        """Return whether this is how these steps fall into that window."""
        return self.window == window and self.seen is seen and self.truth is truth

    @cached_property
    def cells(self) -> Cells | None:
        """The cells of the dots; None where the steps are marks."""
        if self.seen is None or not self.window.dots:
            return None
        return sort_into_cells(self.seen[self.part], self.window.dots, self.edges)

    @cached_property
    def true_majority(self) -> Ints | None:
        """The most frequent true state of each column."""
        if self.truth is None:
            return None
        return column_majority(self.truth[self.part], self.edges, self._n_true)


class TimeImages:
    """All images of a window; None where there is nothing to draw.

    Parameters
    ----------
    binning : Binning
    gamma : (T, K) float or None
        The posterior.
    path : (T,) int or None
        The Viterbi path.
    palette : Palette
    """

    def __init__(
        self, binning: Binning, gamma: Floats | None, path: Ints | None, palette: Palette
    ) -> None:
        edges, part = binning.edges, binning.part
        self.window = binning.window
        self.edges = edges + binning.window.start
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
                self.differ = mark_image(gamma.argmax(1) != here, edges, palette.mark)
        if binning.true_majority is not None:
            self.truth = strip_image(binning.true_majority, palette.truth)
        if binning.cells is not None:
            colors = palette.neutral[None] if gamma is None else palette.states
            self.dots = dots_image(binning.cells, gamma, colors)
