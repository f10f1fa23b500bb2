"""Two runs in a split view have room: in a small window, beside the Lab, with many points."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from em_explorer import registry
from em_explorer.session.document import Story
from em_explorer.ui.theme import DARK, theme_manager
from tests.ui.two_runs import heads, step, to_the_end

KEYS = [row.key for row in registry.MODELS]


@pytest.mark.parametrize("key", KEYS)
def test_both_halves_have_room_in_a_small_window(split, window, qtbot, key):
    tab = split(key)
    theme_manager().use(DARK)
    step(qtbot, tab, 2)
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.width() == 1280)
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 800
    left, right = tab.play_area, tab.lockstep.companion.play_area
    assert abs(left.width() - right.width()) <= 1
    assert abs(left.height() - right.height()) <= 1
    assert left.mapTo(window, QPoint(0, 0)).y() == right.mapTo(window, QPoint(0, 0)).y()
    window.resize(1920, 1080)
    qtbot.waitUntil(lambda: tab.width() > 1900)
    qtbot.waitUntil(lambda: tab.setup.isVisible())
    assert abs(left.width() - right.width()) <= 1


def test_many_points_keep_the_window_awake(window, qtbot):
    tab = window.tab
    story = Story(
        "crowd",
        "A crowd",
        "gaussian_mixture",
        data={"generator": "stretched", "options": {"n": 100_000}},
        options={"n_components": 3},
        start={"seed": 1},
        run={"max_iter": 12, "tolerance": 1e-9},
        view={"compare": "k-means"},
    )
    assert tab.load_story(story)
    assert tab.comparing
    to_the_end(qtbot, tab)
    companion = tab.lockstep.companion
    for half in (tab, companion):
        assert half.heavy
        (cloud,) = half.stage.shown.clouds
        assert len(cloud.colors) > 1000
    assert qtbot.keyClick(window, Qt.Key.Key_S) is None
    qtbot.waitUntil(lambda: not tab.comparing)


def test_the_lab_and_the_second_run_make_room_for_each_other(split, window, qtbot):
    tab = split("hidden_markov")
    step(qtbot, tab, 4)
    window.door.open("runs")  # at 1280 there is no room for three
    assert not tab.comparing
    assert window.door.drawer.isVisible()
    record = next(r for r in tab.runs if r is not tab.runs.current)
    assert tab.compare_with(record)
    assert not window.door.drawer.isVisible()
    window.resize(2200, 1100)
    qtbot.waitUntil(lambda: window.door.drawer.isVisible())
    step(qtbot, tab, 2)
    table = window.door.drawer.pages["runs"].table
    steps = {table.item(row, 0).text(): table.item(row, 2).text() for row in range(2)}
    qtbot.waitUntil(lambda: table.item(0, 2).text() == table.item(1, 2).text() != "0")
    assert set(steps) == {"Run 1", record.name}
    tab.end_comparison()
    assert window.door.drawer.isVisible()


def test_the_story_opens_in_a_split_view(window, qtbot):
    window.open_demo("k-means-against-em")
    tab = window.tab
    assert tab.comparing
    to_the_end(qtbot, tab)
    left, right = heads(tab)
    assert left.startswith("EM · iteration 21 (converged)")
    assert right.startswith("k-means · iteration 21 (ended at 10: converged)")
    shapes = tab.lockstep.companion.stage.shown.covariances
    np.testing.assert_allclose(shapes[:, 0, 0], shapes[:, 1, 1])
    assert np.allclose(shapes[:, 0, 1], 0.0)
    assert (np.abs(tab.stage.shown.covariances[:, 0, 1]) > 1.0).all(), "tilted"
    window.open_demo("old-faithful")
    assert not tab.comparing
