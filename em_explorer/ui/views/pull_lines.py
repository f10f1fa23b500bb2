"""Thin lines from the points that move a mean most to that mean."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import theme_manager

UNDER_MEANS = 4
"""Above the points, below ellipses and means."""

FAINT = 150
"""Opacity, 0 to 255: fainter than the ellipses, which they cross."""


class PullLines:
    """The lines of one plot, in the colors of their components.

    Attributes
    ----------
    items : dict of int to PlotCurveItem
        By component.
    """

    def __init__(self, plot: pg.PlotWidget) -> None:
        self._plot = plot
        self.items: dict[int, pg.PlotCurveItem] = {}

    def draw(self, ends: dict[int, Floats]) -> None:
        """Draw lines between (2 n, 2) ends, two after two, for each component named."""
        for k in set(self.items) - set(ends):
            self.items[k].setData([], [])
        for k, places in ends.items():
            if k not in self.items:
                item = self.items[k] = pg.PlotCurveItem(connect="pairs", antialias=True)
                item.setZValue(UNDER_MEANS)
                self._plot.addItem(item, ignoreBounds=True)
            color = theme_manager().current.component(k)
            color.setAlpha(FAINT)
            self.items[k].setPen(pg.mkPen(color, width=1.0))
            self.items[k].setData(places[:, 0], places[:, 1])

    def drawn(self, k: int) -> Floats:
        """Return the ends of a component's lines as drawn, (2 n, 2)."""
        if k not in self.items or self.items[k].xData is None:
            return np.empty((0, 2))
        return np.column_stack([self.items[k].xData, self.items[k].yData])
