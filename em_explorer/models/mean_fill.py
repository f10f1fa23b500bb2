"""Mean fill: put each column's mean into its holes, once and for all.

It is here to be watched beside EM. The filled values never move, so the first M-step is the last
one that changes anything. What it maximizes is ``log p(X_o, x_m = column means | θ)``. Variances
shrink by the share that is missing, and correlations fade.

Source: Little & Rubin (2019), *Statistical Analysis with Missing Data*, §4.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation
from em_explorer.models.conditionals import Conditionals, refuse_singular
from em_explorer.models.gaussian import GaussianStatistics, weighted_statistics
from em_explorer.models.missing_data import MissingData, MissingDataParams, MissingDataPosterior
from em_explorer.models.patterns import IncompleteData
from em_explorer.models.treatments import fill_with_means


@dataclass(frozen=True)
class MeanFill(MissingData):
    """An E-step that asks nobody: the same fill-ins whatever the parameters are.

    Its objective is a density of values that nobody saw, no bound on log p(X_o | θ): it may lie
    above or below.
    """

    exact_posterior = False

    def start_from(self, params: MissingDataParams) -> MissingDataParams:
        """Return the parameters themselves: any start of EM is one of this."""
        return params

    def e_step(
        self,
        data: IncompleteData,
        params: MissingDataParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[GaussianStatistics]:
        """Fill each hole with the mean of the values seen in its column.

        Returns
        -------
        Expectation
            ``entropy`` is 0; ``log_likelihood`` is that of the observed cells at ``params``, as
            in EM, so that the two can be compared. ``latent`` claims no uncertainty.

        Raises
        ------
        SingularError
            When the covariance is numerically singular.
        """
        refuse_singular(params.covariance, data.columns)
        filled: Floats = fill_with_means(data.values)
        seen = np.delete(filled, data.empty_rows, axis=0)
        log_likelihood = 0.0
        for stack in data.stacks:
            given = Conditionals.of(params.mean, params.covariance, stack)
            log_likelihood += given.log_likelihood(stack)
        shown = None
        if latent:
            shown = MissingDataPosterior(filled, np.zeros(data.shape), data.observed)
        return Expectation(
            weighted_statistics(seen, np.ones((len(seen), 1))), 0.0, log_likelihood, shown
        )
