"""Arguments as people give them: checked, and refused under the name they were given by."""

from __future__ import annotations

from enum import Enum
from numbers import Integral
from typing import Any, TypeVar

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.models.gaussian import smallest_correlation_eigenvalue
from em_explorer.models.gaussian_mixture import CovarianceType
from em_explorer.models.probabilities import checked_probabilities

ChoiceT = TypeVar("ChoiceT", bound=Enum)


def whole_number(name: str, value: Any, low: int = 1) -> int:
    """Return a whole number of at least ``low``.

    Raises
    ------
    DataError
        For anything else; True and False count as no numbers.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < low:
        raise DataError(f"{name} must be a whole number, at least {low}; it is {value!r}.")
    return int(value)


def choice(name: str, value: Any, kind: type[ChoiceT]) -> ChoiceT:
    """Return the member of an enum that a word names.

    "given" is no such word: the parameters themselves say that they are given.
    """
    named = {member.value: member for member in kind if member.name != "GIVEN"}
    if not isinstance(value, str) or value not in named:
        raise DataError(f"{name} must be one of {', '.join(map(repr, named))}; it is {value!r}.")
    return named[value]


def given_array(name: str, value: Any, *shapes: tuple[int, ...]) -> Floats:
    """Return an own array of finite numbers in one of the shapes.

    Raises
    ------
    DataError
        Naming the argument and the shape it should have.
    """
    wanted = " or ".join(map(str, shapes))
    try:
        array = np.array(value)
        if array.dtype.kind not in "biuf":
            raise TypeError
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers in an array of shape {wanted}.") from None
    if array.shape not in shapes:
        raise DataError(f"{name} must have shape {wanted}; the shape given is {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise DataError(f"{name} must be finite numbers; some are missing or infinite.")
    return array.astype(float)


def given_probabilities(name: str, value: Any, shape: tuple[int, ...]) -> Floats:
    """Return an own array whose rows are probabilities."""
    return checked_probabilities(given_array(name, value, shape), name, len(shape))


def given_covariances(
    name: str, value: Any, n_parts: int, n_dims: int, kind: CovarianceType = CovarianceType.FULL
) -> Floats:
    """Return an own (K, D, D) array of positive definite matrices.

    Parameters
    ----------
    name : str
    value : (K, D, D) array-like
        Or, as scikit-learn has it: tied (D, D), diagonal (K, D), spherical (K,).
    n_parts, n_dims : int
        K and D.
    kind : CovarianceType

    Raises
    ------
    DataError
        Wrong shape, not symmetric, or not positive definite.
    """
    shapes: list[tuple[int, ...]] = [(n_parts, n_dims, n_dims)]
    compact: dict[CovarianceType, tuple[int, ...]] = {
        CovarianceType.TIED: (n_dims, n_dims),
        CovarianceType.DIAGONAL: (n_parts, n_dims),
        CovarianceType.SPHERICAL: (n_parts,),
    }
    if kind in compact:
        shapes.append(compact[kind])
    array = given_array(name, value, *shapes)
    if array.ndim == 1:
        array = array[:, None] * np.ones(n_dims)
    if array.ndim == 2:
        tied = kind is CovarianceType.TIED
        array = (
            np.repeat(array[None], n_parts, axis=0) if tied else array[:, :, None] * np.eye(n_dims)
        )
    largest = float(np.abs(array).max())
    if not np.allclose(array, array.swapaxes(1, 2), rtol=1e-9, atol=1e-12 * largest):
        raise DataError(f"{name} must hold symmetric matrices; mirror them at the diagonal.")
    smallest = smallest_correlation_eigenvalue(array)
    if smallest.min() <= 0:
        raise DataError(
            f"{name}: matrix {int(smallest.argmin()) + 1} is not positive definite; give positive "
            "variances and correlations between -1 and 1."
        )
    return array
