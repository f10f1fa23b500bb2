"""The large picture of the bound, starts that EM can't leave, and the keys of the diagnosis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from em_explorer import registry
from em_explorer.em.steps import StopReason
from em_explorer.models.missing_data import MissingDataParams
from em_explorer.ui.views.bound_picture import connected, ticks

KEYS = [row.key for row in registry.MODELS]


@pytest.fixture
def drawn(qtbot: Any) -> Any:
    """Wait until the thread has worked out what is looked at."""

    def wait(tab: Any) -> None:
        qtbot.waitUntil(lambda: not tab.diagnosis.busy, timeout=20_000)

    return wait


@pytest.mark.parametrize("key", KEYS)
def test_the_bound_is_enlarged(window, qtbot, step, drawn, key):
    window.open_model(key)
    tab = window.tab
    step(tab, 1)
    panel = tab.side.open_diagnose()
    qtbot.waitUntil(panel.picture.isVisible)
    qtbot.mouseClick(panel.picture, Qt.MouseButton.LeftButton)
    drawn(tab)
    overlay = tab.overlay
    assert overlay.isVisible()
    assert tab.play_area.rect().contains(overlay.geometry())
    assert overlay.picture.view.line is not None
    assert overlay.picture.view.phase == "E"
    step(tab, 1)
    drawn(tab)
    assert overlay.picture.view.phase == "M"
    if key == "latent_dirichlet":
        assert "out of reach" in overlay.words.text()
    else:
        assert overlay.picture.gap_text().startswith("gap ")
        assert "the gap" in overlay.words.text()
    overlay.close_button.click()
    assert not overlay.isVisible()


def test_keys_open_and_close(window, qtbot, step):
    tab = window.tab
    step(tab, 2)
    qtbot.keyClick(window, Qt.Key.Key_D)
    assert tab.side.diagnose_in_front
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert tab.overlay.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert tab.bottom.traces_shown
    for key in (Qt.Key.Key_D, Qt.Key.Key_P, Qt.Key.Key_T):
        qtbot.keyClick(window, key)
    assert not tab.side.diagnose_in_front
    assert not tab.overlay.isVisible()
    assert not tab.bottom.traces_shown


def test_keys_reach_the_window_from_a_number(window, qtbot):
    tab = window.tab
    tab.setup.seed_box.setFocus()
    qtbot.keyClick(tab.setup.seed_box, Qt.Key.Key_T)
    assert tab.bottom.traces_shown
    assert tab.setup.seed_box.text() == "0"


def test_nothing_is_worked_out_that_nobody_looks_at(window, step, monkeypatch):
    tab = window.tab
    monkeypatch.setattr(tab.diagnosis._maker, "start", lambda _: pytest.fail("work for nobody"))
    step(tab, 4)


def test_the_picture_waits_while_em_rushes(window, qtbot, step, drawn):
    window.open_demo("overlap-is-slow")
    tab = window.tab
    step(tab, 1)
    tab.toggle_bound()
    drawn(tab)
    tab.controller.run_to_end()
    qtbot.waitUntil(lambda: tab.controller.cursor > 20)
    tab._show_bound()
    assert not tab.diagnosis.busy
    tab.controller.pause()
    tab.controller.step()
    qtbot.waitUntil(lambda: tab.overlay.picture.view.line is not None)
    drawn(tab)


TWINS = {
    "gaussian_mixture": "identical-twins",
    "hidden_markov": "vowels-flat",
    "latent_dirichlet": "bars-uniform",
}


@pytest.mark.parametrize("key", TWINS)
def test_a_symmetric_start_is_recognized_before_anything_runs(window, qtbot, step, key):
    window.open_demo(TWINS[key])
    tab = window.tab
    assert tab.model.symmetry(tab.snapshot(0).params) == tab.start_flaw
    assert "stay equal" in tab.bottom.outlook.text()
    assert tab.heading.nudge.isVisible()
    panel = tab.side.open_diagnose()
    assert tab.start_flaw in panel.changed_words.text()
    focused = window.focusWidget()
    qtbot.mouseClick(tab.heading.nudge, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is focused  # not on whatever stands beside the button that went
    assert tab.controller.cursor == 0
    assert tab.start_flaw == ""
    assert not tab.heading.nudge.isVisible()
    assert "Nudged" in tab.heading.caption.text()


def test_a_stationary_start_is_recognized(window, qtbot, run_to_end):
    window.open_demo("murray")
    tab = window.tab
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.STALLED
    rest = tab.controller.trace.final.params
    zero = MissingDataParams(rest.mean, np.diag(np.diagonal(rest.covariance)))
    assert tab.start_from(zero)
    qtbot.waitUntil(lambda: tab.bottom.outlook.text() == "a stationary start")
    assert tab.heading.nudge.isVisible()
    tab.nudge()
    qtbot.waitUntil(lambda: tab.diagnosis.start_moves is not None)
    assert tab.start_flaw == ""


def test_an_ordinary_start_has_no_warning(window, qtbot):
    tab = window.tab
    qtbot.waitUntil(lambda: tab.diagnosis.start_moves is not None)
    assert tab.bottom.outlook.text() == ""
    assert not tab.heading.nudge.isVisible()


def test_the_picture_names_where_theta_is(window, step, drawn):
    tab = window.tab
    step(tab, 3)
    tab.toggle_bound()
    drawn(tab)
    assert tab.overlay.picture.places() == ("θ now", "θ after M")
    step(tab, 1)
    drawn(tab)
    assert tab.overlay.picture.places() == ("θ before", "θ now")


def test_a_curve_ends_where_it_plunges_out_of_the_picture():
    s = np.linspace(-0.5, 2.0, 6)  # -0.5, 0, 0.5, 1, 1.5, 2
    assert connected(s, np.ones(6, dtype=bool)) == (0, 5)
    assert connected(s, np.array([1, 1, 1, 1, 0, 1], dtype=bool)) == (0, 3)
    assert connected(s, np.array([0, 1, 1, 1, 1, 1], dtype=bool)) == (1, 5)
    assert connected(s, np.array([1, 1, 0, 1, 1, 0], dtype=bool)) == (0, 4)


def test_heights_are_round():
    assert ticks(68.0) == ((0.0, "0 nats"), (20.0, "+20"), (40.0, "+40"), (60.0, "+60"))
    assert [words for _, words in ticks(0.41)] == ["0 nats", "+0.2", "+0.4"]
    assert [words for _, words in ticks(18.2)] == ["0 nats", "+5", "+10", "+15"]
    assert [words for _, words in ticks(2.4e-7)][1].endswith("×10⁻⁷")
    for span in np.geomspace(1e-8, 1e8, 60):
        assert 3 <= len(ticks(float(span))) <= 6
