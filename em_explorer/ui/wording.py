"""Numbers as people read them."""

from __future__ import annotations

import math

from em_explorer.em.numerals import MINUS, plain


def signed(value: float, digits: int = 3) -> str:
    """Return a change with its sign: ``+0.44``, ``−1.2``."""
    text = plain(value, digits)
    return text if text.startswith(MINUS) or text in ("0", "–") else f"+{text}"


def nats(value: float, change: float | None = None) -> str:
    """Return a log-likelihood with enough decimals to show the last change (2 to 10)."""
    decimals = 5 if change == 0 else 2
    if change:
        decimals = max(2, min(10, 1 - math.floor(math.log10(abs(change)))))
    return f"{value:.{decimals}f}".replace("-", MINUS)


def count(n: float, one: str, many: str = "") -> str:
    """Return "1 point", "2 points", "1,204 points"."""
    return f"{n:,.0f} {one if round(n) == 1 else many or one + 's'}"


def unit_of(column: str) -> tuple[str, str]:
    """Split "waiting (min)" into its name and its unit."""
    name, _, rest = column.partition(" (")
    return name, rest.rstrip(")")


def probability(p: float) -> str:
    """Return a probability without its leading zero: ".93", ".9964", ".0031", "1", "0".

    Two decimals, four where two would hide how near it is to never or always.
    """
    if not math.isfinite(p):
        return "–"
    decimals = 2 if 0.01 <= p <= 0.985 else 4
    text = f"{p:.{decimals}f}"
    if p <= 0.0 or p >= 1.0:
        return "0" if p <= 0.0 else "1"
    if float(text) in (0.0, 1.0):
        return "<.0001" if p < 0.5 else ">.9999"
    return text.lstrip("0")


__all__ = ["MINUS", "count", "nats", "plain", "signed", "unit_of"]
