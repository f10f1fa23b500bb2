"""What the missing-data tab says in words and numbers about a half-step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Bools, Floats, freeze
from em_explorer.em.steps import Phase
from em_explorer.models.treatments import fill_with_means, squared_errors
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.wording import MINUS, count, plain, signed, unit_of

STILL = 5e-4
"""Changes of less than so many standard deviations are called none."""

MOST_CELLS = 4
"""Imputed cells listed that moved most."""

MOST_PAIRS = 10
"""Correlations listed at most; of more columns only those of the pair drawn."""

SHORT_UNIT = 7
"""Longer units stand behind the column's name instead of its value."""


@dataclass(frozen=True)
class Columns:
    """Names, units and spreads of a table's columns.

    Attributes
    ----------
    names, units : tuple of str
        Units are empty where the column has none.
    spreads : (D,) float
        Standard deviations of the values seen: how finely numbers are written.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    spreads: Floats

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def of(cls, labels: tuple[str, ...], spreads: Floats) -> Columns:
        """Split labels such as "wind (mph)"; codes such as "(1–3)" are no unit."""
        parts = [unit_of(label) for label in labels]
        units = tuple("" if unit[:1].isdigit() else unit for _, unit in parts)
        return cls(tuple(name for name, _ in parts), units, spreads)

    def number(self, column: int, value: float, finer: float = 0.0) -> str:
        """Write a value to about a hundredth of its column's spread, or as fine as a change."""
        spread = self.spreads[column] or 1.0
        decimals = math.floor(2.3 - math.log10(spread))
        if finer > 0:
            decimals = max(decimals, 1 - math.floor(math.log10(finer)))
        text = f"{value:.{min(max(decimals, 0), 9)}f}"
        return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)

    def with_unit(self, column: int, text: str) -> str:
        """Put the unit behind a number."""
        return f"{text} {self.units[column]}".rstrip()

    def value(self, column: int, value: float) -> str:
        """Write a value with its unit."""
        return self.with_unit(column, self.number(column, value))


def correlations(covariance: Floats) -> Floats:
    """Return ``Σ_ij / √(Σ_ii Σ_jj)``."""
    spread = np.sqrt(np.diagonal(covariance))
    return np.asarray(covariance / np.outer(spread, spread))


def explanation(phase: Phase, example: tuple[str, ...] = ()) -> Explanation:
    """Say what a half-step does; ``example`` are lines with today's numbers."""
    if phase is Phase.START:
        return Explanation(
            "Start",
            "",
            "Gray dots are rows seen in both columns. Green diamonds miss one: they wait at "
            "the mean, and a tick in the margin shows the value that was seen. The green ellipses "
            "are the normal EM starts from, at one and two standard deviations.",
        )
    if phase is Phase.E:
        return Explanation(
            "E-step",
            "e",
            "The ellipse stands still. Each hole is filled with what the rest of its row "
            "leads one to expect; the whisker is how unsure that is, one standard deviation.",
            ("missing_data_conditional_mean", "missing_data_conditional_covariance"),
            example,
        )
    return Explanation(
        "M-step",
        "m",
        "The points stand still. Mean and ellipse become those of the filled table, with the "
        "whiskers' variance C added: forgetting C is the plug-in, and too narrow.",
        ("missing_data_mean", "missing_data_covariance"),
        example,
    )


def e_caption(
    columns: Columns,
    before: Floats,
    after: Floats,
    holes: Bools,
    *,
    first: bool,
    noun: str = "row",
) -> str:
    """Say how the imputed values moved, which row most.

    Parameters
    ----------
    before, after : (N, D) float
        The filled table before and after the E-step, in the data's units.
    holes : (N, D) bool
        Missing cells.
    first : bool
        True for the first E-step, which fills the holes.
    noun : str
        What a row is called.
    """
    if not holes.any():
        return "There is no hole to fill: mean and ellipse are the data's own."
    motion = np.where(holes, np.abs(after - before) / columns.spreads, 0.0)
    row, column = divmod(int(motion.argmax()), motion.shape[1])
    rows = count(int(holes.any(axis=1).sum()), noun)
    change = abs(after[row, column] - before[row, column])
    if motion[row, column] < 1e-9 and first:
        return (
            f"{rows} wait at the mean: without a correlation the other columns can't tell where "
            "they belong, only that they may lie one whisker off."
        )
    if motion[row, column] < 1e-9:
        return "The imputed values stand still: mean and ellipse have nothing new to tell them."
    finer = change if motion[row, column] < 0.05 else 0.0
    old, new = (columns.number(column, t[row, column], finer) for t in (before, after))
    way = columns.with_unit(column, f"{columns.names[column]} {old} → {new}")
    if motion[row, column] < STILL:
        return f"The imputed values hardly move any more; {noun} {row + 1} still most ({way})."
    return (
        f"{rows} slide to where the other columns expect them; {noun} {row + 1} moved most ({way})."
    )


