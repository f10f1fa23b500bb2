"""Every way to end the program: a clean exit code, soon, and nothing said on stderr."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.ui.programs import program

NO_HANG = 2.0
"""From the wish to end to the end of the process, s."""

FRAME = """
import os, sys, time, signal
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from em_explorer.ui import app

def play_flat_out(window):
    tab = window.tab
    tab.set_run(tab.run.__class__(max_iter=100_000, tolerance=0.0))
    tab.controller.set_speed(float("inf"))
    tab.controller.play()

def soon(function, ms=150):
    def told():
        print("now", flush=True)
        function()
    QTimer.singleShot(ms, told)

{action}

finish = app.Opening.finish
def then(opening):
    finish(opening)
    act(opening._window)
app.Opening.finish = then
sys.exit(app.run())
"""


def end(
    tmp_path: Path,
    action: str,
    interrupt: signal.Signals | None = None,
    expected: str | None = None,
) -> tuple[int, float]:
    """Run the program until it ends; return the exit code and how long the end took.

    What it says on stderr may only be the traceback that ends with ``expected``.
    """
    with program(FRAME.format(action=action), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n", process.communicate(timeout=5)
        begun = time.monotonic()
        if interrupt is not None:
            process.send_signal(interrupt)
        said, complained = process.communicate(timeout=20)
        took = time.monotonic() - begun
    assert said == ""
    if expected is None:
        assert complained == ""
    else:
        assert complained.count("Traceback (most recent call last)") == 1, complained
        assert complained.rstrip().endswith(expected), complained
        assert "Qt" not in complained.replace("PySide6.Qt", "")
        assert "QThread" not in complained
    return process.returncode, took


CLOSED = {
    "paused": "def act(w): soon(w.close)",
    "while EM runs as fast as it goes": "def act(w): play_flat_out(w); soon(w.close)",
    "while a picture glides": """
def act(w):
    w.tab.controller.set_speed(8.0); w.tab.controller.play(); soon(w.close, 400)""",
    "during a long step": """
def act(w):
    kind = type(w.tab.model)
    kind.e_step = lambda *a, **k: time.sleep(60)
    w.tab.controller.step(); soon(w.close)""",
    "while a file is read": """
def act(w):
    from em_explorer.data import loaders
    loaders.load_file = lambda *a: time.sleep(60)
    w.open_file(__import__("pathlib").Path("large.csv")); soon(w.close)""",
    "with a file dialog open": """
def act(w):
    QApplication.setAttribute(__import__("PySide6").QtCore.Qt.AA_DontUseNativeDialogs)
    soon(w.close, 500); w.tab.open_dialog()""",
    "with the keyboard help open in projector mode": """
def act(w):
    w.toggle_projector(); w.menus.show_keys(); soon(w.close)""",
    "by its frame, with settings, keys and about open": """
def act(w):
    from PySide6.QtTest import QTest
    w.menus.show_settings(); w.menus.show_keys(); w.menus.show_about(); w.tab.controller.play()
    # As the frame's button: Qt ignores it while a modal dialog is open.
    from PySide6.QtGui import QWindow
    soon(lambda: QApplication.activeModalWidget() or w.windowHandle().close())""",
    "while the Lab works": """
def act(w):
    tab = w.tab
    tab.open_diagnose(); tab.toggle_bound(); tab.bottom.traces_button.click()
    w.door.open("starts").button.click(); soon(w.close)""",
    "with two tabs in use": """
def act(w):
    for i in (1, 3):
        w.show_model(i); play_flat_out(w)
    soon(w.close)""",
}


@pytest.mark.parametrize("action", CLOSED.values(), ids=CLOSED.keys())
def test_a_window_that_is_closed_ends_the_program(tmp_path, action):
    code, took = end(tmp_path, action)
    assert code == 0
    assert took < NO_HANG


# Each puts an error somewhere, sees to it that it is told of, and closes the window.
FAILING = """
def fail(*a, **k):
    raise ArithmeticError("put here on purpose")

def close_when_told(w):
    seen = lambda: any(x.objectName() == "crash_dialog" for x in QApplication.topLevelWidgets()
                       if x.isVisible())
    timer = QTimer(w)
    timer.timeout.connect(lambda: seen() and (timer.stop(), soon(w.close, 0)))
    timer.start(20)
"""
BROKEN = {
    "in a model": "type(w.tab.model).m_step = fail",
    "in the worker": "w.tab.controller._link.worker._tell = fail",
    "in a view": "w.tab.scatter.place_components = fail",
    "in painting": "w.tab.scatter.points._corners = fail",
    "in the thread that makes pictures": "w.tab.stage._plan = lambda *a: fail",
}


@pytest.mark.parametrize("where", BROKEN.values(), ids=BROKEN.keys())
def test_a_window_with_an_error_is_closed_as_any_other(tmp_path, where):
    action = f"{FAILING}\ndef act(w):\n    {where}\n    close_when_told(w); play_flat_out(w)"
    code, took = end(tmp_path, action, expected="ArithmeticError: put here on purpose")
    assert code == 0
    assert took < NO_HANG


WAIT = "def act(w): {}; soon(lambda: None)"
INTERRUPTED = {
    "while EM runs": (WAIT.format("play_flat_out(w)"), signal.SIGINT),
    "with a file dialog open": (
        "def act(w): soon(lambda: None, 500); w.tab.open_dialog()",
        signal.SIGINT,
    ),
    "during a long step, by the system": (
        WAIT.format(
            "type(w.tab.model).e_step = lambda *a, **k: time.sleep(60); w.tab.controller.step()"
        ),
        signal.SIGTERM,
    ),
    "before there is a tab": (
        "show = app.Opening.open_first_tab\n"
        "app.Opening.open_first_tab = lambda o: (print('now', flush=True), show(o))\n"
        "def act(w): pass",
        signal.SIGINT,
    ),
    "while the window hangs": (
        "def act(w): soon(lambda: [time.sleep(0.1) for _ in range(600)])",
        signal.SIGINT,
    ),
}


@pytest.mark.parametrize(("action", "number"), INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_ctrl_c_ends_the_program_with_the_shells_code(tmp_path, action, number):
    code, took = end(tmp_path, action, number)
    assert code == 128 + number
    assert took < NO_HANG
