"""Results as tables that any spreadsheet opens."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.em.trace import Trace

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Names of the columns, and rows."""


def write_table(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as UTF-8 text: commas between the cells, tabs in a file called .tsv.

    Floats are written with all their digits, NaN as NA and None as an empty cell.

    Raises
    ------
    DataError
        When the file can't be written, or a row has not a cell for each column.
    """
    path = Path(path)
    delimiter = "\t" if path.suffix.lower() in {".tsv", ".tab"} else ","
    checked = [_row(row, len(columns)) for row in rows]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(checked)
    except OSError as error:
        why = (error.strerror or "it can't be written").lower()
        raise DataError(f"“{path.name}” can't be written ({why}); choose another place.") from None


def _row(row: Sequence[Any], width: int) -> list[Any]:
    if len(row) != width:
        raise DataError(f"A row has {len(row)} cells for {width} columns; give one for each.")
    return [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return "NA" if np.isnan(value) else repr(float(value))
    return value.value if isinstance(value, Enum) else value


def history_table(trace: Trace) -> Table:
    """Return every half-step of a run: iteration, phase, bound and log-likelihood (nats)."""
    return ("iteration", "phase", "bound", "log_likelihood"), list(trace.history())


def params_table(params: Any) -> Table:
    """Return parameters one number a row: name, index (from 0, "1,0" for a matrix), value."""
    rows: list[tuple[Any, ...]] = []
    for field in fields(params):
        value = getattr(params, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            rows += [(f"{field.name}.{name}", *rest) for name, *rest in params_table(value)[1]]
        elif isinstance(value, np.ndarray):
            rows += [
                (field.name, ",".join(map(str, index)), number.item())
                for index, number in np.ndenumerate(value)
            ]
        elif value is not None:
            rows.append((field.name, "", value))
    return ("name", "index", "value"), rows


def posterior_table(posterior: Floats, what: str = "component") -> Table:
    """Return the likeliest part of each unit and the probability of each part.

    Parameters
    ----------
    posterior : (N, K) float
        Responsibilities, state probabilities or topic proportions.
    what : str
        "component", "state", "topic"; parts are numbered from 1, as on the screen.
    """
    parts = tuple(f"{what} {k + 1}" for k in range(posterior.shape[1]))
    likeliest = np.argmax(posterior, axis=1) + 1
    rows = [
        (n + 1, int(best), *map(float, row))
        for n, (best, row) in enumerate(zip(likeliest, posterior, strict=True))
    ]
    return ("row", f"likeliest {what}", *parts), rows


def values_table(values: Floats, columns: Sequence[str]) -> Table:
    """Return a table of values, such as the imputed ones, under the data's column names."""
    return tuple(columns), [tuple(map(float, row)) for row in values]
