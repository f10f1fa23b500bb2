"""The picture of one EM step: the likelihood and the bound along the line the parameters take.

On the way from θ_t through θ_{t+1} the bound F(q_t, ·) touches the likelihood at θ_t, lies below
it everywhere else, and has its top at θ_{t+1}: pushing the bound up pushes the likelihood up.

Source: Bishop (2006), *Pattern Recognition and Machine Learning*, §9.4, figure 9.14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Anatomy
from em_explorer.em.arrays import Floats, freeze
from em_explorer.em.diagnostics import has_exact_posterior
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import Model, Snapshot


@dataclass(frozen=True)
class BoundLine:
    """What the bound and the likelihood are along a line in parameter space.

    Attributes
    ----------
    s : (n,) float, no unit
        0 at the parameters of the E-step, 1 at those of the M-step after it.
    log_likelihood : (n,) float or None, nats
        ``log p(X | θ) + log p(θ)``; None for a variational model, which can't compute it.
    bound : (n,) float, nats
        ``F(q_t, θ)`` with the posterior q_t of the E-step. NaN in either stands where rounding
        made the parameters singular, or where the work was cancelled.
    """

    s: Floats
    log_likelihood: Floats | None
    bound: Floats

    def __post_init__(self) -> None:
        freeze(self)


def placed(model: Model, anatomy: Anatomy, coordinates: Floats, like: Any) -> Any:
    """Return the parameters at a vector of coordinates, with what is locked as it is in ``like``.

    Renormalizing would else shift a locked probability.
    """
    params = anatomy.from_coordinates(coordinates, like)
    # Not every model has locks, and the protocol does not ask for them.
    locked: Any = model
    return locked.hold(params, like) if getattr(model, "locks", None) else params


def bound_line(
    model: Model,
    data: Any,
    anatomy: Anatomy,
    before: Snapshot,
    after: Snapshot,
    s: Floats,
    cancelled: Callable[[], bool] = lambda: False,
) -> BoundLine:
    """Compute both curves along the line from one half-step's parameters to the next one's.

    The line is straight in ``anatomy.coordinates``, where every point of it is valid. Each point
    takes a pass over the data, save in a variational model.

    Parameters
    ----------
    model : EMModel
    data : object
    anatomy : Anatomy
    before : Snapshot
        Of an E-step, at θ_t.
    after : Snapshot
        Of the M-step after it, at θ_{t+1}.
    s : (n,) float
        Where; from −0.5 to 2 tells the story.
    cancelled : callable
        Asked between points; what is not done then stays NaN.
    """
    assert before.expectation is not None
    start, end = anatomy.coordinates(before.params), anatomy.coordinates(after.params)
    positions = np.array(s, dtype=float)
    bound = np.full(positions.shape, np.nan)
    objective = np.full(positions.shape, np.nan) if has_exact_posterior(model) else None
    for i, at in enumerate(positions):
        if cancelled():
            break
        try:
            # Not start + s (end − start), whose rounding may leave the valid set at s = 1.
            params = placed(model, anatomy, (1.0 - at) * start + at * end, before.params)
            bound[i] = model.bound(params, before.expectation)
            if objective is not None:
                found = model.e_step(data, params).log_likelihood
                objective[i] = found + model.log_prior(params)
        except (SingularError, DataError, np.linalg.LinAlgError):
            bound[i] = np.nan
    return BoundLine(positions, objective, bound)
