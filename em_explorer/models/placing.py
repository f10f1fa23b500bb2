"""Put one parameter at a value and leave the rest as it is, as far as the rest allows.

A probability pushes the others of its row aside in proportion; a standard deviation keeps the
correlations, and a correlation the standard deviations. Parameters are named by the keys an
:class:`~em_explorer.em.anatomy.Anatomy` gives them.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Lock, Parameter
from em_explorer.em.arrays import Floats

ROWS = {
    "weights": "weights",
    "initial_probs": "initial_probs",
    "transition_matrix": "transition_matrix",
    "probs": "probs",
}
"""Groups of probabilities, and the field each is in; the last axis sums to one."""

PLAIN = ("means", "mean", "rates")
"""Groups that may take any value by themselves."""


def place(model: Any, params: Any, parameter: Parameter, value: float) -> Any | None:
    """Return the parameters with one of them at a value.

    Parameters
    ----------
    model : EMModel
    params : object
        In the data's units.
    parameter : Parameter
    value : float
        In the data's units.

    Returns
    -------
    params or None
        None where the value is impossible: a probability outside of [0, 1], no spread, a
        correlation that the other correlations don't allow.
    """
    group, index = parse(parameter.key)
    if not np.isfinite(value):
        return None
    if group in ROWS:
        return _on_field(params, ROWS[group], lambda table: _with_share(table, index, value))
    if group in PLAIN:
        if group == "rates" and value < 0:
            return None
        return _on_field(params, group, lambda table: _with_value(table, index, value))
    if group in ("spreads", "correlations"):
        name = "covariance" if _has(params, "covariance") else "covariances"
        edit = _with_spread if group == "spreads" else _with_correlation
        return _on_field(params, name, lambda table: edit(model, table, index, value))
    if group == "topics":
        return _on_field(
            params, "topic_word_posterior", lambda table: _with_topic_size(table, index[0], value)
        )
    if group == "topic_word":
        return _on_field(
            params, "topic_word_posterior", lambda table: _with_word(table, index, value)
        )
    return None


def lock_of(parameter: Parameter) -> Lock | None:
    """Return the lock that holds a parameter (and, of a mean, all of its columns)."""
    group, index = parse(parameter.key)
    if group in ("weights", "initial_probs", "transition_matrix"):
        return Lock(group, index)
    if group == "means":
        return Lock("means", index[:1])
    return None


def parse(key: str) -> tuple[str, tuple[int, ...]]:
    """Return the group and the index of a key: "means[0, 1]" → ("means", (0, 1))."""
    matched = re.fullmatch(r"(\w+)\[([\d, ]*)\]", key)
    if matched is None:
        return key, ()
    return matched[1], tuple(int(part) for part in matched[2].split(",") if part.strip())


def natural_range(parameter: Parameter, values: Floats, scale: float) -> tuple[float, float]:
    """Return from where to where a parameter is worth looking at.

    Parameters
    ----------
    parameter : Parameter
    values : (n,) float
        Values it has had, which the range holds.
    scale : float
        What one unit of movement is for it.

    Returns
    -------
    low, high : float
    """
    group, _ = parse(parameter.key)
    low, high = float(np.min(values)), float(np.max(values))
    room = 0.15 * (high - low)
    if group in ROWS or group == "topics":
        return 0.01, 0.99
    if group == "topic_word":
        return min(1e-4, 0.5 * low), min(max(1.5 * high, 0.05), 0.99)
    if group == "correlations":
        return -0.97, 0.97
    if group in ("spreads", "rates"):
        return max(0.3 * low, 0.01 * high), 1.8 * high
    return min(low - room, low - 1.5 * scale), max(high + room, high + 1.5 * scale)


def _has(params: Any, name: str) -> bool:
    return any(field.name == name for field in fields(params))


def _on_field(params: Any, name: str, edit: Any) -> Any | None:
    """Return the params with one field edited, be it theirs or their emission's."""
    if _has(params, name):
        table = edit(np.array(getattr(params, name), dtype=float))
        return None if table is None else replace(params, **{name: table})
    for field in fields(params):
        inner = getattr(params, field.name)
        if is_dataclass(inner) and _has(inner, name):
            edited = _on_field(inner, name, edit)
            return None if edited is None else replace(params, **{field.name: edited})
    return None


def _with_value(table: Floats, index: tuple[int, ...], value: float) -> Floats:
    table[index] = value
    return table


def _with_share(table: Floats, index: tuple[int, ...], value: float) -> Floats | None:
    """Set one probability; the others of its row share what is left as they did before."""
    if not 0.0 <= value <= 1.0:
        return None
    row = table[index[:-1]]
    rest = row.sum() - row[index[-1]]
    if len(row) == 1:
        return table if value == 1.0 else None
    others = row * ((1.0 - value) / rest) if rest > 0 else np.full(len(row), 1.0 - value)
    if rest <= 0:
        others /= len(row) - 1
    others[index[-1]] = value
    table[index[:-1]] = others
    return table


def _with_spread(model: Any, table: Floats, index: tuple[int, ...], value: float) -> Floats | None:
    if value <= 0:
        return None
    for part in _parts(table, index, 1):
        covariance = table[part]
        if _kind(model) == "spherical":
            table[part] = value**2 * np.eye(len(covariance))
        else:
            column = index[-1]
            ratio = value / np.sqrt(covariance[column, column])
            covariance[column, :] *= ratio
            covariance[:, column] *= ratio
    return table


def _with_correlation(
    model: Any, table: Floats, index: tuple[int, ...], value: float
) -> Floats | None:
    if not -1.0 < value < 1.0:
        return None
    i, j = index[-2:]
    for part in _parts(table, index, 2):
        covariance = table[part]
        covariance[i, j] = covariance[j, i] = value * np.sqrt(covariance[i, i] * covariance[j, j])
        if np.linalg.eigvalsh(covariance)[0] <= 0:
            return None
    return table


def _parts(table: Floats, index: tuple[int, ...], own: int) -> list[Any]:
    """Return which covariances a key is about: one of them, or the only one there is."""
    if table.ndim == 2:
        return [...]
    if len(index) > own:
        return [index[0]]
    return list(range(len(table)))  # tied: all are one


def _kind(model: Any) -> str:
    kind = getattr(model.options, "covariance_type", None)
    return "" if kind is None else str(kind.value)


def _with_topic_size(table: Floats, topic: int, value: float) -> Floats | None:
    if not 0.0 < value < 1.0 or len(table) == 1:
        return None
    sizes = table.sum(axis=1)
    wanted = _with_share(sizes / sizes.sum(), (topic,), value)
    assert wanted is not None
    return np.asarray(table * (wanted * sizes.sum() / sizes)[:, None])


def _with_word(table: Floats, index: tuple[int, ...], value: float) -> Floats | None:
    if not 0.0 < value < 1.0:
        return None
    size = table[index[0]].sum()
    wanted = _with_share(table / table.sum(axis=1, keepdims=True), index, value)
    assert wanted is not None
    table[index[0]] = wanted[index[0]] * size
    return table
