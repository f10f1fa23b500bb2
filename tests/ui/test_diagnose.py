"""The Diagnose page in every tab: what a half-step changed, and when the page is made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.diagnostics import changes
from em_explorer.ui.diagnose_words import told
from em_explorer.ui.theme import DARK, LIGHT, theme_manager

KEYS = [row.key for row in registry.MODELS]


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


def test_what_rounding_does_is_no_change(page, run_to_end):
    tab, panel = page("gaussian_mixture", "identical-twins")
    run_to_end(tab)
    assert panel.changed.rows == ()
    assert panel.changed_words.text().endswith("so does what the E-step expects.")
    assert tab.bottom.change_label.text() == "0 nats"


def test_dots_before_names_take_the_themes_colors(page, step):
    tab, panel = page("gaussian_mixture")
    step(tab, 3)
    tab.bottom.traces_button.click()
    tab.side.setCurrentWidget(tab.side.numbers)
    theme_manager().use(DARK)
    first, old = DARK.components[0], LIGHT.components[0]
    assert first != old
    tab.side.open_diagnose()
    lists = [
        " ".join(row.color for row in panel.changed.rows),
        tab.bottom.strip.readout.text(),
        " ".join(row.color for group in tab.side.numbers.groups for row in group.rows),
    ]
    for shown in lists:
        assert first.lower() in shown.lower()
        assert old.lower() not in shown.lower()
