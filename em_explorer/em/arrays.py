"""Frozen values: dataclasses whose arrays nobody can change.

Snapshots are handed between threads by reference, so everything inside one is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Value = TypeVar("Value")


def freeze(value: Any) -> None:
    """Make every array field of a dataclass read-only, in place.

    Called from ``__post_init__``. A view of somebody else's writable memory is copied first, so
    that a caller who later changes their array does not change ours.
    """
    for name in _field_names(value.__class__):
        array = getattr(value, name)
        if isinstance(array, np.ndarray) and array.flags.writeable:
            if array.base is not None:
                array = array.copy()
            array.flags.writeable = False
            object.__setattr__(value, name, array)


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    """Return the names of a dataclass's fields; asking anew for each value takes its time."""
    return tuple(field.name for field in fields(kind))


def unchecked(kind: type[Value], *values: Any) -> Value:
    """Return a frozen dataclass made of fields known to be good, without its checks.

    Arrays are to be the caller's own: they are made read-only in place.
    """
    made: Value = object.__new__(kind)
    held = made.__dict__
    whose: Any = kind
    names: tuple[str, ...] = _field_names(whose)
    for name, value in zip(names, values, strict=True):
        if value.__class__ is np.ndarray:
            value.setflags(write=False)
        held[name] = value
    return made


def latest(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """Remember what a function made of the last frozen array it was given, and of no other.

    The half-steps and the bound ask the same of the same parameters one after the other; keeping
    the answer beside the parameters would fill the trace.
    """
    last: tuple[Any, Any] = (None, None)

    @wraps(function)
    def remembered(array: Floats) -> Floats:
        nonlocal last
        # Taken and put as one: other threads run other models.
        known, result = last
        if known is array:
            return np.asarray(result)
        result = function(array)
        if not array.flags.writeable:
            result.flags.writeable = False
            last = array, result
        return result

    return remembered


def largest_change(before: Any, after: Any) -> float:
    """Return the largest change of any array element, relative to 1 + its field's size.

    Parameters
    ----------
    before, after : dataclasses of one type
        Two sets of parameters with fields of equal shapes.

    Returns
    -------
    float
        ``max |after - before| / (1 + max |before|)`` over all fields; no unit.
    """
    worst = 0.0
    for field in fields(before):
        old = getattr(before, field.name)
        if is_dataclass(old):
            worst = max(worst, largest_change(old, getattr(after, field.name)))
        elif isinstance(old, np.ndarray) and old.size and np.issubdtype(old.dtype, np.floating):
            new = getattr(after, field.name)
            worst = max(worst, float(np.max(np.abs(new - old)) / (1.0 + np.max(np.abs(old)))))
    return worst
