"""Latent Dirichlet allocation by variational Bayes.

Topic k has word probabilities β_k ~ Dirichlet(beta), document d has topic proportions
θ_d ~ Dirichlet(alpha); each word of d first draws a topic from θ_d, then itself from that topic.
The posterior is approximated by q(β_k) = Dirichlet(λ_k), q(θ_d) = Dirichlet(γ_d) and, per word,
topic probabilities φ. The E-step finds γ and φ given λ (:mod:`.document_topics`), the M-step λ
from the expected word counts; the objective, a lower bound of log p(words), never falls.

Source: Blei, Ng & Jordan (2003), "Latent Dirichlet Allocation", §5; with a prior on the topics
as in Hoffman, Blei & Bach (2010), "Online Learning for Latent Dirichlet Allocation", §2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.errors import DataError
from em_explorer.em.model import Expectation
from em_explorer.models import dirichlet
from em_explorer.models.backend import Backend
from em_explorer.models.corpus import Corpus, as_corpus
from em_explorer.models.document_topics import DocumentTopics, ascend, count_words
from em_explorer.models.latent_dirichlet_params import (
    InnerStart,
    LatentDirichletOptions,
    LatentDirichletParams,
    LatentDirichletPosterior,
    LatentDirichletSample,
    LatentDirichletStart,
    LatentDirichletStatistics,
    align_topics,
    top_words,
    word_topics,
)
from em_explorer.models.locking import Locks, listed, masks, put_back, tell_apart

__all__ = [
    "Corpus",
    "InnerStart",
    "LatentDirichlet",
    "LatentDirichletOptions",
    "LatentDirichletParams",
    "LatentDirichletPosterior",
    "LatentDirichletSample",
    "LatentDirichletStart",
    "LatentDirichletStatistics",
    "align_topics",
    "top_words",
    "word_topics",
]

SAME = 1e-9
"""Topics whose parameters differ by less than this (relative) are equal."""


LatentDirichletExpectation = Expectation[LatentDirichletStatistics]


@dataclass(frozen=True)
class LatentDirichlet:
    """Latent Dirichlet allocation as EM sees it (see :class:`~em_explorer.em.model.EMModel`)."""

    options: LatentDirichletOptions = field(default_factory=LatentDirichletOptions)
    backend: Backend = Backend.REFERENCE
    locks: Locks = frozenset()

    exact_posterior = False  # q is the best of a family; log p(words | topics) is out of reach

    def prepare(self, raw: Any, vocab_size: int | None = None) -> Corpus:
        """Check raw documents; see :func:`~em_explorer.models.corpus.as_corpus`."""
        return as_corpus(raw, vocab_size)

    def n_observations(self, data: Corpus) -> int:
        """Count the tokens."""
        return data.n_tokens

    def initialize(self, data: Corpus, rng: np.random.Generator) -> LatentDirichletParams:
        """Draw initial topics as ``options.start`` says.

        Raises
        ------
        DataError
            With the start GIVEN: nothing can be drawn.
        """
        n_topics, n_words = self.options.n_topics, data.n_words
        start = self.options.start
        if start is LatentDirichletStart.GIVEN:
            raise DataError("The start is 'given', so the topics must be given as parameters.")
        # One count per word keeps every topic open to every word.
        posterior = np.ones((n_topics, n_words))
        if start is LatentDirichletStart.RANDOM:
            posterior = rng.gamma(100.0, 0.01, size=(n_topics, n_words))
        elif start is LatentDirichletStart.DOCUMENTS:
            # Each topic begins as a blurred document; the noise parts topics that share one.
            repeats = -(-n_topics // data.n_documents)
            pool = np.concatenate([rng.permutation(data.n_documents) for _ in range(repeats)])
            seeds = data.select(pool[:n_topics])
            posterior = seeds.to_dense() + rng.gamma(100.0, 0.01, size=posterior.shape)
        return LatentDirichletParams(posterior)

    def e_step(
        self,
        data: Corpus,
        params: LatentDirichletParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> LatentDirichletExpectation:
        """Find γ and φ of every document, and count the words each topic is expected to hold.

        Parameters
        ----------
        data : Corpus
        params : LatentDirichletParams
        latent : bool
            True also returns a :class:`LatentDirichletPosterior`.
        carry : (D, K) float, optional
            γ of the E-step before. Without it every document starts at γ = 1.

        Returns
        -------
        Expectation
            ``log_likelihood`` is ``Σ_d L_d``, the bound on log p(words | topics) averaged over
            q(topics); with :meth:`log_prior` it makes up the whole bound. ``carry`` is γ.
        """
        _check_vocabulary(data, params)
        carry = _checked_carry(carry, data.n_documents, len(params.topic_word_posterior))
        if self.backend is Backend.NUMBA:
            from em_explorer.models.kernels import latent_dirichlet as kernel

            found_fast = kernel.e_step(self, data, params, latent, carry)
            if found_fast is not None:
                return found_fast
        log_topic_word = dirichlet.expected_log(params.topic_word_posterior)
        found = self._infer(data, log_topic_word, carry)
        bounds, counts = count_words(data, log_topic_word, self.options.alpha, found.gamma)
        total = float(bounds.sum())
        gamma = found.gamma
        gamma.flags.writeable = False
        posterior = None
        if latent:
            posterior = LatentDirichletPosterior(
                gamma, dirichlet.mean(gamma), found.n_inner, found.paused
            )
        return Expectation(
            LatentDirichletStatistics(counts),
            entropy=total - float((counts * log_topic_word).sum()),
            log_likelihood=total,
            latent=posterior,
            carry=gamma,
            settled=not found.paused.any(),
        )

    def _infer(
        self, documents: Corpus, log_topic_word: Floats, carry: Floats | None
    ) -> DocumentTopics:
        """Settle all documents from the start that ``options.inner_start`` names."""
        options = self.options

        def settle(chosen: Corpus, gamma: Floats) -> DocumentTopics:
            return ascend(
                chosen,
                log_topic_word,
                options.alpha,
                gamma,
                options.inner_tolerance,
                options.inner_max_iter,
            )

        if carry is not None and options.inner_start is InnerStart.CARRIED:
            return settle(documents, carry)
        found = settle(documents, np.ones((documents.n_documents, len(log_topic_word))))
        if carry is None or options.inner_start is InnerStart.FRESH:
            return found
        # A fresh start may end on a lower hill than the one the document stood on. Going on from
        # there instead is what keeps the bound from ever falling.
        fresh, _ = count_words(documents, log_topic_word, options.alpha, found.gamma)
        before, _ = count_words(documents, log_topic_word, options.alpha, carry)
        worse = np.flatnonzero(fresh < before)
        if worse.size:
            again = settle(documents.select(worse), carry[worse])
            found.gamma[worse] = again.gamma
            found.n_inner[worse] += again.n_inner
            found.paused[worse] = again.paused
        return found

    def m_step(
        self, params: LatentDirichletParams, expectation: LatentDirichletExpectation
    ) -> LatentDirichletParams:
        """Return ``λ = β + T``: the prior plus the expected word counts.

        The bound is a sum over topics, so those that are locked change nothing for the others.
        """
        found = self.options.beta + expectation.statistics.topic_word_counts
        return self.hold(LatentDirichletParams(found), params)

    def lockable(self, params: LatentDirichletParams) -> tuple[Lock, ...]:
        """Return every lock there is for these parameters: "topics" (k,)."""
        return listed({"topics": (len(params.topic_word_posterior),)})

    def hold(
        self, params: LatentDirichletParams, like: LatentDirichletParams
    ) -> LatentDirichletParams:
        """Return ``params`` with the topics that are locked as they are in ``like``."""
        if not self.locks:
            return params
        locked = masks(self.locks, {"topics": (len(like.topic_word_posterior),)})["topics"]
        return LatentDirichletParams(
            put_back(params.topic_word_posterior, like.topic_word_posterior, locked)
        )

    def bound(
        self, params: LatentDirichletParams, expectation: LatentDirichletExpectation
    ) -> float:
        """Return the whole bound: words and proportions, topics, their prior and entropy; nats.

        ``entropy + Σ T ∘ E[log β] + Σ_k (E[log p(β_k)] − E[log q(β_k)])``
        """
        log_topic_word = dirichlet.expected_log(params.topic_word_posterior)
        words = float((expectation.statistics.topic_word_counts * log_topic_word).sum())
        return expectation.entropy + words + self.log_prior(params)

    def log_prior(self, params: LatentDirichletParams) -> float:
        """Return ``Σ_k (E[log p(β_k)] − E[log q(β_k)])``, the topics' part of the bound, in nats.

        It is −KL(q(β) ‖ p(β)): what the topics cost for leaving their prior.
        """
        posterior = params.topic_word_posterior
        log_mean = dirichlet.expected_log(posterior)
        return float(dirichlet.gain_over_symmetric(self.options.beta, posterior, log_mean).sum())

    def rounding(self, params: LatentDirichletParams) -> float:
        """Return the relative fall of the bound that rounding can explain."""
        return 1e-12

    def symmetry(self, params: LatentDirichletParams) -> str | None:
        """Say which topics are equal, so that EM can never part them, or None.

        Topics that hold no words are equal too, but at rest: nothing wants to part them.
        """
        posterior = params.topic_word_posterior
        held = np.abs(posterior - self.options.beta).sum(1)
        for first in range(len(posterior)):
            apart = np.abs(posterior - posterior[first]).max(1)
            equal = np.flatnonzero(apart <= SAME * posterior[first].max())
            equal = np.array([k for k in equal if not tell_apart(self.locks, first, int(k))])
            if len(equal) > 1 and held[first] > 0.5:
                names = "All topics" if len(equal) == len(posterior) else _listed(equal)
                return (
                    f"{names} are equal, and EM can never part what is equal. "
                    "Nudge them, or choose another start."
                )
        return None

    def nudge(
        self, params: LatentDirichletParams, rng: np.random.Generator, size: float
    ) -> LatentDirichletParams:
        """Multiply every λ by a random factor near 1; ``size`` is the spread of its log."""
        posterior = params.topic_word_posterior
        moved = posterior * np.exp(size * rng.normal(size=posterior.shape))
        return self.hold(LatentDirichletParams(moved), params)

    def sample(
        self,
        params: LatentDirichletParams,
        n: int,
        rng: np.random.Generator,
        *,
        document_length: float = 100.0,
    ) -> LatentDirichletSample:
        """Write ``n`` documents: topics from q(β), proportions from their prior, then words.

        Parameters
        ----------
        params : LatentDirichletParams
        n : int
            Number of documents, at least 1.
        rng : numpy.random.Generator
        document_length : float, tokens
            Mean length, at least 1; lengths are one more than a Poisson draw.
        """
        if n < 1 or document_length < 1:
            raise DataError("A sample needs at least one document of at least one word.")
        topic_word = np.array([rng.dirichlet(row) for row in params.topic_word_posterior])
        doc_topic = rng.dirichlet(np.full(len(topic_word), self.options.alpha), size=n)
        lengths = 1 + rng.poisson(document_length - 1.0, size=n)
        # The topic of each word need not be kept: words are independent given θ_d.
        word_probs = doc_topic @ topic_word
        word_probs /= word_probs.sum(1, keepdims=True)
        counts = rng.multinomial(lengths, word_probs)
        return LatentDirichletSample(as_corpus(counts), topic_word, doc_topic)

    def to_units(self, params: LatentDirichletParams, data: Corpus) -> LatentDirichletParams:
        """Return the params themselves: counts have no frame to leave."""
        return params

    def from_units(self, params: LatentDirichletParams, data: Corpus) -> LatentDirichletParams:
        """Check given topics against the documents; counts have no frame to enter.

        Raises
        ------
        DataError
            When the number of topics or the vocabulary differs.
        """
        given, wanted = len(params.topic_word_posterior), self.options.n_topics
        if given != wanted:
            raise DataError(
                f"{given} topics were given, but n_topics is {wanted}; they must agree."
            )
        _check_vocabulary(data, params)
        return params

    def permuted(self, params: LatentDirichletParams, order: Any) -> LatentDirichletParams:
        """Renumber the topics: new topic ``i`` is old topic ``order[i]``."""
        return LatentDirichletParams(params.topic_word_posterior[np.asarray(order)])

    def transform(self, params: LatentDirichletParams, documents: Corpus) -> Floats:
        """Return the expected topic proportions of documents, perhaps new ones, (D, K)."""
        return dirichlet.mean(self.e_step(documents, params).carry)

    def perplexity(self, params: LatentDirichletParams, documents: Corpus) -> float:
        """Return ``exp(−Σ_d L_d / tokens)`` of documents the topics were not fitted to.

        L_d bounds log p(words of d | topics), averaged over q(topics), from below, so this is
        an upper bound. It reads: as uncertain about the next word as if it were one of so many
        equally likely ones. The cost of the topics themselves is no part of it.
        """
        return float(np.exp(-self.e_step(documents, params).log_likelihood / documents.n_tokens))


def _check_vocabulary(data: Corpus, params: LatentDirichletParams) -> None:
    n_words = params.topic_word_posterior.shape[1]
    if n_words != data.n_words:
        raise DataError(
            f"The topics know {n_words} words, but the documents have a vocabulary of "
            f"{data.n_words}; both must use the same one."
        )


def _checked_carry(carry: Any, n_documents: int, n_topics: int) -> Floats | None:
    if carry is None:
        return None
    gamma = np.asarray(carry, dtype=float)
    if gamma.shape != (n_documents, n_topics) or not np.all(np.isfinite(gamma) & (gamma > 0)):
        raise DataError(
            f"The carried γ must hold {n_documents} × {n_topics} positive numbers, a row per "
            f"document; its shape is {gamma.shape}."
        )
    return gamma


def _listed(topics: Ints) -> str:
    names = [str(k + 1) for k in topics]
    return f"Topics {', '.join(names[:-1])} and {names[-1]}"
