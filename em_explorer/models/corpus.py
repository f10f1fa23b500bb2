"""A corpus as a topic model sees it: which words each document holds, and how often.

The order of words is gone; a document is a list of distinct words with counts. All documents
lie end to end in three arrays (compressed sparse rows).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import DataError


@dataclass(frozen=True)
class Corpus:
    """Word counts of D documents; a *cell* is one distinct word of one document.

    Attributes
    ----------
    starts : (D + 1,) int
        Cells ``starts[d]`` to ``starts[d + 1]`` belong to document d; none is empty.
    words : (C,) int
        The word of each cell, ascending within a document.
    counts : (C,) float
        How often it occurs there; whole numbers ≥ 1.
    n_words : int
        Size V of the vocabulary; words that never occur are allowed.
    """

    starts: Ints
    words: Ints
    counts: Floats
    n_words: int

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def n_documents(self) -> int:
        """Number D of documents."""
        return len(self.starts) - 1

    @property
    def n_tokens(self) -> int:
        """Number of words, repetitions included."""
        return int(self.counts.sum())

    @property
    def lengths(self) -> Ints:
        """Distinct words of each document, (D,)."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Ints:
        """The document of each cell, (C,)."""
        return np.repeat(np.arange(self.n_documents), self.lengths)

    def document(self, d: int) -> tuple[Ints, Floats]:
        """Return the distinct words of one document and their counts."""
        cells = slice(self.starts[d], self.starts[d + 1])
        return self.words[cells], self.counts[cells]

    def select(self, documents: Any) -> Corpus:
        """Return the corpus of some documents (indices or a mask), in the order given."""
        chosen = np.arange(self.n_documents)[documents]
        lengths = self.lengths[chosen]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        # Cell i of a chosen document lies as far from its new start as from its old one.
        cells = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return Corpus(starts, self.words[cells], self.counts[cells], self.n_words)

    def chunks(self, max_cells: int) -> Iterator[slice]:
        """Cut the documents into consecutive runs of at most ``max_cells`` cells.

        A document longer than that makes a run of its own.
        """
        begin = 0
        while begin < self.n_documents:
            limit = self.starts[begin] + max_cells
            end = int(np.searchsorted(self.starts, limit, side="right")) - 1
            end = max(end, begin + 1)
            yield slice(begin, end)
            begin = end

    def blocks(self, max_cells: int) -> Iterator[tuple[Ints, Ints, Floats]]:
        """Cut the documents into padded blocks of about one length.

        The width a document is padded to depends on its own length alone.

        Yields
        ------
        documents : (A,) int
            Which documents the block holds.
        words : (A, M) int
            Their distinct words; the padding repeats word 0.
        counts : (A, M) float
            How often each occurs; 0 in the padding.
        """
        widths = _padded_widths(self.lengths)
        for width in np.unique(widths):
            same = np.flatnonzero(widths == width)
            size = max(max_cells // int(width), 1)
            for documents in np.split(same, range(size, len(same), size)):
                column = np.arange(width)
                filled = column < self.lengths[documents, None]
                cells = np.where(filled, self.starts[documents, None] + column, 0)
                words = np.where(filled, self.words[cells], 0)
                yield documents, words, np.where(filled, self.counts[cells], 0.0)

    def to_dense(self) -> Floats:
        """Return the (D, V) matrix of counts."""
        dense = np.zeros((self.n_documents, self.n_words))
        dense[self.owners, self.words] = self.counts
        return dense


def _padded_widths(lengths: Ints) -> Ints:
    """Round lengths up to 8, 12, 16, 24, 32, …: few widths, and at most a third is padding."""
    power = 2 ** np.ceil(np.log2(np.maximum(lengths, 8))).astype(np.int64)
    return np.where((lengths <= 3 * power // 4) & (power > 8), 3 * power // 4, power)


def as_corpus(raw: Any, vocab_size: int | None = None) -> Corpus:
    """Check raw documents and bring them into a :class:`Corpus`.

    Parameters
    ----------
    raw : Corpus, (D, V) count matrix (dense or scipy-sparse), or list of lists of word ids
        A Python list is read as word ids, one list per document; pass counts as an array.
    vocab_size : int, optional
        Size of the vocabulary. Word ids without it reach as far as the largest id.

    Raises
    ------
    DataError
        For counts that are negative, fractional or not finite, word ids outside the vocabulary,
        and documents without words; the sentence names the document.
    """
    if isinstance(raw, Corpus):
        corpus = raw
    elif isinstance(raw, list | tuple):
        corpus = _from_word_ids(raw, vocab_size)
    else:
        corpus = _from_counts(raw)
    if vocab_size is not None and corpus.n_words != vocab_size:
        raise DataError(
            f"The documents have a vocabulary of {corpus.n_words} words, but {vocab_size} were "
            "expected; give both the same vocabulary."
        )
    return corpus


def _from_counts(raw: Any) -> Corpus:
    from scipy import sparse

    if not sparse.issparse(raw):
        raw = np.asarray(raw)
    if raw.ndim != 2 or 0 in raw.shape:
        raise DataError(
            "A corpus must be a matrix of counts with a row per document and a column per word; "
            f"this one has the shape {raw.shape}."
        )
    if raw.dtype.kind not in "biuf":
        raise DataError(f"Word counts must be numbers; these are of type {raw.dtype}.")
    counts = sparse.csr_array(raw, dtype=float, copy=True)
    counts.sum_duplicates()
    rows = np.repeat(np.arange(raw.shape[0]), np.diff(counts.indptr))
    bad = ~np.isfinite(counts.data) | (counts.data < 0) | (counts.data != np.floor(counts.data))
    if bad.any():
        first = int(np.argmax(bad))
        raise DataError(
            f"Document {rows[first] + 1} has the count {counts.data[first]:g} for word "
            f"{counts.indices[first] + 1}; counts must be whole numbers, zero or more."
        )
    counts.eliminate_zeros()
    _refuse_empty(np.diff(counts.indptr))
    return Corpus(
        counts.indptr.astype(np.int64),
        counts.indices.astype(np.int64),
        counts.data.astype(float),
        int(raw.shape[1]),
    )


def _from_word_ids(documents: Sequence[Any], vocab_size: int | None) -> Corpus:
    if not documents:
        raise DataError("There are no documents; give at least one.")
    lists = [_word_ids(d, document) for d, document in enumerate(documents)]
    _refuse_empty(np.array([len(ids) for ids in lists]))
    n_words = vocab_size if vocab_size is not None else 1 + max(int(i.max()) for i in lists)
    for d, ids in enumerate(lists):
        wrong = ids[(ids < 0) | (ids >= n_words)]
        if wrong.size:
            raise DataError(
                f"Document {d + 1} has the word id {wrong[0]}; ids must lie between 0 and "
                f"{n_words - 1}."
            )
    found = [np.unique(ids, return_counts=True) for ids in lists]
    starts = np.concatenate(([0], np.cumsum([len(words) for words, _ in found])))
    return Corpus(
        starts.astype(np.int64),
        np.concatenate([words for words, _ in found]),
        np.concatenate([counts for _, counts in found]).astype(float),
        n_words,
    )


def _word_ids(d: int, document: Any) -> Ints:
    try:
        ids = np.asarray(document)
    except ValueError:  # lists of unequal lengths inside
        ids = np.array("nested")
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise DataError(
            f"Document {d + 1} is not a list of word ids (whole numbers); number the words of "
            "the vocabulary from 0, or pass a matrix of counts as an array."
        )
    return ids.astype(np.int64)


def _refuse_empty(lengths: Ints) -> None:
    if not lengths.all():
        first = int(np.argmin(lengths != 0))
        raise DataError(
            f"Document {first + 1} has no words, so it says nothing about topics; leave it out."
        )
