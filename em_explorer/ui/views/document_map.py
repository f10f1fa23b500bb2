"""The documents' topics as a map: a row per document, a column per topic."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.heat_map import (
    draw_symbol,
    draw_triangle,
    frame,
    ink,
    name_groups,
    share_pixels,
    to_image,
    topic_rgb,
)

FEWEST_ROWS = 8


class DocumentMap(QWidget):
    """A heat map of documents × topics; click a row for its document, a head for its topic.

    Signals
    -------
    document_picked(document)
    topic_picked(topic)

    Attributes
    ----------
    matrix : (D, K) float or None
        The proportions drawn, in the order of the rows.
    order : (D,) int
        The document in each row.
    """

    document_picked = Signal(int)
    topic_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("document_map")
        self.setAccessibleName("Heat map of documents by topics")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)
        self.matrix: Floats | None = None
        self.order: Ints = np.zeros(0, dtype=np.int64)
        self.names: tuple[str, ...] = ()
        self.n_topics = 1
        self.document = 0
        self.topic: int | None = None
        self.top: tuple[int, ...] = ()
        self.grouped = False
        self._groups: list[tuple[str, int, int]] = []
        self._first, self._last = 0, 1

    def show_documents(self, names: tuple[str, ...]) -> None:
        """Take other documents."""
        self.names = names
        self._groups = name_groups(names)
        self._first, self._last = 0, max(len(names), 1)
        self.order = np.arange(len(names))
        self.matrix = None
        self.update()

    @property
    def has_groups(self) -> bool:
        """Whether the names show that neighbors belong together (chapters of books)."""
        return bool(self._groups)

    def draw(
        self,
        doc_topic: Floats | None,
        n_topics: int,
        order: Ints | None,
        document: int,
        topic: int | None,
        top: tuple[int, ...],
    ) -> None:
        """Draw proportions.

        Parameters
        ----------
        doc_topic : (D, K) float or None
            None before the first E-step.
        n_topics : int
        order : (D,) int or None
            The document in each row; None leaves them as they come.
        document : int
            Which one is framed.
        topic : int or None
            Which column is framed.
        top : tuple of int
            Documents marked as that topic's strongest.
        """
        self.n_topics = n_topics
        self.grouped = order is not None
        self.order = np.arange(len(self.names)) if order is None else order
        self.matrix = None if doc_topic is None else doc_topic[self.order]
        self.document, self.topic, self.top = document, topic, top
        self.update()

    # -- geometry ----------------------------------------------------------------------------

    def cells(self) -> QRect:
        """Return where the cells are."""
        px = theme_manager().px
        left = px(94) if self._groups and not self.grouped else px(14)
        top = px(24)
        return QRect(left, top, self.width() - left - px(14), self.height() - top - px(6))

    def row_at(self, y: float) -> int:
        """Return the row at a height."""
        cells = self.cells()
        share = (y - cells.top()) / max(cells.height(), 1)
        row = self._first + int(share * (self._last - self._first))
        return max(self._first, min(row, self._last - 1))

    def row_top(self, row: float) -> float:
        """Return the height at which a row begins."""
        cells = self.cells()
        return cells.top() + (row - self._first) / (self._last - self._first) * cells.height()

    def column_at(self, x: float) -> int:
        """Return the topic at a place across."""
        cells = self.cells()
        share = (x - cells.left()) / max(cells.width(), 1)
        return max(0, min(int(share * self.n_topics), self.n_topics - 1))

    # -- painting ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw cells, heads, groups and marks."""
        theme = theme_manager().current
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("panel"))
        painter.setFont(ui_font(CAPTION))
        cells = self.cells()
        self._draw_heads(painter, cells)
        if self.matrix is None:
            painter.setPen(theme.color("secondary"))
            painter.drawText(
                QRectF(cells).adjusted(8, 0, -8, 0),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                "Not read yet:\nthe E-step will fill this in.",
            )
            frame(painter, QRectF(cells), theme.hairline)
            painter.end()
            return
        rows = self.matrix[self._first : self._last]
        # A square root lets the eye see small shares too.
        values = np.sqrt(share_pixels(rows, max(cells.height(), 1)))
        painter.drawImage(cells, to_image(ink(values, topic_rgb(self.n_topics))))
        frame(painter, QRectF(cells), theme.hairline)
        if self._groups and not self.grouped:
            self._draw_groups(painter, cells)
        self._draw_marks(painter, cells)
        painter.end()

    def _draw_heads(self, painter: QPainter, cells: QRect) -> None:
        px = theme_manager().px
        width = cells.width() / self.n_topics
        for k in range(self.n_topics):
            x = cells.left() + (k + 0.5) * width
            if width >= px(22):
                draw_symbol(painter, k, x - px(6), px(12), px(8))
                x += px(6)
            if width >= px(14) or k % 5 == 4:
                box = QRectF(x - px(14), 0, px(28), px(24))
                painter.setPen(theme_manager().current.color("text"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(k + 1))

    def _draw_groups(self, painter: QPainter, cells: QRect) -> None:
        theme = theme_manager().current
        for name, first, last in self._groups:
            top = max(self.row_top(first), cells.top())
            bottom = min(self.row_top(last), cells.bottom() + 1)
            if bottom - top < theme_manager().px(8):
                continue
            if first > self._first:
                painter.setPen(QPen(theme.color("secondary"), 1))
                painter.drawLine(0, round(top), cells.right(), round(top))
            painter.setPen(theme.color("secondary"))
            box = QRectF(2, top, cells.left() - theme_manager().px(16), bottom - top)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(box, flags | Qt.TextFlag.TextWordWrap, name)

    def _draw_marks(self, painter: QPainter, cells: QRect) -> None:
        theme, px = theme_manager().current, theme_manager().px
        if self.topic is not None and self.topic < self.n_topics:
            width = cells.width() / self.n_topics
            column = QRectF(cells.left() + self.topic * width, cells.top(), width, cells.height())
            frame(painter, column, theme.component(self.topic), 1.5)
            painter.setPen(theme.component(self.topic))
            places = np.argsort(self.order)
            for d in self.top:
                row = int(places[d])
                if self._first <= row < self._last:
                    y = round(0.5 * (self.row_top(row) + self.row_top(row + 1)))
                    painter.drawLine(cells.right() + 2, y, cells.right() + px(11), y)
        row = int(np.flatnonzero(self.order == self.document)[0]) if len(self.order) else 0
        if self._first <= row < self._last:
            top, bottom = self.row_top(row), self.row_top(row + 1)
            box = QRectF(cells.left(), top, cells.width(), max(bottom - top, 3))
            frame(painter, box, theme.text)
            painter.setPen(theme.color("text"))
            painter.save()
            painter.translate(cells.left() - px(7), 0.5 * (top + bottom))
            painter.rotate(90)
            draw_triangle(painter, True, 0, 0, px(8))
            painter.restore()

    # -- the hand ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the row's document, or the head's topic."""
        if event.button() != Qt.MouseButton.LeftButton or not len(self.order):
            return
        place = event.position()
        if place.y() < self.cells().top():
            self.topic_picked.emit(self.column_at(place.x()))
        else:
            self.document_picked.emit(int(self.order[self.row_at(place.y())]))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Run over the documents with the button held; else tell what is under the pointer."""
        place = event.position()
        if place.y() < self.cells().top() or not len(self.order):
            return
        document = int(self.order[self.row_at(place.y())])
        if event.buttons() & Qt.MouseButton.LeftButton:
            if document != self.document:
                self.document_picked.emit(document)
        elif self.matrix is not None:
            shares = self.matrix[self.row_at(place.y())]
            best = np.argsort(-shares, kind="stable")[:3]
            lines = [f"topic {k + 1}: {100 * shares[k]:.0f} %" for k in best if shares[k] >= 0.005]
            text = "\n".join([self.names[document], *lines])
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the document above or below."""
        move = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if move is None or not len(self.order):
            super().keyPressEvent(event)
            return
        row = int(np.flatnonzero(self.order == self.document)[0]) + move
        if 0 <= row < len(self.order):
            self.document_picked.emit(int(self.order[row]))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Look closer at the rows under the pointer, or step back."""
        n = len(self.order)
        if n <= FEWEST_ROWS or not event.angleDelta().y():
            event.ignore()
            return
        center = self.row_at(event.position().y())
        shown = self._last - self._first
        wanted = shown / 1.4 if event.angleDelta().y() > 0 else shown * 1.4
        rows = max(FEWEST_ROWS, min(round(wanted), n))
        share = (center - self._first) / shown
        self._first = max(0, min(round(center - share * rows), n - rows))
        self._last = self._first + rows
        event.accept()
        self.update()
