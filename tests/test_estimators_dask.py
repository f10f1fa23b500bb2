"""dask arrays: with a cluster or without, the same fit as of the whole in memory."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import (
    EMImputation,
    GaussianMixtureModel,
    HiddenMarkovModel,
    LatentDirichletAllocation,
)
from em_explorer.em.errors import DataError

array = pytest.importorskip("dask.array")

RNG = np.random.default_rng(0)
TABLE = np.concatenate([RNG.normal(c, 1.0, (200, 3)) for c in ([0, 0, 0], [4, 0, 3], [0, 5, 1])])
TABLE = TABLE[RNG.permutation(600)]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def same(one, other, *names):
    for name in ("log_likelihood_history_", *names):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name
        )


def fits(estimator, blocks, whole, *names):
    apart = type(estimator)(**estimator.get_params()).fit(blocks)
    same(apart, estimator.fit(whole), *names)
    return apart


@pytest.mark.parametrize("init", ["k-means++", "random points"])
def test_a_mixture_without_a_cluster(init):
    mixture = GaussianMixtureModel(3, max_iter=15, tolerance=0, init=init, random_state=2)
    blocks = array.from_array(TABLE, chunks=(170, 2))
    fits(mixture, blocks, TABLE, "weights_", "means_", "covariances_")


def test_a_mixture_on_a_cluster(cluster):
    mixture = GaussianMixtureModel(3, max_iter=15, tolerance=0, random_state=2)
    blocks = array.from_array(TABLE, chunks=(150, 3)).persist()
    fits(mixture, blocks, TABLE, "weights_", "means_", "covariances_")
    assert cluster.status == "running"


def test_blocks_of_unknown_sizes_are_welcome():
    mixture = GaussianMixtureModel(2, max_iter=5, tolerance=0, random_state=2)
    blocks = array.from_array(TABLE, chunks=(170, 3))
    chosen = blocks[blocks[:, 0] > 0]
    fits(mixture, chosen, TABLE[TABLE[:, 0] > 0], "means_")


def test_every_block_draws_its_own_shares():
    start = GaussianMixtureModel(3, max_iter=0, init="random responsibilities", random_state=2)
    halves = np.concatenate([TABLE, TABLE])
    once, twice = (
        start.fit(array.from_array(table, chunks=(600, 3))).means_.copy()
        for table in (TABLE, halves)
    )
    assert not np.allclose(once, twice)
    np.testing.assert_allclose(twice, TABLE.mean(0) * np.ones((3, 1)), atol=1.0)


def test_an_error_on_a_worker_is_a_sentence(cluster):
    holed = TABLE.copy()
    holed[400, 1] = np.nan
    with pytest.raises(DataError, match=r"Chunk 3: The value in row 101, column 2 is missing"):
        GaussianMixtureModel(3).fit(array.from_array(holed, chunks=(150, 3)))
    with pytest.raises(DataError, match="it must be a table"):
        GaussianMixtureModel(3).fit(array.from_array(TABLE[:, 0], chunks=150))


def test_imputation_on_a_cluster(cluster):
    holed = np.where(RNG.random(TABLE.shape) < 0.2, np.nan, TABLE)
    fits(EMImputation(20, 0), array.from_array(holed, chunks=(150, 2)), holed, "mean_")


@pytest.mark.parametrize("kind", ["categorical", "gaussian", "poisson"])
def test_sequences_on_a_cluster(cluster, kind):
    state = (np.arange(300) // 10) % 2
    whole = {
        "categorical": (RNG.random(300) < 0.2 + 0.6 * state).astype(int),
        "gaussian": TABLE[:300] + 5 * state[:, None],
        "poisson": RNG.poisson(1 + 5 * state),
    }[kind]
    lengths = (100, 50, 70, 80)
    chain = HiddenMarkovModel(2, kind, max_iter=8, tolerance=0, random_state=1).fit(whole, lengths)
    with pytest.raises(DataError, match="length of every sequence"):
        HiddenMarkovModel(2, kind).fit(array.from_array(whole))
    apart = HiddenMarkovModel(**chain.get_params()).fit(array.from_array(whole), lengths)
    same(apart, chain, "transmat_", "startprob_")


def test_topics_on_a_cluster(cluster):
    counts = RNG.poisson(2.0, (60, 12))
    topics = LatentDirichletAllocation(3, max_iter=6, tolerance=0, random_state=1)
    apart = fits(topics, array.from_array(counts, chunks=(25, 5)), counts)
    np.testing.assert_allclose(apart.doc_topic_, topics.doc_topic_, atol=1e-5)
