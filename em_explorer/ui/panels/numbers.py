"""The Numbers panel: today's values, in groups of name and value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QSpacerItem, QWidget


@dataclass(frozen=True)
class NumberRow:
    """One line: a name, its value, and a color token or component index for a swatch."""

    name: str
    value: str
    color: str = ""
    tip: str = ""


@dataclass(frozen=True)
class NumberGroup:
    """A titled group of lines."""

    title: str
    rows: tuple[NumberRow, ...]


class NumbersPanel(QScrollArea):
    """Values of the snapshot under the cursor."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("numbers")
        self.setAccessibleName("Numbers of this half-step")
        self.setProperty("role", "panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._page = QWidget()
        self._page.setProperty("role", "panel")
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(16, 16, 16, 16)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self.setWidget(self._page)
        self._shape: list[tuple[str, int]] = []
        self._names: list[QLabel] = []
        self._values: list[QLabel] = []
        self.groups: tuple[NumberGroup, ...] = ()

    def show_groups(self, groups: tuple[NumberGroup, ...]) -> None:
        """Show the groups; the labels are made anew only when their layout changes."""
        self.groups = groups
        shape = [(group.title, len(group.rows)) for group in groups]
        if shape != self._shape:
            self._rebuild(groups)
            self._shape = shape
        rows = [row for group in groups for row in group.rows]
        for row, name, value in zip(rows, self._names, self._values, strict=True):
            swatch = f'<span style="color:{row.color}">●</span> ' if row.color else ""
            name.setText(f"{swatch}{row.name}")
            name.setToolTip(row.tip)
            value.setText(row.value)

    def value_of(self, name: str) -> str:
        """Return the value shown beside a name (the first of that name)."""
        for group in self.groups:
            for row in group.rows:
                if row.name == name:
                    return row.value
        raise KeyError(name)

    def _rebuild(self, groups: tuple[NumberGroup, ...]) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        self._names, self._values = [], []
        self._grid.setRowStretch(self._grid.rowCount() - 1, 0)
        line = 0
        for group in groups:
            head = QLabel(group.title.upper())
            head.setProperty("role", "group")
            if line:
                head.setContentsMargins(0, 12, 0, 0)
            self._grid.addWidget(head, line, 0, 1, 2)
            line += 1
            for _ in group.rows:
                name, value = QLabel(), QLabel()
                name.setTextFormat(Qt.TextFormat.RichText)
                name.setWordWrap(True)
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._grid.addWidget(name, line, 0)
                self._grid.addWidget(value, line, 1)
                self._names.append(name)
                self._values.append(value)
                line += 1
        # The last, empty row takes the rest: aligned to the top, the grid would cut long names.
        self._grid.addItem(QSpacerItem(0, 0), line, 0)
        self._grid.setRowStretch(line, 1)
