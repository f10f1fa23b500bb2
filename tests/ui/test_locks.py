"""Locks in the window: by menu, by right-click, by key; what is held never moves again."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QApplication

from em_explorer.em.anatomy import Lock
from em_explorer.ui.lab.rivals import rivals_of

DEMOS = {
    "gaussian_mixture": "old-faithful",
    "hidden_markov": "casino",
    "latent_dirichlet": "bars-five-topics",
    "missing_data": "airquality",
}
KEYS = list(DEMOS)

SOME = {
    "gaussian_mixture": [("means", (0,)), ("covariances", (1,)), ("weights", (1,))],
    "hidden_markov": [("transition_matrix", (0, 1)), ("emission", (1, 5)), ("initial_probs", (0,))],
    "latent_dirichlet": [("topics", (0,)), ("topics", (3,))],
    "missing_data": [("mean", (0,)), ("covariance", ())],
}

FIELDS = {
    "gaussian_mixture": {},
    "hidden_markov": {"emission": lambda p: p.emission.probs},
    "latent_dirichlet": {"topics": lambda p: p.topic_word_posterior},
    "missing_data": {},
}


def value(key, params, lock):
    """Return the numbers that a lock holds."""
    read = FIELDS[key].get(lock.group, lambda p: getattr(p, lock.group))
    return np.array(read(params)[lock.index] if lock.index else read(params))


def actions(menu) -> dict[str, QAction]:
    """Return all entries of a menu and of those inside it, by object name."""
    found = {}
    for action in menu.actions():
        if action.menu() is not None:
            found |= actions(action.menu())
        elif action.objectName():
            found[action.objectName()] = action
    return found


def choose(tab, lock):
    """Take a lock's entry in the list of all locks."""
    tab.lock_menu.aboutToShow.emit()
    actions(tab.lock_menu)["lock_" + "_".join([lock.group, *map(str, lock.index)])].trigger()


def here(tab):
    """Return the entries of the small menu that a right-click has opened, and close it."""
    menu = QApplication.activePopupWidget()
    assert menu is not None
    assert menu.objectName() == "lock_here"
    found = actions(menu)
    menu.hide()
    return found


@pytest.fixture
def tab(window, request):
    window.open_demo(DEMOS[request.param])
    return window.tab


@pytest.mark.parametrize("key", KEYS)
def test_what_is_locked_never_moves_and_the_bound_never_falls(window, key, step):
    window.open_demo(DEMOS[key])
    tab = window.tab
    step(tab, 4)
    before = tab.snapshot(4).params
    locks = [Lock(*lock) for lock in SOME[key]]
    for lock in locks:
        choose(tab, lock)
        assert lock in tab.locks
    assert tab.model.locks == frozenset(locks)
    start = tab.snapshot(0).params
    for lock in locks:
        np.testing.assert_allclose(
            value(key, start, lock), value(key, before, lock), rtol=1e-9, atol=1e-12
        )
    while tab.controller.cursor < 8 and tab.controller.can_advance:
        step(tab, 1)
    last = tab.controller.cursor
    assert last >= 3
    for index in range(last + 1):
        params = tab.snapshot(index).params
        for lock in locks:
            np.testing.assert_array_equal(value(key, params, lock), value(key, start, lock))
    words = tab.words_for(locks[0])
    assert any(words in line for line in tab.explained(2).numbers)
    bounds = np.array([tab.controller.trace.bound(i) for i in range(1, last + 1)])
    assert np.all(np.diff(bounds) >= -1e-9 * np.abs(bounds[1:]))
    assert tab.controller.trace.stop is None or "decreased" not in str(tab.controller.trace.stop)


@pytest.mark.parametrize("key", KEYS)
def test_the_rest_still_moves_and_unlocking_sets_all_free(window, key, step):
    window.open_demo(DEMOS[key])
    tab = window.tab
    step(tab, 2)
    lock = Lock(*SOME[key][0])
    choose(tab, lock)
    step(tab, 2)
    now, start = tab.snapshot(2).params, tab.snapshot(0).params
    others = [other for other in tab.lockable() if other != lock]
    assert any(not np.array_equal(value(key, now, x), value(key, start, x)) for x in others)
    choose(tab, lock)
    assert tab.locks == frozenset()
    assert "Unlocked:" in tab.heading.caption.text()
    step(tab, 2)
    moved = value(key, tab.snapshot(2).params, lock) != value(key, tab.snapshot(0).params, lock)
    assert moved.any()


@pytest.mark.parametrize("key", KEYS)
def test_locking_goes_on_from_the_half_step_and_says_so(window, key, step):
    window.open_demo(DEMOS[key])
    tab = window.tab
    step(tab, 5)
    tab.controller.seek(3)
    tab.settle()
    at, run = tab.snapshot(3).params, tab.runs.current
    lock = Lock(*SOME[key][0])
    choose(tab, lock)
    assert tab.controller.cursor == 0
    assert tab.runs.current is not run  # the other future stays
    assert tab.runs.current.parent is run
    assert tab.runs.current.how.startswith(f"branch of {run.name} at 1")
    assert tab.runs.current.how.endswith(" · 1 locked")
    np.testing.assert_allclose(
        value(key, tab.snapshot(0).params, lock), value(key, at, lock), rtol=1e-9, atol=1e-12
    )
    words = tab.words_for(lock)
    assert f"Locked: {words}" in tab.heading.caption.text()
    assert tab.setup.locks_button.text() == "1"
    assert words in tab.setup.locks_button.toolTip()
    tab.show_run(run)
    assert tab.locks == frozenset()
    assert tab.setup.locks_button.text() == ""


