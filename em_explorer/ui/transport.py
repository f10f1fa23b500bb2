"""The transport: play, the one button that names the next half-step, speed, and why EM stopped."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QToolButton, QWidget

from em_explorer.em.steps import Phase, StopReason
from em_explorer.em.trace import phase_of
from em_explorer.session.controller import Controller, RunState
from em_explorer.ui.icons import icon
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import count

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, math.inf)
"""Half-steps a second; the last is as fast as it goes."""

LATER_MS = 100
"""As fast as it goes, the buttons follow so often: a label that flickers can't be read."""

ICON = 16
"""Side of a button's picture, px."""

STOP_WORDS = {
    StopReason.CONVERGED: "converged",
    StopReason.ITERATION_LIMIT: "iteration limit reached",
    StopReason.DECREASED: "bound decreased",
    StopReason.SINGULAR: "singular",
    StopReason.STALLED: "stalled",
    StopReason.STOPPED: "stopped by you",
}

STOP_TONES = {
    StopReason.CONVERGED: "success",
    StopReason.ITERATION_LIMIT: "warning",
    StopReason.STALLED: "warning",
    StopReason.STOPPED: "warning",
    StopReason.DECREASED: "failure",
    StopReason.SINGULAR: "failure",
}


class Pill(QLabel):
    """A rounded label that says where the run stands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pill")
        self.setAccessibleName("State of the run")
        self.setProperty("role", "pill")

    def show_state(self, text: str, tone: str = "", details: str = "") -> None:
        """Show a state; ``tone`` is e, m, success, warning, failure or nothing."""
        self.setText(text)
        self.setToolTip(details)
        restyle(self, state=tone)


def restyle(widget: QWidget, **properties: str) -> None:
    """Set dynamic properties and let the style sheet look at the widget again."""
    if all(widget.property(name) == value for name, value in properties.items()):
        return
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Transport(QWidget):
    """Buttons bound to a controller.

    Signals
    -------
    new_start_wanted()
        Draw another start.
    """

    new_start_wanted = Signal()

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transport")
        self._controller = controller
        self._labels = {Phase.E: "E-step", Phase.M: "M-step"}
        self._icons: list[tuple[QToolButton, str]] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)

        self.rewind = self._button("rewind", "Back to the same start (R)", controller.rewind)
        self.back = self._button("back", "One half-step back (←)", controller.back)
        self.play = self._button("play", "Play (Space)", controller.toggle)
        self.step = QPushButton("E-step")
        self.step.setObjectName("step")
        self.step.setProperty("role", "e")
        self.step.setAccessibleName("Take the next half-step")
        self.step.setToolTip("Take the next half-step (→)")
        self.step.setMinimumWidth(theme_manager().px(270))
        self.step.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.step.clicked.connect(controller.step)
        self.end = self._button("end", "Run to the end (End)", controller.run_to_end)
        self.new_start = self._button(
            "new-start", "Draw a new start (N)", self.new_start_wanted.emit, name="new_start"
        )
        for widget in (self.rewind, self.back, self.play, self.step, self.end, self.new_start):
            row.addWidget(widget)
        row.addSpacing(16)
        self._add_speed(row)
        self._more = QHBoxLayout()
        self._more.setSpacing(8)
        row.addLayout(self._more)
        row.addStretch(1)
        self.pill = Pill()
        row.addWidget(self.pill)

        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self.refresh)
        controller.state_changed.connect(self._on_state)
        controller.cursor_changed.connect(self._on_cursor)
        theme_manager().changed.connect(self._retheme)
        self._retheme()
        self.refresh()

    def _button(self, picture: str, tip: str, slot: object, name: str | None = None) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name or picture)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        self._icons.append((button, picture))
        return button

    def add_button(self, button: QToolButton) -> None:
        """Add a button behind the speed."""
        self._more.addWidget(button)

    def _add_speed(self, row: QHBoxLayout) -> None:
        label = QLabel("Speed")
        label.setProperty("role", "secondary")
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setObjectName("speed")
        self.speed.setAccessibleName("Speed, half-steps a second")
        self.speed.setRange(0, len(SPEEDS) - 1)
        self.speed.setPageStep(1)
        self.speed.setFixedWidth(theme_manager().px(110))
        self.speed.setToolTip("Half-steps a second; at the right end, as fast as it goes")
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed_text = QLabel()
        self.speed_text.setProperty("role", "secondary")
        self.speed_text.setMinimumWidth(theme_manager().px(96))
        self.speed.valueChanged.connect(self._on_speed)
        self.set_speed(2.0)
        for widget in (label, self.speed, self.speed_text):
            row.addWidget(widget)

    def set_speed(self, half_steps_per_second: float) -> None:
        """Choose the nearest speed the slider has."""
        nearest = min(
            range(len(SPEEDS)),
            key=lambda i: abs(math.log(min(SPEEDS[i], 1e4) / min(half_steps_per_second, 1e4))),
        )
        self.speed.setValue(nearest)
        self._on_speed(nearest)

    @Slot(int)
    def _on_speed(self, position: int) -> None:
        speed = SPEEDS[position]
        self._controller.set_speed(speed)
        words = (
            "as fast as it goes"
            if math.isinf(speed)
            else f"{speed:g} half-step{'' if speed == 1 else 's'}/s"
        )
        self.speed_text.setText(words)

    def set_labels(self, e_step: str, m_step: str) -> None:
        """Say what the two half-steps do in this model."""
        self._labels = {Phase.E: e_step, Phase.M: m_step}
        self.refresh()

    @Slot(object)
    def _on_state(self, _state: RunState) -> None:
        self._on_cursor(self._controller.cursor)

    @Slot(int)
    def _on_cursor(self, _index: int) -> None:
        if not self._controller.rushing:
            self.refresh()
        elif not self._later.isActive():
            self._later.start()

    @Slot()
    def refresh(self, *_: object) -> None:
        """Bring every button and the pill in line with the controller."""
        controller = self._controller
        phase = controller.next_phase
        begun = controller.position > 0
        self.rewind.setEnabled(begun)
        self.back.setEnabled(begun)
        self.play.setEnabled(controller.can_advance)
        self.end.setEnabled(controller.can_advance)
        self.step.setEnabled(phase is not None)
        self.new_start.setEnabled(controller.trace is not None)
        if phase is not None:
            self.step.setText(self._labels[phase])
            restyle(self.step, role=phase.value.lower())
        elif controller.trace is not None:
            self.step.setText("EM has stopped")
        picture = "pause" if controller.playing else "play"
        if self.play.property("picture") != picture:
            self.play.setProperty("picture", picture)
            self.play.setToolTip("Pause (Space)" if controller.playing else "Play (Space)")
            self.play.setAccessibleName("Pause" if controller.playing else "Play")
            self._retheme()
        self._refresh_pill()

    def _refresh_pill(self) -> None:
        controller = self._controller
        if controller.trace is None:
            self.pill.show_state("no data")
            return
        phase = phase_of(controller.position)
        stop = controller.trace.stop
        if phase is Phase.START:
            where = "at the start"
        else:
            where = f"iteration {controller.position // 2} · {phase.value}"
        beyond = controller.position > controller.cursor and controller.can_advance
        if controller.state is RunState.FINISHED and stop is not None and not beyond:
            words = f"{STOP_WORDS[stop.reason]} · {count(stop.iteration, 'iteration')}"
            self.pill.show_state(words, STOP_TONES[stop.reason], stop.message)
        elif controller.state is RunState.FAILED:
            self.pill.show_state("failed", "failure")
        elif controller.playing:
            self.pill.show_state(where, "e" if phase is not Phase.M else "m")
        else:
            self.pill.show_state(where)

    def _retheme(self, *_: object) -> None:
        theme, side = theme_manager().current, theme_manager().px(ICON)
        for button, picture in self._icons:
            button.setIconSize(QSize(side, side))
            name = "pause" if button is self.play and self._controller.playing else picture
            button.setIcon(icon(name, theme.text))
