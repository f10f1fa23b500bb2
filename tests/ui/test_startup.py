"""What is loaded when: a painted shell first, then the first tab, the others when shown."""

from __future__ import annotations

import pytest

from tests.ui.programs import program

SCRIPT = """
import gc
import sys
from em_explorer import cli
from em_explorer.ui import app

QT = ["PySide6.QtCore", "PySide6.QtGui", "PySide6.QtWidgets"]

def say(moment):
    # Names of PySide6 are made when they are first asked for.
    qt = [f"{m}.{n}" for m in QT for n in vars(sys.modules[m])]
    print(moment, *sorted(sys.modules), *qt, flush=True)

class Watch(app.QObject):
    def eventFilter(self, watched, event):
        if event.type() == app.QEvent.Type.Paint:
            painted.append(watched)
        return False

class Told(app.Opening):
    def open_first_tab(self):
        say("shell")
        window = self._window
        assert window.isVisible()
        assert not window.tabs
        super().open_first_tab()
        window.tab.installEventFilter(watch)
        window.tab.bottom.transport.installEventFilter(watch)
        window.tab.play_area.installEventFilter(watch)

    def finish(self):
        window = self._window
        tab = window.tab
        for widget in (tab, tab.play_area, tab.bottom.transport):
            assert painted.count(widget) == 1  # before it is called ready, and once
        app.QApplication.processEvents()
        say("tab")
        assert not collections
        assert list(window.tabs) == ["gaussian_mixture"]
        assert window.tab.stage.shown_index == 0
        assert window.tab.bottom.transport.play.isEnabled()
        super().finish()
        window.close()

app.Opening = Told
collections, painted, watch = [], [], Watch()
gc.callbacks.append(lambda phase, info: collections.append(phase))
code = cli.main([])
assert gc.isenabled()
assert collections
sys.exit(code)
"""

NEVER_AT_THE_START = {
    "numba",
    "pandas",
    "sklearn",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib",
    "PIL",
}
NOT_FOR_A_SHELL = NEVER_AT_THE_START | {
    "numpy",
    "scipy",
    "pyqtgraph",
    "PySide6.QtSvg",
    "PySide6.QtCore.Qt",
    "PySide6.QtGui.QShortcut",
    "em_explorer.em.steps",
    "em_explorer.session.controller",
    "em_explorer.session.document",
    "em_explorer.ui.model_tab",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of the modules loaded at each moment of a start, and of the classes of PySide6."""
    home = tmp_path_factory.mktemp("home")
    with program(SCRIPT, home) as process:
        said, complained = process.communicate(timeout=60)
    assert complained == ""
    assert process.returncode == 0
    lines = (line.split() for line in said.splitlines())
    return {moment: set(names) for moment, *names in lines}


def test_the_shell_is_painted_before_anything_heavy(loaded):
    assert list(loaded) == ["shell", "tab"]
    assert "em_explorer.ui.main_window" in loaded["shell"]
    assert loaded["shell"].isdisjoint(NOT_FOR_A_SHELL), loaded["shell"] & NOT_FOR_A_SHELL


def test_the_first_tab_needs_no_heavy_library(loaded):
    assert {"numpy", "pyqtgraph", "em_explorer.ui.tabs.gaussian_mixture"} <= loaded["tab"]
    assert loaded["tab"].isdisjoint(NEVER_AT_THE_START), loaded["tab"] & NEVER_AT_THE_START


def test_nobody_waits_for_garbage(loaded):
    # The script itself asserts that none was collected, and that Python does so again afterwards.
    assert "em_explorer.ui.collector" in loaded["shell"]


def test_other_tabs_wait_until_they_are_shown(loaded):
    tabs = {name for name in loaded["tab"] if name.startswith("em_explorer.ui.tabs.")}
    assert not [name for name in tabs if name.rpartition(".")[2].startswith(("hidden", "latent"))]
