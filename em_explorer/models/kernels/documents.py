"""Coordinate ascent of one document of a topic model after the other.

A document's factors ``exp E[log β]`` are copied into a small table (K, M) of its M distinct words,
which stays in the processor's first cache for all the turns; every loop runs along the words.
Factors are relative to the largest of their word, whose log is in ``peaks``.
"""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints
from em_explorer.models.kernels.elementary import exp_digamma
from em_explorer.models.kernels.jit import kernel

STRIDE = 16
"""Tables are padded to a multiple of this many words, so that no loop ends in single steps."""

HALF_LOG_2PI = 0.9189385332046727


@kernel(reorder=True)
def _gather(
    factors: Floats,
    words: Ints,
    counts: Floats,
    begin: int,
    n: int,
    topics: Floats,
    tally: Floats,
) -> None:
    """Copy a document's counts, and the factors of its words, (V, K), into ``topics`` (K, M).

    The padding has the factor 1 in every topic, and never occurs.
    """
    n_topics, width = topics.shape
    for m in range(n):
        tally[m] = counts[begin + m]
        row = factors[words[begin + m]]
        for k in range(n_topics):
            topics[k, m] = row[k]
    for m in range(n, width):
        tally[m] = 0.0
        for k in range(n_topics):
            topics[k, m] = 1.0


@kernel(reorder=True)
def _normalize(topics: Floats, doc: Floats, norm: Floats) -> None:
    """Write ``Σ_k doc_k topics_km``; four topics at a time save three of four round trips."""
    n_topics, n = topics.shape
    for m in range(n):
        norm[m] = 0.0
    k = 0
    while k + 4 <= n_topics:
        d0, d1, d2, d3 = doc[k], doc[k + 1], doc[k + 2], doc[k + 3]
        t0, t1, t2, t3 = topics[k], topics[k + 1], topics[k + 2], topics[k + 3]
        for m in range(n):
            norm[m] += d0 * t0[m] + d1 * t1[m] + d2 * t2[m] + d3 * t3[m]
        k += 4
    while k < n_topics:
        d0, t0 = doc[k], topics[k]
        for m in range(n):
            norm[m] += d0 * t0[m]
        k += 1


@kernel(reorder=True)
def _divide(tally: Floats, norm: Floats, width: int) -> None:
    """Turn normalizers into ``n / normalizer``."""
    for m in range(width):
        norm[m] = tally[m] / norm[m]


@kernel(reorder=True)
def _receive(topics: Floats, ratio: Floats, received: Floats) -> None:
    """Write ``Σ_m topics_km ratio_m``."""
    n_topics, n = topics.shape
    k = 0
    while k + 4 <= n_topics:
        t0, t1, t2, t3 = topics[k], topics[k + 1], topics[k + 2], topics[k + 3]
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for m in range(n):
            r = ratio[m]
            s0 += t0[m] * r
            s1 += t1[m] * r
            s2 += t2[m] * r
            s3 += t3[m] * r
        received[k], received[k + 1], received[k + 2], received[k + 3] = s0, s1, s2, s3
        k += 4
    while k < n_topics:
        t0 = topics[k]
        s0 = 0.0
        for m in range(n):
            s0 += t0[m] * ratio[m]
        received[k] = s0
        k += 1


@kernel(reorder=True)
def _exp_digammas(gamma: Floats, doc: Floats) -> None:
    for k in range(len(doc)):
        doc[k] = exp_digamma(gamma[k])


@kernel()
def _ascend(
    topics: Floats,
    tally: Floats,
    alpha: float,
    tolerance: float,
    max_iter: int,
    gamma: Floats,
    doc: Floats,
    norm: Floats,
    received: Floats,
) -> int:
    """Take turns from ``gamma`` until it settles; return how many, negative if cut off."""
    n_topics, width = topics.shape
    for turn in range(1, max_iter + 1):
        _exp_digammas(gamma, doc)
        _normalize(topics, doc, norm)
        _divide(tally, norm, width)
        _receive(topics, norm, received)
        change = 0.0
        for k in range(n_topics):
            after = alpha + doc[k] * received[k]
            change += abs(after - gamma[k])
            gamma[k] = after
        if change / n_topics < tolerance:
            return turn
    return -max_iter


@kernel()
def log_gamma_and_digamma(x: float) -> tuple[float, float]:
    """Return log Γ(x) and ψ(x) for x > 0, by Stirling's series at x + 8.

    Source: Abramowitz & Stegun (1972), §6.1.40, §6.1.15 and §6.3.18.
    """
    q = x * (x + 7.0)
    product = q * (720.0 + q * (252.0 + q * (28.0 + q)))
    derivative = (2.0 * x + 7.0) * (720.0 + q * (504.0 + q * (84.0 + 4.0 * q)))
    y = x + 8.0
    log_y = np.log(y)
    inverse = 1.0 / y
    square = inverse * inverse
    series = -3617.0 / 122400.0
    series = series * square + 1.0 / 156.0
    series = series * square - 691.0 / 360360.0
    series = series * square + 1.0 / 1188.0
    series = series * square - 1.0 / 1680.0
    series = series * square + 1.0 / 1260.0
    series = series * square - 1.0 / 360.0
    series = series * square + 1.0 / 12.0
    stirling = (y - 0.5) * log_y - y + HALF_LOG_2PI + series * inverse
    tail = 3617.0 / 8160.0
    tail = tail * square - 1.0 / 12.0
    tail = tail * square + 691.0 / 32760.0
    tail = tail * square - 1.0 / 132.0
    tail = tail * square + 1.0 / 240.0
    tail = tail * square - 1.0 / 252.0
    tail = tail * square + 1.0 / 120.0
    tail = tail * square - 1.0 / 12.0
    digamma = log_y - 0.5 * inverse + tail * square - derivative / product
    return stirling - np.log(product), digamma


