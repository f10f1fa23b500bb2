"""What every tab shares beyond its parts, its words and its loading: the run followed.

A tab for one model derives from :class:`ModelTab` and says how a snapshot becomes a picture, how
a picture is painted, and what to say about it; see :class:`~em_explorer.ui.tab_base.TabBase`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from em_explorer.em.trace import phase_of
from em_explorer.session.controller import RunState
from em_explorer.session.document import Story
from em_explorer.session.runs import RunRecord
from em_explorer.ui import crash
from em_explorer.ui.locking import Locking
from em_explorer.ui.motion import Motion
from em_explorer.ui.run_loading import ANOTHER_START, NUDGE, SHAPE_OPTIONS, with_start

if TYPE_CHECKING:
    from em_explorer.ui.lockstep import Lockstep

__all__ = ["ANOTHER_START", "NUDGE", "SHAPE_OPTIONS", "ModelTab", "with_start"]


GLIDE_UP_TO = 6.0
"""Above so many half-steps a second there is no time for a glide between two."""

PICTURE_FIRST_MS = 40
"""So long the panels wait for a picture that is made behind the window's back."""

PANELS_MS = 100
"""As fast as it goes, words, numbers and the curve follow so often: who could read faster?"""

TURNS = 3
"""Then each of them is brought up to date in a turn of its own: all at once would cost more than
the time between two pictures."""


