"""A scatter of points colored by what they belong to, with ellipses, means and trails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal, Slot
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Bools, Floats
from em_explorer.ui.theme import dashed_pen, style_plot, theme_manager
from em_explorer.ui.views.arrows import Arrows
from em_explorer.ui.views.atlas import AtlasScatter
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.component_items import SIGMAS, ComponentItems, Handle, stand_labels
from em_explorer.ui.views.padlock import Padlocks
from em_explorer.ui.views.play_box import PlayBox
from em_explorer.ui.views.pull_lines import PullLines
from em_explorer.ui.views.raster import Frame, Raster
from em_explorer.ui.views.shapes import (
    BrushCache,
    blend,
    component_colors,
    doubt_sizes,
    ellipse,
    normal_density,
    point_colors,
    rgb,
)

__all__ = ["SIGMAS", "BrushCache", "MixtureScatter", "blend", "component_colors", "ellipse"]

POINT, SYMBOL_POINT = 8, 9
"""Sizes of the points' marks, px; symbols need a little more to be told apart."""

MANY = 500
"""From so many points on, marks hide outlines of their own color as a crowd's image does."""

DOUBT_SIZES = (5.0, 8.0, 11.0, 14.0, 17.0, 20.0)
"""Sizes of marks that show how unsure their points are, px."""

ROUND = (0.8, 4.0)
"""Axes of one unit are drawn to one scale if the data are so many times as wide as they are high;
others would become a narrow strip in a wide window."""

MOST_BESIDE = 0.3
"""So far beyond the points, as a share of their width, the axes follow a story's ellipses."""

DENSITY_GRID = (160, 120)
POINT_ALPHA = 210

CELLS = ((30_000, 4), (150_000, 3))
"""Side of the cells that many points are drawn in, px: up to so many points; 2 px beyond."""


