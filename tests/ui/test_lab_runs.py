"""The Lab's drawer and its list of runs, in every tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from em_explorer import registry
from em_explorer.em.steps import RunOptions
from em_explorer.ui.editors import ColumnBox
from em_explorer.ui.lab import rivals

KEYS = [row.key for row in registry.MODELS]
RIVALS = [row.key for row in registry.MODELS if row.rival]


def lab(window: Any, key: str) -> tuple[Any, Any]:
    """Open the list of runs of a model's tab."""
    window.open_model(key)
    return window.tab, window.door.open("runs")


def test_at_first_nothing_of_the_lab_is_built(window: Any) -> None:
    door = window.door
    assert door.drawer is None
    assert not door.is_open
    assert door.button.isVisible()
    assert not door.button.isChecked()
    assert window.tab.bottom.curve.others == ()
    assert window.tab.side.isVisible()


def test_the_key_and_the_button_open_and_close_it(qtbot: Any, window: Any) -> None:
    door = window.door
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_L)
    assert door.is_open
    assert door.drawer.isVisible()
    assert door.button.isChecked()
    assert not window.tab.side.isVisible()  # 1280 px hold one of the two
    door.button.click()
    assert not door.drawer.isVisible()
    assert window.tab.side.isVisible()
    window.findChild(object, "action_lab_runs").trigger()
    assert door.drawer.isVisible()
    door.drawer.close_button.click()
    assert not door.is_open


@pytest.mark.parametrize("key", KEYS)
def test_the_window_keeps_its_width_when_the_lab_opens_and_closes(
    qtbot: Any, window: Any, key: str
) -> None:
    lab(window, key)
    qtbot.wait(1)
    assert window.width() == 1280
    window.door.toggle()
    qtbot.wait(1)
    assert window.tab.side.isVisible()
    assert window.width() == 1280


def test_a_wide_window_has_room_for_the_lab_and_the_side_panel(qtbot: Any, window: Any) -> None:
    window.door.open("runs")
    window.resize(1920, 1080)
    qtbot.wait(1)
    assert window.tab.side.isVisible()
    assert window.door.drawer.isVisible()
    window.toggle_projector()
    assert not window.door.drawer.isVisible()
    window.toggle_projector()
    assert window.door.drawer.isVisible()


