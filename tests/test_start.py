import subprocess
import sys
from pathlib import Path

import pytest

import em_explorer.session

HEAVY = ("PySide6", "pyqtgraph", "sklearn", "pandas", "numba", "scipy", "PIL")


def _imported(code: str) -> set[str]:
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    ["import em_explorer", "import em_explorer.cli", "import em_explorer.registry"],
)
def test_a_start_brings_in_neither_qt_nor_tables(code: str):
    names = _imported(code)
    assert "em_explorer" in names
    assert names.isdisjoint(HEAVY)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="NoSuchModel"):
        _ = em_explorer.NoSuchModel


def test_a_watched_run_knows_no_widget():
    folder = Path(em_explorer.session.__file__).parent
    modules = [f"em_explorer.session.{path.stem}" for path in sorted(folder.glob("[a-z]*.py"))]
    assert "em_explorer.session.controller" in modules
    names = _imported("import " + ", ".join(modules))
    assert "PySide6.QtCore" in names
    assert names.isdisjoint({"PySide6.QtGui", "PySide6.QtWidgets"})
