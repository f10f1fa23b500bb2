"""What the hidden Markov tab draws, and what it keeps so as not to compute it twice."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from em_explorer.data.dataset import Dataset
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.errors import DataError, SingularError
from em_explorer.models.hidden_markov import viterbi
from em_explorer.models.hidden_markov_params import EMISSION_CLASSES

LONG = 5000
"""Sequences longer than this get their Viterbi path only while nothing is playing."""

PATHS_KEPT = 8


@dataclass(frozen=True)
class ChainPicture:
    """What is drawn of a hidden Markov model, in the data's units.

    Attributes
    ----------
    params : HiddenMarkovParams
    gamma : (T, K) float or None
        The posterior; None before the first E-step.
    path : (T,) int or None
        The Viterbi path; None before the first E-step, and of a long sequence while playing.
    transitions : (K, K) float or None
        Expected transitions.
    ghost : object or None
        The emission before an M-step.
    long : LongPosterior or None
        Of a long sequence, in the place of ``gamma`` and ``path``.
    left : (K, K) float or None
        The transition matrix before an M-step.
    """

    params: Any
    gamma: Floats | None
    path: Ints | None
    transitions: Floats | None
    ghost: Any
    long: Any = None
    left: Floats | None = None

    def with_long(self, long: Any) -> ChainPicture:
        """Return the picture with what was read of a long sequence."""
        transitions = None if long.reading is None else long.transitions
        return replace(self, long=long, transitions=transitions)

    @property
    def posterior(self) -> tuple[Floats | None, Ints | None]:
        """Gamma and path, however long the sequence."""
        return (self.gamma, self.path) if self.long is None else (self.long.gamma, self.long.path)


class PathCache:
    """Viterbi paths of the parameters looked at last."""

    def __init__(self) -> None:
        self._paths: OrderedDict[int, tuple[Any, Ints]] = OrderedDict()

    def clear(self) -> None:
        """Forget every path: another run begins."""
        self._paths.clear()

    def path(self, model: Any, data: Any, params: Any, *, resting: bool) -> Ints | None:
        """Return the path (T,) at ``params``; None where computing it would halt a playing run."""
        key = id(params)
        if key not in self._paths:
            if len(data) > LONG and not resting:
                return None
            # The params are kept beside their path, so that no other object gets their id.
            self._paths[key] = params, viterbi(model, data, params)[0]
            if len(self._paths) > PATHS_KEPT:
                self._paths.popitem(last=False)
        return self._paths[key][1]


def true_params(dataset: Dataset, options: Any) -> Any:
    """Return the true parameters where they are of the kind that is fitted, else None."""
    known = None if dataset.truth is None else dataset.truth.params
    if known is None or known.n_states != options.n_states:
        return None
    return known if isinstance(known.emission, EMISSION_CLASSES[options.emission]) else None


def truth_figures(model: Any, dataset: Dataset, data: Any) -> tuple[float, float] | None:
    """Return the log-likelihood at the true parameters, and their share of right states."""
    known = true_params(dataset, model.options)
    labels = None if dataset.truth is None else dataset.truth.labels
    if known is None or labels is None:
        return None
    try:
        found = model.e_step(data, model.from_units(known, data), latent=True)
    except (DataError, SingularError):
        return None  # the data may have been taken for something else than what they are
    right = found.latent.gamma.argmax(1) == labels
    return found.log_likelihood, float(right.mean())
