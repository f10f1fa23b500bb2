"""What a model must be able to do so that EM can be run, watched and taken apart.

EM alternates two half-steps on the objective ``F(q, θ) = E_q[log p(X, Z | θ)] + H(q) + log p(θ)``:
the E-step maximizes F over q, the M-step over θ. A model supplies the two maximizations and F.

Source: Neal & Hinton (1998), "A view of the EM algorithm that justifies incremental, sparse, and
other variants".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np


class Statistics(Protocol):
    """Expected sufficient statistics; they merge over rows, whole sequences or documents."""

    def __add__(self, other: Self, /) -> Self: ...


StatisticsT = TypeVar("StatisticsT", bound=Statistics)
DataT = TypeVar("DataT")
ParamsT = TypeVar("ParamsT")


@dataclass(frozen=True, slots=True)
class Expectation(Generic[StatisticsT]):
    """What an E-step hands to the M-step.

    Attributes
    ----------
    statistics : Statistics
        Expected sufficient statistics; everything the M-step needs.
    entropy : float, nats
        H(q), with any terms that do not depend on the parameters.
    log_likelihood : float, nats
        log p(X | θ) at the parameters of this E-step; for a variational model its bound.
    latent : object or None
        The posterior itself (responsibilities, γ, …); present only when asked for.
    carry : object or None
        State of each unit that the next E-step continues from (LDA's γ); None elsewhere.
    settled : bool
        False when an inner loop was cut off at its cap, so that EM may not call this converged.
    """

    statistics: StatisticsT
    entropy: float
    log_likelihood: float
    latent: Any = None
    carry: Any = None
    settled: bool = True

    def __add__(self, other: Expectation[StatisticsT]) -> Expectation[StatisticsT]:
        """Merge the expectations of two disjoint chunks of data (latent posteriors are dropped)."""
        return Expectation(
            self.statistics + other.statistics,
            self.entropy + other.entropy,
            self.log_likelihood + other.log_likelihood,
            settled=self.settled and other.settled,
        )


class EMModel(Protocol[DataT, ParamsT, StatisticsT]):
    """A model EM can fit. Implementations are frozen dataclasses holding their options.

    Data are centred once by :meth:`prepare`; params live in that frame and are shown in the
    data's units through :meth:`to_units`.
    """

    @property
    def options(self) -> Any:
        """The frozen options dataclass (see :mod:`em_explorer.em.options`)."""

    def prepare(self, raw: Any) -> DataT:
        """Check raw data and bring them into the form the E-step wants.

        Raises
        ------
        DataError
            With one sentence: what is wrong and what to do.
        """

    def n_observations(self, data: DataT) -> int:
        """Count what "per observation" divides by: rows, time steps or tokens."""

    def initialize(self, data: DataT, rng: np.random.Generator) -> ParamsT:
        """Draw initial parameters as ``options.start`` says."""

    def e_step(
        self, data: DataT, params: ParamsT, *, latent: bool = False, carry: Any = None
    ) -> Expectation[StatisticsT]:
        """Maximize F over q: the posterior at ``params``, as expected sufficient statistics."""

    def m_step(self, params: ParamsT, expectation: Expectation[StatisticsT]) -> ParamsT:
        """Maximize F over θ from the statistics alone (``params``: for what must be kept)."""

    def bound(self, params: ParamsT, expectation: Expectation[StatisticsT]) -> float:
        """Return F(q, θ) in nats, log prior included, without a pass over the data."""

    def log_prior(self, params: ParamsT) -> float:
        """Return log p(θ) in nats, up to a constant; 0 without a prior."""

    def rounding(self, params: ParamsT) -> float:
        """Return the relative fall of the bound that rounding can explain at ``params``.

        A fall is compared with this times ``n_observations + |bound|``.
        """

    def symmetry(self, params: ParamsT) -> str | None:
        """Say in one sentence which parts are equal, so that EM can never part them, or None."""

    def nudge(self, params: ParamsT, rng: np.random.Generator, size: float) -> ParamsT:
        """Move the parameters a little, at random, by ``size`` of their natural scale."""

    def sample(self, params: ParamsT, n: int, rng: np.random.Generator) -> Any:
        """Draw data (and the hidden values behind them) from the model."""

    def to_units(self, params: ParamsT, data: DataT) -> ParamsT:
        """Translate params from the centred frame into the data's units."""

    def from_units(self, params: ParamsT, data: DataT) -> ParamsT:
        """Translate params in the data's units into the centred frame."""

    def permuted(self, params: ParamsT, order: Any) -> ParamsT:
        """Renumber the parts: new part ``i`` is old part ``order[i]``."""
