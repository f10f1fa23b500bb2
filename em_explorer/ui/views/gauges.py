"""Gauges of what may run out: points of a component, the width of a covariance."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from em_explorer.em.anatomy import Gauge
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.wording import plain

LINE = 20
LABELS, VALUES = 116, 60
MOST = 12
"""Gauges drawn at most; of more, those nearest to failing."""

LOWEST = 1e-9
"""Where the axis of an eigenvalue begins, unless it fails earlier."""


def level(gauge: Gauge) -> float:
    """Return how full a gauge is, 0 to 1: eigenvalues by their order of magnitude."""
    if not math.isfinite(gauge.value):
        return 0.0
    if gauge.kind != "eigenvalue":
        return min(max(gauge.value / gauge.full, 0.0), 1.0) if gauge.full > 0 else 0.0
    return _magnitude(gauge, gauge.value)


def warning_level(gauge: Gauge) -> float:
    """Return where on the gauge the warning begins, 0 to 1."""
    if gauge.kind != "eigenvalue":
        return min(gauge.warn / gauge.full, 1.0) if gauge.full > 0 else 0.0
    return _magnitude(gauge, gauge.warn)


def _magnitude(gauge: Gauge, value: float) -> float:
    low = math.log10(LOWEST)
    high = math.log10(max(gauge.full, 10 * LOWEST))
    return min(max((math.log10(max(value, 1e-300)) - low) / (high - low), 0.0), 1.0)


def worst_first(gauges: tuple[Gauge, ...]) -> tuple[Gauge, ...]:
    """Return all gauges in their order, or of too many those that are lowest."""
    if len(gauges) <= MOST:
        return gauges
    low = sorted(range(len(gauges)), key=lambda i: level(gauges[i]) - warning_level(gauges[i]))
    return tuple(gauges[i] for i in sorted(low[:MOST]))


class GaugeRows(QWidget):
    """Gauges under each other, with the mark below which they warn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gauges")
        self.setAccessibleName("Gauges")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.gauges: tuple[Gauge, ...] = ()
        theme_manager().changed.connect(self.updateGeometry)

    def show_gauges(self, gauges: tuple[Gauge, ...]) -> None:
        """Draw other values."""
        chosen = worst_first(gauges)
        changed = len(chosen) != len(self.gauges)
        self.gauges = chosen
        words = "; ".join(f"{g.label} {plain(g.value, 3)} {g.unit}" for g in chosen)
        self.setAccessibleDescription(words)
        if changed:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of all gauges."""
        px = theme_manager().px
        return QSize(px(248), px(LINE) * len(self.gauges))

    def minimumSizeHint(self) -> QSize:
        """Return the height of all gauges; the width may shrink."""
        return QSize(theme_manager().px(200), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw words, gauges and numbers."""
        px = theme_manager().px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(CAPTION))
        for i, gauge in enumerate(self.gauges):
            self._paint_gauge(painter, gauge, QRectF(0, i * px(LINE), self.width(), px(LINE)))
        painter.end()

    def _paint_gauge(self, painter: QPainter, gauge: Gauge, line: QRectF) -> None:
        theme, px = theme_manager().current, theme_manager().px
        low = gauge.value < gauge.warn
        painter.setPen(theme.color("warning" if low else "secondary"))
        middle = Qt.AlignmentFlag.AlignVCenter
        words = QRectF(0, line.top(), px(LABELS) - 6, line.height())
        elide = Qt.TextElideMode.ElideRight
        short = gauge.label.replace("smallest", "min")
        label = painter.fontMetrics().elidedText(short, elide, int(words.width()))
        painter.drawText(words, int(middle), label)
        numbers = QRectF(line.right() - px(VALUES), line.top(), px(VALUES), line.height())
        painter.setPen(theme.color("warning" if low else "text"))
        painter.drawText(numbers, int(middle | Qt.AlignmentFlag.AlignRight), plain(gauge.value, 3))
        left, right = px(LABELS), line.right() - px(VALUES)
        track = QRectF(left, line.center().y() - 3, right - left, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("hairline"))
        painter.drawRoundedRect(track, 3, 3)
        color = theme.color("secondary") if gauge.part is None else theme.component(gauge.part)
        painter.setBrush(theme.color("failure") if low else color)
        filled = QRectF(track)
        filled.setWidth(max(track.width() * level(gauge), 2.0))
        painter.drawRoundedRect(filled, min(3.0, filled.width() / 2), 3)
        x = left + track.width() * warning_level(gauge)
        painter.setPen(QPen(theme.color("warning"), 1.5))
        painter.drawLine(round(x), round(track.top() - 3), round(x), round(track.bottom() + 3))

    def event(self, event: QEvent) -> bool:
        """Explain the gauge under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            i = event.pos().y() // theme_manager().px(LINE)
            if 0 <= i < len(self.gauges):
                QToolTip.showText(event.globalPos(), explained(self.gauges[i]), self)
            return True
        return super().event(event)


def explained(gauge: Gauge) -> str:
    """Say what a gauge shows and where it warns."""
    unit = f" {gauge.unit}" if gauge.unit else ""
    scale = ", drawn by order of magnitude" if gauge.kind == "eigenvalue" else ""
    return (
        f"{gauge.label}: {plain(gauge.value, 4)}{unit}{scale}. Below the mark at "
        f"{plain(gauge.warn, 3)} it is a reason to look."
    )
