"""A hidden Markov model: a state that nobody sees walks in time and emits what is seen.

``p(x, z) = π(z_1) Π_t A(z_{t−1}, z_t) Π_t p(x_t | z_t)``

Its EM is the Baum–Welch algorithm: the E-step counts, in expectation, how often each state began
a sequence, followed another and emitted what; the M-step turns the counts into probabilities.

Source: Rabiner (1989), "A tutorial on hidden Markov models"; Bishop (2006), *Pattern Recognition
and Machine Learning*, §13.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import xlogy

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.errors import DataError, ImpossibleDataError
from em_explorer.em.model import Expectation
from em_explorer.models.backend import Backend
from em_explorer.models.emissions import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    PoissonEmission,
)
from em_explorer.models.forward_backward import ChainPosterior, forward_backward, viterbi_path
from em_explorer.models.hidden_markov_locks import hold, lock_shapes, maximize_held, may_part
from em_explorer.models.hidden_markov_params import (
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovPosterior,
    HiddenMarkovStart,
    HiddenMarkovStatistics,
    check_params,
)
from em_explorer.models.hidden_markov_starts import data_start, flat_start, random_start
from em_explorer.models.locking import Locks, listed
from em_explorer.models.probabilities import (
    SAME_ATOL,
    SAME_RTOL,
    log_probability_prior,
    nudge_probabilities,
    probabilities,
)
from em_explorer.models.sequences import (
    SequenceData,
    Sequences,
    read_counts,
    read_symbols,
    read_vectors,
)

__all__ = [
    "CategoricalEmission",
    "EmissionType",
    "GaussianEmission",
    "HiddenMarkov",
    "HiddenMarkovOptions",
    "HiddenMarkovParams",
    "HiddenMarkovPosterior",
    "HiddenMarkovStart",
    "HiddenMarkovStatistics",
    "PoissonEmission",
    "SequenceData",
    "Sequences",
    "viterbi",
]


@dataclass(frozen=True)
class HiddenMarkov:
    """EM for hidden Markov models; see :class:`em_explorer.em.model.EMModel`.

    Attributes
    ----------
    options : HiddenMarkovOptions
    backend : Backend
        Which code runs the E-step.
    locks : frozenset of Lock
        What every M-step must leave as it is: "initial_probs" (k,), "transition_matrix" (i, j);
        "emission" (k, m) of symbols, "means" (k,) and "covariances" (k,), or "rates" (k,).
    """

    options: HiddenMarkovOptions = field(default_factory=HiddenMarkovOptions)
    backend: Backend = Backend.REFERENCE
    locks: Locks = frozenset()

    def prepare(self, raw: Any) -> SequenceData:
        """Check :class:`Sequences` or an array, and center vectors.

        Raises
        ------
        DataError
            With one sentence: what is wrong and what to do.
        """
        if self.options.emission is EmissionType.CATEGORICAL:
            return read_symbols(raw, self.options.n_symbols)
        if self.options.emission is EmissionType.POISSON:
            return read_counts(raw)
        data = read_vectors(raw)
        constant = data.variances <= 0
        if constant.any() and self.options.ridge == 0:
            raise DataError(
                f"Column {int(np.argmax(constant)) + 1} has the same value at every time step: "
                "leave it out, or use a ridge."
            )
        return data

    def n_observations(self, data: SequenceData) -> int:
        """Count time steps."""
        return len(data)

    def initialize(self, data: SequenceData, rng: np.random.Generator) -> HiddenMarkovParams:
        """Draw initial parameters as ``options.start`` says."""
        o = self.options
        if o.start is HiddenMarkovStart.GIVEN:
            raise DataError("With the start “given” the parameters must be given.")
        if o.start is HiddenMarkovStart.FLAT:
            start = flat_start(o.emission, data, o.n_states, o.prior)
        elif o.start is HiddenMarkovStart.RANDOM:
            start = random_start(o.emission, data, o.n_states, o.prior, rng)
        else:
            start = data_start(o.emission, data, o.n_states, o.prior, rng)
        return HiddenMarkovParams(*start)

    def e_step(
        self,
        data: SequenceData,
        params: HiddenMarkovParams,
        *,
        latent: bool = False,
        carry: Any = None,
    ) -> Expectation[HiddenMarkovStatistics]:
        """Run forward–backward over every sequence and count, in expectation.

        The entropy of the posterior over paths follows by subtraction,
        ``H(q) = log p(X) − E_q[log p(X, Z)]``.

        Raises
        ------
        ImpossibleDataError
            When a sequence has probability zero under ``params``.
        SingularError
            When a covariance is not positive definite.
        """
        check_params(self.options, params, data)
        if self.backend is Backend.NUMBA:
            compiled: Expectation[HiddenMarkovStatistics]
            compiled = _kernel().e_step(self, data, params, latent, carry)
            return compiled
        log_emission = params.emission.log_emission(data.observations)
        chains = _chains(data, params, log_emission, with_beta=latent)
        gamma = np.concatenate([chain.gamma for chain in chains])
        statistics = HiddenMarkovStatistics(
            np.sum([chain.gamma[0] for chain in chains], axis=0),
            np.sum([chain.xi for chain in chains], axis=0),
            params.emission.collect(data.observations, gamma),
        )
        log_likelihood = float(np.sum([chain.log_likelihood for chain in chains]))
        entropy = log_likelihood - _expected_log_joint(params, statistics)
        posterior = _posterior(chains, gamma, log_emission, statistics) if latent else None
        return Expectation(statistics, entropy, log_likelihood, posterior)

    def e_step_and_gamma(
        self, data: SequenceData, params: HiddenMarkovParams
    ) -> tuple[Expectation[HiddenMarkovStatistics], Floats]:
        """Do the E-step, and return γ (T, K) of its posterior beside what it counted.

        Whoever only draws γ is spared what :meth:`e_step` adds to it for ``latent``: of a long
        sequence that takes longer than the E-step itself.

        Raises
        ------
        ImpossibleDataError, SingularError
            As :meth:`e_step`.
        """
        if self.backend is Backend.NUMBA:
            check_params(self.options, params, data)
            compiled: tuple[Expectation[HiddenMarkovStatistics], Floats]
            compiled = _kernel().e_step_and_gamma(data, params)
            return compiled
        found = self.e_step(data, params, latent=True)
        return replace(found, latent=None), found.latent.gamma

    def m_step(
        self, params: HiddenMarkovParams, expectation: Expectation[HiddenMarkovStatistics]
    ) -> HiddenMarkovParams:
        """Turn expected counts into probabilities, and let the emission do likewise.

        ``A_ij ∝ transitions_ij + a``; zeros of the old matrix stay, and so does a row that
        nothing was counted in. What is locked stays; see
        :mod:`~em_explorer.models.hidden_markov_locks`.
        """
        statistics, a = expectation.statistics, self.options.pseudo_count
        if self.locks:
            return maximize_held(params, statistics, self.options.prior, self.locks)
        if self.backend is Backend.NUMBA and isinstance(params.emission, CategoricalEmission):
            compiled: HiddenMarkovParams = _kernel().m_step(params, statistics, a)
            return compiled
        return HiddenMarkovParams(
            probabilities(statistics.initial, params.initial_probs, a),
            probabilities(statistics.transitions, params.transition_matrix, a),
            params.emission.maximize(statistics.emission, self.options.prior),
        )

    def lockable(self, params: HiddenMarkovParams) -> tuple[Lock, ...]:
        """Return every lock there is for these parameters, save cells by the ten thousand."""
        return listed(lock_shapes(params))

    def hold(self, params: HiddenMarkovParams, like: HiddenMarkovParams) -> HiddenMarkovParams:
        """Return ``params`` with what is locked as it is in ``like``."""
        return hold(params, like, self.locks) if self.locks else params

    def bound(
        self, params: HiddenMarkovParams, expectation: Expectation[HiddenMarkovStatistics]
    ) -> float:
        """Return ``E_q[log p(X, Z | θ)] + H(q) + log p(θ)``, in nats."""
        if self.backend is Backend.NUMBA:
            expected: float = _kernel().expected_log_joint(params, expectation.statistics)
        else:
            expected = _expected_log_joint(params, expectation.statistics)
        return expected + expectation.entropy + self.log_prior(params)

    def log_prior(self, params: HiddenMarkovParams) -> float:
        """Return ``a Σ log π + a Σ log A`` and the emission's own prior, in nats."""
        a = self.options.pseudo_count
        if a == 0 and self.options.ridge == 0:
            return 0.0
        chain = log_probability_prior(params.initial_probs, a)
        chain += log_probability_prior(params.transition_matrix, a)
        return chain + params.emission.log_prior(self.options.prior)

    def rounding(self, params: HiddenMarkovParams) -> float:
        """Return the relative fall of the bound that rounding can explain."""
        return params.emission.rounding()

    def symmetry(self, params: HiddenMarkovParams) -> str | None:
        """Name two states that every E-step will treat alike, or return None."""
        for i in range(params.n_states):
            for j in range(i + 1, params.n_states):
                if may_part(self.locks, i, j):
                    continue
                if params.emission.same(i, j) and (
                    _interchangeable(params, i, j) or _proportional(params, i, j)
                ):
                    return (
                        f"States {i + 1} and {j + 1} are equal, so every step treats them alike "
                        "and EM can never part them. Nudge one, or take another start."
                    )
        return None

    def nudge(
        self, params: HiddenMarkovParams, rng: np.random.Generator, size: float
    ) -> HiddenMarkovParams:
        """Multiply probabilities by ``exp(size · N(0, 1))``; zeros stay. Emissions likewise."""
        moved = HiddenMarkovParams(
            nudge_probabilities(params.initial_probs, rng, size),
            nudge_probabilities(params.transition_matrix, rng, size),
            params.emission.nudge(rng, size),
        )
        return self.hold(moved, params)

    def sample(
        self, params: HiddenMarkovParams, n: int, rng: np.random.Generator
    ) -> tuple[Sequences, Ints]:
        """Draw one sequence of ``n`` observations and the (n,) states behind it."""
        if n < 1:
            raise DataError("A sample needs at least one time step.")
        # The last edge is left out: rounding may put it below one, and a draw above it.
        edges = np.cumsum(params.transition_matrix, axis=1)[:, :-1]
        draws = rng.random(n)
        states = np.empty(n, dtype=np.int64)
        row = np.cumsum(params.initial_probs)[:-1]
        for t, draw in enumerate(draws):
            states[t] = state = int(np.searchsorted(row, draw, side="right"))
            row = edges[state]
        return Sequences(params.emission.sample(states, rng), (n,)), states

    def to_units(self, params: HiddenMarkovParams, data: SequenceData) -> HiddenMarkovParams:
        """Add the data's center to the means of a Gaussian emission."""
        return self._shifted(params, data, 1.0)

    def from_units(self, params: HiddenMarkovParams, data: SequenceData) -> HiddenMarkovParams:
        """Subtract the data's center from the means of a Gaussian emission."""
        return self._shifted(params, data, -1.0)

    def permuted(self, params: HiddenMarkovParams, order: Any) -> HiddenMarkovParams:
        """Renumber the states: new state ``i`` is old state ``order[i]``."""
        order = np.asarray(order)
        return HiddenMarkovParams(
            params.initial_probs[order],
            params.transition_matrix[np.ix_(order, order)],
            params.emission.permuted(order),
        )

    def _shifted(
        self, params: HiddenMarkovParams, data: SequenceData, sign: float
    ) -> HiddenMarkovParams:
        check_params(self.options, params, data)
        if data.center.size == 0:
            return params
        emission = params.emission.shifted(sign * data.center)
        return HiddenMarkovParams(params.initial_probs, params.transition_matrix, emission)


