"""The shared mathematics of locks on small tables."""

import numpy as np
import pytest
from scipy.optimize import minimize

from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.locking import (
    MANY_CELLS,
    held_normal,
    held_shares,
    listed,
    masks,
    put_back,
    tell_apart,
)


def test_held_shares_maximize_the_counts_log_probability():
    """Against a general optimizer over the free cells."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        counts, old = rng.gamma(1.0, size=5), rng.dirichlet(np.ones(5))
        locked = np.array([True, False, False, True, False])
        found = held_shares(counts, old, locked)
        rest = old[~locked].sum()

        def loss(x, rest=rest, counts=counts, locked=locked):
            share = rest * np.exp(x) / np.exp(x).sum()
            return -counts[~locked] @ np.log(share)

        best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
        wanted = rest * np.exp(best.x) / np.exp(best.x).sum()
        np.testing.assert_allclose(found[~locked], wanted, rtol=1e-5)
        np.testing.assert_array_equal(found[locked], old[locked])
        assert found.sum() == pytest.approx(1.0, abs=1e-15)


def test_what_is_left_keeps_its_digits():
    """Two locked cells leave 1e-20: a difference from one would leave nothing, or noise."""
    old = np.array([0.5, 0.5, 3e-20, 1e-20])
    found = held_shares(np.array([9.0, 1.0, 1.0, 3.0]), old, np.array([True, True, False, False]))
    np.testing.assert_allclose(found[2:], [1e-20, 3e-20], rtol=1e-15)


def test_locked_cells_above_one_are_refused_in_any_row():
    old = np.array([[0.5, 0.3, 0.2], [0.6, 0.7, 0.1]])
    locked = np.array([[True, True, False], [True, True, False]])
    with pytest.raises(DataError, match=r"sum to 1\.3, which leaves nothing"):
        held_shares(np.ones((2, 3)), old, locked)


def test_held_normal_maximizes_the_expected_log_density():
    """Against a general optimizer over the free mean and the Cholesky factor."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        points = rng.standard_normal((20, 3)) @ rng.standard_normal((3, 3))
        middle = points.mean(axis=0)
        scatter = (points - middle).T @ (points - middle)
        statistics = GaussianStatistics(np.array([20.0]), middle[None], scatter[None])
        old = middle + np.array([0.4, -0.3, 0.2]), np.eye(3)
        locked = np.array([True, False, True]), np.zeros((), bool)
        ridge = 0.5 * (seed % 2)
        mean, covariance = held_normal(statistics, old, locked, ridge)
        nu = float(ridge > 0)

        def loss(x, old=old, points=points, ridge=ridge, nu=nu):
            mu = np.array([old[0][0], x[0], old[0][2]])
            factor = np.zeros((3, 3))
            factor[np.tril_indices(3)] = x[1:]
            sigma = factor @ factor.T + 1e-300 * np.eye(3)
            apart = points - mu
            inside = apart.T @ apart + ridge * np.eye(3)
            log_det = 2 * np.log(np.abs(np.diagonal(factor))).sum()
            return 0.5 * ((20 + nu) * log_det + np.trace(np.linalg.solve(sigma, inside)))

        start = np.concatenate([[mean[1]], np.linalg.cholesky(covariance)[np.tril_indices(3)]])
        moved = start + 0.1 * rng.standard_normal(7)
        best = minimize(loss, moved, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
        assert loss(start) <= best.fun + 1e-9
        assert best.fun == pytest.approx(loss(start), rel=1e-8)
        assert best.x[0] == pytest.approx(mean[1], abs=1e-5)


def test_locks_are_listed_in_reading_order_and_masked():
    shapes = {"weights": (2,), "cells": (2, 2), "covariance": ()}
    found = listed(shapes)
    assert found[0] == Lock("weights", (0,))
    assert found[3] == Lock("cells", (0, 1))
    assert found[-1] == Lock("covariance", ())
    assert len(found) == 2 + 4 + 1
    locked = masks(frozenset({found[1], found[3], found[-1]}), shapes)
    np.testing.assert_array_equal(locked["weights"], [False, True])
    np.testing.assert_array_equal(locked["cells"], [[False, True], [False, False]])
    assert locked["covariance"].shape == ()
    assert locked["covariance"]
    assert listed({"cells": (MANY_CELLS, 2), "means": (1,)}) == (Lock("means", (0,)),)


def test_put_back_covers_later_axes():
    new, old = np.zeros((2, 2, 2)), np.ones((2, 2, 2))
    np.testing.assert_array_equal(put_back(new, old, np.array([False, True])).sum((1, 2)), [0, 4])
    np.testing.assert_array_equal(put_back(new, old, np.array(True)), old)


def test_exchanging_two_parts_may_change_what_is_locked():
    locks = frozenset({Lock("means", (0,)), Lock("means", (1,)), Lock("covariance", ())})
    assert not tell_apart(locks, 0, 1)
    assert tell_apart(locks, 0, 2)
    cells = frozenset({Lock("cells", (0, 1))})
    assert tell_apart(cells, 0, 1, cells=("cells",))
    assert not tell_apart(cells | {Lock("cells", (1, 0))}, 0, 1, cells=("cells",))
    assert not tell_apart(frozenset({Lock("cells", (2, 0))}), 0, 1)
