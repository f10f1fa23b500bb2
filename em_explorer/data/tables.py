"""Read the bundled tables: small, clean csv files, without pandas, which would slow the start."""

from __future__ import annotations

import csv

import numpy as np

from em_explorer.data.assets import asset
from em_explorer.em.arrays import Floats, Ints

NOT_KNOWN = frozenset({"", "NA"})


def read_csv(file: str) -> dict[str, list[str]]:
    """Return the columns of a bundled csv as text, by the names in its first line."""
    with asset("data", file).open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


def numbers(columns: dict[str, list[str]], *names: str) -> Floats:
    """Stack columns into an (N, D) array; NA becomes NaN."""
    return np.array(
        [[np.nan if cell in NOT_KNOWN else float(cell) for cell in columns[n]] for n in names]
    ).T


def codes(words: list[str]) -> tuple[Ints, tuple[str, ...]]:
    """Give words the numbers 0, 1, … in the order in which they first appear.

    Returns
    -------
    (N,) int
        The number of each word.
    tuple of str
        The word of each number.
    """
    names = tuple(dict.fromkeys(words))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[word] for word in words], dtype=np.int64), names
