"""The gauges on the Diagnose page: they are drawn, and a collapse is foretold."""

from __future__ import annotations

import pytest

from em_explorer import registry
from em_explorer.ui.views.gauges import level, warning_level

KEYS = [row.key for row in registry.MODELS]


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
