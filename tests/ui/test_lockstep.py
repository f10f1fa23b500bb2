"""Two runs in a split view: the real window, both workers, one cursor."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QToolButton

from em_explorer import registry
from em_explorer.em.steps import RunOptions
from em_explorer.session.document import Story
from em_explorer.ui.beside import ONLY_FOLLOWS
from em_explorer.ui.theme import DARK, theme_manager
from em_explorer.ui.transport import STOP_WORDS
from em_explorer.ui.wording import nats

KEYS = [row.key for row in registry.MODELS]
DEMOS = {
    "gaussian_mixture": "old-faithful",
    "hidden_markov": "casino",
    "latent_dirichlet": "small-topics",
    "missing_data": "missing-at-random",
}
RIVALS = {
    "gaussian_mixture": ["hard", "squarem", "start"],
    "hidden_markov": ["hard", "squarem", "start"],
    "latent_dirichlet": ["squarem", "start"],
    "missing_data": ["hard", "mean", "squarem", "start"],
}
NAMES = {
    "gaussian_mixture": "k-means",
    "hidden_markov": "Viterbi training",
    "missing_data": "Plug-in",
}


@pytest.fixture
def split(window: Any, qtbot: Any) -> Callable[[str], Any]:
    """Open a tab's first demo beside its first rival."""

    def open_split(key: str) -> Any:
        window.open_demo(DEMOS[key])
        window.findChild(object, "action_side_by_side").trigger()
        tab = window.tab
        assert tab.comparing
        arrive(qtbot, tab)
        return tab

    return open_split


def arrive(qtbot: Any, tab: Any) -> None:
    """Wait until both halves show where their cursors are."""
    lockstep = tab.lockstep
    halves = tab, lockstep.companion

    def there() -> bool:
        late = lockstep.follower.missing
        return not late and all(
            not half.stage.busy and half.stage.shown_index == half.controller.cursor
            for half in halves
        )

    qtbot.waitUntil(there, timeout=30_000)


def step(qtbot: Any, tab: Any, n: int = 1) -> None:
    """Take half-steps and wait for both halves."""
    for _ in range(n):
        before = tab.controller.position
        tab.controller.step()
        qtbot.waitUntil(lambda b=before: tab.controller.position == b + 1, timeout=30_000)
        arrive(qtbot, tab)


def to_the_end(qtbot: Any, tab: Any) -> None:
    """Run both to their ends."""
    tab.controller.run_to_end()
    follower = tab.lockstep.follower
    qtbot.waitUntil(
        lambda: not tab.controller.playing and follower.ended and tab.controller.ended,
        timeout=60_000,
    )
    arrive(qtbot, tab)


def heads(tab: Any) -> tuple[str, str]:
    """Return what the headings of the halves say."""
    left, right = (re.sub(r"<[^>]*>", "", head.label.text()) for head in tab.lockstep.heads)
    return left.removeprefix("● "), right.removeprefix("● ")


def drawn(tab: Any) -> Any:
    """Return numbers that are on the screen in a tab's play area."""
    if tab.key == "gaussian_mixture":
        return np.array([[c.handle.pos().x(), c.handle.pos().y()] for c in tab.scatter.components])
    if tab.key == "hidden_markov":
        return np.array([bar.opts["height"] for bar in tab.area.emissions.bars])
    shown = tab.stage.shown
    return shown.topic_word if tab.key == "latent_dirichlet" else shown.covariance


def expected(tab: Any, index: int) -> Any:
    """Return what :func:`drawn` must be at a half-step."""
    params = tab.shown_params(index)
    if tab.key == "gaussian_mixture":
        return params.means
    if tab.key == "hidden_markov":
        return params.emission.probs
    return params.topic_word if tab.key == "latent_dirichlet" else params.covariance


