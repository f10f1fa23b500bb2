"""Numbers as people read them, in every sentence of the program."""

from __future__ import annotations

import math

MINUS = "−"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def plain(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, without an exponent where one fits.

    >>> plain(-1130.26396, 6)
    '−1130.26'
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞" if value < 0 else "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -5 or exponent >= 9:
        # Python rounds the mantissa before it chooses the exponent: never 10.0×10⁻¹⁰.
        mantissa, power = f"{value:.{max(digits - 2, 0)}e}".split("e")
        return f"{mantissa}×10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", MINUS)
    decimals = max(digits - 1 - exponent, 0)
    return f"{value:.{decimals}f}".replace("-", MINUS)
