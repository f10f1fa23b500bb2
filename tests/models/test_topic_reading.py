"""Reading topics: telling words, their order, and what was recovered."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.em.errors import DataError
from em_explorer.models.corpus import as_corpus
from em_explorer.models.latent_dirichlet import LatentDirichletParams
from em_explorer.models.topic_reading import (
    chained_words,
    cosines,
    distinctive_words,
    document_word_topics,
    held_out,
    recovered_topics,
)


def test_telling_words_carry_the_mutual_information_with_documents():
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(0.5, 4.0, size=(12, 9))) + np.eye(12, 9, dtype=int)
    joint = counts / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(joint / joint.sum(1, keepdims=True) / joint.sum(0))
    score = np.where(joint > 0, joint * np.where(joint > 0, logs, 0.0), 0.0).sum(0)
    found = distinctive_words(as_corpus(counts), 9)
    assert list(found) == list(np.argsort(-score, kind="stable"))


def test_a_word_in_equal_measure_everywhere_says_nothing():
    counts = np.array([[5, 9, 0], [5, 0, 9], [5, 1, 8]])
    assert list(distinctive_words(as_corpus(counts), 3))[-1] == 0
    assert len(distinctive_words(as_corpus(counts), 2)) == 2


def test_words_of_one_group_stand_side_by_side():
    groups = np.kron(np.eye(3, dtype=int), np.full((4, 3), 5)) + 1
    chain = chained_words(as_corpus(groups), np.array([0, 3, 6, 1, 4, 7, 2, 5, 8]))
    assert sorted(chain) == list(range(9))
    assert np.count_nonzero(np.diff(chain // 3)) == 2


def test_a_documents_words_get_the_e_steps_shares():
    rng = np.random.default_rng(2)
    corpus = as_corpus(rng.integers(1, 4, size=(3, 6)))
    params = LatentDirichletParams(rng.gamma(1.0, size=(4, 6)) + 0.1)
    gamma = rng.gamma(1.0, size=(3, 4)) + 0.1
    phi = document_word_topics(params, gamma, corpus, 1)
    assert phi.shape == (6, 4)
    np.testing.assert_allclose(phi.sum(1), 1.0, rtol=1e-12)
    from scipy.special import psi

    lam = params.topic_word_posterior
    logs = psi(gamma[1])[:, None] + psi(lam) - psi(lam.sum(1, keepdims=True))
    np.testing.assert_allclose(phi.T, np.exp(logs) / np.exp(logs).sum(0), rtol=1e-12)


@pytest.mark.parametrize("n_found", [2, 3, 5])
def test_true_topics_find_their_partners(n_found):
    truth = np.eye(3, 6) * 0.9 + 0.1 / 6
    truth /= truth.sum(1, keepdims=True)
    order = [2, 0, 1]
    spare = np.full((2, 6), 1 / 6)
    found = np.vstack([truth[order], spare])[:n_found]
    partner, cosine = recovered_topics(found, truth)
    for k in range(min(n_found, 3)):
        assert partner[order[k]] == k
        assert cosine[order[k]] == pytest.approx(1.0)
    if n_found == 2:
        assert partner[1] == -1
        assert cosine[1] == 0.0
    table = cosines(found, truth)
    assert table.shape == (n_found, 3)
    assert table.max() <= 1 + 1e-12


def test_every_tenth_document_is_held_out():
    out = held_out(35)
    assert list(np.flatnonzero(out)) == [9, 19, 29]
    with pytest.raises(DataError, match="at least 10 documents"):
        held_out(9)
