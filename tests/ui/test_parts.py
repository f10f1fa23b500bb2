"""Parts of the window brought to the front by name, for pictures of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from em_explorer.em.errors import DataError
from em_explorer.ui.parts import PARTS, check_parts, show_parts


@pytest.mark.parametrize("name", ["changed", "bound", "convergence", "gauges", "colors"])
def test_one_section_is_unfolded(window: Any, step: Callable[..., None], name: str) -> None:
    step(window.tab, 6)
    show_parts(window, [name])
    panel = window.tab.side.diagnose
    assert window.tab.side.diagnose_in_front
    assert [each for each, section in panel.sections.items() if section.is_open] == [name]
    assert not window.tab.diagnosis.busy


def test_the_curve_and_the_traces(window: Any, step: Callable[..., None]) -> None:
    step(window.tab, 9)
    show_parts(window, ["distance", "traces"])
    bottom = window.tab.bottom
    assert bottom.curve.getAxis("left").labelText.startswith("log")
    assert bottom.traces_shown
    show_parts(window, ["per-observation", "numbers"])
    assert bottom.curve.getAxis("left").labelText.endswith("/ n")
    assert window.tab.side.currentWidget() is window.tab.side.numbers


def test_a_page_of_the_lab_is_worked_out(window: Any, step: Callable[..., None]) -> None:
    step(window.tab, 5)
    show_parts(window, ["starts"])
    page = window.door.drawer.page
    assert not page.working
    assert page.isVisible()
    assert page.objectName() == "lab_starts"


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    with pytest.raises(DataError, match="no part 'gages' to show; there are numbers,"):
        check_parts(["gauges", "gages"])
    check_parts(PARTS)
