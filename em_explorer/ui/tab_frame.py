"""The fixed parts of a tab beside its play area: heading, notice, side panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.steps import Phase
from em_explorer.session.document import NextStory
from em_explorer.ui.panels.explain import ExplainPanel, Explanation, wrapped
from em_explorer.ui.panels.numbers import NumberGroup, NumbersPanel
from em_explorer.ui.theme import theme_manager

if TYPE_CHECKING:
    from em_explorer.ui.panels.diagnose import DiagnosePanel, DiagnosisView


def hairline(*, vertical: bool = False) -> QFrame:
    """Return a line of one pixel."""
    line = QFrame()
    line.setProperty("role", "vertical-hairline" if vertical else "hairline")
    return line


class Notice(QFrame):
    """One clear sentence above the picture, with a button to put it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        self.text = wrapped(name="notice_text")
        close = QToolButton()
        close.setText("✕")
        close.setObjectName("notice_close")
        close.setAccessibleName("Dismiss")
        close.clicked.connect(self.dismiss)
        row.addWidget(self.text, 1)
        row.addWidget(close)
        self._tone = "failure"
        theme_manager().changed.connect(self._retheme)
        self.hide()

    def show_message(self, sentence: str, tone: str = "failure") -> None:
        """Show a sentence."""
        self.text.setText(sentence)
        self._tone = tone
        self._retheme()
        self.show()

    def dismiss(self) -> None:
        """Put it away."""
        self.text.setText("")
        self.hide()

    def _retheme(self, *_: object) -> None:
        color = theme_manager().current.color(self._tone)
        rgb = f"{color.red()}, {color.green()}, {color.blue()}"
        self.setStyleSheet(
            f"QFrame#notice {{ background: rgba({rgb}, 28); border: 1px solid rgba({rgb}, 120);"
            " border-radius: 6px; }"
        )


class Heading(QWidget):
    """Title, the caption of this half-step, the notice, and the buttons that lead on."""

    next_wanted = Signal(str)
    nudge_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.title = QLabel()
        self.title.setObjectName("story_title")
        self.title.setProperty("role", "title")
        self.caption = wrapped(name="caption")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.notice = Notice()
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._shown: tuple[NextStory, ...] = ()
        self.nudge = QPushButton("Nudge")
        self.nudge.setObjectName("nudge")
        self.nudge.setAccessibleName("Nudge the parameters a little and go on")
        self.nudge.setToolTip("Move the parameters a little at random, and start from there")
        self.nudge.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.nudge.clicked.connect(self.nudge_wanted)
        self.nudge.hide()
        self._head = head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.nudge)
        head.addLayout(self._buttons)
        column.addLayout(head)
        column.addWidget(self.caption)
        column.addWidget(self.notice)
        theme_manager().changed.connect(self._resize)
        self._resize()

    def _resize(self, *_: object) -> None:
        # Two lines always, and room for buttons: the picture below must not jump.
        self.title.setMinimumHeight(theme_manager().px(32))
        self.caption.setMinimumHeight(theme_manager().px(36))

    def add_tool(self, button: QWidget) -> None:
        """Add a button at the end of the title's line, which stays."""
        self._head.addWidget(button)

    def show_title(self, text: str) -> None:
        """Show what is on the screen."""
        self.title.setText(text)

    def show_caption(self, text: str, phase: Phase) -> None:
        """Show what the half-step did."""
        self.caption.setText(text)
        self.caption.setProperty("phase", phase.value)

    def show_next(self, stories: tuple[NextStory, ...]) -> None:
        """Show the buttons that lead on."""
        if stories == self._shown:
            return
        self._shown = stories
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for story in stories:
            button = QPushButton(story.label)
            button.setObjectName(f"next_{story.demo}")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, name=story.demo: self.next_wanted.emit(name))
            self._buttons.addWidget(button)


class SidePanel(QTabWidget):
    """Explain, Numbers and Diagnose; only the page in front is filled.

    Signals
    -------
    diagnose_made(panel)
        The Diagnose page was shown for the first time, and so was made.
    diagnose_filled()
        Somebody looks at the Diagnose page.
    """

    diagnose_made = Signal(object)
    diagnose_filled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setAccessibleName("Explanation and numbers")
        self.explain = ExplainPanel()
        self.numbers = NumbersPanel()
        self.addTab(self.explain, "Explain")
        self.addTab(self.numbers, "Numbers")
        self.diagnose: DiagnosePanel | None = None
        self._diagnose_page = QWidget()
        self.addTab(self._diagnose_page, "Diagnose")
        self.setTabToolTip(2, "What moves, how fast EM converges, and what may go wrong (D)")
        self._view: Callable[[], DiagnosisView] | None = None
        self._fill: tuple[Callable[[], Explanation], Callable[[], tuple[NumberGroup, ...]]] | None
        self._fill = None
        self.currentChanged.connect(self._refresh)

    def show(  # type: ignore[override]
        self,
        explanation: Callable[[], Explanation],
        groups: Callable[[], tuple[NumberGroup, ...]],
    ) -> None:
        """Take what the first two pages would show for this half-step."""
        self._fill = (explanation, groups)
        if self.currentWidget() is not self._diagnose_page:
            self._refresh()

    def show_diagnosis(self, view: Callable[[], DiagnosisView]) -> None:
        """Take what the Diagnose page would show; it works only while somebody looks."""
        self._view = view
        self._diagnose()

    def open_diagnose(self) -> DiagnosePanel:
        """Bring the Diagnose page to the front."""
        self.setCurrentWidget(self._diagnose_page)
        return self._made()

    def refresh(self) -> None:
        """Fill the page in front again, which names colors of the theme in its words."""
        self._refresh()

    def _refresh(self, *_: object) -> None:
        if self.currentWidget() is self._diagnose_page:
            self._diagnose()
        elif self._fill is None:
            return
        elif self.currentWidget() is self.explain:
            self.explain.show_explanation(self._fill[0]())
        else:
            self.numbers.show_groups(self._fill[1]())

    @property
    def diagnose_in_front(self) -> bool:
        """Whether somebody can see the Diagnose page."""
        return self.currentWidget() is self._diagnose_page and self.isVisible()

    def _diagnose(self) -> None:
        if self.diagnose_in_front and self._view is not None:
            self._made().show_view(self._view())
            self.diagnose_filled.emit()

    def _made(self) -> DiagnosePanel:
        if self.diagnose is None:
            from em_explorer.ui.panels.diagnose import DiagnosePanel

            self.diagnose = DiagnosePanel()
            column = QVBoxLayout(self._diagnose_page)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(self.diagnose)
            self.diagnose_made.emit(self.diagnose)
        return self.diagnose

    def showEvent(self, event: QShowEvent) -> None:
        """Fill in what came while the panel was folded away."""
        super().showEvent(event)
        self._diagnose()
