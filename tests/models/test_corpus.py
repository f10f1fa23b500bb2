"""Documents in every form they may come in, and the sentences bad ones get."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from em_explorer.em.errors import DataError
from em_explorer.models.corpus import Corpus, as_corpus


def test_every_form_of_a_corpus_is_the_same():
    counts = np.array([[0, 2, 1, 0], [1, 0, 0, 0], [0, 0, 3, 0]])
    ids = [[2, 1, 1], (0,), np.array([2, 2, 2])]
    forms = [
        as_corpus(counts),
        as_corpus(counts.astype(float)),
        as_corpus(sparse.csr_matrix(counts)),
        as_corpus(sparse.coo_array(([1, 1, 1, 1, 3], ([0, 0, 0, 1, 2], [1, 2, 1, 0, 2])), (3, 4))),
        as_corpus(ids, vocab_size=4),
        as_corpus(as_corpus(counts), vocab_size=4),
    ]
    for corpus in forms:
        assert isinstance(corpus, Corpus)
        assert np.array_equal(corpus.to_dense(), counts)
        assert (corpus.n_documents, corpus.n_tokens, corpus.n_words) == (3, 7, 4)
        assert not corpus.counts.flags.writeable
    assert as_corpus(ids).n_words == 3
    assert np.array_equal(forms[0].select([2, 0]).to_dense(), counts[[2, 0]])
    assert np.array_equal(forms[0].select(counts[:, 2] > 0).to_dense(), counts[[0, 2]])
    assert counts.flags.writeable


def test_padded_blocks_hold_every_cell_once():
    rng = np.random.default_rng(0)
    counts = (rng.random((60, 90)) < rng.random((60, 1))).astype(int)
    counts[:, 0] = 1
    corpus = as_corpus(counts)
    rebuilt, seen = np.zeros_like(counts), []
    for documents, words, times in corpus.blocks(200):
        assert words.size <= 200 or len(documents) == 1
        np.add.at(rebuilt, (documents[:, None], words), times.astype(int))
        seen.extend(documents)
    assert np.array_equal(rebuilt, counts)
    assert sorted(seen) == list(range(60))
    pieces = [np.arange(60)[chunk] for chunk in corpus.chunks(100)]
    assert np.array_equal(np.concatenate(pieces), np.arange(60))


@pytest.mark.parametrize(
    ("raw", "vocab_size", "message"),
    [
        (np.array([[1, -2]]), None, "Document 1 has the count -2 for word 2"),
        (np.array([[1, 0], [0.5, 1]]), None, "Document 2 has the count 0.5 for word 1"),
        (np.array([[1, np.nan]]), None, "count nan"),
        (np.array([[1, np.inf]]), None, "count inf"),
        (np.array([[1, 1], [0, 0]]), None, "Document 2 has no words"),
        (sparse.csr_array(np.array([[0, 0], [1, 1]])), None, "Document 1 has no words"),
        (np.array([1, 2]), None, "row per document"),
        (np.zeros((0, 3)), None, "row per document"),
        (np.array([["a"]]), None, "must be numbers"),
        (np.ones((1, 3)), 4, "vocabulary of 3 words, but 4"),
        ([], None, "no documents"),
        ([[0], []], None, "Document 2 has no words"),
        ([[0], [3]], 3, "Document 2 has the word id 3; ids must lie between 0 and 2"),
        ([[-1]], None, "word id -1"),
        ([[0.5]], None, "Document 1 is not a list of word ids"),
        (["the cat"], None, "Document 1 is not a list of word ids"),
        ([[[0], [1, 2]]], None, "Document 1 is not a list of word ids"),
    ],
)
def test_bad_documents_get_one_clear_sentence(raw, vocab_size, message):
    with pytest.raises(DataError, match=message):
        as_corpus(raw, vocab_size)
