"""Two looks behind the filled cells: the regression that fills one, and how well seen ones fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QLabel, QPushButton

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import SingularError
from em_explorer.models.conditionals import Regression, regression
from em_explorer.models.overimputation import Overimputed, overimpute
from em_explorer.session.making import Maker
from em_explorer.ui.panels.missing_data_words import Columns
from em_explorer.ui.wording import MINUS, plain

AT_ONCE = 50_000
"""Cells; larger tables are overimputed in another thread."""

MOST_SENTENCES = 3
"""A pattern with more holes than this has only its first regressions told."""


@dataclass(frozen=True)
class Line:
    """A regression line in the scatter of two columns.

    Attributes
    ----------
    missing : int
        Which of the two axes is filled in, 0 or 1.
    through : (2,) float
        A place on the line.
    slope : float
        Of the missing column on the other.
    deviation : float
        Conditional standard deviation.
    """

    missing: int
    through: tuple[float, float]
    slope: float
    deviation: float


def regression_words(columns: Columns, given: Regression, column: int) -> str:
    """Say "ozone = −64 + 1.6 temperature, ± 24 ppb": how a missing cell follows from the seen.

    ``given`` is in the data's units.
    """
    i = int(np.flatnonzero(given.missing_columns == column)[0])
    text = f"{columns.names[column]} = {plain(float(given.intercept[i]), 3)}"
    for d, slope in zip(given.observed_columns, given.coefficients[i], strict=True):
        size = plain(abs(float(slope)), 2)
        sign = MINUS if slope < 0 else "+"
        text += f" {sign} {size} {columns.names[int(d)]}"
    spread = columns.number(column, float(np.sqrt(given.conditional_covariance[i, i])))
    return columns.with_unit(column, f"{text}, ± {spread}")


class FillLooks(QObject):
    """The regression behind the row or pattern in hand, and the check of all fill-ins.

    Parameters
    ----------
    tab : MissingDataTab
        Whose run is looked at.
    """

    def __init__(self, tab: Any) -> None:
        super().__init__(tab)
        self._tab = tab
        self._row = -1
        self._pattern = -1
        self.words = QLabel()
        self.words.setObjectName("regression")
        self.words.setProperty("role", "caption")
        self.words.setWordWrap(True)
        self.words.hide()
        self.button = QPushButton("Check the fill-&ins")
        self.button.setObjectName("overimpute")
        self.button.setAccessibleName("Fill in each seen value too, and compare")
        self.button.setToolTip(
            "Overimputation: treat each seen value as missing, fill it in from the rest of its "
            "row, and see how many 90 % intervals hold what was seen (Alt+I)"
        )
        self.button.setCheckable(True)
        self.button.toggled.connect(self._on_toggled)
        self._maker = Maker("overimputation", self)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(tab._on_picture_failed)

    # -- the regression behind a cell --------------------------------------------------------

    @Slot(int)
    def point_at(self, row: int) -> None:
        """Show what fills the holes of a row; −1 goes back to the chosen pattern, if any."""
        self._row = row
        self.draw()

    def choose(self, pattern: int) -> None:
        """Show what fills the holes of a pattern's rows; −1 for none."""
        self._pattern, self._row = pattern, -1
        self.draw()

    def _rows(self) -> Any:
        """Return the rows in hand: one, or all of a pattern; None if there are none."""
        tab = self._tab
        if 0 <= self._row < len(tab.data.observed):
            return np.array([self._row])
        if self._pattern >= 0:
            return np.flatnonzero(tab.patterns.which == self._pattern)
        return None

    def given(self) -> Regression | None:
        """Return the regression that fills the rows in hand, in the data's units, or None."""
        rows = self._rows() if self._tab.controller.trace is not None else None
        return None if rows is None or not len(rows) else self.given_for(int(rows[0]))

    def given_for(self, row: int, index: int | None = None) -> Regression | None:
        """Return the regression that fills a row at a snapshot (the one shown), or None."""
        tab = self._tab
        index = tab.stage.shown_index if index is None else index
        if index is None or tab.controller.trace is None:
            return None
        params, seen = tab.snapshot(index).posterior_params, tab.data.observed[row]
        if params is None or seen.all() or not seen.any():
            return None
        units = tab.model.to_units(params, tab.data)
        try:
            return regression(units.mean, units.covariance, seen)
        except SingularError:
            return None

    def draw(self) -> None:
        """Say and draw the regression as it is now."""
        given = self.given()
        sentences = []
        if given is not None:
            holes = given.missing_columns[:MOST_SENTENCES]
            sentences = [regression_words(self._tab.columns, given, int(c)) for c in holes]
        self.words.setText("\n".join(sentences))
        self.words.setVisible(bool(sentences))
        line = None if given is None else self._line(given)
        self._tab.scatter.show_regression(line)

    def _line(self, given: Regression) -> Line | None:
        """Return the line in the pair drawn; None unless just one of the two is missing."""
        pair = self._tab.pair
        lacking = [axis for axis in (0, 1) if pair[axis] in given.missing_columns]
        if len(lacking) != 1 or pair[0] == pair[1]:
            return None
        missing = lacking[0]
        i = int(np.flatnonzero(given.missing_columns == pair[missing])[0])
        j = int(np.flatnonzero(given.observed_columns == pair[1 - missing])[0])
        values = self._tab.table[self._rows()][:, given.observed_columns].mean(axis=0)
        there = float(given.intercept[i] + given.coefficients[i] @ values)
        place = [0.0, 0.0]
        place[missing], place[1 - missing] = there, float(values[j])
        deviation = float(np.sqrt(given.conditional_covariance[i, i]))
        slope = float(given.coefficients[i, j])
        return Line(missing, (place[0], place[1]), slope, deviation)

    # -- overimputation ----------------------------------------------------------------------

    @property
    def column(self) -> int:
        """The column that is checked: the one drawn upwards."""
        up: int = self._tab.pair[1]
        return up

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        area = self._tab.area
        area.show_overimputation(on)
        if on:
            self.show_axes()
            self.check()

    def show_axes(self) -> None:
        """Name the plot's axes for the column that is checked."""
        if not self.button.isChecked():
            return
        tab, column = self._tab, self.column
        values = tab.table[:, column]
        tab.area.overimputation.found = None
        tab.area.overimputation.show_column(
            tab.columns.names[column],
            tab.columns.units[column],
            float(np.nanmin(values)),
            float(np.nanmax(values)),
        )

    def check(self) -> None:
        """Overimpute at the parameters shown, behind the window's back if there is much."""
        tab = self._tab
        index = tab.stage.shown_index
        if not self.button.isChecked() or tab.controller.trace is None or index is None:
            return
        snapshot = tab.snapshot(index)
        params = snapshot.posterior_params or snapshot.params
        job = self._job(tab.data, params, self.column)
        if tab.data.values.size > AT_ONCE:
            tab.area.overimputation.wait(tab.columns.names[self.column])
            self._maker.start(job)
            return
        self._maker.cancel()
        self._on_made(job())

    @staticmethod
    def _job(data: Any, params: Any, column: int) -> Callable[[], tuple[Any, int, Any]]:
        def find() -> tuple[Any, int, Overimputed | None]:
            try:
                found = overimpute(data, params, column)
            except SingularError:
                return data, column, None
            center: Floats = data.center[column]
            moved = replace(
                found, observed=found.observed + center, predicted=found.predicted + center
            )
            return data, column, moved

        return find

    @Slot(object)
    def _on_made(self, answer: tuple[Any, int, Overimputed | None]) -> None:
        data, column, found = answer
        if found is None or data is not self._tab.data or column != self.column:
            return
        self._tab.area.overimputation.show_cells(found, self._tab.columns.names[column])

    def forget(self) -> None:
        """Let go of rows and patterns: the data are others."""
        self._row = self._pattern = -1
        self._maker.cancel()

    def close(self) -> None:
        """End the thread; called before the window goes."""
        self._maker.shutdown()
