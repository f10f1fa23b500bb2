"""The likelihood's landscape over two parameters, with the ways of EM on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
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


@dataclass(frozen=True, eq=False)
class Asked:
    """What a landscape is of; it does not change when another run comes to the screen.

    Attributes
    ----------
    x, y : Parameter
    numbers : (int, int)
        Their places among the anatomy's values.
    anatomy : Anatomy
    model, data : object
    shown : object
        The other parameters, in the data's units.
    setting : dict
        What the window needs to begin a run here.
    """

    x: Parameter
    y: Parameter
    numbers: tuple[int, int]
    anatomy: Anatomy
    model: Any
    data: Any
    shown: Any
    setting: dict[str, Any]

    def values(self, params: Any) -> Floats:
        """Return the two parameters' values in a fit."""
        return self.anatomy.values(params)[list(self.numbers)]

    def place_in_units(self, x: float, y: float) -> Any | None:
        """Return the parameters with the two put somewhere, in the data's units, or None."""
        half = place(self.model, self.shown, self.x, x)
        return None if half is None else place(self.model, half, self.y, y)

    def place(self, x: float, y: float) -> Any | None:
        """Return them in the frame of the data."""
        placed = self.place_in_units(x, y)
        return None if placed is None else self.model.from_units(placed, self.data)

    def fits(self, record: RunRecord) -> bool:
        """Whether a run is one of the same data and the same parameters."""
        if record.setting["dataset"] is not self.setting["dataset"]:
            return False
        # A run of fewer topics has the keys of the words followed, but not their rows.
        if _shapes(record.start) != _shapes(self.shown):
            return False
        own, theirs = self.anatomy.parameters(self.shown), self.anatomy.parameters(record.start)
        return [p.key for p in own] == [p.key for p in theirs]

    def words(self, x: float, y: float) -> str:
        """Name a place."""
        return f"{self.x.label} {plain(x, 3)}, {self.y.label} {plain(y, 3)}"


