"""No test needs a screen, and no thread but the main one collects garbage."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GARBAGE = 20_000
"""New objects after which a test's garbage is collected."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that need no kernels: these are being compiled meanwhile."""
    items.sort(key=lambda item: "ui" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def modules_are_no_garbage() -> None:
    """Leave all that is loaded by now out of every later collection: that took a tenth of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def garbage_stays_in_the_main_thread() -> Iterator[None]:
    """Collect as the window does: a widget of an earlier test must not die in a worker's thread."""
    gc.disable()
    yield
    if gc.get_count()[0] > GARBAGE:
        gc.collect()
