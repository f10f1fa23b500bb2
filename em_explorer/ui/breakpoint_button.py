"""The button "Stop when …": a small form of what EM is to be paused for."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.breakpoints import Breakpoints, PauseAfter
from em_explorer.ui.forms import OptionsForm
from em_explorer.ui.panels.explain import wrapped
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.transport import restyle
from em_explorer.ui.wording import plain

WIDTH = 320

BESIDE = 140
"""Labels up to this width, px, stand side by side."""


def summary(breakpoints: Breakpoints) -> tuple[str, ...]:
    """Return in a few words each what EM is paused for."""
    found = []
    if breakpoints.bound_falls:
        found.append("the bound falls")
    if breakpoints.counts_below:
        found.append(f"a count < {plain(breakpoints.counts_below, 3)}")
    if breakpoints.eigenvalue_below:
        found.append(f"an eigenvalue < {plain(breakpoints.eigenvalue_below, 3)}")
    if breakpoints.rate_above:
        found.append(f"the rate > {plain(breakpoints.rate_above, 3)}")
    if breakpoints.at_iteration:
        found.append(f"iteration {breakpoints.at_iteration} ends")
    if breakpoints.at_phase is not PauseAfter.NEVER:
        found.append(f"{breakpoints.at_phase.value} ends")
    return tuple(found)


class BreakpointForm(QFrame):
    """The form, in a window of its own that a click beside it closes.

    Signals
    -------
    changed(breakpoints)
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("breakpoint_form")
        self.setProperty("role", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = QLabel("Stop when …")
        title.setProperty("role", "title")
        self.form = OptionsForm(Breakpoints, columns=2, most_beside=BESIDE)
        self.form.changed.connect(self.changed)
        self.clear = QPushButton("Never")
        self.clear.setObjectName("clear_breakpoints")
        self.clear.setAccessibleName("Stop for nothing")
        self.clear.setToolTip("Switch all of them off")
        self.clear.clicked.connect(self._on_clear)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(wrapped("EM pauses there and says why; 0 is off.", role="secondary"))
        column.addWidget(self.form)

    @Slot()
    def _on_clear(self) -> None:
        self.form.set_value(Breakpoints())
        self.changed.emit(Breakpoints())


class BreakpointButton(QToolButton):
    """Opens the form, and says what EM is paused for.

    Signals
    -------
    changed(breakpoints)
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("breakpoints")
        self.setAccessibleName("Choose when to stop")
        self.setProperty("role", "quiet")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.breakpoints = Breakpoints()
        self.has_covariances: Callable[[], bool] = lambda: True
        """Whether the model has any: without, there are no eigenvalues to pause for."""
        self.form: BreakpointForm | None = None
        self.clicked.connect(self.open_form)
        self._say()

    def set_breakpoints(self, breakpoints: Breakpoints) -> None:
        """Pause for other things."""
        self.breakpoints = breakpoints
        if self.form is not None:
            self.form.form.set_value(breakpoints)
        self._say()
        self.changed.emit(breakpoints)

    @Slot()
    def open_form(self) -> None:
        """Show the form above the button."""
        if self.form is None:
            self.form = BreakpointForm(self)
            self.form.changed.connect(self._on_changed)
        self.form.form.set_value(self.breakpoints)
        self.form.form.editors["eigenvalue_below"].setEnabled(self.has_covariances())
        self.form.setFixedWidth(theme_manager().px(WIDTH))
        self.form.adjustSize()
        corner = self.mapToGlobal(QPoint(0, 0))
        self.form.move(corner.x(), max(0, corner.y() - self.form.height() - 4))
        self.form.show()
        self.form.form.editors["bound_falls"].setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot(object)
    def _on_changed(self, breakpoints: Breakpoints) -> None:
        self.breakpoints = breakpoints
        self._say()
        self.changed.emit(breakpoints)

    def _say(self) -> None:
        found = summary(self.breakpoints)
        text = "Stop when …" if not found else f"Stops when {found[0]}"
        if len(found) > 1:
            text += f" +{len(found) - 1}"
        self.setText(text)
        self.setToolTip(
            "Pause EM when something happens (W)"
            if not found
            else "EM pauses when " + ", when ".join(found) + " (W)"
        )
        restyle(self, state="warning" if found else "")
