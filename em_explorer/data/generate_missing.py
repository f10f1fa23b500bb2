"""Correlated normals with holes, the values behind the holes kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.generate_mixture import MADE, NoOptions, points_option, seed_option
from em_explorer.data.missingness import Mechanism, make_holes
from em_explorer.em.options import check_options, option

MISSING = "missing_data"

_WHY = {
    Mechanism.MCAR: "Chance alone made the holes: every method that uses what is there is fair.",
    Mechanism.MAR: "The larger x, the likelier y is missing: the complete rows are no fair "
    "sample, but x is seen and EM corrects for it.",
    Mechanism.MNAR: "The larger y itself, the likelier it is missing: nothing that is seen tells, "
    "and even EM is led astray.",
}


@dataclass(frozen=True, slots=True)
class CorrelatedNormalsOptions:
    """Pairs from a normal, with holes in the second column."""

    n: int = points_option(1000, "Rows")
    correlation: float = option(
        0.7, "Correlation", help="Of x and y.", low=-0.99, high=0.99, step=0.1, group="Data"
    )
    mechanism: Mechanism = option(
        Mechanism.MAR,
        "Missing",
        help="Completely at random: chance alone. Given what is seen: large x hides y. "
        "Not at random: large y hides itself.",
        group="Data",
    )
    rate: float = option(
        0.4,
        "Holes",
        help="The part of y that is missing.",
        low=0.0,
        high=0.9,
        step=0.1,
        group="Data",
    )
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class ManyNormalsOptions:
    """A table of equally correlated columns, with holes anywhere."""

    n: int = points_option(300, "Rows")
    n_columns: int = option(5, "Columns", low=2, high=20, step=1, group="Data")
    correlation: float = option(
        0.5,
        "Correlation",
        help="Of any two columns.",
        low=0.0,
        high=0.99,
        step=0.1,
        group="Data",
    )
    mechanism: Mechanism = option(Mechanism.MCAR, "Missing", group="Data")
    rate: float = option(
        0.2, "Holes", help="The part of the cells that is missing.", low=0.0, high=0.9, step=0.1,
        group="Data",
    )  # fmt: skip
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


def _truth(complete: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> Truth:
    from em_explorer.models.missing_data import MissingDataParams

    return Truth(complete=complete, params=MissingDataParams(mean, covariance))


def correlated_normals(options: CorrelatedNormalsOptions) -> Dataset:
    """Draw pairs (x, y) with unit variances; y has holes, for the reason chosen."""
    rng = np.random.default_rng(options.seed)
    rho = options.correlation
    covariance = np.array([[1.0, rho], [rho, 1.0]])
    complete = rng.standard_normal((options.n, 2)) @ np.linalg.cholesky(covariance).T
    return Dataset(
        "correlated-normals",
        "Why values are missing",
        MISSING,
        make_holes(complete, options.mechanism, options.rate, rng, columns=(1,)),
        columns=("x", "y"),
        truth=_truth(complete, np.zeros(2), covariance),
        story=f"{options.n:,} pairs of correlation {rho:g}, and holes in y. "
        + _WHY[options.mechanism],
        source="After Little, R. J. A. & Rubin, D. B. (2002), Statistical Analysis with Missing "
        "Data",
    )


def many_normals(options: ManyNormalsOptions) -> Dataset:
    """Draw rows of equally correlated columns; with MAR the first column stays complete."""
    rng = np.random.default_rng(options.seed)
    d = options.n_columns
    covariance = (1.0 - options.correlation) * np.eye(d) + options.correlation
    complete = rng.standard_normal((options.n, d)) @ np.linalg.cholesky(covariance).T
    return Dataset(
        "many-normals",
        "Many columns with holes",
        MISSING,
        make_holes(complete, options.mechanism, options.rate, rng),
        columns=tuple(f"x{i + 1}" for i in range(d)),
        truth=_truth(complete, np.zeros(d), covariance),
        story=f"{options.n} rows of {d} columns, any two with correlation "
        f"{options.correlation:g}, and holes anywhere. Each row lends the others what it knows.",
        source=MADE,
    )


def three_normals(options: NoOptions) -> Dataset:
    """Draw 1,000 rows of three columns with a fifth of the cells missing, always the same."""
    covariance = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.2], [0.3, 0.2, 1.0]])
    # The figures known for this recipe belong to numpy's legacy stream.
    rng = np.random.RandomState(42)
    complete = rng.multivariate_normal(np.zeros(3), covariance, 1000)
    holes = rng.rand(1000, 3) < 0.2
    empty = int(holes.all(axis=1).sum())
    return Dataset(
        "three-normals",
        "Three columns with holes",
        MISSING,
        np.where(holes, np.nan, complete),
        columns=("x", "y", "z"),
        truth=_truth(complete, np.zeros(3), covariance),
        story="A thousand rows of three correlated columns, each cell missing with probability "
        f"0.2. {empty} rows have nothing at all: they teach nothing, and are filled with the mean.",
        source=MADE,
    )
