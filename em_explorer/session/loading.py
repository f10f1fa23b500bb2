"""Read a file behind the window's back: a large one takes seconds."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from em_explorer.em.errors import DataError


class BackgroundLoad(QObject):
    """Call a function in a thread of its own and say in this object's thread what came of it.

    A new call makes the one before it a thing of the past: its result is dropped.

    Signals
    -------
    loaded(result)
    refused(sentence)
        A :class:`~em_explorer.em.errors.DataError`.
    failed(sentence, report)
        Any other exception, with its traceback.
    """

    loaded = Signal(object)
    refused = Signal(str)
    failed = Signal(str, str)

    _over = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self.busy = False
        self._over.connect(self._on_over, Qt.ConnectionType.QueuedConnection)

    def start(self, function: Callable[[], Any]) -> None:
        """Call the function; it may touch no widget."""
        self._number += 1
        self.busy = True
        # A daemon: who closes the window must not wait for the end of a long table.
        threading.Thread(
            target=self._call, args=(self._number, function), name="load", daemon=True
        ).start()

    def cancel(self) -> None:
        """Forget about the call under way."""
        self._number += 1
        self.busy = False

    def _call(self, number: int, function: Callable[[], Any]) -> None:
        try:
            answer = ("loaded", function())
        except DataError as error:
            answer = ("refused", str(error))
        except Exception as error:
            sentence = f"The file could not be read: {error or type(error).__name__}."
            answer = ("failed", (sentence, traceback.format_exc()))
        try:
            self._over.emit(number, *answer)
        except RuntimeError:
            return  # the window has gone meanwhile

    @Slot(int, str, object)
    def _on_over(self, number: int, outcome: str, answer: Any) -> None:
        if number != self._number:
            return
        self.busy = False
        if outcome == "failed":
            self.failed.emit(*answer)
        elif outcome == "refused":
            self.refused.emit(answer)
        else:
            self.loaded.emit(answer)
