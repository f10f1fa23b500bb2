"""Keep an error in an event handler or a paint method from going where it does harm.

PySide6 carries an exception out of such a method to whatever Python code happens to be running,
which may be the loading of a run; and on Python 3.11 it aborts on one that C code raised, as
``1 / 0`` does, because its value is not yet an exception.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache, update_wrapper
from types import FunctionType, ModuleType
from typing import Any

OURS = ("em_explorer.ui", "pyqtgraph")
MIRRORS = tuple(f"pyqtgraph.Qt.{name}" for name in ("QtCore", "QtGui", "QtWidgets"))
"""Thousands of names of PySide6, and nothing that overrides one."""
MARK = "__guarded__"
ANSWERING = ("viewportEvent", "sceneEvent", "nativeEvent")
"""Handlers that say whether they took the event."""

_seen: set[str] = set()


def guard_overrides() -> None:
    """Guard what overrides a method of Qt in every class imported so far; before they are used."""
    for name, module in list(sys.modules.items()):
        if name not in _seen and name.startswith(OURS) and not name.startswith(MIRRORS):
            _seen.add(name)
            for kind in _classes(module):
                _guard(kind)


def _classes(module: ModuleType) -> Iterator[type]:
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and kind.__module__ == module.__name__:
            yield kind


def _guard(kind: type) -> None:
    above = tuple(base for base in kind.__mro__ if base.__module__.startswith("PySide6"))
    if not above:
        return
    own = vars(kind)
    for name in own.keys() & _names(above):
        method = own[name]
        if not isinstance(method, FunctionType) or name.startswith("__") or hasattr(method, MARK):
            continue
        setattr(kind, name, _told(method) if _answers_nothing(name) else _whole(method))


@cache
def _names(kinds: tuple[type, ...]) -> frozenset[str]:
    """Return what all of these classes define; few combinations serve hundreds of classes."""
    return frozenset().union(*(vars(kind) for kind in kinds))


def _answers_nothing(name: str) -> bool:
    return name == "paint" or (name.endswith("Event") and name not in ANSWERING)


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Report an error where it arises; Qt goes on with the next event."""

    def told(*args: Any, **more: Any) -> Any:
        try:
            return method(*args, **more)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            return None

    return _marked(told, method)


def _whole(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let an error pass, but as the exception it is: being caught makes it one."""

    def whole(*args: Any, **more: Any) -> Any:
        try:
            return method(*args, **more)
        except Exception:
            raise

    return _marked(whole, method)


def _marked(guard: Callable[..., Any], method: Callable[..., Any]) -> Callable[..., Any]:
    update_wrapper(guard, method)
    setattr(guard, MARK, True)
    return guard
