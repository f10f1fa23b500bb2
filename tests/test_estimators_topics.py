"""The topic model as a scikit-learn class: figures, documents in any form, refusals."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.special import digamma, gammaln
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from em_explorer import LatentDirichletAllocation
from em_explorer.data.generators import generate
from em_explorer.models.latent_dirichlet import align_topics

REFERENCE = json.loads((Path(__file__).parent / "data" / "lda_40x15_k4.json").read_text())
COUNTS = np.array(REFERENCE["counts"])


@pytest.fixture(scope="module")
def small():
    return generate("small-topics")


def word_ids(counts):
    return [np.repeat(np.arange(len(row)), row.astype(int)).tolist() for row in counts]


@pytest.mark.parametrize("init", ["random", "random documents"])
def test_small_topics_are_recovered(small, init):
    model = LatentDirichletAllocation(3, init=init, n_init=2, random_state=0).fit(small.values)
    order = align_topics(model.topic_word_, small.truth.topic_word)
    np.testing.assert_allclose(model.topic_word_[order], small.truth.topic_word, atol=0.035)
    assert np.abs(model.doc_topic_[:, order] - small.truth.doc_topic).mean() < 0.05
    found = {frozenset(topic) for topic in model.get_topics(small.vocabulary, top_words=5)}
    assert found == {
        frozenset(("machine", "learning", "algorithm", "model", "data")),
        frozenset(("neural", "network", "deep", "gradient", "descent")),
        frozenset(("computer", "vision", "image", "processing", "classification")),
    }
    assert model.converged_
    history = model.log_likelihood_history_
    assert history.shape == (model.n_iter_ + 1,)
    assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()
    assert 7.5 < model.perplexity(small.values) < 9.0


def test_same_topics_as_scikit_learn():
    model = LatentDirichletAllocation(
        4,
        alpha=0.25,
        beta=0.25,
        max_iter=5,
        tolerance=0,
        inner_start="fresh",
        inner_max_iter=50,
        inner_tolerance=0,
        topic_word_init=REFERENCE["init_lambda"],
    ).fit(COUNTS)
    np.testing.assert_allclose(model.topic_word_posterior_, REFERENCE["lambda_after_5"], rtol=1e-5)
    assert (model.n_iter_, model.stop_reason_) == (5, "iteration limit")
    rows = model.topic_word_posterior_.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.topic_word_, model.topic_word_posterior_ / rows, rtol=1e-12)


def test_one_topic_has_a_closed_form():
    model = LatentDirichletAllocation(1, beta=0.5, tolerance=0, max_iter=2).fit(COUNTS)
    words = COUNTS.sum(axis=0)
    np.testing.assert_allclose(model.topic_word_posterior_, [0.5 + words], rtol=1e-12)
    n_words = len(words)
    likelihood = gammaln(0.5 * n_words) - gammaln(0.5 * n_words + words.sum())
    likelihood += (gammaln(0.5 + words) - gammaln(0.5)).sum()
    assert model.log_likelihood_history_[-1] == pytest.approx(likelihood, rel=1e-12)
    log_topic = digamma(0.5 + words) - digamma((0.5 + words).sum())
    assert model.score(COUNTS) == pytest.approx(words @ log_topic / words.sum(), rel=1e-10)
    assert model.perplexity(COUNTS) == pytest.approx(np.exp(-model.score(COUNTS)), rel=1e-12)


def test_documents_in_any_form():
    start = np.array(REFERENCE["init_lambda"])
    fits = [
        LatentDirichletAllocation(4, max_iter=5, topic_word_init=start).fit(documents)
        for documents in (
            COUNTS,
            COUNTS.astype(np.float32),
            sparse.csr_matrix(COUNTS),
            sparse.coo_array(COUNTS),
            word_ids(COUNTS),
            [np.array(ids) for ids in word_ids(COUNTS)],
        )
    ]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.topic_word_posterior_, fits[0].topic_word_posterior_)
        np.testing.assert_array_equal(other.doc_topic_, fits[0].doc_topic_)
    for documents in (COUNTS, sparse.csc_array(COUNTS), word_ids(COUNTS)):
        np.testing.assert_array_equal(fits[0].transform(documents), fits[0].transform(COUNTS))
        assert fits[0].perplexity(documents) == fits[0].perplexity(COUNTS)
    np.testing.assert_allclose(fits[0].doc_topic_.sum(axis=1), 1.0)


def test_vocabulary_size():
    assert LatentDirichletAllocation(2).fit([[0, 1], [3]]).topic_word_.shape == (2, 4)
    model = LatentDirichletAllocation(2).fit([[0, 1], [3]], vocab_size=6)
    assert (model.topic_word_.shape, model.n_features_in_) == ((2, 6), 6)
    given = LatentDirichletAllocation(2, topic_word_init=np.eye(2, 5) + 1).fit([[0, 1], [3]])
    assert given.topic_word_.shape == (2, 5)


def test_documents_without_words_have_the_prior():
    counts = COUNTS.copy()
    counts[7] = 0
    start = np.array(REFERENCE["init_lambda"])
    model = LatentDirichletAllocation(4, topic_word_init=start).fit(counts)
    without = LatentDirichletAllocation(4, topic_word_init=start).fit(np.delete(counts, 7, axis=0))
    np.testing.assert_array_equal(model.topic_word_, without.topic_word_)
    assert model.doc_topic_[7].tolist() == [0.25] * 4
    np.testing.assert_array_equal(np.delete(model.doc_topic_, 7, axis=0), without.doc_topic_)
    assert model.transform([[], [0, 1]])[0].tolist() == [0.25] * 4
    assert model.transform(np.zeros((2, 15))).tolist() == [[0.25] * 4] * 2
    listed = LatentDirichletAllocation(4, topic_word_init=start).fit(word_ids(counts))
    np.testing.assert_array_equal(listed.topic_word_, model.topic_word_)


def test_fractions_of_words_count():
    # Twice half a document is a document, except for its own proportions' prior.
    model = LatentDirichletAllocation(1, beta=0.5, max_iter=2).fit(COUNTS * 0.5)
    np.testing.assert_allclose(model.topic_word_posterior_, [0.5 + COUNTS.sum(axis=0) / 2])


def test_a_document_does_not_depend_on_its_company():
    model = LatentDirichletAllocation(4, random_state=0).fit(COUNTS)
    together = model.transform(COUNTS)
    for d in (0, 13, 39):
        np.testing.assert_allclose(model.transform(COUNTS[[d]])[0], together[d], rtol=1e-12)


@pytest.mark.parametrize("inner_start", ["best", "carried"])
def test_the_bound_never_falls(inner_start):
    model = LatentDirichletAllocation(
        4, inner_start=inner_start, inner_max_iter=2, tolerance=0, max_iter=40, random_state=0
    )
    history = model.fit(COUNTS).log_likelihood_history_
    assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()


def test_the_same_seed_gives_the_same_topics():
    def run(seed, **options):
        return LatentDirichletAllocation(4, random_state=seed, max_iter=15, **options).fit(COUNTS)

    np.testing.assert_array_equal(run(3).topic_word_, run(3).topic_word_)
    assert not np.array_equal(run(4).topic_word_, run(3).topic_word_)
    best = run(3, n_init=4).log_likelihood_history_[-1]
    assert best >= run(3).log_likelihood_history_[-1]


def test_uniform_start_stalls():
    model = LatentDirichletAllocation(3, init="uniform").fit(COUNTS)
    assert (model.stop_reason_, model.converged_) == ("stalled", False)


def test_top_words():
    start = [[1.0, 5.0, 3.0], [4.0, 1.0, 2.0]]
    model = LatentDirichletAllocation(2, max_iter=0, topic_word_init=start).fit([[0, 1], [2]])
    assert model.get_topics(["a", "b", "c"]) == [["b", "c", "a"], ["a", "c", "b"]]
    assert model.get_topics(np.array(["a", "b", "c"]), top_words=1) == [["b"], ["a"]]
    assert model.get_topics({"c": 2, "a": 0, "b": 1}, 2) == [["b", "c"], ["a", "c"]]
    for vocabulary, words in [
        (["a", "b"], "3 words and the vocabulary 2"),
        ("abc", "list of words"),
        ({"a": 0, "b": 1, "c": 3}, "its own id"),
        (7, "list of words"),
    ]:
        with pytest.raises(ValueError, match=words):
            model.get_topics(vocabulary)
    with pytest.raises(ValueError, match="top_words must be a whole number"):
        model.get_topics(["a", "b", "c"], 0)


def test_in_a_pipeline_of_texts():
    texts = ["cats purr and cats sleep", "dogs bark", "cats sleep", "dogs bark and dogs run"]
    pipeline = make_pipeline(CountVectorizer(), LatentDirichletAllocation(2, random_state=0))
    proportions = pipeline.fit_transform(texts)
    assert proportions.shape == (4, 2)
    np.testing.assert_allclose(proportions.sum(axis=1), 1.0)
    words = pipeline[0].vocabulary_
    assert len(pipeline[1].get_topics(words, 3)[0]) == 3
    assert list(pipeline[1].get_feature_names_out()) == [
        "latentdirichletallocation0",
        "latentdirichletallocation1",
    ]
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.transform(texts), pipeline.transform(texts))


def test_names_of_a_frame_are_forgotten_with_it():
    import pandas as pd

    model = LatentDirichletAllocation(2, random_state=0)
    model.fit(pd.DataFrame([[1, 2], [3, 0]], columns=["cat", "dog"]))
    assert list(model.feature_names_in_) == ["cat", "dog"]
    assert not hasattr(model.fit([[0, 1], [1]]), "feature_names_in_")


def test_nobody_elses_arrays_are_touched():
    messy = sparse.csr_matrix(([1, 2, 0, 3], [1, 1, 0, 2], [0, 3, 4]), shape=(2, 3))
    data, indices = messy.data.copy(), messy.indices.copy()
    LatentDirichletAllocation(2, random_state=0).fit(messy)
    np.testing.assert_array_equal(messy.data, data)
    np.testing.assert_array_equal(messy.indices, indices)


IDS = [[0, 1], [2, 1, 1]]


@pytest.mark.parametrize(
    ("documents", "options", "words"),
    [
        (np.array([[1, -1], [0, 2]]), {}, "Negative values"),
        (sparse.csr_array([[1, -1], [0, 2]]), {}, "Negative values"),
        (np.array([[1, np.nan], [0, 2]]), {}, "NaN"),
        (np.array([[1, np.inf], [0, 2]]), {}, "infinity"),
        (np.array([["a", "b"]]), {}, "could not convert string"),
        (np.array([1.0, 2.0]), {}, "Expected 2D array"),
        (np.zeros((3, 4)), {}, "No document holds a word"),
        (np.full((2, 2), 0.1), {}, "less than one word in all"),
        ([], {}, "no documents"),
        ([[], []], {}, "No document holds a word"),
        ([[0, 1], [-1]], {}, "Document 2 has the word id -1"),
        ([[], [0, 1], ["a"]], {}, "Document 3 is not a list of word ids"),
        ([[0.5, 1.0]], {}, "Document 1 is not a list of word ids"),
        ([0, 1, 2], {}, "Document 1 is not a list of word ids"),
        (["a text"], {}, "Document 1 is not a list of word ids"),
        (IDS, {"n_topics": 0}, "n_topics must be at least 1"),
        (IDS, {"alpha": 0.0}, "alpha must be at least"),
        (IDS, {"beta": "small"}, "beta must be a number"),
        (IDS, {"init": "given"}, "init must be one of 'random', 'random documents'"),
        (IDS, {"inner_start": "warm"}, "inner_start must be one of 'best', 'fresh', 'carried'"),
        (IDS, {"inner_max_iter": 0}, "inner_max_iter must be at least 1"),
        (IDS, {"inner_tolerance": -1.0}, "inner_tolerance must be at least 0"),
        (IDS, {"max_iter": None}, "max_iter must be a whole number"),
        (IDS, {"tolerance": 2.0}, "tolerance must be at most 1"),
        (IDS, {"n_init": 1.5}, "n_init must be a whole number"),
        (IDS, {"random_state": "seed"}, "cannot be used to seed"),
        (IDS, {"topic_word_init": np.ones((2, 3))}, r"topic_word_init must have shape \(5, 3\)"),
        (IDS, {"topic_word_init": np.zeros((5, 3))}, "topic_word_init must be positive"),
        (IDS, {"topic_word_init": np.full((5, 3), np.nan)}, "topic_word_init must be finite"),
        (IDS, {"topic_word_init": np.ones((5, 2))}, "Document 2 has the word id 2"),
    ],
)
def test_refusals_are_value_errors(documents, options, words):
    with pytest.raises(ValueError, match=words):
        LatentDirichletAllocation(**options).fit(documents)


@pytest.mark.parametrize(
    ("documents", "vocab_size", "words"),
    [
        (IDS, 2, "Document 2 has the word id 2; ids must lie between 0 and 1"),
        (IDS, 0, "vocab_size must be a whole number"),
        (COUNTS, 20, "vocab_size is 20, but the matrix has 15 columns"),
    ],
)
def test_wrong_vocabulary_sizes(documents, vocab_size, words):
    with pytest.raises(ValueError, match=words):
        LatentDirichletAllocation().fit(documents, vocab_size=vocab_size)


def test_refusals_after_a_fit():
    model = LatentDirichletAllocation(2, random_state=0).fit(IDS)
    with pytest.raises(ValueError, match="word id 3"):
        model.transform([[0, 3]])
    with pytest.raises(ValueError, match="4 features"):
        model.transform(np.ones((2, 4)))
    for method in (model.score, model.perplexity):
        with pytest.raises(ValueError, match="nothing to score"):
            method([[]])


def test_needs_to_be_fitted():
    for method in ("transform", "score", "perplexity"):
        with pytest.raises(NotFittedError):
            getattr(LatentDirichletAllocation(), method)(IDS)
    with pytest.raises(NotFittedError):
        LatentDirichletAllocation().get_topics(["a"])
