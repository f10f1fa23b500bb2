"""Long work behind the window's back: one thread, one job at a time, progress and cancel.

A job is a generator of :class:`~em_explorer.em.progress.Progress`; what it returns is its result.
Between two values it can be cancelled, and every message carries the job's id, so that nothing a
job of the past still says is taken for news.
"""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.progress import Job
from em_explorer.session.threads import end_thread, give_way, share_the_machine

TELL_SECONDS = 0.05
"""So often a job is heard of: more could not be read, and each message costs the window time."""


class _Laborer(QObject):
    """Does the job it is sent, in the thread it lives in."""

    advanced = Signal(int, float, str, object)
    over = Signal(int, str, object)

    @Slot(int, object, object)
    def work(self, number: int, job: Job[Any], cancelled: threading.Event) -> None:
        """Iterate a job to its end, or until it is cancelled."""
        share_the_machine()
        give_way()
        partials: list[Any] = []
        told = 0.0
        share, words = 0.0, ""
        try:
            while not cancelled.is_set() and not QThread.currentThread().isInterruptionRequested():
                try:
                    progress = next(job)
                except StopIteration as end:
                    self.advanced.emit(number, 1.0, words, tuple(partials))
                    self.over.emit(number, "finished", end.value)
                    return
                share, words = progress.share, progress.words
                if progress.partial is not None:
                    partials.append(progress.partial)
                now = time.perf_counter()
                if now - told >= TELL_SECONDS:
                    self.advanced.emit(number, share, words, tuple(partials))
                    partials, told = [], now
            job.close()
        except (DataError, SingularError) as error:
            self.over.emit(number, "failed", (str(error), ""))
        except Exception as error:  # whatever a model does wrong, the window lives on
            sentence = f"The work could not be done: {error or type(error).__name__}."
            self.over.emit(number, "failed", (sentence, traceback.format_exc()))
        else:
            if partials:
                self.advanced.emit(number, share, words, tuple(partials))
            self.over.emit(number, "cancelled", None)


class JobRunner(QObject):
    """Do one job at a time in a thread of low priority; a new job takes the place of the old.

    The thread begins with the first job.

    Signals
    -------
    advanced(job_id, share, words, partials)
        How far it has come, with the parts of the result completed since the last message.
    finished(job_id, result)
    cancelled(job_id)
        It was ended early; nothing more comes of it.
    failed(job_id, sentence, report)
        It raised; ``report`` is the traceback, empty when the sentence says it all.
    """

    advanced = Signal(int, float, str, object)
    finished = Signal(int, object)
    cancelled = Signal(int)
    failed = Signal(int, str, str)

    _work = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job_id = 0
        self.busy = False
        self._enough = threading.Event()
        self._closed = False
        self._thread: QThread | None = None
        self._laborer: _Laborer | None = None

    def start(self, job: Job[Any]) -> int:
        """Begin a job, which may touch no widget; the one under way is cancelled.

        Returns
        -------
        int
            The job's id; -1 when the runner has been shut down.
        """
        if self._closed:
            return -1
        self.cancel()
        if self._thread is None:
            self._begin()
        self.job_id += 1
        self.busy = True
        self._enough = threading.Event()
        self._work.emit(self.job_id, job, self._enough)
        return self.job_id

    def cancel(self) -> None:
        """End the job under way at its next value; what it has told stays."""
        self._enough.set()
        if self.busy:
            self.busy = False
            self.cancelled.emit(self.job_id)

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes. Later jobs are ignored."""
        self._closed = True
        self.busy = False
        self._enough.set()
        if self._thread is not None:
            end_thread(self._thread, self._laborer)
            self._thread = None
            self._laborer = None

    def _begin(self) -> None:
        self._thread = QThread(self)
        self._thread.setObjectName("lab")
        self._laborer = _Laborer()
        self._laborer.moveToThread(self._thread)
        self._thread.finished.connect(self._laborer.deleteLater)
        self._work.connect(self._laborer.work, Qt.ConnectionType.QueuedConnection)
        self._laborer.advanced.connect(self._on_advanced, Qt.ConnectionType.QueuedConnection)
        self._laborer.over.connect(self._on_over, Qt.ConnectionType.QueuedConnection)
        self._thread.start(QThread.Priority.LowPriority)

    def _current(self, number: int) -> bool:
        return self.busy and number == self.job_id

    @Slot(int, float, str, object)
    def _on_advanced(self, number: int, share: float, words: str, partials: Any) -> None:
        if self._current(number):
            self.advanced.emit(number, share, words, partials)

    @Slot(int, str, object)
    def _on_over(self, number: int, outcome: str, answer: Any) -> None:
        if not self._current(number):
            return
        self.busy = False
        if outcome == "finished":
            self.finished.emit(number, answer)
        elif outcome == "failed":
            self.failed.emit(number, *answer)
        else:
            self.cancelled.emit(number)
