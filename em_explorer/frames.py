"""Room for the frames of Python functions, so that no call stands at the edge of a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

SLOTS = 2**16
"""What the frame asks for, in pointers: half a megabyte, in a chunk of twice as much."""


def with_room(function: Callable[[], Result]) -> Result:
    """Call a function in a frame that leaves room for the frames of all that it calls.

    CPython keeps frames in chunks of 16 KB, some sixty calls deep, and gives a chunk back to the
    system as soon as its last frame has gone. A loop that calls across the edge of a chunk
    therefore asks the system for memory at every turn: opening the window, which imports and
    builds forty to eighty calls deep, did so six thousand times. A chunk is made large enough
    for the frame that needs it, so a frame that asks for much brings room for a thousand calls.
    Memory that no frame comes to touch is never taken from the system.

    Parameters
    ----------
    function : callable
        Takes nothing; in it the program spends its time.

    Returns
    -------
    object
        What the function returns.
    """
    return function()


with_room.__code__ = with_room.__code__.replace(co_stacksize=SLOTS)
