"""Where a person wants EM to pause: the form, the pause, the sentence, in every tab."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from em_explorer import registry
from em_explorer.em.breakpoints import Breakpoints, PauseAfter
from em_explorer.ui.breakpoint_button import summary

KEYS = [row.key for row in registry.MODELS]


@pytest.fixture
def play(qtbot: Any) -> Any:
    """Let a tab run as fast as it goes until it pauses."""

    def run(tab: Any) -> None:
        tab.controller.run_to_end()
        qtbot.waitUntil(lambda: not tab.controller.playing, timeout=30_000)
        tab.settle()

    return run


@pytest.mark.parametrize("key", KEYS)
def test_em_pauses_and_says_why(window, play, key):
    window.open_model(key)
    tab = window.tab
    tab.breakpoints.set_breakpoints(Breakpoints(at_iteration=3))
    play(tab)
    assert tab.controller.cursor == 7
    assert tab.heading.notice.text.text() == "Paused. Iteration 3 is done."
    assert tab.heading.notice.isVisible()
    assert "iteration 3" in tab.bottom.transport.pill.text()
    tab.controller.step()
    tab.breakpoints.set_breakpoints(Breakpoints(at_phase=PauseAfter.M))
    play(tab)
    assert tab.controller.cursor % 2 == 0
    before = tab.controller.cursor
    play(tab)
    assert tab.controller.cursor == before + 2


def test_eigenvalues_are_offered_where_there_are_some(window):
    for demo, some in (
        ("casino", False),
        ("nile", True),
        ("small-topics", False),
        ("murray", True),
    ):
        window.open_demo(demo)
        button = window.tab.breakpoints
        button.open_form()
        assert button.form.form.editors["eigenvalue_below"].isEnabled() is some
        button.form.hide()


@pytest.mark.parametrize("key", ["gaussian_mixture", "hidden_markov", "latent_dirichlet"])
def test_a_count_passes_its_line(window, play, step, key):
    window.open_model(key)
    tab = window.tab
    step(tab, 9)
    counts = [[g.value for g in tab.diagnosis.gauges(i) if g.kind == "count"] for i in range(1, 10)]
    part = min(range(len(counts[0])), key=lambda k: counts[-1][k] - counts[0][k])
    line = 0.5 * (counts[0][part] + counts[-1][part])
    assert counts[-1][part] < line < counts[0][part]
    tab.controller.rewind()
    tab.breakpoints.set_breakpoints(Breakpoints(counts_below=line))
    play(tab)
    sentence = tab.heading.notice.text.text()
    if tab.controller.cursor == 1:  # another part was below the line from the beginning
        play(tab)
        sentence = tab.heading.notice.text.text()
    assert "fell below" in sentence
    assert 1 < tab.controller.cursor <= 9


def test_an_eigenvalue_passes_its_line(window, play):
    window.open_demo("old-faithful-collapse")
    tab = window.tab
    tab.breakpoints.set_breakpoints(Breakpoints(eigenvalue_below=1e-3))
    play(tab)
    assert "eigenvalue" in tab.heading.notice.text.text()
    assert tab.controller.trace[tab.controller.cursor].phase.value == "M"


def test_a_line_passed_long_ago_is_found_on_the_way_to_the_end(window, play, run_to_end):
    tab = window.tab
    run_to_end(tab)
    tab.controller.rewind()
    tab.breakpoints.set_breakpoints(Breakpoints(at_iteration=5))
    tab.controller.run_to_end()
    assert tab.controller.cursor == 11
    tab.controller.run_to_end()
    assert tab.controller.at_end


def test_going_on_puts_the_sentence_away(window, play, step):
    tab = window.tab
    tab.breakpoints.set_breakpoints(Breakpoints(rate_above=0.5))
    play(tab)
    assert "The rate passed 0.5" in tab.heading.notice.text.text()
    step(tab, 1)
    assert not tab.heading.notice.isVisible()


def test_a_single_step_is_never_held_up(window, step):
    tab = window.tab
    tab.breakpoints.set_breakpoints(Breakpoints(at_phase=PauseAfter.E))
    step(tab, 3)
    assert not tab.heading.notice.isVisible()


def test_the_form_is_opened_from_the_transport(window, qtbot, play):
    tab = window.tab
    button = tab.breakpoints
    assert button.text() == "Stop when …"
    assert button.form is None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.form.isVisible()
    box = button.form.form.editors["at_iteration"]
    box.setValue(2)
    assert button.breakpoints == Breakpoints(at_iteration=2)
    assert button.text() == "Stops when iteration 2 ends"
    qtbot.mouseClick(button.form.clear, Qt.MouseButton.LeftButton)
    assert not button.breakpoints.any
    assert tab.controller.checkpoint is None
    button.form.hide()
    assert button.text() == "Stop when …"


def test_a_form_is_never_cut_off(window, qtbot):
    button = window.tab.breakpoints
    button.open_form()
    form = button.form
    for editor in form.form.editors.values():
        assert editor.width() >= editor.minimumSizeHint().width()
        assert form.rect().contains(editor.mapTo(form, editor.rect().bottomRight()))
    form.hide()


def test_everything_is_said():
    everything = Breakpoints(True, 5.0, 0.01, 0.9, 20, PauseAfter.E)
    assert summary(everything) == (
        "the bound falls",
        "a count < 5.00",
        "an eigenvalue < 0.0100",
        "the rate > 0.900",
        "iteration 20 ends",
        "every E-step ends",
    )
    assert summary(Breakpoints()) == ()


def test_the_form_is_opened_by_a_key_that_its_button_names(window, qtbot):
    button = window.tab.breakpoints
    assert "(W)" in button.toolTip()
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_W)
    assert button.form.isVisible()
    rows = [button.form.form.editors[name] for name in ("counts_below", "eigenvalue_below")]
    tops = {editor.mapTo(button.form, editor.rect().topLeft()).y() for editor in rows}
    assert len(tops) == 1  # side by side
    button.form.hide()
    button.set_breakpoints(Breakpoints(at_iteration=3))
    assert button.toolTip().endswith("(W)")
