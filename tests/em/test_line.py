"""The textbook's picture: the bound touches the likelihood at 0 and has its top at 1."""

import numpy as np
import pytest

from em_explorer.em.line import bound_line, placed
from em_explorer.em.steps import RunOptions
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from tests.em.four_models import ALL, EXACT, LOCKABLE, anatomy_of, locked, topics
from tests.em.tiny import LineAnatomy, overlapping, traced

RNG = np.random.default_rng(3)
S = np.round(np.arange(-0.5, 2.0001, 0.1), 10)
TOUCH, TOP = int(np.flatnonzero(S == 0)[0]), int(np.flatnonzero(S == 1)[0])


def lines(model, data, params, n_iter=4, s=S):
    trace = traced(model, data, params, RunOptions(n_iter, 0.0))
    anatomy = anatomy_of(model, data)
    for index in range(1, len(trace) - 1, 2):
        before, after = trace[index], trace[index + 1]
        yield before, after, bound_line(model, data, anatomy, before, after, s)


def scale(model, data, bound):
    return model.n_observations(data) + abs(bound)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ALL)
def test_the_top_of_the_bound_is_where_the_m_step_went(name, seed):
    model, data, params = ALL[name](seed)
    for before, after, line in lines(model, data, params):
        assert np.isfinite(line.bound).all()
        unit = scale(model, data, after.bound)
        assert line.bound[TOUCH] == pytest.approx(before.bound, abs=1e-12 * unit)
        assert line.bound[TOP] == pytest.approx(after.bound, abs=1e-12 * unit)
        assert line.bound.max() <= after.bound + 1e-12 * unit
        if after.bound - before.bound > 1e-6:
            assert np.argmax(line.bound) == TOP


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", EXACT)
def test_the_likelihood_touches_the_bound_and_lies_above_it(name, seed):
    model, data, params = EXACT[name](seed)
    for before, _, line in lines(model, data, params):
        assert np.isfinite(line.log_likelihood).all()
        unit = scale(model, data, before.bound)
        gaps = line.log_likelihood - line.bound
        assert gaps.min() >= -1e-12 * unit
        assert abs(gaps[TOUCH]) <= 1e-12 * unit
        # They have a tangent in common, so nearby the gap grows with the square.
        assert gaps[TOUCH + 1] < 0.1 * max(np.ptp(line.bound), 1e-9)


def test_log_likelihood_is_that_of_the_params_with_their_prior():
    model, data, params = EXACT["mixture, priors"]()
    (before, after, line), *_ = lines(model, data, params, 1)
    for at, snapshot in ((TOUCH, before), (TOP, after)):
        found = model.e_step(data, snapshot.params).log_likelihood
        expected = found + model.log_prior(snapshot.params)
        assert line.log_likelihood[at] == pytest.approx(expected, rel=1e-12)


def test_a_topic_model_has_only_its_bound():
    model, data, params = topics()
    before, _, line = next(lines(model, data, params))
    assert line.log_likelihood is None
    # φ and γ are held: what varies is the topics' own part.
    assert np.ptp(line.bound) > 0
    assert line.bound[TOUCH] == pytest.approx(before.bound, rel=1e-13)


def test_one_component_and_a_small_anatomy():
    model = GaussianMixture(GaussianMixtureOptions(1))
    data = model.prepare(np.random.default_rng(0).normal(5, 2, 40))
    params = model.nudge(
        model.initialize(data, np.random.default_rng(0)), np.random.default_rng(1), 0.5
    )
    trace = traced(model, data, params, RunOptions(1, 0.0))
    line = bound_line(model, data, LineAnatomy(data), trace[1], trace[2], S)
    # With nothing hidden the bound is the likelihood.
    np.testing.assert_allclose(line.bound, line.log_likelihood, rtol=1e-12)


def test_cancelling_leaves_the_rest_undone():
    model, data, params = overlapping(3.0, n=40)
    trace = traced(model, data, params, RunOptions(1, 0.0))
    asked = []

    def enough():
        asked.append(None)
        return len(asked) > 3

    line = bound_line(model, data, LineAnatomy(data), trace[1], trace[2], S, enough)
    assert np.isfinite(line.bound[:3]).all()
    assert np.isnan(line.bound[3:]).all()
    assert np.isnan(line.log_likelihood[3:]).all()
    assert not line.bound.flags.writeable


def test_a_point_where_a_variance_is_exactly_zero_stays_empty():
    model, data, params = overlapping(3.0, n=40)
    trace = traced(model, data, params, RunOptions(1, 0.0))

    class Collapses(LineAnatomy):
        def coordinates(self, params):
            found = super().coordinates(params)
            found[-1] = 1.0 if params is trace[1].params else 0.5
            return found

    line = bound_line(model, data, Collapses(data), trace[1], trace[2], np.array([0, 1.0, 2.0]))
    assert np.isfinite(line.bound[:2]).all()
    assert np.isnan(line.bound[2])
    assert np.isnan(line.log_likelihood[2])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", LOCKABLE)
def test_what_is_locked_stays_along_the_line(name, seed):
    model, data, params = locked(name, seed)
    assert model.locks
    anatomy = anatomy_of(model, data)
    start, end = anatomy.coordinates(params), anatomy.coordinates(model.nudge(params, RNG, 0.3))
    for at in (-0.5, 0.3, 2.0):
        found = placed(model, anatomy, (1 - at) * start + at * end, params)
        again = model.hold(found, params)
        np.testing.assert_allclose(anatomy.coordinates(again), anatomy.coordinates(found))
    for before, after, line in lines(model, data, params):
        unit = scale(model, data, after.bound)
        assert line.bound.max() <= after.bound + 1e-12 * unit
        assert line.bound[TOUCH] == pytest.approx(before.bound, abs=1e-12 * unit)
        assert line.bound[TOP] == pytest.approx(after.bound, abs=1e-12 * unit)
        if line.log_likelihood is not None:
            assert (line.log_likelihood - line.bound).min() >= -1e-12 * unit
