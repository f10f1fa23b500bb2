"""What happens with an error nobody foresaw: a dialog with a report, a log, and life goes on."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot, qInstallMessageHandler, qVersion

from em_explorer import __version__

if TYPE_CHECKING:
    from types import TracebackType

    from PySide6.QtCore import QMessageLogContext, QtMsgType
    from PySide6.QtWidgets import QWidget

LOG_BYTES = 256 * 1024
"""A log larger than this becomes the old log; there are never more than two."""

QUIET_SECONDS = 5.0
"""An error that comes again within this time of its last coming is counted, not shown."""

HARMLESS = ("This plugin does not support",)
"""What a platform without a screen says of windows and menus; it is nobody's concern."""


def log_file() -> Path:
    """Return where reports are kept."""
    from platformdirs import user_log_path

    return user_log_path("em_explorer", appauthor=False) / "em_explorer.log"


def write_log(text: str) -> Path | None:
    """Append to the log, which never grows beyond twice :data:`LOG_BYTES`.

    Returns
    -------
    Path or None
        None where nothing can be written: a full disk is no reason for another error.
    """
    try:
        path = log_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size + len(text) > LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
        with path.open("a", encoding="utf-8") as file:
            now = time.strftime("%Y-%m-%d %H:%M:%S%z")
            file.write(f"===== {now}\n{text[:LOG_BYTES].rstrip()}\n\n")
    except OSError:
        return None
    return path


class Repeats:
    """Count what comes again and again, and say when it is news."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    def add(self, signature: str) -> tuple[int, bool]:
        """Return how often this has come, and whether it has been quiet for a while."""
        times, last = self._seen.get(signature, (0, -QUIET_SECONDS))
        now = self._clock()
        self._seen[signature] = (times + 1, now)
        return times + 1, now - last >= QUIET_SECONDS


class CrashReporter(QObject):
    """Catch what nobody else caught: in slots, paint events, threads, and Qt's own messages.

    Parameters
    ----------
    parent : QObject, optional
    context : callable, optional
        Says in a few lines what was on the screen; goes into the report.

    Signals
    -------
    caught(sentence)
        Something was caught (once for errors that repeat); EM is better paused.
    """

    caught = Signal(str)

    _wanted = Signal(str, str)

    def __init__(
        self, parent: QObject | None = None, context: Callable[[], str] | None = None
    ) -> None:
        super().__init__(parent)
        self.context = context
        self.window: QWidget | None = None
        self.dialog: Any = None
        self.shown = 0
        self._repeats = Repeats()
        self._before: tuple[Any, Any] | None = None
        self._wanted.connect(self._show_soon)

    # -- the hooks ---------------------------------------------------------------------------

    def install(self) -> None:
        """Take the hooks of Python and Qt."""
        global _installed
        if self._before is None:
            self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self.on_exception
        threading.excepthook = self._on_thread_exception
        qInstallMessageHandler(self._on_qt_message)
        _installed = self

    def watch_pyqtgraph(self) -> None:
        """Take back what importing pyqtgraph takes; errors it would only print are errors."""
        from pyqtgraph import debug

        debug.printExc = self._on_swallowed
        self.install()

    def remove(self) -> None:
        """Give the hooks back."""
        global _installed
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            self._before = None
            qInstallMessageHandler(None)
        if _installed is self:
            _installed = None

    def on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Report an exception that nobody caught."""
        if not issubclass(kind, Exception):
            sys.__excepthook__(kind, error, trace)
            return
        report = "".join(traceback.format_exception(kind, error, trace))
        self.tell(f"{kind.__name__}: {error}", report, _signature(kind, trace))

    def _on_thread_exception(self, args: Any) -> None:
        if args.exc_value is not None:
            self.on_exception(args.exc_type, args.exc_value, args.exc_traceback)

    def _on_swallowed(self, *_: object, **__: object) -> None:
        kind, error, trace = sys.exc_info()
        if kind is not None and error is not None:
            self.on_exception(kind, error, trace)

    def _on_qt_message(self, kind: QtMsgType, _: QMessageLogContext, message: str | None) -> None:
        words = message or ""
        if any(harmless in words for harmless in HARMLESS):
            return
        times, _news = self._repeats.add(words)
        if _is_round(times):
            write_log(f"Qt ({kind.name}), {times} times so far: {words}")
            _print(words)

    # -- the report --------------------------------------------------------------------------

    def tell(self, sentence: str, report: str, signature: str | None = None) -> None:
        """Report something that went wrong; may be called from any thread.

        Parameters
        ----------
        sentence : str
            What happened.
        report : str
            The traceback.
        signature : str, optional
            What makes it the same error as another one; the report's last lines without it.
        """
        times, news = self._repeats.add(signature or report[-500:])
        if not (news or _is_round(times)):
            return
        if times > 1:
            sentence = f"{sentence} ({times} times)"
        full = f"{sentence}\n\n{report.rstrip()}\n\n{self._surroundings()}"
        write_log(full)
        _print(report)
        if news:
            self._wanted.emit(sentence, full)

    def _surroundings(self) -> str:
        import platform

        lines = [
            f"em_explorer {__version__}, Python {platform.python_version()}, Qt {qVersion()}, "
            f"{platform.platform()}"
        ]
        for name in ("numpy", "scipy", "pyqtgraph", "numba"):
            version = getattr(sys.modules.get(name), "__version__", None)
            if version is not None:
                lines.append(f"{name} {version}")
        if self.context is not None and threading.current_thread() is threading.main_thread():
            # The report must come even when what is on the screen can't be asked any more.
            with contextlib.suppress(Exception):
                lines.append(self.context())
        return "\n".join(lines)

    @Slot(str, str)
    def _show_soon(self, sentence: str, report: str) -> None:
        # The error may come from the midst of painting, where no dialog may open.
        QTimer.singleShot(0, lambda: self._show(sentence, report))

    def _show(self, sentence: str, report: str) -> None:
        self.caught.emit(sentence)
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.add(report)
            return
        from em_explorer.ui.crash_dialog import CrashDialog

        if self.dialog is not None:
            self.dialog.deleteLater()
        self.shown += 1
        self.dialog = CrashDialog(sentence, report, log_file(), self.window)
        self.dialog.show()


_installed: CrashReporter | None = None


def tell(sentence: str, report: str) -> None:
    """Report an error that comes with its traceback, such as a worker's."""
    if _installed is not None:
        _installed.tell(sentence, report)
    else:
        import logging

        logging.getLogger(__name__).error("%s\n%s", sentence, report)


def report(error: Exception) -> None:
    """Report an exception that was caught only to keep the window alive."""
    sys.excepthook(type(error), error, error.__traceback__)


def _signature(kind: type[BaseException], trace: TracebackType | None) -> str:
    """Name an error by where it was raised: its words may differ from frame to frame."""
    frames = traceback.extract_tb(trace)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{kind.__name__} {place}"


def _is_round(times: int) -> bool:
    """Say whether a number is 1, 10, 100, …: so often a repeated line is written down."""
    return str(times).strip("0") == "1"


def _print(text: str) -> None:
    # A program started by a click has no stderr.
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{text.rstrip()}\n")
