"""Hidden Markov models for those who write scripts, with scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.errors import DataError, ImpossibleDataError
from em_explorer.estimators.base import EMEstimator, generator_from
from em_explorer.estimators.checks import (
    choice,
    given_array,
    given_covariances,
    given_probabilities,
    whole_number,
)
from em_explorer.estimators.chunked_sequences import (
    ChunkedHiddenMarkov,
    SequenceChunks,
    read_sequence_source,
)
from em_explorer.estimators.sequence_input import read_sequences
from em_explorer.models.backend import choose, served_by
from em_explorer.models.emissions import Emission
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
    PoissonEmission,
    SequenceData,
    Sequences,
    viterbi,
)
from em_explorer.models.sequences import read_counts, read_symbols, read_vectors

EMISSION_ARGUMENTS = {
    "n_observations": EmissionType.CATEGORICAL,
    "emissionprob_init": EmissionType.CATEGORICAL,
    "means_init": EmissionType.GAUSSIAN,
    "covariances_init": EmissionType.GAUSSIAN,
    "rates_init": EmissionType.POISSON,
}
"""Arguments that only one emission knows what to do with."""

FITTED_EMISSION = ("emissionprob_", "means_", "covariances_", "rates_")


class HiddenMarkovModel(EMEstimator):
    """Find the hidden states behind sequences by the Baum–Welch algorithm.

    Observations (below) are one array of all time steps, ``(T,)`` symbols 0, 1, 2, …, ``(T,)``
    counts, or ``(T, D)`` vectors, with ``lengths`` where it holds several sequences end to end;
    or a Python list with one such array per sequence.

    Parameters
    ----------
    n_states : int
        K.
    emission : {"categorical", "gaussian", "poisson"}
        Observations are symbols, vectors (or numbers), or counts.
    n_observations : int, optional
        How many symbols there are, M; otherwise as many as are seen.
    max_iter : int
        Full EM steps at most.
    tolerance : float, nats per time step
        Stop when a full step gains less; 0 takes exactly ``max_iter`` steps.
    n_init : int
        Runs from different starts; the one with the highest objective is kept, and one that
        became singular only when all did. One run is enough where nothing is left to chance.
    init : {"from the data", "random", "flat"}
        Where the parameters begin that are not given: similar observations share a state, all
        drawn at random, or all states equal, which EM can't leave.
    ridge : float, the data's units squared
        Gaussian: 0 is maximum likelihood; above 0, a prior keeps covariances from collapsing.
    pseudo_count : float
        Imagined counts that keep probabilities and rates from becoming zero; 0 is no prior.
    random_state : None, int, RandomState or Generator
        Behind the starts and, after them, :meth:`generate_sequence`.
    startprob_init : (K,) array-like, optional
    transmat_init : (K, K) array-like, optional
        Row: from, column: to.
    emissionprob_init : (K, M) array-like, optional
    means_init : (K, D) array-like, optional
        Where means are given, missing covariances are those of the whole data.
    covariances_init : (K, D, D) array-like, optional
    rates_init : (K,) array-like, optional

    Attributes
    ----------
    startprob_ : (K,) float
    transmat_ : (K, K) float
    emissionprob_ : (K, M) float
        Categorical only.
    means_, covariances_ : (K, D) and (K, D, D) float
        Gaussian only.
    rates_ : (K,) float
        Poisson only.
    log_likelihood_history_, n_iter_, converged_, stop_reason_, stop_message_
        How the kept run went. Where a covariance became singular on the way, ``stop_reason_`` is
        "singular" and the last good parameters are kept.

    Examples
    --------
    >>> from em_explorer import HiddenMarkovModel
    >>> counts = [0, 1, 0, 0, 9, 8, 11, 9, 10, 0, 1, 1, 0, 0]
    >>> model = HiddenMarkovModel(2, "poisson", rates_init=[1, 8]).fit(counts)
    >>> model.predict_states(counts).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    """

    def __init__(
        self,
        n_states: int = 3,
        emission: str = "categorical",
        n_observations: int | None = None,
        max_iter: int = 100,
        tolerance: float = 1e-6,
        n_init: int = 1,
        init: str = "from the data",
        ridge: float = 0.0,
        pseudo_count: float = 0.0,
        random_state: Any = None,
        startprob_init: Any = None,
        transmat_init: Any = None,
        emissionprob_init: Any = None,
        means_init: Any = None,
        covariances_init: Any = None,
        rates_init: Any = None,
    ) -> None:
        self.n_states = n_states
        self.emission = emission
        self.n_observations = n_observations
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.n_init = n_init
        self.init = init
        self.ridge = ridge
        self.pseudo_count = pseudo_count
        self.random_state = random_state
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.emissionprob_init = emissionprob_init
        self.means_init = means_init
        self.covariances_init = covariances_init
        self.rates_init = rates_init

    def fit(self, observations: Any, lengths: Any = None) -> Self:
        """Fit start, transition and emission probabilities.

        Parameters
        ----------
        observations : array-like or list of array-likes
            Or, when they are too large to hold: an iterable of lists of sequences, an array each,
            that can be gone through again and again; or a memory-mapped or ``dask.array`` with
            ``lengths``. Drawn starts then look at the first 200,000 time steps.
        lengths : sequence of int, optional

        Raises
        ------
        ValueError
            When observations are missing, no symbols or counts, fewer than the states, or the
            initial parameters are none.
        """
        model: Any = self._model()
        n_init = whole_number("n_init", self.n_init)
        model, data = _prepared(served_by(model), observations, lengths)
        if len(data) < model.options.n_states:
            raise DataError(
                f"There are {model.options.n_states} states for {len(data)} time steps; "
                "choose fewer states."
            )
        given = self._given(model, data)
        rng = generator_from(self.random_state)
        found = self._best_run(
            model, data, lambda: _completed(model, data, given, rng), 1 if _whole(given) else n_init
        )
        self._note_columns(observations, data, reset=True)
        self._keep(found)
        self._generator = rng
        self._store(model.to_units(found.params, data))
        return self

    def _model(self) -> HiddenMarkov:
        """Return the model the arguments ask for."""
        emission = choice("emission", self.emission, EmissionType)
        for name, whose in EMISSION_ARGUMENTS.items():
            if getattr(self, name) is not None and whose is not emission:
                raise DataError(
                    f"{name} belongs to the emission {whose.value!r}, but the emission is "
                    f"{emission.value!r}; leave {name} out."
                )
        n_symbols = 0
        if self.n_observations is not None:
            n_symbols = whole_number("n_observations", self.n_observations)
        elif np.ndim(self.emissionprob_init) == 2:
            n_symbols = np.shape(self.emissionprob_init)[1]
        return HiddenMarkov(
            HiddenMarkovOptions(
                self.n_states,
                emission,
                n_symbols,
                choice("init", self.init, HiddenMarkovStart),
                self.ridge,
                self.pseudo_count,
            )
        )

    def _given(self, model: HiddenMarkov, data: Any) -> dict[str, Floats | None]:
        """Return the checked initial parameters of this emission, None where not given."""
        K, D = model.options.n_states, len(data.center)
        probabilities = {"startprob_init": (K,), "transmat_init": (K, K)}
        if model.options.emission is EmissionType.CATEGORICAL:
            probabilities["emissionprob_init"] = (K, data.n_symbols)
        given: dict[str, Floats | None] = {}
        for name, shape in probabilities.items():
            value = getattr(self, name)
            given[name] = None if value is None else given_probabilities(name, value, shape)
        if model.options.emission is EmissionType.GAUSSIAN:
            means, covariances = self.means_init, self.covariances_init
            given["means_init"] = (
                None if means is None else given_array("means_init", means, (K, D)) - data.center
            )
            given["covariances_init"] = (
                None
                if covariances is None
                else given_covariances("covariances_init", covariances, K, D)
            )
        elif model.options.emission is EmissionType.POISSON:
            rates = self.rates_init
            given["rates_init"] = None if rates is None else given_array("rates_init", rates, (K,))
            if rates is not None and np.min(rates) < 0:
                raise DataError("rates_init must be zero or more; they are events per time step.")
        return given

    def _store(self, fitted: HiddenMarkovParams) -> None:
        """Keep the fitted parameters, and none of another emission from a fit before."""
        for name in FITTED_EMISSION:
            self.__dict__.pop(name, None)
        self.startprob_ = fitted.initial_probs.copy()
        self.transmat_ = fitted.transition_matrix.copy()
        emission = fitted.emission
        if isinstance(emission, CategoricalEmission):
            self.emissionprob_ = emission.probs.copy()
        elif isinstance(emission, GaussianEmission):
            self.means_, self.covariances_ = emission.means.copy(), emission.covariances.copy()
        elif isinstance(emission, PoissonEmission):
            self.rates_ = emission.rates.copy()

    def _note_columns(self, observations: Any, data: Any, *, reset: bool) -> None:
        """Remember the columns, or compare the names of a frame's with those remembered."""
        if reset:
            self._columns_without_table(max(len(data.center), 1))
        if hasattr(observations, "columns"):
            validate_data(self, observations, reset=reset, skip_check_array=True)

    def _fitted(self) -> tuple[HiddenMarkov, HiddenMarkovParams]:
        """Return a model for the fitted parameters, and these in the data's units."""
        check_is_fitted(self, "startprob_")
        emission: Emission
        if hasattr(self, "emissionprob_"):
            kind, emission = EmissionType.CATEGORICAL, CategoricalEmission(self.emissionprob_)
        elif hasattr(self, "rates_"):
            kind, emission = EmissionType.POISSON, PoissonEmission(self.rates_)
        else:
            kind, emission = EmissionType.GAUSSIAN, GaussianEmission(self.means_, self.covariances_)
        options = HiddenMarkovOptions(n_states=len(self.startprob_), emission=kind)
        return HiddenMarkov(options, choose()), HiddenMarkovParams(
            self.startprob_, self.transmat_, emission
        )

    def _framed(
        self, observations: Any, lengths: Any
    ) -> tuple[HiddenMarkov, SequenceData, HiddenMarkovParams]:
        """Return new sequences with the fitted parameters, in one frame."""
        model, params = self._fitted()
        sequences = read_sequences(observations, lengths, model.options.emission)
        data = self._read(model.options.emission, sequences)
        self._note_columns(observations, data, reset=False)
        return model, data, model.from_units(params, data)

    def _read(self, kind: EmissionType, sequences: Sequences) -> SequenceData:
        # Unlike for a fit, new vectors may well be constant.
        if kind is EmissionType.CATEGORICAL:
            return read_symbols(sequences, self.emissionprob_.shape[1])
        return read_counts(sequences) if kind is EmissionType.POISSON else read_vectors(sequences)

    def predict_states(self, observations: Any, lengths: Any = None) -> Ints:
        """Return the most probable path of states (Viterbi), (T,) int from 0.

        Raises
        ------
        ValueError
            When the observations are impossible under the fitted parameters.
        """
        model, data, params = self._framed(observations, lengths)
        return viterbi(model, data, params)[0]

    def predict_proba(self, observations: Any, lengths: Any = None) -> Floats:
        """Return the probability of each state at each time step given all observations, (T, K).

        Raises
        ------
        ValueError
            When the observations are impossible under the fitted parameters.
        """
        model, data, params = self._framed(observations, lengths)
        gamma: Floats = model.e_step(data, params, latent=True).latent.gamma
        return gamma.copy()

    def score(self, observations: Any, lengths: Any = None) -> float:
        """Return ``log p(observations)``, summed over all sequences, in nats.

        −inf where they are impossible under the fitted parameters.
        """
        model, data, params = self._framed(observations, lengths)
        try:
            return model.e_step(data, params).log_likelihood
        except ImpossibleDataError:
            return -np.inf

    def generate_sequence(self, length: int) -> tuple[NDArray[Any], Ints]:
        """Draw a sequence; each call continues the random sequence that ``fit`` began.

        Returns
        -------
        observations : (length,) int, or (length, D) float of a Gaussian emission
        states : (length,) int
            The hidden states behind them.
        """
        model, params = self._fitted()
        sequences, states = model.sample(params, whole_number("length", length), self._generator)
        return np.array(sequences.observations), states


