import subprocess
import sys

import pytest

HEAVY = ("PySide6", "pyqtgraph", "sklearn", "pandas", "numba", "scipy", "PIL")


def _imported(code: str) -> set[str]:
    code += "\nimport sys; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
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
    import em_explorer

    with pytest.raises(AttributeError, match="NoSuchModel"):
        _ = em_explorer.NoSuchModel
