"""Two habits of the libraries below that cost a quarter of the start, and how to do without.

Neither changes what the libraries do: a name that is asked for is there. Where another version
of them goes another way, nothing happens, and the start takes longer.
"""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

MIRRORED = ("QtCore", "QtGui", "QtWidgets")


def spare_sources() -> None:
    """Keep PySide6 from reading the source text of every module that is imported after it.

    It looks for its own name in it, for the sake of ``from __feature__ import snake_case``, which
    nobody uses here; and all the text stays in memory.
    """
    import_module("PySide6.QtCore")  # it holds the other
    with contextlib.suppress(ImportError):
        feature = import_module("shibokensupport.feature")
        if hasattr(feature, "_mod_uses_pyside"):
            vars(feature)["_mod_uses_pyside"] = lambda module: False


class Mirror(ModuleType):
    """Stands for ``pyqtgraph.Qt.QtCore`` and takes a name from PySide6 when it is asked for.

    pyqtgraph copies every name of PySide6 into modules of its own, to be free to add to them. That
    makes five hundred enumerations, of which a plot needs a few.
    """

    def __init__(self, name: str, source: ModuleType) -> None:
        super().__init__(name)
        self._source = source

    def __getattr__(self, name: str) -> Any:
        # The copying first asks whether a name is there already. It is.
        if sys._getframe(1).f_code.co_name == "_copy_attrs":
            return None
        value = getattr(self._source, name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *dir(self._source)})


def spare_copies() -> None:
    """Let pyqtgraph, where it is not yet imported, take from PySide6 only what it uses."""
    if any(name.partition(".")[0] == "pyqtgraph" for name in list(sys.modules)):
        return
    for name in MIRRORED:
        mirror = Mirror(f"pyqtgraph.Qt.{name}", import_module(f"PySide6.{name}"))
        sys.modules[mirror.__name__] = mirror
