"""Overimputation: treat each seen value as missing, predict it, and see whether it was foreseen.

Nothing here is part of EM. It asks whether the normal that EM has found would have filled the
known cells well; then it may be trusted with the unknown ones.

Source: Blackwell, Honaker & King (2017), "A unified approach to measurement error and missing
data", §5; King, Honaker, Joseph & Scheve (2001) for the plot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Bools, Floats, Ints, freeze
from em_explorer.models.conditionals import regression
from em_explorer.models.missing_data import MissingDataParams
from em_explorer.models.patterns import IncompleteData

Z_90 = 1.6448536269514722
"""Standard deviations to either side that hold 90 % of a normal."""


@dataclass(frozen=True)
class Overimputed:
    """Every seen value of one column beside what the rest of its row leads one to expect.

    Attributes
    ----------
    rows : (n,) int
    observed, predicted : (n,) float
    deviations : (n,) float
        Conditional standard deviations of the predictions.
    """

    rows: Ints
    observed: Floats
    predicted: Floats
    deviations: Floats

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def covered(self) -> Bools:
        """Whether the 90 % interval around each prediction holds the value seen."""
        apart = np.abs(self.observed - self.predicted)
        return np.asarray(apart <= Z_90 * self.deviations)


def overimpute(data: IncompleteData, params: MissingDataParams, column: int) -> Overimputed:
    """Predict each seen value of a column from the other seen values of its row.

    Rows of one pattern share the regression ``x_c = a + B x_o + noise``; a row that shows nothing
    else is predicted by the mean.

    Parameters
    ----------
    data : IncompleteData
    params : MissingDataParams
        In the centred frame.
    column : int

    Returns
    -------
    Overimputed
        In the centred frame; add ``data.center[column]`` for the data's units.

    Raises
    ------
    SingularError
        When the covariance is numerically singular.
    """
    rows, predicted, deviations = [], [], []
    for stack in data.stacks:
        for order, members in zip(stack.order, stack.rows, strict=True):
            others = order[: stack.n_observed]
            if column not in others:
                continue
            others = others[others != column]
            seen = np.zeros(len(params.mean), dtype=bool)
            seen[others] = True
            if len(others):
                given = regression(params.mean, params.covariance, seen)
                i = int(np.flatnonzero(given.missing_columns == column)[0])
                values = data.values[np.ix_(members, given.observed_columns)]
                mean = given.intercept[i] + values @ given.coefficients[i]
                variance = given.conditional_covariance[i, i]
            else:
                mean = np.full(len(members), params.mean[column])
                variance = params.covariance[column, column]
            rows.append(members)
            predicted.append(mean)
            deviations.append(np.full(len(members), np.sqrt(variance)))
    if not rows:
        nothing = np.empty(0)
        return Overimputed(np.empty(0, dtype=np.int64), nothing, nothing, nothing)
    where = np.concatenate(rows)
    order = np.argsort(where)
    where = where[order]
    return Overimputed(
        where,
        data.values[where, column],
        np.concatenate(predicted)[order],
        np.concatenate(deviations)[order],
    )
