"""A Gaussian mixture over chunks: one pass finds the frame, then each E-step is a pass.

The starts are those of the whole data held in memory: the same random numbers pick the same
points, which are then fetched. Two are not the same. Of more than ten million points, "random
points" draws a few indices in place of an order of all. And on a cluster "random
responsibilities" draws each block's shares on the worker that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.chunks import ChunkedModel, Chunks, row_slices
from em_explorer.em.errors import DataError
from em_explorer.estimators.chunked import CHANGED, Source
from em_explorer.models.gaussian import GaussianStatistics, weighted_statistics
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureParams,
    MixtureStart,
)
from em_explorer.models.gaussian_mixture_starts import (
    BLOCK,
    draw_blocks,
    draw_within,
    first_distinct,
    nearest_statistics,
    squared_distance,
    start_from,
    whole_covariance,
)
from em_explorer.models.points import Points, checked_table, refuse_tiny

LARGEST_ORDER = 10_000_000
"""Points that are put in a random order at most: an order of all takes eight bytes a point."""


# --- the frame ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableSummary:
    """What one pass learns of a table; mergeable with ``+``.

    Attributes
    ----------
    sizes : tuple of int
        Rows of each chunk.
    statistics : GaussianStatistics
        Count, mean and scatter of all rows, about the origin that was subtracted.
    low, high : (D,) float
        Range of each column, about that origin.
    """

    sizes: tuple[int, ...]
    statistics: GaussianStatistics
    low: Floats
    high: Floats

    def __add__(self, other: TableSummary) -> TableSummary:
        if len(self.low) != len(other.low):
            raise DataError(
                f"Chunk {len(self.sizes) + 1} has {len(other.low)} columns, those before it have "
                f"{len(self.low)}; all need the same columns."
            )
        return TableSummary(
            self.sizes + other.sizes,
            self.statistics + other.statistics,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def read_rows(part: Any) -> Floats:
    """Check one chunk of a table and return its rows, of which there may be none.

    Raises
    ------
    DataError
        When it is no table of finite numbers.
    """
    if hasattr(part, "toarray"):
        raise DataError("it is sparse, and this takes whole tables; pass toarray() of it.")
    shape = np.shape(part)
    if len(shape) != 2 or shape[1] == 0:
        raise DataError(
            f"it must be a table with a row per point and a column per variable; its shape is "
            f"{shape}."
        )
    return checked_table(part) if shape[0] else np.empty(shape)


def table_origin(part: Any) -> Floats | None:
    """Return a place among the points, to measure all from; None of a chunk without rows."""
    rows = read_rows(part)
    return rows.mean(axis=0) if len(rows) else None


def summarize_table(part: Any, origin: Floats) -> TableSummary:
    """Return size, statistics and range of one chunk."""
    rows = read_rows(part)
    n_rows, n_columns = rows.shape
    if n_columns != len(origin) or n_rows == 0:
        nothing = GaussianStatistics(
            np.zeros(1), np.zeros((1, n_columns)), np.zeros((1, n_columns, n_columns))
        )
        bounds = np.full(n_columns, np.inf)
        return TableSummary((n_rows,), nothing, bounds, -bounds)
    points = np.subtract(rows, origin, order="F")
    statistics = weighted_statistics(points, np.ones((n_rows, 1)))
    return TableSummary((n_rows,), statistics, points.min(axis=0), points.max(axis=0))


def framed_points(part: Any, n_rows: int, frame: Points) -> Points:
    """Return one chunk of points about the common center."""
    rows = np.asarray(part, dtype=float)
    if rows.shape != (n_rows, len(frame.center)):
        raise DataError(CHANGED)
    return Points(np.subtract(rows, frame.center, order="F"), frame.center, frame.variances)


def merge(summaries: Iterator[Any]) -> Any:
    """Add up what the chunks gave."""
    total: Any = None
    for found in summaries:
        total = found if total is None else total + found
    return total


# --- the model ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class MixtureChunks(Chunks):
    """Chunks of points with what their first pass found.

    Attributes
    ----------
    source : Source
    summary : TableSummary
    """

    source: Source
    summary: TableSummary

    def each(self, function: Callable[..., Any], own: list[Any], *shared: Any) -> Iterator[Any]:
        """Yield ``function(points, own[i], *shared)`` for every chunk whose own is not None."""
        sized = [
            None if mine is None or size == 0 else (size, mine)
            for mine, size in zip(own, self.summary.sizes, strict=True)
        ]
        return self.source.some(_with_points, sized, self.frame, function, *shared)


def _with_points(
    part: Any, own: tuple[int, Any], frame: Points, function: Callable[..., Any], *shared: Any
) -> Any:
    return function(framed_points(part, own[0], frame), own[1], *shared)


@dataclass(frozen=True)
class ChunkedMixture(ChunkedModel):
    """EM for a Gaussian mixture whose points come in chunks."""

    model: GaussianMixture

    def prepare(self, source: Source) -> MixtureChunks:
        """Check all chunks and find their center and variances, in one pass.

        Raises
        ------
        DataError
            As :meth:`GaussianMixture.prepare`, or naming the chunk that is no table.
        """
        origin = source.first(table_origin)
        if origin is None:
            raise DataError("The chunks hold no rows; give at least one row and one column.")
        summary: TableSummary = merge(source.each(summarize_table, origin))
        n_points = sum(summary.sizes)
        self.model.check_enough(n_points, summary.low == summary.high)
        found = summary.statistics
        center = origin + found.means[0]
        variances = np.diagonal(found.scatter[0]) / n_points
        refuse_tiny(variances, summary.low < summary.high)
        frame = Points(np.empty((0, len(center))), center, np.array(variances))
        sizes = list(summary.sizes)
        parts = source.prepared(framed_points, sizes, frame, skip=0)
        return MixtureChunks(parts, n_points, frame, source, summary)

    def initialize(self, data: MixtureChunks, rng: np.random.Generator) -> GaussianMixtureParams:
        """Draw initial parameters as :func:`~.gaussian_mixture_starts.draw_start` does."""
        options = self.model.options
        n_components = options.n_components
        summary, n_points = data.summary, data.n_observations
        covariance = summary.statistics.scatter[0] / n_points
        whole = whole_covariance(covariance, data.frame.variances)
        if options.start is MixtureStart.RANDOM_RESPONSIBILITIES:
            statistics = _shared_out(data, n_components, rng)
        elif options.start is MixtureStart.RANDOM_POINTS:
            counts = np.full(n_components, n_points / n_components)
            means = _random_rows(data, n_components, rng)
            statistics = GaussianStatistics(
                counts, means, counts[:, None, None] * (whole / n_components)
            )
        else:
            statistics = _far_apart(data, n_components, rng)
        return start_from(options, statistics, whole)


# --- starts -------------------------------------------------------------------------------------


def _scale(data: Points) -> Floats:
    return np.sqrt(np.where(data.variances > 0, data.variances, 1.0))


def fetch_rows(data: MixtureChunks, rows: Ints) -> Floats:
    """Return some rows, in the order asked for, reading only the chunks that hold them."""
    edges = np.concatenate(([0], np.cumsum(data.summary.sizes)))
    owner = np.searchsorted(edges, rows, side="right") - 1
    local: list[Any] = [None] * len(data.summary.sizes)
    for chunk in np.unique(owner):
        local[chunk] = rows[owner == chunk] - edges[chunk]
    found = np.empty((len(rows), len(data.frame.center)))
    for chunk, points in zip(np.unique(owner), data.each(_take, local), strict=True):
        found[owner == chunk] = points
    return found


def _take(points: Points, rows: Ints) -> Floats:
    return points.points[rows]


def _random_rows(data: MixtureChunks, n: int, rng: np.random.Generator) -> Floats:
    """Return ``n`` random points, all different while a look at a few finds that many."""
    n_points = data.n_observations
    looked_at = min(n_points, 50 * n + 1000)
    if n_points <= LARGEST_ORDER:
        order = rng.permutation(n_points)[:looked_at].copy()
    else:
        order = rng.choice(n_points, looked_at, replace=False)
    rows = fetch_rows(data, order)
    return np.asarray(rows[first_distinct(rows, n)])


def _shared_out(data: MixtureChunks, n: int, rng: np.random.Generator) -> GaussianStatistics:
    """Divide each point between the components at random."""
    n_chunks = len(data.summary.sizes)
    # Elsewhere the generator would be a copy, and every block would draw the same numbers.
    own = list(rng.spawn(n_chunks)) if data.source.lazy else [rng] * n_chunks
    statistics: GaussianStatistics = merge(data.each(_share_out, own, n))
    return statistics


def _share_out(points: Points, rng: np.random.Generator, n: int) -> GaussianStatistics:
    return weighted_statistics(points.points, rng.dirichlet(np.ones(n), size=len(points.points)))


def _far_apart(data: MixtureChunks, n: int, rng: np.random.Generator) -> GaussianStatistics:
    """Choose points by k-means++ in 2K passes; see :func:`.gaussian_mixture_starts.draw_start`."""
    n_candidates = 2 + int(np.log(n))
    chosen = fetch_rows(data, np.array([rng.integers(data.n_observations)]))
    chunk_mass = _masses(data, chosen, chosen[:0])[:, 0]
    while len(chosen) < n:
        if chunk_mass.sum() > 0:
            candidates = _draw_far(data, chosen, chunk_mass, rng.random(n_candidates))
        else:
            candidates = fetch_rows(data, rng.integers(data.n_observations, size=n_candidates))
        trials = _masses(data, chosen, candidates)
        best = int(np.argmin(trials.sum(axis=0)))
        chosen, chunk_mass = np.vstack([chosen, candidates[best]]), trials[:, best]
    own: list[Any] = [True] * len(data.summary.sizes)
    found: GaussianStatistics = merge(data.each(_nearest_statistics, own, chosen))
    return GaussianStatistics(found.counts, chosen, found.scatter)


def _masses(data: MixtureChunks, chosen: Floats, candidates: Floats) -> Floats:
    """Return, a row per chunk, the summed squared distances to the nearest chosen point.

    A column per candidate, as if it were chosen too; without candidates a single column.
    """
    own = [None if size == 0 else True for size in data.summary.sizes]
    masses = np.zeros((len(own), max(1, len(candidates))))
    present = [i for i, mine in enumerate(own) if mine]
    for i, found in zip(present, data.each(_mass, list(own), chosen, candidates), strict=True):
        masses[i] = found
    return masses


def _nearest(points: Points, chosen: Floats) -> Floats:
    """Return each point's squared distance to the nearest of some, all columns of one spread."""
    scale = _scale(points)
    nearest = squared_distance(points.points, chosen[0], scale)
    for place in chosen[1:]:
        nearest = np.minimum(nearest, squared_distance(points.points, place, scale))
    return nearest