@pytest.mark.parametrize("key", KEYS)
def test_one_cursor_moves_both_pictures(split, qtbot, key):
    tab = split(key)
    companion = tab.lockstep.companion
    both = tab, companion
    assert companion.play_area.isVisible()
    assert companion.data is tab.data
    step(qtbot, tab, 4)
    for half in both:
        assert half.stage.shown_index == 4
        np.testing.assert_allclose(drawn(half), expected(half, 4), rtol=1e-12)
    assert not np.allclose(drawn(tab), drawn(companion)), "two algorithms, two pictures"
    rival = tab.lockstep.record.kind
    assert heads(tab)[0].startswith("EM · iteration 2")
    assert heads(tab)[1].startswith(f"{rival} · iteration 2")
    assert rival == NAMES.get(key, "SQUAREM")
    tab.controller.back()
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [3, 3]
    tab.bottom.timeline.setValue(1)  # as a drag does
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [1, 1]
    for half in both:
        np.testing.assert_allclose(drawn(half), expected(half, 1), rtol=1e-12)
    tab.controller.rewind()
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [0, 0]
    assert "at the start" in heads(tab)[1]


def test_what_a_stride_has_reached_is_what_its_curve_says(split, qtbot):
    tab = split("latent_dirichlet")
    record = tab.lockstep.record
    assert record.kind == "SQUAREM"
    step(qtbot, tab, 4)  # an M-step: beyond the bound's top, and lower than before
    assert record.trace.bound(4) < record.trace.bound(3)
    assert nats(float(record.bounds[1])) in heads(tab)[1]
    assert nats(tab.controller.trace.bound(4)) in heads(tab)[0]


@pytest.mark.parametrize("key", KEYS)
def test_an_ended_run_stays_at_its_end_and_says_why(split, qtbot, key):
    tab = split(key)
    to_the_end(qtbot, tab)
    follower, position = tab.lockstep.follower, tab.controller.position
    lengths = len(tab.controller.trace), len(follower.trace)
    assert lengths[0] != lengths[1]
    assert position == max(lengths) - 1
    assert (tab.controller.cursor, follower.cursor) == (lengths[0] - 1, lengths[1] - 1)
    early = int(lengths[1] < lengths[0])
    said = heads(tab)
    stops = [STOP_WORDS[each.trace.stop.reason] for each in (tab.controller, follower)]
    assert f"(ended at {(min(lengths) - 1) // 2}: {stops[early]})" in said[early]
    assert f"({stops[1 - early]})" in said[1 - early]
    assert f"iteration {position // 2}" in said[early]
    assert tab.bottom.timeline.value() == position
    tab.lockstep._draw_curve()
    curve = tab.bottom.curve
    assert len(curve.beside.bounds) == lengths[1] // 2
    assert tab.lockstep.record.kind in curve.key.text()
    assert curve.key.isVisible()
    tab.controller.seek(1)
    arrive(qtbot, tab)
    assert follower.cursor == 1


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


@pytest.mark.parametrize("key", KEYS)
def test_the_menu_offers_what_has_a_meaning(window, qtbot, key):
    window.open_demo(DEMOS[key])
    window.menus.rivals.aboutToShow.emit()
    offered = [a.objectName() for a in window.menus.rivals.actions() if a.objectName()]
    assert offered == [f"beside_{name}" for name in RIVALS[key]]
    tab = window.tab
    for name in RIVALS[key][-2:]:
        window.menus.rivals.aboutToShow.emit()
        action = next(
            a for a in window.menus.rivals.actions() if a.objectName() == f"beside_{name}"
        )
        action.trigger()
        assert tab.lockstep.rival.key == name
        step(qtbot, tab)
    assert "Run" in heads(tab)[1], "two runs of EM go by their names"


def test_axes_and_columns_stay_alike(split, qtbot):
    tab = split("gaussian_mixture")
    companion = tab.lockstep.companion
    tab.scatter.setXRange(2.0, 3.0, padding=0)
    assert companion.scatter.viewRange()[0] == pytest.approx(tab.scatter.viewRange()[0])
    companion.scatter.setYRange(50.0, 60.0, padding=0)
    assert tab.scatter.viewRange()[1] == pytest.approx(companion.scatter.viewRange()[1])
    tab.area.x_box.setCurrentIndex(1)
    tab.area.x_box.activated.emit(1)
    assert companion.pair == tab.pair == (1, 0)
    tab.area.density_button.setChecked(True)
    assert companion.area.density_button.isChecked()
    assert not companion.area.density_button.isVisible(), "one set of controls is enough"


