from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator
from typing import Any

import pytest

from em_explorer.session.controller import Controller


@pytest.fixture
def controller(qtbot: Any) -> Iterator[Controller]:
    """A controller whose thread is ended."""
    made = Controller()
    yield made
    made.shutdown()
