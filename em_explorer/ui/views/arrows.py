"""Small arrows from where something was to where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from em_explorer.em.arrays import Floats

HEAD = 7.0
"""Length of an arrow's head, px."""

SHORTEST = 9.0
"""A way shorter than this is seen without an arrow, px."""

MOST = 24
"""Arrows drawn at most, the longest: more would be a thicket."""


class Arrows(pg.GraphicsObject):
    """Arrows in a plot's coordinates, with heads of one size on the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: Floats = np.empty((0, 2))
        self.ends: Floats = np.empty((0, 2))
        self.colors: list[QColor] = []
        self._stop_short = 0.0
        self.setZValue(20)

    def draw(
        self, starts: Floats, ends: Floats, colors: Sequence[QColor], *, stop_short: float = 0.0
    ) -> None:
        """Draw arrows, or none.

        Parameters
        ----------
        starts, ends : (n, 2) float
            In the plot's coordinates.
        colors : n colors, or one for all
        stop_short : float
            How far before its end an arrow's tip stands, px: room for a mark there.
        """
        if not len(starts) and not len(self.starts):
            return
        self.starts, self.ends = np.asarray(starts, dtype=float), np.asarray(ends, dtype=float)
        self.colors = list(colors) * (len(self.starts) if len(colors) == 1 else 1)
        self._stop_short = stop_short
        self.update()

    def clear(self) -> None:
        """Draw none."""
        self.draw(np.empty((0, 2)), np.empty((0, 2)), ())

    def boundingRect(self) -> QRectF:
        """Return the whole view: arrows may be anywhere in it."""
        return self.viewRect() or QRectF()

    def viewTransformChanged(self) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw in pixels."""
        if not len(self.starts):
            return
        transform = painter.worldTransform()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ways = []
        for start, end, color in zip(self.starts, self.ends, self.colors, strict=True):
            if np.isfinite(start).all() and np.isfinite(end).all():
                a, b = transform.map(QPointF(*start)), transform.map(QPointF(*end))
                ways.append((math.hypot(b.x() - a.x(), b.y() - a.y()), a, b, color))
        ways.sort(key=lambda way: -way[0])
        for length, a, b, color in ways[:MOST]:
            if length - self._stop_short >= SHORTEST:
                _paint_arrow(painter, a, b, color, length, self._stop_short)


def _paint_arrow(
    painter: QPainter, a: QPointF, b: QPointF, color: QColor, length: float, short: float
) -> None:
    along = QPointF((b.x() - a.x()) / length, (b.y() - a.y()) / length)
    across = QPointF(-along.y(), along.x())
    tip = b - along * short
    neck = tip - along * HEAD
    painter.setPen(QPen(color, 1.6))
    painter.drawLine(a, neck)
    painter.setPen(QPen(color, 0.5))
    painter.setBrush(color)
    side = across * (0.42 * HEAD)
    painter.drawPolygon(QPolygonF([tip, neck + side, neck - side]))
