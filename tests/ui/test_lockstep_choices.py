"""What two runs side by side share, and which run may stand beside another."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from em_explorer import registry
from em_explorer.ui.beside import ONLY_FOLLOWS
from tests.ui.two_runs import DEMOS, RIVALS, arrive, heads, step, to_the_end

KEYS = [row.key for row in registry.MODELS]


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
