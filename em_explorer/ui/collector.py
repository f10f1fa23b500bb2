"""Python's cyclic garbage, collected in the GUI thread only.

Graphics items live in reference cycles. Left to itself, Python collects a cycle in whichever
thread happens to allocate, and a graphics item that dies in the worker's thread takes the
program with it.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

LOOK_EVERY_MS = 500
FIRST_LOOK_MS = 30_000
"""A window that opens is not made to wait for its first garbage; without word that it stands."""


class GuiCollector(QObject):
    """Take over from the automatic collector while a window is open."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        self._thresholds = gc.get_threshold()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(FIRST_LOOK_MS)

    def keep(self) -> None:
        """Look no more at what there is now: modules and a window that stay till the end."""
        gc.freeze()
        self._timer.start(LOOK_EVERY_MS)

    def look(self) -> None:
        """Collect the generations that the automatic collector would have collected."""
        self._timer.setInterval(LOOK_EVERY_MS)
        counts = gc.get_count()
        for generation in (2, 1, 0):
            if counts[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return

    def finish(self) -> None:
        """Hand back to the automatic collector, with nothing left lying about.

        Where it was off, whoever switched it off collects, or ends the program.
        """
        self._timer.stop()
        if self._was_enabled:
            gc.unfreeze()
            gc.collect()
            gc.enable()
