"""The likelihood curve: the bound after every half-step, never smoothed."""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.diagnostics import aitken_limit, decreases, distances, falls
from em_explorer.em.trace import Trace, phase_of
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.curve_parts import (
    FIRST_WIDTH,
    CurveMode,
    OtherCurve,
    envelope,
    wide_enough,
)

MOST_DOTS = 240

FRAME_MS = 33
"""The curve is drawn at most so often while half-steps pour in."""

LEAST_AFTER_LEAP = 8
"""With fewer half-steps the first leap is the story, and stays in view."""

INVITATION = "The curve begins with the first E-step: press the blue button, or Space."

NO_LIMIT = "Where the curve is heading can’t be told yet: let EM take a few more steps."


class LikelihoodCurve(pg.PlotWidget):
    """Bound against iteration; an M-step is drawn half an iteration before its E-step.

    Signals
    -------
    picked(index)
        A half-step was clicked.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False, axisItems=axes())
        self.setObjectName("curve")
        self.setAccessibleName("Curve of the objective against the iteration")
        self.setToolTip("The objective after each half-step. Click a point to go there.")
        self._trace: Trace | None = None
        self._range: tuple[float, float, float] | None = None
        self._drawn: Floats = np.empty(0)
        self._marked = 0
        self._drawn_at = 0.0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.draw_now)
        self._n_observations = 1
        self.mode = CurveMode.TOTAL
        self.name = "log-likelihood"
        self.setMouseEnabled(x=False, y=False)
        self.key: QLabel | None = None
        self.line = self.plot([], [], pen=None)
        self.e_dots = pg.ScatterPlotItem(size=6, pen=None)
        self.m_dots = pg.ScatterPlotItem(size=5, pen=None)
        self.marker = pg.ScatterPlotItem(size=11)
        self.fall_marks = pg.ScatterPlotItem(size=11, symbol="t", pen=None)
        self.fall_marks.setToolTip("Here the objective fell")
        self.others: tuple[OtherCurve, ...] = ()
        self.other_lines: list[pg.PlotDataItem] = []
        self._others_drawn: tuple[Any, ...] = ()
        self.beside: OtherCurve | None = None
        self.beside_marker = pg.ScatterPlotItem(size=11)
        self._beside_marked: int | None = None
        self.addItem(self.beside_marker)
        self.addItem(self.m_dots)
        self.addItem(self.e_dots)
        self.addItem(self.fall_marks)
        self.addItem(self.marker)
        self.invitation = QLabel(INVITATION, self)
        self.invitation.setObjectName("curve_invitation")
        self.invitation.setProperty("role", "secondary")
        self.invitation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.invitation.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.scene().sigMouseClicked.connect(self._on_click)
        theme_manager().changed.connect(self.retheme)
        self.getAxis("bottom").setLabel("iteration")
        self._label()
        self.retheme()

    def follow(self, trace: Trace | None, n_observations: int, name: str) -> None:
        """Show another run's curve from its beginning."""
        self._trace = trace
        self._n_observations = max(n_observations, 1)
        self.name = name
        self._marked = 0
        self._range = None
        self._label()
        self.draw_now()

    def grow(self) -> None:
        """Draw the half-steps that have come: now, or with the curve's next frame."""
        if len(self._bounds) != len(self._drawn):
            self._draw_soon()

    def show_mode(self, mode: CurveMode) -> None:
        """Choose between the total, the value per observation and the distance to the limit."""
        self.mode = mode
        self._range = None
        self._label()
        self.draw_now()

    def show_others(self, others: tuple[OtherCurve, ...]) -> None:
        """Draw other runs' curves behind this one; the range then holds their ends too."""
        self.others = others
        self._behind_changed()

    def show_beside(self, other: OtherCurve | None, names: tuple[str, str] = ("", "")) -> None:
        """Draw the curve of the run in the other half of a split view, and say which is which."""
        self.beside = other
        self._beside_marked = None if other is None else self._beside_marked
        if self.key is None:
            self.key = QLabel(self)
            self.key.setObjectName("curve_key")
            self.key.setProperty("role", "caption")
            self.key.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        if other is not None:
            own = f'<span style="color:{theme_manager().current.secondary}">●</span> {names[0]}'
            line = "┅┅" if other.dashed else "━━"
            beside = f'<span style="color:{other.color}">{line}</span> {names[1]}'
            self.key.setText(f"{own}&nbsp;&nbsp;&nbsp;{beside}")
        self.key.setVisible(other is not None)
        self._place_key()
        self._behind_changed()

    def mark_beside(self, iteration: int | None) -> None:
        """Put a ring on the other half's curve at an iteration, or nowhere."""
        if iteration != self._beside_marked:
            self._beside_marked = iteration
            self._draw_beside_marker()

    @property
    def _behind(self) -> tuple[OtherCurve, ...]:
        return self.others if self.beside is None else (*self.others, self.beside)

    def _behind_changed(self) -> None:
        self._range = None
        while len(self.other_lines) > len(self._behind):
            self.removeItem(self.other_lines.pop())
        while len(self.other_lines) < len(self._behind):
            line = self.plot([], [])
            line.setZValue(-1)
            self.other_lines.append(line)
        self.draw_now()

    def _draw_others(self) -> None:
        columns = max(int(self.getPlotItem().vb.width()), 100)
        drawn = self._behind, self.mode, columns
        if drawn == self._others_drawn:
            return  # they stand still while this run grows
        self._others_drawn = drawn
        for line, other in zip(self.other_lines, self._behind, strict=True):
            style = Qt.PenStyle.DashLine if other.dashed else Qt.PenStyle.SolidLine
            heights = self.to_axis(other.bounds)
            known = np.flatnonzero(np.isfinite(heights))
            positions, y = envelope(heights[known], columns)
            many = len(y) > MOST_DOTS
            pen = pg.mkPen(other.color, width=1 if many else 1.5, style=style)
            x = other.offset + known[positions.astype(np.int64)]
            line.setData(x, y, pen=pen, antialias=not many)

    def to_axis(self, bounds: Floats) -> Floats:
        """Return the bounds of another run's E-steps, nats, as the axis shows them."""
        if self.mode is CurveMode.DISTANCE:
            return distances(bounds, aitken_limit(bounds))
        return bounds / self._n_observations if self.mode is CurveMode.EACH else bounds

    def show_time(self, on: bool) -> None:
        """Show the axis of iterations, or leave it to a plot below."""
        self.showAxis("bottom", on)

    def mark(self, index: int) -> None:
        """Put the large dot on the cursor's half-step."""
        self._marked = index
        if not self._later.isActive():  # else it comes with the curve's next frame
            self._draw_marker()

    @property
    def values(self) -> tuple[list[float], list[float]]:
        """The iterations and bounds of all half-steps but the start, in nats (total)."""
        bounds = self._bounds
        return (np.arange(len(bounds)) / 2.0).tolist(), bounds.tolist()

    @property
    def _bounds(self) -> Floats:
        return np.empty(0) if self._trace is None else self._trace.half_step_bounds[1:]

    @property
    def falls(self) -> Ints:
        """The half-steps that lowered the objective by more than rounding explains."""
        if not isinstance(self._trace, Trace) or not len(decreases(self._bounds)):
            return np.empty(0, dtype=np.int64)
        return falls(self._trace)

    def _heights(self) -> Floats:
        """Return what is drawn of each half-step but the start; NaN where there is nothing."""
        bounds = self._bounds
        if self.mode is CurveMode.DISTANCE:
            return distances(bounds, aitken_limit(bounds[::2]))
        return bounds / self._n_observations if self.mode is CurveMode.EACH else bounds

    def _draw_soon(self) -> None:
        if self._later.isActive():
            return
        wait = FRAME_MS - 1000.0 * (monotonic() - self._drawn_at)
        if wait <= 0:
            self.draw_now()
        else:
            self._later.start(int(wait) + 1)

    def settle(self) -> None:
        """Draw now what waits for the curve's next frame."""
        if self._later.isActive():
            self.draw_now()

    def draw_now(self) -> None:
        """Draw the curve and the cursor's dot as they are."""
        self._later.stop()
        self._drawn = heights = self._heights()
        known = np.flatnonzero(np.isfinite(heights))
        many = len(heights) > MOST_DOTS
        columns = max(int(self.getPlotItem().vb.width()), 100)
        positions, y = envelope(heights[known], columns)
        x = known[positions.astype(np.int64)] / 2.0
        # Thousands of points: a broad or smooth pen would take tens of milliseconds. And where
        # there are too many for dots, the line is all there is to see.
        theme = theme_manager().current
        pen = pg.mkPen(theme.secondary if many else theme.border, width=1 if many else 1.5)
        self.line.setData(x, y, antialias=not many, pen=pen)
        is_e = x == np.floor(x)
        e, m = (slice(0, 0), slice(0, 0)) if many else (is_e, ~is_e)
        self.e_dots.setData(x[e], y[e])
        self.m_dots.setData(x[m], y[m])
        fallen = self.falls - 1
        fallen = fallen[np.isfinite(heights[fallen])]
        self.fall_marks.setData(fallen / 2.0, heights[fallen])
        self._draw_others()
        self._fit_range(x, y)
        self._draw_marker()
        self._draw_beside_marker()
        self._place_key()
        self._drawn_at = monotonic()

    def _draw_beside_marker(self) -> None:
        other, iteration = self.beside, self._beside_marked
        if other is None or iteration is None or not 0 <= iteration < len(other.bounds):
            self.beside_marker.setData([], [])
            return
        pen = pg.mkPen(other.color, width=2)
        height = self.to_axis(other.bounds)[iteration]
        panel = theme_manager().current.color("panel")
        self.beside_marker.setData([other.offset + iteration], [height], pen=pen, brush=panel)

    def _place_key(self) -> None:
        if self.key is not None:
            self.key.adjustSize()
            box = self.getPlotItem().vb.sceneBoundingRect()
            where = box.bottomRight() - QPointF(self.key.width() + 8, self.key.height() + 4)
            self.key.move(where.toPoint())

    def _draw_marker(self) -> None:
        index, drawn = self._marked, self._drawn
        if not 0 < index <= len(drawn) or not np.isfinite(drawn[index - 1]):
            self.marker.setData([], [])
            return
        theme = theme_manager().current
        self.marker.setData(
            [(index - 1) / 2.0],
            [drawn[index - 1]],
            brush=theme.phase_color(phase_of(index).value),
            pen=pg.mkPen(theme.panel, width=2),
        )

    def _fit_range(self, x: Floats, y: Floats) -> None:
        """Show all of the curve; the range grows in steps, so that it does not creep."""
        self.getPlotItem().setVisible(bool(x.size))  # axes without a curve would lie
        self.invitation.setVisible(not x.size)
        self.invitation.setText(NO_LIMIT if len(self._bounds) else INVITATION)
        if not x.size:
            self.setXRange(-0.4, FIRST_WIDTH, padding=0)
            return
        ends = [other.offset + len(other.bounds) - 1 for other in self._behind]
        right = wide_enough(max([x[-1], *ends]))
        low, high = float(y.min()), float(y.max())
        enough = y.size > LEAST_AFTER_LEAP and self.mode is not CurveMode.DISTANCE
        settled = float(self._drawn[2:].min()) if enough else low
        leap, rest = settled - low, high - settled
        if leap > 3 * rest > 1e-4 * leap:
            low = settled  # the first leap would press all that follows flat
        for other in self._behind:  # where they end belongs into the picture
            known = self.to_axis(other.bounds)
            last = known[np.isfinite(known)][-1:]
            low, high = min([low, *last]), max([high, *last])
        # Never so narrow that the tick labels have no room for their digits.
        # One point alone has no scale yet: digits that nobody asked about would only disturb.
        least = 5e-3 if y.size == 1 and not self._behind else 1e-5
        room = max((high - low) * 0.12, abs(high) * least, 1e-12)
        if self._range is not None and right == self._range[0] and y.size > MOST_DOTS:
            bottom, top = self._range[1:]
            if bottom <= low and high <= top and high - low > 0.6 * (top - bottom):
                return
        self._range = right, low - room, high + room
        self.setXRange(-0.4, right, padding=0)
        self.setYRange(low - room, high + room, padding=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the invitation in the middle."""
        super().resizeEvent(event)
        if hasattr(self, "invitation"):  # pyqtgraph resizes while it is being made
            self.invitation.setGeometry(self.rect())
            self._place_key()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint; a frame that waits comes first, so that no picture of the window lacks it."""
        self.settle()
        super().paintEvent(event)

    def _label(self) -> None:
        what = f"{self.name} / n" if self.mode is CurveMode.EACH else self.name
        if self.mode is CurveMode.DISTANCE:
            what = "log₁₀(L∞−L)"
        # Not by the plot's own setLabel, which would show an axis again that was left to a plot
        # below; an axis' setLabel shows the words again.
        left = self.getAxis("left")
        named = left.label.isVisibleTo(left)
        left.setLabel(what)
        left.showLabel(named)

    def _style(self) -> None:
        style_plot(self)
        px = theme_manager().px
        self.getAxis("left").setWidth(px(84))
        self.getAxis("bottom").setHeight(px(36))

    def retheme(self, *_: object) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        self._style()
        self.e_dots.setBrush(theme.phase_color("E"))
        self.m_dots.setBrush(theme.phase_color("M"))
        self.fall_marks.setBrush(theme.color("failure"))
        self.draw_now()

    def _on_click(self, event: Any) -> None:
        n = len(self._bounds)
        if n == 0:
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = self.getPlotItem().vb.mapSceneToView(event.scenePos()).x()
        self.picked.emit(int(np.clip(round(2.0 * x), 0, n - 1)) + 1)
