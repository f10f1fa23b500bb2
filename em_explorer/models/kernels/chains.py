"""Forward–backward for whole sequences, with the expected counts taken on the way.

Forward and backward are one recursion (:mod:`.recursion`), which runs through the filter α and,
with time reversed, through ``v_t = b_t ∘ β_t``, both up to a factor. All else is done block by
block, along time: densities, ``β_t = A v_{t+1}``, ``γ_t ∝ α_t ∘ β_t`` and
``ξ = A ∘ Σ_t α_t ⊗ v_{t+1}``, where each step is divided by its α_t · β_t.

Source: Rabiner (1989), "A tutorial on hidden Markov models", §III and §V.A.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.models.kernels.emission_blocks import BLOCK, collect, densities
from em_explorer.models.kernels.jit import kernel
from em_explorer.models.kernels.recursion import HOPELESS, propagate
from em_explorer.models.kernels.smoothing import (
    count_transitions,
    smooth,
    smooth_end,
    without_trace,
    write_posterior,
)

TINY = 1e-280
"""A state this improbable is about to be forgotten (see :func:`_forgot_a_state`)."""


@kernel()
def _begin(
    prior: Floats, weights: Floats, column: int, state: Floats, out: Floats, at: int
) -> float:
    """Take the first step, ``x = prior ∘ weights[:, column]``, and bring it to sum one."""
    total = 0.0
    for k in range(len(state)):
        state[k] = prior[k] * weights[k, column]
        total += state[k]
    if not total >= HOPELESS:
        return np.nan
    for k in range(len(state)):
        state[k] /= total
        out[k, at] = state[k]
    return float(np.log(total))


@kernel()
def _forgot_a_state(
    matrix: Floats,
    weights: Floats,
    first: int,
    step: int,
    n: int,
    before: Floats,
    values: Floats,
) -> bool:
    """Say whether an entry of x that should be positive has underflowed.

    Only where some transitions are (nearly) impossible does that matter: elsewhere the state is
    entered again from the others.
    """
    t = first
    for s in range(n):
        for j in range(len(values)):
            if values[j, t] < TINY and weights[j, t] > 0.0:
                for i in range(len(values)):
                    source = before[i] if s == 0 else values[i, t - step]
                    if source > 0.0 and matrix[j, i] > 0.0:
                        return True
        t += step
    return False


@kernel()
def _forgot_at_once(prior: Floats, weights: Floats, column: int, state: Floats) -> bool:
    """Say the same of the first step."""
    for k in range(len(prior)):
        if state[k] < TINY and weights[k, column] > 0.0 and prior[k] > 0.0:
            return True
    return False


@kernel()
def _forward(
    observations: Any,
    emission: Any,
    begin: int,
    end: int,
    fresh: bool,
    initial: Floats,
    transposed: Floats,
    fragile: bool,
    weights: Floats,
    peaks: Floats,
    vectors: Floats,
    state: Floats,
    alpha: Floats,
) -> float:
    """Fill ``alpha`` and ``weights`` (blocks, K, BLOCK) of a segment, and take ``state`` along.

    Returns
    -------
    float, nats
        The log of what α was divided by; NaN when logarithms must serve.
    """
    before = np.empty(len(initial))
    # Not literals, or all that they are handed to would be compiled for each value.
    step, zero = int(np.int64(1)), int(np.int64(0))
    log_scale = 0.0
    for start in range(begin, end, BLOCK):
        block = (start - begin) // BLOCK
        n = min(BLOCK, end - start)
        at_begin = fresh and start == begin
        weight = weights[block]
        densities(observations, emission, start, n, weight, peaks, vectors)
        first = 0
        if at_begin:
            first = 1
            log_scale += _begin(initial, weight, zero, state, alpha[0], zero)
            if fragile and _forgot_at_once(initial, weight, zero, state):
                return np.nan
        for k in range(len(state)):
            before[k] = state[k]
        steps = n - first
        for t in range(n):
            log_scale += peaks[t]
        log_scale += propagate(transposed, weight, first, step, steps, state, alpha[block])
        if not log_scale > -np.inf:
            return np.nan
        if fragile and _forgot_a_state(
            transposed, weight, first, step, steps, before, alpha[block]
        ):
            return np.nan
    return log_scale


@kernel()
def _end(weights: Floats, column: int, fragile: bool, state: Floats, v: Floats, at: int) -> bool:
    """Take the last step of a chain, where v is b."""
    ones = np.ones(len(state))
    scale = _begin(ones, weights, column, state, v, at)
    return not (np.isnan(scale) or (fragile and _forgot_at_once(ones, weights, column, state)))


@kernel()
def _backward(
    observations: Any,
    emission: Any,
    begin: int,
    end: int,
    ends_chain: bool,
    transition: Floats,
    fragile: bool,
    latent: bool,
    weights: Floats,
    peaks: Floats,
    vectors: Floats,
    state: Floats,
    alpha: Floats,
    found: Any,
    first_gamma: Floats,
    products: Floats,
    posterior: Any,
) -> bool:
    """Go back through the blocks of a segment and count; False when logarithms must serve.

    ``state`` is v of the step after it, and becomes v of its first step.
    """
    size = len(transition)
    before = np.empty(size)
    step = int(np.int64(-1))
    v = np.zeros((size, BLOCK + 1))
    scaled, gamma = np.empty((size, BLOCK)), np.empty((size, BLOCK))
    last = (end - begin - 1) // BLOCK
    for block in range(last, -1, -1):
        start = begin + block * BLOCK
        n = steps = min(BLOCK, end - start)
        at_end = ends_chain and block == last
        weight = weights[block]
        if at_end:
            steps = n - 1
            if not _end(weight, n - 1, fragile, state, v, n - 1):
                return False
        for k in range(size):
            if not at_end:
                v[k, n] = state[k]
            before[k] = state[k]
        scale = propagate(transition, weight, steps - 1, step, steps, state, v)
        if np.isnan(scale) or (
            fragile and _forgot_a_state(transition, weight, steps - 1, step, steps, before, v)
        ):
            return False
        if not smooth(transition, steps, alpha[block], v, scaled, gamma, peaks):
            return False
        if at_end:
            smooth_end(alpha[block], n - 1, scaled, gamma)
        count_transitions(scaled, v, steps, products)
        collect(observations, start, n, gamma, vectors, found)
        if latent:
            write_posterior(start, n, at_end, transition, scaled, v, gamma, posterior)
    for k in range(size):
        first_gamma[k] = gamma[k, 0]
    return True


@kernel()
def _run_chain(
    observations: Any,
    emission: Any,
    begin: int,
    end: int,
    initial: Floats,
    transition: Floats,
    transposed: Floats,
    fragile: bool,
    latent: bool,
    weights: Floats,
    peaks: Floats,
    vectors: Floats,
    state: Floats,
    alpha: Floats,
    found: Any,
    first_gamma: Floats,
    products: Floats,
    posterior: Any,
) -> tuple[float, bool]:
    """Run one sequence, in segments if it needs more room than ``alpha`` has.

    Returns
    -------
    log_likelihood : float, nats
        NaN when logarithms must serve.
    touched : bool
        Whether anything was counted.
    """
    size = len(initial)
    stride = len(alpha) * BLOCK
    n_segments = (end - begin + stride - 1) // stride
    states = np.empty((n_segments + 1, size))
    log_likelihood = 0.0
    # All segments forward, then from the last one back, each but that forward once more.
    for visit in range(2 * n_segments - 1):
        segment = min(visit, 2 * n_segments - 2 - visit)
        here = begin + segment * stride
        there = min(here + stride, end)
        if visit >= n_segments:
            state[:] = states[segment]
        else:
            states[segment] = state
        log_scale = _forward(
            observations, emission, here, there, segment == 0, initial, transposed, fragile,
            weights, peaks, vectors, state, alpha,
        )  # fmt: skip
        if np.isnan(log_scale):
            return np.nan, visit >= n_segments
        if visit < n_segments:
            log_likelihood += log_scale
        if visit < n_segments - 1:
            continue
        last = segment == n_segments - 1
        if last:
            log_likelihood += np.log(state.sum())
        else:
            state[:] = states[n_segments]
        if not _backward(
            observations, emission, here, there, last, transition, fragile, latent,
            weights, peaks, vectors, state, alpha, found, first_gamma, products, posterior,
        ):  # fmt: skip
            return np.nan, True
        states[n_segments] = state
    return log_likelihood, True


@kernel()
def run_chains(
    observations: Any,
    emission: Any,
    starts: Ints,
    initial: Floats,
    transition: Floats,
    least: float,
    alpha: Floats,
    weights: Floats,
    skipped: Bools,
    found: Any,
    initial_counts: Floats,
    transition_counts: Floats,
    latent: bool,
    posterior: Any,
) -> tuple[float, bool]:
    """Run forward–backward over whole sequences and add up what they count.

    Parameters
    ----------
    observations : (T,) int or (T, D) float
    emission : tuple of arrays
        See :mod:`.emission_blocks`.
    starts : (S + 1,) int
        Sequence s lies from ``starts[s]`` to ``starts[s + 1]``.
    initial : (K,) float
    transition : (K, K) float
    least : float
        With a transition less probable than this, a forgotten state might not be entered again.
    alpha, weights : (blocks, K, BLOCK) float
        Room for α and densities. A sequence that needs more is cut into segments, and all but the
        last go forward a second time: memory stays small, and in the cache.
    skipped : (S,) bool
        Sequences to leave out; those that need logarithms are added to them.
    found : tuple of arrays
        Expected counts of the emission, added to.
    initial_counts, transition_counts : (K,) and (K, K) float
        Zeros to begin with.
    latent : bool
    posterior : tuple of three (T, K) arrays
        γ, α and β, written when ``latent`` is true.

    Returns
    -------
    log_likelihood : float, nats
        Of the sequences that were not skipped.
    whole : bool
        False when a sequence was given up half way, so that what was added up is useless.
    """
    size = len(initial)
    peaks = np.empty(BLOCK)
    # Own copies: what is read-only is another type, and all below would be compiled twice.
    prior, matrix, transposed = initial.copy(), transition.copy(), transition.T.copy()
    fragile = transition.min() < least
    products = np.zeros((size, size))
    n_dims = observations.shape[1] if observations.ndim == 2 else 0
    vectors = np.empty((2, n_dims, BLOCK))
    state, first_gamma = np.empty(size), np.empty(size)
    total = 0.0
    whole = True
    for s in range(len(skipped)):
        if skipped[s]:
            continue
        log_likelihood, touched = _run_chain(
            observations, emission, starts[s], starts[s + 1], prior, matrix, transposed,
            fragile, latent, weights, peaks, vectors, state, alpha, found, first_gamma,
            products, posterior,
        )  # fmt: skip
        if np.isnan(log_likelihood):
            skipped[s] = True
            whole = whole and not touched
        else:
            total += log_likelihood
            initial_counts += first_gamma
    for i in range(size):
        initial_counts[i] = without_trace(initial_counts[i])
        for j in range(size):
            transition_counts[i, j] = without_trace(products[i, j] * transition[i, j])
        if observations.ndim == 1:
            for symbol in range(found[0].shape[1]):
                found[0][i, symbol] = without_trace(found[0][i, symbol])
    return total, whole
