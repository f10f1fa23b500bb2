"""What values weigh in memory, numbers in a row that grow, and what was used last."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np

from em_explorer.em.arrays import Floats

T = TypeVar("T")

GC_HEADER = 16
"""Bytes in front of every object the garbage collector watches; ``getsizeof`` leaves them out."""

ARRAY_HEADER = sys.getsizeof(np.empty(0))

INSTANCE_DICT = 96
"""Bytes of the attributes of an instance without slots, whose keys the class shares."""

SHARED = (int, str, bytes, Enum, type)
"""Small values, mostly shared by the whole program: they count nothing."""

_ANATOMY: dict[type, tuple[int, tuple[str, ...]]] = {}


def size_of(value: Any, seen: set[int] | None = None) -> int:
    """Return the bytes a value of dataclasses, tuples and arrays holds; shared parts count once.

    Parameters
    ----------
    value : object
    seen : set of int, optional
        Ids of what was counted before, which counts nothing now; what is counted joins it.
    """
    if value is None:
        return 0
    kind = type(value)
    if kind is float:
        return 24
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    if kind is np.ndarray:
        seen.add(id(value))
        return ARRAY_HEADER + (value.nbytes if value.base is None else _base_size(value, seen))
    if isinstance(value, SHARED):
        return 0
    seen.add(id(value))
    if kind not in _ANATOMY:
        own = sys.getsizeof(value) + GC_HEADER
        own += INSTANCE_DICT if hasattr(value, "__dict__") else 0
        names = tuple(f.name for f in fields(value)) if is_dataclass(value) else ()
        _ANATOMY[kind] = own, names
    total, names = _ANATOMY[kind]
    for name in names:
        total += size_of(getattr(value, name), seen)
    if kind is tuple or kind is list:
        total = sys.getsizeof(value) + GC_HEADER + sum(size_of(item, seen) for item in value)
    return total


def _base_size(array: np.ndarray[Any, Any], seen: set[int]) -> int:
    """Return the bytes of the memory a view keeps alive, which others may see too."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if id(owner) in seen:
        return 0
    seen.add(id(owner))
    return int(owner.nbytes)


class Column:
    """Numbers in a row, appended one by one and read as an array."""

    def __init__(self) -> None:
        self._room = np.empty(64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, value: float) -> None:
        """Add a number at the end; the room doubles when it is used up."""
        if self._size == len(self._room):
            self._room = np.concatenate([self._room, np.empty(self._size)])
        self._room[self._size] = value
        self._size += 1

    def __getitem__(self, index: int) -> float:
        return float(self._room[: self._size][index])

    @property
    def values(self) -> Floats:
        """The numbers so far, read-only; what is appended later does not show in it."""
        found = self._room[: self._size]
        found.flags.writeable = False
        return found

    @property
    def nbytes(self) -> int:
        """Bytes taken, the room ahead included."""
        return int(self._room.nbytes)


class Recent(Generic[T]):
    """The values used last, up to a number of bytes.

    Parameters
    ----------
    limit : int, bytes
    least : int
        So many stay however large they are.
    most : int
    """

    def __init__(self, limit: int, least: int, most: int = 10_000) -> None:
        self.limit = limit
        self._least, self._most = least, most
        self._values: OrderedDict[int, tuple[T, int]] = OrderedDict()
        self.nbytes = 0

    def __contains__(self, key: int) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: int) -> T | None:
        """Return a value and note that it was used, or None."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: int, value: T, size: int) -> None:
        """Remember a value; those not used for longest go."""
        if key in self._values:
            self.nbytes -= self._values.pop(key)[1]
        self._values[key] = value, size
        self.nbytes += size
        while len(self._values) > self._least and (
            self.nbytes > self.limit or len(self._values) > self._most
        ):
            self.nbytes -= self._values.popitem(last=False)[1][1]
