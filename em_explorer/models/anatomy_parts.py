"""What the anatomies of several models share: names, packing of covariances, gauges."""

from __future__ import annotations

import re

import numpy as np

from em_explorer.em.anatomy import Gauge
from em_explorer.em.arrays import Floats
from em_explorer.models.gaussian import (
    SMALLEST_EIGENVALUE,
    SMALLEST_SPREAD,
    choleskys,
    smallest_correlation_eigenvalue,
)

MANY = 200
"""More correlations, transitions or words than this are not worth following one by one."""

THIN = 1e-3
"""A component narrower than this share of the data's variance is a reason to look."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscript(number: int) -> str:
    """Return a whole number as subscript: 12 → "₁₂"."""
    return str(number).translate(SUBSCRIPTS)


def named(names: tuple[str, ...], count: int, kind: str) -> tuple[str, ...]:
    """Return ``count`` names: those given, else "column 1", "column 2", ….

    A unit in parentheses is left out where the names can be told apart without.
    """
    if len(names) != count:
        return tuple(f"{kind} {i + 1}" for i in range(count))
    short = tuple(re.sub(r"(?<=\S)\s+\([^()]*\)$", "", name.strip()) for name in names)
    return short if len(set(short)) == count else names


def pairs(n_dims: int) -> list[tuple[int, int]]:
    """Return the pairs of columns in reading order."""
    return [(i, j) for i in range(n_dims) for j in range(i + 1, n_dims)]


def spreads(covariances: Floats) -> Floats:
    """Return the standard deviations of (K, D, D) covariances, (K, D)."""
    return np.asarray(np.sqrt(covariances.diagonal(0, 1, 2)), dtype=float)


def correlations(covariances: Floats) -> Floats:
    """Return the correlations of (K, D, D) covariances, (K, number of pairs)."""
    n_dims = covariances.shape[1]
    spread = spreads(covariances)
    matrix = covariances / (spread[:, :, None] * spread[:, None, :])
    rows, columns = np.triu_indices(n_dims, 1)
    return np.asarray(matrix[:, rows, columns], dtype=float)


def packed_factors(covariances: Floats) -> Floats:
    """Return the Cholesky factors of (K, D, D) covariances as one vector.

    Raises
    ------
    SingularError
        When a covariance is not positive definite.
    """
    rows, columns = np.tril_indices(covariances.shape[1])
    return choleskys(covariances)[:, rows, columns].ravel()


def unpacked_covariances(packed: Floats, n_parts: int, n_dims: int) -> Floats:
    """Return the covariances ``L Lᵀ`` of factors packed by :func:`packed_factors`.

    A factor with a negative number on its diagonal is as good as any: L Lᵀ is never indefinite.
    """
    rows, columns = np.tril_indices(n_dims)
    factors = np.zeros((n_parts, n_dims, n_dims))
    factors[:, rows, columns] = packed.reshape(n_parts, -1)
    return np.asarray(factors @ factors.swapaxes(1, 2), dtype=float)


def shares(roots: Floats) -> Floats:
    """Return the rows of probabilities whose square roots are proportional to ``roots``."""
    squares = roots * roots
    return np.asarray(squares / squares.sum(axis=-1, keepdims=True), dtype=float)


def eigenvalue_gauges(
    covariances: Floats, variances: Floats, *, narrowest: float = SMALLEST_SPREAD, of_one: str = ""
) -> tuple[Gauge, ...]:
    """Return a gauge per covariance: its smallest eigenvalue as a share of the data's variance.

    Columns are scaled to the data's standard deviations, so that minutes and meters compare.
    ``fail`` says how small the eigenvalue would be when the guard of
    :func:`~em_explorer.models.gaussian.check_covariances` trips, whether because the covariance
    goes flat (correlation-scaled eigenvalue below 1e-11) or narrow (a standard deviation below
    1e-10 of the data's): the value is below ``fail`` exactly when EM stops.

    Parameters
    ----------
    covariances : (K, D, D) float
    variances : (D,) float
        Of the whole data.
    narrowest : float
        Standard deviation, as a share of the data's, at which the guard trips; 0 has none.
    of_one : str
        Label where there is but one covariance, which then belongs to no part.
    """
    scale = np.sqrt(np.where(variances > 0, variances, 1.0))
    scaled = covariances / np.outer(scale, scale)
    smallest = np.linalg.eigvalsh(scaled)[:, 0]
    gauges = []
    flat = smallest_correlation_eigenvalue(covariances)
    for k, value in enumerate(smallest):
        narrow = narrowest**2 / max(float(scaled[k].diagonal().min()), np.finfo(float).tiny)
        if scaled.shape[1] > 1:
            narrow = max(narrow, SMALLEST_EIGENVALUE / max(float(flat[k]), np.finfo(float).tiny))
        label = of_one or f"smallest eigenvalue {k + 1}"
        gauges.append(
            Gauge(
                label,
                None if of_one else k,
                float(value),
                THIN,
                float(value) * narrow,
                1.0,
                "of the data’s variance",
                "eigenvalue",
            )
        )
    return tuple(gauges)
