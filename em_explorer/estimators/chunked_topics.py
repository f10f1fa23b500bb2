"""A topic model over chunks of documents; each document's γ stays beside its chunk.

The starts are those of all documents held in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.em.chunks import ChunkedModel, Chunks
from em_explorer.em.errors import DataError
from em_explorer.estimators.chunked import CHANGED, Source
from em_explorer.estimators.chunked_mixture import merge
from em_explorer.models.corpus import Corpus, as_corpus
from em_explorer.models.latent_dirichlet import (
    LatentDirichlet,
    LatentDirichletParams,
    LatentDirichletStart,
)


def corpus_from_table(table: Any) -> tuple[Corpus, Bools]:
    """Bring a checked matrix of counts into a corpus without its empty documents.

    Returns
    -------
    Corpus
    present : (D,) bool
        Which documents hold words.
    """
    counts = sparse.csr_array(table, copy=True)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    lengths = np.diff(counts.indptr)
    present = lengths > 0
    starts = np.concatenate(([0], np.cumsum(lengths[present]))).astype(np.int64)
    words = counts.indices.astype(np.int64)
    return Corpus(starts, words, counts.data, int(table.shape[1])), present


def corpus_from_word_ids(documents: Any, n_words: int | None) -> tuple[Corpus, Bools]:
    """Bring lists of word ids into a corpus without its empty documents."""
    present = np.array([not _is_empty(document) for document in documents], dtype=bool)
    # A word stands in for none, so that messages number the documents as they were given.
    filled = [ids if full else [0] for ids, full in zip(documents, present, strict=True)]
    corpus = as_corpus(filled, n_words)
    return corpus.select(present), present


def _is_empty(document: Any) -> bool:
    return hasattr(document, "__len__") and len(document) == 0


@dataclass(frozen=True)
class CorpusSummary:
    """What one pass learns of the documents; mergeable with ``+``.

    Attributes
    ----------
    present : tuple of (D,) bool
        Of each chunk, which documents hold words.
    n_words : int
        Columns of the matrices, or one more than the largest word id.
    fixed : bool
        Whether all chunks must agree about ``n_words``: they are matrices.
    n_tokens : float
        Words in all.
    """

    present: tuple[Bools, ...]
    n_words: int
    fixed: bool
    n_tokens: float

    def __add__(self, other: CorpusSummary) -> CorpusSummary:
        if self.fixed and other.fixed and self.n_words != other.n_words:
            raise DataError(
                f"Chunk {len(self.present) + 1} has {other.n_words} columns, those before it have "
                f"{self.n_words}; all need a column for every word."
            )
        return CorpusSummary(
            self.present + other.present,
            max(self.n_words, other.n_words),
            self.fixed or other.fixed,
            self.n_tokens + other.n_tokens,
        )


def _read(part: Any, n_words: int | None) -> tuple[Corpus, Bools]:
    if isinstance(part, list | tuple):
        if not part:
            return _nothing(n_words or 0), np.zeros(0, dtype=bool)
        return corpus_from_word_ids(part, n_words)
    if len(getattr(part, "shape", ())) != 2:
        raise DataError("it must be a matrix of counts, or a list of lists of word ids.")
    if part.shape[0] == 0:
        return _nothing(part.shape[1]), np.zeros(0, dtype=bool)
    try:
        table = check_array(
            part,
            accept_sparse="csr",
            dtype=np.float64,
            ensure_non_negative=True,
            input_name="X",
        )
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from error
    return corpus_from_table(table)


def _nothing(n_words: int) -> Corpus:
    empty = np.zeros(0, dtype=np.int64)
    return Corpus(np.zeros(1, dtype=np.int64), empty, np.zeros(0), n_words)


def _summarize(part: Any, n_words: int | None) -> CorpusSummary:
    corpus, present = _read(part, n_words)
    fixed = not isinstance(part, list | tuple)
    return CorpusSummary((present,), corpus.n_words, fixed, float(corpus.counts.sum()))


def _framed(part: Any, present: Bools, n_words: int) -> Corpus:
    corpus, now = _read(part, n_words)
    if not np.array_equal(now, present) or corpus.n_words != n_words:
        raise DataError(CHANGED)
    return corpus


def _select(part: Any, own: tuple[Bools, Ints], n_words: int) -> Floats:
    present, documents = own
    return _framed(part, present, n_words).select(documents).to_dense()


@dataclass(frozen=True)
class CorpusChunks(Chunks):
    """Chunks of documents with what their first pass found.

    Attributes
    ----------
    source : Source
    summary : CorpusSummary
    """

    source: Source
    summary: CorpusSummary

    @property
    def present(self) -> Bools:
        """Which of all documents hold words, (D,)."""
        return np.concatenate(self.summary.present)


@dataclass(frozen=True)
class ChunkedTopics(ChunkedModel):
    """Variational Bayes for topics of documents that come in chunks."""

    model: LatentDirichlet

    def prepare(self, source: Source, vocab_size: int | None) -> CorpusChunks:
        """Check all chunks, in one pass.

        Raises
        ------
        DataError
            Naming the chunk; or where no document holds a word.
        """
        summary: CorpusSummary | None = merge(source.each(_summarize, vocab_size))
        if summary is None or not any(present.any() for present in summary.present):
            raise DataError("No document holds a word; give at least one that does.")
        n_words = summary.n_words
        if vocab_size not in (None, n_words):
            raise DataError(
                f"vocab_size is {vocab_size}, but the matrices have {n_words} columns; there must "
                "be a column for every word."
            )
        n_tokens = int(summary.n_tokens)
        if n_tokens < 1:
            raise DataError(
                "The documents hold less than one word in all; give counts, not shares."
            )
        own = [present if present.any() else None for present in summary.present]
        parts = source.prepared(_framed, own, n_words)
        return CorpusChunks(parts, n_tokens, _nothing(n_words), source, summary)

    def initialize(self, data: CorpusChunks, rng: np.random.Generator) -> LatentDirichletParams:
        """Draw initial topics as :meth:`LatentDirichlet.initialize` does."""
        options = self.model.options
        if options.start is not LatentDirichletStart.DOCUMENTS:
            return self.model.initialize(data.frame, rng)
        n_topics, n_documents = options.n_topics, int(data.present.sum())
        repeats = -(-n_topics // n_documents)
        pool = np.concatenate([rng.permutation(n_documents) for _ in range(repeats)])
        seeds = _fetch(data, pool[:n_topics])
        return LatentDirichletParams(seeds + rng.gamma(100.0, 0.01, size=seeds.shape))


def _fetch(data: CorpusChunks, documents: Ints) -> Floats:
    """Return the counts of some documents, (n, V), reading only the chunks that hold them."""
    sizes = [int(present.sum()) for present in data.summary.present]
    edges = np.concatenate(([0], np.cumsum(sizes)))
    owner = np.searchsorted(edges, documents, side="right") - 1
    own: list[Any] = [None] * len(sizes)
    for chunk in np.unique(owner):
        own[chunk] = (data.summary.present[chunk], documents[owner == chunk] - edges[chunk])
    found = np.empty((len(documents), data.frame.n_words))
    counts = data.source.some(_select, own, data.frame.n_words)
    for chunk, rows in zip(np.unique(owner), counts, strict=True):
        found[owner == chunk] = rows
    return found