def _shapes(params: Any) -> list[tuple[int, ...]]:
    return [np.shape(getattr(params, field.name)) for field in fields(params)]


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
        self.asked: Asked | None = None
        self._anatomy: Anatomy | None = None
        self._parameters: tuple[Parameter, ...] = ()
        self._offered_for: Any = None
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
        """Offer the parameters of the model on the screen; drop a landscape of another one."""
        record, trace = self.tab.runs.current, self.tab.controller.trace
        if record is None or trace is None or trace is self._offered_for:
            return
        self._offered_for = trace
        model = em_of(self.tab.model)
        path = registry.entry(self.tab.key).anatomy
        self._anatomy = registry.load(path)(model, self.tab.data, self.tab.anatomy_names())
        params = trace[0].params
        parameters = self._anatomy.parameters(params)[:MOST_CHOICES]
        if [p.key for p in parameters] != [p.key for p in self._parameters]:
            self._parameters = parameters
            for box in (self.x_box, self.y_box):
                box.clear()
                box.addItems([p.label for p in parameters])
            x, y = two_of_interest(parameters, self._anatomy.values(trace.final.params))
            self.x_box.setCurrentIndex(x)
            self.y_box.setCurrentIndex(y)
        self._on_choice()
        if self.asked is not None and not self._about_this_run():
            self._forget()
        self._read_way()
        self._draw_ways()

    def _about_this_run(self) -> bool:
        """Whether the landscape is one of the model and the data on the screen."""
        now, asked = self.tab.runs.current, self.asked
        if asked is None or now is None:
            return False
        same_data = now.setting["dataset"] is asked.setting["dataset"]
        return same_data and shape_of(now.setting["options"]) == shape_of(asked.setting["options"])

    def _forget(self) -> None:
        self.cancel()
        self.say("")
        self.found = self.asked = None
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
        self.opened()
        record = self.tab.runs.current
        x, y = self._choice()
        if record is None or x is None or y is None or self._anatomy is None:
            return
        if x.key == y.key:
            self.say("Choose two different parameters.", "warning")
            return
        model, data = em_of(self.tab.model), self.tab.data
        params = self.tab.snapshot(self.tab.controller.cursor).params
        numbers = self.x_box.currentIndex(), self.y_box.currentIndex()
        asked = Asked(
            x, y, numbers, self._anatomy, model, data, model.to_units(params, data), record.setting
        )
        self.cancel()
        self.found, self.asked = None, asked
        self._way_of = None
        self._read_way()
        x_range, y_range = self._ranges(asked, params)
        fitting = model
        if self.fit_box.isChecked():
            locks = frozenset(lock for lock in (lock_of(x), lock_of(y)) if lock is not None)
            fitting = replace(model, locks=model.locks | locks)
        self.plot.clear_contours()
        job = landscape(
            fitting, data, asked.place, x_range, y_range, fit_rest=self.fit_box.isChecked()
        )
        self.work(job, "measuring how long it takes")

    def _ranges(self, asked: Asked, params: Any) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return where to look: where EM went, and room around it, alike for two of a kind."""
        scales = asked.anatomy.scales(params)[list(asked.numbers)]
        one, other = asked.x, asked.y
        found = [
            natural_range(parameter, self._way[:, axis], float(scales[axis]))
            for axis, parameter in enumerate((one, other))
        ]
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
        if self.asked is None:
            return
        self.found = found
        self.plot.show()
        self.filler.hide()
        self.plot.draw(found, (self.asked.x.label, self.asked.y.label))
        self._draw_ways()

    def _read_way(self) -> None:
        """Read where the present run has been; what was read before stays."""
        trace, asked = self.tab.controller.trace, self.asked
        if trace is None or asked is None or not self._about_this_run():
            return
        if trace is not self._way_of:
            self._way_of, self._way = trace, asked.values(trace[0].params)[None]
        known, n_iter = len(self._way), trace.n_iter
        for iteration in range(known, min(n_iter, MOST_POINTS) + 1):
            index = 2 * iteration + 1
            if index >= len(trace) or trace.cost(index):
                break
            self._way = np.vstack([self._way, asked.values(trace[index].params)])

    def _draw_way(self) -> None:
        """Draw where the present run has been and where the cursor is."""
        if self.found is not None and self.asked is not None and self._about_this_run():
            snapshot = self.tab.snapshot(self.tab.controller.cursor)
            color = theme_manager().current.phase_color(snapshot.phase.value)
            self.plot.show_way(self._way, self.asked.values(snapshot.params), color)

    def _draw_ways(self) -> None:
        """Draw all ways; those of others change only with the runs."""
        if self.found is None or self.asked is None:
            return
        self._draw_way()
        ways = [(path, run_color(record), 1.5) for record, path in self._other_runs()]
        starts = [np.vstack([path, [np.nan, np.nan]]) for path in self._census_paths()]
        if starts:
            ways.append((np.vstack(starts), WAY, 0.8))
        self.plot.show_others([way for way in ways if len(way[0]) > 1])

    def _other_runs(self) -> Iterator[tuple[RunRecord, Floats]]:
        """Go over the ways of the other runs of the same model on the same data."""
        now, asked = self.tab.runs.current, self.asked
        assert asked is not None
        for record in self.tab.runs:
            trace = record.trace
            if record is now or trace is None or len(trace) < 2 or not asked.fits(record):
                continue
            iterations = range(min(trace.n_iter, MOST_POINTS) + 1)
            points = [
                asked.values(trace[2 * k + 1].params)
                for k in iterations
                if not trace.cost(2 * k + 1)
            ]
            yield record, np.array(points)

    def _census_paths(self) -> list[Floats]:
        """Return the ways of a census of this model's starts, if the page of starts has one."""
        asked = self.asked
        assert asked is not None
        drawer: Any = self.parent()
        while drawer is not None and not hasattr(drawer, "pages"):
            drawer = drawer.parent()
        starts = None if drawer is None else drawer.pages.get("starts")
        paths = [] if starts is None else starts.paths()
        return [np.array([asked.values(params) for _, params in path]) for path in paths]

    @Slot()
    def _on_cursor(self, *_: object) -> None:
        controller = self.tab.controller
        if self.found is None or not self.isVisible() or controller.rushing:
            return
        if not controller.at_hand(controller.cursor) or not self._about_this_run():
            return  # another model is about to be offered
        self._read_way()
        self._draw_way()

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.plot.restyle()
        self._draw_ways()

    # -- the pointer -------------------------------------------------------------------------

    @Slot(float, float)
    def _on_pointed(self, at_x: float, at_y: float) -> None:
        found, asked = self.found, self.asked
        if found is None or asked is None or np.isnan(at_x):
            self.reading.setText("")
            return
        j, i = int(np.abs(found.x - at_x).argmin()), int(np.abs(found.y - at_y).argmin())
        value = found.values[i, j]
        height = "impossible" if np.isnan(value) else nats(float(value))
        self.reading.setText(f"{asked.words(at_x, at_y)}: {height}")

    @Slot(float, float)
    def start_at(self, x: float, y: float) -> None:
        """Begin a run with the two parameters there, and the rest as it was in the landscape."""
        asked = self.asked
        placed = None if asked is None else asked.place_in_units(x, y)
        if asked is None or placed is None:
            self.say("The two can’t be there together.", "warning")
            return
        words = f"A start on the landscape: {asked.words(x, y)}."
        setting = {**asked.setting, "story": self.tab.story}
        self.tab.begin_from(setting, placed, "a click on the landscape", words, to_end=False)


def em_of(model: Any) -> Any:
    """Return the EM below an accelerated model."""
    return getattr(model, "model", model)


def _of_two_parts(parameters: tuple[Parameter, ...], own: list[int]) -> list[tuple[int, int]]:
    """Return the pairs of the same number in two parts."""
    pairs = []
    for first in own:
        one = parameters[first]
        tail = one.key.split(",")[-1]
        for i in own:
            other = parameters[i]
            alike = "," not in other.key or other.key.split(",")[-1] == tail
            if (
                i > first
                and other.part != one.part
                and None not in (one.part, other.part)
                and alike
            ):
                pairs.append((first, i))
                break
    return pairs


def two_of_interest(parameters: tuple[Parameter, ...], values: Floats) -> tuple[int, int]:
    """Return the first two parameters a person would look at.

    The same kind of number in two parts says most: two means, two rates, how likely two states
    show one symbol. Of many symbols or words it is the one that tells the two most apart. Where
    there are no parts, a correlation against a spread.
    """
    groups = [p.group for p in parameters]
    for group in ("means", "rates", "emissions", "words", "transitions", "weights"):
        own = [i for i, name in enumerate(groups) if name == group]
        pairs = _of_two_parts(parameters, own)
        if pairs and group in ("emissions", "words"):
            return max(pairs, key=lambda pair: abs(values[pair[0]] - values[pair[1]]))
        if pairs:
            return pairs[0]
    if "correlations" in groups and "spreads" in groups:
        return groups.index("correlations"), len(groups) - 1 - groups[::-1].index("spreads")
    return 0, min(1, len(parameters) - 1)
