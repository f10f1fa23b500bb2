"""Corpora whose topics are known, drawn from the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.generate_mixture import MADE, NoOptions, seed_option
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.options import check_options, option

TOPICS = "latent_dirichlet"


def documents_option(default: int) -> int:
    """Declare how many documents to draw."""
    n: int = option(default, "Documents", low=1, high=100_000, step=50, group="Data")
    return n


def length_option(default: int) -> int:
    """Declare how many words a document has."""
    n: int = option(
        default, "Words a document", help="Each has so many.", low=1, high=10_000, step=10,
        group="Data",
    )  # fmt: skip
    return n


def alpha_option(default: float) -> float:
    """Declare the Dirichlet parameter of the topic proportions."""
    alpha: float = option(
        default,
        "Mixing α",
        help="Small: a document has few topics. Large: every document has all of them.",
        low=0.01,
        high=100.0,
        step=0.1,
        group="Data",
    )
    return alpha


@dataclass(frozen=True, slots=True)
class BarsOptions:
    """Pictures made of bars: each pixel is a word, each row and column of pixels a topic."""

    n: int = documents_option(500)
    size: int = option(
        5,
        "Size",
        help="Pixels along a side; there are twice as many bars.",
        low=2,
        high=20,
        step=1,
        group="Data",
    )
    length: int = length_option(100)
    alpha: float = alpha_option(1.0)
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class TopicsOptions:
    """Documents from topics that are themselves drawn at random."""

    n: int = documents_option(200)
    n_topics: int = option(4, "Topics", low=1, high=50, step=1, group="Data")
    n_words: int = option(40, "Vocabulary", low=2, high=5000, step=10, group="Data")
    length: int = length_option(80)
    alpha: float = alpha_option(0.2)
    beta: float = option(
        0.1,
        "Word spread β",
        help="Small: a topic has few words. Large: every topic has all of them.",
        low=0.01,
        high=100.0,
        step=0.1,
        group="Data",
    )
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


def draw_corpus(
    topic_word: Floats, n_documents: int, length: int, alpha: float, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Draw documents from topics.

    For each document θ ~ Dirichlet(α, …, α); for each of its words a topic from θ and the word
    from that topic, so that the counts are multinomial in ``θᵀ · topic_word``.

    Parameters
    ----------
    topic_word : (K, V) float
        Rows sum to one.
    n_documents, length : int
    alpha : float
    rng : numpy.random.Generator

    Returns
    -------
    (n_documents, V) int
        Counts.
    (n_documents, K) float
        The topic proportions θ.
    """
    doc_topic = rng.dirichlet(np.full(len(topic_word), alpha), n_documents)
    word_probs = doc_topic @ topic_word
    word_probs /= word_probs.sum(axis=1, keepdims=True)
    return rng.multinomial(length, word_probs), doc_topic


def _sparse(counts: Any) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix(np.asarray(counts, dtype=float))


def bar_topics(size: int) -> Floats:
    """Return the (2·size, size²) word probabilities of the bars: rows first, then columns."""
    pictures = np.zeros((2 * size, size, size))
    for i in range(size):
        pictures[i, i, :] = 1.0 / size
        pictures[size + i, :, i] = 1.0 / size
    return pictures.reshape(2 * size, size * size)


def bars(options: BarsOptions) -> Dataset:
    """Draw pictures of bars."""
    rng = np.random.default_rng(options.seed)
    size = options.size
    topic_word = bar_topics(size)
    counts, doc_topic = draw_corpus(topic_word, options.n, options.length, options.alpha, rng)
    return Dataset(
        "bars",
        "Bars",
        TOPICS,
        _sparse(counts),
        vocabulary=tuple(f"row {i + 1}, column {j + 1}" for i in range(size) for j in range(size)),
        documents=tuple(f"image {d + 1}" for d in range(options.n)),
        truth=Truth(topic_word=topic_word, doc_topic=doc_topic),
        story=f"{options.n} pictures of {size} × {size} pixels, each a few bars laid over another: "
        f"{options.length} dots fall on the bars. Topics are pictures here, so one can see at a "
        f"glance whether the {2 * size} bars are found.",
        source="After Griffiths, T. L. & Steyvers, M. (2004), PNAS 101, 5228–5235",
        image_shape=(size, size),
        options={"n_topics": 2 * size, "alpha": options.alpha},
    )


def topics(options: TopicsOptions) -> Dataset:
    """Draw topics from Dirichlet(β) and documents from them."""
    rng = np.random.default_rng(options.seed)
    # A vanishing β can round a whole row to zero; a hair of every word keeps it a distribution.
    topic_word = rng.dirichlet(np.full(options.n_words, options.beta), options.n_topics) + 1e-12
    topic_word /= topic_word.sum(axis=1, keepdims=True)
    counts, doc_topic = draw_corpus(topic_word, options.n, options.length, options.alpha, rng)
    return Dataset(
        "topics",
        "Random topics",
        TOPICS,
        _sparse(counts),
        vocabulary=tuple(f"w{v + 1}" for v in range(options.n_words)),
        documents=tuple(f"document {d + 1}" for d in range(options.n)),
        truth=Truth(topic_word=topic_word, doc_topic=doc_topic),
        story=f"{options.n} documents of {options.length} words from {options.n_topics} topics "
        "that were themselves drawn at random. The true topics are kept.",
        source=MADE,
        options={"n_topics": options.n_topics, "alpha": options.alpha, "beta": options.beta},
    )


SMALL_TOPICS = (
    ("machine", "learning", "algorithm", "model", "data"),
    ("neural", "network", "deep", "gradient", "descent"),
    ("computer", "vision", "image", "processing", "classification"),
)
NEVER_USED = (
    *("natural", "language", "statistics", "probability", "optimization", "regression"),
    *("clustering", "dimensionality", "reduction"),
)


def small_topics(options: NoOptions) -> Dataset:
    """Draw 100 short documents from three topics of five words, always the same."""
    vocabulary = (*SMALL_TOPICS[0], *SMALL_TOPICS[1], *SMALL_TOPICS[2], *NEVER_USED)
    number = {word: v for v, word in enumerate(vocabulary)}
    # The figures known for this recipe belong to numpy's legacy stream.
    rng = np.random.RandomState(42)
    counts, doc_topic = np.zeros((100, len(vocabulary))), np.zeros((100, 3))
    for d in range(100):
        n_words = rng.randint(10, 30)
        doc_topic[d] = rng.dirichlet([0.2] * 3)
        for _ in range(n_words):
            topic = rng.choice(3, p=doc_topic[d])
            counts[d, number[str(rng.choice(SMALL_TOPICS[topic]))]] += 1
    topic_word = np.zeros((3, len(vocabulary)))
    for k, words in enumerate(SMALL_TOPICS):
        topic_word[k, [number[word] for word in words]] = 1.0 / len(words)
    return Dataset(
        "small-topics",
        "Three small topics",
        TOPICS,
        _sparse(counts),
        vocabulary=vocabulary,
        documents=tuple(f"document {d + 1}" for d in range(100)),
        truth=Truth(topic_word=topic_word, doc_topic=doc_topic),
        story="A hundred documents of 10 to 29 words about learning, networks and vision. Nine "
        "words of the vocabulary never occur, and a topic model must not trip over them.",
        source=MADE,
        options={"n_topics": 3, "alpha": 0.1, "beta": 0.01},
    )
