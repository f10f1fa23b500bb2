"""Starts: where EM ends from many of them, and how many roads lead to each end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton

from em_explorer.em.arrays import Floats
from em_explorer.em.census import LEAST_SAME_BOUND, Census, CensusRun
from em_explorer.em.errors import DataError
from em_explorer.em.options import Control
from em_explorer.em.steps import StopReason
from em_explorer.session.jobs import JobRunner
from em_explorer.session.lab import census_of
from em_explorer.ui.editors import WholeNumberEdit
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.lab.table import Cell, LabTable
from em_explorer.ui.run_loading import with_start
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.curve_parts import envelope
from em_explorer.ui.wording import count, nats

INVITATION = (
    "Does it matter where EM starts? Try many starts at once and see where they end. Click an "
    "end to see it."
)

USUAL = 20
FOR_A_BAD_ONE = 60
"""Starts that are tried for the worst of them, at least."""

FEW = 1e-9

MOST_DRAWN = 200
"""Curves that are drawn, the first of them: more would be one blot."""

MOST_PATHS = 60
"""Ways through the parameters that are handed out: each must be translated point by point."""

POINTS_EACH = 60
"""Stretches of a curve that are drawn."""

MANY_POINTS = 6000
"""More points than this are drawn thin and not smooth, which takes a tenth of the time."""

DRAW_MS = 150
"""So often the bundle is drawn while runs pour in."""

PENDING = -1
"""The bundle of runs whose ends have not been compared yet."""


class StartsPage(LabPage):
    """A bundle of curves, and the optima they reach with their shares."""

    def __init__(self, tab: Any, jobs: JobRunner) -> None:
        super().__init__("starts", INVITATION, "Try the starts", tab, jobs)
        self.button.setToolTip("Run EM from so many starts in the background")
        row = QHBoxLayout()
        label = QLabel("Number of starts")
        label.setProperty("role", "secondary")
        self.number = WholeNumberEdit(Control("Starts", low=2, high=1000, step=10))
        self.number.setObjectName("starts_number")
        self.number.setAccessibleName("Number of starts")
        self.number.setValue(USUAL)
        label.setBuddy(self.number)
        row.addWidget(label, 1)
        row.addWidget(self.number)
        self.controls.addLayout(row)
        self.bad = QPushButton("Find a bad start")
        self.bad.setObjectName("starts_bad")
        self.bad.setAccessibleName("Find a bad start on purpose")
        self.bad.setToolTip(
            "Try many starts and show the one from which EM converges at the lowest end"
        )
        self.bad.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.bad.clicked.connect(self.find_bad)
        self.buttons.addWidget(self.bad, 1)
        self.plot = pg.PlotWidget(enableMenu=False, axisItems=axes())
        self.plot.setObjectName("starts_plot")
        self.plot.setAccessibleName("The curves of all starts")
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setToolTip("One line for each start, in the color of the end it reaches")
        self.bundles: dict[int | None, pg.PlotDataItem] = {}
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.draw_now)
        self.column.addWidget(self.plot, 1)
        self.table = LabTable("starts_table", ("end", "ends at", "starts"), stretched=2)
        self.table.setAccessibleName("Ends: click one to see it")
        self.table.setToolTip("Click an end to see the run that came closest to it")
        self.column.addWidget(self.table, 1)
        self.table.chosen.connect(self._on_chosen)
        self.census: Census | None = None
        self.runs: list[CensusRun] = []
        self.setting: dict[str, Any] = {}
        self._wants_bad = False
        self._rows: list[int] = []
        self.plot.hide()
        self.table.hide()
        self.filler = QLabel()
        self.column.addWidget(self.filler, 1)
        self.retheme()

    # -- work --------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Try so many starts, from the seed on the screen onwards."""
        self._wants_bad = False
        self._begin(self.number.value())

    @Slot()
    def find_bad(self) -> None:
        """Show the worst start of many."""
        known = self.census
        if known is not None and len(known.runs) >= FOR_A_BAD_ONE and self._present():
            self.show_worst()
            return
        self._wants_bad = True
        self._begin(max(self.number.value(), FOR_A_BAD_ONE))

    def _begin(self, n_starts: int) -> None:
        record = self.tab.runs.current
        if record is None:
            return
        model = self.tab.model
        try:
            like = self.tab.snapshot(0).params
            job = census_of(model, self.tab.data, self.tab.seed, n_starts, self.tab.run, like)
        except DataError as error:
            self.say(str(error), "warning")
            return
        self.setting = dict(record.setting)
        self.census, self.runs = None, []
        self._clear()
        self.work(job, f"0 of {n_starts} starts")

    def _present(self) -> bool:
        """Whether the result is about the data and the model on the screen."""
        now = self.tab.runs.current
        return (
            now is not None
            and now.setting["dataset"] is self.setting.get("dataset")
            and shape_of(now.setting["options"]) == shape_of(self.setting["options"])
        )

    def show_partials(self, partials: tuple[Any, ...]) -> None:
        """Draw the runs that have ended, with the next frame of the picture."""
        self.runs += partials
        self.plot.show()
        self.filler.hide()
        if not self._later.isActive():
            self._later.start(DRAW_MS)

    def show_result(self, result: Census) -> None:
        """Color the curves by their ends, and list the ends."""
        self.census = result
        self.draw_now()
        self._fill_table()
        self.say(verdict(result))
        if self._wants_bad:
            self._wants_bad = False
            self.show_worst()

    # -- what is drawn -----------------------------------------------------------------------

    def color(self, optimum: int | None) -> str:
        """Return the color of an end: the best ten have their own."""
        theme = theme_manager().current
        if optimum is None:
            return theme.failure
        return theme.components[optimum] if optimum < len(theme.components) else theme.secondary

    @Slot()
    def draw_now(self) -> None:
        """Draw the curves, those of one end as one bundle: a thousand lines would take seconds."""
        self._later.stop()
        bundles: dict[int | None, list[Floats]] = {}
        for run in self.runs[:MOST_DRAWN]:
            end = PENDING if self.census is None else self.census.optimum_of(run.number)
            bundles.setdefault(end, []).append(thinned(run.bounds))
        for end in set(self.bundles) - set(bundles):
            self.plot.removeItem(self.bundles.pop(end))
        few = sum(len(curve[0]) for curves in bundles.values() for curve in curves) < MANY_POINTS
        for end, curves in bundles.items():
            if end not in self.bundles:
                self.bundles[end] = self.plot.plot([], [], connect="finite")
            color = theme_manager().current.secondary if end == PENDING else self.color(end)
            style = Qt.PenStyle.DashLine if end is None else Qt.PenStyle.SolidLine
            pen = pg.mkPen(color, width=1.3 if few else 1, style=style)
            x, y = np.concatenate(curves, axis=1)
            self.bundles[end].setData(x, y, pen=pen, antialias=few)
        self._fit_range()

    def _fit_range(self) -> None:
        """Show where the curves part and end; the first leaps would press that flat."""
        curves = [run.bounds for run in self.runs if len(run.bounds) > 1]
        if not curves:
            return
        ends = np.array([bounds[-1] for bounds in curves])
        early = np.array([bounds[min(2, len(bounds) - 1)] for bounds in curves])
        low, high = float(min(np.median(early), ends.min())), float(ends.max())
        lengths = np.sort([len(bounds) for bounds in curves])
        right = float(lengths[int(0.9 * (len(lengths) - 1))])
        # Never so narrow that the labels of the ticks have no room for their digits.
        room = max(0.08 * (high - low), abs(high) * 4e-5, 1e-9)
        self.plot.setXRange(0.0, max(right, 4.0), padding=0.02)
        self.plot.setYRange(low - room, high + room, padding=0)

    def _fill_table(self) -> None:
        found = self.census
        if found is None:
            return
        total = len(found.runs)
        rows, self._rows = [], []
        for i, optimum in enumerate(found.optima):
            best = found.runs[optimum.best]
            tip = "" if best.converged else best.words
            rows.append(
                [
                    Cell(str(i + 1), tip, self.color(i)),
                    Cell(nats(optimum.bound), tip),
                    Cell(f"{len(optimum.members)} of {total}", tip, share=optimum.share),
                ]
            )
            self._rows.append(optimum.best)
        if found.collapsed:
            share = len(found.collapsed) / total
            tip = found.runs[found.collapsed[0]].words
            text = f"{len(found.collapsed)} of {total}"
            rows.append(
                [Cell("–", tip, self.color(None), hollow=True), Cell("collapsed", tip),
                 Cell(text, tip, share=share)]
            )  # fmt: skip
            self._rows.append(found.collapsed[0])
        self.table.fill(rows)
        self.table.show()

    def _clear(self) -> None:
        self.plot.clear()
        self.bundles.clear()
        self.table.fill([])
        self.table.hide()
        self.say("")

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.plot.setLabel("bottom", "iteration")
        style_plot(self.plot)
        px = theme_manager().px
        self.plot.getAxis("left").setWidth(px(68))
        self.plot.getAxis("bottom").setHeight(px(34))
        self.draw_now()
        self._fill_table()

    # -- into the main view ------------------------------------------------------------------

    @Slot(int)
    def _on_chosen(self, row: int) -> None:
        if self.census is None or row >= len(self._rows):
            return
        run = self.census.runs[self._rows[row]]
        end = self.census.optimum_of(run.number)
        what = "collapsed" if end is None else f"leads to end {end + 1} of {len(self._optima)}"
        self._bring(run, f"start {run.number + 1} of the census", f"A start that {what}.")

    @property
    def _optima(self) -> tuple[Any, ...]:
        return () if self.census is None else self.census.optima

    def show_worst(self) -> None:
        """Bring the worst start to the main view."""
        worst = None if self.census is None else self.census.worst
        if worst is None or self.census is None:
            self.say("None of the starts converged, so there is no worst one.", "warning")
            return
        best = self.census.optima[0].bound
        if best - worst.bound < FEW * abs(best) + 0.01:
            words = "No start is bad here: all that converged end alike."
            self.say(words)
        else:
            words = (
                f"The worst of {count(len(self.census.runs), 'start')}: EM converges at "
                f"{nats(worst.bound)}, and others reach {nats(best)}."
            )
        self._bring(worst, "the worst start found", words)

    def _bring(self, run: CensusRun, how: str, words: str) -> None:
        record_model, data = self.setting["model"], self.setting["data"]
        options = with_start(self.setting["options"], given=True)
        setting = {**self.setting, "options": options}
        self.tab.begin_from(setting, record_model.to_units(run.start, data), how, words)

    def paths(self) -> list[tuple[tuple[int, Any], ...]]:
        """Return the first starts' ways through the parameters, if they are about this run."""
        runs = self.runs[:MOST_PATHS] if self.setting and self._present() else []
        return [run.path for run in runs]


