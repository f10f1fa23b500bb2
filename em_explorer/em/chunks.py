"""Data larger than memory: because statistics merge, an E-step is a sum over chunks.

A :class:`ChunkedModel` is the model it wraps, save that its data come in chunks which are read
again in every E-step and never held together. :func:`~em_explorer.em.steps.em_steps` runs it
like any other model and takes the same way, up to the rounding of another order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from em_explorer.em.errors import DataError
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Model

Gather = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterable[Any]]
"""Applies a function to tuples of arguments and gives the results in order, like ``starmap``."""


def one_by_one(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Apply a function here, one chunk in memory at a time."""
    for each in arguments:
        yield function(*each)


@dataclass(frozen=True)
class Chunks:
    """Prepared data that come in chunks.

    Attributes
    ----------
    parts : callable
        Returns a new iterator over the prepared chunks, the same ones each time, all in the
        frame of ``frame``.
    n_observations : int
        Of all chunks together.
    frame : object
        Prepared data (of any size) that know the common centre.
    """

    parts: Callable[[], Iterable[Any]]
    n_observations: int
    frame: Any


@dataclass(frozen=True)
class ChunkedModel:
    """A model whose E-step goes over chunks and merges what they give, in order.

    Attributes
    ----------
    model : EMModel
    gather : callable
        Where the chunks' E-steps run; here by default, elsewhere on a cluster.
    """

    model: Model
    gather: Gather = one_by_one

    def __getattr__(self, name: str) -> Any:
        # What does not touch the data (m_step, bound, nudge, …) is the wrapped model's.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.model, name)

    def n_observations(self, data: Chunks) -> int:
        """Count rows, time steps or tokens of all chunks."""
        return data.n_observations

    def e_step(
        self, data: Chunks, params: Any, *, latent: bool = False, carry: Any = None
    ) -> Expectation[Any]:
        """Merge the E-steps of the chunks; ``carry`` holds one entry a chunk.

        Raises
        ------
        DataError
            When the posterior itself is asked for: it would not fit into memory.
        """
        if latent:
            raise DataError("The posterior of chunked data is too large; ask chunk by chunk.")
        total: Expectation[Any] | None = None
        carries: list[Any] = []
        for found in self.gather(_e_step, self._arguments(data, params, carry)):
            carries.append(found.carry)
            total = found if total is None else total + found
        if total is None:
            raise DataError("There are no chunks, so there are no data.")
        kept = tuple(carries) if any(c is not None for c in carries) else None
        return Expectation(
            total.statistics,
            total.entropy,
            total.log_likelihood,
            carry=kept,
            settled=total.settled,
        )

    def to_units(self, params: Any, data: Chunks) -> Any:
        """Translate params into the data's units."""
        return self.model.to_units(params, data.frame)

    def from_units(self, params: Any, data: Chunks) -> Any:
        """Translate params into the common frame."""
        return self.model.from_units(params, data.frame)

    def _arguments(self, data: Chunks, params: Any, carry: Any) -> Iterator[tuple[Any, ...]]:
        for i, chunk in enumerate(data.parts()):
            yield self.model, chunk, params, None if carry is None else carry[i]


def _e_step(model: Model, chunk: Any, params: Any, carry: Any) -> Expectation[Any]:
    return model.e_step(chunk, params, carry=carry)


def row_slices(n_rows: int, rows_per_chunk: int) -> list[slice]:
    """Cut rows into chunks of a fixed size, so that sums do not depend on who adds them."""
    return [
        slice(start, min(start + rows_per_chunk, n_rows))
        for start in range(0, n_rows, rows_per_chunk)
    ]


def reiterable(chunks: Any) -> Callable[[], Iterator[Any]]:
    """Return a function that begins a new pass over ``chunks``.

    Raises
    ------
    DataError
        When they can be gone through only once, as a generator can.
    """
    if iter(chunks) is chunks:
        raise DataError(
            "EM reads the chunks again in every iteration, and this iterator can be read once; "
            "pass a list, or an object whose __iter__ begins anew."
        )
    return lambda: iter(chunks)
