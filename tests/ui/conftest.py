"""Fixtures of the window's tests: the real window, the real worker, and no litter left behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable, Iterator
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication

from em_explorer.ui.motion import Motion
from em_explorer.ui.theme import LIGHT, apply_theme, theme_manager


@pytest.fixture(autouse=True)
def isolated(qapp: QApplication, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No animation, no throttled mouse, settings in a temporary folder, nothing dangling."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    pg.setConfigOption("mouseRateLimit", -1)
    monkeypatch.setattr(Motion, "enabled", False)
    apply_theme(qapp, LIGHT)
    yield
    qapp.processEvents()
    # Without a loop that runs Qt deletes nothing later, and every theme would dress all windows
    # there ever were.
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    theme_manager().use(LIGHT, 1.0)


@pytest.fixture
def window(qtbot: Any) -> Iterator[Any]:
    """The main window on its first tab, closed and checked for dangling threads and timers."""
    from em_explorer.ui.main_window import MainWindow

    main_window = MainWindow()
    qtbot.addWidget(main_window)
    main_window.show()
    main_window.show_model(0)
    threads: list[QThread] = []
    yield main_window
    for tab in main_window.tabs.values():
        threads += tab.findChildren(QThread)
    main_window.close()
    assert not [t for t in threads if t.isRunning()], "a worker thread outlived its window"
    running = [t for t in main_window.findChildren(QTimer) if t.isActive() and not t.isSingleShot()]
    assert not running, "a timer outlived its window"


@pytest.fixture
def step(qtbot: Any) -> Callable[[Any, int], None]:
    """Take so many half-steps in a tab, waiting for each."""

    def take(tab: Any, n: int = 1) -> None:
        for _ in range(n):
            with qtbot.waitSignal(tab.controller.cursor_changed, timeout=10_000):
                tab.controller.step()
        tab.settle()

    return take


@pytest.fixture
def run_to_end(qtbot: Any) -> Callable[[Any], None]:
    """Run a tab's EM to its end and let the last picture be drawn."""

    def run(tab: Any) -> None:
        tab.controller.run_to_end()
        qtbot.waitUntil(
            lambda: not tab.controller.playing and tab.controller.trace.stop is not None,
            timeout=60_000,
        )
        tab.settle()

    return run


@pytest.fixture
def page(window: Any, qtbot: Any) -> Any:
    """Open a model's tab on its first demo with the Diagnose page in front."""

    def open_page(key: str, demo: str | None = None) -> tuple[Any, Any]:
        window.open_model(key)
        if demo is not None:
            window.open_demo(demo)
        panel = window.tab.side.open_diagnose()
        qtbot.waitUntil(panel.isVisible)
        return window.tab, panel

    return open_page


@pytest.fixture
def worked_out(qtbot: Any) -> Any:
    """Wait until the thread has worked out what the page asked for."""

    def wait(tab: Any) -> None:
        qtbot.waitUntil(lambda: not tab.diagnosis.busy, timeout=20_000)

    return wait


@pytest.fixture
def split(window: Any, qtbot: Any) -> Callable[[str], Any]:
    """Open a tab's first demo beside its first rival."""

    def open_split(key: str) -> Any:
        from tests.ui.two_runs import DEMOS, arrive

        window.open_demo(DEMOS[key])
        window.findChild(object, "action_side_by_side").trigger()
        tab = window.tab
        assert tab.comparing
        arrive(qtbot, tab)
        return tab

    return open_split
