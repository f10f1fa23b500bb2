"""Names, values, coordinates and gauges of a topic model."""

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.changes import changes
from em_explorer.models.latent_dirichlet import (
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
)
from em_explorer.models.latent_dirichlet_anatomy import LatentDirichletAnatomy
from tests.models.anatomy_checks import check_anatomy


def topics(k=3, n_words=12, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0 * rng.dirichlet(np.full(n_words, 0.2), size=10) * n_words)
    counts[:, 0] += 1
    model = LatentDirichlet(LatentDirichletOptions(k))
    data = model.prepare(counts)
    return model, data, model.initialize(data, rng)


def test_an_anatomy_keeps_what_all_keep():
    for seed in range(4):
        model, data, params = topics(seed=seed)
        anatomy = LatentDirichletAnatomy(model, data)
        check_anatomy(anatomy, model, data, params)
        check_anatomy(anatomy.at(params), model, data, params)


def test_the_registry_knows_it():
    assert registry.load(registry.entry("latent_dirichlet").anatomy) is LatentDirichletAnatomy


def test_names_and_values_at_the_topics_own_words():
    model = LatentDirichlet(LatentDirichletOptions(2))
    data = model.prepare(np.array([[3, 1, 1], [0, 2, 5]]))
    anatomy = LatentDirichletAnatomy(model, data, ("tea", "hat", "sea"))
    params = LatentDirichletParams(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 9.0]]))
    assert [p.label for p in anatomy.at(params).parameters(params)] == [
        *("share of topic 1", "share of topic 2"),
        *("P(tea | 1)", "P(hat | 1)", "P(sea | 1)"),
        *("P(sea | 2)", "P(hat | 2)", "P(tea | 2)"),
    ]
    found = anatomy.at(params).values(params)
    np.testing.assert_allclose(found, [6 / 18, 12 / 18, 1 / 2, 1 / 3, 1 / 6, 3 / 4, 1 / 6, 1 / 12])
    assert [p.label for p in anatomy.parameters(params)][2:] == [  # of all words, commonest first
        *("P(sea | 1)", "P(tea | 1)", "P(hat | 1)"),
        *("P(sea | 2)", "P(tea | 2)", "P(hat | 2)"),
    ]


def test_many_topics_have_few_words_each():
    model, data, params = topics(k=100, n_words=300)
    anatomy = LatentDirichletAnatomy(model, data)
    assert len(anatomy.parameters(params)) == 100 + 100 * 2


def test_a_line_through_zero_keeps_every_word_possible():
    model, data, params = topics()
    anatomy = LatentDirichletAnatomy(model, data)
    found = anatomy.from_coordinates(np.zeros(36), params)
    assert found.topic_word_posterior.min() > 0
    assert np.isfinite(model.bound(found, model.e_step(data, params)))


def test_gauges_count_words():
    model, data, params = topics()
    gauges = LatentDirichletAnatomy(model, data).gauges(params, model.e_step(data, params))
    assert sum(g.value for g in gauges) == pytest.approx(data.n_tokens, rel=1e-12)
    assert [g.label for g in gauges] == ["words in 1", "words in 2", "words in 3"]
    assert LatentDirichletAnatomy(model, data).gauges(params, None) == ()


def test_the_words_that_moved_most_are_found_among_all():
    """Against a search through every word of every topic."""
    for seed in range(4):
        model, data, params = topics(k=30, n_words=60, seed=seed)
        after = model.m_step(params, model.e_step(data, params))
        anatomy = LatentDirichletAnatomy(model, data)
        apart = np.abs(after.topic_word - params.topic_word)
        followed = anatomy.between(params, after).words
        assert followed.shape == (30, 6)
        for row, words in zip(apart, followed, strict=True):
            np.testing.assert_array_equal(row[words], np.sort(row)[::-1][:6])
        first = next(c for c in changes(anatomy, params, after) if c.parameter.group == "words")
        assert abs(first.moved) == pytest.approx(apart.max(), rel=1e-12)
        k, v = np.unravel_index(apart.argmax(), apart.shape)
        assert first.parameter.key == f"topic_word[{k}, {v}]"
