"""Rows of probabilities: estimated from expected counts, checked, nudged.

Source: Rabiner (1989), "A tutorial on hidden Markov models", eq. 40; Gelman et al. (2013),
*Bayesian Data Analysis*, §3.4, for pseudo-counts as a Dirichlet prior.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError

SAME_RTOL, SAME_ATOL = 1e-9, 1e-12
"""Two numbers that agree this closely are the same for EM."""


SMALLEST_COUNT = 1e-300
"""An expected count below this is none: divided by a total it would underflow to a probability of
zero, and data that count for something would then have probability zero."""


def without_traces(counts: Floats) -> Floats:
    """Return expected counts with those below :data:`SMALLEST_COUNT` set to zero."""
    return np.asarray(counts * (counts >= SMALLEST_COUNT))


def probabilities(counts: Floats, old: Floats, pseudo_count: float) -> Floats:
    """Return rows of probabilities from expected counts.

    ``θ ∝ counts + a``, with ``a = 0`` where the old probability is zero: such an entry is part
    of the model's structure and stays out. A row that nothing was counted in keeps its old
    values.

    Parameters
    ----------
    counts, old : (..., M) float
    pseudo_count : float, the a above
    """
    raw = counts + pseudo_count * (old > 0) if pseudo_count else counts
    totals = raw.sum(axis=-1, keepdims=True)
    if totals.all():
        return np.asarray(raw / totals, dtype=float)
    return np.asarray(np.divide(raw, totals, out=np.array(old), where=totals > 0), dtype=float)


def log_probability_prior(probs: Floats, pseudo_count: float) -> float:
    """Return ``a Σ log θ`` over the entries that are not structural zeros, in nats."""
    return pseudo_count * float(np.log(probs[probs > 0]).sum()) if pseudo_count else 0.0


def nudge_probabilities(probs: Floats, rng: np.random.Generator, size: float) -> Floats:
    """Multiply probabilities by random factors ``exp(size · N(0, 1))`` and renormalize rows."""
    moved = probs * np.exp(size * rng.standard_normal(probs.shape))
    return np.asarray(moved / moved.sum(axis=-1, keepdims=True), dtype=float)


def checked_probabilities(values: Any, name: str, n_dims: int) -> Floats:
    """Return an own array of rows that are probabilities.

    Raises
    ------
    DataError
        When a number is negative or not finite, or a row does not sum to one.
    """
    probs = np.array(values, dtype=float)
    if probs.ndim != n_dims or probs.size == 0:
        raise DataError(
            f"{name} must have {n_dims} dimension{'s' * (n_dims > 1)}; its shape is {probs.shape}."
        )
    sums = probs.sum(axis=-1)
    if probs.min() >= 0 and np.abs(sums - 1.0).max() <= 1e-6:
        return probs
    if not np.all(np.isfinite(probs)) or probs.min() < 0:
        raise DataError(f"{name} must be probabilities: no number below zero, none missing.")
    raise DataError(f"{name}: each row must sum to 1; divide it by its sum.")
