"""The fixed parts of a tab around its play area: heading, side panel, curve and timeline."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
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
from em_explorer.em.trace import Trace, phase_of
from em_explorer.session.controller import Controller
from em_explorer.session.document import NextStory
from em_explorer.ui.panels.explain import ExplainPanel, Explanation, wrapped
from em_explorer.ui.panels.numbers import NumberGroup, NumbersPanel
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.timeline import Timeline
from em_explorer.ui.transport import Transport, restyle
from em_explorer.ui.views.curve import LikelihoodCurve
from em_explorer.ui.wording import nats, signed


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
        self.nudge.clicked.connect(self.nudge_wanted)
        self.nudge.hide()
        head = QHBoxLayout()
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
            button.clicked.connect(lambda _=False, name=story.demo: self.next_wanted.emit(name))
            self._buttons.addWidget(button)


class SidePanel(QTabWidget):
    """Explain and Numbers; only the page in front is filled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setAccessibleName("Explanation and numbers")
        self.explain = ExplainPanel()
        self.numbers = NumbersPanel()
        self.addTab(self.explain, "Explain")
        self.addTab(self.numbers, "Numbers")
        self._fill: tuple[Callable[[], Explanation], Callable[[], tuple[NumberGroup, ...]]] | None
        self._fill = None
        self.currentChanged.connect(self._refresh)

    def show(  # type: ignore[override]
        self,
        explanation: Callable[[], Explanation],
        groups: Callable[[], tuple[NumberGroup, ...]],
    ) -> None:
        """Take what the pages would show for this half-step."""
        self._fill = (explanation, groups)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        if self._fill is None:
            return
        if self.currentWidget() is self.explain:
            self.explain.show_explanation(self._fill[0]())
        else:
            self.numbers.show_groups(self._fill[1]())


class Bottom(QWidget):
    """Transport, curve with its reading, timeline."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._controller = controller
        self._n = 1
        self._name = "log-likelihood"
        self.transport = Transport(controller)
        self.curve = LikelihoodCurve()
        self.timeline = Timeline()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(4)
        column.addWidget(self.transport)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.curve, 1)
        middle.addLayout(self._reading())
        column.addLayout(middle)
        column.addWidget(self.timeline)
        self.timeline.valueChanged.connect(controller.seek)
        self.timeline.sliderPressed.connect(controller.pause)
        self.curve.picked.connect(self._on_picked)
        self._resize()
        theme_manager().changed.connect(self._resize)

    def _reading(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(2)
        self.name_label = QLabel(self._name)
        self.name_label.setProperty("role", "caption")
        self.value_label = QLabel("–")
        self.value_label.setObjectName("log_likelihood")
        self.value_label.setAccessibleName("Value of the objective, nats")
        self.value_label.setProperty("role", "number")
        self.change_label = QLabel()
        self.change_label.setObjectName("change")
        self.per_label = QLabel()
        self.per_label.setObjectName("per_observation")
        self.per_label.setProperty("role", "caption")
        self.per_label.setToolTip("Divided by the number of observations")
        self.per_box = QCheckBox("per observation")
        self.per_box.setObjectName("show_per_observation")
        self.per_box.setAccessibleName("Draw the curve per observation")
        self.per_box.setToolTip("Draw the curve divided by the number of observations")
        self.per_box.toggled.connect(self.curve.show_per_observation)
        self.per_box.toggled.connect(lambda _: self.mark(self._controller.cursor))
        for widget in (
            self.name_label,
            self.value_label,
            self.change_label,
            self.per_label,
            self.per_box,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        return column

    def _resize(self, *_: object) -> None:
        px, scale = theme_manager().px, theme_manager().scale
        # In projector mode the type grows, but most of the room belongs to the picture.
        self.curve.setFixedHeight(round(132 * scale**0.5))
        self.value_label.setMinimumWidth(px(176))  # more digits must not push the curve

    def follow(self, trace: Trace | None, n_observations: int, name: str) -> None:
        """Show another run."""
        self._n, self._name = max(n_observations, 1), name
        self.name_label.setText(f"{name}, nats")
        self.timeline.blockSignals(True)
        self.timeline.setRange(0, 0)
        self.timeline.blockSignals(False)
        self.curve.follow(trace, n_observations, name)

    def grow(self) -> None:
        """Take over the half-steps that have come."""
        trace = self._controller.trace
        if trace is not None:
            self.curve.grow()
            self.timeline.setMaximum(len(trace) - 1)

    def mark(self, index: int) -> None:
        """Show where the cursor is."""
        trace = self._controller.trace
        if trace is None or index >= len(trace):
            return
        self.timeline.setMaximum(len(trace) - 1)
        self.timeline.blockSignals(True)
        self.timeline.setValue(index)
        self.timeline.blockSignals(False)
        self.curve.mark(index)
        bound = trace.bound(index)
        before = trace.bound(index - 1) if index > 1 else None
        if bound is None:
            self.value_label.setText("–")
            self.change_label.setText("")
            self.per_label.setText("")
            return
        change = bound - before if before is not None else None
        self.value_label.setText(nats(bound, change))
        self.change_label.setText("" if change is None else f"{signed(change)} nats")
        restyle(self.change_label, state=phase_of(index).value.lower())
        self.per_label.setText(f"{nats(bound / self._n, (change or 0) / self._n or None)} each")

    def _on_picked(self, index: int) -> None:
        self._controller.pause()
        self._controller.seek(index)
