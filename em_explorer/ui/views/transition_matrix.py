"""The transition matrix: a cell per pair of states, colored by probability, open to the hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from em_explorer.em.arrays import Bools, Floats
from em_explorer.ui.theme import BODY, CAPTION, theme_manager, ui_font
from em_explorer.ui.views.inline_edit import InlineEdit
from em_explorer.ui.views.padlock import draw_padlock
from em_explorer.ui.wording import plain, probability

DRAG_PIXELS = 140.0
"""A drag this long goes from never to always."""

SMALLEST_DRAGGED = 0.001
"""A drag never makes a probability exactly zero: EM could not leave it again. Typing may."""

NOTED = 0.005
"""A smaller change of a probability is not marked."""

TEXT_FROM = 26
COUNT_FROM = 52


def renormalized_row(row: Floats, j: int, value: float) -> Floats:
    """Set one probability of a row; the others keep their ratios and share the rest.

    Parameters
    ----------
    row : (K,) float
        Sums to one.
    j : int
    value : float
        Between 0 and 1; always 1 where there is one state only.

    Returns
    -------
    (K,) float
        Sums to one.
    """
    new = np.array(row, dtype=float)
    if new.size == 1:
        return np.ones(1)
    others = np.arange(new.size) != j
    rest = new[others].sum()
    new[others] = (1 - value) * (new[others] / rest if rest > 0 else 1.0 / others.sum())
    new[j] = value
    return new / new.sum()


def theme_color(token: str) -> QColor:
    """Return a color of the present theme."""
    return theme_manager().current.color(token)


def times(count: float) -> str:
    """Write an expected count: with one decimal while that says something."""
    return f"{count:,.0f}" if count >= 100 else f"{count:.1f}"


@dataclass(frozen=True)
class CellLook:
    """All that can be seen of a cell; where none of it changes nothing is painted.

    Attributes
    ----------
    fill : int
        Its color and opacity.
    text, count : str
        The probability, and the expected transitions or nothing.
    change : int
        1 for "risen", −1 for "fallen", else 0.
    locked, marked : bool
        Held; under the pointer or in the hand.
    """

    fill: int
    text: str
    count: str
    change: int
    locked: bool
    marked: bool


class TransitionMatrix(QWidget):
    """A[i, j] = p(next state j | state i), rows are "from".

    Signals
    -------
    row_changed(state, row)
        A probability was dragged or typed; the row is renormalized.
    renamed(state, name)
    refused(sentence)
        What was typed is no probability.
    cell_asked(i, j, place), state_asked(i, place)
        A right-click on a cell, or on a state's name; the place on the screen.
    """

    row_changed = Signal(int, object)
    renamed = Signal(int, str)
    refused = Signal(str)
    cell_asked = Signal(int, int, object)
    state_asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transition_matrix")
        self.setAccessibleName("Transition matrix: row is the state now, column the next state")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(150, 110)
        self.matrix: Floats = np.ones((1, 1))
        self.counts: Floats | None = None
        self.before: Floats | None = None
        self.names: tuple[str, ...] = ("1",)
        self.locked: Bools = np.zeros((1, 1), dtype=bool)
        self.locked_first: Bools = np.zeros(1, dtype=bool)
        self._drag: tuple[int, int, float, float] | None = None
        self._editing: tuple[int, int] = (0, 0)
        self._hover: tuple[int, int] | None = None
        self._looks: list[CellLook] = []
        self._looks_of: Any = None
        self.number_edit = InlineEdit("transition_value", "Probability of this transition", self)
        self.name_edit = InlineEdit("state_name", "Name of this state", self)
        self.number_edit.entered.connect(self._on_number)
        self.name_edit.entered.connect(self._on_name)

    def draw(self, matrix: Floats, counts: Floats | None, names: tuple[str, ...]) -> None:
        """Show a matrix (K, K), the expected transitions (K, K) or None, and the states' names."""
        self.counts, self.names = counts, names
        if self._drag is None:
            self.matrix = matrix
        self._update_changed()

    def show_before(self, before: Floats | None) -> None:
        """Take the matrix before the M-step, (K, K), to mark what rose and what fell; or None."""
        self.before = before
        self._update_changed()

    def change(self, i: int, j: int) -> float:
        """Return how much a probability has changed in the M-step; 0 where nothing is marked."""
        if self.before is None or self.before.shape != self.matrix.shape:
            return 0.0
        change = float(self.matrix[i, j] - self.before[i, j])
        return change if abs(change) >= NOTED else 0.0

    def show_locks(self, cells: Bools, first: Bools) -> None:
        """Take which cells (K, K) are held, and which states' (K,) share of beginnings."""
        if not (np.array_equal(cells, self.locked) and np.array_equal(first, self.locked_first)):
            self.locked, self.locked_first = cells, first
            self.update()

    def _update_changed(self) -> None:
        """Have those cells painted that look another way than they were last asked to."""
        k = len(self.matrix)
        theme = theme_manager()
        whole = k, self.names, self.size(), theme.current, theme.scale
        looks = [self.look(i, j) for i in range(k) for j in range(k)]
        if whole != self._looks_of:
            self.update()
        else:
            for cell, (new, old) in enumerate(zip(looks, self._looks, strict=True)):
                if new != old:
                    self.update(self.cell_rect(*divmod(cell, k)).adjusted(-1, -1, 1, 1))
        self._looks, self._looks_of = looks, whole

    def look(self, i: int, j: int) -> CellLook:
        """Return what is to be seen of a cell."""
        p = float(self.matrix[i, j])
        fill = theme_manager().current.component(j)
        fill.setAlphaF(0.06 + 0.6 * p)
        held = self.locked.shape == self.matrix.shape and bool(self.locked[i, j])
        active = self._drag is not None and self._drag[:2] == (i, j)
        return CellLook(
            fill.rgba(),
            probability(p),
            "" if self.counts is None else f"{times(float(self.counts[i, j]))}×",
            int(np.sign(self.change(i, j))),
            held,
            active or self._hover == (i, j),
        )

    # -- geometry ----------------------------------------------------------------------------

    @property
    def _header(self) -> tuple[int, int]:
        px = theme_manager().px
        longest = max((len(name) for name in self.names), default=1)
        padlock = 14 if self.locked_first.any() else 0
        return px(20 + min(7 * longest, 62) + padlock), px(22)

    def cell_rect(self, i: int, j: int) -> QRect:
        """Return where a cell is drawn."""
        left, top = self._header
        k = len(self.matrix)
        width = min((self.width() - left) / k, theme_manager().px(160))
        height = min((self.height() - top) / k, theme_manager().px(96))
        x, y = left + j * width, top + i * height
        return QRect(round(x), round(y), round(width) - 2, round(height) - 2)

    def header_rect(self, i: int) -> QRect:
        """Return where the name of a row's state is drawn."""
        cell = self.cell_rect(i, 0)
        return QRect(0, cell.top(), self._header[0] - 4, cell.height())

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the cell under a point, or None."""
        k = len(self.matrix)
        for i in range(k):
            for j in range(k):
                if self.cell_rect(i, j).contains(point.toPoint()):
                    return i, j
        return None

    # -- painting ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the names and cells that are to be painted."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme_manager().current.panel))
        k, wanted = len(self.matrix), event.region()
        for i in range(k):
            place = self.header_rect(i)
            if wanted.intersects(place):
                self._paint_name(painter, place, i, right=True)
                if i < len(self.locked_first) and self.locked_first[i]:
                    side = theme_manager().px(11)
                    draw_padlock(painter, side, place.center().y(), side, theme_color("text"))
            cell = self.cell_rect(0, i)
            above = QRect(cell.left(), 0, cell.width(), self._header[1] - 4)
            if wanted.intersects(above):
                self._paint_name(painter, above, i, right=False)
            for j in range(k):
                if wanted.intersects(self.cell_rect(i, j).adjusted(-1, -1, 1, 1)):
                    self._paint_cell(painter, i, j)
        painter.end()

    def _paint_name(self, painter: QPainter, where: QRect, k: int, *, right: bool) -> None:
        theme = theme_manager().current
        dot = theme_manager().px(8)
        painter.setFont(ui_font(CAPTION))
        room = max(where.width() - dot - 6, 4)
        text = painter.fontMetrics().elidedText(self.names[k], Qt.TextElideMode.ElideRight, room)
        if text != self.names[k] and self.names[k] == f"State {k + 1}":
            text = str(k + 1)
        width = painter.fontMetrics().horizontalAdvance(text)
        x = where.right() - width if right else where.center().x() - (width - dot - 4) // 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.component(k))
        painter.drawEllipse(QRectF(x - dot - 4, where.center().y() - dot / 2 + 0.5, dot, dot))
        painter.setPen(QColor(theme.text))
        line = QRect(x, where.top(), width + 4, where.height())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_cell(self, painter: QPainter, i: int, j: int) -> None:
        theme, px = theme_manager().current, theme_manager().px
        rect, look = self.cell_rect(i, j), self.look(i, j)
        painter.setPen(
            QPen(QColor(theme.text), 1.5) if look.marked else QPen(theme.color("hairline"), 1)
        )
        painter.setBrush(QColor.fromRgba(look.fill))
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if look.locked:
            side = min(px(12), 0.4 * rect.height())
            x, y = rect.right() - 0.8 * side, rect.top() + 0.8 * side
            draw_padlock(painter, x, y, side, theme_color("text"))
        if min(rect.width() - 6, rect.height() + 6) < px(TEXT_FROM) - 6:
            return
        painter.setPen(QColor(theme.text))
        painter.setFont(ui_font(BODY, bold=i == j))
        room = min(rect.width(), rect.height())
        show_count = bool(look.count) and room >= px(COUNT_FROM - 10)
        where = rect.adjusted(0, 0, 0, -rect.height() // 3) if show_count else rect
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, look.text)
        if look.change and rect.width() >= px(2 * TEXT_FROM):
            half = painter.fontMetrics().horizontalAdvance(look.text) // 2
            painter.setFont(ui_font(CAPTION))
            painter.setPen(theme_manager().current.color("m_text"))
            beside = where.adjusted(where.width() // 2 + half + px(4), 0, 0, 0)
            arrow = "▲" if look.change > 0 else "▼"
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, arrow)
            painter.setPen(QColor(theme.text))
        if show_count:
            painter.setFont(ui_font(CAPTION))
            below = rect.adjusted(0, rect.height() // 2, 0, -2)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, look.count)

    # -- the hand ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a cell."""
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._drag = (*cell, event.position().y(), float(self.matrix[cell]))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask what can be done with a cell, or with a state."""
        cell = self.cell_at(QPointF(event.pos()))
        if cell is not None:
            self.cell_asked.emit(*cell, event.globalPos())
            return
        for i in range(len(self.matrix)):
            if self.header_rect(i).contains(event.pos()):
                self.state_asked.emit(i, event.globalPos())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Raise or lower the probability held."""
        if self._drag is None:
            self._hover = self.cell_at(event.position())
            over_cell = self._hover is not None
            self.setCursor(
                Qt.CursorShape.SizeVerCursor if over_cell else Qt.CursorShape.ArrowCursor
            )
            self.update()
            return
        i, j, y, before = self._drag
        value = before + (y - event.position().y()) / (DRAG_PIXELS * theme_manager().scale)
        value = float(np.clip(value, SMALLEST_DRAGGED, 1.0 - SMALLEST_DRAGGED))
        matrix = np.array(self.matrix)
        matrix[i] = renormalized_row(matrix[i], j, value)
        self.matrix = matrix
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go: EM starts anew from here if something changed."""
        if self._drag is None:
            return
        (i, j, _, before), self._drag = self._drag, None
        if abs(self.matrix[i, j] - before) > 1e-9:
            self.row_changed.emit(i, self.matrix[i])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Type a probability, or a state's name."""
        self._drag = None
        cell = self.cell_at(event.position())
        if cell is not None:
            self.edit_cell(*cell)
            return
        for i in range(len(self.matrix)):
            if self.header_rect(i).contains(event.position().toPoint()):
                self.edit_name(i)

    def edit_cell(self, i: int, j: int) -> None:
        """Open the editor of a cell."""
        self._editing = (i, j)
        self.number_edit.open_at(self.cell_rect(i, j), plain(float(self.matrix[i, j]), 3))

    def edit_name(self, i: int) -> None:
        """Open the editor of a state's name."""
        self._editing = (i, i)
        self.name_edit.open_at(self.header_rect(i), self.names[i])

    def _on_number(self, text: str) -> None:
        i, j = self._editing
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = np.nan
        if not text:
            return
        if not 0.0 <= value <= 1.0:
            self.refused.emit(f"“{text}” is no probability: type a number from 0 to 1.")
        elif abs(value - self.matrix[i, j]) > 1e-4:
            self.row_changed.emit(i, renormalized_row(self.matrix[i], j, value))

    def _on_name(self, text: str) -> None:
        self.renamed.emit(self._editing[0], text)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the cell under the pointer."""
        super().leaveEvent(event)
        self._hover = None
        self.update()

    def event(self, event: QEvent) -> bool:
        """Explain the cell under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if cell is None else self.tip(*cell), self)
            return True
        return super().event(event)

    def tip(self, i: int, j: int) -> str:
        """Say what a cell means."""
        then = "stays" if i == j else f"goes to {self.names[j]}"
        text = (
            f"From {self.names[i]} it {then} with probability {plain(float(self.matrix[i, j]), 4)}."
        )
        if self.counts is not None:
            text += (
                f"\nExpected transitions: {self.counts[i, j]:,.1f} of {self.counts[i].sum():,.1f}."
            )
        return text + "\nDrag up or down, or double-click, to start anew from another value."
