"""A multivariate normal fitted to a table with holes, by EM.

The hidden variables are the missing cells. Given the current mean and covariance, a row's missing
cells are normal around their regression on its observed cells; the E-step fills the holes with
that regression *and* adds its residual covariance to the second moments. Leaving the latter out
(imputing and refitting) shrinks variances and is not maximum likelihood.

Source: Little & Rubin (2019), *Statistical Analysis with Missing Data*, §11.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.em.model import Expectation
from em_explorer.models import gaussian
from em_explorer.models.backend import Backend
from em_explorer.models.conditionals import Conditionals, refuse_singular
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.locking import Locks, held_normal, listed, masks, put_back
from em_explorer.models.missing_data_params import (
    MissingDataOptions,
    MissingDataParams,
    MissingDataPosterior,
    MissingDataStart,
)
from em_explorer.models.patterns import IncompleteData, centred, read_table

__all__ = [
    "MissingData",
    "MissingDataOptions",
    "MissingDataParams",
    "MissingDataPosterior",
    "MissingDataStart",
    "draw",
]


@dataclass(frozen=True, slots=True)
class MissingData:
    """EM for a multivariate normal with missing cells (see :class:`~em_explorer.em.EMModel`).

    Statistics are one group of :class:`~em_explorer.models.gaussian.GaussianStatistics`: the
    expected count, mean and scatter of the completed rows. ``locks`` hold entries of the mean,
    "mean" (d,), and the whole covariance, "covariance" ().
    """

    options: MissingDataOptions = field(default_factory=MissingDataOptions)
    backend: Backend = Backend.REFERENCE
    locks: Locks = frozenset()

    def prepare(self, raw: Any) -> IncompleteData:
        """Check a table with holes, center it, and group its rows by pattern.

        Parameters
        ----------
        raw : (N, D) array-like of numbers, NaN where missing

        Raises
        ------
        DataError
            For text, infinities, a wrong shape, or a column with nothing observed.
        """
        return centred(*read_table(raw))

    def n_observations(self, data: IncompleteData) -> int:
        """Count the rows with something observed: only they have a likelihood."""
        return data.shape[0] - len(data.empty_rows)

    def initialize(self, data: IncompleteData, rng: np.random.Generator) -> MissingDataParams:
        """Choose initial parameters as ``options.start`` says.

        Raises
        ------
        DataError
            When the parameters must be given, or too few rows are complete to start from them.
        """
        start = self.options.start
        if start is MissingDataStart.GIVEN:
            raise DataError("This start needs parameters: give a mean and a covariance.")
        if start is MissingDataStart.COMPLETE_CASES:
            return self._complete_cases(data)
        n_columns = data.shape[1]
        variances = self.available_variances(data.observed.sum(axis=0), data.variances)
        if start is MissingDataStart.AVAILABLE_CASES:
            return MissingDataParams(np.zeros(n_columns), np.diag(variances))
        spread = np.sqrt(variances)
        mean = spread * rng.standard_normal(n_columns)
        rows = rng.standard_normal((n_columns, n_columns + 2))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return MissingDataParams(mean, _symmetric(np.outer(spread, spread) * (rows @ rows.T)))

    def available_variances(self, counts: Any, variances: Floats) -> Floats:
        """Return each column's own variance, or its MAP estimate where there is a prior.

        Parameters
        ----------
        counts : (D,) int
            How many values each column has.
        variances : (D,) float
            Of those values.
        """
        degrees = 1.0 if self.options.ridge > 0 else 0.0
        return np.asarray(
            (counts * variances + self.options.ridge) / (counts + degrees), dtype=float
        )

    def _complete_cases(self, data: IncompleteData) -> MissingDataParams:
        complete = data.complete
        advice = "Start from the available cases instead."
        if complete is None:
            raise DataError(f"No row is complete. {advice}")
        rows = GaussianStatistics(complete.counts, complete.means, complete.scatter)
        covariance = self._covariance(rows)
        if gaussian.smallest_correlation_eigenvalue(covariance[None])[0] < 1e-8:
            raise DataError(
                f"The {int(rows.counts[0])} complete rows are too few, or too much alike, for a "
                f"covariance of {len(covariance)} columns. {advice}"
            )
        return MissingDataParams(rows.means[0], covariance)

    def e_step(
        self,
        data: IncompleteData,
        params: MissingDataParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[GaussianStatistics]:
        """Fill the holes: expected count, mean and scatter of the completed rows.

        For each pattern, with o observed and m missing,
        ``B = Σ_mo Σ_oo⁻¹``, ``C = Σ_mm − B Σ_om``, the missing mean is ``μ_m + B (m_o − μ_o)`` and
        the scatter ``[[M, M Bᵀ], [B M, B M Bᵀ + n C]]``.

        Returns
        -------
        Expectation
            ``log_likelihood`` is the observed-data log-likelihood with all its constants, in nats;
            ``entropy`` is ``Σ_p n_p ½ (d_m log 2πe + log|C_p|)``. Rows with nothing observed are
            left out of both. ``latent``: :class:`MissingDataPosterior`.

        Raises
        ------
        SingularError
            When the covariance is numerically singular.

        Source: Little & Rubin (2019), §11.2.1.
        """
        refuse_singular(params.covariance, data.columns)
        posterior = self._posterior(data, params) if latent else None
        # A chunk of rows in which nothing is observed has no patterns, and nothing to compile.
        if self.backend is Backend.NUMBA and data.stacks:
            from em_explorer.models.kernels import missing_data as kernel

            found = kernel.e_step(data, params.mean, params.covariance)
            if found is not None:
                return replace(found, latent=posterior)
        n_columns = data.shape[1]
        statistics = GaussianStatistics(
            np.zeros(1), np.zeros((1, n_columns)), np.zeros((1, n_columns, n_columns))
        )
        entropy = log_likelihood = 0.0
        for stack in data.stacks:
            given = Conditionals.of(params.mean, params.covariance, stack)
            statistics += given.statistics(stack)
            entropy += given.entropy(stack)
            log_likelihood += given.log_likelihood(stack)
        return Expectation(statistics, entropy, log_likelihood, posterior)

    def _posterior(self, data: IncompleteData, params: MissingDataParams) -> MissingDataPosterior:
        imputed = data.values.copy()
        deviations = np.zeros(data.shape)
        imputed[data.empty_rows] = params.mean
        deviations[data.empty_rows] = np.sqrt(np.diagonal(params.covariance))
        for stack in data.stacks:
            given = Conditionals.of(params.mean, params.covariance, stack)
            spread = np.sqrt((given.factors**2).sum(axis=2))
            for p, rows in enumerate(stack.rows):
                holes = np.ix_(rows, stack.order[p, stack.n_observed :])
                imputed[holes] = given.means(p, stack, data.values[rows])
                deviations[holes] = spread[p]
        return MissingDataPosterior(imputed, deviations, data.observed)

    def m_step(
        self, params: MissingDataParams, expectation: Expectation[GaussianStatistics]
    ) -> MissingDataParams:
        """Return mean ``m`` and covariance ``(M2 + Ψ) / (N + ν)`` of the completed rows.

        With locks as :func:`~em_explorer.models.locking.held_normal` says.

        Raises
        ------
        SingularError
            When that covariance is numerically singular.
        """
        statistics = expectation.statistics
        if self.locks:
            locked = masks(self.locks, _lock_shapes(params))
            held, old = (locked["mean"], locked["covariance"]), (params.mean, params.covariance)
            mean, covariance = held_normal(statistics, old, held, self.options.ridge)
        else:
            mean, covariance = statistics.means[0], self._covariance(statistics)
        refuse_singular(covariance, [f"column {i + 1}" for i in range(len(covariance))])
        return MissingDataParams(mean, covariance)

    def lockable(self, params: MissingDataParams) -> tuple[Lock, ...]:
        """Return every lock there is for these parameters."""
        return listed(_lock_shapes(params))

    def hold(self, params: MissingDataParams, like: MissingDataParams) -> MissingDataParams:
        """Return ``params`` with what is locked as it is in ``like``."""
        if not self.locks:
            return params
        locked = masks(self.locks, _lock_shapes(like))
        return MissingDataParams(
            put_back(params.mean, like.mean, locked["mean"]),
            put_back(params.covariance, like.covariance, locked["covariance"]),
        )

    def _covariance(self, statistics: GaussianStatistics) -> Floats:
        """Return the MAP covariance; ν = 1 and Ψ = ridge · I with a prior, else both zero."""
        scatter, count, ridge = statistics.scatter[0], statistics.counts[0], self.options.ridge
        degrees = 1.0 if ridge > 0 else 0.0
        return _symmetric((scatter + ridge * np.eye(len(scatter))) / (count + degrees))

    def bound(
        self, params: MissingDataParams, expectation: Expectation[GaussianStatistics]
    ) -> float:
        """Return ``E_q[log p(X, Z | θ)] + H(q) + log p(θ)`` in nats, from the statistics alone."""
        expected = gaussian.expected_log_density(
            expectation.statistics, params.mean[None], params.covariance[None]
        )
        return expected + expectation.entropy + self.log_prior(params)

    def log_prior(self, params: MissingDataParams) -> float:
        """Return ``−½ [log|Σ| + ridge · tr(Σ⁻¹)]`` in nats; 0 without a ridge."""
        ridge = self.options.ridge
        if ridge == 0:
            return 0.0
        _, log_det = np.linalg.slogdet(params.covariance)
        return float(-0.5 * (log_det + ridge * np.trace(np.linalg.inv(params.covariance))))

    def rounding(self, params: MissingDataParams) -> float:
        """Return the relative fall of the bound that rounding can explain."""
        return gaussian.rounding(params.covariance[None])

    def symmetry(self, params: MissingDataParams) -> str | None:
        """Return None: a single normal has no equal parts."""
        return None

    def nudge(
        self, params: MissingDataParams, rng: np.random.Generator, size: float
    ) -> MissingDataParams:
        """Move the mean by ``size`` standard deviations, and variances and correlations alike.

        ``Σ → L (I + size · E) Lᵀ`` with E symmetric: valid for every small size, whatever Σ.
        """
        n_columns = len(params.mean)
        factor = np.linalg.cholesky(params.covariance)
        noise = rng.standard_normal((n_columns, n_columns))
        noise = (noise + noise.T) / max(2.0, 2.0 * float(np.linalg.norm(noise, 2)))
        covariance = factor @ (np.eye(n_columns) + min(size, 0.5) * noise) @ factor.T
        mean = params.mean + size * factor @ rng.standard_normal(n_columns)
        return self.hold(MissingDataParams(mean, _symmetric(covariance)), params)

    def sample(self, params: MissingDataParams, n: int, rng: np.random.Generator) -> Floats:
        """Draw ``n`` complete rows, (n, D)."""
        noise = rng.standard_normal((n, len(params.mean)))
        return params.mean + noise @ np.linalg.cholesky(params.covariance).T

    def to_units(self, params: MissingDataParams, data: IncompleteData) -> MissingDataParams:
        """Translate params from the centred frame into the data's units."""
        return MissingDataParams(params.mean + data.center, params.covariance)

    def from_units(self, params: MissingDataParams, data: IncompleteData) -> MissingDataParams:
        """Translate params in the data's units into the centred frame.

        Raises
        ------
        DataError
            When their shapes do not fit the data, or the covariance is not symmetric.
        """
        mean = np.array(params.mean, dtype=float)
        covariance = np.array(params.covariance, dtype=float)
        n_columns = data.shape[1]
        if mean.shape != (n_columns,) or covariance.shape != (n_columns, n_columns):
            raise DataError(
                f"The data have {n_columns} columns, so the mean needs {n_columns} numbers and the "
                f"covariance {n_columns} × {n_columns}; their shapes are {mean.shape} and "
                f"{covariance.shape}."
            )
        scale = np.abs(covariance).max()
        if not np.isfinite(mean).all() or not np.isfinite(scale):
            raise DataError("The given mean and covariance must be finite numbers.")
        if np.abs(covariance - covariance.T).max() > 1e-10 * scale:
            raise DataError("The given covariance is not symmetric.")
        return MissingDataParams(mean - data.center, _symmetric(covariance))

    def permuted(self, params: MissingDataParams, order: Any) -> MissingDataParams:
        """Return the params: there is one normal, and nothing to renumber."""
        if list(order) != [0]:
            raise DataError("There is one normal here: its only order is [0].")
        return params


