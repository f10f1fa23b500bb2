"""The values of a topic model: options, topics, statistics, posterior; and how to read them.

Source: Blei, Ng & Jordan (2003), "Latent Dirichlet Allocation", §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints, freeze
from em_explorer.em.errors import DataError
from em_explorer.em.options import check_options, option
from em_explorer.models import dirichlet
from em_explorer.models.alignment import align_parts
from em_explorer.models.corpus import Corpus
from em_explorer.models.document_topics import word_shares


class LatentDirichletStart(Enum):
    """Where the topics come from at iteration 0."""

    RANDOM = "random"
    DOCUMENTS = "random documents"
    UNIFORM = "uniform"
    GIVEN = "given"


class InnerStart(Enum):
    """Where a document's γ starts in each E-step.

    BEST starts at γ = 1 and, where that ends below the bound at the γ of the E-step before,
    continues from there. CARRIED always continues from the E-step before. With either the bound
    never falls. FRESH forgets where the documents stood, as scikit-learn does: it may fall.
    """

    BEST = "best"
    FRESH = "fresh"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class LatentDirichletOptions:
    """Choices a person makes before fitting topics.

    Attributes
    ----------
    n_topics : int
        K.
    alpha : float
        Dirichlet prior of a document's topic proportions; small means few topics a document.
    beta : float
        Dirichlet prior of a topic's word probabilities; small means few words a topic.
    start : LatentDirichletStart
    inner_start : InnerStart
    inner_max_iter : int
        Turns at most within one document; one cut off is *paused*.
    inner_tolerance : float, tokens
        A document has settled when the mean over topics of |Δγ| is below this.
    """

    n_topics: int = option(
        5, "Topics", help="How many topics to look for.", low=1, high=200, step=1
    )
    alpha: float = option(
        0.1,
        "Documents α",
        help="Small values let a document have few topics, large ones blend all of them.",
        low=0.001,
        high=100.0,
    )
    beta: float = option(
        0.01,
        "Topics β",
        help="Small values let a topic have few words, large ones smooth over the vocabulary.",
        low=0.001,
        high=100.0,
    )
    start: LatentDirichletStart = option(
        LatentDirichletStart.RANDOM,
        "Start",
        help="Topics drawn at random, copied from random documents, or all alike: from there "
        "EM cannot tell them apart.",
        group="Start",
    )
    inner_start: InnerStart = option(
        InnerStart.BEST,
        "Documents start",
        help="Fresh: each E-step forgets where the documents stood; the bound may then fall. "
        "Carried: it goes on from there. Best: fresh, unless that would lower the bound.",
        advanced=True,
    )
    inner_max_iter: int = option(
        1000,
        "Turns per document",
        help="Within an E-step a document stops after this many turns; it is then paused.",
        low=1,
        high=1_000_000,
        step=100,
        advanced=True,
    )
    inner_tolerance: float = option(
        1e-4,
        "Document tolerance",
        help="A document has settled when its topic counts change by less than this on average. "
        "0 always takes all turns.",
        low=0.0,
        high=1.0,
        suffix=" words",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LatentDirichletParams:
    """The topics: q(β_k) = Dirichlet(λ_k).

    Attributes
    ----------
    topic_word_posterior : (K, V) float, positive
        λ, in tokens: the prior plus the expected count of each word in each topic.
    """

    topic_word_posterior: Floats

    def __post_init__(self) -> None:
        values = np.array(self.topic_word_posterior, dtype=float)
        if values.ndim != 2 or not values.size:
            raise DataError(
                "topic_word_posterior must have a row per topic and a column per word; its shape "
                f"is {values.shape}."
            )
        if not np.all(np.isfinite(values) & (values > 0)):
            raise DataError("topic_word_posterior must hold positive, finite numbers only.")
        object.__setattr__(self, "topic_word_posterior", values)
        freeze(self)

    @property
    def topic_word(self) -> Floats:
        """Expected word probabilities of each topic, (K, V); rows sum to one."""
        return dirichlet.mean(self.topic_word_posterior)


@dataclass(frozen=True)
class LatentDirichletStatistics:
    """Expected word counts; mergeable with ``+`` over documents.

    Attributes
    ----------
    topic_word_counts : (K, V) float, tokens
        ``T_kv = Σ_d n_dv φ_dvk``.
    """

    topic_word_counts: Floats

    def __post_init__(self) -> None:
        freeze(self)

    def __add__(self, other: LatentDirichletStatistics) -> LatentDirichletStatistics:
        return LatentDirichletStatistics(self.topic_word_counts + other.topic_word_counts)


@dataclass(frozen=True)
class LatentDirichletPosterior:
    """What an E-step found out about each document.

    Attributes
    ----------
    gamma : (D, K) float, tokens
        q(θ_d) = Dirichlet(γ_d).
    doc_topic : (D, K) float
        Expected topic proportions; rows sum to one.
    n_inner : (D,) int
        Turns taken within this E-step.
    paused : (D,) bool
        True where the cap cut a document off before it had settled.
    """

    gamma: Floats
    doc_topic: Floats
    n_inner: Ints
    paused: Bools

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class LatentDirichletSample:
    """Documents drawn from the model, with what was behind them.

    Attributes
    ----------
    corpus : Corpus
    topic_word : (K, V) float
        The topics they were written with.
    doc_topic : (D, K) float
        Their topic proportions.
    """

    corpus: Corpus
    topic_word: Floats
    doc_topic: Floats

    def __post_init__(self) -> None:
        freeze(self)


def word_topics(
    params: LatentDirichletParams,
    posterior: LatentDirichletPosterior,
    corpus: Corpus,
    document: int,
) -> Floats:
    """Return φ: for each distinct word of one document, the probability of each topic.

    Returns
    -------
    (n_distinct, K) float
        In the order of ``corpus.document(document)``; rows sum to one.
    """
    log_doc = dirichlet.expected_log(posterior.gamma[[document]])
    log_topic = dirichlet.expected_log(params.topic_word_posterior)
    phi, _ = word_shares(corpus.select([document]), log_topic, log_doc)
    return np.ascontiguousarray(phi.T)


def top_words(
    topic_word: Floats, vocabulary: Sequence[str], n: int = 10
) -> tuple[tuple[str, ...], ...]:
    """Return the ``n`` likeliest words of each topic, likeliest first; ties in word order."""
    table = np.asarray(topic_word, dtype=float)
    if len(vocabulary) != table.shape[1]:
        raise DataError(
            f"The topics have {table.shape[1]} words and the vocabulary {len(vocabulary)}; "
            "give the vocabulary the topics were fitted with."
        )
    order = np.argsort(-table, axis=1, kind="stable")[:, :n]
    return tuple(tuple(vocabulary[v] for v in row) for row in order)


def align_topics(found: Floats, truth: Floats) -> Ints:
    """Return the order of the found topics in which they are closest to the true ones.

    The distance of two topics is half the sum of |differences| of their word probabilities.

    Parameters
    ----------
    found : (K, V) float
    truth : (M, V) float
    """
    return align_parts(0.5 * np.abs(truth[:, None, :] - found[None, :, :]).sum(-1))
