"""Forward–backward and Viterbi for one sequence of a hidden Markov model.

The scaled recursions serve; where scaling itself would underflow, the same recursions run on
logarithms. Time runs along the first axis and states along the second, everywhere.

Source: Rabiner (1989), "A tutorial on hidden Markov models", §III and §V.A; Bishop (2006),
*Pattern Recognition and Machine Learning*, §13.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import ImpossibleDataError

TINY = 1e-280
"""A scale below this is about to leave the range of floating point."""

FRAGILE = 1e-200
"""Transitions below this can't bring back a state whose α has underflowed."""

LARGEST_LOG = 700.0
"""exp of more than this overflows."""


@dataclass(frozen=True)
class ChainPosterior:
    """The posterior of one sequence's hidden states.

    Attributes
    ----------
    log_likelihood : float, nats
        log p(x_1 … x_T).
    gamma : (T, K) float
        p(z_t = k | x_1 … x_T).
    xi : (K, K) float
        Expected transitions, ``Σ_t p(z_t = i, z_{t+1} = j | x_1 … x_T)``.
    alpha : (T, K) float
        The filter p(z_t = k | x_1 … x_t).
    log_scale : (T,) float, nats
        log p(x_t | x_1 … x_{t−1}).
    beta : (T, K) float or None
        What the future adds: ``gamma = alpha · beta``. Only when asked for.
    """

    log_likelihood: float
    gamma: Floats
    xi: Floats
    alpha: Floats
    log_scale: Floats
    beta: Floats | None = None

    def __post_init__(self) -> None:
        freeze(self)


def forward_backward(
    initial_probs: Floats,
    transition_matrix: Floats,
    log_emission: Floats,
    *,
    with_beta: bool = False,
) -> ChainPosterior:
    """Return the posterior over the hidden states of one sequence.

    Forward, with b_t = p(x_t | z_t): ``predicted_t = α_{t−1} A``, ``α_t ∝ predicted_t ∘ b_t``.
    Backward, without β: ``u = γ_{t+1} / predicted_{t+1}``, ``γ_t = α_t ∘ (A u)``; the expected
    transitions are ``A ∘ Σ_t α_t ⊗ u_t``, so no (T−1, K, K) array is ever made.

    Parameters
    ----------
    initial_probs : (K,) float
    transition_matrix : (K, K) float
        Rows sum to one.
    log_emission : (T, K) float, nats
        log p(x_t | z_t = k); −inf where impossible.
    with_beta : bool
        Also return β.

    Returns
    -------
    ChainPosterior

    Raises
    ------
    ImpossibleDataError
        When the sequence has probability zero.

    Source: Bishop (2006), eqs 13.33, 13.43, 13.55–13.66.
    """
    peaks = log_emission.max(axis=1)
    if np.isneginf(peaks).any():
        raise impossible(int(np.argmax(np.isneginf(peaks))))
    forward = _forward(initial_probs, transition_matrix, np.exp(log_emission - peaks[:, None]))
    if forward is None or _lost_a_state(forward[0], transition_matrix, log_emission):
        return log_forward_backward(
            initial_probs, transition_matrix, log_emission, with_beta=with_beta
        )
    alpha, predicted, scale = forward
    gamma, ratio = _backward(transition_matrix, alpha, predicted)
    beta = None
    if with_beta:
        beta = np.ones_like(alpha)
        beta[:-1] = ratio @ transition_matrix.T
    log_scale = np.log(scale) + peaks
    xi = transition_matrix * (alpha[:-1].T @ ratio)
    return ChainPosterior(float(log_scale.sum()), gamma, xi, alpha, log_scale, beta)


def _forward(
    initial_probs: Floats, transition_matrix: Floats, emission: Floats
) -> tuple[Floats, Floats, Floats] | None:
    """Return α, predicted and scale; None when a scale underflows."""
    n_steps, n_states = emission.shape
    alpha = np.empty((n_steps, n_states))
    predicted = np.empty((n_steps + 1, n_states))
    predicted[0] = initial_probs
    scale = np.empty(n_steps)
    ones = np.ones(n_states)
    # This loop is what a million time steps wait for: every line writes into memory that is
    # already there, and a dot product with ones is the fastest sum of few numbers.
    rows = zip(predicted, emission, alpha, predicted[1:], strict=False)
    for t, (now, likelihood, belief, after) in enumerate(rows):
        np.multiply(now, likelihood, out=belief)
        total = belief.dot(ones)
        if total < TINY:
            return None
        scale[t] = total
        np.divide(belief, total, out=belief)
        np.dot(belief, transition_matrix, out=after)
    return alpha, predicted[:-1], scale


