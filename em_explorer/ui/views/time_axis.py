"""One time axis: observations, posterior bands, Viterbi strip and truth strip above each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QTimer, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsSimpleTextItem, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import CAPTION, style_plot, theme_manager, ui_font
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.message_bars import MessageBars
from em_explorer.ui.views.observations import ObservationLayer, Observed
from em_explorer.ui.views.scatter import component_colors
from em_explorer.ui.views.shapes import rgb
from em_explorer.ui.views.time_images import (
    BAND_ROWS,
    Binning,
    Palette,
    Sweep,
    TimeImages,
    TimeWindow,
    sweep_image,
)

FEWEST_STEPS = 8
STRIP, THIN_STRIP, AXIS_ROOM = 20, 16, 38
MOST_SEPARATORS = 200

STRIP_TIPS = {
    "posterior": "How probable each state is at this step, given all observations",
    "α": "Above: α, what each step knows from the past. Below: β, what the future says",
    "differ": "Marked where the most probable path and the most probable single state differ",
    "Viterbi": "The most probable path of states as a whole",
    "truth": "The states that made these data",
}
"""What the words beside the strips mean."""

BAND_TICKS = ((0.0, "0"), (0.5, "posterior"), (1.0, "1"))
SWEEP_TICKS = ((0.25, "β"), (0.75, "α"))


class TimeView(pg.GraphicsLayoutWidget):
    """Plots with one linked time axis; images are binned again when somebody zooms.

    Signals
    -------
    hovered(step)
        The pointer is over this step; −1 when it has left.
    images_wanted()
        Another part of a long sequence has come into view.

    Attributes
    ----------
    patient : bool
        The sequence is so long that its images are made elsewhere, see :meth:`image_maker`.
    """

    hovered = Signal(int)
    images_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("time_axis")
        self.setAccessibleName("Observations, posterior, Viterbi path and truth over time")
        self.ci.layout.setContentsMargins(0, 0, 8, 0)
        self.ci.layout.setSpacing(3)
        self.observations, self.bands, self.differ, self.viterbi, self.truth = (
            self.addPlot(row=i, col=0, axisItems=axes()) for i in range(5)
        )
        self.plots = (self.observations, self.bands, self.differ, self.viterbi, self.truth)
        self.layer = ObservationLayer(self.observations)
        self.band_image, self.differ_image = pg.ImageItem(), pg.ImageItem()
        self.path_image, self.truth_image = pg.ImageItem(), pg.ImageItem()
        self.lines: list[pg.InfiniteLine] = []
        self.separators: list[pg.InfiniteLine] = []
        self.patient = False
        self.shares: Floats = np.empty((0, 0))
        self.edges: Ints = np.array([0, 1])
        self._gamma: Floats | None = None
        self._path: Ints | None = None
        self._labels: Ints | None = None
        self._lengths: tuple[int, ...] = (1,)
        self._n, self._x0, self._dx, self._index_label = 1, 0.0, 1.0, ""
        self._n_true = 0
        self.n_states = 1
        self.sweep: Sweep | None = None
        self._binning: Binning | None = None
        self._build()
        self._bin_soon = QTimer(self)
        self._bin_soon.setSingleShot(True)
        self._bin_soon.setInterval(0)
        self._bin_soon.timeout.connect(self.bin_now)
        self.observations.sigXRangeChanged.connect(self._on_range)
        self.scene().sigMouseMoved.connect(self._on_mouse)

    def _build(self) -> None:
        for plot, image in zip(
            self.plots[1:],
            (self.band_image, self.differ_image, self.path_image, self.truth_image),
            strict=True,
        ):
            plot.addItem(image, ignoreBounds=True)
            plot.setXLink(self.observations)
            plot.setYRange(0.0, 1.0, padding=0)
        for plot in self.plots:
            plot.setMouseEnabled(x=True, y=False)
            plot.hideAxis("bottom")
            line = pg.InfiniteLine(0.0, angle=90)
            line.hide()
            plot.addItem(line, ignoreBounds=True)
            self.lines.append(line)
        self.differ.setToolTip(STRIP_TIPS["differ"])
        self.invitation = QGraphicsSimpleTextItem(self.bands.vb)
        self.invitation.setText("appears with the first E-step")
        self.bars = MessageBars(self)
        self.ci.layout.setRowStretchFactor(0, 5)
        self.ci.layout.setRowStretchFactor(1, 3)
        self.retheme()

    def retheme(self) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        self.setBackground(theme.panel)
        self.setFrameShape(self.Shape.NoFrame)
        for plot in self.plots:
            style_plot(plot)
            plot.showGrid(x=False, y=plot is self.observations, alpha=0.15)
        for plot, ticks in (
            (self.bands, list(BAND_TICKS if self.sweep is None else SWEEP_TICKS)),
            (self.differ, [(0.5, "differ")]),
            (self.viterbi, [(0.5, "Viterbi")]),
            (self.truth, [(0.5, "truth")]),
        ):
            plot.getAxis("left").setTicks([ticks])
            plot.getAxis("left").setToolTip(STRIP_TIPS[ticks[len(ticks) // 2][1]])
            plot.getAxis("left").setStyle(hideOverlappingLabels=False)
        for line in self.lines:
            line.setPen(pg.mkPen(theme.color("text", 0.5), width=1))
        for line in self.separators:
            line.setPen(pg.mkPen(theme.text, width=1.5))
        self.invitation.setFont(ui_font(CAPTION))
        self.invitation.setBrush(QColor(theme.secondary))
        self.invitation.setPos(theme_manager().px(12), theme_manager().px(10))
        self.layer.retheme()
        self._arrange()
        self.bin_now()

    def _arrange(self) -> None:
        """Give the strips their heights and the last row the time axis."""
        px = theme_manager().px
        shown = [p for p in self.plots if p is not self.truth or self._labels is not None]
        self.truth.setVisible(self.truth in shown)
        for plot in (self.differ, self.viterbi, self.truth):
            height = STRIP if plot is self.viterbi else THIN_STRIP
            last = plot is shown[-1]
            plot.showAxis("bottom", last)
            if last:
                height += AXIS_ROOM
                plot.getAxis("bottom").setHeight(px(AXIS_ROOM))
                plot.setLabel("bottom", self._index_label)
                style_plot(plot)
                plot.showGrid(x=False, y=False)
                plot.getAxis("left").setStyle(hideOverlappingLabels=False)
            plot.setFixedHeight(px(height) if plot in shown else 0)

    # -- data --------------------------------------------------------------------------------

    def show_sequences(
        self,
        observed: Observed,
        lengths: tuple[int, ...],
        index: Floats | None,
        index_label: str,
        labels: Ints | None,
    ) -> None:
        """Show other sequences, end to end.

        Parameters
        ----------
        index : (T,) float or None
            The time of each step; used where its steps are equal, else steps count from 1.
        labels : (T,) int or None
            The true states.
        """
        self._n, self._lengths, self._labels = len(observed.values), lengths, labels
        self._n_true = 0 if labels is None else int(labels.max()) + 1
        self._x0, self._dx = even_axis(index, self._n)
        self._index_label = index_label or "step"
        self._gamma = self._path = None
        for line in self.separators:
            line.getViewBox().removeItem(line)
        self.separators = []
        inner = np.cumsum(lengths)[:-1]
        for boundary in inner[:MOST_SEPARATORS]:
            for plot in self.plots[:4]:
                line = pg.InfiniteLine(self.x_of(boundary - 0.5), angle=90)
                plot.addItem(line, ignoreBounds=True)
                self.separators.append(line)
        self.layer.show(observed, self._x0, self._dx)
        self.retheme()
        self.show_sequence(None)

    def x_of(self, step: float) -> float:
        """Return where a step lies on the axis."""
        return float(self._x0 + self._dx * step)

    def show_sequence(self, number: int | None) -> None:
        """Show one sequence, or all (None), and no steps outside it."""
        ends = np.concatenate([[0], np.cumsum(self._lengths)])
        first, last = (0, self._n) if number is None else (ends[number], ends[number + 1])
        low, high = self.x_of(first - 0.5), self.x_of(last - 0.5)
        fewest = self._dx * min(FEWEST_STEPS, last - first)
        for plot in self.plots:
            plot.setLimits(xMin=low, xMax=high, minXRange=fewest)
        self.observations.setXRange(low, high, padding=0)
        self.bin_now()

    def show_steps(self, first: int, last: int) -> None:
        """Zoom to the steps ``first … last``, counted from 1."""
        self.observations.setXRange(self.x_of(first - 1.5), self.x_of(last - 0.5), padding=0)
        self.bin_now()

    @property
    def visible_steps(self) -> tuple[int, int]:
        """First step in view and the one after the last."""
        low, high = self.observations.vb.viewRange()[0]
        start = int(np.floor((low - self._x0) / self._dx + 0.5 + 1e-9))
        stop = int(np.ceil((high - self._x0) / self._dx + 0.5 - 1e-9))
        start = min(max(start, 0), self._n - 1)
        return start, min(max(stop, start + 1), self._n)

    # -- pictures ----------------------------------------------------------------------------

    def draw(
        self,
        gamma: Floats | None,
        path: Ints | None,
        means: Floats | None,
        images: TimeImages | None = None,
    ) -> None:
        """Draw a posterior (T, K), a Viterbi path (T,) and the states' means (K,), each or None."""
        self._gamma, self._path = gamma, path
        self.layer.place_levels(means)
        self._place(images or self.image_maker()(gamma, path))

    def image_maker(self) -> Callable[[Floats | None, Ints | None], TimeImages]:
        """Return what makes the images of the present view, in any thread."""
        start, stop = self.visible_steps
        columns = max(int(self.observations.vb.width()), 1)
        window = TimeWindow(start, stop, columns, self.layer.dot_rows(stop - start))
        palette, seen, labels = self._palette(), self.layer.rows, self._labels
        if self._binning is None or not self._binning.serves(window, seen, labels):
            self._binning = Binning(window, seen, labels, max(self._n_true, 1))
        binning = self._binning

        def make(gamma: Floats | None, path: Ints | None) -> TimeImages:
            return TimeImages(binning, gamma, path, palette)

        return make

    def _palette(self) -> Palette:
        theme = theme_manager().current
        n_states = 1 if self._gamma is None else self._gamma.shape[1]
        n_true = 1 if self._labels is None else self._n_true
        return Palette(
            component_colors(max(n_states, self.n_states)),
            truth_shades(n_true),
            rgb(theme.color("secondary")),
            rgb(theme.color("text")),
        )

    def show_sweep(self, sweep: Sweep | None) -> None:
        """Draw the two sweeps of forward–backward in the place of the posterior, or not."""
        begins_or_ends = (sweep is None) is not (self.sweep is None)
        self.sweep = sweep
        if begins_or_ends:
            axis = self.bands.getAxis("left")
            axis.setTicks([list(BAND_TICKS if sweep is None else SWEEP_TICKS)])
            axis.setToolTip(STRIP_TIPS["posterior" if sweep is None else "α"])
        self.bin_now()

    @Slot()
    def settle(self) -> None:
        """Draw now what waits for the next turn of the events."""
        if self._bin_soon.isActive():
            self._bin_soon.stop()
            self.bin_now()

    def bin_now(self) -> None:
        """Draw what is in view, one column per pixel at most; or have it made."""
        if self.patient:
            self.images_wanted.emit()
        else:
            self._place(self.image_maker()(self._gamma, self._path))

    def _place(self, images: TimeImages) -> None:
        """Show images where they belong, which may be elsewhere than the present view."""
        start, stop = images.window.start, images.window.stop
        self.edges = images.edges
        if images.shares is not None:
            self.shares = images.shares
        where = QRectF(self.x_of(start - 0.5), 0.0, self._dx * (stop - start), 1.0)
        self.layer.draw(start, stop, images.window.columns, self._gamma, images.dots)
        self.invitation.setVisible(self._gamma is None)
        bands, sweep = images.bands, self.sweep
        if sweep is not None and bands is not None and len(sweep.alpha) == self._n:
            bands = sweep_image(sweep, images.edges, self._palette().states, BAND_ROWS)
        for item, image in (
            (self.band_image, bands),
            (self.path_image, images.strip),
            (self.differ_image, images.differ),
            (self.truth_image, images.truth),
        ):
            if image is None:
                item.clear()
            else:
                item.setImage(image, autoLevels=False)
                item.setRect(where)

    def _on_range(self, *_: object) -> None:
        # The old image is stretched meanwhile, which costs nothing.
        self._bin_soon.start()

    def resizeEvent(self, event: Any) -> None:
        """Bin for the new width."""
        super().resizeEvent(event)
        if hasattr(self, "_bin_soon"):
            self._bin_soon.start()

    # -- the pointer -------------------------------------------------------------------------

    def _on_mouse(self, position: QPointF) -> None:
        inside = any(
            p.isVisible() and p.vb.sceneBoundingRect().contains(position) for p in self.plots
        )
        x = self.observations.vb.mapSceneToView(position).x()
        self.point_at(int(np.round((x - self._x0) / self._dx)) if inside else -1)

    def point_at(self, step: int) -> None:
        """Put the vertical line on a step and tell; a step outside takes it away."""
        step = step if 0 <= step < self._n else -1
        for line in self.lines:
            line.setVisible(step >= 0)
            if step >= 0:
                line.setPos(self.x_of(step))
        self.hovered.emit(step)

    def show_messages(self, step: int, messages: tuple[Floats, Floats, Floats] | None) -> None:
        """Show α, β and γ of a step as small bars, in the corner away from it; or none."""
        if step < 0 or messages is None:
            self.bars.hide()
            return
        area = self.observations.vb.sceneBoundingRect()
        self.bars.show_messages(*messages)
        right = self.observations.vb.mapViewToScene(QPointF(self.x_of(step), 0.0)).x()
        left = right > area.center().x()
        x = area.left() + 6 if left else area.right() - self.bars.width() - 6
        self.bars.move(round(x), round(area.top()) + 6)
        self.bars.show()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the vertical line away."""
        super().leaveEvent(event)
        self.point_at(-1)


def even_axis(index: Floats | None, n: int) -> tuple[float, float]:
    """Return where step 0 lies and how far apart steps are; 1, 2, … for an uneven index."""
    if index is not None and n > 1:
        steps = np.diff(index)
        if steps[0] > 0 and np.allclose(steps, steps[0]):
            return float(index[0]), float(steps[0])
    return 1.0, 1.0


def truth_shades(n: int) -> Floats:
    """Return neutral shades for n true states, (n, 3) RGB: the truth has no color of its own."""
    theme = theme_manager().current
    light, dark = QColor(theme.hairline), QColor(theme.truth)
    ends = np.array([[c.red(), c.green(), c.blue()] for c in (light, dark)], dtype=float)
    share = np.linspace(0.0, 1.0, max(n, 2))[:n, None]
    return np.asarray((1.0 - share) * ends[0] + share * ends[1])
