"""The compiled E-step of the mixture against the one to read."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.errors import ImpossibleDataError, SingularError
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models import backend
from em_explorer.models.backend import Backend
from em_explorer.models.gaussian import check_covariances, rounding
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)
from em_explorer.models.kernels import gaussian_blocks as blocks
from em_explorer.models.kernels import gaussian_mixture as kernel
from em_explorer.models.kernels.covariances import finish
from em_explorer.models.kernels.vector import LOWEST, exp


@pytest.fixture
def as_many_threads_after():
    before = backend.threads()
    yield
    backend.set_threads(before)


def _both(options: GaussianMixtureOptions) -> tuple[GaussianMixture, GaussianMixture]:
    return GaussianMixture(options), GaussianMixture(options, Backend.NUMBA)


def _table(rng, n_points: int, n_dims: int, n_groups: int = 3):
    centers = 3.0 * rng.standard_normal((n_groups, n_dims))
    shapes = rng.standard_normal((n_groups, n_dims, n_dims))
    labels = rng.integers(n_groups, size=n_points)
    noise = rng.standard_normal((n_points, n_dims, 1))
    return centers[labels] + (shapes[labels] @ noise)[..., 0]


def _params(rng, n_components: int, n_dims: int) -> GaussianMixtureParams:
    roots = rng.standard_normal((n_components, n_dims, n_dims + 2))
    weights = rng.random(n_components) + 0.1
    return GaussianMixtureParams(
        weights / weights.sum(),
        2.0 * rng.standard_normal((n_components, n_dims)),
        roots @ roots.swapaxes(1, 2),
    )


def _assert_alike(found, wanted, rel: float = 1e-9) -> None:
    scale = np.sqrt(np.abs(np.diagonal(wanted.statistics.scatter, axis1=1, axis2=2)))
    # A spread below 1e-10 of the data's is rounding in both.
    floor = 1e-20 * wanted.statistics.counts * wanted.statistics.means.max() ** 2 + 1e-300
    size = scale[:, :, None] * scale[:, None, :] + floor[:, None, None]
    change = np.abs(found.statistics.scatter - wanted.statistics.scatter)
    assert (change / size).max() < rel
    np.testing.assert_allclose(found.statistics.counts, wanted.statistics.counts, rel, 1e-200)
    spread = scale / np.sqrt(np.maximum(wanted.statistics.counts, 1e-300))[:, None]
    shift = np.abs(found.statistics.means - wanted.statistics.means)
    assert (shift <= rel * (spread + np.abs(wanted.statistics.means))).all()
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=rel, abs=rel)
    assert found.entropy == pytest.approx(wanted.entropy, rel=rel, abs=rel)
    assert (found.latent is None) == (wanted.latent is None)
    if wanted.latent is not None:
        np.testing.assert_allclose(
            found.latent.responsibilities, wanted.latent.responsibilities, rel, rel
        )
        np.testing.assert_allclose(found.latent.log_density, wanted.latent.log_density, rel, rel)


def test_exp_is_exact_to_rounding():
    x = np.concatenate([-np.geomspace(1e-300, -LOWEST, 500), np.linspace(-40, 0, 500)])
    found = np.array([exp(value) for value in x])
    np.testing.assert_allclose(found, np.exp(x), rtol=5e-16)
    assert exp(0.0) == 1.0


@pytest.mark.parametrize("n_dims", [1, 2, 3, 7, blocks.WIDE - 1, blocks.WIDE, 2 * blocks.STRIP + 5])
@pytest.mark.parametrize("n_components", [1, 4])
@pytest.mark.parametrize("latent", [False, True])
def test_random_problems(n_dims, n_components, latent):
    rng = np.random.default_rng(n_dims)
    reference, compiled = _both(GaussianMixtureOptions(n_components))
    for n_points in (n_components, blocks.BLOCK - 1, blocks.BLOCK, 3 * blocks.BLOCK + 1):
        data = reference.prepare(_table(rng, n_points + 1, n_dims))
        params = _params(rng, n_components, n_dims)
        wanted = reference.e_step(data, params, latent=latent)
        _assert_alike(compiled.e_step(data, params, latent=latent), wanted)


@pytest.mark.parametrize("covariance_type", CovarianceType)
@pytest.mark.parametrize("prior", [False, True])
def test_whole_runs_are_the_same(covariance_type, prior):
    rng = np.random.default_rng(3)
    prior_options = (0.1, 0.5) if prior else (0.0, 0.0)
    for n_dims in (1, 2, 4, 15):
        options = GaussianMixtureOptions(3, covariance_type)
        options = replace(options, ridge=prior_options[0], weight_pseudo_count=prior_options[1])
        reference, compiled = _both(options)
        data = reference.prepare(_table(rng, 400, n_dims))
        start = reference.initialize(data, rng)
        run = RunOptions(30, 0.0)
        wanted, found = fit(reference, data, start, run), fit(compiled, data, start, run)
        assert found.stop.reason is wanted.stop.reason is StopReason.ITERATION_LIMIT
        np.testing.assert_allclose(found.history, wanted.history, rtol=1e-9)
        np.testing.assert_allclose(found.params.means, wanted.params.means, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_dims", [2, blocks.WIDE + 1])
def test_same_bits_for_any_number_of_threads(n_dims, as_many_threads_after):
    rng = np.random.default_rng(4)
    reference, compiled = _both(GaussianMixtureOptions(3))
    data = reference.prepare(_table(rng, 2 * kernel.CHUNK + 1000, n_dims))
    params = _params(rng, 3, n_dims)
    found = []
    for n in (1, 2, 3):
        backend.set_threads(n)
        found.append(compiled.e_step(data, params, latent=True))
    for other in found[1:]:
        assert other.log_likelihood == found[0].log_likelihood
        assert other.entropy == found[0].entropy
        for name in ("counts", "means", "scatter"):
            one, two = getattr(found[0].statistics, name), getattr(other.statistics, name)
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(
            found[0].latent.responsibilities, other.latent.responsibilities
        )
    _assert_alike(found[0], reference.e_step(data, params, latent=True))


def test_an_offset_of_a_million_beside_a_spread_of_a_thousandth_costs_no_digits():
    rng = np.random.default_rng(5)
    reference, compiled = _both(GaussianMixtureOptions(3))
    near = _table(rng, 500, 2)
    start = reference.initialize(reference.prepare(near), rng)
    scaled = GaussianMixtureParams(start.weights, 1e-3 * start.means, 1e-6 * start.covariances)
    data = reference.prepare(1e6 + 1e-3 * near)
    run = RunOptions(20, 0.0)
    wanted, found = fit(reference, data, scaled, run), fit(compiled, data, scaled, run)
    np.testing.assert_allclose(found.history, wanted.history, rtol=1e-9)
    shift = np.abs(found.params.means - wanted.params.means)
    assert shift.max() < 1e-9 * 1e-3


@pytest.mark.parametrize("n_dims", [1, 2, 3, blocks.WIDE])
def test_a_component_collapsing_to_a_hundred_millionth(n_dims):
    rng = np.random.default_rng(6)
    n_points = 40 * n_dims
    narrow = 0.7 + 1e-8 * rng.standard_normal((n_points, n_dims))
    reference, compiled = _both(GaussianMixtureOptions(2))
    data = reference.prepare(np.vstack([rng.standard_normal((200, n_dims)), narrow]))
    middle = narrow.mean(0) - data.center
    params = GaussianMixtureParams(
        np.array([0.6, 0.4]),
        np.stack([np.zeros(n_dims), middle + 1e-9]),
        np.stack([np.eye(n_dims), 1e-16 * np.eye(n_dims)]),
    )
    wanted, found = (m.e_step(data, params, latent=True) for m in (reference, compiled))
    _assert_alike(found, wanted)
    covariance = found.statistics.scatter[1] / found.statistics.counts[1]
    held = narrow - data.center
    exact = np.cov(held.T, bias=True).reshape(n_dims, n_dims)
    np.testing.assert_allclose(covariance, exact, rtol=1e-5, atol=1e-6 * exact.max())


@pytest.mark.parametrize("n_dims", [1, 2, 3, blocks.WIDE])
def test_a_component_that_jumps_far_loses_no_digits(n_dims):
    """Sums about the old mean alone would leave hardly a digit of the scatter."""
    rng = np.random.default_rng(7)
    reference, compiled = _both(GaussianMixtureOptions(2))
    spots = np.repeat([[0.0], [1.0]], 50 * n_dims, axis=0)
    data = reference.prepare(spots + 1e-7 * rng.standard_normal((len(spots), n_dims)))
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]),
        np.stack([np.full(n_dims, -30.0), np.full(n_dims, 30.0)]),
        np.stack([np.eye(n_dims)] * 2),
    )
    wanted = reference.e_step(data, params)
    _assert_alike(compiled.e_step(data, params), wanted, rel=1e-11)


def test_a_point_mass_has_no_scatter():
    """Three equal points: what is left of the scatter is rounding, and never negative."""
    reference, compiled = _both(GaussianMixtureOptions(2, ridge=0.1))
    data = reference.prepare([[0.1, 0.3]] * 3 + [[5.0, 5.0], [6.0, 7.0], [5.0, 8.0]])
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-3.0, -3.0], [2.0, 3.0]]), np.stack([0.01 * np.eye(2)] * 2)
    )
    found = compiled.e_step(data, params).statistics.scatter[0]
    assert (np.diagonal(found) >= 0).all()
    assert np.abs(found).max() < 1e-25


def test_empty_components_and_weights_of_zero():
    rng = np.random.default_rng(8)
    reference, compiled = _both(GaussianMixtureOptions(3))
    data = reference.prepare(rng.standard_normal((300, 2)))
    params = GaussianMixtureParams(
        np.array([0.5, 0.5, 0.0]),
        np.array([[0.0, 0.0], [200.0, 0.0], [0.0, 0.0]]),
        np.stack([np.eye(2)] * 3),
    )
    wanted, found = (m.e_step(data, params, latent=True) for m in (reference, compiled))
    _assert_alike(found, wanted)
    assert found.statistics.counts.tolist() == [300.0, 0.0, 0.0]
    for model in (reference, compiled):
        with pytest.raises(SingularError, match="Component 2 is empty"):
            model.m_step(params, found)


@pytest.mark.parametrize("n_dims", [1, 2, 5, blocks.WIDE])
def test_a_point_without_density_is_named(n_dims):
    reference, compiled = _both(GaussianMixtureOptions(2))
    table = np.random.default_rng(9).standard_normal((300, n_dims))
    table[277] = 1e150
    data = reference.prepare(table)
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.zeros((2, n_dims)), np.stack([1e-30 * np.eye(n_dims)] * 2)
    )
    data = replace(data, points=table)
    for model in (reference, compiled):
        with pytest.raises(ImpossibleDataError, match="row 278 is too far"):
            model.e_step(data, params)


def test_a_covariance_that_is_none_is_named():
    reference, compiled = _both(GaussianMixtureOptions(2))
    data = reference.prepare([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.zeros((2, 2)), np.array([np.eye(2), -np.eye(2)])
    )
    for model in (reference, compiled):
        with pytest.raises(SingularError, match="Covariance 2") as failed:
            model.e_step(data, params)
        assert failed.value.part == 1


def test_the_bound_never_falls_on_the_way_to_a_collapse():
    rng = np.random.default_rng(10)
    data = GaussianMixture().prepare(np.vstack([rng.standard_normal((30, 2)), [[4.0, 4.0]] * 2]))
    options = GaussianMixtureOptions(2, ridge=1e-12)
    model = GaussianMixture(options, Backend.NUMBA)
    start = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[0.0, 0.0], [3.0, 3.0]]), np.stack([np.eye(2)] * 2)
    )
    run = fit(model, data, start, RunOptions(60, 0.0))
    assert run.stop.reason is not StopReason.DECREASED
    allowed = rounding(run.params.covariances) * (32 + np.abs(run.history[-1]))
    assert np.diff(run.history).min() > -allowed


def test_nothing_is_compiled_after_the_warm_up():
    """Whatever the data's layout and the options: a run must never wait for the compiler."""
    for _, run in kernel.KERNELS:
        run()
    compiled = [kernel._chunk, finish]
    before = [len(function.signatures) for function in compiled]
    rng = np.random.default_rng(11)
    for n_dims in (1, 2, 20):
        table = _table(rng, 50, n_dims)
        model = GaussianMixture(GaussianMixtureOptions(2), Backend.NUMBA)
        for layout in (table, np.asfortranarray(table), table[::2], table.tolist()):
            data = model.prepare(layout)
            for points in (data, replace(data, points=np.ascontiguousarray(data.points))):
                model.e_step(points, _params(rng, 2, n_dims), latent=True)
                model.e_step(points, _params(rng, 2, n_dims))
    far = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-90.0], [90.0]]), np.ones((2, 1, 1))
    )
    model.e_step(model.prepare([[0.0], [0.1], [0.2], [0.25]]), far)
    assert [len(function.signatures) for function in compiled] == before


@pytest.mark.parametrize("n_dims", [1, 2, 5])
def test_the_spared_check_never_spares_a_collapse(n_dims):
    rng = np.random.default_rng(12)
    statistics = (
        GaussianMixture()
        .e_step(GaussianMixture().prepare(_table(rng, 200, n_dims)), _params(rng, 2, n_dims))
        .statistics
    )
    covariances = _params(rng, 2, n_dims).covariances
    assert kernel.surely_regular(statistics, covariances)
    variances = statistics.total_variances()
    n_refused = 0
    for exponent in np.linspace(-26, 0, 60):
        narrow = covariances.copy()
        narrow[1] *= 10**exponent  # all of it becomes narrow
        thin = covariances.copy()
        spread = np.sqrt(np.diagonal(thin[1]))
        thin[1] = np.outer(spread, spread)  # or one direction
        thin[1, np.arange(n_dims), np.arange(n_dims)] *= 1 + 10**exponent
        for tried in (narrow, thin) if n_dims > 1 else (narrow,):
            try:
                check_covariances(tried, variances, "component")
            except SingularError:
                n_refused += 1
                assert not kernel.surely_regular(statistics, tried)
    assert n_refused > 5
