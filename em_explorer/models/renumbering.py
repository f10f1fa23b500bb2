"""Renumber the parts of a run: every component, state or topic gets another number and color.

Which part is called 1 is chance, and EM does not care: with its parts renumbered, a run is the
same run. So a whole history can be renumbered without a single step being taken again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.arrays import Ints
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Snapshot
from em_explorer.em.trace import Trace

BOTH_WAYS = ("transitions",)
"""Statistics with a part on either axis."""


def permuted_statistics(statistics: Any, order: Ints) -> Any:
    """Renumber the parts of expected sufficient statistics, which lie on the first axis.

    Parameters
    ----------
    statistics : dataclass of arrays
    order : (K,) int
        New part ``i`` is old part ``order[i]``.
    """
    changed: dict[str, Any] = {}
    for field in fields(statistics):
        value = getattr(statistics, field.name)
        if is_dataclass(value):
            changed[field.name] = permuted_statistics(value, order)
        elif isinstance(value, np.ndarray) and value.ndim:
            both = field.name in BOTH_WAYS
            changed[field.name] = value[np.ix_(order, order)] if both else value[order]
    return replace(statistics, **changed)


def permuted_expectation(expectation: Expectation[Any], order: Ints) -> Expectation[Any]:
    """Renumber the parts of an expectation; a carry has them on its second axis."""
    return replace(
        expectation,
        statistics=permuted_statistics(expectation.statistics, order),
        carry=None if expectation.carry is None else _permuted_carry(expectation.carry, order),
    )


def _permuted_carry(carry: Any, order: Ints) -> Any:
    found = np.ascontiguousarray(carry[:, order])
    found.flags.writeable = False
    return found


def permuting(model: Any, order: Ints) -> Callable[[Snapshot], Snapshot]:
    """Return what renumbers snapshots; parts they share stay shared."""
    known: dict[int, tuple[Any, Any]] = {}

    def once(value: Any, permute: Callable[[Any], Any]) -> Any:
        if value is None:
            return None
        if id(value) not in known:
            known[id(value)] = value, permute(value)  # the old one stays: its id is taken
        return known[id(value)][1]

    def expected(value: Expectation[Any]) -> Expectation[Any]:
        found = permuted_expectation(replace(value, carry=None), order)
        carry = once(value.carry, lambda carry: _permuted_carry(carry, order))
        return replace(found, carry=carry)

    def convert(snapshot: Snapshot) -> Snapshot:
        return replace(
            snapshot,
            params=once(snapshot.params, lambda params: model.permuted(params, order)),
            posterior_params=once(
                snapshot.posterior_params, lambda params: model.permuted(params, order)
            ),
            expectation=once(snapshot.expectation, expected),
            carry=once(snapshot.carry, lambda carry: _permuted_carry(carry, order)),
        )

    return convert


def renumbered(trace: Trace, order: Ints) -> Trace:
    """Return the same run with its parts renumbered: new part ``i`` is old part ``order[i]``."""
    return trace.mapped(permuting(trace.model, np.asarray(order, dtype=np.int64)))
