"""The normal behind a table with holes, taken apart: names, values, coordinates and gauges."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from em_explorer.em.anatomy import Gauge, Parameter
from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation
from em_explorer.models.anatomy_parts import (
    MANY,
    correlations,
    eigenvalue_gauges,
    named,
    packed_factors,
    pairs,
    spreads,
    unpacked_covariances,
)
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.patterns import IncompleteData


class MissingDataAnatomy:
    """See :class:`~em_explorer.em.anatomy.Anatomy`.

    Parameters
    ----------
    model : MissingData
    data : IncompleteData
    names : tuple of str
        Of the columns.
    """

    def __init__(
        self, model: MissingData, data: IncompleteData, names: tuple[str, ...] = ()
    ) -> None:
        self.model = model
        self.data = data
        n_columns = data.shape[1]
        self.names = named(names or data.columns, n_columns, "column")
        self.pairs = pairs(n_columns) if len(pairs(n_columns)) <= MANY else []

    def parameters(self, params: MissingDataParams) -> tuple[Parameter, ...]:
        """Return means, standard deviations, and correlations where they are few."""
        columns = range(len(self.names))
        names = self.names
        found = [Parameter("means", f"μ {names[d]}", None, f"mean[{d}]") for d in columns]
        found += [Parameter("spreads", f"σ {names[d]}", None, f"spreads[{d}]") for d in columns]
        found += [
            Parameter(
                "correlations",
                "ρ" if len(names) == 2 else f"ρ {names[i]}–{names[j]}",
                None,
                f"correlations[{i}, {j}]",
            )
            for i, j in self.pairs
        ]
        return tuple(found)

    def values(self, params: MissingDataParams) -> Floats:
        """Return their values in the data's units."""
        shown = self.model.to_units(params, self.data)
        parts = [shown.mean, spreads(shown.covariance[None])[0]]
        if self.pairs:
            parts.append(correlations(shown.covariance[None])[0])
        return np.concatenate(parts)

    def scales(self, params: MissingDataParams) -> Floats:
        """Return the column's SD for means and spreads, 1 for correlations."""
        own = spreads(params.covariance[None])[0]
        return np.concatenate([own, own, np.ones(len(self.pairs))])

    def coordinates(self, params: MissingDataParams) -> Floats:
        """Return the mean and the Cholesky factor.

        Raises
        ------
        SingularError
            When the covariance is not positive definite.
        """
        return np.concatenate([params.mean, packed_factors(params.covariance[None])])

    def from_coordinates(self, coordinates: Floats, like: MissingDataParams) -> MissingDataParams:
        """Return the parameters at a vector of coordinates; what is locked is as in ``like``."""
        n_columns = len(like.mean)
        mean, factor = np.split(np.asarray(coordinates, dtype=float), [n_columns])
        found = MissingDataParams(mean, unpacked_covariances(factor, 1, n_columns)[0])
        return self.model.hold(found, like)

    def gauges(
        self, params: MissingDataParams, expectation: Expectation[GaussianStatistics] | None
    ) -> tuple[Gauge, ...]:
        """Return the smallest eigenvalue, and the rows behind the least-seen pair of columns.

        What no row shows together EM takes from the start and the other columns: with no such
        row a correlation is a guess, and with few a weak one.
        """
        found = eigenvalue_gauges(
            params.covariance[None],
            self.data.variances,
            narrowest=0.0,
            of_one="smallest eigenvalue",
        )
        if len(self.names) < 2:
            return found
        (i, j), rows = self.least_seen_pair
        label = f"rows with {self.names[i]} and {self.names[j]}"
        full = float(self.model.n_observations(self.data))
        return *found, Gauge(label, None, rows, len(self.names) + 1.0, 0.0, full, "rows", "pairs")

    @cached_property
    def least_seen_pair(self) -> tuple[tuple[int, int], float]:
        """The two columns that are seen together in the fewest rows, and in how many."""
        n_columns = len(self.names)
        together = np.zeros((n_columns, n_columns))
        for stack in self.data.stacks:
            seen = np.zeros(stack.order.shape)
            np.put_along_axis(seen, stack.order[:, : stack.n_observed], 1.0, axis=1)
            together += (seen * stack.counts[:, None]).T @ seen
        rows, columns = np.triu_indices(n_columns, 1)
        least = int(np.argmin(together[rows, columns]))
        where = int(rows[least]), int(columns[least])
        return where, float(together[where])
