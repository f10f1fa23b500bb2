"""The topics in words: a list with each topic's likeliest words, and a map of telling words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import BODY, theme_manager, ui_font
from em_explorer.ui.views.heat_map import (
    draw_symbol,
    draw_triangles,
)
from em_explorer.ui.views.inline_edit import InlineEdit
from em_explorer.ui.views.padlock import draw_padlock

LEAST_SHARE = 0.03
"""Words with less than this share of their topic's likeliest are not worth a place."""


def topic_name(names: Mapping[int, str], topic: int) -> str:
    """Return what a topic is called: the name somebody gave it, or its number."""
    return names.get(topic) or f"Topic {topic + 1}"


class Renamer:
    """Rename a topic in place: a line edit over its name.

    Parameters
    ----------
    owner : QWidget
        On which the edit is laid.
    done : callable
        Takes the topic and its new name.
    """

    def __init__(self, owner: QWidget, done: Callable[[int, str], None]) -> None:
        self._done = done
        self.topic = -1
        self.edit = InlineEdit("topic_name", "Name of the topic", owner)
        self.edit.setMaxLength(40)
        self.edit.entered.connect(self._on_entered)

    def open(self, topic: int, name: str, place: QRect) -> None:
        """Ask for a name."""
        self.topic = topic
        self.edit.open_at(place, name)

    def _on_entered(self, name: str) -> None:
        self._done(self.topic, name)


class TopicList(QWidget):
    """One line per topic: symbol, name, size, likeliest words with ▲ and ▼.

    Signals
    -------
    topic_picked(topic)
    renamed(topic, name)
    asked(topic, place)
        A right-click; the place on the screen.

    Attributes
    ----------
    shown_words : list of list of int
        The words that found room on each line.
    keep_rare : bool
        Show words however rare they are in their topic: they are not chosen by probability.
    """

    topic_picked = Signal(int)
    renamed = Signal(int, str)
    asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topic_list")
        self.setAccessibleName("Topics with their likeliest words")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.vocabulary: tuple[str, ...] = ()
        self.names: dict[int, str] = {}
        self.topic: int | None = None
        self.topic_word: Floats = np.zeros((1, 1))
        self.shares: Floats | None = None
        self.top: Ints = np.zeros((1, 0), dtype=np.int64)
        self.trend: Ints = np.zeros((1, 1), dtype=np.int64)
        self.shown_words: list[list[int]] = []
        self.keep_rare = False
        self.locked: frozenset[int] = frozenset()
        self.renamer = Renamer(self, self.renamed.emit)

    def take_words(self, vocabulary: tuple[str, ...]) -> None:
        """Take another corpus's words; those on the screen are numbered by the old one."""
        self.vocabulary = vocabulary
        self.top = np.zeros((len(self.topic_word), 0), dtype=np.int64)
        self._place_words()

    def draw(
        self,
        topic_word: Floats,
        shares: Floats | None,
        top: Ints,
        trend: Ints,
        names: dict[int, str],
        topic: int | None,
    ) -> None:
        """Draw topics.

        Parameters
        ----------
        topic_word : (K, V) float
        shares : (K,) float or None
            Each topic's share of all words.
        top : (K, n) int
            The likeliest words.
        trend : (K, V) int
            Signs of rise and fall.
        names : dict of int to str
            Names that were given.
        topic : int or None
            The chosen one.
        """
        another = len(topic_word) != len(self.topic_word)
        self.topic_word, self.shares, self.top, self.trend = topic_word, shares, top, trend
        self.names, self.topic = names, topic
        self._place_words()
        if another:
            self.updateGeometry()
            self.setMinimumHeight(self.minimumSizeHint().height())
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Leave room for a line of type per topic."""
        return QSize(160, len(self.topic_word) * theme_manager().px(19))

    def sizeHint(self) -> QSize:
        """Ask for a comfortable line per topic."""
        return QSize(400, len(self.topic_word) * theme_manager().px(24))

    @property
    def row_height(self) -> float:
        """Height of a line, px."""
        return min(self.height() / max(len(self.topic_word), 1), theme_manager().px(38))

    def name_place(self, topic: int) -> QRect:
        """Return where a topic's name stands."""
        px = theme_manager().px
        return QRect(px(20), round(topic * self.row_height), px(92), round(self.row_height))

    def _place_words(self) -> None:
        px = theme_manager().px
        metrics = QFontMetricsF(ui_font(BODY))
        self.shown_words = []
        self._places: list[list[float]] = []
        for k in range(len(self.topic_word)):
            x, words, places = float(px(120)), [], []
            least = LEAST_SHARE * self.topic_word[k].max()
            for v in self.top[k]:
                width = metrics.horizontalAdvance(self.vocabulary[v])
                mark = px(11) if self.trend[k, v] else 0
                rare = self.topic_word[k, v] < least
                if (rare and not self.keep_rare) or x + width + mark > self.width() - px(4):
                    break
                words.append(int(v))
                places.append(x)
                x += width + mark + px(10)
            self.shown_words.append(words)
            self._places.append(places)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the words again."""
        self._place_words()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme_manager().current.color("panel"))
        for k in range(len(self.topic_word)):
            self._draw_line(painter, k)
        painter.end()

    def _draw_line(self, painter: QPainter, k: int) -> None:
        theme, px = theme_manager().current, theme_manager().px
        height = self.row_height
        top, middle = k * height, (k + 0.5) * height
        if k == self.topic:
            painter.fillRect(QRectF(0, top, self.width(), height), theme.color("raised"))
        draw_symbol(painter, k, px(10), middle, px(10))
        place = QRectF(self.name_place(k))
        painter.setPen(theme.color("text"))
        painter.setFont(ui_font(BODY, bold=k == self.topic))
        name = painter.fontMetrics().elidedText(
            topic_name(self.names, k), Qt.TextElideMode.ElideRight, int(place.width())
        )
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(place, left, name)
        if k in self.locked:
            draw_padlock(painter, px(108), middle, px(11), theme.color("text"))
        if self.shares is not None:
            width = float(self.shares[k]) * place.width()
            line = QRectF(place.left(), top + height - px(3), width, px(2))
            painter.fillRect(line, theme.component(k))
        painter.setFont(ui_font(BODY))
        metrics = painter.fontMetrics()
        marks = []
        painter.setPen(theme.color("text"))
        for v, x in zip(self.shown_words[k], self._places[k], strict=True):
            word = self.vocabulary[v]
            painter.drawText(QRectF(x, top, px(400), height), left, word)
            if self.trend[k, v]:
                mark = x + metrics.horizontalAdvance(word) + px(6)
                marks.append((bool(self.trend[k, v] > 0), mark, middle + px(1)))
        painter.setPen(theme.color("m_text"))
        draw_triangles(painter, marks, px(7))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask what can be done with a topic."""
        k = self.topic_at(event.pos().y())
        if k is not None:
            self.asked.emit(k, event.globalPos())

    def topic_at(self, y: float) -> int | None:
        """Return the topic at a height, if there is one."""
        k = int(y / max(self.row_height, 1e-9))
        return k if 0 <= k < len(self.topic_word) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick a topic."""
        k = self.topic_at(event.position().y())
        if k is not None and event.button() == Qt.MouseButton.LeftButton:
            self.topic_picked.emit(k)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename a topic."""
        k = self.topic_at(event.position().y())
        if k is not None:
            self.renamer.open(k, topic_name(self.names, k), self.name_place(k))
