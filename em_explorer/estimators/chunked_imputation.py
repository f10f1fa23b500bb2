"""A normal fitted to a table with holes that comes in chunks.

An E-step needs no rows, only the count, mean and scatter of those that show the same columns; and
these merge. So one pass brings the whole table into a form that fits into memory, and EM runs on
that, as fast as ever. Only where there are too many patterns for it does each E-step go over the
chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.em.chunks import ChunkedModel, Chunks, row_slices
from em_explorer.em.errors import DataError
from em_explorer.estimators.chunked import CHANGED, Source, read_source, rows_per_slice
from em_explorer.estimators.chunked_mixture import merge
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.patterns import (
    STACK,
    IncompleteData,
    PatternStack,
    framed,
    group_patterns,
    read_table,
)
from em_explorer.models.points import refuse_tiny

LARGEST_SCATTER = 2**21
"""Numbers at most in the scatter of all patterns: 16 MB."""


def read_incomplete(X: Any) -> Source | None:
    """Return the chunks of a table with holes; see :func:`~.chunked.read_source`."""
    if isinstance(X, np.memmap) and X.ndim == 2 and X.size:
        # Should every row show other columns, each brings a scatter of its own.
        few = max(256, 2 * LARGEST_SCATTER // X.shape[1] ** 2)
        return read_source(X, row_slices(len(X), min(few, rows_per_slice(X))))
    return read_source(X)


@dataclass(frozen=True)
class Patterns:
    """Rows by what they show; mergeable with ``+``.

    Attributes
    ----------
    shown : (P, D) bool
        The columns each pattern shows, no two alike and none empty.
    statistics : GaussianStatistics
        Of each pattern's rows, zero where nothing is shown.
    """

    shown: Bools
    statistics: GaussianStatistics

    @classmethod
    def of(cls, values: Floats) -> Patterns:
        """Group the rows of a table, (N, D) with NaN in the holes."""
        n_columns = values.shape[1]
        stacks = group_patterns(values)[0] if len(values) else ()
        n_patterns = sum(len(stack.counts) for stack in stacks)
        counts = np.concatenate([np.empty(0), *(stack.counts for stack in stacks)])
        shown = np.zeros((n_patterns, n_columns), dtype=bool)
        means = np.zeros((n_patterns, n_columns))
        scatter = np.zeros((n_patterns, n_columns, n_columns))
        first = 0
        for stack in stacks:
            which = np.arange(first, first + len(stack.counts))[:, None]
            columns = stack.order[:, : stack.n_observed]
            shown[which, columns] = True
            means[which, columns] = stack.means
            scatter[which[:, :, None], columns[:, :, None], columns[:, None, :]] = stack.scatter
            first += len(stack.counts)
        return cls(shown, GaussianStatistics(counts, means, scatter))

    def __add__(self, other: Patterns) -> Patterns:
        both = np.concatenate([self.shown, other.shown])
        shown, where = np.unique(both, axis=0, return_inverse=True)
        where, n_own = where.ravel(), len(self.shown)
        own = _spread(self.statistics, where[:n_own], len(shown))
        return Patterns(shown, own + _spread(other.statistics, where[n_own:], len(shown)))

    def stacks(self, shift: Floats) -> tuple[PatternStack, ...]:
        """Return what an E-step wants, of rows from which ``shift`` (D,) was subtracted."""
        found = []
        n_observed = self.shown.sum(axis=1)
        for n in np.unique(n_observed):
            same = np.flatnonzero(n_observed == n)
            for first in range(0, len(same), STACK):
                found.append(self._stack(same[first : first + STACK], int(n), shift))
        return tuple(found)

    def _stack(self, chosen: Ints, n_observed: int, shift: Floats) -> PatternStack:
        order = np.argsort(~self.shown[chosen], axis=1, kind="stable")
        columns, which = order[:, :n_observed], chosen[:, None]
        return PatternStack(
            order,
            n_observed,
            self.statistics.counts[chosen],
            self.statistics.means[which, columns] - shift[columns],
            self.statistics.scatter[which[:, :, None], columns[:, :, None], columns[:, None, :]],
            (),
        )


def _spread(statistics: GaussianStatistics, where: Ints, n: int) -> GaussianStatistics:
    """Put groups in their places among ``n``, the others of which are empty."""

    def placed(array: Floats) -> Floats:
        result = np.zeros((n, *array.shape[1:]))
        result[where] = array
        return result

    return GaussianStatistics(
        placed(statistics.counts), placed(statistics.means), placed(statistics.scatter)
    )


@dataclass(frozen=True)
class IncompleteSummary:
    """What one pass learns of a table with holes; mergeable with ``+``.

    Attributes
    ----------
    sizes : tuple of int
        Rows of each chunk.
    n_seen : int
        Rows with something observed.
    columns : GaussianStatistics
        Count, mean and scatter of each column's values, as D groups in one dimension.
    patterns : Patterns or None
        None when there are too many to keep.
    """

    sizes: tuple[int, ...]
    n_seen: int
    columns: GaussianStatistics
    patterns: Patterns | None

    def __add__(self, other: IncompleteSummary) -> IncompleteSummary:
        if len(self.columns.counts) != len(other.columns.counts):
            raise DataError(
                f"Chunk {len(self.sizes) + 1} has {len(other.columns.counts)} columns, those "
                f"before it have {len(self.columns.counts)}; all need the same columns."
            )
        merged = None
        if self.patterns is not None and other.patterns is not None:
            merged = _unless_too_many(self.patterns + other.patterns)
        return IncompleteSummary(
            self.sizes + other.sizes,
            self.n_seen + other.n_seen,
            self.columns + other.columns,
            merged,
        )


def _unless_too_many(patterns: Patterns) -> Patterns | None:
    return patterns if patterns.statistics.scatter.size <= LARGEST_SCATTER else None


def _rows(part: Any) -> Floats:
    if hasattr(part, "toarray"):
        raise DataError("it is sparse, and this takes whole tables; pass toarray() of it.")
    shape = np.shape(part)
    if len(shape) != 2 or shape[1] == 0:
        raise DataError(
            "it must be a table with a row per observation and a column per variable; its shape "
            f"is {shape}."
        )
    return read_table(part)[0] if shape[0] else np.empty(shape)


def _origin(part: Any) -> Floats | None:
    """Return a place among the rows, to measure all from."""
    rows = _rows(part)
    if not len(rows):
        return None
    seen = ~np.isnan(rows)
    return np.asarray(np.where(seen, rows, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))


def _summarize(part: Any, origin: Floats) -> IncompleteSummary:
    rows = _rows(part)
    if rows.shape[1] == len(origin):
        rows = rows - origin
    seen = ~np.isnan(rows)
    counts = seen.sum(axis=0).astype(float)
    filled = np.where(seen, rows, 0.0)
    means = filled.sum(axis=0) / np.maximum(counts, 1)
    apart = np.where(seen, filled - means, 0.0)
    scatter = (apart**2).sum(axis=0)
    columns = GaussianStatistics(counts, means[:, None], scatter[:, None, None])
    patterns = Patterns.of(rows) if rows.shape[1] ** 2 <= LARGEST_SCATTER else None
    return IncompleteSummary(
        (len(rows),),
        int(seen.any(axis=1).sum()),
        columns,
        None if patterns is None else _unless_too_many(patterns),
    )


def _framed(part: Any, n_rows: int, center: Floats, columns: tuple[str, ...]) -> IncompleteData:
    rows = np.asarray(part, dtype=float)
    if rows.shape != (n_rows, len(center)):
        raise DataError(CHANGED)
    return framed(rows, center, columns)


@dataclass(frozen=True)
class IncompleteChunks(Chunks):
    """Chunks of a table with holes, or all their patterns as a single one.

    Attributes
    ----------
    column_counts : (D,) float
        Values observed in each column.
    """

    column_counts: Floats


@dataclass(frozen=True)
class ChunkedImputation(ChunkedModel):
    """EM for a normal whose incomplete rows come in chunks."""

    model: MissingData

    def prepare(self, source: Source) -> IncompleteChunks:
        """Check all chunks and reduce them to patterns, in one pass.

        Raises
        ------
        DataError
            As :meth:`MissingData.prepare`, or naming the chunk that is no table.
        """
        origin = source.first(_origin)
        if origin is None:
            raise DataError("The chunks hold no rows; give at least two rows and one column.")
        summary: IncompleteSummary = merge(source.each(_summarize, origin))
        if sum(summary.sizes) < 2:
            raise DataError("The chunks hold 1 row in all; a minimum of 2 is required.")
        counts = summary.columns.counts
        names = tuple(f"column {i + 1}" for i in range(len(counts)))
        if not counts.all():
            raise DataError(
                f"Nothing was observed in {names[int(np.argmin(counts))]}, so nothing can be "
                "learned about it. Leave the column out."
            )
        shift = summary.columns.means[:, 0]
        center = origin + shift
        variances = summary.columns.scatter[:, 0, 0] / counts
        refuse_tiny(variances, variances > 0)
        nothing = np.empty((0, len(counts)))
        # What is left of the shift when the center is rounded stays with the means.
        shift = center - origin
        stacks = () if summary.patterns is None else summary.patterns.stacks(shift)
        frame = IncompleteData(
            nothing,
            nothing.astype(bool),
            center,
            variances,
            names,
            stacks,
            np.empty(0, dtype=np.int64),
        )
        parts = source.prepared(_framed, list(summary.sizes), center, names, skip=0)
        if summary.patterns is not None:
            parts = lambda: iter([frame])  # noqa: E731
        return IncompleteChunks(parts, summary.n_seen, frame, counts)

    def initialize(self, data: IncompleteChunks, rng: np.random.Generator) -> MissingDataParams:
        """Start from the available cases: each column's own mean and variance."""
        variances = self.model.available_variances(data.column_counts, data.frame.variances)
        return MissingDataParams(np.zeros(len(variances)), np.diag(variances))
