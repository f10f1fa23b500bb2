"""What a hidden state emits: symbols, vectors or counts.

Each emission is a frozen set of parameters that knows its density, its expected sufficient
statistics, its M-step, and how to be drawn, nudged and renumbered. A fourth emission is one more
class with the methods of :class:`Emission`.

Source: Rabiner (1989), eqs 40c and 53–54; Zucchini & MacDonald (2009), *Hidden Markov Models for
Time Series*, §4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import DataError
from em_explorer.models import gaussian
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.probabilities import (
    SAME_ATOL,
    SAME_RTOL,
    checked_probabilities,
    log_probability_prior,
    nudge_probabilities,
    probabilities,
    without_traces,
)

ROUNDING = 1e-12
"""Relative fall of the bound that rounding explains where no covariance is inverted."""


class EmissionType(Enum):
    """What the observations are."""

    CATEGORICAL = "categorical"
    GAUSSIAN = "gaussian"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Prior:
    """Conjugate priors, all off at zero.

    Attributes
    ----------
    ridge : float, data's units squared
        Gaussian: log prior ``−½ Σ_k [log|Σ_k| + ridge · tr Σ_k⁻¹]``.
    pseudo_count : float
        Categorical: ``pseudo_count`` more of every symbol in every state. Poisson: that many
        more time steps in every state, with one event each.
    """

    ridge: float = 0.0
    pseudo_count: float = 0.0


class Emission(Protocol):
    """The part of a hidden Markov model that one kind of observation needs."""

    @property
    def n_states(self) -> int:
        """K."""

    def log_emission(self, observations: Any) -> Floats:
        """Return the (T, K) log densities of the observations in each state, in nats."""

    def collect(self, observations: Any, gamma: Floats) -> Any:
        """Return the expected sufficient statistics under state probabilities (T, K)."""

    def maximize(self, statistics: Any, prior: Prior) -> Self:
        """Return the parameters that maximize expected log density + log prior."""

    def expected_log_density(self, statistics: Any) -> float:
        """Return ``Σ_t Σ_k γ_tk log p(x_t | k)`` from statistics alone, in nats."""

    def log_prior(self, prior: Prior) -> float:
        """Return the log prior of these parameters up to a constant, in nats."""

    def rounding(self) -> float:
        """Return the relative fall of a bound that rounding can explain."""

    def sample(self, states: Ints, rng: np.random.Generator) -> NDArray[Any]:
        """Draw one observation per given state."""

    def nudge(self, rng: np.random.Generator, size: float) -> Self:
        """Move the parameters a little, at random."""

    def permuted(self, order: Any) -> Self:
        """Renumber the states: new state ``i`` is old state ``order[i]``."""

    def shifted(self, offset: Floats) -> Self:
        """Translate locations by ``offset`` (D,); counts and symbols have none."""

    def same(self, i: int, j: int) -> bool:
        """Say whether two states emit alike."""

    def check(self, data: Any) -> None:
        """Refuse data these parameters are not made for."""


# --- Symbols ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CategoricalStatistics:
    """Expected counts (K, M): how often each state emitted each symbol."""

    counts: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", without_traces(self.counts))
        freeze(self)

    def __add__(self, other: CategoricalStatistics) -> CategoricalStatistics:
        return CategoricalStatistics(self.counts + other.counts)


@dataclass(frozen=True)
class CategoricalEmission:
    """Symbols 0 … M−1; state k emits symbol m with probability ``probs[k, m]``.

    Attributes
    ----------
    probs : (K, M) float
        Rows sum to one.
    """

    probs: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "probs", checked_probabilities(self.probs, "probs", 2))
        freeze(self)

    @property
    def n_states(self) -> int:
        """K."""
        return len(self.probs)

    def log_emission(self, observations: Ints) -> Floats:
        """Look up ``log probs[k, x_t]``."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.probs).T[observations], dtype=float)

    def collect(self, observations: Ints, gamma: Floats) -> CategoricalStatistics:
        """Count symbols: ``Σ_t γ_tk [x_t = m]``."""
        n_symbols = self.probs.shape[1]
        rows = [np.bincount(observations, weights=g, minlength=n_symbols) for g in gamma.T]
        return CategoricalStatistics(np.array(rows))

    def maximize(self, statistics: CategoricalStatistics, prior: Prior) -> CategoricalEmission:
        """Normalize the counts of each state."""
        return CategoricalEmission(probabilities(statistics.counts, self.probs, prior.pseudo_count))

    def expected_log_density(self, statistics: CategoricalStatistics) -> float:
        """Return ``Σ counts · log probs``."""
        return float(xlogy(statistics.counts, self.probs).sum())

    def log_prior(self, prior: Prior) -> float:
        """Return ``a Σ log probs``."""
        return log_probability_prior(self.probs, prior.pseudo_count)

    def rounding(self) -> float:
        """Nothing is inverted here."""
        return ROUNDING

    def sample(self, states: Ints, rng: np.random.Generator) -> Ints:
        """Invert the cumulative distribution of each step's state."""
        cumulative = np.cumsum(self.probs, axis=1)[:, :-1]
        draws = rng.random(len(states))
        return np.asarray((cumulative[states] <= draws[:, None]).sum(axis=1), dtype=np.int64)

    def nudge(self, rng: np.random.Generator, size: float) -> CategoricalEmission:
        """Multiply by random factors; zeros stay zero."""
        return CategoricalEmission(nudge_probabilities(self.probs, rng, size))

    def permuted(self, order: Any) -> CategoricalEmission:
        """Reorder the rows."""
        return CategoricalEmission(self.probs[np.asarray(order)])

    def shifted(self, offset: Floats) -> CategoricalEmission:
        """Return itself: symbols have no location."""
        return self

    def same(self, i: int, j: int) -> bool:
        """Compare two rows."""
        return np.allclose(self.probs[i], self.probs[j], SAME_RTOL, SAME_ATOL)

    def check(self, data: Any) -> None:
        """Require a probability for every symbol."""
        if data.n_symbols > self.probs.shape[1]:
            raise DataError(
                f"The data have {data.n_symbols} symbols and the parameters only "
                f"{self.probs.shape[1]}: give each state a probability for every symbol."
            )


