"""A census of starts: where EM ends from many of them, and how many roads lead to each end.

EM climbs to the top of the hill it stands on. From R starts, drawn independently, the ends are
gathered into optima (same bound, same parameters up to the numbering of the parts), and the share
of starts that lead to each is an estimate of its basin.

Source: Honaker, King & Blackwell (2011), "Amelia II", §4.6 (overdispersed starting values).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, freeze, largest_change
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.memory import Column, size_of
from em_explorer.em.progress import Job, Progress
from em_explorer.em.steps import Model, Phase, RunOptions, Stop, StopReason, em_steps

SAME_BOUND = 2e-5
"""Ends whose bounds differ by less than this, in nats per observation, may be one optimum; EM
stops at its tolerance, not at the top."""

LEAST_SAME_BOUND = 0.01
"""And so do ends this close in total, nats: nobody could tell them apart by their likelihood."""

SAME_PARAMS = 0.1
"""Ends whose parameters differ by more than this are not one optimum; see ``difference``."""

PATH_BYTES = 200_000
"""Memory for the parameters a run passed through."""


@dataclass(frozen=True)
class CensusRun:
    """One start and where it led.

    Attributes
    ----------
    number : int
        From 0, in the order of the starts.
    seed : int
    start : object
        Initial parameters in the centred frame.
    end : object
        Parameters of the last E-step; the start's where there was none.
    bounds : (n_iter + 1,) float, nats
        At each E-step.
    path : tuple of (int, params)
        Some of the iterations with their parameters, the first and the last among them.
    stop : Stop or None
        None when the start could not be used at all.
    words : str
        Why it ended.
    """

    number: int
    seed: int
    start: Any
    end: Any
    bounds: Floats
    path: tuple[tuple[int, Any], ...]
    stop: Stop | None
    words: str

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def bound(self) -> float:
        """The bound at the end, nats; NaN where there was no E-step."""
        return float(self.bounds[-1]) if self.bounds.size else float("nan")

    @property
    def n_iter(self) -> int:
        """Full steps taken."""
        return max(len(self.bounds) - 1, 0)

    @property
    def reached(self) -> bool:
        """Whether it ended somewhere: it neither collapsed nor broke off."""
        bad = (StopReason.SINGULAR,)
        return self.stop is not None and self.stop.reason not in bad and self.bounds.size > 0

    @property
    def converged(self) -> bool:
        """Whether it went as far as it could by itself."""
        return self.stop is not None and self.stop.reason is StopReason.CONVERGED


@dataclass(frozen=True)
class Optimum:
    """Ends that are one and the same.

    Attributes
    ----------
    bound : float, nats
        Of its best run.
    members : tuple of int
        Numbers of the runs that ended here, the best first.
    share : float
        Of all starts.
    """

    bound: float
    members: tuple[int, ...]
    share: float

    @property
    def best(self) -> int:
        """Number of the run that came closest to the top."""
        return self.members[0]


@dataclass(frozen=True)
class Census:
    """All starts, and the optima they led to, the best first.

    Attributes
    ----------
    runs : tuple of CensusRun
    optima : tuple of Optimum
    collapsed : tuple of int
        Numbers of the runs that ended in a singularity, or could not begin.
    """

    runs: tuple[CensusRun, ...]
    optima: tuple[Optimum, ...]
    collapsed: tuple[int, ...]

    @property
    def worst(self) -> CensusRun | None:
        """The run that converged at the lowest bound: the worst start there was."""
        ends = [run for run in self.runs if run.converged]
        return min(ends, key=lambda run: run.bound, default=None)

    @property
    def best(self) -> CensusRun | None:
        """The run with the highest bound."""
        return self.runs[self.optima[0].best] if self.optima else None

    def optimum_of(self, number: int) -> int | None:
        """Return which optimum a run led to, from 0, or None."""
        for i, optimum in enumerate(self.optima):
            if number in optimum.members:
                return i
        return None


Difference = Callable[[Any, Any], float]
"""How far two params are apart, once their parts were matched."""


def census(
    model: Model,
    data: Any,
    seeds: range,
    run: RunOptions,
    difference: Difference,
    draw: Callable[[int], Any] | None = None,
) -> Job[Census]:
    """Run EM from many starts.

    Parameters
    ----------
    model : EMModel
    data : object
        From ``model.prepare``.
    seeds : range
        One start each.
    run : RunOptions
    difference : callable
        See :data:`Difference`.
    draw : callable, optional
        Takes a seed and returns initial parameters; the model's own start by default.

    Yields
    ------
    Progress
        ``partial`` is a :class:`CensusRun` that has ended.

    Returns
    -------
    Census
    """
    draw = draw or (lambda seed: model.initialize(data, np.random.default_rng(seed)))
    runs: list[CensusRun] = []
    for number, seed in enumerate(seeds):
        done = yield from _one_run(model, data, number, seed, draw, run, len(seeds))
        runs.append(done)
        words = f"{number + 1} of {len(seeds)} starts"
        yield Progress((number + 1) / len(seeds), words, done)
    return gather(tuple(runs), model.n_observations(data), difference)


def _one_run(
    model: Model,
    data: Any,
    number: int,
    seed: int,
    draw: Callable[[int], Any],
    run: RunOptions,
    n_starts: int,
) -> Job[CensusRun]:
    bounds = Column()
    stop: Stop | None = None
    start = draw(seed)
    end = start
    path = _Path(start)
    steps = em_steps(model, data, start, run)
    words = ""
    stops: list[Stop] = []
    try:
        for snapshot in _until(steps, stops):
            if snapshot.phase is Phase.E:
                end = snapshot.params
                bounds.append(snapshot.bound)
                path.pass_through(snapshot.iteration, end)
            gone = (1.0 - 0.98**snapshot.iteration) * 0.9  # nobody knows how long it takes
            yield Progress((number + gone) / n_starts, f"start {number + 1} of {n_starts}")
        stop = stops[0]
        words = stop.message
    except (DataError, SingularError) as error:
        words = str(error)
    return CensusRun(number, seed, start, end, bounds.values.copy(), path.taken(end), stop, words)


def _until(steps: Any, stops: list[Stop]) -> Iterator[Any]:
    """Iterate the half-steps and leave the stop in a list: a for loop would lose it."""
    stops.append((yield from steps))


class _Path:
    """The parameters a run passes through: the first ones all, later ones ever more rarely."""

    def __init__(self, start: Any) -> None:
        self._points: list[tuple[int, Any]] = []
        self._due = 0
        self._last = 0
        self._room = max(PATH_BYTES // max(size_of(start), 1), 1)

    def pass_through(self, iteration: int, params: Any) -> None:
        """Keep the parameters, if it is their turn."""
        self._last = iteration
        if iteration >= self._due and len(self._points) < self._room:
            self._points.append((iteration, params))
            self._due = iteration + max(1, iteration // 10)

    def taken(self, end: Any) -> tuple[tuple[int, Any], ...]:
        """Return the points, the end last."""
        if self._points and self._points[-1][0] != self._last:
            return (*self._points, (self._last, end))
        return tuple(self._points)


def gather(runs: tuple[CensusRun, ...], n_observations: int, difference: Difference) -> Census:
    """Put the ends that are one optimum together.

    An end joins an optimum when its bound and its parameters are close to those of *any* end in
    it: on a long flat ridge the ends form a chain.
    """
    close = max(SAME_BOUND * n_observations, LEAST_SAME_BOUND)
    ends = sorted((run for run in runs if run.reached), key=lambda run: -run.bound)
    groups: list[list[CensusRun]] = []
    for run in ends:
        for group in groups:
            near = (m for m in reversed(group) if m.bound - run.bound <= close)
            if any(difference(run.end, m.end) <= SAME_PARAMS for m in near):
                group.append(run)
                break
        else:
            groups.append([run])
    optima = tuple(
        Optimum(group[0].bound, tuple(m.number for m in group), len(group) / len(runs))
        for group in groups
    )
    return Census(runs, optima, tuple(run.number for run in runs if not run.reached))


def dispersed(model: Model, data: Any) -> Model | None:
    """Return the model with a start that is drawn anew for each seed, or None if it has none.

    Its own start is kept where it is drawn; a given, flat or computed one is always the same, so
    the first drawn one that the model has takes its place.
    """
    kinds: Any = type(model.options.start)
    for kind in (model.options.start, *kinds):
        other: Model = replace(model, options=replace(model.options, start=kind))  # type: ignore[type-var]
        if _draws_at_random(other, data):
            return other
    return None


def _draws_at_random(model: Model, data: Any) -> bool:
    try:
        one, other = (model.initialize(data, np.random.default_rng(seed)) for seed in (0, 1))
    except (DataError, SingularError):
        return False
    return largest_change(one, other) > 0.0
