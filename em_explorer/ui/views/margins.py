"""The scatter with a histogram along its top and right edge."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QGridLayout, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.scatter import MixtureScatter
from em_explorer.ui.views.shapes import line_density

FAINT = 1e-2
"""A density below this share of the highest bar is not drawn along the edge."""

TOP_HEIGHT, SIDE_WIDTH = 64, 72
"""Room for the two histograms, px."""


class MarginPlot(pg.PlotWidget):
    """How one column is spread, with the components' densities and their sum.

    Parameters
    ----------
    sideways : bool
        Values run up and densities to the right.
    """

    def __init__(self, *, sideways: bool) -> None:
        super().__init__(enableMenu=False, axisItems=axes())
        self._sideways = sideways
        self._x = np.empty(0)
        self._grid = np.linspace(0.0, 1.0, 200)
        self._highest = 1.0
        self.setObjectName("margin_right" if sideways else "margin_top")
        self.setAccessibleName("Histogram of the column drawn " + ("up" if sideways else "across"))
        self.setMouseEnabled(False, False)
        self.bars = pg.PlotCurveItem(fillLevel="enclosed", pen=None)
        self.total = pg.PlotCurveItem()
        self.curves: list[pg.PlotCurveItem] = []
        self.addItem(self.bars, ignoreBounds=True)
        self.addItem(self.total, ignoreBounds=True)
        self.retheme()

    def show_data(self, x: Floats) -> None:
        """Bin other values."""
        self._x = x
        n_bins = int(np.clip(2.0 * np.sqrt(x.size), 8, 60))
        heights, edges = np.histogram(x, n_bins, density=True)
        # Each bin's height twice, at its two edges: a staircase.
        self._set(self.bars, np.repeat(edges, 2), np.concatenate([[0], np.repeat(heights, 2), [0]]))
        room = 0.25 * (edges[-1] - edges[0])
        self._grid = np.linspace(edges[0] - room, edges[-1] + room, 300)
        self._highest = float(heights.max())
        top = 1.15 * self._highest
        if self._sideways:
            self.setXRange(0.0, top, padding=0)
        else:
            self.setYRange(0.0, top, padding=0)

    def draw(self, weights: Floats, means: Floats, variances: Floats) -> None:
        """Draw the densities of K components of one column."""
        if len(self.curves) != len(weights):
            self._make_curves(len(weights))
        total = np.zeros_like(self._grid)
        for k, weight in enumerate(weights):
            density = weight * line_density(self._grid, float(means[k]), float(variances[k]))
            total += density
            self._set(self.curves[k], self._grid, self._visible(density))
        self._set(self.total, self._grid, self._visible(total))

    def _visible(self, density: Floats) -> Floats:
        return np.where(density > FAINT * self._highest, density, np.nan)

    def retheme(self) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        style_plot(self)
        item = self.getPlotItem()
        item.showGrid(x=False, y=False)
        # The axis beside the scatter's own stays, empty, so that the two plots are as long.
        item.hideAxis("left" if self._sideways else "bottom")
        kept = item.getAxis("bottom" if self._sideways else "left")
        kept.setStyle(showValues=False, tickLength=0)
        kept.setPen(pg.mkPen(None))
        kept.setTicks([])
        self.bars.setBrush(theme.color("secondary", 0.25))
        self.total.setPen(pg.mkPen(theme.secondary, width=1.2))
        self._make_curves(len(self.curves))

    def _make_curves(self, n: int) -> None:
        for curve in self.curves:
            self.removeItem(curve)
        theme = theme_manager().current
        self.curves = [
            pg.PlotCurveItem(pen=pg.mkPen(theme.component(k), width=1.6)) for k in range(n)
        ]
        for curve in self.curves:
            self.addItem(curve, ignoreBounds=True)

    def _set(self, curve: pg.PlotCurveItem, values: Floats, heights: Floats) -> None:
        if self._sideways:
            curve.setData(heights, values, connect="finite")
        else:
            curve.setData(values, heights, connect="finite")


class ScatterWithMargins(QWidget):
    """A :class:`MixtureScatter` and its two margins, which can be hidden."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = MixtureScatter()
        self._edges: tuple[MarginPlot, MarginPlot] | None = None
        self._xy: Floats = np.empty((0, 2))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(0)
        self._grid.addWidget(self.scatter, 1, 0)
        self._grid.setRowStretch(1, 1)
        self._grid.setColumnStretch(0, 1)
        self.scatter.box.sigResized.connect(self._align)
        theme_manager().changed.connect(self._resize)

    @property
    def top(self) -> MarginPlot:
        """The histogram above, made when it is first asked for."""
        return self._plots()[0]

    @property
    def right(self) -> MarginPlot:
        """The histogram at the right."""
        return self._plots()[1]

    def _plots(self) -> tuple[MarginPlot, MarginPlot]:
        # Two plots that most people never open took a tenth of the start.
        if self._edges is None:
            top, right = MarginPlot(sideways=False), MarginPlot(sideways=True)
            self._edges = top, right
            top.setXLink(self.scatter)
            right.setYLink(self.scatter)
            self._grid.addWidget(top, 0, 0)
            self._grid.addWidget(right, 1, 1)
            self._resize()
            self._align()
            top.hide()
            right.hide()
            self.show_data(self._xy)
        return self._edges

    @property
    def margins_shown(self) -> bool:
        """Whether the margins are on the screen."""
        return self._edges is not None and not self.top.isHidden()

    def show_margins(self, on: bool) -> None:
        """Show or hide both margins."""
        if on or self._edges is not None:
            self.top.setVisible(on)
            self.right.setVisible(on)

    def show_data(self, xy: Floats) -> None:
        """Bin other points."""
        self._xy = xy
        if self._edges is not None and len(xy):
            self.top.show_data(xy[:, 0])
            self.right.show_data(xy[:, 1])

    def draw(self, weights: Floats, means: Floats, covariances: Floats) -> None:
        """Draw the densities of both columns, if anybody sees them."""
        if self.margins_shown:
            self.top.draw(weights, means[:, 0], covariances[:, 0, 0])
            self.right.draw(weights, means[:, 1], covariances[:, 1, 1])

    def retheme(self) -> None:
        """Take the theme's colors."""
        for plot in (self.scatter, *(self._edges or ())):
            plot.retheme()

    def _align(self, *_: object) -> None:
        if self._edges is None:
            return
        self.right.getAxis("bottom").setHeight(self.scatter.getAxis("bottom").height())

    def _resize(self, *_: object) -> None:
        if self._edges is None:
            return
        self.top.setFixedHeight(theme_manager().px(TOP_HEIGHT))
        self.right.setFixedWidth(theme_manager().px(SIDE_WIDTH))
