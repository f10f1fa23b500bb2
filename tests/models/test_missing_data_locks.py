"""The normal behind a table with holes, with parts held; the free means follow by regression."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import RunOptions, fit
from em_explorer.models.backend import Backend
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.locking import held_normal
from em_explorer.models.missing_data import MissingData, MissingDataOptions, MissingDataParams
from em_explorer.models.missing_data_anatomy import MissingDataAnatomy
from em_explorer.models.plug_in_imputation import PlugInImputation
from tests.models.locking_checks import check_locks, check_run, some_of

priors = pytest.mark.parametrize("ridge", [0.0, 0.3])


def problem(seed, ridge=0.0, d=None, kind=MissingData):
    rng = np.random.default_rng(seed)
    d = d or 1 + seed % 4
    raw = rng.standard_normal((50, d)) @ rng.standard_normal((d, d)) + 5.0
    raw[rng.random(raw.shape) < 0.2] = np.nan
    model = kind(MissingDataOptions(ridge=ridge))
    data = model.prepare(raw)
    start = model.initialize(data, rng)
    return (
        model,
        data,
        MissingDataParams(start.mean + 0.5 * rng.standard_normal(d), start.covariance),
    )


def held_by(locks):
    mean = sorted(lock.index[0] for lock in locks if lock.group == "mean")

    def held(params):
        whole = params.covariance.ravel() if Lock("covariance", ()) in locks else np.zeros(0)
        return np.concatenate([params.mean[mean], whole])

    return held


@priors
def test_locked_stays_and_the_rest_is_a_maximum(ridge):
    taken = 0
    for seed in range(24):
        model, data, params = problem(seed, ridge)
        locks = some_of(model.lockable(params), seed)
        taken += check_locks(model, data, params, locks, MissingDataAnatomy, held_by(locks))
    assert taken >= 100


@priors
def test_free_means_follow_by_regression(ridge):
    model, data, params = problem(3, ridge, d=3)
    expectation = model.e_step(data, params)
    middle, scatter = expectation.statistics.means[0], expectation.statistics.scatter[0]
    scatter = scatter + ridge * np.eye(3)
    held = replace(model, locks=frozenset({Lock("mean", (0,))}))
    after = held.m_step(params, expectation)
    follow = middle[1:] - scatter[1:, 0] / scatter[0, 0] * (middle[0] - params.mean[0])
    np.testing.assert_allclose(after.mean[1:], follow, rtol=1e-13)
    both = replace(held, locks=frozenset({Lock("mean", (0,)), Lock("covariance", ())}))
    shape = params.covariance + np.array([[0.0, 0.1, 0], [0.1, 0, 0], [0, 0, 0]])
    params = MissingDataParams(params.mean, shape)
    follow = middle[1:] - shape[1:, 0] / shape[0, 0] * (middle[0] - params.mean[0])
    np.testing.assert_allclose(both.m_step(params, expectation).mean[1:], follow, rtol=1e-13)


def test_complete_data_with_a_known_mean_have_a_closed_form():
    """With the whole mean held the covariance is the mean square about it."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((30, 2))
    model = replace(MissingData(), locks=frozenset({Lock("mean", (0,)), Lock("mean", (1,))}))
    data = model.prepare(points)
    start = MissingDataParams(np.array([0.5, -0.2]), np.eye(2))
    found = fit(model, data, start, RunOptions(10)).params
    apart = data.values - start.mean
    np.testing.assert_allclose(found.covariance, apart.T @ apart / 30, rtol=1e-13)
    np.testing.assert_array_equal(found.mean, start.mean)


def test_without_effective_locks_nothing_changes():
    for ridge in (0.0, 0.3):
        model, data, params = problem(2, ridge)
        expectation = model.e_step(data, params)
        none = np.zeros(len(params.mean), bool), np.zeros((), bool)
        old = params.mean, params.covariance
        mean, covariance = held_normal(expectation.statistics, old, none, ridge)
        free = model.m_step(params, expectation)
        np.testing.assert_array_equal(mean, free.mean)
        np.testing.assert_allclose(covariance, free.covariance, rtol=1e-15)


def test_held_columns_that_determine_one_another_are_refused():
    line = np.ones((1, 3, 3)) + np.diag([0.0, 0.0, 1.0])
    statistics = GaussianStatistics(np.array([10.0]), np.zeros((1, 3)), line)
    locked = np.array([True, True, False]), np.zeros((), bool)
    with pytest.raises(SingularError, match="column 1, column 2 determine one another"):
        held_normal(statistics, (np.ones(3), np.eye(3)), locked, 0.0)


def test_the_compiled_backend_agrees():
    for seed in range(6):
        model, data, params = problem(seed)
        slow = replace(model, locks=some_of(model.lockable(params), seed))
        fast = replace(slow, backend=Backend.NUMBA)
        a, b = (fit(m, data, params, RunOptions(5, 0.0)) for m in (slow, fast))
        np.testing.assert_allclose(b.history, a.history, rtol=1e-11)
        np.testing.assert_allclose(b.params.mean, a.params.mean, rtol=1e-9, atol=1e-11)
        np.testing.assert_array_equal(held_by(slow.locks)(b.params), held_by(slow.locks)(params))


@priors
def test_plug_in_holds_them_too(ridge):
    for seed in range(8):
        model, data, params = problem(seed, ridge, kind=PlugInImputation)
        locks = some_of(model.lockable(params), seed)
        check_run(replace(model, locks=locks), data, params, held_by(locks))


def test_locks_on_what_is_not_there_are_refused():
    model, data, params = problem(1, d=2)
    expectation = model.e_step(data, params)
    assert model.lockable(params) == (
        *(Lock("mean", (0,)), Lock("mean", (1,)), Lock("covariance", ())),
    )
    for lock in (Lock("mean", (2,)), Lock("covariance", (0, 1)), Lock("means", (0,))):
        with pytest.raises(DataError, match="to lock"):
            replace(model, locks=frozenset({lock})).m_step(params, expectation)
