"""A map of the topics over telling words: one row a topic, one column a word."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.heat_map import (
    draw_symbol,
    draw_triangles,
    frame,
    ink,
    to_image,
    topic_rgb,
)

MOST_COLUMNS = 30


class TopicWordMap(QWidget):
    """A heat map of topics × words; for a large vocabulary the most telling words.

    The columns stay the same during a run, so that one sees the rows change.

    Attributes
    ----------
    words : (n,) int
        The words of the columns.
    matrix : (K, n) float
        Their probabilities as drawn.
    """

    topic_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topic_word_map")
        self.setAccessibleName("Heat map of topics by words")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.vocabulary: tuple[str, ...] = ()
        self.words: Ints = np.zeros(0, dtype=np.int64)
        self.matrix: Floats = np.zeros((1, 0))
        self.trend: Ints = np.zeros((1, 0), dtype=np.int64)
        self.topic: int | None = None
        self._choose: Callable[[int], Ints] = lambda n: np.arange(0)
        self._head = 0
        self._topic_word: Floats = np.zeros((1, 1))
        self._all_trend: Ints = np.zeros((1, 1), dtype=np.int64)

    def show_words(self, vocabulary: tuple[str, ...], choose: Callable[[int], Ints]) -> None:
        """Take another vocabulary; ``choose(n)`` names the words of n columns."""
        self.vocabulary, self._choose = vocabulary, choose
        self.words = np.zeros(0, dtype=np.int64)

    def draw(self, topic_word: Floats, trend: Ints, topic: int | None) -> None:
        """Draw (K, V) probabilities, with the signs of rise and fall."""
        self._topic_word, self._all_trend, self.topic = topic_word, trend, topic
        fit = max(1, min(MOST_COLUMNS, (self.width() - self._left) // theme_manager().px(14)))
        n = min(fit, len(self.vocabulary))
        if len(self.words) != n:
            self.words = self._choose(n)
            self.measure()
        self.matrix = topic_word[:, self.words]
        self.trend = trend[:, self.words]
        self.update()

    def measure(self) -> None:
        """Make room for the longest word over the columns."""
        metrics, px = QFontMetricsF(ui_font(CAPTION)), theme_manager().px
        lengths = [metrics.horizontalAdvance(self.vocabulary[v]) for v in self.words]
        self._head = round(min(max(lengths, default=0.0), px(104))) + px(10)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns again."""
        if self.vocabulary and self._topic_word.shape[1] == len(self.vocabulary):
            self.draw(self._topic_word, self._all_trend, self.topic)

    def minimumSizeHint(self) -> QSize:
        """Leave room for the heads and a thin line per topic."""
        px = theme_manager().px
        return QSize(200, px(92) + min(len(self._topic_word), 20) * px(7))

    @property
    def _left(self) -> int:
        return theme_manager().px(24)

    def cells(self) -> QRect:
        """Return where the cells are."""
        px = theme_manager().px
        top = self._head
        height = min(self.height() - top - px(4), len(self._topic_word) * px(40))
        return QRect(self._left, top, self.width() - self._left - px(4), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw heads, cells and marks."""
        theme, px = theme_manager().current, theme_manager().px
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("panel"))
        n_topics, n_words = self.matrix.shape
        cells = self.cells()
        if not n_words or cells.height() <= 0:
            painter.end()
            return
        width, height = cells.width() / n_words, cells.height() / n_topics
        # A topic without favorites is pale: ten times an even share, or a fifth, is full color.
        least = min(10.0 / self._topic_word.shape[1], 0.2)
        strongest = np.maximum(self._topic_word.max(1, keepdims=True), least)
        colors = topic_rgb(n_topics)
        shown = np.sqrt(self.matrix / strongest)
        painter.drawImage(cells, to_image(ink(shown, colors[:, None, :])))
        frame(painter, QRectF(cells), theme.hairline)
        self._draw_heads(painter, cells, width)
        for k in range(n_topics):
            y = cells.top() + (k + 0.5) * height
            draw_symbol(painter, k, px(12), y, min(px(9), height))
            if k == self.topic:
                row = QRectF(cells.left(), cells.top() + k * height, cells.width(), height)
                frame(painter, row, theme.component(k), 1.5)
        painter.setPen(theme.color("text"))
        size = min(px(7), 0.6 * height, 0.6 * width)
        marks = [
            (
                bool(self.trend[k, i] > 0),
                cells.left() + (int(i) + 0.5) * width,
                cells.top() + (int(k) + 0.5) * height,
            )
            for k, i in zip(*np.nonzero(self.trend), strict=True)
        ]
        draw_triangles(painter, marks, size)
        painter.end()

    def _draw_heads(self, painter: QPainter, cells: QRect, width: float) -> None:
        theme, px = theme_manager().current, theme_manager().px
        painter.setFont(ui_font(CAPTION))
        painter.setPen(theme.color("secondary"))
        metrics = painter.fontMetrics()
        for i, v in enumerate(self.words):
            painter.save()
            painter.translate(cells.left() + (i + 0.5) * width, cells.top() - px(5))
            painter.rotate(-90)
            word = metrics.elidedText(
                self.vocabulary[v], Qt.TextElideMode.ElideRight, cells.top() - px(8)
            )
            painter.drawText(0, round(metrics.ascent() / 2 - 1), word)
            painter.restore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the row's topic."""
        cells = self.cells()
        k = int((event.position().y() - cells.top()) / max(cells.height(), 1) * len(self.matrix))
        if event.position().y() >= cells.top() and k < len(self.matrix):
            self.topic_picked.emit(k)

    def event(self, event: object) -> bool:
        """Tell the probability under the pointer."""
        if isinstance(event, QHelpEvent) and self.matrix.size:
            cells, place = self.cells(), event.pos()
            if cells.contains(place):
                n_topics, n_words = self.matrix.shape
                k = (place.y() - cells.top()) * n_topics // cells.height()
                i = (place.x() - cells.left()) * n_words // cells.width()
                word, share = self.vocabulary[self.words[i]], self.matrix[k, i]
                text = f"‘{word}’ in topic {k + 1}: {100 * share:.2g} %"
                QToolTip.showText(event.globalPos(), text, self)
                return True
        return super().event(event)  # type: ignore[arg-type]
