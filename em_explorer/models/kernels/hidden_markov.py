"""The compiled E-step of the hidden Markov model, and its most probable path.

Sequences are run in fixed chunks of whole ones, so that threads never change a result; one long
sequence runs in one thread, because time can't be cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from em_explorer.models.kernels.rows import expected_log, probability_rows
from em_explorer.models.sequences import SequenceData, read_symbols, read_vectors

CHUNK_STEPS = 2**16
"""Sequences are put together into chunks of at least so many time steps."""

ALPHA_BYTES = 2**22
"""Room for α, in bytes; longer sequences are cut into segments and go forward twice."""


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
    job = _Job(params, data, in_kernel_form(data, params), posterior)
    total = None
    for counted in map_chunks(job.run, list(_chunks(data))):
        total = counted if total is None else total + counted
    assert total is not None
    return Expectation(
        total.statistics,
        total.log_likelihood - expected_log_joint(params, total.statistics),
        total.log_likelihood,
        None if posterior is None else posterior.finished(params, total.statistics),
    )


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

    return path, float(sum(map_chunks(run, list(_chunks(data)))))


def m_step(
    model: Any, params: HiddenMarkovParams, statistics: HiddenMarkovStatistics
) -> HiddenMarkovParams:
    """Do what ``HiddenMarkov.m_step`` does: short sequences wait for little else."""
    a = model.options.pseudo_count
    initial = probability_rows(statistics.initial[None], params.initial_probs[None], a)
    transition = probability_rows(statistics.transitions, params.transition_matrix, a)
    emission = params.emission
    if isinstance(emission, CategoricalEmission):
        probs = probability_rows(statistics.emission.counts, emission.probs, a)
        emission = unchecked(CategoricalEmission, probs)
    else:
        emission = emission.maximize(statistics.emission, model.options.prior)
    return unchecked(HiddenMarkovParams, initial[0], transition, emission)


def expected_log_joint(params: HiddenMarkovParams, statistics: HiddenMarkovStatistics) -> float:
    """Return ``E_q[log p(X, Z | θ)]`` from the statistics alone, in nats."""
    total = expected_log(statistics.initial[None], params.initial_probs[None])
    total += expected_log(statistics.transitions, params.transition_matrix)
    if isinstance(params.emission, CategoricalEmission):
        return total + expected_log(statistics.emission.counts, params.emission.probs)
    return total + params.emission.expected_log_density(statistics.emission)


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


def _chunks(data: SequenceData) -> Iterator[_Chunk]:
    """Cut the data between sequences into chunks of at least :data:`CHUNK_STEPS` steps."""
    if len(data.lengths) == 1:
        yield _Chunk(slice(0, len(data)), np.array([0, len(data)]), 0, len(data))
        return
    ends = np.cumsum(data.lengths)
    first = begin = 0
    while first < len(ends):
        after = int(np.searchsorted(ends, begin + CHUNK_STEPS)) + 1
        after = min(after, len(ends))
        end = int(ends[after - 1])
        starts = np.concatenate(([begin], ends[first:after])) - begin
        yield _Chunk(slice(begin, end), starts, first, max(data.lengths[first:after]))
        first, begin = after, end


@dataclass(slots=True)
class _Counted:
    """What the sequences of a chunk amount to."""

    statistics: HiddenMarkovStatistics
    log_likelihood: float

    def __add__(self, other: _Counted) -> _Counted:
        return _Counted(
            self.statistics + other.statistics, self.log_likelihood + other.log_likelihood
        )


@dataclass(slots=True)
class _Job:
    """One E-step: what each of its chunks needs to know."""

    params: HiddenMarkovParams
    data: SequenceData
    emission: KernelEmission
    posterior: _Posterior | None

    def run(self, chunk: _Chunk) -> _Counted:
        """Run the sequences of a chunk; those the fast way can't serve, on logarithms."""
        skipped = np.zeros(len(chunk.starts) - 1, dtype=bool)
        whole = False
        while not whole:
            counted, whole = self._run_scaled(chunk, skipped)
        if np.count_nonzero(skipped):
            for s in np.flatnonzero(skipped):
                counted = counted + self._run_in_logs(chunk, int(s))
        return counted

    def _run_scaled(self, chunk: _Chunk, skipped: Bools) -> tuple[_Counted, bool]:
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
        return _Counted(statistics, log_likelihood), whole

    def _run_in_logs(self, chunk: _Chunk, s: int) -> _Counted:
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
        return _Counted(statistics, float(log_scale.sum()))


class _Posterior:
    """The posterior as it is being filled."""

    def __init__(self, data: SequenceData, params: HiddenMarkovParams) -> None:
        self.data = data
        shape = len(data), params.n_states
        self.gamma, self.alpha, self.beta = np.empty(shape), np.empty(shape), np.empty(shape)
        self.in_logs: list[tuple[slice, Floats]] = []

    def part(self, steps: slice) -> tuple[Floats, Floats, Floats]:
        return self.gamma[steps], self.alpha[steps], self.beta[steps]

    def put(
        self, steps: slice, gamma: Floats, alpha: Floats, beta: Floats, log_scale: Floats
    ) -> None:
        self.gamma[steps], self.alpha[steps], self.beta[steps] = gamma, alpha, beta
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
    from em_explorer.models.hidden_markov import HiddenMarkov

    params = HiddenMarkovParams(np.full(2, 0.5), transition, emission)
    expectation = e_step(None, data, params, latent=False)
    if isinstance(emission, CategoricalEmission):
        m_step(HiddenMarkov(), params, expectation.statistics)
    viterbi(data, params)


HALF = np.full((2, 2), 0.5)


def _try_symbols() -> None:
    _try(HALF, CategoricalEmission(HALF), read_symbols(np.array([0, 1, 1]), 0))


def _try_vectors() -> None:
    emission = GaussianEmission(np.zeros((2, 1)), np.ones((2, 1, 1)))
    _try(HALF, emission, read_vectors(np.array([0.0, 1.0, 3.0])))


def _try_logarithms() -> None:
    # States that never change, and then must both have been wrong: scaling gives up.
    emission = CategoricalEmission(np.array([[1.0, 1e-150], [1e-150, 1.0]]))
    _try(np.eye(2), emission, read_symbols(np.array([0, 1, 0, 1]), 0))


KERNELS = (
    ("hidden Markov model of symbols", _try_symbols),
    ("hidden Markov model of vectors", _try_vectors),
    ("hidden Markov model on logarithms", _try_logarithms),
)
"""Every kernel by name, with something that runs it on tiny data."""
