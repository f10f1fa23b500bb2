"""A topic model with topics held: the others move as if alone, and the bound never falls."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError
from em_explorer.em.steps import RunOptions, fit
from em_explorer.models.backend import Backend
from em_explorer.models.latent_dirichlet import (
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
)
from em_explorer.models.latent_dirichlet_anatomy import LatentDirichletAnatomy
from tests.models.locking_checks import check_locks, some_of


def problem(seed, k=3, n_words=8):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3.0 * rng.dirichlet(np.full(n_words, 0.3), size=12) * n_words)
    counts[:, 0] += 1
    model = LatentDirichlet(LatentDirichletOptions(k, alpha=0.2, beta=[0.02, 0.5][seed % 2]))
    data = model.prepare(counts)
    return model, data, model.initialize(data, rng)


def held_by(locks):
    topics = sorted(lock.index[0] for lock in locks)
    return lambda params: params.topic_word_posterior[topics]


def test_locked_stays_and_the_rest_is_a_maximum():
    taken = 0
    for seed in range(10):
        model, data, params = problem(seed, k=1 + seed % 4)
        locks = some_of(model.lockable(params), seed)
        taken += check_locks(model, data, params, locks, LatentDirichletAnatomy, held_by(locks))
    assert taken >= 50


def test_the_other_topics_move_as_without_locks():
    model, data, params = problem(1)
    expectation = model.e_step(data, params)
    free = model.m_step(params, expectation).topic_word_posterior
    held = replace(model, locks=frozenset({Lock("topics", (1,))}))
    after = held.m_step(params, expectation).topic_word_posterior
    np.testing.assert_array_equal(after[[0, 2]], free[[0, 2]])
    np.testing.assert_array_equal(after[1], params.topic_word_posterior[1])


def test_a_topic_known_beforehand_can_be_given():
    """With two of the three topics held at the truth, the third is all there is to find."""
    rng = np.random.default_rng(3)
    truth = rng.dirichlet(np.full(9, 0.2), size=3)
    model = LatentDirichlet(LatentDirichletOptions(3, alpha=0.1))
    proportions = rng.dirichlet(np.full(3, 0.3), size=200)
    words = proportions @ truth
    words /= words.sum(axis=1, keepdims=True)
    data = model.prepare(rng.multinomial(100, words))
    start = np.vstack([1 + 5000 * truth[:2], np.ones(9)])
    locks = frozenset({Lock("topics", (0,)), Lock("topics", (1,))})
    found = fit(replace(model, locks=locks), data, LatentDirichletParams(start), RunOptions(60))
    assert 0.5 * np.abs(found.params.topic_word[2] - truth[2]).sum() < 0.05


def test_the_compiled_backend_agrees():
    for seed in range(4):
        model, data, params = problem(seed)
        slow = replace(model, locks=frozenset({Lock("topics", (seed % 3,))}))
        fast = replace(slow, backend=Backend.NUMBA)
        a, b = (fit(m, data, params, RunOptions(5, 0.0)) for m in (slow, fast))
        np.testing.assert_allclose(b.history, a.history, rtol=1e-10)
        np.testing.assert_array_equal(
            b.params.topic_word_posterior[seed % 3], params.topic_word_posterior[seed % 3]
        )


def test_equal_topics_can_be_parted_by_a_lock():
    model, _, params = problem(0)
    twin = LatentDirichletParams(np.repeat(params.topic_word_posterior[:1], 3, axis=0))
    assert model.symmetry(twin).startswith("All topics are equal")
    one = replace(model, locks=frozenset({Lock("topics", (0,))}))
    assert one.symmetry(twin).startswith("Topics 2 and 3 are equal")
    two = replace(model, locks=frozenset({Lock("topics", (0,)), Lock("topics", (2,))}))
    assert two.symmetry(twin).startswith("Topics 1 and 3 are equal")


def test_locks_on_what_is_not_there_are_refused():
    model, data, params = problem(0)
    assert model.lockable(params) == tuple(Lock("topics", (k,)) for k in range(3))
    expectation = model.e_step(data, params)
    for lock in (Lock("topics", (3,)), Lock("topics", (-1,)), Lock("means", (0,))):
        with pytest.raises(DataError, match="to lock"):
            replace(model, locks=frozenset({lock})).m_step(params, expectation)
