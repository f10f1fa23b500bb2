"""EMImputation as a scikit-learn transformer, and the same numbers as the model under it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import em_explorer
from em_explorer import EMImputation
from em_explorer.models.conditionals import regression

NAN = np.nan
MVN = json.loads((Path(__file__).parent / "data" / "mvn_ml.json").read_text())["results"]


def airquality():
    path = Path(__file__).parent / "data" / "airquality.csv"
    return np.genfromtxt(path, delimiter=",", skip_header=1, missing_values="NA")[:, :4]


def holey(seed=0, n_rows=80):
    random = np.random.default_rng(seed)
    table = random.normal(size=(n_rows, 3)) @ random.normal(size=(3, 3)) + [5, -2, 100]
    table[random.random(table.shape) < 0.25] = NAN
    table[7] = NAN
    return table


def test_airquality_as_norm_has_it():
    expected = MVN["airquality"]["norm_em"]
    imputation = EMImputation(max_iter=1000, tolerance=1e-14).fit(airquality())
    np.testing.assert_allclose(imputation.mean_, expected["mean"], rtol=1e-7)
    np.testing.assert_allclose(imputation.covariance_, expected["cov"], rtol=1e-6)
    assert imputation.converged_
    assert imputation.stop_reason_ == "converged"
    history = imputation.log_likelihood_history_
    assert history.shape == (imputation.n_iter_ + 1,)
    trace = MVN["airquality"]["norm_trace"]["steps"]
    np.testing.assert_allclose(history[:10], [s["loglik"] for s in trace[:10]], rtol=1e-10)
    assert history[-1] == pytest.approx(expected["loglik_mvtnorm"], rel=1e-12)
    assert imputation.score(airquality()) == pytest.approx(history[-1] / 153, rel=1e-12)


def test_given_start_and_tolerance_zero():
    steps = MVN["airquality"]["norm_trace"]["steps"]
    imputation = EMImputation(
        max_iter=5, tolerance=0, mean_init=steps[3]["mean"], covariance_init=steps[3]["cov"]
    ).fit(airquality())
    assert (imputation.n_iter_, imputation.stop_reason_) == (5, "iteration limit")
    assert not imputation.converged_
    np.testing.assert_allclose(imputation.mean_, steps[8]["mean"], rtol=1e-10)
    np.testing.assert_allclose(imputation.covariance_, steps[8]["cov"], rtol=1e-9)
    assert imputation.log_likelihood_history_[0] == pytest.approx(steps[3]["loglik"], rel=1e-12)


def test_half_given_start_is_completed():
    table = holey()
    imputation = EMImputation(max_iter=0, mean_init=[1, 2, 3]).fit(table)
    np.testing.assert_allclose(imputation.mean_, [1, 2, 3], rtol=1e-12)
    np.testing.assert_allclose(imputation.covariance_, np.diag(np.nanvar(table, axis=0)))
    given = np.diag([1.0, 2.0, 3.0])
    imputation = EMImputation(max_iter=0, covariance_init=given).fit(table)
    np.testing.assert_allclose(imputation.mean_, np.nanmean(table, axis=0))
    np.testing.assert_array_equal(imputation.covariance_, given)
    assert given.flags.writeable


def test_transform_fills_holes_and_touches_nothing_else():
    table = holey()
    before = table.copy()
    imputation = EMImputation()
    filled = imputation.fit_transform(table)
    np.testing.assert_array_equal(table, before)
    seen = np.isfinite(table)
    np.testing.assert_array_equal(filled[seen], table[seen])
    np.testing.assert_allclose(filled[7], imputation.mean_, rtol=1e-14)
    row = int(np.flatnonzero(seen.sum(axis=1) == 2)[0])
    behind = regression(imputation.mean_, imputation.covariance_, seen[row])
    by_hand = behind.intercept + behind.coefficients @ table[row, behind.observed_columns]
    np.testing.assert_allclose(filled[row, behind.missing_columns], by_hand, rtol=1e-12)


def test_new_rows_may_lack_a_column():
    imputation = EMImputation().fit(holey())
    filled = imputation.transform([[5.0, NAN, NAN], [NAN, NAN, NAN]])
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[1], imputation.mean_, rtol=1e-14)


def test_draws():
    table, empty = holey(), np.full((20_000, 3), NAN)
    imputation = EMImputation(random_state=3).fit(table)
    first, second = imputation.draw(table), imputation.draw(table)
    seen = np.isfinite(table)
    np.testing.assert_array_equal(first[seen], table[seen])
    assert (first[~seen] != second[~seen]).all()
    np.testing.assert_array_equal(imputation.fit(table).draw(table), first)
    drawn = imputation.draw(empty)
    spread = np.sqrt(np.diag(imputation.covariance_))
    off = (np.cov(drawn.T) - imputation.covariance_) / np.outer(spread, spread)
    assert np.abs(off).max() < 0.04
    assert np.abs((drawn.mean(axis=0) - imputation.mean_) / spread).max() < 4 / np.sqrt(20_000)


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_random_states(kind):
    table = holey()
    one = EMImputation(random_state=kind(1)).fit(table).draw(table)
    np.testing.assert_array_equal(one, EMImputation(random_state=kind(1)).fit(table).draw(table))
    assert not np.array_equal(one, EMImputation(random_state=kind(2)).fit(table).draw(table))


def test_masked_cells_are_holes():
    table = holey()
    masked = np.ma.array(np.where(np.isfinite(table), table, 1e6), mask=~np.isfinite(table))
    np.testing.assert_array_equal(
        EMImputation().fit_transform(masked), EMImputation().fit_transform(table)
    )


def test_frames_clones_pickles_and_pipelines():
    import pandas as pd

    frame = pd.DataFrame(holey(), columns=["a", "b", "c"])
    imputation = EMImputation(ridge=0.1).set_output(transform="pandas").fit(frame)
    filled = imputation.transform(frame)
    assert list(filled.columns) == ["a", "b", "c"]
    assert list(imputation.get_feature_names_out()) == ["a", "b", "c"]
    assert clone(imputation).get_params() == imputation.get_params()
    again = pickle.loads(pickle.dumps(imputation))
    np.testing.assert_array_equal(again.transform(frame), filled)
    scaled = make_pipeline(EMImputation(), StandardScaler()).fit_transform(holey())
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)


def test_singular_on_the_way_keeps_the_last_good_state():
    table = np.random.default_rng(2).normal(size=(30, 2))
    table = np.column_stack([table, table.sum(axis=1)])
    table[::4, 0] = NAN
    imputation = EMImputation(max_iter=5000, tolerance=0).fit(table)
    assert imputation.stop_reason_ == "singular"
    assert not imputation.converged_
    assert "determine one another" in imputation.stop_message_
    assert len(imputation.log_likelihood_history_) == imputation.n_iter_ + 1
    assert np.isfinite(imputation.transform(table)).all()
    assert EMImputation(ridge=0.1).fit(table).stop_reason_ == "converged"


def test_stalled_at_a_saddle():
    table = [(1, 1), (1, -1), (-1, 1), (-1, -1)] + [(s * 2, NAN) for s in (1, 1, -1, -1)]
    table += [(NAN, s * 2) for s in (1, 1, -1, -1)]
    imputation = EMImputation().fit(table)
    assert (imputation.stop_reason_, imputation.converged_) == ("stalled", False)


def test_objective_includes_the_prior():
    imputation = EMImputation(ridge=2.0, tolerance=0, max_iter=40).fit(holey())
    history = imputation.log_likelihood_history_
    assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()
    covariance = imputation.covariance_
    prior = -0.5 * (np.linalg.slogdet(covariance)[1] + 2.0 * np.trace(np.linalg.inv(covariance)))
    likelihood = imputation.score(holey()) * 79
    assert history[-1] == pytest.approx(likelihood + prior, rel=1e-12)


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        ([[1, NAN], [2, NAN]], {}, "Nothing was observed in column 2"),
        ([[1, 7], [2, 7], [4, NAN]], {}, "variance of column 2 is zero"),
        ([[1, 7]], {}, "minimum of 2"),
        ([[1, np.inf], [2, 3]], {}, "infinity"),
        ([["a", "b"], ["c", "d"]], {}, "could not convert"),
        ([[1, 2], [2, 3], [4, 1]], {"mean_init": [1.0]}, r"shape \(2,\)"),
        ([[1, 2], [2, 3], [4, 1]], {"mean_init": ["a", "b"]}, "must be numbers"),
        ([[1, 2], [2, 3], [4, 1]], {"covariance_init": [[1, 2], [2, 1]]}, "singular"),
        ([[1, 2], [2, 3], [4, 1]], {"ridge": -1.0}, "ridge must be at least 0"),
        ([[1, 2], [2, 3], [4, 1]], {"max_iter": 1.5}, "max_iter must be a whole number"),
        ([[1, 2], [2, 3], [4, 1]], {"tolerance": -1}, "tolerance must be at least 0"),
    ],
)
def test_refusals_are_value_errors(table, options, words):
    with pytest.raises(ValueError, match=words):
        EMImputation(**options).fit(table)


def test_needs_to_be_fitted():
    for method in ("transform", "draw", "score"):
        with pytest.raises(NotFittedError):
            getattr(EMImputation(), method)([[1.0, NAN]])
    with pytest.raises(ValueError, match="nothing to score"):
        EMImputation().fit(holey()).score([[NAN, NAN, NAN]])


def test_example_in_the_docstring():
    table = [[1.0, 2.1], [2.0, 3.9], [3.0, 6.2], [4.0, NAN]]
    filled = EMImputation(max_iter=500, tolerance=1e-12).fit_transform(table)
    # x2 is missing in the last row alone, so ML is the regression on the first three.
    slope, intercept = np.polyfit([1, 2, 3], [2.1, 3.9, 6.2], 1)
    assert filled[3, 1] == pytest.approx(intercept + 4 * slope, abs=1e-4)
    assert filled[3].round(2).tolist() == [4.0, 8.17]


def test_import_is_light():
    code = (
        "import sys, em_explorer\n"
        "heavy = [m for m in ('sklearn', 'pandas', 'PySide6') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
        "em_explorer.EMImputation\n"
        "assert 'sklearn' in sys.modules\n"
        "assert 'PySide6' not in sys.modules\n"
    )
    root = Path(em_explorer.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=120)
