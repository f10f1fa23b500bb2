"""The runs of a tab, kept by name: what each began with, where it went, and why it stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from em_explorer.em.arrays import Floats
from em_explorer.em.progress import Job, Progress
from em_explorer.em.steps import (
    Model,
    Phase,
    RunOptions,
    Snapshot,
    Stop,
    StopReason,
    continue_steps,
    em_steps,
)
from em_explorer.em.trace import Trace

MOST_RUNS = 200

PAST_SHARE = 0.5
"""The part of the budget of memory that the histories of past runs may take."""

WORTH_KEEPING = 3
"""A run with fewer half-steps was only looked at."""


@dataclass(eq=False)
class RunRecord:
    """One run.

    Attributes
    ----------
    number : int
        From 1, never given twice.
    name : str
        "Run 1", or what the user calls it.
    how : str
        What its start was: "k-means++, seed 7", "branch of Run 1".
    kind : str
        Which algorithm: "EM", "k-means", "SQUAREM".
    model, data : object
    start : object
        Initial parameters, in the frame of ``data``.
    run : RunOptions
    trace : Trace or None
        None when its history had to make room; its bounds stay.
    setting : object
        What the window needs to show it again.
    parent : RunRecord or None
        The run it branched off from.
    offset : int
        Iterations from the root of its tree to its start.
    """

    number: int
    name: str
    how: str
    kind: str
    model: Model
    data: Any
    start: Any
    run: RunOptions
    trace: Trace | None
    setting: Any = None
    parent: RunRecord | None = None
    offset: int = 0
    renamed: bool = False
    _bounds: Floats | None = None
    _stop: Stop | None = None

    @property
    def bounds(self) -> Floats:
        """The bound at each E-step, nats."""
        if self.trace is not None:
            return self.trace.half_step_bounds[1::2]
        return np.empty(0) if self._bounds is None else self._bounds

    @property
    def log_likelihood(self) -> float | None:
        """The bound at the last E-step, nats; None before the first."""
        bounds = self.bounds
        return float(bounds[-1]) if len(bounds) else None

    @property
    def n_iter(self) -> int:
        """Full steps taken."""
        return max(len(self.bounds) - 1, 0)

    @property
    def root(self) -> RunRecord:
        """The run at the beginning of its tree."""
        return self if self.parent is None else self.parent.root

    def begins_after(self, other: RunRecord) -> int:
        """Return how many iterations after another's start it began.

        Runs of one tree are laid so that both futures of a branch begin where they part; others
        share nothing but the beginning.
        """
        return self.offset - other.offset if self.root is other.root else 0

    @property
    def stop(self) -> Stop | None:
        """Why it stopped; None while it can go on."""
        return self._stop if self.trace is None else self.trace.stop

    def forget_history(self) -> None:
        """Let the half-steps go and keep their numbers."""
        if self.trace is not None:
            self._bounds, self._stop = self.bounds.copy(), self.trace.stop
            self.trace = None


class RunList(QObject):
    """The runs of one tab, the newest last.

    Signals
    -------
    changed()
        A run came, went, or has another name.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.records: list[RunRecord] = []
        self.current: RunRecord | None = None
        self._number = 0

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def begin(
        self,
        trace: Trace,
        run: RunOptions,
        how: str,
        *,
        kind: str = "EM",
        parent: RunRecord | None = None,
        at: int = 0,
        setting: Any = None,
    ) -> RunRecord:
        """Add the run that has begun and make it the current one.

        Parameters
        ----------
        trace : Trace
            With its start.
        run : RunOptions
        how : str
        kind : str
        parent : RunRecord, optional
            The run it branches off from, at iteration ``at``.
        at : int
        setting : object
        """
        self._let_go_of_unused(parent)
        record = self._new(trace, run, how, kind, setting)
        record.parent, record.offset = parent, (parent.offset + at if parent is not None else 0)
        self.current = record
        self._make_room(trace)
        self.changed.emit()
        return record

    def add(self, trace: Trace, run: RunOptions, how: str, kind: str, setting: Any) -> RunRecord:
        """Add a run that was done elsewhere; the current one stays."""
        record = self._new(trace, run, how, kind, setting)
        self.changed.emit()
        return record

    def show(self, record: RunRecord) -> None:
        """Make a run of the past the current one."""
        if record is not self.current:
            self._let_go_of_unused(record)
            self.current = record
            self.changed.emit()

    def rename(self, record: RunRecord, name: str) -> None:
        """Give a run another name; an empty one changes nothing."""
        name = name.strip()
        if name and name != record.name:
            record.name, record.renamed = name, True
            self.changed.emit()

    def remove(self, record: RunRecord) -> None:
        """Forget a run; the current one stays."""
        if record is not self.current and record in self.records:
            self.records.remove(record)
            self.changed.emit()

    def _new(self, trace: Trace, run: RunOptions, how: str, kind: str, setting: Any) -> RunRecord:
        self._number += 1
        name = f"Run {self._number}" if kind == "EM" else f"{kind} {self._number}"
        start = trace[0].params
        record = RunRecord(
            self._number, name, how, kind, trace.model, trace.data, start, run, trace, setting
        )
        self.records.append(record)
        return record

    def _let_go_of_unused(self, wanted: RunRecord | None) -> None:
        """Drop the current run if nobody has taken a step in it: it was only looked at."""
        now = self.current
        if now is None or now is wanted or now.renamed or now.trace is None:
            return
        if len(now.trace) < WORTH_KEEPING and not any(r.parent is now for r in self.records):
            self.records.remove(now)
            if now.number == self._number:
                self._number -= 1

    def _make_room(self, trace: Trace) -> None:
        """Keep the histories of the past within their share of memory, the newest first."""
        room = PAST_SHARE * trace.budget
        for record in reversed(self.records):
            if record is self.current or record.trace is None:
                continue
            room -= record.trace.nbytes
            if room < 0:
                record.forget_history()
        past = [record for record in self.records if record is not self.current]
        for record in past[: max(len(self.records) - MOST_RUNS, 0)]:
            self.records.remove(record)


