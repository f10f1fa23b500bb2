"""Plug-in imputation: fill the holes with their regression, refit, and repeat.

It looks like EM and forgets one term: a filled value is taken for a seen one, so the residual
covariance of the missing cells is not added. Variances shrink and correlations grow, the more the
more is missing. What it maximizes is ``log p(X_o, x_m | θ)``, over the missing values too, as if
they were parameters.

Source: Little & Rubin (2019), *Statistical Analysis with Missing Data*, §4.2.2 and §11.2; Little &
Rubin (1983), "On jointly estimating parameters and missing data by maximizing the complete-data
likelihood".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.model import Expectation
from em_explorer.models.conditionals import Conditionals, refuse_singular
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.patterns import IncompleteData


@dataclass(frozen=True)
class PlugInImputation(MissingData):
    """EM without the conditional covariance, with the parameters of :class:`MissingData`.

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
        """Fill each hole with its conditional mean, the likeliest value, and call it seen.

        Returns
        -------
        Expectation
            ``entropy`` is 0; ``log_likelihood`` is that of the observed cells, as in EM, so that
            the two can be compared. ``latent`` claims no uncertainty.

        Raises
        ------
        SingularError
            When the covariance is numerically singular.
        """
        refuse_singular(params.covariance, data.columns)
        n_columns = data.shape[1]
        statistics = GaussianStatistics(
            np.zeros(1), np.zeros((1, n_columns)), np.zeros((1, n_columns, n_columns))
        )
        log_likelihood = 0.0
        for stack in data.stacks:
            given = Conditionals.of(params.mean, params.covariance, stack)
            statistics += given.statistics(stack, uncertain=False)
            log_likelihood += given.log_likelihood(stack)
        shown = self._posterior(data, params) if latent else None
        if shown is not None:
            shown = replace(shown, standard_deviations=np.zeros(data.shape))
        return Expectation(statistics, 0.0, log_likelihood, shown)
