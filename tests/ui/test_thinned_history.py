"""Scrubbing over a history that was thinned: the nearest half-step at once, then the exact one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from em_explorer.em.steps import Phase, RunOptions, em_steps
from em_explorer.em.trace import phase_of
from em_explorer.session import controller as controller_module

ITERATIONS = 24


@pytest.fixture(autouse=True)
def next_to_no_memory(monkeypatch):
    monkeypatch.setattr(controller_module, "MEGABYTE", 1)


def thinned(tab: Any, run_to_end: Any) -> list[Any]:
    """Run a tab to its end; return what it was."""
    tab.set_run(RunOptions(ITERATIONS, 0.0))
    trace = tab.controller.trace
    start = trace[0].params
    run_to_end(tab)
    assert trace.replay(ITERATIONS) is not None
    return list(em_steps(tab.model, tab.data, start, RunOptions(ITERATIONS, 0.0)))


def arrays(picture: Any) -> list[np.ndarray]:
    return [v for v in vars(picture).values() if isinstance(v, np.ndarray)]


@pytest.mark.parametrize(
    "key", ["gaussian_mixture", "hidden_markov", "latent_dirichlet", "missing_data"]
)
def test_scrubbing_shows_the_nearest_at_once_and_then_the_exact_one(qtbot, window, run_to_end, key):
    window.open_model(key)
    tab = window.tab
    expected = thinned(tab, run_to_end)
    controller, trace = tab.controller, tab.controller.trace
    for index in (ITERATIONS, 9):
        trace.seconds_per_step = 1.0  # so slow that nobody would wait for it
        controller.seek(index)
        assert controller.fetching
        near = trace.nearest(index)
        assert near != index
        caption = tab.heading.caption.text()
        assert f"Iteration {index // 2} is being computed again" in caption
        assert f"this is iteration {near // 2}" in caption
        assert tab.bottom.timeline.value() == index
        qtbot.waitUntil(lambda: not controller.fetching, timeout=10_000)
        tab.stage.settle()
        qtbot.waitUntil(lambda i=index: tab.stage.shown_index == i)
        tab.stage.settle()
        assert controller.cursor == index
        assert "computed again" not in tab.heading.caption.text()
        assert trace[index].bound == expected[index].bound
        assert trace[index].phase is phase_of(index) is expected[index].phase
        shown = tab.stage.shown
        exact = tab.picture(index)
        for one, other in zip(arrays(shown), arrays(exact), strict=True):
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_a_trail_takes_no_replay(qtbot, window, run_to_end):
    tab = window.tab
    thinned(tab, run_to_end)
    trace = tab.controller.trace
    tab.controller.seek(len(trace) - 2)
    tab.stage.settle()
    trail = tab.stage.shown.trail.past
    assert len(trail) == len(range(0, len(trace) // 2 - 1, trace.stride))
    np.testing.assert_array_equal(trail[0], tab.shown_params(0).means)


def test_playing_waits_for_what_is_computed_again(qtbot, window, run_to_end):
    tab = window.tab
    expected = thinned(tab, run_to_end)
    controller, trace = tab.controller, tab.controller.trace
    seen = []
    trace.seconds_per_step = 1.0
    controller.seek(20)
    controller.set_speed(200.0)
    controller.cursor_changed.connect(lambda i: seen.append((i, trace.replay(i) is None)))
    controller.play()
    qtbot.waitUntil(lambda: controller.cursor == len(trace) - 1, timeout=10_000)
    assert [i for i, _ in seen] == list(range(21, len(trace)))
    assert trace[30].bound == expected[30].bound
    assert trace[30].phase is Phase.M
