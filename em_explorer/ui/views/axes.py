"""Axes that write a true minus sign, and are drawn anew only when they change."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget


class Axis(pg.AxisItem):
    """An axis whose negative numbers wear a minus, not a hyphen, as all other numbers here do.

    On the screen it is copied from a picture of itself: drawing its text and grid again in every
    frame would cost as much as all that moves.
    """

    _kept: tuple[Any, QPointF, QRect, QPixmap] | None = None

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        return [label.replace("-", "−") for label in super().tickStrings(values, scale, spacing)]

    def paint(self, p: QPainter, opt: Any, widget: QWidget | None) -> None:
        """Copy what was drawn before, unless the axis has changed or a file is written."""
        device = p.device()
        origin, place = _origin(p), p.transform().mapRect(self.boundingRect()).toAlignedRect()
        if not isinstance(device, QWidget) or place.isEmpty():
            super().paint(p, opt, widget)
            return
        kept = self._kept
        if kept is None or kept[0] is not self.picture or (origin, place) != kept[1:3]:
            image = self._drawn(origin, place, device.devicePixelRatioF(), opt, widget)
            kept = self._kept = (self.picture, origin, place, image)
        p.save()
        p.resetTransform()
        p.drawPixmap(place.topLeft(), kept[3])
        p.restore()

    def _drawn(
        self, origin: QPointF, place: QRect, ratio: float, opt: Any, widget: QWidget | None
    ) -> QPixmap:
        image = QPixmap(place.size() * ratio)
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.translate(origin - QPointF(place.topLeft()))
        super().paint(painter, opt, widget)
        painter.end()
        return image


def _origin(painter: QPainter) -> QPointF:
    matrix = painter.transform()
    return QPointF(matrix.dx(), matrix.dy())


def axes() -> dict[str, Axis]:
    """Return the two axes a plot begins with."""
    return {"left": Axis("left"), "bottom": Axis("bottom")}
