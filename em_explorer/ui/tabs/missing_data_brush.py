"""The brush of the missing-data tab: it takes values away, keeps their truth, and gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Slot

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.missingness import punch
from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.session.document import Story
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.panels.missing_data_words import Columns
from em_explorer.ui.views.incomplete_area import IncompleteArea
from em_explorer.ui.wording import count


class HolePunching(ModelTab):
    """Punch holes into the data by hand, and begin again from the same start."""

    area: IncompleteArea
    columns: Columns

    def prepare_brush(self) -> None:
        """Take it that nothing was punched; called before anything else is made."""
        self._undo: list[tuple[Dataset, Story | None]] = []
        self._punching = False

    def connect_brush(self) -> None:
        """Listen to the brush and to its undo button."""
        self.area.undo_button.clicked.connect(self.undo_punch)
        self.area.scatter.punched.connect(self.punch_rows)

    def show_brush(self) -> None:
        """Offer to undo what was punched; put the brush away when the data are others."""
        if not self._punching:
            self._undo.clear()
            self.area.brush.setChecked(False)
        self.area.undo_button.setVisible(bool(self._undo))

    @property
    def table(self) -> Floats:
        """The data in their own units, (N, D), NaN in the holes."""
        return np.asarray(self.data.values + self.data.center)

    @property
    def pair(self) -> tuple[int, int]:
        """The two columns drawn."""
        return max(self.area.x_box.currentIndex(), 0), max(self.area.y_box.currentIndex(), 0)

    # -- strokes -----------------------------------------------------------------------------

    @Slot(object)
    def punch_rows(self, rows: Any) -> None:
        """Remove the chosen column's values of some rows, keep their truth, and start again."""
        dataset = self.dataset
        assert dataset is not None
        x, y = self.pair
        column = (y, x)[max(self.area.punch_box.currentIndex(), 0)]
        table = self.table
        truth = dataset.truth or Truth()
        complete = table.copy() if truth.complete is None else truth.complete
        try:
            for row in rows:
                table = punch(table, int(row), column)
        except DataError as error:
            self.notify(str(error))
            return
        holed = replace(dataset, values=table, truth=replace(truth, complete=complete))
        self._undo.append((dataset, self.story))
        if not self._start_punched(holed):
            self._undo.pop()
            return
        holes = count(len(rows), "hole")
        self.open_with(
            f"You punched {holes} in {self.columns.names[column]}. Numbers compares what EM "
            "fills in with the values you took away."
        )

    @Slot()
    def undo_punch(self) -> None:
        """Give back the values of the last stroke of the brush."""
        if self._undo:
            dataset, self.story = self._undo.pop()
            self._start_punched(dataset)

    def _start_punched(self, dataset: Dataset) -> bool:
        self._punching = True
        try:
            return self._start(dataset, self.given)
        finally:
            self._punching = False