def going_on(
    trace: Trace, run: RunOptions, model: Model | None = None
) -> Generator[Snapshot, None, Stop]:
    """Return the half-steps that follow on a trace, as the run that made it would take them.

    Parameters
    ----------
    trace : Trace
        With its start at least.
    run : RunOptions
        ``max_iter`` counts from the beginning of the trace.
    model : EMModel, optional
        Stands for the trace's own, which it must equal in all but what it leaves behind.
    """
    model, data, last = model or trace.model, trace.data, trace.final
    if last.phase is Phase.START:
        steps = em_steps(model, data, last.params, run)
        skip = 1
    else:
        if last.iteration >= run.max_iter:
            return _at_the_limit(run)
        steps = continue_steps(model, data, replace(last, stop=None), run)
        skip = len(trace) % 2  # an M-step that has come already
    for _ in range(skip):
        next(steps)
    return (yield from steps)


def _at_the_limit(run: RunOptions) -> Stop:
    return Stop(
        StopReason.ITERATION_LIMIT,
        f"EM took all {run.max_iter} iterations it was allowed and had not converged.",
        run.max_iter,
    )


GOES_ON = (StopReason.CONVERGED, StopReason.ITERATION_LIMIT, StopReason.STOPPED)
"""After these EM can be asked for more."""

FINER = 100.0
"""How much smaller the tolerance is for a run that had converged."""

MORE = 200
"""Full steps allowed beyond those taken, at least."""


def asking_for_more(run: RunOptions, stop: Stop) -> RunOptions:
    """Return when to stop instead, so that a run that has stopped can go on."""
    tolerance = run.tolerance
    if stop.reason is StopReason.CONVERGED:
        # As it is written on the form: 1e-12, not what the division of binary fractions gives.
        tolerance = float(f"{tolerance / FINER:.6g}")
    # Below this the gain of a step drowns in rounding.
    tolerance = 0.0 if 0 < tolerance < 1e-15 else tolerance
    return RunOptions(max(run.max_iter, stop.iteration + max(MORE, stop.iteration)), tolerance)


def run_to_the_end(
    model: Model, data: Any, params: Any, run: RunOptions, words: str, budget: int
) -> Job[Trace]:
    """Run EM (or a rival of it) to its end and hand over the trace."""
    trace = Trace(model, data, budget=budget)
    steps = em_steps(model, data, params, run)
    while True:
        try:
            snapshot = next(steps)
        except StopIteration as end:
            trace.stop = end.value
            return trace
        trace.append(snapshot)
        yield Progress(0.9 * (1.0 - 0.98**snapshot.iteration), words)
