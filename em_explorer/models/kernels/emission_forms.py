"""A hidden Markov model's emission in the form its kernels take (see :mod:`.emission_blocks`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, xlogy

from em_explorer.em.arrays import Floats, Ints, unchecked
from em_explorer.models import gaussian
from em_explorer.models.emissions import (
    CategoricalEmission,
    CategoricalStatistics,
    GaussianEmission,
    PoissonEmission,
    PoissonStatistics,
)
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.hidden_markov_params import HiddenMarkovParams
from em_explorer.models.kernels.jit import constant
from em_explorer.models.sequences import SequenceData

FEW_SYMBOLS = 64
"""With more symbols than this all of them may be improbable, and their peaks are taken out."""

NO_PEAKS = np.empty(0)

LARGEST_TABLE = 2**16
"""Counts up to this number index a table; larger ones are numbered by rank first."""


@dataclass(slots=True)
class KernelEmission:
    """Observations and parameters of an emission as the kernels take them.

    ``arrays`` is the *emission* of :mod:`.emission_blocks`; ``values`` are the numbers that the
    symbols of a Poisson emission stand for.
    """

    kind: type
    observations: Any
    arrays: tuple[Floats, ...]
    values: Floats | None = None

    def nothing_found(self) -> tuple[Floats, ...]:
        """Return arrays of zeros for what will be found."""
        if self.kind is GaussianEmission:
            means, factors, constants = self.arrays
            return np.zeros_like(constants), np.zeros_like(means), np.zeros_like(factors)
        return (np.zeros(self.arrays[0].shape),)

    def statistics(self, found: tuple[Floats, ...]) -> Any:
        """Turn what was found into the emission's own statistics."""
        if self.kind is GaussianEmission:
            return GaussianStatistics(*found)
        if self.kind is CategoricalEmission:
            return unchecked(CategoricalStatistics, *found)
        (counts,) = found
        assert self.values is not None
        # The states of a time step share one observation: their expected counts add up to a
        # whole number of time steps.
        repeats = np.rint(counts.sum(axis=0))
        log_factorials = float(repeats @ gammaln(self.values + 1.0))
        return PoissonStatistics(counts.sum(axis=1), counts @ self.values, log_factorials)


def in_kernel_form(
    data: SequenceData, params: HiddenMarkovParams, *, logs: bool = False
) -> KernelEmission:
    """Bring an emission into the kernels' form; ``logs`` as the most probable path wants it."""
    emission, observations = params.emission, data.observations
    if isinstance(emission, CategoricalEmission):
        return KernelEmission(type(emission), observations, _symbol_arrays(emission.probs, logs))
    if isinstance(emission, GaussianEmission):
        factors = np.array([gaussian.cholesky(c, k) for k, c in enumerate(emission.covariances)])
        log_roots = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        constants = -(0.5 * emission.means.shape[1] * gaussian.LOG_2PI + log_roots)
        arrays = constant(emission.means), factors, constants
        return KernelEmission(type(emission), constant(observations), arrays)
    assert isinstance(emission, PoissonEmission)
    return _poisson_form(emission, observations, logs)


def _poisson_form(emission: PoissonEmission, observations: Ints, logs: bool) -> KernelEmission:
    """Make symbols of counts, with a table of their densities."""
    if int(observations.max()) <= LARGEST_TABLE:
        values = np.arange(int(observations.max()) + 1.0)
    else:
        distinct, observations = np.unique(observations, return_inverse=True)
        values = distinct.astype(float)
    rates = emission.rates[:, None]
    log_table = xlogy(values, rates) - rates - gammaln(values + 1.0)
    peaks = log_table.max(axis=0)
    table = np.exp(log_table - np.where(peaks > -np.inf, peaks, 0.0))
    arrays = (constant(log_table),) if logs else (constant(table), peaks)
    return KernelEmission(type(emission), constant(observations), arrays, values)


def _symbol_arrays(probs: Floats, logs: bool) -> tuple[Floats, ...]:
    if not logs and probs.shape[1] <= FEW_SYMBOLS:
        return probs, NO_PEAKS
    with np.errstate(divide="ignore"):
        if logs:
            return (constant(np.log(probs)),)
        largest = probs.max(axis=0)
        return constant(probs / np.where(largest > 0.0, largest, 1.0)), np.log(largest)
