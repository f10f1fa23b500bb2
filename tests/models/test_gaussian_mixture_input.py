"""What comes into a mixture: data, options, drawn and given starts."""

import numpy as np
import pytest

from em_explorer.em.errors import DataError
from em_explorer.em.options import controls
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
    hard_labels,
)

DRAWN = [start for start in MixtureStart if start is not MixtureStart.GIVEN]
every_kind = pytest.mark.parametrize("kind", CovarianceType)


@every_kind
@pytest.mark.parametrize("start", DRAWN)
def test_starts_are_valid_and_repeatable(start, kind):
    raw = np.round(np.random.default_rng(1).standard_normal((40, 2)), 1) * [1.0, 1000.0]
    for n_components in (1, 2, 7, 40):
        model = GaussianMixture(GaussianMixtureOptions(n_components, kind, start))
        data = model.prepare(raw)
        params = model.initialize(data, np.random.default_rng(3))
        again = model.initialize(data, np.random.default_rng(3))
        assert params.weights.sum() == pytest.approx(1.0, rel=1e-14)
        assert params.weights.min() > 0
        for name in ("weights", "means", "covariances"):
            np.testing.assert_array_equal(getattr(params, name), getattr(again, name))
        assert np.linalg.eigvalsh(params.covariances).min() > 0
        assert np.isfinite(model.e_step(data, params).log_likelihood)
        if start is not MixtureStart.RANDOM_RESPONSIBILITIES and n_components <= 7:
            assert len(np.unique(params.means, axis=0)) == n_components
            assert model.symmetry(params) is None


@pytest.mark.parametrize("start", DRAWN)
def test_starts_survive_equal_points_and_constant_columns(start):
    model = GaussianMixture(GaussianMixtureOptions(3, start=start, ridge=0.1))
    data = model.prepare([[1.0, 0.1], [1.0, 0.1], [1.0, 0.1], [1.0, 0.1]])
    params = model.initialize(data, np.random.default_rng(0))
    better = model.m_step(params, model.e_step(data, params))
    np.testing.assert_allclose(model.to_units(better, data).means, [[1.0, 0.1]] * 3)


def test_a_given_start_must_be_given():
    model = GaussianMixture(GaussianMixtureOptions(2, start=MixtureStart.GIVEN))
    with pytest.raises(DataError, match="give initial weights, means and covariances"):
        model.initialize(model.prepare([1.0, 2.0, 4.0]), np.random.default_rng(0))


