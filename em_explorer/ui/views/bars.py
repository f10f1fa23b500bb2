"""A histogram's bars, each of a color of its own."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter


class Bars(pg.BarGraphItem):
    """Bars whose edges are not smoothed while frames rush by.

    Smooth edges take five times as long as all else about a bar.
    """

    def __init__(self) -> None:
        super().__init__(x=[0.5], height=[0.0], width=1.0, pen=None)
        self.hurried = False
        self._filled: list[tuple[QRectF, QColor]] = []

    def forget_colors(self) -> None:
        """Drop what belonged to other bars."""
        self._filled = []

    def color(self, colors: list[QColor]) -> None:
        """Color each bar."""
        self.setOpts(brushes=colors)
        half, x, heights = 0.5 * self.opts["width"], self.opts["x"], self.opts["height"]
        places = [QRectF(a - half, 0.0, 2.0 * half, h) for a, h in zip(x, heights, strict=True)]
        self._filled = list(zip(places, colors, strict=True))

    def paint(self, p: QPainter, *args: Any) -> None:
        """Paint the bars."""
        if not (self.hurried and self._filled):
            super().paint(p, *args)
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for place, color in self._filled:
            p.fillRect(place, color)
