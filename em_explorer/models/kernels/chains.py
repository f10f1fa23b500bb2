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
from em_explorer.models.kernels.recursion import HOPELESS, propagate, propagate_symbols
from em_explorer.models.kernels.smoothing import (
    count_transitions,
    smooth,
    smooth_end,
    write_posterior,
)

TINY = 1e-280
"""A state this improbable is about to be forgotten (see :func:`_forgot_a_state`)."""

MOST_STATES, MOST_ENTRIES = 5, 2**12
"""With no more than so many states, and entries in all, every symbol gets a matrix of its own, and
so does every pair of symbols."""


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
def _matrices_of_symbols(emission: Any, matrix: Floats, wanted: bool) -> Floats:
    """Return ``diag(b) M`` for each symbol, (M, K, K), or none."""
    table = emission[0]
    size = len(matrix)
    matrices = np.empty((table.shape[1] if wanted else 0, size, size))
    for symbol in range(len(matrices)):
        for j in range(size):
            for i in range(size):
                matrices[symbol, j, i] = table[j, symbol] * matrix[j, i]
    return matrices


@kernel()
def _matrices_of_pairs(matrices: Floats) -> Floats:
    """Return the products of two symbols' matrices, the later one first, (M², K, K), or none."""
    n_symbols, size, _ = matrices.shape
    wanted = n_symbols * n_symbols * size * size <= MOST_ENTRIES
    pairs = np.zeros((n_symbols * n_symbols if wanted else 0, size, size))
    if wanted:
        for one in range(n_symbols):
            for two in range(n_symbols):
                for j in range(size):
                    for k in range(size):
                        for i in range(size):
                            entry = matrices[two, j, k] * matrices[one, k, i]
                            pairs[one * n_symbols + two, j, i] += entry
    return pairs


@kernel(reorder=True)
def _sum_of_peaks(observations: Any, emission: Any, begin: int, n: int) -> float:
    """Return the log of what the densities of symbols were divided by."""
    peaks = emission[1]
    total = 0.0
    if len(peaks) > 0:
        for t in range(begin, begin + n):
            total += peaks[observations[t]]
    return total


@kernel()
def _go_through(
    by_symbol: bool,
    matrices: Floats,
    pairs: Floats,
    observations: Any,
    start: int,
    matrix: Floats,
    weights: Floats,
    first: int,
    step: int,
    n: int,
    state: Floats,
    out: Floats,
) -> float:
    """Take the recursion through a block, with the matrices of symbols where there are such."""
    if observations.ndim == 1 and by_symbol:
        return propagate_symbols(matrices, pairs, observations, start, first, step, n, state, out)
    return propagate(matrix, weights, first, step, n, state, out)


