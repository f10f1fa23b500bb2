"""A hidden Markov model over chunks of whole sequences.

A start that looks at the data looks at the first of them only, whole chunks until there are
200,000 time steps. Where that is all, it is the start of the whole; where it is not, a tenth of
every emission is that of all data together, so that nothing that comes later is impossible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.chunks import ChunkedModel, Chunks
from em_explorer.em.errors import DataError
from em_explorer.estimators.chunked import (
    CHANGED,
    VALUES_PER_SLICE,
    Source,
    is_dask,
    promise,
    read_source,
)
from em_explorer.estimators.chunked_mixture import merge
from em_explorer.estimators.sequence_input import joined, listed_lengths
from em_explorer.models.emissions import Emission
from em_explorer.models.gaussian import GaussianStatistics, weighted_statistics
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovParams,
    PoissonEmission,
    SequenceData,
    Sequences,
)
from em_explorer.models.points import checked_table, refuse_tiny
from em_explorer.models.sequences import checked_lengths, read_counts, read_symbols, split

START_STEPS = 200_000
"""Time steps that a start looks at: whole chunks, until there are so many."""

OF_ALL = 0.1
"""How much of each state's emission is that of all data, where the start saw only a part."""


# --- reading ------------------------------------------------------------------------------------


def read_sequence_source(observations: Any, lengths: Any, kind: EmissionType) -> Source | None:
    """Return the chunks that sequences come in, or None for those to be held in memory.

    Parameters
    ----------
    observations : object
        A list of lists of arrays, an array each sequence; any other iterable of such lists; or a
        memory-mapped or dask array of all sequences, end to end.
    lengths : sequence of int, optional
        Of the sequences in an array.
    kind : EmissionType

    Raises
    ------
    DataError
        For iterators that can be gone through only once, and a dask array without lengths.
    """
    if isinstance(observations, np.memmap) or is_dask(observations):
        return _array_source(observations, lengths)
    if isinstance(observations, list | tuple):
        chunked = len(observations) > 0 and _is_chunk(observations[0], kind)
        return Source(lambda: iter(observations)) if chunked else None
    if isinstance(observations, Sequences):
        return None
    source = read_source(observations)
    if source is not None and lengths is not None:
        raise DataError("lengths belong to one long array; chunks hold whole sequences.")
    return source


def _is_chunk(chunk: Any, kind: EmissionType) -> bool:
    """Say whether something is a list of arrays, one for each sequence."""
    least = 2 if kind is EmissionType.GAUSSIAN else 1
    return (
        isinstance(chunk, list | tuple)
        and len(chunk) > 0
        and all(isinstance(part, np.ndarray) and part.ndim >= least for part in chunk)
    )


def _array_source(observations: Any, lengths: Any) -> Source | None:
    """Cut an array between sequences, into chunks of about a fixed size."""
    if lengths is None:
        if is_dask(observations):
            raise DataError(
                "A dask array is cut between sequences: give the length of every sequence."
            )
        return None
    lengths = checked_lengths(listed_lengths(lengths), len(observations))
    most = VALUES_PER_SLICE // max(1, int(np.prod(observations.shape[1:])))
    groups: list[list[int]] = [[]]
    for length in lengths:
        if groups[-1] and sum(groups[-1]) + length > most:
            groups.append([])
        groups[-1].append(length)
    edges = np.cumsum([0, *(sum(group) for group in groups)])
    slices = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    source = read_source(observations, slices)
    if source is None:
        return None
    parts = source.parts
    make: Callable[..., Any] = promise(Sequences) if source.lazy else Sequences
    return Source(
        lambda: (make(part, tuple(g)) for part, g in zip(parts(), groups, strict=True)),
        source.lazy,
    )


def _sequences(part: Any) -> Sequences | None:
    """Return one chunk's sequences; None where there are none."""
    if isinstance(part, Sequences):
        return part
    if not isinstance(part, list | tuple):
        if np.ndim(part) == 0:
            raise DataError("it must be a list of sequences, an array each.")
        part = [part]
    return joined(part) if len(part) else None


