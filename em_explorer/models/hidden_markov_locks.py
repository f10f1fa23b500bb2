"""The hidden Markov model's M-step with parts held; see :mod:`~em_explorer.models.locking`."""

from __future__ import annotations

from typing import Any

from em_explorer.em.arrays import Bools
from em_explorer.models.emissions import (
    CategoricalEmission,
    Emission,
    GaussianEmission,
    PoissonEmission,
    Prior,
)
from em_explorer.models.gaussian import check_covariances
from em_explorer.models.gaussian_mixture_params import CovarianceType
from em_explorer.models.hidden_markov_params import HiddenMarkovParams, HiddenMarkovStatistics
from em_explorer.models.locking import (
    Locks,
    held_gaussians,
    held_shares,
    masks,
    put_back,
    tell_apart,
)


def lock_shapes(params: HiddenMarkovParams) -> dict[str, tuple[int, ...]]:
    """Return what can be locked: cells of the chain, and what the emission has."""
    emission, parts = params.emission, (params.n_states,)
    shapes = {"initial_probs": parts, "transition_matrix": parts * 2}
    if isinstance(emission, CategoricalEmission):
        return {**shapes, "emission": emission.probs.shape}
    if isinstance(emission, GaussianEmission):
        return {**shapes, "means": parts, "covariances": parts}
    return {**shapes, "rates": parts}


def maximize_held(
    params: HiddenMarkovParams, statistics: HiddenMarkovStatistics, prior: Prior, locks: Locks
) -> HiddenMarkovParams:
    """Return the parameters that maximize the bound, with what is locked as in ``params``.

    The free cells of a row share what its locked ones leave, in proportion to their counts; a
    covariance is measured about its state's locked mean.

    Raises
    ------
    DataError
        When a lock names something that is not there.
    SingularError
        When a state's covariance has collapsed.
    """
    locked = masks(locks, lock_shapes(params))
    a = prior.pseudo_count
    initial, transition = params.initial_probs, params.transition_matrix
    return HiddenMarkovParams(
        held_shares(statistics.initial + a * (initial > 0), initial, locked["initial_probs"]),
        held_shares(
            statistics.transitions + a * (transition > 0), transition, locked["transition_matrix"]
        ),
        _emission(params.emission, statistics.emission, prior, locked),
    )


def _emission(old: Emission, found: Any, prior: Prior, locked: dict[str, Bools]) -> Emission:
    if isinstance(old, CategoricalEmission):
        raw = found.counts + prior.pseudo_count * (old.probs > 0)
        return CategoricalEmission(held_shares(raw, old.probs, locked["emission"]))
    if isinstance(old, GaussianEmission):
        means, covariances = held_gaussians(
            CovarianceType.FULL,
            found,
            (old.means, old.covariances),
            (locked["means"], locked["covariances"]),
            prior.ridge,
        )
        check_covariances(covariances, found.total_variances(), "state")
        return GaussianEmission(means, covariances)
    assert isinstance(old, PoissonEmission)
    rates = old.maximize(found, prior).rates
    return PoissonEmission(put_back(rates, old.rates, locked["rates"]))


def hold(params: HiddenMarkovParams, like: HiddenMarkovParams, locks: Locks) -> HiddenMarkovParams:
    """Return ``params`` with what is locked as it is in ``like``."""
    locked = masks(locks, lock_shapes(like))
    new, old = params.emission, like.emission
    if isinstance(new, CategoricalEmission) and isinstance(old, CategoricalEmission):
        new = CategoricalEmission(held_shares(new.probs, old.probs, locked["emission"]))
    elif isinstance(new, GaussianEmission) and isinstance(old, GaussianEmission):
        new = GaussianEmission(
            put_back(new.means, old.means, locked["means"]),
            put_back(new.covariances, old.covariances, locked["covariances"]),
        )
    elif isinstance(new, PoissonEmission) and isinstance(old, PoissonEmission):
        new = PoissonEmission(put_back(new.rates, old.rates, locked["rates"]))
    return HiddenMarkovParams(
        held_shares(params.initial_probs, like.initial_probs, locked["initial_probs"]),
        held_shares(params.transition_matrix, like.transition_matrix, locked["transition_matrix"]),
        new,
    )


def may_part(locks: Locks, i: int, j: int) -> bool:
    """Say whether the locks treat two states differently, so that an M-step may part them."""
    return tell_apart(locks, i, j, cells=("transition_matrix",))