def test_names_and_order_of_states_are_shared(split, qtbot):
    tab = split("hidden_markov")
    companion = tab.lockstep.companion
    step(qtbot, tab, 2)
    tab.rename_state(0, "fair")
    arrive(qtbot, tab)
    qtbot.waitUntil(lambda: companion.names()[0] == "fair")
    companion.rename_state(1, "loaded")
    qtbot.waitUntil(lambda: tab.names()[1] == "loaded")
    assert tab.names() == companion.names() == ("fair", "loaded")


def test_the_chosen_document_is_shared(split, qtbot):
    tab = split("latent_dirichlet")
    companion = tab.lockstep.companion
    step(qtbot, tab, 2)
    tab.choose_document(7)
    qtbot.waitUntil(lambda: companion.document == 7)
    companion.choose_document(3)
    qtbot.waitUntil(lambda: tab.document == 3)


def test_another_start_begins_the_rival_again_from_there(split, qtbot):
    tab = split("gaussian_mixture")
    step(qtbot, tab, 2)
    before = tab.lockstep.record
    tab.new_start()
    assert tab.comparing
    record = tab.lockstep.record
    assert record is not before
    np.testing.assert_allclose(record.start.means, tab.runs.current.start.means)
    assert tab.lockstep.follower.cursor == 0
    tab.move_mean(0, 3.0, 70.0)  # by hand
    params = tab.lockstep.record.start
    np.testing.assert_allclose(params.means[0] + tab.data.center, [3.0, 70.0])
    unused = [r for r in tab.runs if r.kind == "k-means" and r is not tab.lockstep.record]
    assert unused == [before], "starts that nobody went on from are not kept"


def test_a_run_that_goes_on_keeps_the_one_beside_it(split, qtbot):
    tab = split("gaussian_mixture")
    to_the_end(qtbot, tab)
    record, n = tab.lockstep.record, len(tab.controller.trace)
    tab.go_on()
    assert tab.lockstep.record is record
    step(qtbot, tab, 2)
    assert len(tab.controller.trace) == n + 2
    assert "ended at" in heads(tab)[1]


def test_the_right_half_begins_nothing(split, qtbot):
    tab = split("gaussian_mixture")
    companion = tab.lockstep.companion
    n_runs = len(tab.runs)
    companion.move_mean(0, 3.0, 70.0)
    assert tab.heading.notice.text.text() == ONLY_FOLLOWS
    assert tab.lockstep.follower.trace is tab.lockstep.record.trace
    assert len(tab.runs) == n_runs


def test_a_kept_run_of_the_lab_can_stand_beside(window, qtbot, run_to_end):
    tab = window.tab
    run_to_end(tab)
    first = tab.runs.current
    tab.new_start()
    assert tab.compare_with(first)
    arrive(qtbot, tab)
    assert heads(tab)[0].startswith("Run 2")
    assert heads(tab)[1].startswith("Run 1")
    step(qtbot, tab, 3)
    assert tab.lockstep.follower.cursor == 3
    assert tab.lockstep.follower.trace is first.trace
    tab.show_run(first)
    assert not tab.comparing, "a run is not compared with itself"
    assert not tab.compare_with(first)


def test_other_data_end_the_comparison(window, qtbot, run_to_end):
    tab = window.tab
    run_to_end(tab)
    first = tab.runs.current
    tab.new_start()
    assert tab.compare_with(first)
    window.open_demo("three-blobs")
    assert not tab.comparing
    assert not tab.compare_with(first)
    assert "other data" in tab.heading.notice.text.text()


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


def test_a_click_on_the_left_reads_and_a_hover_on_the_right_reads_too(split, qtbot):
    tab = split("gaussian_mixture")
    companion = tab.lockstep.companion
    step(qtbot, tab)
    for half in (tab, companion):
        point = half.scatter.getViewBox().mapViewToScene(QPointF(*half.values[0]))
        qtbot.mouseMove(half.scatter.viewport(), half.scatter.mapFromScene(point))
        half._on_point_pointed(0)
        assert "Eruption 1" in half.readout.text()
    right = companion.stage.shown.responsibilities[0]
    assert set(right.tolist()) == {0.0, 1.0}, "hard assignments"


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
