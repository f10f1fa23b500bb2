"""Every tab's run taken apart: the Diagnose page, the outlook beside the curve, the large bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QWidget

from em_explorer import registry
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.breakpoints import Breakpoints, reached
from em_explorer.models.matching import match_parts
from em_explorer.session.diagnosis import STILL, Diagnosis
from em_explorer.ui import diagnose_words
from em_explorer.ui.breakpoint_button import BreakpointButton
from em_explorer.ui.color_keeper import ColorKeeper
from em_explorer.ui.diagnose_words import Outlook
from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.wording import unit_of
from em_explorer.ui.words_of_run import WordsOfRun

if TYPE_CHECKING:
    from em_explorer.ui.bound_overlay import BoundOverlay
    from em_explorer.ui.panels.diagnose import DiagnosePanel, DiagnosisView

START_LOOK_MS = 400
"""So long after a run was loaded its start is looked at; the picture comes first."""

QUICK = 20_000
"""Observations of which a step costs next to nothing."""


class Diagnosing(WordsOfRun):
    """Hold the diagnosis of the present run, and fill what shows it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagnosis = Diagnosis(self)
        self._known_truth: tuple[Any] | None = None
        self.overlay: BoundOverlay | None = None
        self._flaw: str | None = None
        self._start_look = QTimer(self)
        self._start_look.setSingleShot(True)
        self._start_look.setInterval(START_LOOK_MS)
        self._start_look.timeout.connect(self._look_at_start)
        self.diagnosis.came.connect(self._on_came)
        self.colors = ColorKeeper(self)
        self.colors.changed.connect(self._on_colors)
        self.side.diagnose_made.connect(self._on_diagnose_made)
        self.side.diagnose_filled.connect(self._want)
        self.controller.loaded.connect(self._on_diagnosis_due)
        self.bottom.traces_wanted.connect(self._show_traces)
        self.breakpoints = BreakpointButton()
        self.bottom.transport.add_button(self.breakpoints)
        self.breakpoints.has_covariances = self._has_covariances
        self.breakpoints.changed.connect(self._on_breakpoints)
        self.controller.broke.connect(self._on_broke)
        self._broke_at = -1
        self.controller.cursor_changed.connect(self._on_left_break)

    def anatomy_names(self) -> tuple[str, ...]:
        """Return the names the parameters are told by: columns, symbols or words."""
        columns = self.dataset.columns if self.dataset is not None else ()
        return tuple(unit_of(column)[0] for column in columns)

    def posterior_moved(self, index: int) -> tuple[str, tuple[NumberRow, ...]]:
        """Say what an E-step changed: a sentence, and the rows that changed most."""
        counts = self.diagnosis.counts(index)
        rows = diagnose_words.count_rows(counts)
        if counts and not rows:
            return "The parameters stand still, and so does what the E-step expects.", ()
        return "The parameters stand still; what the E-step expects has changed:", rows

    def true_params(self) -> Any:
        """Return the true parameters in the data's units, or None."""
        truth = self.dataset.truth if self.dataset is not None else None
        return None if truth is None else truth.params

    def parts_renumbered(self, order: Ints) -> None:
        """Let what was said of parts follow them: new part ``i`` is old part ``order[i]``."""

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
        self._known_truth, self._flaw = None, None
        self._start_look.start()
        if self.bottom.strip is not None:
            self.bottom.strip.forget()
        self.diagnosis.follow(
            self.controller.trace, self.controller.run, self.anatomy if known else None
        )

    @Slot(object)
    def _on_diagnose_made(self, panel: DiagnosePanel) -> None:
        self.diagnosis.came.connect(panel.refill)
        panel.enlarge_wanted.connect(self.toggle_bound)
        panel.more_wanted.connect(self._want)
        panel.reference_chosen.connect(self.colors.choose)

    def open_diagnose(self) -> None:
        """Bring the Diagnose page to the front, or put it back behind Explain."""
        if self.side.diagnose_in_front:
            self.side.setCurrentWidget(self.side.explain)
        else:
            self.show_panels(setup=self.setup.isVisible(), side=True)
            self.side.open_diagnose()

    @Slot()
    def _on_colors(self) -> None:
        if self.side.diagnose is not None:
            self.side.diagnose.refill()

    # -- what takes passes over the data -------------------------------------------------------

    @Slot()
    def toggle_bound(self) -> None:
        """Show the picture of the bound in the corner of the play area, or put it away."""
        if self.overlay is None:
            from em_explorer.ui.bound_overlay import BoundOverlay

            self.overlay = BoundOverlay(self.play_area)
            self.overlay.closed.connect(self.toggle_bound)
            self.overlay.show()
        else:
            self.overlay.setVisible(self.overlay.isHidden())
        self._want()
        self._show_bound()

    @Slot()
    def _want(self) -> None:
        """Have worked out what somebody looks at."""
        index, panel = self.controller.cursor, self.side.diagnose
        large = self.overlay is not None and self.overlay.isVisible()
        looked_at = panel is not None and self.side.diagnose_in_front
        line = large or (looked_at and panel is not None and panel.wants_line)
        if (large or looked_at) and not self.controller.rushing:
            self.diagnosis.want(index, line=line)

    @Slot()
    def _show_bound(self) -> None:
        """Draw the large picture of the step under the cursor."""
        if self.overlay is not None and self.overlay.isVisible():
            self._want()
            from em_explorer.ui.panels.diagnose import bound_view

            view = self._diagnosis_view(self.controller.cursor)
            self.overlay.show_view(bound_view(view), self.diagnosis.exact)

    # -- where to pause ------------------------------------------------------------------------

    @Slot(object)
    def _on_breakpoints(self, breakpoints: Breakpoints) -> None:
        self.controller.checkpoint = self._checkpoint if breakpoints.any else None

    def _has_covariances(self) -> bool:
        return any(parameter.group == "spreads" for parameter in self.diagnosis.parameters)

    def _checkpoint(self, index: int) -> str | None:
        trace = self.controller.trace
        assert trace is not None
        return reached(self.breakpoints.breakpoints, trace, index, self.diagnosis.anatomy)

    @Slot(int, str)
    def _on_broke(self, index: int, sentence: str) -> None:
        self._broke_at = index
        self.notify(f"Paused. {sentence}", "warning")

    @Slot(int)
    def _on_left_break(self, index: int) -> None:
        if self._broke_at >= 0 and index != self._broke_at:
            self._broke_at = -1
            self.heading.notice.dismiss()

    # -- a start that EM can't leave -----------------------------------------------------------

    @property
    def start_flaw(self) -> str:
        """Why EM can't leave the present start, or only together; mostly empty."""
        if self._flaw is None and self.model is not None and self.controller.trace is not None:
            self._flaw = self.model.symmetry(self.controller.trace[0].params) or ""
        moved = self.diagnosis.start_moves
        if not self._flaw and moved is not None and moved < STILL:
            return "A whole EM step from here moves nothing: this start is a stationary point."
        return self._flaw or ""

    @Slot()
    def _look_at_start(self) -> None:
        """See whether a step would move anything, where a step costs next to nothing."""
        if self.controller.cursor == 0 and not self.controller.playing and self.model is not None:
            few = self.model.n_observations(self.data) <= QUICK
            if few and not self.heavy and not self.start_flaw:
                self.diagnosis.want(0, line=False, rest=True)

    @Slot()
    def _on_came(self) -> None:
        self._show_bound()
        if self.controller.cursor == 0 and self.start_flaw:
            self._show_words(0)

    def _show_onward(self) -> None:
        super()._show_onward()
        trace = self.controller.trace
        if trace is not None and self.controller.cursor == 0 and self.start_flaw:
            self.heading.nudge.setVisible(True)

    def _show_outlook(self, index: int) -> None:
        if index == 0 and self.start_flaw:
            text = "equal parts stay equal" if self._flaw else "a stationary start"
            self.bottom.show_outlook(Outlook(text, "warning", self.start_flaw))
        else:
            self.bottom.show_outlook(diagnose_words.outlook(self.diagnosis, index))

    def _show_words(self, index: int) -> None:
        super()._show_words(index)
        self._show_outlooks(index)

    def _show_outlooks(self, index: int) -> None:
        """Say what lies ahead, and diagnose what came."""
        if self.controller.trace is None or self.controller.fetching:
            return
        self._show_outlook(index)
        self.side.show_diagnosis(lambda: self._diagnosis_view(index))
        self._show_bound()
        self._show_traces()

    def _on_theme(self, *_: object) -> None:
        """Give the dots before the names in all lists the theme's colors, too."""
        super()._on_theme()
        if self.controller.trace is not None and not self.controller.fetching:
            index = self.controller.cursor
            self.side.show_diagnosis(lambda: self._diagnosis_view(index))
            self.side.refresh()
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
        from em_explorer.ui.views.parameter_traces import Traces

        found = Traces(
            diagnosis.parameters, iterations, values, diagnosis.scales(), self.true_values()
        )
        strip.show_traces(found, diagnosis.values(index), index, len(trace))

    def _diagnosis_view(self, index: int) -> DiagnosisView:
        from em_explorer.ui.panels.diagnose import DiagnosisView

        is_e = index % 2 == 1
        moved = self.posterior_moved(index) if is_e else ("", ())
        flaw = self.start_flaw if index == 0 else ""
        rushing = self.controller.rushing
        return DiagnosisView(
            self.diagnosis, index, self.curve_name, moved, rushing, flaw, self.colors
        )
