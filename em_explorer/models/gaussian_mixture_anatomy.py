"""The Gaussian mixture taken apart: names, values, coordinates and gauges of its parameters."""

from __future__ import annotations

import numpy as np

from em_explorer.em.anatomy import Gauge, Parameter
from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation
from em_explorer.models.anatomy_parts import (
    MANY,
    correlations,
    eigenvalue_gauges,
    named,
    packed_factors,
    pairs,
    shares,
    spreads,
    subscript,
    unpacked_covariances,
)
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.gaussian_mixture import GaussianMixture
from em_explorer.models.gaussian_mixture_params import CovarianceType, GaussianMixtureParams
from em_explorer.models.k_means import KMeans
from em_explorer.models.points import Points
from em_explorer.models.responsibilities import SMALLEST_LOG_RESPONSIBILITY

SMALLEST_COUNT = float(np.exp(SMALLEST_LOG_RESPONSIBILITY))
"""Below this N_k is zero, and a component without points has no mean."""


class GaussianMixtureAnatomy:
    """See :class:`~em_explorer.em.anatomy.Anatomy`.

    Parameters
    ----------
    model : GaussianMixture
    data : Points
    names : tuple of str
        Of the columns.
    """

    def __init__(self, model: GaussianMixture, data: Points, names: tuple[str, ...] = ()) -> None:
        self.model = model
        self.data = data
        # k-means has equal circles, whatever the options say of shapes.
        circles = isinstance(model, KMeans)
        self.kind = CovarianceType.SPHERICAL if circles else model.options.covariance_type
        self.n_dims = data.points.shape[1]
        self.names = named(names, self.n_dims, "column")

    def parameters(self, params: GaussianMixtureParams) -> tuple[Parameter, ...]:
        """Return weights, means, standard deviations, and correlations where they are few."""
        n_parts = len(params.weights)
        found = [
            Parameter("weights", f"π{subscript(k + 1)}", k, f"weights[{k}]") for k in range(n_parts)
        ]
        found += [
            Parameter("means", self._label("μ", k, self._of(d)), k, f"means[{k}, {d}]")
            for k in range(n_parts)
            for d in range(self.n_dims)
        ]
        columns = 1 if self.kind is CovarianceType.SPHERICAL else self.n_dims
        for k in self._shapes(n_parts):
            for d in range(columns):
                of = "" if columns == 1 else self._of(d)
                found.append(
                    Parameter("spreads", self._label("σ", k, of), k, self._key("spreads", k, d))
                )
        if self._shows_correlations(n_parts):
            for k in self._shapes(n_parts):
                for i, j in pairs(self.n_dims):
                    of = "" if self.n_dims == 2 else f"{self.names[i]}–{self.names[j]}"
                    key = self._key("correlations", k, i, j)
                    found.append(Parameter("correlations", self._label("ρ", k, of), k, key))
        return tuple(found)

    def values(self, params: GaussianMixtureParams) -> Floats:
        """Return their values in the data's units."""
        shown = self.model.to_units(params, self.data)
        own = shown.covariances[: self._n_shapes(len(shown.weights))]
        parts = [shown.weights, shown.means.ravel(), self._own_spreads(own).ravel()]
        if self._shows_correlations(len(shown.weights)):
            parts.append(correlations(own).ravel())
        return np.concatenate(parts)

    def scales(self, params: GaussianMixtureParams) -> Floats:
        """Return 1 for shares and correlations, the component's own SD for the rest."""
        n_parts = len(params.weights)
        own = params.covariances[: self._n_shapes(n_parts)]
        parts = [
            np.ones(n_parts),
            spreads(params.covariances).ravel(),
            self._own_spreads(own).ravel(),
        ]
        if self._shows_correlations(n_parts):
            parts.append(np.ones(correlations(own).size))
        return np.concatenate(parts)

    def coordinates(self, params: GaussianMixtureParams) -> Floats:
        """Return √weights, means and the Cholesky factors a covariance type leaves free.

        Raises
        ------
        SingularError
            When a covariance is not positive definite.
        """
        own = params.covariances[: self._n_shapes(len(params.weights))]
        if self.kind is CovarianceType.SPHERICAL:
            factors = spreads(own)[:, 0]
        elif self.kind is CovarianceType.DIAGONAL:
            factors = spreads(own).ravel()
        else:
            factors = packed_factors(own)
        return np.concatenate([np.sqrt(params.weights), params.means.ravel(), factors])

    def from_coordinates(
        self, coordinates: Floats, like: GaussianMixtureParams
    ) -> GaussianMixtureParams:
        """Return the parameters at a vector of coordinates; what is locked is as in ``like``."""
        n_parts, n_dims = like.means.shape
        ends = np.cumsum([n_parts, n_parts * n_dims])
        roots, means, factors = np.split(np.asarray(coordinates, dtype=float), ends)
        n_shapes = self._n_shapes(n_parts)
        if self.kind is CovarianceType.SPHERICAL:
            covariances = (factors**2)[:, None, None] * np.eye(n_dims)
        elif self.kind is CovarianceType.DIAGONAL:
            covariances = (factors**2).reshape(n_parts, n_dims, 1) * np.eye(n_dims)
        else:
            covariances = unpacked_covariances(factors, n_shapes, n_dims)
        if n_shapes < n_parts:
            covariances = np.repeat(covariances, n_parts, axis=0)
        found = GaussianMixtureParams(shares(roots), means.reshape(n_parts, n_dims), covariances)
        return self.model.hold(found, like)

    def gauges(
        self,
        params: GaussianMixtureParams,
        expectation: Expectation[GaussianStatistics] | None,
    ) -> tuple[Gauge, ...]:
        """Return N_k, and the smallest eigenvalue of each shape.

        With fewer than D + 1 points a component has no shape of its own.
        """
        n_parts, options = len(params.weights), self.model.options
        held = (
            options.ridge > 0 or options.weight_pseudo_count > 0 or isinstance(self.model, KMeans)
        )
        found: tuple[Gauge, ...] = ()
        if expectation is not None:
            found = tuple(
                Gauge(
                    f"N{subscript(k + 1)}",
                    k,
                    float(count),
                    self.n_dims + 1.0,
                    0.0 if held else SMALLEST_COUNT,
                    len(self.data.points) / n_parts,
                    "points",
                    "count",
                )
                for k, count in enumerate(expectation.statistics.counts)
            )
        n_shapes = self._n_shapes(n_parts)
        shared = "smallest eigenvalue" if self.kind is CovarianceType.TIED else ""
        return found + eigenvalue_gauges(
            params.covariances[:n_shapes], self.data.variances, of_one=shared
        )

    def _n_shapes(self, n_parts: int) -> int:
        return 1 if self.kind is CovarianceType.TIED else n_parts

    def _shapes(self, n_parts: int) -> tuple[int | None, ...]:
        """Return whom each covariance belongs to; the tied one to all."""
        return (None,) if self.kind is CovarianceType.TIED else tuple(range(n_parts))

    def _own_spreads(self, covariances: Floats) -> Floats:
        own = spreads(covariances)
        return own[:, :1] if self.kind is CovarianceType.SPHERICAL else own

    def _shows_correlations(self, n_parts: int) -> bool:
        if self.kind in (CovarianceType.DIAGONAL, CovarianceType.SPHERICAL):
            return False
        return self._n_shapes(n_parts) * len(pairs(self.n_dims)) <= MANY

    def _of(self, column: int) -> str:
        return self.names[column] if self.n_dims > 1 else ""

    @staticmethod
    def _label(letter: str, part: int | None, of: str) -> str:
        number = "" if part is None else subscript(part + 1)
        return f"{letter}{number} {of}".strip()

    @staticmethod
    def _key(group: str, part: int | None, *index: int) -> str:
        where = index if part is None else (part, *index)
        return f"{group}[{', '.join(map(str, where))}]"