@pytest.mark.parametrize("key", KEYS)
def test_the_list_of_locks_opens_by_key_and_by_button(window, key, qtbot):
    window.open_demo(DEMOS[key])
    tab = window.tab
    qtbot.keyClick(tab, Qt.Key.Key_K)
    qtbot.waitUntil(tab.lock_menu.isVisible)
    found = actions(tab.lock_menu)
    assert len(found) == len(tab.lockable())
    assert all(action.isCheckable() and not action.isChecked() for action in found.values())
    texts = [action.text() for action in found.values()]
    assert len(set(texts)) == len(texts)
    tab.lock_menu.hide()
    qtbot.mouseClick(tab.setup.locks_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(tab.lock_menu.isVisible)
    tab.lock_menu.hide()


@pytest.mark.parametrize("key", KEYS)
def test_another_start_has_no_locks(window, key, step):
    window.open_demo(DEMOS[key])
    tab = window.tab
    step(tab, 2)
    choose(tab, Lock(*SOME[key][0]))
    tab.nudge()  # goes on from here, with the lock
    assert len(tab.locks) == 1
    tab.new_start()
    assert tab.locks == frozenset()
    assert tab.model.locks == frozenset()


@pytest.mark.parametrize("tab", ["gaussian_mixture"], indirect=True)
def test_a_component_is_locked_where_it_is_drawn(tab, step, qtbot):
    step(tab, 3)
    view = tab.scatter
    mean = tab.shown_params(3).means[1]
    place = view.mapFromScene(view.box.mapViewToScene(QPointF(*map(float, mean))))
    n_points = len(tab.data.points)
    qtbot.mouseMove(view.viewport(), place)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=place)
    found = here(tab)
    assert list(found) == ["lock_means_1", "lock_covariances_1", "lock_weights_1"]
    assert found["lock_means_1"].text() == "Lock the mean of component 2"
    found["lock_means_1"].trigger()
    assert len(tab.data.points) == n_points  # no point below the mean was removed
    tab.settle()
    np.testing.assert_allclose(view.padlocks.places, [tab.shown_params(0).means[1]])
    tab.set_locks(frozenset({Lock("weights", (1,)), Lock("covariances", (1,))}))
    tab.settle()
    assert [c.label.locked for c in view.components] == [False, True]
    top = max(view.ellipses[1][0].yData)
    assert view.padlocks.places[0, 1] == pytest.approx(top)


def test_a_line_of_points_shows_its_locks_too(window, step):
    window.open_demo("waiting-times")
    tab = window.tab
    step(tab, 1)
    tab.set_locks(frozenset({Lock("means", (0,)), Lock("weights", (1,))}))
    tab.settle()
    assert tab.histogram.padlocks.places[0, 0] == pytest.approx(tab.shown_params(0).means[0, 0])
    assert [label.locked for label in tab.histogram.labels] == [False, True]
    tab.histogram.component_asked.emit(1, QPoint(100, 100))
    assert "lock_covariances_1" in here(tab)


@pytest.mark.parametrize("tab", ["hidden_markov"], indirect=True)
def test_cells_and_bars_of_a_chain_are_locked_where_they_are_drawn(tab, step, qtbot):
    step(tab, 3)
    matrix, emissions = tab.area.matrix, tab.area.emissions
    center = matrix.cell_rect(0, 1).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, center, matrix.mapToGlobal(center))
    QApplication.sendEvent(matrix, event)
    here(tab)["lock_transition_matrix_0_1"].trigger()
    tab.settle()
    assert matrix.locked.tolist() == [[False, True], [False, False]]
    box = emissions.plotItem.vb
    bar = box.mapViewToScene(QPointF(5 - 0.4 + 0.75 * 0.8, 0.1))
    qtbot.mouseClick(
        emissions.viewport(), Qt.MouseButton.RightButton, pos=emissions.mapFromScene(bar)
    )
    here(tab)["lock_emission_1_5"].trigger()
    tab.settle()
    assert tab.locks == {Lock("transition_matrix", (0, 1)), Lock("emission", (1, 5))}
    assert emissions.padlocks.places[0, 0] == pytest.approx(5 - 0.4 + 0.75 * 0.8)


