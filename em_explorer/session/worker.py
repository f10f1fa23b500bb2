"""The worker: advances an iterator of snapshots when it is granted steps, and says what came.

It owns no flags, sleeps or locks and knows no widget. Pausing is not granting. Every message
carries the run's id, so that whoever listens can drop what belongs to a run of the past.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal, Slot

from em_explorer.em.errors import DataError
from em_explorer.session.threads import give_way, share_the_machine

TELL_SECONDS = 0.004
"""Half-steps quicker than this are told of together: each message costs the window time."""


class Worker(QObject):
    """Run EM half-steps in the thread this object lives in.

    Signals
    -------
    stepped(run_id, snapshots)
        Half-steps are done, in order: one, or several quick ones together.
    granted(run_id, steps, seconds)
        A grant is used up (or the run ended during it); ``seconds`` were spent inside steps.
    finished(run_id, stop)
        The iterator ended by itself.
    failed(run_id, sentence, report)
        It raised. ``report`` is the traceback, empty when the sentence says it all.
    """

    stepped = Signal(int, object)
    granted = Signal(int, int, float)
    finished = Signal(int, object)
    failed = Signal(int, str, str)

    def __init__(self) -> None:
        super().__init__()
        self._run_id = -1
        self._steps: Iterator[Any] | None = None
        self._untold: list[Any] = []
        self._told = 0.0

    @Slot(int, object)
    def begin(self, run_id: int, steps: Iterator[Any]) -> None:
        """Take over a new run; the one before is forgotten."""
        give_way()
        share_the_machine()  # here, because looking for BLAS takes a frame
        self._run_id = run_id
        self._steps = steps

    @Slot(int, int)
    def grant(self, run_id: int, steps: int) -> None:
        """Advance by up to ``steps`` half-steps, if the run is still the current one."""
        if run_id != self._run_id:
            return
        begun = self._told = time.perf_counter()
        done = 0
        thread = QThread.currentThread()
        while done < steps and self._steps is not None and not thread.isInterruptionRequested():
            self._advance(run_id)
            done += 1
        self._tell(run_id)
        self.granted.emit(run_id, done, time.perf_counter() - begun)

    def _advance(self, run_id: int) -> None:
        assert self._steps is not None
        try:
            snapshot = next(self._steps)
        except StopIteration as end:
            self._steps = None
            self._tell(run_id)
            self.finished.emit(run_id, end.value)
        except DataError as error:
            self._steps = None
            self._tell(run_id)
            self.failed.emit(run_id, str(error), "")
        except Exception as error:  # whatever a model does wrong, the window lives on
            self._steps = None
            self._tell(run_id)
            self.failed.emit(
                run_id, f"The step failed: {error or type(error).__name__}.", traceback.format_exc()
            )
        else:
            self._untold.append(snapshot)
            if snapshot.stop is not None:
                self._steps = None
                self._tell(run_id)
                self.finished.emit(run_id, snapshot.stop)
            elif time.perf_counter() - self._told >= TELL_SECONDS:
                self._tell(run_id)

    def _tell(self, run_id: int) -> None:
        if self._untold:
            snapshots, self._untold = tuple(self._untold), []
            self.stepped.emit(run_id, snapshots)
        self._told = time.perf_counter()
