"""Names, values, coordinates and gauges of a mixture."""

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.errors import SingularError
from em_explorer.em.steps import RunOptions, StopReason, em_steps
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.session.document import load_story
from tests.models.anatomy_checks import check_anatomy, states

NAMES = ("eruptions", "waiting")


def mixture(kind=CovarianceType.FULL, dims=2, k=3, seed=0, **options):
    rng = np.random.default_rng(seed)
    points = 4.0 * rng.standard_normal((k, dims))[rng.integers(k, size=150)]
    points = (points + rng.standard_normal((150, dims))) * 10.0 ** np.arange(dims) + 70.0
    model = GaussianMixture(GaussianMixtureOptions(k, kind, **options))
    data = model.prepare(points)
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize("dims", [1, 2, 4])
@pytest.mark.parametrize("kind", CovarianceType)
def test_an_anatomy_keeps_what_all_keep(kind, dims):
    for seed in range(4):
        model, data, params = mixture(kind, dims, seed=seed)
        check_anatomy(GaussianMixtureAnatomy(model, data), model, data, params)


def test_the_registry_knows_it():
    row = registry.entry("gaussian_mixture")
    assert registry.load(row.anatomy) is GaussianMixtureAnatomy


def test_names_and_values_of_two_columns():
    model, data, _ = mixture(k=2)
    anatomy = GaussianMixtureAnatomy(model, data, NAMES)
    shown = GaussianMixtureParams(
        np.array([0.25, 0.75]),
        np.array([[2.0, 54.0], [4.0, 80.0]]),
        np.array([[[0.25, 1.0], [1.0, 25.0]], [[1.0, 0.0], [0.0, 36.0]]]),
    )
    params = model.from_units(shown, data)
    found = anatomy.parameters(params)
    assert [p.label for p in found] == [
        *("π₁", "π₂", "μ₁ eruptions", "μ₁ waiting", "μ₂ eruptions", "μ₂ waiting"),
        *("σ₁ eruptions", "σ₁ waiting", "σ₂ eruptions", "σ₂ waiting", "ρ₁", "ρ₂"),
    ]
    assert [p.part for p in found] == [0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1]
    assert found[3].key == "means[0, 1]"
    assert found[3].group == "means"
    expected = [0.25, 0.75, 2, 54, 4, 80, 0.5, 5, 1, 6, 0.4, 0]
    np.testing.assert_allclose(anatomy.values(params), expected, atol=1e-13)
    np.testing.assert_allclose(
        anatomy.scales(params), [1, 1, 0.5, 5, 1, 6, 0.5, 5, 1, 6, 1, 1], rtol=1e-14
    )


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        (CovarianceType.TIED, ["σ eruptions", "σ waiting", "ρ"]),
        (CovarianceType.DIAGONAL, ["σ₁ eruptions", "σ₁ waiting", "σ₂ eruptions", "σ₂ waiting"]),
        (CovarianceType.SPHERICAL, ["σ₁", "σ₂"]),
    ],
)
def test_shapes_are_named_as_the_type_has_them(kind, labels):
    model, data, params = mixture(kind, k=2)
    found = GaussianMixtureAnatomy(model, data, NAMES).parameters(params)
    assert [p.label for p in found if p.group in ("spreads", "correlations")] == labels


@pytest.mark.parametrize("kind", CovarianceType)
def test_coordinates_stay_of_the_type(kind):
    model, data, params = mixture(kind, 3, k=2)
    anatomy = GaussianMixtureAnatomy(model, data)
    here = anatomy.coordinates(params)
    free = {"full": 12, "tied": 6, "diagonal": 6, "spherical": 2}[kind.value]
    assert here.shape == (2 + 6 + free,)
    moved = anatomy.from_coordinates(here + np.linspace(0.01, 0.3, here.size), params)
    np.testing.assert_allclose(moved.weights.sum(), 1.0, rtol=1e-15)
    checked = model.from_units(model.to_units(moved, data), data)
    np.testing.assert_array_equal(checked.covariances, moved.covariances)
    if kind is CovarianceType.TIED:
        np.testing.assert_array_equal(moved.covariances[0], moved.covariances[1])


