"""Timing that other programs on the machine disturb little: in turns, and the minimum of many."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A fit that takes as many iterations as it is told.

    Attributes
    ----------
    fit : callable
        Takes the number of iterations.
    many, few : int
        What the time of one iteration is measured by: the difference of two fits, divided by that
        of their iterations. Without ``few`` it is that of the whole fit, divided by ``many``.
    """

    fit: Callable[[int], object]
    many: int
    few: int = 0


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def per_iteration(runs: Mapping[str, Run], *, repeats: int = 5) -> dict[str, float]:
    """Return the seconds one iteration of each takes, measured in turns.

    The least time of several is what the code needs; anything above is somebody else's. So the
    minimum is taken over the repeats, of the long and of the short fits each.
    """
    long = dict.fromkeys(runs, math.inf)
    short = dict.fromkeys(runs, math.inf)
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, run in runs.items():
                if run.few:
                    short[name] = min(short[name], seconds(lambda r=run: r.fit(r.few)))
                long[name] = min(long[name], seconds(lambda r=run: r.fit(r.many)))
    finally:
        gc.enable()
    found = {}
    for name, run in runs.items():
        spent = long[name] - (short[name] if run.few else 0.0)
        found[name] = spent / (run.many - run.few)
    return found


def exponent(sizes: list[float], times: list[float]) -> float:
    """Return the slope of log time over log size by least squares."""
    x = [math.log(size) for size in sizes]
    y = [math.log(value) for value in times]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)
