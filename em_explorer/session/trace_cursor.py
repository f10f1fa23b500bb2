"""A run's history, the place in it that is looked at, and what was thinned out of it."""

from __future__ import annotations

import traceback

from PySide6.QtCore import QObject, Signal, Slot

from em_explorer.em.trace import Trace
from em_explorer.session.replaying import LOOK_BACK, Replayer

REPLAY_AT_ONCE = 0.1
"""A thinned half-step that takes longer than this, in seconds, is computed in another thread."""


class TraceCursor(QObject):
    """Hold a trace and a cursor on it.

    Signals
    -------
    cursor_changed(index)
        Another snapshot is to be looked at.
    replayed(index)
        A half-step that was asked for with :meth:`fetch` is at hand again.
    failed(sentence, report)
        It could not be computed again; what was on the screen stays.
    """

    cursor_changed = Signal(int)
    replayed = Signal(int)
    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trace: Trace | None = None
        self.cursor = 0
        self.run_id = 0
        self._replayer = Replayer(self)
        self._replayer.came.connect(self._on_replayed)
        self._replayer.failed.connect(self._on_replay_failed)

    @property
    def position(self) -> int:
        """The half-step looked at; beyond the cursor where a run beside this one lasts longer."""
        return self.cursor

    @property
    def reach(self) -> int:
        """The last half-step that can be looked at without computing any."""
        return 0 if self.trace is None else len(self.trace) - 1

    @property
    def at_end(self) -> bool:
        """True when the cursor is on the newest snapshot."""
        return self.trace is None or self.cursor >= len(self.trace) - 1

    def seek(self, index: int) -> None:
        """Put the cursor on a half-step of the history."""
        if self.trace is None:
            return
        index = max(0, min(index, len(self.trace) - 1))
        if index != self.cursor:
            self._replayer.forget()  # whoever looks here and finds it missing will ask again
            self.cursor = index
            self.cursor_changed.emit(index)
            self._refresh_state()

    def _refresh_state(self) -> None:
        """Say what follows from where the cursor is."""

    # -- half-steps that were thinned out of the history -------------------------------------

    def at_hand(self, index: int, back: int = LOOK_BACK) -> bool:
        """Whether a half-step and the ``back`` ones before it can be looked at without waiting."""
        return self.trace is None or self.trace.cost(index, back) <= REPLAY_AT_ONCE

    def fetch(self, index: int) -> None:
        """Compute a half-step that is not at hand; ``replayed`` says when it is."""
        if self.trace is not None:
            self._replayer.fetch(self.trace, index)

    @property
    def fetching(self) -> bool:
        """True while a half-step asked for is being computed."""
        return self._replayer.wanted is not None

    @Slot(object, int)
    def _on_replayed(self, trace: Trace, index: int) -> None:
        if trace is self.trace:
            self.replayed.emit(index)

    @Slot(object)
    def _on_replay_failed(self, error: Exception) -> None:
        report = "".join(traceback.format_exception(error))
        self.failed.emit(f"The half-step could not be computed again: {error}.", report)
