"""The chain as circles with arrows; the width of an arrow is its probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.inline_edit import InlineEdit

FAINTEST = 0.01
"""Arrows of less probability are left out."""

DIGITS = 3
"""Of a probability; one more would change an arrow by less than a hundredth of a pixel."""

MOST_STATES = 12
WIDEST = 9.0


class TransitionDiagram(QWidget):
    """States on a circle, an arrow for each transition, a loop for staying.

    Signals
    -------
    renamed(state, name)
    """

    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transition_diagram")
        self.setAccessibleName("Transition diagram: arrows as wide as their probability")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(150, 110)
        self.setToolTip("Arrows are as wide as their probability. Double-click a state to name it.")
        self.matrix: Floats = np.ones((1, 1))
        self.names: tuple[str, ...] = ("1",)
        self._editing = 0
        self._drawn: Any = None
        self.name_edit = InlineEdit("state_name_in_diagram", "Name of this state", self)
        self.name_edit.entered.connect(lambda text: self.renamed.emit(self._editing, text))

    def draw(self, matrix: Floats, names: tuple[str, ...]) -> None:
        """Show a matrix (K, K) and the states' names."""
        self.matrix, self.names = matrix, names
        theme = theme_manager()
        drawn = np.round(matrix, DIGITS).tobytes(), names, theme.current, theme.scale
        if drawn != self._drawn:
            self._drawn = drawn
            self.update()

    @property
    def radius(self) -> float:
        """Radius of a state's circle, px."""
        k = len(self.matrix)
        room = min(self.width(), 1.6 * self.height())
        return max(7.0, min(theme_manager().px(30), room / (5.0 + 3.0 * k)))

    def centers(self) -> list[QPointF]:
        """Return where the states are: beside each other for two, on a circle for more."""
        k, r = len(self.matrix), self.radius
        loop = 2.0 * r
        middle = QPointF(self.width() / 2.0, self.height() / 2.0)
        if k == 1:
            return [middle]
        across = max(self.width() / 2.0 - r - loop, r * 1.3)
        up = 0.0 if k == 2 else max(self.height() / 2.0 - r - loop * 0.8, r * 1.2)
        across = min(across, theme_manager().px(90) if k == 2 else 1.4 * max(up, 1.0))
        turn = math.pi if k == 2 else -math.pi / 2.0
        angles = [turn + 2.0 * math.pi * i / k for i in range(k)]
        return [middle + QPointF(across * math.cos(a), up * math.sin(a)) for a in angles]

    def paintEvent(self, _event: Any) -> None:
        """Paint arrows, then circles over their ends."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = theme_manager().current
        painter.fillRect(self.rect(), QColor(theme.panel))
        k = len(self.matrix)
        if k > MOST_STATES:
            painter.setPen(QColor(theme.secondary))
            text = f"With more than {MOST_STATES} states\nthe matrix shows it better."
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
            painter.end()
            return
        centers = self.centers()
        for i in range(k):
            for j in range(k):
                if self.matrix[i, j] >= FAINTEST:
                    self._paint_arrow(painter, centers, i, j)
        for i, center in enumerate(centers):
            self._paint_state(painter, center, i)
        painter.end()

    def _paint_state(self, painter: QPainter, center: QPointF, k: int) -> None:
        theme, r = theme_manager().current, self.radius
        painter.setPen(QPen(QColor(theme.panel), 2))
        painter.setBrush(theme.component(k))
        painter.drawEllipse(center, r, r)
        painter.setFont(ui_font(CAPTION, bold=True))
        painter.setPen(QColor("#FFFFFF" if theme.component(k).lightnessF() < 0.42 else "#10131A"))
        where = QRectF(center.x() - r, center.y() - r, 2 * r, 2 * r)
        named = self.names[k] != f"State {k + 1}"
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(k + 1))
        if named:
            painter.setPen(QColor(theme.text))
            width = theme_manager().px(90)
            below = QRectF(
                center.x() - width / 2, center.y() + r + 1, width, theme_manager().px(16)
            )
            text = painter.fontMetrics().elidedText(
                self.names[k], Qt.TextElideMode.ElideRight, width
            )
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_arrow(self, painter: QPainter, centers: list[QPointF], i: int, j: int) -> None:
        theme, r = theme_manager().current, self.radius
        p = float(self.matrix[i, j])
        width = max(0.8, WIDEST * p * min(theme_manager().scale, r / 14.0))
        color = theme.component(i)
        color.setAlphaF(0.35 + 0.45 * p)
        path = self._loop(centers, i) if i == j else self._curve(centers[i], centers[j])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawPath(path)
        # The head sits where the path ends and looks along its last part.
        tip, before = path.pointAtPercent(1.0), path.pointAtPercent(0.86)
        angle = math.atan2(tip.y() - before.y(), tip.x() - before.x())
        size = 4.0 + 0.9 * width
        base = tip - QPointF(math.cos(angle), math.sin(angle)) * size * 0.4
        side = QPointF(-math.sin(angle), math.cos(angle)) * size * 0.75
        point = base + QPointF(math.cos(angle), math.sin(angle)) * size
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(QPolygonF([base + side, point, base - side]))

    def _curve(self, start: QPointF, end: QPointF) -> QPainterPath:
        """Return an arc bent to the side, so that there and back do not overlap."""
        r = self.radius
        across = end - start
        length = math.hypot(across.x(), across.y()) or 1.0
        along = across / length
        side = QPointF(-along.y(), along.x())
        bend = side * min(0.28 * length, 1.1 * r)
        a = start + along * r * 0.75 + side * r * 0.55
        b = end - along * (r * 0.75 + 8.0) + side * r * 0.7
        path = QPainterPath(a)
        path.quadTo((start + end) / 2.0 + bend * 1.6, b)
        return path

    def _loop(self, centers: list[QPointF], i: int) -> QPainterPath:
        """Return a loop on the outer side of a state."""
        r, middle = self.radius, QPointF(self.width() / 2.0, self.height() / 2.0)
        out = centers[i] - middle
        angle = math.atan2(out.y(), out.x()) if len(centers) > 1 else -math.pi / 2.0

        def at(turn: float, distance: float) -> QPointF:
            return centers[i] + QPointF(math.cos(angle + turn), math.sin(angle + turn)) * distance

        path = QPainterPath(at(-0.55, r * 0.95))
        path.cubicTo(at(-0.62, 2.9 * r), at(0.62, 2.9 * r), at(0.5, r * 1.25))
        return path

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Name the state under the pointer."""
        for k, center in enumerate(self.centers()):
            gap = event.position() - center
            if math.hypot(gap.x(), gap.y()) <= self.radius:
                self._editing = k
                r = round(self.radius)
                where = QRect(round(center.x()) - 40, round(center.y()) - r, 80, 2 * r)
                self.name_edit.open_at(where, self.names[k])
