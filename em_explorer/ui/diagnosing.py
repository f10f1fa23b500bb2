"""Every tab's run taken apart: the Diagnose page, the outlook beside the curve, the large bound."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer import registry
from em_explorer.em.arrays import Floats
from em_explorer.models.matching import match_parts
from em_explorer.session.diagnosis import Diagnosis
from em_explorer.ui import diagnose_words
from em_explorer.ui.panels.diagnose import DiagnosePanel, DiagnosisView
from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.views.parameter_traces import Traces
from em_explorer.ui.wording import unit_of
from em_explorer.ui.words_of_run import WordsOfRun


class Diagnosing(WordsOfRun):
    """Hold the diagnosis of the present run, and fill what shows it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagnosis = Diagnosis(self)
        self._known_truth: tuple[Any] | None = None
        self.side.diagnose_made.connect(self._on_diagnose_made)
        self.controller.loaded.connect(self._on_diagnosis_due)
        self.bottom.traces_wanted.connect(self._show_traces)

    def anatomy_names(self) -> tuple[str, ...]:
        """Return the names the parameters are told by: columns, symbols or words."""
        columns = self.dataset.columns if self.dataset is not None else ()
        return tuple(unit_of(column)[0] for column in columns)

    def posterior_moved(self, index: int) -> tuple[str, tuple[NumberRow, ...]]:
        """Say what an E-step changed: a sentence, and the rows that changed most."""
        rows = diagnose_words.count_rows(self.diagnosis.counts(index))
        return "The parameters stand still; what the E-step expects has changed:", rows

    def true_params(self) -> Any:
        """Return the true parameters in the data's units, or None."""
        truth = self.dataset.truth if self.dataset is not None else None
        return None if truth is None else truth.params

    def true_values(self) -> Floats | None:
        """Return the true value of every parameter followed, parts matched to those found."""
        trace, anatomy = self.controller.trace, self.diagnosis.anatomy
        if self._known_truth is None:
            self._known_truth = (self.true_params(),)
        [known] = self._known_truth
        if known is None or trace is None or anatomy is None or self.model is None:
            return None
        try:
            truth = self.model.from_units(known, self.data)
            now = trace.final.params
            values = anatomy.values(self.model.permuted(truth, match_parts(truth, now)))
            return values if len(values) == len(anatomy.values(now)) else None
        except (ValueError, IndexError):  # the truth has other parts than the model
            return None

    def anatomy(self) -> Any:
        """Return a new anatomy of the present model and data."""
        path = registry.entry(self.key).anatomy
        return registry.load(path)(self.model, self.data, self.anatomy_names())

    @Slot()
    def _on_diagnosis_due(self) -> None:
        known = bool(registry.entry(self.key).anatomy)
        self._known_truth = None
        if self.bottom.strip is not None:
            self.bottom.strip.forget()
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
        self._show_traces()

    @Slot()
    def _show_traces(self) -> None:
        """Bring the strip of parameters to where the cursor is."""
        strip, trace, index = self.bottom.strip, self.controller.trace, self.controller.cursor
        if strip is None or not self.bottom.traces_shown or trace is None:
            return
        diagnosis = self.diagnosis
        iterations, values = diagnosis.traces()
        if not len(iterations):
            return
        found = Traces(
            diagnosis.parameters, iterations, values, diagnosis.scales(), self.true_values()
        )
        strip.show_traces(found, diagnosis.values(index), index, len(trace))

    def _diagnosis_view(self, index: int) -> DiagnosisView:
        is_e = index % 2 == 1
        moved = self.posterior_moved(index) if is_e else ("", ())
        return DiagnosisView(self.diagnosis, index, self.curve_name, moved, self.controller.rushing)
