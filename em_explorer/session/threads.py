"""Threads beside the window's: their share of the machine, and their end."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from functools import cache

from PySide6.QtCore import QObject, QThread

PATIENCE_MS = 300
"""So long a window that closes waits for the half-step under way."""

SWITCH_SECONDS = 0.001
"""So long a thread of Python may keep the others waiting: the window wants its turn in a frame."""

GIVES_WAY = 5
"""Niceness of threads that calculate: where there are fewer cores than threads, the window goes
first."""

IS_WAITED_FOR = 2
"""Niceness of threads that make what somebody waits for: they go before EM, after the window."""

_giving_way = threading.local()

_busy: list[tuple[QThread, QObject | None]] = []
"""Threads that could not be waited for, kept alive: Qt aborts when a running one is destroyed."""


@cache
def share_the_machine() -> None:
    """Let the window's thread have its turn beside threads that calculate.

    Python's own five milliseconds are a third of a frame; and two threads of BLAS on two cores
    leave none for the window: one is enough for products as small as EM's.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def give_way(niceness: int = GIVES_WAY) -> None:
    """Let the window's thread go before the present one, where the system knows how; said once.

    Linux has a niceness for each thread; threads begun by this one inherit it.
    """
    if sys.platform == "linux" and not getattr(_giving_way, "done", False):
        _giving_way.done = True
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def end_thread(thread: QThread, worker: QObject | None, patience_ms: int = PATIENCE_MS) -> bool:
    """Ask a thread to end; one that is still in a long step is let go of, and kept alive.

    Parameters
    ----------
    thread : QThread
        With an event loop; it no longer belongs to its parent if it could not be ended.
    worker : QObject
        What lives in the thread.
    patience_ms : int

    Returns
    -------
    bool
        Whether it has ended.
    """
    thread.requestInterruption()
    thread.quit()
    if thread.wait(patience_ms):
        return True
    thread.setParent(None)
    _busy.append((thread, worker))
    return False


def any_left() -> bool:
    """Return whether a thread that was let go of still works; destroying it would abort."""
    _busy[:] = [(thread, worker) for thread, worker in _busy if thread.isRunning()]
    return bool(_busy)


def anything_busy() -> bool:
    """Return whether a thread still works that the end of the process must not wait for."""
    here = threading.current_thread()
    return any_left() or any(t.daemon and t is not here for t in threading.enumerate())
