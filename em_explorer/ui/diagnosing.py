"""Every tab's run taken apart: the Diagnose page, the outlook beside the curve, the large bound."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer import registry
from em_explorer.session.diagnosis import Diagnosis
from em_explorer.ui import diagnose_words
from em_explorer.ui.panels.diagnose import DiagnosePanel, DiagnosisView
from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.wording import unit_of
from em_explorer.ui.words_of_run import WordsOfRun


class Diagnosing(WordsOfRun):
    """Hold the diagnosis of the present run, and fill what shows it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagnosis = Diagnosis(self)
        self.side.diagnose_made.connect(self._on_diagnose_made)
        self.controller.loaded.connect(self._on_diagnosis_due)

    def anatomy_names(self) -> tuple[str, ...]:
        """Return the names the parameters are told by: columns, symbols or words."""
        columns = self.dataset.columns if self.dataset is not None else ()
        return tuple(unit_of(column)[0] for column in columns)

    def posterior_moved(self, index: int) -> tuple[str, tuple[NumberRow, ...]]:
        """Say what an E-step changed: a sentence, and the rows that changed most."""
        rows = diagnose_words.count_rows(self.diagnosis.counts(index))
        return "The parameters stand still; what the E-step expects has changed:", rows

    def anatomy(self) -> Any:
        """Return a new anatomy of the present model and data."""
        path = registry.entry(self.key).anatomy
        return registry.load(path)(self.model, self.data, self.anatomy_names())

    @Slot()
    def _on_diagnosis_due(self) -> None:
        known = bool(registry.entry(self.key).anatomy)
        self.diagnosis.follow(
            self.controller.trace, self.controller.run, self.anatomy if known else None
        )

    @Slot(object)
    def _on_diagnose_made(self, panel: DiagnosePanel) -> None:
        self.diagnosis.came.connect(panel.refill)

    def _show_words(self, index: int) -> None:
        super()._show_words(index)
        if self.controller.trace is None or self.controller.fetching:
            return
        self.bottom.show_outlook(diagnose_words.outlook(self.diagnosis, index))
        self.side.show_diagnosis(lambda: self._diagnosis_view(index))

    def _diagnosis_view(self, index: int) -> DiagnosisView:
        is_e = index % 2 == 1
        moved = self.posterior_moved(index) if is_e else ("", ())
        return DiagnosisView(self.diagnosis, index, self.curve_name, moved, self.controller.rushing)
