"""A histogram of one column with the components' densities over it.

Below the bars lie the points themselves, and below them the way each mean has come: the oldest
step lowest, so that the trail climbs to where the mean is now.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Bools, Floats
from em_explorer.ui.theme import dashed_pen, style_plot, theme_manager
from em_explorer.ui.views.atlas import AtlasScatter
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.bars import Bars
from em_explorer.ui.views.component_items import Handle, Label, MeanLine
from em_explorer.ui.views.padlock import Padlocks
from em_explorer.ui.views.play_box import PlayBox
from em_explorer.ui.views.pull_lines import PullLines
from em_explorer.ui.views.raster import Raster, Rows, bin_edges
from em_explorer.ui.views.shapes import doubt_sizes, line_density, point_colors

RUG, TRAIL_TOP, TRAIL_BOTTOM = -0.035, -0.075, -0.19
"""Heights of the points and of the trail's ends, as shares of the highest bar."""

BAR_ALPHA, POINT_ALPHA = 150, 210

DOUBT_SIZES = (4.0, 6.0, 8.0, 10.0, 12.0)
"""Sizes of marks that show how unsure their points are, px."""
HEADROOM = 1.22


FAINT = 1e-3
"""A density below this share of the highest bar is not drawn along the axis."""


class MixtureHistogram(pg.PlotWidget):
    """Bars colored by responsibility, one density curve per component and their sum.

    Signals
    -------
    mean_dragged(component, x)
        A mean was dropped at a new place, in the data's units.
    spread_dragged(component, standard_deviation)
        The handle one standard deviation from the mean was dropped.
    component_asked(component, place)
        A right-click on a mean; the place on the screen.
    component_hovered(component)
        The pointer came to a mean, or left it: −1.
    grabbed()
        Something is being dragged: time to pause.
    """

    mean_dragged = Signal(int, float)
    spread_dragged = Signal(int, float)
    component_hovered = Signal(int)
    component_asked = Signal(int, object)
    grabbed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = PlayBox()
        super().__init__(parent, viewBox=self.box, enableMenu=False, axisItems=axes())
        self.setObjectName("histogram")
        self.setAccessibleName("Histogram of the data with the components' densities")
        self.setMouseEnabled(True, False)
        self._x = np.empty(0)
        self._edges = np.array([0.0, 1.0])
        self._bins = np.empty(0, dtype=int)
        self._counts = np.zeros(1, dtype=np.int64)
        self._line_rect = QRectF()
        self._grid = np.linspace(0, 1, 400)
        self._top = 1.0
        self._moving = False
        self.use_sizes = False
        self.pulls = PullLines(self)
        self.padlocks = Padlocks(self)
        self.weights = np.empty(0)
        self.means = np.empty(0)
        self.spreads = np.empty(0)
        self.bars = Bars()
        self.rug = AtlasScatter(6, POINT_ALPHA)
        self.cloud = pg.ImageItem(axisOrder="row-major")
        self.ring = pg.ScatterPlotItem(size=11, brush=None)
        self.total = pg.PlotCurveItem()
        for item in (self.bars, self.cloud, self.rug, self.ring, self.total):
            self.addItem(item, ignoreBounds=True)
        self.curves: list[pg.PlotCurveItem] = []
        self.ghosts: list[pg.PlotCurveItem] = []
        self.trails: list[pg.PlotCurveItem] = []
        self.truths: list[pg.PlotCurveItem] = []
        self.lines: list[MeanLine] = []
        self.labels: list[Label] = []
        self.spread_handles: list[Handle] = []
        self.box.point_grabbed.connect(self._on_point_grabbed)
        self.box.point_moving.connect(self._on_point_moving)
        self._dress()

    def show_data(
        self,
        x: Floats,
        label: tuple[str, str],
        *,
        fit: bool = True,
        rasters: tuple[Raster, Raster] | None = None,
    ) -> None:
        """Bin other values (Freedman–Diaconis).

        Many values come sorted into the bars of :func:`bin_edges`, and into short pieces of the
        line; then they wait for :meth:`draw_clouds`.
        """
        self._x = x
        self._bin(x, None if rasters is None else rasters[0])
        width = self._edges[1] - self._edges[0]
        heights = self._counts / (x.size * width)
        # The old bars' brushes go with them: a painter with fewer brushes than bars crashes.
        self.bars.forget_colors()
        self.bars.setOpts(
            x=self._edges[:-1] + width / 2,
            height=heights,
            width=width * 0.92,
            brush=theme_manager().current.color("secondary", 0.45),
            brushes=None,
        )
        self._top = float(heights.max())
        places = np.column_stack([x, np.full(x.size, RUG * self._top)])
        self.rug.set_places(places if rasters is None else np.empty((0, 2)))
        self.cloud.setVisible(rasters is not None)
        self.cloud.clear()
        self.box.set_places(places)
        if rasters is not None:
            self._place_line(rasters[1])
        self.ring_point(-1)
        room = 0.1 * (self._edges[-1] - self._edges[0])
        self._grid = np.linspace(self._edges[0] - 3 * room, self._edges[-1] + 3 * room, 900)
        self.setLabel("bottom", f"{label[0]} ({label[1]})" if label[1] else label[0])
        self.setLabel("left", "density")
        style_plot(self)
        if fit:
            self.fit()

    def _bin(self, x: Floats, raster: Raster | None) -> None:
        if raster is None:
            self._edges = bin_edges(x)
            n_bins = self._edges.size - 1
            self._bins = np.clip(np.searchsorted(self._edges, x, "right") - 1, 0, n_bins - 1)
            self._counts = np.bincount(self._bins, minlength=n_bins)
            return
        frame = raster.frame
        self._edges = np.linspace(frame.x0, frame.x1, frame.columns + 1)
        self._counts = np.zeros(frame.columns, dtype=np.int64)
        self._counts[raster.cells] = raster.counts

    def _place_line(self, raster: Raster) -> None:
        """Give the line of many points its place, and the pointer its way to find them."""
        frame = raster.frame
        height = 0.014 * self._top
        place = QRectF(frame.x0, RUG * self._top - 0.5 * height, frame.x1 - frame.x0, height)
        self._line_rect = place

        def near(x: float, _: float, reach: Floats) -> Rows:
            return raster.near(x, 0.5, np.array([reach[0], 0.0]))

        self.box.candidates = near

    @Slot()
    def fit(self) -> None:
        """Show all values, with some room around them."""
        room = 0.1 * (self._edges[-1] - self._edges[0])
        self.setRange(
            xRange=(self._edges[0] - room, self._edges[-1] + room),
            yRange=((TRAIL_BOTTOM - 0.02) * self._top, self._top * HEADROOM),
            padding=0,
        )

    def set_components(self, n: int, *, anew: bool = False) -> None:
        """Make the items of n components, unless there are as many already."""
        if n == len(self.curves) and not anew:
            return
        for item in (
            *self.curves,
            *self.ghosts,
            *self.trails,
            *self.lines,
            *self.labels,
            *self.spread_handles,
        ):
            self.removeItem(item)
        self.curves, self.ghosts, self.trails = [], [], []
        self.lines, self.labels, self.spread_handles = [], [], []
        for k in range(n):
            self._make_component(k)

    def _make_component(self, k: int) -> None:
        theme = theme_manager().current
        color = theme.component(k)
        dashes = Qt.PenStyle.DashLine
        ghost = pg.PlotCurveItem(
            pen=pg.mkPen(theme.color("secondary", 0.7), width=1.2, style=dashes)
        )
        curve = pg.PlotCurveItem(pen=pg.mkPen(color, width=2.2))
        trail = pg.PlotCurveItem(pen=pg.mkPen(color, width=1.8))
        line = MeanLine(k, color)
        line.hovered.connect(self._on_hovered)
        line.asked.connect(self.component_asked)
        line.sigPositionChanged.connect(self._on_mean_moving)
        line.sigPositionChangeFinished.connect(self._on_mean_dropped)
        label = Label()
        spread = Handle(k, color, 10, "s")
        spread.setZValue(30)
        spread.hovered.connect(self._on_hovered)
        spread.asked.connect(self.component_asked)
        spread.sigPositionChanged.connect(self._on_spread_moving)
        spread.sigPositionChangeFinished.connect(self._on_spread_dropped)
        for item in (ghost, curve, trail, line, label, spread):
            self.addItem(item, ignoreBounds=True)
        self.ghosts.append(ghost)
        self.curves.append(curve)
        self.trails.append(trail)
        self.lines.append(line)
        self.labels.append(label)
        self.spread_handles.append(spread)

    # -- drawing -----------------------------------------------------------------------------

    def draw(self, picture: Any, *, hurried: bool = False) -> None:
        """Draw a mixture's picture with one column; without ghosts while frames rush by."""
        self.bars.hurried = hurried
        if len(picture.responsibilities) == self._x.size:
            self._color(picture.responsibilities, float(picture.tint[0]))
        self.weights = picture.weights
        self.means = picture.means[:, 0]
        self.spreads = np.sqrt(np.maximum(picture.covariances[:, 0, 0], 1e-300))
        self._place()
        for k, ghost in enumerate(self.ghosts):
            if hurried or picture.ghost_means is None:
                ghost.setData([], [])
            else:
                mean, variance = picture.ghost_means[k, 0], picture.ghost_covariances[k, 0, 0]
                density = picture.ghost_weights[k] * line_density(self._grid, mean, variance)
                self._draw_curve(ghost, density)
        past = picture.trail.past[:, :, 0]
        for k, trail in enumerate(self.trails):
            way = np.append(past[:, k], self.means[k]) if len(past) else np.empty(0)
            trail.setData(way, self._top * np.linspace(TRAIL_BOTTOM, TRAIL_TOP, way.size))

    def _color(self, responsibilities: Floats, tint: float) -> None:
        n_bins = self._edges.size - 1
        shares = np.zeros((n_bins, responsibilities.shape[1]))
        np.add.at(shares, self._bins, responsibilities)
        shares /= np.maximum(shares.sum(1, keepdims=True), 1e-300)
        colors = point_colors(shares, tint)
        self.bars.color([QColor(int(r), int(g), int(b), BAR_ALPHA) for r, g, b in colors])
        sizes = doubt_sizes(responsibilities, tint, DOUBT_SIZES) if self.use_sizes else None
        self.rug.paint_points(point_colors(responsibilities, tint), sizes=sizes)

    def draw_clouds(self, bars: tuple[Raster, Floats], line: tuple[Raster, Floats]) -> None:
        """Color the bars and the line of many points; (C, 3) colors of the occupied cells."""
        raster, colors = bars
        brushes = [QColor(0, 0, 0, 0)] * raster.frame.columns
        for cell, (r, g, b) in zip(raster.cells, colors, strict=True):
            brushes[cell] = QColor(int(r), int(g), int(b), BAR_ALPHA)
        self.bars.color(brushes)
        raster, colors = line
        self.cloud.setImage(raster.image(colors), autoLevels=False, levels=None)
        self.cloud.setRect(self._line_rect)

    def _place(self) -> None:
        total = np.zeros_like(self._grid)
        self._moving = True
        for k, weight in enumerate(self.weights):
            mean, variance = float(self.means[k]), float(self.spreads[k] ** 2)
            density = weight * line_density(self._grid, mean, variance)
            total += density
            self._draw_curve(self.curves[k], density)
            self.lines[k].setValue(mean)
            handle = self.spread_handles[k]
            if not handle.moving:
                edge = mean + float(self.spreads[k])
                height = weight * line_density(np.array([edge]), mean, variance)[0]
                handle.setPos(edge, float(height))
            self.labels[k].say(f"{k + 1} · {100 * weight:.0f} %")
        self._moving = False
        self._draw_curve(self.total, total)
        self._stand_labels()

    def _draw_curve(self, curve: pg.PlotCurveItem, density: Floats) -> None:
        shown = np.where(density > FAINT * self._top, density, np.nan)
        curve.setData(self._grid, shown, connect="finite")

    def _stand_labels(self) -> None:
        """Put the labels above the bars, each in a row of its own where they would meet."""
        unit = 1.0 / self.box.pixels()
        rows: list[float] = []  # where the last label of each row ends
        for k in np.argsort(self.means):
            label = self.labels[k]
            width, height = label.size()
            left = float(self.means[k]) - 0.5 * width * unit[0]
            row = next((i for i, end in enumerate(rows) if left > end), len(rows))
            rows[row : row + 1] = [left + (width + 8.0) * unit[0]]
            y = self._top * HEADROOM - (4.0 + row * (height + 2.0)) * unit[1]
            label.setAnchor((0.5, 0.0))
            label.setPos(float(self.means[k]), y)

    def draw_pulls(self, ends: dict[int, Floats]) -> None:
        """Draw lines from points below the axis to halfway up the mean's line; (2 n, 1) ends."""
        top = {k: 0.5 * float(self._peak(k)) for k in ends}
        heights = {k: np.tile([RUG * self._top, top[k]], len(e) // 2) for k, e in ends.items()}
        self.pulls.draw({k: np.column_stack([e[:, 0], heights[k]]) for k, e in ends.items()})

    def place_locks(self, weights: Bools, means: Bools, covariances: Bools) -> None:
        """Put padlocks on the labels, mean lines and handles of what is held, (K,) each."""
        for k, label in enumerate(self.labels):
            label.show_lock(bool(weights[k]))
        held = [
            (float(self.means[k]), 0.75 * self._peak(k)) for k in np.flatnonzero(means).tolist()
        ]
        for k in np.flatnonzero(covariances).tolist():
            handle = self.spread_handles[k].pos()
            held.append((handle.x(), handle.y()))
        self.padlocks.place(np.array(held).reshape(-1, 2))

    def _peak(self, k: int) -> float:
        """Return how high a component's curve is at its mean."""
        return float(self.weights[k] / (np.sqrt(2.0 * np.pi) * self.spreads[k]))

    def place_truth(self, weights: Floats | None, means: Floats, variances: Floats) -> None:
        """Draw the true densities as thin dashed lines, or none."""
        for item in self.truths:
            self.removeItem(item)
        self.truths = []
        if weights is None:
            return
        for weight, mean, variance in zip(weights, means, variances, strict=True):
            density = weight * line_density(self._grid, float(mean), float(variance))
            item = pg.PlotCurveItem(self._grid, density, pen=dashed_pen(theme_manager().current))
            self.addItem(item, ignoreBounds=True)
            self.truths.append(item)

    def ring_point(self, index: int) -> None:
        """Put a ring around a point, or around none: −1."""
        if 0 <= index < self._x.size:
            self.ring.setData([self._x[index]], [RUG * self._top])
        else:
            self.ring.setData([], [])

    def _dress(self) -> None:
        theme = theme_manager().current
        style_plot(self)
        self.total.setPen(pg.mkPen(theme.text, width=1.4))
        self.ring.setPen(pg.mkPen(theme.text, width=1.5))

    def retheme(self) -> None:
        """Take the theme's colors."""
        self._dress()
        self.set_components(len(self.curves), anew=True)

    # -- the hand ----------------------------------------------------------------------------

    def _on_hovered(self, _: bool) -> None:
        marks: list[Handle | MeanLine] = [*self.spread_handles, *self.lines]
        hovered = (mark.number for mark in marks if mark.mouseHovering)
        self.component_hovered.emit(next(hovered, -1))

    def _on_mean_moving(self, line: Any) -> None:
        if not self._moving:
            self.grabbed.emit()
            self.means = self.means.copy()
            self.means[line.number] = line.value()
            self._place()

    def _on_mean_dropped(self, line: Any) -> None:
        if not self._moving:
            self.mean_dragged.emit(line.number, float(line.value()))

    def _on_spread_moving(self, handle: Any) -> None:
        if not self._moving:
            self.grabbed.emit()
            self.spreads = self.spreads.copy()
            self.spreads[handle.number] = self._spread_of(handle)
            self._place()

    def _on_spread_dropped(self, handle: Any) -> None:
        if not self._moving:
            self.spread_dragged.emit(handle.number, self._spread_of(handle))

    def _spread_of(self, handle: Any) -> float:
        apart = abs(float(handle.pos().x()) - float(self.means[handle.number]))
        return max(apart, 1.0 / float(self.box.pixels()[0]))

    def _on_point_grabbed(self, _: int) -> None:
        self.grabbed.emit()

    def _on_point_moving(self, _: int, x: float, y: float) -> None:
        self.ring.setData([x], [RUG * self._top])
