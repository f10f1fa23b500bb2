"""What the hidden Markov model is made of: its options, parameters, statistics and posterior."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from em_explorer.em.arrays import Floats, freeze
from em_explorer.em.errors import DataError
from em_explorer.em.options import check_options, option
from em_explorer.models.emissions import (
    CategoricalEmission,
    Emission,
    EmissionType,
    GaussianEmission,
    PoissonEmission,
    Prior,
)
from em_explorer.models.probabilities import checked_probabilities, without_traces
from em_explorer.models.sequences import SequenceData

EMISSION_CLASSES: dict[EmissionType, type] = {
    EmissionType.CATEGORICAL: CategoricalEmission,
    EmissionType.GAUSSIAN: GaussianEmission,
    EmissionType.POISSON: PoissonEmission,
}


class HiddenMarkovStart(Enum):
    """Where EM begins."""

    RANDOM = "random"
    DATA = "from the data"
    FLAT = "flat"
    GIVEN = "given"


@dataclass(frozen=True)
class HiddenMarkovOptions:
    """What to fit and where to begin.

    Attributes
    ----------
    n_states : int
    emission : EmissionType
    n_symbols : int
        Symbols of a categorical emission; 0 takes as many as are seen.
    start : HiddenMarkovStart
    ridge : float, the data's units squared
        Gaussian emission: with r > 0 every covariance has the prior ``−½ [log|Σ| + tr(r Σ⁻¹)]``,
        which keeps it from collapsing; 0 means no prior.
    pseudo_count : float
        Imagined beginnings, transitions and symbols for every probability that is not zero at
        the start, the prior ``a Σ log θ``; 0 means no prior. Poisson rates get that many
        imagined time steps with one event each.
    """

    n_states: int = option(
        2,
        "States",
        help="How many hidden states there are.",
        low=1,
        high=100,
        step=1,
    )
    emission: EmissionType = option(
        EmissionType.CATEGORICAL,
        "Observations",
        help="Categorical: symbols 0, 1, 2, …. Gaussian: numbers or vectors. Poisson: counts.",
    )
    n_symbols: int = option(
        0,
        "Symbols",
        help="How many symbols there are, with a categorical emission. 0 takes as many as are "
        "seen.",
        low=0,
        high=1_000_000,
        step=1,
        advanced=True,
    )
    start: HiddenMarkovStart = option(
        HiddenMarkovStart.DATA,
        "Start",
        help="Random: every row of probabilities is drawn. From the data: similar observations "
        "share a state, and states tend to stay. Flat: all states equal, which EM can't leave. "
        "Given: where you put them.",
        group="Start",
    )
    ridge: float = option(
        0.0,
        "Ridge",
        help="A prior that keeps the covariance of a Gaussian state from collapsing, in the "
        "data's units squared. 0 is no prior.",
        low=0.0,
        high=1e12,
        advanced=True,
    )
    pseudo_count: float = option(
        0.0,
        "Imagined counts",
        help="Added to every expected count, so that no probability becomes zero by chance. 0 is "
        "no prior.",
        low=0.0,
        high=1e9,
        step=0.5,
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def prior(self) -> Prior:
        """The priors of the emission."""
        return Prior(self.ridge, self.pseudo_count)


@dataclass(frozen=True)
class HiddenMarkovParams:
    """The parameters.

    Attributes
    ----------
    initial_probs : (K,) float
        π, the probabilities of the first state.
    transition_matrix : (K, K) float
        A[i, j] = p(z_{t+1} = j | z_t = i); rows sum to one.
    emission : CategoricalEmission, GaussianEmission or PoissonEmission
    """

    initial_probs: Floats
    transition_matrix: Floats
    emission: Emission

    def __post_init__(self) -> None:
        initial = checked_probabilities(self.initial_probs, "initial_probs", 1)
        transition = checked_probabilities(self.transition_matrix, "transition_matrix", 2)
        n_states = len(initial)
        if transition.shape != (n_states, n_states) or self.emission.n_states != n_states:
            raise DataError(
                f"initial_probs has {n_states} states, transition_matrix the shape "
                f"{transition.shape} and the emission {self.emission.n_states} states; all three "
                "must have the same number of states."
            )
        object.__setattr__(self, "initial_probs", initial)
        object.__setattr__(self, "transition_matrix", transition)
        freeze(self)

    @property
    def n_states(self) -> int:
        """K."""
        return len(self.initial_probs)


@dataclass(frozen=True)
class HiddenMarkovStatistics:
    """Expected counts; they add over sequences.

    Attributes
    ----------
    initial : (K,) float
        How often each state began a sequence.
    transitions : (K, K) float
        How often state j followed state i.
    emission : object
        The emission's own statistics.
    """

    initial: Floats
    transitions: Floats
    emission: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", without_traces(self.initial))
        object.__setattr__(self, "transitions", without_traces(self.transitions))
        freeze(self)

    def __add__(self, other: HiddenMarkovStatistics) -> HiddenMarkovStatistics:
        return HiddenMarkovStatistics(
            self.initial + other.initial,
            self.transitions + other.transitions,
            self.emission + other.emission,
        )


@dataclass(frozen=True)
class HiddenMarkovPosterior:
    """The posterior over the hidden states, for looking at; sequences lie end to end.

    Attributes
    ----------
    gamma : (T, K) float
        p(z_t = k | all x).
    log_emission : (T, K) float, nats
        log p(x_t | z_t = k).
    alpha : (T, K) float
        The filter p(z_t = k | x_1 … x_t).
    beta : (T, K) float
        What the future adds: ``gamma = alpha · beta``.
    log_scale : (T,) float, nats
        log p(x_t | x_1 … x_{t−1}).
    xi : (K, K) float
        Expected transitions, summed over time.
    """

    gamma: Floats
    log_emission: Floats
    alpha: Floats
    beta: Floats
    log_scale: Floats
    xi: Floats

    def __post_init__(self) -> None:
        freeze(self)


def check_params(
    options: HiddenMarkovOptions, params: HiddenMarkovParams, data: SequenceData
) -> None:
    """Refuse parameters that are not made for these options and data.

    Raises
    ------
    DataError
        Saying what does not go together.
    """
    wanted = EMISSION_CLASSES[options.emission]
    if not isinstance(params.emission, wanted):
        raise DataError(
            f"The option emission is “{options.emission.value}”, but the parameters hold "
            f"a {type(params.emission).__name__}; give a {wanted.__name__}."
        )
    if params.n_states != options.n_states:
        raise DataError(
            f"The option n_states is {options.n_states}, but the parameters have "
            f"{params.n_states} states."
        )
    params.emission.check(data)
