"""A view box in which a drag can be a brush."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal


class BrushBox(pg.ViewBox):
    """A view box whose drag can be a brush instead of a pan.

    Signals
    -------
    touched(place)
        The brush is over a place, in the plot's coordinates.
    lifted()
    asked(place)
        A right-click; the place on the screen.
    """

    touched = Signal(object)
    lifted = Signal()
    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.brushing = False

    def mouseClickEvent(self, event: Any) -> None:
        """Touch one place."""
        if event.button() == Qt.MouseButton.RightButton:
            event.accept()
            self.asked.emit(event.screenPos().toPoint())
            return
        if not self.brushing or event.button() != Qt.MouseButton.LeftButton:
            super().mouseClickEvent(event)
            return
        event.accept()
        self.touched.emit(self.mapToView(event.pos()))
        self.lifted.emit()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Touch every place on the way."""
        if not self.brushing or event.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        if event.isStart():
            self.touched.emit(self.mapToView(event.buttonDownPos()))
        self.touched.emit(self.mapToView(event.pos()))
        if event.isFinish():
            self.lifted.emit()
