"""The looks that belong to mixtures: doubt as size, pull lines, the formula in numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt, QTimer

from em_explorer.models.mixture_reading import uncertainty


@pytest.fixture
def tab(window):
    return window.tab


def test_uncertainty_is_drawn_as_size(tab, step):
    looks, points = tab.looks, tab.scatter.points
    looks.uncertainty.trigger()
    tab.settle()
    assert set(points.sizes) == {5.0}  # nobody knows yet, so nobody is unsure on the screen
    step(tab, 5)
    doubt = uncertainty(tab.latent(5).responsibilities)
    assert doubt.max() > 0.9
    order = np.argsort(doubt)
    assert np.all(np.diff(points.sizes[order]) >= 0)
    assert points.sizes[doubt > 0.95].min() == 20.0
    assert points.sizes[doubt < 0.05].max() == 5.0
    assert "the less sure" in tab.readout.text()
    before = tab.grab().toImage()
    looks.uncertainty.trigger()
    tab.settle()
    assert points.sizes is None
    assert tab.grab().toImage() != before


def test_sizes_and_symbols_go_together(tab, step):
    step(tab, 1)
    tab.area.symbols_button.click()
    tab.looks.uncertainty.trigger()
    tab.settle()
    points = tab.scatter.points
    assert len(points.symbols) == 2
    assert len(points.sizes) == len(points.kinds) == 272
    assert not tab.grab().isNull()


def test_pull_lines_lead_from_the_strongest_points_to_the_mean(tab, step, qtbot):
    step(tab, 1)
    view, looks = tab.scatter, tab.looks
    assert not len(view.pulls.drawn(0))
    place = view.mapFromScene(
        view.box.mapViewToScene(QPointF(*map(float, view.components[0].mean)))
    )
    qtbot.mouseMove(view.viewport(), place)
    lines = view.pulls.drawn(0)
    assert lines.shape == (16, 2)
    assert not len(view.pulls.drawn(1))
    params, shares = tab.shown_params(1), tab.latent(1).responsibilities[:, 0]
    spread = np.sqrt(np.diagonal(params.covariances[0]))
    length = shares * np.linalg.norm((tab.values - params.means[0]) / spread, axis=1)
    best = np.argsort(-length, kind="stable")[:8]
    np.testing.assert_array_equal(lines[0::2], tab.values[best])
    np.testing.assert_allclose(lines[1::2], np.tile(params.means[0], (8, 1)))
    assert f"pulled by {best[0] + 1}, {best[1] + 1}" in tab.readout.text()
    pull = looks.pulling(1, 0)
    np.testing.assert_array_equal(pull.rows, best)


def test_all_pull_lines_can_be_had_by_the_keyboard(tab, step, qtbot):
    step(tab, 1)
    menu = tab.looks.button.menu()
    # The menu has a loop of its own, so what is pressed in it must be on its way before.
    menu.aboutToShow.connect(lambda: QTimer.singleShot(0, lambda: press(menu)))

    def press(menu):
        qtbot.keyClick(menu, Qt.Key.Key_P)
        menu.close()

    qtbot.keyClick(tab, Qt.Key.Key_M, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(tab.looks.pulls.isChecked)
    tab.settle()
    assert tab.looks.pulls.isChecked()
    assert [len(tab.scatter.pulls.drawn(k)) for k in (0, 1)] == [8, 8]
    step(tab, 1)  # the lines follow their means
    means = tab.shown_params(2).means
    for k in (0, 1):
        ends = tab.scatter.pulls.drawn(k)[1::2]
        np.testing.assert_allclose(ends, np.tile(means[k], (4, 1)))
    tab.looks.pulls.trigger()
    tab.settle()
    assert [len(tab.scatter.pulls.drawn(k)) for k in (0, 1)] == [0, 0]


def test_there_are_no_pulls_before_the_first_e_step(tab):
    tab.looks.pulls.trigger()
    tab.settle()
    assert not len(tab.scatter.pulls.drawn(0))
    assert tab.looks.pulling(0, 0) is None


def test_a_line_of_points_has_the_looks_too(window, step):
    window.open_demo("waiting-times")
    tab = window.tab
    step(tab, 1)
    for action in (tab.looks.uncertainty, tab.looks.pulls):
        action.trigger()
    tab.settle()
    doubt = uncertainty(tab.latent(1).responsibilities)
    sizes = tab.histogram.rug.sizes
    assert np.all(np.diff(sizes[np.argsort(doubt)]) >= 0)
    assert sizes[doubt < 0.05].max() == 4.0
    ends = tab.histogram.pulls.drawn(0)
    assert len(ends) == 8
    np.testing.assert_allclose(ends[1::2, 0], tab.shown_params(1).means[0, 0])


def test_hovering_puts_the_numbers_into_the_formula(tab, step):
    step(tab, 5)
    point = int(uncertainty(tab.latent(5).responsibilities).argmax())
    tab._on_point_pointed(point)
    found = re.search(r"r([₁₂]) = (\S+) × (\S+) / (\S+) = (\S+)$", tab.readout.text())
    assert found is not None
    weight, density, total, share = (float(v) for v in found.groups()[1:])
    k = "₁₂".index(found.group(1))
    assert share == pytest.approx(tab.latent(5).responsibilities[point, k], abs=0.006)
    assert weight * density / total == pytest.approx(share, abs=0.02)


def test_of_many_points_the_least_sure_are_marked(window, step):
    from em_explorer.data.dataset import Dataset

    tab = window.tab
    values = np.random.default_rng(0).standard_normal((12_000, 2))
    values[:6000] += 3.0
    assert tab._start_fresh(Dataset("many", "Many", "gaussian_mixture", values, columns=("a", "b")))
    tab.looks.pulls.trigger()
    tab.looks.uncertainty.trigger()
    tab.settle()
    assert not len(tab.scatter.doubts.places)
    step(tab, 1)
    assert len(tab.scatter.pulls.drawn(0)) == 8
    doubts = tab.scatter.doubts
    assert 100 < len(doubts.places) <= 1500
    sure = uncertainty(tab.shares(1))
    assert doubts.sizes.max() == 20.0
    assert np.all(np.diff(doubts.sizes) >= 0)  # the least sure on top
    best = tab.values[tab.witnesses.rows[int(sure.argmax())]]
    np.testing.assert_array_equal(doubts.places[-1], best)
    tab.looks.uncertainty.trigger()
    tab.settle()
    assert not len(doubts.places)


def test_many_points_on_a_line_have_no_marks_to_enlarge(window):
    from em_explorer.data.dataset import Dataset

    tab = window.tab
    values = np.random.default_rng(0).standard_normal((12_000, 1))
    assert tab._start_fresh(Dataset("line", "Line", "gaussian_mixture", values, columns=("a",)))
    assert not tab.looks.uncertainty.isEnabled()
    assert "no" in tab.looks.uncertainty.toolTip()
