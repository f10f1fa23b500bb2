"""Parameters against the iteration, on the time axis of the curve, with the truth where known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from em_explorer.em.anatomy import Parameter
from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.ui.theme import dashed_pen, style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.curve_parts import wide_enough

EVERYTHING = "everything, in its own scale"
"""All parameters, each as its distance from where it is now."""

SPLIT = ("means", "spreads")
"""Groups with a unit of its own for each column: a choice each."""

LATE = ("starts",)
"""Groups that are no story: a chain starts but once."""

SMOOTH = 600
"""Points up to which lines are drawn broad and smooth: more would take tens of milliseconds."""

FEW = 24
"""With more lines than this, those of the truth would cover everything."""


@dataclass(frozen=True)
class Traces:
    """What is drawn.

    Attributes
    ----------
    parameters : tuple of Parameter
    iterations : (n,) int
    values : (n, P) float
        In the data's units.
    scales : (P,) float
        What one unit of movement is for each.
    truth : (P,) float or None
        In the order of the parameters.
    """

    parameters: tuple[Parameter, ...]
    iterations: Ints
    values: Floats
    scales: Floats
    truth: Floats | None = None

    def __post_init__(self) -> None:
        freeze(self)


def series_of(parameters: Sequence[Parameter]) -> dict[str, list[int]]:
    """Sort parameters into what can share an axis: one choice for each group and unit."""
    found: dict[str, list[int]] = {}
    for i, parameter in enumerate(parameters):
        name = parameter.group
        if name in SPLIT:
            _, _, column = parameter.label.partition(" ")
            name = f"{name} of {column}" if column else name
        found.setdefault(name, []).append(i)
    if len(found) > 1:
        found[EVERYTHING] = list(range(len(parameters)))
    return found


def most_moved(traces: Traces) -> str:
    """Return the choice that holds the parameter that has come furthest."""
    series = series_of(traces.parameters)
    if not series or len(traces.values) < 2:
        return next(iter(series), "")
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.abs(traces.values[-1] - traces.values[0]) / traces.scales
    told = np.array([parameter.group not in LATE for parameter in traces.parameters])
    first = int(np.argmax(np.where(np.isfinite(way) & told, way, 0.0)))
    return next(name for name, rows in series.items() if first in rows)


class ParameterTraces(pg.PlotWidget):
    """Lines in the colors of their components, states or topics.

    Signals
    -------
    picked(index)
        A half-step was clicked.
    pointed(row)
        The line nearest to the pointer: a parameter's number, or −1.
    """

    picked = Signal(int)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False, axisItems=axes())
        self.setObjectName("parameter_traces")
        self.setAccessibleName("Parameters against the iteration")
        self.setToolTip("Parameters after each iteration. Click to go there.")
        self.setMouseEnabled(x=False, y=False)
        self.traces: Traces | None = None
        self.rows: list[int] = []
        self.scaled = False
        self._last = 0
        self._lines: dict[int | None, pg.PlotCurveItem] = {}
        self.truth = pg.PlotCurveItem(connect="pairs")
        self.cursor_line = pg.InfiniteLine(angle=90)
        self.bold = pg.PlotCurveItem()
        for item in (self.truth, self.cursor_line, self.bold):
            self.addItem(item)
        self.setLabel("bottom", "iteration")
        self.scene().sigMouseClicked.connect(self._on_click)
        self.scene().sigMouseMoved.connect(self._on_moved)
        theme_manager().changed.connect(self.retheme)
        self.retheme()

    def show_traces(self, traces: Traces, choice: str, length: int) -> None:
        """Draw one choice of :func:`series_of`; ``length`` is how many half-steps there are."""
        self.traces, self._last = traces, max(length - 1, 0)
        self.scaled = choice == EVERYTHING
        self.rows = series_of(traces.parameters).get(choice, [])
        self._draw()

    def heights(self) -> Floats:
        """Return what is drawn of the chosen parameters, (n, rows)."""
        assert self.traces is not None
        values = self.traces.values[:, self.rows]
        if self.scaled:
            scales = self.traces.scales[self.rows]
            values = (values - values[-1]) / np.where(scales > 0, scales, 1.0)
        return values

    def mark(self, index: int) -> None:
        """Put the cursor's line where a half-step is."""
        self.cursor_line.setPos(max(index - 1, 0) / 2.0)

    def _draw(self) -> None:
        assert self.traces is not None
        x, y = self.traces.iterations.astype(float), self.heights()
        by_part: dict[int | None, list[int]] = {}
        for column, row in enumerate(self.rows):
            by_part.setdefault(self.traces.parameters[row].part, []).append(column)
        for part, line in self._lines.items():
            if part not in by_part:
                line.setData([], [])
        for part, columns in by_part.items():
            if part not in self._lines:
                self._lines[part] = pg.PlotCurveItem(connect="finite")
                self.addItem(self._lines[part])
            self._lines[part].setPen(self._pen(part))
            # One item for all lines of a color: a gap between them is drawn as none.
            gap = np.full((1, len(columns)), np.nan)
            ys = np.vstack([y[:, columns], gap]).T.ravel()
            xs = np.tile(np.append(x, np.nan), len(columns))
            self._lines[part].setData(xs, ys, antialias=y.size <= SMOOTH)
        self._draw_truth()
        self._fit(y)
        self.bold.setData([], [])

    def _pen(self, part: int | None) -> Any:
        theme = theme_manager().current
        color = theme.color("secondary") if part is None else theme.component(part)
        size = 0 if self.traces is None else len(self.rows) * len(self.traces.iterations)
        return pg.mkPen(color, width=1.5 if size <= SMOOTH else 1)

    def true_heights(self) -> Floats:
        """Return where the truth of the chosen parameters is drawn; empty where it is unknown."""
        traces = self.traces
        if traces is None or traces.truth is None or self.scaled or len(self.rows) > FEW:
            return np.empty(0)
        found = traces.truth[self.rows]
        return np.asarray(found[np.isfinite(found)])

    def _draw_truth(self) -> None:
        levels = np.repeat(self.true_heights(), 2)
        right = wide_enough(self._last / 2.0)
        ends = np.tile([-1.0, right], len(levels) // 2)
        self.truth.setData(ends, levels)

    def _fit(self, y: Floats) -> None:
        values = np.concatenate([y[np.isfinite(y)], self.true_heights()])
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        constant = high - low <= 1e-9 * abs(high)  # round labels say so best
        room = max(0.08 * (high - low), (0.2 if constant else 1e-5) * abs(high), 1e-9)
        self.setYRange(low - room, high + room, padding=0)

    def point_at(self, row: int) -> None:
        """Draw one line broader; −1 none."""
        if self.traces is None or row not in self.rows:
            self.bold.setData([], [])
            return
        part = self.traces.parameters[row].part
        pen = self._pen(part)
        pen.setWidthF(3.0)
        self.bold.setPen(pen)
        column = self.rows.index(row)
        self.bold.setData(self.traces.iterations.astype(float), self.heights()[:, column])

    def retheme(self, *_: object) -> None:
        """Take the theme's colors."""
        style_plot(self)
        theme, px = theme_manager().current, theme_manager().px
        self.getAxis("left").setWidth(px(84))
        self.getAxis("bottom").setHeight(px(36))
        self.truth.setPen(dashed_pen(theme, 1.2))
        self.cursor_line.setPen(pg.mkPen(theme.color("border"), width=1, style=Qt.PenStyle.DotLine))
        for part, line in self._lines.items():
            line.setPen(self._pen(part))

    def _on_click(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._last > 0:
            x = self.getPlotItem().vb.mapSceneToView(event.scenePos()).x()
            self.picked.emit(int(np.clip(2 * round(x) + 1, 1, self._last)))

    def _on_moved(self, position: Any) -> None:
        """Find the line under the pointer."""
        row = -1
        if self.traces is not None and len(self.traces.iterations) and self.rows:
            box = self.getPlotItem().vb
            place = box.mapSceneToView(position)
            column = int(np.argmin(np.abs(self.traces.iterations - place.x())))
            y = self.heights()[column]
            per_pixel = box.viewPixelSize()[1]
            distance = np.where(np.isfinite(y), np.abs(y - place.y()), np.inf) / per_pixel
            nearest = int(np.argmin(distance))
            if distance[nearest] < 24 and box.sceneBoundingRect().contains(position):
                row = self.rows[nearest]
        self.point_at(row)
        self.pointed.emit(row)

    def leaveEvent(self, event: Any) -> None:
        """Let go of the line."""
        super().leaveEvent(event)
        self.point_at(-1)
        self.pointed.emit(-1)
