"""Many points as a small image: cells of a few pixels, each in the blended color of its points.

Pure numpy, so that it can run outside the window's thread. A :class:`Raster` sorts the points into
cells once per view; a picture then needs the responsibilities of a few points per cell only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from em_explorer.em.arrays import Floats

Image = NDArray[np.uint8]
Rows = NDArray[np.integer[Any]]

FAINTEST = 0.5
"""Opacity of a cell with one point; the fullest cell is opaque."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of the data's plane, cut into cells.

    Attributes
    ----------
    x0, y0, x1, y1 : float, the data's units
    columns, rows : int
    """

    x0: float
    y0: float
    x1: float
    y1: float
    columns: int
    rows: int

    @property
    def cell(self) -> Floats:
        """Width and height of a cell, in the data's units."""
        return np.array([(self.x1 - self.x0) / self.columns, (self.y1 - self.y0) / self.rows])


class Sample:
    """Some points of every occupied cell, cell after cell.

    Parameters
    ----------
    rows : (S,) int
        Numbers of the points.
    starts : (C,) int
        Where each cell's points begin in ``rows``.
    """

    def __init__(self, rows: Rows, starts: Rows) -> None:
        self.rows = rows
        self.starts = starts
        self.sizes = np.diff(np.append(starts, len(rows)))

    def mean(self, values: Floats) -> Floats:
        """Return the mean of (S, C) values over each cell."""
        if len(self.rows) == len(self.starts):
            return values
        return np.asarray(np.add.reduceat(values, self.starts, axis=0) / self.sizes[:, None])


class Raster:
    """Points sorted into the cells of a frame.

    Parameters
    ----------
    frame : Frame
    order : (M,) int
        Numbers of the points inside the frame, cell after cell.
    cells : (C,) int
        Numbers of the occupied cells, ``row · columns + column``, ascending.
    starts : (C,) int
        Where each of them begins in ``order``.
    """

    def __init__(self, frame: Frame, order: Rows, cells: Rows, starts: Rows) -> None:
        self.frame = frame
        self.order = order
        self.cells = cells
        self.starts = starts
        self.counts = np.diff(np.append(starts, len(order)))
        self.opacity = _opacity(self.counts)

    def sample(self, most: int) -> Sample:
        """Return about ``most`` points: all, or as many of each cell as there is room for.

        Cells with few points keep them all; of the others every so many-th is taken, because
        neighbors in the data may be alike.
        """
        if len(self.order) <= most:
            return Sample(self.order, self.starts)
        each = 1
        while int(np.minimum(self.counts, 2 * each).sum()) <= most:
            each *= 2
        sizes = np.minimum(self.counts, each)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else sizes
        cell = np.repeat(np.arange(len(sizes)), sizes)
        number = np.arange(len(cell)) - starts[cell]
        picked = self.starts[cell] + (number * self.counts[cell]) // sizes[cell]
        return Sample(self.order[picked], starts)

    def near(self, x: float, y: float, reach: Floats) -> Rows:
        """Return the points in the cells within ``reach`` (2,) of a place, in any order."""
        frame, cell = self.frame, self.frame.cell
        place = np.array([x - frame.x0, y - frame.y0])
        low = np.maximum(np.floor((place - reach) / cell), 0).astype(int)
        high = np.minimum(
            np.floor((place + reach) / cell).astype(int), [frame.columns - 1, frame.rows - 1]
        )
        found = [np.empty(0, dtype=self.order.dtype)]
        ends = np.append(self.starts, len(self.order))
        for row in range(low[1], high[1] + 1):
            first, last = np.searchsorted(
                self.cells, [row * frame.columns + low[0], row * frame.columns + high[0] + 1]
            )
            if low[0] <= high[0]:
                found.append(self.order[ends[first] : ends[last]])
        return np.concatenate(found)

    def image(self, colors: Floats) -> Image:
        """Return the (rows, columns, 4) picture, row 0 at the lower edge.

        Parameters
        ----------
        colors : (C, 3) float, 0 to 255
            Of the occupied cells.
        """
        frame = self.frame
        pixels = np.zeros((frame.rows * frame.columns, 4), dtype=np.uint8)
        packed = np.empty((len(self.cells), 4), dtype=np.uint8)
        packed[:, :3] = np.clip(colors + 0.5, 0, 255)
        packed[:, 3] = self.opacity
        pixels.view(np.uint32)[self.cells, 0] = packed.view(np.uint32)[:, 0]
        return pixels.reshape(frame.rows, frame.columns, 4)


