"""The whole window: keys, demos, data and options changed while EM runs, and every way to leave."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QThread
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QToolButton, QWidget

from em_explorer import registry
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.session.controller import RunState
from em_explorer.ui.data_choices import choices_for
from em_explorer.ui.main_window import MainWindow
from em_explorer.ui.model_tab import ANOTHER_START
from em_explorer.ui.theme import presentation_scale, theme_manager

MINUS = "−"


def shown_number(text: str) -> float:
    return float(text.replace(MINUS, "-").replace(",", ""))


def play_flat_out(qtbot: Any, tab: Any) -> None:
    tab.set_run(RunOptions(max_iter=100_000, tolerance=0.0))
    tab.controller.set_speed(math.inf)
    tab.controller.play()
    qtbot.waitUntil(lambda: len(tab.controller.trace) > 4, timeout=10_000)


def test_it_opens_paused_on_old_faithful(window):
    tab = window.tab
    assert tab.key == "gaussian_mixture"
    assert tab.dataset.name == "old-faithful"
    assert tab.controller.state is RunState.READY
    assert tab.controller.cursor == 0
    assert "272" in tab.setup.size_label.text()
    assert tab.bottom.transport.step.text() == "E-step: assign responsibilities"
    assert tab.heading.caption.text() == tab.story.caption


def test_the_keys_do_what_they_say(qtbot, window):
    controller = window.tab.controller

    def press(key: Qt.Key) -> None:
        QTest.keyClick(window, key)

    with qtbot.waitSignal(controller.cursor_changed):
        press(Qt.Key.Key_Right)
    assert controller.cursor == 1
    with qtbot.waitSignal(controller.cursor_changed):
        press(Qt.Key.Key_Right)
    press(Qt.Key.Key_Left)
    assert controller.cursor == 1
    press(Qt.Key.Key_Space)
    assert controller.playing
    press(Qt.Key.Key_Space)
    assert not controller.playing
    press(Qt.Key.Key_R)
    assert controller.cursor == 0
    seed = window.tab.seed
    press(Qt.Key.Key_N)
    assert window.tab.seed == seed + 1
    press(Qt.Key.Key_End)
    qtbot.waitUntil(lambda: controller.state is RunState.FINISHED, timeout=10_000)
    assert controller.trace.stop.reason is StopReason.CONVERGED


def test_old_faithful_on_the_screen_is_the_librarys(window, run_to_end):
    tab = window.tab
    run_to_end(tab)
    start = tab.model.from_units(tab.given, tab.data)
    expected = fit(tab.model, tab.data, start, tab.run)
    assert expected.history[-1] == pytest.approx(-1130.26396, abs=5e-6)
    shown = shown_number(tab.bottom.value_label.text())
    assert shown == pytest.approx(expected.history[-1], abs=1e-6)
    assert tab.bottom.transport.pill.text().startswith("converged")
    iterations, bounds = tab.bottom.curve.values
    assert tuple(bounds[0::2]) == expected.history
    assert iterations[0::2] == list(range(expected.n_iter + 1))


def test_step_back_rewind_and_scrub_show_the_cursors_snapshot(qtbot, window, step):
    tab = window.tab
    step(tab, 6)
    pictures = {}
    for index in range(7):
        tab.controller.seek(index)
        tab.stage.settle()
        assert tab.stage.shown_index == index
        assert np.array_equal(tab.stage.shown.means, tab.shown_params(index).means)
        pictures[index] = tab.stage.shown
    timeline = tab.bottom.timeline
    place = QPoint(round(timeline.x_of(3)), timeline.height() // 2)
    QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)
    tab.stage.settle()
    assert tab.controller.cursor == 3
    assert np.array_equal(tab.stage.shown.means, pictures[3].means)
    assert tab.bottom.timeline.value() == 3
    tab.controller.rewind()
    tab.stage.settle()
    assert tab.controller.cursor == 0
    assert len(tab.controller.trace) == 7


def test_a_click_on_the_curve_goes_there(qtbot, window, step):
    tab = window.tab
    step(tab, 5)
    curve = tab.bottom.curve
    x, y = curve.values[0][2], curve.values[1][2]
    view = curve.getPlotItem().vb
    place = curve.mapFromScene(view.mapViewToScene(view.mapToView(view.mapFromView(QPoint(0, 0)))))
    place = curve.mapFromScene(view.mapViewToScene(curve.marker.pos().__class__(x, y)))
    QTest.mouseClick(curve.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: tab.controller.cursor == 3)


def test_data_and_options_may_change_while_it_runs(qtbot, window):
    tab = window.tab
    for choice in choices_for(tab.key, None):
        play_flat_out(qtbot, tab)
        tab.choose_data(choice)
        assert tab.dataset.title
        assert tab.controller.cursor == 0
        assert len(tab.controller.trace) == 1
        assert tab.bottom.curve.values == ([], [])
    play_flat_out(qtbot, tab)
    editor = tab.setup.model_form.editors["n_components"]
    editor.setValue(4)
    assert tab.options.n_components == 4
    assert len(tab.shown_params(0).weights) == 4
    play_flat_out(qtbot, tab)
    tab.setup.seed_box.setValue(tab.seed + 1)
    assert tab.controller.cursor == 0


def test_start_and_stop_a_hundred_times(qtbot, window):
    tab = window.tab
    tab.set_run(RunOptions(max_iter=100_000, tolerance=0.0))
    tab.bottom.transport.speed.setValue(tab.bottom.transport.speed.maximum())
    for _ in range(100):
        length = len(tab.controller.trace)
        QTest.mouseClick(tab.bottom.transport.play, Qt.MouseButton.LeftButton)
        assert tab.controller.playing
        qtbot.waitUntil(lambda n=length: len(tab.controller.trace) > n)
        QTest.mouseClick(tab.bottom.transport.play, Qt.MouseButton.LeftButton)
        assert not tab.controller.playing
    qtbot.waitUntil(lambda: len(tab.bottom.curve.values[1]) == len(tab.controller.trace) - 1)


def test_a_bad_file_is_one_sentence_and_changes_nothing(window, step, tmp_path):
    tab = window.tab
    step(tab, 2)
    trace, dataset = tab.controller.trace, tab.dataset
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\x00\x01\x02\xff" * 50)
    assert not tab.open_file(path)
    assert tab.heading.notice.isVisible()
    assert "bad.csv" in tab.heading.notice.text.text()
    assert tab.controller.trace is trace
    assert tab.dataset is dataset
    assert tab.setup.data_box.currentText() == "Old Faithful"
    tab.new_start()
    assert not tab.heading.notice.isVisible()


def test_an_own_file_is_run(window, run_to_end, tmp_path):
    path = tmp_path / "mine.csv"
    rng = np.random.default_rng(1)
    rows = np.vstack([rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 6])
    path.write_text("a,b\n" + "\n".join(f"{x},{y}" for x, y in rows))
    tab = window.tab
    assert tab.open_file(path)
    assert tab.setup.data_box.currentIndex() == 0
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED


def test_impossible_options_are_refused_in_place(window):
    tab = window.tab
    before = tab.options
    tab.set_options(type(before)(n_components=100))
    tab.dataset.values[:, :]  # the data are still there
    if tab.options.n_components != 100:  # refused: the form shows what runs
        assert tab.setup.model_form.editors["n_components"].value() == before.n_components


def test_demos_by_menu_and_by_page_keys(qtbot, window):
    window.demos_menu.aboutToShow.emit()
    menus = [a.menu() for a in window.demos_menu.actions() if a.menu() is not None]
    assert [m.title() for m in menus] == [row.title for row in registry.MODELS]
    named = [a for m in menus for a in m.actions()]
    assert [a.objectName()[5:] for a in named] == [s.name for s in window.stories]
    seen = []
    for _ in window.stories:
        window.next_demo()
        tab = window.tab
        seen.append(tab.story.name)
        assert tab.heading.title.text() == tab.story.title
        assert tab.controller.cursor == 0
        assert not tab.heading.notice.isVisible()
    assert sorted(seen) == sorted(s.name for s in window.stories)
    QTest.keyClick(window, Qt.Key.Key_PageDown)
    QTest.keyClick(window, Qt.Key.Key_PageUp)
    assert window.tab.story.name == seen[-1]


def test_switching_tabs_pauses_and_keeps_the_run(qtbot, window):
    first = window.tab
    play_flat_out(qtbot, first)
    for index in range(1, len(registry.MODELS)):
        window.tab_bar.setCurrentIndex(index)
        assert window.pages.currentIndex() == index
        assert window.tab.story.name == registry.MODELS[index].first_demo
    assert not first.controller.playing
    length = len(first.controller.trace)
    assert length > 4
    window.tab_bar.setCurrentIndex(0)
    assert window.tab is first


def test_projector_mode_shows_the_picture_and_larger_type(window):
    tab = window.tab
    QTest.keyClick(window, Qt.Key.Key_F11)
    assert theme_manager().scale == presentation_scale(window.screen().size().height()) > 1.0
    assert not tab.setup.isVisible()
    assert not tab.side.isVisible()
    assert tab.play_area.isVisible()
    assert tab.bottom.curve.isVisible()
    assert tab.bottom.transport.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert tab.controller.playing  # the keys live although the menus are hidden
    QTest.keyClick(window, Qt.Key.Key_Space)
    QTest.keyClick(window, Qt.Key.Key_F11)
    assert theme_manager().scale == 1.0
    assert tab.setup.isVisible()
    assert tab.side.isVisible()


def test_a_window_closed_in_projector_mode_restyles_nothing(window, qtbot):
    QTest.keyClick(window, Qt.Key.Key_F11)
    large = theme_manager().scale
    with qtbot.assertNotEmitted(theme_manager().changed):  # it took longer than all the rest
        window.close()
    assert theme_manager().scale == large
    another = MainWindow()
    assert theme_manager().scale == 1.0
    another.close()


def test_the_side_panel_folds(window):
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert not window.tab.side.isVisible()
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert window.tab.side.isVisible()


def test_both_themes_redraw_every_tab(window, step):
    for row in registry.MODELS:
        window.open_model(row.key)
        step(window.tab, 2)
    window.theme_button.click()
    assert theme_manager().current.name == "dark"
    for row in registry.MODELS:
        window.open_model(row.key)
        window.tab.stage.settle()
        step(window.tab, 1)
    window.theme_button.click()
    assert theme_manager().current.name == "light"


def test_every_control_has_names(window):
    for row in registry.MODELS:
        window.open_model(row.key)
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox)
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, kinds) or widget.objectName().startswith("qt_"):
            continue
        if isinstance(widget.parent(), QComboBox) or type(widget.parent()).__name__ == "QTabBar":
            continue  # parts that Qt makes
        if isinstance(widget, QToolButton) and widget.objectName() in ("ScrollLeftButton",):
            continue
        assert widget.objectName(), widget
        named = widget.accessibleName() or (
            widget.text() if isinstance(widget, QAbstractButton) else ""
        )
        assert named, widget.objectName()


@pytest.mark.parametrize("key", [row.key for row in registry.MODELS])
def test_closing_while_it_runs_leaves_nothing(qtbot, window, key):
    window.open_model(key)
    tab = window.tab
    play_flat_out(qtbot, tab)
    thread = tab.controller.findChild(QThread)
    begun = time.perf_counter()
    window.close()
    assert time.perf_counter() - begun < 2.0
    assert not thread.isRunning()


def test_the_keys_stay_em_s_after_a_click_into_a_form(qtbot, window):
    tab = window.tab
    window.activateWindow()
    for box in (
        tab.setup.model_form.editors["n_components"],
        tab.setup.run_form.editors["tolerance"],
        tab.setup.seed_box,
    ):
        qtbot.mouseClick(box.lineEdit(), Qt.MouseButton.LeftButton)
        assert box.hasFocus()
        before = box.value()
        with qtbot.waitSignal(tab.controller.cursor_changed):
            QTest.keyClick(box, Qt.Key.Key_Right)
        assert tab.controller.cursor == 1
        QTest.keyClick(box, Qt.Key.Key_R)
        assert tab.controller.cursor == 0
        QTest.keyClick(box, Qt.Key.Key_Space)
        assert tab.controller.playing
        QTest.keyClick(box, Qt.Key.Key_Space)
        assert not tab.controller.playing
        assert box.value() == before
        tab.controller.rewind()


def test_the_arrows_belong_to_a_number_that_is_being_typed(qtbot, window):
    box = window.tab.setup.model_form.editors["n_components"]
    window.activateWindow()
    qtbot.mouseClick(box.lineEdit(), Qt.MouseButton.LeftButton)
    box.selectAll()
    qtbot.keyClicks(box, "34")
    QTest.keyClick(box, Qt.Key.Key_Left)
    assert window.tab.controller.cursor == 0
    assert box.lineEdit().cursorPosition() == 1
    QTest.keyClick(box, Qt.Key.Key_Backspace)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == window.tab.options.n_components == 4
    assert not box.hasFocus()


def test_enter_presses_the_button_that_has_the_focus(qtbot, window):
    controller = window.tab.controller
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    for button in (window.door.button, window.tab.bottom.traces_button):
        button.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(button, Qt.Key.Key_Return)
        assert button.isChecked()
        QTest.keyClick(button, Qt.Key.Key_Space)
        assert controller.playing
        controller.pause()
        assert button.isChecked()  # Space plays, wherever the focus is


def test_a_long_title_in_the_data_box_ends_in_an_ellipsis(qtbot, window):
    box = window.tab.setup.data_box
    assert box.shown_text() == box.currentText()  # "Old Faithful" has room
    window.open_demo("casino")
    box = window.tab.setup.data_box
    assert box.shown_text() == box.currentText() == "The dishonest casino"
    titles = [box.itemText(index) for index in range(box.count())]
    box.setCurrentIndex(titles.index("Symbols from hidden states"))
    box.activated.emit(box.currentIndex())
    assert box.shown_text().endswith("…")
    assert box.toolTip() == box.currentText()


def test_an_empty_curve_invites_instead_of_showing_axes(qtbot, window, step):
    curve = window.tab.bottom.curve
    assert curve.invitation.isVisible()
    assert not curve.getPlotItem().isVisible()
    step(window.tab)
    curve.draw_now()
    assert not curve.invitation.isVisible()
    assert curve.getPlotItem().isVisible()
    low, high = curve.getPlotItem().vb.viewRange()[1]
    assert low < -9810.99 < high
    assert high - low > 0.1  # room for tick labels beside a single dot


def test_nothing_but_lists_scrolls_in_the_first_size(qtbot, window, step):
    for name in ("casino", "old-faithful-ridge", "bars"):  # those with the most to say
        window.open_demo(name)
        tab = window.tab
        for _ in range(4):
            qtbot.waitUntil(lambda tab=tab: tab.side.explain.verticalScrollBar().maximum() == 0)
            assert tab.setup.verticalScrollBar().maximum() == 0
            step(tab)
        assert (window.width(), window.height()) == (1280, 800)


def test_a_demo_s_caption_does_not_speak_of_another_start(window):
    tab = window.tab
    caption = tab.heading.caption
    assert "empty corner" in caption.text()
    tab.new_start()
    assert caption.text() == ANOTHER_START
    tab.load_story("old-faithful")
    tab.setup.model_form.editors["n_components"].setValue(3)
    assert caption.text() == ANOTHER_START
