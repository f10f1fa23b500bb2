"""Data that are too large to hold: chunks read anew in every pass, from files or a cluster.

A :class:`Source` is a list of parts that are read one after the other: slices of a memory-mapped
array, whatever an iterable hands out, or the blocks of a ``dask.array``, which the workers of the
connected cluster read. Everything that looks at the data is a function of one part, so that the
same code serves all of them; results come back in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from em_explorer.em.chunks import one_by_one, reiterable, row_slices
from em_explorer.em.errors import DataError
from em_explorer.models.backend import Backend, choose

VALUES_PER_SLICE = 2**18
"""Numbers of a memory-mapped array held at once; with what is computed from them, some 10 MB."""

CHANGED = (
    "The chunks changed between two passes over them; EM needs the same ones, in the same order, "
    "each time."
)


@dataclass(frozen=True)
class Source:
    """Raw chunks of data that are never held together.

    Attributes
    ----------
    parts : callable
        Begins a new pass: returns an iterator over the parts, the same ones each time.
    lazy : bool
        The parts are dask's promises, to be kept on its workers.
    """

    parts: Callable[[], Iterable[Any]]
    lazy: bool = False

    def each(self, function: Callable[..., Any], *shared: Any) -> Iterator[Any]:
        """Yield ``function(part, *shared)`` for every part, in order."""
        return iter(self.gather(function, ((part, *shared) for part in self.parts())))

    def some(
        self, function: Callable[..., Any], own: list[Any], *shared: Any, skip: Any = None
    ) -> Iterator[Any]:
        """Yield ``function(part, own[i], *shared)``, leaving out parts whose own is ``skip``."""
        chosen = (
            (part, mine, *shared)
            for part, mine in zip(self._again(len(own)), own, strict=True)
            if mine is not skip
        )
        return iter(self.gather(function, chosen))

    def first(self, function: Callable[[Any], Any]) -> Any:
        """Return the first result of ``function(part)`` that is not None; or None."""
        for part in self.parts():
            for found in self.gather(function, [(part,)]):
                if found is not None:
                    return found
        return None

    def prepared(
        self, function: Callable[..., Any], own: list[Any], *shared: Any, skip: Any = None
    ) -> Callable[[], Iterator[Any]]:
        """Return what begins a pass over ``function(part, own[i], *shared)``, made when needed."""
        make: Callable[..., Any] = promise(function) if self.lazy else function

        def begin() -> Iterator[Any]:
            for part, mine in zip(self._again(len(own)), own, strict=True):
                if mine is not skip:
                    yield make(part, mine, *shared)

        return begin

    def gather(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterable[Any]:
        """Apply a function to tuples of arguments, here or on the workers; results in order."""
        named = ((number, function, *each) for number, each in enumerate(arguments, start=1))
        return (_on_workers if self.lazy else one_by_one)(_in_chunk, named)

    def _again(self, n_parts: int) -> Iterator[Any]:
        """Begin a new pass, and refuse more or fewer parts than there were."""
        found = 0
        for part in self.parts():
            found += 1
            if found > n_parts:
                raise DataError(CHANGED)
            yield part
        if found < n_parts:
            raise DataError(CHANGED)


def _in_chunk(number: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Say which chunk an error is about."""
    try:
        return function(*arguments)
    except DataError as error:
        raise type(error)(f"Chunk {number}: {error}") from error


# --- recognizing them ---------------------------------------------------------------------------


def read_source(data: Any, row_groups: list[slice] | None = None) -> Source | None:
    """Return the chunks that ``data`` come in, or None for data to be held as a whole.

    Parameters
    ----------
    data : object
        A memory-mapped array of more than one slice, a ``dask.array``, a list of two-dimensional
        arrays, or any other iterable that is no array. A file of one slice is simply read.
    row_groups : list of slice, optional
        Where to cut a memory-mapped or dask array; otherwise slices of a fixed size, and blocks.

    Raises
    ------
    DataError
        For iterators that can be gone through only once.
    """
    if isinstance(data, np.memmap):
        groups = row_groups or row_slices(len(data), rows_per_slice(data)) if data.ndim else []
        if len(groups) <= 1:
            return None
        return Source(lambda: (np.asarray(data[rows]) for rows in groups))
    if is_dask(data):
        return Source(_blocks(data, row_groups), lazy=True)
    if isinstance(data, list | tuple):
        chunked = len(data) > 0 and len(getattr(data[0], "shape", ())) == 2
        return Source(reiterable(data)) if chunked else None
    array_like = any(hasattr(data, name) for name in ("__array__", "shape", "__dataframe__"))
    if array_like or isinstance(data, str | bytes | Mapping) or not hasattr(data, "__iter__"):
        return None
    return Source(reiterable(data))


def is_dask(data: Any) -> bool:
    """Say whether something is a ``dask.array``, without importing dask."""
    return type(data).__module__.split(".")[0] == "dask" and hasattr(data, "to_delayed")


def rows_per_slice(data: Any) -> int:
    """Return how many rows of a memory-mapped array are read at once."""
    return max(1, VALUES_PER_SLICE // max(1, int(np.prod(data.shape[1:]))))


def _blocks(data: Any, row_groups: list[slice] | None) -> Callable[[], Iterator[Any]]:
    """Return what begins a pass over the blocks of rows of a dask array."""
    if row_groups is not None:
        data = data.rechunk({0: tuple(rows.stop - rows.start for rows in row_groups)})
    if data.ndim == 2:
        data = data.rechunk({1: -1})
    blocks = list(data.to_delayed().ravel())
    return lambda: iter(blocks)


# --- dask ---------------------------------------------------------------------------------------


def _on_workers(
    function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
) -> Iterable[Any]:
    """Apply a function on the workers of the connected cluster, or else in dask's own threads."""
    from dask.base import compute
    from dask.delayed import delayed

    shared: dict[int, Any] = {}

    def once(value: Any) -> Any:
        # Parameters are sent once for all chunks, and not once with each.
        if not is_dataclass(value) or isinstance(value, type):
            return value
        return shared.setdefault(id(value), delayed(value, traverse=False, pure=False))

    kept = list(arguments)
    task = promise(_there)
    gathered: Callable[..., tuple[Any, ...]] = compute
    return gathered(*[task(function, *map(once, each)) for each in kept])


def _there(function: Callable[..., Any], *arguments: Any) -> Any:
    """Apply a function on a worker, which may have no compiled kernels though the user has."""
    here = (
        replace(value, backend=choose())
        if getattr(value, "backend", None) is Backend.NUMBA
        else value
        for value in arguments
    )
    return function(*here)


def promise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose calls are dask's promises: they run where and when asked for."""
    from dask.delayed import delayed

    promised: Callable[..., Any] = delayed(function, pure=False, traverse=False)
    return promised
