"""Compute half-steps that were thinned out of a trace again, behind the window's back."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from em_explorer.em.trace import Trace
from em_explorer.session.making import Maker

LOOK_BACK = 3
"""Half-steps before the cursor's that its picture and its words compare it with."""


class Replayer(QObject):
    """Replay one half-step at a time; the newest wish counts.

    A wish that takes the place of another cuts that one short; the steps it had taken stay in
    the trace, so nothing is done twice.

    Signals
    -------
    came(trace, index)
        The half-step, with the ones before it, is in the trace.
    failed(error)
    """

    came = Signal(object, int)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wish: tuple[Trace, int] | None = None
        self._under_way: Trace | None = None
        self._enough = threading.Event()
        self._maker = Maker("em-replay", self)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(self._on_failed)

    @property
    def wanted(self) -> int | None:
        """The half-step that is being computed, or None."""
        return None if self._wish is None else self._wish[1]

    def fetch(self, trace: Trace, index: int) -> None:
        """Ask for a half-step of a trace; the wish before is forgotten."""
        if self._wish == (trace, index):
            return
        self._wish = trace, index
        if self._under_way is None:
            self._begin()
        else:
            self._enough.set()

    def forget(self) -> None:
        """Drop the wish; a replay under way ends with the step it is in."""
        self._wish = None
        self._enough.set()

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes."""
        self.forget()
        self._maker.shutdown()

    def _begin(self) -> None:
        assert self._wish is not None
        trace, index = self._wish
        replay = trace.replay(index, LOOK_BACK)
        if replay is None:
            self._wish = None
            self.came.emit(trace, index)
            return
        self._under_way = trace
        self._enough = threading.Event()
        self._maker.start(partial(replay.run, cancelled=self._enough.is_set))

    @Slot(object)
    def _on_made(self, replayed: Any) -> None:
        trace, self._under_way = self._under_way, None
        assert trace is not None
        trace.remember(replayed)
        if self._wish is not None:
            self._begin()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._under_way = None
        self._wish = None
        self.failed.emit(error)
