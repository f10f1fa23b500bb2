"""Elementary functions without branches, so that a loop over them runs in vector registers.

Source: Muller (2016), *Elementary Functions*, §11.3 (reducing the argument of exp); Abramowitz &
Stegun (1972), §6.3.5 and §6.3.18 (ψ: recurrence and asymptotic series).
"""

from __future__ import annotations

import numpy as np

from em_explorer.models.kernels.jit import kernel

SMALLEST_EXPONENT = -700.0
"""exp of less than this is taken to be exp of this, 1e-304: what follows stays a normal number."""

LARGEST_EXPONENT = 700.0

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.693147180369123816490  # its last 32 bits are zero: n · high is exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 · 2^52: adding it leaves a whole number in the lowest bits


@kernel()
def exp(x: float) -> float:
    """Return e^x within 1.5 units of the last place, for x clipped to [−700, 700].

    With n the whole number nearest to x / ln 2 and r = x − n ln 2, ``e^x = 2^n e^r``, where
    |r| ≤ 0.35 is small enough for thirteen terms of the series.
    """
    x = min(max(x, SMALLEST_EXPONENT), LARGEST_EXPONENT)
    rounded = x * _LOG2_E + _ROUND
    n = rounded - _ROUND
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    series = 1.0 / 6227020800.0
    series = series * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = series * r + 0.5
    series = series * r * r + r + 1.0
    # 2^n is the float whose exponent bits say n; they lie above 52 bits of fraction.
    power = np.int64((np.float64(rounded).view(np.int64) + 1023) << 52).view(np.float64)
    return series * power


@kernel()
def exp_digamma(x: float) -> float:
    """Return e^ψ(x) for x > 0, without taking a logarithm.

    ``ψ(x) = ψ(y) − Σ_{i<8} 1/(x + i)`` with y = x + 8, and ``ψ(y) = log y − 1/(2y) − …``, so
    ``e^ψ(x) = y · exp(−1/(2y) − … − Σ 1/(x + i))``. The sum is P'(x)/P(x), where
    P(x) = Π (x + i) = q (q + 6) (q + 10) (q + 12) with q = x (x + 7): one division for eight.
    """
    q = x * (x + 7.0)
    product = q * (720.0 + q * (252.0 + q * (28.0 + q)))
    derivative = (2.0 * x + 7.0) * (720.0 + q * (504.0 + q * (84.0 + 4.0 * q)))
    y = x + 8.0
    inverse = 1.0 / y
    square = inverse * inverse
    series = 3617.0 / 8160.0
    series = series * square - 1.0 / 12.0
    series = series * square + 691.0 / 32760.0
    series = series * square - 1.0 / 132.0
    series = series * square + 1.0 / 240.0
    series = series * square - 1.0 / 252.0
    series = series * square + 1.0 / 120.0
    series = series * square - 1.0 / 12.0
    return y * exp(series * square - 0.5 * inverse - derivative / product)
