"""The compiled topic model: number for number what the numpy one gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln, psi

from em_explorer.em.errors import DataError
from em_explorer.em.steps import RunOptions, fit
from em_explorer.models import dirichlet
from em_explorer.models.backend import Backend, set_threads, threads
from em_explorer.models.document_topics import count_words
from em_explorer.models.kernels import latent_dirichlet as kernel
from em_explorer.models.kernels.documents import log_gamma_and_digamma
from em_explorer.models.latent_dirichlet import (
    InnerStart,
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
)


def problem(seed, n_topics, n_documents=40, n_words=30, **options):
    """Return the reference, the kernel, documents of all lengths and random topics."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([1, 2, 7, 40, 300], n_documents)
    probs = rng.dirichlet(np.full(n_words, 0.2), n_documents)
    counts = np.array([rng.multinomial(n, p) for n, p in zip(lengths, probs, strict=True)])
    reference = LatentDirichlet(LatentDirichletOptions(n_topics, **options))
    data = reference.prepare(counts)
    params = reference.initialize(data, rng)
    return reference, replace(reference, backend=Backend.NUMBA), data, params


def assert_same_step(found, wanted):
    for a, b in (
        (found.carry, wanted.carry),
        (found.statistics.topic_word_counts, wanted.statistics.topic_word_counts),
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-12)
    assert found.entropy == pytest.approx(wanted.entropy, rel=1e-10, abs=1e-8)
    assert found.settled == wanted.settled


@pytest.mark.parametrize("n_topics", [1, 2, 3, 4, 5, 8, 21])
@pytest.mark.parametrize("inner_start", list(InnerStart))
def test_agrees_with_the_reference_at_equal_turns(n_topics, inner_start):
    reference, compiled, data, params = problem(
        n_topics, n_topics, inner_start=inner_start, inner_tolerance=0.0, inner_max_iter=7
    )
    carry = None
    for _ in range(3):
        wanted = reference.e_step(data, params, latent=True, carry=carry)
        found = compiled.e_step(data, params, latent=True, carry=carry)
        assert_same_step(found, wanted)
        np.testing.assert_array_equal(found.latent.n_inner, wanted.latent.n_inner)
        np.testing.assert_array_equal(found.latent.paused, wanted.latent.paused)
        np.testing.assert_allclose(found.latent.doc_topic, wanted.latent.doc_topic, rtol=1e-9)
        params, carry = reference.m_step(params, wanted), wanted.carry


@pytest.mark.parametrize("inner_start", list(InnerStart))
def test_settles_like_the_reference(inner_start):
    reference, compiled, data, params = problem(
        0, 4, inner_start=inner_start, inner_tolerance=1e-6, inner_max_iter=60
    )
    wanted = reference.e_step(data, params, latent=True)
    found = compiled.e_step(data, params, latent=True)
    assert_same_step(found, wanted)
    np.testing.assert_array_equal(found.latent.n_inner, wanted.latent.n_inner)
    np.testing.assert_array_equal(found.latent.paused, wanted.latent.paused)
    assert found.latent.paused.any()
    assert not found.latent.paused.all()


def test_falls_back_where_a_fresh_start_ends_lower():
    """A document may stand on a hill that γ = 1 does not lead to."""
    reference, compiled, data, params = problem(1, 6, alpha=0.02, inner_max_iter=300)
    carried_only = replace(
        reference, options=replace(reference.options, inner_start=InnerStart.CARRIED)
    )
    rng = np.random.default_rng(2)
    log_topic_word = dirichlet.expected_log(params.topic_word_posterior)
    went_on = 0
    for _ in range(10):
        anywhere = rng.gamma(0.3, 3.0, (data.n_documents, 6)) + 0.02
        carry = carried_only.e_step(data, params, carry=anywhere).carry
        wanted = reference.e_step(data, params, latent=True, carry=carry)
        found = compiled.e_step(data, params, latent=True, carry=carry)
        fresh = reference.e_step(data, params, latent=True)
        here, there = (
            count_words(data, log_topic_word, 0.02, gamma)[0] for gamma in (fresh.carry, carry)
        )
        # Where both ends are one and the same hill, rounding decides which is higher.
        clear = np.abs(here - there) > 1e-6
        np.testing.assert_allclose(found.carry[clear], wanted.carry[clear], rtol=1e-9)
        np.testing.assert_array_equal(found.latent.n_inner[clear], wanted.latent.n_inner[clear])
        went_on += int((found.latent.n_inner > fresh.latent.n_inner)[clear].sum())
    assert went_on > 5


