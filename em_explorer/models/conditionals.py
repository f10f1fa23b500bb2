"""The multivariate normal conditioned on part of its columns: what fills the holes of a row.

Source: Bishop (2006), *Pattern Recognition and Machine Learning*, §2.3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import SingularError
from em_explorer.models import gaussian
from em_explorer.models.gaussian import LOG_2PI, GaussianStatistics, inverse_lower
from em_explorer.models.patterns import PatternStack


@dataclass(frozen=True)
class Regression:
    """How a row's missing cells follow from its observed ones: ``x_m = a + B x_o + noise``.

    Attributes
    ----------
    observed_columns, missing_columns : (o,), (m,) int
    coefficients : (m, o) float
        B.
    intercept : (m,) float
        a, in the frame of the parameters it was made from.
    conditional_covariance : (m, m) float
        Covariance of the noise.
    """

    observed_columns: Ints
    missing_columns: Ints
    coefficients: Floats
    intercept: Floats
    conditional_covariance: Floats

    def __post_init__(self) -> None:
        freeze(self)


def regression(mean: Floats, covariance: Floats, observed: Any) -> Regression:
    """Return the regression that fills the holes of a row.

    Parameters
    ----------
    mean : (D,) float
        In the data's units, if the intercept is wanted in the data's units.
    covariance : (D, D) float
    observed : (D,) bool
        Which cells of the row were seen.

    Raises
    ------
    SingularError
        When the covariance is numerically singular.
    """
    seen = np.asarray(observed, dtype=bool)
    columns, holes = np.flatnonzero(seen), np.flatnonzero(~seen)
    refuse_singular(covariance, [f"column {i + 1}" for i in range(len(seen))])
    order = np.concatenate([columns, holes])
    _, coefficients, factors = _condition(covariance, order[None], len(columns))
    intercept = mean[holes] - coefficients[0] @ mean[columns]
    return Regression(columns, holes, coefficients[0], intercept, factors[0] @ factors[0].T)


@dataclass(frozen=True)
class Conditionals:
    """The normal conditioned on the observed columns of each pattern of a stack.

    ``mean`` (P, D) and everything else is in the pattern's own column order, observed first.
    """

    mean: Floats
    observed_factors: Floats
    coefficients: Floats
    factors: Floats

    @classmethod
    def of(cls, mean: Floats, covariance: Floats, stack: PatternStack) -> Conditionals:
        """Condition N(mean, covariance) on what each pattern of the stack observes."""
        parts = _condition(covariance, stack.order, stack.n_observed)
        return cls(mean[stack.order], *parts)

    def means(self, p: int, stack: PatternStack, values: Floats) -> Floats:
        """Return E[x_m | x_o] for rows of pattern p, (n, m)."""
        o = stack.n_observed
        apart = values[:, stack.order[p, :o]] - self.mean[p, :o]
        return np.asarray(self.mean[p, o:] + apart @ self.coefficients[p].T)

    def statistics(self, stack: PatternStack, *, uncertain: bool = True) -> GaussianStatistics:
        """Return count, mean and scatter of the completed rows of all patterns together.

        Without ``uncertain`` the filled cells count as seen, which they were not.
        """
        o, slopes = stack.n_observed, self.coefficients
        shift = stack.means - self.mean[:, :o]
        filled = self.mean[:, o:] + np.einsum("pmo,po->pm", slopes, shift)

        scatter = np.empty((len(stack.order), stack.order.shape[1], stack.order.shape[1]))
        scatter[:, :o, :o] = stack.scatter
        scatter[:, o:, :o] = slopes @ stack.scatter
        scatter[:, :o, o:] = _transposed(scatter[:, o:, :o])
        scatter[:, o:, o:] = scatter[:, o:, :o] @ _transposed(slopes)
        if uncertain:
            noise = self.factors @ _transposed(self.factors)
            scatter[:, o:, o:] += stack.counts[:, None, None] * noise

        back = np.argsort(stack.order, axis=1)
        pattern = np.arange(len(back))
        means = np.concatenate([stack.means, filled], axis=1)[pattern[:, None], back]
        scatter = scatter[pattern[:, None, None], back[:, :, None], back[:, None, :]]
        return _pooled(GaussianStatistics(stack.counts, means, scatter))

    def entropy(self, stack: PatternStack) -> float:
        """Return ``Σ_p n_p ½ (d_m log 2πe + log|C_p|)`` in nats."""
        n_holes = self.factors.shape[1]
        log_det = 2.0 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        return float(stack.counts @ (0.5 * (n_holes * (LOG_2PI + 1.0) + log_det)))

    def log_likelihood(self, stack: PatternStack) -> float:
        """Return ``Σ_n log N(x_o; μ_o, Σ_oo)`` over the rows of all patterns, in nats."""
        o = stack.n_observed
        inverse = inverse_lower(self.observed_factors)
        shift = np.einsum("pij,pj->pi", inverse, stack.means - self.mean[:, :o])
        precision = _transposed(inverse) @ inverse
        log_det = 2.0 * np.log(np.diagonal(self.observed_factors, axis1=1, axis2=2)).sum(axis=1)
        per_row = o * LOG_2PI + log_det + (shift**2).sum(axis=1)
        return float(-0.5 * (stack.counts @ per_row + (precision * stack.scatter).sum()))


def _condition(covariance: Floats, order: Ints, o: int) -> tuple[Floats, Floats, Floats]:
    """Split Σ in each order into observed part and the regression of the rest on it.

    One Cholesky factorisation says it all: with Σ = L Lᵀ, observed columns first,
    ``Σ_oo = L_oo L_ooᵀ``, ``B = L_mo L_oo⁻¹`` and ``C = Σ_mm − B Σ_om = L_mm L_mmᵀ``, which is
    never indefinite, as the subtraction may be.

    Returns
    -------
    observed_factors : (P, o, o) float
        L_oo.
    coefficients : (P, m, o) float
        B.
    factors : (P, m, m) float
        L_mm.
    """
    ordered = covariance[order[:, :, None], order[:, None, :]]
    factor = np.asarray(np.linalg.cholesky(ordered), dtype=float)
    observed_factors = factor[:, :o, :o]
    coefficients = factor[:, o:, :o] @ inverse_lower(observed_factors)
    return observed_factors, coefficients, factor[:, o:, o:]


def _pooled(groups: GaussianStatistics) -> GaussianStatistics:
    """Merge all groups into one."""
    total = groups.counts.sum(keepdims=True)
    mean = (groups.counts @ groups.means / total)[None]
    return GaussianStatistics(total, mean, groups.total_scatter()[None])


def _transposed(matrices: Floats) -> Floats:
    return np.swapaxes(matrices, 1, 2)


def refuse_singular(covariance: Floats, columns: Sequence[str]) -> None:
    """Refuse a covariance that is singular, and say which columns make it so."""
    smallest = gaussian.smallest_correlation_eigenvalue(covariance[None])[0]
    if smallest >= gaussian.SMALLEST_EIGENVALUE:
        return
    variances = np.diagonal(covariance)
    if not np.isfinite(covariance).all():
        raise SingularError("The covariance holds a value that is not a finite number.")
    if not (variances > 0).all():
        column = int(np.argmin(variances))
        raise SingularError(
            f"The variance of {columns[column]} is zero (its observed values are all equal), so "
            "the covariance is singular. Leave the column out or set a ridge.",
            column,
        )
    spread = np.sqrt(variances)
    _, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    involved = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1)
    names = ", ".join(columns[int(i)] for i in involved)
    raise SingularError(
        f"The covariance is singular: {names} determine one another, or there are too few rows to "
        "tell. Leave a column out or set a ridge.",
        int(involved[0]),
    )