def test_units_there_and_back():
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare(np.random.default_rng(6).standard_normal((30, 3)) + 100.0)
    params = model.initialize(data, np.random.default_rng(0))
    back = model.from_units(model.to_units(params, data), data)
    np.testing.assert_allclose(back.means, params.means, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(back.covariances, params.covariances)
    np.testing.assert_array_equal(back.weights, params.weights)


@every_kind
def test_given_covariances_are_brought_to_the_type(kind):
    model = GaussianMixture(GaussianMixtureOptions(2, kind))
    data = model.prepare(np.random.default_rng(0).standard_normal((30, 2)))
    full = np.array([[[2.0, 0.5], [0.5, 1.0]], [[4.0, -0.5], [-0.5, 3.0]]])
    given = GaussianMixtureParams(np.array([0.25, 0.75]), np.eye(2), full)
    wanted = {
        CovarianceType.FULL: full,
        CovarianceType.TIED: [0.25 * full[0] + 0.75 * full[1]] * 2,
        CovarianceType.DIAGONAL: [np.diag([2.0, 1.0]), np.diag([4.0, 3.0])],
        CovarianceType.SPHERICAL: [1.5 * np.eye(2), 3.5 * np.eye(2)],
    }[kind]
    np.testing.assert_allclose(model.from_units(given, data).covariances, wanted, rtol=1e-14)


GOOD = {
    "weights": np.array([0.5, 0.5]),
    "means": np.array([[0.0, 0.0], [1.0, 1.0]]),
    "covariances": np.tile(np.eye(2), (2, 1, 1)),
}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("weights", np.array([0.5, 0.6]), "sum to 1"),
        ("weights", np.array([1.5, -0.5]), "none negative"),
        ("weights", np.array([1.0]), r"weights must have shape \(2,\)"),
        ("means", np.zeros((2, 3)), r"means must have shape \(2, 2\)"),
        ("means", np.full((2, 2), np.nan), "means must be finite"),
        ("covariances", np.eye(2), r"covariances must have shape \(2, 2, 2\)"),
        ("covariances", np.array([[[1.0, 0.5], [0.0, 1.0]]] * 2), "symmetric"),
        ("covariances", np.array([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]]), "component 2"),
        ("covariances", np.array([np.eye(2), -np.eye(2)]), "not positive definite"),
    ],
)
def test_bad_given_params(name, value, words):
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare(np.random.default_rng(0).standard_normal((9, 2)))
    model.from_units(GaussianMixtureParams(**GOOD), data)
    with pytest.raises(DataError, match=words):
        model.from_units(GaussianMixtureParams(**{**GOOD, name: value}), data)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[1.0, 2.0], [np.nan, 1.0], [0.0, 0.0]], "row 2, column 1 is missing"),
        ([[1.0, 2.0], [3.0, -np.inf], [0.0, 0.0]], "row 2, column 2 is infinite"),
        ([["a", "b"], ["c", "d"]], "not a number"),
        (np.array([[1.0, "x"], [2.0, 3.0]], dtype=object), "not a number"),
        (np.array([[1j, 2.0], [2.0, 3.0]]), "not a number"),
        ([[1.0, 2.0], [3.0]], "different lengths"),
        ([], "empty"),
        (np.zeros((2, 2, 2)), "3 dimensions"),
        (5.0, "0 dimensions"),
        ([[1.0, 2.0]], "2 components for 1 points"),
        ([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]], "Column 2 is the same in every row"),
        ([[1e200], [2.0]], "larger unit"),
        (np.ma.masked_equal([[1.0], [2.0], [3.0]], 2.0), "row 2, column 1 is missing"),
    ],
)
def test_bad_data_are_one_clear_sentence(raw, words):
    with pytest.raises(DataError, match=words) as caught:
        GaussianMixture(GaussianMixtureOptions(2)).prepare(raw)
    assert str(caught.value).count(". ") == 0


def test_one_dimension_is_one_column():
    model = GaussianMixture(GaussianMixtureOptions(2))
    raw = np.array([1, 2, 3, 6])
    data = model.prepare(raw)
    assert data.points.shape == (4, 1)
    assert data.center == [3.0]
    np.testing.assert_array_equal(data.points.ravel(), [-2.0, -1.0, 0.0, 3.0])
    with pytest.raises(ValueError, match="read-only"):
        data.points[0] = 1.0
    np.testing.assert_array_equal(raw, [1, 2, 3, 6])


def test_params_are_frozen_copies():
    means = np.zeros((1, 1))
    params = GaussianMixtureParams(np.ones(1), means[:, :], np.ones((1, 1, 1)))
    means[0] = 5.0
    assert params.means[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        params.means[0] = 1.0


def test_every_option_has_a_control_and_a_range():
    assert list(controls(GaussianMixtureOptions)) == [
        "n_components",
        "covariance_type",
        "start",
        "ridge",
        "weight_pseudo_count",
    ]
    assert GaussianMixtureOptions(covariance_type="tied").covariance_type is CovarianceType.TIED
    with pytest.raises(DataError, match="n_components must be at least 1"):
        GaussianMixtureOptions(n_components=0)
    with pytest.raises(DataError, match="ridge must be at least 0"):
        GaussianMixtureOptions(ridge=-1.0)


def test_hard_labels():
    np.testing.assert_array_equal(hard_labels(np.array([[0.2, 0.8], [0.6, 0.4]])), [1, 0])
