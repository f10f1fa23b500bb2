"""Axes that write a true minus sign, and are drawn anew only when they change."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from em_explorer.ui.theme import theme_manager

LARGE = 10_000.0

ROOM_FOR_LABEL = 12
"""Tick labels above each other are no closer than this, px."""


class Axis(pg.AxisItem):
    """An axis whose negative numbers wear a minus, not a hyphen, as all other numbers here do.

    On the screen it is copied from a picture of itself: drawing its text and grid again in every
    frame would cost as much as all that moves.
    """

    _kept: tuple[Any, QPointF, QRect, QPixmap] | None = None

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks, each with the decimals that tell it from the next."""
        labels = super().tickStrings(values, scale, spacing)
        # pyqtgraph writes six digits of a large number, which may be too few.
        if spacing * scale < 1 and any(LARGE <= abs(v * scale) < 1e9 for v in values):
            places = math.ceil(-math.log10(spacing * scale))
            labels = [f"{v * scale:.{places}f}" for v in values]
        return [label.replace("-", "−") for label in labels]

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        """Return how far apart the ticks are; those of a low plot far enough to be read."""
        levels = super().tickSpacing(minVal, maxVal, size)
        if self.orientation not in ("left", "right") or not levels or maxVal <= minVal:
            return levels
        (spacing, offset), *finer = levels
        least = theme_manager().px(ROOM_FOR_LABEL) * (maxVal - minVal) / max(size, 1.0)
        return [(max(spacing, coarse(least)), offset), *finer]

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


def coarse(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not less than ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= least)


def _origin(painter: QPainter) -> QPointF:
    matrix = painter.transform()
    return QPointF(matrix.dx(), matrix.dy())


def axes() -> dict[str, Axis]:
    """Return the two axes a plot begins with."""
    return {"left": Axis("left"), "bottom": Axis("bottom")}
