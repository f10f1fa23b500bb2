"""Where the components of a mixture begin.

Distances are measured after dividing each column by its standard deviation, so that no start
depends on the units of the data.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.errors import DataError
from em_explorer.models.gaussian import (
    GaussianStatistics,
    smallest_correlation_eigenvalue,
    weighted_statistics,
)
from em_explorer.models.gaussian_mixture_params import (
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
    maximize_covariances,
)
from em_explorer.models.points import Points

THIN = 1e-3
"""A covariance whose smallest eigenvalue, its diagonal scaled to one, is below this is too thin to
begin with; so is one with a standard deviation below this fraction of the usual start's."""


def draw_start(
    options: GaussianMixtureOptions, data: Points, rng: np.random.Generator
) -> GaussianMixtureParams:
    """Draw initial parameters as ``options.start`` says.

    * random points: means on K distinct points; every covariance is the data's divided by K.
    * k-means++: means on K points far apart; weights and covariances from the points nearest
      to each.
    * random responsibilities: each point is divided between the components at random, and the
      parameters are those that fit this division. All components begin near the middle.

    Raises
    ------
    DataError
        When the start is "given".
    """
    if options.start is MixtureStart.GIVEN:
        raise DataError(
            'The start is "given": give initial weights, means and covariances, '
            "or choose another start."
        )
    n_points = len(data.points)
    n_components = options.n_components
    if options.start is MixtureStart.RANDOM_RESPONSIBILITIES:
        shares = rng.dirichlet(np.ones(n_components), size=n_points)
        statistics = weighted_statistics(data.points, shares)
    else:
        scale = np.sqrt(np.where(data.variances > 0, data.variances, 1.0))
        scaled = data.points / scale
        if options.start is MixtureStart.RANDOM_POINTS:
            chosen = distinct_points(scaled, n_components, rng)
            spread = _whole_covariance(data) / n_components
            counts = np.full(n_components, n_points / n_components)
            statistics = GaussianStatistics(
                counts, data.points[chosen], counts[:, None, None] * spread
            )
        else:
            chosen = kmeans_plus_plus(scaled, n_components, rng)
            statistics = _nearest_statistics(data.points, scaled, chosen)
    return start_from(options, statistics, _whole_covariance(data))


def distinct_points(points: Floats, n: int, rng: np.random.Generator) -> Ints:
    """Draw indices of ``n`` points, all different in place while there are that many.

    Equal components could never part, and rounded measurements repeat often.
    """
    order = rng.permutation(len(points))
    return np.asarray(order[first_distinct((points[i] for i in order), n)])


def first_distinct(places: Iterable[Floats], n: int) -> Ints:
    """Return which ``n`` of some places to take: the first that differ, then repeated ones."""
    chosen: list[int] = []
    spare: list[int] = []
    seen: set[bytes] = set()
    for number, place in enumerate(places):
        (spare if place.tobytes() in seen else chosen).append(number)
        seen.add(place.tobytes())
        if len(chosen) == n:
            break
    return np.array((chosen + spare)[:n], dtype=np.int64)


def kmeans_plus_plus(points: Floats, n: int, rng: np.random.Generator) -> Ints:
    """Draw indices of ``n`` points far apart.

    Each next point is drawn with probability proportional to its squared distance to the nearest
    one chosen; of a few such candidates the one that lowers the summed squared distance most is
    taken, which makes two points in one cluster rare.

    Source: Arthur & Vassilvitskii (2007), "k-means++: the advantages of careful seeding".
    """
    n_candidates = 2 + int(np.log(n))
    chosen = [int(rng.integers(len(points)))]
    nearest = squared_distance(points, points[chosen[0]])
    while len(chosen) < n:
        total = nearest.sum()
        probs = nearest / total if total > 0 else None  # None: all points are taken, draw any
        candidates = rng.choice(len(points), size=n_candidates, p=probs)
        trials = [np.minimum(nearest, squared_distance(points, points[c])) for c in candidates]
        best = int(np.argmin([trial.sum() for trial in trials]))
        chosen.append(int(candidates[best]))
        nearest = trials[best]
    return np.array(chosen, dtype=np.int64)


def squared_distance(points: Floats, place: Floats) -> Floats:
    """Return |x_n − place|², (N,)."""
    return np.asarray(((points - place) ** 2).sum(axis=1))


def _nearest_statistics(points: Floats, scaled: Floats, chosen: Ints) -> GaussianStatistics:
    """Return counts and scatter of the points nearest to each chosen one, means on the chosen."""
    distances = np.stack([squared_distance(scaled, scaled[c]) for c in chosen], axis=1)
    nearest = np.argmin(distances, axis=1)
    found = weighted_statistics(points, np.eye(len(chosen))[nearest])
    return GaussianStatistics(found.counts, points[chosen], found.scatter)


def _whole_covariance(data: Points) -> Floats:
    return whole_covariance(data.points.T @ data.points / len(data.points), data.variances)


def whole_covariance(covariance: Floats, variances: Floats) -> Floats:
    """Return the data's covariance, without correlations where these make it too thin."""
    covariance = covariance.copy()
    variances = np.where(variances > 0, variances, 1.0)
    np.fill_diagonal(covariance, variances)
    if smallest_correlation_eigenvalue(covariance[None])[0] < THIN:
        return np.diag(variances)
    return covariance


def start_from(
    options: GaussianMixtureOptions, statistics: GaussianStatistics, whole: Floats
) -> GaussianMixtureParams:
    """Turn statistics into initial parameters.

    Parameters
    ----------
    options : GaussianMixtureOptions
    statistics : GaussianStatistics
        Of the points that each component begins with.
    whole : (D, D) float
        Covariance of all points; a K-th of it serves a component with too few points of its own.
    """
    covariances = _covariances(options, statistics, whole / len(statistics.counts))
    weights = np.maximum(statistics.counts, 1.0)
    return GaussianMixtureParams(weights / weights.sum(), statistics.means, covariances)


def _covariances(
    options: GaussianMixtureOptions, statistics: GaussianStatistics, instead: Floats
) -> Floats:
    """Return start covariances of the right type; ``instead`` where a part has too few points."""
    counts = np.maximum(statistics.counts, 1e-300)
    own = statistics.scatter / counts[:, None, None]
    too_few = statistics.counts < 2 * (own.shape[1] + 1)
    variances = np.diagonal(own, axis1=1, axis2=2)
    too_small = np.any(variances < THIN**2 * np.diagonal(instead), axis=1)
    too_thin = smallest_correlation_eigenvalue(own) < THIN
    bad = (too_few | too_small | too_thin)[:, None, None]
    usable = np.where(bad, instead, own)
    filled = GaussianStatistics(counts, statistics.means, counts[:, None, None] * usable)
    return maximize_covariances(options.covariance_type, filled)
