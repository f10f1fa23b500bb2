"""The Diagnose page in every tab: what changed, the bound, convergence, gauges, the outlook."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel

from em_explorer import registry
from em_explorer.em.diagnostics import changes
from em_explorer.ui.diagnose_words import changed_gist, told
from em_explorer.ui.views.gauges import level, warning_level

KEYS = [row.key for row in registry.MODELS]
EXACT = [key for key in KEYS if key != "latent_dirichlet"]


@pytest.fixture
def page(window: Any, qtbot: Any) -> Any:
    """Open a model's tab on its first demo with the Diagnose page in front."""

    def open_page(key: str, demo: str | None = None) -> tuple[Any, Any]:
        window.open_model(key)
        if demo is not None:
            window.open_demo(demo)
        panel = window.tab.side.open_diagnose()
        qtbot.waitUntil(panel.isVisible)
        return window.tab, panel

    return open_page


@pytest.fixture
def worked_out(qtbot: Any) -> Any:
    """Wait until the thread has worked out what the page asked for."""

    def wait(tab: Any) -> None:
        qtbot.waitUntil(lambda: not tab.diagnosis.busy, timeout=20_000)

    return wait


def test_the_page_is_made_when_it_is_first_shown(window, qtbot, step):
    side = window.tab.side
    step(window.tab, 2)
    assert side.diagnose is None
    assert [side.tabText(i) for i in range(side.count())] == ["Explain", "Numbers", "Diagnose"]
    side.setCurrentIndex(2)
    qtbot.waitUntil(side.diagnose.isVisible)
    assert side.diagnose.changed.rows


@pytest.mark.parametrize("key", KEYS)
def test_what_changed_most(page, step, key):
    tab, panel = page(key)
    assert "this is the start" in panel.changed_words.text()
    step(tab, 2)
    anatomy = tab.anatomy()
    before, after = tab.snapshot(1).params, tab.snapshot(2).params
    most = changes(anatomy, before, after)[0]
    assert panel.changed.rows[0].name == most.parameter.label
    old, new = told(most.before, most.after, probability=most.parameter.group == "weights")
    assert old.lstrip("0") in panel.changed.rows[0].value
    assert new.lstrip("0") in panel.changed.rows[0].value
    assert most.parameter.label in panel.changed_words.text()
    step(tab, 1)
    assert "stand still" in panel.changed_words.text()


@pytest.mark.parametrize("key", ["gaussian_mixture", "hidden_markov", "latent_dirichlet"])
def test_an_e_step_changes_what_is_expected(page, step, key):
    tab, panel = page(key)
    step(tab, 3)
    counts = {row.name: row.value for row in panel.changed.rows}
    gauges = [g for g in tab.diagnosis.gauges(3) if g.kind == "count"]
    assert counts
    assert set(counts) <= {gauge.label for gauge in gauges}
    assert all("→" in value for value in counts.values())


def test_an_e_step_slides_imputed_values(page, step):
    tab, panel = page("missing_data")
    step(tab, 3)
    before, after = tab.filled(1)[0], tab.filled(3)[0]
    motion = np.abs(after - before) / tab.columns.spreads
    row, column = divmod(int(motion.argmax()), motion.shape[1])
    assert panel.changed.rows[0].name == f"{tab.noun} {row + 1} {tab.columns.names[column]}"


