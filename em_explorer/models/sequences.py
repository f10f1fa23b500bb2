"""Observations in time order: raw sequences, and the checked form the E-step wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from em_explorer.em.arrays import Floats, Ints, freeze
from em_explorer.em.errors import DataError
from em_explorer.models.points import read_points

LARGEST_SYMBOL = 1_000_000
"""Symbols number the columns of a matrix; a larger one is surely a code of another kind."""

LARGEST_COUNT = 2**53
"""Beyond this a double no longer tells neighboring counts apart."""


@dataclass(frozen=True)
class Sequences:
    """One or many sequences, end to end.

    Attributes
    ----------
    observations : (T,) or (T, D) array
        Symbols 0 … M−1, counts, or vectors.
    lengths : tuple of int
        Length of each sequence, T in total; empty for a single one.
    """

    observations: NDArray[Any]
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        try:
            observations = np.array(self.observations)
        except ValueError:
            raise DataError(
                "The observations differ in length; each needs the same columns."
            ) from None
        object.__setattr__(self, "observations", observations)
        object.__setattr__(self, "lengths", tuple(self.lengths))
        freeze(self)


@dataclass(frozen=True)
class SequenceData:
    """Checked sequences.

    Attributes
    ----------
    observations : (T,) int or (T, D) float
        Symbols, counts, or vectors minus ``center``.
    lengths : tuple of int
    center : (D,) float, data's units
        Zero-sized for symbols and counts.
    variances : (D,) float, data's units squared
        Of the whole data; zero-sized for symbols and counts.
    n_symbols : int
        M; 0 for counts and vectors.
    """

    observations: NDArray[Any]
    lengths: tuple[int, ...]
    center: Floats
    variances: Floats
    n_symbols: int = 0

    def __post_init__(self) -> None:
        freeze(self)

    def __len__(self) -> int:
        return len(self.observations)

    @cached_property
    def starts(self) -> Ints:
        """Where each sequence begins in ``observations``, and the last one ends: (S + 1,)."""
        return np.cumsum((0, *self.lengths))

    def slices(self) -> Iterator[slice]:
        """Yield where each sequence lies in ``observations``."""
        start = 0
        for length in self.lengths:
            yield slice(start, start + length)
            start += length


def split(raw: Any) -> tuple[Any, tuple[int, ...]]:
    """Return the observations and the checked lengths of :class:`Sequences` or an array.

    Raises
    ------
    DataError
        When the lengths are not whole numbers above zero that sum to T.
    """
    observations = raw.observations if isinstance(raw, Sequences) else raw
    given = raw.lengths if isinstance(raw, Sequences) else ()
    try:
        n_steps = len(observations)
    except TypeError:
        raise DataError("A sequence must be an array with one row per time step.") from None
    if n_steps == 0:
        raise DataError("The sequence is empty: give at least one observation.")
    return observations, checked_lengths(tuple(given) or (n_steps,), n_steps)


def checked_lengths(lengths: tuple[Any, ...], n_steps: int) -> tuple[int, ...]:
    """Return lengths that are whole numbers above zero and sum to ``n_steps``, or refuse."""
    if not all(isinstance(n, int | np.integer) and n >= 1 for n in lengths):
        raise DataError(f"Lengths must be whole numbers above zero; they are {lengths}.")
    if sum(lengths) != n_steps:
        raise DataError(
            f"The lengths sum to {sum(lengths)}, but there are {n_steps} observations: "
            "give the length of every sequence."
        )
    return tuple(int(n) for n in lengths)


def read_whole_numbers(raw: Any, what: str) -> Ints:
    """Return one column of whole numbers, none below zero.

    Parameters
    ----------
    raw : (T,) or (T, 1) array
    what : str
        Their name in the messages: "symbols", "counts".

    Raises
    ------
    DataError
        Naming the first time step that does not fit.
    """
    values = np.asarray(raw)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(
            f"A sequence of {what} has one column; these data have the shape {values.shape}."
        )
    if values.dtype.kind not in "biuf":
        values = _as_numbers(values, what)
    if values.dtype.kind == "f":
        values = values.astype(float)  # half precision has no room for the largest count
    if values.dtype.kind in "biu" and values.min() >= 0 and values.max() <= LARGEST_COUNT:
        # What is frozen and its own master, as in Sequences, need not be copied again.
        frozen = values.base is None and not values.flags.writeable
        return values.astype(np.int64, copy=not frozen)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError(
            f"Time step {int(np.argmax(wrong)) + 1} is missing or infinite; a hidden Markov model "
            "needs every observation: split the sequence there."
        )
    wrong = (values < 0) | (values != np.floor(values)) | (values > LARGEST_COUNT)
    if wrong.any():
        t = int(np.argmax(wrong))
        raise DataError(
            f"The {what} must be whole numbers from 0 on; time step {t + 1} is {values[t]:g}."
        )
    return np.array(values, dtype=np.int64)


def _as_numbers(values: NDArray[Any], what: str) -> Floats:
    if values.dtype.kind not in "OSU":
        raise DataError(
            f"The {what} are of type {values.dtype}; give whole numbers from 0 on instead."
        )
    # "3" in a column of text is a label, not the number 3: guessing would hide a wrong column.
    if not any(isinstance(value, str | bytes) for value in values.flat):
        try:
            return np.array(values, dtype=float)
        except (TypeError, ValueError):
            pass
    raise DataError(
        f"The {what} are text, not numbers (the first is {values[0]!r}): number them "
        "0, 1, 2, … first."
    )


def read_symbols(raw: Any, n_symbols: int) -> SequenceData:
    """Check sequences of symbols 0 … M−1; ``n_symbols = 0`` takes as many as are seen."""
    observations, lengths = split(raw)
    symbols = read_whole_numbers(observations, "symbols")
    largest = int(symbols.max())
    if largest > LARGEST_SYMBOL:
        raise DataError(
            f"Symbol {largest} is too large: symbols are numbered 0, 1, 2, … without big gaps."
        )
    if n_symbols and largest >= n_symbols:
        raise DataError(
            f"Symbol {largest} was seen, but with {n_symbols} symbols they go from 0 to "
            f"{n_symbols - 1}: raise their number or renumber them."
        )
    return SequenceData(symbols, lengths, np.zeros(0), np.zeros(0), n_symbols or largest + 1)


def read_counts(raw: Any) -> SequenceData:
    """Check sequences of counts 0, 1, 2, …."""
    observations, lengths = split(raw)
    counts = read_whole_numbers(observations, "counts")
    return SequenceData(counts, lengths, np.zeros(0), np.zeros(0))


def read_vectors(raw: Any) -> SequenceData:
    """Check sequences of numbers or vectors, and center them."""
    observations, lengths = split(raw)
    table = read_points(observations)
    return SequenceData(table.points, lengths, table.center, table.variances)
