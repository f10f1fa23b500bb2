"""Overimputation against brute force, and its coverage on data that the model has made."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.overimputation import Z_90, overimpute


def table(rng, n=80, d=4, holes=0.25):
    mixing = rng.standard_normal((d, d))
    values = rng.standard_normal((n, d)) @ mixing.T + rng.standard_normal(d)
    values[rng.random((n, d)) < holes] = np.nan
    values[0] = np.nan
    values[0, 1] = 0.3  # one row that shows nothing else
    values[1] = np.nan  # and one that shows nothing
    return values


@pytest.mark.parametrize("seed", range(4))
def test_each_cell_is_predicted_as_if_it_were_missing(seed):
    rng = np.random.default_rng(seed)
    values = table(rng)
    model = MissingData()
    data = model.prepare(values)
    factor = rng.standard_normal((4, 4))
    params = MissingDataParams(rng.standard_normal(4), factor @ factor.T + np.eye(4))
    found = overimpute(data, params, 1)
    np.testing.assert_array_equal(found.rows, np.flatnonzero(~np.isnan(values[:, 1])))
    np.testing.assert_array_equal(found.observed, data.values[found.rows, 1])
    for i in range(0, len(found.rows), 7):
        row = found.rows[i]
        seen = data.observed[row].copy()
        seen[1] = False
        mean, variance = params.mean[1], params.covariance[1, 1]
        if seen.any():
            inner = params.covariance[np.ix_(seen, seen)]
            across = params.covariance[1, seen]
            mean = mean + across @ np.linalg.solve(
                inner, data.values[row, seen] - params.mean[seen]
            )
            variance = variance - across @ np.linalg.solve(inner, across)
        assert found.predicted[i] == pytest.approx(mean, rel=1e-9, abs=1e-9)
        assert found.deviations[i] == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_nine_intervals_in_ten_hold_the_value_where_the_model_is_true():
    rng = np.random.default_rng(5)
    model = MissingData()
    truth = MissingDataParams(
        np.zeros(3), np.array([[1.0, 0.6, 0.2], [0.6, 2.0, 0.5], [0.2, 0.5, 1]])
    )
    values = model.sample(truth, 20_000, rng)
    values[rng.random(values.shape) < 0.3] = np.nan
    data = model.prepare(values)
    found = overimpute(data, model.from_units(truth, data), 1)
    share = found.covered.mean()
    assert abs(share - 0.9) < 4 * np.sqrt(0.09 / len(found.rows))
    apart = np.abs(found.observed - found.predicted) <= Z_90 * found.deviations
    np.testing.assert_array_equal(found.covered, apart)


def test_a_column_alone_is_predicted_by_its_mean():
    model = MissingData()
    data = model.prepare(np.array([[1.0], [3.0], [np.nan], [5.0]]))
    found = overimpute(data, MissingDataParams(np.array([0.5]), np.array([[4.0]])), 0)
    np.testing.assert_array_equal(found.rows, [0, 1, 3])
    np.testing.assert_array_equal(found.predicted, [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(found.deviations, [2.0, 2.0, 2.0])