def _prepared(model: HiddenMarkov, observations: Any, lengths: Any) -> tuple[Any, Any]:
    """Return the model and the data in its frame: held in memory, or coming in chunks."""
    source = read_sequence_source(observations, lengths, model.options.emission)
    if source is not None:
        chunked = ChunkedHiddenMarkov(model, source.gather)
        return chunked, chunked.prepare(source)
    return model, model.prepare(read_sequences(observations, lengths, model.options.emission))


def _covariance(data: Any) -> Floats:
    if isinstance(data, SequenceChunks):
        return data.covariance
    return np.atleast_2d(np.cov(data.observations.T, bias=True))


def _whole(given: dict[str, Floats | None]) -> bool:
    """Say whether nothing is left to a random start."""
    chance = [name for name, value in given.items() if value is None]
    return chance == [] or (chance == ["covariances_init"] and given["means_init"] is not None)


def _completed(
    model: Any,
    data: Any,
    given: dict[str, Floats | None],
    rng: np.random.Generator,
) -> HiddenMarkovParams:
    """Draw what is not given and put it beside what is, all in the data's frame."""
    # Clustering a long sequence takes longer than many steps of EM: not for nothing.
    drawn = None if _whole(given) else model.initialize(data, rng)

    def either(name: str, otherwise: Callable[[Any], Floats]) -> Floats:
        value = given[name]
        return otherwise(drawn) if value is None else value

    def covariances(drawn: Any) -> Floats:
        means = given["means_init"]
        if means is None:
            return np.asarray(drawn.emission.covariances)
        # The clusters that the start found have nothing to do with these means.
        whole = _covariance(data)
        ridge = model.options.ridge * np.eye(len(whole))
        return np.repeat((whole + ridge)[None], len(means), axis=0)

    emission: Emission
    if "emissionprob_init" in given:
        emission = CategoricalEmission(either("emissionprob_init", lambda d: d.emission.probs))
    elif "rates_init" in given:
        emission = PoissonEmission(either("rates_init", lambda d: d.emission.rates))
    else:
        means = either("means_init", lambda d: d.emission.means)
        emission = GaussianEmission(means, either("covariances_init", covariances))
    return HiddenMarkovParams(
        either("startprob_init", lambda d: d.initial_probs),
        either("transmat_init", lambda d: d.transition_matrix),
        emission,
    )
