"""The hand in the mixture's tab: real mouse events on the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def tab(window):
    return window.tab


def pixel(view, x: float, y: float):
    return view.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))


def data_place(view, position):
    place = view.box.mapSceneToView(view.mapToScene(position))
    return np.array([place.x(), place.y()])


def drag(view, start, end):
    """Press, move in steps and release on the viewport, as a hand does."""
    port = view.viewport()
    QTest.mouseMove(port, start)
    QTest.mousePress(port, LEFT, NONE, start)
    for share in (0.3, 0.6, 0.9, 1.0):
        QTest.mouseMove(port, start + (end - start) * share)
    QTest.mouseRelease(port, LEFT, NONE, end)


def empty_place(view, xy):
    """Return a place in the view far from every point, mean and handle."""
    pixels = view.box.pixels()
    (x0, x1), (y0, y1) = view.viewRange()
    spots = np.array(
        [(x, y) for x in np.linspace(x0, x1, 23)[2:-2] for y in np.linspace(y0, y1, 23)[2:-2]]
    )
    taken = np.vstack([xy, *[[c.mean] for c in view.components]])
    apart = (((spots[:, None] - taken) * pixels) ** 2).sum(-1).min(1)
    return spots[int(apart.argmax())]


def lonely_point(view, xy):
    """Return the point that is farthest from every other point and mean on the screen."""
    pixels = view.box.pixels()
    apart = (((xy[:, None] - xy) * pixels) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    marks = [c.mean for c in view.components]
    marks += [np.array([h.pos().x(), h.pos().y()]) for c in view.components for h in c.axis_handles]
    near_mark = (((xy[:, None] - np.array(marks)) * pixels) ** 2).sum(-1).min(1)
    return int(np.minimum(apart.min(1), near_mark).argmax())


# -- the hand ----------------------------------------------------------------------------------


def test_dragging_a_mean_starts_a_new_run_there(tab, step):
    step(tab, 4)
    view = tab.scatter
    params = tab.shown_params(4)
    start, end = pixel(view, *params.means[0]), pixel(view, 3.2, 90.0)
    run_id = tab.controller.run_id
    drag(view, start, end)
    assert tab.controller.run_id > run_id
    assert tab.controller.cursor == 0
    assert not tab.controller.playing
    began = tab.shown_params(0)
    room = 1.5 / view.box.pixels()
    assert np.all(np.abs(began.means[0] - data_place(view, end)) < room)
    np.testing.assert_allclose(began.means[1], params.means[1], rtol=1e-12)
    np.testing.assert_allclose(began.covariances, params.covariances, rtol=1e-9)
    assert "You put component 1 at" in tab.heading.caption.text()
    assert tab.undo_button.isEnabled()
    QTest.keyClick(tab.window(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_allclose(tab.shown_params(0).means, params.means, rtol=1e-9)
    assert not tab.undo_button.isEnabled()


def test_dragging_the_end_of_an_axis_changes_the_covariance(tab, step):
    step(tab, 10)
    view = tab.scatter
    params = tab.shown_params(10)
    QTest.mouseMove(view.viewport(), pixel(view, *params.means[0]) + QPoint(30, 30))
    QTest.mouseMove(view.viewport(), pixel(view, *params.means[0]))
    items = view.components[0]
    assert view.selected == 0
    assert all(handle.isVisible() for handle in items.axis_handles)
    ends = [np.array([h.pos().x(), h.pos().y()]) - params.means[0] for h in items.axis_handles]
    inverse = np.linalg.inv(params.covariances[0])
    for end in ends:
        assert end @ inverse @ end == pytest.approx(1.0, rel=1e-9)
    axis = int(np.argmax([np.hypot(*(end * view.box.pixels())) for end in ends]))
    start = pixel(view, *(params.means[0] + ends[axis]))
    end = pixel(view, *(params.means[0] + 2.5 * ends[axis]))
    drag(view, start, end)
    began = tab.shown_params(0)
    np.testing.assert_allclose(began.means, params.means, rtol=1e-12)
    reached = data_place(view, end) - params.means[0]
    inverse = np.linalg.inv(began.covariances[0])
    assert reached @ inverse @ reached == pytest.approx(1.0, rel=0.05)
    assert np.linalg.det(began.covariances[0]) > 2 * np.linalg.det(params.covariances[0])
    np.testing.assert_allclose(began.covariances[1], params.covariances[1], rtol=1e-9)


def test_points_are_added_moved_removed_and_brought_back(tab, step):
    step(tab, 3)
    view, before = tab.scatter, tab.dataset
    values, params = tab.values, tab.shown_params(3)
    spot = empty_place(view, values)
    place = pixel(view, *spot)
    QTest.mouseClick(view.viewport(), LEFT, NONE, place)
    assert tab.dataset is before, "one click adds nothing"
    QTest.mouseDClick(view.viewport(), LEFT, NONE, place)
    QTest.mouseRelease(view.viewport(), LEFT, NONE, place)
    assert tab.dataset.title == "Old Faithful edited"
    assert tab.dataset.truth is None
    assert len(tab.values) == 273
    np.testing.assert_allclose(tab.values[-1], data_place(view, place), rtol=1e-9)
    np.testing.assert_allclose(tab.shown_params(0).means, params.means, rtol=1e-9)
    assert tab.setup.data_box.currentText() == "Old Faithful edited"

    start, end = pixel(view, *tab.values[-1]), place + QPoint(-25, 12)
    drag(view, start, end)
    room = 1.5 / view.box.pixels()
    assert np.all(np.abs(tab.values[-1] - data_place(view, end)) < room)
    np.testing.assert_allclose(tab.values[:-1], values, rtol=1e-12)

    QTest.mouseClick(view.viewport(), RIGHT, NONE, pixel(view, *tab.values[-1]))
    assert len(tab.values) == 272
    np.testing.assert_allclose(tab.values, values, rtol=1e-12)
    for n in (273, 273, 272):
        assert tab.undo_button.isEnabled()
        tab.undo_button.click()
        assert len(tab.values) == n
    assert tab.dataset is before
    assert tab.story.name == "old-faithful"
    assert not tab.undo_button.isEnabled()


def test_another_choice_leaves_nothing_to_undo(tab):
    tab.move_mean(0, 3.0, 70.0)
    assert tab.undo_button.isEnabled()
    tab.new_start()
    assert not tab.undo_button.isEnabled()
    tab.undo()
    assert "took back" not in tab.heading.caption.text()


def test_pointing_reads_points_and_components(tab, step):
    step(tab, 5)
    view = tab.scatter
    n = lonely_point(view, tab.values)
    QTest.mouseMove(view.viewport(), pixel(view, *tab.values[n]))
    text = tab.readout.text()
    assert f"Eruption {n + 1}" in text
    assert f"waiting {tab.values[n, 1]:.6g} min" in text
    shares = tab.latent(5).responsibilities[n]
    assert f"{100 * shares.max():.0f}" in text or "99." in text
    params = tab.shown_params(5)
    QTest.mouseMove(view.viewport(), pixel(view, *params.means[1]))
    text = tab.readout.text()
    count = tab.latent(5).responsibilities[:, 1].sum()
    assert "Component 2" in text
    assert f"N₂ = {count:.1f} of 272" in text
    assert "eigenvalues" in text
    QTest.mouseMove(view.viewport(), pixel(view, *empty_place(view, tab.values)))
    assert "Point at a dot" in tab.readout.text()


def test_one_column_in_the_hand(window, step):
    window.open_demo("waiting-times")
    tab = window.tab
    step(tab, 3)
    view, params = tab.histogram, tab.shown_params(3)
    middle = 0.5 * sum(view.viewRange()[1])
    start, end = pixel(view, params.means[0, 0], middle), pixel(view, 62.0, middle)
    QTest.mouseMove(view.viewport(), start)
    assert "Component 1" in tab.readout.text()
    drag(view, start, end)
    assert tab.shown_params(0).means[0, 0] == pytest.approx(62.0, abs=0.3)
    tab.stage.settle()
    handle = view.spread_handles[1].pos()
    drag(view, pixel(view, handle.x(), handle.y()), pixel(view, 92.0, handle.y()))
    spread = float(np.sqrt(tab.shown_params(0).covariances[1, 0, 0]))
    assert spread == pytest.approx(92.0 - params.means[1, 0], abs=0.3)
    tab.add_point(100.0, 0.0)
    assert tab.values[-1, 0] == pytest.approx(100.0)
    tab.undo()
    assert len(tab.values) == 272
