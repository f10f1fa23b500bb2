"""Errors in event handlers and paint methods stay where they arise."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget

from em_explorer.ui import guards
from tests.ui.programs import program


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> type[QWidget]:
    """A widget of the program whose methods fail in C code, as ``1 / 0`` does."""

    class Fragile(QWidget):
        def resizeEvent(self, event: Any) -> None:
            _ = 1 // 0

        def sizeHint(self) -> QSize:
            raise KeyError("no hint")

        def own(self) -> None:
            raise KeyError("mine")

    module = ModuleType("em_explorer.ui.fragile")
    Fragile.__module__ = module.__name__
    module.Fragile = Fragile  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    guards.guard_overrides()
    guards._seen.discard(module.__name__)
    return Fragile


def test_an_event_handler_that_fails_is_reported_and_harms_nobody(fragile, monkeypatch):
    told: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: told.append(error))
    widget = fragile()
    widget.resize(300, 200)
    widget.show()  # Qt calls the handler; without the guard, this raises or aborts
    QApplication.processEvents()
    assert [type(error) for error in told] == [ZeroDivisionError] * len(told)
    assert told
    assert widget.isVisible()


def test_what_must_answer_still_raises(fragile):
    with pytest.raises(KeyError, match="no hint"):
        fragile().sizeHint()
    assert not hasattr(fragile.own, guards.MARK)


def test_every_handler_of_the_window_is_guarded(window):
    for index in range(4):
        window.show_model(index)
    bare = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for module in list(sys.modules)
        if module.startswith("em_explorer.ui.") and module not in ("em_explorer.ui.app",)
        for kind in guards._classes(sys.modules[module])
        if issubclass(kind, QWidget) and kind.__name__ != "MainWindow"
        for name, method in vars(kind).items()
        if name.endswith("Event") and not hasattr(method, guards.MARK)
        if any(name in vars(base) for base in kind.__mro__ if base.__module__.startswith("PySide"))
    ]
    assert not bare


def test_an_error_of_c_code_in_a_paint_event_does_not_abort(tmp_path):
    code = """
import sys
from PySide6.QtCore import QTimer
from em_explorer.ui import app

def finish(opening):
    window = opening._window
    timeline = type(window.tab.bottom.timeline)
    timeline.x_of = lambda *a: 1 // 0
    window.tab.bottom.timeline.update()
    def look():
        dialog = opening._reporter.dialog
        print("ZeroDivisionError" in dialog.text.toPlainText(), opening._reporter.shown)
        window.close()
    QTimer.singleShot(300, look)

app.Opening.finish = finish
sys.exit(app.run())
"""
    with program(code, tmp_path) as process:
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 0, complained
    assert said.split() == ["True", "1"]
    assert "ZeroDivisionError" in complained
