import numpy as np
import pytest

from em_explorer.data.generators import generate
from em_explorer.data.missingness import Mechanism, make_holes, mar, mcar, mnar, punch
from em_explorer.em.errors import DataError


@pytest.fixture
def complete():
    return np.random.default_rng(5).standard_normal((20_000, 3)) @ np.array(
        [[1.0, 0.7, 0.2], [0.0, 0.7, 0.3], [0.0, 0.0, 0.5]]
    )


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_the_rate_is_kept_and_values_too(complete, mechanism, rate):
    holed = make_holes(complete, mechanism, rate, np.random.default_rng(1))
    hole = np.isnan(holed)
    columns = slice(1, None) if mechanism is Mechanism.MAR else slice(None)
    np.testing.assert_allclose(hole[:, columns].mean(axis=0), rate, atol=0.012)
    np.testing.assert_array_equal(holed[~hole], complete[~hole])
    again = make_holes(complete, mechanism, rate, np.random.default_rng(1))
    np.testing.assert_array_equal(again, holed)


def test_mcar_depends_on_nothing(complete):
    hole = np.isnan(mcar(complete, 0.3, np.random.default_rng(0)))
    assert np.abs(np.corrcoef(np.hstack([hole, complete]).T)[:3, 3:]).max() < 0.03


def test_mar_depends_on_the_cause_alone(complete):
    holed = mar(complete, 0.4, np.random.default_rng(0), columns=(1,), cause=0)
    hole = np.isnan(holed[:, 1])
    assert not np.isnan(holed[:, [0, 2]]).any()
    assert complete[hole, 0].mean() > complete[~hole, 0].mean() + 1.0
    near = np.abs(complete[:, 0]) < 0.05  # at one value of the cause, y tells nothing more
    assert abs(np.corrcoef(hole[near], complete[near, 1])[0, 1]) < 0.1


def test_mnar_depends_on_the_value_itself(complete):
    holed = mnar(complete, 0.4, np.random.default_rng(0), columns=(1,))
    hole = np.isnan(holed[:, 1])
    near = np.abs(complete[:, 0]) < 0.05
    assert np.corrcoef(hole[near], complete[near, 1])[0, 1] > 0.3
    assert not np.isnan(holed[:, [0, 2]]).any()


def test_constant_causes_and_extreme_values_are_no_trouble():
    table = np.column_stack([np.ones(1000), np.arange(1000.0), np.r_[np.zeros(999), 1e9]])
    for mechanism in Mechanism:
        holed = make_holes(table, mechanism, 0.5, np.random.default_rng(0))
        assert 0.4 < np.isnan(holed[:, 1]).mean() < 0.6


def test_why_data_are_missing_matters():
    truth = {"MCAR": 0.0, "MAR": -0.3, "MNAR": -0.4}
    for name, bias in truth.items():
        dataset = generate("correlated-normals", n=20_000, mechanism=Mechanism[name].value)
        mean = np.nanmean(dataset.values[:, 1])
        assert (abs(mean) < 0.03) if bias == 0 else (mean < bias)
        assert not np.isnan(dataset.values[:, 0]).any()


def test_one_cell_can_be_punched():
    table = np.arange(6.0).reshape(3, 2)
    holed = punch(table, 1, 0)
    assert np.isnan(holed[1, 0])
    assert np.isnan(holed).sum() == 1
    assert not np.isnan(table).any()
    with pytest.raises(DataError, match="last value of its column"):
        punch(punch(holed, 0, 0), 2, 0)


def test_bad_requests_are_refused(complete):
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"below 1; it is 1\.0"):
        mcar(complete, 1.0, rng)
    with pytest.raises(DataError, match="complete table"):
        mcar(punch(complete, 0, 0), 0.1, rng)
    with pytest.raises(DataError, match="can't have holes"):
        mar(complete, 0.1, rng, columns=(0, 1), cause=0)