def thinned(bounds: Floats) -> Floats:
    """Return a curve as (2, n) points, a gap at its end, no finer than it can be seen."""
    positions, values = envelope(bounds, POINTS_EACH)
    return np.array([np.append(positions, np.nan), np.append(values, np.nan)])


def shape_of(options: Any) -> Any:
    """Return the options without the start, which decides nothing about the landscape."""
    return replace(options, start=type(options.start)["GIVEN"])


def verdict(found: Census) -> str:
    """Say in a sentence whether the starts agree."""
    total, n = len(found.runs), len(found.optima)
    if not n:
        return "Every start collapsed: there is no end to compare."
    best = found.optima[0]
    if n == 1 and not found.collapsed:
        return f"All {count(total, 'start')} agree: they end in the same place."
    words = f"{count(total, 'start')} lead to {count(n, 'end')}"
    if found.collapsed:
        words += f", and {len(found.collapsed)} collapse{'s' if len(found.collapsed) == 1 else ''}"
    alike = [end for end in found.optima if best.bound - end.bound < LEAST_SAME_BOUND]
    reached = sum(len(end.members) for end in alike)
    if len(alike) == 1:
        words += f". The best is reached by {reached} of {total}."
    elif len(alike) == n:
        words += ". All are equally good: their likelihood can’t tell them apart."
    else:
        words += f". The best {len(alike)} are equally good, and reached by {reached} of {total}."
    limit = StopReason.ITERATION_LIMIT
    late = sum(1 for run in found.runs if run.stop is not None and run.stop.reason is limit)
    return words if not late else f"{words} {late} had not converged when they were cut off."
