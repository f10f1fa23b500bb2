"""What a Gaussian mixture is made of: its options, its parameters, its posterior."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import DataError
from em_explorer.em.options import check_options, option
from em_explorer.models.gaussian import GaussianStatistics, smallest_correlation_eigenvalue


class CovarianceType(Enum):
    """What shapes the components may have."""

    FULL = "full"
    TIED = "tied"
    DIAGONAL = "diagonal"
    SPHERICAL = "spherical"


class MixtureStart(Enum):
    """Where the components begin."""

    RANDOM_POINTS = "random points"
    KMEANS_PLUS_PLUS = "k-means++"
    RANDOM_RESPONSIBILITIES = "random responsibilities"
    GIVEN = "given"


@dataclass(frozen=True)
class GaussianMixtureOptions:
    """What to fit and where to begin.

    Attributes
    ----------
    n_components : int
    covariance_type : CovarianceType
    start : MixtureStart
    ridge : float, the data's units squared
        With r > 0 every covariance has the prior ``−½ [log|Σ| + tr(r Σ⁻¹)]``, which keeps it
        from collapsing; 0 means no prior.
    weight_pseudo_count : float, points
        Imagined points in each component, the prior ``a Σ_k log w_k``; 0 means no prior.
    """

    n_components: int = option(
        2,
        "Components",
        help="How many normal distributions the mixture has.",
        low=1,
        high=100,
        step=1,
    )
    covariance_type: CovarianceType = option(
        CovarianceType.FULL,
        "Shape",
        help="Full: any ellipse each. Tied: one ellipse for all. Diagonal: ellipses along the "
        "axes. Spherical: circles.",
    )
    start: MixtureStart = option(
        MixtureStart.KMEANS_PLUS_PLUS,
        "Start",
        help="Random points: means on points drawn at random. k-means++: on points drawn far "
        "apart. Random responsibilities: every point is shared out at random. Given: where you "
        "put them.",
        group="Start",
    )
    ridge: float = option(
        0.0,
        "Ridge",
        help="A prior that keeps a component from collapsing on one point, in the data's units "
        "squared. 0 is no prior.",
        low=0.0,
        high=1e12,
        advanced=True,
    )
    weight_pseudo_count: float = option(
        0.0,
        "Imagined points",
        help="Points imagined in every component, so that none becomes empty. 0 is no prior.",
        low=0.0,
        high=1e9,
        step=0.5,
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class GaussianMixtureParams:
    """The mixture's parameters; of full shape for every covariance type.

    Attributes
    ----------
    weights : (K,) float
        Shares of the components; they sum to one.
    means : (K, D) float, the data's units
    covariances : (K, D, D) float, units squared
    """

    weights: Floats
    means: Floats
    covariances: Floats

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class MixturePosterior:
    """Which component each point probably came from.

    Attributes
    ----------
    responsibilities : (N, K) float
        ``r_nk = p(z_n = k | x_n)``; rows sum to one.
    log_density : (N,) float, nats
        ``log p(x_n)``; the lowest are the oddest points.
    """

    responsibilities: Floats
    log_density: Floats

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def hard_labels(self) -> Ints:
        """The likeliest component of each point, (N,) int."""
        return hard_labels(self.responsibilities)


def hard_labels(responsibilities: Floats) -> Ints:
    """Return the likeliest component of each point, (N,) int."""
    return np.asarray(np.argmax(responsibilities, axis=1), dtype=np.int64)


def maximize_covariances(
    kind: CovarianceType, statistics: GaussianStatistics, ridge: float = 0.0
) -> Floats:
    """Return the covariances of one type that fit the statistics (and the prior) best.

    With S the scatter, ``ν = 1, Ψ = ridge·I`` under a prior and 0 without:
    full ``(S_k + Ψ)/(N_k + ν)``; tied ``(Σ S_k + Ψ)/(N + ν)``, whose one matrix has the prior
    once; diagonal: the diagonal of full; spherical ``tr(S_k + Ψ)/(D (N_k + ν)) · I``.

    Parameters
    ----------
    kind : CovarianceType
    statistics : GaussianStatistics
        Without a prior every count must be positive (tied: their sum).
    ridge : float, units squared

    Returns
    -------
    (K, D, D) float, units squared
    """
    scatter, counts = statistics.scatter, statistics.counts
    n_dims = scatter.shape[1]
    prior_count = 1.0 if ridge > 0 else 0.0
    prior_scatter = ridge * np.eye(n_dims) if ridge > 0 else 0.0
    if kind is CovarianceType.TIED:
        shared = (scatter.sum(0) + prior_scatter) / (counts.sum() + prior_count)
        return np.repeat(shared[None], len(counts), axis=0)
    full = (scatter + prior_scatter) / (counts + prior_count)[:, None, None]
    if kind is CovarianceType.DIAGONAL:
        return np.asarray(full * np.eye(n_dims))
    if kind is CovarianceType.SPHERICAL:
        variances = np.trace(full, axis1=1, axis2=2) / n_dims
        return np.asarray(variances[:, None, None] * np.eye(n_dims))
    return np.asarray(full)


def check_params(
    params: GaussianMixtureParams, options: GaussianMixtureOptions, n_dims: int
) -> GaussianMixtureParams:
    """Check somebody's parameters and bring their covariances to the right type.

    Parameters
    ----------
    params : GaussianMixtureParams
        Anything with arrays ``weights``, ``means`` and ``covariances``.
    options : GaussianMixtureOptions
    n_dims : int
        Columns of the data.

    Raises
    ------
    DataError
        Wrong shapes, weights that are no shares, covariances that are not positive definite.
    """
    n_components = options.n_components
    wanted = {
        "weights": (n_components,),
        "means": (n_components, n_dims),
        "covariances": (n_components, n_dims, n_dims),
    }
    parts = {name: _floats(name, getattr(params, name), shape) for name, shape in wanted.items()}
    weights, means, covariances = parts["weights"], parts["means"], parts["covariances"]
    if weights.min() < 0 or abs(weights.sum() - 1.0) > 1e-6:
        raise DataError(
            f"weights must be shares, none negative, that sum to 1; they are {weights.tolist()}."
        )
    largest = float(np.abs(covariances).max())
    if not np.allclose(covariances, covariances.swapaxes(1, 2), rtol=1e-9, atol=1e-12 * largest):
        raise DataError("covariances must be symmetric; mirror them at the diagonal.")
    smallest = smallest_correlation_eigenvalue(covariances)
    if smallest.min() <= 0:
        raise DataError(
            f"The covariance of component {int(smallest.argmin()) + 1} is not positive "
            "definite; give positive variances and correlations between -1 and 1."
        )
    shares = np.maximum(weights, 1e-300)  # a weight may be zero, a divisor may not
    statistics = GaussianStatistics(shares, means, shares[:, None, None] * covariances)
    fitted = maximize_covariances(options.covariance_type, statistics)
    if not np.allclose(fitted, covariances, rtol=1e-12, atol=0.0):
        covariances = fitted
    return GaussianMixtureParams(weights, means, covariances)


def _floats(name: str, value: object, shape: tuple[int, ...]) -> Floats:
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers in an array of shape {shape}.") from None
    if array.shape != shape:
        raise DataError(f"{name} must have shape {shape}; the shape given is {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise DataError(f"{name} must be finite numbers; some are missing or infinite.")
    return array
