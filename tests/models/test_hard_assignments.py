"""k-means, Viterbi training and plug-in imputation against references and their own objective."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from em_explorer import registry
from em_explorer.em.errors import SingularError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.models.backend import Backend
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.models.hidden_markov import (
    EmissionType,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovStart,
    Sequences,
    viterbi,
)
from em_explorer.models.k_means import KMeans
from em_explorer.models.mean_fill import MeanFill
from em_explorer.models.missing_data import MissingData, MissingDataOptions
from em_explorer.models.plug_in_imputation import PlugInImputation
from em_explorer.models.treatments import fill_with_means, moments
from em_explorer.models.viterbi_training import ViterbiTraining
from tests.models.anatomy_checks import check_anatomy


def never_falls(model, data, params, n=30):
    """Run to the end, assert that no half-step lowers F, and return the snapshots."""
    run = list(em_steps(model, data, params, RunOptions(n, 1e-12)))
    bounds = np.array([s.bound for s in run[1:]])
    scale = model.n_observations(data) + np.abs(bounds).max()
    assert np.diff(bounds).min(initial=0.0) >= -1e-12 * scale
    assert run[-1].stop is None or run[-1].stop.reason is not StopReason.DECREASED
    return run


def clouds(seed, k=3, n=60, dims=2, **options):
    rng = np.random.default_rng(seed)
    points = 3.0 * rng.standard_normal((k, dims))[rng.integers(k, size=n)]
    points = points + rng.standard_normal((n, dims)) + 100.0
    model = KMeans(GaussianMixtureOptions(k, start=MixtureStart.RANDOM_POINTS, **options))
    data = model.prepare(points)
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_k_means_never_lowers_its_objective(ridge):
    for seed in range(30):
        model, data, params = clouds(seed, k=2 + seed % 4, dims=1 + seed % 3, ridge=ridge)
        run = never_falls(model, data, params)
        for s in run[1:]:
            np.testing.assert_array_equal(
                s.params.weights, np.full(2 + seed % 4, s.params.weights[0])
            )
            if s.phase is Phase.E:
                assert s.bound <= s.log_likelihood + model.log_prior(s.params) + 1e-9


def test_k_means_ends_where_lloyd_ends():
    from sklearn.cluster import KMeans as Reference

    for seed in range(10):
        model, data, params = clouds(seed, k=4)
        found = fit(model, data, params, RunOptions(300, 1e-13))
        reference = Reference(4, init=params.means, n_init=1, max_iter=300, tol=0).fit(data.points)
        np.testing.assert_allclose(found.params.means, reference.cluster_centers_, atol=1e-9)
        assert KMeans.squared_distances(found.expectation) == pytest.approx(
            reference.inertia_, rel=1e-12
        )
        labels = model.e_step(data, found.params, latent=True).latent.hard_labels
        np.testing.assert_array_equal(labels, reference.predict(data.points))


def test_the_objective_of_k_means_is_the_joint_density_of_points_and_labels():
    model, data, params = clouds(1, ridge=0.2)
    expectation = model.e_step(data, params, latent=True)
    labels = expectation.latent.hard_labels
    distances = ((data.points[:, None] - params.means) ** 2).sum(-1)
    np.testing.assert_array_equal(labels, distances.argmin(1))
    direct = sum(
        np.log(params.weights[k])
        + multivariate_normal(params.means[k], params.covariances[k]).logpdf(x)
        for x, k in zip(data.points, labels, strict=True)
    )
    variance = params.covariances[0, 0, 0]
    prior = -0.5 * (2 * np.log(variance) + 0.2 * 2 / variance)
    assert model.bound(params, expectation) == pytest.approx(direct + prior, rel=1e-12)
    soft = GaussianMixture(GaussianMixtureOptions(3)).e_step(data, params)
    assert expectation.log_likelihood == pytest.approx(soft.log_likelihood, rel=1e-14)


def test_k_means_begins_where_a_mixture_begins():
    model, data, _ = clouds(2, k=2)
    covariances = np.array([[[2.0, 0.5], [0.5, 4.0]], [[1.0, 0.0], [0.0, 1.0]]])
    shown = GaussianMixtureParams(
        np.array([0.25, 0.75]), np.array([[99.0, 98], [1, 2]]), covariances
    )
    params = model.from_units(shown, data)
    np.testing.assert_allclose(params.means + data.center, shown.means)
    np.testing.assert_array_equal(params.weights, [0.5, 0.5])
    circles = np.repeat(1.5 * np.eye(2)[None], 2, axis=0)
    np.testing.assert_allclose(params.covariances, circles, rtol=1e-15)


def test_an_empty_group_keeps_its_mean_and_a_perfect_fit_is_singular():
    model, data, params = clouds(3, k=3)
    far = params.means.copy()
    far[2] += 1e4
    params = GaussianMixtureParams(params.weights, far, params.covariances)
    after = model.m_step(params, model.e_step(data, params))
    np.testing.assert_array_equal(after.means[2], far[2])
    few = KMeans(GaussianMixtureOptions(2))
    data = few.prepare(np.array([[0.0], [0.0], [1.0]]))
    params = GaussianMixtureParams(np.full(2, 0.5), data.points[1:], np.ones((2, 1, 1)))
    with pytest.raises(SingularError):
        few.m_step(params, few.e_step(data, params))


def chain(seed, kind, k=3, **options):
    rng = np.random.default_rng(seed)
    states = np.repeat(rng.integers(k, size=20), 4)
    raw = {
        EmissionType.GAUSSIAN: 2.0 * states[:, None] + rng.standard_normal((80, 2)),
        EmissionType.POISSON: rng.poisson(1.0 + 3.0 * states),
        EmissionType.CATEGORICAL: (states + rng.integers(2, size=80)) % 4,
    }[kind]
    start = HiddenMarkovStart.RANDOM if seed % 2 else HiddenMarkovStart.DATA
    if kind is EmissionType.GAUSSIAN:
        options.setdefault("ridge", 0.01)
    model = ViterbiTraining(HiddenMarkovOptions(k, kind, start=start, **options))
    data = model.prepare(Sequences(raw, (30, 1, 49)))
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize("pseudo_count", [0.0, 0.5])
@pytest.mark.parametrize("kind", EmissionType)
def test_viterbi_training_never_lowers_its_objective(kind, pseudo_count):
    for seed in range(15):
        model, data, params = chain(seed, kind, pseudo_count=pseudo_count)
        for s in never_falls(model, data, params)[1:]:
            if s.phase is Phase.E:
                path, log_probability = viterbi(model, data, s.params)
                prior = model.log_prior(s.params)
                assert s.bound == pytest.approx(log_probability + prior, rel=1e-11)
                assert log_probability <= s.log_likelihood + 1e-9
                assert len(path) == 80


def test_viterbi_training_counts_along_the_best_of_all_paths():
    """Every path of every sequence is tried."""
    rng = np.random.default_rng(5)
    model = ViterbiTraining(HiddenMarkovOptions(2, start=HiddenMarkovStart.RANDOM))
    data = model.prepare(Sequences(rng.integers(3, size=9), (5, 4)))
    params = model.initialize(data, rng)
    expectation = model.e_step(data, params, latent=True)
    initial, transitions, total = np.zeros(2), np.zeros((2, 2)), 0.0
    path = []
    for where in data.slices():
        symbols = data.observations[where]

        def density(z, x=symbols):
            chain = params.initial_probs[z[0]] * np.prod(params.emission.probs[list(z), x])
            return chain * np.prod([params.transition_matrix[i] for i in pairwise(z)])

        best = max(product(range(2), repeat=len(symbols)), key=density)
        total += np.log(density(best))
        initial[best[0]] += 1
        for step in pairwise(best):
            transitions[step] += 1
        path += best
    np.testing.assert_array_equal(expectation.statistics.initial, initial)
    np.testing.assert_array_equal(expectation.statistics.transitions, transitions)
    np.testing.assert_array_equal(expectation.latent.gamma, np.eye(2)[path])
    np.testing.assert_array_equal(expectation.latent.xi, transitions)
    assert model.bound(params, expectation) == pytest.approx(total, rel=1e-12)
    soft = HiddenMarkov(model.options).e_step(data, params)
    assert expectation.log_likelihood == soft.log_likelihood


def test_compiled_viterbi_training_agrees():
    for seed, kind in enumerate(EmissionType):
        model, data, params = chain(seed, kind)
        fast = ViterbiTraining(model.options, Backend.NUMBA)
        expectation, quick = model.e_step(data, params), fast.e_step(data, params)
        np.testing.assert_array_equal(
            quick.statistics.transitions, expectation.statistics.transitions
        )
        after, soon = model.m_step(params, expectation), fast.m_step(params, quick)
        np.testing.assert_allclose(soon.transition_matrix, after.transition_matrix, rtol=1e-12)
        assert fast.bound(soon, quick) == pytest.approx(model.bound(after, expectation), rel=1e-9)


def holes(seed, n=40, d=3, ridge=0.0):
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 10.0
    raw[rng.random(raw.shape) < 0.25] = np.nan
    model = PlugInImputation(MissingDataOptions(ridge=ridge))
    data = model.prepare(raw)
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_plug_in_never_lowers_its_objective(ridge):
    for seed in range(20):
        never_falls(*holes(seed, ridge=ridge))


def test_plug_in_refits_the_filled_table():
    model, data, params = holes(1)
    expectation = model.e_step(data, params, latent=True)
    filled = expectation.latent.imputed
    rows = data.observed.any(axis=1)
    np.testing.assert_array_equal(expectation.latent.standard_deviations, 0.0)
    np.testing.assert_array_equal(filled[data.observed], data.values[data.observed])
    joint = multivariate_normal(params.mean, params.covariance).logpdf(filled[rows]).sum()
    assert model.bound(params, expectation) == pytest.approx(joint, rel=1e-12)
    after = model.m_step(params, expectation)
    np.testing.assert_allclose(after.mean, filled[rows].mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(after.covariance, np.cov(filled[rows].T, bias=True), rtol=1e-11)
    exact = MissingData().e_step(data, params, latent=True)
    np.testing.assert_array_equal(exact.latent.imputed, filled)
    assert exact.log_likelihood == pytest.approx(expectation.log_likelihood, rel=1e-13)


def test_plug_in_of_a_regression_has_a_closed_form():
    """With holes in y alone the fit is the regression of the complete cases, and the residual
    variance is too small by the share of complete cases: that is its error."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(60)
    y = 1.0 + 0.8 * x + 0.6 * rng.standard_normal(60)
    y[:24] = np.nan
    model = PlugInImputation()
    data = model.prepare(np.column_stack([x, y]))
    start = model.initialize(data, rng)
    plug, exact = (
        fit(m, data, start, RunOptions(2000, 1e-14)).params.covariance
        for m in (model, MissingData())
    )
    seen = np.cov(x[24:], y[24:], bias=True)
    residual = seen[1, 1] - seen[0, 1] ** 2 / seen[0, 0]
    slope = seen[0, 1] / seen[0, 0]
    assert plug[0, 1] / plug[0, 0] == pytest.approx(slope, rel=1e-5)
    assert exact[1, 1] - slope**2 * exact[0, 0] == pytest.approx(residual, rel=1e-5)
    assert plug[1, 1] - slope**2 * plug[0, 0] == pytest.approx(residual * 36 / 60, rel=1e-5)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_mean_fill_is_done_after_one_step(ridge):
    for seed in range(10):
        plug, data, params = holes(seed, ridge=ridge)
        model = MeanFill(plug.options)
        run = never_falls(model, data, params)
        assert run[-1].stop.reason is StopReason.CONVERGED
        assert run[-1].iteration == 2
        np.testing.assert_array_equal(run[2].params.covariance, run[-1].params.covariance)


