"""As fast as it goes: what is left out of frames that nobody can look at, and comes back."""

from __future__ import annotations

import math

import pytest


def drawn(tab) -> tuple[int, int]:
    """Return how many ghosts and how many trails with marks there are."""
    items = tab.scatter.components
    return (
        sum(i.ghost.getData()[0].size > 0 for i in items),
        sum(i.marks.getData()[0].size > 0 for i in items),
    )


@pytest.fixture
def endless(window, step):
    tab = window.tab
    tab.set_run(type(tab.run)(max_iter=1_000_000, tolerance=0.0))
    step(tab, 4)
    return tab


def test_ghosts_and_marks_wait_until_the_rush_is_over(qtbot, endless, step):
    tab, controller = endless, endless.controller
    n = len(tab.scatter.components)
    assert drawn(tab) == (n, n)
    controller.set_speed(math.inf)
    controller.play()
    qtbot.waitUntil(lambda: drawn(tab) == (0, 0), timeout=10_000)
    assert controller.rushing
    controller.pause()
    controller.seek(4)
    tab.settle()
    assert drawn(tab) == (n, n)


def test_the_last_frame_of_a_rush_is_drawn_again_with_all_there_is(qtbot, endless):
    tab, controller = endless, endless.controller
    controller.set_speed(math.inf)
    controller.play()
    qtbot.waitUntil(lambda: drawn(tab) == (0, 0), timeout=10_000)
    with qtbot.waitSignal(tab.stage.brought, timeout=10_000):
        controller.pause()
    tab.settle()
    n = len(tab.scatter.components)
    ghosts = n if controller.cursor % 2 == 0 else 0
    assert drawn(tab) == (ghosts, n)


def test_panels_take_turns_in_a_rush_and_are_all_right_after_it(qtbot, endless):
    tab, controller = endless, endless.controller
    controller.set_speed(math.inf)
    controller.play()
    timeline = tab.bottom.timeline
    for moved in (
        lambda: timeline.value() > 10,
        lambda: len(tab.bottom.curve._drawn) > 10,
        lambda: tab.heading.caption.text() != "",
    ):
        qtbot.waitUntil(moved, timeout=10_000)
    assert controller.rushing
    controller.pause()
    qtbot.waitUntil(lambda: not controller._link.under_way, timeout=10_000)
    tab.settle()
    cursor = controller.cursor
    assert timeline.value() == cursor == len(controller.trace) - 1
    qtbot.waitUntil(lambda: len(tab.bottom.curve._drawn) == cursor, timeout=1_000)
    assert tab.heading.caption.text() == tab._caption(cursor)
