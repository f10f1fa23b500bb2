"""Start the window: a painted shell first, then pyqtgraph and the first tab."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from em_explorer.ui.crash import CrashReporter
from em_explorer.ui.motion import Motion
from em_explorer.ui.theme import LIGHT, THEMES, apply_theme

if TYPE_CHECKING:
    from em_explorer.ui.main_window import MainWindow

FIRST_FRAMES_MS = 1500
"""The kernels wait until the window stands and has been drawn."""


def application() -> QApplication:
    """Return the one QApplication, dressed."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(sys.argv[:1])
    app.setApplicationName("em_explorer")
    return app


class FirstPaint(QObject):
    """Call a function once a widget has been painted for the first time."""

    def __init__(self, widget: QWidget, then: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget, self._then = widget, then
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first paint event; what follows waits until it has been dealt with."""
        if event.type() == QEvent.Type.Paint:
            self._widget.removeEventFilter(self)
            QTimer.singleShot(0, self._then)
        return False


class Opening(QObject):
    """The steps from a painted shell to a tab that is ready to play.

    Parameters
    ----------
    window : MainWindow
    reporter : CrashReporter
    model, demo, play, file
        As in :func:`run`.
    """

    def __init__(
        self,
        window: MainWindow,
        reporter: CrashReporter,
        model: str | None = None,
        demo: str | None = None,
        play: bool = False,
        file: Path | None = None,
    ) -> None:
        super().__init__(window)
        self._window, self._reporter = window, reporter
        self._model, self._demo, self._play, self._file = model, demo, play, file
        FirstPaint(window.pages, self.open_first_tab)

    def open_first_tab(self) -> None:
        """Bring in pyqtgraph and show the first tab, or the one asked for."""
        window = self._window
        if not window.isVisible():
            return  # closed before it was there
        # What is painted before all of it is polished and laid out is painted twice.
        window.setUpdatesEnabled(False)
        try:
            self._fill()
            QApplication.sendPostedEvents()
        finally:
            self._reporter.watch_pyqtgraph()
            window.setUpdatesEnabled(True)
        FirstPaint(window.tab, self.finish)

    def _fill(self) -> None:
        window = self._window
        window.furnish()
        if self._demo is not None:
            window.open_demo(self._demo)
        elif self._model is not None:
            window.open_model(self._model)
        else:
            window.show_model(0)
        if self._file is not None:
            window.open_file(self._file)
        if self._play:
            window.tab.controller.play()
        window.tab.stage.draw_now()

    def finish(self) -> None:
        """Do what nobody waits for: the icon, and later the compiled kernels."""
        from em_explorer.session.kernels import loader
        from em_explorer.ui.icons import app_icon

        self._window.setWindowIcon(app_icon())
        self._window.settled()
        QTimer.singleShot(FIRST_FRAMES_MS, loader.start)


def run(
    model: str | None = None,
    demo: str | None = None,
    play: bool = False,
    *,
    file: Path | None = None,
    theme: str | None = None,
) -> int:
    """Open the window and stay until it is closed; return the exit code.

    Parameters
    ----------
    model : str, optional
        Key of the model whose tab comes to the front.
    demo : str, optional
        Name of the demo to open.
    play : bool
        Press play at once.
    file : Path, optional
        A data file to open in the tab.
    theme : {"light", "dark"}, optional

    Returns
    -------
    int
        0 when the window was closed, 130 after Ctrl+C, 143 when the system asked it to end.
    """
    from em_explorer.session.settings import load_settings
    from em_explorer.ui.endings import Interrupts, leave
    from em_explorer.ui.main_window import MainWindow

    app = application()
    reporter = CrashReporter()
    reporter.install()
    settings = load_settings()
    Motion.enabled = settings.animate
    apply_theme(app, THEMES.get(theme or settings.theme, LIGHT))
    window = MainWindow()
    reporter.window, reporter.context = window, window.describe
    reporter.caught.connect(window.pause)
    interrupts = Interrupts(window)
    Opening(window, reporter, model, demo, play, file)
    window.show()
    try:
        code = app.exec()
    finally:
        interrupts.remove()
        reporter.remove()
    return leave(interrupts.code or code)
