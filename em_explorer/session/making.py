"""Make pictures behind the window's back: one thread that calls functions, newest wish first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from em_explorer.session.threads import IS_WAITED_FOR, end_thread, give_way


class _Caller(QObject):
    """Calls what it is sent, in the thread it lives in.

    Signals
    -------
    over(number, result, error)
    """

    over = Signal(int, object, object)

    @Slot(int, object)
    def call(self, number: int, function: Callable[[], Any]) -> None:
        """Call a function and say what came of it."""
        give_way(IS_WAITED_FOR)
        try:
            result, error = function(), None
        except Exception as raised:  # told in the window's thread, where it is dealt with
            result, error = None, raised
        self.over.emit(number, result, error)


class Maker(QObject):
    """Call functions in a thread of its own, one at a time.

    A call asked for while another is under way waits; a newer one takes its place. The thread
    begins with the first call.

    Signals
    -------
    made(result)
    failed(error)
    """

    made = Signal(object)
    failed = Signal(object)

    _call = Signal(int, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._number = 0
        self._under_way = False
        self._wanted = False
        self._closed = False
        self._waiting: Callable[[], Any] | None = None
        self._thread: QThread | None = None
        self._caller: _Caller | None = None

    @property
    def busy(self) -> bool:
        """Whether a result that is still wanted is to come."""
        return self._waiting is not None or self._wanted

    def start(self, function: Callable[[], Any]) -> None:
        """Call a function that touches no widget, once the one under way has ended."""
        if self._closed:
            return
        if self._under_way:
            self._waiting = function
            return
        if self._thread is None:
            self._begin()
        self._under_way = self._wanted = True
        self._call.emit(self._number, function)

    def cancel(self) -> None:
        """Drop what waits, and the result of what is under way."""
        self._waiting = None
        self._wanted = False
        self._number += 1

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes. Later calls are ignored."""
        self.cancel()
        self._closed = True
        if self._thread is not None:
            end_thread(self._thread, self._caller)
            self._thread = None
            self._caller = None

    def _begin(self) -> None:
        self._thread = QThread(self)
        self._thread.setObjectName(self._name)
        self._caller = _Caller()
        self._caller.moveToThread(self._thread)
        self._thread.finished.connect(self._caller.deleteLater)
        self._call.connect(self._caller.call, Qt.ConnectionType.QueuedConnection)
        self._caller.over.connect(self._on_over, Qt.ConnectionType.QueuedConnection)
        self._thread.start()

    @Slot(int, object, object)
    def _on_over(self, number: int, result: Any, error: Exception | None) -> None:
        self._under_way = self._wanted = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.start(waiting)
        if number != self._number:
            return
        if error is not None:
            self.failed.emit(error)
        else:
            self.made.emit(result)