@kernel()
def _bound(
    topics: Floats,
    tally: Floats,
    words: Ints,
    begin: int,
    n: int,
    peaks: Floats,
    alpha: float,
    gamma: Floats,
    doc: Floats,
    norm: Floats,
) -> float:
    """Return a document's bound at ``gamma``, and leave ``doc`` and ``norm`` as there.

    ``Σ_w n_w log Σ_k exp(E[log θ_k] + E[log β_kw]) + E[log p(θ)] − E[log q(θ)]``, without the
    constant ``log Γ(Kα) − K log Γ(α)``.
    """
    _exp_digammas(gamma, doc)
    _normalize(topics, doc, norm)
    total = gamma.sum()
    log_gamma_total, digamma_total = log_gamma_and_digamma(total)
    bound = -log_gamma_total
    for k in range(len(gamma)):
        log_gamma, digamma = log_gamma_and_digamma(gamma[k])
        bound += log_gamma + (alpha - gamma[k]) * (digamma - digamma_total)
    for m in range(n):
        log_norm = np.log(norm[m]) + peaks[words[begin + m]] - digamma_total
        bound += tally[m] * log_norm
    return bound


@kernel(reorder=True)
def _count(
    factors: Floats,
    words: Ints,
    counts: Floats,
    begin: int,
    n: int,
    doc: Floats,
    norm: Floats,
    expected: Floats,
) -> None:
    """Add ``n_w φ_wk`` to ``expected`` (V, K)."""
    for m in range(n):
        word = words[begin + m]
        share = counts[begin + m] / norm[m]
        source, target = factors[word], expected[word]
        for k in range(len(doc)):
            target[k] += share * doc[k] * source[k]


@kernel()
def run_documents(
    starts: Ints,
    words: Ints,
    counts: Floats,
    factors: Floats,
    peaks: Floats,
    alpha: float,
    tolerance: float,
    max_iter: int,
    carried: Floats,
    fall_back: bool,
    gamma: Floats,
    n_inner: Ints,
    paused: Bools,
    bounds: Floats,
    expected: Floats,
) -> None:
    """Settle documents and count the words each topic gets.

    Parameters
    ----------
    starts : (D + 1,) int
        Cells ``starts[d]`` to ``starts[d + 1]`` belong to document d.
    words, counts : (C,) int, (C,) float
    factors : (V, K) float
        ``exp(E[log β])``, each word's relative to its largest.
    peaks : (V,) float, nats
        The logs of those largest.
    alpha, tolerance : float
    max_iter : int
    carried : (D, K) or (0, K) float
        γ of the E-step before.
    fall_back : bool
        Where the start in ``gamma`` ends below the bound at ``carried``, go on from there.
    gamma : (D, K) float
        Where to start; overwritten by the end.
    n_inner, paused, bounds : (D,)
        Written: turns, whether the cap cut them off, and the documents' bounds in nats, without
        their common constant.
    expected : (V, K) float, tokens
        Added to.
    """
    n_topics = gamma.shape[1]
    longest = 0
    for d in range(len(gamma)):
        longest = max(longest, starts[d + 1] - starts[d])
    longest += STRIDE
    room, norm, tally = np.empty(n_topics * longest), np.empty(longest), np.empty(longest)
    doc, received = np.empty(n_topics), np.empty(n_topics)
    for d in range(len(gamma)):
        begin, n = starts[d], starts[d + 1] - starts[d]
        width = (n + STRIDE - 1) // STRIDE * STRIDE
        topics = room[: n_topics * width].reshape((n_topics, width))
        _gather(factors, words, counts, begin, n, topics, tally)
        row = gamma[d]
        turns = _ascend(topics, tally, alpha, tolerance, max_iter, row, doc, norm, received)
        n_inner[d] = abs(turns)
        bound = _bound(topics, tally, words, begin, n, peaks, alpha, row, doc, norm)
        if fall_back:
            before = _bound(topics, tally, words, begin, n, peaks, alpha, carried[d], doc, norm)
            if bound < before:
                row[:] = carried[d]
                turns = _ascend(topics, tally, alpha, tolerance, max_iter, row, doc, norm, received)
                n_inner[d] += abs(turns)
            bound = _bound(topics, tally, words, begin, n, peaks, alpha, row, doc, norm)
        paused[d] = turns < 0
        bounds[d] = bound
        _count(factors, words, counts, begin, n, doc, norm, expected)
