"""The Lab's census of starts, in every tab, with the real background thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF

from em_explorer import registry
from em_explorer.em.census import Census, CensusRun, Optimum, gather
from em_explorer.em.steps import RunOptions, StopReason
from em_explorer.ui.lab.starts_page import PENDING, thinned, verdict

KEYS = [row.key for row in registry.MODELS]


def lab(window: Any, key: str, n: int = 3) -> tuple[Any, Any]:
    window.open_model(key)
    page = window.door.open("starts")
    page.number.setValue(n)
    if key == "latent_dirichlet":
        window.open_demo("small-topics")  # the others take long
    return window.tab, page


def short(tab: Any) -> None:
    """Let the topics' runs end soon; a census never asks others for less."""
    if tab.key == "latent_dirichlet":
        tab.set_run(RunOptions(10, 1e-3))


def test_the_focus_stays_where_the_keyboard_left_it(qtbot: Any, window: Any) -> None:
    _, page = lab(window, "gaussian_mixture")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    page.button.setFocus(Qt.FocusReason.TabFocusReason)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        qtbot.keyClick(page.button, Qt.Key.Key_Return)
        assert page.cancel_button.hasFocus()  # the other thing to press
    assert page.button.hasFocus()
    page.button.clearFocus()
    with qtbot.waitSignal(page.worked, timeout=60_000):
        qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
        assert not page.cancel_button.hasFocus()
    assert not page.number.hasFocus()


@pytest.mark.parametrize("key", KEYS)
def test_many_starts_are_gathered_into_ends_and_one_comes_to_the_main_view(
    qtbot: Any, window: Any, key: str
) -> None:
    tab, page = lab(window, key)
    short(tab)
    assert page.plot.isHidden()
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
        assert page.progress_row.isVisible()
        assert not page.button.isEnabled()
    assert page.progress_row.isHidden()
    assert page.button.isEnabled()
    found = page.census
    assert len(found.runs) == 3
    ends = {found.optimum_of(run.number) for run in found.runs}
    assert set(page.bundles) == ends
    for end, bundle in page.bundles.items():
        members = [run for run in found.runs if found.optimum_of(run.number) == end]
        drawn = bundle.getData()[1]
        assert np.isnan(drawn).sum() == len(members)  # a gap after each
        np.testing.assert_array_equal(
            drawn[: len(thinned(members[0].bounds)[1])], thinned(members[0].bounds)[1]
        )
        assert bundle.opts["pen"].color().name() == page.color(end).lower()
    rows = page.table.texts()
    assert len(rows) == len(found.optima) + bool(found.collapsed)
    assert sum(int(row[2].split()[0]) for row in rows) == 3
    assert page.message.text() == verdict(found)
    best = found.runs[found.optima[0].best]
    page.table.cellClicked.emit(0, 0)
    trace = tab.controller.trace
    qtbot.waitUntil(lambda: trace.stop is not None, timeout=60_000)
    n = min(len(trace.bounds), len(best.bounds))
    np.testing.assert_allclose(trace.bounds[:n], best.bounds[:n], rtol=1e-10)
    assert "census" in tab.runs.current.how


@pytest.mark.parametrize("key", KEYS)
def test_cancel_keeps_what_has_come(qtbot: Any, window: Any, key: str) -> None:
    tab, page = lab(window, key, 1000)
    short(tab)
    page.button.click()
    qtbot.waitUntil(lambda: len(page.runs) >= 2, timeout=60_000)
    page.cancel_button.click()
    assert not page.working
    assert page.progress_row.isHidden()
    assert "Cancelled" in page.message.text()
    page.draw_now()
    assert np.isnan(page.bundles[PENDING].getData()[1]).sum() == len(page.runs)
    assert page.plot.isVisible()


def test_a_bad_start_is_found_on_purpose(qtbot: Any, window: Any) -> None:
    window.open_demo("iris-many-optima")
    tab, page = window.tab, window.door.open("starts")
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.bad.click()
    found = page.census
    assert len(found.runs) >= 60
    assert "worst" in tab.runs.current.how
    trace = tab.controller.trace
    qtbot.waitUntil(lambda: trace.stop is not None, timeout=30_000)
    assert trace.stop.reason is StopReason.CONVERGED
    assert trace.bounds[-1] == pytest.approx(found.worst.bound, abs=0.05)
    assert trace.bounds[-1] < found.optima[0].bound - 20
    assert "The worst of 60 starts" in tab.opening
    runs = len(tab.runs)
    tab.new_start()
    page.bad.click()  # known by now, and on the screen at once
    assert "worst" in tab.runs.current.how
    assert len(tab.runs) >= runs


def test_another_job_ends_the_census(qtbot: Any, window: Any, step: Callable[..., None]) -> None:
    tab, page = lab(window, "gaussian_mixture", 1000)
    page.button.click()
    qtbot.waitUntil(lambda: len(page.runs) >= 1, timeout=30_000)
    other = window.door.open("how_many")
    other.most.setValue(2)
    with qtbot.waitSignal(other.worked, timeout=30_000):
        other.button.click()
    assert not page.working
    assert page.button.isEnabled()
    assert tab.controller.trace is not None


def test_the_window_closes_in_the_middle_of_a_census(qtbot: Any, window: Any) -> None:
    _, page = lab(window, "hidden_markov", 1000)
    page.button.click()
    qtbot.waitUntil(lambda: len(page.runs) >= 1, timeout=30_000)
    window.close()  # and the fixture finds no thread left
    assert not page.working


def test_the_verdict_tells_agreement_from_quarrel() -> None:
    empty = Census((), (), ())
    assert "collapsed" in verdict(empty)
    assert gather((), 10, lambda a, b: 0.0) == empty


def test_the_verdict_calls_no_end_best_where_there_are_two() -> None:
    def found(*bounds: float) -> Census:
        runs = tuple(
            CensusRun(i, i, None, None, np.array([-9.0, bound]), (), None, "")
            for i, bound in enumerate(bounds)
        )
        share = 1 / len(bounds)
        return Census(runs, tuple(Optimum(b, (i,), share) for i, b in enumerate(bounds)), ())

    assert "by 1 of 2" in verdict(found(-1.0, -2.0))
    assert "equally good" in verdict(found(-1.0, -1.001))
    assert "best" not in verdict(found(-1.0, -1.001))
    assert "best 2 are equally good, and reached by 2 of 3" in verdict(found(-1.0, -1.001, -2.0))


def test_the_numbers_at_the_bundle_have_room(qtbot: Any, window: Any) -> None:
    tab, page = lab(window, "gaussian_mixture", 12)
    tab.new_start()  # from k-means++ all end alike: the range is as narrow as it gets
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    axis = page.plot.getAxis("left")
    levels = axis.tickValues(*axis.range, axis.height())
    labels = [text for step, at in levels[:1] for text in axis.tickStrings(at, 1.0, step)]
    metrics = QFontMetricsF(axis.style["tickFont"])
    assert len(labels) >= 2
    assert max(map(metrics.horizontalAdvance, labels)) + 10 <= axis.width()


def test_a_bad_start_found_behind_another_tab_waits(qtbot: Any, window: Any) -> None:
    window.open_demo("iris-many-optima")
    tab, page = window.tab, window.door.open("starts")
    page.bad.click()
    window.open_model("missing_data")
    with qtbot.waitSignal(page.worked, timeout=60_000):
        pass
    assert "worst" in tab.runs.current.how
    assert not tab.controller.playing
    assert tab.controller.cursor == 0
