"""Runs kept in each tab: shown again, branched off from, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.steps import RunOptions, StopReason

KEYS = [row.key for row in registry.MODELS]


def open_tab(window: Any, key: str) -> Any:
    window.open_model(key)
    return window.tab


@pytest.mark.parametrize("key", KEYS)
def test_both_futures_of_a_branch_stay_and_come_back(
    window: Any, step: Callable[..., None], key: str
) -> None:
    tab = open_tab(window, key)
    step(tab, 5)
    first, trace = tab.runs.current, tab.controller.trace
    assert first.name == "Run 1"
    tab.controller.seek(4)
    params = tab.snapshot(4).params
    tab.branch()
    second = tab.runs.current
    assert second is not first
    assert (second.parent, second.offset) == (first, 2)
    assert "Run 1" in tab.heading.caption.text()
    assert second.how.startswith("branch of Run 1 at 2")
    for name in params.__dataclass_fields__:
        if isinstance(getattr(params, name), np.ndarray):
            np.testing.assert_allclose(
                getattr(tab.snapshot(0).params, name), getattr(params, name), rtol=1e-12, atol=1e-12
            )
    step(tab, 3)
    tab.show_run(first)
    assert tab.controller.trace is trace
    assert tab.controller.cursor == 5
    assert tab.runs.current is first
    step(tab, 1)  # and it can go on
    assert len(trace) == 7
    tab.show_run(second)
    assert len(tab.controller.trace) == 4
    assert [record.name for record in tab.runs] == ["Run 1", "Run 2"]


@pytest.mark.parametrize("key", KEYS)
def test_a_run_that_has_stopped_goes_on(
    window: Any, run_to_end: Callable[..., None], step: Callable[..., None], key: str
) -> None:
    tab = open_tab(window, key)
    tab.set_run(RunOptions(2, 1e-12))
    run_to_end(tab)
    trace = tab.controller.trace
    assert trace.stop.reason is StopReason.ITERATION_LIMIT
    n = len(trace)
    assert tab.can_go_on
    tab.go_on()
    assert tab.controller.trace is trace
    assert not tab.can_go_on
    assert tab.run.max_iter == 202
    assert tab.setup.run_form.value().max_iter == 202
    assert "goes on" in tab.heading.notice.text.text()
    step(tab, 1)
    assert len(trace) == n + 1
    assert tab.runs.current.trace is trace
    assert len(tab.runs) == 1


def test_a_converged_run_goes_on_with_a_finer_tolerance(
    window: Any, run_to_end: Callable[..., None]
) -> None:
    tab = open_tab(window, "gaussian_mixture")
    tab.set_run(RunOptions(200, 1e-5))
    run_to_end(tab)
    n = len(tab.controller.trace)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    tab.go_on()
    assert tab.run.tolerance == pytest.approx(1e-7)
    run_to_end(tab)
    assert len(tab.controller.trace) > n
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED


def test_a_run_comes_back_with_its_data_and_options(window: Any, step: Callable[..., None]) -> None:
    tab = open_tab(window, "gaussian_mixture")
    step(tab, 4)
    story, options = tab.story, tab.options
    window.open_demo("iris-many-optima")
    step(tab, 4)
    first, second = tab.runs.records
    assert "components 3" in second.how
    tab.show_run(first)
    assert (tab.story, tab.options) == (story, options)
    assert tab.dataset.name == "old-faithful"
    assert tab.setup.run_form.value() == tab.run
    assert tab.heading.title.text() == story.title
    tab.show_run(second)
    assert tab.dataset.name == "iris"
    assert tab.options.n_components == 3


def test_another_option_from_the_same_branch_is_its_sibling(
    window: Any, step: Callable[..., None]
) -> None:
    tab = open_tab(window, "gaussian_mixture")
    step(tab, 5)
    first = tab.runs.current
    tab.branch()
    step(tab, 3)
    branch = tab.runs.current
    tab.set_options(replace(tab.options, ridge=0.5))
    step(tab, 3)
    sibling = tab.runs.current
    assert sibling is not branch
    assert (sibling.parent, sibling.offset) == (first, branch.offset) == (first, 2)
    assert "ridge 0.5" in sibling.how


def test_a_mean_dragged_on_the_way_is_a_branch(window: Any, step: Callable[..., None]) -> None:
    tab = open_tab(window, "gaussian_mixture")
    step(tab, 7)
    first = tab.runs.current
    params = tab.snapshot(7).params
    assert tab.start_from(replace(params, means=params.means + 0.3))
    assert tab.runs.current.parent is first
    assert tab.runs.current.offset == 3
    tab.new_start()
    assert tab.runs.current.parent is None


def test_starts_that_nobody_ran_are_not_kept(window: Any, step: Callable[..., None]) -> None:
    tab = open_tab(window, "gaussian_mixture")
    for _ in range(5):
        tab.new_start()
    assert len(tab.runs) == 1
    step(tab, 3)
    tab.new_start()
    assert [record.name for record in tab.runs] == ["Run 1", "Run 2"]


def test_a_history_that_made_room_is_computed_again(
    window: Any, run_to_end: Callable[..., None]
) -> None:
    tab = open_tab(window, "gaussian_mixture")
    run_to_end(tab)
    first = tab.runs.current
    bounds = first.bounds.copy()
    tab.new_start()
    run_to_end(tab)
    first.forget_history()
    tab.show_run(first)
    assert tab.runs.current is first
    run_to_end(tab)
    np.testing.assert_array_equal(first.bounds, bounds)


def test_held_out_documents_come_back_with_their_run(
    window: Any, step: Callable[..., None]
) -> None:
    tab = open_tab(window, "latent_dirichlet")
    step(tab, 3)
    first = tab.runs.current
    tab.area.hold_out_box.setChecked(True)
    step(tab, 3)
    assert tab.held is not None
    tab.show_run(first)
    assert tab.held is None
    assert not tab.area.hold_out_box.isChecked()


def test_at_the_start_there_is_nothing_to_branch_off_from(window: Any) -> None:
    tab = open_tab(window, "gaussian_mixture")
    tab.branch()
    assert "Take a step first" in tab.heading.notice.text.text()
    assert len(tab.runs) == 1
