"""What people do with a table that has holes, each with the mean and covariance it ends in.

EM is one treatment among others. The simple ones are here to be compared with it: dropping the
incomplete rows, filling holes with column means, filling them with EM's conditional means but
forgetting how uncertain those are, and filling them with random draws.

Source: Little & Rubin (2019), *Statistical Analysis with Missing Data*, chapters 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from em_explorer.em.arrays import Floats, freeze


class Treatment(Enum):
    """A way to deal with holes."""

    COMPLETE_CASES = "complete cases"
    MEAN_FILL = "mean fill"
    PLUG_IN = "plug-in"
    EM = "EM"
    RANDOM_DRAWS = "random draws"


@dataclass(frozen=True)
class Moments:
    """Mean and covariance, divisor N as in maximum likelihood.

    Attributes
    ----------
    mean : (D,) float
    covariance : (D, D) float
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        freeze(self)


def moments(table: Floats) -> Moments:
    """Return ``m = Σ x / N`` and ``Σ (x − m)(x − m)ᵀ / N`` of a table without holes.

    Parameters
    ----------
    table : (N, D) float
    """
    mean = table.mean(axis=0)
    apart = table - mean
    return Moments(mean, apart.T @ apart / len(table))


def complete_cases(table: Floats) -> Moments | None:
    """Return the moments of the rows without a hole; None where there are fewer than two.

    Fair only where chance alone made the holes.
    """
    whole = table[~np.isnan(table).any(axis=1)]
    return moments(whole) if len(whole) > 1 else None


def fill_with_means(table: Floats) -> Floats:
    """Return the table with each hole filled by its column's mean of the values seen."""
    return np.where(np.isnan(table), np.nanmean(table, axis=0), table)


def squared_errors(filled: Floats, table: Floats, truth: Floats) -> Floats:
    """Return the squared error of every imputed cell whose true value is known.

    Parameters
    ----------
    filled : (N, D) float
        The table after a treatment.
    table : (N, D) float
        NaN in the holes.
    truth : (N, D) float
        The values before the holes were made; NaN where they were never known.

    Returns
    -------
    (N, D) float, data's units squared
        NaN where the cell was seen or its truth is not known.
    """
    return np.where(np.isnan(table), (filled - truth) ** 2, np.nan)