class ModelTab(Locking):
    """Base of the tabs; one model, one run, and the cursor followed on its history.

    Attributes
    ----------
    left_out : bool
        A tab sets this where it leaves something out of a picture because half-steps rush by;
        the picture is drawn whole when the rush is over.

    Signals
    -------
    comparison_changed(open)
        Another run is shown beside this one, or no more.
    """

    comparison_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rushed = False
        self.left_out = False
        self._turn, self._turns_due = 0, 0
        self._lockstep: Lockstep | None = None
        self._panels.timeout.connect(self._on_panels_due)
        self._connect()

    def _connect(self) -> None:
        setup, controller = self.setup, self.controller
        setup.data_chosen.connect(self.choose_data)
        setup.generator_changed.connect(self._on_generator)
        setup.open_wanted.connect(self.open_dialog)
        setup.options_changed.connect(self.set_options)
        setup.seed_changed.connect(self.set_seed)
        setup.run_changed.connect(self.set_run)
        controller.cursor_changed.connect(self._on_cursor)
        controller.loaded.connect(self._on_followed)
        controller.grown.connect(self._on_grown)
        controller.state_changed.connect(self._on_state)
        controller.failed.connect(self._on_failed)
        controller.replayed.connect(self._on_replayed)
        self.stage.failed.connect(self._on_picture_failed)
        self.stage.brought.connect(self._on_picture_brought)
        self.loading.loaded.connect(self._on_file_loaded)
        self.loading.refused.connect(self._refuse)
        self.loading.failed.connect(self._on_failed)
        self.bottom.transport.new_start_wanted.connect(self.new_start)
        self.bottom.transport.set_labels(self.e_label, self.m_label)
        self.heading.next_wanted.connect(self.story_wanted)
        self.heading.nudge_wanted.connect(self.nudge)
        self.story_shown.connect(self._on_story_shown)

    # -- the run -----------------------------------------------------------------------------

    @Slot()
    def _on_followed(self) -> None:
        assert self.model is not None
        n = self.model.n_observations(self.data)
        self.bottom.follow(self.controller.trace, n, self.curve_name)
        self.run_loaded()
        self._show_lock_count()

    @Slot(int)
    def _on_grown(self, length: int) -> None:
        if not self.controller.rushing:
            self.bottom.grow()
        else:
            self._take_turns()

    @Slot(int)
    def _on_cursor(self, index: int) -> None:
        if not self.controller.at_hand(index):
            self._show_nearest(index)
            return
        shown = self.stage.shown_index
        near = shown is not None and abs(index - shown) == 1
        slow = self.controller.speed <= GLIDE_UP_TO or not self.controller.playing
        scrubbing = self.bottom.timeline.isSliderDown()
        self.stage.show(index, glide=near and slow and not scrubbing and Motion.enabled)
        if self.controller.rushing:
            self._rushed = True
            self._take_turns()
        elif self.heavy:
            self._panels.start(PICTURE_FIRST_MS)
        else:
            self._show_panels()

    @Slot(int)
    def _on_picture_brought(self, _index: int) -> None:
        if self._panels.isActive() and not self.controller.rushing:
            self._panels.start(0)  # it is painted before that

    def settle(self) -> None:
        """Show now whatever waits for the next frame or for another thread."""
        self.stage.settle()
        if self._panels.isActive():
            self._show_panels()
        self.bottom.curve.settle()

    @Slot()
    def _show_panels(self) -> None:
        """Bring the curve, the timeline and the words to where the cursor is."""
        self._panels.stop()
        self._rushed, self._turns_due = False, 0
        if self.controller.trace is not None:
            self.bottom.grow()
            self.bottom.mark(self.controller.cursor)
            self._show_words(self.controller.cursor)

    def show_choice(self) -> None:
        """Draw and say again what is under the cursor: a person has chosen something in it."""
        self.stage.redraw()
        self._show_words(self.controller.cursor)

    def _take_turns(self) -> None:
        """Have every panel brought up to date, one after the other."""
        self._turns_due = TURNS
        if not self._panels.isActive():
            self._panels.start(PANELS_MS // TURNS)

    @Slot()
    def _on_panels_due(self) -> None:
        if not self.controller.rushing or self.controller.trace is None:
            self._show_panels()
            return
        turn, self._turn = self._turn, (self._turn + 1) % TURNS
        self._turns_due -= 1
        if self._turns_due > 0:
            self._panels.start(PANELS_MS // TURNS)
        if turn == 0:
            self.bottom.grow()
            self.bottom.mark(self.controller.cursor)
        elif turn == 1:
            self._show_outlooks(self.controller.cursor)
        else:
            self._show_sentences(self.controller.cursor)

    def _show_nearest(self, index: int) -> None:
        """Show what is at hand at once; the half-step itself follows when it is computed."""
        assert self.controller.trace is not None
        near = self.controller.trace.nearest(index)
        self.stage.show(near)
        self.bottom.mark(index)
        words = f"Iteration {index // 2} is being computed again; this is iteration {near // 2}."
        self.heading.show_caption(words, phase_of(index))
        self.controller.fetch(index)

    @Slot(int)
    def _on_replayed(self, index: int) -> None:
        if index == self.controller.cursor:
            self.stage.show(index)
            self._show_words(index)

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        trace = self.controller.trace
        if self.left_out and not self.controller.rushing and self.dataset is not None:
            self.left_out = False
            self.stage.redraw()
        if self._rushed and not self.controller.rushing:
            self._show_panels()
        if state is RunState.FINISHED and trace is not None:
            self._show_words(self.controller.cursor)
        else:
            self._show_onward()

    @Slot(str, str)
    def _on_failed(self, sentence: str, report: str) -> None:
        self.notify(sentence)
        if report:
            crash.tell(sentence, report)

    @Slot(object)
    def _on_picture_failed(self, error: Exception) -> None:
        self.controller.pause()
        self.notify("This half-step could not be drawn, so EM was paused; the others may be.")
        crash.report(error)

    # -- two runs side by side ---------------------------------------------------------------

    @property
    def lockstep(self) -> Lockstep:
        """The comparison of this run with another; made when it is first asked for."""
        if self._lockstep is None:
            from em_explorer.ui.lockstep import Lockstep

            self._lockstep = Lockstep(self)
            self._lockstep.changed.connect(self.comparison_changed)
        return self._lockstep

    @property
    def comparing(self) -> bool:
        """Whether two runs are on the screen."""
        return self._lockstep is not None and self._lockstep.is_open

    def compare_with(self, record: RunRecord) -> bool:
        """Show another run of the same data beside this one; both follow one cursor."""
        return self.lockstep.open(record)

    def end_comparison(self) -> None:
        """Show one run again."""
        if self._lockstep is not None:
            self._lockstep.close()

    @Slot(object)
    def _on_story_shown(self, story: Story) -> None:
        """Open the comparison that a story asks for; end one that another left."""
        wanted = str(story.view.get("compare", ""))
        if wanted:
            self.lockstep.open_named(wanted)
        else:
            self.end_comparison()

    def close_run(self) -> None:
        """End the worker; called before the window goes."""
        if self._lockstep is not None:
            self._lockstep.shutdown()
        self.loading.cancel()
        self._panels.stop()
        self.stage.close()
        self.diagnosis.shutdown()
        self.controller.shutdown()
