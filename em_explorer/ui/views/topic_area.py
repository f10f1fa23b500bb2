"""The topics tab's play area: document map, topics, word map and one document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.em.options import Control
from em_explorer.em.steps import Phase
from em_explorer.ui.editors import WholeNumberEdit
from em_explorer.ui.panels.sections import ElidedLabel
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.topic_wording import Nouns
from em_explorer.ui.views.document_map import DocumentMap
from em_explorer.ui.views.document_view import DocumentImages, DocumentWords, MixtureBar
from em_explorer.ui.views.topic_images import TopicImages
from em_explorer.ui.views.topic_word_map import TopicWordMap
from em_explorer.ui.views.topic_words import TopicList, topic_name

HINT = "Click a topic for its strongest documents, double-click it to give it a name."


@dataclass(frozen=True)
class TopicsPicture:
    """What is drawn of a topic model.

    Attributes
    ----------
    doc_topic : (D, K) float or None
        Topic proportions of each document; None before the first E-step.
    topic_word : (K, V) float
    shares : (K,) float or None
        Each topic's share of all words.
    phi : (n, K) float or None
        Topics of the chosen document's distinct words.
    top : (K, n) int
        The likeliest words of each topic.
    trend : (K, V) int
        1 for words that rose in the last M-step, −1 for those that fell.
    order : (D,) int or None
        The document in each row of the map.
    document : int
        The chosen one.
    phase : Phase
    moving : int or None
        Documents whose topics still moved in the last E-step; None before the second.
    """

    doc_topic: Floats | None
    topic_word: Floats
    shares: Floats | None
    phi: Floats | None
    top: Ints
    trend: Ints
    order: Ints | None
    document: int
    phase: Phase
    moving: int | None = None


class ListScroll(QScrollArea):
    """A place that scrolls when there are more topics than room."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        self._content = content

    def sizeHint(self) -> QSize:
        """Ask for what the content asks for."""
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Show up to eight topics without scrolling."""
        least = self._content.minimumSizeHint()
        return QSize(least.width(), min(least.height(), theme_manager().px(8 * 19)))


def small_head(text: str) -> QLabel:
    """Return the heading of a part."""
    label = QLabel(text.upper())
    label.setProperty("role", "group")
    return label


class TopicArea(QWidget):
    """Documents on the left, topics and one document on the right.

    Signals
    -------
    document_picked(document)
    topic_picked(topic)
    topic_renamed(topic, name)
    topic_asked(topic, place)
        A right-click; the place on the screen.
    """

    document_picked = Signal(int)
    topic_picked = Signal(int)
    topic_renamed = Signal(int, str)
    topic_asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image_shape: tuple[int, int] | None = None
        self.vocabulary: tuple[str, ...] = ()
        self._documents: tuple[str, ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addLayout(self._left_column(), 4)
        row.addLayout(self._right_column(), 7)
        self.retheme()

    def _left_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        self.documents_head = small_head("Documents by topic")
        self.counter = ElidedLabel()  # what it says must not move the topics aside
        self.counter.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.counter.setObjectName("settled")
        self.counter.setAccessibleName("How many documents have settled")
        self.counter.setProperty("role", "caption")
        self.counter.setToolTip(
            "Settled: its mixture stopped changing within this E-step. Moved: more than 1 % of it "
            "went to other topics since the E-step before."
        )
        self.map = DocumentMap()
        self.map.document_picked.connect(self.document_picked)
        self.map.topic_picked.connect(self.topic_picked)
        self.group_box = QCheckBox("Sort by main topic")
        self.group_box.setObjectName("group_documents")
        self.group_box.setAccessibleName("Sort the rows by main topic")
        self.group_box.setToolTip("Put documents with the same main topic together")
        self.hold_out_box = QCheckBox("Hold out 10 %")
        self.hold_out_box.setObjectName("hold_out")
        self.hold_out_box.setAccessibleName("Hold out every tenth document")
        boxes = QHBoxLayout()
        boxes.setSpacing(8)
        boxes.addWidget(self.group_box)
        boxes.addWidget(self.hold_out_box)
        boxes.addStretch(1)
        for widget in (self.documents_head, self.counter):
            column.addWidget(widget)
        column.addWidget(self.map, 1)
        column.addLayout(boxes)
        return column

    def _right_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        self.list, self.words_map, self.images = TopicList(), TopicWordMap(), TopicImages()
        for view in (self.list, self.images):
            view.topic_picked.connect(self.topic_picked)
            view.renamed.connect(self.topic_renamed)
            view.asked.connect(self.topic_asked)
        self.words_map.topic_picked.connect(self.topic_picked)
        texts = QWidget()
        lines = QVBoxLayout(texts)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(4)
        self.list_scroll = ListScroll(self.list)
        lines.addWidget(self.list_scroll, 4)
        lines.addWidget(self.words_map, 5)
        self.topics = QStackedWidget()
        self.topics.addWidget(texts)
        self.topics.addWidget(self.images)
        self.hint = QLabel(HINT)
        self.hint.setObjectName("top_documents")
        self.hint.setAccessibleName("The chosen topic's strongest documents")
        self.hint.setProperty("role", "caption")
        self.hint.setTextFormat(Qt.TextFormat.RichText)
        self.hint.setWordWrap(True)
        self.hint.linkActivated.connect(self._on_link)
        self.mixture = MixtureBar()
        self.words, self.pictures = DocumentWords(), DocumentImages()
        self.one = QStackedWidget()
        self.one.addWidget(self.words)
        self.one.addWidget(self.pictures)
        column.addLayout(self._topics_row())
        column.addWidget(self.topics)
        column.addWidget(self.hint)
        column.addLayout(self._document_head())
        column.addWidget(self.one)
        self._right = column
        return column

    def _topics_row(self) -> QHBoxLayout:
        self.topics_head = small_head("Topics")
        self.relevance = QSlider(Qt.Orientation.Horizontal)
        self.relevance.setObjectName("relevance")
        self.relevance.setAccessibleName("Relevance λ: how each topic's words are ranked")
        self.relevance.setRange(0, 100)
        self.relevance.setPageStep(10)
        self.relevance.setSingleStep(5)
        self.relevance.setValue(100)
        self.relevance_label = QLabel("Re&levance λ")
        self.relevance_label.setProperty("role", "caption")
        self.relevance_label.setBuddy(self.relevance)
        self.relevance_value = QLabel("1.00")
        self.relevance_value.setObjectName("relevance_value")
        self.relevance_value.setProperty("role", "caption")
        for widget in (self.relevance, self.relevance_label, self.relevance_value):
            widget.setToolTip(
                "At 1 a topic's words are ranked by how probable they are in it; the nearer to 0, "
                "the more by how much more probable than elsewhere (Alt+L, then up and down)"
            )
        self.relevance.valueChanged.connect(self._on_relevance)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.topics_head)
        row.addStretch(1)
        for widget in (self.relevance_label, self.relevance, self.relevance_value):
            row.addWidget(widget)
        return row

    @property
    def relevance_weight(self) -> float:
        """λ; 1 where topics are pictures, which have no list."""
        return 1.0 if self.image_shape is not None else self.relevance.value() / 100.0

    def _on_relevance(self, value: int) -> None:
        self.relevance_value.setText(f"{value / 100:.2f}")
        self.list.keep_rare = value < 100

    def _document_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.document_head = small_head("Document")
        self.document_box = WholeNumberEdit(Control("Document", low=1))
        self.document_box.setObjectName("document")
        self.document_box.setAccessibleName("Document shown")
        self.document_box.setToolTip("Choose a document; or click its row in the map")
        self.document_box.valueChanged.connect(self._on_number)
        self.document_name = QLabel()
        self.document_name.setObjectName("document_name")
        row.addWidget(self.document_head)
        row.addWidget(self.document_box)
        row.addWidget(self.document_name)
        row.addWidget(self.mixture, 1)
        return row

    # -- data and pictures -------------------------------------------------------------------

    def show_data(
        self,
        documents: tuple[str, ...],
        vocabulary: tuple[str, ...],
        telling: Callable[[int], Ints],
        image_shape: tuple[int, int] | None,
        nouns: Nouns,
    ) -> None:
        """Take another corpus; ``telling(n)`` names the words of a map of n columns."""
        self.image_shape, self.vocabulary, self._documents = image_shape, vocabulary, documents
        self.documents_head.setText(f"{nouns.document}s by topic".upper())
        self.document_head.setText(nouns.document.upper())
        self.topics.setCurrentIndex(0 if image_shape is None else 1)
        self.one.setCurrentIndex(0 if image_shape is None else 1)
        for widget in (self.relevance, self.relevance_label, self.relevance_value):
            widget.setVisible(image_shape is None)
        self._right.setStretchFactor(self.topics, 30 if image_shape is None else 19)
        self._right.setStretchFactor(self.one, 10)
        self.list.take_words(vocabulary)
        self.words_map.show_words(vocabulary, telling)
        self.map.show_documents(documents)
        self.group_box.blockSignals(True)
        self.group_box.setChecked(not self.map.has_groups)
        self.group_box.blockSignals(False)
        self.document_box.blockSignals(True)
        self.document_box.setRange(1, len(documents))
        self.document_box.blockSignals(False)

    def draw(
        self,
        picture: TopicsPicture,
        document: tuple[Ints, Floats],
        strongest: tuple[int, ...],
        topic: int | None,
        names: dict[int, str],
        recovered: Bools,
    ) -> None:
        """Draw a picture.

        Parameters
        ----------
        picture : TopicsPicture
        document : (n,) int, (n,) float
            The chosen document's distinct words, and how often each occurs.
        strongest : tuple of int
            The chosen topic's strongest documents.
        topic : int or None
            The chosen topic.
        names : dict of int to str
            Names given to topics.
        recovered : (K,) bool
            Topics that match a true one.
        """
        doc_topic, topic_word, d = picture.doc_topic, picture.topic_word, picture.document
        self.map.draw(doc_topic, len(topic_word), picture.order, d, topic, strongest)
        self._draw_hint(doc_topic, strongest, topic, names)
        self._draw_document_head(d, document)
        self.mixture.draw(None if doc_topic is None else doc_topic[d])
        found, counts = document
        if self.image_shape is None:
            another = len(topic_word) != len(self.list.topic_word)
            self.list.draw(topic_word, picture.shares, picture.top, picture.trend, names, topic)
            if another:
                self.list_scroll.updateGeometry()
            self.words_map.draw(topic_word, picture.trend, topic)
            self.words.draw(self.vocabulary, found, counts, picture.phi)
            return
        shape = (len(topic_word), *self.image_shape)
        self.images.draw(
            topic_word.reshape(shape),
            picture.shares,
            picture.trend.reshape(shape),
            recovered,
            names,
            topic,
        )
        dots = np.zeros(topic_word.shape[1])
        dots[found] = counts
        proportions = None if doc_topic is None else doc_topic[d]
        image = dots.reshape(self.image_shape)
        self.pictures.draw(image, proportions, topic_word, float(counts.sum()))

    def _draw_document_head(self, d: int, document: tuple[Ints, Floats]) -> None:
        if self.document_box.value() != d + 1:
            self.document_box.blockSignals(True)
            self.document_box.setValue(d + 1)
            self.document_box.blockSignals(False)
        self.document_name.setText(self._documents[d])

    def _draw_hint(
        self,
        doc_topic: Floats | None,
        strongest: tuple[int, ...],
        topic: int | None,
        names: dict[int, str],
    ) -> None:
        if topic is None or doc_topic is None:
            self.hint.setText(HINT)
            return
        color = theme_manager().current.e_text
        links = [
            f'<a style="color:{color}" href="{d}">{self._documents[d]}</a> '
            f"{100 * doc_topic[d, topic]:.0f} %"
            for d in strongest[:3]
        ]
        self.hint.setText(f"{topic_name(names, topic)} is strongest in {', '.join(links)}.")

    def show_locks(self, topics: frozenset[int]) -> None:
        """Put padlocks on topics."""
        for view in (self.list, self.images):
            view.locked = topics
            view.update()

    def retheme(self) -> None:
        """Take the theme's sizes and colors."""
        self.document_box.setFixedWidth(theme_manager().px(84))
        self.relevance.setFixedWidth(theme_manager().px(110))
        self.relevance_value.setFixedWidth(theme_manager().px(28))
        self.words_map.measure()
        self.list.updateGeometry()
        self.list_scroll.updateGeometry()
        self.update()

    def _on_number(self, number: int) -> None:
        self.document_picked.emit(number - 1)

    def _on_link(self, document: str) -> None:
        self.document_picked.emit(int(document))
