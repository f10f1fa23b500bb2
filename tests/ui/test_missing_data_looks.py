"""The looks that belong to tables with holes: what fills a cell, and whether it can be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from em_explorer.models.overimputation import Z_90, overimpute
from em_explorer.ui.views.pattern_map import find_patterns


@pytest.fixture
def tab(window):
    window.open_demo("airquality")
    return window.tab


def drawn(item):
    return np.column_stack(item.getData())


def test_pointing_at_a_filled_cell_tells_and_draws_its_regression(tab, step, qtbot):
    step(tab, 3)
    row, view = 4, tab.scatter  # day 5: neither ozone nor sunshine
    imputed = tab.filled(3)[0][row][list(tab.pair)]
    place = view.mapFromScene(view.box.mapViewToScene(QPointF(*map(float, imputed))))
    qtbot.mouseMove(view.viewport(), place + QPoint(2, 0))
    qtbot.mouseMove(view.viewport(), place)
    assert tab.looks._row == row
    words = tab.looks.words.text()
    assert words.startswith("ozone = ")
    assert "wind" in words
    assert "temperature" in words
    assert "solar radiation = " in words.splitlines()[1]
    assert "± 2" in words
    line = drawn(view.regression)
    slope = (line[1, 1] - line[0, 1]) / (line[1, 0] - line[0, 0])
    given = tab.looks.given_for(row)
    assert slope == pytest.approx(given.coefficients[0, 1])
    there = line[0, 1] + slope * (imputed[0] - line[0, 0])
    assert there == pytest.approx(imputed[1])
    band = drawn(view.regression_band)
    spread = np.sqrt(given.conditional_covariance[0, 0])
    assert band[0, 1] == pytest.approx(line[0, 1] - spread)
    assert band[2, 1] == pytest.approx(line[0, 1] + spread)
    assert "ozone = " in tab.describe_row(row)
    view.row_hovered.emit(-1)
    assert not len(drawn(view.regression))
    assert tab.looks.words.isHidden()


def test_the_regression_of_a_pattern_can_be_had_by_keys(tab, step, qtbot):
    step(tab, 3)
    qtbot.keyClick(tab.map, Qt.Key.Key_Down)
    assert tab.looks.words.isHidden()  # the complete rows have nothing to be filled in
    qtbot.keyClick(tab.map, Qt.Key.Key_Down)
    assert tab.looks.words.text().startswith("ozone = ")
    assert len(drawn(tab.scatter.regression)) == 2
    before = tab.looks.words.text()
    step(tab, 4)
    assert tab.looks.words.text() != before  # it is today's regression
    qtbot.keyClick(tab.map, Qt.Key.Key_Up)
    assert tab.looks.words.isHidden()


def test_there_is_no_regression_before_the_first_e_step(tab):
    tab.map.select(1)
    assert tab.looks.given() is None
    assert tab.looks.words.isHidden()


def test_explain_names_the_regression_behind_its_example(tab, step):
    step(tab, 1)
    step(tab, 2)
    assert any(line.startswith("ozone = ") for line in tab.explain(3).numbers)


def test_a_value_missing_across_is_filled_from_the_one_upward(window, step):
    window.open_demo("murray")
    tab = window.tab
    tab.nudge()
    step(tab, 41)
    only_y = np.flatnonzero(~tab.data.observed[:, 0] & tab.data.observed[:, 1])[0]
    tab.looks.point_at(int(only_y))
    line = drawn(tab.scatter.regression)
    given = tab.looks.given_for(int(only_y))
    slope = (line[1, 0] - line[0, 0]) / (line[1, 1] - line[0, 1])
    assert slope == pytest.approx(given.coefficients[0, 0])
    assert abs(slope) > 0.05


def test_the_check_counts_how_many_seen_values_were_foreseen(window, tab, run_to_end, qtbot):
    run_to_end(tab)
    qtbot.keyClick(tab, Qt.Key.Key_I, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(tab.looks.button.isChecked)
    view = tab.area.overimputation
    assert view.isVisible()
    assert tab.scatter.isHidden()
    params = tab.snapshot(tab.controller.cursor).posterior_params
    column = tab.pair[1]
    expected = overimpute(tab.data, params, column)
    np.testing.assert_allclose(view.found.observed, tab.table[view.found.rows, column], rtol=1e-12)
    np.testing.assert_allclose(view.found.deviations, expected.deviations, rtol=1e-12)
    share = 100 * expected.covered.mean()
    assert 80 < share < 97
    assert f"{share:.0f} % of the 90 % intervals" in view.words.text()
    inside, outside = view.ends(True), view.ends(False)
    assert len(inside) + len(outside) == 2 * len(expected.rows)
    assert np.all((inside[0::2, 1] <= inside[0::2, 0]) & (inside[0::2, 0] <= inside[1::2, 1]))
    x = outside[0::2, 0]
    assert np.all((x < outside[0::2, 1]) | (x > outside[1::2, 1]))
    widths = np.sort(
        np.concatenate([inside[1::2, 1] - inside[0::2, 1], np.diff(outside.T[1])[::2]])
    )
    np.testing.assert_allclose(widths, np.sort(2 * Z_90 * expected.deviations), rtol=1e-9)
    tab.looks.button.click()
    assert tab.scatter.isVisible()


def test_the_check_follows_the_cursor_and_the_column(tab, step):
    step(tab, 3)
    tab.looks.button.click()
    view = tab.area.overimputation
    before = view.found
    step(tab, 2)
    assert not np.array_equal(view.found.predicted, before.predicted)
    tab.y_box.setCurrentIndex(2)
    tab.y_box.activated.emit(2)
    tab.settle()
    assert "wind" in view.words.text()
    assert len(view.found.rows) == 153


def test_large_tables_are_checked_behind_the_windows_back(window, step, qtbot):
    from em_explorer.data.dataset import Dataset

    window.open_demo("airquality")
    tab = window.tab
    rng = np.random.default_rng(0)
    values = rng.standard_normal((20_000, 3)) @ np.array([[1, 0, 0], [0.8, 1, 0], [0, 0.3, 1]])
    values[rng.random(values.shape) < 0.1] = np.nan
    assert tab._start_fresh(
        Dataset("large", "Large", "missing_data", values, columns=("a", "b", "c"))
    )
    tab.looks.button.click()
    step(tab, 3)
    view = tab.area.overimputation
    qtbot.waitUntil(lambda: view.found is not None and not tab.looks._maker.busy, timeout=20_000)
    assert len(view.found.rows) == int((~np.isnan(values[:, tab.pair[1]])).sum())
    assert len(view.ends(True)) + len(view.ends(False)) == 2 * 1500
    assert 0.85 < view.found.covered.mean() < 0.95


def test_five_treatments_have_an_ellipse_each(tab, step):
    step(tab, 5)
    names = ["complete cases", "mean fill", "plug-in", "random draws", "EM"]
    for name in names:
        box = tab.legend.boxes[name]
        if not box.isChecked():
            box.click()
    tab.settle()
    ellipses = [drawn(tab.scatter.lines[name]) for name in names]
    assert all(len(e) > 50 for e in ellipses)
    centers = np.array([e.mean(axis=0) for e in ellipses])
    assert len(np.unique(np.round(centers, 6), axis=0)) >= 4
    heights = [np.ptp(e[:, 1]) for e in ellipses]
    assert heights[names.index("plug-in")] < heights[names.index("EM")]


def test_the_map_shows_the_largest_pattern_first(tab):
    counts = tab.map.patterns.counts
    assert list(counts) == sorted(counts, reverse=True)
    assert counts.tolist() == [111, 35, 5, 2]
    shuffled = np.array([[1, 0], [1, 1], [1, 0], [0, 1], [1, 0], [1, 1]], dtype=bool)
    assert find_patterns(shuffled).counts.tolist() == [3, 2, 1]
