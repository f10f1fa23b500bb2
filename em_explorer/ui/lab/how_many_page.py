"""How many? Criteria over the number of parts, of each shape; a click loads the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel

from em_explorer.em.arrays import Floats
from em_explorer.em.options import Control
from em_explorer.em.sweep import Judged
from em_explorer.session.how_many import (
    CRITERIA,
    Criterion,
    Question,
    best_of,
    how_many,
    parts_option,
    question_of,
    usual_most,
    value_of,
    variants_of,
)
from em_explorer.session.jobs import JobRunner
from em_explorer.ui.editors import WholeNumberEdit
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.lab.table import Cell, LabTable
from em_explorer.ui.run_loading import with_start
from em_explorer.ui.theme import style_plot, theme_manager
from em_explorer.ui.views.axes import axes
from em_explorer.ui.wording import nats

INVITATIONS = {
    Question.PARTS: (
        "How many {parts} do the data ask for? Fit one after the other, and let criteria weigh "
        "the fit against the numbers it takes."
    ),
    Question.TOPICS: (
        "How many topics do the texts ask for? Fit nine documents in ten, and see how well the "
        "topics tell the words of every tenth."
    ),
    Question.RIDGE: (
        "There is one normal here, so nothing to count. What can be asked is how strong a ridge "
        "should hold it: hide some values, and see which ridge tells them best."
    ),
}


WORST_SHOWN = 3.0
"""How much farther from the best than the middle candidate one may be and still be seen."""


class HowManyPage(LabPage):
    """A sweep over the number of parts (topics; ridges)."""

    def __init__(self, tab: Any, jobs: JobRunner) -> None:
        super().__init__("how_many", "", "Try them all", tab, jobs)
        self.button.setToolTip("Fit every candidate in the background, each from several starts")
        self.most_label = QLabel("Up to")
        self.most_label.setProperty("role", "secondary")
        self.most = WholeNumberEdit(Control("Up to", low=1, high=100, step=1))
        self.most.setObjectName("how_many_most")
        self.most.setAccessibleName("Up to how many parts")
        self.variants = QCheckBox()
        self.variants.setObjectName("how_many_variants")
        self.variants.setToolTip("A line each, and the best of all first")
        row = QHBoxLayout()
        row.addWidget(self.most_label)
        row.addWidget(self.most)
        row.addStretch(1)
        row.addWidget(self.variants)
        self.controls.addLayout(row)
        self.choice = QComboBox()
        self.choice.setObjectName("how_many_criterion")
        self.choice.setAccessibleName("Criterion")
        self.choice.currentIndexChanged.connect(self._redraw)
        self.column.addWidget(self.choice)
        self.plot = pg.PlotWidget(enableMenu=False, axisItems=axes())
        self.plot.setObjectName("how_many_plot")
        self.plot.setAccessibleName("The criterion of each candidate")
        self.plot.setMouseEnabled(x=False, y=False)
        self.dots = pg.ScatterPlotItem(size=9, pen=None)
        self.ring = pg.ScatterPlotItem(size=17, brush=None)
        self.dots.sigClicked.connect(self._on_dot)
        self.column.addWidget(self.plot, 1)
        self.table = LabTable("how_many_table", ("fit", "", "log-lik."), stretched=0)
        self.table.setAccessibleName("Candidates: click one to load its fit")
        self.table.setToolTip("Click a candidate to load its fit")
        self.table.chosen.connect(self._on_chosen)
        self.column.addWidget(self.table, 1)
        self.filler = QLabel()
        self.column.addWidget(self.filler, 1)
        self.question: Question | None = None
        self.setting: dict[str, Any] = {}
        self.found: list[Judged] = []
        self._order: list[int] = []
        self._show_found(False)
        self.opened()
        self.retheme()

    def _show_found(self, shown: bool) -> None:
        for widget in (self.choice, self.plot, self.table):
            widget.setVisible(shown)
        self.filler.setVisible(not shown)

    def opened(self) -> None:
        """Ask what can be asked of the model on the screen."""
        options = self.tab.options
        question = question_of(options)
        variants = variants_of(options)
        self.variants.setText(variants)
        self.variants.setAccessibleName(f"Try {variants}" if variants else "")
        self.variants.setVisible(bool(variants))
        if question is self.question:
            return
        self.question = question
        parts = "" if question is Question.RIDGE else parts_option(options).removeprefix("n_")
        self.invitation.setText(INVITATIONS[question].format(parts=parts))
        self.most.setValue(usual_most(options))
        for widget in (self.most, self.most_label):
            widget.setVisible(question is not Question.RIDGE)
        self.choice.blockSignals(True)
        self.choice.clear()
        for criterion in CRITERIA[question]:
            self.choice.addItem(criterion.title)
            self.choice.setItemData(
                self.choice.count() - 1, criterion.help, Qt.ItemDataRole.ToolTipRole
            )
        self.choice.blockSignals(False)

    @property
    def criterion(self) -> Criterion:
        """What the candidates are judged by."""
        assert self.question is not None
        return CRITERIA[self.question][max(self.choice.currentIndex(), 0)]

    # -- work --------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Fit the candidates."""
        record = self.tab.runs.current
        if record is None:
            return
        self.opened()
        self.setting = dict(record.setting)
        self.found = []
        self._redraw()
        variants = self.variants.isChecked() and not self.variants.isHidden()
        raw = self.tab.dataset.values
        self.work(
            how_many(
                self.tab.model,
                self.tab.data,
                raw,
                self.tab.run,
                self.most.value(),
                variants=variants,
            ),
            "getting ready",
        )

    def show_partials(self, partials: tuple[Any, ...]) -> None:
        """Draw the candidates that have been judged."""
        self.found += partials
        self._show_found(True)
        self._redraw()

    def show_result(self, result: tuple[Judged, ...]) -> None:
        """Say which candidate is best."""
        self.found = list(result)
        self._redraw()

    # -- what is drawn -----------------------------------------------------------------------

    def _lines(self) -> list[str]:
        return list(dict.fromkeys(judged.candidate.line for judged in self.found))

    @Slot()
    def _redraw(self, *_: object) -> None:
        if self.question is None:
            return
        criterion, theme = self.criterion, theme_manager().current
        self.choice.setToolTip(criterion.help)
        self.plot.clear()
        names = self._lines()
        spots = []
        for i, name in enumerate(names):
            points = [
                (judged.candidate.x, value, n)
                for n, judged in enumerate(self.found)
                if judged.candidate.line == name
                and (value := value_of(judged, criterion)) is not None
            ]
            color = theme.components[i] if name else theme.e
            x, y = np.array([p[:2] for p in points], dtype=float).reshape(-1, 2).T
            self.plot.plot(x, y, pen=pg.mkPen(color, width=1.5))
            spots += [
                {"pos": (at, value), "data": n, "brush": pg.mkBrush(color)}
                for at, value, n in points
            ]
        self.plot.addItem(self.dots)
        self.plot.addItem(self.ring)
        self.dots.setData(spots)
        best = best_of(tuple(self.found), criterion)
        marked = [] if best is None else [(best.candidate.x, value_of(best, criterion))]
        self.ring.setData(pos=np.array(marked, dtype=float).reshape(-1, 2))
        self.plot.setVisible(bool(spots))  # axes without a curve would lie
        self._label()
        self._fit_range(np.array([spot["pos"] for spot in spots], dtype=float).reshape(-1, 2))
        self._fill_table(best)
        if best is not None and not self.working:
            self.say(self._verdict(best))
        elif self.found and not self.working and not spots:
            self.say(f"None of them could be fitted. {self.found[0].words}", "warning")
        elif self.found and not self.working:
            self.say(f"{criterion.help}.")

    def _fit_range(self, places: Floats) -> None:
        """Show all but what is so bad that it would press the rest flat."""
        if not len(places):
            return
        x, y = places.T
        sign = -1.0 if self.criterion.sign < 0 else 1.0
        worth = sign * y
        top, middle = worth.max(), float(np.median(worth))
        bottom = top - WORST_SHOWN * (top - middle)
        if worth.min() > top - 1.5 * (top - bottom):
            bottom = worth.min()  # a dot cut in half would look like a mistake
        room = max(0.18 * (top - bottom), 1e-6 * abs(top), 1e-9)
        low, high = sorted((sign * (bottom - room), sign * (top + room)))
        self.plot.setYRange(low, high, padding=0)
        aside = 0.3 + 0.045 * (x.max() - x.min())  # room for the dots and the last number
        self.plot.setXRange(x.min() - aside, x.max() + aside, padding=0)

    def _label(self) -> None:
        bottom = self.plot.getAxis("bottom")
        if self.question is Question.RIDGE:
            values = [judged.candidate.model.options.ridge for judged in self.found]
            bottom.setTicks([[(float(i), f"{ridge:g}") for i, ridge in enumerate(values)]])
            what = "ridge"
        else:
            xs = sorted({judged.candidate.x for judged in self.found})
            bottom.setTicks([[(x, f"{x:g}") for x in xs]])
            what = parts_option(self.tab.options).removeprefix("n_")
        self.plot.setLabel("bottom", what)
        style_plot(self.plot)
        px = theme_manager().px
        self.plot.getAxis("left").setWidth(px(56))
        bottom.setHeight(px(34))
        self.ring.setPen(pg.mkPen(theme_manager().current.text, width=1.5))

    def _verdict(self, best: Judged) -> str:
        criterion, label = self.criterion, best.candidate.label
        if self.question is Question.RIDGE and criterion.sign:
            return f"Hidden values are told best with {label}."
        what = "lowest" if criterion.sign < 0 else "highest"
        ends = {judged.candidate.x for judged in self.found}
        words = f"The {criterion.title} is {what} for {label}."
        if best.candidate.x == max(ends) and len(ends) > 1:
            words += " That is the most that were tried: try more."
        return words

    def _fill_table(self, best: Judged | None) -> None:
        criterion, theme = self.criterion, theme_manager().current
        header = self.table.horizontalHeaderItem(1)
        if header is not None:
            header.setText(criterion.title.removeprefix("held-out "))
        last = self.table.horizontalHeaderItem(2)
        if last is not None:
            last.setText("bound" if self.question is Question.TOPICS else "log-lik.")
        self.table.setColumnHidden(2, criterion.name == "log_likelihood")
        lines = self._lines()
        rows = []
        self._order = list(range(len(self.found)))
        if len(lines) > 1 and criterion.sign:  # the best first; those without a fit last
            lowest = float("-inf")
            self._order.sort(key=lambda n: -self._worth(self.found[n], lowest))
        for judged in (self.found[n] for n in self._order):
            value = value_of(judged, criterion)
            free = None if judged.criteria is None else judged.criteria.n_free
            tip = judged.words if value is None else f"{free} free numbers" if free else ""
            color = theme.components[lines.index(judged.candidate.line)] if lines != [""] else ""
            rows.append(
                [
                    Cell(self._short(judged), tip, color, bold=judged is best),
                    Cell("collapsed" if value is None else nats(value), tip, bold=judged is best),
                    Cell("–" if value is None else nats(judged.criteria.log_likelihood), tip),
                ]
            )
        self.table.fill(rows)

    def _short(self, judged: Judged) -> str:
        """Name a candidate in a narrow table: the heading of the axis says what is counted."""
        candidate = judged.candidate
        return f"{candidate.line} {candidate.x:g}" if candidate.line else candidate.label

    def _worth(self, judged: Judged, unknown: float) -> float:
        value = value_of(judged, self.criterion)
        return unknown if value is None else self.criterion.sign * value

    def retheme(self) -> None:
        """Take the theme's colors."""
        self._redraw()

    # -- into the main view ------------------------------------------------------------------

    @Slot(object, object)
    def _on_dot(self, _item: Any, points: Any, *_: object) -> None:
        if len(points):
            self.load(int(points[0].data()))

    @Slot(int)
    def _on_chosen(self, row: int) -> None:
        if 0 <= row < len(self._order):
            self.load(self._order[row])

    def load(self, number: int) -> None:
        """Bring a candidate's best run to the main view."""
        judged = self.found[number]
        if judged.start is None:
            self.say(judged.words, "warning")
            return
        candidate = judged.candidate
        options = with_start(candidate.model.options, given=True)
        setting = {**self.setting, "options": options, "story": None}
        start = candidate.model.to_units(judged.start, candidate.data)
        words = f"The best start found for {candidate.label}."
        self.tab.begin_from(setting, start, f"best start of {candidate.label}", words)
