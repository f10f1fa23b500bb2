"""Sequences as people give them: one array, one array with lengths, or a list of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.em.errors import DataError
from em_explorer.models.hidden_markov import EmissionType, Sequences


def read_sequences(observations: Any, lengths: Any, emission: EmissionType) -> Sequences:
    """Bring observations into one :class:`Sequences`; the model checks the values.

    Parameters
    ----------
    observations : array-like, list of array-likes, or Sequences
        One array of all observations, or a Python list with an array per sequence.
    lengths : sequence of int, optional
        Length of each sequence in one array; without it the array is one sequence.
    emission : EmissionType
        Vectors have one dimension more than symbols and counts.

    Raises
    ------
    DataError
        When lengths come with a list of sequences, or the sequences differ in form.
    """
    if isinstance(observations, Sequences) or _is_list_of_sequences(observations, emission):
        if lengths is not None:
            raise DataError(
                "lengths belong to one long array; these sequences come with their own lengths."
            )
        return observations if isinstance(observations, Sequences) else joined(observations)
    if isinstance(observations, np.ma.MaskedArray):
        observations = np.ma.filled(observations.astype(float), np.nan)
    elif not isinstance(observations, list | tuple) and np.ndim(observations) == 0:
        raise DataError("The observations must be an array with one row per time step.")
    return Sequences(observations, () if lengths is None else listed_lengths(lengths))


def _is_list_of_sequences(observations: Any, emission: EmissionType) -> bool:
    """Tell a list of sequences from a list of observations.

    Vectors: a list of tables. Symbols and counts: a list of lists, unless each holds a single
    number, which is how a column looks as a list.
    """
    if not isinstance(observations, list | tuple) or len(observations) == 0:
        return False
    depth = _depth(observations[0])
    if emission is EmissionType.GAUSSIAN:
        return depth == 2
    return depth == 2 or (depth == 1 and any(np.size(item) != 1 for item in observations))


def _depth(item: Any) -> int:
    try:
        return int(np.ndim(item))
    except ValueError:
        raise DataError("The first sequence has rows of different lengths.") from None


def joined(sequences: Any) -> Sequences:
    """Lay sequences end to end, refusing empty ones and those of another form."""
    arrays = []
    for number, sequence in enumerate(sequences, start=1):
        try:
            array = np.asarray(sequence)
        except ValueError:
            raise DataError(f"Sequence {number} has rows of different lengths.") from None
        if array.ndim == 0 or array.shape[1:] != np.shape(sequences[0])[1:]:
            raise DataError(
                f"Sequence {number} has another form than the first; all need the same columns."
            )
        if len(array) == 0:
            raise DataError(f"Sequence {number} is empty; leave it out.")
        arrays.append(array)
    return Sequences(np.concatenate(arrays), tuple(len(array) for array in arrays))


def listed_lengths(lengths: Any) -> tuple[int, ...]:
    """Return lengths as a tuple, or refuse what is no list of them."""
    try:
        listed = tuple(lengths)
    except TypeError:
        listed = ()
    if not listed:
        raise DataError(
            f"lengths must list the length of every sequence, or be None; it is {lengths!r}."
        )
    return listed
