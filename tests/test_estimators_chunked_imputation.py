"""Imputation of tables in chunks: the same fit as of the whole, without ever holding the whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from em_explorer import EMImputation
from em_explorer.em.errors import DataError
from em_explorer.estimators import chunked_imputation

RNG = np.random.default_rng(0)
SPREAD = np.array([1.0, 1e-3, 50.0, 2.0])
TABLE = RNG.normal(size=(500, 4)) @ RNG.normal(size=(4, 4)) * SPREAD + [1e6, 1e6, 0.0, -3.0]
TABLE[RNG.random(TABLE.shape) < 0.3] = np.nan
TABLE[::50] = np.nan


def pieces():
    return [TABLE[:3], TABLE[3:3], TABLE[3:200], TABLE[200:201], TABLE[201:]]


def assert_same(one, other):
    assert one.n_iter_ == other.n_iter_
    np.testing.assert_allclose(
        one.log_likelihood_history_, other.log_likelihood_history_, rtol=1e-9
    )
    np.testing.assert_allclose(one.mean_ - TABLE[1], other.mean_ - TABLE[1], rtol=1e-9, atol=1e-9)
    scale = np.outer(SPREAD, SPREAD)
    np.testing.assert_allclose(one.covariance_ / scale, other.covariance_ / scale, atol=1e-9)


def few_patterns(monkeypatch):
    monkeypatch.setattr(chunked_imputation, "LARGEST_SCATTER", 4 * 16)


@pytest.mark.parametrize("reduced", [True, False])
@pytest.mark.parametrize("ridge", [0.0, 1e-4])
def test_chunks_are_the_whole(monkeypatch, reduced, ridge):
    if not reduced:
        few_patterns(monkeypatch)
    model = EMImputation(25, 0, ridge=ridge)
    apart = EMImputation(25, 0, ridge=ridge).fit(pieces())
    assert_same(apart, model.fit(TABLE))
    assert apart.n_features_in_ == 4
    np.testing.assert_allclose(apart.transform(TABLE), model.transform(TABLE), rtol=1e-9)


class Counting:
    def __init__(self):
        self.passes = 0

    def __iter__(self):
        yield from pieces()
        self.passes += 1


def test_the_chunks_are_read_once_while_patterns_are_few(monkeypatch):
    chunks = Counting()
    EMImputation(25, 0).fit(chunks)
    assert chunks.passes == 1
    few_patterns(monkeypatch)
    chunks = Counting()
    EMImputation(25, 0).fit(chunks)
    assert chunks.passes == 1 + 26


def test_given_starts():
    mean, covariance = np.nanmean(TABLE, axis=0), np.diag(np.nanvar(TABLE, axis=0) * 2)
    model = EMImputation(10, 0, mean_init=mean, covariance_init=covariance)
    apart = EMImputation(**model.get_params()).fit(pieces())
    assert_same(apart, model.fit(TABLE))


def test_a_mapped_file_is_the_table_it_holds(tmp_path):
    mapped = np.memmap(tmp_path / "table", dtype=float, mode="w+", shape=TABLE.shape)
    mapped[:] = TABLE
    apart, whole = EMImputation(20, 0).fit(mapped), EMImputation(20, 0).fit(TABLE)
    for name in ("log_likelihood_history_", "mean_", "covariance_"):
        np.testing.assert_allclose(getattr(apart, name), getattr(whole, name), rtol=1e-9)


def test_the_whole_is_never_in_memory(tmp_path):
    n_rows = 1_000_000
    path = tmp_path / "large.dat"
    mapped = np.memmap(path, dtype=float, mode="w+", shape=(n_rows, 5))
    mixing = RNG.normal(size=(5, 5))
    for first in range(0, n_rows, 100_000):
        part = RNG.normal(size=(100_000, 5)) @ mixing
        part[RNG.random(part.shape) < 0.2] = np.nan
        mapped[first : first + 100_000] = part
    mapped.flush()
    del mapped
    table = np.memmap(path, dtype=float, mode="r", shape=(n_rows, 5))
    tracemalloc.start()
    model = EMImputation().fit(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * n_rows * 5 * 8
    np.testing.assert_allclose(model.covariance_, mixing.T @ mixing, atol=0.1)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ((t for t in [TABLE]), "can be read once"),
        ([TABLE, TABLE[:, :2]], "Chunk 2 has 2 columns"),
        ([TABLE, TABLE[0]], "Chunk 2: it must be a table"),
        ([TABLE, np.full((2, 4), np.inf)], "Chunk 2: There is an infinite value"),
        ([TABLE, np.full((2, 4), "word")], "Chunk 2: The table must hold numbers"),
        ([TABLE * [1, np.nan, 1, 1]], "Nothing was observed in column 2"),
        ([TABLE[:0]], "no rows"),
        ([TABLE[1:2], TABLE[:0]], "minimum of 2"),
    ],
)
def test_refusals_name_the_chunk(chunks, message):
    with pytest.raises(DataError, match=message):
        EMImputation().fit(chunks)
