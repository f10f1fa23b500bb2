"""Forward–backward over words: several symbols at a time, of a chain with few symbols and states.

A word ``w = s_1 … s_L`` takes the filter from one end to the other by a single matrix,
``M_w = M_{s_1} ⋯ M_{s_L}`` with ``M_s = A diag(b_s)``: ``α ← α M_w`` forward, ``β ← M_w β``
backward. There are few words and many places where each is read, so that all a place leaves is
added to its word's ``S_w = Σ α ⊗ β / (α M_w β)``. What happens within words is told at the end,
once for each word, from the longest down to single symbols: its last symbol s after ``p``, the
word without it, has ``ξ = (M_pᵀ S_w) ∘ M_s``, and leaves ``S_w M_sᵀ`` to p. That is exact, and
every number in it is positive, so that no digit is lost.

Source: Lifshits, Mozes, Weimann & Ziv-Ukelson (2009), "Speeding up HMM decoding and training by
exploiting sequence repetitions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.kernels.jit import kernel
from em_explorer.models.kernels.recursion import HOPELESS, SMALL, X2, X3, X4, X5, replaced
from em_explorer.models.kernels.rows import Chain, expected_chain_log
from em_explorer.models.kernels.smoothing import LEAST_OVERLAP, without_trace

MOST_STATES = 5
MOST_ENTRIES = 2**15
"""All words' matrices together must fit into the processor's second cache."""

LONGEST = 6

COST_OF_A_WORD = 8
"""Making a word's matrix and taking its sums apart takes as long as so many steps."""


def word_length(n_steps: int, n_symbols: int, n_states: int) -> int:
    """Return how many symbols the words of a chain should have; 0 where words do not pay.

    The longer the words the more of them there are, and the less one symbol more saves: of T
    steps, ``T / (L (L + 1))``.
    """
    if not 2 <= n_states <= MOST_STATES:
        return 0
    length, n_words = 1, n_symbols**2
    while (
        length < LONGEST
        and n_words * n_states**2 <= MOST_ENTRIES
        and n_words * COST_OF_A_WORD * length * (length + 1) <= n_steps
    ):
        length += 1
        n_words *= n_symbols
    return length if length > 1 else 0


@kernel()
def _first_numbers(n_symbols: int, length: int) -> Ints:
    """Return the number of the first word of each length 1 … L, and how many words there are."""
    first = np.zeros(length + 2, np.int64)
    n_words = n_symbols
    for n in range(1, length + 1):
        first[n + 1] = first[n] + n_words
        n_words *= n_symbols
    return first


