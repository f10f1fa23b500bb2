"""Work that several processes may wish to do, but one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def one_process(path: Path) -> Iterator[bool]:
    """Let one process in at a time, and tell whether another one had to be waited for.

    Who opens the program three times before the kernels are there shall not compile them three
    times. The system lifts the lock of a process that dies; where it has no such locks, as some
    network drives, all are let in.

    Parameters
    ----------
    path : Path
        The file to hold, in a folder that can be written.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield False
        return
    with path.open("wb") as file:
        waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
        yield waited
