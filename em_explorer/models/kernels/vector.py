"""The exponential in a form that runs in vector registers: no calls, no branches."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from em_explorer.models.kernels.jit import kernel

LOG2_E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
"""ln 2 in two parts: whole multiples of the first are exact."""

SERIES = tuple(1.0 / factorial(i) for i in range(13))
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12 = SERIES[2:]

LOWEST = -600.0
"""Below this a share is taken as zero: denormal numbers would slow every sum tenfold."""


def _bits_as_float(_context: Any, _bits: Any) -> Any:
    """Read the 64 bits of a whole number as those of a float."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


_as_float: Any = intrinsic(_bits_as_float)


@kernel()
def exp(x: float) -> float:
    """Return the exponential of a number from ``LOWEST`` to 700, within two units of rounding.

    ``exp x = 2ⁿ exp r`` with ``n = round(x / ln 2)``, ``|r| ≤ ½ ln 2``; the power of two is
    written straight into the exponent's bits.
    """
    n = np.floor(x * LOG2_E + 0.5)
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    high = C7 + r * (C8 + r * (C9 + r * (C10 + r * (C11 + r * C12))))
    series = 1.0 + r * (1.0 + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * high))))))
    power: float = _as_float(np.int64(np.int32(n) + np.int32(1023)) << np.int64(52))
    result: float = series * power
    return result
