"""The monkey, for a short while; ``make soak`` lets it loose for longer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.ui.monkey import Broken, Monkey, check, same

ACTIONS = 130


@pytest.fixture
def monkey(window: Any, tmp_path: Any) -> Iterator[Monkey]:
    made = Monkey(window, 0, tmp_path)
    yield made
    made.finish()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_one_does_everything_belongs_together(window, tmp_path, seed):
    monkey = Monkey(window, seed, tmp_path)
    try:
        for _ in range(ACTIONS):
            monkey.act()
    finally:
        monkey.finish()
    assert not monkey.watch.heard


def test_it_notices_a_picture_of_another_half_step(window, step):
    tab = window.tab
    step(tab, 4)
    check(window)
    picture = tab.picture(2)
    tab.stage.shown = picture
    with pytest.raises(AssertionError, match=r"means.* not those of half-step 4"):
        check(window)


def test_it_notices_a_curve_that_lags_and_buttons_that_lie(window, step):
    tab = window.tab
    step(tab, 4)
    tab.bottom.transport.back.setEnabled(False)
    with pytest.raises(AssertionError):
        check(window)
    tab.bottom.transport.refresh()
    check(window)
    tab.bottom.timeline.blockSignals(True)
    tab.bottom.timeline.setValue(1)
    tab.bottom.timeline.blockSignals(False)
    with pytest.raises(AssertionError):
        check(window)


def test_it_tells_an_error_with_what_was_done(monkey, monkeypatch):
    def broken() -> str:
        monkey.watch.tell("", "Traceback: boom")
        return "something"

    monkeypatch.setattr(monkey, "actions", ((1, broken),))
    with pytest.raises(Broken, match=r"(?s)boom.*broken: something"):
        monkey.act()


def test_pictures_are_compared_to_the_last_bit():
    one = (np.array([1.0, np.nan]), "a", None)
    assert same(one, (np.array([1.0, np.nan]), "a", None))
    assert not same(one, (np.array([np.nextafter(1.0, 2.0), np.nan]), "a", None))
    assert not same(one, (np.array([1.0, np.nan]), "b", None))