@pytest.mark.parametrize("tab", ["hidden_markov"], indirect=True)
def test_locks_follow_states_that_were_renumbered(tab, step):
    step(tab, 5)
    tab.rename_state(0, "fair")
    tab.order = np.array([1, 0])
    tab.stage.redraw()
    tab.settle()
    shown = tab.shown_params(5)
    tab._on_cell_asked(0, 1, QPoint(50, 50))
    found = here(tab)
    assert list(found) == ["lock_transition_matrix_1_0"]  # as the model numbers them
    assert found["lock_transition_matrix_1_0"].text() == "Lock the way from fair to State 2"
    found["lock_transition_matrix_1_0"].trigger()
    tab.settle()
    assert tab.locks == {Lock("transition_matrix", (0, 1))}
    np.testing.assert_allclose(tab.shown_params(0).transition_matrix, shown.transition_matrix)
    assert tab.area.matrix.locked[0, 1]


def test_means_of_states_are_locked_on_their_curves(window, step):
    window.open_demo("nile")
    tab = window.tab
    step(tab, 3)
    tab.area.emissions.asked.emit(0, -1, QPoint(50, 50))
    found = here(tab)
    assert list(found) == ["lock_means_0", "lock_covariances_0"]
    found["lock_means_0"].trigger()
    tab.settle()
    mean = tab.shown_params(0).emission.means[0, 0]
    assert tab.area.emissions.padlocks.places[0, 0] == pytest.approx(mean)


@pytest.mark.parametrize("demo", ["bars-five-topics", "austen"])
def test_topics_are_locked_where_they_are_drawn(window, step, demo):
    window.open_demo(demo)
    tab = window.tab
    step(tab, 2)
    pictures = tab.area.image_shape is not None
    view = tab.area.images if pictures else tab.area.list
    place = view.image_rect(1).center() if pictures else view.name_place(1).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.mapToGlobal(place))
    QApplication.sendEvent(view, event)
    here(tab)["lock_topics_1"].trigger()
    tab.settle()
    assert view.locked == {1}
    assert tab.locks == {Lock("topics", (1,))}


@pytest.mark.parametrize("tab", ["missing_data"], indirect=True)
def test_means_and_covariance_are_locked_in_the_scatter(tab, step, qtbot):
    step(tab, 3)
    view = tab.scatter
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.RightButton, pos=view.viewport().rect().center()
    )
    found = here(tab)
    assert list(found) == ["lock_mean_3", "lock_mean_0", "lock_covariance"]
    assert found["lock_mean_0"].text() == "Lock the mean of ozone"
    tab.set_locks(frozenset({Lock("mean", (3,)), Lock("covariance", ())}))
    tab.settle()
    places = view.padlocks.places
    mean = tab.shown_params(0).mean
    assert len(places) == 2
    assert places[0, 0] == pytest.approx(mean[3])
    assert places[1, 1] == pytest.approx(max(view.inner.yData))


@pytest.mark.parametrize("tab", ["gaussian_mixture"], indirect=True)
def test_locking_while_it_plays_plays_on(tab, step, qtbot):
    step(tab, 1)
    tab.controller.play()
    tab.set_locks(frozenset({Lock("means", (0,))}))
    assert tab.controller.playing
    qtbot.waitUntil(lambda: len(tab.controller.trace) > 2, timeout=10_000)
    tab.controller.pause()


@pytest.mark.parametrize("tab", ["gaussian_mixture"], indirect=True)
def test_locks_that_no_longer_fit_are_let_go(tab, step):
    from dataclasses import replace

    from em_explorer.models.gaussian_mixture import CovarianceType

    step(tab, 2)
    tab.set_locks(frozenset({Lock("covariances", (1,))}))
    tab.set_options(replace(tab.options, covariance_type=CovarianceType.TIED))
    assert tab.locks == frozenset()
    step(tab, 2)


@pytest.mark.parametrize("tab", ["gaussian_mixture"], indirect=True)
def test_locks_at_the_start_leave_the_start_what_it_was(tab):
    how = tab.runs.current.how
    tab.set_locks(frozenset({Lock("means", (0,))}))
    assert tab.runs.current.how == f"{how} · 1 locked"
    tab.set_locks(frozenset())
    assert tab.runs.current.how == how


@pytest.mark.parametrize("tab", ["gaussian_mixture"], indirect=True)
def test_all_locks_can_be_undone_at_once(tab, step):
    step(tab, 2)
    tab.set_locks(frozenset({Lock("means", (0,)), Lock("weights", (0,))}))
    tab.lock_menu.aboutToShow.emit()
    unlock = tab.lock_menu.actions()[0]
    assert "Unlock all" in unlock.text().replace("&", "")
    unlock.trigger()
    assert tab.locks == frozenset()


def test_a_rival_holds_what_is_locked_too(window, step):
    window.open_demo("nile")
    tab = window.tab
    step(tab, 4)
    lock = Lock("transition_matrix", (1, 1))
    tab.toggle_lock(lock)
    held = tab.snapshot(0).params.transition_matrix[1, 1]
    [hard] = [rival for rival in rivals_of(tab) if rival.key == "hard"]
    model, start = hard.make(tab, tab.runs.current)
    after = model.m_step(start, model.e_step(tab.data, start))
    assert after.transition_matrix[1, 1] == held
    assert after.transition_matrix[0, 0] != start.transition_matrix[0, 0]
