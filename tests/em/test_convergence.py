"""Rates, limits and falls, on curves whose answers are known."""

import math

import numpy as np
import pytest

from em_explorer.data import library
from em_explorer.em.convergence import (
    Convergence,
    aitken_limit,
    convergence,
    decreases,
    distances,
    falls,
    is_rounding,
    rates,
    rounding_tolerance,
)
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.missing_data import MissingData, MissingDataParams
from tests.em.tiny import overlapping, short_run, traced

SADDLE, OPTIMUM = -30.0333, -29.97429


def geometric(limit, distance, rate, n):
    return limit - distance * rate ** np.arange(n)


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.93, 0.999])
def test_a_geometric_curve(rate):
    bounds = geometric(-120.0, 7.0, rate, 8)
    found = rates(bounds)
    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found[2:6], rate, rtol=1e-6)
    assert aitken_limit(bounds[:5]) == pytest.approx(-120.0, abs=1e-8)
    lines = distances(bounds[:5], -120.0)
    np.testing.assert_allclose(np.diff(lines), math.log10(rate), rtol=1e-6)


def test_too_short_to_say():
    assert rates([]).shape == (0,)
    for n in range(3):
        bounds = geometric(-1.0, 1.0, 0.5, n)
        assert np.isnan(rates(bounds)).all()
        assert aitken_limit(bounds) is None
    assert convergence([], 1e-6, 10) == Convergence()
    assert convergence([-3.0], 1e-6, 10) == Convergence()
    assert convergence([-3.0, -2.0], 1e-6, 10) == Convergence(gain=0.1)


def test_rounding_is_no_rate():
    flat = np.array([-1e4, -1e4 + 1e-11, -1e4 + 3e-11, -1e4 + 2e-11])
    assert np.isnan(rates(flat)).all()
    assert aitken_limit(flat) == flat[-1]
    state = convergence(flat, 1e-6, 100)
    assert (state.rate, state.missing_information, state.distance) == (None, None, 0.0)
    assert state.iterations_left == 0


def test_growing_gains_have_no_limit():
    bounds = [-10.0, -9.9, -9.7, -9.3]
    assert aitken_limit(bounds) is None
    state = convergence(bounds, 1e-6, 100)
    assert state.rate == pytest.approx(2.0)
    assert state.missing_information is None
    assert state.limit is state.distance is state.iterations_left is None
    assert state.at_least
    assert np.isnan(distances(bounds, None)).all()


def test_a_fall_has_no_limit_and_is_found():
    bounds = [-10.0, -9.0, -9.5]
    assert aitken_limit(bounds) is None
    assert decreases([math.nan, -10, -9, -9.5, -9.5, -9.4, -9.41]).tolist() == [3, 6]
    assert decreases([math.nan, -10, -9, -9.5, -9.5, -9.4, -9.41], 0.1).tolist() == [3]
    assert decreases([]).tolist() == []
    assert decreases([math.nan]).tolist() == []


