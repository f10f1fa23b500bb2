"""Gaussian mixtures for those who write scripts, with scikit-learn's conventions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import DensityMixin
from sklearn.utils.validation import check_is_fitted

from em_explorer.em.arrays import Floats, Ints
from em_explorer.estimators.base import EMEstimator, generator_from
from em_explorer.estimators.checks import (
    choice,
    given_array,
    given_covariances,
    given_probabilities,
    whole_number,
)
from em_explorer.estimators.chunked import read_source
from em_explorer.estimators.chunked_mixture import ChunkedMixture, SlicedMixture
from em_explorer.models.backend import Backend, choose, served_by
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixturePosterior,
    MixtureStart,
)
from em_explorer.models.gaussian_mixture_starts import BLOCK
from em_explorer.models.points import Points, read_points


class GaussianMixtureModel(DensityMixin, EMEstimator):  # type: ignore[misc]
    """Find groups of points as a mixture of normal distributions.

    ``p(x) = Σ_k weights_[k] N(x; means_[k], covariances_[k])``

    Parameters
    ----------
    n_components : int
        K.
    covariance_type : {"full", "tied", "diagonal", "spherical"}
        Any ellipse each, one for all, ellipses along the axes, circles.
    max_iter : int
        Full EM steps at most.
    tolerance : float, nats per point
        Stop when a full step gains less; 0 takes exactly ``max_iter`` steps.
    n_init : int
        Runs from different starts; the one with the highest objective is kept, and one that
        became singular only when all did. One run is enough where nothing is left to chance.
    init : {"k-means++", "random points", "random responsibilities"}
        Where the parameters begin that are not given.
    weights_init : (K,) array-like, optional
    means_init : (K, D) array-like, optional
        Where means are given, missing weights are equal and missing covariances the data's
        divided by K: the points that ``init`` would draw have nothing to do with these means.
    covariances_init : (K, D, D) array-like, optional
        Or (D, D) for tied, (K, D) for diagonal, (K,) for spherical. Matrices that are not of
        ``covariance_type`` are brought to the nearest that are.
    ridge : float, the data's units squared
        0 is maximum likelihood; above 0, a prior keeps covariances from collapsing.
    random_state : None, int, RandomState or Generator
        Behind the starts and, after them, :meth:`sample`.

    Attributes
    ----------
    weights_ : (K,) float
    means_ : (K, D) float
    covariances_ : (K, D, D) float
        Whole matrices for every ``covariance_type``.
    log_likelihood_history_, n_iter_, converged_, stop_reason_, stop_message_
        How the kept run went. Where a covariance became singular on the way, ``stop_reason_`` is
        "singular" and the last good parameters are kept.

    Examples
    --------
    >>> from em_explorer import GaussianMixtureModel
    >>> points = [[0.0], [0.2], [0.4], [5.0], [5.1], [5.5]]
    >>> mixture = GaussianMixtureModel(2, means_init=[[0.0], [5.0]]).fit(points)
    >>> mixture.means_.round(1).ravel().tolist()
    [0.2, 5.2]
    >>> mixture.predict(points).tolist()
    [0, 0, 0, 1, 1, 1]
    """

    def __init__(
        self,
        n_components: int = 3,
        covariance_type: str = "full",
        max_iter: int = 100,
        tolerance: float = 1e-6,
        n_init: int = 1,
        init: str = "k-means++",
        weights_init: Any = None,
        means_init: Any = None,
        covariances_init: Any = None,
        ridge: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.n_init = n_init
        self.init = init
        self.weights_init = weights_init
        self.means_init = means_init
        self.covariances_init = covariances_init
        self.ridge = ridge
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit weights, means and covariances.

        Parameters
        ----------
        X : (N, D) array-like of numbers
            Or, when they are too large to hold: a memory-mapped array, a ``dask.array``, or an
            iterable of tables that can be gone through again and again. They are read once for
            their center, 2K times for the start "k-means++", and once in every step.
        y : ignored

        Raises
        ------
        ValueError
            When X has holes, fewer points than components or a column that never varies, or
            the initial parameters are none.
        """
        start = choice("init", self.init, MixtureStart)
        if self.means_init is not None:
            start = MixtureStart.RANDOM_POINTS
        model = GaussianMixture(
            GaussianMixtureOptions(
                self.n_components,
                choice("covariance_type", self.covariance_type, CovarianceType),
                start,
                self.ridge,
            )
        )
        n_init = whole_number("n_init", self.n_init)
        model, data = self._prepared(served_by(model), X)
        given = self._given(model.options, self.n_features_in_)
        rng = generator_from(self.random_state)

        def begin() -> GaussianMixtureParams:
            drawn = model.to_units(model.initialize(data, rng), data)
            started: GaussianMixtureParams = model.from_units(replace(drawn, **given), data)
            return started

        found = self._best_run(model, data, begin, 1 if "means" in given else n_init)
        self._keep(found)
        self._generator = rng
        fitted = model.to_units(found.params, data)
        self.weights_ = fitted.weights.copy()
        self.means_ = fitted.means.copy()
        self.covariances_ = fitted.covariances.copy()
        return self

    def _prepared(self, model: GaussianMixture, X: Any) -> tuple[Any, Any]:
        """Return the model and the data in its frame: held in memory, or coming in chunks."""
        source = read_source(X)
        if source is None:
            table = self._table(X, reset=True, ensure_min_samples=2)
            if model.backend is Backend.REFERENCE and len(table) > BLOCK:
                sliced = SlicedMixture(model)
                return sliced, sliced.prepare(table)
            return model, model.prepare(table)
        chunked = ChunkedMixture(model, source.gather)
        data = chunked.prepare(source)
        self._columns_without_table(len(data.frame.center))
        return chunked, data

    def _given(self, options: GaussianMixtureOptions, n_dims: int) -> dict[str, Floats]:
        """Return the initial parameters that were given, in the data's units."""
        n_components = options.n_components
        given = {}
        if self.weights_init is not None:
            given["weights"] = given_probabilities(
                "weights_init", self.weights_init, (n_components,)
            )
        if self.means_init is not None:
            given["means"] = given_array("means_init", self.means_init, (n_components, n_dims))
        if self.covariances_init is not None:
            given["covariances"] = given_covariances(
                "covariances_init",
                self.covariances_init,
                n_components,
                n_dims,
                options.covariance_type,
            )
        return given

    def _framed(self, X: Any) -> tuple[GaussianMixture, Points, GaussianMixtureParams]:
        """Return new points with the fitted parameters, both about the middle of the means."""
        check_is_fitted(self, "means_")
        table = self._table(X, reset=False)
        center = self.means_.mean(axis=0)
        # The center must not depend on the points, or one's answer would depend on the others.
        data = replace(read_points(table), points=table - center, center=center)
        model = GaussianMixture(GaussianMixtureOptions(len(self.weights_)), choose())
        params = GaussianMixtureParams(self.weights_, self.means_ - center, self.covariances_)
        return model, data, params

    def _posterior(self, X: Any) -> MixturePosterior:
        model, data, params = self._framed(X)
        found: MixturePosterior = model.e_step(data, params, latent=True).latent
        return found

    def predict(self, X: Any) -> Ints:
        """Return the likeliest component of each point, (N,) int from 0."""
        return self._posterior(X).hard_labels

    def predict_proba(self, X: Any) -> Floats:
        """Return the responsibilities, (N, K); rows sum to one."""
        return self._posterior(X).responsibilities.copy()

    def fit_predict(self, X: Any, y: Any = None) -> Ints:
        """Fit, and return the likeliest component of each point."""
        return self.fit(X).predict(X)

    def score_samples(self, X: Any) -> Floats:
        """Return ``log p(x_n)`` of each point, (N,) in nats."""
        return self._posterior(X).log_density.copy()

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood per point, in nats."""
        return float(self.score_samples(X).mean())

    def sample(self, n: int = 1) -> tuple[Floats, Ints]:
        """Draw points; each call continues the random sequence that ``fit`` began.

        Returns
        -------
        points : (n, D) float
        labels : (n,) int
            The components they came from.
        """
        check_is_fitted(self, "means_")
        model = GaussianMixture(GaussianMixtureOptions(len(self.weights_)))
        # Given weights may sum to one less exactly than a random draw demands.
        params = GaussianMixtureParams(
            self.weights_ / self.weights_.sum(), self.means_, self.covariances_
        )
        return model.sample(params, whole_number("n", n), self._generator)

    def bic(self, X: Any) -> float:
        """Return Schwarz's criterion ``−2 log p(X) + P log N`` with P free parameters.

        Lower is better.
        """
        log_density = self.score_samples(X)
        return float(-2 * log_density.sum() + self._n_parameters() * np.log(len(log_density)))

    def aic(self, X: Any) -> float:
        """Return Akaike's criterion ``−2 log p(X) + 2 P`` with P free parameters.

        Lower is better.
        """
        return float(-2 * self.score_samples(X).sum() + 2 * self._n_parameters())

    def _n_parameters(self) -> int:
        """Count the free parameters: K − 1 weights, K·D means, and those of the covariances."""
        n_components, n_dims = self.means_.shape
        of_covariances = {
            CovarianceType.FULL: n_components * n_dims * (n_dims + 1) // 2,
            CovarianceType.TIED: n_dims * (n_dims + 1) // 2,
            CovarianceType.DIAGONAL: n_components * n_dims,
            CovarianceType.SPHERICAL: n_components,
        }[CovarianceType(self.covariance_type)]
        return int(n_components - 1 + n_components * n_dims + of_covariances)
