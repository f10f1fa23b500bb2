"""What a diagnosis leaves to its thread: the gap, the picture of the bound, a start that rests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Anatomy
from em_explorer.em.arrays import Floats
from em_explorer.em.diagnostics import bound_gap, changes
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.line import BoundLine, bound_line
from em_explorer.em.steps import Phase, Snapshot
from em_explorer.em.trace import Trace

LINE_FROM, LINE_TO = -0.5, 2.0

LINE_STEPS = (0.05, 0.125, 0.25)
"""How finely the line is drawn: each point is a pass over the data."""

LINE_SECONDS = 1.0
"""A line that would take longer is drawn less finely."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the thread is to work out for one half-step.

    Attributes
    ----------
    index : int
    gap, line, rest : bool
        The gap at an M-step; the picture of the bound; whether the start stands still.
    """

    index: int
    gap: bool
    line: bool
    rest: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What the thread has worked out; None where it was not asked or could not be had."""

    wish: Wish
    gap: float | None = None
    line: BoundLine | None = None
    moved: float | None = None


def step_of(index: int) -> int:
    """Return the E-step that begins the step a half-step belongs to: itself, or the one before."""
    return index if index % 2 else index - 1


def work_out(
    trace: Trace,
    anatomy: Anatomy,
    wish: Wish,
    first: Snapshot,
    second: Snapshot | None,
    cancelled: Callable[[], bool],
) -> Found:
    """Work out a wish; runs in the thread and touches nothing of the trace that changes."""
    model, data = trace.model, trace.data
    found = Found(wish)
    if wish.rest:
        return replace(found, moved=_first_movement(model, data, anatomy, first.params))
    if wish.gap and second is not None and not cancelled():
        found = replace(found, gap=_gap(model, data, second))
    if not wish.line or cancelled():
        return found
    try:
        if second is None:  # the M-step has not been taken: look ahead
            assert first.expectation is not None
            params = model.m_step(first.params, first.expectation)
            second = Snapshot(first.iteration + 1, Phase.M, params)
        begun = time.perf_counter()
        bound_line(model, data, anatomy, first, second, np.zeros(1))
        seconds = time.perf_counter() - begun
        s = _positions(seconds)
        line = bound_line(model, data, anatomy, first, second, s, cancelled)
    except (SingularError, DataError, np.linalg.LinAlgError):
        return found
    return found if cancelled() else replace(found, line=line)


def _gap(model: Any, data: Any, snapshot: Snapshot) -> float | None:
    try:
        return bound_gap(model, data, snapshot)
    except (SingularError, DataError, np.linalg.LinAlgError):
        return None


def _first_movement(model: Any, data: Any, anatomy: Anatomy, params: Any) -> float | None:
    try:
        after = model.m_step(params, model.e_step(data, params))
        found = changes(anatomy, params, after)
    except (SingularError, DataError, np.linalg.LinAlgError):
        return None
    return abs(found[0].moved) if found else None


def _positions(seconds: float) -> Floats:
    """Return where the line is computed: as finely as there is time for."""
    span = LINE_TO - LINE_FROM
    step = next((h for h in LINE_STEPS if span / h * seconds <= LINE_SECONDS), LINE_STEPS[-1])
    return np.linspace(LINE_FROM, LINE_TO, round(span / step) + 1)