def test_distances_are_unknown_at_and_above_the_limit():
    found = distances([math.nan, -2.0, -1.0, 0.0], -1.0)
    np.testing.assert_array_equal(found, [np.nan, 0.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("separation", "missing"), [(6, 0.29), (4, 0.77), (3, 0.93), (2, 0.989), (1.5, 0.997)]
)
def test_overlap_is_missing_information(separation, missing):
    """The farther two normals overlap, the more the labels would have told."""
    end = fit(*overlapping(separation), RunOptions(5000, 1e-11))
    found = convergence(end.history, 1e-11, 2000)
    assert end.stop.reason is StopReason.CONVERGED
    assert 1 - found.missing_information == pytest.approx(1 - missing, rel=0.1)
    assert found.rate == pytest.approx(found.missing_information**2)


@pytest.mark.parametrize("separation", [6, 4, 3])
def test_the_limit_is_reached(separation):
    """What Aitken says on the way is where the run ends, to 1e-6 nats."""
    end = fit(*overlapping(separation), RunOptions(3000, 1e-16))
    bounds = np.array(end.history)
    missing = bounds[-1] - bounds
    on_the_way = max(3, int(np.argmax(missing < 1e-4)))
    limits = [aitken_limit(bounds[: n + 1]) for n in range(on_the_way, len(bounds))]
    assert None not in limits
    np.testing.assert_allclose(limits, bounds[-1], rtol=0, atol=1e-6)
    if separation < 6:
        assert missing[on_the_way] > 30 * abs(limits[0] - bounds[-1])


@pytest.mark.parametrize("separation", [4, 3, 2])
def test_iterations_left(separation):
    tolerance = 1e-9
    end = fit(*overlapping(separation), RunOptions(5000, tolerance))
    bounds = end.history
    half = len(bounds) // 2
    state = convergence(bounds[:half], tolerance, 2000)
    really = end.n_iter - (half - 1)
    assert state.iterations_left == pytest.approx(really, rel=0.1, abs=1)
    assert convergence(bounds, tolerance, 2000).iterations_left == 0
    assert convergence(bounds[:half], 0.0, 2000).iterations_left is None


def test_iterations_left_of_a_geometric_curve():
    bounds = geometric(0.0, 1.0, 0.5, 60)  # gains ½, ¼, ⅛, …
    for left in range(6):
        state = convergence(bounds[: 14 - left], 1.9 * 2.0**-14, 1)  # the 14th is the first below
        assert state.iterations_left == left + 1
    assert not state.at_least
    assert state.gain == pytest.approx(2.0**-8)


def test_a_rate_that_has_not_settled_is_not_extrapolated_far():
    """Gains of 1, .9 and .63 say nothing of the hundredth one; of the next one they do."""
    drifting = np.cumsum([0.0, 1.0, 0.9, 0.63])
    assert convergence(drifting, 1e-9, 1).iterations_left is None
    assert convergence(drifting, 0.5, 1).iterations_left == 1
    assert convergence(drifting[:3], 0.5, 1).iterations_left is None  # a single rate
    steady = np.cumsum([0.0, 1.0, 0.7, 0.49])
    assert convergence(steady, 1e-9, 1).iterations_left == pytest.approx(
        math.log(1e-9 / 0.49) / math.log(0.7), abs=1
    )


def test_a_rising_rate_says_at_least():
    slowly = geometric(0.0, 1.0, 0.5, 20) + geometric(0.0, 0.1, 0.99, 20)
    assert convergence(slowly[:8], 1e-6, 1).at_least
    late = convergence(slowly[:7], 1e-6, 1)
    assert late.limit < 0.0
    assert not convergence(geometric(0.0, 1.0, 0.9, 20), 1e-6, 1).at_least


def murray(correlation):
    model = MissingData()
    data = model.prepare(library.load_bundled("murray").values)
    covariance = 2.5 * np.array([[1, correlation], [correlation, 1]])
    return model, data, MissingDataParams(np.zeros(2), covariance)


def test_murray_saddle_and_optima():
    at_saddle = traced(*murray(0.0), RunOptions(100, 1e-12))
    assert at_saddle.stop.reason is StopReason.STALLED
    assert at_saddle.final.bound == pytest.approx(SADDLE, abs=5e-5)
    assert aitken_limit(at_saddle.bounds) == at_saddle.final.bound
    for start in (0.1, -0.1):
        trace = traced(*murray(start), RunOptions(2000, 1e-13))
        assert trace.final.bound == pytest.approx(OPTIMUM, abs=5e-6)
        halfway = trace.n_iter // 2
        assert aitken_limit(trace.bounds[:halfway]) == pytest.approx(OPTIMUM, abs=5e-6)
        assert falls(trace).size == 0


def slowest_direction(model, data, params, step=1e-5):
    """Return the largest eigenvalue of the derivative of one EM step, by differences."""

    def pack(p):
        return np.array([*p.mean, p.covariance[0, 0], p.covariance[0, 1], p.covariance[1, 1]])

    def em(x):
        p = MissingDataParams(x[:2], np.array([[x[2], x[3]], [x[3], x[4]]]))
        return pack(model.m_step(p, model.e_step(data, p)))

    here = pack(params)
    columns = [(em(here + d) - em(here - d)) / (2 * step) for d in step * np.eye(5)]
    return np.abs(np.linalg.eigvals(np.array(columns).T)).max()


def test_murray_rate_is_that_of_the_em_map():
    """λ read from the curve is the spectral radius of EM's derivative at the optimum."""
    model, data, start = murray(0.3)
    end = fit(model, data, start, RunOptions(1000, 1e-11))
    expected = slowest_direction(model, data, end.params)
    found = convergence(end.history, 1e-11, 12).missing_information
    assert found == pytest.approx(expected, abs=2e-4)
    at_saddle = slowest_direction(*murray(0.0))
    assert at_saddle > 1.0  # a saddle pushes away


def test_falls_of_a_trace():
    trace = short_run(9)
    assert falls(trace).size == 0
    expected = trace.model.rounding(trace.final.params) * (200 + abs(trace.final.bound))
    assert rounding_tolerance(trace) == expected > 0
    assert rounding_tolerance(short_run(1)) == 0.0
    assert falls(short_run(1)).size == 0


def test_rounding_is_told_from_a_change():
    assert is_rounding(-4.5e-13, -1289.8)
    assert is_rounding(0.0, 0.0)
    assert not is_rounding(7.8e-9, -1130.3)
