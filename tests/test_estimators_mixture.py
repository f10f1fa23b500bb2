"""The mixture as a scikit-learn class: figures, shapes, starts, refusals."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as PeerMixture

from em_explorer import GaussianMixtureModel

REFERENCE = json.loads((Path(__file__).parent / "data" / "gmm_500x2_k3.json").read_text())
POINTS = np.array(REFERENCE["data"])
TYPES = ("full", "tied", "diagonal", "spherical")
PEER_TYPE = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=1000, centers=3, cluster_std=1.0, random_state=42)


def given(**changed):
    init = {f"{name}_init": value for name, value in REFERENCE["init"].items()}
    return GaussianMixtureModel(3, **{**init, **changed})


@pytest.mark.parametrize("init", ["k-means++", "random points", "random responsibilities"])
def test_three_blobs(blobs, init):
    points, truth = blobs
    mixture = GaussianMixtureModel(3, init=init, n_init=3, random_state=0).fit(points)
    assert adjusted_rand_score(truth, mixture.predict(points)) == 1.0
    assert mixture.log_likelihood_history_[-1] == pytest.approx(-3905.697, abs=1e-3)
    assert mixture.converged_
    assert mixture.stop_reason_ == "converged"
    assert mixture.score(points) * 1000 == pytest.approx(-3905.697, abs=1e-3)


def test_same_trajectory_as_scikit_learn():
    mixture = given(max_iter=10, tolerance=0).fit(POINTS)
    history = mixture.log_likelihood_history_
    for step, expected in REFERENCE["total_loglik_after_m_steps"].items():
        assert history[int(step)] == pytest.approx(expected, rel=1e-10)
    for name, expected in REFERENCE["params_after_10"].items():
        np.testing.assert_allclose(getattr(mixture, f"{name}_"), expected, rtol=1e-8)
    assert (mixture.n_iter_, mixture.stop_reason_) == (10, "iteration limit")
    assert not mixture.converged_
    assert history.shape == (11,)


@pytest.mark.parametrize("kind", TYPES)
def test_answers_about_points_agree_with_scikit_learn(kind):
    mixture = GaussianMixtureModel(3, kind, random_state=1).fit(POINTS)
    assert mixture.covariances_.shape == (3, 2, 2)
    peer = PeerMixture(3, covariance_type=PEER_TYPE[kind]).fit(POINTS)
    compact = {
        "full": mixture.covariances_,
        "tied": mixture.covariances_[0],
        "diagonal": np.diagonal(mixture.covariances_, axis1=1, axis2=2),
        "spherical": mixture.covariances_[:, 0, 0],
    }[kind]
    inverse = np.linalg.inv(compact) if kind in ("full", "tied") else 1 / compact
    peer.weights_, peer.means_, peer.covariances_ = mixture.weights_, mixture.means_, compact
    factor = np.linalg.cholesky(inverse) if kind in ("full", "tied") else np.sqrt(inverse)
    peer.precisions_cholesky_ = factor
    new = np.random.default_rng(0).normal(size=(50, 2)) * 3
    np.testing.assert_allclose(mixture.score_samples(new), peer.score_samples(new), rtol=1e-9)
    np.testing.assert_allclose(mixture.predict_proba(new), peer.predict_proba(new), atol=1e-9)
    np.testing.assert_array_equal(mixture.predict(new), peer.predict(new))
    assert mixture.score(new) == pytest.approx(peer.score(new), rel=1e-10)
    assert mixture.bic(new) == pytest.approx(peer.bic(new), rel=1e-10)
    assert mixture.aic(new) == pytest.approx(peer.aic(new), rel=1e-10)


@pytest.mark.parametrize("kind", TYPES)
def test_compact_covariances_are_welcome(kind):
    variances = np.array([1.0, 2.0, 3.0])
    compact = {
        "full": variances[:, None, None] * np.eye(2),
        "tied": 2.0 * np.eye(2),
        "diagonal": variances[:, None] * np.ones(2),
        "spherical": variances,
    }[kind]
    whole = np.repeat(2.0 * np.eye(2)[None], 3, axis=0)
    whole = whole if kind == "tied" else variances[:, None, None] * np.eye(2)
    for start in (compact, whole):
        mixture = GaussianMixtureModel(3, kind, max_iter=0, covariances_init=start, random_state=0)
        np.testing.assert_allclose(mixture.fit(POINTS).covariances_, whole, rtol=1e-12)


def test_half_given_starts_are_completed():
    mixture = GaussianMixtureModel(2, max_iter=0, means_init=[[0, 0], [1, 1]]).fit(POINTS)
    np.testing.assert_allclose(mixture.means_, [[0, 0], [1, 1]], atol=1e-12)
    np.testing.assert_allclose(mixture.weights_, [0.5, 0.5])
    halved = np.cov(POINTS.T, bias=True) / 2
    np.testing.assert_allclose(mixture.covariances_, [halved, halved], rtol=1e-10)
    mixture = GaussianMixtureModel(2, max_iter=0, weights_init=[0.2, 0.8], random_state=3)
    np.testing.assert_allclose(mixture.fit(POINTS).weights_, [0.2, 0.8])
    drawn = GaussianMixtureModel(2, max_iter=0, random_state=3).fit(POINTS)
    np.testing.assert_allclose(mixture.means_, drawn.means_)


def test_the_same_seed_gives_the_same_fit():
    def run(seed):
        mixture = GaussianMixtureModel(4, init="random points", random_state=seed).fit(POINTS)
        return mixture, mixture.sample(5)[0], mixture.sample(5)[0]

    (one, first, second), (two, again, _) = run(5), run(5)
    np.testing.assert_array_equal(one.means_, two.means_)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(run(6)[0].means_, one.means_)
    generator = run(np.random.default_rng(5))[0]
    np.testing.assert_array_equal(generator.means_, one.means_)


def test_more_starts_are_never_worse():
    finals = [
        GaussianMixtureModel(5, init="random points", n_init=n, random_state=0)
        .fit(POINTS)
        .log_likelihood_history_[-1]
        for n in (1, 4, 8)
    ]
    assert finals == sorted(finals)
    assert finals[0] < finals[-1]


def test_samples_come_from_the_mixture():
    mixture = GaussianMixtureModel(2, random_state=0).fit(POINTS)
    drawn, labels = mixture.sample(20_000)
    assert (drawn.shape, labels.shape, mixture.sample()[0].shape) == (
        (20_000, 2),
        (20_000,),
        (1, 2),
    )
    shares = np.bincount(labels) / 20_000
    np.testing.assert_allclose(shares, mixture.weights_, atol=0.015)
    for k in range(2):
        whitened = np.linalg.solve(
            np.linalg.cholesky(mixture.covariances_[k]), (drawn[labels == k] - mixture.means_[k]).T
        )
        np.testing.assert_allclose(whitened.mean(axis=1), 0, atol=0.06)
        np.testing.assert_allclose(np.cov(whitened), np.eye(2), atol=0.06)


def test_a_ridge_is_a_prior_and_no_part_of_the_score():
    mixture = GaussianMixtureModel(2, ridge=0.5, tolerance=0, max_iter=30, random_state=0)
    history = mixture.fit(POINTS).log_likelihood_history_
    assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()
    density = sum(
        w * multivariate_normal.pdf(POINTS, m, c)
        for w, m, c in zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    )
    assert mixture.score(POINTS) == pytest.approx(np.log(density).mean(), rel=1e-10)
    prior = -0.5 * sum(
        np.linalg.slogdet(c)[1] + 0.5 * np.trace(np.linalg.inv(c)) for c in mixture.covariances_
    )
    assert history[-1] == pytest.approx(np.log(density).sum() + prior, rel=1e-12)


def collapsing():
    """Two points in one place and a component that starts on them."""
    points = np.concatenate([np.random.default_rng(0).normal(size=(40, 1)), [[9.0], [9.0]]])
    return points, {"means_init": [[0.0], [9.0]], "covariances_init": [[[1.0]], [[0.1]]]}


def test_singular_keeps_the_last_good_state():
    points, start = collapsing()
    mixture = GaussianMixtureModel(2, **start).fit(points)
    assert mixture.stop_reason_ == "singular"
    assert not mixture.converged_
    assert "Component 2 has collapsed" in mixture.stop_message_
    assert len(mixture.log_likelihood_history_) == mixture.n_iter_ + 1
    assert np.isfinite(mixture.score(points))
    assert (mixture.covariances_ > 0).all()
    assert GaussianMixtureModel(2, ridge=0.1, **start).fit(points).stop_reason_ == "converged"


def test_singular_runs_lose_against_sound_ones():
    points = np.concatenate([np.random.default_rng(0).normal(size=(30, 1)), [[4.0]] * 3])
    reasons, finals = [], []
    generator = np.random.default_rng(1)
    for _ in range(6):
        run = GaussianMixtureModel(3, init="random points", random_state=generator).fit(points)
        reasons.append(run.stop_reason_)
        finals.append(run.log_likelihood_history_[-1])
    assert {"singular"} < set(reasons), reasons  # some of each, or this tests nothing
    sound = [f for f, reason in zip(finals, reasons, strict=True) if reason != "singular"]
    kept = GaussianMixtureModel(
        3, init="random points", n_init=6, random_state=np.random.default_rng(1)
    ).fit(points)
    assert kept.stop_reason_ != "singular"
    assert kept.log_likelihood_history_[-1] == max(sound)


def test_frames_keep_their_names():
    import pandas as pd

    frame = pd.DataFrame(POINTS, columns=["a", "b"])
    mixture = GaussianMixtureModel(random_state=0).fit(frame)
    assert list(mixture.feature_names_in_) == ["a", "b"]
    assert mixture.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        mixture.predict(frame.rename(columns={"a": "c"}))


def test_a_pickled_mixture_answers_alike():
    mixture = GaussianMixtureModel(random_state=0).fit(POINTS)
    again = pickle.loads(pickle.dumps(mixture))
    np.testing.assert_array_equal(again.predict_proba(POINTS), mixture.predict_proba(POINTS))
    np.testing.assert_array_equal(again.sample(3)[0], mixture.sample(3)[0])


def test_nobody_elses_arrays_are_touched():
    means = np.array([[0.0, 0.0], [1.0, 1.0]])
    before = POINTS.copy()
    mixture = GaussianMixtureModel(2, means_init=means).fit(POINTS)
    mixture.means_[0] = 99.0  # what was fitted belongs to the user
    np.testing.assert_array_equal(means, [[0, 0], [1, 1]])
    assert means.flags.writeable
    np.testing.assert_array_equal(POINTS, before)


SMALL = [[0.0, 1.0], [1.0, 0.5], [2.0, 3.0], [0.5, 2.0]]


@pytest.mark.parametrize(
    ("points", "options", "words"),
    [
        ([[1.0, np.nan], [2, 3], [1, 1]], {}, "NaN"),
        ([[1.0, np.inf], [2, 3], [1, 1]], {}, "infinity"),
        ([1.0, 2.0, 3.0], {}, "Expected 2D array"),
        ([["a"], ["b"], ["c"]], {}, "could not convert string"),
        (np.array([[1j], [2], [3]]), {}, "Complex data"),
        ([[1.0, 2.0]], {}, "minimum of 2"),
        ([[1.0, 2.0], [3.0, 4.0]], {}, "3 components for 2 points; choose fewer"),
        ([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]], {"n_components": 1}, "Column 2 is the same"),
        (np.ma.array(SMALL, mask=np.eye(4, 2)), {}, "NaN"),
        (SMALL, {"n_components": 0}, "n_components must be at least 1"),
        (SMALL, {"n_components": 1.5}, "n_components must be a whole number"),
        (SMALL, {"covariance_type": "round"}, "covariance_type must be one of 'full', 'tied'"),
        (SMALL, {"init": "given"}, "init must be one of 'random points', 'k-means"),
        (SMALL, {"init": 3}, "init must be one of"),
        (SMALL, {"n_init": 0}, "n_init must be a whole number, at least 1"),
        (SMALL, {"n_init": True}, "n_init must be a whole number"),
        (SMALL, {"max_iter": -1}, "max_iter must be at least 0"),
        (SMALL, {"tolerance": "small"}, "tolerance must be a number"),
        (SMALL, {"ridge": -0.1}, "ridge must be at least 0"),
        (SMALL, {"random_state": "seed"}, "cannot be used to seed"),
        (SMALL, {"random_state": -1}, "random_state must be zero or more"),
        (SMALL, {"weights_init": [0.5, 0.5]}, r"weights_init must have shape \(3,\)"),
        (SMALL, {"weights_init": [0.5, 0.6, 0.2]}, "weights_init: each row must sum to 1"),
        (SMALL, {"weights_init": [1.5, -0.5, 0.0]}, "no number below zero"),
        (SMALL, {"means_init": [[0, 0]]}, r"means_init must have shape \(3, 2\)"),
        (SMALL, {"means_init": [["a", "b"]] * 3}, "means_init must be numbers"),
        (SMALL, {"means_init": [[1, 2], [3], [4, 5]]}, "means_init must be numbers"),
        (SMALL, {"means_init": [[0, np.nan]] * 3}, "means_init must be finite"),
        (SMALL, {"covariances_init": [1.0, 1.0, 1.0]}, "covariances_init must have shape"),
        (SMALL, {"covariances_init": [[[1, 2], [2, 1]]] * 3}, "matrix 1 is not positive definite"),
        (SMALL, {"covariances_init": [[[1, 0], [0.5, 1]]] * 3}, "symmetric"),
        (
            SMALL,
            {"covariance_type": "spherical", "covariances_init": [1.0, -1.0, 1.0]},
            "matrix 2 is not positive definite",
        ),
    ],
)
def test_refusals_are_value_errors(points, options, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixtureModel(**options).fit(points)


def test_sparse_tables_are_refused():
    from scipy import sparse

    with pytest.raises(ValueError, match=r"pass X.toarray\(\)"):
        GaussianMixtureModel().fit(sparse.csr_array(np.array(SMALL)))


def test_whole_floats_count():
    assert GaussianMixtureModel(2.0, max_iter=3.0, random_state=0).fit(POINTS).n_iter_ <= 3


def test_refusals_after_a_fit():
    mixture = GaussianMixtureModel(2, random_state=0).fit(POINTS)
    with pytest.raises(ValueError, match="3 features"):
        mixture.predict([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="NaN"):
        mixture.score_samples([[1.0, np.nan]])
    with pytest.raises(ValueError, match="n must be a whole number"):
        mixture.sample(0)
    far = mixture.predict_proba([[1e6, 1e6]])
    assert far.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="squares overflow"):
        mixture.predict([[1e200, 0.0]])


def test_needs_to_be_fitted():
    for method in ("predict", "predict_proba", "score", "score_samples", "bic", "aic"):
        with pytest.raises(NotFittedError):
            getattr(GaussianMixtureModel(), method)(SMALL)
    with pytest.raises(NotFittedError):
        GaussianMixtureModel().sample()
    failed = GaussianMixtureModel()
    with pytest.raises(ValueError, match="choose fewer"):
        failed.fit(SMALL[:2])
    with pytest.raises(NotFittedError):
        failed.predict(SMALL)
