"""The questions of the Lab as jobs: how each is put to a model and its data."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from em_explorer.em.census import Census, census, dispersed
from em_explorer.em.diagnostics import has_exact_posterior
from em_explorer.em.errors import DataError
from em_explorer.em.progress import Job
from em_explorer.em.steps import RunOptions
from em_explorer.models.matching import aligned_difference

FINE = 1e-7
"""Runs of a census stop at this tolerance at the latest, nats per observation: ends must be told
apart, and those of one optimum not."""

ENOUGH = 500


def enough(model: Any, run: RunOptions) -> RunOptions:
    """Return when the runs of a census stop.

    A variational model takes long for its last digits, and its optima lie far apart.
    """
    fine = min(run.tolerance or FINE, FINE) if has_exact_posterior(model) else run.tolerance
    return replace(run, max_iter=max(run.max_iter, ENOUGH), tolerance=fine or FINE)


def census_of(
    model: Any, data: Any, first_seed: int, n_starts: int, run: RunOptions, like: Any
) -> Job[Census]:
    """Return a census of a model's starts, drawn at random also where its own start is not.

    Parameters
    ----------
    model : EMModel
    data : object
    first_seed, n_starts : int
    run : RunOptions
    like : object
        Parameters with the values of what is locked; every start has them.

    Raises
    ------
    DataError
        When the model has no start that is drawn.
    """
    drawn = dispersed(model, data)
    if drawn is None:
        raise DataError("This model has one start only: there is nothing to compare.")
    seeds = range(first_seed, first_seed + n_starts)
    draw = partial(_draw, drawn, data, like)
    return census(drawn, data, seeds, enough(model, run), partial(aligned_difference, drawn), draw)


def _draw(model: Any, data: Any, like: Any, seed: int) -> Any:
    start = model.initialize(data, np.random.default_rng(seed))
    return model.hold(start, like) if getattr(model, "locks", ()) else start