@pytest.mark.parametrize("key", EXACT)
def test_the_gap_opens_in_m_and_closes_in_e(page, step, worked_out, key):
    tab, panel = page(key)
    step(tab, 1)
    worked_out(tab)
    rows = {row.label: row for row in panel.stairs.rows}
    assert rows["+ gap KL"].value == "0"
    step(tab, 1)
    worked_out(tab)
    parts = tab.diagnosis.parts(2)
    rows = {row.label: row for row in panel.stairs.rows}
    assert parts.gap > 0
    assert rows["= log p(X)"].end - rows["= bound F"].end == pytest.approx(parts.gap)
    step(tab, 1)
    trace = tab.controller.trace
    assert trace.bound(3) - trace.bound(2) == pytest.approx(parts.gap, rel=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_the_bound_touches_from_below(page, step, worked_out, key):
    tab, panel = page(key)
    step(tab, 1)
    worked_out(tab)
    line = panel.picture.view.line
    trace = tab.controller.trace
    at = {float(s): i for i, s in enumerate(line.s)}
    assert line.bound[at[0.0]] == pytest.approx(trace.bound(1))
    assert int(np.nanargmax(line.bound)) == at[1.0]  # where the M-step that comes will go
    if key in EXACT:
        assert line.log_likelihood[at[0.0]] == pytest.approx(trace.bound(1))
        assert (line.log_likelihood >= line.bound - 1e-6)[np.isfinite(line.bound)].all()
        assert panel.bound_words.isHidden()
    else:
        assert line.log_likelihood is None
        assert "out of reach" in panel.bound_words.text()
        assert "+ gap KL" not in [row.label for row in panel.stairs.rows]
    step(tab, 1)
    assert trace.bound(2) == pytest.approx(line.bound[at[1.0]])
    assert panel.picture.view.phase == "M"


@pytest.mark.parametrize("key", KEYS)
def test_convergence_is_told(page, step, run_to_end, key):
    tab, panel = page(key)
    step(tab, 7)
    panel.sections["convergence"].head.click()
    state = tab.diagnosis.convergence(7)
    gains = np.diff(tab.controller.trace.bounds)
    assert state.rate == pytest.approx(gains[-1] / gains[-2])
    assert panel.convergence.value_of("decreases") == "none"
    if state.iterations_left:
        assert f"{state.iterations_left:,}" in panel.convergence.value_of("iterations left")
        assert f"{state.iterations_left:,}" in tab.bottom.outlook.text()


def test_about_so_many_iterations_are_left(window, step, run_to_end):
    tab = window.tab
    step(tab, 21)
    told_then = tab.diagnosis.convergence(21).iterations_left
    assert tab.bottom.outlook.text() == f"about {told_then} iterations left"
    run_to_end(tab)
    really = tab.controller.trace.n_iter - 10
    assert abs(told_then - really) <= 3
    assert tab.bottom.outlook.text() == ""


def test_flat_is_not_converged(window, qtbot, step):
    window.open_demo("overlap-is-slow")
    tab = window.tab
    tab.controller.run_to_end()
    qtbot.waitUntil(lambda: len(tab.controller.trace) > 300)
    tab.controller.pause()
    tab.controller.seek(299)
    tab.settle()
    moving = tab.diagnosis.alarm(299)
    assert moving is not None
    assert moving.parameter.label in tab.bottom.outlook.text()
    assert tab.bottom.outlook.property("state") == "warning"
    panel = tab.side.open_diagnose()
    qtbot.waitUntil(panel.isVisible)
    panel.sections["convergence"].head.click()
    assert moving.parameter.label in panel.alarm.text()
    assert panel.alarm.isVisible()


@pytest.mark.parametrize("key", KEYS)
def test_gauges_are_drawn(page, step, key):
    tab, panel = page(key)
    step(tab, 3)
    panel.sections["gauges"].head.click()
    shown = panel.gauges.gauges
    assert shown
    assert set(shown) <= set(tab.diagnosis.gauges(3))
    assert all(0.0 <= level(gauge) <= 1.0 for gauge in shown)
    for gauge in shown:
        if gauge.value < gauge.warn:
            assert level(gauge) <= warning_level(gauge)


def test_a_collapse_is_foretold(window, qtbot, step, run_to_end):
    window.open_demo("old-faithful-collapse")
    tab = window.tab
    run_to_end(tab)
    last = len(tab.controller.trace) - 1
    tab.controller.seek(last - 2)
    tab.settle()
    gauge, left = tab.diagnosis.collapse(last - 2)
    assert gauge.kind == "eigenvalue"
    assert 0 <= left <= 3
    assert "singular" in tab.bottom.outlook.text()
    assert tab.bottom.outlook.property("state") == "failure"


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


def test_values_are_told_as_finely_as_they_differ():
    assert told(54.9, 60.2) == ("55", "60")
    assert told(54.9012, 54.9048) == ("54.901", "54.905")
    assert told(0.312, 0.361, probability=True) == (".31", ".36")
    assert told(-1.5, -1.4) == ("−1.5", "−1.4")
    assert told(0.0, 0.0) == ("0", "0")
    assert told(math.pi, math.pi + 1e-9) == ("3.14159", "3.14159")


def test_the_thread_ends_with_the_window(window, page, step, worked_out):
    tab, _ = page("gaussian_mixture")
    step(tab, 1)
    worked_out(tab)
    assert tab.diagnosis._maker._thread is not None
    tab.close_run()
    assert tab.diagnosis._maker._thread is None


@pytest.mark.parametrize("key", KEYS)
def test_the_curve_shows_how_far_the_limit_is(window, step, qtbot, key):
    window.open_model(key)
    tab = window.tab
    step(tab, 13)
    bottom, trace = tab.bottom, tab.controller.trace
    modes = [bottom.mode_box.itemText(i) for i in range(bottom.mode_box.count())]
    assert modes == ["total", "per observation", "to go (log)"]
    bottom.mode_box.setCurrentIndex(1)
    n = tab.model.n_observations(tab.data)
    assert bottom.curve.line.getData()[1][-1] == pytest.approx(trace.bound(13) / n)
    bottom.mode_box.setCurrentIndex(2)
    state = tab.diagnosis.convergence(13)
    x, y = bottom.curve.line.getData()
    if state.limit is None:
        assert bottom.curve.invitation.isVisible()
    else:
        assert x[-1] == 6.0
        assert 10 ** y[-1] == pytest.approx(state.distance, rel=1e-6)
    assert not len(bottom.curve.fall_marks.getData()[0])  # EM never goes down


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


def test_what_rounding_does_is_no_change(page, run_to_end):
    tab, panel = page("gaussian_mixture", "identical-twins")
    run_to_end(tab)
    assert panel.changed.rows == ()
    assert panel.changed_words.text().endswith("so does what the E-step expects.")
    assert tab.bottom.change_label.text() == "0 nats"


@pytest.mark.parametrize("demo", ["old-faithful-collapse", "singularity"])
def test_where_em_stopped_nothing_lies_ahead(page, run_to_end, demo):
    tab, panel = page("gaussian_mixture", demo)
    panel.sections["gauges"].head.click()
    run_to_end(tab)
    section = panel.sections["gauges"]
    assert section.gist.text() == "EM stopped here"
    assert panel.gauge_words.text().startswith("Component 2 has collapsed")
    assert panel.gauge_words.isVisible()
    tab.controller.back()
    tab.settle()
    assert section.gist.text() != "EM stopped here"
