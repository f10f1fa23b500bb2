"""Viterbi training: the hidden Markov model's EM with q held to a single path per sequence.

Where Baum–Welch counts over all paths, weighted by their probability, this counts along the best
one. The objective ``F = log p(X, path | θ)`` never falls and stays below log p(X | θ). What the
best path never does gets probability zero and stays there: quick, but it closes doors.

Source: Juang & Rabiner (1990), "The segmental K-means algorithm for estimating parameters of
hidden Markov models".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.model import Expectation
from em_explorer.models.hidden_markov import HiddenMarkov, viterbi
from em_explorer.models.hidden_markov_params import HiddenMarkovParams, HiddenMarkovStatistics
from em_explorer.models.sequences import SequenceData


@dataclass(frozen=True)
class ViterbiTraining(HiddenMarkov):
    """Hard-assignment EM with the parameters and options of :class:`HiddenMarkov`."""

    def start_from(self, params: HiddenMarkovParams) -> HiddenMarkovParams:
        """Return the parameters themselves: any start of Baum–Welch is one of this."""
        return params

    def e_step(
        self,
        data: SequenceData,
        params: HiddenMarkovParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[HiddenMarkovStatistics]:
        """Find the most probable path of each sequence and count along it.

        Returns
        -------
        Expectation
            ``entropy`` is 0, there is no doubt in q; ``log_likelihood`` is log p(X | θ), which F
            stays below. ``latent`` holds the path as ``gamma`` and its transitions as ``xi``;
            ``alpha`` and ``beta`` are those of the sum over all paths.

        Raises
        ------
        ImpossibleDataError
            When a sequence has probability zero under ``params``.
        """
        path, _ = viterbi(self, data, params)
        soft = super().e_step(data, params, latent=latent)
        gamma = np.zeros((len(path), params.n_states))
        gamma[np.arange(len(path)), path] = 1.0
        statistics = HiddenMarkovStatistics(
            gamma[[where.start for where in data.slices()]].sum(axis=0),
            _transitions(path, data, params.n_states),
            params.emission.collect(data.observations, gamma),
        )
        shown = soft.latent and replace(soft.latent, gamma=gamma, xi=statistics.transitions)
        return Expectation(statistics, 0.0, soft.log_likelihood, shown)

    def symmetry(self, params: HiddenMarkovParams) -> str | None:
        """Return None: of two equal states the best path takes the first, which parts them."""
        return None


def _transitions(path: Ints, data: SequenceData, n_states: int) -> Floats:
    """Count how often the path steps from i to j, (K, K); not from one sequence into the next."""
    inside = np.ones(len(path), dtype=bool)
    inside[[where.start for where in data.slices()]] = False
    here = np.flatnonzero(inside)
    counts = np.zeros((n_states, n_states))
    np.add.at(counts, (path[here - 1], path[here]), 1.0)
    return counts