# --- Vectors ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GaussianEmission:
    """Vectors from a normal per state, with full covariances.

    Attributes
    ----------
    means : (K, D) float, data's units
    covariances : (K, D, D) float, data's units squared
    """

    means: Floats
    covariances: Floats

    def __post_init__(self) -> None:
        means, covariances = np.array(self.means, float), np.array(self.covariances, float)
        n_states, n_dims = means.shape if means.ndim == 2 else (0, 0)
        if means.ndim != 2 or covariances.shape != (n_states, n_dims, n_dims):
            raise DataError(
                "means must be (states, columns) and covariances (states, columns, columns); "
                f"they are {means.shape} and {covariances.shape}."
            )
        if not (np.all(np.isfinite(means)) and np.all(np.isfinite(covariances))):
            raise DataError("means and covariances must be finite numbers.")
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "covariances", covariances)
        freeze(self)

    @property
    def n_states(self) -> int:
        """K."""
        return len(self.means)

    def log_emission(self, observations: Floats) -> Floats:
        """Return log N(x_t; μ_k, Σ_k)."""
        return gaussian.log_density(observations, self.means, self.covariances)

    def collect(self, observations: Floats, gamma: Floats) -> GaussianStatistics:
        """Return weighted counts, means and scatter."""
        return gaussian.weighted_statistics(observations, gamma)

    def maximize(self, statistics: GaussianStatistics, prior: Prior) -> GaussianEmission:
        """Weighted means, and ``Σ_k = (scatter_k + ridge·I) / (N_k + [ridge > 0])``.

        Raises
        ------
        SingularError
            When a state's covariance has collapsed.
        """
        counts = without_traces(statistics.counts)
        seen = counts > 0
        n_dims = self.means.shape[1]
        strength = 1.0 if prior.ridge > 0 else 0.0
        means = np.where(seen[:, None], statistics.means, self.means)
        scatter = statistics.scatter + prior.ridge * np.eye(n_dims)
        weight = (counts + strength)[:, None, None]
        covariances = np.divide(scatter, weight, out=self.covariances.copy(), where=weight > 0)
        variances = np.diagonal(statistics.total_scatter()) / counts.sum()
        gaussian.check_covariances(covariances, variances, "state")
        return GaussianEmission(means, covariances)

    def expected_log_density(self, statistics: GaussianStatistics) -> float:
        """Expand the normal's log density around the weighted means."""
        return gaussian.expected_log_density(statistics, self.means, self.covariances)

    def log_prior(self, prior: Prior) -> float:
        """Return ``−½ Σ_k [log|Σ_k| + ridge · tr Σ_k⁻¹]``."""
        if prior.ridge == 0:
            return 0.0
        log_dets = np.linalg.slogdet(self.covariances)[1]
        traces = np.trace(np.linalg.inv(self.covariances), axis1=1, axis2=2)
        return -0.5 * float((log_dets + prior.ridge * traces).sum())

    def rounding(self) -> float:
        """Grows with the condition of the worst covariance."""
        return gaussian.rounding(self.covariances)

    def sample(self, states: Ints, rng: np.random.Generator) -> Floats:
        """Stretch standard normals by Cholesky factors."""
        factors = np.linalg.cholesky(self.covariances)
        draws = rng.standard_normal((len(states), self.means.shape[1]))
        stretched = np.einsum("tij,tj->ti", factors[states], draws)
        return np.asarray(self.means[states] + stretched, dtype=float)

    def nudge(self, rng: np.random.Generator, size: float) -> GaussianEmission:
        """Move means by a part of their standard deviation, scale covariances a little."""
        spread = np.sqrt(np.diagonal(self.covariances, axis1=1, axis2=2))
        means = self.means + size * spread * rng.standard_normal(self.means.shape)
        factors = np.exp(size * rng.standard_normal(self.n_states))
        return GaussianEmission(means, self.covariances * factors[:, None, None])

    def permuted(self, order: Any) -> GaussianEmission:
        """Reorder means and covariances."""
        order = np.asarray(order)
        return GaussianEmission(self.means[order], self.covariances[order])

    def shifted(self, offset: Floats) -> GaussianEmission:
        """Translate the means."""
        return GaussianEmission(self.means + offset, self.covariances)

    def same(self, i: int, j: int) -> bool:
        """Compare means on the scale of the spread, and covariances."""
        spread = np.sqrt(np.diagonal(self.covariances[i]))
        near = bool(np.all(np.abs(self.means[i] - self.means[j]) <= SAME_RTOL * spread))
        tolerance = SAME_RTOL * float(np.abs(self.covariances[i]).max())
        return near and np.allclose(self.covariances[i], self.covariances[j], 0.0, tolerance)

    def check(self, data: Any) -> None:
        """Require as many columns as the data have."""
        n_dims = self.means.shape[1]
        if data.observations.ndim != 2 or data.observations.shape[1] != n_dims:
            raise DataError(f"The parameters are for {n_dims} columns; the data have others.")


