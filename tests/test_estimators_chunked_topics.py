"""Topics of documents in chunks: the same fit as of all of them in memory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from em_explorer import LatentDirichletAllocation
from em_explorer.em.errors import DataError
from em_explorer.estimators import chunked

RNG = np.random.default_rng(0)
TOPICS = RNG.dirichlet(np.full(15, 0.2), size=3)
COUNTS = RNG.poisson(30 * RNG.dirichlet(np.full(3, 0.3), size=60) @ TOPICS)
COUNTS[[0, 20, 21, 22]] = 0


def pieces(form=np.asarray):
    # The second holds no words, the third no documents.
    return [form(COUNTS[a:b]) for a, b in ((0, 20), (20, 23), (23, 23), (23, 24), (24, 60))]


def word_ids(counts):
    return [np.repeat(np.arange(15), row).tolist() for row in np.asarray(counts)]


class Again:
    """An iterable that is no list: each pass begins anew."""

    def __init__(self, parts):
        self.parts = parts

    def __iter__(self):
        return iter(self.parts)


def assert_same(one, other):
    assert (one.n_iter_, one.stop_reason_) == (other.n_iter_, other.stop_reason_)
    np.testing.assert_allclose(
        one.log_likelihood_history_, other.log_likelihood_history_, rtol=1e-9
    )
    # A document stops where its own turns do: a last bit of λ may cost it one turn more.
    np.testing.assert_allclose(one.topic_word_, other.topic_word_, atol=1e-6)
    np.testing.assert_allclose(one.doc_topic_, other.doc_topic_, atol=1e-5)


@pytest.mark.parametrize("init", ["random", "random documents", "uniform"])
@pytest.mark.parametrize("inner_start", ["best", "fresh", "carried"])
def test_chunks_of_documents_are_all_of_them(init, inner_start):
    model = LatentDirichletAllocation(
        3, max_iter=10, tolerance=0, init=init, inner_start=inner_start, random_state=2
    )
    apart = LatentDirichletAllocation(**model.get_params()).fit(pieces())
    assert_same(apart, model.fit(COUNTS))
    assert apart.n_features_in_ == 15
    assert apart.doc_topic_.shape == (60, 3)
    np.testing.assert_allclose(apart.doc_topic_[21], 1 / 3)
    np.testing.assert_allclose(apart.transform(COUNTS), model.transform(COUNTS), atol=1e-5)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.coo_array, np.float32, word_ids])
def test_chunks_in_any_form(form):
    model = LatentDirichletAllocation(3, max_iter=5, tolerance=0, random_state=2).fit(COUNTS)
    apart = LatentDirichletAllocation(**model.get_params())
    assert_same(apart.fit(Again(pieces(form)), vocab_size=15), model)


def test_given_topics():
    start = RNG.gamma(1.0, size=(3, 15)) + 0.1
    model = LatentDirichletAllocation(3, max_iter=5, tolerance=0, topic_word_init=start)
    apart = LatentDirichletAllocation(**model.get_params()).fit(pieces())
    assert_same(apart, model.fit(COUNTS))


def test_a_memory_mapped_matrix(tmp_path, monkeypatch):
    mapped = np.memmap(tmp_path / "counts", dtype=np.int32, mode="w+", shape=COUNTS.shape)
    mapped[:] = COUNTS
    model = LatentDirichletAllocation(3, max_iter=5, tolerance=0, random_state=2).fit(COUNTS)
    monkeypatch.setattr(chunked, "VALUES_PER_SLICE", 100)
    assert_same(LatentDirichletAllocation(**model.get_params()).fit(mapped), model)


def test_word_ids_reach_as_far_as_the_largest():
    model = LatentDirichletAllocation(2, max_iter=2, random_state=0)
    assert model.fit(Again([[[0, 1]], [[4, 2], []]])).n_features_in_ == 5


@pytest.mark.parametrize(
    ("chunks", "size", "message"),
    [
        ((c for c in [COUNTS]), None, "can be read once"),
        ([COUNTS, COUNTS[:, :3]], None, "Chunk 2 has 3 columns"),
        ([COUNTS, -COUNTS], None, "Chunk 2: Negative values"),
        ([COUNTS, COUNTS * np.nan], None, "Chunk 2: .*NaN"),
        ([COUNTS], 7, "vocab_size is 7"),
        ([COUNTS * 0], None, "No document holds a word"),
        ([np.eye(2) * 0.1], None, "less than one word"),
        (Again([]), None, "No document holds a word"),
        (Again([COUNTS, "words"]), None, "Chunk 2: it must be a matrix"),
        (Again([[[0, 1]], [[0, "a"]]]), 3, "Chunk 2: Document 1"),
        (Again([[[0, 1]], [[5]]]), 3, "Chunk 2: Document 1 has the word id 5"),
    ],
)
def test_refusals_name_the_chunk(chunks, size, message):
    with pytest.raises(DataError, match=message):
        LatentDirichletAllocation(2).fit(chunks, vocab_size=size)