# --- the frame ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SequenceSummary:
    """What one pass learns of the sequences; mergeable with ``+``.

    Attributes
    ----------
    sizes : tuple of int
        Time steps of each chunk.
    seen : (M,) float
        How often each symbol occurs; of counts their sum.
    statistics : GaussianStatistics or None
        Of vectors, about the origin that was subtracted.
    low, high : (D,) float
        Range of each column, about that origin.
    """

    sizes: tuple[int, ...]
    seen: Floats
    statistics: GaussianStatistics | None
    low: Floats
    high: Floats

    def __add__(self, other: SequenceSummary) -> SequenceSummary:
        seen = np.zeros(max(len(self.seen), len(other.seen)))
        seen[: len(self.seen)] += self.seen
        seen[: len(other.seen)] += other.seen
        if self.statistics is None or other.statistics is None:
            filled = other if self.statistics is None else self
            return SequenceSummary(
                self.sizes + other.sizes, seen, filled.statistics, filled.low, filled.high
            )
        if len(self.low) != len(other.low):
            raise DataError(
                f"Chunk {len(self.sizes) + 1} has {len(other.low)} columns, those before it have "
                f"{len(self.low)}; all need the same columns."
            )
        return SequenceSummary(
            self.sizes + other.sizes,
            seen,
            self.statistics + other.statistics,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def _origin(part: Any) -> Floats | None:
    sequences = _sequences(part)
    return None if sequences is None else checked_table(sequences.observations).mean(axis=0)


def _summarize(part: Any, kind: EmissionType, n_symbols: int, origin: Floats) -> SequenceSummary:
    sequences = _sequences(part)
    nothing = np.zeros(0)
    if sequences is None:
        return SequenceSummary((0,), nothing, None, nothing, nothing)
    if kind is EmissionType.CATEGORICAL:
        data = read_symbols(sequences, n_symbols)
        seen = np.bincount(data.observations, minlength=data.n_symbols).astype(float)
        return SequenceSummary((len(data),), seen, None, nothing, nothing)
    if kind is EmissionType.POISSON:
        data = read_counts(sequences)
        events = np.array([float(data.observations.sum())])
        return SequenceSummary((len(data),), events, None, nothing, nothing)
    observations, _ = split(sequences)
    table = checked_table(observations)
    points = table - (origin if table.shape[1] == len(origin) else 0.0)
    statistics = weighted_statistics(points, np.ones((len(points), 1)))
    return SequenceSummary(
        (len(points),), nothing, statistics, points.min(axis=0), points.max(axis=0)
    )


def _framed(part: Any, n_steps: int, kind: EmissionType, frame: SequenceData) -> SequenceData:
    sequences = _sequences(part)
    if sequences is None or len(sequences.observations) != n_steps:
        raise DataError(CHANGED)
    if kind is EmissionType.CATEGORICAL:
        return read_symbols(sequences, frame.n_symbols)
    if kind is EmissionType.POISSON:
        return read_counts(sequences)
    observations, lengths = split(sequences)
    points = np.subtract(checked_table(observations), frame.center, order="F")
    return SequenceData(points, lengths, frame.center, frame.variances)


# --- the model ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SequenceChunks(Chunks):
    """Chunks of whole sequences with what their first pass found.

    Attributes
    ----------
    leading : SequenceData
        The first sequences, for starts that look at the data.
    summary : SequenceSummary
    """

    leading: SequenceData
    summary: SequenceSummary

    def __len__(self) -> int:
        return self.n_observations

    @property
    def center(self) -> Floats:
        """What was subtracted from vectors, (D,)."""
        center: Floats = self.frame.center
        return center

    @property
    def n_symbols(self) -> int:
        """M; 0 for counts and vectors."""
        n_symbols: int = self.frame.n_symbols
        return n_symbols

    @property
    def covariance(self) -> Floats:
        """Of all vectors, (D, D)."""
        assert self.summary.statistics is not None
        return np.asarray(self.summary.statistics.scatter[0] / self.n_observations)


@dataclass(frozen=True)
class ChunkedHiddenMarkov(ChunkedModel):
    """EM for a hidden Markov model whose sequences come in chunks."""

    model: HiddenMarkov

    def prepare(self, source: Source) -> SequenceChunks:
        """Check all chunks and find their frame, in one pass.

        Raises
        ------
        DataError
            As :meth:`HiddenMarkov.prepare`, naming the chunk.
        """
        options = self.model.options
        kind, origin = options.emission, np.zeros(0)
        if kind is EmissionType.GAUSSIAN:
            found = source.first(_origin)
            origin = origin if found is None else found
        summary: SequenceSummary | None = merge(
            source.each(_summarize, kind, options.n_symbols, origin)
        )
        if summary is None or sum(summary.sizes) == 0:
            raise DataError("The chunks hold no sequences: give at least one observation.")
        frame = self._frame(summary, origin)
        n_steps, sizes = sum(summary.sizes), list(summary.sizes)
        parts = source.prepared(_framed, sizes, kind, frame, skip=0)
        before = np.cumsum([0, *sizes[:-1]])
        first = [
            size if done < START_STEPS else 0 for size, done in zip(sizes, before, strict=True)
        ]
        leading = _joined(list(source.some(_framed, first, kind, frame, skip=0)), frame)
        return SequenceChunks(parts, n_steps, frame, leading, summary)

    def _frame(self, summary: SequenceSummary, origin: Floats) -> SequenceData:
        options = self.model.options
        nothing = np.zeros(0, dtype=np.int64)
        if summary.statistics is None:
            n_symbols = options.n_symbols or len(summary.seen)
            categorical = options.emission is EmissionType.CATEGORICAL
            return SequenceData(nothing, (), np.zeros(0), np.zeros(0), categorical * n_symbols)
        constant = summary.low == summary.high
        if constant.any() and options.ridge == 0:
            raise DataError(
                f"Column {int(np.argmax(constant)) + 1} has the same value at every time step: "
                "leave it out, or use a ridge."
            )
        variances = np.diagonal(summary.statistics.scatter[0]) / sum(summary.sizes)
        refuse_tiny(variances, summary.low < summary.high)
        center = origin + summary.statistics.means[0]
        return SequenceData(np.empty((0, len(center))), (), center, np.array(variances))

    def initialize(self, data: SequenceChunks, rng: np.random.Generator) -> HiddenMarkovParams:
        """Draw initial parameters from the first sequences, see the top of this module."""
        drawn = self.model.initialize(data.leading, rng)
        if len(data.leading) == len(data):
            return drawn
        return HiddenMarkovParams(
            drawn.initial_probs, drawn.transition_matrix, _blended(drawn.emission, data)
        )


def _joined(parts: list[SequenceData], frame: SequenceData) -> SequenceData:
    return SequenceData(
        np.concatenate([part.observations for part in parts]),
        tuple(length for part in parts for length in part.lengths),
        frame.center,
        frame.variances,
        frame.n_symbols,
    )


def _blended(emission: Emission, data: SequenceChunks) -> Emission:
    """Mix what the first sequences emit with what all do."""
    seen = data.summary.seen
    if isinstance(emission, CategoricalEmission):
        frequencies = np.zeros(data.n_symbols)
        frequencies[: len(seen)] = seen / seen.sum()
        return CategoricalEmission((1.0 - OF_ALL) * emission.probs + OF_ALL * frequencies)
    if isinstance(emission, PoissonEmission):
        return PoissonEmission((1.0 - OF_ALL) * emission.rates + OF_ALL * seen[0] / len(data))
    assert isinstance(emission, GaussianEmission)
    covariances = (1.0 - OF_ALL) * emission.covariances + OF_ALL * data.covariance
    return GaussianEmission(emission.means, covariances)