@kernel()
def _forward(
    observations: Any,
    emission: Any,
    begin: int,
    end: int,
    initial: Floats,
    transposed: Floats,
    matrices: Floats,
    pairs: Floats,
    fragile: bool,
    weights: Floats,
    peaks: Floats,
    vectors: Floats,
    alpha: Floats,
) -> float:
    """Fill ``alpha`` (blocks, K, BLOCK) and return log p(x); NaN when logarithms must serve."""
    state, before = np.empty(len(initial)), np.empty(len(initial))
    # Not literals, or all that they are handed to would be compiled for each value.
    step, zero = int(np.int64(1)), int(np.int64(0))
    by_symbol = observations.ndim == 1 and len(matrices) > 0
    log_scale = 0.0
    for start in range(begin, end, BLOCK):
        block = (start - begin) // BLOCK
        n = min(BLOCK, end - start)
        at_begin = start == begin
        if at_begin or not by_symbol:
            m = 1 if by_symbol else n
            densities(observations, emission, start, m, weights, peaks, vectors)
        first = 0
        if at_begin:
            first = 1
            log_scale += _begin(initial, weights, zero, state, alpha[0], zero)
            if fragile and _forgot_at_once(initial, weights, zero, state):
                return np.nan
        for k in range(len(state)):
            before[k] = state[k]
        steps = n - first
        if by_symbol:
            log_scale += _sum_of_peaks(observations, emission, start, n)
        else:
            for t in range(n):
                log_scale += peaks[t]
        log_scale += _go_through(
            by_symbol, matrices, pairs, observations, start, transposed, weights,
            first, step, steps, state, alpha[block],
        )  # fmt: skip
        if not log_scale > -np.inf:
            return np.nan
        if fragile and _forgot_a_state(
            transposed, weights, first, step, steps, before, alpha[block]
        ):
            return np.nan
    return float(log_scale + np.log(state.sum()))


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
    transition: Floats,
    matrices: Floats,
    pairs: Floats,
    fragile: bool,
    latent: bool,
    weights: Floats,
    peaks: Floats,
    vectors: Floats,
    alpha: Floats,
    found: Any,
    first_gamma: Floats,
    products: Floats,
    posterior: Any,
) -> bool:
    """Go back through the blocks of α and count; False when logarithms must serve."""
    size = len(transition)
    state, before = np.empty(size), np.empty(size)
    one, step = int(np.int64(1)), int(np.int64(-1))
    v = np.zeros((size, BLOCK + 1))
    scaled, gamma = np.empty((size, BLOCK)), np.empty((size, BLOCK))
    by_symbol = observations.ndim == 1 and len(matrices) > 0
    last = (end - begin - 1) // BLOCK
    for block in range(last, -1, -1):
        start = begin + block * BLOCK
        n = steps = min(BLOCK, end - start)
        at_end = block == last
        if at_end:
            steps = n - 1
            column = 0 if by_symbol else n - 1
            if by_symbol:  # else the forward pass has left the densities of this block
                densities(observations, emission, start + n - 1, one, weights, peaks, vectors)
            if not _end(weights, column, fragile, state, v, n - 1):
                return False
        else:
            if not by_symbol:
                densities(observations, emission, start, n, weights, peaks, vectors)
            v[:, n] = state
        for k in range(size):
            before[k] = state[k]
        scale = _go_through(
            by_symbol, matrices, pairs, observations, start, transition, weights,
            steps - 1, step, steps, state, v,
        )  # fmt: skip
        if np.isnan(scale) or (
            fragile and _forgot_a_state(transition, weights, steps - 1, step, steps, before, v)
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
def run_chains(
    observations: Any,
    emission: Any,
    starts: Ints,
    initial: Floats,
    transition: Floats,
    least: float,
    alpha: Floats,
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
    alpha : (blocks, K, BLOCK) float
        Room for α of the longest sequence. Large ones are better made by numpy, which asks for
        large pages of memory.
    skipped : (S,) bool
        Sequences to leave out; those that need logarithms are added to them.
    found : tuple of arrays
        Expected counts of the emission, added to.
    initial_counts, transition_counts : (K,) and (K, K) float
        Added to.
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
    weights, peaks = np.empty((size, BLOCK)), np.empty(BLOCK)
    # Own copies: what is read-only is another type, and all below would be compiled twice.
    prior, matrix, transposed = initial.copy(), transition.copy(), transition.T.copy()
    fragile = transition.min() < least
    products = np.zeros((size, size))
    if observations.ndim == 1:
        few = 1 < size <= MOST_STATES and emission[0].size * size <= MOST_ENTRIES
        into = _matrices_of_symbols(emission, transposed, few and not fragile)
        back = _matrices_of_symbols(emission, matrix, few and not fragile)
        vectors = np.empty((2, 0, BLOCK))
    else:
        into = back = np.empty((0, size, size))
        vectors = np.empty((2, observations.shape[1], BLOCK))
    forward, backward = (into, _matrices_of_pairs(into)), (back, _matrices_of_pairs(back))
    first_gamma = np.empty(size)
    total = 0.0
    whole = True
    for s in range(len(skipped)):
        if skipped[s]:
            continue
        log_likelihood = _forward(
            observations, emission, starts[s], starts[s + 1], prior, transposed, *forward,
            fragile, weights, peaks, vectors, alpha,
        )  # fmt: skip
        if np.isnan(log_likelihood):
            skipped[s] = True
            continue
        done = _backward(
            observations, emission, starts[s], starts[s + 1], matrix, *backward,
            fragile, latent, weights, peaks, vectors, alpha, found, first_gamma, products,
            posterior,
        )  # fmt: skip
        if done:
            total += log_likelihood
            initial_counts += first_gamma
        else:
            skipped[s] = True
            whole = False
    transition_counts += products * transition
    return total, whole
