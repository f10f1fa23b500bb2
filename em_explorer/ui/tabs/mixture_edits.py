"""What the hand changes in a mixture and its data: pure functions, old value in, new value out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset
from em_explorer.em.arrays import Floats
from em_explorer.models.gaussian_mixture import CovarianceType, GaussianMixtureParams

EDITED = " edited"


@dataclass(frozen=True)
class Before:
    """Everything that undoing a change brings back."""

    dataset: Dataset
    given: Any
    options: Any
    choice: Any
    generator_options: Any
    own: Dataset | None
    story: Any


def table(dataset: Dataset) -> Floats:
    """Return a copy of the points as (N, D)."""
    values = np.array(dataset.values, dtype=float)
    return values[:, None] if values.ndim == 1 else values


def edited(dataset: Dataset, values: Floats) -> Dataset:
    """Return the data set with other points, under a name of its own and without the truth."""
    title = dataset.title if dataset.title.endswith(EDITED) else dataset.title + EDITED
    name = dataset.name if dataset.name.endswith("-edited") else f"{dataset.name}-edited"
    return replace(dataset, name=name, title=title, values=values, truth=None)


def move_point(dataset: Dataset, index: int, columns: list[int], place: list[float]) -> Dataset:
    """Put a point elsewhere in the columns shown."""
    values = table(dataset)
    values[index, columns] = place
    return edited(dataset, values)


def add_point(dataset: Dataset, place: list[float]) -> Dataset:
    """Add a point at the end."""
    return edited(dataset, np.vstack([table(dataset), place]))


def remove_point(dataset: Dataset, index: int) -> Dataset:
    """Leave a point out."""
    return edited(dataset, np.delete(table(dataset), index, axis=0))


def move_mean(
    params: GaussianMixtureParams, component: int, columns: list[int], place: list[float]
) -> GaussianMixtureParams:
    """Put a mean elsewhere in the columns shown."""
    means = params.means.copy()
    means[component, columns] = place
    return replace(params, means=means)


def reshape(
    params: GaussianMixtureParams,
    component: int,
    columns: list[int],
    shape: Floats,
    kind: CovarianceType,
) -> GaussianMixtureParams:
    """Give a component another covariance in the columns shown.

    With the old block L Lᵀ and the new one L' L'ᵀ the shown columns are mapped by
    ``M = L' L⁻¹``: Σ' = G Σ Gᵀ, where G is M in the shown columns and does nothing in the
    others. So the covariance of the others stays, and Σ' is positive definite.

    Parameters
    ----------
    params : GaussianMixtureParams
    component : int
    columns : list of int
        The shown columns, d of them.
    shape : (d, d) float
    kind : CovarianceType
        Tied: every component takes the new covariance. Diagonal: only the diagonal of ``shape``
        counts. Spherical: all columns are scaled alike, by the change of the determinant.
    """
    covariances = params.covariances.copy()
    old = covariances[component]
    square = np.ix_(columns, columns)
    if kind is CovarianceType.DIAGONAL:
        shape = np.diag(np.diagonal(shape))
    if kind is CovarianceType.SPHERICAL:
        ratio = np.linalg.det(shape) / np.linalg.det(old[square])
        new = old * ratio ** (1.0 / len(columns))
    else:
        change = np.eye(len(old))
        change[square] = np.linalg.cholesky(shape) @ np.linalg.inv(np.linalg.cholesky(old[square]))
        new = change @ old @ change.T
        new = 0.5 * (new + new.T)
    if kind is CovarianceType.TIED:
        covariances[:] = new
    else:
        covariances[component] = new
    return replace(params, covariances=covariances)
