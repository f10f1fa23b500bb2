"""What long work tells on its way: a generator of :class:`Progress` is the job.

Nothing here knows of threads. Who iterates the generator may stop at any value, and what it
returns is the result.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work has come.

    Attributes
    ----------
    share : float
        0 to 1.
    words : str
        What is being done, for the screen: "start 3 of 20".
    partial : object or None
        A part of the result that is complete.
    """

    share: float
    words: str = ""
    partial: Any = None


Job = Generator[Progress, None, Result]


def finish(job: Job[Result]) -> Result:
    """Do a job to its end here, and return its result."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            result: Result = end.value
            return result
