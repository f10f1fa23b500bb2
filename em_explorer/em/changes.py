"""What moved: between two half-steps, along a run, and behind a curve that looks flat."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Anatomy, Parameter
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.convergence import convergence
from em_explorer.em.steps import RunOptions
from em_explorer.em.trace import Trace

FLAT = 1e-4
"""A full step that gains less than this many nats per observation looks flat on any curve."""

NOTABLE = 0.01
"""A parameter with this much of its scale still to go has not arrived: a hundredth of a standard
deviation, or 0.01 of a probability."""


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter before and after.

    Attributes
    ----------
    parameter : Parameter
    before, after : float
        In the data's units.
    moved : float
        ``(after − before) / scale``: standard deviations for a mean, itself for a probability.
    """

    parameter: Parameter
    before: float
    after: float
    moved: float


@dataclass(frozen=True, slots=True)
class StillMoving(Change):
    """A parameter that goes on moving although the curve is flat.

    ``before`` and ``after`` are those of the last full step.

    Attributes
    ----------
    to_go : float
        What is still to come at the present rate, in the units of ``moved``.
    destination : float
        Where the parameter will then be, in the data's units.
    """

    to_go: float
    destination: float


def changes(anatomy: Anatomy, before_params: Any, after_params: Any) -> tuple[Change, ...]:
    """Return how every parameter changed, the one that moved most first.

    Parameters
    ----------
    anatomy : Anatomy
    before_params, after_params : object
        As in snapshots; scales are those before.
    """
    if hasattr(anatomy, "between"):  # of too many to follow all, those that changed
        anatomy = anatomy.between(before_params, after_params)
    parameters = anatomy.parameters(before_params)
    before, after = anatomy.values(before_params), anatomy.values(after_params)
    with np.errstate(divide="ignore", invalid="ignore"):  # a scale of zero: nothing to go by
        moved = (after - before) / anatomy.scales(before_params)
    moved = np.where(np.isfinite(moved), moved, 0.0)
    order = np.argsort(-np.abs(moved), kind="stable")
    return tuple(
        Change(parameters[i], float(before[i]), float(after[i]), float(moved[i])) for i in order
    )


def flat_but_moving(
    trace: Trace, anatomy: Anatomy, index: int, run: RunOptions
) -> StillMoving | None:
    """Sound the alarm when the curve is flat but the parameters have not arrived.

    Where the gains shrink by λ² each iteration, the parameters go on by a geometric series of
    ratio λ: after a step of Δ they have ``Δ λ / (1 − λ)`` still to go.

    Parameters
    ----------
    trace : Trace
        Only what it has at hand is looked at; nothing is replayed.
    anatomy : Anatomy
    index : int
        The half-step to judge at: by the last E-step up to it.
    run : RunOptions

    Returns
    -------
    StillMoving or None
        The parameter with the longest way to go, when that is at least :data:`NOTABLE`.
    """
    iteration = (index % len(trace) - 1) // 2
    if iteration < 2 or not at_hand(trace, 2 * iteration + 1, 2):
        return None
    bounds = trace.half_step_bounds[1 : 2 * iteration + 2 : 2]
    state = convergence(bounds, run.tolerance, trace.model.n_observations(trace.data))
    flat = max(FLAT, run.tolerance)
    if state.gain is None or state.missing_information is None or abs(state.gain) >= flat:
        return None
    now = trace[2 * iteration + 1].params
    most = changes(anatomy, trace[2 * iteration - 1].params, now)
    ahead = state.missing_information / (1.0 - state.missing_information)
    if not most or abs(most[0].moved) * ahead < NOTABLE:
        return None
    first = most[0]
    return StillMoving(
        first.parameter,
        first.before,
        first.after,
        first.moved,
        first.moved * ahead,
        first.after + (first.after - first.before) * ahead,
    )


def at_hand(trace: Trace, index: int, back: int = 0) -> bool:
    """Say whether a half-step and the ``back`` ones before it can be had without a replay."""
    return trace.replay(index, back) is None


def traces_of(trace: Trace, anatomy: Anatomy, indices: Iterable[int]) -> tuple[Ints, Floats]:
    """Return the parameters along a run, to be drawn against its half-steps.

    Parameters
    ----------
    trace : Trace
    anatomy : Anatomy
    indices : iterable of int
        Half-steps, not negative; those that would have to be replayed are left out.

    Returns
    -------
    indices : (n,) int
    values : (n, P) float, data's units
        In the order of ``anatomy.parameters``.
    """
    kept = [index for index in indices if index < len(trace) and at_hand(trace, index)]
    rows = [anatomy.values(trace[index].params) for index in kept]
    width = len(rows[0]) if rows else 0
    values = np.array(rows, dtype=float).reshape(len(rows), width)
    return np.array(kept, dtype=np.int64), values


def predict_collapse(gauge_values: Floats | Iterable[float], fail: float) -> int | None:
    """Return in how many iterations a falling gauge will have passed the value it fails at.

    Its falls are taken for a geometric series, so the gauge heads for the limit of Aitken's
    extrapolation; a fall that does not slow down is taken for steady.

    Parameters
    ----------
    gauge_values : (n,) float
        The gauge at successive iterations; the last three are looked at.
    fail : float

    Returns
    -------
    int or None
        0 when it has passed it already; None while nothing points there: the gauge rises, comes
        to rest above ``fail``, or would take more than a thousand iterations. A gauge that can't
        fail (``fail`` of 0) never does.
    """
    values = [float(value) for value in gauge_values][-3:]
    if fail <= 0 or not values or math.isnan(values[-1]):
        return None
    now = values[-1]
    if now < fail:
        return 0
    if len(values) < 3:
        return None
    falls = values[0] - values[1], values[1] - now
    if not (falls[0] > 0 and falls[1] > 0):
        return None
    ratio = falls[1] / falls[0]
    if ratio >= 1.0:
        steps = (now - fail) / falls[1]
    else:
        limit = now - falls[1] * ratio / (1.0 - ratio)
        if limit >= fail:
            return None
        steps = math.log((fail - limit) / (now - limit)) / math.log(ratio)
    left = math.floor(steps) + 1
    return left if left <= 1000 else None
