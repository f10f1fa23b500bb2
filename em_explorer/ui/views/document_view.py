"""One document: its mixture of topics, and its words or pixels colored by topic."""

from __future__ import annotations

from html import escape

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.heat_map import frame, ink, rgb_of, to_image, topic_rgb


class MixtureBar(QWidget):
    """A document's topic proportions as one bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("mixture_bar")
        self.setAccessibleName("Topic proportions of the document")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.shares: Floats | None = None

    def draw(self, shares: Floats | None) -> None:
        """Draw (K,) proportions, or an empty bar."""
        self.shares = shares
        self.update()

    def sizeHint(self) -> QSize:
        """One line of small type high."""
        return QSize(200, theme_manager().px(16))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a part per topic, with its number where there is room."""
        theme = theme_manager().current
        painter = QPainter(self)
        painter.setFont(ui_font(CAPTION))
        left = 0.0
        for k, share in enumerate([] if self.shares is None else self.shares):
            width = float(share) * self.width()
            box = QRectF(left, 0, width, self.height())
            painter.fillRect(box, theme.component(k))
            if width > theme_manager().px(18):
                bright = rgb_of(theme.component(k)).sum() > 380
                painter.setPen(theme.color("text" if bright != theme.is_dark else "panel"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(k + 1))
            left += width
        frame(painter, QRectF(self.rect()).adjusted(0, 0, -1, -1), theme.border)
        painter.end()


class DocumentWords(QScrollArea):
    """A document's distinct words, the most frequent first, on their topic's color.

    Attributes
    ----------
    words : (n,) int
        The words in the order shown.
    topics : (n,) int
        The likeliest topic of each, whose color it stands on; empty before the first E-step.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("document_words")
        self.setAccessibleName("Words of the document, colored by topic")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setProperty("role", "panel")
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.label.setContentsMargins(8, 6, 8, 6)
        self.setWidget(self.label)
        self.words: Ints = np.zeros(0, dtype=np.int64)
        self.topics: Ints = np.zeros(0, dtype=np.int64)
        self._html = ""

    def draw(
        self, vocabulary: tuple[str, ...], words: Ints, counts: Floats, phi: Floats | None
    ) -> None:
        """Show words with counts; φ (n, K) colors them."""
        order = np.argsort(-counts, kind="stable")
        self.words = words[order]
        self.topics = np.zeros(0, dtype=np.int64) if phi is None else phi[order].argmax(1)
        theme = theme_manager().current
        backgrounds = {k: self.background(k) for k in {*self.topics.tolist()}}
        parts = []
        for i, v in enumerate(self.words):
            text = escape(vocabulary[v]).replace(" ", "&nbsp;")
            n = counts[order[i]]
            times = f'<span style="color:{theme.secondary}">×{n:.0f}</span>' if n > 1 else ""
            if phi is None:
                parts.append(f"{text}{times}")
                continue
            k = int(self.topics[i])
            parts.append(
                f'<span style="background-color:{backgrounds[k]}">&nbsp;{text}'
                f"<sup>{k + 1}</sup>&nbsp;</span>{times}"
            )
        html = f'<p style="line-height:140%">{"&nbsp; ".join(parts)}</p>'
        if html != self._html:
            self._html = html
            self.label.setText(html)

    @staticmethod
    def background(topic: int) -> str:
        """Return the color behind a word of a topic: the topic's, light enough to read on."""
        theme = theme_manager().current
        tint = ink(np.array([[0.4]]), rgb_of(theme.component(topic)))[0, 0]
        return "#{:02x}{:02x}{:02x}".format(*(round(float(c)) for c in tint))


class DocumentImages(QWidget):
    """A document that is a picture, beside what its topics make of it.

    Attributes
    ----------
    image : (rows, columns) float
        Dots on each pixel.
    rebuilt : (rows, columns) float or None
        Expected dots, ``n Σ_k θ_k β_kv``.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("document_images")
        self.setAccessibleName("The chosen picture beside its reconstruction from the topics")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self.image: Floats = np.zeros((1, 1))
        self.rebuilt: Floats | None = None
        self._mixed: Floats = np.zeros((1, 1, 3))
        self._shares: Floats = np.zeros(0)
        self._topic_word: Floats = np.zeros((1, 1))

    def draw(
        self, image: Floats, doc_topic: Floats | None, topic_word: Floats, n_dots: float
    ) -> None:
        """Draw (rows, columns) dots, and the same from (K,) proportions and (K, V) topics."""
        self.image = image
        self.rebuilt, self._shares = None, np.zeros(0)
        if doc_topic is not None:
            self._shares, self._topic_word = doc_topic, topic_word
            parts = n_dots * doc_topic[:, None] * topic_word
            total = parts.sum(0)
            self.rebuilt = total.reshape(image.shape)
            shares = parts / np.maximum(total, 1e-300)
            self._mixed = (shares.T @ topic_rgb(len(topic_word))).reshape(*image.shape, 3)
        self.update()

    def places(self) -> tuple[QRect, QRect]:
        """Return where the two pictures are."""
        px = theme_manager().px
        rows, columns = self.image.shape
        side = min(self.height() - px(26), (self.width() - px(64)) / 2)
        unit = max(int(side // max(rows, columns)), 1)
        width, height = unit * columns, unit * rows
        return (
            QRect(px(8), px(4), width, height),
            QRect(px(8) + max(width, px(112)) + px(24), px(4), width, height),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the two pictures with their labels."""
        theme, px = theme_manager().current, theme_manager().px
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("panel"))
        painter.setFont(ui_font(CAPTION))
        most = max(float(self.image.max()), 1e-300)
        left, right = self.places()
        painter.drawImage(left, to_image(ink(self.image / most, rgb_of(theme.text))))
        if self.rebuilt is not None:
            painter.drawImage(right, to_image(ink(self.rebuilt / most, self._mixed)))
        for place, words in ((left, "the image"), (right, "as its topics see it")):
            frame(painter, QRectF(place), theme.border)
            painter.setPen(theme.color("secondary"))
            box = QRectF(place.left(), place.bottom() + px(3), px(160), px(18))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        self._draw_parts(painter, right)
        painter.end()

    def _draw_parts(self, painter: QPainter, whole: QRect) -> None:
        """Draw the strongest topics behind the reconstruction, each with its share."""
        theme, px = theme_manager().current, theme_manager().px
        rows, columns = self.image.shape
        unit = max(int(0.55 * whole.width() // columns), 1)
        x = whole.right() + px(28)
        line = 1.0 / max(rows, columns)
        center = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
        for i, k in enumerate(np.argsort(-self._shares, kind="stable")):
            place = QRect(x, whole.top(), unit * columns, unit * rows)
            if place.right() > self.width() - px(8) or self._shares[k] < 0.02:
                break
            place.moveTop(whole.center().y() - place.height() // 2)
            sign = QRectF(x - px(20), place.top(), px(16), place.height())
            painter.setPen(theme.color("secondary"))
            painter.drawText(sign, center, "+" if i else "=")
            values = self._topic_word[k].reshape(rows, columns) / line
            painter.drawImage(place, to_image(ink(values, rgb_of(theme.component(int(k))))))
            frame(painter, QRectF(place), theme.border)
            box = QRectF(x - px(6), place.bottom() + px(3), place.width() + px(12), px(18))
            painter.drawText(box, center, f"{100 * self._shares[k]:.0f} %")
            x += place.width() + px(24)
