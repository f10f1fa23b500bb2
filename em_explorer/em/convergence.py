"""How fast EM converges, how far it still has to go, and whether it ever went down.

Near an optimum EM is a contraction: along its slowest direction the distance of the parameters
shrinks by a factor λ each iteration, and λ is the fraction of information that the hidden values
take away. The objective is flat at the optimum, so what is missing of it shrinks by λ², and so
does what each iteration gains. The gains are on the curve, so λ can be read from the curve alone.

Source: Dempster, Laird & Rubin (1977), "Maximum likelihood from incomplete data via the EM
algorithm", §3; McLachlan & Krishnan (2008), *The EM Algorithm and Extensions*, §3.9 and §4.9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.trace import Trace

Bounds = Sequence[float] | Floats

NOISE = 64 * float(np.finfo(float).eps)
"""Gains below this fraction of 1 + |bound| are rounding: a ratio of two of them says nothing."""

RISING = 1e-3
"""A rate that rose by more than this in the last iteration has not settled."""

DRIFT = 4.0
"""A rate is not extrapolated so far that, changing on as in the last iteration, it would cross its
room below 1 more than this many times."""


def is_rounding(change: float, bound: float) -> bool:
    """Say whether a change of a bound, both in nats, is nothing but rounding."""
    return abs(change) <= NOISE * (1.0 + abs(bound))


def _noise(bounds: Floats) -> float:
    """Return the gain, in nats, below which a gain is rounding."""
    return NOISE * (1.0 + float(np.max(np.abs(bounds[np.isfinite(bounds)]), initial=0.0)))


def rates(bounds: Bounds) -> Floats:
    """Return what each iteration gained relative to the one before, ``Δ_t / Δ_{t−1}``.

    Parameters
    ----------
    bounds : (n,) float, nats
        The bound at every E-step, as in ``trace.bounds``.

    Returns
    -------
    (n,) float, no unit
        NaN for the first two entries, and wherever one of the two gains is no gain but rounding
        (or a fall).
    """
    values = np.asarray(bounds, dtype=float)
    found = np.full(len(values), np.nan)
    if len(values) < 3:
        return found
    gains = np.diff(values)
    usable = gains > _noise(values)
    np.divide(gains[1:], gains[:-1], out=found[2:], where=usable[1:] & usable[:-1])
    return found


def aitken_limit(bounds: Bounds) -> float | None:
    """Return where the bound is heading, by Aitken's extrapolation, in nats.

    ``L∞ = L_t + Δ_t r / (1 − r)`` with ``r = Δ_t / Δ_{t−1}``: the gains to come are taken for a
    geometric series.

    Parameters
    ----------
    bounds : (n,) float, nats
        The bound at every E-step.

    Returns
    -------
    float or None
        The last bound itself where nothing is gained any more but rounding. None where no limit
        can be seen: fewer than three bounds, gains that still grow, a fall.
    """
    values = np.asarray(bounds, dtype=float)
    if len(values) < 2:
        return None
    last, gain, noise = float(values[-1]), float(values[-1] - values[-2]), _noise(values)
    if abs(gain) <= noise:
        return last
    rate = float(rates(values[-3:])[-1]) if len(values) > 2 else math.nan
    if not rate < 1.0:
        return None
    return last + gain * rate / (1.0 - rate)


def distances(bounds: Bounds, limit: float | None) -> Floats:
    """Return ``log10(L∞ − L)``, in which a steady rate is a straight line.

    Parameters
    ----------
    bounds : (n,) float, nats
        At E-steps or at every half-step.
    limit : float or None, nats
        L∞, from :func:`aitken_limit`.

    Returns
    -------
    (n,) float
        NaN where there is no limit, where the bound is not below it, and where it is unknown.
    """
    values = np.asarray(bounds, dtype=float)
    found = np.full(len(values), np.nan)
    if limit is None:
        return found
    missing = limit - values
    np.log10(missing, out=found, where=missing > 0)
    return found


def decreases(half_step_bounds: Bounds, tolerance: float = 0.0) -> Ints:
    """Return the indices of the half-steps after which the bound stood lower than before.

    Parameters
    ----------
    half_step_bounds : (n,) float, nats
        The bound after every half-step; NaN where there is none.
    tolerance : float, nats
        A fall up to this is rounding; see :func:`rounding_tolerance`.

    Returns
    -------
    (m,) int
    """
    values = np.asarray(half_step_bounds, dtype=float)
    # A comparison with NaN is False, so that the start begins no fall.
    return np.flatnonzero(np.diff(values) < -tolerance).astype(np.int64) + 1


def rounding_tolerance(trace: Trace) -> float:
    """Return the fall of the bound that rounding explains at the end of a trace, in nats."""
    bound = trace.final.bound
    if bound is None:
        return 0.0
    scale = trace.model.n_observations(trace.data) + abs(bound)
    return float(trace.model.rounding(trace.final.params) * scale)


def falls(trace: Trace) -> Ints:
    """Return the indices of the half-steps of a trace that lowered the bound.

    A model whose half-steps need not climb, as accelerated ones, is held to its full steps.
    """
    tolerance = rounding_tolerance(trace)
    if getattr(trace.model, "monotone_half_steps", True):
        return decreases(trace.half_step_bounds, tolerance)
    return 2 * decreases(trace.bounds, tolerance) + 1


@dataclass(frozen=True, slots=True)
class Convergence:
    """How a run converges, as far as its curve tells.

    Attributes
    ----------
    gain : float or None, nats per observation
        What the last iteration gained.
    rate : float or None
        Last gain relative to the one before, λ². None while it cannot be told.
    missing_information : float or None
        λ: the factor by which the parameters approach their limit each iteration, along the
        slowest direction. It estimates the fraction of information that the hidden values take
        away; for an accelerated run it does not. None where the gains still grow.
    limit : float or None, nats
        L∞ by Aitken's extrapolation.
    distance : float or None, nats
        L∞ minus the last bound.
    iterations_left : int or None
        Until a full step gains less than the tolerance, at the last rate. None where that can't
        be said, because the gains grow or the rate changes too fast to be extrapolated that far,
        or where the tolerance is 0 and EM never stops by itself.
    at_least : bool
        True while the rate still rises: then the limit lies higher, and more iterations are left,
        than the numbers here say.
    """

    gain: float | None = None
    rate: float | None = None
    missing_information: float | None = None
    limit: float | None = None
    distance: float | None = None
    iterations_left: int | None = None
    at_least: bool = False


def convergence(bounds: Bounds, tolerance: float, n_observations: int) -> Convergence:
    """Judge a run by its bounds up to now.

    Parameters
    ----------
    bounds : (n,) float, nats
        The bound at every E-step up to the one to judge at. Only the last four are looked at.
    tolerance : float, nats per observation
        The run's.
    n_observations : int
        Rows, time steps or tokens, at least 1.
    """
    values = np.asarray(bounds, dtype=float)[-4:]
    if len(values) < 2:
        return Convergence()
    gain = float(values[-1] - values[-2])
    ratios = rates(values)
    rate, before = float(ratios[-1]), float(ratios[-2])
    limit = aitken_limit(values)
    known = math.isfinite(rate)
    return Convergence(
        gain=gain / n_observations,
        rate=rate if known else None,
        missing_information=math.sqrt(rate) if rate < 1.0 else None,
        limit=limit,
        distance=None if limit is None else limit - float(values[-1]),
        iterations_left=_iterations_left(gain, rate, before, tolerance * n_observations),
        at_least=known and (not rate < 1.0 or rate - before > RISING * (1.0 - rate)),
    )


def _iterations_left(gain: float, rate: float, before: float, least_gain: float) -> int | None:
    """Count steps until ``gain · rate^k < least_gain`` (all in nats), unless the rate drifts."""
    if least_gain <= 0:
        return None
    if gain < least_gain:
        return 0
    if not rate < 1.0:
        return None
    left = math.floor(math.log(least_gain / gain) / math.log(rate)) + 1
    # A comparison with NaN is False: from a single rate nothing is extrapolated.
    return left if abs(rate - before) * left <= DRIFT * (1.0 - rate) else None
