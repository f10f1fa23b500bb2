"""Tables as points, as sequences, as word counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.load_texts import opened_corpus
from em_explorer.data.reading import opened, read_frame
from em_explorer.data.tables import codes
from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import DataError

MOST_CLASSES = 20
"""A text column with more distinct words holds names, not classes."""

MOST_SYMBOLS = 64

LARGEST = 1e100
"""Squares of larger numbers come near to what a double can hold; nobody measures such."""

_INDEX_NAMES = {"id", "index", "row", "rownames", "nr", "no", "unnamed 1"}
_CLASS_NAMES = ("class", "label", "species", "cluster", "group", "type", "target")
_SEQUENCE_NAMES = {"sequence", "seq", "series", "run"}


@dataclass(frozen=True)
class _Columns:
    """A table sorted into what can be computed with and what can't."""

    names: tuple[str, ...]
    values: Floats
    words: dict[str, list[str | None]]

    def keep(self, kept: Bools) -> _Columns:
        names = tuple(n for n, k in zip(self.names, kept, strict=True) if k)
        return _Columns(names, self.values[:, kept], self.words)


def _sort_columns(path: Path) -> _Columns:
    import pandas as pd

    frame = read_frame(path)
    numeric: dict[str, Floats] = {}
    words: dict[str, list[str | None]] = {}
    for name in map(str, frame.columns):
        column = frame[name]
        known = column.notna()
        numbers = pd.to_numeric(column.astype(object).where(known, None), errors="coerce")
        wrong = np.asarray(known & numbers.isna())
        if wrong.sum() > 0.2 * known.sum() or column.dtype == bool:
            words[name] = [str(w) if k else None for w, k in zip(column, known, strict=True)]
            continue
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"Column “{name}” of “{path.name}” holds numbers, but “{column.iloc[row]}” in row "
                f"{row + 1} of the data; mend it, or leave the cell empty."
            )
        values = np.asarray(numbers, dtype=float)
        huge = np.abs(values) > LARGEST
        if huge.any():
            raise DataError(
                f"Column “{name}” of “{path.name}” holds an infinite or enormous value in row "
                f"{int(np.argmax(huge)) + 1} of the data; leave the cell empty."
            )
        if not _is_index(name, values):
            numeric[name] = values
    table = np.column_stack(list(numeric.values())) if numeric else np.empty((len(frame), 0))
    return _Columns(tuple(numeric), table, words)


def _is_index(name: str, values: Floats) -> bool:
    """Say whether a column only numbers the rows."""
    consecutive = bool(np.all(np.diff(values) == 1.0))
    return name.lower() in _INDEX_NAMES and consecutive and values[0] in (0.0, 1.0)


def load_table(path: str | Path, model: str = "gaussian_mixture") -> Dataset:
    """Open a table for the mixture or for missing data.

    Numeric columns are taken. For the mixture, rows with holes are left out and a column of few
    distinct words serves as the true classes. The story says what was left out.

    Raises
    ------
    DataError
        Among other things when no numeric column varies, or (for missing data) a column holds
        nothing.
    """
    path = Path(path)
    table = _sort_columns(path)
    if not table.names:
        raise DataError(
            f"“{path.name}” has no column of numbers; choose a table with at least one."
        )
    left_out: list[str] = []
    empty = np.isnan(table.values).all(axis=0)
    if empty.any() and model == "missing_data":
        name = table.names[int(np.argmax(empty))]
        raise DataError(
            f"Column “{name}” of “{path.name}” is empty, so nothing can be learned of it; "
            "remove it and open the file again."
        )
    table = _varying(path, table, left_out)
    if model == "missing_data":
        left_out += [f"“{name}”" for name in table.words]
        return _missing_table(path, table, left_out)
    return _complete_table(path, table, left_out, model)


