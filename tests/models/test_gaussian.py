"""The shared normal against scipy, plain sums and exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from em_explorer.em.errors import SingularError
from em_explorer.models.gaussian import (
    GaussianStatistics,
    check_covariances,
    cholesky,
    expected_log_density,
    log_density,
    rounding,
    smallest_correlation_eigenvalue,
    weighted_statistics,
)


def random_problem(seed, n=25, dims=3, k=2):
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((k, dims, dims)) + 2 * np.eye(dims)
    points = 3 * rng.standard_normal((n, dims))
    return points, rng.standard_normal((k, dims)), roots @ roots.swapaxes(1, 2), rng.random((n, k))


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_log_density_is_scipys(dims):
    points, means, covariances, _ = random_problem(dims, dims=dims)
    wanted = [
        multivariate_normal(*mc).logpdf(points) for mc in zip(means, covariances, strict=True)
    ]
    found = log_density(points, means, covariances)
    np.testing.assert_allclose(found, np.transpose(wanted), rtol=1e-12)


def test_log_density_does_not_depend_on_memory_order():
    points, means, covariances, _ = random_problem(9)
    np.testing.assert_array_equal(
        log_density(points, means, covariances),
        log_density(np.asfortranarray(points), means, covariances),
    )


def test_log_density_of_a_narrow_normal_keeps_its_digits():
    """At σ = 1e-8, beside data of size one, an expanded square would have no digit left."""
    sigma, mean = 1e-8, 0.73
    points = mean + sigma * np.array([-2.0, 0.0, 1.5])
    found = log_density(points[:, None], np.array([[mean]]), np.array([[[sigma**2]]]))
    z = (points - mean) / sigma
    wanted = -0.5 * np.log(2 * np.pi) - np.log(sigma) - 0.5 * z**2
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-14)


def test_weighted_statistics_by_plain_sums():
    points, _, _, weights = random_problem(1)
    found = weighted_statistics(points, weights)
    for k in range(2):
        mean = np.average(points, axis=0, weights=weights[:, k])
        scatter = sum(
            w * np.outer(x - mean, x - mean) for w, x in zip(weights[:, k], points, strict=True)
        )
        assert found.counts[k] == pytest.approx(weights[:, k].sum(), rel=1e-14)
        np.testing.assert_allclose(found.means[k], mean, rtol=1e-12)
        np.testing.assert_allclose(found.scatter[k], scatter, rtol=1e-12)
        np.testing.assert_array_equal(found.scatter[k], found.scatter[k].T)


def test_a_group_without_weight():
    points, _, _, weights = random_problem(2)
    weights[:, 1] = 0.0
    found = weighted_statistics(points, weights)
    assert found.counts[1] == 0
    assert not found.means[1].any()
    assert not found.scatter[1].any()
    for merged in (found + found, weighted_statistics(points[:0], weights[:0]) + found):
        assert merged.counts[1] == 0
        assert np.isfinite(merged.means).all()
    np.testing.assert_allclose((found + found).means[0], found.means[0], rtol=1e-14)


def test_merging_far_from_the_origin_keeps_the_scatter():
    """Offset 1e6 beside a spread of 1e-3; compared with exact fractions."""
    rng = np.random.default_rng(3)
    points = 1e6 + 1e-3 * rng.standard_normal((20, 1))
    merged = sum(
        (weighted_statistics(points[i : i + 5], np.ones((5, 1))) for i in (5, 10, 15)),
        start=weighted_statistics(points[:5], np.ones((5, 1))),
    )
    exact = [Fraction(float(x)) for x in points[:, 0]]
    mean = sum(exact) / 20
    wanted = float(sum((x - mean) ** 2 for x in exact))
    assert merged.scatter[0, 0, 0] == pytest.approx(wanted, rel=1e-6)
    raw_moments = float((points**2).sum() - 20 * points.mean() ** 2)
    assert abs(raw_moments - wanted) > 0.1 * wanted  # the trap that merging avoids


def test_merging_is_associative_and_total_scatter_is_the_whole():
    points, _, _, _ = random_problem(4)
    a, b, c = (weighted_statistics(p, np.ones((len(p), 1))) for p in np.split(points, [4, 11]))
    left, right = (a + b) + c, a + (b + c)
    np.testing.assert_allclose(left.scatter, right.scatter, rtol=1e-13)
    whole = (points - points.mean(0)).T @ (points - points.mean(0))
    np.testing.assert_allclose(left.scatter[0], whole, rtol=1e-12)
    halves = GaussianStatistics(
        *(
            np.concatenate([getattr(a + b, f), getattr(c, f)])
            for f in ("counts", "means", "scatter")
        )
    )
    np.testing.assert_allclose(halves.total_scatter(), whole, rtol=1e-12)


def test_expected_log_density_is_the_weighted_sum():
    points, means, covariances, weights = random_problem(5)
    weights[:, 1] *= 1e-3
    found = expected_log_density(weighted_statistics(points, weights), means, covariances)
    wanted = float((weights * log_density(points, means, covariances)).sum())
    assert found == pytest.approx(wanted, rel=1e-13)


def test_expected_log_density_leaves_its_input_alone():
    points, means, covariances, weights = random_problem(6)
    statistics = weighted_statistics(points, weights)
    before = statistics.scatter.copy()
    first = expected_log_density(statistics, means, covariances)
    assert expected_log_density(statistics, means, covariances) == first
    np.testing.assert_array_equal(statistics.scatter, before)


def test_smallest_correlation_eigenvalue_ignores_units():
    rho = 0.75
    covariance = np.array([[1.0, rho], [rho, 1.0]])
    scale = np.diag([1e-6, 1e4])
    covariances = np.stack([covariance, scale @ covariance @ scale, np.eye(2), -np.eye(2)])
    np.testing.assert_allclose(
        smallest_correlation_eigenvalue(covariances), [0.25, 0.25, 1.0, -1.0], rtol=1e-9
    )
    broken = np.array([[[1.0, np.nan], [np.nan, 1.0]], [[0.0, 0.0], [0.0, 1.0]]])
    np.testing.assert_array_equal(smallest_correlation_eigenvalue(broken), [-1.0, -1.0])


def test_rounding_grows_as_a_covariance_flattens():
    def flat(small):
        return np.array([[[1.0, 1.0 - small], [1.0 - small, 1.0]]])

    assert rounding(np.eye(2)[None]) == pytest.approx(1e-12, rel=1e-3)
    assert rounding(flat(1e-6)) == pytest.approx(2.2e-10, rel=0.02)


@pytest.mark.parametrize(
    "covariance",
    [
        [[1.0, 1.0 - 1e-13], [1.0 - 1e-13, 1.0]],
        [[1.0, 0.0], [0.0, 1e-21]],
        [[0.0, 0.0], [0.0, 1.0]],
        [[np.inf, 0.0], [0.0, 1.0]],
    ],
)
def test_check_covariances_names_the_first_that_collapsed(covariance):
    covariances = np.stack([np.eye(2), np.array(covariance)])
    with pytest.raises(SingularError, match=r"^State 2 has collapsed") as caught:
        check_covariances(covariances, np.ones(2), "state")
    assert caught.value.part == 1


def test_check_covariances_admits_what_is_merely_narrow():
    check_covariances(np.array([[[1e-18]]]), np.ones(1), "component")
    check_covariances(np.array([[[1.0, 0.0], [0.0, 1e-30]]]), None, "component")
    nearly = 1.0 - 1e-10
    check_covariances(np.array([[[1.0, nearly], [nearly, 1.0]]]), np.ones(2), "component")


def test_cholesky_turns_failure_into_advice():
    np.testing.assert_allclose(cholesky(np.array([[4.0]])), [[2.0]], rtol=1e-15)
    with pytest.raises(SingularError, match="Covariance 3 is not positive definite") as caught:
        cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]), 2)
    assert caught.value.part == 2
    with pytest.raises(SingularError, match="A covariance is not positive definite"):
        cholesky(np.array([[-1.0]]))
