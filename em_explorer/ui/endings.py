"""Leave the program: on Ctrl+C, on a request of the system, and when a thread is still busy."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtWidgets import QWidget

HEARTBEAT_MS = 100
"""Python looks at signals only between two of its own instructions: it is given some so often."""

PATIENCE_SECONDS = 1.5
"""After this long the process ends whatever it is doing."""


class Interrupts(QObject):
    """Turn SIGINT and SIGTERM into a window that closes; the exit code is 128 + the signal's.

    A shell script that runs the program then knows, as of any other, that it was interrupted
    (130 for Ctrl+C).

    Parameters
    ----------
    window : QWidget
        Closed when a signal comes.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self.code = 0
        self._window = window
        self._heartbeat = QTimer(self)
        self._heartbeat.timeout.connect(self._beat)
        self._heartbeat.start(HEARTBEAT_MS)
        self._before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)

    def remove(self) -> None:
        """Give the signals back."""
        self._heartbeat.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _beat(self) -> None:
        pass

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.code:
            os._exit(128 + number)  # asked twice: now
        self.code = 128 + number
        watchdog = threading.Timer(PATIENCE_SECONDS, os._exit, (self.code,))
        watchdog.daemon = True
        watchdog.start()
        # A signal may come in the midst of anything: the rest waits for the event loop.
        QTimer.singleShot(0, self._leave)

    def _leave(self) -> None:
        self._window.close()
        QCoreApplication.exit(self.code)  # ends the loops of open dialogs too


def leave(code: int, *, daemons: bool = True) -> int:
    """Return the exit code, or end the process here if a thread would keep it waiting.

    Parameters
    ----------
    code : int
    daemons : bool
        Whether Python's own threads count too: those that read files or load kernels.
    """
    from em_explorer.session.threads import any_left, anything_busy

    if anything_busy() if daemons else any_left():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    return code
