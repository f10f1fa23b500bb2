"""What the mixture's tab draws, and how the colors of many points are found behind its back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.points import Points
from em_explorer.ui.views.raster import Frame, Raster, Rows, Sample, bin_line, bin_points, blended

MARKS_UP_TO = 10_000
"""Points; more are drawn as an image of cells."""

SKETCH, FINISH = 40_000, 250_000
"""Points whose responsibilities color an image: while things move, and once they rest."""

LOOKED_AT = 10_000
"""Of more points, so many are looked at to say something about all."""

RUG_COLUMNS = 2048


@dataclass(frozen=True)
class Trail:
    """Where the means have been, (steps, K, D), without where they are."""

    past: Floats


@dataclass(frozen=True)
class Cloud:
    """The colors of an image's occupied cells.

    Attributes
    ----------
    colors : (C, 3) float, 0 to 255
    binned : Binned
        Which points lie in which cell.
    finished : bool
        Whether more points would still be looked at once things rest.
    """

    colors: Floats
    binned: Binned
    finished: bool


@dataclass(frozen=True)
class MixturePicture:
    """What is drawn of a mixture, in the data's units.

    Attributes
    ----------
    responsibilities : (N, K) float
        Of the points drawn as marks: none where there is a cloud.
    tint : (1,) float
        0 before the first E-step, when points have no color yet; else 1.
    weights : (K,) float
    means : (K, D) float
    covariances : (K, D, D) float
    ghost_weights, ghost_means, ghost_covariances : like the above, or None
        The state before an M-step.
    trail : Trail
    clouds : tuple of Cloud
        Of many points: the scatter's image, or the histogram's bars and the line of points below.
    """

    responsibilities: Floats
    tint: Floats
    weights: Floats
    means: Floats
    covariances: Floats
    ghost_weights: Floats | None
    ghost_means: Floats | None
    ghost_covariances: Floats | None
    trail: Trail
    clouds: tuple[Cloud, ...] = ()


class Binned:
    """Points sorted into cells, with those whose responsibilities color the cells.

    Parameters
    ----------
    raster : Raster
    points : Points
        All of them, as the model has them.
    source : (N, 2) or (N,) float
        The array that was binned; tells to which axes this belongs.
    """

    def __init__(self, raster: Raster, points: Points, source: Floats) -> None:
        self.raster = raster
        self.source = source
        self.points = points
        self._read: dict[int, tuple[Sample, Points]] = {}

    @property
    def frame(self) -> Frame:
        """The rectangle that the cells cover."""
        return self.raster.frame

    def read(self, most: int) -> tuple[Sample, Points]:
        """Return about ``most`` of the points, and what the model needs to share them out."""
        if most not in self._read:
            sample = self.raster.sample(most)
            self._read[most] = sample, some_points(self.points, sample.rows)
        return self._read[most]

    def color(self, model: Any, params: Any, colors: Floats, neutral: Floats, most: int) -> Cloud:
        """Return the cells in the blended colors of their points; neutral without ``params``."""
        n_cells = len(self.raster.cells)
        if params is None:
            return Cloud(np.broadcast_to(neutral, (n_cells, 3)), self, True)
        if not n_cells:
            return Cloud(np.empty((0, 3)), self, True)
        sample, points = self.read(most)
        shares = model.e_step(points, params, latent=True).latent.responsibilities
        finished = most >= FINISH or len(sample.rows) == len(self.raster.order)
        return Cloud(blended(sample, shares, colors), self, finished)


def some_points(points: Points, rows: Rows) -> Points:
    """Return the points of some rows, in the frame of all."""
    table = np.empty((len(rows), points.points.shape[1]), order="F")
    for column in range(table.shape[1]):
        np.take(points.points[:, column], rows, out=table[:, column])
    return Points(table, points.center, points.variances)


def bin_scatter(xy: Floats, points: Points, frame: Frame) -> Binned:
    """Sort points into the cells of a scatter's view."""
    binned = Binned(bin_points(xy, frame), points, xy)
    binned.read(SKETCH)
    return binned


def bin_histogram(x: Floats, points: Points, edges: Floats) -> tuple[Binned, Binned]:
    """Sort points into a histogram's bars, and into the line of points below them."""
    fine = np.linspace(edges[0], edges[-1], RUG_COLUMNS + 1)
    return Binned(bin_line(x, edges), points, x), Binned(bin_line(x, fine), points, x)


@dataclass(frozen=True)
class Witnesses:
    """The points that are looked at to say something about all.

    Attributes
    ----------
    rows : (n,) int
        Their numbers.
    points : Points
    total : int
        How many points there are.
    """

    rows: Ints
    points: Points
    total: int

    @property
    def are_all(self) -> bool:
        """Whether nobody is left out."""
        return len(self.rows) == self.total


def choose_witnesses(points: Points) -> Witnesses:
    """Return all points, or some at random, the same ones each time."""
    n = len(points.points)
    if n <= MARKS_UP_TO:
        return Witnesses(np.arange(n), points, n)
    rows = np.sort(np.random.default_rng(0).choice(n, LOOKED_AT, replace=False))
    return Witnesses(rows, some_points(points, rows), n)
