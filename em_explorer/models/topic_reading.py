"""Reading a fitted topic model: telling words, a document's words by topic, what was recovered.

Nothing here is part of EM; it is what people want to know of the topics EM has found.
"""

from __future__ import annotations

import numpy as np
from scipy.special import psi

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.em.errors import DataError
from em_explorer.models import dirichlet
from em_explorer.models.corpus import Corpus
from em_explorer.models.document_topics import word_shares
from em_explorer.models.latent_dirichlet_params import LatentDirichletParams, align_topics

RECOVERED = 0.9
"""A true topic counts as recovered from this cosine on."""


def distinctive_words(corpus: Corpus, n: int) -> Ints:
    """Return the ``n`` words that say most about which document one is in.

    Word v gets ``Σ_d n_dv log(n_dv N / (n_d n_v))`` nats: its part of the mutual information
    between words and documents. A word that is everywhere in equal measure gets nothing.

    Returns
    -------
    (min(n, V),) int
        The most telling first.
    """
    n_words = corpus.n_words
    words = np.bincount(corpus.words, corpus.counts, minlength=n_words)
    lengths = np.add.reduceat(corpus.counts, corpus.starts[:-1])
    expected = words[corpus.words] * lengths[corpus.owners] / corpus.n_tokens
    gain = corpus.counts * np.log(corpus.counts / expected)
    score = np.bincount(corpus.words, gain, minlength=n_words)
    return np.argsort(-score, kind="stable")[:n].astype(np.int64)


def word_shares_of(corpus: Corpus) -> Floats:
    """Return p(w): each word's share of all tokens, (V,)."""
    counts = np.bincount(corpus.words, corpus.counts, minlength=corpus.n_words)
    return np.asarray(counts / max(float(counts.sum()), 1.0))


def relevance(topic_word: Floats, word_shares: Floats, weight: float) -> Floats:
    """Return ``λ log p(w | t) + (1 − λ) log [p(w | t) / p(w)]``, (K, V) nats.

    At λ = 1 words are ranked by how probable they are in a topic, at λ = 0 by how much more
    probable there than elsewhere. Words that never occur are −inf.

    Parameters
    ----------
    topic_word : (K, V) float
    word_shares : (V,) float
        p(w), of :func:`word_shares_of`.
    weight : float
        λ, from 0 to 1.

    Source: Sievert & Shirley (2014), "LDAvis: a method for visualizing and interpreting topics".
    """
    with np.errstate(divide="ignore"):
        inside, overall = np.log(topic_word), np.log(word_shares)
    found = inside - (1.0 - weight) * np.where(word_shares > 0, overall, 0.0)
    found[:, word_shares <= 0] = -np.inf
    return np.asarray(found)


def chained_words(corpus: Corpus, words: Ints) -> Ints:
    """Order words so that neighbors share documents: from each word on to the nearest left.

    Nearness is the cosine of the square roots of the words' counts over documents.
    """
    place = np.full(corpus.n_words, -1)
    place[words] = np.arange(len(words))
    at = place[corpus.words]
    chosen = at >= 0
    table = np.zeros((len(words), corpus.n_documents))
    table[at[chosen], corpus.owners[chosen]] = np.sqrt(corpus.counts[chosen])
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    nearness = table @ table.T
    np.fill_diagonal(nearness, -1.0)
    chain = [0] if len(words) else []
    left = np.ones(len(words), dtype=bool)
    for _ in range(len(words) - 1):
        left[chain[-1]] = False
        chain.append(int(np.where(left, nearness[chain[-1]], -2.0).argmax()))
    return np.asarray(words)[chain]


def document_word_topics(
    params: LatentDirichletParams, gamma: Floats, corpus: Corpus, document: int
) -> Floats:
    """Return φ: for each distinct word of one document, the probability of each topic.

    Parameters
    ----------
    params : LatentDirichletParams
    gamma : (D, K) float, tokens
        What the E-step at ``params`` found.
    corpus : Corpus
    document : int

    Returns
    -------
    (n_distinct, K) float
        In the order of ``corpus.document(document)``; rows sum to one.
    """
    log_doc = dirichlet.expected_log(gamma[[document]])
    # Of the vocabulary only this document's words matter: digamma is what takes the time.
    posterior = params.topic_word_posterior
    words = corpus.document(document)[0]
    log_topic = np.zeros_like(posterior)
    log_topic[:, words] = psi(posterior[:, words])
    log_topic[:, words] -= psi(posterior.sum(axis=1))[:, None]
    phi, _ = word_shares(corpus.select([document]), log_topic, log_doc)
    return np.ascontiguousarray(phi.T)


def recovered_topics(found: Floats, truth: Floats) -> tuple[Ints, Floats]:
    """Match found topics to true ones and say how well each true topic was found.

    Parameters
    ----------
    found : (K, V) float
    truth : (M, V) float

    Returns
    -------
    partner : (M,) int
        The found topic that stands for each true one, −1 where there are too few.
    cosine : (M,) float
        The cosine between the two, 0 without a partner; from :data:`RECOVERED` on the true
        topic counts as recovered.
    """
    order = align_topics(found, truth)
    partner = np.full(len(truth), -1, dtype=np.int64)
    if len(found) >= len(truth):
        partner[:] = order[: len(truth)]
    else:
        # With fewer topics than truths, see it from the other side: each found topic's truth.
        back = align_topics(truth, found)[: len(found)]
        partner[back] = np.arange(len(found))
    table = cosines(found, truth)
    cosine = np.where(partner >= 0, table[partner, np.arange(len(truth))], 0.0)
    return partner, cosine


def cosines(found: Floats, truth: Floats) -> Floats:
    """Return the cosine between every found and every true topic, (K, M)."""
    left = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)
    right = truth / np.maximum(np.linalg.norm(truth, axis=1, keepdims=True), 1e-300)
    return np.asarray(left @ right.T)


def held_out(n_documents: int, every: int = 10) -> Bools:
    """Return which documents to hold out: every tenth.

    Raises
    ------
    DataError
        When there are too few documents for that.
    """
    if n_documents < every:
        raise DataError(
            f"Holding out every tenth document needs at least {every} documents; "
            f"there are {n_documents}."
        )
    return np.asarray(np.arange(n_documents) % every == every - 1)