def test_a_weight_of_zero_stays():
    model, data, params = mixture()
    params = GaussianMixtureParams(np.array([0.4, 0.0, 0.6]), params.means, params.covariances)
    anatomy = GaussianMixtureAnatomy(model, data)
    assert anatomy.from_coordinates(anatomy.coordinates(params), params).weights[1] == 0.0


@pytest.mark.parametrize("flat", [True, False])
def test_the_gauge_fails_exactly_when_the_guard_trips(flat):
    """A component shrinks along one direction, or onto one point, until EM stops."""
    model, data, params = mixture(dims=2, k=2)
    anatomy = GaussianMixtureAnatomy(model, data)
    expectation = model.e_step(data, params)
    from em_explorer.models.gaussian import check_covariances

    tripped = 0
    for size in 10.0 ** -np.arange(0.0, 13.0, 0.5):
        shape = np.array([[1.0, 1.0 - size], [1.0 - size, 1.0]]) if flat else size**2 * np.eye(2)
        spread = np.sqrt(data.variances)
        covariances = params.covariances.copy()
        covariances[1] = shape * np.outer(spread, spread)
        thin = GaussianMixtureParams(params.weights, params.means, covariances)
        gauge = anatomy.gauges(thin, expectation)[3]
        assert (gauge.kind, gauge.part) == ("eigenvalue", 1)
        assert gauge.value == pytest.approx(size if flat else size**2, rel=1e-3, abs=1e-15)
        try:
            check_covariances(covariances, data.variances, "component")
        except SingularError:
            tripped += 1
            assert gauge.value < gauge.fail
        else:
            assert gauge.value >= gauge.fail
    assert 2 <= tripped <= 8


def test_counts_are_gauged_in_points():
    model, data, params = mixture(dims=2, k=3)
    last = states(model, data, params)[-1]
    gauges = GaussianMixtureAnatomy(model, data).gauges(last.params, last.expectation)
    assert [g.label for g in gauges[:3]] == ["N₁", "N₂", "N₃"]
    assert sum(g.value for g in gauges[:3]) == pytest.approx(150, rel=1e-12)
    assert {(g.warn, g.full, g.unit, g.kind) for g in gauges[:3]} == {(3, 50, "points", "count")}
    assert len(GaussianMixtureAnatomy(model, data).gauges(last.params, None)) == 3


def test_a_tied_shape_has_one_gauge_and_a_prior_lets_components_be_empty():
    model, data, params = mixture(CovarianceType.TIED, ridge=0.1)
    gauges = GaussianMixtureAnatomy(model, data).gauges(params, model.e_step(data, params))
    assert [(g.label, g.part) for g in gauges[3:]] == [("smallest eigenvalue", None)]
    assert gauges[0].fail == 0.0


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("eruption (min)", "waiting (min)"), ("eruption", "waiting")),
        (("speed (km/h)", "speed (mph)"), ("speed (km/h)", "speed (mph)")),
        (("(none)", "f(x)"), ("(none)", "f(x)")),
        (("one",), ("column 1", "column 2")),
    ],
)
def test_names_are_shown_without_their_units(names, shown):
    model, data, _ = mixture()
    assert GaussianMixtureAnatomy(model, data, names).names == shown


def test_a_collapse_is_warned_of_well_before_it_ends_em():
    story = load_story("old-faithful-collapse")
    model = story.build_model()
    data = model.prepare(story.dataset().values)
    given = story.initial_params()
    params = (
        model.initialize(data, np.random.default_rng(story.seed))
        if given is None
        else model.from_units(given, data)
    )
    anatomy = GaussianMixtureAnatomy(model, data)
    low, steps = [], em_steps(model, data, params, RunOptions(100, 0.0))
    while True:
        try:
            snapshot = next(steps)
        except StopIteration as end:
            stop = end.value
            break
        gauges = anatomy.gauges(snapshot.params, snapshot.expectation)
        low.append({g.part for g in gauges if g.kind == "eigenvalue" and g.value < g.warn})
        assert all(g.value > g.fail for g in gauges)
    assert stop.reason is StopReason.SINGULAR
    warned = [i for i, parts in enumerate(low) if parts]
    assert len(low) - warned[0] > 20  # half-steps
    assert all(parts == {1} for parts in low[warned[0] :])
