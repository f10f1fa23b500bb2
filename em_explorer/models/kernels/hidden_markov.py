"""The compiled E-step of the hidden Markov model, and its most probable path.

Sequences are run in fixed chunks of whole ones, so that threads never change a result; one long
sequence runs in one thread, because time can't be cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from scipy.special import xlogy

from em_explorer.em.arrays import Bools, Floats, Ints, unchecked
from em_explorer.em.errors import ImpossibleDataError
from em_explorer.em.model import Expectation
from em_explorer.models.backend import map_chunks
from em_explorer.models.emissions import (
    CategoricalEmission,
    GaussianEmission,
)
from em_explorer.models.forward_backward import FRAGILE, impossible, viterbi_path
from em_explorer.models.hidden_markov_params import (
    HiddenMarkovParams,
    HiddenMarkovPosterior,
    HiddenMarkovStatistics,
)
from em_explorer.models.kernels.chains import run_chains
from em_explorer.models.kernels.emission_blocks import BLOCK
from em_explorer.models.kernels.emission_forms import KernelEmission, in_kernel_form
from em_explorer.models.kernels.log_chains import best_paths, log_chain
from em_explorer.models.kernels.rows import Chain, chain_probabilities, expected_chain_log
from em_explorer.models.kernels.words import run_words, word_length
from em_explorer.models.sequences import SequenceData, read_symbols, read_vectors

CHUNK_STEPS = 2**16
"""Sequences are put together into chunks of at least so many time steps."""

ALPHA_BYTES = 2**22
"""Room for α, in bytes; longer sequences are cut into segments and go forward twice."""

WORD_BYTES = 2**24
"""The same where α is only kept between words: less is read and written in all."""


def e_step(
    model: Any, data: SequenceData, params: HiddenMarkovParams, latent: bool, carry: Any = None
) -> Expectation[HiddenMarkovStatistics]:
    """Do what ``HiddenMarkov.e_step`` does.

    Raises
    ------
    ImpossibleDataError
        When a sequence has probability zero under ``params``.
    SingularError
        When a covariance is not positive definite.
    """
    posterior = _Posterior(data, params) if latent else None
    counted = _count(data, params, posterior)
    if posterior is None:
        return counted
    return replace(counted, latent=posterior.finished(params, counted.statistics))


def e_step_and_gamma(data: SequenceData, params: HiddenMarkovParams) -> tuple[Counted, Floats]:
    """Do what ``HiddenMarkov.e_step_and_gamma`` does; see :func:`e_step` for what it raises."""
    posterior = _Posterior(data, params, only_gamma=True)
    counted = _count(data, params, posterior)
    posterior.gamma.setflags(write=False)
    return counted, posterior.gamma


def _count(data: SequenceData, params: HiddenMarkovParams, posterior: _Posterior | None) -> Counted:
    job = _Job(params, data, in_kernel_form(data, params), posterior)
    counted: Counted = reduce(add, map_chunks(job.run, _chunks(data)))
    return counted


def viterbi(data: SequenceData, params: HiddenMarkovParams) -> tuple[Ints, float]:
    """Do what ``models.hidden_markov.viterbi`` does.

    Raises
    ------
    ImpossibleDataError
        When a sequence has probability zero under ``params``.
    """
    emission = in_kernel_form(data, params, logs=True)
    with np.errstate(divide="ignore"):
        log_initial, log_transition = np.log(params.initial_probs), np.log(params.transition_matrix)
    path = np.empty(len(data), dtype=np.int64)

    def run(chunk: _Chunk) -> float:
        log_probability, s = best_paths(
            emission.observations[chunk.steps],
            emission.arrays,
            chunk.starts,
            log_initial,
            log_transition,
            path[chunk.steps],
        )
        if s >= 0:
            # The reference names the time step.
            begin = chunk.steps.start
            steps = slice(begin + int(chunk.starts[s]), begin + int(chunk.starts[s + 1]))
            log_emission = params.emission.log_emission(data.observations[steps])
            viterbi_path(params.initial_probs, params.transition_matrix, log_emission)
        return log_probability

    return path, float(sum(map_chunks(run, _chunks(data))))


def m_step(
    params: HiddenMarkovParams, statistics: HiddenMarkovStatistics, pseudo_count: float
) -> HiddenMarkovParams:
    """Do what ``HiddenMarkov.m_step`` does with symbols: short sequences wait for little else."""
    old = _chain(params)
    new = np.empty_like(old[0]), np.empty_like(old[1]), np.empty_like(old[2])
    chain_probabilities(_counts(statistics), old, pseudo_count, new)
    emission = unchecked(CategoricalEmission, new[2])
    return unchecked(HiddenMarkovParams, new[0], new[1], emission)


def expected_log_joint(params: HiddenMarkovParams, statistics: HiddenMarkovStatistics) -> float:
    """Return ``E_q[log p(X, Z | θ)]`` from the statistics alone, in nats."""
    if isinstance(params.emission, CategoricalEmission):
        return expected_chain_log(_counts(statistics), _chain(params))
    total = float(xlogy(statistics.initial, params.initial_probs).sum())
    total += float(xlogy(statistics.transitions, params.transition_matrix).sum())
    return total + params.emission.expected_log_density(statistics.emission)


def _chain(params: HiddenMarkovParams) -> Chain:
    return params.initial_probs, params.transition_matrix, params.emission.probs  # type: ignore[attr-defined]


def _counts(statistics: HiddenMarkovStatistics) -> Chain:
    return statistics.initial, statistics.transitions, statistics.emission.counts


# --- chunks of whole sequences ------------------------------------------------------------------


UNWANTED = (np.empty((0, 0)),) * 3
"""Where the posterior goes when nobody will look."""


@dataclass(slots=True)
class _Chunk:
    """Some whole sequences, end to end: where they lie, and how each begins within.

    ``number`` is that of the first among all sequences, from 0; ``starts`` is (S + 1,), and
    ``longest`` the length of the longest.
    """

    steps: slice
    starts: Ints
    number: int
    longest: int


def _chunks(data: SequenceData) -> list[_Chunk]:
    """Cut the data between sequences into chunks of at least :data:`CHUNK_STEPS` steps."""
    starts = data.starts
    if len(starts) == 2:
        return [_Chunk(slice(0, len(data)), starts, 0, len(data))]
    chunks = []
    first = 0
    while first < len(starts) - 1:
        begin = int(starts[first])
        after = int(np.searchsorted(starts[1:], begin + CHUNK_STEPS)) + 1
        after = min(after, len(starts) - 1)
        longest = max(data.lengths[first:after])
        steps = slice(begin, int(starts[after]))
        chunks.append(_Chunk(steps, starts[first : after + 1] - begin, first, longest))
        first = after
    return chunks


Counted = Expectation[HiddenMarkovStatistics]


@dataclass(slots=True)
class _Job:
    """One E-step: what each of its chunks needs to know."""

    params: HiddenMarkovParams
    data: SequenceData
    emission: KernelEmission
    posterior: _Posterior | None

    def run(self, chunk: _Chunk) -> Counted:
        """Run the sequences of a chunk in the fastest way that can serve them."""
        counted = self._run_words(chunk)
        if counted is not None and self.posterior is None:
            return counted
        # Words know nothing of the steps within. To look must not change what is counted.
        step_by_step = self._run_steps(chunk)
        return counted or step_by_step

    def _run_words(self, chunk: _Chunk) -> Counted | None:
        """Run all sequences word by word; None where that does not pay or can't be done."""
        if self.emission.kind is GaussianEmission:
            return None
        table, peaks = self.emission.arrays
        size, n_symbols = table.shape
        n_steps = chunk.steps.stop - chunk.steps.start
        length = word_length(n_steps, n_symbols, size)
        if length == 0:
            return None
        room = max(1, min(chunk.longest // length, WORD_BYTES // (8 * size)))
        counts = np.zeros(size), np.zeros((size, size)), np.zeros((size, n_symbols))
        log_likelihood, expected = run_words(
            self.emission.observations[chunk.steps],
            table,
            peaks,
            chunk.starts,
            self.params.initial_probs,
            self.params.transition_matrix,
            FRAGILE,
            length,
            np.empty((room, size)),
            counts,
        )
        if math.isnan(log_likelihood):
            return None
        emission = self.emission.statistics(counts[2:])
        statistics = unchecked(HiddenMarkovStatistics, counts[0], counts[1], emission)
        return Expectation(statistics, log_likelihood - expected, log_likelihood)

    def _expectation(self, statistics: HiddenMarkovStatistics, log_likelihood: float) -> Counted:
        """Add the entropy of the paths: ``H(q) = log p(X) − E_q[log p(X, Z)]``."""
        entropy = log_likelihood - expected_log_joint(self.params, statistics)
        return Expectation(statistics, entropy, log_likelihood)

    def _run_steps(self, chunk: _Chunk) -> Counted:
        """Run each sequence step by step; those that scaling can't serve, on logarithms."""
        skipped = np.zeros(len(chunk.starts) - 1, dtype=bool)
        whole = False
        while not whole:
            counted, whole = self._run_scaled(chunk, skipped)
        in_logs = [self._run_in_logs(chunk, int(s)) for s in np.flatnonzero(skipped)]
        return reduce(add, in_logs, counted)

    def _run_scaled(self, chunk: _Chunk, skipped: Bools) -> tuple[Counted, bool]:
        initial, transition = self.params.initial_probs, self.params.transition_matrix
        size = len(initial)
        initial_counts, transition_counts = np.zeros(size), np.zeros((size, size))
        found = self.emission.nothing_found()
        n_blocks = max(1, min(-(-chunk.longest // BLOCK), ALPHA_BYTES // (8 * size * BLOCK)))
        log_likelihood, whole = run_chains(
            self.emission.observations[chunk.steps],
            self.emission.arrays,
            chunk.starts,
            initial,
            transition,
            FRAGILE,
            np.empty((n_blocks, size, BLOCK)),
            np.empty((n_blocks, size, BLOCK)),
            skipped,
            found,
            initial_counts,
            transition_counts,
            self.posterior is not None,
            UNWANTED if self.posterior is None else self.posterior.part(chunk.steps),
        )
        emission_statistics = self.emission.statistics(found)
        statistics = unchecked(  # the kernel has dropped traces already
            HiddenMarkovStatistics, initial_counts, transition_counts, emission_statistics
        )
        return self._expectation(statistics, log_likelihood), whole

    def _run_in_logs(self, chunk: _Chunk, s: int) -> Counted:
        begin = chunk.steps.start
        steps = slice(begin + int(chunk.starts[s]), begin + int(chunk.starts[s + 1]))
        emission = self.params.emission
        observations = self.data.observations[steps]
        log_emission = np.ascontiguousarray(emission.log_emission(observations))
        gamma, alpha, beta = (np.empty_like(log_emission) for _ in range(3))
        log_scale, xi = np.empty(len(gamma)), np.empty_like(self.params.transition_matrix)
        never = np.isneginf(log_emission.max(axis=1))
        where = int(np.argmax(never)) if never.any() else -1
        if where < 0:
            where = log_chain(
                self.params.initial_probs,
                self.params.transition_matrix,
                log_emission,
                xi,
                gamma,
                alpha,
                beta,
                log_scale,
            )
        if where >= 0:
            if len(self.data.lengths) == 1:
                raise impossible(where)
            raise ImpossibleDataError(
                f"In sequence {chunk.number + s + 1}: {impossible(where)}"
            ) from None
        if self.posterior is not None:
            self.posterior.put(steps, gamma, alpha, beta, log_scale)
        statistics = HiddenMarkovStatistics(gamma[0], xi, emission.collect(observations, gamma))
        return self._expectation(statistics, float(log_scale.sum()))


class _Posterior:
    """The posterior as it is being filled; α and β stay empty where only γ is asked for."""

    def __init__(
        self, data: SequenceData, params: HiddenMarkovParams, *, only_gamma: bool = False
    ) -> None:
        self.data = data
        self.only_gamma = only_gamma
        shape = len(data), params.n_states
        passes = (0, params.n_states) if only_gamma else shape
        self.gamma, self.alpha, self.beta = np.empty(shape), np.empty(passes), np.empty(passes)
        self.in_logs: list[tuple[slice, Floats]] = []

    def part(self, steps: slice) -> tuple[Floats, Floats, Floats]:
        return self.gamma[steps], self.alpha[steps], self.beta[steps]

    def put(
        self, steps: slice, gamma: Floats, alpha: Floats, beta: Floats, log_scale: Floats
    ) -> None:
        self.gamma[steps] = gamma
        if self.only_gamma:
            return
        self.alpha[steps], self.beta[steps] = alpha, beta
        self.in_logs.append((steps, log_scale))

    def finished(
        self, params: HiddenMarkovParams, statistics: HiddenMarkovStatistics
    ) -> HiddenMarkovPosterior:
        """Add ``log p(x_t | x_1 … x_{t−1}) = log Σ_k predicted_k p(x_t | k)``."""
        log_emission = params.emission.log_emission(self.data.observations)
        predicted = np.empty_like(self.alpha)
        predicted[1:] = self.alpha[:-1] @ params.transition_matrix
        predicted[[where.start for where in self.data.slices()]] = params.initial_probs
        peaks = log_emission.max(axis=1)
        likelihood = predicted * np.exp(log_emission - peaks[:, None])
        with np.errstate(divide="ignore"):
            log_scale = np.log(likelihood.sum(axis=1)) + peaks
        for steps, values in self.in_logs:
            log_scale[steps] = values
        return HiddenMarkovPosterior(
            self.gamma, log_emission, self.alpha, self.beta, log_scale, statistics.transitions
        )


# --- compiling ----------------------------------------------------------------------------------


def _try(transition: Floats, emission: Any, data: SequenceData) -> None:
    """Run the kernels on a few observations."""
    params = HiddenMarkovParams(np.full(2, 0.5), transition, emission)
    expectation = e_step(None, data, params, latent=False)
    if isinstance(emission, CategoricalEmission):
        m_step(params, expectation.statistics, 0.0)
    viterbi(data, params)


HALF = np.full((2, 2), 0.5)


def _try_symbols() -> None:
    _try(HALF, CategoricalEmission(HALF), read_symbols(np.array([0, 1, 1]), 0))


def _try_words() -> None:
    _try(HALF, CategoricalEmission(HALF), read_symbols(np.arange(100) % 2, 0))


def _try_vectors() -> None:
    emission = GaussianEmission(np.zeros((2, 1)), np.ones((2, 1, 1)))
    _try(HALF, emission, read_vectors(np.array([0.0, 1.0, 3.0])))


def _try_logarithms() -> None:
    # States that never change, and then must both have been wrong: scaling gives up.
    emission = CategoricalEmission(np.array([[1.0, 1e-150], [1e-150, 1.0]]))
    _try(np.eye(2), emission, read_symbols(np.array([0, 1, 0, 1]), 0))


KERNELS = (
    ("hidden Markov model of symbols", _try_symbols),
    ("hidden Markov model of words", _try_words),
    ("hidden Markov model of vectors", _try_vectors),
    ("hidden Markov model on logarithms", _try_logarithms),
)
"""Every kernel by name, with something that runs it on tiny data."""
