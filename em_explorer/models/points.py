"""A table of numbers without holes: checked once, centred once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Bools, Floats, freeze
from em_explorer.em.errors import DataError

LARGEST = 1e150
"""Numbers beyond this overflow when they are squared."""

SMALLEST_VARIANCE = 1e-280
"""A variance below this has lost its digits: the squares it is the mean of underflow."""


@dataclass(frozen=True)
class Points:
    """Points about their common mean.

    Attributes
    ----------
    points : (N, D) float, the data's units
        Data minus ``center``: with an offset of a million beside a spread of a thousandth the
        digits that matter would be lost in every later difference.
    center : (D,) float, the data's units
    variances : (D,) float, units squared
        Of each column over all points (divided by N).
    """

    points: Floats
    center: Floats
    variances: Floats

    def __post_init__(self) -> None:
        freeze(self)


def read_points(raw: Any) -> Points:
    """Check a table of numbers and centre it.

    Parameters
    ----------
    raw : (N, D) or (N,) array of numbers
        One dimension means one column.

    Returns
    -------
    Points

    Raises
    ------
    DataError
        When it is no table, is empty, holds words, complex numbers, holes or infinities.
    """
    table = checked_table(raw)
    # The mean of equal numbers may differ from them by rounding; a constant column is exact.
    center = np.where(np.ptp(table, axis=0) == 0, table[0], table.mean(0))
    # Each column lies in one piece of memory: every formula runs along the points.
    # This is the only copy made, and no sum makes another: data may fill half the memory.
    points = np.subtract(table, center, order="F")
    variances = np.array([np.mean(column**2) for column in points.T])
    refuse_tiny(variances, np.any(points != 0, axis=0))
    return Points(points, center, variances)


def refuse_tiny(variances: Floats, varies: Bools) -> None:
    """Refuse columns (D,) that vary by so little that the squares of their numbers underflow.

    Raises
    ------
    DataError
        Naming the first.
    """
    tiny = varies & (variances < SMALLEST_VARIANCE)
    if tiny.any():
        raise DataError(
            f"Column {int(np.argmax(tiny)) + 1} varies by so little that the squares of its "
            "numbers underflow; measure it in a smaller unit."
        )


def checked_table(raw: Any) -> Floats:
    """Return (N, D) finite numbers, perhaps the array given, or refuse as :func:`read_points`."""
    table = _as_floats(raw)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise DataError(
            f"The data have {table.ndim} dimensions; give a table with a row per point "
            "and a column per variable."
        )
    if 0 in table.shape:
        raise DataError("The data are empty; give at least one row and one column.")
    _check_values(table)
    return table


def _as_floats(raw: Any) -> Floats:
    # Nobody who has a masked array has not imported numpy.ma, which takes its time.
    if "numpy.ma" in sys.modules and np.ma.isMaskedArray(raw):
        raw = raw.filled(np.nan) if np.issubdtype(raw.dtype, np.floating) or raw.mask.any() else raw
    try:
        values = np.asarray(raw)
    except ValueError:
        raise DataError(
            "The rows have different lengths; every row needs a value per column."
        ) from None
    words = values.dtype.kind == "O" and any(isinstance(cell, str) for cell in values.flat)
    if words or values.dtype.kind not in "biufO":
        raise DataError("The data hold something that is not a number; choose numeric columns.")
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise DataError(
            "The data hold something that is not a number; choose numeric columns."
        ) from None


def _check_values(table: Floats) -> None:
    finite = np.isfinite(table)
    if not finite.all():
        bad = np.argwhere(~finite)
        row, column = bad[0]
        what = "missing" if np.isnan(table[row, column]) else "infinite"
        raise DataError(
            f"The value in row {row + 1}, column {column + 1} is {what} ({len(bad)} such in all); "
            "leave those rows out or fill them first."
        )
    if max(table.max(), -table.min()) > LARGEST:
        raise DataError(
            f"The data hold numbers beyond {LARGEST:g}, whose squares overflow; "
            "measure them in a larger unit."
        )
