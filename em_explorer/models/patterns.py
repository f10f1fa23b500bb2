"""Tables with holes: rows grouped by which columns they show.

Rows with the same missingness pattern share one regression, so each pattern is reduced once to its
count, mean and scatter, and an E-step then costs the same for a thousand rows as for a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints, freeze
from em_explorer.em.errors import DataError
from em_explorer.models.points import LARGEST, refuse_tiny

STACK = 1024
"""Patterns handled at once: many for numpy's sake, few for memory's."""


@dataclass(frozen=True)
class PatternStack:
    """Patterns that observe equally many columns, stacked so that one numpy call serves them all.

    Attributes
    ----------
    order : (P, D) int
        Each pattern's columns, the ``n_observed`` observed ones first.
    n_observed : int
        How many columns each of these patterns observes; at least 1.
    counts : (P,) float
        Rows with each pattern.
    means : (P, n_observed) float
        Means of their observed values.
    scatter : (P, n_observed, n_observed) float
        Scatter of their observed values about those means.
    rows : tuple of (n_p,) int
        Which rows they are.
    """

    order: Ints
    n_observed: int
    counts: Floats
    means: Floats
    scatter: Floats
    rows: tuple[Ints, ...]

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class IncompleteData:
    """A centred table with holes and what an E-step needs of it.

    Attributes
    ----------
    values : (N, D) float
        Data minus ``center``; NaN in the holes.
    observed : (N, D) bool
        True where a value was seen.
    center : (D,) float
        What was subtracted: the means of the available values.
    variances : (D,) float
        Variances of the available values (divisor: their number).
    columns : tuple of str
        How to call the columns in messages.
    stacks : tuple of PatternStack
        The rows with something observed, by pattern.
    empty_rows : (n,) int
        Rows with nothing observed. They say nothing about the parameters.
    """

    values: Floats
    observed: Bools
    center: Floats
    variances: Floats
    columns: tuple[str, ...]
    stacks: tuple[PatternStack, ...]
    empty_rows: Ints

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        n_rows, n_columns = self.values.shape
        return n_rows, n_columns

    @property
    def complete(self) -> PatternStack | None:
        """The rows without a hole, as a stack of one pattern; None if there are none."""
        return next((s for s in self.stacks if s.n_observed == self.shape[1]), None)

    def chunk(self, rows: Any) -> IncompleteData:
        """Return some of the rows in the same frame, for an E-step over a part of the data."""
        return _grouped(self.values[rows], self.center, self.variances, self.columns)


def read_table(raw: Any) -> tuple[Floats, tuple[str, ...]]:
    """Turn an array, nested lists or a data frame into floats with NaN holes and column names.

    Parameters
    ----------
    raw : (N, D) array-like of numbers
        Holes are NaN or None, or masked in a masked array.

    Raises
    ------
    DataError
        For text, complex, infinite or enormous values, or something that is not a table.
    """
    names = getattr(raw, "columns", None)
    if isinstance(raw, np.ma.MaskedArray):
        raw = np.ma.filled(raw.astype(float), np.nan)
    elif names is not None and hasattr(raw, "isna"):
        raw = np.where(raw.isna(), np.nan, raw.to_numpy(dtype=object))
    try:
        table = np.asarray(raw)
        if table.dtype.kind == "O" and any(isinstance(v, str | bytes) for v in table.flat):
            raise TypeError
        if table.dtype.kind not in "biufO":
            raise TypeError
        values = np.asarray(table, dtype=float)
    except (TypeError, ValueError):
        raise DataError(
            "The table must hold numbers, all rows of one length, with NaN where a value is "
            "missing; it holds something else. Leave out columns of text or recode them."
        ) from None
    return _checked(values, names)


def _checked(values: Floats, names: Any) -> tuple[Floats, tuple[str, ...]]:
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(
            f"The table must have rows and columns; its shape is {values.shape}. "
            "A single column needs the shape (N, 1)."
        )
    columns = range(1, values.shape[1] + 1)
    titles = tuple(map(str, names)) if names is not None else tuple(f"column {i}" for i in columns)
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise DataError(
            f"There is an infinite value in {titles[int(np.argmax(infinite))]}. "
            "Write NaN where a value is missing."
        )
    if max(np.fmax.reduce(values, axis=None), -np.fmin.reduce(values, axis=None)) > LARGEST:
        raise DataError(
            f"The table holds numbers beyond {LARGEST:g}, whose squares overflow. "
            "Measure them in a larger unit."
        )
    return values, titles


def centred(values: Floats, columns: Sequence[str]) -> IncompleteData:
    """Center a table by its available-case column means and group its rows by pattern.

    Raises
    ------
    DataError
        Naming a column in which nothing was observed.
    """
    observed = ~np.isnan(values)
    seen = observed.sum(axis=0)
    if not seen.all():
        raise DataError(
            f"Nothing was observed in {columns[int(np.argmin(seen))]}, so nothing can be learned "
            "about it. Leave the column out."
        )
    # Column by column, because the table may fill a third of the memory.
    center, variances = np.empty(len(seen)), np.empty(len(seen))
    varies = np.empty(len(seen), dtype=bool)
    for j, column in enumerate(values.T):
        present = column[observed[:, j]]
        # Twice, because a mean of large numbers is itself rounded.
        center[j] = present.mean()
        center[j] += (present - center[j]).mean()
        variances[j] = ((present - center[j]) ** 2).mean()
        varies[j] = present.min() < present.max()
    refuse_tiny(variances, varies)
    del observed, present, column  # grouping needs the room
    return _grouped(values - center, center, variances, tuple(columns))


def framed(values: Floats, center: Floats, columns: Sequence[str]) -> IncompleteData:
    """Group a table in a frame that is given, as new rows for known parameters need.

    A column may be missing altogether here: known parameters have a value for it.
    """
    shifted = values - center
    observed = ~np.isnan(values)
    seen = np.maximum(observed.sum(axis=0), 1)
    variances = np.where(observed, shifted, 0.0).var(axis=0) * len(values) / seen
    return _grouped(shifted, center, variances, tuple(columns))


def _grouped(
    values: Floats, center: Floats, variances: Floats, columns: tuple[str, ...]
) -> IncompleteData:
    stacks, empty_rows = group_patterns(values)
    observed = ~np.isnan(values)
    return IncompleteData(values, observed, center, variances, columns, stacks, empty_rows)


def group_patterns(values: Floats) -> tuple[tuple[PatternStack, ...], Ints]:
    """Group rows by their missingness pattern.

    Parameters
    ----------
    values : (N, D) float
        NaN marks a hole.

    Returns
    -------
    stacks : tuple of PatternStack
        Patterns in a fixed order, those with few observed columns first.
    empty_rows : (n,) int
        Rows with nothing observed.
    """
    observed = ~np.isnan(values)
    # Each pattern as a whole number, where it has room: those sort ten times faster than rows.
    n_columns = values.shape[1]
    keys: Any = observed
    if n_columns < 63:
        keys = np.zeros(len(values), dtype=np.int64)
        for column in range(n_columns):
            keys += observed[:, column] * np.int64(1 << column)
    _, first_row, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    patterns = observed[first_row]
    by_pattern = np.argsort(which.ravel(), kind="stable")
    sizes = np.bincount(which.ravel(), minlength=len(patterns))
    rows = np.split(by_pattern, np.cumsum(sizes)[:-1])

    empty_rows = np.empty(0, dtype=np.int64)
    stacks: list[PatternStack] = []
    n_observed = patterns.sum(axis=1)
    for n in np.unique(n_observed):
        same = np.flatnonzero(n_observed == n)
        if n == 0:
            empty_rows = rows[same[0]]
            continue
        for first in range(0, len(same), STACK):
            part = same[first : first + STACK]
            stacks.append(_stack(values, patterns[part], [rows[p] for p in part], int(n)))
    return tuple(stacks), empty_rows


def _stack(values: Floats, patterns: Bools, rows: list[Ints], n_observed: int) -> PatternStack:
    """Reduce each pattern to its count, mean and scatter."""
    order = np.argsort(~patterns, axis=1, kind="stable")
    seen = order[:, :n_observed]
    sizes = np.array([len(chosen) for chosen in rows])
    ends = np.cumsum(sizes)
    # The rows pattern by pattern, with zeros in the holes, where they add nothing.
    table = values[np.concatenate(rows)]
    np.copyto(table, 0.0, where=np.isnan(table))
    means = np.add.reduceat(table, ends - sizes, axis=0) / sizes[:, None]
    scatter = np.empty((len(rows), *2 * values.shape[1:]))
    for p, end in enumerate(ends):
        apart = table[end - sizes[p] : end]
        apart -= means[p]  # in place: there may be room for no second copy
        np.matmul(apart.T, apart, out=scatter[p])
    scatter = scatter[np.arange(len(rows))[:, None, None], seen[:, :, None], seen[:, None, :]]
    means = np.take_along_axis(means, seen, axis=1)
    return PatternStack(order, n_observed, sizes.astype(float), means, scatter, tuple(rows))
