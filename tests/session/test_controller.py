"""A run watched from the GUI thread: grants, cursor, stale messages, and every way to end."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QThread, Slot

from em_explorer.em.errors import DataError
from em_explorer.em.steps import Phase, RunOptions, StopReason, fit
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.session.controller import Controller, RunState


def problem(seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    points = np.vstack([rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 3.0])
    model = GaussianMixture(GaussianMixtureOptions(n_components=2))
    data = model.prepare(points)
    return model, data, model.initialize(data, rng)


def wait_for_end(qtbot: Any, controller: Controller) -> None:
    qtbot.waitUntil(
        lambda: controller.trace is not None and controller.trace.stop is not None, timeout=20_000
    )


def test_run_to_the_end_is_the_librarys_fit(qtbot, controller):
    model, data, params = problem()
    run = RunOptions(tolerance=1e-8)
    controller.load(model, data, params, run)
    controller.run_to_end()
    wait_for_end(qtbot, controller)
    expected = fit(model, data, params, run)
    assert tuple(controller.trace.bounds) == expected.history
    assert controller.trace.stop == expected.stop
    assert controller.state is RunState.FINISHED
    assert controller.cursor == len(controller.trace) - 1 == 2 * expected.n_iter + 1


def test_step_takes_one_half_step_and_names_the_next(qtbot, controller):
    controller.load(*problem())
    assert controller.next_phase is Phase.E
    for phase, following in ((Phase.E, Phase.M), (Phase.M, Phase.E), (Phase.E, Phase.M)):
        with qtbot.waitSignal(controller.cursor_changed):
            controller.step()
        assert controller.trace[controller.cursor].phase is phase
        assert controller.next_phase is following
    assert len(controller.trace) == 4


def test_back_rewind_and_forward_stay_in_the_history(qtbot, controller):
    controller.load(*problem())
    for _ in range(4):
        with qtbot.waitSignal(controller.cursor_changed):
            controller.step()
    seen = list(controller.trace)
    controller.back()
    assert controller.cursor == 3
    controller.rewind()
    assert controller.cursor == 0
    controller.step()
    assert controller.cursor == 1
    controller.seek(99)
    assert controller.cursor == 4
    assert list(controller.trace) == seen


def test_the_last_half_step_brings_the_stop_with_it(qtbot, controller):
    controller.load(*problem(), RunOptions(max_iter=1, tolerance=0.0))
    for _ in range(3):
        with qtbot.waitSignal(controller.cursor_changed):
            controller.step()
    qtbot.waitUntil(lambda: controller.state is RunState.FINISHED)
    assert controller.trace.stop.reason is StopReason.ITERATION_LIMIT
    assert controller.next_phase is None
    assert not controller.can_advance


def test_playing_keeps_its_pace(qtbot, controller):
    controller.load(*problem(), RunOptions(tolerance=0.0))
    controller.set_speed(50.0)
    begun = time.perf_counter()
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 20, timeout=5_000)
    controller.pause()
    rate = 20 / (time.perf_counter() - begun)
    assert 20 < rate < 60  # a busy machine may lose ticks, but never gains any


def test_play_follows_the_history_before_computing(qtbot, controller):
    controller.load(*problem())
    for _ in range(3):
        with qtbot.waitSignal(controller.cursor_changed):
            controller.step()
    controller.rewind()
    places: list[int] = []
    controller.cursor_changed.connect(places.append)
    controller.set_speed(100.0)
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 5, timeout=5_000)
    controller.pause()
    assert places[:5] == [1, 2, 3, 4, 5]


def test_a_new_run_drops_what_the_old_one_still_sends(qtbot, controller):
    model, data, params = problem()
    controller.set_speed(math.inf)
    controller.load(model, data, params, RunOptions(max_iter=100_000, tolerance=0.0))
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 10)
    other = problem(seed=5)
    controller.load(*other, RunOptions(max_iter=3, tolerance=0.0))
    controller.run_to_end()
    wait_for_end(qtbot, controller)
    qtbot.wait(50)  # time for anything stale to arrive
    assert len(controller.trace) == 8
    assert tuple(controller.trace.bounds) == fit(*other, RunOptions(3, 0.0)).history


def test_start_and_stop_a_hundred_times(qtbot, controller):
    controller.load(*problem(), RunOptions(max_iter=100_000, tolerance=0.0))
    controller.set_speed(math.inf)
    for _ in range(100):
        length = len(controller.trace)
        controller.play()
        qtbot.waitUntil(lambda n=length: len(controller.trace) > n)
        controller.pause()
        assert controller.state is RunState.READY
    phases = [s.phase for s in controller.trace]
    assert phases[1::2] == [Phase.E] * len(phases[1::2])
    assert phases[2::2] == [Phase.M] * len(phases[2::2])


def test_stopped_by_the_user_is_its_own_reason(qtbot, controller):
    controller.load(*problem(), RunOptions(max_iter=100_000, tolerance=0.0))
    controller.set_speed(math.inf)
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 10)
    controller.stop()
    assert controller.trace.stop.reason is StopReason.STOPPED
    length = len(controller.trace)
    qtbot.wait(50)
    assert len(controller.trace) == length


@dataclass(frozen=True)
class Broken:
    """A model whose M-step raises at its second call."""

    inner: Any
    error: Exception
    calls: list[int]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def m_step(self, params: Any, expectation: Any) -> Any:
        self.calls.append(1)
        if len(self.calls) == 2:
            raise self.error
        return self.inner.m_step(params, expectation)


@pytest.mark.parametrize(
    ("error", "has_report"), [(DataError("Bad data."), False), (RuntimeError("boom"), True)]
)
def test_a_model_that_raises_leaves_its_history(qtbot, controller, error, has_report):
    model, data, params = problem()
    controller.load(Broken(model, error, []), data, params)
    with qtbot.waitSignal(controller.failed, timeout=5_000) as told:
        controller.run_to_end()
    sentence, report = told.args
    assert str(error).rstrip(".") in sentence
    assert bool(report) is has_report
    assert len(controller.trace) == 4
    assert controller.state is RunState.FAILED
    assert not controller.can_advance
    controller.load(model, data, params)
    assert controller.can_advance


def test_shutdown_while_running_ends_the_thread(qtbot):
    controller = Controller()
    controller.load(*problem(), RunOptions(max_iter=1_000_000, tolerance=0.0))
    controller.set_speed(math.inf)
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 10)
    thread = controller.findChild(QThread)
    begun = time.perf_counter()
    controller.shutdown()
    assert time.perf_counter() - begun < 1.0
    assert not thread.isRunning()


def test_a_watch_speed_is_kept_and_lateness_does_not_add_up(qtbot, controller):
    controller.load(*problem(), RunOptions(tolerance=0.0))
    controller.set_speed(40.0)
    came: list[float] = []
    controller.cursor_changed.connect(lambda _: came.append(time.perf_counter()))
    begun = time.perf_counter()
    controller.play()
    time.sleep(0.06)  # the window is busy: two half-steps are late
    qtbot.waitUntil(lambda: len(came) >= 21, timeout=10_000)
    controller.pause()
    took = came[20] - begun
    # 20 periods of 25 ms after the first; only what the window slept through may be lost.
    assert 20 * 0.025 - 0.005 <= took <= 20 * 0.025 + 0.25


class Overriding(Controller):
    """Does something of its own with what the worker says."""

    def __init__(self):
        super().__init__()
        self.threads = set()

    @Slot(object)
    def _on_stepped(self, snapshots):
        self.threads.add(QThread.currentThread())
        super()._on_stepped(snapshots)

    @Slot(object)
    def _on_finished(self, stop):
        self.threads.add(QThread.currentThread())
        super()._on_finished(stop)


def test_what_the_worker_says_is_heard_in_the_windows_thread_by_heirs_too(qtbot):
    controller = Overriding()
    try:
        controller.load(*problem(), RunOptions(5, 0.0))
        controller.run_to_end()
        wait_for_end(qtbot, controller)
        assert controller.threads == {QThread.currentThread()}
    finally:
        controller.shutdown()
