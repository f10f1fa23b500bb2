"""Show parts of the window by name, for pictures of them: pages, sections, ways of drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from PySide6.QtCore import QEventLoop

from em_explorer.em.errors import DataError
from em_explorer.ui.app import application


def _numbers(window: Any) -> None:
    window.tab.side.setCurrentWidget(window.tab.side.numbers)


def _section(name: str, window: Any) -> None:
    panel = window.tab.side.open_diagnose()
    for each, section in panel.sections.items():
        section.head.setChecked(each == name)
    window.tab.settle()
    # What is asked for in one turn of the events is begun in the next.
    application().processEvents()
    _wait_while(lambda: window.tab.diagnosis.busy)


def _enlarged_bound(window: Any) -> None:
    window.tab.toggle_bound()
    _wait_while(lambda: window.tab.diagnosis.busy)


def _curve(position: int, window: Any) -> None:
    window.tab.bottom.mode_box.setCurrentIndex(position)


def _traces(window: Any) -> None:
    window.tab.bottom.traces_button.setChecked(True)


def _lab(name: str, window: Any) -> None:
    page = window.door.open(name)
    application().processEvents()
    if not page.button.isHidden():
        page.button.click()
        _wait_while(lambda: page.working)


PARTS: dict[str, Callable[[Any], None]] = {
    "numbers": _numbers,
    **{
        name: partial(_section, name)
        for name in ("changed", "bound", "convergence", "gauges", "colors")
    },
    "large-bound": _enlarged_bound,
    "per-observation": partial(_curve, 1),
    "distance": partial(_curve, 2),
    "traces": _traces,
    "runs": partial(_lab, "runs"),
    "starts": partial(_lab, "starts"),
    "how-many": partial(_lab, "how_many"),
    "landscape": partial(_lab, "landscape"),
}
"""What brings each part to the front."""


def check_parts(names: Iterable[str]) -> None:
    """Refuse names that are none.

    Raises
    ------
    DataError
        Listing the names there are.
    """
    for name in names:
        if name not in PARTS:
            raise DataError(f"There is no part {name!r} to show; there are {', '.join(PARTS)}.")


def show_parts(window: Any, names: Iterable[str]) -> None:
    """Bring parts of the tab in front onto the screen, and wait for what they work out."""
    for name in names:
        PARTS[name](window)


def _wait_while(busy: Callable[[], bool]) -> None:
    while busy():
        application().processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
