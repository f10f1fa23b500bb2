"""The missingness map: which columns are seen together, and in how many rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QWidget

from em_explorer.em.arrays import Bools, Ints, freeze
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.wording import count

BAR = 76
"""Room for the bar and the number of rows at the right of the cells, px."""

IMPUTED = 2
"""The component color of everything imputed, and of EM's ellipse."""


@dataclass(frozen=True)
class Patterns:
    """The patterns of a table, the most frequent first.

    Attributes
    ----------
    observed : (P, D) bool
        True where the pattern sees the column.
    counts : (P,) int
        Rows with each pattern.
    which : (N,) int
        The pattern of each row.
    """

    observed: Bools
    counts: Ints
    which: Ints

    def __post_init__(self) -> None:
        freeze(self)


def find_patterns(observed: Bools) -> Patterns:
    """Group rows by which columns they show; among equal sizes, the fuller pattern first."""
    found, which, counts = np.unique(observed, axis=0, return_inverse=True, return_counts=True)
    order = np.lexsort((-found.sum(axis=1), -counts))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return Patterns(found[order], counts[order], place[which.ravel()])


class PatternMap(QWidget):
    """Rows are patterns, columns are variables, bars count the rows; click one to mark its rows.

    Signals
    -------
    picked(pattern)
        A pattern was chosen; −1 when the choice was taken back.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pattern_map")
        self.setAccessibleName("Missingness map: patterns of seen and missing columns")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.patterns: Patterns | None = None
        self.names: tuple[str, ...] = ()
        self.selected = -1
        theme_manager().changed.connect(self._restyle)

    def show_patterns(self, patterns: Patterns, names: tuple[str, ...]) -> None:
        """Show another table's patterns; ``names`` are the columns'."""
        self.patterns, self.names, self.selected = patterns, names, -1
        self._restyle()

    def select(self, pattern: int) -> None:
        """Choose a pattern, or −1 for none, and tell."""
        if pattern != self.selected:
            self.selected = pattern
            self.update()
            self.picked.emit(pattern)

    # -- sizes -------------------------------------------------------------------------------

    @property
    def row_height(self) -> int:
        """Height of one pattern, px."""
        return theme_manager().px(22)

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(ui_font(CAPTION))

    def _cell_width(self) -> float:
        return (self.width() - theme_manager().px(BAR)) / max(len(self.names), 1)

    def _upright(self) -> bool:
        """Whether every name fits above its column without turning."""
        room = self._cell_width() - 4
        return all(self._metrics().horizontalAdvance(name) <= room for name in self.names)

    @property
    def head_height(self) -> int:
        """Height of the names above the cells, px."""
        px = theme_manager().px
        if self._upright():
            return px(20)
        widest = max((self._metrics().horizontalAdvance(name) for name in self.names), default=0)
        return min(widest + px(8), px(112))

    def cell(self, pattern: int, column: int) -> QRectF:
        """Return where a cell is drawn."""
        width = self._cell_width()
        top = self.head_height + pattern * self.row_height
        return QRectF(column * width + 1, top + 2, width - 2, self.row_height - 4)

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        rows = 0 if self.patterns is None else len(self.patterns.counts)
        return QSize(theme_manager().px(200), self.head_height + rows * self.row_height + 2)

    def minimumSizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(theme_manager().px(140), self.sizeHint().height())

    def resizeEvent(self, event: object) -> None:
        """Names may turn when the width changes."""
        self.updateGeometry()

    def _restyle(self, *_: object) -> None:
        self.updateGeometry()
        self.update()

    # -- paint -------------------------------------------------------------------------------

    def cell_color(self, pattern: int, column: int) -> QColor:
        """Return the color of a cell: quiet where seen, the imputed points' where missing."""
        theme = theme_manager().current
        assert self.patterns is not None
        if self.patterns.observed[pattern, column]:
            return theme.color("secondary", 0.35)
        return theme.component(IMPUTED)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw names, cells, bars and numbers."""
        if self.patterns is None:
            return
        theme = theme_manager().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(CAPTION))
        self._paint_names(painter)
        most = self.patterns.counts.max()
        for p, n in enumerate(self.patterns.counts):
            top = self.head_height + p * self.row_height
            if p == self.selected:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("selection"))
                painter.drawRoundedRect(QRectF(0, top, self.width(), self.row_height), 4, 4)
            painter.setPen(Qt.PenStyle.NoPen)
            for d in range(len(self.names)):
                painter.setBrush(self.cell_color(p, d))
                painter.drawRoundedRect(self.cell(p, d), 3, 3)
            self._paint_count(painter, top, int(n), n / most)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("e"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()

    def _paint_names(self, painter: QPainter) -> None:
        painter.setPen(theme_manager().current.color("secondary"))
        upright, height, width = self._upright(), self.head_height, self._cell_width()
        for d, name in enumerate(self.names):
            if upright:
                box = QRectF(d * width, 0, width, height)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
                continue
            short = self._metrics().elidedText(name, Qt.TextElideMode.ElideRight, height - 6)
            painter.save()
            painter.translate((d + 0.5) * width, height - 4)
            painter.rotate(-90)
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, -10, height, 20), left, short)
            painter.restore()

    def _paint_count(self, painter: QPainter, top: int, n: int, share: float) -> None:
        theme, px = theme_manager().current, theme_manager().px
        left, words = self.width() - px(BAR) + px(6), f"{n:,}"
        room = px(BAR) - px(12) - self._metrics().horizontalAdvance("0,000")
        bar = QRectF(left, top + self.row_height / 2 - 3, max(room * share, 2), 6)
        painter.setBrush(theme.color("secondary", 0.6))
        painter.drawRoundedRect(bar, 2, 2)
        painter.setPen(theme.color("text"))
        box = QRectF(bar.right() + px(5), top, self.width() - bar.right(), self.row_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    # -- the hand ----------------------------------------------------------------------------

    def pattern_at(self, place: QPoint) -> int:
        """Return the pattern under a place, or −1."""
        row = (place.y() - self.head_height) // self.row_height
        known = self.patterns is not None and 0 <= row < len(self.patterns.counts)
        return row if known else -1

    def words_for(self, pattern: int) -> str:
        """Say what a pattern sees and misses."""
        assert self.patterns is not None
        seen = self.patterns.observed[pattern]
        missing = [name for name, there in zip(self.names, seen, strict=True) if not there]
        rows = count(int(self.patterns.counts[pattern]), "row")
        return f"{rows}: {'missing ' + ', '.join(missing) if missing else 'complete'}"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the pattern under the pointer; a second click takes it back."""
        row = self.pattern_at(event.position().toPoint())
        self.select(-1 if row == self.selected else row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down choose; up from the first takes the choice back."""
        rows = 0 if self.patterns is None else len(self.patterns.counts)
        if event.key() == Qt.Key.Key_Down and rows:
            self.select(min(self.selected + 1, rows - 1))
        elif event.key() == Qt.Key.Key_Up and rows:
            self.select(max(self.selected - 1, -1))
        else:
            super().keyPressEvent(event)

    def event(self, event: object) -> bool:
        """Say what a pattern is when the pointer rests on it."""
        if isinstance(event, QHelpEvent):
            row = self.pattern_at(event.pos())
            if row >= 0:
                QToolTip.showText(event.globalPos(), self.words_for(row), self, QRect())
            return True
        return bool(super().event(event))  # type: ignore[arg-type]


def scrolling(view: PatternMap) -> QScrollArea:
    """Return the map in a frame that scrolls when there are more patterns than room."""
    area = QScrollArea()
    area.setObjectName("pattern_list")
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(view)
    area.viewport().setAutoFillBackground(False)
    view.setAutoFillBackground(False)
    return area