# --- Counts -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PoissonStatistics:
    """Expected time steps and events of each state.

    Attributes
    ----------
    counts : (K,) float
        Time steps spent in each state.
    sums : (K,) float
        Events seen there.
    log_factorials : float, nats
        ``Σ_t log x_t!``, which no parameter changes.
    """

    counts: Floats
    sums: Floats
    log_factorials: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", without_traces(self.counts))
        object.__setattr__(self, "sums", without_traces(self.sums))
        freeze(self)

    def __add__(self, other: PoissonStatistics) -> PoissonStatistics:
        return PoissonStatistics(
            self.counts + other.counts,
            self.sums + other.sums,
            self.log_factorials + other.log_factorials,
        )


@dataclass(frozen=True)
class PoissonEmission:
    """Counts 0, 1, 2, … with one rate per state.

    Attributes
    ----------
    rates : (K,) float, events per time step
    """

    rates: Floats

    def __post_init__(self) -> None:
        rates = np.array(self.rates, dtype=float)
        if rates.ndim != 1 or rates.size == 0 or not np.all(np.isfinite(rates)) or rates.min() < 0:
            raise DataError("rates must be one number per state, none below zero.")
        object.__setattr__(self, "rates", rates)
        freeze(self)

    @property
    def n_states(self) -> int:
        """K."""
        return len(self.rates)

    def log_emission(self, observations: Ints) -> Floats:
        """Return ``x log λ − λ − log x!``."""
        # Equal counts have equal densities, and there are few distinct ones.
        values, where = np.unique(observations, return_inverse=True)
        logs = xlogy(values[:, None], self.rates) - self.rates - gammaln(values + 1.0)[:, None]
        return np.asarray(logs[where], dtype=float)

    def collect(self, observations: Ints, gamma: Floats) -> PoissonStatistics:
        """Sum time steps and events."""
        values, repeats = np.unique(observations, return_counts=True)
        log_factorials = float(repeats @ gammaln(values + 1.0))
        return PoissonStatistics(gamma.sum(axis=0), observations @ gamma, log_factorials)

    def maximize(self, statistics: PoissonStatistics, prior: Prior) -> PoissonEmission:
        """Set ``λ_k = (events + a) / (time steps + a)``."""
        events = statistics.sums + prior.pseudo_count
        steps = statistics.counts + prior.pseudo_count
        return PoissonEmission(np.divide(events, steps, out=self.rates.copy(), where=steps > 0))

    def expected_log_density(self, statistics: PoissonStatistics) -> float:
        """Return ``Σ_k [events log λ − steps λ] − Σ log x!``."""
        per_state = xlogy(statistics.sums, self.rates) - statistics.counts * self.rates
        return float(per_state.sum()) - statistics.log_factorials

    def log_prior(self, prior: Prior) -> float:
        """Return ``a Σ_k (log λ_k − λ_k)``: a Gamma prior of shape 1 + a and rate a."""
        a = prior.pseudo_count
        return float((xlogy(a, self.rates) - a * self.rates).sum()) if a else 0.0

    def rounding(self) -> float:
        """Nothing is inverted here."""
        return ROUNDING

    def sample(self, states: Ints, rng: np.random.Generator) -> Ints:
        """Draw a Poisson count per step."""
        return np.asarray(rng.poisson(self.rates[states]), dtype=np.int64)

    def nudge(self, rng: np.random.Generator, size: float) -> PoissonEmission:
        """Multiply the rates by random factors."""
        return PoissonEmission(self.rates * np.exp(size * rng.standard_normal(self.n_states)))

    def permuted(self, order: Any) -> PoissonEmission:
        """Reorder the rates."""
        return PoissonEmission(self.rates[np.asarray(order)])

    def shifted(self, offset: Floats) -> PoissonEmission:
        """Return itself: counts are not centered."""
        return self

    def same(self, i: int, j: int) -> bool:
        """Compare two rates."""
        return bool(np.isclose(self.rates[i], self.rates[j], SAME_RTOL, SAME_ATOL))

    def check(self, data: Any) -> None:
        """Require one column of counts."""
        if data.observations.ndim != 1:
            raise DataError("A Poisson emission takes one column of counts.")