def _varying(path: Path, table: _Columns, left_out: list[str]) -> _Columns:
    """Leave out columns with one value: no spread, a singular covariance."""
    varies = np.array([len(set(column[~np.isnan(column)])) > 1 for column in table.values.T])
    if not varies.any():
        raise DataError(
            f"No column of numbers in “{path.name}” varies; choose a table with different rows."
        )
    left_out += [f"“{n}”" for n, v in zip(table.names, varies, strict=True) if not v]
    return table.keep(varies)


def _missing_table(path: Path, table: _Columns, left_out: list[str]) -> Dataset:
    holes = int(np.isnan(table.values).sum())
    return opened(
        path,
        "missing_data",
        table.values,
        f"{_size(table.values)}, with {holes} empty cell{'' if holes == 1 else 's'}.",
        left_out,
        columns=table.names,
    )


def _complete_table(path: Path, table: _Columns, left_out: list[str], model: str) -> Dataset:
    complete = np.asarray(~np.isnan(table.values).any(axis=1))
    if complete.sum() < 2:
        raise DataError(
            f"Fewer than two rows of “{path.name}” are complete; open it under Missing data, "
            "or remove the columns with the most holes."
        )
    if not complete.all():
        left_out.insert(0, f"{int((~complete).sum())} rows with empty cells")
    # A column may vary only in rows that have just been left out.
    table = _varying(path, replace(table, values=table.values[complete]), left_out)
    values = table.values
    classes = _class_column(table.words, complete)
    left_out += [f"“{name}”" for name in table.words if name != classes]
    story = f"{_size(values)}."
    truth, symbols = None, tuple[str, ...]()
    if classes is not None:
        labels, symbols = codes([str(table.words[classes][i]) for i in np.flatnonzero(complete)])
        truth = Truth(labels=labels)
        story += f" Column “{classes}” serves as the true classes, which the model does not see."
    return opened(
        path,
        model,
        values,
        story,
        left_out,
        columns=table.names,
        truth=truth,
        symbols=symbols,
        options={"n_components": len(symbols)} if symbols else {},
    )


def _class_column(words: dict[str, list[str | None]], rows: Bools) -> str | None:
    """Return the name of the column most like true classes."""
    possible = []
    for name, column in words.items():
        seen = [column[i] for i in np.flatnonzero(rows)]
        distinct = len(set(seen))
        if None not in seen and 2 <= distinct <= min(MOST_CLASSES, len(seen) // 2):
            possible.append(name)
    named = [name for name in possible if any(word in name.lower() for word in _CLASS_NAMES)]
    return next(iter(named or possible), None)


def load_sequence(path: str | Path) -> Dataset:
    """Open a table in time order for the hidden Markov model.

    Fractions are taken as measurements, whole numbers of few kinds and words as symbols, other
    whole numbers from 0 on as counts. A first column that rises evenly is the time axis; a
    column called "sequence" or "series" tells several sequences apart.
    """
    from em_explorer.models.sequences import Sequences

    path = Path(path)
    table = _sort_columns(path)
    lengths, table = _split_sequences(path, table)
    index, index_label = None, "step"
    if len(table.names) > 1 or (table.names and table.words):
        steps = np.diff(table.values[:, 0])
        if len(lengths) == 1 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6):
            index, index_label = table.values[:, 0], table.names[0]
            table = table.keep(np.arange(len(table.names)) > 0)
    hole = np.isnan(table.values).any(axis=1)
    if hole.any():
        raise DataError(
            f"Row {int(np.argmax(hole)) + 1} of the data in “{path.name}” has an empty cell, and a "
            "hidden Markov model needs every time step; fill it or remove the column."
        )
    observations, columns, symbols, emission = _observations(path, table)
    options: dict[str, Any] = {"n_states": 2, "emission": emission}
    if symbols:
        options["n_symbols"] = len(symbols)
    several = f" in {len(lengths)} sequences" if len(lengths) > 1 else ""
    return opened(
        path,
        "hidden_markov",
        Sequences(observations, lengths),
        f"{len(observations):,} time steps{several} of {', '.join(columns)}.",
        [f"“{name}”" for name in table.words if name not in columns],
        columns=columns,
        symbols=symbols,
        index=index,
        index_label=index_label,
        options=options,
    )