def _mass(points: Points, own: Any, chosen: Floats, candidates: Floats) -> list[float]:
    nearest = _nearest(points, chosen)
    if not len(candidates):
        return [float(nearest.sum())]
    return [float(np.minimum(nearest, _nearest(points, place[None])).sum()) for place in candidates]


def _draw_far(data: MixtureChunks, chosen: Floats, chunk_mass: Floats, uniform: Floats) -> Floats:
    """Draw points with probability proportional to their squared distance to the chosen."""
    owner, passed = draw_blocks(chunk_mass, uniform)
    own: list[Any] = [None] * len(chunk_mass)
    for chunk in np.unique(owner):
        own[chunk] = passed[owner == chunk]
    drawn = np.empty((len(uniform), chosen.shape[1]))
    for chunk, points in zip(np.unique(owner), data.each(_take_far, own, chosen), strict=True):
        drawn[owner == chunk] = points
    return drawn


def _take_far(points: Points, passed: Floats, chosen: Floats) -> Floats:
    return points.points[draw_within(_nearest(points, chosen), passed)]


def _nearest_statistics(points: Points, own: Any, chosen: Floats) -> GaussianStatistics:
    return nearest_statistics(points.points, chosen, _scale(points))


# --- in memory ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlicedMixture(ChunkedModel):
    """EM for a mixture of points that are held in memory, a slice in each part of an E-step.

    The reference's E-step holds some numbers for every point and component: for a slice of the
    points that is little beside the data, for all of them it would be several times as much.
    """

    model: GaussianMixture

    def prepare(self, raw: Any) -> Chunks:
        """Check and center all points; see :meth:`GaussianMixture.prepare`."""
        data = self.model.prepare(raw)
        n_points = len(data.points)

        def parts() -> Iterator[Points]:
            for rows in row_slices(n_points, BLOCK):
                yield replace(data, points=data.points[rows])

        return Chunks(parts, n_points, data)

    def initialize(self, data: Chunks, rng: np.random.Generator) -> GaussianMixtureParams:
        """Draw initial parameters as ``options.start`` says."""
        return self.model.initialize(data.frame, rng)
