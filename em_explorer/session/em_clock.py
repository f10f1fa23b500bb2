"""The EM clock: when the next half-step is due, apart from the window's frames."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal


class EmClock(QObject):
    """Beat at a pace that may change from beat to beat; one beat is set at a time.

    Signals
    -------
    beat()
    """

    beat = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._due = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.beat)

    def begin(self) -> None:
        """Count from now."""
        self._due = time.perf_counter()

    def set_next(self, period: float) -> None:
        """Beat a period after the last beat was due, not after now: lateness must not add up.

        Who has fallen behind by more than a period does not hurry after.
        """
        self._due = max(self._due, time.perf_counter() - period) + period
        self.set()

    def set(self) -> None:
        """Beat when it is due."""
        self._timer.start(max(0, round(1000.0 * (self._due - time.perf_counter()))))

    @property
    def is_set(self) -> bool:
        """Whether a beat will come."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Beat no more."""
        self._timer.stop()
