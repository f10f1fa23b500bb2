"""A mixture with parts held: the rest is maximized in closed form and the bound never falls."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.backend import Backend
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.models.k_means import KMeans
from tests.models.locking_checks import check_locks, check_run, some_of

every_kind = pytest.mark.parametrize("kind", CovarianceType)
priors = pytest.mark.parametrize(("ridge", "pseudo"), [(0.0, 0.0), (0.1, 0.7)])


def problem(seed, kind=CovarianceType.FULL, ridge=0.0, pseudo=0.0, k=3, dims=None, model=None):
    rng = np.random.default_rng(seed)
    dims = dims or 1 + seed % 3
    points = 1.5 * rng.standard_normal((k, dims))[rng.integers(k, size=50)]
    points = points + rng.standard_normal((50, dims)) + 7.0
    start = [MixtureStart.RANDOM_POINTS, MixtureStart.RANDOM_RESPONSIBILITIES][seed % 2]
    model = (model or GaussianMixture)(GaussianMixtureOptions(k, kind, start, ridge, pseudo))
    data = model.prepare(points)
    return model, data, model.initialize(data, rng)


def held_by(locks, tied=False):
    """Return a function that lists the values of what is locked."""

    def held(params):
        chosen = [np.zeros(0)]
        for lock in sorted(locks):
            whole = getattr(params, lock.group)
            chosen.append(np.ravel(whole[lock.index] if lock.index else whole))
        return np.concatenate(chosen)

    return held


@every_kind
@priors
@pytest.mark.parametrize("group", ["weights", "means", "covariances", "any"])
def test_locked_stays_and_the_rest_is_a_maximum(kind, ridge, pseudo, group):
    taken = 0
    for seed in range(6):
        model, data, params = problem(seed, kind, ridge, pseudo)
        choice = [x for x in model.lockable(params) if group in ("any", x.group)]
        locks = some_of(choice, seed)
        taken += check_locks(model, data, params, locks, GaussianMixtureAnatomy, held_by(locks))
    assert taken >= 30


@every_kind
def test_locks_hold_values_that_em_would_not_choose(kind):
    """Held far from where they want to be, they change what is best for the rest."""
    for seed in range(6):
        model, data, params = problem(seed, kind, k=3, dims=2)
        params = GaussianMixtureParams(
            np.array([0.7, 0.2, 0.1]), params.means + np.array([2.0, -1.0]), params.covariances
        )
        for locks in (
            {Lock("means", (0,)), Lock("means", (2,)), Lock("weights", (1,))},
            {Lock("weights", (0,)), Lock("weights", (1,)), Lock("weights", (2,))},
            {Lock("means", (1,)), Lock("covariances", () if kind.value == "tied" else (1,))},
        ):
            locks = frozenset(locks)
            check_locks(model, data, params, locks, GaussianMixtureAnatomy, held_by(locks))


def test_a_covariance_is_measured_about_its_locked_mean():
    model, data, params = problem(1, dims=2)
    expectation = model.e_step(data, params, latent=True)
    after = replace(model, locks=frozenset({Lock("means", (1,))})).m_step(params, expectation)
    r = expectation.latent.responsibilities[:, 1]
    apart = data.points - params.means[1]
    np.testing.assert_allclose(after.covariances[1], (r * apart.T) @ apart / r.sum(), rtol=1e-12)
    free = model.m_step(params, expectation)
    np.testing.assert_array_equal(after.means[[0, 2]], free.means[[0, 2]])
    np.testing.assert_allclose(after.covariances[[0, 2]], free.covariances[[0, 2]], rtol=1e-13)


def test_free_weights_share_what_is_left():
    model, data, params = problem(2, pseudo=0.5, ridge=0.1)
    expectation = model.e_step(data, params)
    after = replace(model, locks=frozenset({Lock("weights", (0,))})).m_step(params, expectation)
    counts = expectation.statistics.counts + 0.5
    left = (1 - params.weights[0]) * counts[1:] / counts[1:].sum()
    np.testing.assert_allclose(after.weights[1:], left, rtol=1e-14)
    assert after.weights[0] == params.weights[0]


def test_everything_locked_is_a_fixed_point():
    model, data, params = problem(3)
    model = replace(model, locks=frozenset(model.lockable(params)))
    found = fit(model, data, params, RunOptions(5, 1e-9))
    assert found.stop.reason is StopReason.CONVERGED
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(found.params, name), getattr(params, name))


def test_without_locks_nothing_changes():
    for kind in CovarianceType:
        model, data, params = problem(4, kind)
        expectation = model.e_step(data, params)
        plain = model.m_step(params, expectation)
        # A lock on the single weight of a single component holds nothing that would move.
        one = GaussianMixture(GaussianMixtureOptions(1, kind))
        start = one.initialize(data, np.random.default_rng(0))
        only = one.e_step(data, start)
        held = replace(one, locks=frozenset({Lock("weights", (0,))})).m_step(start, only)
        for name in ("weights", "means", "covariances"):
            got, wanted = getattr(held, name), getattr(one.m_step(start, only), name)
            np.testing.assert_allclose(got, wanted, rtol=1e-14)
        assert replace(model, locks=frozenset()).m_step(params, expectation).means is not None
        np.testing.assert_array_equal(plain.weights, model.m_step(params, expectation).weights)


def test_a_locked_covariance_keeps_a_component_from_collapsing():
    """Held on a single point, with its shape locked, a component may stay there for good."""
    model, data, params = problem(5, k=2, dims=2)
    means = np.array([data.points[0], data.points.mean(axis=0)])
    covariances = np.array([0.01 * np.eye(2), np.cov(data.points.T)])
    params = GaussianMixtureParams(np.array([0.1, 0.9]), means, covariances)
    locks = frozenset({Lock("covariances", (0,))})
    run = check_run(replace(model, locks=locks), data, params, held_by(locks), n=50)
    assert run[-1].iteration == 50


def test_an_empty_component_is_kept_only_where_it_is_held_whole():
    model, data, params = problem(6, k=2, dims=2)
    far = params.means.copy()
    far[1] += 1e4
    params = GaussianMixtureParams(params.weights, far, params.covariances)
    expectation = model.e_step(data, params)
    assert expectation.statistics.counts[1] == 0
    with pytest.raises(SingularError, match="Component 2 is empty"):
        replace(model, locks=frozenset({Lock("means", (1,))})).m_step(params, expectation)
    whole = frozenset({Lock("means", (1,)), Lock("covariances", (1,))})
    after = replace(model, locks=whole).m_step(params, expectation)
    np.testing.assert_array_equal(after.means[1], far[1])
    assert after.weights[1] == 0.0


@every_kind
def test_the_compiled_backend_agrees(kind):
    for seed in range(5):
        model, data, params = problem(seed, kind)
        locks = some_of(model.lockable(params), seed + 10)
        slow = replace(model, locks=locks)
        fast = replace(slow, backend=Backend.NUMBA)
        a, b = (fit(m, data, params, RunOptions(5, 0.0)) for m in (slow, fast))
        np.testing.assert_allclose(b.history, a.history, rtol=1e-11)
        for name in ("weights", "means", "covariances"):
            np.testing.assert_allclose(
                getattr(b.params, name), getattr(a.params, name), rtol=1e-8, atol=1e-10
            )
        np.testing.assert_array_equal(held_by(locks)(b.params), held_by(locks)(params))


def test_equal_components_can_be_parted_by_a_lock():
    model, _, params = problem(7, k=2, dims=2)
    twin = GaussianMixtureParams(
        np.array([0.3, 0.7]),
        np.repeat(params.means[:1], 2, axis=0),
        np.repeat(params.covariances[:1], 2, axis=0),
    )
    assert model.symmetry(twin) is not None
    for lock in (Lock("means", (1,)), Lock("covariances", (0,))):
        assert replace(model, locks=frozenset({lock})).symmetry(twin) is None
    assert replace(model, locks=frozenset({Lock("weights", (0,))})).symmetry(twin) is not None
    both = frozenset({Lock("means", (0,)), Lock("means", (1,))})
    assert replace(model, locks=both).symmetry(twin) is not None


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (Lock("weights", (5,)), r"There is no weights \[5\] to lock"),
        (Lock("means", (0, 1)), r"There is no means \[0, 1\] to lock"),
        (Lock("topics", (0,)), "no 'topics' to lock in this model; lock one of weights, means"),
    ],
)
def test_locks_on_what_is_not_there_are_refused(lock, message):
    model, data, params = problem(0)
    with pytest.raises(DataError, match=message):
        replace(model, locks=frozenset({lock})).m_step(params, model.e_step(data, params))


def test_locked_weights_above_one_are_refused():
    model, data, params = problem(0)
    params = GaussianMixtureParams(np.array([0.8, 0.7, 0.1]), params.means, params.covariances)
    locks = frozenset({Lock("weights", (0,)), Lock("weights", (1,))})
    with pytest.raises(DataError, match=r"locked probabilities of a row sum to 1.5"):
        replace(model, locks=locks).m_step(params, model.e_step(data, params))


def test_a_tied_covariance_has_one_lock():
    model, _, params = problem(0, CovarianceType.TIED, k=2)
    assert model.lockable(params) == (
        *(Lock("weights", (0,)), Lock("weights", (1,))),
        *(Lock("means", (0,)), Lock("means", (1,)), Lock("covariances", ())),
    )


def test_k_means_holds_means():
    for seed in range(6):
        model, data, params = problem(seed, model=KMeans, ridge=0.1 * (seed % 2))
        assert model.lockable(params) == tuple(Lock("means", (k,)) for k in range(3))
        locks = some_of(model.lockable(params), seed)
        held = replace(model, locks=locks)
        check_run(held, data, params, held_by(locks))
        nudged = held.nudge(params, np.random.default_rng(0), 0.1)
        np.testing.assert_array_equal(held_by(locks)(nudged), held_by(locks)(params))
        np.testing.assert_array_equal(held.hold(nudged, params).weights, params.weights)
        with pytest.raises(DataError, match="no 'weights' to lock"):
            replace(model, locks=frozenset({Lock("weights", (0,))})).m_step(
                params, model.e_step(data, params)
            )
