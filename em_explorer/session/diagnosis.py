"""One run taken apart while it is watched: what is asked is found once and remembered.

Answers from the history cost next to nothing and come at once. Those that take passes over the
data, the gap after the newest M-step and the picture of the bound along a line, are worked out
in a thread of their own and announced; the newest wish counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from em_explorer.em.anatomy import Anatomy, Gauge, Parameter
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.diagnostics import (
    BoundParts,
    Change,
    Convergence,
    StillMoving,
    at_hand,
    bound_parts,
    changes,
    convergence,
    flat_but_moving,
    has_exact_posterior,
    predict_collapse,
    traces_of,
)
from em_explorer.em.line import BoundLine
from em_explorer.em.memory import Recent
from em_explorer.em.steps import RunOptions, Snapshot
from em_explorer.em.trace import Trace
from em_explorer.session.diagnosis_work import Found, Wish, step_of, work_out
from em_explorer.session.making import Maker

REMEMBERED = 64
"""Half-steps whose answers are remembered."""

MOST_TRACED = 256
"""Iterations drawn of a parameter's trace."""

STILL = 1e-6
"""A first step that moves nothing by more than this, in each one's own scale, stands still."""


class Diagnosis(QObject):
    """Answer questions about the run of one controller.

    Signals
    -------
    came()
        The thread has found something that was wanted.
    """

    came = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trace: Trace | None = None
        self.run = RunOptions()
        self._make: Callable[[], Anatomy] | None = None
        self._anatomy: Anatomy | None = None
        self._changes: Recent[tuple[Change, ...]] = Recent(2**24, least=REMEMBERED)
        self._gaps: Recent[float] = Recent(2**24, least=1, most=REMEMBERED)
        self._lines: Recent[BoundLine] = Recent(2**24, least=1, most=REMEMBERED)
        self._failed: set[Wish] = set()
        self._rest: float | None = None
        self._rows: dict[int, Floats] = {}
        self._alarm: tuple[int, StillMoving | None] | None = None
        self._collapse: tuple[int, tuple[Gauge, int] | None] | None = None
        self._wish: Wish | None = None
        self._enough = threading.Event()
        self._maker = Maker("diagnosis", self)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(self._on_failed)

    def follow(
        self, trace: Trace | None, run: RunOptions, anatomy: Callable[[], Anatomy] | None
    ) -> None:
        """Turn to another run; ``anatomy`` is called when it is first needed."""
        self._drop()
        self.trace, self.run = trace, run
        self._make, self._anatomy = anatomy, None
        self._changes = Recent(2**24, least=REMEMBERED)
        self._gaps = Recent(2**24, least=1, most=REMEMBERED)
        self._lines = Recent(2**24, least=1, most=REMEMBERED)
        self._failed, self._rest, self._rows = set(), None, {}
        self._alarm = self._collapse = None

    def shutdown(self) -> None:
        """End the thread; called once, before the window goes."""
        self._drop()
        self._maker.shutdown()

    def _drop(self) -> None:
        self._enough.set()
        self._maker.cancel()
        self._wish = None

    # -- at once ---------------------------------------------------------------------------

    @property
    def anatomy(self) -> Anatomy | None:
        """The anatomy of the run's model; None for a model that can't be taken apart."""
        if self._anatomy is None and self._make is not None:
            self._anatomy = self._make()
        return self._anatomy

    def knows(self, index: int, back: int = 0) -> bool:
        """Whether a half-step, and those before it, can be looked at without a replay."""
        return (
            self.trace is not None
            and 0 <= index < len(self.trace)
            and at_hand(self.trace, index, min(back, index))
        )

    def changes(self, index: int) -> tuple[Change, ...] | None:
        """Return what the M-step at ``index`` moved, most first; None at other half-steps."""
        if index < 2 or index % 2 or not self.knows(index, 1) or self.anatomy is None:
            return None
        assert self.trace is not None
        found = self._changes.get(index)
        if found is None:
            before, after = self.trace[index - 1].params, self.trace[index].params
            found = changes(self.anatomy, before, after)
            self._changes.put(index, found, 200 * len(found))
        return found

    def counts(self, index: int) -> tuple[tuple[Gauge, float | None], ...]:
        """Return the expected counts found by the E-step at ``index``, each with the one before."""
        if not index % 2 or not self.knows(index) or self.trace is None:
            return ()
        now = self._count_gauges(self.trace[index])
        earlier: tuple[Gauge, ...] = ()
        if index >= 3 and self.knows(index - 2):
            earlier = self._count_gauges(self.trace[index - 2])
        if len(earlier) != len(now):
            return tuple((gauge, None) for gauge in now)
        return tuple((g, b.value) for g, b in zip(now, earlier, strict=True))

    def _count_gauges(self, snapshot: Snapshot) -> tuple[Gauge, ...]:
        if self.anatomy is None:
            return ()
        found = self.anatomy.gauges(snapshot.params, snapshot.expectation)
        return tuple(gauge for gauge in found if gauge.kind == "count")

    def convergence(self, index: int) -> Convergence:
        """Judge the run by what was known at a half-step."""
        if self.trace is None:
            return Convergence()
        bounds = self.trace.half_step_bounds[1 : index + 1 : 2]
        n = self.trace.model.n_observations(self.trace.data)
        return convergence(bounds, self.run.tolerance, n)

    def alarm(self, index: int) -> StillMoving | None:
        """Return the parameter that moves most behind a flat curve, or None."""
        if index < 5 or self.trace is None or self.anatomy is None:
            return None
        if self._alarm is None or self._alarm[0] != index:
            self._alarm = index, flat_but_moving(self.trace, self.anatomy, index, self.run)
        return self._alarm[1]

    def gauges(self, index: int) -> tuple[Gauge, ...]:
        """Return the gauges of a half-step; none where it is not at hand."""
        if not self.knows(index) or self.anatomy is None:
            return ()
        assert self.trace is not None
        snapshot = self.trace[index]
        return self.anatomy.gauges(snapshot.params, snapshot.expectation)

    def collapse(self, index: int) -> tuple[Gauge, int] | None:
        """Return the gauge that will be the first to fail, and in how many iterations."""
        if index < 5 or not self.knows(index, 4):
            return None
        if self._collapse is None or self._collapse[0] != index:
            self._collapse = index, self._first_to_fail(index)
        return self._collapse[1]

    def _first_to_fail(self, index: int) -> tuple[Gauge, int] | None:
        rows = [self.gauges(i) for i in (index - 4, index - 2, index)]
        if len({len(row) for row in rows}) != 1:
            return None
        falling = []
        for gauges in zip(*rows, strict=True):
            left = predict_collapse([gauge.value for gauge in gauges], gauges[-1].fail)
            if left is not None and gauges[-1].value < gauges[-1].warn:
                falling.append((gauges[-1], left))
        return min(falling, key=lambda pair: pair[1], default=None)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that are followed, in the order of :meth:`traces`."""
        if self.trace is None or self.anatomy is None:
            return ()
        return self.anatomy.parameters(self.trace[0].params)

    def traces(self) -> tuple[Ints, Floats]:
        """Return the parameters along the run: iterations (n,), and values (n, P), data's units.

        A long run is thinned to a few hundred iterations, the newest always among them.
        """
        trace, anatomy = self.trace, self.anatomy
        if trace is None or anatomy is None:
            return np.empty(0, dtype=np.int64), np.empty((0, 0))
        last = max(len(trace) // 2 - 1, 0)
        stride = trace.stride
        while last // stride >= MOST_TRACED:
            stride *= 2
        wanted = sorted({*range(0, last + 1, stride), last})
        self._rows = {k: row for k, row in self._rows.items() if not k % stride}
        missing = [2 * k + 1 if k else 0 for k in wanted if k not in self._rows]
        found, values = traces_of(trace, anatomy, missing)
        for index, row in zip(found, values, strict=True):
            self._rows[int(index) // 2] = row
        known = [k for k in wanted if k in self._rows]
        rows = np.array([self._rows[k] for k in known]).reshape(len(known), -1)
        return np.array(known, dtype=np.int64), rows

    def values(self, index: int) -> Floats | None:
        """Return the parameters of one half-step, data's units; None where not at hand."""
        if self.trace is None or self.anatomy is None or not self.knows(index):
            return None
        return self.anatomy.values(self.trace[index].params)

    def scales(self) -> Floats:
        """Return what one unit of movement is for each parameter, at the newest E-step."""
        assert self.trace is not None
        assert self.anatomy is not None
        return self.anatomy.scales(self.trace.final.params)

    def parts(self, index: int) -> BoundParts | None:
        """Return what the bound of a half-step is made of; the gap once it is known."""
        if self.trace is None or not self.knows(index):
            return None
        parts = bound_parts(self.trace, index)
        gap = self._gaps.get(index)
        if parts is None or parts.gap is not None or gap is None:
            return parts
        likelihood = parts.bound + gap - parts.log_prior
        return replace(parts, gap=gap, log_likelihood=likelihood)

    @property
    def exact(self) -> bool:
        """Whether log p(X | θ) is within reach."""
        return self.trace is not None and has_exact_posterior(self.trace.model)

    # -- in the thread ---------------------------------------------------------------------

    def line(self, index: int) -> BoundLine | None:
        """Return the bound and the likelihood along the step ``index`` belongs to, if known."""
        return self._lines.get(step_of(index))

    def gave_up(self, index: int) -> bool:
        """Whether the picture of a half-step was tried in vain."""
        return any(wish.index == index and wish.line for wish in self._failed)

    @property
    def start_moves(self) -> float | None:
        """How far the first full step moves what it moves most, in its scale; None: unknown."""
        return self._rest

    @property
    def busy(self) -> bool:
        """Whether something is being worked out."""
        return self._wish is not None

    def want(self, index: int, *, line: bool = True, rest: bool = False) -> None:
        """Ask for what must be worked out for a half-step; ``came`` says when it is there."""
        trace = self.trace
        if trace is None or self.anatomy is None or not self.knows(index, 1):
            return
        newest_m = index > 0 and not index % 2 and index == len(trace) - 1
        wish = Wish(
            index,
            gap=self.exact and newest_m and index not in self._gaps,
            line=line and index > 0 and step_of(index) not in self._lines,
            rest=rest and index == 0 and self._rest is None,
        )
        if wish == self._wish or wish in self._failed or not (wish.gap or wish.line or wish.rest):
            return
        self._enough.set()
        self._enough = threading.Event()
        self._wish = wish
        first = trace[step_of(index)] if index else trace[0]
        second = trace[index + 1] if index % 2 and index + 1 < len(trace) else None
        second = trace[index] if index and not index % 2 else second
        job = partial(work_out, trace, self.anatomy, wish, first, second, self._enough.is_set)
        self._maker.start(job)

    @Slot(object)
    def _on_made(self, found: Found) -> None:
        if found.wish != self._wish:
            return
        self._wish = None
        index = found.wish.index
        if found.gap is not None:
            self._gaps.put(index, found.gap, 0)
        if found.line is not None:
            self._lines.put(step_of(index), found.line, 0)
        if found.moved is not None:
            self._rest = found.moved
        complete = (found.gap is not None) >= found.wish.gap
        if not complete or (found.line is None and found.wish.line):
            self._failed.add(found.wish)
        self.came.emit()

    @Slot(object)
    def _on_failed(self, _error: Exception) -> None:
        if self._wish is not None:
            self._failed.add(self._wish)
        self._wish = None
        self.came.emit()