def moved_cells(
    columns: Columns, before: Floats, after: Floats, holes: Bools, noun: str = "row"
) -> tuple[str, tuple[NumberRow, ...]]:
    """Say which imputed values an E-step moved most, in standard deviations of their columns.

    Parameters
    ----------
    before, after : (N, D) float
        The filled table before and after, in the data's units.
    holes : (N, D) bool
    noun : str
        What a row is called.
    """
    motion = np.where(holes, (after - before) / columns.spreads, 0.0)
    order = np.argsort(-np.abs(motion), axis=None, kind="stable")[:MOST_CELLS]
    rows = []
    for flat in order:
        row, d = divmod(int(flat), motion.shape[1])
        if abs(motion[row, d]) < 1e-9:
            break
        finer = abs(float(after[row, d] - before[row, d]))
        old, new = (columns.number(d, table[row, d], finer) for table in (before, after))
        value = f"{old} → {new}  <b>{signed(float(motion[row, d]), 2)} SD</b>"
        rows.append(NumberRow(f"{noun} {row + 1} {columns.names[d]}", value))
    if not rows:
        return "The parameters stand still, and so do the imputed values.", ()
    return "The parameters stand still; these imputed values slid furthest:", tuple(rows)


def m_caption(columns: Columns, before: tuple[Floats, Floats], after: tuple[Floats, Floats]) -> str:
    """Say which of means, spreads and correlations changed most; each is (mean, covariance)."""
    (old_mean, old_cov), (new_mean, new_cov) = before, after
    old_sd, new_sd = np.sqrt(np.diagonal(old_cov)), np.sqrt(np.diagonal(new_cov))
    old_r, new_r = correlations(old_cov), correlations(new_cov)
    shift, widening = np.abs(new_mean - old_mean) / old_sd, np.abs(np.log(new_sd / old_sd))
    turn = np.abs(new_r - old_r)
    most = max(shift.max(), widening.max(), turn.max())
    if most < STILL:
        return "Mean and ellipse hardly move: no number changes by more than its third decimal."
    if most == turn.max():
        i, j = sorted(np.unravel_index(int(turn.argmax()), turn.shape))
        verb = "rose" if new_r[i, j] > old_r[i, j] else "fell"
        pair = f"{columns.names[i]} and {columns.names[j]}"
        digits = 2 if turn.max() >= 0.01 else 4
        return f"The correlation of {pair} {verb} to {_fixed(new_r[i, j], digits)}."
    mean_moved = most == shift.max()
    d = int((shift if mean_moved else widening).argmax())
    old, new = (old_mean[d], new_mean[d]) if mean_moved else (old_sd[d], new_sd[d])
    what = "mean" if mean_moved else "standard deviation"
    verb = "rose" if new > old else "fell"
    text = columns.with_unit(d, columns.number(d, new, abs(new - old)))
    return f"The {what} of {columns.names[d]} {verb} to {text}."


def moment_groups(
    columns: Columns, mean: Floats, covariance: Floats, pair: tuple[int, int], title: str = ""
) -> tuple[NumberGroup, ...]:
    """Return mean ± standard deviation of each column, and the correlations."""
    spread = np.sqrt(np.diagonal(covariance))
    rows = []
    for d, (name, unit) in enumerate(zip(columns.names, columns.units, strict=True)):
        value = f"{columns.number(d, mean[d])} ± {columns.number(d, float(spread[d]))}"
        if len(unit) > SHORT_UNIT:  # a long one would leave the names no room
            name = f"{name} ({unit})"
        else:
            value = columns.with_unit(d, value)
        rows.append(NumberRow(name, value, tip="mean ± standard deviation"))
    groups = [NumberGroup(f"{title}Mean ± SD", tuple(rows))]
    r, n = correlations(covariance), len(columns.names)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if len(pairs) > MOST_PAIRS:
        pairs = [p for p in pairs if set(p) & set(pair)]
    if pairs:
        listed = (
            NumberRow(f"{columns.names[i]}, {columns.names[j]}", _fixed(r[i, j], 3))
            for i, j in pairs
        )
        groups.append(NumberGroup(f"{title}Correlations", tuple(listed)))
    return tuple(groups)


def score_groups(
    columns: Columns, table: Floats, filled: Floats, truth: Floats
) -> tuple[NumberGroup, ...]:
    """Return how far the imputed cells are from the truth, beside mean fill.

    Columns of one unit are scored together, others each for itself.
    """
    errors = squared_errors(filled, table, truth)
    by_mean = squared_errors(fill_with_means(table), table, truth)
    known = np.isfinite(errors)
    if not known.any():
        return ()
    if len(set(columns.units)) == 1:
        return (_score("Imputed cells", errors, by_mean, columns.units[0]),)
    return tuple(
        _score(f"Imputed {columns.names[d]}", errors[:, d], by_mean[:, d], columns.units[d])
        for d in np.flatnonzero(known.any(axis=0))
    )


def _score(title: str, errors: Floats, by_mean: Floats, unit: str) -> NumberGroup:
    mse, mean_fill = float(np.nanmean(errors)), float(np.nanmean(by_mean))
    squared = f" {unit}²" if unit else ""
    tip = "Root of the mean squared error of the imputed cells whose true value is known"
    rows = (
        NumberRow("cells scored", f"{int(np.isfinite(errors).sum()):,}"),
        NumberRow("RMSE", f"{plain(math.sqrt(mse))} {unit}".rstrip(), tip=tip),
        NumberRow("RMSE of mean fill", f"{plain(math.sqrt(mean_fill))} {unit}".rstrip()),
        NumberRow("MSE", f"{plain(mse)}{squared}"),
        NumberRow("MSE of mean fill", f"{plain(mean_fill)}{squared}"),
    )
    return NumberGroup(title, rows)


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)
