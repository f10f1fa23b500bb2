"""A mixture of K normal distributions: each point was drawn from one of them, nobody says which.

``p(x) = Σ_k w_k N(x; μ_k, Σ_k)``

Source: Bishop (2006), *Pattern Recognition and Machine Learning*, §9.2; the prior on the
covariances as in Fraley & Raftery (2007), "Bayesian regularization for normal mixture estimation".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.model import Expectation
from em_explorer.models.backend import Backend
from em_explorer.models.gaussian import (
    GaussianStatistics,
    check_covariances,
    cholesky,
    expected_log_density,
    log_density,
    rounding,
    weighted_statistics,
)
from em_explorer.models.gaussian_mixture_params import (
    CovarianceType,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixturePosterior,
    MixtureStart,
    check_params,
    hard_labels,
    maximize_covariances,
)
from em_explorer.models.gaussian_mixture_starts import draw_start
from em_explorer.models.locking import (
    Locks,
    held_gaussians,
    held_shares,
    listed,
    masks,
    put_back,
    tell_apart,
)
from em_explorer.models.points import Points, read_points
from em_explorer.models.responsibilities import responsibilities_of

__all__ = [
    "CovarianceType",
    "GaussianMixture",
    "GaussianMixtureOptions",
    "GaussianMixtureParams",
    "MixturePosterior",
    "MixtureStart",
    "hard_labels",
]

ALIKE = 1e-6
"""Components that differ by less than this fraction of their spread are the same."""


@dataclass(frozen=True)
class GaussianMixture:
    """EM for a Gaussian mixture; see :class:`~em_explorer.em.model.EMModel`.

    Attributes
    ----------
    options : GaussianMixtureOptions
    backend : Backend
        Which code runs the E-step.
    locks : frozenset of Lock
        What every M-step must leave as it is: "weights" (k,), "means" (k,), "covariances" (k,),
        or () when they are tied.
    """

    options: GaussianMixtureOptions = field(default_factory=GaussianMixtureOptions)
    backend: Backend = Backend.REFERENCE
    locks: Locks = frozenset()

    def prepare(self, raw: Any) -> Points:
        """Check a table of points and centre it.

        Parameters
        ----------
        raw : (N, D) or (N,) array of numbers

        Raises
        ------
        DataError
            Besides what :func:`~em_explorer.models.points.read_points` refuses: fewer points
            than components, or a column that never varies while there is no ridge.
        """
        data = read_points(raw)
        self.check_enough(len(data.points), np.ptp(data.points, axis=0) == 0)
        return data

    def check_enough(self, n_points: int, constant: Bools) -> None:
        """Refuse fewer points than components, and columns (D,) that never vary.

        Raises
        ------
        DataError
            As :meth:`prepare` does.
        """
        n_components = self.options.n_components
        if n_components > n_points:
            raise DataError(
                f"There are {n_components} components for {n_points} points; "
                "choose fewer components."
            )
        if constant.any() and self.options.ridge == 0:
            raise DataError(
                f"Column {int(np.argmax(constant)) + 1} is the same in every row, so every "
                "covariance is singular; leave it out or set a ridge."
            )

    def n_observations(self, data: Points) -> int:
        """Count the points."""
        return len(data.points)

    def initialize(self, data: Points, rng: np.random.Generator) -> GaussianMixtureParams:
        """Draw initial parameters as ``options.start`` says.

        Raises
        ------
        DataError
            When the start is "given": then there is nothing to draw.
        """
        return draw_start(self.options, data, rng)

    def e_step(
        self,
        data: Points,
        params: GaussianMixtureParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[GaussianStatistics]:
        """Find how responsible each component is for each point.

        ``r_nk = w_k N(x_n; μ_k, Σ_k) / p(x_n)`` with ``p(x_n) = Σ_j w_j N(x_n; μ_j, Σ_j)``,
        in logarithms, because densities underflow. ``H(q) = −Σ r log r``.

        Raises
        ------
        SingularError
            When a covariance is not positive definite.
        ImpossibleDataError
            When a point has density zero under every component.

        Source: Bishop (2006), eq. 9.23.
        """
        if self.backend is Backend.NUMBA:
            from em_explorer.models.kernels import gaussian_mixture as kernel

            return kernel.e_step(data, params, latent=latent)
        # A weight of zero is log 0 = −inf, and r = 0; so is a point too far away to measure.
        with np.errstate(divide="ignore", over="ignore"):
            log_joint = log_density(data.points, params.means, params.covariances)
            log_joint += np.log(params.weights)
        log_point, responsibilities, entropy = responsibilities_of(log_joint)
        return Expectation(
            weighted_statistics(data.points, responsibilities),
            entropy,
            log_likelihood=float(log_point.sum()),
            latent=MixturePosterior(responsibilities, log_point) if latent else None,
        )

    def m_step(
        self, params: GaussianMixtureParams, expectation: Expectation[GaussianStatistics]
    ) -> GaussianMixtureParams:
        """Move every component to the points it is responsible for.

        ``w_k = (N_k + a) / Σ_j (N_j + a)``, ``μ_k = m_k``; covariances as
        :func:`maximize_covariances` says. Where a prior allows it, a component without points
        keeps its mean (and its covariance, unless the prior or the others give it one). What is
        locked stays; see :mod:`~em_explorer.models.locking`.

        Raises
        ------
        SingularError
            When a component is empty and there is no prior, or when one has collapsed.
        DataError
            When a lock names something that is not there.

        Source: Bishop (2006), eqs. 9.24–9.26.
        """
        options, statistics = self.options, expectation.statistics
        counts = statistics.counts
        locked = masks(self.locks, self._lock_shapes(params)) if self.locks else None
        empty = counts == 0
        if locked is not None and empty.any():
            # A component that is held whole needs no points.
            tied = options.covariance_type is CovarianceType.TIED
            empty &= ~(locked["means"] & (locked["covariances"] | tied))
        any_empty = bool(empty.any())
        if any_empty and options.ridge == 0 and options.weight_pseudo_count == 0:
            k = int(np.argmax(empty))
            raise SingularError(
                f"Component {k + 1} is empty: every point is too far from it to count. "
                "Try another start or fewer components.",
                k,
            )
        weights = counts + options.weight_pseudo_count
        means = statistics.means
        if locked is not None:
            weights = held_shares(weights, params.weights, locked["weights"])
            means, covariances = held_gaussians(
                options.covariance_type,
                statistics,
                (params.means, params.covariances),
                (locked["means"], locked["covariances"]),
                options.ridge,
            )
        elif any_empty:
            means = np.where(empty[:, None], params.means, means)
            with np.errstate(invalid="ignore"):  # what is 0/0 stays as it is
                fitted = maximize_covariances(options.covariance_type, statistics, options.ridge)
            undefined = empty[:, None, None] & np.isnan(fitted)
            covariances = np.where(undefined, params.covariances, fitted)
        else:
            covariances = maximize_covariances(options.covariance_type, statistics, options.ridge)
        if not self._surely_regular(statistics, covariances):
            check_covariances(covariances, statistics.total_variances(), "component")
        if locked is None:
            weights = weights / weights.sum()
        return GaussianMixtureParams(weights, means, covariances)

    def lockable(self, params: GaussianMixtureParams) -> tuple[Lock, ...]:
        """Return every lock there is for these parameters."""
        return listed(self._lock_shapes(params))

    def hold(
        self, params: GaussianMixtureParams, like: GaussianMixtureParams
    ) -> GaussianMixtureParams:
        """Return ``params`` with what is locked as it is in ``like``."""
        if not self.locks:
            return params
        locked = masks(self.locks, self._lock_shapes(like))
        return GaussianMixtureParams(
            held_shares(params.weights, like.weights, locked["weights"]),
            put_back(params.means, like.means, locked["means"]),
            put_back(params.covariances, like.covariances, locked["covariances"]),
        )

    def _lock_shapes(self, params: GaussianMixtureParams) -> dict[str, tuple[int, ...]]:
        parts = params.weights.shape
        tied = self.options.covariance_type is CovarianceType.TIED
        return {"weights": parts, "means": parts, "covariances": () if tied else parts}

    def _surely_regular(self, statistics: GaussianStatistics, covariances: Floats) -> bool:
        """Spare the check of covariances that are far from collapsing, where code is compiled."""
        if self.backend is not Backend.NUMBA:
            return False
        from em_explorer.models.kernels import gaussian_mixture as kernel

        return kernel.surely_regular(statistics, covariances)

    def bound(
        self, params: GaussianMixtureParams, expectation: Expectation[GaussianStatistics]
    ) -> float:
        """Return ``Σ_nk r_nk [log w_k + log N(x_n; μ_k, Σ_k)] + H(q) + log p(θ)``, in nats."""
        statistics = expectation.statistics
        if self.backend is Backend.NUMBA:
            from em_explorer.models.kernels import gaussian_mixture as kernel

            expected = kernel.expected_log_joint(statistics, params)
        else:
            expected = expected_log_density(statistics, params.means, params.covariances)
            expected += _sum_xlogy(statistics.counts, params.weights)
        return expected + expectation.entropy + self.log_prior(params)

    def log_prior(self, params: GaussianMixtureParams) -> float:
        """Return ``a Σ_k log w_k − ½ Σ_k [log|Σ_k| + tr(r Σ_k⁻¹)]``, in nats.

        The second sum has one term when the covariance is tied, and is absent without a ridge.
        """
        options = self.options
        total = 0.0
        if options.weight_pseudo_count > 0:
            total += options.weight_pseudo_count * float(np.log(params.weights).sum())
        if options.ridge > 0:
            tied = options.covariance_type is CovarianceType.TIED
            for covariance in params.covariances[:1] if tied else params.covariances:
                factor = cholesky(covariance)
                inverse_factor = np.linalg.inv(factor)
                log_det = 2.0 * float(np.log(np.diagonal(factor)).sum())
                total -= 0.5 * (log_det + options.ridge * float((inverse_factor**2).sum()))
        return total

    def rounding(self, params: GaussianMixtureParams) -> float:
        """Return the relative fall of the bound that rounding can explain at ``params``."""
        return rounding(params.covariances)

    def symmetry(self, params: GaussianMixtureParams) -> str | None:
        """Say which two components have equal mean and covariance, so that EM can't part them."""
        held = frozenset(lock for lock in self.locks if lock.group != "weights")
        spread = np.sqrt(np.diagonal(params.covariances, axis1=1, axis2=2))
        for i in range(len(params.weights)):
            for j in range(i + 1, len(params.weights)):
                if tell_apart(held, i, j):
                    continue
                shift = np.abs(params.means[i] - params.means[j]) / spread[i]
                change = np.abs(params.covariances[i] - params.covariances[j])
                change = change / np.outer(spread[i], spread[i])
                if max(shift.max(), change.max()) < ALIKE:
                    return (
                        f"Components {i + 1} and {j + 1} are identical: every point is shared "
                        "between them in the same proportion, so EM can never part them. "
                        "Move one of them."
                    )
        return None

    def nudge(
        self, params: GaussianMixtureParams, rng: np.random.Generator, size: float
    ) -> GaussianMixtureParams:
        """Move everything by about ``size`` of its own scale, within the covariance type.

        Means move by ``size`` standard deviations, log weights by ``size``, and the Cholesky
        factor L becomes ``L (I + size·A)`` with random A. What is locked stays.
        """
        n_components, n_dims = params.means.shape
        factors = np.linalg.cholesky(params.covariances)
        weights = params.weights * np.exp(size * rng.standard_normal(n_components))
        steps = rng.standard_normal((n_components, n_dims))
        means = params.means + size * np.einsum("kij,kj->ki", factors, steps)
        change = rng.standard_normal((n_components, n_dims, n_dims))
        match self.options.covariance_type:
            case CovarianceType.TIED:
                change = np.repeat(change[:1], n_components, axis=0)
            case CovarianceType.DIAGONAL:
                change = change * np.eye(n_dims)
            case CovarianceType.SPHERICAL:
                change = change[:, :1, :1] * np.eye(n_dims)
        moved = factors @ (np.eye(n_dims) + size * change)
        covariances = moved @ moved.swapaxes(1, 2)
        return self.hold(GaussianMixtureParams(weights / weights.sum(), means, covariances), params)

    def sample(
        self, params: GaussianMixtureParams, n: int, rng: np.random.Generator
    ) -> tuple[Floats, Ints]:
        """Draw points and the components they came from, in the frame of ``params``.

        Returns
        -------
        points : (n, D) float
        labels : (n,) int
        """
        labels = rng.choice(len(params.weights), size=n, p=params.weights)
        factors = np.linalg.cholesky(params.covariances)
        noise = rng.standard_normal((n, params.means.shape[1]))
        points = params.means[labels] + np.einsum("nij,nj->ni", factors[labels], noise)
        return points, labels.astype(np.int64)

    def to_units(self, params: GaussianMixtureParams, data: Points) -> GaussianMixtureParams:
        """Translate params from the centred frame into the data's units."""
        return GaussianMixtureParams(params.weights, params.means + data.center, params.covariances)

    def from_units(self, params: GaussianMixtureParams, data: Points) -> GaussianMixtureParams:
        """Check params in the data's units and translate them into the centred frame.

        Covariances that are not of the model's type are brought to the nearest that are (tied:
        their weighted mean; diagonal: without correlations; spherical: the mean variance).

        Raises
        ------
        DataError
            Wrong shapes, weights that are no shares, covariances that are not positive definite.
        """
        checked = check_params(params, self.options, data.points.shape[1])
        return GaussianMixtureParams(
            checked.weights, checked.means - data.center, checked.covariances
        )

    def permuted(self, params: GaussianMixtureParams, order: Any) -> GaussianMixtureParams:
        """Renumber the components: new component ``i`` is old component ``order[i]``."""
        index = np.asarray(order, dtype=np.int64)
        return GaussianMixtureParams(
            params.weights[index], params.means[index], params.covariances[index]
        )


def _sum_xlogy(counts: Floats, weights: Floats) -> float:
    """Return ``Σ n log w``, in which a count of zero adds nothing even where w is zero."""
    if not counts.all():
        counts, weights = counts[counts > 0], weights[counts > 0]
    return float(counts @ np.log(weights))
