"""Topics as pictures, where words are pixels."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.heat_map import (
    draw_symbol,
    draw_triangle,
    frame,
    ink,
    rgb_of,
    to_image,
)
from em_explorer.ui.views.padlock import draw_padlock
from em_explorer.ui.views.topic_words import Renamer, topic_name

LARGEST_IMAGE = 150
"""Pictures grow no larger than this, px."""


class TopicImages(QWidget):
    """One picture per topic; a pixel as dark as it is likely.

    Signals
    -------
    topic_picked(topic)
    renamed(topic, name)
    asked(topic, place)
        A right-click; the place on the screen.

    Attributes
    ----------
    images : (K, rows, columns) float
        The probabilities drawn.
    """

    topic_picked = Signal(int)
    renamed = Signal(int, str)
    asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topic_images")
        self.setAccessibleName("Topics as pictures")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.images: Floats = np.zeros((1, 1, 1))
        self.trend: Ints = np.zeros((1, 1, 1), dtype=np.int64)
        self.names: dict[int, str] = {}
        self.topic: int | None = None
        self.locked: frozenset[int] = frozenset()
        self.shares: Floats | None = None
        self.recovered: Bools = np.zeros(1, dtype=bool)
        self.renamer = Renamer(self, self.renamed.emit)

    def draw(
        self,
        images: Floats,
        shares: Floats | None,
        trend: Ints,
        recovered: Bools,
        names: dict[int, str],
        topic: int | None,
    ) -> None:
        """Draw (K, rows, columns) probabilities with signs of rise and fall.

        A check mark stands behind topics that are ``recovered``: they match a true one.
        """
        self.images, self.shares, self.trend = images, shares, trend
        self.recovered, self.names, self.topic = recovered, names, topic
        self.update()

    # -- geometry ----------------------------------------------------------------------------

    def grid(self) -> tuple[int, float, float, float]:
        """Return the number of columns, a cell's width and height, and a picture's side; px."""
        n, label = len(self.images), self._label
        best = (1, 1.0, 1.0, 0.0)
        for columns in range(1, n + 1):
            rows = -(-n // columns)
            width, height = self.width() / columns, self.height() / rows
            limit = theme_manager().px(LARGEST_IMAGE)
            side = min(width - theme_manager().px(14), height - label, limit)
            if side > best[3] + 0.5:
                best = (columns, width, height, side)
        columns, width, height, side = best
        return columns, width, min(height, side + label), side

    @property
    def _label(self) -> int:
        return theme_manager().px(30)

    def image_rect(self, topic: int) -> QRect:
        """Return where a topic's picture is."""
        columns, width, height, side = self.grid()
        row, column = divmod(topic, columns)
        left = column * width + 0.5 * (width - side)
        rows, across = self.images.shape[1:]
        unit = max(int(side // max(rows, across)), 1)
        top = row * height + theme_manager().px(4)
        return QRect(round(left), round(top), unit * across, unit * rows)

    def topic_at(self, place: QPointF) -> int | None:
        """Return the topic at a place, if there is one."""
        columns, width, height, _ = self.grid()
        column, row = int(place.x() / width), int(place.y() / height)
        k = row * columns + column
        return k if 0 <= column < columns and 0 <= k < len(self.images) else None

    # -- painting ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every picture with its label."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme_manager().current.color("panel"))
        for k in range(len(self.images)):
            self._draw_topic(painter, k)
        painter.end()

    def _draw_topic(self, painter: QPainter, k: int) -> None:
        theme, px = theme_manager().current, theme_manager().px
        place = self.image_rect(k)
        color = rgb_of(theme.component(k))
        # A line across the picture would have this probability in each of its pixels.
        line = 1.0 / max(self.images.shape[1:])
        painter.drawImage(place, to_image(ink(self.images[k] / line, color)))
        chosen = k == self.topic
        frame(painter, QRectF(place), theme.text if chosen else theme.border, 2 if chosen else 1)
        self._draw_trend(painter, place, self.trend[k])
        y = place.bottom() + px(12)
        if k in self.locked:
            draw_padlock(painter, place.right() - px(6), y, px(11), theme.color("text"))
        draw_symbol(painter, k, place.left() + px(6), y, px(9))
        painter.setFont(ui_font(CAPTION, bold=chosen))
        painter.setPen(theme.color("text"))
        room = place.width() - px(16)
        words = self.label(k, painter.fontMetrics(), room)
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)
        box = QRectF(place.left() + px(16), y - px(9), room, px(18))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        if self.shares is not None:
            # Full width is three times an equal share: pictures of one size can be compared.
            share = min(float(self.shares[k]) * len(self.images) / 3.0, 1.0)
            line_box = QRectF(place.left(), y + px(10), share * place.width(), px(2))
            painter.fillRect(line_box, theme.component(k))

    def label(self, k: int, metrics: QFontMetrics, room: int) -> str:
        """Return what stands below a picture; only the number where "Topic 10 ✓" has no room."""
        words, mark = topic_name(self.names, k), " ✓" if self.recovered[k] else ""
        taken = theme_manager().px(16) if k in self.locked else 0
        if k not in self.names and metrics.horizontalAdvance(words + mark) > room - taken:
            words = str(k + 1)
        return words + mark

    def _draw_trend(self, painter: QPainter, place: QRect, trend: Ints) -> None:
        theme = theme_manager().current
        rows, columns = trend.shape
        width, height = place.width() / columns, place.height() / rows
        painter.setPen(theme.color("text"))
        size = min(0.42 * width, theme_manager().px(9))
        if size < 3:
            return
        for i, j in zip(*np.nonzero(trend), strict=True):
            x, y = place.left() + (j + 0.5) * width, place.top() + (i + 0.5) * height
            draw_triangle(painter, bool(trend[i, j] > 0), x, y, size)

    # -- the hand ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick a topic."""
        k = self.topic_at(event.position())
        if k is not None and event.button() == Qt.MouseButton.LeftButton:
            self.topic_picked.emit(k)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask what can be done with a topic."""
        k = self.topic_at(QPointF(event.pos()))
        if k is not None:
            self.asked.emit(k, event.globalPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename a topic."""
        k = self.topic_at(event.position())
        if k is not None:
            place = self.image_rect(k)
            px = theme_manager().px
            edit = QRect(place.left(), place.bottom() + 2, max(place.width(), px(72)), px(24))
            self.renamer.open(k, topic_name(self.names, k), edit)
