"""k-means as what it is: EM for equal round components, with q held to one component per point.

Where EM asks how responsible each component is for a point, k-means gives the whole point to the
nearest mean. That is still the best q of a kind (those with a single 1 in each row), so the
objective ``F = Σ_n log p(x_n, z_n | θ)`` never falls, and it stays below log p(X | θ): the gap
that EM closes in every E-step stays open here.

Source: MacQueen (1967); Celeux & Govaert (1992), "A classification EM algorithm for clustering
and two stochastic versions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation
from em_explorer.models.gaussian import (
    GaussianStatistics,
    check_covariances,
    log_density,
    weighted_statistics,
)
from em_explorer.models.gaussian_mixture import GaussianMixture
from em_explorer.models.gaussian_mixture_params import (
    GaussianMixtureParams,
    MixturePosterior,
)
from em_explorer.models.locking import masks, put_back
from em_explorer.models.points import Points
from em_explorer.models.responsibilities import responsibilities_of


@dataclass(frozen=True)
class KMeans(GaussianMixture):
    """k-means with a mixture's parameters: weights 1/K and one variance for all directions.

    ``F = −SSE / 2σ² − (N D / 2) log 2πσ² − N log K`` with SSE the squared distances of the points
    to their means, so its maximum over the means is the minimum of SSE. Of the options the number
    of components, the start and the ridge count; there is no other shape than equal circles, and
    no weights to imagine points for.
    """

    def initialize(self, data: Points, rng: np.random.Generator) -> GaussianMixtureParams:
        """Draw initial parameters as ``options.start`` says."""
        return self.start_from(super().initialize(data, rng))

    def from_units(self, params: GaussianMixtureParams, data: Points) -> GaussianMixtureParams:
        """Check params in the data's units; keep the means, make weights and shapes equal."""
        return self.start_from(super().from_units(params, data))

    def start_from(self, params: GaussianMixtureParams) -> GaussianMixtureParams:
        """Return a mixture's parameters as k-means has them: the same means, equal circles.

        Parameters
        ----------
        params : GaussianMixtureParams
            In the centred frame.
        """
        variances = params.covariances.diagonal(0, 1, 2).mean(axis=1)
        return self._params(params.means, float(params.weights @ variances))

    def e_step(
        self,
        data: Points,
        params: GaussianMixtureParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[GaussianStatistics]:
        """Give each point to the component with the nearest mean; the first of equals.

        Returns
        -------
        Expectation
            ``entropy`` is 0, there is no doubt in q; ``log_likelihood`` is log p(X | θ) of the
            mixture with these parameters, which F stays below.
        """
        log_joint = log_density(data.points, params.means, params.covariances)
        with np.errstate(divide="ignore"):
            log_joint += np.log(params.weights)
        responsibilities = np.zeros(log_joint.shape)
        responsibilities[np.arange(len(log_joint)), log_joint.argmax(axis=1)] = 1.0
        log_point, _, _ = responsibilities_of(log_joint)
        return Expectation(
            weighted_statistics(data.points, responsibilities),
            0.0,
            float(log_point.sum()),
            MixturePosterior(responsibilities, log_point) if latent else None,
        )

    def m_step(
        self, params: GaussianMixtureParams, expectation: Expectation[GaussianStatistics]
    ) -> GaussianMixtureParams:
        """Move each mean to the middle of its points; one that is locked or has none stays.

        Raises
        ------
        SingularError
            When every point lies on its mean, so that nothing is left to measure.
        DataError
            When something else than a mean is locked.
        """
        statistics, ridge = expectation.statistics, self.options.ridge
        counts, n_dims = statistics.counts, params.means.shape[1]
        locked = masks(self.locks, self._lock_shapes(params))["means"]
        stays = (locked | (counts == 0))[:, None]
        means = np.where(stays, params.means, statistics.means)
        apart = ((statistics.means - means) ** 2).sum(axis=1)
        scatter = self.squared_distances(expectation) + float(counts @ apart) + ridge * n_dims
        strength = 1.0 if ridge > 0 else 0.0
        found = self._params(means, scatter / (n_dims * (float(counts.sum()) + strength)))
        check_covariances(found.covariances, statistics.total_variances(), "component")
        return found

    def log_prior(self, params: GaussianMixtureParams) -> float:
        """Return ``−½ [D log σ² + ridge · D / σ²]`` with a ridge, in nats; 0 without."""
        ridge, variance = self.options.ridge, float(params.covariances[0, 0, 0])
        n_dims = params.means.shape[1]
        return -0.5 * n_dims * (float(np.log(variance)) + ridge / variance) if ridge else 0.0

    def symmetry(self, params: GaussianMixtureParams) -> str | None:
        """Return None: of two equal components the first takes all, which parts them."""
        return None

    def nudge(
        self, params: GaussianMixtureParams, rng: np.random.Generator, size: float
    ) -> GaussianMixtureParams:
        """Move the means and the variance by about ``size`` of their own scale."""
        return self.start_from(super().nudge(params, rng, size))

    def hold(
        self, params: GaussianMixtureParams, like: GaussianMixtureParams
    ) -> GaussianMixtureParams:
        """Return ``params`` with the means that are locked as they are in ``like``."""
        locked = masks(self.locks, self._lock_shapes(like))["means"]
        means = put_back(params.means, like.means, locked)
        return GaussianMixtureParams(params.weights, means, params.covariances)

    def _lock_shapes(self, params: GaussianMixtureParams) -> dict[str, tuple[int, ...]]:
        return {"means": params.weights.shape}

    @staticmethod
    def squared_distances(expectation: Expectation[GaussianStatistics]) -> float:
        """Return SSE: the squared distances of the points to the middle of their group."""
        return float(np.trace(expectation.statistics.scatter, axis1=1, axis2=2).sum())

    def _params(self, means: Floats, variance: float) -> GaussianMixtureParams:
        n_components, n_dims = means.shape
        circles = np.repeat(variance * np.eye(n_dims)[None], n_components, axis=0)
        return GaussianMixtureParams(np.full(n_components, 1.0 / n_components), means, circles)
