"""The outlook on the Diagnose page and the curve: convergence, and how far the limit is."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import registry

KEYS = [row.key for row in registry.MODELS]


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
