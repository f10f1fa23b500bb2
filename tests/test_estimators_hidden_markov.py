"""The hidden Markov model as a class: figures, shapes, sequences in any form, refusals."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from em_explorer import HiddenMarkovModel
from em_explorer.data.generators import generate
from em_explorer.models.alignment import align_labels, relabel

REFERENCE = json.loads((Path(__file__).parent / "data" / "hmm_1000_k3_m4.json").read_text())
SYMBOLS = np.array(REFERENCE["obs"])


@pytest.fixture(scope="module")
def chain():
    return generate("three-state-chain")


@pytest.fixture(scope="module")
def levels():
    """Two sequences of (T, 2) vectors from two states far apart, and the states."""
    random = np.random.default_rng(4)
    states = np.repeat([0, 1, 0, 1, 1, 0], 20)
    points = random.normal(size=(120, 2)) + 100.0 + 6.0 * states[:, None]
    return points, (50, 70), states


def given(**changed):
    init = {f"{name}_init": value for name, value in REFERENCE["init"].items()}
    return HiddenMarkovModel(3, **{**init, **changed})


@pytest.mark.parametrize(("init", "n_init"), [("from the data", 2), ("random", 4)])
def test_three_states_of_four_symbols(chain, init, n_init):
    model = HiddenMarkovModel(3, init=init, n_init=n_init, max_iter=300, random_state=0)
    model.fit(chain.values)
    assert model.converged_
    assert model.log_likelihood_history_[-1] == pytest.approx(-1119.0, abs=0.06)
    assert model.score(chain.values) == pytest.approx(model.log_likelihood_history_[-1], rel=1e-12)
    states = model.predict_states(chain.values)
    right = relabel(states, align_labels(states, chain.truth.labels, 3)) == chain.truth.labels
    assert right.mean() == pytest.approx(0.85, abs=0.005)


def test_same_trajectory_as_hmmlearn():
    model = given(max_iter=10, tolerance=0).fit(SYMBOLS)
    for step, expected in REFERENCE["loglik_after_m_steps"]["log"].items():
        assert model.log_likelihood_history_[int(step)] == pytest.approx(expected, rel=1e-10)
    for name, expected in REFERENCE["params_after_10"].items():
        np.testing.assert_allclose(getattr(model, f"{name}_"), expected, rtol=1e-7, atol=1e-12)
    assert (model.n_iter_, model.stop_reason_, model.converged_) == (10, "iteration limit", False)
    start = given(max_iter=0).fit(SYMBOLS)
    assert start.predict_states(SYMBOLS).tolist() == REFERENCE["viterbi_at_init"]["path"]


def by_brute_force(model, log_emission):
    """Sum and maximize over all state paths of one sequence."""
    n_steps, n_states = log_emission.shape
    best, total, gamma = (-np.inf, None), 0.0, np.zeros((n_steps, n_states))
    for path in itertools.product(range(n_states), repeat=n_steps):
        logs = [np.log(model.startprob_[path[0]])]
        logs += [np.log(model.transmat_[i, j]) for i, j in itertools.pairwise(path)]
        logs += [log_emission[t, k] for t, k in enumerate(path)]
        joint = float(np.exp(sum(logs)))
        best = max(best, (joint, path))
        total += joint
        gamma[np.arange(n_steps), path] += joint
    return np.log(total), list(best[1]), gamma / total


def test_answers_by_brute_force():
    from scipy.stats import multivariate_normal, poisson

    random = np.random.default_rng(1)
    counts = random.poisson(3.0, size=40)
    model = HiddenMarkovModel(2, "poisson", max_iter=3, random_state=0).fit(counts)
    log_emission = poisson.logpmf(counts[:7, None], model.rates_)
    score, path, gamma = by_brute_force(model, log_emission)
    assert model.score(counts[:7]) == pytest.approx(score, rel=1e-12)
    assert model.predict_states(counts[:7]).tolist() == path
    np.testing.assert_allclose(model.predict_proba(counts[:7]), gamma, rtol=1e-10)

    points = random.normal(size=(40, 2)) + 50.0
    model = HiddenMarkovModel(2, "gaussian", max_iter=3, random_state=0).fit(points)
    parts = zip(model.means_, model.covariances_, strict=True)
    columns = [multivariate_normal.logpdf(points[:7], m, c) for m, c in parts]
    score, path, gamma = by_brute_force(model, np.array(columns).T)
    assert model.score(points[:7]) == pytest.approx(score, rel=1e-10)
    assert model.predict_states(points[:7]).tolist() == path
    np.testing.assert_allclose(model.predict_proba(points[:7]), gamma, rtol=1e-8)


def test_shapes_of_every_emission(levels):
    points, lengths, _ = levels
    model = HiddenMarkovModel(2, "gaussian", random_state=0).fit(points, lengths)
    assert (model.means_.shape, model.covariances_.shape) == ((2, 2), (2, 2, 2))
    assert (model.startprob_.shape, model.transmat_.shape) == ((2,), (2, 2))
    assert model.n_features_in_ == 2
    observations, states = model.generate_sequence(11)
    assert (observations.shape, states.shape) == ((11, 2), (11,))
    model.set_params(emission="categorical").fit([0, 1, 0, 2, 1, 0])
    assert model.emissionprob_.shape == (2, 3)
    assert not hasattr(model, "means_")
    assert model.n_features_in_ == 1
    model.set_params(emission="poisson").fit(np.array([[0], [7], [1], [9]]))
    assert model.rates_.shape == (2,)
    assert not hasattr(model, "emissionprob_")
    observations, _ = model.generate_sequence(4)
    assert (observations.shape, observations.dtype.kind) == ((4,), "i")


def test_symbols_not_seen_have_their_column():
    model = HiddenMarkovModel(2, n_observations=5, random_state=0).fit([0, 1, 0, 2, 1, 0])
    assert model.emissionprob_.shape == (2, 5)
    assert model.score([0, 4, 1]) == -np.inf
    with pytest.raises(ValueError, match="probability zero"):
        model.predict_states([0, 4, 1])
    smooth = HiddenMarkovModel(2, n_observations=5, pseudo_count=0.1, random_state=0)
    assert np.isfinite(smooth.fit([0, 1, 0, 2, 1, 0]).score([0, 4, 1]))


def test_many_sequences_in_any_form(levels):
    points, lengths, states = levels
    one = HiddenMarkovModel(2, "gaussian", random_state=0).fit(points, lengths)
    pieces = [points[:50], points[50:]]
    two = HiddenMarkovModel(2, "gaussian", random_state=0).fit(pieces)
    np.testing.assert_array_equal(one.means_, two.means_)
    found = one.predict_states(points, lengths)
    np.testing.assert_array_equal(found, one.predict_states(pieces))
    assert (relabel(found, align_labels(found, states, 2)) == states).all()
    assert one.score(pieces) == pytest.approx(sum(map(one.score, pieces)), rel=1e-12)
    assert one.predict_proba(pieces).shape == (120, 2)
    listed = HiddenMarkovModel(2, random_state=0).fit([[0, 1, 1], [1, 0], [0]])
    array = HiddenMarkovModel(2, random_state=0).fit([0, 1, 1, 1, 0, 0], np.array([3, 2, 1]))
    np.testing.assert_array_equal(listed.transmat_, array.transmat_)
    column = HiddenMarkovModel(2, random_state=0).fit([[0], [1], [1], [0]])
    row = HiddenMarkovModel(2, random_state=0).fit([0, 1, 1, 0])
    np.testing.assert_array_equal(column.transmat_, row.transmat_)


def test_half_given_starts_are_completed(levels):
    points, lengths, _ = levels
    means = points[[0, 30]]
    model = HiddenMarkovModel(2, "gaussian", max_iter=0, means_init=means).fit(points, lengths)
    np.testing.assert_allclose(model.means_, means, rtol=1e-12)
    np.testing.assert_allclose(model.covariances_, [np.cov(points.T, bias=True)] * 2, rtol=1e-9)
    matrix = [[0.9, 0.1], [0.3, 0.7]]
    model = HiddenMarkovModel(2, "poisson", max_iter=0, transmat_init=matrix, random_state=0)
    model.fit([1, 2, 9, 8])
    np.testing.assert_allclose(model.transmat_, matrix, rtol=1e-12)
    assert model.startprob_.sum() == pytest.approx(1.0)
    drawn = HiddenMarkovModel(2, "poisson", max_iter=0, random_state=0).fit([1, 2, 9, 8])
    np.testing.assert_array_equal(model.rates_, drawn.rates_)
    probs = [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]
    model = HiddenMarkovModel(2, max_iter=0, emissionprob_init=probs, random_state=0)
    np.testing.assert_allclose(model.fit([0, 1, 0]).emissionprob_, probs, rtol=1e-12)


def test_structural_zeros_stay():
    left_right = [[0.9, 0.1], [0.0, 1.0]]
    model = HiddenMarkovModel(
        2, transmat_init=left_right, startprob_init=[1.0, 0.0], random_state=0
    )
    model.fit([0, 0, 1, 0, 1, 1, 1, 0, 1, 1])
    assert model.transmat_[1].tolist() == [0.0, 1.0]
    assert model.startprob_.tolist() == [1.0, 0.0]


def test_the_same_seed_gives_the_same_fit():
    def run(seed):
        model = HiddenMarkovModel(3, init="random", max_iter=20, random_state=seed).fit(SYMBOLS)
        return model, model.generate_sequence(30)[0], model.generate_sequence(30)[0]

    (one, first, second), (two, again, _) = run(2), run(2)
    np.testing.assert_array_equal(one.transmat_, two.transmat_)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(run(3)[0].transmat_, one.transmat_)


def test_sequences_come_from_the_model():
    model = given(max_iter=0, random_state=1).fit(SYMBOLS)
    observations, states = model.generate_sequence(60_000)
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (states[:-1], states[1:]), 1)
    found = pairs / pairs.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, model.transmat_, atol=0.015)
    for k in range(3):
        shares = np.bincount(observations[states == k], minlength=4) / (states == k).sum()
        np.testing.assert_allclose(shares, model.emissionprob_[k], atol=0.015)


def test_singular_keeps_the_last_good_state():
    points = np.concatenate([np.random.default_rng(0).normal(size=40), [9.0, 9.0]])
    start = {"means_init": [[0.0], [9.0]], "covariances_init": [[[1.0]], [[0.1]]]}
    model = HiddenMarkovModel(2, "gaussian", random_state=0, **start).fit(points)
    assert (model.stop_reason_, model.converged_) == ("singular", False)
    assert "State 2 has collapsed" in model.stop_message_
    assert len(model.log_likelihood_history_) == model.n_iter_ + 1
    assert np.isfinite(model.score(points))
    sound = HiddenMarkovModel(2, "gaussian", ridge=0.1, random_state=0, **start).fit(points)
    assert sound.stop_reason_ == "converged"


def test_flat_start_stalls():
    model = HiddenMarkovModel(2, init="flat").fit([0, 1, 1, 0, 1])
    assert (model.stop_reason_, model.converged_) == ("stalled", False)


def test_frames_and_pickles(levels):
    import pandas as pd

    points, lengths, _ = levels
    frame = pd.DataFrame(points, columns=["a", "b"])
    model = HiddenMarkovModel(2, "gaussian", random_state=0).fit(frame, lengths)
    assert list(model.feature_names_in_) == ["a", "b"]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(points))
    with pytest.raises(ValueError, match="feature names"):
        model.score(frame.rename(columns={"a": "c"}))
    series = pd.Series([0, 1, 1, 0])
    assert HiddenMarkovModel(2, random_state=0).fit(series).emissionprob_.shape == (2, 2)


def test_new_vectors_may_be_constant(levels):
    points, lengths, _ = levels
    model = HiddenMarkovModel(2, "gaussian", random_state=0).fit(points, lengths)
    assert model.predict_states(points[[3, 3, 3]]).shape == (3,)
    assert model.predict_proba(points[:1]).shape == (1, 2)


OK = [0, 1, 2, 0, 1, 2, 2]
G = {"emission": "gaussian", "n_states": 2}
P = {"emission": "poisson", "n_states": 2}


@pytest.mark.parametrize(
    ("observations", "options", "words"),
    [
        ([], {}, "empty"),
        (None, {}, "one row per time step"),
        ("abc", {}, "one row per time step"),
        (3, {}, "one row per time step"),
        ([0, 1], {}, "3 states for 2 time steps; choose fewer"),
        ([0, 1, -1, 2], {}, "whole numbers from 0 on; time step 3 is -1"),
        ([0, 1.5, 1, 2], {}, "whole numbers from 0 on; time step 2 is 1.5"),
        ([0, np.nan, 1, 2], {}, "Time step 2 is missing"),
        (np.ma.array([0, 1, 2, 3], mask=[0, 0, 1, 0]), {}, "Time step 3 is missing"),
        (["a", "b", "c"], {}, "are text, not numbers"),
        (np.zeros((4, 2), int), {}, "has one column"),
        ([0, 1, 2, 5], {"n_observations": 4}, "Symbol 5 was seen, but with 4 symbols"),
        ([[0, 1, 2], []], {}, "Sequence 2 is empty"),
        ([[0, 1, 2], 1], {}, "Sequence 2 has another form"),
        ([0, 1, 1, -2], P, "counts must be whole numbers"),
        ([0, 1, np.inf, 2], P, "missing or infinite"),
        ([[1.0, 2.0], [3.0], [1.0, 1.0]], G, "differ in length"),
        ([[[1.0, 2.0]], [[3.0]]], G, "Sequence 2 has another form"),
        ([[[1.0, 2.0], [3.0]]], G, "different lengths"),
        ([[1.0, np.nan], [3.0, 2.0], [1.0, 1.0]], G, "missing"),
        ([[1.0, 5.0], [3.0, 5.0], [1.0, 5.0]], G, "Column 2 has the same value"),
        (OK, {"n_states": 0}, "n_states must be at least 1"),
        (OK, {"emission": "normal"}, "emission must be one of 'categorical', 'gaussian'"),
        (OK, {"init": "given"}, "init must be one of 'random', 'from the data', 'flat'"),
        (OK, {"n_observations": 0}, "n_observations must be a whole number, at least 1"),
        (OK, {"n_observations": 3, **P}, "n_observations belongs to the emission 'categorical'"),
        (OK, {"rates_init": [1, 2, 3]}, "rates_init belongs to the emission 'poisson'"),
        (OK, {"n_init": 0}, "n_init must be a whole number"),
        (OK, {"max_iter": 0.5}, "max_iter must be a whole number"),
        (OK, {"tolerance": np.nan}, "tolerance must be a number"),
        (OK, {"pseudo_count": -1}, "pseudo_count must be at least 0"),
        (OK, {"random_state": "seed"}, "cannot be used to seed"),
        (OK, {"startprob_init": [0.5, 0.5]}, r"startprob_init must have shape \(3,\)"),
        (OK, {"startprob_init": [0.5, 0.4, 0.5]}, "startprob_init: each row must sum to 1"),
        (OK, {"transmat_init": np.eye(3) * 0.9}, "transmat_init: each row must sum to 1"),
        (OK, {"transmat_init": [["a"] * 3] * 3}, "transmat_init must be numbers"),
        (OK, {"emissionprob_init": [[0.5, 0.5]] * 3}, "Symbol 2 was seen, but with 2 symbols"),
        (OK, {"emissionprob_init": [[2.0, -0.5, -0.5]] * 3}, "emissionprob_init must be prob"),
        (OK, {"emissionprob_init": [1.0, 0.0]}, r"emissionprob_init must have shape \(3, 3\)"),
        (OK, {"means_init": [[0.0]], **G}, r"means_init must have shape \(2, 1\)"),
        (OK, {"covariances_init": [[[1.0]], [[-1.0]]], **G}, "matrix 2 is not positive definite"),
        (OK, {"rates_init": [1.0, -1.0], **P}, "rates_init must be zero or more"),
        (OK, {"rates_init": [1.0, np.nan], **P}, "rates_init must be finite"),
        (OK, {"rates_init": [0.0, 0.0], **P}, "probability zero"),
    ],
)
def test_refusals_are_value_errors(observations, options, words):
    with pytest.raises(ValueError, match=words):
        HiddenMarkovModel(**options).fit(observations)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([3, 3], "lengths sum to 6, but there are 7"),
        ([7, 0], "whole numbers above zero"),
        ([3.5, 3.5], "whole numbers above zero"),
        ([], "must list the length of every sequence"),
        (7, "must list the length of every sequence"),
        ("abc", "whole numbers above zero"),
    ],
)
def test_wrong_lengths(lengths, words):
    with pytest.raises(ValueError, match=words):
        HiddenMarkovModel(2).fit(OK, lengths)


def test_lists_bring_their_own_lengths():
    with pytest.raises(ValueError, match="own lengths"):
        HiddenMarkovModel(2).fit([[0, 1], [1, 0]], [2, 2])


def test_refusals_after_a_fit(levels):
    model = HiddenMarkovModel(2, random_state=0).fit(OK)
    for method in (model.predict_states, model.predict_proba, model.score):
        with pytest.raises(ValueError, match="Symbol 3 was seen"):
            method([0, 3])
    with pytest.raises(ValueError, match="length must be a whole number"):
        model.generate_sequence(0)
    points, lengths, _ = levels
    model = HiddenMarkovModel(2, "gaussian", random_state=0).fit(points, lengths)
    with pytest.raises(ValueError, match="2 columns"):
        model.predict_states(points[:, :1])


def test_needs_to_be_fitted():
    for method in ("predict_states", "predict_proba", "score"):
        with pytest.raises(NotFittedError):
            getattr(HiddenMarkovModel(), method)(OK)
    with pytest.raises(NotFittedError):
        HiddenMarkovModel().generate_sequence(3)