def test_fits_alike_and_never_falls():
    reference, compiled, data, params = problem(3, 3, inner_max_iter=200, inner_tolerance=1e-9)
    run = RunOptions(max_iter=20, tolerance=0.0)
    wanted = fit(reference, data, params, run)
    found = fit(compiled, data, params, run)
    np.testing.assert_allclose(found.history, wanted.history, rtol=1e-9)
    assert np.all(np.diff(found.history) > -1e-9 * abs(found.history[0]))


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(kernel, "CHUNK_CELLS", 60)
    reference, compiled, data, params = problem(4, 5, n_documents=90)
    assert len(kernel._chunks(data, 5)) > 5
    before = threads()
    results = []
    try:
        for n in (1, 2, 3):
            set_threads(n)
            results.append(compiled.e_step(data, params))
    finally:
        set_threads(before)
    for other in results[1:]:
        np.testing.assert_array_equal(
            results[0].statistics.topic_word_counts, other.statistics.topic_word_counts
        )
        np.testing.assert_array_equal(results[0].carry, other.carry)
        assert results[0].log_likelihood == other.log_likelihood
    assert_same_step(results[0], reference.e_step(data, params))


def test_chunks_hold_every_document_once(monkeypatch):
    _, _, data, _ = problem(5, 2, n_documents=70)
    for cells in (1, 10, 100, 10**9):
        monkeypatch.setattr(kernel, "CHUNK_CELLS", cells)
        chunks = kernel._chunks(data, 2)
        assert [d for part in chunks for d in range(part.start, part.stop)] == list(range(70))
        assert len(chunks) <= kernel.MOST_CHUNKS


@pytest.mark.parametrize(
    ("alpha", "beta", "scale"), [(0.001, 0.01, 1.0), (0.1, 0.001, 1.0), (0.1, 0.01, 1e-6)]
)
def test_tiny_priors_are_served_on_logarithms(alpha, beta, scale):
    reference, compiled, data, params = problem(6, 3, alpha=alpha, beta=beta, inner_max_iter=50)
    if scale < 1:  # words that a topic hardly knows
        posterior = params.topic_word_posterior.copy()
        posterior[0, ::2] = 1e-3
        params = LatentDirichletParams(posterior)
    first = reference.e_step(data, params)
    assert_same_step(compiled.e_step(data, params), first)
    params = reference.m_step(params, first)
    wanted = reference.e_step(data, params, carry=first.carry)
    assert_same_step(compiled.e_step(data, params, carry=first.carry), wanted)


def test_a_topic_without_words_and_a_vocabulary_with_unseen_ones():
    reference, compiled, _, _ = problem(7, 3)
    data = reference.prepare([[0, 0, 1], [2], [1, 1, 1, 2]], 6)
    posterior = np.full((3, 6), 0.01)
    posterior[0, :3] += [2.0, 1.0, 0.0]
    posterior[1, :3] += [0.0, 3.0, 2.0]
    params = LatentDirichletParams(posterior)
    assert_same_step(compiled.e_step(data, params), reference.e_step(data, params))


def test_bad_input_is_refused_alike():
    reference, compiled, data, params = problem(8, 2)
    bad_carry = np.zeros((data.n_documents, 2))
    with pytest.raises(DataError, match="carried γ") as error:
        compiled.e_step(data, params, carry=bad_carry)
    with pytest.raises(DataError) as wanted:
        reference.e_step(data, params, carry=bad_carry)
    assert str(error.value) == str(wanted.value)
    with pytest.raises(DataError, match="vocabulary"):
        compiled.e_step(reference.prepare([[0]], 3), params)


def test_log_gamma_and_digamma():
    x = np.concatenate([np.geomspace(0.01, 1e12, 3001), [1.0, 1.5, 2.0, 1.4616321449683622]])
    found = np.array([log_gamma_and_digamma(v) for v in x])
    np.testing.assert_allclose(found[:, 0], gammaln(x), rtol=1e-14, atol=3e-14)
    np.testing.assert_allclose(found[:, 1], psi(x), rtol=1e-14, atol=1e-14)


def test_every_kernel_runs():
    for name, run in kernel.KERNELS:
        assert run() is None, name
