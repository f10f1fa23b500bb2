"""The one loop: E-step, M-step, E-step, … as a generator of snapshots.

The window, the command line, the estimators, the benchmarks and the tests all iterate
:func:`em_steps`; nothing runs EM a second way.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from em_explorer.em.arrays import largest_change
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.model import EMModel, Expectation
from em_explorer.em.numerals import plain
from em_explorer.em.options import check_options, option

Model = EMModel[Any, Any, Any]

STILL = 1e-9
"""Parameters that change by less than this (relative) have not moved."""


class Phase(Enum):
    """Which half-step a snapshot is the result of."""

    START = "start"
    E = "E"
    M = "M"


class StopReason(Enum):
    """Why EM stopped; each is its own answer, none stands for another."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration limit"
    DECREASED = "decreased"
    SINGULAR = "singular"
    STALLED = "stalled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Stop:
    """Why EM stopped, in a word and in a sentence.

    Attributes
    ----------
    reason : StopReason
    message : str
        One or two sentences for the screen.
    iteration : int
        Full steps taken.
    """

    reason: StopReason
    message: str
    iteration: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """When to stop.

    Attributes
    ----------
    max_iter : int
        M-steps at most.
    tolerance : float, nats per observation
        Stop when a full step gains less than this per row, time step or token. 0 never
        stops early: exactly ``max_iter`` M-steps are taken unless something fails.
    """

    max_iter: int = option(
        200,
        "Stop after",
        help="EM stops after this many full steps.",
        low=0,
        high=1_000_000,
        step=10,
        group="Run",
    )
    tolerance: float = option(
        1e-6,
        "Tolerance, nats",
        help="EM stops when a full step gains less than this, in nats per observation. "
        "0 never stops early.",
        low=0.0,
        high=1.0,
        group="Run",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after one half-step; frozen, because threads share it by reference.

    Attributes
    ----------
    iteration : int
        Full steps taken so far: M-step k and the E-step after it belong to iteration k.
    phase : Phase
        START before anything was done, else the half-step just taken.
    params : object
        Parameters after this half-step, in the centred frame.
    posterior_params : object or None
        The parameters whose posterior q is in force: those of the last E-step.
    expectation : Expectation or None
        What that E-step found, without the posterior itself.
    bound : float or None, nats
        F(q, θ) of exactly the q and θ in this snapshot, log prior included.
    log_likelihood : float or None, nats
        log p(X | θ) at ``params``; None after an M-step, which makes no pass over the data.
    carry : object or None
        What the E-step behind ``posterior_params`` started from, so that it can be repeated.
    stop : Stop or None
        Why EM ends with this snapshot, so that the screen says it with the last half-step.
    """

    iteration: int
    phase: Phase
    params: Any
    posterior_params: Any = None
    expectation: Expectation[Any] | None = None
    bound: float | None = None
    log_likelihood: float | None = None
    carry: Any = None
    stop: Stop | None = None


def em_steps(
    model: Model,
    data: Any,
    params: Any,
    run: RunOptions | None = None,
    *,
    carry: Any = None,
) -> Generator[Snapshot, None, Stop]:
    """Run EM, yielding a snapshot per half-step; the generator's return value is the stop.

    The order is start, E, then (M, E) once per iteration, so that a fit always ends with an
    E-step at the parameters it returns. Where an M-step fails, the last good state is the last
    snapshot yielded.

    Parameters
    ----------
    model : EMModel
    data : object
        From ``model.prepare``.
    params : object
        Initial parameters, in the frame of ``data``.
    run : RunOptions, optional
    carry : object, optional
        Per-unit state to continue from (LDA's γ).

    Yields
    ------
    Snapshot

    Returns
    -------
    Stop
    """
    run = run or RunOptions()
    yield Snapshot(0, Phase.START, params)
    try:
        expectation = model.e_step(data, params, carry=carry)
    except SingularError as error:
        return Stop(StopReason.SINGULAR, str(error), 0)
    bound = _finite(model.bound(params, expectation))
    stop = _limit(run) if run.max_iter == 0 else None
    first = _after_e(0, params, expectation, bound, carry, stop)
    yield first
    if stop is not None:
        return stop
    return (yield from continue_steps(model, data, first, run))


def continue_steps(
    model: Model, data: Any, after: Snapshot, run: RunOptions
) -> Generator[Snapshot, None, Stop]:
    """Go on from the snapshot of an E-step, as :func:`em_steps` would: M, E, M, E and so on.

    A half-step depends on nothing but the snapshot before it, so this gives the same bits.

    Parameters
    ----------
    model : EMModel
    data : object
        From ``model.prepare``.
    after : Snapshot
        Of an E-step, before iteration ``run.max_iter``.
    run : RunOptions
        ``max_iter`` counts from the run's start, not from ``after``.
    """
    assert after.expectation is not None
    assert after.bound is not None
    n_observations = model.n_observations(data)
    # An extrapolating M-step does not maximize the bound at hand; the full step must climb.
    half_steps = getattr(model, "monotone_half_steps", True)
    start = params = after.params
    expectation, bound, carry = after.expectation, after.bound, after.carry
    stop: Stop | None = None
    for iteration in range(after.iteration + 1, run.max_iter + 1):
        try:
            new_params = model.m_step(params, expectation)
            after_m = _finite(model.bound(new_params, expectation))
            yield Snapshot(
                iteration, Phase.M, new_params, params, expectation, after_m, None, carry
            )
            carry = expectation.carry
            new_expectation = model.e_step(data, new_params, carry=carry)
        except SingularError as error:
            return Stop(StopReason.SINGULAR, str(error), iteration - 1)
        new_bound = _finite(model.bound(new_params, new_expectation))
        gain = (new_bound - bound) / n_observations
        fall = max(bound - after_m, after_m - new_bound) if half_steps else bound - new_bound
        scale = n_observations + abs(new_bound)
        params, expectation, bound = new_params, new_expectation, new_bound

        if fall > 0 and fall > model.rounding(new_params) * scale:
            stop = Stop(StopReason.DECREASED, _decreased_message(fall, iteration), iteration)
        elif run.tolerance > 0 and gain < run.tolerance and expectation.settled:
            stop = _flat(model, data, start, params, gain, iteration)
        elif iteration == run.max_iter:
            stop = _limit(run)
        yield _after_e(iteration, params, expectation, bound, carry, stop)
        if stop is not None:
            break
    assert stop is not None
    return stop


def _after_e(
    iteration: int,
    params: Any,
    expectation: Expectation[Any],
    bound: float,
    carry: Any,
    stop: Stop | None,
) -> Snapshot:
    log_likelihood = expectation.log_likelihood
    return Snapshot(
        iteration, Phase.E, params, params, expectation, bound, log_likelihood, carry, stop
    )


def _limit(run: RunOptions) -> Stop:
    return Stop(
        StopReason.ITERATION_LIMIT,
        f"EM took all {run.max_iter} iterations it was allowed and had not converged.",
        run.max_iter,
    )


def _finite(bound: float) -> float:
    if not math.isfinite(bound):
        raise DataError(
            f"The objective became {bound}: the parameters and the data do not go together. "
            "Choose another start."
        )
    return bound


def _decreased_message(fall: float, iteration: int) -> str:
    return (
        f"The bound fell by {plain(fall, 3)} nats in iteration {iteration}, more than rounding "
        "explains. EM never lowers it, so something is wrong with the model or the numbers."
    )


def _flat(model: Model, data: Any, start: Any, params: Any, gain: float, iteration: int) -> Stop:
    """Tell a maximum from a place where EM merely can't move."""
    why = model.symmetry(params)
    if why is not None:
        return Stop(StopReason.STALLED, why, iteration)
    if iteration == 1 and largest_change(start, params) < STILL and _escapes(model, data, params):
        return Stop(
            StopReason.STALLED,
            "EM did not move: this start is a fixed point but not a maximum. "
            "A small nudge gets it going.",
            iteration,
        )
    return Stop(
        StopReason.CONVERGED,
        f"Converged: the last full step gained {plain(max(gain, 0.0), 3)} nats per observation, "
        "less than the tolerance.",
        iteration,
    )


def _escapes(model: Model, data: Any, params: Any, steps: int = 8) -> bool:
    """Say whether EM moves away from ``params`` once it is nudged: then it is a saddle.

    Around a maximum EM contracts towards it; around a saddle the distance grows along at least
    one direction, and a random nudge has a part in it.
    """
    moved = model.nudge(params, np.random.default_rng(0), 1e-3)
    distances = []
    try:
        for _ in range(steps):
            moved = model.m_step(moved, model.e_step(data, moved))
            distances.append(largest_change(params, moved))
    except (SingularError, DataError):
        return True
    return distances[-1] > distances[-2] > STILL


@dataclass(frozen=True, slots=True)
class Fit:
    """The end of a run, for those who do not want to watch it.

    Attributes
    ----------
    params : object
        Parameters of the last E-step, in the centred frame.
    expectation : Expectation
        What that E-step found.
    history : tuple of float, nats
        The bound at each E-step: n_iter + 1 entries, the first at the initial parameters.
    stop : Stop
    """

    params: Any
    expectation: Expectation[Any]
    history: tuple[float, ...]
    stop: Stop

    @property
    def n_iter(self) -> int:
        """Full steps taken: one less than the E-steps."""
        return len(self.history) - 1


def fit(
    model: Model, data: Any, params: Any, run: RunOptions | None = None, *, carry: Any = None
) -> Fit:
    """Run :func:`em_steps` to its end and return where it ended.

    Raises
    ------
    SingularError
        When not even the first E-step was possible: the initial parameters are unusable.
    """
    history: list[float] = []
    last: Snapshot | None = None
    steps = em_steps(model, data, params, run, carry=carry)
    while True:
        try:
            snapshot = next(steps)
        except StopIteration as end:
            stop: Stop = end.value
            break
        if snapshot.phase is Phase.E:
            last = snapshot
            assert snapshot.bound is not None
            history.append(snapshot.bound)
    if last is None:
        raise SingularError(stop.message)
    assert last.expectation is not None
    return Fit(last.params, last.expectation, tuple(history), stop)
