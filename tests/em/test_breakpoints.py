"""Every breakpoint, reached and not reached."""

import numpy as np
import pytest

from em_explorer.em.acceleration import Accelerated
from em_explorer.em.breakpoints import Breakpoints, PauseAfter, reached
from em_explorer.em.convergence import rates
from em_explorer.em.errors import DataError
from em_explorer.em.options import controls
from em_explorer.em.steps import RunOptions
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from tests.em.four_models import ALL, anatomy_of
from tests.em.tiny import LineAnatomy, overlapping, short_run, traced


def pauses(breakpoints, trace, anatomy=None):
    """Return every half-step that reaches a breakpoint, asked as a running program asks."""
    anatomy = anatomy or LineAnatomy(trace.data)
    found = {index: reached(breakpoints, trace, index, anatomy) for index in range(len(trace))}
    return {index: sentence for index, sentence in found.items() if sentence is not None}


def collapsing():
    """A component on a lone point, which narrows from step to step until it is gone."""
    model, _, _ = overlapping(3.0, n=60)
    data = model.prepare(np.concatenate([np.random.default_rng(1).standard_normal(50), [5.0]]))
    start = GaussianMixtureParams(
        np.array([0.9, 0.1]),
        np.array([[0.0], [5.0]]) - data.center,
        np.array([[[1.0]], [[4.0]]]),
    )
    return traced(model, data, start, RunOptions(50, 0.0))


def test_everything_is_off_at_first():
    assert not Breakpoints().any
    assert pauses(Breakpoints(), collapsing()) == {}
    assert set(controls(Breakpoints)) == {
        *("bound_falls", "counts_below", "eigenvalue_below"),
        *("rate_above", "at_iteration", "at_phase"),
    }


def test_at_iteration():
    trace = short_run(12)
    assert pauses(Breakpoints(at_iteration=3), trace) == {7: "Iteration 3 is done."}
    assert pauses(Breakpoints(at_iteration=6), trace) == {}


def test_at_phase():
    trace = short_run(6)
    assert pauses(Breakpoints(at_phase=PauseAfter.M), trace) == {
        2: "The M-step of iteration 1 is done.",
        4: "The M-step of iteration 2 is done.",
    }
    assert pauses(Breakpoints(at_phase="every E-step"), trace) == {
        1: "The first E-step is done.",
        3: "The E-step of iteration 1 is done.",
        5: "The E-step of iteration 2 is done.",
    }


def test_counts_below():
    trace = collapsing()
    counts = {i: trace[i].expectation.statistics.counts[1] for i in range(1, len(trace), 2)}
    low = next(i for i, count in counts.items() if count < 1.2)
    found = pauses(Breakpoints(counts_below=1.2), trace)
    assert list(found) == [low]
    assert found[low].startswith(f"N2 fell below 1.20 in the E-step of iteration {low // 2}: 1.")
    assert found[low].endswith(" points.")
    assert low > 1  # not from the start: it was passed
    assert pauses(Breakpoints(counts_below=0.9), trace) == {}


def test_what_is_below_from_the_start_is_said_once():
    trace = short_run(8)
    assert list(pauses(Breakpoints(counts_below=1000.0), trace)) == [1]


def test_eigenvalue_below():
    trace = collapsing()
    variances = [s.params.covariances[1, 0, 0] for s in trace]
    low = next(i for i, variance in enumerate(variances) if variance < 0.1)
    found = pauses(Breakpoints(eigenvalue_below=0.1), trace)
    assert list(found) == [low]
    assert found[low].startswith("Variance 2 fell below 0.100 in the M-step of iteration")
    assert pauses(Breakpoints(eigenvalue_below=1e-9), trace) == {}


