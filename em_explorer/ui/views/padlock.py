"""The padlock that stands at whatever EM must leave as it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import theme_manager

ABOVE_ALL = 40
SIZE = 12
"""Side of a padlock in a plot, px."""


@cache
def padlock() -> QPainterPath:
    """Return a closed padlock of unit size around the origin, y down."""
    bow = QPainterPath(QPointF(-0.24, 0.0))
    bow.lineTo(-0.24, -0.18)
    bow.arcTo(QRectF(-0.24, -0.42, 0.48, 0.48), 180.0, -180.0)
    bow.lineTo(0.24, 0.0)
    stroker = QPainterPathStroker()
    stroker.setWidth(0.13)
    stroker.setCapStyle(Qt.PenCapStyle.FlatCap)
    body = QPainterPath()
    body.addRoundedRect(QRectF(-0.4, -0.06, 0.8, 0.56), 0.1, 0.1)
    return stroker.createStroke(bow).united(body)


def draw_padlock(painter: QPainter, x: float, y: float, size: float, color: QColor) -> None:
    """Draw a padlock around a place, px."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(x, y)
    painter.scale(size, size)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPath(padlock())
    painter.restore()


class Padlocks:
    """The padlocks of a plot.

    Attributes
    ----------
    item : ScatterPlotItem
    """

    def __init__(self, plot: pg.PlotWidget) -> None:
        self.item, self._ground = pg.ScatterPlotItem(pxMode=True), pg.ScatterPlotItem(pxMode=True)
        for above, item in enumerate((self._ground, self.item)):
            item.setZValue(ABOVE_ALL + above)
            plot.addItem(item, ignoreBounds=True)

    def place(self, places: Floats) -> None:
        """Put a padlock at each of (n, 2) places."""
        if not len(places) and not len(self.item.data):
            return
        theme = theme_manager().current
        self.item.setData(
            pos=places,
            symbol=padlock(),
            size=theme_manager().px(SIZE),
            brush=theme.color("text"),
            pen=pg.mkPen(None),
        )
        self._ground.setData(
            pos=places,
            size=theme_manager().px(SIZE + 8),
            brush=theme.color("panel", 0.92),
            pen=pg.mkPen(theme.color("text"), width=1),
        )

    @property
    def places(self) -> Floats:
        """Where padlocks are, (n, 2)."""
        x, y = self.item.getData()
        return np.column_stack([x, y]) if len(x) else np.empty((0, 2))
