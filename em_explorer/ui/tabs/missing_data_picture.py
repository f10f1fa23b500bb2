"""What the missing-data tab draws."""

from __future__ import annotations

from dataclasses import dataclass

from em_explorer.em.arrays import Floats, freeze
from em_explorer.models.treatments import Treatment

OTHERS = (
    Treatment.COMPLETE_CASES,
    Treatment.MEAN_FILL,
    Treatment.PLUG_IN,
    Treatment.RANDOM_DRAWS,
)
"""The treatments EM is compared with, in the order of a picture's arrays."""


@dataclass(frozen=True)
class MissingPicture:
    """What is drawn, in the data's units and over all columns.

    Attributes
    ----------
    imputed, deviations : (N, D) float
        The filled table, and one conditional standard deviation of each missing cell.
    mean : (D,) float
    covariance : (D, D) float
    ghost_mean, ghost_covariance : like the above, or None
        The state before an M-step.
    treated_means : (4, D) float
        Of :data:`OTHERS`; NaN where not wanted or impossible.
    treated_covariances : (4, D, D) float
    """

    imputed: Floats
    deviations: Floats
    mean: Floats
    covariance: Floats
    ghost_mean: Floats | None
    ghost_covariance: Floats | None
    treated_means: Floats
    treated_covariances: Floats

    def __post_init__(self) -> None:
        freeze(self)
