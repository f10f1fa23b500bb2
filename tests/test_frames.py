"""Frames of Python functions: no call is dear because of how deep it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from em_explorer.frames import with_room

resource = pytest.importorskip("resource", reason="counts page faults as Linux does")
if not hasattr(resource, "RUSAGE_THREAD"):
    pytest.skip("counts page faults of one thread", allow_module_level=True)

CALLS = 200
DEPTHS = range(300)


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt


def _leaf() -> None:
    pass


def _at_depth(depth: int) -> int:
    """Return how often 200 calls made so deep ask the system for memory."""
    if depth:
        return _at_depth(depth - 1)
    before = _faults()
    for _ in range(CALLS):
        _leaf()
    return _faults() - before


def _worst(call: Callable[[Callable[[], int]], int]) -> int:
    found: list[int] = []

    def measure() -> int:
        return max(_at_depth(depth) for depth in DEPTHS)

    thread = threading.Thread(target=lambda: found.append(call(measure)))
    thread.start()  # a thread begins with frames of its own
    thread.join()
    return found[0]


def test_no_depth_makes_calls_ask_for_memory():
    if _worst(lambda function: function()) < CALLS:
        pytest.skip("this Python keeps its chunks of frames; the room is needed no more")
    assert _worst(with_room) < CALLS // 10


def test_what_the_function_returns_comes_back():
    assert with_room(lambda: 7) == 7
    with pytest.raises(KeyError):
        with_room(lambda: {}["nothing"])
