"""SQUAREM: the same optimum in fewer E-steps, and never a fall."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from em_explorer.em.acceleration import Accelerated, extrapolated, n_e_steps
from em_explorer.em.convergence import falls
from em_explorer.em.diagnostics import has_exact_posterior
from em_explorer.em.errors import SingularError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.em.trace import Trace
from tests.em.four_models import ALL, LOCKABLE, anatomy_of, die, holes, locked, mixture, topics
from tests.em.tiny import LineAnatomy, overlapping, traced

RUN = RunOptions(4000, 1e-9)


class Counting:
    """A model that counts its passes over the data, and keeps every step it is asked to check."""

    def __init__(self, model):
        self.model = model
        self.n_e_steps = 0
        self.refused = 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def e_step(self, data, params, *, latent=False, carry=None):
        self.n_e_steps += 1
        try:
            return self.model.e_step(data, params, latent=latent, carry=carry)
        except Exception:
            self.refused += 1
            raise


def accelerated(model, data):
    return Accelerated(model, data, anatomy_of(getattr(model, "model", model), data))


@pytest.mark.parametrize("start", [mixture, die, holes, topics])
def test_the_same_optimum_in_fewer_e_steps(start):
    total_plain = total = 0
    for seed in range({die: 2, topics: 2}.get(start, 5)):
        model, data, params = start(seed)
        counting = Counting(model)
        run = replace(RUN, tolerance=1e-7) if start is topics else RUN
        plain = fit(model, data, params, run)
        fast = fit(accelerated(counting, data), data, params, run)
        assert fast.stop.reason is plain.stop.reason is StopReason.CONVERGED
        assert fast.expectation.n_e_steps == counting.n_e_steps
        assert counting.refused == 0  # no proposal was invalid
        n = model.n_observations(data)
        assert fast.history[-1] >= plain.history[-1] - 1e-5 * n
        total_plain += plain.n_iter + 1
        total += counting.n_e_steps
    assert total < 0.75 * total_plain


@pytest.mark.parametrize("start", [mixture, die, holes])
def test_the_optimum_is_the_very_same(start):
    model, data, params = start(1)
    plain = fit(model, data, params, RunOptions(20_000, 1e-14))
    fast = fit(accelerated(model, data), data, params, RunOptions(20_000, 1e-14))
    assert fast.history[-1] == pytest.approx(plain.history[-1], rel=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_full_steps_never_fall(name):
    for seed in range(2):
        model, data, params = ALL[name](seed)
        trace = traced(accelerated(model, data), data, params, RunOptions(40, 0.0))
        assert trace.stop.reason is StopReason.ITERATION_LIMIT
        assert falls(trace).size == 0
        # Each is at least as good as one plain step from where it started.
        for index in range(1, 13, 2):
            here = trace[index]
            first = model.m_step(here.params, here.expectation)
            there = model.e_step(data, first, carry=here.expectation.carry)
            least = model.bound(first, there)
            assert trace.bound(index + 2) >= least - 1e-11 * abs(least)


def test_a_half_step_may_fall_and_is_no_decrease():
    model, data, params = overlapping(2.0, n=300)
    trace = traced(Accelerated(model, data, LineAnatomy(data)), data, params, RUN)
    assert trace.stop.reason is StopReason.CONVERGED
    half_steps = np.diff(trace.half_step_bounds[1:])
    assert half_steps.min() < -1e-6
    assert np.diff(trace.bounds).min() >= -1e-10
    assert [trace[i].phase for i in range(4)] == [Phase.START, Phase.E, Phase.M, Phase.E]


def test_a_full_step_that_falls_is_a_decrease():
    model, data, params = overlapping(2.0, n=300)

    class Backwards(Accelerated):
        def m_step(self, params, expectation):
            return model.nudge(params, np.random.default_rng(0), 0.5)

    trace = traced(Backwards(model, data, LineAnatomy(data)), data, params, RUN)
    assert trace.stop.reason is StopReason.DECREASED
    assert falls(trace).tolist() == [len(trace) - 1]


def test_e_steps_are_counted_honestly():
    model, data, params = overlapping(2.0, n=300)
    counting = Counting(model)
    fast = Accelerated(counting, data, LineAnatomy(data))
    trace = Trace(fast, data)
    for snapshot in em_steps(fast, data, params, RunOptions(15, 0.0)):
        trace.append(snapshot)
        if snapshot.phase is Phase.E:
            assert n_e_steps(snapshot) == counting.n_e_steps
    assert n_e_steps(trace[0]) == 0
    assert n_e_steps(trace[2]) == n_e_steps(trace[1]) == 1
    assert n_e_steps(trace[3]) in (3, 4)
    plain = traced(model, data, params, RunOptions(3, 0.0))
    assert [n_e_steps(s) for s in plain] == [0, 1, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("start", [mixture, topics])
def test_time_travel(start):
    """What a replay finds has the same bits, and so have the posteriors."""
    model, data, params = start(0)
    run = RunOptions(25, 0.0)
    whole = traced(accelerated(model, data), data, params, run)
    thinned = traced(accelerated(model, data), data, params, run, budget=12_000)
    assert thinned.stride > 1
    missing = [i for i in range(len(thinned)) if thinned.replay(i) is not None]
    assert missing
    np.testing.assert_array_equal(whole.half_step_bounds, thinned.half_step_bounds)
    for index in missing[:10]:
        assert thinned[index].bound == whole[index].bound
        np.testing.assert_array_equal(
            anatomy_of(model, data).coordinates(thinned[index].params),
            anatomy_of(model, data).coordinates(whole[index].params),
        )
        assert n_e_steps(thinned[index]) == n_e_steps(whole[index])
    again = whole.posterior(21)
    assert again.log_likelihood == whole.log_likelihood(21)
    assert again.latent is not None


def test_a_refused_proposal_falls_back():
    model, data, params = overlapping(2.0, n=300)

    class Wild(LineAnatomy):
        def from_coordinates(self, coordinates, like):
            raise SingularError("out of the valid set")

    class Far(LineAnatomy):
        def from_coordinates(self, coordinates, like):
            return super().from_coordinates(coordinates * 1e3, like)

    for anatomy in (Wild, Far):
        fast = Accelerated(model, data, anatomy(data))
        (_, first, _, second) = em_steps(fast, data, params, RunOptions(1, 0.0))
        plain = fit(model, data, params, RunOptions(2, 0.0))
        assert second.bound == plain.history[2]  # two plain steps
        assert first.bound == plain.history[0]


def test_a_collapse_stops_it_as_it_stops_em():
    model, data, _ = overlapping(3.0, n=60)
    data = model.prepare(np.concatenate([np.random.default_rng(1).standard_normal(50), [5.0]]))
    start = model.initialize(data, np.random.default_rng(0))
    start = type(start)(
        np.array([0.9, 0.1]), np.array([[0.0], [5.0]]) - data.center, np.array([[[1.0]], [[0.09]]])
    )
    trace = traced(Accelerated(model, data, LineAnatomy(data)), data, start, RUN)
    assert trace.stop.reason is StopReason.SINGULAR
    assert len(trace) >= 2
    assert np.diff(trace.bounds).min(initial=0.0) >= 0


def test_a_fixed_point_stays():
    model, data, params = overlapping(3.0, n=60)
    equal = type(params)(params.weights, np.zeros((2, 1)), params.covariances)
    trace = traced(Accelerated(model, data, LineAnatomy(data)), data, equal, RUN)
    assert trace.stop.reason is StopReason.STALLED


def test_it_passes_on_what_the_model_is():
    model, data, params = topics()
    fast = accelerated(model, data)
    assert fast.options is model.options
    assert fast.n_observations(data) == model.n_observations(data)
    assert not has_exact_posterior(fast)
    assert not fast.monotone_half_steps
    with pytest.raises(AttributeError):
        fast.nonsense  # noqa: B018
    latent = fast.e_step(data, params, latent=True)
    assert latent.latent is not None


def test_the_formula():
    # A contraction by ½ and by 0.9 in two directions: the proposal lies nearer than c2.
    points = [np.array([0.5**k, 0.9**k]) for k in range(3)]
    found = extrapolated(*points)
    assert np.linalg.norm(found) < np.linalg.norm(points[2])
    step, bend = points[1] - points[0], points[2] - 2 * points[1] + points[0]
    a = -np.linalg.norm(step) / np.linalg.norm(bend)
    np.testing.assert_allclose(found, points[0] - 2 * a * step + a**2 * bend)
    # In one direction it jumps right to the limit.
    np.testing.assert_allclose(extrapolated(*[np.array([0.9**k]) for k in range(3)]), 0, atol=1e-12)
    zero = np.zeros(2)
    assert extrapolated(zero, zero, zero) is None
    assert extrapolated(zero, zero + 1, zero + 2) is None  # steady steps have no limit
    assert extrapolated(zero, zero + 1, zero + 5) is None  # nor have growing ones


@pytest.mark.parametrize("name", LOCKABLE)
def test_what_is_locked_stays(name):
    for seed in range(2):
        model, data, params = locked(name, seed)
        assert model.locks
        trace = traced(accelerated(model, data), data, params, RunOptions(25, 0.0))
        assert falls(trace).size == 0
        assert trace.stop.reason is StopReason.ITERATION_LIMIT
        end = trace.final.params
        # Holding what is locked as it was at the start changes nothing.
        held = model.hold(end, params)
        for field in fields(params):
            assert same(getattr(held, field.name), getattr(end, field.name))


def same(a, b):
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return np.allclose(a, b, rtol=1e-14, atol=0) if isinstance(a, np.ndarray) else a == b
