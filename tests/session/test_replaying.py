"""Half-steps thinned out of the history: computed again in another thread, the newest wish only."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop

from em_explorer.em.steps import RunOptions, em_steps
from em_explorer.em.trace import MEGABYTE
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.session import controller as controller_module
from em_explorer.session.controller import Controller
from em_explorer.session.settings import Settings


@dataclass(frozen=True)
class Watched(GaussianMixture):
    """A mixture that notes which thread runs its E-steps, and takes its time when told to."""

    def e_step(self, data, params, *, latent=False, carry=None):
        THREADS.append(threading.current_thread().ident)
        time.sleep(PAUSE[0])
        return super().e_step(data, params, latent=latent, carry=carry)


THREADS: list[int | None] = []
PAUSE = [0.0]


@pytest.fixture(autouse=True)
def no_pause():
    THREADS.clear()
    PAUSE[0] = 0.0
    yield
    PAUSE[0] = 0.0


def problem(n: int = 30, model: Any = Watched) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(2)
    made = model(GaussianMixtureOptions(n_components=2))
    data = made.prepare(np.vstack([rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1.5]))
    return made, data, made.initialize(data, rng)


def thinned(qtbot: Any, controller: Controller, n_iter: int = 150) -> list[Any]:
    """Load and finish a run of which little is kept; return what it was."""
    controller.load(*problem(), RunOptions(n_iter, 0.0))
    controller.trace.budget = 60_000
    controller.run_to_end()
    qtbot.waitUntil(lambda: controller.trace.stop is not None, timeout=20_000)
    assert controller.trace.stride >= 8
    expected = list(em_steps(*problem(), RunOptions(n_iter, 0.0)))
    assert len(expected) == len(controller.trace)
    THREADS.clear()
    return expected


def far(controller: Controller, beyond: int = 100) -> int:
    """Return a half-step that takes a long replay."""
    trace = controller.trace
    return max(range(beyond, beyond + 60), key=lambda i: trace.cost(i))


def test_the_budget_is_a_setting(controller, monkeypatch):
    monkeypatch.setattr(controller_module, "load_settings", lambda: Settings(trace_megabytes=7))
    controller.load(*problem())
    assert controller.trace.budget == 7 * MEGABYTE


def test_a_missing_half_step_is_computed_in_another_thread(qtbot, controller):
    expected = thinned(qtbot, controller)
    PAUSE[0] = 0.03
    controller.trace.seconds_per_step = 0.03
    index = far(controller)
    assert not controller.at_hand(index)
    assert controller.at_hand(controller.trace.nearest(index), back=0)
    with qtbot.waitSignal(controller.replayed, timeout=10_000) as came:
        controller.fetch(index)
        assert controller.fetching
    assert came.args == [index]
    assert not controller.fetching
    assert THREADS
    assert threading.get_ident() not in THREADS
    PAUSE[0] = 0.0
    done = len(THREADS)
    for look in range(index - 3, index + 1):
        assert controller.trace[look].bound == expected[look].bound
        assert np.array_equal(controller.trace[look].params.means, expected[look].params.means)
    assert len(THREADS) == done  # at hand: nothing was computed to look at them


def test_only_the_newest_wish_counts(qtbot, controller):
    thinned(qtbot, controller)
    PAUSE[0] = 0.01
    came = []
    controller.replayed.connect(came.append)
    wishes = [far(controller, beyond) for beyond in (20, 90, 160)]
    for index in wishes:
        controller.fetch(index)
    qtbot.waitUntil(lambda: not controller.fetching, timeout=10_000)
    assert came == wishes[-1:]
    assert controller.trace.cost(wishes[-1], back=3) == 0.0


def test_moving_on_or_another_run_drops_the_wish(qtbot, controller):
    thinned(qtbot, controller)
    PAUSE[0] = 0.01
    came = []
    controller.replayed.connect(came.append)
    controller.fetch(far(controller))
    controller.seek(0)
    assert not controller.fetching
    controller.fetch(far(controller))
    controller.load(*problem(), RunOptions(5, 0.0))
    assert not controller.fetching
    PAUSE[0] = 0.0
    controller.run_to_end()
    qtbot.waitUntil(lambda: controller.trace.stop is not None)
    controller.fetch(4)
    qtbot.waitUntil(lambda: came == [4])
    assert [s.bound for s in controller.trace] == [
        s.bound for s in em_steps(*problem(), RunOptions(5, 0.0))
    ]


def test_ending_the_run_leaves_the_wish(qtbot, controller):
    controller.load(*problem(), RunOptions(100_000, 0.0))
    controller.trace.budget = 60_000
    controller.set_speed(float("inf"))
    controller.play()
    qtbot.waitUntil(lambda: len(controller.trace) > 300, timeout=20_000)
    controller.pause()
    index = far(controller)
    controller.seek(index)
    came = []
    controller.replayed.connect(came.append)
    PAUSE[0] = 0.002
    controller.fetch(index)
    controller.stop()
    assert controller.trace.stop is not None
    qtbot.waitUntil(lambda: came == [index], timeout=20_000)
    assert controller.at_hand(index)


def test_the_end_of_the_program_does_not_wait_for_a_replay(qtbot, controller):
    thinned(qtbot, controller)
    PAUSE[0] = 0.02
    controller.fetch(far(controller))
    begun = time.perf_counter()
    controller.shutdown()
    assert time.perf_counter() - begun < 1.0


def test_a_replay_that_fails_is_told(qtbot, controller, monkeypatch):
    thinned(qtbot, controller)

    def broken(*args: Any, **options: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(Watched, "e_step", broken)
    with qtbot.waitSignal(controller.failed) as told:
        controller.fetch(far(controller))
    assert told.args[0] == "The half-step could not be computed again: no room."
    assert "MemoryError" in told.args[1]
    assert not controller.fetching


def resident() -> int:
    """Return the resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_a_thousand_runs_leave_nothing_behind(qapp, controller):
    """Each run is loaded, stepped, looked at, thinned and replaced by the next."""
    model, data, params = problem(20, GaussianMixture)

    def run(times: int) -> None:
        for _ in range(times):
            controller.load(model, data, params, RunOptions(4, 0.0))
            trace = controller.trace
            trace.budget = 4_000
            controller.run_to_end()
            while trace.stop is None:
                qapp.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            controller.fetch(5)
            trace.posterior(5)

    run(100)
    gc.collect()
    resident_before = resident()
    run(800)
    gc.collect()
    if Path("/proc/self/statm").exists():
        assert resident() - resident_before < 8 * MEGABYTE
    tracemalloc.start()
    try:
        run(50)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        run(50)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        # Threads that end or begin meanwhile allocate without Python's lock, and on Python 3.11
        # tracing that stops under them takes the process with it.
        controller.shutdown()
        tracemalloc.stop()
    # One snapshot of a run weighs about a kilobyte: not even one a run may stay.
    assert grown < 25_000
