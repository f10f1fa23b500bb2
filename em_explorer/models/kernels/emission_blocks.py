"""Emissions of a hidden Markov model over a block of time: densities in, expected counts out.

A block holds one row per state and runs along time, so that each loop over time is over
neighbors in memory. Observations are either symbols (T,), looked up in a table, or vectors (T, D)
from a normal per state; which of the two is known when the code is compiled.

The *emission* is a tuple of arrays:

- symbols: ``table`` (K, M) of probabilities, and ``peaks`` (M,), the logs of what each column was
  divided by, or none (0,); for :func:`log_densities` only a table of logs (K, M);
- vectors: ``means`` (K, D), lower Cholesky ``factors`` (K, D, D), ``constants`` (K,), the log
  densities at the means.

What is *found* is a tuple of arrays that grow: ``counts`` (K, M) for symbols; ``counts`` (K,),
``means`` (K, D) and ``scatter`` (K, D, D) for vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.kernels.elementary import exp
from em_explorer.models.kernels.jit import kernel
from em_explorer.models.kernels.recursion import X2, X3, X4, X5

BLOCK = 256
"""Time steps per block: the arrays of a block stay in the processor's first cache."""


@kernel()
def log_densities(
    observations: Any, emission: Any, begin: int, n: int, out: Floats, vectors: Floats
) -> None:
    """Write log p(x_t | k) of ``n`` steps into ``out[k, :n]``; ``vectors`` is scratch (2, D, n)."""
    if observations.ndim == 1:
        log_table = emission[0]
        for k in range(len(out)):
            for t in range(n):
                out[k, t] = log_table[k, observations[begin + t]]
    else:
        means, factors, constants = emission
        n_dims = means.shape[1]
        for t in range(n):
            for i in range(n_dims):
                vectors[0, i, t] = observations[begin + t, i]
        for k in range(len(out)):
            _normal_row(vectors, means, factors, constants[k], k, n, out)


@kernel()
def _normal_row(
    vectors: Floats, means: Floats, factors: Floats, constant: float, k: int, n: int, out: Floats
) -> None:
    """Write ``constant − ½ |L⁻¹(x − μ)|²`` for state k by forward substitution."""
    row = out[k]
    for t in range(n):
        row[t] = constant
    for i in range(means.shape[1]):
        mean, pivot = means[k, i], 1.0 / factors[k, i, i]
        source, z = vectors[0, i], vectors[1, i]
        for t in range(n):
            z[t] = source[t] - mean
        for j in range(i):
            factor, known = factors[k, i, j], vectors[1, j]
            for t in range(n):
                z[t] -= factor * known[t]
        for t in range(n):
            z[t] *= pivot
            row[t] -= 0.5 * z[t] * z[t]


@kernel()
def densities(
    observations: Any,
    emission: Any,
    begin: int,
    n: int,
    out: Floats,
    peaks: Floats,
    vectors: Floats,
) -> None:
    """Write p(x_t | k) over its largest value among the states, whose log goes to ``peaks``."""
    if observations.ndim == 1:
        table, symbol_peaks = emission[0], emission[1]
        for t in range(n):
            peaks[t] = symbol_peaks[observations[begin + t]] if len(symbol_peaks) > 0 else 0.0
        for k in range(len(out)):
            for t in range(n):
                out[k, t] = table[k, observations[begin + t]]
    else:
        log_densities(observations, emission, begin, n, out, vectors)
        for t in range(n):
            peaks[t] = out[0, t]
        for k in range(1, len(out)):
            row = out[k]
            for t in range(n):
                peaks[t] = row[t] if row[t] > peaks[t] else peaks[t]
        for k in range(len(out)):
            row = out[k]
            for t in range(n):
                row[t] = exp(row[t] - peaks[t])


@kernel()
def collect(
    observations: Any, begin: int, n: int, gamma: Floats, vectors: Floats, found: Any
) -> None:
    """Add the expected counts of a block, whose state probabilities are ``gamma[k, :n]``."""
    if observations.ndim == 1:
        size = len(gamma)
        if size == 2:
            _count_symbols(observations, begin, n, gamma, found[0], X2)
        elif size == 3:
            _count_symbols(observations, begin, n, gamma, found[0], X3)
        elif size == 4:
            _count_symbols(observations, begin, n, gamma, found[0], X4)
        elif size == 5:
            _count_symbols(observations, begin, n, gamma, found[0], X5)
        else:
            for t in range(n):
                symbol = observations[begin + t]
                for k in range(size):
                    found[0][k, symbol] += gamma[k, t]
    else:
        for t in range(n):
            for i in range(observations.shape[1]):
                vectors[0, i, t] = observations[begin + t, i]
        shift = np.empty(observations.shape[1])
        for k in range(len(gamma)):
            _merge_moments(gamma, k, n, vectors, found[0], found[1], found[2], shift)


@kernel()
def _count_symbols(
    symbols: Ints, begin: int, n: int, gamma: Floats, counts: Floats, row: Any
) -> None:
    """Add γ to the counts (K, M) of the symbols seen; ``row`` only says how long K is."""
    for t in range(n):
        symbol = symbols[begin + t]
        for k in range(len(row)):
            counts[k, symbol] += gamma[k, t]


SMALLEST_WEIGHT = 1e-290
"""Less than this in a whole block is nothing, and dividing by it would not be safe."""


@kernel(reorder=True)
def _merge_moments(
    gamma: Floats,
    k: int,
    n: int,
    vectors: Floats,
    counts: Floats,
    means: Floats,
    scatter: Floats,
    shift: Floats,
) -> None:
    """Merge a block's weighted mean and scatter about it into those of state k.

    Source: Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance".
    """
    n_dims = means.shape[1]
    row = gamma[k]
    weight = 0.0
    for t in range(n):
        weight += row[t]
    if weight < SMALLEST_WEIGHT:
        return
    total = counts[k] + weight
    share = weight / total
    for i in range(n_dims):
        source, target = vectors[0, i], vectors[1, i]
        moment = 0.0
        for t in range(n):
            moment += row[t] * source[t]
        mean = moment / weight
        shift[i] = mean - means[k, i]
        for t in range(n):
            target[t] = source[t] - mean
    for i in range(n_dims):
        left = vectors[1, i]
        for j in range(i + 1):
            right = vectors[1, j]
            inner = counts[k] * share * shift[i] * shift[j]
            for t in range(n):
                inner += row[t] * left[t] * right[t]
            scatter[k, i, j] += inner
            scatter[k, j, i] = scatter[k, i, j]
    for i in range(n_dims):
        means[k, i] += share * shift[i]
    counts[k] = total