def viterbi(
    model: HiddenMarkov, data: SequenceData, params: HiddenMarkovParams
) -> tuple[Ints, float]:
    """Return the most probable path of states, sequence by sequence, and its log probability.

    Returns
    -------
    path : (T,) int
    log_probability : float, nats
        log p(X, path | θ), summed over the sequences.

    Raises
    ------
    ImpossibleDataError
        When a sequence has probability zero under ``params``.
    """
    check_params(model.options, params, data)
    if model.backend is Backend.NUMBA:
        compiled: tuple[Ints, float] = _kernel().viterbi(data, params)
        return compiled
    log_emission = params.emission.log_emission(data.observations)
    path = np.empty(len(data), dtype=np.int64)
    total = 0.0
    for where in data.slices():
        path[where], log_probability = viterbi_path(
            params.initial_probs, params.transition_matrix, log_emission[where]
        )
        total += log_probability
    return path, total


@cache
def _kernel() -> Any:
    """Import the compiled twins, which only those wait for who use them."""
    from em_explorer.models.kernels import hidden_markov as kernel

    return kernel


def _chains(
    data: SequenceData, params: HiddenMarkovParams, log_emission: Floats, *, with_beta: bool
) -> list[ChainPosterior]:
    """Run forward–backward over each sequence."""
    chains = []
    for number, where in enumerate(data.slices(), start=1):
        try:
            chain = forward_backward(
                params.initial_probs,
                params.transition_matrix,
                log_emission[where],
                with_beta=with_beta,
            )
        except ImpossibleDataError as error:
            if len(data.lengths) == 1:
                raise
            raise ImpossibleDataError(f"In sequence {number}: {error}") from None
        chains.append(chain)
    return chains


