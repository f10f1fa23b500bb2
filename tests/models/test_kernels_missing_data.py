"""The compiled E-step of missing data against the one to read."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.errors import SingularError
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models import backend
from em_explorer.models.backend import Backend
from em_explorer.models.kernels import missing_data as kernel
from em_explorer.models.missing_data import (
    MissingData,
    MissingDataOptions,
    MissingDataParams,
    MissingDataStart,
)
from em_explorer.models.patterns import group_patterns


@pytest.fixture
def as_many_threads_after():
    before = backend.threads()
    yield
    backend.set_threads(before)


def _both(options: MissingDataOptions | None = None) -> tuple[MissingData, MissingData]:
    options = options or MissingDataOptions()
    return MissingData(options), MissingData(options, Backend.NUMBA)


def _table(rng, n_rows: int, n_columns: int, share: float = 0.3):
    mixing = rng.standard_normal((n_columns, n_columns))
    table = rng.standard_normal((n_rows, n_columns)) @ mixing + 3.0
    holes = rng.random(table.shape) < share
    holes[np.arange(n_columns), np.arange(n_columns)] = False  # something of every column is seen
    table[holes] = np.nan
    return table


def _params(rng, n_columns: int) -> MissingDataParams:
    root = rng.standard_normal((n_columns, n_columns + 2))
    return MissingDataParams(rng.standard_normal(n_columns), root @ root.T)


def _assert_alike(found, wanted, rel: float = 1e-9) -> None:
    scatter = wanted.statistics.scatter[0]
    spread = np.sqrt(np.diagonal(scatter))
    change = np.abs(found.statistics.scatter[0] - scatter)
    assert (change <= rel * np.outer(spread, spread)).all()
    np.testing.assert_array_equal(found.statistics.counts, wanted.statistics.counts)
    sd = spread / np.sqrt(wanted.statistics.counts)
    size = sd + 1e-6 * np.abs(wanted.statistics.means[0])
    assert (np.abs(found.statistics.means - wanted.statistics.means)[0] <= rel * size).all()
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=rel)
    assert found.entropy == pytest.approx(wanted.entropy, rel=rel)


@pytest.mark.parametrize("n_columns", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_random_problems(n_columns, share):
    rng = np.random.default_rng(n_columns)
    reference, compiled = _both()
    for n_rows in (n_columns + 1, 50, 700):
        data = reference.prepare(_table(rng, n_rows, n_columns, share))
        params = _params(rng, n_columns)
        wanted = reference.e_step(data, params)
        found = compiled.e_step(data, params)
        _assert_alike(found, wanted)
        assert found.latent is None
        scatter = found.statistics.scatter[0]
        np.testing.assert_array_equal(scatter, scatter.T)


def test_the_posterior_comes_when_it_is_looked_at():
    rng = np.random.default_rng(1)
    reference, compiled = _both()
    table = _table(rng, 60, 3)
    table[7] = np.nan
    data = reference.prepare(table)
    params = _params(rng, 3)
    wanted = reference.e_step(data, params, latent=True)
    found = compiled.e_step(data, params, latent=True)
    _assert_alike(found, wanted)
    np.testing.assert_array_equal(found.latent.imputed, wanted.latent.imputed)
    np.testing.assert_array_equal(
        found.latent.standard_deviations, wanted.latent.standard_deviations
    )


@pytest.mark.parametrize("start", [s for s in MissingDataStart if s is not MissingDataStart.GIVEN])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_whole_runs_are_the_same(start, ridge):
    rng = np.random.default_rng(2)
    reference, compiled = _both(MissingDataOptions(start, ridge))
    data = reference.prepare(_table(rng, 300, 4))
    params = reference.initialize(data, rng)
    run = RunOptions(40, 0.0)
    wanted, found = fit(reference, data, params, run), fit(compiled, data, params, run)
    assert found.stop.reason is wanted.stop.reason is StopReason.ITERATION_LIMIT
    np.testing.assert_allclose(found.history, wanted.history, rtol=1e-9)
    np.testing.assert_allclose(found.params.covariance, wanted.params.covariance, rtol=1e-8)


def test_same_bits_for_any_number_of_threads(as_many_threads_after):
    rng = np.random.default_rng(3)
    reference, compiled = _both()
    data = reference.prepare(_table(rng, 3000, 12, 0.5))
    assert sum(len(stack.order) for stack in data.stacks) > 2 * kernel.CHUNK
    params = _params(rng, 12)
    found = []
    for n in (1, 2, 3):
        backend.set_threads(n)
        found.append(compiled.e_step(data, params))
    for other in found[1:]:
        assert other.log_likelihood == found[0].log_likelihood
        assert other.entropy == found[0].entropy
        np.testing.assert_array_equal(found[0].statistics.scatter, other.statistics.scatter)
        np.testing.assert_array_equal(found[0].statistics.means, other.statistics.means)
    _assert_alike(found[0], reference.e_step(data, params))


def test_an_offset_of_a_million_beside_a_spread_of_a_thousandth_costs_no_digits():
    rng = np.random.default_rng(4)
    reference, compiled = _both()
    data = reference.prepare(1e6 + 1e-3 * _table(rng, 400, 3))
    params = reference.initialize(data, rng)
    for _ in range(10):
        wanted, found = reference.e_step(data, params), compiled.e_step(data, params)
        _assert_alike(found, wanted)
        params = compiled.m_step(params, found)


def test_columns_of_very_different_units_and_a_start_far_away():
    rng = np.random.default_rng(5)
    reference, compiled = _both()
    data = reference.prepare(_table(rng, 400, 3) * np.array([1e-8, 1.0, 1e8]))
    spread = np.sqrt(data.variances)
    params = MissingDataParams(1e4 * spread, np.outer(spread, spread) * (np.eye(3) + 0.5))
    _assert_alike(compiled.e_step(data, params), reference.e_step(data, params), rel=1e-10)


def test_columns_that_nearly_determine_one_another():
    rng = np.random.default_rng(6)
    reference, compiled = _both()
    data = reference.prepare(_table(rng, 200, 3))
    near = np.ones((3, 3)) + 1e-9 * np.eye(3)
    params = MissingDataParams(np.zeros(3), near)
    # Here the answer itself is known to no more than rounding times 1e9.
    _assert_alike(compiled.e_step(data, params), reference.e_step(data, params), rel=1e-6)


def test_a_singular_covariance_is_refused_alike():
    reference, compiled = _both()
    data = reference.prepare([[0.0, 1.0], [np.nan, 2.0], [1.0, np.nan], [2.0, 0.0]])
    params = MissingDataParams(np.zeros(2), np.ones((2, 2)))
    for model in (reference, compiled):
        with pytest.raises(SingularError, match="singular"):
            model.e_step(data, params)


def test_rows_with_nothing_observed_say_nothing():
    rng = np.random.default_rng(7)
    _, compiled = _both()
    table = _table(rng, 50, 3)
    table[::10] = np.nan
    params = _params(rng, 3)
    data = compiled.prepare(table)
    seen = table[~np.isnan(table).all(axis=1)]
    one, two = compiled.e_step(data, params), compiled.e_step(compiled.prepare(seen), params)
    _assert_alike(one, two)


def test_a_chunk_of_empty_rows_adds_nothing():
    rng = np.random.default_rng(7)
    _, compiled = _both()
    data = compiled.prepare(_table(rng, 50, 3))
    nothing = replace(data, values=np.full((2, 3), np.nan), observed=np.zeros((2, 3), bool),
                      stacks=(), empty_rows=np.arange(2))  # fmt: skip
    found = compiled.e_step(nothing, _params(rng, 3))
    assert found.statistics.counts == [0.0]
    assert found.log_likelihood == found.entropy == 0.0


def test_patterns_are_reduced_to_their_own_moments():
    rng = np.random.default_rng(8)
    values = _table(rng, 500, 4, 0.4)
    stacks, empty = group_patterns(values)
    n_rows = len(empty)
    for stack in stacks:
        for p, rows in enumerate(stack.rows):
            columns = stack.order[p, : stack.n_observed]
            seen = values[np.ix_(rows, columns)]
            assert not np.isnan(seen).any()
            assert np.isnan(np.delete(values[rows], columns, axis=1)).all()
            np.testing.assert_allclose(stack.means[p], seen.mean(0), rtol=1e-12)
            apart = seen - seen.mean(0)
            np.testing.assert_allclose(stack.scatter[p], apart.T @ apart, rtol=0, atol=1e-10)
            n_rows += len(rows)
    assert n_rows == 500


def test_nothing_is_compiled_after_the_warm_up():
    for _, run in kernel.KERNELS:
        run()
    before = len(kernel._patterns.signatures)
    rng = np.random.default_rng(9)
    model = MissingData(backend=Backend.NUMBA)
    for n_columns in (1, 3, 8):
        table = _table(rng, 40, n_columns)
        for layout in (table, np.asfortranarray(table), np.repeat(table, 2, axis=0)[::2]):
            data = model.prepare(layout)
            params = model.initialize(data, rng)
            expectation = model.e_step(data, params, latent=True)
            model.e_step(data, model.m_step(params, expectation))
    assert len(kernel._patterns.signatures) == before
