"""Missing data for those who write scripts: fill the holes of a table, as scikit-learn would."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.estimators.base import EMEstimator, generator_from
from em_explorer.estimators.checks import given_array
from em_explorer.estimators.chunked_imputation import ChunkedImputation, read_incomplete
from em_explorer.models import missing_data
from em_explorer.models.backend import choose, served_by
from em_explorer.models.missing_data import (
    MissingData,
    MissingDataOptions,
    MissingDataParams,
)
from em_explorer.models.patterns import IncompleteData, framed, read_table


class EMImputation(OneToOneFeatureMixin, TransformerMixin, EMEstimator):  # type: ignore[misc]
    """Fill the holes of a table from a multivariate normal fitted to its incomplete rows.

    Parameters
    ----------
    max_iter : int
        Full EM steps at most.
    tolerance : float, nats per row
        Stop when a full step gains less; 0 takes exactly ``max_iter`` steps.
    mean_init : (D,) array-like, optional
        Initial mean; otherwise the means of the available values.
    covariance_init : (D, D) array-like, optional
        Initial covariance; otherwise the variances of the available values, uncorrelated.
    ridge : float, data's units squared
        0 is maximum likelihood; above 0, a prior keeps the covariance from collapsing.
    random_state : None, int, RandomState or Generator
        Behind :meth:`draw`. ``fit`` starts the sequence of draws anew.

    Attributes
    ----------
    mean_ : (D,) float
    covariance_ : (D, D) float
    log_likelihood_history_, n_iter_, converged_, stop_reason_, stop_message_
        How the run went. Where the covariance became singular on the way, ``stop_reason_`` is
        "singular" and the last good parameters are kept.

    Examples
    --------
    >>> import numpy as np
    >>> from em_explorer import EMImputation
    >>> table = [[1.0, 2.1], [2.0, 3.9], [3.0, 6.2], [4.0, np.nan]]
    >>> EMImputation(max_iter=500, tolerance=1e-12).fit_transform(table).round(2)[3]
    array([4.  , 8.17])
    """

    def __init__(
        self,
        max_iter: int = 100,
        tolerance: float = 1e-6,
        mean_init: Any = None,
        covariance_init: Any = None,
        ridge: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.mean_init = mean_init
        self.covariance_init = covariance_init
        self.ridge = ridge
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit mean and covariance to the observed cells.

        Parameters
        ----------
        X : (N, D) array-like of numbers, NaN where missing
            Or, when they are too large to hold: a memory-mapped array, a ``dask.array``, or an
            iterable of tables that can be gone through again. They are read once, and in every
            step only when more than some thousand patterns of holes occur.
        y : ignored

        Raises
        ------
        ValueError
            When a column holds nothing, or EM cannot start: a constant column without a ridge,
            initial parameters of the wrong shape.
        """
        model, data = self._prepared(
            served_by(MissingData(MissingDataOptions(ridge=self.ridge))), X
        )
        params = model.initialize(data, np.random.default_rng(0))
        if self.mean_init is not None or self.covariance_init is not None:
            params = self._given(model, data, params)
        self._generator = generator_from(self.random_state)
        found = self._run(model, data, lambda: params)
        self._keep(found)
        fitted = model.to_units(found.params, data)
        self.mean_, self.covariance_ = fitted.mean, fitted.covariance
        return self

    def _prepared(self, model: MissingData, X: Any) -> tuple[Any, Any]:
        """Return the model and the data in its frame: held in memory, or coming in chunks."""
        source = read_incomplete(X)
        if source is None:
            return model, model.prepare(self._read(X, reset=True))
        chunked = ChunkedImputation(model, source.gather)
        data = chunked.prepare(source)
        if data.frame.stacks:
            # All that matters is here now: nothing is left to do for other machines.
            chunked = ChunkedImputation(model)
        self._columns_without_table(len(data.frame.center))
        return chunked, data

    def _given(self, model: Any, data: Any, available: MissingDataParams) -> MissingDataParams:
        """Return the given initial parameters, completed from the available cases."""
        start = model.to_units(available, data)
        mean = start.mean if self.mean_init is None else self.mean_init
        covariance = start.covariance if self.covariance_init is None else self.covariance_init
        n_columns = len(start.mean)
        given = MissingDataParams(
            given_array("mean_init", mean, (n_columns,)),
            given_array("covariance_init", covariance, (n_columns, n_columns)),
        )
        started: MissingDataParams = model.from_units(given, data)
        return started

    def _read(self, X: Any, *, reset: bool) -> Floats:
        table = self._table(
            X,
            reset=reset,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
        )
        return np.asarray(table)

    def _framed(self, X: Any) -> tuple[Floats, IncompleteData, MissingDataParams]:
        """Return new rows as they are, and with the fitted parameters about the fitted mean."""
        check_is_fitted(self, "mean_")
        table, columns = read_table(self._read(X, reset=False))
        params = MissingDataParams(np.zeros(table.shape[1]), self.covariance_)
        return table, framed(table, self.mean_, columns), params

    def transform(self, X: Any) -> Floats:
        """Fill every hole with its conditional mean given the row's observed cells.

        Rows with nothing observed get the mean.

        Returns
        -------
        (N, D) float
            In the units of X, whose observed cells come back unchanged.
        """
        table, data, params = self._framed(X)
        # Far away the likelihood, which is not asked for, overflows.
        with np.errstate(over="ignore", invalid="ignore"):
            posterior = MissingData(backend=choose()).e_step(data, params, latent=True).latent
        # Centering and back may cost an observed value its last digit: those are not touched.
        return np.where(data.observed, table, posterior.imputed_in_units(data))

    def draw(self, X: Any) -> Floats:
        """Fill every hole with a random draw from its conditional distribution.

        Each call continues the random sequence, so that several calls give the several completed
        tables that multiple imputation wants.

        Returns
        -------
        (N, D) float
            In the units of X, whose observed cells come back unchanged.
        """
        table, data, params = self._framed(X)
        drawn = missing_data.draw(data, params, self._generator)
        return np.where(data.observed, table, drawn + data.center)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean observed-data log-likelihood per row with something observed, in nats.

        Raises
        ------
        ValueError
            When nothing was observed at all.
        """
        _, data, params = self._framed(X)
        model = MissingData(backend=choose())
        n_rows = model.n_observations(data)
        if n_rows == 0:
            raise DataError("Nothing was observed in these rows, so there is nothing to score.")
        with np.errstate(over="ignore", invalid="ignore"):
            score = model.e_step(data, params).log_likelihood / n_rows
        if not np.isfinite(score):
            raise DataError(
                "These rows are too far from the fitted mean to have a density; look for a wrong "
                "unit or a misplaced decimal point."
            )
        return score