def _posterior(
    chains: list[ChainPosterior],
    gamma: Floats,
    log_emission: Floats,
    statistics: HiddenMarkovStatistics,
) -> HiddenMarkovPosterior:
    betas = [chain.beta for chain in chains if chain.beta is not None]
    return HiddenMarkovPosterior(
        gamma,
        log_emission,
        np.concatenate([chain.alpha for chain in chains]),
        np.concatenate(betas),
        np.concatenate([chain.log_scale for chain in chains]),
        statistics.transitions,
    )


def _expected_log_joint(params: HiddenMarkovParams, statistics: HiddenMarkovStatistics) -> float:
    """Return Q(θ; T) = E_q[log p(X, Z | θ)] from the statistics alone, in nats."""
    return (
        float(xlogy(statistics.initial, params.initial_probs).sum())
        + float(xlogy(statistics.transitions, params.transition_matrix).sum())
        + params.emission.expected_log_density(statistics.emission)
    )


def _interchangeable(params: HiddenMarkovParams, i: int, j: int) -> bool:
    """Say whether exchanging the numbers of two states changes nothing in the chain."""
    order = np.arange(params.n_states)
    order[[i, j]] = j, i
    swapped = params.transition_matrix[np.ix_(order, order)]
    return np.allclose(swapped, params.transition_matrix, SAME_RTOL, SAME_ATOL) and np.allclose(
        params.initial_probs[order], params.initial_probs, SAME_RTOL, SAME_ATOL
    )


def _proportional(params: HiddenMarkovParams, i: int, j: int) -> bool:
    """Say whether two states lead to the same future and share every way in at one ratio."""
    ways_in = np.vstack([params.initial_probs, params.transition_matrix])[:, [i, j]]
    total = ways_in.sum(axis=0)
    rows = params.transition_matrix
    return np.allclose(rows[i], rows[j], SAME_RTOL, SAME_ATOL) and np.allclose(
        ways_in[:, 0] * total[1], ways_in[:, 1] * total[0], SAME_RTOL, SAME_ATOL
    )
