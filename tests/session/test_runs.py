"""Runs kept by name, shown again, gone on with; memory shared between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from em_explorer.data.library import load_bundled
from em_explorer.em.progress import finish
from em_explorer.em.steps import Model, RunOptions, Stop, StopReason, em_steps, fit
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import GaussianMixture
from em_explorer.models.k_means import KMeans
from em_explorer.session.controller import Controller, RunState
from em_explorer.session.runs import (
    RunList,
    asking_for_more,
    going_on,
    run_to_the_end,
)


def problem() -> tuple[Model, Any, Any]:
    model = GaussianMixture()
    data = model.prepare(load_bundled("old-faithful").values)
    return model, data, model.initialize(data, np.random.default_rng(3))


def traced(n: int | None, run: RunOptions | None = None) -> Trace:
    """Return a trace of n half-steps, or of all."""
    model, data, params = problem()
    run = run or RunOptions()
    trace = Trace(model, data)
    steps = em_steps(model, data, params, run)
    while n is None or len(trace) < n:
        try:
            trace.append(next(steps))
        except StopIteration as end:
            trace.stop = end.value
            break
    return trace


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_a_run_goes_on_with_the_same_bits_wherever_it_was_left(n: int) -> None:
    whole, part = traced(None), traced(n)
    steps = going_on(part, RunOptions())
    while True:
        try:
            part.append(next(steps))
        except StopIteration as end:
            part.stop = end.value
            break
    assert part.stop == whole.stop
    np.testing.assert_array_equal(part.half_step_bounds, whole.half_step_bounds)
    np.testing.assert_array_equal(part.final.params.means, whole.final.params.means)


def test_a_run_at_its_limit_has_nothing_to_go_on_to() -> None:
    part = traced(8)
    steps = going_on(part, RunOptions(max_iter=3))
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.reason is StopReason.ITERATION_LIMIT


def test_asking_for_more_loosens_what_stopped_it() -> None:
    run = RunOptions(50, 1e-6)
    finer = asking_for_more(run, Stop(StopReason.CONVERGED, "", 20))
    assert finer.tolerance == pytest.approx(1e-8)
    assert finer.max_iter >= 220
    longer = asking_for_more(run, Stop(StopReason.ITERATION_LIMIT, "", 50))
    assert longer.tolerance == run.tolerance
    assert longer.max_iter == 250
    assert asking_for_more(RunOptions(9, 1e-14), Stop(StopReason.CONVERGED, "", 5)).tolerance == 0.0
    # what a form shows is what it gives back
    assert (
        asking_for_more(RunOptions(9, 1e-9), Stop(StopReason.CONVERGED, "", 5)).tolerance == 1e-11
    )


def test_the_controller_goes_on_where_a_run_had_converged(
    qtbot: Any, controller: Controller
) -> None:
    model, data, params = problem()
    controller.load(model, data, params, RunOptions(200, 1e-4))
    controller.run_to_end()
    qtbot.waitUntil(lambda: controller.trace is not None and controller.trace.stop is not None)
    trace = controller.trace
    assert trace is not None
    assert trace.stop is not None
    n = len(trace)
    controller.go_on(asking_for_more(controller.run, trace.stop))
    assert controller.trace is trace
    assert controller.cursor == n - 1
    assert controller.can_advance
    controller.run_to_end()
    qtbot.waitUntil(lambda: trace.stop is not None)
    assert len(trace) > n
    whole = fit(model, data, params, controller.run)
    assert trace.bounds == list(whole.history)


def test_the_controller_shows_a_run_of_the_past_and_can_finish_it(
    qtbot: Any, controller: Controller
) -> None:
    model, data, params = problem()
    past = traced(6)
    controller.load(model, data, params)
    controller.show(past, RunOptions(), cursor=2)
    assert controller.trace is past
    assert controller.cursor == 2
    controller.run_to_end()
    qtbot.waitUntil(lambda: past.stop is not None)
    np.testing.assert_array_equal(past.half_step_bounds, traced(None).half_step_bounds)
    ended = traced(None)
    controller.show(ended, RunOptions())
    assert controller.state is RunState.FINISHED
    assert not controller.can_advance


def test_runs_are_named_renamed_and_those_only_looked_at_are_dropped() -> None:
    runs = RunList()
    first = runs.begin(traced(1), RunOptions(), "k-means++, seed 1")
    second = runs.begin(traced(9), RunOptions(), "k-means++, seed 2")
    assert [record.name for record in runs] == ["Run 1"]
    assert first not in runs.records
    third = runs.begin(traced(5), RunOptions(), "by hand", parent=second, at=4)
    fourth = runs.begin(traced(5), RunOptions(), "by hand", parent=third, at=2)
    assert [record.offset for record in runs] == [0, 4, 6]
    assert fourth.begins_after(second) == 6
    assert second.begins_after(fourth) == -6
    other = runs.add(traced(5), RunOptions(), "k-means++, seed 8", "EM", None)
    assert other.begins_after(fourth) == fourth.begins_after(other) == 0
    runs.remove(other)
    runs.rename(third, "  the other way ")
    assert third.name == "the other way"
    runs.rename(third, "")
    assert third.name == "the other way"
    assert runs.current is fourth
    runs.show(second)
    assert runs.current is second
    runs.remove(second)
    assert second in runs.records  # what is on the screen stays
    runs.remove(third)
    assert third not in runs.records


def test_a_record_tells_where_its_run_went() -> None:
    runs = RunList()
    trace = traced(None)
    record = runs.begin(trace, RunOptions(), "k-means++, seed 3")
    assert record.log_likelihood == trace.bounds[-1]
    assert record.n_iter == trace.n_iter
    assert record.stop is trace.stop
    empty = runs.begin(traced(1), RunOptions(), "k-means++, seed 4")
    assert empty.log_likelihood is None
    assert empty.n_iter == 0


def test_histories_of_the_past_make_room_and_their_numbers_stay() -> None:
    runs = RunList()
    records = []
    for _ in range(4):
        trace = traced(None)
        records.append(runs.begin(trace, RunOptions(), ""))
    bounds = [record.bounds.copy() for record in records]
    last = traced(3)
    last.budget = int(3.2 * records[0].trace.nbytes)  # type: ignore[union-attr]
    runs.begin(last, RunOptions(), "")
    assert [record.trace is None for record in records] == [True, True, True, False]
    for record, before in zip(records, bounds, strict=True):
        np.testing.assert_array_equal(record.bounds, before)
        assert record.stop is not None
        assert record.stop.reason is StopReason.CONVERGED


def test_a_rival_is_run_to_its_end() -> None:
    model, data, params = problem()
    rival = KMeans(model.options)
    done = finish(
        run_to_the_end(rival, data, rival.start_from(params), RunOptions(), "k-means", 10**8)
    )
    assert done.stop is not None
    assert done.stop.reason is StopReason.CONVERGED
    bounds = np.array(done.bounds)
    assert np.all(np.diff(bounds) >= -1e-9)
    runs = RunList()
    record = runs.add(done, RunOptions(), "from the same start", "k-means", None)
    assert record.name == "k-means 1"
    assert runs.current is None
