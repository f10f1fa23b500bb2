"""Seen values beside what the rest of their rows would have filled in: the overimputation plot."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.models.overimputation import Z_90, Overimputed
from em_explorer.ui.theme import dashed_pen, style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.pattern_map import IMPUTED

MOST_DRAWN = 1500
"""Intervals; of more a random part is drawn, and all are counted."""


class OverimputationView(QWidget):
    """The plot with a sentence above it.

    Attributes
    ----------
    found : Overimputed or None
        What is drawn, in the data's units.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overimputation")
        self.setAccessibleName("Seen values beside their predictions from the rest of the row")
        self.found: Overimputed | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.words = QLabel()
        self.words.setObjectName("coverage")
        self.words.setProperty("role", "secondary")
        self.words.setWordWrap(True)
        self.plot = pg.PlotWidget(enableMenu=False, axisItems=axes())
        column.addWidget(self.words)
        column.addWidget(self.plot, 1)
        self.diagonal = pg.PlotCurveItem()
        self.intervals = {hit: pg.PlotCurveItem(connect="pairs") for hit in (True, False)}
        self.points = {hit: pg.ScatterPlotItem(size=6) for hit in (True, False)}
        self.points[False].setSymbol("t")
        for item in (self.diagonal, *self.intervals.values(), *self.points.values()):
            self.plot.addItem(item, ignoreBounds=True)
        self.retheme()

    def show_column(self, name: str, unit: str, low: float, high: float) -> None:
        """Name the axes for a column whose values lie between ``low`` and ``high``."""
        behind = f" ({unit})" if unit else ""
        self.plot.setLabel("bottom", f"{name} seen{behind}")
        self.plot.setLabel("left", f"{name} filled in{behind}")
        style_plot(self.plot)
        room = 0.15 * (high - low) or 1.0
        low, high = low - room, high + room
        self.plot.setRange(xRange=(low, high), yRange=(low, high), padding=0)
        reach = np.array([low - 9 * (high - low), high + 9 * (high - low)])
        self.diagonal.setData(reach, reach)

    def show_cells(self, found: Overimputed, name: str) -> None:
        """Draw 90 % intervals, and say how many hold the value that was seen."""
        self.found = found
        n, covered = len(found.rows), found.covered
        drawn = np.arange(n)
        if n > MOST_DRAWN:
            drawn = np.sort(np.random.default_rng(0).choice(n, MOST_DRAWN, replace=False))
        for hit in (True, False):
            rows = drawn[covered[drawn] == hit]
            x, y = found.observed[rows], found.predicted[rows]
            reach = Z_90 * found.deviations[rows]
            ends = np.stack([y - reach, y + reach], axis=1).ravel()
            self.intervals[hit].setData(np.repeat(x, 2), ends)
            self.points[hit].setData(x, y)
        self._dress_intervals(len(drawn))
        if not n:
            self.words.setText(f"No value of {name} was seen.")
            return
        share = 100.0 * float(covered.mean())
        self.words.setText(
            f"Each {name} seen, treated as missing and filled in from the rest of its row: "
            f"{share:.0f} % of the 90 % intervals hold the value seen ({int(covered.sum()):,} of "
            f"{n:,}). Orange triangles miss it."
        )

    def wait(self, name: str) -> None:
        """Say that the cells are on their way."""
        if self.found is None:
            self.words.setText(f"Each {name} seen is being filled in from the rest of its row …")

    def ends(self, hit: bool) -> Floats:
        """Return the ends of the intervals drawn that hold their value, or miss it; (2 n, 2)."""
        item = self.intervals[hit]
        return np.column_stack([item.xData, item.yData])

    def retheme(self) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        style_plot(self.plot)
        self.diagonal.setPen(dashed_pen(theme))
        for hit, color in ((True, theme.component(IMPUTED)), (False, theme.color("m"))):
            self.points[hit].setPen(pg.mkPen(None))
            self.points[hit].setBrush(color)
        self._dress_intervals(MOST_DRAWN if self.found is None else len(self.found.rows))

    def _dress_intervals(self, n: int) -> None:
        """Make the intervals fainter, the more there are."""
        theme = theme_manager().current
        alpha = float(np.clip(60.0 / max(n, 1), 0.12, 0.5))
        for hit, color in ((True, theme.component(IMPUTED)), (False, theme.color("m"))):
            color.setAlphaF(alpha if hit else 0.8)
            pen = pg.mkPen(color, width=1.2)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            self.intervals[hit].setPen(pen)
