"""The likelihood as a landscape over two parameters: what EM climbs, drawn as a map.

At each place of a grid two parameters are put where the place says; the rest is left as it is,
or fitted by EM with the two held. Coarse grids come first, so that something is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, freeze
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.progress import Job, Progress
from em_explorer.em.steps import Model, RunOptions, fit

COARSEST = 8
"""Every so many-th place is computed first; then every half as many-th."""

REST = RunOptions(30, 1e-6)
"""How far the rest is fitted at each place."""

SECONDS = 25.0
"""A grid that would take longer is made of fewer places."""


@dataclass(frozen=True)
class Landscape:
    """The objective over a grid.

    Attributes
    ----------
    x, y : (n,) float
        Values of the two parameters, in the data's units.
    values : (n, n) float, nats
        ``values[i, j]`` at ``y[i]`` and ``x[j]``; NaN where the place is impossible or has not
        been computed yet.
    stride : int
        Every so many-th place has been computed; 1 when all have.
    """

    x: Floats
    y: Floats
    values: Floats
    stride: int

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def filled(self) -> Floats:
        """The values with each place not computed yet as the computed one below it."""
        coarse = self.values[:: self.stride, :: self.stride]
        blown = coarse.repeat(self.stride, axis=0).repeat(self.stride, axis=1)
        return np.asarray(blown[: len(self.y), : len(self.x)])


def landscape(
    model: Model,
    data: Any,
    place: Callable[[float, float], Any],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    n: int | None = None,
    *,
    fit_rest: bool = False,
) -> Job[Landscape]:
    """Compute the objective, log prior included, over a grid.

    Parameters
    ----------
    model : EMModel
        With ``fit_rest``, one whose M-step holds the two parameters.
    data : object
        From ``model.prepare``.
    place : callable
        Takes x and y; returns params in the frame of ``data``, or None where there are none.
    x_range, y_range : (float, float)
    n : int, optional
        Places along each side, one more than a multiple of 8; by default as many as can be had
        in reasonable time.
    fit_rest : bool
        Fit the other parameters at each place: a profile instead of a slice.

    Yields
    ------
    Progress
        ``partial`` is a :class:`Landscape` at every refinement.

    Returns
    -------
    Landscape
    """

    def height(at_x: float, at_y: float) -> float:
        return _height(model, data, place(at_x, at_y), fit_rest)

    if n is None:
        n = _affordable(height, x_range, y_range)
    x, y = np.linspace(*x_range, n), np.linspace(*y_range, n)
    values = np.full((n, n), np.nan)
    known = np.zeros((n, n), dtype=bool)
    done = 0
    stride = COARSEST
    while stride:
        for i in range(0, n, stride):
            for j in range(0, n, stride):
                if not known[i, j]:
                    values[i, j] = height(float(x[j]), float(y[i]))
                    known[i, j] = True
                    done += 1
                    yield Progress(done / n**2, f"{done} of {n**2} places")
        found = Landscape(x, y, values.copy(), stride)
        yield Progress(done / n**2, f"{done} of {n**2} places", found)
        stride //= 2
    return found


def _height(model: Model, data: Any, params: Any, fit_rest: bool) -> float:
    if params is None:
        return float("nan")
    try:
        if fit_rest:
            return fit(model, data, params, REST).history[-1]
        bound = model.bound(params, model.e_step(data, params))
    except (DataError, SingularError):
        return float("nan")
    return bound if np.isfinite(bound) else float("nan")


def _affordable(
    height: Callable[[float, float], float],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> int:
    """Return how many places a side may have, by the clock."""
    begun = time.perf_counter()
    tries = [(0.5, 0.5), (0.25, 0.75), (0.75, 0.25), (0.4, 0.6)]
    for at_x, at_y in tries:
        height(
            x_range[0] + at_x * (x_range[1] - x_range[0]),
            y_range[0] + at_y * (y_range[1] - y_range[0]),
        )
    each = (time.perf_counter() - begun) / len(tries)
    for n in (65, 49, 33, 25):
        if n * n * each <= SECONDS:
            return n
    return 17
