"""Runs: all of them in a list, their curves over each other, branches and rivals."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton

from em_explorer.em.steps import StopReason
from em_explorer.em.trace import MEGABYTE
from em_explorer.session.jobs import JobRunner
from em_explorer.session.runs import RunRecord, run_to_the_end
from em_explorer.session.settings import load_settings
from em_explorer.ui.lab import rivals
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.lab.table import Cell, LabTable
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.curve_parts import OtherCurve
from em_explorer.ui.wording import nats

INVITATION = (
    "Every run stays here under its name, and its curve behind the present one. Click one to "
    "look at it; branch to try something else from where you are."
)

IN_SHORT = {
    None: "under way",
    StopReason.CONVERGED: "converged",
    StopReason.ITERATION_LIMIT: "limit",
    StopReason.DECREASED: "fell",
    StopReason.SINGULAR: "collapsed",
    StopReason.STALLED: "stalled",
    StopReason.STOPPED: "stopped",
}
"""Why a run stopped, in a word."""

COLORS = (4, 5, 6, 9, 7, 2, 3, 0, 1)
"""Colors of runs, from the cycle of components: those first that few components have. Slate is too
near to the gray of the run on the screen."""

MOST_CURVES = 12
"""More curves than this, the newest, could not be told apart."""


def run_color(record: RunRecord) -> str:
    """Return the color of a run, the same in the list and in the plots."""
    cycle = theme_manager().current.components
    return cycle[COLORS[(record.number - 1) % len(COLORS)]]


class RunsPage(LabPage):
    """The list of runs.

    Signals
    -------
    split_wanted(record)
        Two runs are to be seen side by side.
    """

    split_wanted = Signal(object)

    def __init__(self, tab: Any, jobs: JobRunner) -> None:
        super().__init__("runs", INVITATION, "Branch here", tab, jobs)
        self.button.setToolTip(
            "Begin another run from the half-step on the screen; this one stays in the list (B)"
        )
        self.go_on = QPushButton("Go on")
        self.go_on.setObjectName("runs_go_on")
        self.go_on.setAccessibleName("Let EM go on from where it has stopped")
        self.go_on.setToolTip(
            "EM has stopped: let it go on from here, to a finer tolerance or for more iterations "
            "(C)"
        )
        self.go_on.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.go_on.clicked.connect(self._on_go_on)
        self.buttons.addWidget(self.go_on, 1)
        self.compare = QPushButton("Compare with …")
        self.compare.setObjectName("runs_compare")
        self.compare.setAccessibleName("Compare this run with another algorithm or run")
        self.compare.setToolTip("Another algorithm from the same start, or a run beside this one")
        self.compare.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.menu = QMenu(self.compare)
        self.menu.setObjectName("runs_compare_menu")
        self.menu.aboutToShow.connect(self.fill_menu)
        self.compare.setMenu(self.menu)
        row = QHBoxLayout()
        row.addWidget(self.compare, 1)
        self.column.insertLayout(3, row)
        self.table = LabTable("runs_table", ("run", "ends at", "steps", "because"))
        self.table.setAccessibleName("Runs: click one to look at it, double-click to rename it")
        self.table.setToolTip(
            "Click a run to look at it; double-click its name to rename it; Delete forgets it"
        )
        self.column.addWidget(self.table, 1)
        self.table.chosen.connect(self._on_chosen)
        self.table.edited.connect(self._on_renamed)
        self.table.dropped.connect(self._on_dropped)
        self._shown: list[RunRecord] = []
        self._setting: Any = None
        self._kind: rivals.Rival | None = None
        self._rivalled: RunRecord | None = None
        tab.runs.changed.connect(self.refresh)
        tab.controller.state_changed.connect(self._on_state)
        tab.controller.cursor_changed.connect(self._on_state)
        self.refresh()

    # -- the list ----------------------------------------------------------------------------

    @Slot()
    def refresh(self) -> None:
        """Show the runs as they are, the newest first."""
        self._shown = list(reversed(self.tab.runs.records))
        now = self.tab.runs.current
        rows = [self._row(record) for record in self._shown]
        current = self._shown.index(now) if now in self._shown else -1
        if not self.table.isPersistentEditorOpen(self.table.currentIndex()):
            self.table.fill(rows, current)
        self._enable()

    def _row(self, record: RunRecord) -> list[Cell]:
        ends = rivals.comparable(record)[-1:]
        reason = record.stop.reason if record.stop is not None else None
        tip = f"{record.name}: {record.how}"
        if record.stop is not None:
            tip += f"\n{record.stop.message}"
        now = record is self.tab.runs.current
        color = theme_manager().current.secondary if now else run_color(record)
        return [
            Cell(record.name, tip, color, hollow=record.kind != "EM", bold=now, editable=True),
            Cell(nats(float(ends[0])) if len(ends) else "–", tip),
            Cell(str(record.n_iter), "Full steps taken"),
            Cell(IN_SHORT[reason], tip),
        ]

    def curves(self) -> tuple[OtherCurve, ...]:
        """Return the curves of the other runs on the same data, from the present run's start."""
        now = self.tab.runs.current
        if now is None:
            return ()
        alike = [
            record
            for record in self.tab.runs
            if record is not now
            and len(record.bounds) > 1
            and record.setting["dataset"] is now.setting["dataset"]
        ]
        return tuple(
            OtherCurve(
                rivals.comparable(record),
                record.begins_after(now),
                run_color(record),
                record.kind != "EM",
            )
            for record in alike[-MOST_CURVES:]
        )

    @Slot()
    def _on_state(self, *_: object) -> None:
        if self.tab.controller.rushing or not self.isVisible():
            return
        now = self.tab.runs.current
        if now in self._shown:
            for j, cell in enumerate(self._row(now)):
                self.table.set_text(self._shown.index(now), j, cell.text)
        self._enable()

    def _enable(self) -> None:
        self.button.setEnabled(self.tab.can_branch and not self.working)
        self.go_on.setEnabled(self.tab.can_go_on)

    def opened(self) -> None:
        """Bring the list up to date."""
        self.refresh()

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.refresh()

    @Slot(int)
    def _on_chosen(self, row: int) -> None:
        if 0 <= row < len(self._shown):
            self.tab.show_run(self._shown[row])

    @Slot(int, str)
    def _on_renamed(self, row: int, name: str) -> None:
        if 0 <= row < len(self._shown):
            self.tab.runs.rename(self._shown[row], name)
            self.refresh()  # an empty name is not taken

    @Slot(int)
    def _on_dropped(self, row: int) -> None:
        if 0 <= row < len(self._shown):
            self.tab.runs.remove(self._shown[row])

    @Slot()
    def begin(self) -> None:
        """Branch off from the half-step under the cursor."""
        self.tab.branch()

    @Slot()
    def _on_go_on(self) -> None:
        self.tab.go_on()

    # -- rivals ------------------------------------------------------------------------------

    @Slot()
    def fill_menu(self) -> None:
        """Offer what this run can be compared with."""
        self.menu.clear()
        for rival in rivals.rivals_of(self.tab):
            action = self.menu.addAction(f"{rival.name}, from the same start")
            action.setObjectName(f"compare_{rival.key}")
            action.setToolTip(rival.help)
            action.triggered.connect(lambda _=False, chosen=rival: self.compare_with(chosen))
        others = [record for record in self._shown if record is not self.tab.runs.current]
        if others:
            self.menu.addSection("Side by side with")
        for record in others[:12]:
            action = self.menu.addAction(record.name)
            action.setObjectName(f"split_{record.number}")
            action.triggered.connect(lambda _=False, chosen=record: self.split_wanted.emit(chosen))

    def compare_with(self, rival: rivals.Rival) -> None:
        """Run another algorithm from the same start in the background."""
        now = self.tab.runs.current
        if now is None:
            return
        model, start = rival.make(self.tab, now)
        self._setting = {**now.setting, "model": model}
        self._kind, self._rivalled = rival, now
        budget = max(load_settings().trace_megabytes, 1) * MEGABYTE // 8
        run = rivals.enough(now.run)
        self.work(
            run_to_the_end(model, now.data, start, run, f"{rival.name} …", budget),
            f"{rival.name} from the same start …",
        )

    def show_result(self, result: Any) -> None:
        """Add the rival's run to the list."""
        now = self._rivalled
        assert self._kind is not None
        assert now is not None
        how = f"from the start of {now.name}"
        run = rivals.enough(self._setting["run"])
        record = self.tab.runs.add(result, run, how, self._kind.name, self._setting)
        record.parent, record.offset = now.parent, now.offset  # it shares the start
        self.say(rivals.verdict(self._kind, now, record))
        self.refresh()
        self.tab.runs.changed.emit()
