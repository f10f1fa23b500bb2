"""The controller: one run being watched, its trace, the cursor on it, and the EM clock.

Two clocks run apart. The EM clock here grants steps to the worker; the frame clock in the
window draws the cursor's snapshot when something changed.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from em_explorer.em.steps import Model, Phase, RunOptions, Stop, StopReason, em_steps
from em_explorer.em.trace import MEGABYTE, Trace, phase_of
from em_explorer.models.backend import Backend
from em_explorer.session.replaying import LOOK_BACK, Replayer
from em_explorer.session.runs import going_on
from em_explorer.session.settings import load_settings
from em_explorer.session.threads import end_thread
from em_explorer.session.watching import WatchedModel
from em_explorer.session.worker import Worker

AS_FAST_AS_IT_GOES = math.inf
"""The speed at which the worker is never kept waiting."""

GRANT_SECONDS = 0.04
"""Work handed out at once when EM runs as fast as it goes. Two grants are under way, so the
worker outlasts a slow frame, and a pause is felt within a tenth of a second."""

REPLAY_AT_ONCE = 0.1
"""A thinned half-step that takes longer than this, in seconds, is computed in another thread."""

RUSH_SECONDS = 0.016
"""How often history is gone through, and the worker looked after, as fast as it goes."""

GRANTS_UNDER_WAY = 2
MOST_STEPS_GRANTED = 2000
MOST_WATCHED = 50
"""Steps granted at once while somebody wants to pause in time."""


class RunState(Enum):
    """What the transport shows."""

    EMPTY = "empty"
    READY = "ready"
    PLAYING = "playing"
    FINISHED = "finished"
    FAILED = "failed"


class Controller(QObject):
    """Hold one run: start it, grant it steps, move the cursor over its history.

    Signals
    -------
    loaded()
        A new run has replaced the one before; the trace holds its start.
    grown(length)
        The trace has more snapshots.
    cursor_changed(index)
        Another snapshot is to be looked at.
    state_changed(state)
    failed(sentence, report)
        The run raised; what was on the screen stays.
    broke(index, sentence)
        EM was paused where somebody wanted it to; see :attr:`Controller.checkpoint`.
    replayed(index)
        A half-step that was asked for with :meth:`fetch` is at hand again.
    """

    loaded = Signal()
    grown = Signal(int)
    cursor_changed = Signal(int)
    state_changed = Signal(object)
    failed = Signal(str, str)
    broke = Signal(int, str)
    replayed = Signal(int)

    _begin = Signal(int, object)
    _grant = Signal(int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trace: Trace | None = None
        self.run = RunOptions()
        self.cursor = 0
        self.run_id = 0
        self.speed = 2.0
        self.state = RunState.EMPTY
        self.checkpoint: Callable[[int], str | None] | None = None
        """Asked of every half-step passed while playing: why to pause there, or None."""
        self._watched: WatchedModel | None = None
        self._under_way = 0
        self._step_seconds = 0.01
        self._playing = False
        self._held = False  # at a breakpoint: what is still under way moves nothing
        self._to_the_end = False
        self._failed = False
        self._due = 0.0
        self._clock = QTimer(self)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self._tick)
        self._thread: QThread | None = None
        self._worker: Worker | None = None
        self._replayer = Replayer(self)
        self._replayer.came.connect(self._on_replayed)
        self._replayer.failed.connect(self._on_replay_failed)

    # -- a run begins and ends ---------------------------------------------------------------

    def load(
        self,
        model: Model,
        data: Any,
        params: Any,
        run: RunOptions | None = None,
        keep: Callable[[Any], Any] | None = None,
    ) -> None:
        """Replace the current run by a new one, paused at its start.

        Parameters
        ----------
        model : EMModel
        data : object
            From ``model.prepare``.
        params : object
            Initial parameters in the frame of ``data``.
        run : RunOptions, optional
        keep : callable, optional
            Takes the latent posterior of an E-step; what it returns is kept for :meth:`found`.
        """
        self._make_ready(model, run or RunOptions(), keep)
        steps = em_steps(self._watched or model, data, params, self.run)
        backend = getattr(model, "backend", Backend.REFERENCE)
        budget = max(load_settings().trace_megabytes, 1) * MEGABYTE
        self.trace = Trace(model, data, backend.value, budget)
        self.trace.append(next(steps))  # the start costs nothing: it is shown at once
        self._follow(steps, 0)

    def show(
        self,
        trace: Trace,
        run: RunOptions,
        keep: Callable[[Any], Any] | None = None,
        cursor: int | None = None,
    ) -> None:
        """Show a run of the past again; where it had not stopped, it can go on.

        Parameters
        ----------
        trace : Trace
        run : RunOptions
        keep : callable, optional
            See :meth:`load`.
        cursor : int, optional
            Where to look; the newest half-step by default.
        """
        self._make_ready(trace.model, run, keep)
        self.trace = trace
        ended = trace.stop is not None
        steps = iter(()) if ended else going_on(trace, run, self._watched)
        self._follow(steps, len(trace) - 1 if cursor is None else min(cursor, len(trace) - 1))

    def go_on(self, run: RunOptions, keep: Callable[[Any], Any] | None = None) -> None:
        """Let a run that has stopped go on from its last half-step, until ``run`` says so."""
        if self.trace is not None and self.trace.stop is not None:
            self.trace.stop = None
            self.show(self.trace, run, keep)

    def _make_ready(self, model: Model, run: RunOptions, keep: Callable[[Any], Any] | None) -> None:
        """Leave the run before behind."""
        self.pause()
        self._start_thread()
        self.run_id += 1
        self.run = run
        self._under_way = 0
        self._failed = self._held = False
        self._replayer.forget()
        self._watched = None if keep is None else WatchedModel(model, keep)

    def _follow(self, steps: Iterator[Any], cursor: int) -> None:
        """Hand the steps to come to the worker, and show what there is."""
        assert self.trace is not None
        self.cursor = cursor
        self._begin.emit(self.run_id, steps)
        self.loaded.emit()
        self._refresh_state()
        self.grown.emit(len(self.trace))
        self.cursor_changed.emit(cursor)

    def found(self, params: Any) -> Any:
        """Return what the worker kept of a late E-step's posterior, or None; see :meth:`load`."""
        return None if self._watched is None else self._watched.found(params)

    def stop(self) -> None:
        """End the run here, by the user's wish; its history stays."""
        if self.trace is None or self.trace.stop is not None:
            return
        self.pause()
        self.run_id += 1  # whatever the worker still sends belongs to the past
        self._under_way = 0
        self._begin.emit(self.run_id, iter(()))
        iteration = self.trace[-1].iteration
        self.trace.stop = Stop(
            StopReason.STOPPED, f"You stopped EM in iteration {iteration}.", iteration
        )
        self._refresh_state()

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes."""
        self.pause()
        self.run_id += 1
        self._replayer.shutdown()
        if self._thread is not None:
            end_thread(self._thread, self._worker)
            self._thread = None
            self._worker = None

    def _start_thread(self) -> None:
        if self._thread is not None:
            return
        self._thread = QThread(self)
        self._thread.setObjectName("em-worker")
        self._worker = Worker()
        self._worker.moveToThread(self._thread)
        self._thread.finished.connect(self._worker.deleteLater)
        self._begin.connect(self._worker.begin)
        self._grant.connect(self._worker.grant)
        self._worker.stepped.connect(self._hear_stepped)
        self._worker.granted.connect(self._hear_granted)
        self._worker.finished.connect(self._hear_finished)
        self._worker.failed.connect(self._hear_failed)
        self._thread.start()

    # -- what the transport asks for ---------------------------------------------------------

    @property
    def playing(self) -> bool:
        """True while the EM clock runs."""
        return self._playing

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

    @property
    def can_advance(self) -> bool:
        """True when there is a next half-step, in the history or to be computed."""
        if self.trace is None:
            return False
        return not self.at_end or (self.trace.stop is None and not self._failed)

    def step(self) -> None:
        """Go one half-step on: along the history, or by computing one."""
        self.pause()
        self._held = False
        # One more may wait behind the one under way: a key pressed twice counts twice.
        self._advance(GRANTS_UNDER_WAY)

    def back(self) -> None:
        """Look one half-step back."""
        self.pause()
        self.seek(self.position - 1)

    def rewind(self) -> None:
        """Go back to the same start; the history stays."""
        self.pause()
        self.seek(0)

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

    def play(self) -> None:
        """Let the EM clock run at the current speed."""
        if self._playing or not self.can_advance:
            return
        self._playing, self._held = True, False
        self._refresh_state()
        self._due = time.perf_counter()
        self._tick()

    def pause(self) -> None:
        """Stop granting; what the worker has under way still arrives."""
        self._clock.stop()
        self._to_the_end = False
        if self._playing:
            self._playing = False
            self._refresh_state()

    def toggle(self) -> None:
        """Play or pause."""
        if self._playing:
            self.pause()
        else:
            self.play()

    def run_to_end(self) -> None:
        """Go to the newest half-step and on from there as fast as it goes."""
        self.pause()
        if self.trace is not None:
            passed = self._first_break(self.cursor + 1)
            if passed is not None:
                self.seek(passed[0])
                self.broke.emit(*passed)
                return
            self.seek(len(self.trace) - 1)
        self._to_the_end = True
        self.play()

    def set_speed(self, half_steps_per_second: float) -> None:
        """Set the pace of playing; infinity is "as fast as it goes"."""
        self.speed = half_steps_per_second
        if self._playing:
            self._due = time.perf_counter() + self._period
            self._set_clock()

    # -- the EM clock ------------------------------------------------------------------------

    @property
    def rushing(self) -> bool:
        """True while half-steps come faster than anybody can follow: as fast as it goes."""
        return self._playing and self._flat_out

    @property
    def _flat_out(self) -> bool:
        return self._to_the_end or math.isinf(self.speed)

    @property
    def _period(self) -> float:
        """Seconds from one half-step to the next."""
        return RUSH_SECONDS if self._flat_out else 1.0 / self.speed

    def _set_clock(self) -> None:
        self._clock.start(max(0, round(1000.0 * (self._due - time.perf_counter()))))

    @Slot()
    def _tick(self) -> None:
        if not self._playing:
            return
        if not self.can_advance:
            self.pause()
            return
        if self._flat_out and self.at_end:
            self._keep_busy()
        elif self._under_way and self.at_end:
            return  # the half-step under way is late; the next begins when it has come
        elif not self.fetching:  # the cursor does not run away from what is shown
            self._advance()
        if self._playing:
            # From when it was due, not from now: lateness must not add up. Who has fallen behind
            # by more than a period does not hurry after.
            self._due = max(self._due, time.perf_counter() - self._period) + self._period
            self._set_clock()

    def _advance(self, room: int = 1) -> None:
        if self.trace is None:
            return
        if not self.at_end:
            self.seek(self.cursor + 1)
            sentence = self.checkpoint(self.cursor) if self.checkpoint and self._playing else None
            if sentence is not None:
                self.pause()
                self.broke.emit(self.cursor, sentence)
        elif self.trace.stop is None and not self._failed and self._under_way < room:
            self._send(1)

    def _keep_busy(self) -> None:
        while self._under_way < GRANTS_UNDER_WAY:
            steps = int(GRANT_SECONDS / max(self._step_seconds, 1e-9))
            most = MOST_STEPS_GRANTED if self.checkpoint is None else MOST_WATCHED
            self._send(max(1, min(steps, most)))

    def _send(self, steps: int) -> None:
        self._under_way += 1
        self._grant.emit(self.run_id, steps)

    # -- what the worker says ----------------------------------------------------------------

    # Qt calls these and no others: PySide6 runs a slot that overrides another one in the thread
    # of the sender.

    @Slot(int, object)
    def _hear_stepped(self, run_id: int, snapshots: tuple[Any, ...]) -> None:
        self._on_stepped(run_id, snapshots)

    @Slot(int, int, float)
    def _hear_granted(self, run_id: int, steps: int, seconds: float) -> None:
        self._on_granted(run_id, steps, seconds)

    @Slot(int, object)
    def _hear_finished(self, run_id: int, stop: Any) -> None:
        self._on_finished(run_id, stop)

    @Slot(int, str, str)
    def _hear_failed(self, run_id: int, sentence: str, report: str) -> None:
        self._on_failed(run_id, sentence, report)

    @Slot(int, object)
    def _on_stepped(self, run_id: int, snapshots: tuple[Any, ...]) -> None:
        if run_id != self.run_id or self.trace is None:
            return
        following, first = self.at_end and not self._held, len(self.trace)
        for snapshot in snapshots:
            self.trace.append(snapshot)
        self.grown.emit(len(self.trace))
        if not following:
            return
        passed = self._first_break(first) if self._playing else None
        self.cursor = len(self.trace) - 1 if passed is None else passed[0]
        if passed is not None:
            self.pause()
        self.cursor_changed.emit(self.cursor)
        if passed is not None:
            self._held = True
            self._refresh_state()
            self.broke.emit(*passed)

    def _first_break(self, first: int) -> tuple[int, str] | None:
        """Return the first half-step from ``first`` on at which to pause, and why."""
        if self.checkpoint is None or self.trace is None:
            return None
        for index in range(first, len(self.trace)):
            sentence = self.checkpoint(index)
            if sentence is not None:
                return index, sentence
        return None

    @Slot(int, int, float)
    def _on_granted(self, run_id: int, steps: int, seconds: float) -> None:
        if run_id != self.run_id:
            return
        self._under_way = max(0, self._under_way - 1)
        if steps:
            # Half old, half new: one odd step must not swing the size of the grants.
            self._step_seconds = 0.5 * self._step_seconds + 0.5 * seconds / steps
            if self.trace is not None:
                self.trace.seconds_per_step = 2.0 * self._step_seconds
        if self._playing and self._flat_out and self.can_advance and self.at_end:
            self._keep_busy()
        if self._playing and not self._clock.isActive():
            self._set_clock()
        self._refresh_state()

    @Slot(int, object)
    def _on_finished(self, run_id: int, stop: Any) -> None:
        if run_id != self.run_id or self.trace is None:
            return
        self.trace.stop = stop
        if self.at_end:
            self.pause()
        self._refresh_state()

    @Slot(int, str, str)
    def _on_failed(self, run_id: int, sentence: str, report: str) -> None:
        if run_id != self.run_id:
            return
        self._failed = True
        self.pause()
        self._refresh_state()
        self.failed.emit(sentence, report)

    def _refresh_state(self) -> None:
        if self.trace is None:
            state = RunState.EMPTY
        elif self._playing:
            state = RunState.PLAYING
        elif self._failed and self.at_end:
            state = RunState.FAILED
        elif self.trace.stop is not None and self.at_end:
            state = RunState.FINISHED
        else:
            state = RunState.READY
        self.state = state
        self.state_changed.emit(state)

    @property
    def next_phase(self) -> Phase | None:
        """The half-step the step button would take, or None at the end."""
        if self.trace is None or not self.can_advance:
            return None
        return phase_of(self.position + 1)

    # -- half-steps that were thinned out of the history -------------------------------------

    def at_hand(self, index: int, back: int = LOOK_BACK) -> bool:
        """Whether a half-step and the ``back`` ones before it can be looked at without waiting."""
        return self.trace is None or self.trace.cost(index, back) <= REPLAY_AT_ONCE

    def fetch(self, index: int) -> None:
        """Compute a half-step that is not at hand; ``replayed`` says when it is."""
        if self.trace is not None:
            self._replayer.fetch(self.run_id, self.trace, index)

    @property
    def fetching(self) -> bool:
        """True while a half-step asked for is being computed."""
        return self._replayer.wanted is not None

    @Slot(int, int)
    def _on_replayed(self, run_id: int, index: int) -> None:
        if run_id == self.run_id:
            self.replayed.emit(index)

    @Slot(object)
    def _on_replay_failed(self, error: Exception) -> None:
        report = "".join(traceback.format_exception(error))
        self.failed.emit(f"The half-step could not be computed again: {error}.", report)
