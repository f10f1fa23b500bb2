"""The Explain panel: what has just happened, in words and formula, and the story around it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSpacerItem, QVBoxLayout, QWidget

from em_explorer.ui.formula import FormulaLabel
from em_explorer.ui.theme import theme_manager

ROOMY, CLOSE = 8, 3
"""Space between paragraphs, px: usually, and where not all would be seen."""


@dataclass(frozen=True)
class Explanation:
    """What the panel says about a half-step.

    Attributes
    ----------
    title : str
        "E-step", "M-step" or where one is.
    tone : str
        ``e``, ``m`` or empty: the color of the title.
    text : str
        Two or three plain sentences.
    formulas : tuple of str
        Names of formulas in the assets.
    numbers : tuple of str
        Lines with today's values put into the formula.
    """

    title: str
    tone: str
    text: str
    formulas: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def wrapped(text: str = "", role: str = "", name: str = "") -> QLabel:
    """Return a label that breaks its lines and can be selected."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role:
        label.setProperty("role", role)
    if name:
        label.setObjectName(name)
    return label


class ExplainPanel(QScrollArea):
    """Words beside the picture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explain")
        self.setAccessibleName("Explanation of the last half-step")
        self.setProperty("role", "panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QWidget(self.viewport())
        page.setProperty("role", "panel")
        self._column = QVBoxLayout(page)
        self._gaps: list[QSpacerItem] = []
        self.title = wrapped(role="title", name="explain_title")
        self.text = wrapped(name="explain_text")
        self.formulas = [FormulaLabel() for _ in range(3)]
        self.numbers = wrapped(role="secondary", name="explain_numbers")
        self.question_head = wrapped("ASK THE CLASS", role="group")
        self.question = wrapped(name="explain_question")
        self.watch_head = wrapped("WATCH FOR", role="group")
        self.watch = wrapped(name="explain_watch")
        for widget in (self.title, self.text, *self.formulas, self.numbers):
            self._column.addWidget(widget)
        for head, body in ((self.question_head, self.question), (self.watch_head, self.watch)):
            self._gaps.append(QSpacerItem(0, 0))
            self._column.addItem(self._gaps[-1])
            self._column.addWidget(head)
            self._column.addWidget(body)
        self._column.addStretch(1)
        self.setWidget(page)
        self._space(ROOMY)

    def show_story(self, question: str, watch: str) -> None:
        """Show what to ask a class and what to look for; empty texts hide their heading."""
        for head, body, text in (
            (self.question_head, self.question, question),
            (self.watch_head, self.watch, watch),
        ):
            body.setText(text)
            head.setVisible(bool(text))
            body.setVisible(bool(text))
        self._fit()

    def show_explanation(self, explanation: Explanation) -> None:
        """Show the words for a half-step."""
        from em_explorer.ui.transport import restyle

        self.title.setText(explanation.title)
        restyle(self.title, state=explanation.tone)
        self.text.setText(explanation.text)
        for i, label in enumerate(self.formulas):
            if i < len(explanation.formulas):
                label.show_formula(explanation.formulas[i])
            label.setVisible(i < len(explanation.formulas))
        self.numbers.setText("\n".join(explanation.numbers))
        self.numbers.setVisible(bool(explanation.numbers))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room there is."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Fit what was written while nobody looked."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Move the paragraphs nearer to each other before anything must be scrolled."""
        if not self.isVisible():
            return  # measuring text takes its time
        for spacing in (ROOMY, CLOSE):
            self._space(spacing)
            if self._column.totalHeightForWidth(self.width()) <= self.height():
                break

    def _space(self, spacing: int) -> None:
        px = theme_manager().px
        self._column.setSpacing(px(spacing))
        self._column.setContentsMargins(px(16), px(8 + spacing), px(16), px(spacing))
        for gap in self._gaps:
            gap.changeSize(0, px(spacing))
        self._column.invalidate()
