"""Start the window."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from em_explorer.session.kernels import loader
from em_explorer.session.settings import load_settings
from em_explorer.ui.icons import app_icon
from em_explorer.ui.stage import Motion
from em_explorer.ui.theme import LIGHT, THEMES, apply_theme

FIRST_FRAMES_MS = 1500
"""The kernels wait until the window stands and has been drawn."""


def application() -> QApplication:
    """Return the one QApplication, dressed."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(sys.argv[:1])
    app.setApplicationName("em_explorer")
    app.setWindowIcon(app_icon())
    return app


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
    """
    app = application()
    settings = load_settings()
    Motion.enabled = settings.animate
    apply_theme(app, THEMES.get(theme or settings.theme, LIGHT))
    from em_explorer.ui.main_window import MainWindow

    window = MainWindow()
    if demo is not None:
        window.open_demo(demo)
    elif model is not None:
        window.open_model(model)
    else:
        window.show_model(0)
    if file is not None:
        window.open_file(file)
    window.show()
    if play:
        window.tab.controller.play()
    QTimer.singleShot(FIRST_FRAMES_MS, loader.start)
    # Python looks at Ctrl+C only between two of its own instructions: give it some.
    heartbeat = QTimer()
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start(200)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    return app.exec()
