"""Frozen params dataclasses to plain mappings and back, as TOML files hold them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_type_hints

import numpy as np

from em_explorer.em.errors import DataError


def to_mapping(value: Any) -> dict[str, Any]:
    """Return a dataclass as nested dicts and lists of plain numbers and strings."""
    result: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        if isinstance(item, np.ndarray):
            result[field.name] = item.tolist()
        elif is_dataclass(item):
            result[field.name] = to_mapping(item)
        elif isinstance(item, Enum):
            result[field.name] = item.value
        elif item is not None:
            result[field.name] = item
    return result


def params_from_mapping(kind: type[Any], mapping: Mapping[str, Any]) -> Any:
    """Build a params dataclass from a mapping.

    A field typed by a protocol (an HMM's emission) becomes the dataclass of the protocol's
    module whose field names are the mapping's keys.

    Raises
    ------
    DataError
        When a name is missing, unknown, or holds something that is no array of numbers.
    """
    names = {field.name for field in fields(kind)}
    if set(mapping) != names:
        raise DataError(f"The start must give {_listed(names)}; it gives {_listed(set(mapping))}.")
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, item in mapping.items():
        if isinstance(item, Mapping):
            candidates = _dataclasses_in(hints[name])
            matching = [c for c in candidates if {f.name for f in fields(c)} == set(item)]
            if not matching:
                raise DataError(f"The start's {name} has unknown parts: {_listed(set(item))}.")
            values[name] = params_from_mapping(matching[0], item)
        else:
            try:
                values[name] = np.array(item, dtype=float)
            except (TypeError, ValueError):
                raise DataError(f"The start's {name} must be a table of numbers.") from None
    return kind(**values)


def options_from_mapping(kind: type[Any], mapping: Mapping[str, Any]) -> Any:
    """Build an options dataclass from a mapping; what is not named keeps its default."""
    unknown = set(mapping) - {field.name for field in fields(kind)}
    if unknown:
        known = _listed({field.name for field in fields(kind)})
        raise DataError(f"Unknown option {_listed(unknown)}; there are {known}.")
    return kind(**mapping)


def _dataclasses_in(hint: Any) -> list[type[Any]]:
    """Return what a field may hold: the dataclass itself, or those beside a protocol."""
    if is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    beside = vars(sys.modules[hint.__module__]).values()
    return [kind for kind in beside if isinstance(kind, type) and is_dataclass(kind)]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
