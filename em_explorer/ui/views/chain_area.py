"""The hidden Markov play area: the time axis above, the model itself below."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from em_explorer.ui.views.emissions import EmissionView
from em_explorer.ui.views.time_axis import TimeView
from em_explorer.ui.views.transition_diagram import TransitionDiagram
from em_explorer.ui.views.transition_matrix import TransitionMatrix


class ChainArea(QWidget):
    """Toolbar, time axis, transition matrix, diagram and emissions.

    Signals
    -------
    sequence_chosen(number)
        One sequence, or −1 for all.
    column_chosen(column)
    align_wanted()
    """

    sequence_chosen = Signal(int)
    column_chosen = Signal(int)
    align_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.time = TimeView()
        self.matrix = TransitionMatrix()
        self.diagram = TransitionDiagram()
        self.emissions = EmissionView()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._tools())
        self._column = column
        column.addWidget(self.time, 7)
        lower = QHBoxLayout()
        lower.setSpacing(16)
        for title, widget, stretch in (
            ("Transitions: from row to column", self.matrix, 8),
            ("The chain", self.diagram, 6),
            ("What each state emits", self.emissions, 10),
        ):
            part = QVBoxLayout()
            part.setSpacing(2)
            label = QLabel(title)
            label.setProperty("role", "caption")
            part.addWidget(label)
            part.addWidget(widget, 1)
            lower.addLayout(part, stretch)
        column.addLayout(lower, 4)

    def _tools(self) -> QHBoxLayout:
        self.sequence_box, self.column_box = QComboBox(), QComboBox()
        for box, name, words in (
            (self.sequence_box, "sequence", "Which sequence is shown"),
            (self.column_box, "column", "Which column of the observations is shown"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(words)
            box.hide()
        self.sequence_box.activated.connect(lambda i: self.sequence_chosen.emit(i - 1))
        self.column_box.activated.connect(self.column_chosen)
        self.readout = QLabel()
        self.readout.setObjectName("readout")
        self.readout.setAccessibleName("Values at the time step under the pointer")
        self.readout.setProperty("role", "caption")
        self.readout.setTextFormat(Qt.TextFormat.RichText)
        self.readout.setMinimumWidth(1)  # a long line must not widen the window
        self.whole = QPushButton("Show all")
        self.whole.setObjectName("show_all_steps")
        self.whole.setAccessibleName("Show the whole time axis")
        self.whole.setToolTip("Show every time step again (zoom with the wheel, drag to pan)")
        self.align = QPushButton("Align states")
        self.align.setObjectName("align")
        self.align.setAccessibleName("Renumber the states")
        for button in (self.whole, self.align):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.sequence_box)
        row.addWidget(self.column_box)
        row.addWidget(self.readout, 1)
        row.addWidget(self.whole)
        row.addWidget(self.align)
        self._row = row
        self.align.clicked.connect(lambda: self.align_wanted.emit())
        self.whole.clicked.connect(lambda: self.time.show_sequence(self.chosen_sequence))
        return row

    def add_sweep(self, button: QWidget, row: QWidget) -> None:
        """Take the button that shows the sweeps, and the row of their slider."""
        self._row.insertWidget(self._row.indexOf(self.whole), button)
        self._column.insertWidget(1, row)

    @property
    def chosen_sequence(self) -> int | None:
        """The sequence shown, or None for all."""
        index = self.sequence_box.currentIndex()
        return index - 1 if index > 0 else None

    def set_choices(self, n_sequences: int, columns: tuple[str, ...]) -> None:
        """Offer sequences and columns where there is more than one."""
        self.sequence_box.clear()
        self.sequence_box.addItems(
            ["All sequences", *(f"Sequence {i + 1}" for i in range(n_sequences))]
        )
        self.sequence_box.setVisible(n_sequences > 1)
        self.column_box.clear()
        self.column_box.addItems(list(columns))
        self.column_box.setVisible(len(columns) > 1)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.time.retheme()
        self.emissions.retheme()
        self.matrix.update()
        self.diagram.update()
