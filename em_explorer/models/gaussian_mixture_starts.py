"""Where the components of a mixture begin.

Distances are measured after dividing each column by its standard deviation, so that no start
depends on the units of the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.chunks import row_slices
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

BLOCK = 65_536
"""Points looked at together."""

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
        statistics = _shared_out(data.points, n_components, rng)
    elif options.start is MixtureStart.RANDOM_POINTS:
        chosen = distinct_points(data.points, n_components, rng)
        spread = _whole_covariance(data) / n_components
        counts = np.full(n_components, n_points / n_components)
        statistics = GaussianStatistics(counts, data.points[chosen], counts[:, None, None] * spread)
    else:
        scale = np.sqrt(np.where(data.variances > 0, data.variances, 1.0))
        chosen = kmeans_plus_plus(data.points, scale, n_components, rng)
        statistics = _nearest_statistics(data.points, scale, chosen)
    return start_from(options, statistics, _whole_covariance(data))


def _blocks(points: Floats) -> Iterator[Floats]:
    """Yield some rows at a time: whatever is computed from them then takes little memory."""
    return (points[rows] for rows in row_slices(len(points), BLOCK))


def _shared_out(points: Floats, n: int, rng: np.random.Generator) -> GaussianStatistics:
    """Divide each point between the components at random."""
    total: GaussianStatistics | None = None
    for block in _blocks(points):
        shares = rng.dirichlet(np.ones(n), size=len(block))
        found = weighted_statistics(block, shares)
        total = found if total is None else total + found
    assert total is not None
    return total


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


def kmeans_plus_plus(points: Floats, scale: Floats, n: int, rng: np.random.Generator) -> Ints:
    """Draw indices of ``n`` points far apart, columns measured in units of ``scale`` (D,).

    Each next point is drawn with probability proportional to its squared distance to the nearest
    one chosen; of a few such candidates the one that lowers the summed squared distance most is
    taken, which makes two points in one cluster rare.

    Source: Arthur & Vassilvitskii (2007), "k-means++: the advantages of careful seeding".
    """
    n_candidates = 2 + int(np.log(n))
    chosen = [int(rng.integers(len(points)))]
    nearest = np.full(len(points), np.inf)
    _bring_near(nearest, points, scale, points[chosen[0]])
    while len(chosen) < n:
        sums = [float(part.sum()) for part in _blocks(nearest)]
        if sum(sums) > 0:
            candidates = _draw(nearest, np.array(sums), rng.random(n_candidates))
        else:  # all places are taken: any point will do
            candidates = rng.integers(len(points), size=n_candidates)
        left = [_left(nearest, points, scale, points[c]) for c in candidates]
        chosen.append(int(candidates[int(np.argmin(left))]))
        _bring_near(nearest, points, scale, points[chosen[-1]])
    return np.array(chosen, dtype=np.int64)


def _draw(masses: Floats, sums: Floats, uniform: Floats) -> Ints:
    """Draw indices with probabilities proportional to masses, whose blocks have given sums."""
    which, passed = draw_blocks(sums, uniform)
    starts = which * BLOCK
    within = [
        draw_within(masses[start : start + BLOCK], rest)
        for start, rest in zip(starts, passed, strict=True)
    ]
    return np.asarray(starts + np.array(within, dtype=np.int64))


def draw_blocks(sums: Floats, uniform: Floats) -> tuple[Ints, Floats]:
    """Draw blocks with probabilities proportional to their masses.

    Parameters
    ----------
    sums : (B,) float
        Mass of each block; not all zero.
    uniform : (M,) float
        Random numbers from 0 to 1.

    Returns
    -------
    (M,) int
        Which block each number leads to.
    (M,) float
        How much of that block's mass to pass, for :func:`draw_within`.
    """
    cumulated = np.cumsum(sums)
    wanted = uniform * cumulated[-1]
    # Rounding must not lead into a block that holds nothing to draw.
    last = int(np.flatnonzero(sums)[-1])
    which = np.minimum(np.searchsorted(cumulated, wanted, side="right"), last)
    return which, wanted - (cumulated[which] - sums[which])


def draw_within(masses: Floats, passed: Floats) -> Ints:
    """Return the indices at which so much of a block's mass is passed, (M,)."""
    rows = np.searchsorted(np.cumsum(masses), passed, side="right")
    return np.asarray(np.minimum(rows, int(np.flatnonzero(masses)[-1])))


def squared_distance(points: Floats, place: Floats, scale: Floats) -> Floats:
    """Return Σ_i ((x_ni − place_i) / scale_i)², (N,)."""
    return np.asarray((((points - place) / scale) ** 2).sum(axis=1))


def _bring_near(nearest: Floats, points: Floats, scale: Floats, place: Floats) -> None:
    """Lower, in place, the squared distances to the nearest chosen point by one more choice."""
    for near, block in zip(_blocks(nearest), _blocks(points), strict=True):
        np.minimum(near, squared_distance(block, place, scale), out=near)


def _left(nearest: Floats, points: Floats, scale: Floats, place: Floats) -> float:
    """Return what the summed distances would be with one more choice."""
    return sum(
        float(np.minimum(near, squared_distance(block, place, scale)).sum())
        for near, block in zip(_blocks(nearest), _blocks(points), strict=True)
    )


def nearest_statistics(points: Floats, places: Floats, scale: Floats) -> GaussianStatistics:
    """Return counts, means and scatter of the points nearest to each place."""
    distances = np.stack([squared_distance(points, place, scale) for place in places], axis=1)
    return weighted_statistics(points, np.eye(len(places))[np.argmin(distances, axis=1)])


def _nearest_statistics(points: Floats, scale: Floats, chosen: Ints) -> GaussianStatistics:
    """Return counts and scatter of the points nearest to each chosen one, means on the chosen."""
    total: GaussianStatistics | None = None
    for block in _blocks(points):
        found = nearest_statistics(block, points[chosen], scale)
        total = found if total is None else total + found
    assert total is not None
    return GaussianStatistics(total.counts, points[chosen], total.scatter)


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
