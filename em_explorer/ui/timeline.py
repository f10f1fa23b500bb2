"""The timeline: a slider over every half-step so far, with a tick per E-step and M-step."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from em_explorer.ui.theme import theme_manager

MARGIN = 10
MOST_TICKS = 400


class Timeline(QAbstractSlider):
    """Scrub over the half-steps; index 0 is the start, odd ones are E-steps, even ones M-steps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline of half-steps")
        self.setToolTip("Every half-step so far. Drag to travel in time.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setSingleStep(1)
        self.setPageStep(2)
        self.setRange(0, 0)
        theme_manager().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a full row's height."""
        return QSize(200, theme_manager().px(28))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(120, theme_manager().px(28))

    def x_of(self, index: float) -> float:
        """Return where a half-step is drawn, px."""
        # At least 12 half-steps wide, so that the first few don't leap across the screen.
        span = max(self.maximum(), 12)
        return MARGIN + (self.width() - 2 * MARGIN) * index / span

    def index_at(self, x: float) -> int:
        """Return the half-step nearest to a position, px."""
        span = max(self.maximum(), 12)
        share = (x - MARGIN) / max(self.width() - 2 * MARGIN, 1)
        return max(0, min(round(share * span), self.maximum()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go where the press is."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self.index_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the drag."""
        if self.isSliderDown():
            self.setSliderPosition(self.index_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag."""
        self.setSliderDown(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the track, a tick per half-step in its phase's color, and the handle."""
        theme = theme_manager().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        left, right = self.x_of(0), self.width() - MARGIN
        painter.setPen(QPen(theme.color("hairline"), 2))
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        newest, here = self.x_of(self.maximum()), self.x_of(self.value())
        painter.setPen(QPen(theme.color("border"), 2))
        painter.drawLine(QPointF(left, middle), QPointF(newest, middle))
        self._paint_ticks(painter, middle)
        phase = "" if self.value() == 0 else "E" if self.value() % 2 else "M"
        color = theme.phase_color(phase)
        painter.setPen(QPen(theme.color("panel"), 2))
        painter.setBrush(color)
        painter.drawEllipse(QPointF(here, middle), 7.0, 7.0)
        if self.hasFocus():
            painter.setPen(QPen(color, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(here, middle), 10.0, 10.0)

    def _paint_ticks(self, painter: QPainter, middle: float) -> None:
        # Past a few hundred the ticks would be a bar: draw every so manyth pair.
        theme = theme_manager().current
        every = max(1, -(-self.maximum() // MOST_TICKS))
        painter.setPen(Qt.PenStyle.NoPen)
        for phase, first, height in (("E", 1, 10.0), ("M", 2, 6.0)):
            painter.setBrush(theme.phase_color(phase))
            for index in range(first, self.maximum() + 1, 2 * every):
                painter.drawRect(QRectF(self.x_of(index) - 1, middle - height / 2, 2, height))
