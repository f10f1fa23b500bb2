"""What the four classes share: reading tables, running EM from some starts, telling how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import Fit, Model, RunOptions, StopReason, fit


def generator_from(random_state: Any) -> np.random.Generator:
    """Turn scikit-learn's ``random_state`` (None, int, RandomState) or a Generator into the latter.

    A RandomState is advanced, as scikit-learn advances it; a Generator is used as it is.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None or isinstance(random_state, int | np.integer):
        if random_state is not None and random_state < 0:
            raise DataError(f"random_state must be zero or more; it is {random_state}.")
        return np.random.default_rng(random_state)
    return np.random.default_rng(check_random_state(random_state).randint(2**31, size=4))


class EMEstimator(BaseEstimator):  # type: ignore[misc]
    """What the four classes share: run EM, and tell how it went.

    Attributes
    ----------
    log_likelihood_history_ : (n_iter_ + 1,) float, nats
        The objective at each E-step: first at the initial parameters, last at those kept.
    n_iter_ : int
        Full steps taken.
    converged_ : bool
        Whether EM stopped because it had converged, and for no other reason.
    stop_reason_ : str
        "converged", "iteration limit", "decreased", "singular" or "stalled".
    stop_message_ : str
        The same in a sentence, with what can be done.
    """

    max_iter: int
    tolerance: float

    def _table(self, X: Any, *, reset: bool, **checks: Any) -> Any:
        """Check a table as scikit-learn does, and remember (or compare) its columns."""
        if isinstance(X, np.ma.MaskedArray):
            # scikit-learn would take the numbers under the mask for data.
            X = np.ma.filled(X.astype(float), np.nan)
        try:
            # Infinities of both signs: scikit-learn's sum would warn before it refuses them.
            with np.errstate(invalid="ignore", over="ignore"):
                return validate_data(self, X, reset=reset, dtype=np.float64, **checks)
        except TypeError as error:
            # Cells that are no numbers stay a TypeError, as scikit-learn's own checks demand.
            if hasattr(X, "toarray"):
                raise DataError(
                    "X is sparse, and this takes whole tables; pass X.toarray()."
                ) from error
            raise

    def _columns_without_table(self, n_columns: int) -> None:
        """Remember the number of columns of data that did not come as a table."""
        self.n_features_in_ = n_columns
        self.__dict__.pop("feature_names_in_", None)

    def _run(self, model: Model, data: Any, start: Callable[[], Any]) -> Fit:
        """Run EM from what ``start`` gives; one that allows no E-step is the caller's error."""
        try:
            return fit(model, data, start(), RunOptions(self.max_iter, self.tolerance))
        except SingularError as error:
            raise DataError(str(error)) from error

    def _best_run(self, model: Model, data: Any, start: Callable[[], Any], n_init: int) -> Fit:
        """Run EM from several starts and return the run with the highest objective.

        A run that ended singular comes last: its objective was on the way to infinity. A start
        that allows no E-step is passed over while another does.
        """
        best: Fit | None = None
        failure: DataError | None = None
        for _ in range(n_init):
            try:
                found = self._run(model, data, start)
            except DataError as error:
                failure = failure or error
                continue
            if best is None or _rank(found) > _rank(best):
                best = found
        if best is None:
            assert failure is not None
            raise failure
        return best

    def _keep(self, found: Fit) -> None:
        """Store how a run went."""
        self.log_likelihood_history_ = np.array(found.history)
        self.n_iter_ = found.n_iter
        self.converged_ = found.stop.reason is StopReason.CONVERGED
        self.stop_reason_ = found.stop.reason.value
        self.stop_message_ = found.stop.message


def _rank(found: Fit) -> tuple[bool, float]:
    return found.stop.reason is not StopReason.SINGULAR, found.history[-1]
