"""What the normal behind a table with holes is made of: its options, parameters, posterior."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from em_explorer.em.arrays import Bools, Floats, freeze
from em_explorer.em.options import check_options, option
from em_explorer.models.patterns import IncompleteData


class MissingDataStart(Enum):
    """Where EM starts."""

    AVAILABLE_CASES = "available cases"
    COMPLETE_CASES = "complete cases"
    RANDOM = "random"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class MissingDataOptions:
    """How the normal is started and held.

    Attributes
    ----------
    start : MissingDataStart
        Available cases: each column's own mean and variance, no correlation. Complete cases: mean
        and covariance of the rows without holes. Random: drawn. Given: by the caller.
    ridge : float, data's units squared
        0: maximum likelihood. r > 0: a prior ``−½ [log|Σ| + r tr(Σ⁻¹)]`` that keeps the covariance
        from collapsing.
    """

    start: MissingDataStart = option(
        MissingDataStart.AVAILABLE_CASES,
        "Start from",
        help="Available cases: each column's own mean and variance, without correlation. "
        "Complete cases: the rows that have no hole.",
        group="Start",
    )
    ridge: float = option(
        0.0,
        "Ridge",
        help="A prior that keeps the covariance from collapsing, in the data's units squared. "
        "0 is maximum likelihood.",
        low=0.0,
        group="Model",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class MissingDataParams:
    """A multivariate normal.

    Attributes
    ----------
    mean : (D,) float
    covariance : (D, D) float, positive definite
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class MissingDataPosterior:
    """What is known of every cell, in the centred frame.

    Attributes
    ----------
    imputed : (N, D) float
        Observed values, and conditional means in the holes.
    standard_deviations : (N, D) float
        Conditional standard deviations; 0 where the value was observed.
    observed : (N, D) bool
        True where the value was seen.
    """

    imputed: Floats
    standard_deviations: Floats
    observed: Bools

    def __post_init__(self) -> None:
        freeze(self)

    def imputed_in_units(self, data: IncompleteData) -> Floats:
        """Return ``imputed`` in the data's units."""
        return self.imputed + data.center
