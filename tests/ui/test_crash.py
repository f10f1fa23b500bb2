"""Errors nobody foresaw: one dialog, a report to copy, a log that stays small, life goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer, qWarning
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from em_explorer.session.controller import RunState
from em_explorer.ui import crash


@pytest.fixture
def reporter(window: Any) -> Iterator[crash.CrashReporter]:
    """The window with its reporter, as the program starts it."""
    made = crash.CrashReporter(context=window.describe)
    made.window = window
    made.caught.connect(window.pause)
    made.watch_pyqtgraph()
    yield made
    made.remove()


def shown(qtbot: Any, reporter: crash.CrashReporter) -> str:
    qtbot.waitUntil(lambda: reporter.dialog is not None and reporter.dialog.isVisible())
    return reporter.dialog.text.toPlainText()


def test_an_error_in_a_slot_is_a_report_to_copy(qtbot, window, reporter, capsys):
    def slot() -> None:
        raise RuntimeError("the slot broke")

    QTimer.singleShot(0, slot)
    report = shown(qtbot, reporter)
    assert "RuntimeError: the slot broke" in report
    assert "test_crash.py" in report
    assert "Tab gaussian_mixture, demo old-faithful" in report
    assert "numpy" in report
    reporter.dialog.copy.click()
    assert QApplication.clipboard().text() == report
    kept = crash.log_file().read_text(encoding="utf-8")
    assert report in kept
    assert str(crash.log_file()) in reporter.dialog.findChild(QWidget, "crash_log").text()
    assert "the slot broke" in capsys.readouterr().err
    reporter.dialog.findChild(QPushButton, "crash_close").click()
    assert not reporter.dialog.isVisible()
    with qtbot.waitActive(window):  # no window manager gives the focus back here
        window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: window.tab.controller.cursor == 1)


def test_an_error_in_each_frame_opens_one_dialog_and_pauses(qtbot, window, reporter, monkeypatch):
    tab = window.tab
    tries: list[int] = []

    def paint(picture: Any) -> None:
        tries.append(1)
        raise ValueError(f"no picture, attempt {len(tries)}")

    monkeypatch.setattr(tab.stage, "_paint", paint)
    tab.controller.set_speed(32.0)
    tab.controller.play()
    assert "no picture, attempt 1" in shown(qtbot, reporter)
    assert not tab.controller.playing
    assert "could not be drawn" in tab.heading.notice.text.text()
    reporter.dialog.accept()
    for _ in range(30):
        tab.stage.redraw()
        tab.stage.settle()
    QApplication.processEvents()
    assert len(tries) > 30
    assert reporter.shown == 1
    assert not reporter.dialog.isVisible()
    log = crash.log_file().read_text(encoding="utf-8")
    assert 1 <= log.count("no picture, attempt") <= 6
    monkeypatch.undo()
    tab.controller.rewind()
    tab.stage.redraw()
    tab.stage.settle()
    assert tab.stage.shown is not None


def test_an_error_while_a_widget_paints_itself(qtbot, window, reporter, monkeypatch):
    timeline = window.tab.bottom.timeline

    def paintEvent(event: Any) -> None:
        raise RuntimeError("no timeline")

    monkeypatch.setattr(timeline, "paintEvent", paintEvent)
    for _ in range(5):
        timeline.update()
        qtbot.wait(20)
    assert "no timeline" in shown(qtbot, reporter)
    assert reporter.shown == 1


def test_an_error_that_pyqtgraph_would_only_print(qtbot, window, reporter, monkeypatch):
    scatter = window.tab.scatter

    def broken(event: Any) -> None:
        raise RuntimeError("no hover")

    monkeypatch.setattr(scatter.box, "hoverEvent", broken)
    for x in (200, 220):
        QTest.mouseMove(scatter.viewport(), QPoint(x, 160))
    assert "no hover" in shown(qtbot, reporter)


def test_an_error_in_another_thread(qtbot, reporter):
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert "ZeroDivisionError" in shown(qtbot, reporter)


@dataclass(frozen=True)
class Broken:
    """A model whose M-step raises what no model should."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def m_step(self, params: Any, expectation: Any) -> Any:
        raise TypeError("no M-step")


def test_an_error_in_a_model_is_told_and_the_next_run_is_well(qtbot, window, reporter, run_to_end):
    tab = window.tab
    tab.controller.load(Broken(tab.model), tab.data, tab.snapshot(0).params, tab.run)
    tab.controller.run_to_end()
    assert "no M-step" in shown(qtbot, reporter)
    assert tab.controller.state is RunState.FAILED
    assert "no M-step" in tab.heading.notice.text.text()
    window.open_demo("old-faithful")
    run_to_end(tab)
    assert tab.controller.state is RunState.FINISHED


def test_an_error_in_a_loader(qtbot, window, reporter, monkeypatch, tmp_path):
    from em_explorer.data import loaders

    def load_file(path: Any, model: str) -> Any:
        raise KeyError("column")

    monkeypatch.setattr(loaders, "load_file", load_file)
    before = window.tab.dataset
    window.open_file(tmp_path / "some.csv")
    assert "KeyError" in shown(qtbot, reporter)
    assert "could not be read" in window.tab.heading.notice.text.text()
    assert window.tab.dataset is before


def test_errors_that_come_together_share_a_dialog(qtbot, reporter):
    for i in range(30):
        reporter.tell(f"error {i}", f"Traceback of error {i}", f"signature {i}")
    text = shown(qtbot, reporter)
    qtbot.waitUntil(lambda: "More of them" in reporter.dialog.text.toPlainText())
    text = reporter.dialog.text.toPlainText()
    assert "error 19" in text
    assert "error 25" not in text
    assert reporter.shown == 1


def test_an_error_is_news_again_after_a_while():
    now = [0.0]
    repeats = crash.Repeats(lambda: now[0])
    assert repeats.add("a") == (1, True)
    for times in range(2, 50):
        now[0] += 1.0
        assert repeats.add("a") == (times, False)
    assert repeats.add("b") == (1, True)
    now[0] += crash.QUIET_SECONDS
    assert repeats.add("a") == (50, True)


def test_the_log_stays_small(qapp):
    for i in range(30):
        crash.write_log(f"{i} " + "x" * 30_000)
    new, old = crash.log_file(), crash.log_file().with_suffix(".old.log")
    assert new.stat().st_size <= crash.LOG_BYTES
    assert old.stat().st_size <= crash.LOG_BYTES
    assert "\n29 xxx" in new.read_text(encoding="utf-8")
    assert sorted(p.name for p in new.parent.iterdir()) == sorted([new.name, old.name])


def test_a_log_that_cannot_be_written_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(crash, "log_file", lambda: tmp_path / "file" / "em.log")
    assert crash.write_log("lost") is None


def test_qt_warnings_are_kept_and_said_once(reporter, capsys):
    for _ in range(12):
        qWarning("a painter is not active")
    qWarning("This plugin does not support propagateSizeHints()")
    said = capsys.readouterr().err
    assert said.count("a painter is not active") == 2  # the first and the tenth
    assert "propagateSizeHints" not in said
    assert "a painter is not active" in crash.log_file().read_text(encoding="utf-8")


def test_the_hooks_are_given_back(window):
    before = sys.excepthook, threading.excepthook
    made = crash.CrashReporter()
    made.install()
    assert sys.excepthook != before[0]
    made.install()
    made.remove()
    assert (sys.excepthook, threading.excepthook) == before
