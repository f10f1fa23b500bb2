"""Two runs in lockstep: the play area in two halves, one cursor, both curves."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QToolButton, QWidget

from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import em_steps
from em_explorer.em.trace import MEGABYTE, Trace
from em_explorer.session.lockstep import Follower, Leader
from em_explorer.session.runs import WORTH_KEEPING, RunRecord
from em_explorer.session.settings import load_settings
from em_explorer.ui.beside import Companion, Mirror, make_companion
from em_explorer.ui.half_head import HalfHead, Where
from em_explorer.ui.icons import icon
from em_explorer.ui.lab.rivals import Rival, another_start, comparable, rivals_of
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.setup_panel import following_seed
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.curve_parts import OtherCurve

HALF = 600
"""Width that a half should have, px; where it has less, the panels are folded."""

GAPS = 48
"""Between and beside the halves, px."""

CURVE_MS = 100
"""As fast as it goes, the curve of the run beside follows so often."""


class Lockstep(QObject):
    """The comparison of a tab's run with another one.

    Parameters
    ----------
    tab : ModelTab

    Signals
    -------
    changed(open)
        The split view was opened or closed, or shows another run.
    """

    changed = Signal(bool)

    def __init__(self, tab: ModelTab) -> None:
        super().__init__(tab)
        self.tab = tab
        self.record: RunRecord | None = None
        self.rival: Rival | None = None
        self.companion: Companion | None = None
        self.heads: tuple[HalfHead, HalfHead] | None = None
        self._mirror: Mirror | None = None
        self._joined = False
        self._starts = 0
        self._left: RunRecord | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(CURVE_MS)
        self._later.timeout.connect(self._draw_curve)
        tab.controller.loaded.connect(self._on_loaded)
        tab.runs.changed.connect(self._refresh)
        tab.installEventFilter(self)
        theme_manager().changed.connect(self._retheme)

    @property
    def is_open(self) -> bool:
        """Whether two runs are on the screen."""
        return self.record is not None

    @property
    def leader(self) -> Leader:
        """What moves both."""
        controller = self.tab.controller
        assert isinstance(controller, Leader)
        return controller

    @property
    def follower(self) -> Follower:
        """What moves the right run."""
        assert self.companion is not None
        controller = self.companion.controller
        assert isinstance(controller, Follower)
        return controller

    # -- opening and closing -----------------------------------------------------------------

    def open(self, record: RunRecord, rival: Rival | None = None) -> bool:
        """Show a run of the same data in the right half; False if it can't be."""
        tab, now = self.tab, self.tab.runs.current
        if now is None or record is now:
            tab.notify("Choose another run: this one is on the left already.", "warning")
            return False
        if record.setting["dataset"] is not tab.dataset:
            tab.notify(
                f"{record.name} is a run on other data, so the two can’t share their axes. Show "
                "it in the Lab instead.",
                "warning",
            )
            return False
        position = self.leader.position
        self._leave()
        if self.companion is not None and self.companion.dataset is not tab.dataset:
            self._dispose()
        if self.companion is None:
            self._build()
        assert self.companion is not None
        self.record, self.rival, self._left = record, rival, now
        self.companion.follow(record, position)
        self.companion.call_run(record.kind)
        if self._mirror is None:
            self._mirror = Mirror(tab, self.companion)
        else:
            self._mirror.copy()
        self._join()
        self._refresh()
        self._draw_curve()
        self.changed.emit(True)
        return True

    def open_rival(self, rival: Rival) -> bool:
        """Run another algorithm, or another start, beside the present run from where it began."""
        now = self.tab.runs.current
        if now is None:
            return False
        try:
            model, start = rival.make(self.tab, now)
            trace = Trace(
                model, now.data, budget=max(load_settings().trace_megabytes, 1) * MEGABYTE
            )
            trace.append(next(em_steps(model, now.data, start, now.run)))
        except (DataError, SingularError) as error:
            self.tab.notify(f"{rival.name} can’t begin from this start: {error}")
            return False
        self._starts += rival.kind == "EM"  # the next one begins elsewhere
        before = self.record
        setting = {**now.setting, "model": model}
        how = rival.how or f"from the start of {now.name}"
        record = self.tab.runs.add(trace, now.run, how, rival.kind, setting)
        record.offset = now.offset
        if not self.open(record, rival):
            self.tab.runs.remove(record)
            return False
        self._forget(before)
        return True

    def rivals(self) -> tuple[Rival, ...]:
        """Return what the present run can be compared with at once."""
        now = self.tab.runs.current
        if now is None:
            return ()
        other = another_start(self.tab, following_seed(self.tab.seed + self._starts))
        return (*rivals_of(self.tab), *(() if other is None else (other,)))

    def open_named(self, name: str) -> bool:
        """Compare with a rival by its key or its name, as a story writes it."""
        named = [r for r in self.rivals() if name.lower() in (r.key, r.name.lower())]
        return bool(named) and self.open_rival(named[0])

    @Slot()
    def toggle(self) -> None:
        """End the comparison, or begin one with what this model is compared with most."""
        if self.is_open:
            self.close()
        elif self.rivals():
            self.open_rival(self.rivals()[0])

    @Slot()
    def close(self) -> None:
        """Give the whole play area back to the tab's run."""
        if self.record is None:
            return
        self._leave()
        before, self.record, self.rival = self.record, None, None
        self._dispose()
        self.tab.show_compact(False)
        self.tab.least_room = 0
        self.tab.arrange_panels()
        self.tab.bottom.curve.show_beside(None)
        self.tab.bottom.mark(self.tab.controller.cursor)
        self._forget(before)
        self.changed.emit(False)

    def shutdown(self) -> None:
        """End the right run's worker; called before the window goes."""
        self._later.stop()
        self._leave()
        self.record = None
        self._dispose()

    def _join(self) -> None:
        """Let the left run's controls move both."""
        self.leader.lead(self.follower)
        for signal, slot in self._signals():
            signal.connect(slot)
        self._joined = True

    def _leave(self) -> None:
        """Let the left run go its own way."""
        if self._joined:
            self._joined = False
            for signal, slot in self._signals():
                signal.disconnect(slot)
            self.leader.lead(None)
            self.follower.pause()

    def _signals(self) -> tuple[tuple[Any, Any], ...]:
        follower, leader = self.follower, self.leader
        return (
            (follower.cursor_changed, self._refresh),
            (follower.state_changed, self._refresh),
            (follower.grown, self._on_grown),
            (leader.moved, self._on_moved),
            (leader.state_changed, self._refresh),
        )

    def _forget(self, record: RunRecord | None) -> None:
        """Take a run out of the list that nobody has taken a step in."""
        if record is None or record is self.record or record.renamed or record.trace is None:
            return
        if len(record.trace) < WORTH_KEEPING:
            self.tab.runs.remove(record)

    # -- the two halves ----------------------------------------------------------------------

    def _build(self) -> None:
        """Make the right half and the headings."""
        self.companion = companion = make_companion(self.tab)
        left = HalfHead("left_run", "The run on the left")
        right = HalfHead("right_run", "The run on the right")
        self.close_button = QToolButton()
        self.close_button.setObjectName("end_comparison")
        self.close_button.setAccessibleName("End the comparison")
        self.close_button.setToolTip("End the comparison (S); both runs stay in the Lab")
        self.close_button.clicked.connect(self.close)
        right.row.addWidget(self.close_button)
        self.heads = left, right
        self._make_room()  # first: two halves beside the panels would widen the window
        stand = self.tab.stand
        stand.addWidget(left, 0, 0)
        stand.addWidget(right, 0, 1)
        stand.addWidget(companion.play_area, 1, 1)
        for column in (0, 1):
            stand.setColumnStretch(column, 1)
            # Both ask for the same: the halves must be equal whatever is in them.
            stand.setColumnMinimumWidth(column, 1)
        companion.play_area.show()
        self._retheme()

    def _dispose(self) -> None:
        """Take the right half away, with its worker."""
        companion, heads = self.companion, self.heads
        if companion is None or heads is None:
            return
        self.companion = self.heads = self._mirror = None
        companion.close_run()
        for widget in (*heads, companion.play_area):
            self.tab.stand.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.tab.stand.setColumnStretch(1, 0)
        self.tab.stand.setColumnMinimumWidth(1, 0)
        companion.deleteLater()

    def _make_room(self) -> None:
        """Fold the panels that leave no room for two, and what is in the way within the halves."""
        assert self.companion is not None
        for tab in (self.tab, self.companion):
            tab.show_compact(True)
            _measure_again(tab.play_area)
        least = self.tab.play_area.minimumSizeHint().width() / theme_manager().scale
        self.tab.least_room = 2 * max(HALF, round(least)) + GAPS
        self.tab.arrange_panels()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the panels their room back in a wide window."""
        if watched is self.tab and event.type() == QEvent.Type.Resize and self.is_open:
            self.tab.arrange_panels()
        return False

    # -- what is said and drawn --------------------------------------------------------------

    def names(self) -> tuple[str, str]:
        """Return what the two runs are called: by algorithm where that tells them apart."""
        left, right = self.tab.runs.current, self.record
        assert left is not None
        assert right is not None
        alike = left.kind == right.kind
        first, second = (
            record.name if alike or record.renamed else record.kind for record in (left, right)
        )
        return first, second

    @property
    def color(self) -> str:
        """The right run's color, as in the list of runs."""
        from em_explorer.ui.lab.runs_page import run_color

        assert self.record is not None
        return run_color(self.record)

    @Slot()
    def _refresh(self, *_: object) -> None:
        """Say in each heading where its run stands."""
        left = self.tab.runs.current
        if self.heads is None or self.record is None or left is None or not self._joined:
            return
        position = self.leader.position
        colors = theme_manager().current.secondary, self.color
        sides = Where(left, self.leader, position), Where(self.record, self.follower, position)
        for head, name, where, color in zip(self.heads, self.names(), sides, colors, strict=True):
            head.say(name, where.words, where.tip, color)
        shown = min(position, self.follower.cursor)
        self.tab.bottom.curve.mark_beside((shown - 1) // 2 if shown > 0 else None)

    @Slot(int)
    def _on_moved(self, _position: int) -> None:
        self._refresh()
        if self.leader.position > self.leader.cursor:  # else the tab does so itself
            self.tab.bottom.mark(self.leader.cursor)

    @Slot(int)
    def _on_grown(self, _length: int) -> None:
        # It may grow while the cursor stands far behind, and nothing else tells the timeline.
        self.tab.bottom.lengthen()
        if not self._later.isActive():
            self._later.start()

    @Slot()
    def _draw_curve(self) -> None:
        """Draw the right run's curve over the left one's, with both names."""
        if self.record is None or not self._joined:
            return
        left, right = self.names()
        dashed = self.record.kind != "EM"
        # In lockstep both are drawn from their own beginning.
        curve = OtherCurve(comparable(self.record), 0, self.color, dashed)
        self.tab.bottom.curve.show_beside(curve, (left, right))
        if not self.leader.playing:
            self.tab.runs.changed.emit()  # the list shows how far each has come
        self._refresh()

    @Slot()
    def _retheme(self, *_: object) -> None:
        if self.heads is not None:
            self.close_button.setIcon(icon("close", theme_manager().current.secondary))
            self._draw_curve()

    # -- another run on the left -------------------------------------------------------------

    @Slot()
    def _on_loaded(self) -> None:
        """Begin the rival again from another start; end where the two have no data in common."""
        now, record = self.tab.runs.current, self.record
        if record is None or now is None or self.tab.in_story:
            return
        if now is self._left:  # it goes on, or is shown otherwise
            self._refresh()
        elif now is record:
            self.close()
        elif self.rival is not None and now.kind == "EM":
            if not self.open_rival(self.rival):
                self.close()
        elif now.setting["dataset"] is not record.setting["dataset"]:
            self.close()
            self.tab.notify("The comparison has ended: the data are others now.", "secondary")
        else:
            self._left = now
            self._refresh()
            self._draw_curve()


def _measure_again(area: QWidget) -> None:
    """Let an area know at once how little room it needs; by itself it asks when next drawn."""
    for widget in (*reversed(area.findChildren(QWidget)), area):
        layout = widget.layout()
        if layout is not None:
            layout.invalidate()
            layout.activate()