def _backward(transition_matrix: Floats, alpha: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Return γ (T, K) and the ratios u (T−1, K), which overwrite ``predicted``."""
    ratio = predicted[1:]
    ratio[ratio == 0] = 1.0  # γ is zero there as well, and 0/0 counts as 0
    gamma = np.empty_like(alpha)
    gamma[-1] = alpha[-1]
    rows = zip(gamma[:0:-1], ratio[::-1], gamma[-2::-1], alpha[-2::-1], strict=True)
    for after, step, now, belief in rows:
        np.divide(after, step, out=step)
        np.dot(transition_matrix, step, out=now)
        np.multiply(now, belief, out=now)
    # Each row sums to one up to the rounding of all the steps after it.
    totals = gamma.sum(axis=1, keepdims=True)
    gamma /= totals
    ratio /= totals[1:]
    return gamma, ratio


def _lost_a_state(alpha: Floats, transition_matrix: Floats, log_emission: Floats) -> bool:
    """Say whether an α that should be positive has underflowed for good.

    An underflow does no harm while every state can be entered from every other. Where some
    transition is (nearly) impossible, the state may come back into favor later and must not
    have been forgotten.
    """
    if transition_matrix.min() >= FRAGILE:
        return False
    small = alpha[1:] < TINY
    if not small.any():
        return False
    reachable = (alpha[:-1] > 0) @ (transition_matrix > 0)
    return bool(np.any(small & reachable & (log_emission[1:] > -np.inf)))


def log_forward_backward(
    initial_probs: Floats,
    transition_matrix: Floats,
    log_emission: Floats,
    *,
    with_beta: bool = False,
) -> ChainPosterior:
    """Return the same as :func:`forward_backward`, computed on logarithms throughout.

    Several times slower, and right for any probabilities that floating point can name.

    Raises
    ------
    ImpossibleDataError
        When the sequence has probability zero.
    """
    n_steps, n_states = log_emission.shape
    with np.errstate(divide="ignore"):
        log_initial, log_transition = np.log(initial_probs), np.log(transition_matrix)
    log_alpha = np.empty((n_steps, n_states))
    log_predicted = np.empty((n_steps, n_states))
    log_scale = np.empty(n_steps)
    log_next = log_initial
    for t in range(n_steps):
        log_predicted[t] = log_next
        joint = log_next + log_emission[t]
        log_scale[t] = np.logaddexp.reduce(joint)
        if log_scale[t] == -np.inf:
            raise impossible(t)
        log_alpha[t] = joint - log_scale[t]
        log_next = np.logaddexp.reduce(log_alpha[t][:, None] + log_transition, axis=0)

    log_gamma = np.empty_like(log_alpha)
    log_gamma[-1] = log_alpha[-1]
    log_beta = np.zeros_like(log_alpha)
    xi = np.zeros((n_states, n_states))
    for t in range(n_steps - 2, -1, -1):
        possible = log_gamma[t + 1] > -np.inf
        log_ratio = np.full(n_states, -np.inf)
        np.subtract(log_gamma[t + 1], log_predicted[t + 1], out=log_ratio, where=possible)
        log_beta[t] = np.logaddexp.reduce(log_transition + log_ratio, axis=1)
        joint = log_alpha[t] + log_beta[t]
        log_gamma[t] = joint - np.logaddexp.reduce(joint)
        xi += np.exp(log_alpha[t][:, None] + log_transition + log_ratio)
    return ChainPosterior(
        float(log_scale.sum()),
        np.exp(log_gamma),
        xi,
        np.exp(log_alpha),
        log_scale,
        np.exp(np.minimum(log_beta, LARGEST_LOG)) if with_beta else None,
    )


def viterbi_path(
    initial_probs: Floats, transition_matrix: Floats, log_emission: Floats
) -> tuple[Ints, float]:
    """Return the single most probable path of hidden states and its log joint probability.

    ``δ_t(j) = max_i [δ_{t−1}(i) + log A_ij] + log b_t(j)``, then back along the best
    predecessors. Ties go to the state with the lower number.

    Parameters
    ----------
    initial_probs : (K,) float
    transition_matrix : (K, K) float
    log_emission : (T, K) float, nats

    Returns
    -------
    path : (T,) int
    log_probability : float, nats
        log p(x_1 … x_T, path).

    Raises
    ------
    ImpossibleDataError
        When no path has a probability above zero.

    Source: Rabiner (1989), eqs 32–35.
    """
    n_steps, n_states = log_emission.shape
    with np.errstate(divide="ignore"):
        delta = np.log(initial_probs) + log_emission[0]
        log_into = np.ascontiguousarray(np.log(transition_matrix).T)
    best_before = np.empty((n_steps, n_states), dtype=np.int32)
    states = np.arange(n_states)
    scores = np.empty((n_states, n_states))
    if delta.max() == -np.inf:
        raise impossible(0)
    for t in range(1, n_steps):
        np.add(log_into, delta, out=scores)
        best = scores.argmax(axis=1)
        best_before[t] = best
        delta = scores[states, best] + log_emission[t]
        if delta.max() == -np.inf:
            raise impossible(t)
    path = np.empty(n_steps, dtype=np.int64)
    path[-1] = state = int(delta.argmax())
    for t in range(n_steps - 1, 0, -1):
        path[t - 1] = state = int(best_before[t, state])
    return path, float(delta.max())


def impossible(t: int) -> ImpossibleDataError:
    """Return the error that says at which time step (from 0) the data become impossible."""
    return ImpossibleDataError(
        f"The observation at time step {t + 1} has probability zero under these parameters: no "
        "state that can be reached there allows it. Raise a zero probability, or use a "
        "pseudo-count and another start."
    )