def draw(data: IncompleteData, params: MissingDataParams, rng: np.random.Generator) -> Floats:
    """Fill every hole with a random draw given the row's observed cells.

    Conditional means lie on the regression and make the completed table too narrow; draws have
    the spread that the model gives the missing values.

    Returns
    -------
    (N, D) float
        In the centred frame; add ``data.center`` for the data's units.
    """
    refuse_singular(params.covariance, data.columns)
    drawn = data.values.copy()
    noise = rng.standard_normal((len(data.empty_rows), data.shape[1]))
    drawn[data.empty_rows] = params.mean + noise @ np.linalg.cholesky(params.covariance).T
    for stack in data.stacks:
        given = Conditionals.of(params.mean, params.covariance, stack)
        for p, rows in enumerate(stack.rows):
            holes = stack.order[p, stack.n_observed :]
            noise = rng.standard_normal((len(rows), len(holes)))
            means = given.means(p, stack, data.values[rows])
            drawn[np.ix_(rows, holes)] = means + noise @ given.factors[p].T
    return drawn


def _lock_shapes(params: MissingDataParams) -> dict[str, tuple[int, ...]]:
    return {"mean": params.mean.shape, "covariance": ()}


def _symmetric(matrix: Floats) -> Floats:
    return np.asarray(0.5 * (matrix + matrix.T))
