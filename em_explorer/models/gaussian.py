"""The multivariate normal, shared by mixture, hidden Markov model and missing data.

Source: Bishop (2006), *Pattern Recognition and Machine Learning*, §2.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Floats, freeze, latest
from em_explorer.em.errors import SingularError

LOG_2PI = float(np.log(2.0 * np.pi))
EPS = float(np.finfo(float).eps)

SMALLEST_EIGENVALUE = 1e-11
"""A correlation-scaled covariance with a smaller eigenvalue is numerically singular: a Cholesky
factorisation may still succeed there, by rounding, and the bound may then fall."""

SMALLEST_SPREAD = 1e-10
"""A standard deviation smaller than this fraction of the data's has collapsed: the differences
``x − μ`` that it is measured with are rounding."""


@dataclass(frozen=True)
class GaussianStatistics:
    """Weighted counts, means and scatter of K groups of points; mergeable with ``+``.

    The scatter is about each group's own mean. Raw second moments would lose every digit when
    the data's offset is large beside their spread.

    Attributes
    ----------
    counts : (K,) float
        Sums of the weights, N_k.
    means : (K, D) float
        Weighted means; zero where a count is zero.
    scatter : (K, D, D) float
        ``Σ_n r_nk (x_n − m_k)(x_n − m_k)ᵀ``.
    """

    counts: Floats
    means: Floats
    scatter: Floats

    def __post_init__(self) -> None:
        freeze(self)

    def __add__(self, other: GaussianStatistics) -> GaussianStatistics:
        """Merge two disjoint sets of points (Chan, Golub & LeVeque 1983)."""
        counts = self.counts + other.counts
        share = np.divide(other.counts, counts, out=np.zeros_like(counts), where=counts > 0)
        shift = other.means - self.means
        means = self.means + share[:, None] * shift
        between = (self.counts * share)[:, None, None] * shift[:, :, None] * shift[:, None, :]
        return GaussianStatistics(counts, means, self.scatter + other.scatter + between)

    def total_scatter(self) -> Floats:
        """Return the (D, D) scatter of all points about their common mean."""
        grand_mean = self.counts @ self.means / max(float(self.counts.sum()), EPS)
        shift = self.means - grand_mean
        return np.asarray(
            self.scatter.sum(0) + np.einsum("k,ki,kj->ij", self.counts, shift, shift), dtype=float
        )

    def total_variances(self) -> Floats:
        """Return the (D,) diagonal of :meth:`total_scatter` per point."""
        total = float(self.counts.sum())
        shift = self.means - self.counts @ self.means / total
        within = self.scatter.sum(axis=0).diagonal()
        return np.asarray((within + self.counts @ (shift * shift)) / total, dtype=float)


def weighted_statistics(points: Floats, weights: Floats) -> GaussianStatistics:
    """Return counts, means and scatter of ``points`` under ``weights``.

    Parameters
    ----------
    points : (N, D) float
    weights : (N, K) float
        How much of each point belongs to each group.
    """
    columns = np.ascontiguousarray(points.T)
    counts = weights.sum(0)
    sums = weights.T @ points
    means = np.divide(sums, counts[:, None], out=np.zeros_like(sums), where=counts[:, None] > 0)
    scatter = np.empty((counts.size, points.shape[1], points.shape[1]))
    half = np.empty_like(columns)
    for k, mean in enumerate(means):
        # A product A Aᵀ comes out exactly symmetric, which (w A) Aᵀ does not.
        np.subtract(columns, mean[:, None], out=half)
        half *= np.sqrt(weights[:, k])
        scatter[k] = half @ half.T
    return GaussianStatistics(counts, means, scatter)


@latest
def inverse_factors(covariances: Floats) -> Floats:
    """Return ``L_k⁻¹`` of each covariance ``L_k L_kᵀ``, (K, D, D).

    Raises
    ------
    SingularError
        When a covariance is not positive definite.
    """
    return inverse_lower(choleskys(covariances))


def smallest_correlation_eigenvalue(covariances: Floats) -> Floats:
    """Return, per covariance, the smallest eigenvalue after scaling its diagonal to one.

    Parameters
    ----------
    covariances : (K, D, D) float

    Returns
    -------
    (K,) float
        In (0, 1]; zero or less where a variance is not positive.
    """
    variances = covariances.diagonal(0, 1, 2)
    if variances.min() > 0 and math.isfinite(covariances.sum()):
        spread = np.sqrt(variances)
        if covariances.shape[1] == 2:
            correlations = covariances[:, 0, 1] / (spread[:, 0] * spread[:, 1])
            return np.asarray(1.0 - np.abs(correlations), dtype=float)
        correlation = covariances / (spread[:, :, None] * spread[:, None, :])
        return np.asarray(np.linalg.eigvalsh(correlation)[:, 0], dtype=float)
    smallest = np.full(len(covariances), -1.0)
    for k, covariance in enumerate(covariances):
        if variances[k].min() > 0 and np.isfinite(covariance).all():
            spread = np.sqrt(variances[k])
            smallest[k] = np.linalg.eigvalsh(covariance / np.outer(spread, spread))[0]
    return smallest


def check_covariances(covariances: Floats, data_variances: Floats | None, part: str) -> None:
    """Refuse covariances that are singular, or so nearly so that rounding would lie.

    Parameters
    ----------
    covariances : (K, D, D) float
    data_variances : (D,) float or None
        The whole data's variances, to measure a collapsed spread against.
    part : str
        What one of them belongs to, for the message: "component", "state".

    Raises
    ------
    SingularError
        Naming the first that collapsed.
    """
    flat = smallest_correlation_eigenvalue(covariances) < SMALLEST_EIGENVALUE
    if data_variances is not None:
        narrow = covariances.diagonal(0, 1, 2) < SMALLEST_SPREAD**2 * data_variances
        flat |= narrow.any(axis=1)
    if flat.any():
        k = int(np.argmax(flat))
        raise SingularError(
            f"{part.capitalize()} {k + 1} has collapsed: its covariance is singular, and the "
            "likelihood grows without bound. Try another start, fewer "
            f"{part}s, or a ridge.",
            k,
        )


def rounding(covariances: Floats) -> float:
    """Return the relative fall of a bound that rounding can explain at these covariances."""
    smallest = float(smallest_correlation_eigenvalue(covariances).min())
    return 1e-12 + EPS / max(smallest, EPS)


def cholesky(covariance: Floats, part: int | None = None) -> Floats:
    """Return the lower factor L of Σ = L Lᵀ.

    Raises
    ------
    SingularError
        When Σ is not positive definite; ``part`` is handed on.
    """
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError:
        whose = "A covariance" if part is None else f"Covariance {part + 1}"
        raise SingularError(
            f"{whose} is not positive definite. Try another start or a ridge.", part
        ) from None


def choleskys(covariances: Floats) -> Floats:
    """Return the lower factors of several covariances, (K, D, D).

    Raises
    ------
    SingularError
        Naming the first that is not positive definite.
    """
    try:
        return np.asarray(np.linalg.cholesky(covariances), dtype=float)
    except np.linalg.LinAlgError:
        return np.stack([cholesky(covariance, k) for k, covariance in enumerate(covariances)])


def inverse_lower(factors: Floats) -> Floats:
    """Return the inverses of lower triangular matrices, (K, D, D).

    Their transposes are upper triangular, where elimination has nothing to do and never pivots:
    plain back substitution, exact even for badly scaled columns.
    """
    upper = np.swapaxes(factors, 1, 2)
    inverse = np.linalg.solve(upper, np.eye(factors.shape[1]))
    return np.swapaxes(np.asarray(inverse, dtype=float), 1, 2)


def log_density(points: Floats, means: Floats, covariances: Floats) -> Floats:
    """Return log N(x_n; μ_k, Σ_k) for each point and group.

    With the Cholesky factor Σ = L Lᵀ and z = L⁻¹(x − μ):
    ``log N = −½ (D log 2π + |z|²) − Σ_i log L_ii``.

    Parameters
    ----------
    points : (N, D) float
    means : (K, D) float
    covariances : (K, D, D) float, positive definite

    Returns
    -------
    (N, K) float, nats

    Raises
    ------
    SingularError
        When a covariance is not positive definite.
    """
    n_points, n_dims = points.shape
    columns = np.ascontiguousarray(points.T)
    apart = np.empty_like(columns)
    # A view whose columns are contiguous: all that follows runs along the points.
    result = np.empty((len(means), n_points)).T
    for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        factor = cholesky(covariance, k)
        np.subtract(columns, mean[:, None], out=apart)
        with np.errstate(over="ignore"):  # beyond all bounds the density is zero
            whitened = _solve_lower(factor, apart)
            whitened *= whitened
        log_root = float(np.log(np.diagonal(factor)).sum())
        result[:, k] = -0.5 * whitened.sum(axis=0) - (0.5 * n_dims * LOG_2PI + log_root)
    return result


def _solve_lower(factor: Floats, right: Floats) -> Floats:
    """Solve ``L z = right`` by forward substitution, which keeps small pivots exact.

    Overwrites ``right`` with the solution and returns it.
    """
    for i, row in enumerate(factor):
        if i:
            right[i] -= row[:i] @ right[:i]
        right[i] /= row[i]
    return right


def expected_log_density(
    statistics: GaussianStatistics, means: Floats, covariances: Floats
) -> float:
    """Return ``Σ_n Σ_k r_nk log N(x_n; μ_k, Σ_k)`` from statistics alone, in nats."""
    if not statistics.counts.all():
        present = statistics.counts > 0
        few = (statistics.counts, statistics.means, statistics.scatter)
        statistics = GaussianStatistics(*(part[present] for part in few))
        means, covariances = means[present], covariances[present]
    inverses = inverse_factors(covariances)
    shift = (inverses @ (statistics.means - means)[:, :, None])[:, :, 0]
    # tr(L⁻¹ S L⁻ᵀ) without the last product.
    scatter = ((inverses @ statistics.scatter) * inverses).sum()
    log_det = -2.0 * np.log(np.diagonal(inverses, axis1=1, axis2=2)).sum(axis=1)
    per_point = means.shape[1] * LOG_2PI + log_det + (shift**2).sum(axis=1)
    return float(-0.5 * (statistics.counts @ per_point + scatter))
