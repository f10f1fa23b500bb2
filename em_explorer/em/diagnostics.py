"""Taking EM apart: the bound and its parts, and the other diagnoses under one roof.

Everything here is a function of a trace or of numbers from one. Nothing replays a step or passes
over the data except :func:`bound_gap`, which says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from em_explorer.em.changes import (
    Change,
    StillMoving,
    at_hand,
    changes,
    flat_but_moving,
    predict_collapse,
    traces_of,
)
from em_explorer.em.convergence import (
    Convergence,
    aitken_limit,
    convergence,
    decreases,
    distances,
    falls,
    rates,
    rounding_tolerance,
)
from em_explorer.em.steps import Model, Phase, Snapshot
from em_explorer.em.trace import Trace

__all__ = [
    "BoundParts",
    "Change",
    "Convergence",
    "StillMoving",
    "aitken_limit",
    "at_hand",
    "bound_gap",
    "bound_parts",
    "changes",
    "convergence",
    "decreases",
    "distances",
    "falls",
    "flat_but_moving",
    "has_exact_posterior",
    "predict_collapse",
    "rates",
    "rounding_tolerance",
    "traces_of",
]


def has_exact_posterior(model: Model) -> bool:
    """Say whether the E-step finds p(Z | X, θ) itself, so that log p(X | θ) can be had.

    A variational model, whose E-step finds the best q of a family, has the attribute
    ``exact_posterior = False``.
    """
    return bool(getattr(model, "exact_posterior", True))


@dataclass(frozen=True, slots=True)
class BoundParts:
    """What the bound F(q, θ) is made of, all in nats.

    ``bound = expected_log_joint + entropy + log_prior``, and
    ``log_likelihood + log_prior = bound + gap``.

    Attributes
    ----------
    expected_log_joint : float
        ``E_q[log p(X, Z | θ)]``.
    entropy : float
        H(q). In a topic model also what else does not depend on the topics: the documents'
        proportions under their prior.
    log_prior : float
        log p(θ). In a topic model what the topics cost for leaving their prior.
    bound : float
    log_likelihood : float or None
        log p(X | θ) at the same θ. None where it is out of reach (a variational model), or where
        nobody has computed it yet: after the newest M-step.
    gap : float or None
        ``KL(q ‖ p(Z | X, θ))``: 0 after E, opened by M. None where ``log_likelihood`` is.
    """

    expected_log_joint: float
    entropy: float
    log_prior: float
    bound: float
    log_likelihood: float | None = None
    gap: float | None = None


def bound_parts(trace: Trace, index: int) -> BoundParts | None:
    """Take the bound of a half-step apart.

    Parameters
    ----------
    trace : Trace
    index : int

    Returns
    -------
    BoundParts or None
        None at the start, where there is no bound, and where the half-step is not at hand.
    """
    index %= len(trace)
    if index == 0 or not at_hand(trace, index):
        return None
    snapshot = trace[index]
    log_likelihood = snapshot.log_likelihood
    if snapshot.phase is Phase.M and index + 1 < len(trace):
        log_likelihood = trace.log_likelihood(index + 1)  # the E-step at these params
    return parts_of(trace.model, trace.data, snapshot, log_likelihood)


def parts_of(
    model: Model, data: Any, snapshot: Snapshot, log_likelihood: float | None
) -> BoundParts:
    """Take the bound of one snapshot apart.

    Parameters
    ----------
    model : EMModel
    data : object
    snapshot : Snapshot
        Not the start.
    log_likelihood : float or None, nats
        log p(X | θ) at its params, where it is known.
    """
    assert snapshot.expectation is not None
    assert snapshot.bound is not None
    entropy, bound = snapshot.expectation.entropy, snapshot.bound
    log_prior = model.log_prior(snapshot.params)
    gap = None
    if log_likelihood is None or not has_exact_posterior(model):
        log_likelihood = None
    else:
        gap = _gap(model, data, snapshot, log_likelihood + log_prior)
    return BoundParts(bound - entropy - log_prior, entropy, log_prior, bound, log_likelihood, gap)


def _gap(model: Model, data: Any, snapshot: Snapshot, objective: float) -> float:
    """Return the objective minus the bound, without what rounding makes of a zero."""
    assert snapshot.bound is not None
    gap = objective - snapshot.bound
    noise = model.rounding(snapshot.params) * (model.n_observations(data) + abs(objective))
    closed = snapshot.phase is Phase.E and gap <= noise
    return 0.0 if -noise <= gap and (gap < 0 or closed) else gap


def bound_gap(model: Model, data: Any, snapshot: Snapshot) -> float | None:
    """Compute ``log p(X | θ) + log p(θ) − F(q, θ)`` at a snapshot, with a pass over the data.

    Parameters
    ----------
    model : EMModel
    data : object
    snapshot : Snapshot
        Not the start.

    Returns
    -------
    float or None, nats
        None for a variational model, whose log p(X | θ) is out of reach.

    Raises
    ------
    SingularError
        When no E-step is possible at the snapshot's params.
    """
    if not has_exact_posterior(model):
        return None
    found = model.e_step(data, snapshot.params, carry=snapshot.carry)
    return parts_of(model, data, snapshot, found.log_likelihood).gap
