"""Long work in a thread of its own: order, cancel, ids, errors, a quick end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from em_explorer.em.errors import DataError
from em_explorer.em.progress import Job, Progress, finish
from em_explorer.session.jobs import JobRunner
from em_explorer.session.threads import GIVES_WAY


@pytest.fixture
def runner(qtbot: Any) -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    made.shutdown()


def counting(n: int, seconds: float = 0.0) -> Job[int]:
    for i in range(n):
        time.sleep(seconds)
        yield Progress((i + 1) / n, f"{i + 1} of {n}", partial=i)
    return n


def endless(seen: list[str] | None = None) -> Job[None]:
    try:
        while True:
            time.sleep(0.001)
            yield Progress(0.5, "on and on")
    finally:
        if seen is not None:
            seen.append("closed")


def test_finish_returns_what_the_generator_returns() -> None:
    assert finish(counting(3)) == 3


def test_all_partial_results_come_in_order_and_before_the_end(
    qtbot: Any, runner: JobRunner
) -> None:
    partials: list[int] = []
    shares: list[float] = []
    runner.advanced.connect(
        lambda _, share, __, some: (shares.append(share), partials.extend(some))
    )
    with qtbot.waitSignal(runner.finished) as blocker:
        job_id = runner.start(counting(200, 0.001))
    assert blocker.args == [job_id, 200]
    assert partials == list(range(200))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) < 20  # 200 values, and yet few messages
    assert not runner.busy


def test_the_job_runs_in_another_thread_that_steps_back(qtbot: Any, runner: JobRunner) -> None:
    def where() -> Job[tuple[int, int]]:
        yield Progress(0.0)
        native = threading.get_native_id()
        return native, os.getpriority(os.PRIO_PROCESS, native)

    with qtbot.waitSignal(runner.finished) as blocker:
        runner.start(where())
    native, nice = blocker.args[1]
    assert native != threading.get_native_id()
    assert nice >= GIVES_WAY


def test_a_cancelled_job_is_closed_and_says_nothing_more(qtbot: Any, runner: JobRunner) -> None:
    seen: list[str] = []
    heard: list[int] = []
    with qtbot.waitSignal(runner.advanced):
        job_id = runner.start(endless(seen))
    runner.advanced.connect(lambda number, *_: heard.append(number))
    runner.finished.connect(lambda number, *_: heard.append(number))
    with qtbot.waitSignal(runner.cancelled) as blocker:
        runner.cancel()
    assert blocker.args == [job_id]
    assert not runner.busy
    qtbot.waitUntil(lambda: seen == ["closed"])
    assert heard == []


def test_a_new_job_takes_the_place_of_the_old(qtbot: Any, runner: JobRunner) -> None:
    with qtbot.waitSignal(runner.advanced):
        first = runner.start(endless())
    with qtbot.waitSignals([runner.cancelled, runner.finished]):
        second = runner.start(counting(5))
    assert second == first + 1


def test_what_goes_wrong_comes_as_a_sentence(qtbot: Any, runner: JobRunner) -> None:
    def refused() -> Job[None]:
        yield Progress(0.0)
        raise DataError("There is nothing to draw.")

    def broken() -> Job[None]:
        yield Progress(0.0)
        raise RuntimeError("boom")

    with qtbot.waitSignal(runner.failed) as blocker:
        runner.start(refused())
    assert blocker.args[1:] == ["There is nothing to draw.", ""]
    with qtbot.waitSignal(runner.failed) as blocker:
        runner.start(broken())
    assert "boom" in blocker.args[1]
    assert "RuntimeError" in blocker.args[2]
    with qtbot.waitSignal(runner.finished):
        runner.start(counting(2))  # and the thread lives on


def test_the_end_comes_at_once_even_in_the_middle_of_a_job(qtbot: Any) -> None:
    runner = JobRunner()
    with qtbot.waitSignal(runner.advanced):
        runner.start(endless())
    begun = time.perf_counter()
    runner.shutdown()
    assert time.perf_counter() - begun < 2.0
    assert runner.start(counting(1)) == -1
    assert not runner.busy
