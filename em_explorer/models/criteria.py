"""How many parts? What information criteria say, each with its formula.

All criteria are on the scale of −2 log p, so that smaller is better.

Source: Akaike (1974); Schwarz (1978); Biernacki, Celeux & Govaert (2000) for ICL, here with the
entropy of the posterior in place of the hard assignment's (McLachlan & Peel 2000, §6.10.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.emissions import CategoricalEmission, GaussianEmission
from em_explorer.models.gaussian_mixture_params import CovarianceType, GaussianMixtureParams
from em_explorer.models.hidden_markov_params import HiddenMarkovParams
from em_explorer.models.missing_data import MissingDataParams


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a fit is worth.

    Attributes
    ----------
    log_likelihood : float, nats
        log p(X | θ), or its bound.
    n_free : int or None
        Free parameters; None where counting them says nothing (a variational model, whose bound
        already pays for its topics).
    aic, bic, icl : float or None
        On the scale of −2 log p: smaller is better.
    perplexity : float or None
        Of documents held out: smaller is better.
    held_out : float or None, nats
        Log density of a cell held out, on average: larger is better.
    """

    log_likelihood: float
    n_free: int | None = None
    aic: float | None = None
    bic: float | None = None
    icl: float | None = None
    perplexity: float | None = None
    held_out: float | None = None


def information_criteria(
    log_likelihood: float, n_free: int, n_observations: int, entropy: float
) -> Criteria:
    """Return ``AIC = −2 log p + 2 p``, ``BIC = −2 log p + p log n``, ``ICL = BIC + 2 H(q)``.

    Parameters
    ----------
    log_likelihood : float, nats
    n_free : int
    n_observations : int
        Points, or time steps.
    entropy : float, nats
        Of the posterior: how unsure the assignment of all points is.
    """
    deviance = -2.0 * log_likelihood
    bic = deviance + n_free * float(np.log(n_observations))
    return Criteria(
        log_likelihood, n_free, deviance + 2.0 * n_free, bic, bic + 2.0 * max(entropy, 0.0)
    )


def criteria_of(model: Any, data: Any, params: Any) -> Criteria:
    """Return the criteria of a fit, by one E-step at its parameters."""
    found = model.e_step(data, params)
    n_free = free_parameters(model, params)
    if n_free is None:
        return Criteria(model.bound(params, found))
    return information_criteria(
        found.log_likelihood, n_free, model.n_observations(data), found.entropy
    )


def free_parameters(model: Any, params: Any) -> int | None:
    """Count what EM is free to choose; None for a variational model.

    Probabilities that sum to one have one number less; those that are zero at the end count
    all the same, since they might have been otherwise.
    """
    if isinstance(params, GaussianMixtureParams):
        n_parts, n_dims = params.means.shape
        shape = _shape_numbers(model.options.covariance_type, n_parts, n_dims)
        return int(n_parts - 1 + n_parts * n_dims + shape)
    if isinstance(params, HiddenMarkovParams):
        n_states: int = params.n_states
        return n_states - 1 + n_states * (n_states - 1) + _emission_numbers(params.emission)
    if isinstance(params, MissingDataParams):
        n_columns = len(params.mean)
        return n_columns + n_columns * (n_columns + 1) // 2
    return None


def _shape_numbers(kind: CovarianceType, n_parts: int, n_dims: int) -> int:
    triangle = n_dims * (n_dims + 1) // 2
    return {
        CovarianceType.FULL: n_parts * triangle,
        CovarianceType.TIED: triangle,
        CovarianceType.DIAGONAL: n_parts * n_dims,
        CovarianceType.SPHERICAL: n_parts,
    }[kind]


def _emission_numbers(emission: Any) -> int:
    if isinstance(emission, CategoricalEmission):
        n_states, n_symbols = emission.probs.shape
        return int(n_states * (n_symbols - 1))
    if isinstance(emission, GaussianEmission):
        n_states, n_dims = emission.means.shape
        return int(n_states * (n_dims + n_dims * (n_dims + 1) // 2))
    return len(emission.rates)


def punched_cells(table: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Return a table with some of its seen cells hidden, never the last of a row.

    Parameters
    ----------
    table : (N, D) float
        NaN in its holes.
    share : float
        Of the cells that are seen in rows with more than one.
    rng : numpy.random.Generator
    """
    punched = np.array(table, dtype=float)
    seen = ~np.isnan(punched)
    rows = np.flatnonzero(seen.sum(axis=1) > 1)
    chosen = rows[rng.random(len(rows)) < min(share * seen[rows].sum() / max(len(rows), 1), 0.9)]
    for row in chosen:
        punched[row, rng.choice(np.flatnonzero(seen[row]))] = np.nan
    return punched


def held_out_density(model: Any, params: Any, whole: Any, punched: Any, n_cells: int) -> float:
    """Return the mean log density of hidden cells given the cells seen beside them, nats.

    ``[log p(all seen cells) − log p(cells left)] / hidden``, at parameters fitted to the cells
    left.

    Parameters
    ----------
    params : object
        In the frame of ``punched``.
    whole, punched : IncompleteData
        With and without the hidden cells.
    n_cells : int
        How many cells were hidden.
    """
    moved = model.from_units(model.to_units(params, punched), whole)
    gained = model.e_step(whole, moved).log_likelihood
    gained -= model.e_step(punched, params).log_likelihood
    return float(gained / max(n_cells, 1))
