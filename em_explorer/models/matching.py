"""Whether two fits of one model are the same, whatever the numbering of their parts.

Everything here goes by the standard names of parameters, so that it holds for every model:
probabilities are compared by total variation, means in standard deviations, covariances against
their variances.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.alignment import align_parts

PROBABILITIES = ("weights", "initial_probs", "transition_matrix", "probs")
WHOLE = ("mean", "covariance")
"""Fields of a model that has no parts to number."""


def match_parts(found: Any, like: Any) -> Ints:
    """Return the order in which the parts of one fit are most like those of another.

    Parameters
    ----------
    found, like : params of one model with equally many parts

    Returns
    -------
    (K,) int
        For ``model.permuted(found, order)``; ``[0]`` where there is but one normal.
    """
    ours, theirs = _features(found), _features(like)
    if not ours:
        return np.zeros(1, dtype=np.int64)
    n_parts = len(ours[0])
    cost = np.zeros((n_parts, n_parts))
    for a, b in zip(theirs, ours, strict=True):
        both = np.concatenate([a, b])
        spread = float(((both - both.mean(axis=0)) ** 2).sum(axis=1).mean())
        squares = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
        cost += squares / max(spread, np.finfo(float).tiny)
    return align_parts(cost)


def difference(one: Any, other: Any) -> float:
    """Return how far two fits are apart, at the parameter where they differ most.

    Total variation of probabilities, standard deviations for means, shares of the variance for
    covariances: 0.05 is little for each of them. Their parts must have been matched before.

    Returns
    -------
    float
        No unit; infinite when the shapes differ.
    """
    worst = 0.0
    pairs = zip(_leaves(one), _leaves(other), strict=False)
    for (name, a, owner), (_, b, _) in pairs:
        if a.shape != b.shape:
            return float("inf")
        worst = max(worst, _field_difference(name, a, b, owner))
    return worst


def aligned_difference(model: Any, found: Any, like: Any) -> float:
    """Return :func:`difference` after ``found`` was renumbered to be most like ``like``."""
    return difference(model.permuted(found, match_parts(found, like)), like)


def _leaves(params: Any) -> Iterator[tuple[str, Floats, Any]]:
    """Go over the arrays of params: name, values, and the dataclass they are in."""
    for field in fields(params):
        value = getattr(params, field.name)
        if is_dataclass(value):
            yield from _leaves(value)
        elif isinstance(value, np.ndarray):
            if field.name == "topic_word_posterior":
                yield "probs", value / value.sum(axis=1, keepdims=True), params
            else:
                yield field.name, value, params


def _field_difference(name: str, a: Floats, b: Floats, owner: Any) -> float:
    change = np.abs(a - b)
    if name in PROBABILITIES:
        return float(0.5 * change.sum(axis=-1).max())
    if name in ("means", "mean"):
        covariances = owner.covariances if name == "means" else owner.covariance
        return float((change / np.sqrt(_diagonal(covariances))).max())
    if name in ("covariances", "covariance"):
        spread = np.sqrt(_diagonal(a))
        return float((change / (spread[..., :, None] * spread[..., None, :])).max())
    if name == "rates":
        return float((change / np.sqrt(np.maximum(a, 1e-300))).max())
    return float((change / (1.0 + np.abs(a))).max())


def _diagonal(covariances: Floats) -> Floats:
    diagonal = np.diagonal(covariances, axis1=-2, axis2=-1)
    return np.asarray(np.maximum(diagonal, 1e-300), dtype=float)


def _features(params: Any) -> list[Floats]:
    """Return what tells the parts of a fit apart, one (K, …) table per field."""
    tables = []
    for name, values, _ in _leaves(params):
        if name in WHOLE:
            return []
        if name == "transition_matrix":
            values = np.diagonal(values)  # to whom a state goes depends on the others' numbers
        elif name in PROBABILITIES:
            values = np.sqrt(values)
        tables.append(values.reshape(len(values), -1))
    return tables
