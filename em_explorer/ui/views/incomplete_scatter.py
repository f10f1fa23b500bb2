"""Two columns of a table with holes: seen points, imputed points with whiskers, ellipses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.models.treatments import Treatment
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.arrows import Arrows
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.brush_box import BrushBox
from em_explorer.ui.views.padlock import Padlocks
from em_explorer.ui.views.pattern_map import IMPUTED
from em_explorer.ui.views.scatter import SIGMAS, ellipse
from em_explorer.ui.views.treatment_legend import WORDS, line_pen

BRUSH_RADIUS = 10
"""How near a point must be to the pointer to be punched, px."""

TICK = 10
"""Length of a tick in the margin, px."""

EM = Treatment.EM.value


class IncompleteScatter(pg.PlotWidget):
    """Scatter of a chosen pair of columns.

    Signals
    -------
    punched(rows)
        The brush went over these complete rows; (n,) int.
    row_hovered(row)
        The pointer came to an imputed point, or left it: −1.
    """

    punched = Signal(object)
    row_hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = BrushBox()
        super().__init__(parent, viewBox=self.box, axisItems=axes())
        self.setObjectName("scatter")
        self.setAccessibleName("Scatter of two columns: seen and imputed points, with ellipses")
        self.describe: Callable[[int], str] = lambda row: f"row {row + 1}"
        self._xy = np.empty((0, 2))
        self._missing = np.empty((0, 2), dtype=bool)
        self._marked: Bools | None = None
        self._doomed: set[int] = set()
        self._hovered = -1
        self._line: Any = None
        self._held: tuple[Bools, bool] = np.zeros(2, dtype=bool), False
        self._ellipse: tuple[Floats, Floats] | None = None
        self.padlocks = Padlocks(self)
        self._make_items()
        self.box.touched.connect(self._on_touched)
        self.box.lifted.connect(self._on_lifted)
        self.box.sigRangeChanged.connect(self._place_ticks)
        self.box.sigResized.connect(self._place_ticks)
        self.box.sigRangeChanged.connect(self._place_locks)
        self.retheme()

    def _make_items(self) -> None:
        curve = partial(pg.PlotCurveItem, antialias=True)
        scatter = partial(pg.ScatterPlotItem, antialias=True)
        self.ticks = curve(connect="pairs")
        self.points = scatter(size=7, pxMode=True)
        self.whiskers = curve(connect="pairs")
        self.imputed = scatter(size=8, symbol="d", hoverable=True, tip=self._tip)
        self.imputed.sigHovered.connect(self._on_hovered)
        self.regression, self.regression_band = curve(), curve(connect="pairs")
        self.marked_points = scatter(size=9, symbol="o")
        self.marked_imputed = scatter(size=10, symbol="d")
        self.doomed = scatter(size=11, symbol="o")
        self.slides = Arrows()
        self.lines = {name: curve() for name in WORDS}
        self.inner = curve()
        self.ghost = curve()
        self.ghost_mean = scatter(size=12, symbol="o")
        self.means = {name: scatter(size=11, symbol="+") for name in WORDS if name != EM}
        self.mean = scatter(size=14, symbol="o")
        for item in (
            self.ticks,
            self.points,
            self.whiskers,
            self.regression_band,
            self.regression,
            self.imputed,
            self.marked_points,
            self.marked_imputed,
            self.ghost,
            self.ghost_mean,
            self.inner,
            *self.lines.values(),
            *self.means.values(),
            self.mean,
            self.doomed,
            self.slides,
        ):
            self.addItem(item, ignoreBounds=True)

    # -- data --------------------------------------------------------------------------------

    def show_axes(
        self, x_label: tuple[str, str], y_label: tuple[str, str], low: Floats, high: Floats
    ) -> None:
        """Name the axes, (name, unit), and show the range from ``low`` to ``high`` (2,)."""
        for side, (name, unit) in (("bottom", x_label), ("left", y_label)):
            self.setLabel(side, f"{name} ({unit})" if unit else name)
        style_plot(self)
        room = np.where(high > low, 0.06 * (high - low), 1.0)
        self.setRange(
            xRange=(low[0] - room[0], high[0] + room[0]),
            yRange=(low[1] - room[1], high[1] + room[1]),
            padding=0,
        )

    def show_rows(self, xy: Floats, missing: Bools, marked: Bools | None) -> None:
        """Put the rows on the plot.

        Parameters
        ----------
        xy : (N, 2) float
            The two columns; anything where missing.
        missing : (N, 2) bool
        marked : (N,) bool or None
            Rows to be made to stand out; the others step back.
        """
        self._xy, self._missing, self._marked = xy, missing, marked
        seen = ~missing.any(axis=1)
        self.points.setData(pos=xy[seen], data=np.flatnonzero(seen))
        chosen = seen & marked if marked is not None else np.zeros(len(xy), dtype=bool)
        self.marked_points.setData(pos=xy[chosen], data=np.flatnonzero(chosen))
        quiet = 1.0 if marked is None else 0.25
        for item in (self.points, self.imputed, self.whiskers, self.ticks):
            item.setOpacity(quiet)
        self._place_ticks()

    def place_imputed(self, xy: Floats, deviations: Floats) -> None:
        """Move the imputed points; whiskers reach one deviation along the missing coordinate.

        Parameters
        ----------
        xy, deviations : (N, 2) float
        """
        holes = self._missing.any(axis=1)
        rows = np.flatnonzero(holes)
        self.imputed.setData(pos=xy[rows], data=rows)
        self.whiskers.setData(*whisker_lines(xy, deviations, self._missing))
        self.whiskers.setPen(self._whisker_pen())
        chosen = rows if self._marked is None else rows[self._marked[rows]]
        shown = xy[chosen] if self._marked is not None else np.empty((0, 2))
        self.marked_imputed.setData(pos=shown)

    def place_slides(self, before: Floats | None, xy: Floats) -> None:
        """Draw arrows from where imputed points were to where they are, or none.

        Parameters
        ----------
        before, xy : (N, 2) float
        """
        if before is None:
            self.slides.clear()
            return
        moved = self._missing.any(axis=1)
        self.slides.draw(before[moved], xy[moved], [self.slide_color], stop_short=4.0)

    @property
    def slide_color(self) -> QColor:
        """What arrows of imputed points are drawn in."""
        return theme_manager().current.color("text", 0.75)

    def _whisker_pen(self) -> QPen:
        """Return a pen that is the fainter, the more whiskers there are."""
        color = theme_manager().current.component(IMPUTED)
        color.setAlpha(int(np.clip(14_000 / max(int(self._missing.sum()), 1), 36, 120)))
        return pg.mkPen(color, width=1.2)

    def place_em(self, mean: Floats, covariance: Floats, ghost: Any, *, shown: bool) -> None:
        """Put EM's mean and ellipses where the parameters say; ``ghost`` is the pair before."""
        self._ellipse = mean, covariance
        self._place_locks()
        inner, outer = ellipse(mean, covariance, SIGMAS[0]), ellipse(mean, covariance, SIGMAS[1])
        self.inner.setData(*(inner if shown else ([], [])))
        self.lines[EM].setData(*(outer if shown else ([], [])))
        self.mean.setData(pos=mean[None] if shown else np.empty((0, 2)))
        there = ghost is not None and shown
        before = ellipse(ghost[0], ghost[1], SIGMAS[1]) if there else ([], [])
        self.ghost.setData(*before)
        self.ghost_mean.setData(pos=ghost[0][None] if there else np.empty((0, 2)))

    def place_line(self, name: str, mean: Floats | None, covariance: Floats | None) -> None:
        """Draw another treatment's mean and 2σ ellipse, or take them away."""
        if mean is None or covariance is None or not np.isfinite(covariance).all():
            self.lines[name].setData([], [])
            self.means[name].setData(pos=np.empty((0, 2)))
            return
        self.lines[name].setData(*ellipse(mean, covariance, SIGMAS[1]))
        self.means[name].setData(pos=mean[None])

    def show_regression(self, line: Any) -> None:
        """Draw how a missing value follows from the seen one, ± one deviation; None for nothing.

        Parameters
        ----------
        line : object with ``missing``, ``through``, ``slope`` and ``deviation``, or None
        """
        self._line = line
        if line is None:
            self.regression.setData([], [])
            self.regression_band.setData([], [])
            return
        missing, there = line.missing, np.array(line.through)
        seen = np.array(self.box.viewRange()[1 - missing])
        ends = there[missing] + line.slope * (seen - there[1 - missing])
        band = np.concatenate([ends - line.deviation, ends + line.deviation])
        for item, across, filled in (
            (self.regression, seen, ends),
            (self.regression_band, np.tile(seen, 2), band),
        ):
            item.setData(*((across, filled) if missing else (filled, across)))

    def show_locks(self, means: Bools, covariance: bool) -> None:
        """Take what is held: the mean across and upwards (2,), and the covariance."""
        self._held = means, covariance
        self._place_locks()

    def _place_locks(self, *_: object) -> None:
        """Put padlocks on the edges where a mean is held, and on the ellipse if that is."""
        means, covariance = self._held
        places = []
        if self._ellipse is not None and (covariance or means.any()):
            mean, shape = self._ellipse
            (left, _), (bottom, _) = self.box.viewRange()
            width, height = self.box.viewPixelSize()
            if means[0]:
                places.append([mean[0], bottom + TICK * height])
            if means[1]:
                places.append([left + TICK * width, mean[1]])
            if covariance:
                outline = np.column_stack(ellipse(mean, shape, SIGMAS[0]))
                places.append(list(outline[outline[:, 1].argmax()]))
        self.padlocks.place(np.array(places).reshape(-1, 2))

    def _on_hovered(self, _item: Any, points: Any, _event: Any) -> None:
        row = int(points[0].data()) if len(points) else -1
        if row != self._hovered:
            self._hovered = row
            self.row_hovered.emit(row)

    # -- margins -----------------------------------------------------------------------------

    def _place_ticks(self, *_: object) -> None:
        """Tick the seen value of points that miss the other one at the edge of the plot."""
        (left, _), (bottom, _) = self.box.viewRange()
        width, height = self.box.viewPixelSize()
        only_y, only_x = self._missing[:, 1] & ~self._missing[:, 0], self._missing[:, 0]
        x = self._xy[only_y, 0]
        y = self._xy[only_x & ~self._missing[:, 1], 1]
        xs = np.concatenate([np.repeat(x, 2), np.tile([left, left + TICK * width], len(y))])
        ys = np.concatenate([np.tile([bottom, bottom + TICK * height], len(x)), np.repeat(y, 2)])
        self.ticks.setData(xs, ys)

    # -- the brush ---------------------------------------------------------------------------

    def set_brushing(self, on: bool) -> None:
        """Let a drag punch holes instead of moving the picture."""
        self.box.brushing = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    def rows_near(self, place: QPointF) -> Ints:
        """Return the rows seen in both columns that lie under the brush."""
        pixel = np.array(self.box.viewPixelSize())
        apart = (self._xy - [place.x(), place.y()]) / pixel
        near = (apart**2).sum(axis=1) <= BRUSH_RADIUS**2
        return np.flatnonzero(near & ~self._missing.any(axis=1))

    def _on_touched(self, place: QPointF) -> None:
        self._doomed |= set(self.rows_near(place).tolist())
        self.doomed.setData(pos=self._xy[sorted(self._doomed)])

    def _on_lifted(self) -> None:
        rows = np.array(sorted(self._doomed), dtype=np.int64)
        self._doomed = set()
        self.doomed.setData(pos=np.empty((0, 2)))
        if len(rows):
            self.punched.emit(rows)

    def _tip(self, x: float, y: float, data: Any) -> str:
        return self.describe(int(data))

    # -- colors ------------------------------------------------------------------------------

    def retheme(self) -> None:
        """Take the theme's colors."""
        style_plot(self)
        theme = theme_manager().current
        accent = theme.component(IMPUTED)
        soft = theme.component(IMPUTED)
        soft.setAlpha(110)
        fill = theme.component(IMPUTED)
        fill.setAlpha(20)
        self.points.setPen(None)
        self.points.setBrush(theme.color("secondary", 0.45))
        self.whiskers.setPen(self._whisker_pen())
        self.ticks.setPen(pg.mkPen(soft, width=1.2))
        self.imputed.setPen(None)
        self.imputed.setBrush(accent)
        outline = pg.mkPen(theme.text, width=1.5)
        self.marked_points.setPen(outline)
        self.marked_points.setBrush(theme.color("secondary"))
        self.marked_imputed.setPen(outline)
        self.marked_imputed.setBrush(accent)
        self.doomed.setPen(pg.mkPen(accent, width=2))
        self.doomed.setBrush(theme.color("panel"))
        self.regression.setPen(pg.mkPen(theme.text, width=1.4))
        band = pg.mkPen(theme.color("text", 0.5), width=1, style=Qt.PenStyle.DotLine)
        self.regression_band.setPen(band)
        for name, line in self.lines.items():
            line.setPen(line_pen(name))
        self.lines[EM].setBrush(fill)
        self.lines[EM].setFillLevel("enclosed")
        self.inner.setPen(pg.mkPen(accent, width=1.4))
        for name, mark in self.means.items():
            mark.setPen(QPen(line_pen(name).color(), 0))
            mark.setBrush(line_pen(name).color())
        self.mean.setPen(pg.mkPen(theme.text, width=2))
        self.mean.setBrush(accent)
        ghost = theme.color("secondary", 0.6)
        self.ghost.setPen(pg.mkPen(ghost, width=1.2))
        self.ghost_mean.setPen(pg.mkPen(ghost, width=1.5))
        self.ghost_mean.setBrush(None)


def whisker_lines(xy: Floats, deviations: Floats, missing: Bools) -> tuple[Floats, Floats]:
    """Return x and y of the whiskers' ends, two after two: one deviation to either side.

    Parameters
    ----------
    xy, deviations : (N, 2) float
    missing : (N, 2) bool
        Whiskers run along the coordinates that are missing.
    """
    ends = []
    for axis in (0, 1):
        rows = np.flatnonzero(missing[:, axis])
        pair = np.repeat(xy[rows][:, None, :], 2, axis=1)
        pair[:, 0, axis] -= deviations[rows, axis]
        pair[:, 1, axis] += deviations[rows, axis]
        ends.append(pair.reshape(-1, 2))
    points = np.concatenate(ends)
    return points[:, 0], points[:, 1]
