"""Tables of the Lab: quiet rows, one click chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from em_explorer.ui.theme import theme_manager

SHARE = Qt.ItemDataRole.UserRole + 1

ROW_HEIGHT = 28


@dataclass(frozen=True)
class Cell:
    """What one cell shows.

    Attributes
    ----------
    text : str
    tip : str
    color : str
        Of a dot before the text; empty for none.
    hollow : bool
        The dot is a ring: drawn dashed in the plot.
    share : float or None
        A bar behind the text, 0 to 1.
    bold : bool
    editable : bool
    """

    text: str
    tip: str = ""
    color: str = ""
    hollow: bool = False
    share: float | None = None
    bold: bool = False
    editable: bool = False


class _Bars(QStyledItemDelegate):
    """Paint the bar behind a cell's text."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        share = index.data(SHARE)
        if share is not None:
            bar = QRectF(option.rect)
            inset = theme_manager().px(6)
            bar.adjust(4, inset, -4, -inset)
            bar.setWidth(max(bar.width() * float(share), 2.0))
            theme = theme_manager().current
            painter.fillRect(bar, theme.color("e", 0.4 if theme.is_dark else 0.25))
        super().paint(painter, option, index)


def dot(color: str, hollow: bool) -> QIcon:
    """Return a dot, or a ring, that stands for a curve."""
    size = theme_manager().px(12)
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), 0.25 * size))
    painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QColor(color))
    inset = 0.3 * size
    painter.drawEllipse(QRectF(inset, inset, 2 * size - 2 * inset, 2 * size - 2 * inset))
    painter.end()
    return QIcon(pixmap)


class LabTable(QTableWidget):
    """Rows to choose from with the mouse or the Enter key.

    Parameters
    ----------
    name : str
        Its object name.
    headings : sequence of str
    stretched : int
        The column that takes the room left over.

    Signals
    -------
    chosen(row)
    edited(row, text)
        An editable cell has another text.
    dropped(row)
        The Delete key was pressed on a row.
    """

    chosen = Signal(int)
    edited = Signal(int, str)
    dropped = Signal(int)

    def __init__(
        self, name: str, headings: Sequence[str], stretched: int = 0, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(headings), parent)
        self.setObjectName(name)
        self.setHorizontalHeaderLabels(list(headings))
        self.setItemDelegate(_Bars(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        size = theme_manager().px(12)
        self.setIconSize(QSize(size, size))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        # The names of runs want every pixel that headings of numbers can spare.
        header.setStyleSheet(f"QHeaderView::section {{ padding: 4px {theme_manager().px(4)}px; }}")
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(theme_manager().px(24))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        first = self.horizontalHeaderItem(0)
        if first is not None:
            first.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._filling = False
        self.cellClicked.connect(self._on_clicked)
        self.cellActivated.connect(self._on_clicked)
        self.itemChanged.connect(self._on_changed)

    def fill(self, rows: Sequence[Sequence[Cell]], current: int = -1) -> None:
        """Show rows; ``current`` is the one that is on the screen."""
        self._filling = True
        try:
            self.setRowCount(len(rows))
            for i, row in enumerate(rows):
                self.setRowHeight(i, theme_manager().px(ROW_HEIGHT))
                for j, cell in enumerate(row):
                    self.setItem(i, j, _item(cell, left=j == 0))
            if 0 <= current < len(rows):
                self.selectRow(current)
            else:
                self.clearSelection()
        finally:
            self._filling = False

    def set_text(self, row: int, column: int, text: str) -> None:
        """Show another text in a cell, which is no edit."""
        item = self.item(row, column)
        if item is not None and item.text() != text:
            self._filling = True
            item.setText(text)
            self._filling = False

    def texts(self) -> list[list[str]]:
        """Return what the rows say."""
        found: list[list[str]] = []
        for i in range(self.rowCount()):
            items = (self.item(i, j) for j in range(self.columnCount()))
            found.append(["" if item is None else item.text() for item in items])
        return found

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let the Delete key drop a row."""
        if event.key() == Qt.Key.Key_Delete and self.currentRow() >= 0:
            self.dropped.emit(self.currentRow())
        else:
            super().keyPressEvent(event)

    def _on_clicked(self, row: int, _column: int = 0) -> None:
        self.chosen.emit(row)

    def _on_changed(self, item: Any) -> None:
        if not self._filling and item.column() == 0:
            self.edited.emit(item.row(), item.text())


def _item(cell: Cell, *, left: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(cell.text)
    flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
    item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if cell.editable else flags)
    side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(cell.tip)
    if cell.color:
        item.setIcon(dot(cell.color, cell.hollow))
    if cell.share is not None:
        item.setData(SHARE, cell.share)
    if cell.bold:
        font = item.font()
        font.setBold(True)
        item.setFont(font)
    return item
