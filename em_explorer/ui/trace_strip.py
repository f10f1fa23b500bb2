"""The strip below the curve: parameters against the iteration, a choice, and today's values."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.diagnose_words import part_color
from em_explorer.ui.editors import ElidedComboBox
from em_explorer.ui.views.parameter_traces import (
    EVERYTHING,
    ParameterTraces,
    Traces,
    most_moved,
    series_of,
)
from em_explorer.ui.wording import plain

TINY = 1e-6
"""Values below this, as a share of the largest beside them, are written 0."""


class TraceStrip(QWidget):
    """Beside the plot: which parameters, and their values at the cursor.

    Signals
    -------
    chosen()
        Other parameters are to be drawn.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trace_strip")
        self.plot = ParameterTraces()
        self.box = ElidedComboBox()
        self.box.setObjectName("traced")
        self.box.setAccessibleName("Parameters to follow")
        self.box.setToolTip("Which parameters are drawn against the iteration")
        self.box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.box.activated.connect(self._on_chosen)
        self.readout = QLabel()
        self.readout.setObjectName("traced_values")
        self.readout.setProperty("role", "caption")
        self.readout.setTextFormat(Qt.TextFormat.RichText)
        self.readout.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addWidget(self.readout, 1)
        self._lines = 4
        self._choice = ""
        self._own = False
        self._values: Floats | None = None
        self.plot.pointed.connect(self._on_pointed)

    def forget(self) -> None:
        """Choose anew for another run."""
        self._own = False
        self._values = None

    def show_lines(self, most: int) -> None:
        """List so many lines below the choice."""
        if most != self._lines:
            self._lines = most
            self._read(-1)

    @property
    def choice(self) -> str:
        """Which parameters are drawn."""
        return self._choice

    def choose(self, name: str) -> None:
        """Draw other parameters."""
        self._choice, self._own = name, True
        self.chosen.emit()

    def show_traces(self, traces: Traces, values: Floats | None, index: int, length: int) -> None:
        """Draw a run's parameters up to now; ``values`` are those at the cursor."""
        series = series_of(traces.parameters)
        if not self._own or self._choice not in series:
            self._choice = most_moved(traces)
            self._own = len(traces.iterations) > 3  # settled: it must not jump about
        names = list(series)
        if [self.box.itemText(i) for i in range(self.box.count())] != names:
            self.box.clear()
            self.box.addItems(names)
        self.box.setCurrentIndex(names.index(self._choice) if self._choice in names else -1)
        self._values = values
        self.plot.show_traces(traces, self._choice, length)
        self.plot.mark(index)
        self._read(-1)

    @Slot(int)
    def _on_chosen(self, position: int) -> None:
        self.choose(self.box.itemText(position))

    @Slot(int)
    def _on_pointed(self, row: int) -> None:
        self._read(row)

    def _read(self, pointed: int) -> None:
        """List values at the cursor, the line pointed at first."""
        traces = self.plot.traces
        if traces is None or self._values is None:
            self.readout.setText("")
            return
        rows = [row for row in self.plot.rows if row != pointed]
        rows = [pointed, *rows] if pointed in self.plot.rows else rows
        with_truth = traces.truth is not None and self._choice != EVERYTHING
        room = self._lines if len(rows) <= self._lines else self._lines - 1
        floor = TINY * float(np.max(np.abs(self._values[rows]), initial=0.0))
        lines = []
        for row in rows[:room]:
            parameter = traces.parameters[row]
            color = part_color(parameter.part)
            swatch = f'<span style="color:{color}">●</span> ' if color else ""
            text = f"{swatch}{parameter.label} = {_number(self._values[row], floor)}"
            if with_truth and traces.truth is not None:
                text += f" ({_number(traces.truth[row], floor)})"
            lines.append(f"<b>{text}</b>" if row == pointed else text)
        if len(rows) > room:
            lines.append(f"and {len(rows) - room} more: point at a line")
        self.readout.setText("<br>".join(lines))
        self.readout.setToolTip("In brackets, and dashed: the truth" if with_truth else "")


def _number(value: float, floor: float) -> str:
    return "0" if abs(value) <= floor else plain(float(value), 4)
