"""Fit one candidate after the other, each from several starts, and judge the best fit of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.census import dispersed
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.progress import Job, Progress
from em_explorer.em.steps import Model, Phase, RunOptions, Stop, StopReason, em_steps


@dataclass(frozen=True)
class Candidate:
    """A model that might be the right one.

    Attributes
    ----------
    line : str
        Which curve it belongs to: "full", "tied".
    x : float
        Its place on the axis: the number of parts, or a ridge.
    label : str
        As a person would name it: "3 components".
    model : EMModel
    data : object
        From ``model.prepare``.
    judge : callable
        Takes the fitted params; returns the criteria.
    n_starts : int
        1 where the start is computed.
    """

    line: str
    x: float
    label: str
    model: Model
    data: Any
    judge: Callable[[Any], Any]
    n_starts: int = 1


@dataclass(frozen=True)
class Judged:
    """A candidate's best fit.

    Attributes
    ----------
    candidate : Candidate
    start, end : object or None
        Initial and fitted params of the best run, in the frame of the candidate's data; None
        where every start collapsed.
    bound : float, nats
    criteria : object or None
        What ``candidate.judge`` said.
    stop : Stop or None
    words : str
        Why there is no fit, where there is none.
    """

    candidate: Candidate
    start: Any
    end: Any
    bound: float
    criteria: Any
    stop: Stop | None
    words: str = ""


def sweep(candidates: Sequence[Candidate], run: RunOptions) -> Job[tuple[Judged, ...]]:
    """Fit and judge all candidates.

    Parameters
    ----------
    candidates : sequence of Candidate
    run : RunOptions

    Yields
    ------
    Progress
        ``partial`` is a :class:`Judged`.

    Returns
    -------
    tuple of Judged
        In the order of the candidates.
    """
    found: list[Judged] = []
    for i, candidate in enumerate(candidates):
        judged = yield from _judged(candidate, run, i / len(candidates), 1.0 / len(candidates))
        found.append(judged)
        yield Progress((i + 1) / len(candidates), candidate.label, judged)
    return tuple(found)


def _judged(candidate: Candidate, run: RunOptions, done: float, part: float) -> Job[Judged]:
    best: tuple[float, Any, Any, Stop] | None = None
    words = ""
    drawn = dispersed(candidate.model, candidate.data) if candidate.n_starts > 1 else None
    model = drawn or candidate.model
    n_starts = candidate.n_starts if drawn is not None else 1
    for number in range(n_starts):
        try:
            start = model.initialize(candidate.data, np.random.default_rng(number))
            steps = em_steps(model, candidate.data, start, run)
            end = None
            while True:
                try:
                    snapshot = next(steps)
                except StopIteration as over:
                    stop: Stop = over.value
                    break
                if snapshot.phase is Phase.E:
                    end = snapshot
                yield Progress(done + part * number / n_starts, candidate.label)
        except (DataError, SingularError) as error:
            words = str(error)
            continue
        if end is None or stop.reason is StopReason.SINGULAR:
            words = stop.message
        else:
            assert end.bound is not None
            if best is None or end.bound > best[0]:
                best = end.bound, start, end.params, stop
    if best is None:
        return Judged(candidate, None, None, float("nan"), None, None, words)
    bound, start, params, stop = best
    return Judged(candidate, start, params, bound, candidate.judge(params), stop)
