"""The worker's thread as the run sees it: hand over steps, grant some, hear what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal, Slot

from em_explorer.session.threads import end_thread
from em_explorer.session.worker import Worker

GRANT_SECONDS = 0.04
"""Work handed out at once when EM runs as fast as it goes. Two grants are under way, so the
worker outlasts a slow frame, and a pause is felt within a tenth of a second."""

GRANTS_UNDER_WAY = 2
MOST_STEPS_GRANTED = 2000


class WorkerLink(QObject):
    """Drive one worker in a thread of its own; what belongs to a run of the past is not heard.

    Signals
    -------
    stepped(snapshots)
        Half-steps are done, in order.
    granted(steps)
        A grant is used up, after so many steps.
    finished(stop)
        The steps ended by themselves.
    failed(sentence, report)
    """

    stepped = Signal(object)
    granted = Signal(int)
    finished = Signal(object)
    failed = Signal(str, str)

    _begin = Signal(int, object)
    _grant = Signal(int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.under_way = 0
        self.step_seconds = 0.01
        self.thread_of_worker: QThread | None = None
        self.worker: Worker | None = None
        self._run_id = 0

    # -- asking ------------------------------------------------------------------------------

    def start_thread(self) -> None:
        """Make the thread, unless there is one."""
        if self.thread_of_worker is not None:
            return
        thread = self.thread_of_worker = QThread(self)
        thread.setObjectName("em-worker")
        worker = self.worker = Worker()
        worker.moveToThread(thread)
        thread.finished.connect(worker.deleteLater)
        self._begin.connect(worker.begin)
        self._grant.connect(worker.grant)
        worker.stepped.connect(self._on_stepped)
        worker.granted.connect(self._on_granted)
        worker.finished.connect(self._on_finished)
        worker.failed.connect(self._on_failed)
        thread.start()

    def forget(self) -> int:
        """Hear nothing more of the run so far; return the number of the one that is to come."""
        self._run_id += 1
        self.under_way = 0
        return self._run_id

    def begin(self, steps: Iterator[Any]) -> None:
        """Hand over the steps of a run."""
        self._begin.emit(self._run_id, steps)

    def send(self, steps: int) -> None:
        """Grant some steps."""
        self.under_way += 1
        self._grant.emit(self._run_id, steps)

    def stride(self, most: int = MOST_STEPS_GRANTED) -> int:
        """Return how many steps are worth a grant at the speed of the last ones."""
        return max(1, min(int(GRANT_SECONDS / max(self.step_seconds, 1e-9)), most))

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes."""
        self.forget()
        if self.thread_of_worker is not None:
            end_thread(self.thread_of_worker, self.worker)
            self.thread_of_worker = None
            self.worker = None

    # -- what the worker says ----------------------------------------------------------------

    # Nothing may override these: PySide6 runs a slot that overrides another one in the thread
    # of the sender.

    @Slot(int, object)
    def _on_stepped(self, run_id: int, snapshots: tuple[Any, ...]) -> None:
        if run_id == self._run_id:
            self.stepped.emit(snapshots)

    @Slot(int, int, float)
    def _on_granted(self, run_id: int, steps: int, seconds: float) -> None:
        if run_id != self._run_id:
            return
        self.under_way = max(0, self.under_way - 1)
        if steps:
            # Half old, half new: one odd step must not swing the size of the grants.
            self.step_seconds = 0.5 * self.step_seconds + 0.5 * seconds / steps
        self.granted.emit(steps)

    @Slot(int, object)
    def _on_finished(self, run_id: int, stop: Any) -> None:
        if run_id == self._run_id:
            self.finished.emit(stop)

    @Slot(int, str, str)
    def _on_failed(self, run_id: int, sentence: str, report: str) -> None:
        if run_id == self._run_id:
            self.failed.emit(sentence, report)