@kernel(reorder=True)
def _matrices_of_words(table: Floats, transition: Floats, first: Ints, length: int) -> Floats:
    """Return ``M_w`` of all words, (W, K, K): that of all but the last symbol, times the last's."""
    size, n_symbols = table.shape
    matrices = np.empty((first[length + 1], size, size))
    for symbol in range(n_symbols):
        for i in range(size):
            for j in range(size):
                matrices[symbol, i, j] = transition[i, j] * table[j, symbol]
    for n in range(2, length + 1):
        for word in range(first[n], first[n + 1]):
            begin = matrices[first[n - 1] + (word - first[n]) // n_symbols]
            last = matrices[(word - first[n]) % n_symbols]
            for i in range(size):
                for j in range(size):
                    value = 0.0
                    for k in range(size):
                        value += begin[i, k] * last[k, j]
                    matrices[word, i, j] = value
    return matrices


@kernel()
def _read_words(
    symbols: Ints, begin: int, end: int, n_symbols: int, length: int, first: Ints, words: Ints
) -> int:
    """Write the words of some time steps, the last perhaps a shorter one; return how many."""
    n_whole = (end - begin) // length
    for n in range(n_whole):
        word = 0
        for t in range(begin + n * length, begin + (n + 1) * length):
            word = word * n_symbols + symbols[t]
        words[n] = first[length] + word
    left = end - begin - n_whole * length
    if left == 0:
        return n_whole
    word = 0
    for t in range(end - left, end):
        word = word * n_symbols + symbols[t]
    words[n_whole] = first[left] + word
    return n_whole + 1


@kernel(reorder=True)
def _forward(matrices: Floats, words: Ints, n: int, state: Floats, alpha: Floats, x: Any) -> float:
    """Take ``state``, in the tuple ``x`` (K), through n words; note in ``alpha`` what each meets.

    Returns
    -------
    float, nats
        The log of what α was divided by; NaN when the numbers became too small.
    """
    size = len(x)
    for j in range(size):
        x = replaced(x, j, state[j])
    log_scale = 0.0
    for t in range(n):
        word = words[t]
        after = x
        total = 0.0
        for j in range(size):
            alpha[t, j] = x[j]
            value = 0.0
            for i in range(size):
                value += x[i] * matrices[word, i, j]
            total += value
            after = replaced(after, j, value)
        x = after
        if total < SMALL:
            if not total >= HOPELESS:
                return np.nan
            log_scale += np.log(total)
            for j in range(size):
                x = replaced(x, j, x[j] / total)
    for j in range(size):
        state[j] = x[j]
    return log_scale


@kernel(reorder=True)
def _backward(
    matrices: Floats, words: Ints, n: int, state: Floats, alpha: Floats, sums: Floats, x: Any
) -> bool:
    """Take β back through n words and add to each one's S; False when numbers became too small."""
    size = len(x)
    for j in range(size):
        x = replaced(x, j, state[j])
    lost = 0
    for t in range(n - 1, -1, -1):
        word = words[t]
        before = x
        total = overlap = 0.0
        for i in range(size):
            value = 0.0
            for j in range(size):
                value += matrices[word, i, j] * x[j]
            total += value
            overlap += value * alpha[t, i]
            before = replaced(before, i, value)
        lost += not overlap > LEAST_OVERLAP
        inverse = 1.0 / overlap
        for i in range(size):
            share = alpha[t, i] * inverse
            for j in range(size):
                sums[word, i, j] += share * x[j]
        if total < SMALL:
            lost += not total >= HOPELESS
            for i in range(size):
                before = replaced(before, i, before[i] / total)
        x = before
    for j in range(size):
        state[j] = x[j]
    return lost == 0


@kernel()
def _forward_by_size(matrices: Floats, words: Ints, n: int, state: Floats, alpha: Floats) -> float:
    size = len(state)
    if size == 2:
        return _forward(matrices, words, n, state, alpha, X2)
    if size == 3:
        return _forward(matrices, words, n, state, alpha, X3)
    if size == 4:
        return _forward(matrices, words, n, state, alpha, X4)
    return _forward(matrices, words, n, state, alpha, X5)


@kernel()
def _backward_by_size(
    matrices: Floats, words: Ints, n: int, state: Floats, alpha: Floats, sums: Floats
) -> bool:
    size = len(state)
    if size == 2:
        return _backward(matrices, words, n, state, alpha, sums, X2)
    if size == 3:
        return _backward(matrices, words, n, state, alpha, sums, X3)
    if size == 4:
        return _backward(matrices, words, n, state, alpha, sums, X4)
    return _backward(matrices, words, n, state, alpha, sums, X5)


@kernel()
def _run_sequence(
    symbols: Ints,
    table: Floats,
    begin: int,
    end: int,
    initial: Floats,
    first: Ints,
    length: int,
    matrices: Floats,
    words: Ints,
    alpha: Floats,
    states: Floats,
    sums: Floats,
    gamma: Floats,
) -> float:
    """Run one sequence, in segments if it needs more room than ``alpha`` has.

    Leaves the probabilities of its first state in ``gamma``.

    Returns
    -------
    float, nats
        log p of the sequence; NaN when the numbers became too small.
    """
    n_states, n_symbols = table.shape
    stride = len(alpha) * length
    n_segments = max(1, (end - begin - 1 + stride - 1) // stride)
    state = states[n_segments]
    for k in range(n_states):
        state[k] = initial[k] * table[k, symbols[begin]]
    total = state.sum()
    if not total >= HOPELESS:
        return np.nan
    state /= total
    gamma[:] = state
    log_likelihood = np.log(total)
    # All segments forward, then from the last one back, each but that forward once more.
    for visit in range(2 * n_segments - 1):
        segment = min(visit, 2 * n_segments - 2 - visit)
        here = begin + 1 + segment * stride
        n = _read_words(symbols, here, min(here + stride, end), n_symbols, length, first, words)
        if visit < n_segments:
            states[segment] = state
            log_scale = _forward_by_size(matrices, words, n, state, alpha)
            if np.isnan(log_scale):
                return np.nan
            log_likelihood += log_scale
        else:
            _forward_by_size(matrices, words, n, states[segment], alpha)
        if visit == n_segments - 1:
            log_likelihood += np.log(state.sum())
            state[:] = 1.0
        if visit >= n_segments - 1 and not _backward_by_size(
            matrices, words, n, state, alpha, sums
        ):
            return np.nan
    gamma *= state
    gamma /= gamma.sum()
    return float(log_likelihood)


@kernel(reorder=True)
def _tell_within_words(
    matrices: Floats, sums: Floats, first: Ints, length: int, transitions: Floats, counts: Floats
) -> None:
    """Add what happened within words to expected transitions (K, K) and symbols (K, M)."""
    n_states, n_symbols = counts.shape
    ends = np.zeros((n_symbols, n_states, n_states))
    for n in range(length, 1, -1):
        for word in range(first[n], first[n + 1]):
            seen = 0.0
            for i in range(n_states):
                for j in range(n_states):
                    seen += sums[word, i, j]
            if seen == 0.0:
                continue
            symbol = (word - first[n]) % n_symbols
            begin = first[n - 1] + (word - first[n]) // n_symbols
            for i in range(n_states):
                for j in range(n_states):
                    ending = rest = 0.0
                    for k in range(n_states):
                        ending += matrices[begin, k, i] * sums[word, k, j]
                        rest += sums[word, i, k] * matrices[symbol, j, k]
                    ends[symbol, i, j] += ending
                    sums[begin, i, j] += rest
    for symbol in range(n_symbols):
        for i in range(n_states):
            for j in range(n_states):
                xi = (ends[symbol, i, j] + sums[symbol, i, j]) * matrices[symbol, i, j]
                transitions[i, j] += xi
                counts[j, symbol] += xi


@kernel()
def run_words(
    symbols: Ints,
    table: Floats,
    peaks: Floats,
    starts: Ints,
    initial: Floats,
    transition: Floats,
    least: float,
    length: int,
    alpha: Floats,
    found: Chain,
) -> tuple[float, float]:
    """Run forward–backward over whole sequences and add up what they count.

    Parameters
    ----------
    symbols : (T,) int
    table, peaks : (K, M) and (M,) or (0,) float
        See :mod:`.emission_blocks`.
    starts : (S + 1,) int
        Sequence s lies from ``starts[s]`` to ``starts[s + 1]``.
    initial, transition : (K,) and (K, K) float
    least : float
        With a transition less probable than this, a forgotten state might not be entered again.
    length : int
        L, from :func:`word_length`.
    alpha : (words, K) float
        Room for α. A sequence that needs more is cut into segments.
    found : tuple of (K,), (K, K) and (K, M) float
        Expected beginnings, transitions and symbols: zeros to begin with.

    Returns
    -------
    log_likelihood, expected : float, nats
        log p and E_q[log p(X, Z)] of all sequences; NaN when words can't serve, because states
        might be forgotten or numbers became too small. Then what was counted is useless.
    """
    if transition.min() < least:
        return np.nan, np.nan
    initial_counts, transition_counts, counts = found
    n_states, n_symbols = table.shape
    first = _first_numbers(n_symbols, length)
    matrices = _matrices_of_words(table, transition, first, length)
    sums = np.zeros(matrices.shape)
    words = np.empty(len(alpha) + 1, np.int64)
    gamma = np.empty(n_states)
    longest = 0
    for s in range(len(starts) - 1):
        longest = max(longest, starts[s + 1] - starts[s])
    states = np.empty((longest // (len(alpha) * length) + 3, n_states))
    total = of_peaks = 0.0
    for s in range(len(starts) - 1):
        log_likelihood = _run_sequence(
            symbols, table, starts[s], starts[s + 1], initial, first, length, matrices, words,
            alpha, states, sums, gamma,
        )  # fmt: skip
        if np.isnan(log_likelihood):
            return np.nan, np.nan
        total += log_likelihood
        for t in range(starts[s], starts[s + 1] if len(peaks) > 0 else 0):
            of_peaks += peaks[symbols[t]]
        for k in range(n_states):
            initial_counts[k] += gamma[k]
            counts[k, symbols[starts[s]]] += gamma[k]
    _tell_within_words(matrices, sums, first, length, transition_counts, counts)
    for i in range(n_states):
        initial_counts[i] = without_trace(initial_counts[i])
        for j in range(n_states):
            transition_counts[i, j] = without_trace(transition_counts[i, j])
        for symbol in range(n_symbols):
            counts[i, symbol] = without_trace(counts[i, symbol])
    expected = expected_chain_log(found, (initial, transition, table))
    return total + of_peaks, expected + of_peaks
