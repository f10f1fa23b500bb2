"""A histogram of one column with the components' densities over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.scatter import blend, component_colors


class MixtureHistogram(pg.PlotWidget):
    """Bars colored by responsibility, one density curve per component and their sum.

    Signals
    -------
    mean_dragged(component, x)
        A mean was dropped at a new place, in the data's units.
    """

    mean_dragged = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("histogram")
        self.setAccessibleName("Histogram of the data with the components' densities")
        self._x = np.empty(0)
        self._edges = np.array([0.0, 1.0])
        self._bins = np.empty(0, dtype=int)
        self._grid = np.linspace(0, 1, 400)
        self._moving = False
        self.bars = pg.BarGraphItem(x=[0.5], height=[0.0], width=1.0, pen=None)
        self.addItem(self.bars)
        self.total = pg.PlotCurveItem(antialias=True)
        self.addItem(self.total)
        self.curves: list[pg.PlotCurveItem] = []
        self.lines: list[pg.InfiniteLine] = []
        style_plot(self)

    def show_data(self, x: Floats, label: tuple[str, str]) -> None:
        """Bin other values (Freedman–Diaconis)."""
        self._x = x
        self._edges = np.histogram_bin_edges(x, "fd" if x.size > 1 else 1)
        if not 8 <= self._edges.size - 1 <= 200:
            self._edges = np.linspace(x.min(), x.max() + (x.max() == x.min()), 25)
        n_bins = self._edges.size - 1
        self._bins = np.clip(np.searchsorted(self._edges, x, "right") - 1, 0, n_bins - 1)
        width = self._edges[1] - self._edges[0]
        heights = np.bincount(self._bins, minlength=n_bins) / (x.size * width)
        self.bars.setOpts(x=self._edges[:-1] + width / 2, height=heights, width=width * 0.92)
        room = 0.1 * (self._edges[-1] - self._edges[0])
        self._grid = np.linspace(self._edges[0] - room, self._edges[-1] + room, 600)
        self.setLabel("bottom", f"{label[0]} ({label[1]})" if label[1] else label[0])
        self.setLabel("left", "density")
        style_plot(self)
        self.setRange(
            xRange=(self._grid[0], self._grid[-1]), yRange=(0, heights.max() * 1.25), padding=0
        )

    def set_components(self, n: int) -> None:
        """Make the items of n components."""
        for item in (*self.curves, *self.lines):
            self.removeItem(item)
        theme = theme_manager().current
        self.total.setPen(pg.mkPen(theme.text, width=1.5))
        self.curves, self.lines = [], []
        for k in range(n):
            color = theme.component(k)
            curve = pg.PlotCurveItem(pen=pg.mkPen(color, width=2.5), antialias=True)
            line = pg.InfiniteLine(
                0.0, movable=True, pen=pg.mkPen(color, width=1.5), label=str(k + 1)
            )
            line.label.setPosition(0.95)
            line.label.setColor(theme.text)
            line.component = k
            line.sigPositionChangeFinished.connect(self._on_dropped)
            self.addItem(curve, ignoreBounds=True)
            self.addItem(line, ignoreBounds=True)
            self.curves.append(curve)
            self.lines.append(line)

    def draw(self, picture: Any) -> None:
        """Draw a mixture's picture with one column."""
        theme = theme_manager().current
        n_bins = self._edges.size - 1
        if picture.responsibilities is None:
            self.bars.setOpts(brush=theme.color("secondary", 0.45))
        else:
            shares = np.zeros((n_bins, picture.weights.size))
            np.add.at(shares, self._bins, picture.responsibilities)
            shares /= np.maximum(shares.sum(1, keepdims=True), 1e-300)
            rgb = blend(shares, component_colors(picture.weights.size))
            self.bars.setOpts(brushes=[QColor(int(r), int(g), int(b), 120) for r, g, b in rgb])
        total = np.zeros_like(self._grid)
        self._moving = True
        for k, weight in enumerate(picture.weights):
            mean, spread = picture.means[k, 0], np.sqrt(picture.covariances[k, 0, 0])
            z = (self._grid - mean) / spread
            density = weight * np.exp(-0.5 * z * z) / (spread * np.sqrt(2 * np.pi))
            total += density
            self.curves[k].setData(self._grid, density)
            self.lines[k].setValue(float(mean))
        self._moving = False
        self.total.setData(self._grid, total)

    def retheme(self) -> None:
        """Take the theme's colors."""
        style_plot(self)
        self.set_components(len(self.curves))

    def _on_dropped(self, line: Any) -> None:
        if not self._moving:
            self.mean_dragged.emit(line.component, float(line.value()))