def _opacity(counts: Rows) -> NDArray[np.uint8]:
    """Return how opaque cells are: crowded ones stand out, lonely points can still be seen."""
    if not len(counts) or counts.max() <= 1:
        return np.full(len(counts), 210, dtype=np.uint8)
    share = np.log(counts) / np.log(counts.max())
    return np.asarray(np.round(255.0 * (FAINTEST + (1.0 - FAINTEST) * share)), dtype=np.uint8)


def bin_points(xy: Floats, frame: Frame) -> Raster:
    """Sort (N, 2) points into a frame's cells; those outside are left out."""
    x, y = xy[:, 0], xy[:, 1]
    width, height = frame.cell
    inside = (x >= frame.x0) & (x < frame.x1) & (y >= frame.y0) & (y < frame.y1)
    rows = np.arange(len(xy), dtype=np.int32)
    if not inside.all():
        rows = rows[inside]
        x, y = x[inside], y[inside]
    # Rounding may put a point at the edge one cell too far.
    column = np.minimum(((x - frame.x0) * (1.0 / width)).astype(np.int32), frame.columns - 1)
    row = np.minimum(((y - frame.y0) * (1.0 / height)).astype(np.int32), frame.rows - 1)
    return sorted_raster(frame, row * frame.columns + column, rows)


def sorted_raster(frame: Frame, cell: Rows, rows: Rows) -> Raster:
    """Return the raster of points ``rows`` (M,) that lie in the cells ``cell`` (M,)."""
    # Cell and number in one key: sorting numbers is several times as fast as sorting their places.
    keys = cell.astype(np.int64) << 32
    keys |= rows
    keys.sort()
    order = (keys & 0xFFFFFFFF).astype(np.int32)
    keys >>= 32
    sorted_cells = keys.astype(np.int32)
    new = np.empty(len(cell), dtype=bool)
    new[:1] = True
    np.not_equal(sorted_cells[1:], sorted_cells[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    return Raster(frame, order, sorted_cells[starts], starts)


def bin_edges(x: Floats) -> Floats:
    """Return the edges of bins somewhat narrower than Freedman & Diaconis advise.

    Whole numbers get bins of a whole width, each around as many of them: other bins would show
    a comb that is not in the data.
    """
    low, high = float(x.min()), float(x.max())
    if high == low:
        return np.linspace(low - 0.5, high + 0.5, 11)
    edges = np.histogram_bin_edges(x, "fd")
    n_bins = int(np.clip(1.6 * (edges.size - 1), 10, 120))
    width = (high - low) / n_bins
    if np.all(x == np.round(x)):
        width = max(1.0, float(np.round(width)))
        return np.asarray(np.arange(low - 0.5, high + 0.5 + width, width))
    return np.linspace(low, high, n_bins + 1)


def bin_line(x: Floats, edges: Floats) -> Raster:
    """Sort (N,) values between evenly spaced edges; each bin is a cell of one row."""
    n_bins = len(edges) - 1
    low, high = float(edges[0]), float(edges[-1])
    cell = ((x - low) * (n_bins / (high - low))).astype(np.int32)
    # Rounding may have put a value one bin beside its own.
    cell -= x < edges[np.clip(cell, 0, n_bins)]
    cell += x >= edges[np.clip(cell + 1, 0, n_bins)]
    frame = Frame(low, 0.0, high, 1.0, n_bins, 1)
    return sorted_raster(frame, np.clip(cell, 0, n_bins - 1), np.arange(len(x), dtype=np.int32))


def blended(sample: Sample, responsibilities: Any, colors: Floats) -> Floats:
    """Return each cell's color (C, 3): its points' components' colors, mixed by responsibility."""
    return sample.mean(np.asarray(responsibilities @ colors))
