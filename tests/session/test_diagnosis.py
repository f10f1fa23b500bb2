"""One run taken apart in the background: the newest wish counts, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from em_explorer.em.steps import RunOptions, em_steps
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.session.diagnosis import MOST_TRACED, Diagnosis


def history(n: int, budget: int = 2**29) -> Trace:
    """Return so many half-steps of two overlapping normals."""
    rng = np.random.default_rng(0)
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare(np.concatenate([rng.normal(-1.5, 1, 60), rng.normal(1.5, 1, 60)]))
    start = GaussianMixtureParams(
        np.array([0.3, 0.7]), np.array([[-1.0], [1.0]]), np.full((2, 1, 1), 0.5)
    )
    trace = Trace(model, data, budget=budget)
    for snapshot in islice(em_steps(model, data, start, RunOptions(5000, 0.0)), n):
        trace.append(snapshot)
    return trace


@pytest.fixture
def diagnosis(qapp: Any) -> Iterator[Diagnosis]:
    made = Diagnosis()
    yield made
    made.shutdown()


def follow(diagnosis: Diagnosis, trace: Trace) -> list[int]:
    """Follow a trace; the list tells how often an anatomy was made."""
    made: list[int] = []

    def anatomy() -> GaussianMixtureAnatomy:
        made.append(1)
        return GaussianMixtureAnatomy(trace.model, trace.data)

    diagnosis.follow(trace, RunOptions(), anatomy)
    return made


def test_the_anatomy_is_made_when_it_is_needed(diagnosis):
    made = follow(diagnosis, history(9))
    diagnosis.convergence(7)
    assert not made
    diagnosis.changes(2)
    diagnosis.gauges(3)
    assert made == [1]


def test_the_gap_after_the_newest_m_step(qtbot, diagnosis):
    follow(diagnosis, history(9))
    parts = diagnosis.parts(8)
    assert parts.gap is None
    with qtbot.waitSignal(diagnosis.came):
        diagnosis.want(8, line=False)
    longer = history(10)
    assert diagnosis.parts(8).gap == pytest.approx(longer.bound(9) - longer.bound(8), rel=1e-8)
    assert diagnosis.parts(7).gap == 0.0


def test_both_half_steps_share_a_line(qtbot, diagnosis):
    follow(diagnosis, history(9))
    with qtbot.waitSignal(diagnosis.came):
        diagnosis.want(5)
    line = diagnosis.line(5)
    assert line is diagnosis.line(6)
    assert diagnosis.line(7) is None
    diagnosis.want(6)
    assert not diagnosis.busy  # it is known already


def test_the_newest_wish_counts(qtbot, diagnosis):
    follow(diagnosis, history(9))
    with qtbot.waitSignal(diagnosis.came):
        for index in (1, 3, 5, 7):
            diagnosis.want(index)
    assert diagnosis.line(7) is not None
    assert diagnosis.line(1) is None


def test_another_run_drops_what_is_under_way(qtbot, diagnosis):
    follow(diagnosis, history(9))
    diagnosis.want(5)
    follow(diagnosis, history(5))
    assert not diagnosis.busy
    with qtbot.assertNotEmitted(diagnosis.came, wait=200):
        pass
    assert diagnosis.line(5) is None


def test_what_is_not_at_hand_is_not_looked_at(diagnosis):
    trace = history(400, budget=30_000)
    follow(diagnosis, trace)
    gone = next(i for i in range(3, 400, 2) if trace.replay(i, 1) is not None)
    assert not diagnosis.knows(gone, 1)
    assert diagnosis.changes(gone + 1) is None
    diagnosis.want(gone)
    assert not diagnosis.busy
    trace._replay = lambda *_: pytest.fail("a replay")  # type: ignore[method-assign]
    iterations, values = diagnosis.traces()
    assert len(iterations) == len(values) <= MOST_TRACED + 1
    assert iterations[-1] == len(trace) // 2 - 1


def test_traces_grow_with_the_run(diagnosis):
    trace = history(9)
    follow(diagnosis, trace)
    iterations, values = diagnosis.traces()
    assert iterations.tolist() == [0, 1, 2, 3]
    names = [parameter.label for parameter in diagnosis.parameters]
    assert values[0, names.index("π₁")] == 0.3
    longer = history(21)
    for snapshot in list(longer)[9:]:
        trace.append(snapshot)
    iterations, values = diagnosis.traces()
    assert iterations.tolist() == list(range(10))
    np.testing.assert_array_equal(values[-1], diagnosis.values(19))


def test_a_start_that_moves(qtbot, diagnosis):
    follow(diagnosis, history(1))
    with qtbot.waitSignal(diagnosis.came):
        diagnosis.want(0, line=False, rest=True)
    assert diagnosis.start_moves > 0.1
