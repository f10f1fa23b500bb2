"""No test needs a screen, and no thread but the main one collects garbage."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GARBAGE = 20_000
"""New objects after which a test's garbage is collected."""


@pytest.fixture(autouse=True)
def garbage_stays_in_the_main_thread() -> Iterator[None]:
    """Collect as the window does: a widget of an earlier test must not die in a worker's thread."""
    gc.disable()
    yield
    if gc.get_count()[0] > GARBAGE:
        gc.collect()
