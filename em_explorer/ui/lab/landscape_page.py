"""The likelihood's landscape over two parameters, with the ways of EM on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel

from em_explorer import registry
from em_explorer.em.anatomy import Anatomy, Parameter
from em_explorer.em.arrays import Floats
from em_explorer.em.landscape import Landscape, landscape
from em_explorer.em.steps import Phase
from em_explorer.models.placing import lock_of, natural_range, place
from em_explorer.session.jobs import JobRunner
from em_explorer.ui.editors import ElidedComboBox
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.lab.runs_page import run_color
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.wording import nats, plain

INVITATION = (
    "EM climbs a hill it can’t see. Choose two parameters and see it: bright is likely, the line "
    "is EM’s way, a click begins a run there."
)

LEVELS = (0.1, 0.4, 1.5, 6.0, 25.0, 100.0, 400.0)
"""Contours so many units below the top; a unit is a tenth of the middle depth."""

MOST_POINTS = 400
"""Points of a way that are drawn, at most."""

MOST_CHOICES = 120
"""More parameters than this are no choice."""


class LandscapePage(LabPage):
    """A heat map, contours, the present run's way, and other ways over it."""

    def __init__(self, tab: Any, jobs: JobRunner) -> None:
        super().__init__("landscape", INVITATION, "Draw the landscape", tab, jobs)
        self.button.setToolTip("Compute the log-likelihood over a grid, in the background")
        self._make_controls()
        self.plot = pg.PlotWidget(enableMenu=False, axisItems=axes())
        self.plot.setObjectName("landscape_plot")
        self.plot.setAccessibleName("The objective over the two parameters")
        self.plot.setMouseEnabled(x=False, y=False)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.contours: list[pg.IsocurveItem] = []
        self.others: list[pg.PlotDataItem] = []
        self.way = pg.PlotDataItem([], [])
        self.dots = pg.ScatterPlotItem(size=5, pen=None)
        self.marker = pg.ScatterPlotItem(size=12)
        for z, item in enumerate((self.image, self.way, self.dots, self.marker)):
            item.setZValue(10 * z)
            self.plot.addItem(item)
        self.column.addWidget(self.plot, 1)
        self.reading = QLabel()
        self.reading.setObjectName("landscape_reading")
        self.reading.setProperty("role", "caption")
        self.column.addWidget(self.reading)
        self.plot.hide()
        self.filler = QLabel()
        self.column.addWidget(self.filler, 1)
        self.found: Landscape | None = None
        self.anatomy: Anatomy | None = None
        self.setting: dict[str, Any] = {}
        self.shown_params: Any = None
        self._parameters: tuple[Parameter, ...] = ()
        self._chosen: tuple[int, int] = (0, 1)
        self._way_of: Any = None
        self._way: Floats = np.empty((0, 2))
        tab.controller.cursor_changed.connect(self._on_cursor)
        tab.controller.state_changed.connect(self._on_cursor)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.plot.scene().sigMouseMoved.connect(self._on_moved)
        self.opened()
        self.retheme()

    def _make_controls(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        self.x_box, self.y_box = ElidedComboBox(), ElidedComboBox()
        for row, (words, box, name) in enumerate(
            (("Across", self.x_box, "x"), ("Up", self.y_box, "y"))
        ):
            label = QLabel(words)
            label.setProperty("role", "secondary")
            label.setBuddy(box)
            box.setObjectName(f"landscape_{name}")
            box.setAccessibleName(f"Parameter {words.lower()}")
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
            box.activated.connect(self._on_choice)
        grid.setColumnStretch(1, 1)
        self.fit_box = QCheckBox("fit the rest at each place")
        self.fit_box.setObjectName("landscape_fit_rest")
        self.fit_box.setAccessibleName("Fit the other parameters at each place")
        self.fit_box.setToolTip(
            "Off: a cut through the landscape, the other parameters as they are under the cursor. "
            "On: the best the other parameters can do there (a profile); it takes longer."
        )
        self.controls.addLayout(grid)
        self.controls.addWidget(self.fit_box)

    # -- what can be chosen ------------------------------------------------------------------

    def opened(self) -> None:
        """Offer the parameters of the model on the screen."""
        record = self.tab.runs.current
        if record is None or self.tab.model is None:
            return
        trace = self.tab.controller.trace
        if trace is not None and trace is self._way_of:
            return
        model = getattr(self.tab.model, "model", self.tab.model)
        names = self.tab.anatomy_names()
        path = registry.entry(self.tab.key).anatomy
        anatomy = registry.load(path)(model, self.tab.data, names)
        params = self.tab.snapshot(0).params
        parameters = anatomy.parameters(params)[:MOST_CHOICES]
        same = [p.key for p in parameters] == [p.key for p in self._parameters]
        self.anatomy = anatomy
        if not same:
            self._parameters = parameters
            for box in (self.x_box, self.y_box):
                box.clear()
                box.addItems([p.label for p in parameters])
            x, y = two_of_interest(parameters)
            self.x_box.setCurrentIndex(x)
            self.y_box.setCurrentIndex(y)
            self._on_choice()
        if not self._about_this_run():
            self._forget()
        self._read_way()
        self._draw_ways()

    def _about_this_run(self) -> bool:
        now = self.tab.runs.current
        return (
            bool(self.setting)
            and now is not None
            and now.setting["dataset"] is self.setting["dataset"]
            and replace(now.setting["options"], start=type(now.setting["options"].start)["GIVEN"])
            == replace(self.setting["options"], start=type(self.setting["options"].start)["GIVEN"])
        )

    def _forget(self) -> None:
        self.found = None
        self.plot.hide()
        self.filler.show()
        self.reading.setText("")

    @Slot()
    def _on_choice(self, *_: object) -> None:
        x, y = self._choice()
        locks = {lock_of(x), lock_of(y)} if x is not None and y is not None else {None}
        can = None not in locks and hasattr(self.tab.model, "locks")
        self.fit_box.setEnabled(can)
        if not can:
            self.fit_box.setChecked(False)

    def _choice(self) -> tuple[Parameter | None, Parameter | None]:
        def at(box: ElidedComboBox) -> Parameter | None:
            index = box.currentIndex()
            return self._parameters[index] if 0 <= index < len(self._parameters) else None

        return at(self.x_box), at(self.y_box)

    # -- work --------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Compute the landscape around where EM is."""
        record = self.tab.runs.current
        x, y = self._choice()
        if record is None or x is None or y is None or self.anatomy is None:
            return
        if x.key == y.key:
            self.say("Choose two different parameters.", "warning")
            return
        self._chosen = self.x_box.currentIndex(), self.y_box.currentIndex()
        self.setting = dict(record.setting)
        self._way_of = None
        self._read_way()
        model, data = getattr(self.tab.model, "model", self.tab.model), self.tab.data
        params = self.tab.snapshot(self.tab.controller.cursor).params
        self.shown_params = model.to_units(params, data)
        ranges = self._ranges(params)
        fit_rest = self.fit_box.isChecked()
        if fit_rest:
            locks = frozenset(lock for lock in (lock_of(x), lock_of(y)) if lock is not None)
            fitting = replace(model, locks=locks)
        else:
            fitting = model
        placed = _Placer(model, data, self.shown_params, x, y)
        self._clear_contours()
        self.work(
            landscape(fitting, data, placed, ranges[0], ranges[1], fit_rest=fit_rest),
            "measuring how long it takes",
        )

    def _ranges(self, params: Any) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return where to look: where EM went, and room around it, alike for two of a kind."""
        assert self.anatomy is not None
        scales = self.anatomy.scales(params)
        found = []
        for axis, number in enumerate(self._chosen):
            own = self._way[:, axis]
            found.append(natural_range(self._parameters[number], own, float(scales[number])))
        one, other = (self._parameters[number] for number in self._chosen)
        column = one.key.rsplit(",", 1)[-1] == other.key.rsplit(",", 1)[-1] or "," not in one.key
        if one.group == other.group and one.group in ("means", "rates") and column:
            both = min(found[0][0], found[1][0]), max(found[0][1], found[1][1])
            return both, both
        return found[0], found[1]

    def show_partials(self, partials: tuple[Any, ...]) -> None:
        """Draw the landscape as far as it is known."""
        self._draw(partials[-1])

    def show_result(self, result: Landscape) -> None:
        """Draw the whole landscape."""
        self._draw(result)
        if not np.isfinite(result.values).any():
            self.say("Nothing is possible here but where EM is.", "warning")

    # -- what is drawn -----------------------------------------------------------------------

    def _draw(self, found: Landscape) -> None:
        self.found = found
        self.plot.show()
        self.filler.hide()
        values = found.filled
        top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
        # By tens: what is far below the top matters less and less.
        depth = np.log10(1.0 + np.maximum(top - values, 0.0) / _unit(top - values))
        deepest = max(float(np.nanquantile(depth, 0.9)), 1e-6) if np.isfinite(depth).any() else 1.0
        self.image.setLookupTable(_colors())
        self.image.setImage(
            np.nan_to_num(deepest - depth, nan=-1.0), levels=(0.0, deepest), autoDownsample=False
        )
        dx, dy = found.x[1] - found.x[0], found.y[1] - found.y[0]
        self.image.setRect(
            QRectF(
                found.x[0] - 0.5 * dx,
                found.y[0] - 0.5 * dy,
                dx * len(found.x),
                dy * len(found.y),
            )
        )
        self.plot.setXRange(found.x[0], found.x[-1], padding=0)
        self.plot.setYRange(found.y[0], found.y[-1], padding=0)
        x, y = (self._parameters[number] for number in self._chosen)
        self.plot.setLabel("bottom", x.label)
        self.plot.setLabel("left", y.label)
        self._style()
        self._draw_contours(found, top)
        self._draw_ways()

    def _draw_contours(self, found: Landscape, top: float) -> None:
        self._clear_contours()
        if found.stride > 1:
            return
        depth = np.nan_to_num(top - found.values, nan=1e9)
        pen = pg.mkPen(QColor(255, 255, 255, 110), width=1)
        for level in _unit(top - found.values) * np.array(LEVELS):
            if not depth.min() < level < depth.max():
                continue
            curve = pg.IsocurveItem(depth.T, level=level, pen=pen)
            curve.setParentItem(self.image)
            curve.setPos(0.5, 0.5)  # a value stands for the middle of its pixel
            self.contours.append(curve)

    def _clear_contours(self) -> None:
        for curve in self.contours:
            curve.setParentItem(None)
            if curve.scene() is not None:
                curve.scene().removeItem(curve)
        self.contours.clear()

    def _values(self, params: Any) -> Floats:
        assert self.anatomy is not None
        return self.anatomy.values(params)[list(self._chosen)]

    def _read_way(self) -> None:
        """Read where the present run has been; what was read before stays."""
        trace = self.tab.controller.trace
        if trace is None or self.anatomy is None:
            return
        if trace is not self._way_of:
            self._way_of, self._way = trace, self._values(trace[0].params)[None]
        known, n_iter = len(self._way), trace.n_iter
        if n_iter < known or known > MOST_POINTS:
            return
        for iteration in range(known, n_iter + 1):
            index = 2 * iteration + 1
            if iteration > MOST_POINTS or trace.cost(index):
                break
            self._way = np.vstack([self._way, self._values(trace[index].params)])

    def _draw_ways(self) -> None:
        if self.found is None:
            return
        theme = theme_manager().current
        self.way.setData(*self._way.T, pen=pg.mkPen("#FFFFFF", width=2))
        self.dots.setData(pos=self._way, brush=theme.phase_color("M"))
        self._draw_others()
        snapshot = self.tab.snapshot(self.tab.controller.cursor)
        at = self._values(snapshot.params)
        color = theme.phase_color(snapshot.phase.value)
        if snapshot.phase is Phase.START:
            color = QColor(theme.secondary)
        self.marker.setData(pos=at[None], brush=color, pen=pg.mkPen("#FFFFFF", width=2))

    def _draw_others(self) -> None:
        """Draw the ways of other runs, and of the starts of a census."""
        for line in self.others:
            self.plot.removeItem(line)
        self.others.clear()
        now = self.tab.runs.current
        for record in self.tab.runs:
            if record is now or record.trace is None or not self._alike(record):
                continue
            trace = record.trace
            n = min(trace.n_iter, MOST_POINTS)
            points = [
                self._values(trace[2 * k + 1].params)
                for k in range(n + 1)
                if len(trace) > 1 and not trace.cost(2 * k + 1)
            ]
            self._add_other(points, run_color(record), 1.5)
        for path in self._census_paths():
            self._add_other([self._values(params) for _, params in path], "#FFFFFF", 0.8)

    def _add_other(self, points: list[Floats], color: str, width: float) -> None:
        if len(points) < 2:
            return
        shade = QColor(color)
        shade.setAlphaF(0.8 if width > 1 else 0.35)
        line = self.plot.plot(*np.array(points).T, pen=pg.mkPen(shade, width=width))
        line.setZValue(5)
        self.others.append(line)

    def _alike(self, record: Any) -> bool:
        one, other = record.setting, self.setting
        return bool(
            one["dataset"] is other["dataset"]
            and type(record.start) is type(self.shown_params)
            and len(self.anatomy.parameters(record.start)) >= len(self._parameters)  # type: ignore[union-attr]
            and [p.key for p in self.anatomy.parameters(record.start)[:MOST_CHOICES]]  # type: ignore[union-attr]
            == [p.key for p in self._parameters]
        )

    def _census_paths(self) -> list[Any]:
        drawer = self.parent()
        while drawer is not None and not hasattr(drawer, "pages"):
            drawer = drawer.parent()
        pages: Any = getattr(drawer, "pages", {})
        starts = pages.get("starts")
        return [] if starts is None else starts.paths()

    @Slot()
    def _on_cursor(self, *_: object) -> None:
        controller = self.tab.controller
        if self.found is None or not self.isVisible() or controller.rushing:
            return
        if not controller.at_hand(controller.cursor) or not self._about_this_run():
            return
        self._read_way()
        self._draw_ways()

    def _style(self) -> None:
        style_plot(self.plot)
        px = theme_manager().px
        self.plot.getAxis("left").setWidth(px(52))
        self.plot.getAxis("bottom").setHeight(px(34))

    def retheme(self) -> None:
        """Take the theme's colors."""
        self._style()
        if self.found is not None:
            self._draw(self.found)

    # -- the pointer -------------------------------------------------------------------------

    def _place_at(self, scene_position: Any) -> tuple[float, float] | None:
        box = self.plot.getPlotItem().vb
        if self.found is None or not box.sceneBoundingRect().contains(scene_position):
            return None
        point = box.mapSceneToView(scene_position)
        return float(point.x()), float(point.y())

    def _on_moved(self, position: Any) -> None:
        at = self._place_at(position)
        if at is None or self.found is None:
            self.reading.setText("")
            return
        j = int(np.abs(self.found.x - at[0]).argmin())
        i = int(np.abs(self.found.y - at[1]).argmin())
        x, y = (self._parameters[number] for number in self._chosen)
        value = self.found.values[i, j]
        height = "impossible" if np.isnan(value) else nats(float(value))
        self.reading.setText(f"{x.label} {plain(at[0], 3)}, {y.label} {plain(at[1], 3)}: {height}")

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self._place_at(event.scenePos())
        if at is not None:
            self.start_at(*at)

    def start_at(self, x: float, y: float) -> None:
        """Begin a run with the two parameters there, and the rest as it was in the landscape."""
        one, other = (self._parameters[number] for number in self._chosen)
        model = self.tab.model
        half = place(model, self.shown_params, one, x)
        whole = None if half is None else place(model, half, other, y)
        if whole is None:
            self.say("The two can’t be there together.", "warning")
            return
        words = f"A start on the landscape: {one.label} {plain(x, 3)}, {other.label} {plain(y, 3)}."
        setting = {**self.setting, "story": self.tab.story}
        self.tab.begin_from(setting, whole, "a click on the landscape", words, to_end=False)


class _Placer:
    """Put the two parameters at a place of the grid."""

    def __init__(self, model: Any, data: Any, shown: Any, x: Parameter, y: Parameter) -> None:
        self._model, self._data, self._shown = model, data, shown
        self._x, self._y = x, y

    def __call__(self, x: float, y: float) -> Any:
        half = place(self._model, self._shown, self._x, x)
        whole = None if half is None else place(self._model, half, self._y, y)
        return None if whole is None else self._model.from_units(whole, self._data)


def two_of_interest(parameters: tuple[Parameter, ...]) -> tuple[int, int]:
    """Return the first two parameters a person would look at.

    The same kind of number in two parts says most: two means, two rates, how much two states
    stay. Where there are no parts, a correlation against a spread.
    """
    groups = [p.group for p in parameters]
    for group in ("means", "rates", "emissions", "words", "transitions", "weights"):
        own = [i for i, name in enumerate(groups) if name == group]
        parts = {parameters[i].part for i in own}
        if len(parts - {None}) > 1:
            first = own[0]
            tail = parameters[first].key.split(",")[-1]
            for i in own[1:]:
                if parameters[i].part != parameters[first].part and (
                    "," not in parameters[i].key or parameters[i].key.split(",")[-1] == tail
                ):
                    return first, i
    if "correlations" in groups and "spreads" in groups:
        return groups.index("correlations"), len(groups) - 1 - groups[::-1].index("spreads")
    return 0, min(1, len(parameters) - 1)


def _unit(depth: Floats) -> float:
    """Return the depth, nats, that counts as one."""
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
