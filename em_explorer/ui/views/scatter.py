"""A scatter of points colored by what they belong to, with ellipses, means and trails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import style_plot, theme_manager

CIRCLE = np.linspace(0.0, 2.0 * np.pi, 73)
SIGMAS = (1.0, 2.0)


def ellipse(mean: Floats, covariance: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Return the outline ``μ + σ L (cos, sin)`` of a 2-D covariance Σ = L Lᵀ, as x and y."""
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors * np.sqrt(np.maximum(values, 0.0))
    outline = mean[:, None] + sigma * axes @ np.array([np.cos(CIRCLE), np.sin(CIRCLE)])
    return outline[0], outline[1]


def blend(responsibilities: Floats, colors: Floats) -> Floats:
    """Return the color of each point: its components' colors mixed by responsibility.

    Parameters
    ----------
    responsibilities : (N, K) float
    colors : (K, 3) float, 0 to 255

    Returns
    -------
    (N, 3) float
    """
    return np.asarray(responsibilities @ colors, dtype=float)


def component_colors(n: int) -> Floats:
    """Return the theme's colors of components 0 to n − 1 as (n, 3) RGB."""
    theme = theme_manager().current
    colors = [theme.component(k) for k in range(n)]
    return np.array([(c.red(), c.green(), c.blue()) for c in colors], dtype=float)


class BrushCache:
    """Brushes by quantized color: making one per point is what is slow."""

    def __init__(self) -> None:
        self._brushes: dict[int, QBrush] = {}

    def brushes(self, rgb: Floats, alpha: int) -> list[QBrush]:
        """Return a brush per row of (N, 3) RGB, colors rounded to 6 bits a channel."""
        coarse = np.clip(rgb, 0, 255).astype(np.int64) >> 2
        codes = (coarse[:, 0] << 20) | (coarse[:, 1] << 14) | (coarse[:, 2] << 8) | alpha
        cache = self._brushes
        for code in np.unique(codes):
            if int(code) not in cache:
                r, g, b = (code >> 20) & 63, (code >> 14) & 63, (code >> 8) & 63
                color = QColor(int(r) << 2, int(g) << 2, int(b) << 2, int(code & 255))
                cache[int(code)] = QBrush(color)
        return [cache[int(code)] for code in codes]


class MeanHandle(pg.TargetItem):
    """The mark of a mean; drag it to place a new start."""

    def __init__(self, number: int, color: QColor) -> None:
        theme = theme_manager().current
        super().__init__(
            size=theme_manager().px(15),
            symbol="o",
            pen=pg.mkPen(theme.panel, width=2),
            brush=color,
            hoverPen=pg.mkPen(theme.text, width=2),
            hoverBrush=color,
            label=str(number + 1),
            labelOpts={"color": theme.text, "offset": (10, -8)},
        )
        self.number = number


class MixtureScatter(pg.PlotWidget):
    """Two columns of the data with the components over them.

    Signals
    -------
    mean_dragged(component, x, y)
        A mean was dropped at a new place, in the data's units.
    """

    mean_dragged = Signal(int, float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scatter")
        self.setAccessibleName("Scatter of the data with the components' ellipses")
        self.points = pg.ScatterPlotItem(size=8, pen=None)
        self.addItem(self.points)
        self.ellipses: list[list[pg.PlotCurveItem]] = []
        self.ghosts: list[pg.PlotCurveItem] = []
        self.trails: list[pg.PlotCurveItem] = []
        self.handles: list[MeanHandle] = []
        self._brushes = BrushCache()
        self._xy = np.empty((0, 2))
        self._moving = False
        self.use_symbols = False
        style_plot(self)

    def show_data(self, xy: Floats, x_label: tuple[str, str], y_label: tuple[str, str]) -> None:
        """Put other points on the axes; labels are (name, unit)."""
        self._xy = xy
        for side, (name, unit) in (("bottom", x_label), ("left", y_label)):
            self.setLabel(side, f"{name} ({unit})" if unit else name)
        style_plot(self)
        self.points.setData(pos=xy)
        low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
        room = np.where(high > low, 0.12 * (high - low), 1.0)
        self.setRange(
            xRange=(low[0] - room[0], high[0] + room[0]),
            yRange=(low[1] - room[1], high[1] + room[1]),
            padding=0,
        )

    def set_components(self, n: int) -> None:
        """Make the items of n components."""
        for item in (
            *(i for pair in self.ellipses for i in pair),
            *self.ghosts,
            *self.trails,
            *self.handles,
        ):
            self.removeItem(item)
        theme = theme_manager().current
        self.ellipses, self.ghosts, self.trails, self.handles = [], [], [], []
        for k in range(n):
            color = theme.component(k)
            ghost = pg.PlotCurveItem(pen=pg.mkPen(theme.color("secondary", 0.55), width=1.2))
            fill = QColor(color)
            fill.setAlpha(26)
            pair = [
                pg.PlotCurveItem(pen=pg.mkPen(color, width=2), fillLevel="enclosed", brush=fill),
                pg.PlotCurveItem(pen=pg.mkPen(color, width=1.2)),
            ]
            trail = pg.PlotCurveItem(
                pen=pg.mkPen(color, width=1.4, style=Qt.PenStyle.DotLine), antialias=True
            )
            handle = MeanHandle(k, color)
            handle.sigPositionChanged.connect(self._on_moving)
            handle.sigPositionChangeFinished.connect(self._on_dropped)
            for item in (ghost, *pair, trail, handle):
                self.addItem(item, ignoreBounds=True)
            self.ellipses.append(pair)
            self.ghosts.append(ghost)
            self.trails.append(trail)
            self.handles.append(handle)

    def color_points(self, responsibilities: Floats | None) -> None:
        """Color each point by its responsibilities; neutral before the first E-step."""
        theme = theme_manager().current
        if responsibilities is None:
            self.points.setBrush(theme.color("secondary", 0.6))
            self.points.setSymbol("o")
            return
        rgb = blend(responsibilities, component_colors(responsibilities.shape[1]))
        self.points.setBrush(self._brushes.brushes(rgb, 210))
        if self.use_symbols:
            self.points.setSymbol([theme.symbol(int(k)) for k in responsibilities.argmax(1)])

    def place_components(self, means: Floats, covariances: Floats) -> None:
        """Put ellipses and means where the parameters say."""
        self._moving = True
        for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
            for sigma, item in zip(SIGMAS, self.ellipses[k], strict=True):
                item.setData(*ellipse(mean, covariance, sigma))
            self.handles[k].setPos(float(mean[0]), float(mean[1]))
        self._moving = False

    def place_ghosts(self, means: Floats | None, covariances: Floats | None) -> None:
        """Leave the outlines of the state before, or none."""
        for k, item in enumerate(self.ghosts):
            if means is None or covariances is None:
                item.setData([], [])
            else:
                item.setData(*ellipse(means[k], covariances[k], 1.0))

    def place_trails(self, paths: Floats | None) -> None:
        """Draw the ways of the means, (steps, K, 2)."""
        for k, item in enumerate(self.trails):
            if paths is None or len(paths) < 2:
                item.setData([], [])
            else:
                item.setData(paths[:, k, 0], paths[:, k, 1])

    def retheme(self) -> None:
        """Take the theme's colors."""
        style_plot(self)
        self.set_components(len(self.handles))

    def _on_moving(self, handle: Any) -> None:
        if not self._moving:
            for item in self.ellipses[handle.number]:
                item.setData([], [])

    def _on_dropped(self, handle: Any) -> None:
        if not self._moving:
            place = handle.pos()
            self.mean_dragged.emit(handle.number, place.x(), place.y())
