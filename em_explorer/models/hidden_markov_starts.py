"""Where the EM of a hidden Markov model begins."""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.emissions import (
    CategoricalEmission,
    Emission,
    EmissionType,
    GaussianEmission,
    PoissonEmission,
    Prior,
)
from em_explorer.models.probabilities import nudge_probabilities
from em_explorer.models.sequences import SequenceData

STAY = 0.8
"""How much of a state's transition probability stays, before the rest is shared equally."""

HARDNESS = 0.8
"""How much of a time step belongs to its cluster; the rest is shared equally. Without it no state
would ever emit what only another cluster holds."""

WINDOW = 5
"""A single symbol can't be clustered; what stands in this many time steps can."""

LARGEST_TABLE = 20_000_000
"""Numbers at most in the table of windows; of longer data a random part serves."""

LLOYD_STEPS = 20

Start = tuple[Floats, Floats, Emission]
"""Initial probabilities (K,), transition matrix (K, K) and emission."""


def flat_start(kind: EmissionType, data: SequenceData, n_states: int, prior: Prior) -> Start:
    """Return equal states: every one emits what the whole data hold. EM can't leave this."""
    equal = np.full((len(data), n_states), 1.0 / n_states)
    initial_probs = np.full(n_states, 1.0 / n_states)
    transition_matrix = np.full((n_states, n_states), 1.0 / n_states)
    return initial_probs, transition_matrix, _emission_from(kind, data, equal, prior)


def random_start(
    kind: EmissionType, data: SequenceData, n_states: int, prior: Prior, rng: np.random.Generator
) -> Start:
    """Draw all probabilities from the flat Dirichlet; means and rates near random observations."""
    initial_probs = rng.dirichlet(np.ones(n_states))
    transition_matrix = rng.dirichlet(np.ones(n_states), n_states)
    emission: Emission
    if kind is EmissionType.CATEGORICAL:
        emission = CategoricalEmission(rng.dirichlet(np.ones(data.n_symbols), n_states))
    else:
        picked = data.observations[rng.integers(len(data), size=n_states)]
        if kind is EmissionType.POISSON:
            # Between a count and the next, so that no rate is zero and no two are equal.
            emission = PoissonEmission(picked + rng.random(n_states))
        else:
            overall = flat_start(kind, data, n_states, prior)[2]
            assert isinstance(overall, GaussianEmission)
            emission = GaussianEmission(picked, overall.covariances)
    return initial_probs, transition_matrix, emission


def data_start(
    kind: EmissionType, data: SequenceData, n_states: int, prior: Prior, rng: np.random.Generator
) -> Start:
    """Cluster the observations (symbols: short windows of them); let states be sticky."""
    width = WINDOW if kind is EmissionType.CATEGORICAL else 1
    first, features = _windows(kind, data, min(width, len(data)), rng)
    labels = k_means(features, n_states, rng)
    gamma = np.full((len(data), n_states), 1.0 / n_states)
    soft = np.full((n_states, n_states), (1.0 - HARDNESS) / n_states) + HARDNESS * np.eye(n_states)
    for step in range(min(width, len(data))):
        gamma[first + step] = soft[labels]
    sticky = np.full((n_states, n_states), (1.0 - STAY) / n_states) + STAY * np.eye(n_states)
    return (
        np.full(n_states, 1.0 / n_states),
        nudge_probabilities(sticky, rng, 0.2),
        _emission_from(kind, data, gamma, prior),
    )


def _emission_from(kind: EmissionType, data: SequenceData, gamma: Floats, prior: Prior) -> Emission:
    """Take one M-step of the emission from given state probabilities (T, K)."""
    seed = _neutral_emission(kind, data, gamma.shape[1])
    return seed.maximize(seed.collect(data.observations, gamma), prior)


def _neutral_emission(kind: EmissionType, data: SequenceData, n_states: int) -> Emission:
    """Return an emission of the right shape; its M-step replaces every number in it."""
    if kind is EmissionType.CATEGORICAL:
        return CategoricalEmission(np.full((n_states, data.n_symbols), 1.0 / data.n_symbols))
    if kind is EmissionType.POISSON:
        return PoissonEmission(np.ones(n_states))
    n_dims = data.observations.shape[1]
    identities = np.tile(np.eye(n_dims), (n_states, 1, 1))
    return GaussianEmission(np.zeros((n_states, n_dims)), identities)


def _windows(
    kind: EmissionType, data: SequenceData, width: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return where windows of ``width`` steps begin (W,) and what is in them (W, F)."""
    n_features = data.n_symbols or data.observations[:1].size
    offset = int(rng.integers(min(width, len(data) - width + 1)))
    first = np.arange(offset, len(data) - width + 1, width)
    most = max(LARGEST_TABLE // n_features, 100)
    if len(first) > most:
        first = rng.choice(first, most, replace=False)
    if kind is EmissionType.CATEGORICAL:
        features = np.zeros((len(first), data.n_symbols))
        for step in range(width):
            features[np.arange(len(first)), data.observations[first + step]] += 1.0
    elif kind is EmissionType.POISSON:
        # The square root of a count has about the same variance at any rate.
        features = np.sqrt(data.observations[first][:, None].astype(float))
    else:
        spread = np.sqrt(np.where(data.variances > 0, data.variances, 1.0))
        features = data.observations[first] / spread
    return first, features


def k_means(points: Floats, n_clusters: int, rng: np.random.Generator) -> Ints:
    """Cluster points by Lloyd's steps from a k-means++ start.

    Parameters
    ----------
    points : (N, F) float
    n_clusters : int

    Returns
    -------
    (N,) int
        The cluster of each point.

    Source: Arthur & Vassilvitskii (2007), "k-means++: the advantages of careful seeding".
    """
    centers = np.empty((n_clusters, points.shape[1]))
    centers[0] = points[rng.integers(len(points))]
    nearest = np.full(len(points), np.inf)
    for k in range(1, n_clusters):
        nearest = np.minimum(nearest, _squared_distances(points, centers[k - 1 : k])[:, 0])
        total = nearest.sum()
        chances = nearest / total if total > 0 else None
        centers[k] = points[rng.choice(len(points), p=chances)]
    labels = np.zeros(len(points), dtype=np.int64)
    for _ in range(LLOYD_STEPS):
        labels = np.argmin(_squared_distances(points, centers), axis=1)
        for k in range(n_clusters):
            members = labels == k
            if members.any():
                centers[k] = points[members].mean(axis=0)
    return labels


def _squared_distances(points: Floats, centers: Floats) -> Floats:
    """Return |x_n − c_k|², (N, K)."""
    return np.stack([((points - center) ** 2).sum(axis=1) for center in centers], axis=1)