def _split_sequences(path: Path, table: _Columns) -> tuple[tuple[int, ...], _Columns]:
    """Take the column that tells sequences apart out of the table."""
    n = len(table.values)
    for i, name in enumerate(table.names):
        if name.lower() in _SEQUENCE_NAMES:
            marks: list[Any] = table.values[:, i].tolist()
            rest = table.keep(np.arange(len(table.names)) != i)
            break
    else:
        name = next((w for w in table.words if w.lower() in _SEQUENCE_NAMES), "")
        if not name or (len(table.words) == 1 and not table.names):
            return (n,), table
        marks = table.words[name]
        rest = _Columns(
            table.names, table.values, {w: c for w, c in table.words.items() if w != name}
        )
    starts = [0, *(t for t in range(1, n) if marks[t] != marks[t - 1]), n]
    if len({marks[t] for t in starts[:-1]}) < len(starts) - 1:
        raise DataError(
            f"The sequences of “{path.name}” are mixed up: the rows of one “{name}” don't stand "
            "together; sort the file by that column."
        )
    return tuple(int(length) for length in np.diff(starts)), rest


def _observations(path: Path, table: _Columns) -> tuple[Any, tuple[str, ...], tuple[str, ...], str]:
    """Return observations, their columns, symbols and the emission that suits them."""
    if not table.names:
        for name, column in table.words.items():
            if None in column or len(set(column)) > MOST_SYMBOLS:
                continue
            symbols = tuple(sorted({str(word) for word in column}))
            numbered = {word: i for i, word in enumerate(symbols)}
            return np.array([numbered[str(w)] for w in column]), (name,), symbols, "categorical"
        raise DataError(
            f"“{path.name}” has neither a column of numbers nor one of at most {MOST_SYMBOLS} "
            "distinct symbols; choose a table with at least one."
        )
    values = table.values
    whole = values.shape[1] == 1 and bool(np.all(values == np.floor(values)) and values.min() >= 0)
    if not whole or values.max() > 2.0**53:
        return (values[:, 0] if values.shape[1] == 1 else values), table.names, (), "gaussian"
    numbers = values[:, 0].astype(np.int64)
    kinds = np.unique(numbers)
    if len(kinds) <= 6 and kinds[-1] - kinds[0] <= 10:
        return (
            np.searchsorted(kinds, numbers).astype(np.int64),
            table.names,
            tuple(str(kind) for kind in kinds),
            "categorical",
        )
    return numbers, table.names, (), "poisson"


def load_counts(path: str | Path) -> Dataset:
    """Open a table of word counts for topics: a row a document, a column a word.

    A first column of words names the documents.

    Raises
    ------
    DataError
        When a count is missing, negative or not whole.
    """
    path = Path(path)
    table = _sort_columns(path)
    if len(table.names) < 2:
        raise DataError(
            f"“{path.name}” is no table of word counts (a row for each document, a column for each "
            "word); for running text choose a plain text file (.txt)."
        )
    values = table.values
    wrong = np.isnan(values) | (values < 0) | (values != np.floor(values))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"“{path.name}” should hold word counts, but row {row + 1} of the data has "
            f"{values[row, column]:g} under “{table.names[column]}”; counts are whole numbers "
            "from 0 on."
        )
    used = values.sum(axis=1) > 0
    if used.sum() < 2:
        raise DataError(f"Fewer than two rows of “{path.name}” hold any word; add documents.")
    given = next(iter(table.words.values()), [None] * len(values))
    names = tuple(given[d] or f"document {d + 1}" for d in np.flatnonzero(used))
    empty = int((~used).sum())
    left_out = [f"{empty} documents without words"] if empty else []
    return opened_corpus(path, values[used], table.names, names, left_out)


def _size(values: Floats) -> str:
    rows, columns = values.shape
    return f"{rows:,} rows of {columns} column{'' if columns == 1 else 's'}"
