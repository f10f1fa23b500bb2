"""Relevance of words to topics, against its definition and at its ends."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.topic_reading import relevance, word_shares_of


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_relevance_is_what_sievert_and_shirley_say(weight):
    rng = np.random.default_rng(1)
    topics, shares = rng.dirichlet(np.ones(7), 3), rng.dirichlet(np.ones(7))
    found = relevance(topics, shares, weight)
    for k in range(3):
        for v in range(7):
            lift = np.log(topics[k, v] / shares[v])
            expected = weight * np.log(topics[k, v]) + (1 - weight) * lift
            assert found[k, v] == pytest.approx(expected, rel=1e-12)


def test_a_word_that_never_occurs_comes_last():
    topics = np.array([[0.5, 0.3, 0.2]])
    found = relevance(topics, np.array([0.9, 0.1, 0.0]), 0.0)
    assert np.argsort(-found[0]).tolist() == [1, 0, 2]
    assert found[0, 2] == -np.inf


def test_word_shares_count_tokens():
    model = LatentDirichlet(LatentDirichletOptions(n_topics=2))
    data = model.prepare(np.array([[2, 0, 1], [1, 0, 4]]))
    np.testing.assert_allclose(word_shares_of(data), [3 / 8, 0, 5 / 8], rtol=1e-15)
