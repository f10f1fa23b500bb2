"""The mixture's play area: the row of choices above, and the scatter or the histogram below."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.ui.editors import ColumnBox
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.histogram import MixtureHistogram
from em_explorer.ui.views.margins import ScatterWithMargins

NARROW_BOX = 140
"""Width of a choice of columns in a split view, px."""

UNLIMITED = 16_777_215
"""The width that Qt gives widgets without a limit, px."""


class MixtureArea(QWidget):
    """Two columns chosen of many and drawn as a scatter, or one drawn as a histogram.

    Signals
    -------
    columns_chosen()
        Another pair is to be drawn.
    toggled()
        Something is to be drawn or left out.
    fit_wanted()
    histogram_made(view)
        It is made when it is first asked for: most data have two columns.
    """

    columns_chosen = Signal()
    toggled = Signal()
    fit_wanted = Signal()
    histogram_made = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pair = (0, 1)
        self._compact = False
        self._one_column = False
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self._make_choosers()
        self._row.addStretch(1)
        self._make_buttons()
        column.addLayout(self._row)
        stack = QWidget(self)
        self._stack = QStackedLayout(stack)
        self.margins = ScatterWithMargins(stack)
        self.scatter = self.margins.scatter
        self.made_histogram: MixtureHistogram | None = None
        self._stack.addWidget(self.margins)
        column.addWidget(stack, 1)

    @property
    def histogram(self) -> MixtureHistogram:
        """The view of one column."""
        if self.made_histogram is None:
            made = self.made_histogram = MixtureHistogram()
            self._stack.addWidget(made)
            self.histogram_made.emit(made)
        return self.made_histogram

    # -- the row -----------------------------------------------------------------------------

    def _make_choosers(self) -> None:
        self.columns = QWidget()
        choosers = QHBoxLayout(self.columns)
        choosers.setContentsMargins(0, 0, 0, 0)
        choosers.setSpacing(4)
        self.x_box, self.y_box = ColumnBox(), ColumnBox()
        for box, name, words in (
            (self.x_box, "x_column", "Across"),
            (self.y_box, "y_column", "Up"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(f"Column drawn {words.lower()}")
            box.activated.connect(self._on_columns)
            label = QLabel(words)
            label.setProperty("role", "secondary")
            choosers.addWidget(label)
            choosers.addWidget(box)
        self._row.addWidget(self.columns)

    def _make_buttons(self) -> None:
        self.density_button = self._toggle("Density", "Shade the density of the whole mixture")
        self.margins_button = self._toggle("Margins", "Show each column's histogram at the edges")
        self.symbols_button = self._toggle(
            "Symbols", "Give each component a symbol, not color alone"
        )
        self.truth_button = self._toggle("Truth", "Show the true groups as thin dashed lines")
        self.toggles = (
            self.density_button,
            self.margins_button,
            self.symbols_button,
            self.truth_button,
        )
        self.fit_button = self._button("fit", "Fit", "Show all the data again")
        self.fit_button.hide()
        self.fit_button.clicked.connect(self.fit_wanted)

    def add_parts(self, looks: QWidget, undo: QWidget, readout: QWidget) -> None:
        """Fill the row's end, and put the readout below; the tab makes some parts itself."""
        for button in (*self.toggles, looks, self.fit_button, undo):
            self._row.addWidget(button)
        self._column.addWidget(readout)

    def _button(self, name: str, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setProperty("role", "quiet")
        return button

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = self._button(f"show_{text.lower()}", text, tip)
        button.setCheckable(True)
        button.toggled.connect(self._on_toggled)
        return button

    # -- which columns -----------------------------------------------------------------------

    def choose_pair(self, names: list[str], pair: tuple[int, int]) -> None:
        """Offer columns, and choose two of them."""
        self.pair = pair
        for box, chosen in ((self.x_box, pair[0]), (self.y_box, pair[1])):
            box.clear()
            box.addItems(names)
            box.setCurrentIndex(chosen)

    def show_columns(self, n_columns: int) -> None:
        """Show the view, the choices and the toggles that so many columns need."""
        self._one_column = n_columns == 1
        self.columns.setVisible(n_columns > 2)
        self._stack.setCurrentWidget(self.histogram if self._one_column else self.margins)
        self._show_buttons()

    def _on_columns(self) -> None:
        chosen = self.x_box.currentIndex(), self.y_box.currentIndex()
        if chosen[0] == chosen[1]:  # the one that was there goes to the other axis
            old = self.pair
            chosen = (old[1], chosen[1]) if chosen[0] == old[0] else (chosen[0], old[0])
            self.x_box.setCurrentIndex(chosen[0])
            self.y_box.setCurrentIndex(chosen[1])
        self.pair = chosen
        self.columns_chosen.emit()

    def show_compact(self, on: bool) -> None:
        """Leave less room to the choice of columns."""
        self._compact = on
        most = theme_manager().px(NARROW_BOX) if on else UNLIMITED
        for box in (self.x_box, self.y_box):
            box.setMaximumWidth(most)
        for label in self.columns.findChildren(QLabel):
            label.setHidden(on)
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.density_button.setHidden(self._one_column)
        for button in (self.margins_button, self.symbols_button):
            button.setHidden(self._one_column or self._compact)

    # -- toggles -----------------------------------------------------------------------------

    def apply_view(self, view: dict[str, object]) -> None:
        """Set the toggles that a story asks for."""
        for button in self.toggles:
            button.setChecked(bool(view.get(button.objectName().removeprefix("show_"), False)))

    def _on_toggled(self, _: bool) -> None:
        self.scatter.density.setVisible(self.density_button.isChecked())
        self.margins.show_margins(self.margins_button.isChecked())
        self.scatter.show_symbols(self.symbols_button.isChecked())
        self.toggled.emit()

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.margins.retheme()
        if self.made_histogram is not None:
            self.made_histogram.retheme()
