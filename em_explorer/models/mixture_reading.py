"""Reading a fitted mixture: how unsure points are, and which of them move a mean.

Nothing here is part of EM; it is what people want to know of its half-steps.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats, Ints


def uncertainty(responsibilities: Floats) -> Floats:
    """Return ``(1 − max_k r_nk) / (1 − 1/K)``: 0 for sure of one component, 1 for undecided.

    Parameters
    ----------
    responsibilities : (N, K) float

    Returns
    -------
    (N,) float

    Source: Fraley & Raftery (2002), "Model-based clustering, discriminant analysis, and density
    estimation", §2.4, divided by its largest possible value.
    """
    n_components = responsibilities.shape[1]
    if n_components == 1:
        return np.zeros(len(responsibilities))
    doubt = (1.0 - responsibilities.max(axis=1)) * n_components / (n_components - 1)
    return np.asarray(np.clip(doubt, 0.0, 1.0))


def pulls(points: Floats, shares: Floats, mean: Floats, spread: Floats, total: float) -> Floats:
    """Return how each point moves a mean: ``r_n (x_n − μ) / N_k``, in standard deviations.

    Over all points these arrows add up to the way of the mean in the next M-step, because
    ``μ' − μ = Σ_n r_n (x_n − μ) / N_k``; around the mean an M-step has found they cancel.

    Parameters
    ----------
    points : (N, D) float
    shares : (N,) float
        The points' responsibilities for this component.
    mean, spread : (D,) float
        Where the mean is, and the component's standard deviation in each column, which makes
        columns of different units comparable.
    total : float
        N_k, of all points.

    Returns
    -------
    (N, D) float, standard deviations
    """
    weights = shares / max(total, 1e-300)
    return np.asarray(weights[:, None] * (points - mean) / np.maximum(spread, 1e-300))


def strongest(arrows: Floats, n: int) -> Ints:
    """Return the rows of the n longest arrows, the longest first; none of length zero."""
    length = np.linalg.norm(arrows, axis=1)
    rows = np.argsort(-length, kind="stable")[:n]
    return np.asarray(rows[length[rows] > 0], dtype=np.int64)
