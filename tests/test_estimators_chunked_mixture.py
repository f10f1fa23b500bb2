"""Mixtures of data in chunks: the same fit as of the whole, without ever holding the whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from em_explorer import GaussianMixtureModel
from em_explorer.em.errors import DataError
from em_explorer.estimators import chunked, chunked_mixture

RNG = np.random.default_rng(0)
TABLE = np.concatenate([RNG.normal(c, 1.0, (200, 3)) for c in ([0, 0, 0], [4, 0, 3], [0, 5, 1])])
TABLE = TABLE[RNG.permutation(600)] * [1.0, 1e3, 1e-3] + [1e6, 0.0, 5.0]


class Again:
    """An iterable that is no list: each pass begins anew."""

    def __init__(self, *parts):
        self.parts = parts
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        return iter(self.parts)


def pieces():
    # Chunks of unequal sizes, one of them empty.
    return Again(TABLE[:7], TABLE[7:7], TABLE[7:300], TABLE[300:301], TABLE[301:])


def memory_map(tmp_path, table):
    path = tmp_path / "table.dat"
    mapped = np.memmap(path, dtype=float, mode="w+", shape=table.shape)
    mapped[:] = table
    mapped.flush()
    return np.memmap(path, dtype=float, mode="r", shape=table.shape)


def assert_same(one, other, rtol=1e-9):
    assert one.n_iter_ == other.n_iter_
    assert one.stop_reason_ == other.stop_reason_
    np.testing.assert_allclose(
        one.log_likelihood_history_, other.log_likelihood_history_, rtol=rtol
    )
    np.testing.assert_allclose(one.weights_, other.weights_, rtol=rtol)
    np.testing.assert_allclose(one.means_, other.means_, rtol=rtol)
    np.testing.assert_allclose(one.covariances_, other.covariances_, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("init", ["k-means++", "random points", "random responsibilities"])
@pytest.mark.parametrize("kind", ["full", "tied"])
def test_an_iterable_of_chunks_is_the_whole(init, kind):
    mixture = GaussianMixtureModel(3, kind, 25, 0, init=init, random_state=4)
    chunks = pieces()
    assert_same(GaussianMixtureModel(**mixture.get_params()).fit(chunks), mixture.fit(TABLE))
    assert chunks.passes > 25
    assert mixture.fit(chunks).n_features_in_ == 3


def test_given_starts_take_the_same_way_to_nine_digits():
    mixture = GaussianMixtureModel(3, max_iter=40, tolerance=0, means_init=TABLE[:3])
    apart = GaussianMixtureModel(**mixture.get_params())
    assert_same(apart.fit(list(pieces())), mixture.fit(TABLE))


@pytest.mark.parametrize("init", ["k-means++", "random points", "random responsibilities"])
def test_a_memory_mapped_array_is_read_in_slices(tmp_path, monkeypatch, init):
    monkeypatch.setattr(chunked, "VALUES_PER_SLICE", 300)
    mixture = GaussianMixtureModel(3, max_iter=20, tolerance=0, init=init, random_state=1)
    apart = GaussianMixtureModel(**mixture.get_params()).fit(memory_map(tmp_path, TABLE))
    assert_same(apart, mixture.fit(TABLE))
    np.testing.assert_array_equal(apart.predict(TABLE), mixture.predict(TABLE))


def test_the_whole_is_never_in_memory(tmp_path):
    n_rows = 800_000
    path = tmp_path / "large.dat"
    mapped = np.memmap(path, dtype=float, mode="w+", shape=(n_rows, 5))
    for first in range(0, n_rows, 100_000):
        mapped[first : first + 100_000] = RNG.normal(size=(100_000, 5)) + 3 * (first % 3)
    mapped.flush()
    del mapped
    table = np.memmap(path, dtype=float, mode="r", shape=(n_rows, 5))
    tracemalloc.start()
    GaussianMixtureModel(2, max_iter=2, tolerance=0, random_state=0).fit(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.3 * n_rows * 5 * 8


def test_large_data_are_not_put_in_order(monkeypatch):
    monkeypatch.setattr(chunked_mixture, "LARGEST_ORDER", 100)
    mixture = GaussianMixtureModel(3, max_iter=0, init="random points", random_state=0)
    means = mixture.fit(pieces()).means_
    for mean in means:
        assert np.isclose(TABLE, mean, rtol=1e-12).all(axis=1).any()
    assert len(np.unique(means, axis=0)) == 3


def test_points_all_in_one_place_are_still_drawn():
    ties = np.repeat([[1.0, 2.0], [2.0, 1.0]], 40, axis=0)
    for init in ("k-means++", "random points"):
        mixture = GaussianMixtureModel(3, init=init, max_iter=0, ridge=0.1, random_state=0)
        apart = GaussianMixtureModel(**mixture.get_params()).fit([ties[:50], ties[50:]])
        np.testing.assert_allclose(apart.means_, mixture.fit(ties).means_, atol=1e-12)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ((t for t in [TABLE]), "can be read once"),
        ([TABLE, TABLE[:, :2]], "Chunk 2 has 2 columns"),
        ([TABLE, TABLE[0]], r"Chunk 2: it must be a table.*\(3,\)"),
        ([TABLE, np.where(TABLE > 1e6, np.nan, TABLE)], "Chunk 2: .* missing"),
        ([TABLE, np.full((2, 3), "word")], "Chunk 2: .* not a number"),
        ([TABLE[:0]], "no rows"),
        (Again(), "no rows"),
        (Again("word"), "Chunk 1: it must be a table"),
        ([TABLE[:1], TABLE[1:2]], "3 components for 2 points"),
        ([np.ones((5, 1)), np.ones((5, 1))], "Column 1 is the same"),
    ],
)
def test_refusals_name_the_chunk(chunks, message):
    with pytest.raises(DataError, match=message):
        GaussianMixtureModel(3).fit(chunks)


class Shrinking:
    def __init__(self, sizes):
        self.sizes = iter(sizes)

    def __iter__(self):
        return iter([TABLE[:300], TABLE[300 : 300 + next(self.sizes)]])


def test_chunks_that_change_are_refused():
    with pytest.raises(DataError, match="changed between two passes"):
        GaussianMixtureModel(3, means_init=TABLE[:3]).fit(Shrinking([50] * 5 + [40] * 500))


class Fewer:
    def __init__(self, *counts):
        self.counts = iter(counts)

    def __iter__(self):
        return iter([TABLE[:300], TABLE[300:]] * next(self.counts))


@pytest.mark.parametrize("later", [0, 2])
def test_chunks_that_come_and_go_are_refused(later):
    with pytest.raises(DataError, match="changed between two passes"):
        GaussianMixtureModel(3, means_init=TABLE[:3]).fit(Fewer(*[1] * 4, *[later] * 200))


@pytest.mark.parametrize("init", ["k-means++", "random points", "random responsibilities"])
def test_a_fit_in_memory_takes_little_beside_its_data(init):
    points = np.concatenate([RNG.normal(size=(150_000, 2)), RNG.normal(size=(150_000, 2)) + 3])
    mixture = GaussianMixtureModel(3, max_iter=2, tolerance=0, init=init, random_state=0)
    mixture.fit(points[::1000])
    tracemalloc.start()
    mixture.fit(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert points.nbytes + peak < 4 * points.nbytes
