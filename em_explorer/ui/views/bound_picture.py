"""The picture of one EM step: the likelihood, and the bound that touches it from below."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.line import BoundLine
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.wording import plain, signed

SMALL, LARGE = QSize(248, 108), QSize(420, 280)
"""Sizes in the panel and enlarged, px."""

DEPTH = 1.4
"""How far below the step's start is drawn, as a share of what it climbs."""

NOISE = 1e-12
"""A climb of less than this share of the objective is rounding."""

MOST_DECIMALS = 4
"""Heights with more decimals are written as powers of ten."""


@dataclass(frozen=True)
class BoundView:
    """What is drawn.

    Attributes
    ----------
    line : BoundLine or None
    phase : str
        "E": the cursor is where the bound touches; "M": at its top.
    message : str
        Shown where there is no line.
    """

    line: BoundLine | None
    phase: str
    message: str = ""


class BoundPicture(QWidget):
    """Two curves along the step, from half a step before it to one beyond.

    Signals
    -------
    clicked()
    """

    clicked = Signal()

    def __init__(self, name: str, size: QSize = SMALL, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("The bound and the likelihood along this step")
        self.large = size == LARGE
        self._size = size
        self.view = BoundView(None, "", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if not self.large:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme_manager().changed.connect(self.updateGeometry)

    def show_view(self, view: BoundView) -> None:
        """Draw another step."""
        self.view = view
        self.setAccessibleDescription(self.gap_text() or view.message)
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the design."""
        px = theme_manager().px
        return QSize(px(self._size.width()), px(self._size.height()))

    def minimumSizeHint(self) -> QSize:
        """Return the height of the design; the width may shrink."""
        return QSize(theme_manager().px(160), self.sizeHint().height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell of a click."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take Return for a click."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def gap_text(self) -> str:
        """Say how wide the gap is at the bound's top; "" where it is not known."""
        line = self.view.line
        if line is None or line.log_likelihood is None:
            return ""
        top = int(np.argmin(np.abs(line.s - 1.0)))
        gap = line.log_likelihood[top] - line.bound[top]
        return f"gap {plain(float(max(gap, 0.0)), 3)}" if np.isfinite(gap) else ""

    def places(self) -> tuple[str, str]:
        """Name the parameters at both ends of the step: now, and what comes or was before."""
        return ("θ before", "θ now") if self.view.phase == "M" else ("θ now", "θ after M")

    # -- painting ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the curves, or say why there are none."""
        manager = theme_manager()
        theme, px = manager.current, manager.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(CAPTION))
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(theme.color("hairline"), 1))
        painter.setBrush(theme.color("panel"))
        painter.drawRoundedRect(frame, 6, 6)
        line, scale = self.view.line, None
        if line is not None:
            margin = px(56) if self.large else px(8)
            plot = frame.adjusted(margin, px(14), -px(10), -px(20))
            scale = _Scale.of(line, plot)
        if line is None or scale is None:
            words = self.view.message if line is None else "θ stands still: nothing to draw"
            painter.setPen(theme.color("secondary"))
            inside = frame.adjusted(px(12), px(8), -px(12), -px(8))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside, int(flags), words)
        else:
            self._paint_axes(painter, scale)
            self._paint_curves(painter, line, scale)
            self._paint_marks(painter, line, scale)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("e"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame, 6, 6)
        painter.end()

    def _paint_axes(self, painter: QPainter, scale: _Scale) -> None:
        theme, px = theme_manager().current, theme_manager().px
        plot = scale.plot
        for s, words in zip((0.0, 1.0), self.places(), strict=True):
            x = scale.x(s)
            painter.setPen(QPen(theme.color("border"), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(theme.color("secondary"))
            box = QRectF(x - px(50), plot.bottom() + 1, px(100), px(18))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
        if not self.large:
            return
        for rise, words in ticks(scale.high - scale.start):
            y = scale.y(scale.start + rise)
            painter.setPen(QPen(theme.color("hairline"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.color("secondary"))
            box = QRectF(0, y - px(9), plot.left() - 6, px(18))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, int(flags), words)

    def _paint_curves(self, painter: QPainter, line: BoundLine, scale: _Scale) -> None:
        theme = theme_manager().current
        painter.save()
        painter.setClipRect(scale.plot.adjusted(0, -4, 0, 0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        width = 2.2 if self.large else 1.8
        painter.setPen(QPen(theme.color("e"), width))
        painter.drawPath(scale.path(line.s, line.bound))
        if line.log_likelihood is not None:
            painter.setPen(QPen(theme.color("text"), width))
            painter.drawPath(scale.path(line.s, line.log_likelihood))
        painter.restore()

    def _paint_marks(self, painter: QPainter, line: BoundLine, scale: _Scale) -> None:
        theme, px = theme_manager().current, theme_manager().px
        at = 0.0 if self.view.phase == "E" else 1.0
        i = int(np.argmin(np.abs(line.s - at)))
        top = int(np.argmin(np.abs(line.s - 1.0)))
        x = scale.x(1.0)
        if line.log_likelihood is not None and np.isfinite(line.log_likelihood[top]):
            high, low = scale.y(line.log_likelihood[top]), scale.y(line.bound[top])
            if self.view.phase == "M" and low - high > 2:
                painter.setPen(QPen(theme.color("warning"), 3))
                painter.drawLine(QPointF(x, high), QPointF(x, low))
                painter.setPen(theme.color("warning"))
                where = QRectF(x + 6, (high + low) / 2 - px(9), px(110), px(18))
                if not self.large:  # beside it the curves leave no room
                    where = QRectF(x - px(55), low + px(8), px(110), px(14))
                flags = (
                    Qt.AlignmentFlag.AlignVCenter if self.large else Qt.AlignmentFlag.AlignCenter
                )
                painter.drawText(where, int(flags), self.gap_text())
        if np.isfinite(line.bound[i]):
            painter.setPen(QPen(theme.color("panel"), 2))
            painter.setBrush(theme.phase_color(self.view.phase))
            radius = 6.0 if self.large else 5.0
            painter.drawEllipse(QPointF(scale.x(at), scale.y(line.bound[i])), radius, radius)
        self._paint_names(painter, line, scale)

    def _paint_names(self, painter: QPainter, line: BoundLine, scale: _Scale) -> None:
        theme, px = theme_manager().current, theme_manager().px
        names = [("bound F", "e_text")]
        if line.log_likelihood is not None:
            names.insert(0, ("log p(X | θ)", "text"))
        left = scale.plot.left() + 4
        for i, (words, token) in enumerate(names):
            box = QRectF(left, scale.plot.top() - px(12) + i * px(14), px(72), px(16))
            width = painter.fontMetrics().horizontalAdvance(words)
            painter.fillRect(QRectF(left - 2, box.top(), width + 4, px(15)), theme.color("panel"))
            painter.setPen(theme.color(token))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), words)


def ticks(span: float) -> tuple[tuple[float, str], ...]:
    """Return round heights from 0 up to a span, at least two of them above 0, with their words."""
    power = 10.0 ** math.floor(math.log10(span))
    step = next(f * power for f in (5.0, 2.0, 1.0, 0.5, 0.2) if span >= 2.0 * f * power)
    decimals = max(0, -math.floor(math.log10(step)))
    found = [(0.0, "0 nats")]
    for i in range(1, int(span / step) + 1):
        rise = i * step
        fits = decimals <= MOST_DECIMALS
        found.append((rise, f"+{rise:.{decimals}f}" if fits else signed(rise, 3)))
    return tuple(found)


def connected(s: Floats, inside: Bools) -> tuple[int, int]:
    """Return the first and the last place of the stretch that holds the step, 0 ≤ s ≤ 1."""
    left, right = int(np.argmin(np.abs(s))), int(np.argmin(np.abs(s - 1.0)))
    before, after = np.flatnonzero(~inside[:left]), np.flatnonzero(~inside[right:])
    first = int(before[-1]) + 1 if before.size else 0
    return first, right + int(after[0]) - 1 if after.size else len(s) - 1


@dataclass(frozen=True)
class _Scale:
    """From s and nats to pixels; ``start`` is the objective at s = 0."""

    plot: QRectF
    s: tuple[float, float]
    low: float
    high: float
    start: float

    @classmethod
    def of(cls, line: BoundLine, plot: QRectF) -> _Scale | None:
        """Choose the range; None where there is nothing but rounding."""
        curves = [line.bound] if line.log_likelihood is None else [line.bound, line.log_likelihood]
        values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
        start = float(line.bound[int(np.argmin(np.abs(line.s)))])
        if not values.size or not np.isfinite(start):
            return None
        high = float(values.max())
        climb = high - start
        if climb <= NOISE * (1.0 + abs(start)):
            return None
        low = max(float(values.min()), start - DEPTH * climb)
        room = 0.06 * (high - low)
        s = float(line.s[0]), float(line.s[-1])
        return cls(plot, s, low, high + room, start)

    def x(self, s: float) -> float:
        """Return where s is drawn, px."""
        share = (s - self.s[0]) / (self.s[1] - self.s[0])
        return self.plot.left() + share * self.plot.width()

    def y(self, value: float) -> float:
        """Return where a value is drawn, px; not so far out that the painter would mind."""
        share = (value - self.low) / (self.high - self.low)
        return self.plot.bottom() - float(np.clip(share, -20.0, 20.0)) * self.plot.height()

    def path(self, s: Floats, values: Floats) -> QPainterPath:
        """Return a curve, broken where a value is missing.

        Where it has plunged out of the picture it ends: beyond such a fall it would come back in
        specks at the lower edge.
        """
        path, pen_down = QPainterPath(), False
        first, last = connected(s, values >= self.low)
        part = slice(max(first - 1, 0), last + 2)
        for at, value in zip(s[part], values[part], strict=True):
            if not np.isfinite(value):
                pen_down = False
                continue
            point = QPointF(self.x(float(at)), self.y(float(value)))
            if pen_down:
                path.lineTo(point)
            else:
                path.moveTo(point)
            pen_down = True
        return path
