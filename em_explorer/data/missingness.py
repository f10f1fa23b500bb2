"""Holes in complete tables, for the three reasons there are.

MCAR: chance alone. MAR: what is seen decides. MNAR: the missing value itself decides.

Source: Little & Rubin (2002), *Statistical Analysis with Missing Data*, §1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np

from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import DataError

STEEPNESS = 3.0
"""Slope of the log odds of a hole per standard deviation of its cause."""


class Mechanism(Enum):
    """Why values are missing."""

    MCAR = "at random, completely"
    MAR = "at random, given what is seen"
    MNAR = "not at random"


def mcar(
    complete: Floats, rate: float, rng: np.random.Generator, columns: Sequence[int] | None = None
) -> Floats:
    """Make holes by chance alone.

    Parameters
    ----------
    complete : (N, D) float
    rate : float
        Probability of a hole, for each cell of ``columns``.
    rng : numpy.random.Generator
    columns : sequence of int, optional
        Where holes may be; everywhere unless told.

    Returns
    -------
    (N, D) float
        A copy with NaN in the holes.
    """
    _check(complete, rate)
    return _holes(complete, np.full(complete.shape, rate), rng, columns)


def mar(
    complete: Floats,
    rate: float,
    rng: np.random.Generator,
    columns: Sequence[int] | None = None,
    *,
    cause: int = 0,
) -> Floats:
    """Make holes the more often, the larger the value of another column that stays complete.

    ``P(hole in row n) = 1 / (1 + exp(−(a + 3 z_n)))``, z the standardized ``cause`` column and
    a chosen so that the mean probability is ``rate``.

    Parameters
    ----------
    complete, rate, rng, columns
        See :func:`mcar`; ``columns`` is every column but ``cause`` unless told.
    cause : int
        The column that decides and has no holes.

    Raises
    ------
    DataError
        When ``cause`` is among ``columns``: what decides must be seen.
    """
    _check(complete, rate)
    chosen = [d for d in range(complete.shape[1]) if d != cause] if columns is None else columns
    if cause in chosen:
        raise DataError("The column that decides about the holes can't have holes; choose another.")
    probability = _logistic(complete[:, cause], rate)
    return _holes(complete, np.tile(probability[:, None], complete.shape[1]), rng, chosen)


def mnar(
    complete: Floats, rate: float, rng: np.random.Generator, columns: Sequence[int] | None = None
) -> Floats:
    """Make holes the more often, the larger the value that gets lost.

    The same curve as in :func:`mar`, with each cell's own value as the cause.
    """
    _check(complete, rate)
    probability = np.column_stack([_logistic(column, rate) for column in complete.T])
    return _holes(complete, probability, rng, columns)


def make_holes(
    complete: Floats,
    mechanism: Mechanism,
    rate: float,
    rng: np.random.Generator,
    columns: Sequence[int] | None = None,
) -> Floats:
    """Make holes by the mechanism named; see :func:`mcar`, :func:`mar`, :func:`mnar`."""
    maker = {Mechanism.MCAR: mcar, Mechanism.MAR: mar, Mechanism.MNAR: mnar}[mechanism]
    return maker(complete, rate, rng, columns)


def punch(values: Floats, row: int, column: int) -> Floats:
    """Return a copy with one more hole.

    Raises
    ------
    DataError
        When it would take the last value of its column: nothing could be learned of it.
    """
    holed = np.array(values, dtype=float)
    holed[row, column] = np.nan
    if np.isnan(holed[:, column]).all():
        raise DataError("This is the last value of its column; a column needs at least one.")
    return holed


def _check(complete: Floats, rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise DataError(f"The rate of holes must be at least 0 and below 1; it is {rate!r}.")
    if complete.ndim != 2 or np.isnan(complete).any():
        raise DataError("Holes are made in a complete table of rows and columns; fill it first.")


def _holes(
    complete: Floats, probability: Floats, rng: np.random.Generator, columns: Sequence[int] | None
) -> Floats:
    hole: Bools = rng.random(complete.shape) < probability
    if columns is not None:
        allowed = np.zeros(complete.shape[1], dtype=bool)
        allowed[list(columns)] = True
        hole &= allowed
    return np.where(hole, np.nan, complete)


def _logistic(cause: Floats, rate: float) -> Floats:
    """Return probabilities that rise with the cause and average to ``rate``."""
    from scipy.special import expit

    spread = cause.std()
    if rate == 0.0 or spread == 0.0:
        return np.full(len(cause), rate)
    score = STEEPNESS * (cause - cause.mean()) / spread
    low, high = -score.max() - 40.0, -score.min() + 40.0
    for _ in range(100):  # bisection: the mean probability rises with the intercept
        middle = 0.5 * (low + high)
        if expit(middle + score).mean() < rate:
            low = middle
        else:
            high = middle
    probability: Floats = expit(middle + score)
    return probability
