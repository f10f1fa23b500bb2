"""The play area for a table with holes: tools, scatter, missingness map, legend."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.ui.editors import ColumnBox
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.incomplete_scatter import IncompleteScatter
from em_explorer.ui.views.overimputation import OverimputationView
from em_explorer.ui.views.pattern_map import PatternMap, scrolling
from em_explorer.ui.views.treatment_legend import TreatmentLegend

MAP_WIDTH = 200
"""Width of the missingness map, px."""

MOST_BOX = 156
"""Width of a choice of columns at most, px: three of them stand in one row."""


class IncompleteArea(QWidget):
    """Lay out the parts; what they show and do is the tab's.

    Attributes
    ----------
    x_box, y_box : ColumnBox
        The columns drawn.
    brush, punch_box, undo_button
        Punching holes: on or off, in which column, and taking the last stroke back.
    scatter, map, legend
    overimputation : OverimputationView
        In the scatter's place when somebody asks for it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter, self.map, self.legend = IncompleteScatter(), PatternMap(), TreatmentLegend()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._tools())
        middle = QHBoxLayout()
        middle.setSpacing(16)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.scatter)
        middle.addWidget(self._pages, 1)
        self._map_side = QWidget()
        self._map_side.setLayout(self._side())
        middle.addWidget(self._map_side)
        column.addLayout(middle, 1)
        column.addWidget(self.legend)
        self.brush.toggled.connect(self.scatter.set_brushing)
        theme_manager().changed.connect(self._resize)
        self._resize()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.x_box, self.y_box, self.punch_box = ColumnBox(), ColumnBox(), ColumnBox()
        for box, name, words in (
            (self.x_box, "x_column", "Across"),
            (self.y_box, "y_column", "Up"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(f"Column drawn {words.lower()}")
            label = QLabel(words)
            label.setProperty("role", "secondary")
            row.addWidget(label)
            row.addWidget(box)
        row.addStretch(1)
        self.brush = QCheckBox("Punch holes in")
        self.brush.setObjectName("punch")
        self.brush.setAccessibleName("Punch holes by clicking or dragging over points")
        self.brush.setToolTip("Click or drag over points to remove their value; the truth is kept")
        self.punch_box.setObjectName("punch_column")
        self.punch_box.setAccessibleName("Column that loses its values")
        self.undo_button = QToolButton()
        self.undo_button.setText("Undo")
        self.undo_button.setObjectName("undo_punch")
        self.undo_button.setAccessibleName("Undo the last holes punched")
        self.undo_button.setToolTip("Give back the values of the last stroke")
        self.undo_button.hide()
        for widget in (self.undo_button, self.brush, self.punch_box):
            row.addWidget(widget)
        return row

    def _side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(4)
        head = QLabel("WHO MISSES WHAT")
        head.setProperty("role", "group")
        hint = QLabel("Gray is seen, green is missing. Click a line to find its rows.")
        hint.setProperty("role", "caption")
        hint.setWordWrap(True)
        self._map_list = scrolling(self.map)
        side.addWidget(head)
        side.addWidget(hint)
        side.addWidget(self._map_list, 1)
        self._side_column = side
        return side

    def add_looks(self, words: QWidget, button: QWidget) -> None:
        """Take the words about a regression and the button of the check, below the map."""
        self._side_column.addWidget(words)
        self._side_column.addWidget(button)

    def show_compact(self, on: bool) -> None:
        """Leave the map and the brush out, or show them again."""
        for widget in (self._map_side, self.brush, self.punch_box):
            widget.setHidden(on)
        self.legend.show_compact(on)

    def show_overimputation(self, on: bool) -> None:
        """Show the check in the scatter's place, or the scatter."""
        self._pages.setCurrentWidget(self.overimputation if on else self.scatter)

    @cached_property
    def overimputation(self) -> OverimputationView:
        """The check of the fill-ins, made when it is first asked for."""
        made = OverimputationView()
        self._pages.addWidget(made)
        return made

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.scatter.retheme()
        if "overimputation" in vars(self):
            self.overimputation.retheme()

    def _resize(self, *_: object) -> None:
        px = theme_manager().px
        self._map_list.setFixedWidth(px(MAP_WIDTH))
        for box in (self.x_box, self.y_box, self.punch_box):
            box.setMaximumWidth(px(MOST_BOX))
        # As high as its neighbors: the row must not grow when it appears.
        self.undo_button.setMaximumHeight(self.punch_box.sizeHint().height())
