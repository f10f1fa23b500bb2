"""How kernels are compiled: without the interpreter's lock, and kept in a cache of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from em_explorer.models.backend import cache_folder, writable

Function = TypeVar("Function", bound=Callable[..., Any])

FUSED = frozenset({"contract"})
"""``a·b + c`` may be rounded once instead of twice."""

REORDERED = frozenset({"contract", "reassoc", "nsz", "arcp"})
"""Sums may be taken in another order (once, at compile time), which lets them run in vector
registers. Infinities and NaN keep their meaning: code that tests for them must not be lied to."""


def kernel(*, reorder: bool = False) -> Callable[[Function], Function]:
    """Compile a function of arrays and numbers on its first call, and keep the code.

    Parameters
    ----------
    reorder : bool
        Allow sums in another order, see :data:`REORDERED`. Not for compensated sums, nor where
        ``(a − b) + b`` must be taken as written.
    """

    def decorate(function: Function) -> Function:
        folder = cache_folder()
        keep = writable(folder)
        config: Any = numba.config
        before = config.CACHE_DIR
        # Only while numba looks where this function's cache goes: other people's functions keep
        # their own place.
        config.CACHE_DIR = str(folder)
        try:
            compiled = numba.njit(
                nogil=True,
                cache=keep,
                error_model="numpy",
                fastmath=set(REORDERED if reorder else FUSED),
            )(function)
        finally:
            config.CACHE_DIR = before
        return cast(Function, compiled)

    return decorate


def constant(array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous read-only array, so that a kernel always sees one type of argument.

    A kernel is compiled anew for each memory layout, and for writable and read-only arrays.
    """
    flags = array.flags
    if flags.c_contiguous and not flags.writeable:
        return array
    result = np.ascontiguousarray(array)
    if result.flags.writeable:
        result = result.view()
        result.flags.writeable = False
    return result
