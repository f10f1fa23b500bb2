"""Topics against scikit-learn and Blei's own program, from the same starts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.corpus import as_corpus
from em_explorer.models.latent_dirichlet import (
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
    top_words,
)

HERE = Path(__file__).parents[1] / "data"
ASSETS = Path(__file__).parents[2] / "assets" / "data"


def make(**options):
    return LatentDirichlet(LatentDirichletOptions(**options))


def reference(name):
    return json.loads((HERE / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def austen():
    table = np.loadtxt(ASSETS / "austen_small_counts.csv", delimiter=",", skiprows=1, dtype=int)
    vocabulary = (ASSETS / "austen_small_vocab.csv").read_text().split()[1:]
    corpus = as_corpus(sparse.coo_array((table[:, 2], (table[:, 0], table[:, 1]))), 400)
    k, w = np.arange(1, 7)[:, None], np.arange(1, 401)
    start = 1 + 0.5 * np.sin(1.7 * k * w + 0.3 * k * k)
    return corpus, vocabulary, corpus.n_tokens / 6 * start / start.sum(1, keepdims=True)


def test_sklearn_fifty_inner_iterations():
    ref = reference("lda_40x15_k4")
    model = make(
        n_topics=4,
        alpha=0.25,
        beta=0.25,
        inner_start="fresh",
        inner_tolerance=0.0,
        inner_max_iter=50,
    )
    data = model.prepare(np.array(ref["counts"]))
    params = LatentDirichletParams(np.array(ref["init_lambda"]))
    carry = None
    for _ in range(5):
        # Every document starts at γ = 1 and takes exactly 50 turns.
        expectation = model.e_step(data, params, latent=True, carry=carry)
        carry = expectation.carry
        assert np.all(expectation.latent.n_inner == 50)
        assert not expectation.settled
        params = model.m_step(params, expectation)
    found = params.topic_word_posterior
    np.testing.assert_allclose(found, ref["lambda_after_5"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(expectation.carry, ref["gamma_5"], rtol=1e-5, atol=1e-5)


def test_sklearn_austen_bounds_topics_and_top_words(austen):
    corpus, vocabulary, start = austen
    ref = reference("lda_sklearn_batch")["runs"]["austen_small"]
    fresh = make(
        n_topics=6,
        alpha=0.1,
        beta=0.1,
        inner_start="fresh",
        inner_tolerance=1e-10,
        inner_max_iter=5000,
    )
    begin = fit(fresh, corpus, LatentDirichletParams(0.1 + start), RunOptions(5, 0.0))
    assert begin.history == pytest.approx(ref["bound_per_iteration"][:6], rel=1e-6)
    first = fit(fresh, corpus, LatentDirichletParams(0.1 + start), RunOptions(1, 0.0))
    # One document is still creeping along a plateau after 5,000 turns, there and here.
    components = np.array(ref["components_after"]["1"])
    found = first.params.topic_word_posterior
    np.testing.assert_allclose(found, components, atol=2e-3, rtol=0)
    # Documents that may fall back on the γ before take another road, to the same place.
    model = make(n_topics=6, alpha=0.1, beta=0.1)
    end = fit(model, corpus, LatentDirichletParams(0.1 + start), RunOptions(60, 1e-7))
    assert end.stop.reason is StopReason.CONVERGED
    assert end.history[-1] == pytest.approx(ref["bound_per_iteration"][-1], rel=1e-3)
    assert end.history[:6] == pytest.approx(ref["bound_per_iteration"][:6], rel=3e-4)
    assert [list(t) for t in top_words(end.params.topic_word, vocabulary)] == ref["top_words"]


def test_topicmodels_austen_top_words(austen):
    # Blei's program has no prior on the topics; the nearest to it here is a small beta.
    corpus, vocabulary, start = austen
    ref = reference("lda_topicmodels_vem")["runs"]["austen_small"]
    model = make(n_topics=6, alpha=0.1, beta=0.01)
    topics = fit(model, corpus, LatentDirichletParams(start), RunOptions(40)).params.topic_word
    found = top_words(topics, vocabulary)
    theirs = np.exp(ref["beta_log_final"])
    for k, (ours, wanted) in enumerate(zip(found, ref["top_words"], strict=True)):
        # One tenth place (catherine, charlotte) is a near tie in their table too.
        assert list(ours[:9]) == wanted[:9]
        if ours[9] != wanted[9]:
            rivals = theirs[k][[vocabulary.index(ours[9]), vocabulary.index(wanted[9])]]
            assert rivals[0] == pytest.approx(rivals[1], rel=0.06)
    assert sum(list(a) == b for a, b in zip(found, ref["top_words"], strict=True)) >= 5
    assert 0.5 * np.abs(topics - theirs).sum(1).max() < 0.01
