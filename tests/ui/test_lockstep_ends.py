"""A split view ends: it is closed, or its window is while both run."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QToolButton

from em_explorer import registry
from em_explorer.em.steps import RunOptions
from tests.ui.two_runs import arrive, step

KEYS = [row.key for row in registry.MODELS]


@pytest.mark.parametrize("key", KEYS)
def test_closing_brings_the_single_view_back(split, qtbot, window, key):
    tab = split(key)
    step(qtbot, tab, 2)
    lockstep, companion = tab.lockstep, tab.lockstep.companion
    thread, record = lockstep.follower._link.thread_of_worker, lockstep.record
    window.findChild(QToolButton, "end_comparison").click()
    assert not tab.comparing
    assert not thread.isRunning()
    assert companion.play_area.isHidden()
    assert tab.bottom.curve.beside is None
    assert not tab.bottom.curve.key.isVisible()
    assert tab.setup.isVisible()
    assert tab.side.isVisible()
    assert record in tab.runs.records, "a run that went somewhere stays"
    qtbot.waitUntil(lambda: tab.stand.columnCount() < 2 or tab.stand.itemAtPosition(1, 1) is None)
    width = tab.play_area.width()
    tab.controller.step()
    qtbot.waitUntil(lambda: tab.controller.cursor == 3)
    assert len(record.trace) == 3
    assert width > 0.9 * (tab.width() - 224 - 280 - 34)


@pytest.mark.parametrize("key", KEYS)
def test_the_window_closes_while_both_run(split, qtbot, window, key):
    tab = split(key)
    tab.set_run(RunOptions(100_000, 0.0))
    arrive(qtbot, tab)
    tab.controller.run_to_end()
    follower = tab.lockstep.follower
    qtbot.waitUntil(lambda: len(tab.controller.trace) > 6 and len(follower.trace) > 4)
    threads = [tab.controller._link.thread_of_worker, follower._link.thread_of_worker]
    window.close()
    assert not any(thread.isRunning() for thread in threads)
