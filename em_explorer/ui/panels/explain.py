"""The Explain panel: what has just happened, in words and formula, and the story around it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from em_explorer.ui.formula import FormulaLabel


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
        page = QWidget()
        page.setProperty("role", "panel")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(16, 16, 16, 16)
        self._column.setSpacing(8)
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
            self._column.addSpacing(8)
            self._column.addWidget(head)
            self._column.addWidget(body)
        self._column.addStretch(1)
        self.setWidget(page)

    def show_story(self, question: str, watch: str) -> None:
        """Show what to ask a class and what to look for; empty texts hide their heading."""
        for head, body, text in (
            (self.question_head, self.question, question),
            (self.watch_head, self.watch, watch),
        ):
            body.setText(text)
            head.setVisible(bool(text))
            body.setVisible(bool(text))

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
