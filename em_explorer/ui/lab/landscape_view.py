"""The landscape drawn: a heat map with contours, and the ways of runs over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.em.landscape import Landscape
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes

LEVELS = (0.1, 0.4, 1.5, 6.0, 25.0, 100.0, 400.0)
"""Contours so many units below the top; a unit is a tenth of the middle depth."""

MANY_POINTS = 4000
"""Longer ways are drawn thin and not smooth."""

WAY = "#FFFFFF"
"""EM's way: on colors from dark blue to yellow, in either theme, white is seen."""


class LandscapeView(pg.PlotWidget):
    """A heat map over two parameters.

    Signals
    -------
    picked(x, y)
        A place was clicked.
    pointed(x, y)
        The pointer is over a place; NaN where it has left.
    """

    picked = Signal(float, float)
    pointed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False, axisItems=axes())
        self.setObjectName("landscape_plot")
        self.setAccessibleName("The objective over the two parameters")
        self.setMouseEnabled(x=False, y=False)
        self.found: Landscape | None = None
        self.image = pg.ImageItem(axisOrder="row-major")
        self.contours: list[pg.IsocurveItem] = []
        self.others: list[pg.PlotDataItem] = []
        self.way = pg.PlotDataItem([], [])
        self.dots = pg.ScatterPlotItem(size=5, pen=None)
        self.marker = pg.ScatterPlotItem(size=12)
        for z, item in enumerate((self.image, self.way, self.dots, self.marker)):
            item.setZValue(10 * z)
            self.addItem(item)
        self.scene().sigMouseClicked.connect(self._on_click)
        self.scene().sigMouseMoved.connect(self._on_moved)
        self.restyle()

    # -- the landscape -----------------------------------------------------------------------

    def draw(self, found: Landscape, labels: tuple[str, str]) -> None:
        """Draw a landscape, be it still coarse; bright is likely.

        Parameters
        ----------
        found : Landscape
        labels : (str, str)
            Of the two parameters.
        """
        self.found = found
        values = found.filled
        known = np.isfinite(values)
        top = float(values[known].max()) if known.any() else 0.0
        # By tens: what is far below the top matters less and less.
        depth = np.log10(1.0 + np.maximum(top - values, 0.0) / unit_of_depth(top - values))
        deepest = max(float(np.quantile(depth[known], 0.9)), 1e-6) if known.any() else 1.0
        self.image.setLookupTable(_colors())
        self.image.setImage(
            np.nan_to_num(deepest - depth, nan=-1.0), levels=(0.0, deepest), autoDownsample=False
        )
        dx, dy = found.x[1] - found.x[0], found.y[1] - found.y[0]
        corner = QPointF(found.x[0] - 0.5 * dx, found.y[0] - 0.5 * dy)
        far = QPointF(found.x[-1] + 0.5 * dx, found.y[-1] + 0.5 * dy)
        self.image.setRect(QRectF(corner, far))
        self.setXRange(found.x[0], found.x[-1], padding=0)
        self.setYRange(found.y[0], found.y[-1], padding=0)
        self.setLabel("bottom", labels[0])
        self.setLabel("left", labels[1])
        self.restyle()
        self._draw_contours(top)

    def _draw_contours(self, top: float) -> None:
        self.clear_contours()
        assert self.found is not None
        if self.found.stride > 1:
            return
        depth = np.nan_to_num(top - self.found.values, nan=1e9)
        pen = pg.mkPen(QColor(255, 255, 255, 110), width=1)
        for level in unit_of_depth(top - self.found.values) * np.array(LEVELS):
            if depth.min() < level < depth.max():
                curve = pg.IsocurveItem(depth.T, level=level, pen=pen)
                curve.setParentItem(self.image)
                curve.setPos(0.5, 0.5)  # a value stands for the middle of its pixel
                self.contours.append(curve)

    def clear_contours(self) -> None:
        """Take the contours away: another landscape begins."""
        for curve in self.contours:
            curve.setParentItem(None)
            if curve.scene() is not None:
                curve.scene().removeItem(curve)
        self.contours.clear()

    # -- the ways over it --------------------------------------------------------------------

    def show_way(self, points: Floats, at: Floats, color: QColor) -> None:
        """Draw the present run's way, (n, 2), and a dot where the cursor is, (2,)."""
        self.way.setData(*points.T, pen=pg.mkPen(WAY, width=2))
        self.dots.setData(pos=points, brush=theme_manager().current.phase_color("M"))
        self.marker.setData(pos=at[None], brush=color, pen=pg.mkPen(WAY, width=2))

    def show_others(self, ways: list[tuple[Floats, str, float]]) -> None:
        """Draw other ways: (n, 2) points with NaN where one ends, color and width of each."""
        for line in self.others:
            self.removeItem(line)
        self.others.clear()
        for points, color, width in ways:
            shade = QColor(color)
            shade.setAlphaF(0.85 if width > 1 else 0.35)
            few = len(points) < MANY_POINTS
            pen = pg.mkPen(shade, width=width if few else 1)
            line = self.plot(*points.T, pen=pen, connect="finite", antialias=few)
            line.setZValue(5)
            self.others.append(line)

    def restyle(self) -> None:
        """Take the theme's colors."""
        style_plot(self)
        px = theme_manager().px
        self.getAxis("left").setWidth(px(52))
        self.getAxis("bottom").setHeight(px(40))

    # -- the pointer -------------------------------------------------------------------------

    def _place_at(self, position: Any) -> tuple[float, float] | None:
        box = self.getPlotItem().vb
        if self.found is None or not box.sceneBoundingRect().contains(position):
            return None
        point = box.mapSceneToView(position)
        return float(point.x()), float(point.y())

    def _on_moved(self, position: Any) -> None:
        self.pointed.emit(*(self._place_at(position) or (np.nan, np.nan)))

    def _on_click(self, event: Any) -> None:
        at = self._place_at(event.scenePos())
        if at is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(*at)


def unit_of_depth(depth: Floats) -> float:
    """Return the depth below the top, nats, that counts as one."""
    known = depth[np.isfinite(depth)]
    return max(0.1 * float(np.median(known)), 1e-9) if known.size else 1.0


def _colors() -> np.ndarray[Any, Any]:
    """Return colors from far below the top to the top: dark blue, blue, teal, yellow."""
    stops = np.array([0.0, 0.3, 0.6, 0.85, 1.0])
    colors = np.array(
        [[24, 28, 60], [46, 72, 140], [38, 140, 150], [150, 200, 110], [250, 226, 90]], dtype=float
    )
    at = np.linspace(0.0, 1.0, 256)
    table = np.stack([np.interp(at, stops, colors[:, c]) for c in range(3)], axis=1)
    return table.astype(np.ubyte)
