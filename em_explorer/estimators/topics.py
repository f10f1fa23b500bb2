"""Topic models for those who write scripts, with scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import DataError
from em_explorer.estimators.base import EMEstimator, generator_from
from em_explorer.estimators.checks import choice, given_array, whole_number
from em_explorer.estimators.chunked import read_source
from em_explorer.estimators.chunked_topics import (
    ChunkedTopics,
    corpus_from_table,
    corpus_from_word_ids,
)
from em_explorer.models import dirichlet, latent_dirichlet
from em_explorer.models.backend import served_by
from em_explorer.models.corpus import Corpus, as_corpus
from em_explorer.models.latent_dirichlet import (
    InnerStart,
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletParams,
    LatentDirichletStart,
)

SMALLEST_INITIAL = 1e-12
"""The mean log probability of a word is about minus one over its parameter: less overflows."""


class LatentDirichletAllocation(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EMEstimator):  # type: ignore[misc]
    """Find topics in documents by variational Bayes.

    Documents (X below) are one of

    * a list of lists of word ids, one list a document: ``[[0, 4, 4], [2, 1]]``;
    * a (n_documents, V) matrix of word counts, dense or scipy-sparse. A fraction counts as that
      part of a word.

    A document without words is kept and has the proportions of the prior, 1/K each.

    Parameters
    ----------
    n_topics : int
        K.
    alpha, beta : float
        Dirichlet priors of a document's topic proportions and of a topic's word probabilities.
    max_iter : int
        Full EM steps at most.
    tolerance : float, nats per word
        Stop when a full step gains less; 0 takes exactly ``max_iter`` steps.
    n_init : int
        Runs from different starts; the one with the highest bound is kept.
    init : {"random", "random documents", "uniform"}
        Topics drawn at random, copied from random documents, or all alike, which EM can't leave.
    inner_start : {"best", "fresh", "carried"}
        Where a document starts in each E-step: fresh from γ = 1 (the bound may then fall),
        carried from the step before, or fresh unless that would lower the bound.
    inner_max_iter : int
        Turns at most within one document and one E-step.
    inner_tolerance : float, words
        A document has settled when its topic counts change by less than this on average;
        0 takes exactly ``inner_max_iter`` turns.
    random_state : None, int, RandomState or Generator
        Behind the starts.
    topic_word_init : (K, V) array-like, optional
        Dirichlet parameters of the topics to start from, in place of ``init``.

    Attributes
    ----------
    topic_word_ : (K, V) float
        Expected word probabilities of each topic; rows sum to one.
    topic_word_posterior_ : (K, V) float, words
        The topics' Dirichlet parameters: the prior plus expected counts.
    doc_topic_ : (n_documents, K) float
        Expected topic proportions of the fitted documents; rows sum to one.
    log_likelihood_history_ : (n_iter_ + 1,) float, nats
        The bound on log p(words), topics and their prior included.
    n_iter_, converged_, stop_reason_, stop_message_
        How the kept run went.

    Examples
    --------
    >>> from em_explorer import LatentDirichletAllocation
    >>> documents = [[0, 1, 0, 1], [1, 0, 0], [2, 3, 2], [3, 3, 2, 2]]
    >>> model = LatentDirichletAllocation(2, random_state=0).fit(documents)
    >>> sorted(sorted(topic) for topic in model.get_topics(["cat", "dog", "tax", "vote"], 2))
    [['cat', 'dog'], ['tax', 'vote']]
    """

    def __init__(
        self,
        n_topics: int = 5,
        alpha: float = 0.1,
        beta: float = 0.01,
        max_iter: int = 100,
        tolerance: float = 1e-6,
        n_init: int = 1,
        init: str = "random",
        inner_start: str = "best",
        inner_max_iter: int = 1000,
        inner_tolerance: float = 1e-4,
        random_state: Any = None,
        topic_word_init: Any = None,
    ) -> None:
        self.n_topics = n_topics
        self.alpha = alpha
        self.beta = beta
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.n_init = n_init
        self.init = init
        self.inner_start = inner_start
        self.inner_max_iter = inner_max_iter
        self.inner_tolerance = inner_tolerance
        self.random_state = random_state
        self.topic_word_init = topic_word_init

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def fit(self, X: Any, y: Any = None, *, vocab_size: int | None = None) -> Self:
        """Fit topics.

        Parameters
        ----------
        X : documents
            Or, when they are too large to hold: an iterable of matrices of counts (or of lists of
            word ids) that can be gone through again and again, a memory-mapped matrix, or a
            ``dask.array``. Only ``doc_topic_`` grows with the number of documents.
        y : ignored
        vocab_size : int, optional
            Size V of the vocabulary. Word ids without it reach as far as the largest id, a
            matrix has a column per word.

        Raises
        ------
        ValueError
            For negative or missing counts, word ids outside the vocabulary, no words at all, or
            initial topics that are none.
        """
        model: Any = self._model()
        n_init = whole_number("n_init", self.n_init)
        if vocab_size is not None:
            vocab_size = whole_number("vocab_size", vocab_size)
        model, documents, present = self._prepared(served_by(model), X, vocab_size)
        rng = generator_from(self.random_state)
        if self.topic_word_init is None:
            found = self._best_run(
                model, documents, lambda: model.initialize(documents, rng), n_init
            )
        else:
            found = self._run(model, documents, lambda: self._given(model, self.n_features_in_))
        self._keep(found)
        self.topic_word_posterior_ = found.params.topic_word_posterior.copy()
        self.topic_word_ = found.params.topic_word
        gamma = found.expectation.carry
        gamma = np.concatenate(gamma) if isinstance(gamma, tuple) else gamma
        self.doc_topic_ = _spread(dirichlet.mean(gamma), present)
        return self

    def _prepared(
        self, model: LatentDirichlet, X: Any, vocab_size: int | None
    ) -> tuple[Any, Any, Bools]:
        """Return the model, the documents and which hold words: in memory, or in chunks."""
        source = None if isinstance(X, Corpus) else read_source(X)
        if source is not None:
            chunked = ChunkedTopics(model, source.gather)
            data = chunked.prepare(source, vocab_size)
            self._columns_without_table(data.frame.n_words)
            return chunked, data, data.present
        documents, present = self._documents(X, vocab_size, reset=True)
        if documents is None:
            raise DataError("No document holds a word; give at least one that does.")
        return model, documents, present

    def _model(self) -> LatentDirichlet:
        return LatentDirichlet(
            LatentDirichletOptions(
                self.n_topics,
                self.alpha,
                self.beta,
                choice("init", self.init, LatentDirichletStart),
                choice("inner_start", self.inner_start, InnerStart),
                self.inner_max_iter,
                self.inner_tolerance,
            )
        )

    def _given(self, model: LatentDirichlet, n_words: int) -> LatentDirichletParams:
        shape = (model.options.n_topics, n_words)
        posterior = given_array("topic_word_init", self.topic_word_init, shape)
        if posterior.min() < SMALLEST_INITIAL:
            raise DataError(
                "topic_word_init must be positive: it holds Dirichlet parameters, in words. Give "
                f"at least {SMALLEST_INITIAL:g} everywhere."
            )
        return LatentDirichletParams(posterior)

    def _documents(
        self, X: Any, vocab_size: int | None, *, reset: bool
    ) -> tuple[Corpus | None, Bools]:
        """Return the documents that hold words (None where none does), and which those are."""
        if isinstance(X, list | tuple | Corpus):
            corpus, present = self._from_word_ids(X, vocab_size, reset=reset)
        else:
            table = self._table(X, reset=reset, accept_sparse="csr", ensure_non_negative=True)
            if vocab_size not in (None, table.shape[1]):
                raise DataError(
                    f"vocab_size is {vocab_size}, but the matrix has {table.shape[1]} columns; "
                    "there must be a column for every word."
                )
            corpus, present = corpus_from_table(table)
        if not present.any():
            return None, present
        if corpus.n_tokens < 1:
            raise DataError(
                "The documents hold less than one word in all; give counts, not shares."
            )
        return corpus, present

    def _from_word_ids(
        self, X: Any, vocab_size: int | None, *, reset: bool
    ) -> tuple[Corpus, Bools]:
        if not reset:
            vocab_size = self.n_features_in_
        elif vocab_size is None and np.ndim(self.topic_word_init) == 2:
            vocab_size = np.shape(self.topic_word_init)[1]
        if isinstance(X, Corpus):
            corpus, present = as_corpus(X, vocab_size), np.ones(X.n_documents, dtype=bool)
        else:
            corpus, present = corpus_from_word_ids(X, vocab_size)
        if reset:
            self._columns_without_table(corpus.n_words)
        return corpus, present

    def _fitted(
        self, X: Any
    ) -> tuple[LatentDirichlet, LatentDirichletParams, Corpus | None, Bools]:
        check_is_fitted(self, "topic_word_posterior_")
        documents, present = self._documents(X, None, reset=False)
        params = LatentDirichletParams(self.topic_word_posterior_)
        return served_by(self._model()), params, documents, present

    def transform(self, X: Any) -> Floats:
        """Return the expected topic proportions of documents, perhaps new ones.

        Returns
        -------
        (n_documents, K) float
            Rows sum to one.
        """
        model, params, documents, present = self._fitted(X)
        if documents is None:
            return _spread(np.empty((0, len(self.topic_word_))), present)
        return _spread(model.transform(params, documents), present)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the bound on log p(words of X | topics) per word, in nats.

        Higher is better; ``perplexity`` is exp(−score).
        """
        model, params, documents, _ = self._fitted(X)
        if documents is None:
            raise DataError("These documents hold no words, so there is nothing to score.")
        bound = model.e_step(documents, params).log_likelihood
        return bound / float(documents.counts.sum())

    def perplexity(self, X: Any) -> float:
        """Return ``exp(−bound / words)`` of documents, perhaps new ones; lower is better.

        It reads: as uncertain about the next word as if it were one of so many equally likely
        ones.
        """
        return float(np.exp(-self.score(X)))

    def get_topics(self, vocab: Any, top_words: int = 10) -> list[list[str]]:
        """Return the likeliest words of each topic, likeliest first.

        Parameters
        ----------
        vocab : (V,) sequence of str, or mapping of str to int
            Word of each id (as ``CountVectorizer.get_feature_names_out()`` gives) or id of each
            word (as its ``vocabulary_``).
        top_words : int
            How many.
        """
        check_is_fitted(self, "topic_word_")
        top_words = whole_number("top_words", top_words)
        if isinstance(vocab, Mapping):
            if sorted(vocab.values()) != list(range(len(vocab))):
                raise DataError("vocab must give every word its own id, from 0 without gaps.")
            vocab = sorted(vocab, key=vocab.__getitem__)
        if isinstance(vocab, str) or not hasattr(vocab, "__iter__"):
            raise DataError(f"vocab must be a list of words, one for each id; it is {vocab!r}.")
        words = [str(word) for word in vocab]
        return [list(row) for row in latent_dirichlet.top_words(self.topic_word_, words, top_words)]

    @property
    def _n_features_out(self) -> int:
        return len(self.topic_word_)


def _spread(doc_topic: Floats, present: Bools) -> Floats:
    """Give documents without words the mean of the prior."""
    n_topics = doc_topic.shape[1]
    result = np.full((len(present), n_topics), 1.0 / n_topics)
    result[present] = doc_topic
    return result
