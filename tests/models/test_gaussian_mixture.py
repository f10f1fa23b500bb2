"""The mixture's two half-steps against brute force, finite differences and its own symmetries."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from em_explorer.em.errors import ImpossibleDataError, SingularError
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
)

DRAWN = [start for start in MixtureStart if start is not MixtureStart.GIVEN]
PRIORS = {"no prior": (0.0, 0.0), "prior": (0.05, 0.5)}
COMBINATIONS = list(product(CovarianceType, PRIORS))
every_combination = pytest.mark.parametrize(("kind", "prior"), COMBINATIONS)
every_kind = pytest.mark.parametrize("kind", CovarianceType)


def problem(seed, kind=CovarianceType.FULL, prior="no prior", *, n=30, k=None, dims=None):
    """Return a model, its data and a start; sizes, scales and starts differ by seed."""
    rng = np.random.default_rng(seed)
    dims = dims or int(rng.integers(1, 4))
    k = k or int(rng.integers(1, 5))
    centers = 3.0 * rng.standard_normal((k, dims))
    points = centers[rng.integers(k, size=n)] + rng.standard_normal((n, dims))
    ridge, pseudo_count = PRIORS[prior]
    start = DRAWN[seed % len(DRAWN)]
    options = GaussianMixtureOptions(k, kind, start, ridge, pseudo_count)
    model = GaussianMixture(options)
    data = model.prepare(points + rng.uniform(-50, 50, dims))
    return model, data, model.initialize(data, rng)


def relative(difference, model, data, bound):
    return difference / (model.n_observations(data) + abs(bound))


def test_all_combinations_are_here():
    assert len(COMBINATIONS) == 4 * 2
    assert len(DRAWN) == 3


@every_combination
def test_bound_never_falls(kind, prior):
    half_steps, singular = 0, 0
    for seed in range(200):
        model, data, params = problem(seed, kind, prior)
        steps = em_steps(model, data, params, RunOptions(max_iter=5, tolerance=0))
        before = -np.inf
        while True:
            try:
                snapshot = next(steps)
            except StopIteration as end:
                stop = end.value
                break
            if snapshot.phase is Phase.START:
                continue
            assert relative(before - snapshot.bound, model, data, snapshot.bound) < 1e-9
            before = snapshot.bound
            half_steps += 1
        assert stop.reason in (StopReason.ITERATION_LIMIT, StopReason.SINGULAR)
        singular += stop.reason is StopReason.SINGULAR
    assert half_steps > 0.95 * 200 * 11
    assert singular <= (0 if prior == "prior" else 10)


@every_combination
def test_after_e_the_bound_is_the_objective(kind, prior):
    for seed in range(20):
        model, data, params = problem(seed, kind, prior)
        expectation = model.e_step(data, params)
        density = sum(
            w * multivariate_normal(m, c).pdf(data.points).reshape(-1)
            for w, m, c in zip(params.weights, params.means, params.covariances, strict=True)
        )
        likelihood = np.log(density).sum()
        assert expectation.log_likelihood == pytest.approx(likelihood, rel=1e-11)
        bound = model.bound(params, expectation)
        assert bound == pytest.approx(likelihood + model.log_prior(params), rel=1e-11)


def test_entropy_and_bound_by_all_assignments():
    """Sum over all 3⁴ assignments of four points: E_q[log p(X, Z)] and −Σ q log q."""
    model, data, params = problem(3, n=4, k=3, dims=2)
    params = replace(params, covariances=np.tile(np.eye(2), (3, 1, 1)))
    responsibilities = model.e_step(data, params, latent=True).latent.responsibilities
    other = model.nudge(params, np.random.default_rng(0), 0.3)
    normals = [multivariate_normal(*mc) for mc in zip(other.means, other.covariances, strict=True)]
    joint, entropy = 0.0, 0.0
    for assignment in product(range(3), repeat=4):
        q = np.prod([responsibilities[n, k] for n, k in enumerate(assignment)])
        log_p = sum(
            np.log(other.weights[k]) + normals[k].logpdf(data.points[n])
            for n, k in enumerate(assignment)
        )
        joint += q * log_p
        entropy -= q * np.log(q)
    expectation = model.e_step(data, params)
    assert expectation.entropy == pytest.approx(entropy, rel=1e-12)
    assert model.bound(other, expectation) == pytest.approx(joint + entropy, rel=1e-12)


def test_entropy_where_a_responsibility_is_exactly_zero():
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare([[-1e3], [-1e3 + 1], [1e3], [1e3 + 1]])
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-1e3], [1e3]]), np.full((2, 1, 1), 1.0)
    )
    expectation = model.e_step(data, params, latent=True)
    np.testing.assert_array_equal(
        expectation.latent.responsibilities, [[1, 0], [1, 0], [0, 1], [0, 1]]
    )
    assert expectation.entropy == 0.0
    even = replace(params, means=np.zeros((2, 1)))
    assert model.e_step(data, even).entropy == pytest.approx(4 * np.log(2), rel=1e-14)


@every_combination
def test_m_step_is_the_maximum(kind, prior):
    """Central differences along random directions within the covariance type vanish."""
    for seed in range(10):
        model, data, params = problem(seed, kind, prior, n=40)
        expectation = model.e_step(data, params)
        best = model.m_step(params, expectation)
        top = model.bound(best, expectation)
        for direction in range(6):
            bounds = []
            for size in (1e-4, -1e-4):  # the same direction, forth and back
                rng = np.random.default_rng(direction)
                bounds.append(model.bound(model.nudge(best, rng, size), expectation))
            slope = (bounds[0] - bounds[1]) / 2e-4
            curvature = (2 * top - sum(bounds)) / 1e-8
            assert curvature > 0
            assert abs(slope) < 1e-3 * curvature  # a step of less than 0.001 to the top
            far = model.nudge(best, np.random.default_rng(direction), 0.3)
            assert model.bound(far, expectation) < top


@every_kind
def test_m_step_keeps_the_type(kind):
    model, data, params = problem(5, kind, n=60, k=3, dims=3)
    for stage in (params, model.m_step(params, model.e_step(data, params))):
        moved = model.nudge(stage, np.random.default_rng(0), 0.1)
        for covariances in (stage.covariances, moved.covariances):
            assert covariances.shape == (3, 3, 3)
            off_diagonal = covariances[:, ~np.eye(3, dtype=bool)]
            variances = np.diagonal(covariances, axis1=1, axis2=2)
            if kind is CovarianceType.TIED:
                np.testing.assert_array_equal(covariances, covariances[[0, 0, 0]])
            if kind in (CovarianceType.DIAGONAL, CovarianceType.SPHERICAL):
                assert np.all(off_diagonal == 0)
            if kind is CovarianceType.SPHERICAL:
                np.testing.assert_allclose(variances, variances[:, [0, 0, 0]], rtol=1e-15)


def chunk(data, rows):
    return replace(data, points=data.points[rows])


@every_kind
def test_chunks_merge_to_the_whole(kind):
    model, data, params = problem(8, kind, n=50, k=3, dims=2)
    whole = model.e_step(data, params)
    parts = [
        model.e_step(chunk(data, rows), params) for rows in np.split(np.arange(50), [7, 8, 31])
    ]
    merged = parts[0] + parts[1] + parts[2] + parts[3]
    assert isinstance(merged, Expectation)
    np.testing.assert_allclose(merged.statistics.counts, whole.statistics.counts, rtol=1e-13)
    np.testing.assert_allclose(merged.statistics.means, whole.statistics.means, rtol=1e-11)
    np.testing.assert_allclose(
        merged.statistics.scatter, whole.statistics.scatter, rtol=1e-11, atol=1e-12
    )
    assert merged.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-13)
    assert merged.entropy == pytest.approx(whole.entropy, rel=1e-12)
    assert model.bound(params, merged) == pytest.approx(model.bound(params, whole), rel=1e-13)


@every_combination
def test_relabelling_changes_nothing_else(kind, prior):
    model, data, params = problem(11, kind, prior, k=3, dims=2)
    order = [2, 0, 1]
    here = model.m_step(params, model.e_step(data, params))
    there_params = model.permuted(params, order)
    expectation = model.e_step(data, there_params)
    there = model.m_step(there_params, expectation)
    for name in ("weights", "means", "covariances"):
        np.testing.assert_allclose(
            getattr(there, name), getattr(here, name)[order], rtol=1e-10, atol=1e-12
        )
    before = model.bound(params, model.e_step(data, params))
    assert model.bound(there_params, expectation) == pytest.approx(before, rel=1e-13)


@every_kind
def test_row_order_and_place_change_nothing(kind):
    model, data, params = problem(14, kind, k=3, dims=2)
    raw = data.points + data.center
    units = model.to_units(params, data)
    expectation = model.e_step(data, params)
    wanted = model.to_units(model.m_step(params, expectation), data)
    shift = np.array([1000.0, -3.0])
    for other, move in ((raw[::-1], 0.0), (raw + shift, shift)):
        its_data = model.prepare(other)
        start = model.from_units(replace(units, means=units.means + move), its_data)
        found = model.e_step(its_data, start)
        assert found.log_likelihood == pytest.approx(expectation.log_likelihood, rel=1e-11)
        moved = model.to_units(model.m_step(start, found), its_data)
        np.testing.assert_allclose(moved.means - move, wanted.means, rtol=1e-9)
        np.testing.assert_allclose(moved.covariances, wanted.covariances, rtol=1e-8, atol=1e-10)


def test_an_empty_component():
    raw = np.random.default_rng(0).standard_normal((20, 2))
    far = np.array([1e4, 1e4])
    start = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[0.0, 0.0], far]), np.tile(np.eye(2), (2, 1, 1))
    )
    bare = GaussianMixture(GaussianMixtureOptions(2))
    data = bare.prepare(raw)
    expectation = bare.e_step(data, start)
    assert expectation.statistics.counts[1] == 0
    with pytest.raises(SingularError, match="Component 2 is empty") as caught:
        bare.m_step(start, expectation)
    assert caught.value.part == 1

    imagined = GaussianMixture(GaussianMixtureOptions(2, weight_pseudo_count=1.0))
    kept = imagined.m_step(start, expectation)
    np.testing.assert_array_equal(kept.means[1], far)
    np.testing.assert_array_equal(kept.covariances[1], np.eye(2))
    np.testing.assert_allclose(kept.weights, [21 / 22, 1 / 22], rtol=1e-14)
    assert imagined.bound(kept, expectation) > imagined.bound(start, expectation)

    ridged = GaussianMixture(GaussianMixtureOptions(2, ridge=0.25))
    kept = ridged.m_step(start, expectation)
    np.testing.assert_array_equal(kept.means[1], far)
    np.testing.assert_allclose(kept.covariances[1], 0.25 * np.eye(2), rtol=1e-14)
    assert kept.weights[1] == 0
    again = ridged.e_step(data, kept)
    assert np.isfinite(ridged.bound(kept, again))
    assert again.statistics.counts[1] == 0


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_component_on_one_point_is_singular(dims):
    rng = np.random.default_rng(dims)
    raw = np.vstack([rng.standard_normal((30, dims)), np.full((1, dims), 40.0)])
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare(raw)
    start = model.from_units(
        GaussianMixtureParams(
            np.array([0.5, 0.5]),
            np.stack([np.zeros(dims), np.full(dims, 40.0)]),
            np.tile(np.eye(dims), (2, 1, 1)),
        ),
        data,
    )
    with pytest.raises(SingularError, match=r"^Component 2 has collapsed: .*Try .* ridge\.$"):
        model.m_step(start, model.e_step(data, start))


def test_a_line_of_points_is_singular():
    """A line of points has variances, but no ellipse: only the correlation tells."""
    raw = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    model = GaussianMixture(GaussianMixtureOptions(1))
    data = model.prepare(raw)
    params = model.initialize(data, np.random.default_rng(0))
    expectation = model.e_step(data, params)
    with pytest.raises(SingularError, match="Component 1 has collapsed"):
        model.m_step(params, expectation)


def test_too_far_for_a_density():
    model = GaussianMixture(GaussianMixtureOptions(1))
    data = model.prepare([[0.0], [1e140]])
    tiny = GaussianMixtureParams(np.ones(1), np.zeros((1, 1)), np.full((1, 1, 1), 1e-60))
    with (
        np.errstate(over="ignore"),
        pytest.raises(ImpossibleDataError, match="row 1 is too far from every component"),
    ):
        model.e_step(data, tiny)


def test_symmetry_names_the_twins():
    model, _, params = problem(2, n=30, k=3, dims=2)
    assert model.symmetry(params) is None
    twins = GaussianMixtureParams(
        params.weights, params.means[[0, 1, 0]], params.covariances[[0, 1, 0]]
    )
    assert model.symmetry(twins).startswith("Components 1 and 3 are identical")


def test_sample_comes_from_the_mixture():
    params = GaussianMixtureParams(
        np.array([0.25, 0.75]),
        np.array([[0.0, 0.0], [20.0, 10.0]]),
        np.array([[[1.0, 0.9], [0.9, 2.0]], [[3.0, -1.0], [-1.0, 1.0]]]),
    )
    model = GaussianMixture(GaussianMixtureOptions(2))
    points, labels = model.sample(params, 40_000, np.random.default_rng(0))
    assert points.shape == (40_000, 2)
    for k in range(2):
        mine = points[labels == k]
        assert abs(len(mine) / 40_000 - params.weights[k]) < 0.01
        np.testing.assert_allclose(mine.mean(0), params.means[k], atol=0.05)
        np.testing.assert_allclose(np.cov(mine.T), params.covariances[k], atol=0.1)
    again, _ = model.sample(params, 40_000, np.random.default_rng(0))
    np.testing.assert_array_equal(points, again)
