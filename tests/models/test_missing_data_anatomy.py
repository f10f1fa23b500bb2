"""Names, values, coordinates and gauges of the normal behind a table with holes."""

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.errors import SingularError
from em_explorer.models.conditionals import refuse_singular
from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.missing_data_anatomy import MissingDataAnatomy
from tests.models.anatomy_checks import check_anatomy


def table(n_columns=3, seed=0, n=80):
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((n, n_columns)) @ rng.standard_normal((n_columns, n_columns))
    raw = raw * 10.0 ** np.arange(n_columns) + 50.0
    raw[rng.random(raw.shape) < 0.2] = np.nan
    model = MissingData()
    data = model.prepare(raw)
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize("n_columns", [1, 2, 4])
def test_an_anatomy_keeps_what_all_keep(n_columns):
    for seed in range(4):
        model, data, params = table(n_columns, seed)
        check_anatomy(MissingDataAnatomy(model, data), model, data, params)


def test_the_registry_knows_it():
    assert registry.load(registry.entry("missing_data").anatomy) is MissingDataAnatomy


def test_names_and_values():
    model, data, _ = table(3)
    anatomy = MissingDataAnatomy(model, data, ("ozone", "wind", "sun"))
    covariance = np.array([[4.0, 3.0, 0.0], [3.0, 9.0, 1.5], [0.0, 1.5, 1.0]])
    shown = MissingDataParams(np.array([1.0, 2.0, 3.0]), covariance)
    params = model.from_units(shown, data)
    assert [p.label for p in anatomy.parameters(params)] == [
        *("μ ozone", "μ wind", "μ sun", "σ ozone", "σ wind", "σ sun"),
        *("ρ ozone–wind", "ρ ozone–sun", "ρ wind–sun"),
    ]
    np.testing.assert_allclose(anatomy.values(params), [1, 2, 3, 2, 3, 1, 0.5, 0, 0.5], atol=1e-10)
    np.testing.assert_allclose(anatomy.scales(params), [2, 3, 1, 2, 3, 1, 1, 1, 1], rtol=1e-14)


def test_many_columns_are_followed_without_their_correlations():
    model, data, params = table(25, n=60)
    assert len(MissingDataAnatomy(model, data).parameters(params)) == 50


def test_the_least_seen_pair_is_counted():
    for seed in range(5):
        model, data, params = table(4, seed)
        anatomy = MissingDataAnatomy(model, data, tuple("abcd"))
        seen = data.observed.astype(int)
        together = (seen.T @ seen)[np.triu_indices(4, 1)]
        (i, j), rows = anatomy.least_seen_pair
        assert rows == together.min() == (seen[:, i] & seen[:, j]).sum()
        gauge = anatomy.gauges(params, None)[-1]
        assert (gauge.value, gauge.full, gauge.kind) == (rows, data.observed.any(1).sum(), "pairs")
        assert gauge.label == f"rows with {'abcd'[i]} and {'abcd'[j]}"


def test_columns_never_seen_together_are_told():
    model = MissingData()
    raw = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, 3.0], [np.nan, 5.0]])
    data = model.prepare(raw)
    params = model.initialize(data, np.random.default_rng(0))
    gauge = MissingDataAnatomy(model, data).gauges(params, None)[-1]
    assert gauge.value == 0 < gauge.warn


def test_the_gauge_fails_exactly_when_the_guard_trips():
    model, data, _ = table(2)
    anatomy = MissingDataAnatomy(model, data)
    spread = np.sqrt(data.variances)
    tripped = 0
    for apart in 10.0 ** -np.arange(0.25, 13.0):
        shape = np.array([[1.0, 1.0 - apart], [1.0 - apart, 1.0]])
        covariance = shape * np.outer(spread, spread)
        gauge = anatomy.gauges(MissingDataParams(np.zeros(2), covariance), None)[0]
        assert (gauge.label, gauge.part) == ("smallest eigenvalue", None)
        try:
            refuse_singular(covariance, data.columns)
        except SingularError:
            tripped += 1
            assert gauge.value < gauge.fail
        else:
            assert gauge.value >= gauge.fail
    assert tripped == 2
