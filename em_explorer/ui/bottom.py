"""The foot of a tab: transport, curve with its reading, timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.convergence import is_rounding
from em_explorer.em.trace import Trace, phase_of
from em_explorer.session.controller import Controller
from em_explorer.ui.diagnose_words import Outlook
from em_explorer.ui.editors import ElidedComboBox
from em_explorer.ui.panels.sections import ElidedLabel
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.timeline import Timeline
from em_explorer.ui.transport import Transport, restyle
from em_explorer.ui.views.curve import LikelihoodCurve
from em_explorer.ui.views.curve_parts import CurveMode
from em_explorer.ui.wording import nats, signed

if TYPE_CHECKING:
    from em_explorer.ui.trace_strip import TraceStrip

ROOMY = 900
"""A window lower than this, px, has little room for two plots above each other."""


class Bottom(QWidget):
    """Transport, curve with its reading, parameter traces when wanted, timeline.

    Signals
    -------
    traces_wanted()
        The strip of parameters was opened, or others were chosen.
    """

    traces_wanted = Signal()

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._controller = controller
        self._n = 1
        self._name = "log-likelihood"
        self.transport = Transport(controller, self)
        self.curve = LikelihoodCurve()
        self.timeline = Timeline()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(4)
        column.addWidget(self.transport)
        self.strip: TraceStrip | None = None
        self._middle = QGridLayout()
        self._middle.setHorizontalSpacing(16)
        self._middle.setVerticalSpacing(4)
        self._middle.setColumnStretch(0, 1)
        self._middle.addWidget(self.curve, 0, 0)
        self._middle.addLayout(self._reading(), 0, 1, 2, 1)
        column.addLayout(self._middle)
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
        self.outlook = ElidedLabel()
        self.outlook.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.outlook.setObjectName("outlook")
        self.outlook.setAccessibleName("What lies ahead of this run")
        self.outlook.setProperty("role", "caption")
        for widget in (
            self.name_label,
            self.value_label,
            self.change_label,
            self.per_label,
            self.outlook,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        column.addLayout(self._choices())
        self._right = column
        return column

    def _choices(self) -> QHBoxLayout:
        self.mode_box = ElidedComboBox()
        self.mode_box.setObjectName("curve_mode")
        self.mode_box.setAccessibleName("How the curve is drawn")
        self.mode_box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for mode in CurveMode:
            self.mode_box.addItem(mode.value)
            self.mode_box.setItemData(
                self.mode_box.count() - 1, mode.tip, Qt.ItemDataRole.ToolTipRole
            )
        self.mode_box.setToolTip("Total, per observation, or how far the limit still is")
        self.mode_box.currentIndexChanged.connect(self._on_mode)
        self.row = QHBoxLayout()
        self.row.setSpacing(4)
        self.row.addWidget(self.mode_box, 1)
        self.traces_button = QToolButton()
        self.traces_button.setObjectName("show_traces")
        self.traces_button.setText("Traces")
        self.traces_button.setAccessibleName("Draw the parameters against the iteration")
        self.traces_button.setToolTip("Draw the parameters against the iteration (T)")
        self.traces_button.setProperty("role", "quiet")
        self.traces_button.setCheckable(True)
        self.traces_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.traces_button.toggled.connect(self._on_traces)
        self.row.addWidget(self.traces_button)
        return self.row

    def _resize(self, *_: object) -> None:
        px, scale = theme_manager().px, theme_manager().scale
        # In projector mode the type grows, but most of the room belongs to the picture.
        roomy = self.window().height() >= px(ROOMY)
        curve, traces = ((92, 136) if roomy else (46, 82)) if self.traces_shown else (132, 0)
        self.curve.setFixedHeight(round(curve * scale**0.5))
        if self.strip is not None:
            self.strip.plot.setFixedHeight(round(traces * scale**0.5))
            self.strip.setMaximumHeight(round((98 if roomy else 58) * scale**0.5))
            self.strip.show_lines(4 if roomy else 2)
        self.curve.getAxis("left").showLabel(roomy or not self.traces_shown)
        for label in (self.name_label, self.change_label, self.per_label):
            label.setVisible(roomy or not self.traces_shown)
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
            self.lengthen()

    def lengthen(self) -> None:
        """Let the timeline end with the last half-step of the longer run."""
        self.timeline.setMaximum(self._controller.reach)

    def mark(self, index: int) -> None:
        """Show where the cursor is."""
        trace = self._controller.trace
        if trace is None or index >= len(trace):
            return
        controller = self._controller
        self.timeline.blockSignals(True)
        self.timeline.setMaximum(controller.reach)
        self.timeline.setValue(controller.position if index == controller.cursor else index)
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
        if change is not None and is_rounding(change, bound):
            change = 0.0
        self.value_label.setText(nats(bound, change))
        self.change_label.setText("" if change is None else f"{signed(change)} nats")
        restyle(self.change_label, state=phase_of(index).value.lower())
        self.per_label.setText(f"{nats(bound / self._n, (change or 0) / self._n or None)} each")

    def show_outlook(self, outlook: Outlook) -> None:
        """Say in one line what lies ahead."""
        self.outlook.setText(outlook.text)
        self.outlook.setToolTip(outlook.details)
        restyle(self.outlook, state=outlook.tone)

    # -- parameter traces --------------------------------------------------------------------

    @property
    def traces_shown(self) -> bool:
        """Whether the strip of parameters is open."""
        return self.traces_button.isChecked()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take more room in a larger window."""
        super().resizeEvent(event)
        if self.traces_shown:
            self._resize()

    @Slot(bool)
    def _on_traces(self, shown: bool) -> None:
        if self.strip is None:
            from em_explorer.ui.trace_strip import TraceStrip

            self.strip = TraceStrip()
            self.strip.plot.setXLink(self.curve)
            self.strip.plot.picked.connect(self._on_picked)
            self.strip.chosen.connect(self.traces_wanted)
            self._show_strip(False)
            self._middle.addWidget(self.strip.plot, 1, 0)
            self._right.addWidget(self.strip)
        # One axis of time is enough, and the picture above wants its room. What goes goes first:
        # a window that has grown for a moment would stay large.
        if not shown:
            self._show_strip(False)
        self.curve.show_time(not shown)
        self._resize()
        if shown:
            self._show_strip(True)
            self.traces_wanted.emit()

    def _show_strip(self, on: bool) -> None:
        assert self.strip is not None
        self.strip.plot.setVisible(on)
        self.strip.setVisible(on)

    @Slot(int)
    def _on_mode(self, position: int) -> None:
        self.curve.show_mode(list(CurveMode)[position])

    def _on_picked(self, index: int) -> None:
        self._controller.pause()
        self._controller.seek(index)
