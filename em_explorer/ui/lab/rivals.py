"""What EM can be compared with from one start: hard assignments, longer strides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer import registry
from em_explorer.em.arrays import Floats
from em_explorer.em.census import dispersed
from em_explorer.em.steps import RunOptions
from em_explorer.session.runs import RunRecord
from em_explorer.ui.wording import count, nats

NAMES = {
    "gaussian_mixture": (
        "k-means",
        "Each point belongs wholly to the nearest mean: equal circles, straight borders",
    ),
    "hidden_markov": (
        "Viterbi training",
        "Each time step belongs wholly to its state on the likeliest path",
    ),
    "missing_data": (
        "Plug-in",
        "Fill the holes and forget how uncertain that is: the spread shrinks",
    ),
}


@dataclass(frozen=True)
class Rival:
    """An algorithm beside EM.

    Attributes
    ----------
    key : str
    name : str
        On the screen.
    help : str
        What it does otherwise.
    make : callable
        Takes the tab and the record of a run; returns the rival's model and start.
    how : str
        Of EM itself from another start: what the list of runs says of it.
    """

    key: str
    name: str
    help: str
    make: Callable[[Any, RunRecord], tuple[Any, Any]]
    how: str = ""

    @property
    def kind(self) -> str:
        """What its runs are of."""
        return "EM" if self.how else self.name


def rivals_of(tab: Any) -> tuple[Rival, ...]:
    """Return what the run on the screen can be compared with."""
    row = registry.entry(tab.key)
    found = []
    if row.rival:
        name, help_ = NAMES.get(tab.key, ("hard assignments", ""))
        found.append(Rival("hard", name, help_, _hard))
    if tab.key == "missing_data":
        found.append(
            Rival(
                "mean", "Mean fill", "Put each column's mean into its holes, and stop", _mean_fill
            )
        )
    if row.anatomy:
        found.append(
            Rival(
                "squarem",
                "SQUAREM",
                "EM in longer strides: two steps are extrapolated, and never fall behind one",
                _accelerated,
            )
        )
    return tuple(found)


def another_start(tab: Any, seed: int) -> Rival | None:
    """Return EM from a start drawn by ``seed``, or None where a model has one start only."""
    drawn = None if tab.model is None else dispersed(_of_em(tab.model), tab.data)
    if drawn is None:
        return None

    def make(_: Any, record: RunRecord) -> tuple[Any, Any]:
        return _of_em(record.model), drawn.initialize(record.data, np.random.default_rng(seed))

    return Rival("start", "Another start", "EM from a start drawn at random", make, f"seed {seed}")


def enough(run: RunOptions) -> RunOptions:
    """Return when a rival stops: as the run it is compared with, but not before its time."""
    return replace(run, max_iter=max(run.max_iter, 1000))


def _hard(tab: Any, record: RunRecord) -> tuple[Any, Any]:
    options, model = record.setting["options"], _of_em(record.model)
    rival = registry.load(registry.entry(tab.key).rival)(options, model.backend)
    if hasattr(rival, "locks"):
        rival = replace(rival, locks=model.locks)  # a padlock on the screen holds both
    return rival, rival.start_from(record.start)


def _mean_fill(_: Any, record: RunRecord) -> tuple[Any, Any]:
    from em_explorer.models.mean_fill import MeanFill

    return MeanFill(record.setting["options"]), record.start


def _of_em(model: Any) -> Any:
    """Return the EM below an accelerated model."""
    return getattr(model, "model", model)


def _accelerated(tab: Any, record: RunRecord) -> tuple[Any, Any]:
    from em_explorer.em.acceleration import Accelerated

    path = registry.entry(tab.key).anatomy
    model = _of_em(record.model)
    anatomy = registry.load(path)(model, record.data)
    return Accelerated(model, record.data, anatomy), record.start


def comparable(record: RunRecord) -> Floats:
    """Return a run's curve in the currency of EM's: log p(X | θ) where its own bound is another.

    Hard assignments have an objective of their own; what their parameters are worth to EM is the
    log-likelihood at each of them.
    """
    if record.kind in ("EM", "SQUAREM") or record.trace is None:
        return record.bounds
    found = [value for _, _, _, value in record.trace.history() if value is not None]
    return np.asarray(found, dtype=float)


def verdict(rival: Rival, run: RunRecord | None, other: RunRecord) -> str:
    """Say how a rival came out, in a sentence."""
    ends = comparable(other)
    if not len(ends):
        return f"{rival.name} could not begin from this start."
    if rival.key == "squarem":
        last = other.trace.final.expectation if other.trace is not None else None
        passes = getattr(last, "n_e_steps", other.n_iter + 1)
        own = ""
        if run is not None and run.stop is not None:
            own = f"; EM took {count(len(run.bounds), 'E-step')} to {nats(float(run.bounds[-1]))}"
        return f"SQUAREM took {count(passes, 'E-step')} to {nats(float(ends[-1]))}{own}."
    return (
        f"{rival.name} took {count(other.n_iter, 'iteration')}; its parameters are worth a "
        f"log-likelihood of {nats(float(ends[-1]))}. Click it to see it."
    )