def test_mean_fill_has_the_moments_of_the_filled_table():
    _, data, params = holes(2)
    model = MeanFill()
    expectation = model.e_step(data, params, latent=True)
    rows = data.observed.any(axis=1)
    expected = moments(fill_with_means(data.values)[rows])
    found = model.m_step(params, expectation)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-13)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-11)
    filled = expectation.latent.imputed[rows]
    joint = multivariate_normal(params.mean, params.covariance).logpdf(filled).sum()
    assert model.bound(params, expectation) == pytest.approx(joint, rel=1e-12)
    np.testing.assert_array_equal(expectation.latent.standard_deviations, 0.0)
    exact = MissingData().e_step(data, params)
    assert expectation.log_likelihood == pytest.approx(exact.log_likelihood, rel=1e-13)
    assert np.trace(found.covariance) < np.trace(np.diag(data.variances)), "the spread shrinks"


@pytest.mark.parametrize("row", registry.MODELS, ids=lambda row: row.key)
def test_rivals_take_the_options_and_starts_of_their_models(row):
    if not row.rival:
        assert row.key == "latent_dirichlet"
        return
    kind, own = registry.load(row.rival), registry.load(row.model)
    assert issubclass(kind, own)
    model = kind(registry.load(row.options)())
    assert callable(model.start_from)


@pytest.mark.parametrize("row", registry.MODELS, ids=lambda row: row.key)
def test_rivals_are_taken_apart_like_their_models(row):
    makers = {
        "gaussian_mixture": clouds,
        "hidden_markov": lambda seed: chain(seed, list(EmissionType)[seed]),
        "missing_data": holes,
    }
    if row.key in makers:
        for seed in range(3):
            model, data, params = makers[row.key](seed)
            check_anatomy(registry.load(row.anatomy)(model, data), model, data, params)


def test_k_means_is_shown_as_circles_and_may_have_an_empty_group():
    model, data, params = clouds(0, k=2)
    anatomy = GaussianMixtureAnatomy(model, data)
    assert [p.label for p in anatomy.parameters(params)][-2:] == ["σ₁", "σ₂"]
    far = params.means + np.array([[0.0, 0.0], [1e5, 1e5]])
    far = GaussianMixtureParams(params.weights, far, params.covariances)
    gauges = anatomy.gauges(far, model.e_step(data, far))
    assert min(gauge.value for gauge in gauges[:2]) == 0.0
    assert gauges[0].fail == 0.0
