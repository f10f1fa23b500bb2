"""EM over chunks takes the same way as EM over the whole."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.em.chunks import ChunkedModel, Chunks, reiterable, row_slices
from em_explorer.em.errors import DataError
from em_explorer.em.steps import RunOptions, em_steps, fit
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.missing_data import MissingData


def test_missing_data_in_chunks_is_missing_data():
    rng = np.random.default_rng(0)
    values = rng.multivariate_normal([0, 1, 2], [[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]], 300)
    values[rng.random(values.shape) < 0.2] = np.nan
    model = MissingData()
    data = model.prepare(values)
    params = model.initialize(data, rng)
    chunks = Chunks(
        lambda: (data.chunk(rows) for rows in row_slices(300, 47)),
        model.n_observations(data),
        data,
    )
    chunked = ChunkedModel(model)
    run = RunOptions(20, 0.0)
    ours = list(em_steps(chunked, chunks, params, run))
    theirs = list(em_steps(model, data, params, run))
    for a, b in zip(ours, theirs, strict=True):
        assert a.bound is b.bound is None or a.bound == pytest.approx(b.bound, rel=1e-12)
        np.testing.assert_allclose(a.params.mean, b.params.mean, rtol=0, atol=1e-11)
        np.testing.assert_allclose(a.params.covariance, b.params.covariance, rtol=0, atol=1e-11)
    back = chunked.from_units(chunked.to_units(params, chunks), chunks)
    np.testing.assert_allclose(back.mean, params.mean, atol=1e-12)


def test_topics_carry_their_documents_chunk_by_chunk():
    rng = np.random.default_rng(1)
    model = LatentDirichlet(LatentDirichletOptions(n_topics=3))
    data = model.prepare(rng.poisson(0.7, (40, 12)) + np.eye(40, 12, dtype=int))
    params = model.initialize(data, rng)
    parts = [data.select(rows) for rows in row_slices(40, 9)]
    chunks = Chunks(lambda: iter(parts), model.n_observations(data), data)
    ours = fit(ChunkedModel(model), chunks, params, RunOptions(15, 0.0))
    theirs = fit(model, data, params, RunOptions(15, 0.0))
    assert ours.history == pytest.approx(theirs.history, rel=1e-12)
    found = np.concatenate(ours.expectation.carry)
    # A document stops where its own turns do: a last bit of λ may cost it one turn more.
    np.testing.assert_allclose(found, theirs.expectation.carry, rtol=1e-6)


def test_what_can_be_read_only_once_is_refused():
    with pytest.raises(DataError, match="can be read once"):
        reiterable(x for x in range(3))
    begin = reiterable([1, 2])
    assert list(begin()) == list(begin()) == [1, 2]


def test_no_chunks_and_too_large_posteriors_are_refused():
    model = ChunkedModel(MissingData())
    with pytest.raises(DataError, match="no chunks"):
        model.e_step(Chunks(lambda: iter(()), 0, None), None)
    with pytest.raises(DataError, match="chunk by chunk"):
        model.e_step(Chunks(lambda: iter(()), 0, None), None, latent=True)
