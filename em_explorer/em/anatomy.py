"""What taking EM's convergence apart must know of a model: names, scales, coordinates, gauges.

A model says this once, and every diagnosis is written once for all models. An anatomy belongs to
one model and one data set; it never changes either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number among a model's parameters that a person may want to follow.

    Attributes
    ----------
    group : str
        What it is one of, as on the screen: "weights", "means", "spreads", "transitions".
    label : str
        Short and unmistakable, with the data's own names: "μ₁ waiting", "π₂", "P(1 → 2)".
    part : int or None
        The component, state or topic it belongs to: its color. None belongs to all.
    key : str
        The same for the same parameter in every run of a model: "means[0, 1]".
    """

    group: str
    label: str
    part: int | None
    key: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that warns before the crash.

    Attributes
    ----------
    label : str
        "N₁", "smallest eigenvalue 2".
    part : int or None
        The component, state, topic or variable it is about.
    value : float
    warn, fail : float
        Below ``warn`` it is a reason to look, below ``fail`` EM can't go on.
    full : float
        A value that fills the gauge: the average, or the overall variance.
    unit : str
        "points", "", "minutes²".
    kind : str
        "count" or "eigenvalue": what breakpoints and predictions look for. "pairs", of rows that
        show two columns together, belongs to the data and never moves.
    """

    label: str
    part: int | None
    value: float
    warn: float
    fail: float
    full: float
    unit: str
    kind: str


@dataclass(frozen=True, slots=True, order=True)
class Lock:
    """A part of the parameters that EM must leave as it is.

    A model that can do so has a field ``locks`` (a frozenset of these) and two methods:
    ``lockable(params)`` returns every lock there is, ``hold(params, like)`` returns ``params`` with
    what is locked as in ``like``. Its M-step holds what is locked at the parameters it is given
    and maximizes the bound over the rest.

    Attributes
    ----------
    group : str
        The field: "weights", "means", "covariances", "initial_probs", "transition_matrix",
        "emission" (cells of symbols), "rates", "topics", "mean", "covariance".
    index : tuple of int
        Which of them: (k,) for a whole mean, (i, j) for a cell, () for what there is only one
        of: a tied covariance, the covariance of missing data.
    """

    group: str
    index: tuple[int, ...]


class Anatomy(Protocol):
    """Names, values, scales, coordinates and gauges of one model's parameters.

    Where there are too many to follow, it follows a few, always the same; it may then have a
    method ``between(before, after)`` that returns an anatomy of those that changed most.
    """

    def parameters(self, params: Any) -> tuple[Parameter, ...]:
        """Return the parameters worth following, at most a few hundred, in reading order."""

    def values(self, params: Any) -> Floats:
        """Return their values in the data's units, in the order of :meth:`parameters`.

        ``params`` are in the centred frame, as in snapshots.
        """

    def scales(self, params: Any) -> Floats:
        """Return what one unit of movement is for each: an SD for a mean, 1 for a probability."""

    def coordinates(self, params: Any) -> Floats:
        """Return all of the parameters as one vector in which every point near is valid.

        Cholesky factors of covariances, square roots of probabilities, rates and
        pseudo-counts. Straight lines between two vectors stay in the valid set.
        """

    def from_coordinates(self, coordinates: Floats, like: Any) -> Any:
        """Return the parameters at a vector of coordinates.

        Probabilities are renormalized. ``like`` gives the shapes.
        """

    def gauges(self, params: Any, expectation: Expectation[Any] | None) -> tuple[Gauge, ...]:
        """Return the gauges of a snapshot; those of counts need its expectation."""
