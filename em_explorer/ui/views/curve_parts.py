"""What curves against the iteration share: their thinning, their width, their modes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from em_explorer.em.arrays import Floats

FIRST_WIDTH = 12.0
"""Iterations that have room at the beginning."""


class CurveMode(Enum):
    """How the curve is drawn; the value is what the choice says."""

    TOTAL = "total"
    EACH = "per observation"
    DISTANCE = "to go (log)"

    @property
    def tip(self) -> str:
        """What it shows."""
        return {
            CurveMode.TOTAL: "The objective as it is, nats",
            CurveMode.EACH: "The objective divided by the number of observations",
            CurveMode.DISTANCE: "How far the limit L∞ still is, as a power of ten. A straight line "
            "falls at a steady rate; L∞ is extrapolated from the last gains (Aitken)",
        }[self]


def envelope(values: Floats, most: int) -> tuple[Floats, Floats]:
    """Thin a long row of numbers so that, drawn as a line, it looks the same.

    Parameters
    ----------
    values : (n,) float
    most : int
        How many stretches at most, one per pixel column.

    Returns
    -------
    positions : (m,) float
        Places in ``values``; all of them while n ≤ 2 most.
    thinned : (m,) float
        The lowest and the highest value of each stretch, in the order in which the stretch goes;
        the very last value comes last.
    """
    n = len(values)
    if n <= 2 * most:
        return np.arange(float(n)), values
    # Stretches of a power of two stay where they are while the row grows: nothing shimmers.
    length = 2 ** int(np.ceil(np.log2(n / most)))
    first = np.arange(0, n, length)
    last = np.minimum(first + length, n) - 1
    low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    rising = values[first] <= values[last]
    positions = np.stack([first, last], axis=1).ravel().astype(float)
    pairs = np.where(rising, [low, high], [high, low]).T.ravel()
    return np.append(positions, n - 1.0), np.append(pairs, values[-1])


@dataclass(frozen=True, eq=False)
class OtherCurve:
    """Another run's curve, to be drawn behind.

    Attributes
    ----------
    bounds : (n,) float, nats
        At each of its E-steps.
    offset : float
        How many iterations after this run's start it began.
    color : str
    dashed : bool
    """

    bounds: Floats
    offset: float
    color: str
    dashed: bool = False


def wide_enough(iterations: float) -> float:
    """Return the width of the axis: 12, 16, 24, 32, 48, …, so that it grows in steps."""
    width = FIRST_WIDTH
    while width < 1.02 * iterations:
        power = 2.0 ** np.floor(np.log2(width))
        width = 2.0 * power if width > power else 1.5 * power
    return width