class MixtureScatter(pg.PlotWidget):
    """Two columns of the data with the components over them.

    Signals
    -------
    mean_dragged(component, x, y)
        A mean was dropped at a new place, in the data's units.
    shape_dragged(component, covariance)
        An axis of a 1σ ellipse was dropped; the (2, 2) covariance it asks for.
    component_hovered(component)
        The pointer came to a mean, or left it: −1.
    component_asked(component, place)
        A right-click on a mean; the place on the screen.
    selected_changed()
        The handles of another component are shown, or of none.
    grabbed()
        Something is being dragged: time to pause.
    """

    mean_dragged = Signal(int, float, float)
    shape_dragged = Signal(int, object)
    component_hovered = Signal(int)
    selected_changed = Signal()
    component_asked = Signal(int, object)
    grabbed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = PlayBox()
        super().__init__(parent, viewBox=self.box, enableMenu=False, axisItems=axes())
        self.setObjectName("scatter")
        self.setAccessibleName("Scatter of the data with the components' ellipses")
        self.density = pg.ImageItem()
        self.density.setZValue(-20)
        self.density.setVisible(False)
        self.points = AtlasScatter(POINT, POINT_ALPHA)
        self.doubts = AtlasScatter(POINT, POINT_ALPHA)
        self.cloud = pg.ImageItem(axisOrder="row-major")
        self.cloud.setVisible(False)
        self.ring = pg.ScatterPlotItem(size=POINT + 6, brush=None)
        self.ring.setZValue(4)
        self.addItem(self.density, ignoreBounds=True)
        self.addItem(self.cloud, ignoreBounds=True)
        self.addItem(self.points, ignoreBounds=True)
        self.addItem(self.doubts, ignoreBounds=True)
        self.addItem(self.ring, ignoreBounds=True)
        self.components: list[ComponentItems] = []
        self.truths: list[pg.PlotCurveItem] = []
        self.selected: int | None = None
        self.raster: Raster | None = None
        self.use_symbols = False
        self.use_sizes = False
        self.pulls = PullLines(self)
        self.arrows = Arrows()
        self.addItem(self.arrows, ignoreBounds=True)
        self.padlocks = Padlocks(self)
        self._xy = np.empty((0, 2))
        self._moving = False
        self._same_unit = False
        self._beside = np.empty((0, 2))
        self.box.place_clicked.connect(self._on_place_clicked)
        self.box.point_grabbed.connect(self._on_point_grabbed)
        self.box.point_moving.connect(self._on_point_moving)
        self.box.sigRangeChanged.connect(self._on_range)
        self.box.sigResized.connect(self._on_range)
        self._dress()

    @property
    def ellipses(self) -> list[list[pg.PlotCurveItem]]:
        """The 1σ and 2σ outlines of every component."""
        return [c.outlines for c in self.components]

    @property
    def handles(self) -> list[Handle]:
        """The marks of the means."""
        return [c.handle for c in self.components]

    @property
    def places(self) -> Floats:
        """The points shown, (N, 2)."""
        return self._xy

    def show_data(
        self,
        xy: Floats,
        x_label: tuple[str, str],
        y_label: tuple[str, str],
        *,
        fit: bool = True,
        marks: bool = True,
    ) -> None:
        """Put other points on the axes; labels are (name, unit).

        Without ``marks`` the points wait for :meth:`draw_cloud`.
        """
        self._xy = xy
        self.raster = None
        self.box.set_places(xy)
        self.ring_point(-1)
        for side, (name, unit) in (("bottom", x_label), ("left", y_label)):
            self.setLabel(side, f"{name} ({unit})" if unit else name)
        style_plot(self)
        self.points.set_places(xy if marks else np.empty((0, 2)))
        self.doubts.set_places(np.empty((0, 2)))
        self.cloud.setVisible(not marks)
        for component in self.components:
            component.stand_out(self._dense)
        self.cloud.clear()
        self._same_unit = x_label[1] == y_label[1]
        if fit:
            self._beside = np.empty((0, 2))
            self.fit()

    @property
    def _dense(self) -> bool:
        return self.cloud.isVisible() or len(self._xy) >= MANY

    def make_room(self, places: Floats) -> None:
        """Show these places too, (n, 2), as far as the points do not shrink to a heap."""
        self._beside = places
        self.fit()

    @Slot()
    def fit(self) -> None:
        """Show all points, with some room around them."""
        if not len(self._xy):
            return
        low, high = np.nanmin(self._xy, axis=0), np.nanmax(self._xy, axis=0)
        room = np.where(high > low, 0.15 * (high - low), 1.0)
        low, high = low - room, high + room
        if len(self._beside):
            most = MOST_BESIDE * (high - low)
            low = np.minimum(low, np.maximum(self._beside.min(axis=0), low - most))
            high = np.maximum(high, np.minimum(self._beside.max(axis=0), high + most))
        spans = high - low
        self.setAspectLocked(self._same_unit and ROUND[0] <= spans[0] / spans[1] <= ROUND[1])
        self.setRange(
            xRange=(low[0], high[0]),
            yRange=(low[1], high[1]),
            padding=0,
        )

    def set_components(self, n: int, *, anew: bool = False) -> None:
        """Make the items of n components, unless there are as many already."""
        if n == len(self.components) and not anew:
            return
        for component in self.components:
            for item in component.items():
                self.removeItem(item)
        self.components = [ComponentItems(k) for k in range(n)]
        for component in self.components:
            component.stand_out(self._dense)
            for item in component.items():
                self.addItem(item, ignoreBounds=True)
            component.handle.hovered.connect(self._on_hovered)
            component.handle.asked.connect(self.component_asked)
            component.handle.sigPositionChanged.connect(self._on_mean_moving)
            component.handle.sigPositionChangeFinished.connect(self._on_mean_dropped)
            for axis in component.axis_handles:
                axis.sigPositionChanged.connect(self._on_axis_moving)
                axis.sigPositionChangeFinished.connect(self._on_axis_dropped)
        self.select(self.selected if self.selected is not None and self.selected < n else None)
        self._show_symbols()

    # -- drawing -----------------------------------------------------------------------------

    def color_points(self, responsibilities: Floats, tint: float = 1.0) -> None:
        """Color each point by its responsibilities; neutral before the first E-step."""
        if len(responsibilities) != len(self._xy):
            return
        colors = point_colors(responsibilities, tint)
        sizes = doubt_sizes(responsibilities, tint, DOUBT_SIZES) if self.use_sizes else None
        if not (self.use_symbols and tint > 0):
            self.points.paint_points(colors, size=POINT, sizes=sizes)
            return
        theme = theme_manager().current
        symbols = [theme.symbol(k) for k in range(responsibilities.shape[1])]
        self.points.paint_points(colors, symbols, responsibilities.argmax(1), SYMBOL_POINT, sizes)

    def frame(self) -> Frame:
        """Return the view as cells of a few whole pixels."""
        (x0, x1), (y0, y1) = self.box.viewRange()
        width, height = max(self.box.width(), 1.0), max(self.box.height(), 1.0)
        side = next((side for most, side in CELLS if len(self._xy) <= most), 2)
        columns, rows = int(np.ceil(width / side)), int(np.ceil(height / side))
        across, up = (x1 - x0) * side / width, (y1 - y0) * side / height
        return Frame(x0, y0, x0 + columns * across, y0 + rows * up, columns, rows)

    def draw_cloud(self, raster: Raster, colors: Floats) -> None:
        """Draw many points as an image of cells, (C, 3) colors of those that are occupied."""
        self.cloud.setImage(raster.image(colors), autoLevels=False, levels=None)
        if raster is not self.raster:
            frame = raster.frame
            self.raster = raster
            self.box.candidates = raster.near
            self.cloud.setRect(QRectF(frame.x0, frame.y0, frame.x1 - frame.x0, frame.y1 - frame.y0))

    def mark_doubts(self, places: Floats, responsibilities: Floats) -> None:
        """Mark unsure points over an image of all, (n, 2) places; the less sure, the larger."""
        if not len(places) and not len(self.doubts.places):
            return
        self.doubts.set_places(places)
        if len(places):
            sizes = doubt_sizes(responsibilities, 1.0, DOUBT_SIZES)
            self.doubts.paint_points(point_colors(responsibilities, 1.0), sizes=sizes)

    def place_components(self, weights: Floats, means: Floats, covariances: Floats) -> None:
        """Put ellipses, means and labels where the parameters say."""
        self._moving = True
        pixels = self.box.pixels()
        for k, component in enumerate(self.components):
            component.place(means[k], covariances[k], pixels)
            component.label.say(f"{k + 1} · {100 * weights[k]:.0f} %")
        self._moving = False
        stand_labels(self.components, self.box)

    def place_locks(self, weights: Bools, means: Bools, covariances: Bools) -> None:
        """Put padlocks on the labels, means and ellipses of what is held, (K,) each."""
        places = [c.mean for c in self.components if means[c.number]]
        for component in self.components:
            component.label.show_lock(bool(weights[component.number]))
            if covariances[component.number]:
                outline = np.column_stack(ellipse(component.mean, component.covariance, 1.0))
                places.append(outline[outline[:, 1].argmax()])
        self.padlocks.place(np.array(places).reshape(-1, 2))

    def place_ghosts(self, means: Floats | None, covariances: Floats | None) -> None:
        """Leave the outlines of the state before, or none."""
        for k, component in enumerate(self.components):
            if means is None or covariances is None:
                component.leave_ghost(None, None)
            else:
                component.leave_ghost(means[k], covariances[k])

    def place_trails(self, past: Floats, *, marked: bool = True) -> None:
        """Draw the ways of the means from (steps, K, 2) places they left to where they are."""
        for k, component in enumerate(self.components):
            component.draw_trail(past[:, k], marked=marked)

    def place_truth(self, means: Floats | None, covariances: Floats | None) -> None:
        """Draw the true 1σ ellipses as thin dashed lines, or none."""
        for item in self.truths:
            self.removeItem(item)
        self.truths = []
        if means is None or covariances is None:
            return
        for mean, covariance in zip(means, covariances, strict=True):
            item = pg.PlotCurveItem(*ellipse(mean, covariance, 1.0))
            item.setPen(dashed_pen(theme_manager().current))
            item.setZValue(3)
            self.addItem(item, ignoreBounds=True)
            self.truths.append(item)

    def shade(self, weights: Floats, means: Floats, covariances: Floats) -> None:
        """Shade the plane by the density of the mixture."""
        (x0, x1), (y0, y1) = self.viewRange()
        nx, ny = DENSITY_GRID
        x = x0 + (np.arange(nx) + 0.5) * (x1 - x0) / nx
        y = y0 + (np.arange(ny) + 0.5) * (y1 - y0) / ny
        density = normal_density(x, y, weights, means, covariances)
        # The square root shows the slopes too; the peaks alone would be small dark spots.
        strength = np.sqrt(density / max(float(density.max()), 1e-300))
        image = np.empty((nx, ny, 4), dtype=np.ubyte)
        image[..., :3] = rgb(theme_manager().current.color("secondary"))
        image[..., 3] = np.round(120 * strength)
        self.density.setImage(image, autoLevels=False, levels=None)
        self.density.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    def ring_point(self, index: int) -> None:
        """Put a ring around a point, or around none: −1."""
        if 0 <= index < len(self._xy):
            self.ring.setData(pos=self._xy[index : index + 1])
        else:
            self.ring.setData([], [])

    def show_symbols(self, on: bool) -> None:
        """Use the symbols beside the colors, or colors alone."""
        self.use_symbols = on
        self._show_symbols()

    def _show_symbols(self) -> None:
        theme = theme_manager().current
        for component in self.components:
            component.handle.setSymbol(theme.symbol(component.number) if self.use_symbols else "o")

    def _dress(self) -> None:
        style_plot(self)
        self.ring.setPen(pg.mkPen(theme_manager().current.text, width=1.5))

    def retheme(self) -> None:
        """Take the theme's colors."""
        self._dress()
        self.set_components(len(self.components), anew=True)

    # -- the hand ----------------------------------------------------------------------------

    def select(self, component: int | None) -> None:
        """Show the axis handles of one component, or of none."""
        another, self.selected = component != self.selected, component
        for c in self.components:
            c.show_axes(c.number == component)
        if another:
            self.selected_changed.emit()

    def _on_hovered(self, on: bool) -> None:
        hovered = next((c.number for c in self.components if c.handle.mouseHovering), -1)
        if on and hovered >= 0:
            self.select(hovered)
        self.component_hovered.emit(hovered)

    def _on_place_clicked(self) -> None:
        self.select(None)

    def _on_range(self, *_: object) -> None:
        pixels = self.box.pixels()
        self._moving = True
        for component in self.components:
            component.place_axes(pixels)
        self._moving = False
        stand_labels(self.components, self.box)

    def _on_mean_moving(self, handle: Any) -> None:
        if self._moving:
            return
        self.grabbed.emit()
        component = self.components[handle.number]
        place = np.array([handle.pos().x(), handle.pos().y()])
        self._moving = True
        component.place(place, component.covariance, self.box.pixels())
        self._moving = False
        stand_labels(self.components, self.box)

    def _on_mean_dropped(self, handle: Any) -> None:
        if not self._moving:
            self.mean_dragged.emit(handle.number, handle.pos().x(), handle.pos().y())

    def _axis_of(self, handle: Any) -> tuple[ComponentItems, int]:
        component = self.components[handle.number]
        return component, component.axis_handles.index(handle)

    def _on_axis_moving(self, handle: Any) -> None:
        if self._moving:
            return
        self.grabbed.emit()
        component, axis = self._axis_of(handle)
        covariance = component.reshaped(axis, self.box.pixels())
        for sigma, item in zip(SIGMAS, component.outlines, strict=True):
            item.setData(*ellipse(component.mean, covariance, sigma))

    def _on_axis_dropped(self, handle: Any) -> None:
        if not self._moving:
            component, axis = self._axis_of(handle)
            self.shape_dragged.emit(handle.number, component.reshaped(axis, self.box.pixels()))

    def _on_point_grabbed(self, _: int) -> None:
        self.grabbed.emit()

    def _on_point_moving(self, index: int, x: float, y: float) -> None:
        self.ring.setData([x], [y])
