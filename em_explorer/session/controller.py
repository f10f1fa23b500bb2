"""The controller: one run being watched, its trace, the cursor on it, and the EM clock.

Two clocks run apart. The EM clock here grants steps to the worker; the frame clock in the
window draws the cursor's snapshot when something changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from em_explorer.em.steps import Model, Phase, RunOptions, Stop, StopReason, em_steps
from em_explorer.em.trace import MEGABYTE, Trace, phase_of
from em_explorer.models.backend import Backend
from em_explorer.session.em_clock import EmClock
from em_explorer.session.runs import going_on
from em_explorer.session.settings import load_settings
from em_explorer.session.trace_cursor import TraceCursor
from em_explorer.session.watching import Look, WatchedModel
from em_explorer.session.worker_link import GRANTS_UNDER_WAY, WorkerLink

RUSH_SECONDS = 0.016
"""How often history is gone through, and the worker looked after, as fast as it goes."""

MOST_WATCHED = 50
"""Steps granted at once while somebody wants to pause in time."""


class RunState(Enum):
    """What the transport shows."""

    EMPTY = "empty"
    READY = "ready"
    PLAYING = "playing"
    FINISHED = "finished"
    FAILED = "failed"


class Controller(TraceCursor):
    """Hold one run: start it, grant it steps, move the cursor over its history.

    Signals
    -------
    loaded()
        A new run has replaced the one before; the trace holds its start.
    grown(length)
        The trace has more snapshots.
    state_changed(state)
    failed(sentence, report)
        The run raised, or a replay; what was on the screen stays.
    broke(index, sentence)
        EM was paused where somebody wanted it to; see :attr:`Controller.checkpoint`.
    """

    loaded = Signal()
    grown = Signal(int)
    state_changed = Signal(object)
    broke = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run = RunOptions()
        self.speed = 2.0
        self.state = RunState.EMPTY
        self.checkpoint: Callable[[int], str | None] | None = None
        """Asked of every half-step passed while playing: why to pause there, or None."""
        self._watched: WatchedModel | None = None
        self._playing = False
        self._held = False  # at a breakpoint: what is still under way moves nothing
        self._to_the_end = False
        self._failed = False
        self._clock = EmClock(self)
        self._clock.beat.connect(self._tick)
        self._link = link = WorkerLink(self)
        link.stepped.connect(self._on_stepped)
        link.granted.connect(self._on_granted)
        link.finished.connect(self._on_finished)
        link.failed.connect(self._on_failed)

    # -- a run begins and ends ---------------------------------------------------------------

    def load(
        self,
        model: Model,
        data: Any,
        params: Any,
        run: RunOptions | None = None,
        keep: Look | None = None,
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
        keep : Look, optional
            Does an E-step and says what to keep of its posterior for :meth:`found`.
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
        keep: Look | None = None,
        cursor: int | None = None,
    ) -> None:
        """Show a run of the past again; where it had not stopped, it can go on.

        Parameters
        ----------
        trace : Trace
        run : RunOptions
        keep : Look, optional
            See :meth:`load`.
        cursor : int, optional
            Where to look; the newest half-step by default.
        """
        self._make_ready(trace.model, run, keep)
        self.trace = trace
        ended = trace.stop is not None
        steps = iter(()) if ended else going_on(trace, run, self._watched)
        self._follow(steps, len(trace) - 1 if cursor is None else min(cursor, len(trace) - 1))

    def go_on(self, run: RunOptions, keep: Look | None = None) -> None:
        """Let a run that has stopped go on from its last half-step, until ``run`` says so."""
        if self.trace is not None and self.trace.stop is not None:
            self.trace.stop = None
            self.show(self.trace, run, keep)

    def _make_ready(self, model: Model, run: RunOptions, keep: Look | None) -> None:
        """Leave the run before behind."""
        self.pause()
        self._link.start_thread()
        self.run_id = self._link.forget()
        self.run = run
        self._failed = self._held = False
        self._replayer.forget()
        self._watched = None if keep is None else WatchedModel(model, keep)

    def _follow(self, steps: Iterator[Any], cursor: int) -> None:
        """Hand the steps to come to the worker, and show what there is."""
        assert self.trace is not None
        self.cursor = cursor
        self._link.begin(steps)
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
        self.run_id = self._link.forget()  # what the worker still sends belongs to the past
        self._link.begin(iter(()))
        iteration = self.trace[-1].iteration
        self.trace.stop = Stop(
            StopReason.STOPPED, f"You stopped EM in iteration {iteration}.", iteration
        )
        self._refresh_state()

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes."""
        self.pause()
        self._replayer.shutdown()
        self._link.shutdown()

    # -- what the transport asks for ---------------------------------------------------------

    @property
    def playing(self) -> bool:
        """True while the EM clock runs."""
        return self._playing

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

    def play(self) -> None:
        """Let the EM clock run at the current speed."""
        if self._playing or not self.can_advance:
            return
        self._playing, self._held = True, False
        self._refresh_state()
        self._clock.begin()
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
            self._clock.begin()
            self._clock.set_next(self._period)

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

    @Slot()
    def _tick(self) -> None:
        if not self._playing:
            return
        if not self.can_advance:
            self.pause()
            return
        if self._flat_out and self.at_end:
            self._keep_busy()
        elif self._link.under_way and self.at_end:
            return  # the half-step under way is late; the next begins when it has come
        elif not self.fetching:  # the cursor does not run away from what is shown
            self._advance()
        if self._playing:
            self._clock.set_next(self._period)

    def _advance(self, room: int = 1) -> None:
        if self.trace is None:
            return
        if not self.at_end:
            self.seek(self.cursor + 1)
            sentence = self.checkpoint(self.cursor) if self.checkpoint and self._playing else None
            if sentence is not None:
                self.pause()
                self.broke.emit(self.cursor, sentence)
        elif self.trace.stop is None and not self._failed and self._link.under_way < room:
            self._link.send(1)

    def _keep_busy(self) -> None:
        while self._link.under_way < GRANTS_UNDER_WAY:
            watched = self.checkpoint is not None
            self._link.send(self._link.stride(MOST_WATCHED) if watched else self._link.stride())

    # -- what the worker says ----------------------------------------------------------------

    def _on_stepped(self, snapshots: tuple[Any, ...]) -> None:
        if self.trace is None:
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

    def _on_granted(self, steps: int) -> None:
        if steps and self.trace is not None:
            self.trace.seconds_per_step = 2.0 * self._link.step_seconds
        if self._playing and self._flat_out and self.can_advance and self.at_end:
            self._keep_busy()
        if self._playing and not self._clock.is_set:
            self._clock.set()
        self._refresh_state()

    def _on_finished(self, stop: Any) -> None:
        if self.trace is None:
            return
        self.trace.stop = stop
        if self.at_end:
            self.pause()
        self._refresh_state()

    def _on_failed(self, sentence: str, report: str) -> None:
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
