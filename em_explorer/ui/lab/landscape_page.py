"""The likelihood's landscape over two parameters, with the ways of EM on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel

from em_explorer import registry
from em_explorer.em.anatomy import Anatomy, Parameter
from em_explorer.em.arrays import Floats
from em_explorer.em.landscape import Landscape, landscape
from em_explorer.models.placing import lock_of, natural_range, place
from em_explorer.session.jobs import JobRunner
from em_explorer.session.runs import RunRecord
from em_explorer.ui.editors import ElidedComboBox
from em_explorer.ui.lab.landscape_view import WAY, LandscapeView
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.lab.runs_page import run_color
from em_explorer.ui.lab.starts_page import shape_of
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import nats, plain

INVITATION = (
    "EM climbs a hill it can’t see. Choose two parameters and see it: bright is likely, the line "
    "is EM’s way, a click begins a run there."
)

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
        self.plot = LandscapeView()
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
        self.plot.picked.connect(self.start_at)
        self.plot.pointed.connect(self._on_pointed)
        self.opened()

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
        if not self.setting or now is None:
            return False
        same_data = now.setting["dataset"] is self.setting["dataset"]
        return same_data and shape_of(now.setting["options"]) == shape_of(self.setting["options"])

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
            fitting = replace(model, locks=model.locks | locks)
        else:
            fitting = model
        placed = _Placer(model, data, self.shown_params, x, y)
        self.plot.clear_contours()
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
        x, y = (self._parameters[number] for number in self._chosen)
        self.plot.draw(found, (x.label, y.label))
        self._draw_ways()

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

    def _draw_way(self) -> None:
        """Draw where the present run has been and where the cursor is."""
        if self.found is not None:
            snapshot = self.tab.snapshot(self.tab.controller.cursor)
            color = theme_manager().current.phase_color(snapshot.phase.value)
            self.plot.show_way(self._way, self._values(snapshot.params), color)

    def _draw_ways(self) -> None:
        """Draw all ways; those of others change only with the runs."""
        if self.found is None:
            return
        self._draw_way()
        ways = [(path, run_color(record), 1.5) for record, path in self._other_runs()]
        starts = [np.vstack([path, [np.nan, np.nan]]) for path in self._census_paths()]
        if starts:
            ways.append((np.vstack(starts), WAY, 0.8))
        self.plot.show_others([way for way in ways if len(way[0]) > 1])

    def _other_runs(self) -> Iterator[tuple[RunRecord, Floats]]:
        """Go over the ways of the other runs of the same model on the same data."""
        now = self.tab.runs.current
        for record in self.tab.runs:
            trace = record.trace
            if record is now or trace is None or len(trace) < 2 or not self._alike(record):
                continue
            iterations = range(min(trace.n_iter, MOST_POINTS) + 1)
            points = [
                self._values(trace[2 * k + 1].params)
                for k in iterations
                if not trace.cost(2 * k + 1)
            ]
            yield record, np.array(points)

    def _alike(self, record: RunRecord) -> bool:
        assert self.anatomy is not None
        if record.setting["dataset"] is not self.setting["dataset"]:
            return False
        own = self.anatomy.parameters(record.start)[:MOST_CHOICES]
        return [p.key for p in own] == [p.key for p in self._parameters]

    def _census_paths(self) -> list[Floats]:
        """Return the ways of a census of this model's starts, if the page of starts has one."""
        drawer: Any = self.parent()
        while drawer is not None and not hasattr(drawer, "pages"):
            drawer = drawer.parent()
        starts = None if drawer is None else drawer.pages.get("starts")
        paths = [] if starts is None else starts.paths()
        return [np.array([self._values(params) for _, params in path]) for path in paths]

    @Slot()
    def _on_cursor(self, *_: object) -> None:
        controller = self.tab.controller
        if self.found is None or not self.isVisible() or controller.rushing:
            return
        if not controller.at_hand(controller.cursor) or not self._about_this_run():
            return
        self._read_way()
        self._draw_way()

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.plot.restyle()
        self._draw_ways()

    # -- the pointer -------------------------------------------------------------------------

    @Slot(float, float)
    def _on_pointed(self, at_x: float, at_y: float) -> None:
        if self.found is None or np.isnan(at_x):
            self.reading.setText("")
            return
        j = int(np.abs(self.found.x - at_x).argmin())
        i = int(np.abs(self.found.y - at_y).argmin())
        x, y = (self._parameters[number] for number in self._chosen)
        value = self.found.values[i, j]
        height = "impossible" if np.isnan(value) else nats(float(value))
        self.reading.setText(f"{x.label} {plain(at_x, 3)}, {y.label} {plain(at_y, 3)}: {height}")

    @Slot(float, float)
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