def test_rate_above():
    trace = short_run(80)
    all_rates = rates(trace.bounds)
    limit = 0.7
    above = np.flatnonzero((all_rates[1:] > limit) & ~(all_rates[:-1] > limit)) + 1
    found = pauses(Breakpoints(rate_above=limit), trace)
    assert list(found) == (2 * above + 1).tolist()
    first = int(above[0])
    assert found[2 * first + 1].startswith(f"The rate passed 0.700: iteration {first} gained 0.")
    assert pauses(Breakpoints(rate_above=1.0), short_run(60, separation=6.0)) == {}


def test_the_bound_falls():
    trace = short_run(12)
    assert pauses(Breakpoints(bound_falls=True), trace) == {}

    class Overshoot(type(trace.model)):
        def m_step(self, params, expectation):
            best = super().m_step(params, expectation)
            far = best.means + 3.0 * (best.means - params.means) + 0.5
            return GaussianMixtureParams(best.weights, far, best.covariances)

    model, data, params = overlapping(3.0, n=200)
    broken = traced(Overshoot(model.options), data, params, RunOptions(3, 0.0))
    bounds = broken.half_step_bounds
    assert bounds[2] < bounds[1]
    found = pauses(Breakpoints(bound_falls=True), broken)
    assert found[2].startswith("The bound fell by ")
    assert found[2].endswith("nats in the M-step of iteration 1.")
    assert 1 not in found
    assert 3 not in found


def test_a_fall_within_rounding_is_none():
    trace = short_run(8)
    trace._bounds._room[4] = trace._bounds._room[3] * (1 + 1e-15)  # less, by one bit or so
    assert trace.bound(4) < trace.bound(3)
    assert pauses(Breakpoints(bound_falls=True), trace) == {}


def test_half_steps_of_an_accelerated_run_may_fall():
    model, data, params = overlapping(2.0, n=300)
    run = RunOptions(40, 0.0)
    trace = traced(Accelerated(model, data, LineAnatomy(data)), data, params, run)
    assert np.diff(trace.half_step_bounds[1:]).min() < -1e-6
    assert pauses(Breakpoints(bound_falls=True), trace) == {}


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_shortest_traces(length):
    trace = short_run(length)
    every = Breakpoints(True, 0.1, 1e-9, 0.999, 50, PauseAfter.NEVER)
    assert every.any
    assert pauses(every, trace) == {}


def test_without_an_anatomy_there_are_no_gauges():
    trace = collapsing()
    low = Breakpoints(counts_below=2.0, at_iteration=1)
    assert reached(low, trace, 3, None) == "Iteration 1 is done."
    assert all(reached(low, trace, i, None) is None for i in range(len(trace)) if i != 3)


def test_nothing_is_replayed():
    model, data, params = overlapping(2.0, n=200)
    trace = traced(model, data, params, RunOptions(300, 0.0), budget=60_000)
    missing = next(i for i in range(3, len(trace), 2) if trace.replay(i) is not None)
    trace.remember = None  # a replay would call it
    both = Breakpoints(True, 1e6, 1e6, at_phase=PauseAfter.E)
    assert reached(both, trace, missing, LineAnatomy(data)).endswith("is done.")


@pytest.mark.parametrize("name", ALL)
def test_every_model_has_gauges_to_watch(name):
    model, data, params = ALL[name]()
    trace = traced(model, data, params, RunOptions(3, 0.0))
    anatomy = anatomy_of(model, data)
    kinds = {gauge.kind for gauge in anatomy.gauges(trace[1].params, trace[1].expectation)}
    for kind, breakpoints in {
        "count": Breakpoints(counts_below=1e9),
        "eigenvalue": Breakpoints(eigenvalue_below=1e9),
    }.items():
        found = pauses(breakpoints, trace, anatomy)
        assert bool(found) == (kind in kinds)
        assert all("fell below" in sentence for sentence in found.values())


@pytest.mark.parametrize(
    "wrong", [{"counts_below": -1}, {"rate_above": 1.5}, {"at_iteration": 2.5}, {"at_phase": "Q"}]
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        Breakpoints(**wrong)
