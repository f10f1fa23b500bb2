"""The E-step of a topic model: what is each document about, and where is each word from.

With the topics' ``E[log β]`` given, documents do not know of one another. Each goes up its own
bound by turns: words choose topics (φ) as the document's proportions and the topics say, and the
proportions (γ) count what the words chose. Documents of about one length take their turns side
by side in a padded block; one that has settled leaves it. The padding follows from a document's
own length alone, so that nothing about its numbers depends on its company.

Source: Blei, Ng & Jordan (2003), "Latent Dirichlet Allocation", §5.2 and figure 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.models.corpus import Corpus
from em_explorer.models.dirichlet import expected_log, gain_over_symmetric

BLOCK_NUMBERS = 2**18
"""Numbers (documents × topics × words) that settle side by side: what a cache holds."""

LOWEST_LOG = -300.0
"""Topics with a smaller E[log β], relative to a word's largest, are handled in logs: all the
products ``exp(E[log θ]) exp(E[log β])`` of a word could underflow to zero."""


@dataclass(frozen=True)
class DocumentTopics:
    """Where coordinate ascent ended, for D documents.

    Attributes
    ----------
    gamma : (D, K) float
        Dirichlet parameters of each document's topic proportions.
    n_inner : (D,) int
        Turns taken.
    paused : (D,) bool
        True where the cap cut a document off before it had settled.
    """

    gamma: Floats
    n_inner: Ints
    paused: Bools


def ascend(
    corpus: Corpus,
    log_topic_word: Floats,
    alpha: float,
    gamma: Floats,
    tolerance: float,
    max_iter: int,
) -> DocumentTopics:
    """Go up every document's bound from ``gamma`` until it settles.

    One turn is ``φ ∝ exp(E[log θ] + E[log β])``, then ``γ_k = α + Σ_w n_w φ_wk``.

    Parameters
    ----------
    corpus : Corpus
    log_topic_word : (K, V) float, nats
        E[log β].
    alpha : float
        Dirichlet prior of the topic proportions.
    gamma : (D, K) float
        Where to start.
    tolerance : float
        A document has settled when the mean over topics of |Δγ| is below this (in tokens).
        With 0 every document takes exactly ``max_iter`` turns.
    max_iter : int
        Turns at most.
    """
    # What is common to all topics of a word cancels in φ: scale its largest factor to 1. A
    # document's largest factor is 1 too, so a word's sum is at least its smallest topic factor.
    scaled = log_topic_word - log_topic_word.max(0)
    safe = float(scaled.min()) > LOWEST_LOG
    factors = np.exp(scaled) if safe else scaled

    gamma = gamma.copy()
    n_inner = np.zeros(corpus.n_documents, dtype=np.int64)
    paused = np.ones(corpus.n_documents, dtype=bool)
    for documents, words, counts in corpus.blocks(max(BLOCK_NUMBERS // len(scaled), 1)):
        topics = np.ascontiguousarray(factors[:, words].swapaxes(0, 1))  # (A, K, M)
        shared = _share_words if safe else _share_words_in_logs
        present = documents
        for _ in range(max_iter):
            before = gamma[present]
            after = alpha + shared(topics, counts, expected_log(before))
            gamma[present] = after
            n_inner[present] += 1
            moving = ~(np.abs(after - before).mean(1) < tolerance)
            if not moving.all():
                paused[present[~moving]] = False
                present, topics, counts = present[moving], topics[moving], counts[moving]
                if not len(present):
                    break
    return DocumentTopics(gamma, n_inner, paused)


def _share_words(topics: Floats, counts: Floats, log_doc: Floats) -> Floats:
    """Divide the words of A documents among the topics: ``Σ_w n_w φ_wk``, (A, K).

    Parameters
    ----------
    topics : (A, K, M) float
        ``exp E[log β]`` of each document's M distinct words, up to a factor per word.
    counts : (A, M) float
    log_doc : (A, K) float
        E[log θ].
    """
    doc = np.exp(log_doc - log_doc.max(1, keepdims=True))
    normalizer = doc[:, None, :] @ topics
    ratio = counts[:, None, :] / normalizer
    return np.asarray(doc * (topics @ ratio.swapaxes(1, 2))[:, :, 0])


def _share_words_in_logs(log_topics: Floats, counts: Floats, log_doc: Floats) -> Floats:
    """Do as :func:`_share_words` where the products would underflow; slower."""
    scores = log_topics + log_doc[:, :, None]
    weight = np.exp(scores - scores.max(1, keepdims=True))
    ratio = counts[:, None, :] / weight.sum(1, keepdims=True)
    return np.asarray((weight * ratio).sum(2))


def word_shares(
    corpus: Corpus, log_topic_word: Floats, log_doc_topic: Floats
) -> tuple[Floats, Floats]:
    """Return φ of every cell and the log of its normalizer.

    Returns
    -------
    phi : (K, C) float
        Columns sum to one.
    log_norm : (C,) float, nats
        ``log Σ_k exp(E[log θ_dk] + E[log β_kw])``.
    """
    scores = log_doc_topic.T[:, corpus.owners] + log_topic_word[:, corpus.words]
    top = scores.max(0)
    log_norm = top + np.log(reduce(np.add, np.exp(scores - top)))
    return np.exp(scores - log_norm), log_norm


def count_words(
    corpus: Corpus, log_topic_word: Floats, alpha: float, gamma: Floats
) -> tuple[Floats, Floats]:
    """Return each document's bound at ``gamma``, and the words each topic gets there.

    With φ the best for that γ:
    ``L_d = Σ_w n_w log Σ_k exp(E[log θ_dk] + E[log β_kw]) + E[log p(θ_d)] − E[log q(θ_d)]``.

    Returns
    -------
    bounds : (D,) float, nats
    counts : (K, V) float, tokens
        ``T_kv = Σ_d n_dv φ_dvk``.
    """
    log_doc = expected_log(gamma)
    bounds = gain_over_symmetric(alpha, gamma, log_doc)
    counts = np.zeros_like(log_topic_word)
    for chunk in corpus.chunks(max(BLOCK_NUMBERS // len(log_topic_word), 1)):
        part = corpus.select(chunk)
        phi, log_norm = word_shares(part, log_topic_word, log_doc[chunk])
        bounds[chunk] += np.add.reduceat(part.counts * log_norm, part.starts[:-1])
        for k, shares in enumerate(phi * part.counts):
            counts[k] += np.bincount(part.words, shares, minlength=corpus.n_words)
    return bounds, counts