@pytest.mark.parametrize("key", KEYS)
def test_the_list_follows_the_runs_and_brings_them_back(
    window: Any, step: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    step(tab, 4)
    first, trace = tab.runs.current, tab.controller.trace
    tab.new_start()
    step(tab, 6)
    texts = page.table.texts()
    assert [row[0] for row in texts] == ["Run 2", "Run 1"]
    assert [row[2] for row in texts] == ["2", "1"]
    assert texts[0][3] == "under way"
    shown = tab.bottom.curve.others
    assert len(shown) == 1
    np.testing.assert_array_equal(shown[0].bounds, first.bounds)
    x, _ = tab.bottom.curve.other_lines[0].getData()
    assert list(x) == [0.0, 1.0]
    page.table.cellClicked.emit(1, 0)
    assert tab.controller.trace is trace
    assert page.table.currentRow() == 1
    assert len(tab.bottom.curve.others) == 1
    window.door.close()
    assert tab.bottom.curve.others == ()


@pytest.mark.parametrize("key", KEYS)
def test_the_button_branches_and_the_curve_shows_where(
    window: Any, step: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    assert not page.button.isEnabled()  # at the start there is nothing to branch off from
    step(tab, 5)
    assert page.button.isEnabled()
    page.button.click()
    step(tab, 3)
    (parent,) = tab.bottom.curve.others
    assert parent.offset == -2  # it began two iterations before the branch
    assert page.table.texts()[0][0] == "Run 2"


@pytest.mark.parametrize("key", KEYS)
def test_go_on_is_offered_when_em_has_stopped(
    window: Any, run_to_end: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    tab.set_run(RunOptions(2, 1e-12))
    assert not page.go_on.isEnabled()
    run_to_end(tab)
    assert page.table.texts()[0][3] == "limit"
    assert page.go_on.isEnabled()
    page.go_on.click()
    assert not page.go_on.isEnabled()
    assert tab.run.max_iter > 2


def test_a_run_is_renamed_in_place(window: Any, step: Callable[..., None]) -> None:
    tab, page = lab(window, "gaussian_mixture")
    step(tab, 4)
    page.table.item(0, 0).setText("the good one")
    assert tab.runs.current.name == "the good one"
    assert page.table.texts()[0][0] == "the good one"
    page.table.item(0, 0).setText("  ")
    assert tab.runs.current.name == page.table.texts()[0][0] == "the good one"
    step(tab, 1)
    assert tab.runs.current.name == "the good one"


@pytest.mark.parametrize("key", RIVALS)
def test_hard_assignments_run_from_the_same_start(
    qtbot: Any, window: Any, step: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    step(tab, 4)
    page.fill_menu()
    assert page.menu.actions()[0].objectName() == "compare_hard"
    with qtbot.waitSignal(page.worked, timeout=20_000):
        page.menu.actions()[0].trigger()
    record = tab.runs.records[-1]
    name = rivals.NAMES[key][0]
    assert record.kind == name
    assert name in page.message.text()
    assert record.stop is not None
    curve = tab.bottom.curve.others[-1]
    assert curve.dashed
    np.testing.assert_array_equal(curve.bounds, rivals.comparable(record))
    row = [text[0] for text in page.table.texts()].index(record.name)
    page.table.cellClicked.emit(row, 0)  # and it can be looked at
    assert tab.controller.trace is record.trace
    tab.controller.seek(2)
    tab.settle()
    assert tab.stage.shown_index == 2


@pytest.mark.parametrize("key", KEYS)
def test_longer_strides_reach_at_least_as_high_with_an_honest_count(
    qtbot: Any, window: Any, run_to_end: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    tab.set_run(RunOptions(15, 1e-9))
    run_to_end(tab)
    page.fill_menu()
    (action,) = [a for a in page.menu.actions() if a.objectName() == "compare_squarem"]
    with qtbot.waitSignal(page.worked, timeout=60_000):
        action.trigger()
    record = tab.runs.records[-1]
    assert record.log_likelihood >= tab.runs.current.log_likelihood - 0.5
    passes = record.trace.final.expectation.n_e_steps
    assert f"SQUAREM took {passes:,} E-steps" in page.message.text()


def test_runs_on_other_data_are_listed_but_not_drawn(
    window: Any, step: Callable[..., None]
) -> None:
    tab, page = lab(window, "gaussian_mixture")
    step(tab, 4)
    window.open_demo("iris-many-optima")
    step(tab, 4)
    assert len(page.table.texts()) == 2
    assert tab.bottom.curve.others == ()


def test_delete_forgets_a_run_but_not_the_one_on_the_screen(
    qtbot: Any, window: Any, step: Callable[..., None]
) -> None:
    tab, page = lab(window, "gaussian_mixture")
    step(tab, 4)
    tab.new_start()
    step(tab, 4)
    page.table.setCurrentCell(0, 0)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert len(tab.runs) == 2
    page.table.setCurrentCell(1, 0)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert [record.name for record in tab.runs] == ["Run 2"]
    assert tab.bottom.curve.others == ()


def test_the_title_says_whose_run_is_on_the_screen(
    qtbot: Any, window: Any, step: Callable[..., None]
) -> None:
    tab, page = lab(window, "gaussian_mixture")
    step(tab, 4)
    title = tab.heading.title.text()
    page.fill_menu()
    with qtbot.waitSignal(page.worked, timeout=20_000):
        page.menu.actions()[0].trigger()
    tab.show_run(tab.runs.records[-1])
    assert tab.heading.title.text() == f"{title}: k-means"
    tab.show_run(tab.runs.records[0])
    assert tab.heading.title.text() == title


@pytest.mark.parametrize("demo", ["iris-many-optima", "airquality"])
def test_the_lab_opens_beside_a_row_of_choices_and_the_window_stays(
    window: Any, qtbot: Any, demo: str
) -> None:
    window.resize(1280, 800)
    window.open_demo(demo)
    tab = window.tab
    wide = tab.findChild(ColumnBox, "x_column").width()
    window.door.open("starts")
    qtbot.waitUntil(lambda: window.door.drawer.isVisible())
    QApplication.processEvents()
    assert window.width() == 1280
    window.resize(1920, 1080)
    QApplication.processEvents()
    assert tab.findChild(ColumnBox, "x_column").width() >= wide
