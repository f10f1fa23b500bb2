"""Topics against brute force, closed forms and properties the model must have."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln, logsumexp, psi

from em_explorer.em.errors import DataError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.em.trace import Trace
from em_explorer.models import dirichlet, document_topics
from em_explorer.models.corpus import as_corpus
from em_explorer.models.document_topics import ascend, count_words
from em_explorer.models.latent_dirichlet import (
    InnerStart,
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
    LatentDirichletStart,
    align_topics,
    top_words,
    word_topics,
)

TRUE_TOPICS = (
    ["machine", "learning", "algorithm", "model", "data"],
    ["neural", "network", "deep", "gradient", "descent"],
    ["computer", "vision", "image", "processing", "classification"],
)
UNUSED = [
    "natural",
    "language",
    "statistics",
    "probability",
    "optimization",
    "regression",
    "clustering",
    "dimensionality",
    "reduction",
]


def make(**options):
    return LatentDirichlet(LatentDirichletOptions(**options))


def random_counts(rng, n_documents=12, n_words=15, length=40):
    topics = rng.dirichlet(np.full(n_words, 0.2), size=3)
    probs = rng.dirichlet(np.full(3, 0.3), size=n_documents) @ topics
    return rng.multinomial(1 + rng.poisson(length, n_documents), probs / probs.sum(1)[:, None])


def random_problem(seed, **options):
    """Return a small model with data and parameters; sizes and priors vary with the seed."""
    rng = np.random.default_rng(seed)
    n_topics = options.pop("n_topics", int(rng.integers(1, 7)))
    counts = random_counts(
        rng, int(rng.integers(1, 13)), int(rng.integers(2, 20)), int(rng.integers(1, 60))
    )
    options.setdefault("alpha", float(10 ** rng.uniform(-3, 0.5)))
    options.setdefault("beta", float(10 ** rng.uniform(-3, 0.5)))
    model = make(n_topics=n_topics, **options)
    data = model.prepare(counts)
    return model, data, model.initialize(data, rng)


def brute_bound(model, data, gamma, phi_params, params):
    """Sum the bound over every token and topic, straight from its definition."""
    alpha, beta = model.options.alpha, model.options.beta
    lam = params.topic_word_posterior
    old = phi_params.topic_word_posterior
    n_topics, n_words = lam.shape
    total = 0.0
    for d in range(data.n_documents):
        log_theta = psi(gamma[d]) - psi(gamma[d].sum())
        words, counts = data.document(d)
        for word, count in zip(words, counts, strict=True):
            log_phi = log_theta + psi(old[:, word]) - psi(old.sum(1))
            log_phi -= logsumexp(log_phi)
            log_word = psi(lam[:, word]) - psi(lam.sum(1))
            for _ in range(int(count)):
                total += float(np.exp(log_phi) @ (log_theta + log_word - log_phi))
        total += gammaln(n_topics * alpha) - n_topics * gammaln(alpha)
        total += (alpha - 1) * log_theta.sum() + stats.dirichlet(gamma[d]).entropy()
    for k in range(n_topics):
        log_beta = psi(lam[k]) - psi(lam[k].sum())
        total += gammaln(n_words * beta) - n_words * gammaln(beta)
        total += (beta - 1) * log_beta.sum() + stats.dirichlet(lam[k]).entropy()
    return total


def exact_log_likelihood(model, documents, n_words):
    """Return log p(words), summing over every assignment of topics to tokens."""
    alpha, beta, n_topics = model.options.alpha, model.options.beta, model.options.n_topics
    owners = np.repeat(np.arange(len(documents)), [len(d) for d in documents])
    words = np.concatenate(documents)

    def polya(counts, prior):
        size = counts.shape[-1]
        each = gammaln(counts + prior).sum(-1) - gammaln(counts.sum(-1) + size * prior)
        return (each + gammaln(size * prior) - size * gammaln(prior)).sum()

    terms = []
    for topics in itertools.product(range(n_topics), repeat=len(words)):
        by_document = np.zeros((len(documents), n_topics))
        by_topic = np.zeros((n_topics, n_words))
        np.add.at(by_document, (owners, topics), 1)
        np.add.at(by_topic, (topics, words), 1)
        terms.append(polya(by_document, alpha) + polya(by_topic, beta))
    return logsumexp(terms)


# ---------------------------------------------------------------------------- brute force


@pytest.mark.parametrize("seed", range(20))
def test_bound_is_the_sum_over_tokens_after_e_and_after_m(seed):
    model, data, params = random_problem(seed)
    for _ in range(2):
        expectation = model.e_step(data, params)
        scale = data.n_tokens + abs(expectation.log_likelihood)
        after_e = brute_bound(model, data, expectation.carry, params, params)
        assert model.bound(params, expectation) == pytest.approx(after_e, abs=1e-12 * scale)
        both = expectation.log_likelihood + model.log_prior(params)
        assert model.bound(params, expectation) == pytest.approx(both, abs=1e-12 * scale)
        better = model.m_step(params, expectation)
        after_m = brute_bound(model, data, expectation.carry, params, better)
        assert model.bound(better, expectation) == pytest.approx(after_m, abs=1e-12 * scale)
        params = better


@pytest.mark.parametrize("seed", range(5))
def test_bound_is_below_the_exact_likelihood(seed):
    rng = np.random.default_rng(seed)
    documents = [list(rng.integers(0, 4, size=n)) for n in (3, 4, 3)]
    model = make(n_topics=2, alpha=0.5, beta=0.5)
    data = model.prepare(documents, vocab_size=4)
    exact = exact_log_likelihood(model, documents, 4)
    bound = fit(model, data, model.initialize(data, rng)).history[-1]
    assert exact - 8 < bound < exact


@pytest.mark.parametrize("seed", range(10))
def test_one_topic_has_the_dirichlet_multinomial_likelihood(seed):
    model, data, params = random_problem(seed, n_topics=1)
    expectation = model.e_step(data, params)
    params = model.m_step(params, expectation)
    counts, beta = data.to_dense().sum(0), model.options.beta
    exact = gammaln(len(counts) * beta) - gammaln(len(counts) * beta + counts.sum())
    exact += (gammaln(beta + counts) - gammaln(beta)).sum()
    tight = 1e-13 * (counts.sum() + abs(exact))
    assert model.bound(params, expectation) == pytest.approx(exact, abs=tight)
    assert model.bound(params, model.e_step(data, params)) == pytest.approx(exact, abs=tight)


@pytest.mark.parametrize("seed", range(5))
def test_m_step_is_the_maximum_over_topics(seed):
    model, data, params = random_problem(seed, alpha=0.3, beta=0.2)
    expectation = model.e_step(data, params)
    best = model.m_step(params, expectation).topic_word_posterior
    top = model.bound(LatentDirichletParams(best), expectation)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        step = 1e-5 * best * rng.normal(size=best.shape)
        up = model.bound(LatentDirichletParams(best + step), expectation)
        down = model.bound(LatentDirichletParams(best - step), expectation)
        size = np.abs(step).max()
        assert abs(up - down) / (2 * size) < 1e-4
        far = best * np.exp(0.1 * rng.normal(size=best.shape))
        assert model.bound(LatentDirichletParams(far), expectation) < top


@pytest.mark.parametrize("seed", range(5))
def test_settled_documents_are_at_the_maximum_over_gamma(seed):
    model, data, params = random_problem(
        seed, alpha=0.4, beta=0.2, inner_tolerance=1e-11, inner_max_iter=20_000
    )
    log_topics = dirichlet.expected_log(params.topic_word_posterior)
    gamma = model.e_step(data, params).carry
    for k in range(gamma.shape[1]):
        step = np.zeros_like(gamma)
        step[:, k] = 1e-5 * gamma[:, k]
        up, _ = count_words(data, log_topics, 0.4, gamma + step)
        down, _ = count_words(data, log_topics, 0.4, gamma - step)
        np.testing.assert_allclose((up - down) / (2 * step[:, k]), 0, atol=2e-5)


# ----------------------------------------------------------------------------- properties


def test_bound_never_falls():
    runs, worst = 0, 0.0
    promising = [s for s in InnerStart if s is not InnerStart.FRESH]  # that one may fall
    for inner_start in promising:
        for seed in range(200):
            model, data, params = random_problem(
                seed,
                inner_start=inner_start,
                inner_max_iter=(1, 2, 5, 200)[seed % 4],
                inner_tolerance=(0.0, 1e-2, 1e-6)[seed % 3] if seed % 4 < 3 else 1e-3,
            )
            bounds = [
                snapshot.bound
                for snapshot in em_steps(model, data, params, RunOptions(6, 0.0))
                if snapshot.phase is not Phase.START
            ]
            assert len(bounds) == 13
            scale = data.n_tokens + np.abs(bounds[1:])
            worst = max(worst, float((-np.diff(bounds) / scale).max()))
            runs += 1
    assert runs == 200 * len(promising) == 400
    assert worst < 1e-12


def test_cold_starts_alone_would_fall():
    # This is why γ is carried: without it, some of these problems lower their bound.
    fell = 0
    for seed in range(60):
        model, data, params = random_problem(seed, alpha=0.05, beta=0.05, n_topics=5)
        bounds = []
        for _ in range(15):
            expectation = model.e_step(data, params)
            bounds.append(model.bound(params, expectation))
            params = model.m_step(params, expectation)
        fell += bool((np.diff(bounds) < -1e-6).any())
    assert fell >= 1


@pytest.mark.parametrize("inner_start", list(InnerStart))
def test_a_document_does_not_notice_its_company(inner_start):
    rng = np.random.default_rng(3)
    counts = random_counts(rng, 40, 50, 120)
    counts[5] = 0
    counts[5, 7] = 3  # a single cell
    model = make(n_topics=9, alpha=0.1, beta=0.05, inner_start=inner_start)
    whole = model.prepare(counts)
    params = model.initialize(whole, rng)
    carry = model.e_step(whole, params).carry
    params = model.m_step(params, model.e_step(whole, params))
    together = model.e_step(whole, params, latent=True, carry=carry)
    merged = None
    for chunk in (slice(0, 5), slice(5, 6), slice(6, 29), slice(29, 40)):
        part = model.e_step(whole.select(chunk), params, latent=True, carry=carry[chunk])
        assert np.array_equal(part.carry, together.carry[chunk])
        assert np.array_equal(part.latent.n_inner, together.latent.n_inner[chunk])
        merged = part if merged is None else merged + part
    np.testing.assert_allclose(
        merged.statistics.topic_word_counts,
        together.statistics.topic_word_counts,
        rtol=1e-12,
        atol=1e-12,
    )
    assert merged.log_likelihood == pytest.approx(together.log_likelihood, rel=1e-13)
    assert model.bound(params, merged) == pytest.approx(model.bound(params, together), rel=1e-13)
    assert merged.settled == together.settled


def test_blocks_and_chunks_change_nothing(monkeypatch):
    model, data, params = random_problem(4, n_topics=4)
    whole = model.e_step(data, params)
    monkeypatch.setattr(document_topics, "BLOCK_NUMBERS", 1)
    single = model.e_step(data, params)
    assert np.array_equal(whole.carry, single.carry)
    assert single.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-13)


def test_logs_and_products_agree(monkeypatch):
    model, data, params = random_problem(11, n_topics=4, alpha=0.1, beta=0.1)
    products = model.e_step(data, params)
    monkeypatch.setattr(document_topics, "LOWEST_LOG", 1.0)
    logs = model.e_step(data, params)
    np.testing.assert_allclose(logs.carry, products.carry, rtol=1e-9)


def test_smallest_priors_stay_finite():
    # exp(ψ(0.001)) is zero in floating point: an unguarded product would divide 0 by 0.
    model = make(n_topics=3, alpha=0.001, beta=0.001)
    data = model.prepare(np.eye(6, dtype=int) * 4)
    end = fit(model, data, model.initialize(data, np.random.default_rng(0)), RunOptions(20))
    assert np.isfinite(end.history).all()
    assert end.params.topic_word.sum(1) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_permuted_start_gives_permuted_result(seed):
    model, data, params = random_problem(seed, n_topics=4, alpha=0.2, beta=0.1)
    order = np.random.default_rng(seed).permutation(4)
    run = RunOptions(5, 0.0)
    plain = fit(model, data, params, run)
    other = fit(model, data, model.permuted(params, order), run)
    assert other.history == pytest.approx(plain.history, rel=1e-10)
    np.testing.assert_allclose(
        other.params.topic_word_posterior,
        plain.params.topic_word_posterior[order],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_trace_replays_each_posterior_bit_for_bit():
    model, data, params = random_problem(21, n_topics=4, alpha=0.05)
    trace = Trace(model, data)
    for snapshot in em_steps(model, data, params, RunOptions(5, 0.0)):
        trace.append(snapshot)
    for index in reversed(trace.e_indices):
        replayed = trace.posterior(index)
        assert np.array_equal(replayed.carry, trace[index].expectation.carry)
        assert replayed.log_likelihood == trace[index].log_likelihood


def test_a_paused_document_keeps_em_from_converging():
    model, data, params = random_problem(2, n_topics=3, alpha=0.1, inner_max_iter=1)
    expectation = model.e_step(data, params, latent=True)
    assert expectation.latent.paused.any()
    assert not expectation.settled
    params = fit(make(n_topics=3, alpha=0.1), data, params, RunOptions(200, 1e-9)).params
    tight = make(n_topics=3, alpha=0.1, inner_max_iter=3, inner_tolerance=0.0)
    assert fit(tight, data, params, RunOptions(5)).stop.reason is StopReason.ITERATION_LIMIT


def test_ascend_counts_turns_and_reports_the_cap():
    data = as_corpus(np.array([[5, 0], [1, 1]]))
    log_topics = np.log([[0.9, 0.1], [0.2, 0.8]])
    found = ascend(data, log_topics, 0.1, np.ones((2, 2)), 1e-12, 3)
    assert found.n_inner.tolist() == [3, 3]
    assert found.paused.tolist() == [True, True]
    found = ascend(data, log_topics, 0.1, np.ones((2, 2)), 1e-12, 5000)
    assert not found.paused.any()
    assert found.gamma.sum(1) == pytest.approx([5.2, 2.2])  # α per topic, and one per token


# --------------------------------------------------------------------------------- starts


@pytest.mark.parametrize("start", [s for s in LatentDirichletStart if s.value != "given"])
def test_starts_are_reproducible_and_positive(start):
    model = make(n_topics=5, start=start)
    data = model.prepare(random_counts(np.random.default_rng(0), 3))  # more topics than documents
    first, again = (model.initialize(data, np.random.default_rng(8)) for _ in range(2))
    assert np.array_equal(first.topic_word_posterior, again.topic_word_posterior)
    assert first.topic_word_posterior.shape == (5, 15)
    alike = model.symmetry(first) is not None
    assert alike == (start is LatentDirichletStart.UNIFORM)


def test_uniform_start_stalls_and_a_nudge_frees_it():
    rng = np.random.default_rng(1)
    model = make(n_topics=3, start="uniform")
    data = model.prepare(random_counts(rng, 30))
    stuck = fit(model, data, model.initialize(data, rng))
    assert stuck.stop.reason is StopReason.STALLED
    assert "All topics are equal" in stuck.stop.message
    free = fit(model, data, model.nudge(stuck.params, rng, 0.1))
    assert free.stop.reason is StopReason.CONVERGED
    assert free.history[-1] > stuck.history[-1] + 1


def test_some_equal_topics_are_named_and_empty_ones_are_not():
    model = make(n_topics=4, beta=0.5)
    table = np.full((4, 3), 0.5)
    table[0, 0] += 7
    assert model.symmetry(LatentDirichletParams(table)) is None  # three empty topics
    table[2, 0] += 7
    assert "Topics 1 and 3 are equal" in model.symmetry(LatentDirichletParams(table))


def test_given_start_cannot_be_drawn_and_is_checked():
    model = make(n_topics=2, start="given")
    data = model.prepare(np.ones((2, 3), dtype=int))
    with pytest.raises(DataError, match="must be given"):
        model.initialize(data, np.random.default_rng(0))
    with pytest.raises(DataError, match="3 topics were given, but n_topics is 2"):
        model.from_units(LatentDirichletParams(np.ones((3, 3))), data)
    with pytest.raises(DataError, match="vocabulary"):
        model.from_units(LatentDirichletParams(np.ones((2, 4))), data)
    params = LatentDirichletParams(np.ones((2, 3)))
    assert model.to_units(model.from_units(params, data), data) is params


# ------------------------------------------------------------------ using what was found


def test_short_documents_about_three_topics():
    rng = np.random.RandomState(42)
    documents = []
    for _ in range(100):
        length, theta = rng.randint(10, 30), rng.dirichlet([0.2] * 3)
        documents.append([5 * k + rng.randint(5) for k in rng.choice(3, size=length, p=theta)])
    vocabulary = [word for topic in TRUE_TOPICS for word in topic] + UNUSED
    truth = np.zeros((3, len(vocabulary)))
    for k in range(3):
        truth[k, 5 * k : 5 * k + 5] = 0.2
    for start, enough in ((LatentDirichletStart.RANDOM, 7), (LatentDirichletStart.DOCUMENTS, 7)):
        model = make(n_topics=3, alpha=0.1, beta=0.01, start=start)
        data = model.prepare(documents, vocab_size=len(vocabulary))
        recovered = 0
        for seed in range(10):
            end = fit(model, data, model.initialize(data, np.random.default_rng(seed)))
            assert end.stop.reason is StopReason.CONVERGED
            params = model.permuted(end.params, align_topics(end.params.topic_word, truth))
            assert params.topic_word[:, 15:].sum() < 0.01  # words nobody used
            found = top_words(params.topic_word, vocabulary, 5)
            recovered += all(set(a) == set(b) for a, b in zip(found, TRUE_TOPICS, strict=True))
        assert recovered >= enough


def test_transform_and_perplexity_of_new_documents():
    rng = np.random.default_rng(5)
    topics = np.kron(np.eye(3), np.ones(4)) * 1000 + 0.01
    model = make(n_topics=3, alpha=0.2)
    params = LatentDirichletParams(topics)
    drawn = model.sample(params, 40, rng, document_length=80)
    proportions = model.transform(params, drawn.corpus)
    assert proportions.sum(1) == pytest.approx(1.0)
    assert np.abs(proportions - drawn.doc_topic).mean() < 0.03
    # Four equally likely words when the topic is known, twelve when nothing is; being a bound,
    # it says a little more where the topic of each word stays open.
    good = model.perplexity(params, drawn.corpus)
    flat = model.perplexity(LatentDirichletParams(np.ones((3, 12)) * 1000), drawn.corpus)
    assert 4 < good < 9
    assert 12 < flat < 13.5
    one = make(n_topics=1).perplexity(LatentDirichletParams(np.full((1, 12), 1e9)), drawn.corpus)
    assert one == pytest.approx(12, rel=1e-6)


def test_word_topics_are_the_responsibilities_of_one_document():
    model, data, params = random_problem(6, n_topics=3)
    expectation = model.e_step(data, params, latent=True)
    counts = np.zeros_like(params.topic_word_posterior)
    for d in range(data.n_documents):
        phi = word_topics(params, expectation.latent, data, d)
        words, times = data.document(d)
        assert phi.shape == (len(words), 3)
        assert phi.sum(1) == pytest.approx(1.0)
        counts[:, words] += (times[:, None] * phi).T
    np.testing.assert_allclose(counts, expectation.statistics.topic_word_counts, atol=1e-12)
    np.testing.assert_allclose(expectation.latent.doc_topic.sum(1), 1.0)


def test_sample_follows_the_model():
    rng = np.random.default_rng(0)
    model = make(n_topics=2, alpha=1.0)
    params = LatentDirichletParams(np.array([[8e5, 2e5, 1.0], [1.0, 3e5, 7e5]]))
    drawn = model.sample(params, 4000, rng, document_length=30)
    assert drawn.corpus.n_tokens / 4000 == pytest.approx(30, rel=0.02)
    expected = (drawn.doc_topic @ params.topic_word).mean(0)
    found = drawn.corpus.to_dense().sum(0) / drawn.corpus.n_tokens
    np.testing.assert_allclose(found, expected, atol=0.01)
    with pytest.raises(DataError, match="at least one document"):
        model.sample(params, 0, rng)


def test_top_words_and_alignment():
    table = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4]])
    assert top_words(table, ["a", "b", "c"], 2) == (("b", "c"), ("a", "c"))
    assert top_words(table, ["a", "b", "c"], 9)[0] == ("b", "c", "a")
    with pytest.raises(DataError, match="vocabulary 2"):
        top_words(table, ["a", "b"])
    assert align_topics(table[::-1], table).tolist() == [1, 0]


def test_bad_params_options_and_carry_are_refused():
    data = as_corpus(np.ones((2, 3), dtype=int))
    params = LatentDirichletParams(np.ones((2, 3)))
    for bad in (np.zeros((2, 3)), np.full((2, 3), np.nan), -np.ones((2, 3))):
        with pytest.raises(DataError, match="positive"):
            LatentDirichletParams(bad)
    with pytest.raises(DataError, match="row per topic"):
        LatentDirichletParams(np.ones(3))
    with pytest.raises(DataError, match="carried"):
        make(n_topics=2).e_step(data, params, carry=np.ones((3, 2)))
    with pytest.raises(DataError, match="The topics know 3 words"):
        make(n_topics=2).e_step(as_corpus(np.ones((2, 4), dtype=int)), params)
    with pytest.raises(DataError, match="alpha must be at least"):
        make(alpha=0.0)
    with pytest.raises(ValueError, match="read-only"):
        params.topic_word_posterior[0, 0] = 2


def test_dirichlet_expectations():
    rng = np.random.default_rng(0)
    concentration = rng.gamma(2.0, size=(4, 5)) + 0.1
    log_mean = dirichlet.expected_log(concentration)
    gain = dirichlet.gain_over_symmetric(0.7, concentration, log_mean)
    for row, mean_log, value in zip(concentration, log_mean, gain, strict=True):
        normalizer = gammaln(5 * 0.7) - 5 * gammaln(0.7)
        expected = normalizer + (0.7 - 1) * mean_log.sum() + stats.dirichlet(row).entropy()
        assert value == pytest.approx(expected, rel=1e-12)
        draws = rng.dirichlet(row, size=20_000)
        np.testing.assert_allclose(np.log(draws).mean(0), mean_log, atol=0.5)
    assert dirichlet.gain_over_symmetric(0.7, np.full((1, 5), 0.7), log_mean[:1]) == pytest.approx(
        0.0, abs=1e-12
    )
    np.testing.assert_allclose(dirichlet.mean(concentration).sum(1), 1.0)
