"""Headings that fold: each says the gist of what is below it, and opens with a click."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.transport import restyle


class ElidedLabel(QLabel):
    """A label of one line with an ellipsis, at its end or as ``elide`` says, without room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.elide = Qt.TextElideMode.ElideRight

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what there is room for."""
        painter = QPainter(self)
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), self.elide, room.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, int(self.alignment()), text)
        painter.end()


class Section(QWidget):
    """A heading with the gist beside it, over a body that folds.

    Signals
    -------
    opened(section)
        The person has opened it.
    toggled(open)
    """

    opened = Signal(object)
    toggled = Signal(bool)

    def __init__(self, name: str, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"section_{name}")
        self.head = QToolButton()
        self.head.setObjectName(f"fold_{name}")
        self.head.setText(title.upper())
        self.head.setAccessibleName(f"{title}: show or fold")
        self.head.setToolTip(tip)
        self.head.setProperty("role", "section")
        self.head.setCheckable(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.gist = ElidedLabel()
        self.gist.setObjectName(f"gist_{name}")
        self.gist.elide = Qt.TextElideMode.ElideMiddle  # its number stands at the end
        self.gist.setProperty("role", "caption")
        self.body = QWidget()
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 0, 0, 10)
        self.column.setSpacing(6)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.head)
        row.addWidget(self.gist, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.body)
        self.head.toggled.connect(self._on_toggled)
        self.head.clicked.connect(self._on_clicked)
        self._on_toggled(False)

    @property
    def is_open(self) -> bool:
        """Whether the body is shown."""
        return self.head.isChecked()

    def show_gist(self, text: str, tone: str = "") -> None:
        """Say in a few words what is below."""
        if self.gist.text() != text:
            self.gist.setText(text)
            self.gist.setToolTip(text)
        restyle(self.gist, state=tone)

    def _on_clicked(self, opened: bool) -> None:
        if opened:
            self.opened.emit(self)

    def _on_toggled(self, opened: bool) -> None:
        self.head.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.body.setVisible(opened)
        self.toggled.emit(opened)


class RowsGrid(QWidget):
    """Names and values under each other; labels are made anew only when their number changes."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.rows: tuple[NumberRow, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._labels: list[tuple[QLabel, QLabel]] = []

    def show_rows(self, rows: tuple[NumberRow, ...]) -> None:
        """Show so many rows; those too many are hidden, not destroyed."""
        self.rows = rows
        while len(self._labels) < len(rows):
            self._add()
        for (name, value), row in zip(self._labels, rows, strict=False):
            swatch = f'<span style="color:{row.color}">●</span> ' if row.color else ""
            name.setText(f"{swatch}{row.name}")
            for label in (name, value):
                label.setToolTip(row.tip or f"{row.name}: {row.value}")
        for i, pair in enumerate(self._labels):
            for label in pair:
                label.setVisible(i < len(rows))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say more where there is more room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Write the values; without where they came from, if a name would else be cut."""
        room = self.width() - self._grid.horizontalSpacing()
        pairs = list(zip(self._labels, self.rows, strict=False))
        for (_, value), row in pairs:
            value.setText(row.value)
        if not any("→" in row.value for row in self.rows):
            return
        if all(n.sizeHint().width() + v.sizeHint().width() <= room for (n, v), _ in pairs):
            return
        for (_, value), row in pairs:
            _came_from, arrow, rest = row.value.partition("→")
            value.setText(f"{arrow}{rest}" if arrow else row.value)

    def value_of(self, name: str) -> str:
        """Return the value beside a name."""
        return next(row.value for row in self.rows if row.name == name)

    def _add(self) -> None:
        name, value = QLabel(), QLabel()
        name.setTextFormat(Qt.TextFormat.RichText)
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        name.setMinimumHeight(theme_manager().px(17))
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        line = len(self._labels)
        self._grid.addWidget(name, line, 0)
        self._grid.addWidget(value, line, 1)
        self._labels.append((name, value))
