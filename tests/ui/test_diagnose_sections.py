"""The sections of the Diagnose page: they fold, say the gist, and have room for their names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel

from em_explorer import registry
from em_explorer.ui.diagnose_words import changed_gist

KEYS = [row.key for row in registry.MODELS]


@pytest.mark.parametrize("key", KEYS)
def test_nothing_must_be_scrolled(window, page, qtbot, step, key):
    window.resize(1280, 800)
    tab, panel = page(key)
    step(tab, 6)
    for section in panel.sections.values():
        if not section.is_open:
            section.head.click()
        qtbot.waitUntil(lambda: panel.verticalScrollBar().maximum() == 0)
        assert section.is_open


def test_a_high_window_shows_more(window, page, qtbot, step):
    window.resize(1920, 1080)
    tab, panel = page("gaussian_mixture")
    step(tab, 6)
    for section in panel.sections.values():
        if not section.is_open:
            section.head.click()
        qtbot.waitUntil(lambda: panel.verticalScrollBar().maximum() == 0)
    assert sum(section.is_open for section in panel.sections.values()) >= 4


def test_sections_fold_and_say_the_gist(page, step, qtbot):
    tab, panel = page("gaussian_mixture")
    step(tab, 4)
    section = panel.sections["bound"]
    assert section.is_open
    qtbot.mouseClick(section.head, Qt.MouseButton.LeftButton)
    assert not section.is_open
    assert "gap" in section.gist.text()


def test_no_name_of_what_changed_is_cut(window, page, run_to_end, qtbot):
    tab, panel = page("missing_data", "missing-at-random")
    run_to_end(tab)
    grid = panel.changed
    qtbot.waitUntil(lambda: bool(grid.rows) and grid.isVisible())
    QApplication.sendPostedEvents()
    labels = [label for label in grid.findChildren(QLabel) if label.isVisible()]
    names = [label for label in labels if label.text().startswith("row")]
    assert len(names) == len(grid.rows)
    for name in names:
        assert name.width() >= name.sizeHint().width()
    values = [label.text() for label in labels if "SD" in label.text()]
    assert len(values) == len(names)
    assert all(value.startswith("→") for value in values)
    grid.show_rows(tuple(replace(row, name="x") for row in grid.rows))
    assert all(" → " in row.value for row in grid.rows)
    shown = [label.text() for label in labels if "SD" in label.text()]
    assert shown == [row.value for row in grid.rows]


def test_a_folded_heading_names_what_changed_and_by_how_much(page, step):
    tab, panel = page("missing_data", "airquality")
    step(tab, 7)
    panel.sections["changed"].head.setChecked(True)
    panel.sections["changed"].head.click()
    gist = panel.sections["changed"].gist
    assert gist.text() == changed_gist(panel.changed.rows)
    assert gist.text().startswith("day ")
    assert gist.text().endswith(" SD")
