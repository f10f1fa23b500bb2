"""A monkey at the real window: random actions, and after each everything must belong together.

``python -m tests.ui.monkey --seed 3 --actions 2000`` lets it loose alone and says what it did
when something breaks; ``make soak`` does so with ten seeds.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QGraphicsView,
    QLineEdit,
    QPushButton,
    QWidget,
)

from em_explorer.em.breakpoints import Breakpoints, PauseAfter
from em_explorer.em.steps import Phase
from em_explorer.session.controller import RunState
from em_explorer.session.lockstep import Leader
from em_explorer.ui.crash import HARMLESS, CrashReporter
from em_explorer.ui.endings import leave
from em_explorer.ui.forms import ChoiceEdit, NumberEdit, OptionsForm, WholeNumberEdit
from em_explorer.ui.main_window import MainWindow
from em_explorer.ui.views.curve_parts import CurveMode

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier
KEYS = (
    *("Space", "Left", "Right", "R", "N", "End", "Escape", "PageDown", "PageUp", "F9", "F11"),
    *("B", "C", "L", "D", "T", "P"),
)
DIALOGS = ("open", "action_open", "action_save_picture", "action_export")
LARGEST_WHOLE = 60
"""Whole numbers beyond this only make the monkey slow."""


class Broken(AssertionError):
    """Something did not belong together after an action."""


class Watch(CrashReporter):
    """The program's reporter, which also remembers every word for the monkey."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def tell(self, sentence: str, report: str, signature: str | None = None) -> None:
        """Remember an error instead of showing it."""
        self.heard.append(report)

    def _on_qt_message(self, kind: Any, context: Any, message: str | None) -> None:
        if message and not any(words in message for words in HARMLESS):
            self.heard.append(f"Qt ({kind.name}): {message}")


class Monkey:
    """Do random things to a window.

    Parameters
    ----------
    window : MainWindow
    seed : int
    folder : Path
        For the files it opens.
    """

    def __init__(self, window: MainWindow, seed: int, folder: Path) -> None:
        self.window = window
        self.random = random.Random(seed)
        self.folder = folder
        self.done: deque[str] = deque(maxlen=25)
        self.told = False
        self.watch = Watch()
        self.watch.window = window
        self.watch.watch_pyqtgraph()
        # A spin box waits until its menu is put away.
        self._away = QTimer()
        self._away.timeout.connect(self._close_popups)
        self._away.start(50)
        self.actions: tuple[tuple[int, Callable[[], str]], ...] = (
            (14, self.press_a_key),
            (14, self.press_a_transport_button),
            (10, self.change_an_option),
            (4, self.choose_data),
            (4, self.open_a_demo),
            (3, self.open_a_file),
            (3, self.change_the_seed),
            (4, self.change_the_speed),
            (4, self.change_the_tab),
            (10, self.scrub),
            (3, self.click_the_curve),
            (10, self.press_a_button_of_the_play_area),
            (10, self.play_with_the_mouse),
            (3, self.choose_in_a_box),
            (3, self.look_beside),
            (8, self.work_in_the_lab),
            (8, self.diagnose),
            (2, self.restyle),
            (2, self.open_a_dialog),
            (1, self.resize),
        )

    @property
    def tab(self) -> Any:
        """The tab in front."""
        return self.window.tab

    def act(self) -> None:
        """Do one random thing, let the window answer, and look whether all is well."""
        weights = [weight for weight, _ in self.actions]
        action = self.random.choices(self.actions, weights)[0][1]
        self.done.append(action.__name__)
        try:
            said = action()
            self.done[-1] = f"{action.__name__}: {said}"
            if self.told:
                sys.stdout.write(f"{self.done[-1]}\n")
                sys.stdout.flush()
            self.breathe()
            self.check()
        except Exception as error:
            self.watch.heard.append(traceback.format_exc(limit=-2))
            self._complain(error)
        if self.watch.heard:
            self._complain(None)

    def breathe(self) -> None:
        """Let events through: none, some, or those of a few frames."""
        until = time.monotonic() + self.random.choice((0.0, 0.0, 0.0, 0.01, 0.05))
        let_through()
        self._close_popups()
        while time.monotonic() < until:
            let_through()
            time.sleep(0.002)

    def _close_popups(self) -> None:
        """Put away the menus that a right-click opened."""
        for _ in range(5):
            popup = QApplication.activePopupWidget()
            if popup is None:
                break
            popup.close()

    def finish(self) -> None:
        """Give the hooks back."""
        self._away.stop()
        self.watch.remove()

    def _complain(self, cause: Exception | None) -> None:
        heard, self.watch.heard = "\n".join(self.watch.heard), []
        raise Broken(f"{heard}\nafter\n  " + "\n  ".join(self.done)) from cause

    # -- actions -----------------------------------------------------------------------------

    def press_a_key(self) -> str:
        """Press one of the window's keys."""
        name = self.random.choice(KEYS)
        QTest.keyClick(self.window, getattr(Qt.Key, f"Key_{name}"))
        return name

    def press_a_transport_button(self) -> str:
        """Click play, step, …, whether they are enabled or not."""
        transport = self.tab.bottom.transport
        names = ("rewind", "back", "play", "step", "step", "step", "end", "new_start")
        name = self.random.choice(names)
        QTest.mouseClick(getattr(transport, name), LEFT)
        return name

    def change_an_option(self) -> str:
        """Enter a value, often at the edge of its range, in one of the forms."""
        forms = self.tab.setup.findChildren(OptionsForm)
        forms = [form for form in forms if form.editors]
        form = self.random.choice(forms)
        name = self.random.choice(list(form.editors))
        return f"{name} = {self._enter(form.editors[name])}"

    def _enter(self, editor: Any) -> Any:
        if isinstance(editor, WholeNumberEdit):
            low, high = editor.minimum(), min(editor.maximum(), editor.minimum() + LARGEST_WHOLE)
            whole = self.random.choice((low, low + 1, low + 2, self.random.randint(low, high)))
            editor.setValue(whole)
            return whole
        if isinstance(editor, NumberEdit):
            low, high = editor.minimum(), min(editor.maximum(), 1e3)
            number = self.random.choice((low, high, 1e-3, 0.5, self.random.uniform(low, high)))
            editor.setValue(number)
            return number
        if isinstance(editor, ChoiceEdit):
            editor.setCurrentIndex(self.random.randrange(editor.count()))
            return editor.currentText()
        assert isinstance(editor, QCheckBox)
        editor.click()
        return editor.isChecked()

    def choose_data(self) -> str:
        """Choose another data set."""
        box = self.tab.setup.data_box
        index = self.random.randrange(box.count())
        box.setCurrentIndex(index)
        box.activated.emit(index)
        return box.currentText()

    def open_a_demo(self) -> str:
        """Open any demo, or press a button that leads on."""
        onward = [b for b in self.tab.heading.findChildren(QAbstractButton) if b.isVisible()]
        if onward and self.random.random() < 0.5:
            button = self.random.choice(onward)
            words = button.text()
            button.click()
            return words
        name = self.random.choice(self.window.stories).name
        self.window.open_demo(name)
        return name

    def open_a_file(self) -> str:
        """Open a small table, or something that is none."""
        rows, columns = self.random.randint(0, 12), self.random.randint(1, 3)
        cells = ("1", "2.5", "-3", "1e6", "", "a", "0.001")
        lines = [",".join(f"c{i}" for i in range(columns))]
        for _ in range(rows):
            lines.append(",".join(self.random.choice(cells) for _ in range(columns)))
        path = self.folder / "monkey.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        if self.random.random() < 0.5:
            self.window.open_file(path)
            return f"{lines}, in the background"
        return f"{lines}: {self.tab.open_file(path)}"

    def change_the_seed(self) -> str:
        """Type a seed or roll the dice."""
        setup = self.tab.setup
        if self.random.random() < 0.5:
            setup.dice.click()
        else:
            setup.seed_box.setValue(self.random.choice((0, 1, 7, 999_999)))
        return str(setup.seed_box.value())

    def change_the_speed(self) -> str:
        """Move the speed's slider."""
        slider = self.tab.bottom.transport.speed
        slider.setValue(self.random.randint(slider.minimum(), slider.maximum()))
        return str(slider.value())

    def change_the_tab(self) -> str:
        """Bring another tab to the front."""
        index = self.random.randrange(self.window.tab_bar.count())
        self.window.tab_bar.setCurrentIndex(index)
        return self.tab.key

    def scrub(self) -> str:
        """Press on the timeline, drag, release."""
        timeline = self.tab.bottom.timeline
        places = [
            QPoint(self.random.randint(-5, timeline.width() + 5), timeline.height() // 2)
            for _ in range(self.random.randint(1, 4))
        ]
        self._drag(timeline, LEFT, places)
        return str([p.x() for p in places])

    def click_the_curve(self) -> str:
        """Click somewhere on the curve, or choose its unit."""
        if self.random.random() < 0.3:
            box = self.tab.bottom.mode_box
            box.setCurrentIndex(self.random.randrange(box.count()))
            return box.currentText()
        port = self.tab.bottom.curve.viewport()
        place = self._place(port)
        QTest.mouseClick(port, LEFT, NONE, place)
        return str(place.toTuple())

    def press_a_button_of_the_play_area(self) -> str:
        """Click any button that is seen in the middle."""
        buttons = [
            b
            for b in self.tab.play_area.findChildren(QAbstractButton)
            if b.isVisible() and b.objectName() not in DIALOGS
        ]
        if not buttons:
            return "none"
        button = self.random.choice(buttons)
        QTest.mouseClick(button, LEFT)
        return button.objectName() or button.text()

    def choose_in_a_box(self) -> str:
        """Choose a line of a box in the middle."""
        boxes = [b for b in self.tab.play_area.findChildren(QComboBox) if b.isVisible()]
        boxes = [b for b in boxes if b.count()]
        if not boxes:
            return "none"
        box = self.random.choice(boxes)
        index = self.random.randrange(box.count())
        box.setCurrentIndex(index)
        box.activated.emit(index)
        return f"{box.objectName()} {index}"

    def play_with_the_mouse(self) -> str:
        """Hover, click, double-click, drag or turn the wheel on anything in the middle."""
        widget = self._something_drawn()
        places = [self._place(widget) for _ in range(self.random.randint(2, 5))]
        what = self.random.choice(("hover", "click", "double", "right", "drag", "drag", "wheel"))
        if what == "hover":
            for place in places:
                QTest.mouseMove(widget, place)
        elif what == "click":
            QTest.mouseClick(widget, LEFT, NONE, places[0])
        elif what == "double":
            QTest.mouseDClick(widget, LEFT, NONE, places[0])
            self._type_inline()
        elif what == "right":
            QTest.mouseClick(widget, RIGHT, NONE, places[0])
        elif what == "wheel":
            self._wheel(widget, places[0])
        else:
            self._drag(widget, LEFT, places)
        name = widget.objectName() or widget.parentWidget().objectName()
        return f"{what} on {name} at {[p.toTuple() for p in places]}"

    def _something_drawn(self) -> QWidget:
        views = [v.viewport() for v in self.tab.play_area.findChildren(QGraphicsView)]
        drawn = [
            w
            for w in self.tab.play_area.findChildren(QWidget)
            if "mousePressEvent" in type(w).__dict__ or "mouseMoveEvent" in type(w).__dict__
        ]
        seen = [w for w in (*views, *drawn) if w.isVisible()]
        return self.random.choice(seen or [self.tab.play_area])

    def _type_inline(self) -> None:
        field = QApplication.focusWidget()
        if isinstance(field, QLineEdit) and self.tab.play_area.isAncestorOf(field):
            QTest.keyClicks(field, self.random.choice(("0.5", "3", "-1", "x", "")))
            QTest.keyClick(field, self.random.choice((Qt.Key.Key_Return, Qt.Key.Key_Escape)))

    def look_beside(self) -> str:
        """Turn to the other page at the side, or fold a group of the left panel."""
        if self.random.random() < 0.5:
            side = self.tab.side
            side.setCurrentIndex(self.random.randrange(side.count()))
            return f"side {side.currentIndex()}"
        folds = [
            b for b in self.tab.setup.findChildren(QAbstractButton) if b.property("role") == "fold"
        ]
        button = self.random.choice(folds)
        button.click()
        return button.objectName()

    def diagnose(self) -> str:
        """Take the run apart: open a section, keep colors, follow parameters, set a breakpoint."""
        tab, choice = self.tab, self.random.randrange(4)
        if choice == 0:
            panel = tab.side.open_diagnose()
            section = self.random.choice(list(panel.sections.values()))
            section.head.click()
            return section.objectName()
        if choice == 1:
            reference = self.random.choice(tab.colors.choices())
            tab.colors.choose(reference)
            return f"colors by {reference.name}"
        if choice == 2 and tab.bottom.traces_shown:
            box = tab.bottom.strip.box
            box.setCurrentIndex(self.random.randrange(max(box.count(), 1)))
            box.activated.emit(box.currentIndex())
            return f"traces of {box.currentText()}"
        breakpoints = self.random.choice(
            (
                Breakpoints(),
                Breakpoints(at_iteration=self.random.randint(1, 9)),
                Breakpoints(bound_falls=True, counts_below=5.0, rate_above=0.9),
                Breakpoints(at_phase=self.random.choice(list(PauseAfter))),
            )
        )
        tab.breakpoints.set_breakpoints(breakpoints)
        return str(breakpoints)

    def work_in_the_lab(self) -> str:
        """Open a page of the Lab; press its buttons, choose a row, click its plot, change a box."""
        door = self.window.door
        if not door.is_open and self.random.random() < 0.7:
            name = self.random.choice(("runs", "starts", "how_many", "landscape"))
            door.open(name)
            return f"opened {name}"
        page = door.open() if door.drawer is None else door.drawer.page
        kind = self.random.choice(("button", "button", "row", "plot", "box", "rival", "close"))
        return f"{page.objectName()} {kind} {getattr(self, f'_lab_{kind}')(page)}"

    def _lab_button(self, page: Any) -> str:
        for box in page.findChildren(WholeNumberEdit):
            box.setValue(self.random.randint(2, 4))
        button = self.random.choice(page.findChildren(QPushButton))
        if button.menu() is None:
            QTest.mouseClick(button, LEFT)
        return button.text()

    def _lab_row(self, page: Any) -> str:
        table = getattr(page, "table", None)
        if table is None or not table.rowCount():
            return "none"
        row = self.random.randrange(table.rowCount())
        table.cellClicked.emit(row, 0)
        return str(row)

    def _lab_plot(self, page: Any) -> str:
        plot = getattr(page, "plot", None)
        if plot is None or not plot.isVisible():
            return "none"
        place = self._place(plot)
        QTest.mouseClick(plot.viewport(), LEFT, NONE, place)
        return str((place.x(), place.y()))

    def _lab_box(self, page: Any) -> str:
        for choice in page.findChildren(QComboBox):
            if choice.count():
                choice.setCurrentIndex(self.random.randrange(choice.count()))
                choice.activated.emit(choice.currentIndex())
        return ""

    def _lab_rival(self, page: Any) -> str:
        if not hasattr(page, "fill_menu"):
            return "none"
        page.fill_menu()
        actions = [action for action in page.menu.actions() if not action.isSeparator()]
        if not actions:
            return "none"
        action = self.random.choice(actions)
        action.trigger()
        return action.objectName()

    def _lab_close(self, page: Any) -> str:
        self.window.door.close()
        return ""

    def restyle(self) -> str:
        """Change the theme, the motion or the numbers' page."""
        name = self.random.choice(("theme", "motion", "side_panel", "projector"))
        action = self.window.findChild(object, f"action_{name}")
        action.trigger()
        return name

    def open_a_dialog(self) -> str:
        """Open a box, and put it away again."""
        name = self.random.choice(("keys", "about"))
        self.window.findChild(object, f"action_{name}").trigger()
        QApplication.processEvents()
        for dialog in self.window.findChildren(QDialog):
            dialog.reject()
            dialog.deleteLater()
        self.window.activateWindow()
        return name

    def resize(self) -> str:
        """Make the window larger or smaller."""
        size = self.random.choice(((1280, 800), (1920, 1080), (1024, 700)))
        self.window.resize(*size)
        return str(size)

    # -- the mouse ---------------------------------------------------------------------------

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(
            self.random.randint(0, max(widget.width() - 1, 0)),
            self.random.randint(0, max(widget.height() - 1, 0)),
        )

    def _drag(self, widget: QWidget, button: Qt.MouseButton, places: list[QPoint]) -> None:
        # A handle may leave with the widget it was pressed on: the rest of the drag is void.
        QTest.mouseMove(widget, places[0])
        QTest.mousePress(widget, button, NONE, places[0])
        for place in places[1:]:
            move = QMouseEvent(
                QEvent.Type.MouseMove,
                QPointF(place),
                QPointF(widget.mapToGlobal(place)),
                Qt.MouseButton.NoButton,
                button,
                NONE,
            )
            QApplication.sendEvent(widget, move)
            if self.random.random() < 0.3:
                QApplication.processEvents()
        QTest.mouseRelease(widget, button, NONE, places[-1])

    def _wheel(self, widget: QWidget, place: QPoint) -> None:
        turn = QPoint(0, self.random.choice((-120, 120, 240)))
        event = QWheelEvent(
            QPointF(place),
            QPointF(widget.mapToGlobal(place)),
            QPoint(),
            turn,
            Qt.MouseButton.NoButton,
            NONE,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    # -- what must hold ----------------------------------------------------------------------

    def check(self) -> None:
        """Compare what is seen with the run under the cursor."""
        tab = self.tab
        tab.controller.pause() if self.random.random() < 0.02 else None
        check(self.window)


def let_through() -> None:
    """Handle what waits, the end of widgets too: without a running loop they would stay."""
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def check(window: MainWindow) -> None:
    """Assert that picture, curve, timeline, words and buttons belong to the run's cursor."""
    tab = window.tab
    controller, trace = tab.controller, tab.controller.trace
    assert trace is not None
    assert 0 <= controller.cursor < len(trace)
    getattr(tab, "settle", tab.stage.settle)()
    tab.bottom.curve.draw_now()
    _check_picture(tab)
    if not controller.rushing:  # else they follow a few times a second
        _check_curve(tab)
        _check_words(tab)
        _check_buttons(tab)
    _check_forms(tab)
    assert window.tab_bar.currentIndex() == window.pages.currentIndex()
    assert window.pages.currentWidget() is tab
    running = [t.key for t in window.tabs.values() if t.controller.playing and t is not tab]
    assert not running, f"{running} run unseen"


def _check_picture(tab: Any) -> None:
    index = tab.stage.shown_index
    assert index == tab.controller.cursor, (index, tab.controller.cursor)
    job = tab.plan(index, True)
    fresh = tab.picture(index) if job is None else job()
    shown = tab.stage.shown
    if not same(fresh, shown):
        parts = [
            f.name
            for f in fields(fresh)
            if not same(getattr(fresh, f.name), getattr(shown, f.name))
        ]
        raise AssertionError(
            f"{tab.key}: {parts} of the picture are not those of half-step {index}"
        )


def _check_curve(tab: Any) -> None:
    trace, curve = tab.controller.trace, tab.bottom.curve
    bounds = trace.half_step_bounds[1:]
    heights = curve._heights()
    known = np.flatnonzero(np.isfinite(heights))
    if curve.mode is not CurveMode.DISTANCE:  # which has no place for the last ones
        share = 1.0 if curve.mode is CurveMode.TOTAL else tab.model.n_observations(tab.data)
        assert np.allclose(heights, bounds / share, rtol=1e-12, atol=0.0)
    x, y = curve.line.getData()
    n = 0 if x is None else len(x)
    if n <= 100:
        assert n == len(known), f"the curve has {n} points, the trace {len(known)} half-steps"
    if n:
        assert math.isclose(x[-1], known[-1] / 2.0)
        assert math.isclose(y[-1], heights[known[-1]], rel_tol=1e-12)
    dot = curve.marker.getData()[0]
    cursor = tab.controller.cursor
    assert [*dot] == ([(cursor - 1) / 2.0] if cursor - 1 in known else [])
    timeline = tab.bottom.timeline
    last, shared = _shared_reach(tab.controller)
    assert timeline.maximum() == last, f"the timeline ends at {timeline.maximum()}, not {last}"
    assert timeline.value() == shared


def _shared_reach(controller: Leader) -> tuple[int, int]:
    """The last half-step and the cursor of a run, or of two side by side."""
    last, cursor, beside = len(controller.trace) - 1, controller.cursor, controller.follower
    if beside is None or beside.trace is None or not controller.ended:
        return last, cursor
    # The longer one sets the end, and alone goes on where the other has ended.
    shared = beside.cursor if cursor == last and beside.cursor > last else cursor
    return max(last, len(beside.trace) - 1), shared


def _check_words(tab: Any) -> None:
    assert tab.heading.title.text()
    assert tab.heading.caption.text()
    notice = tab.heading.notice
    assert notice.isHidden() or notice.text.text()
    phase = tab.snapshot(tab.controller.cursor).phase
    assert tab.heading.caption.property("phase") == phase.value
    panel = tab.side.currentWidget()
    if panel is tab.side.numbers:
        assert panel.value_of("iteration") == str(tab.snapshot(tab.controller.cursor).iteration)


def _check_buttons(tab: Any) -> None:
    controller, transport = tab.controller, tab.bottom.transport
    begun = controller.cursor > 0
    assert transport.back.isEnabled() == begun
    assert transport.rewind.isEnabled() == begun
    assert transport.play.isEnabled() == controller.can_advance
    assert transport.end.isEnabled() == controller.can_advance
    assert transport.step.isEnabled() == (controller.next_phase is not None)
    assert transport.play.accessibleName() == ("Pause" if controller.playing else "Play")
    if controller.next_phase is not None:
        label = tab.e_label if controller.next_phase is Phase.E else transport.step.text()
        assert transport.step.text() == label
        assert transport.step.property("role") == controller.next_phase.value.lower()
    else:
        assert transport.step.text() == "EM has stopped"
    stopped = controller.trace.stop is not None and controller.at_end and not controller.playing
    assert (controller.state is RunState.FINISHED) == stopped
    assert (controller.state is RunState.PLAYING) == controller.playing
    if controller.state is RunState.FAILED:
        assert transport.pill.text() == "failed"


def _check_forms(tab: Any) -> None:
    setup = tab.setup
    for form in (setup.model_form, setup.start_form):
        assert form.value() == tab.options, f"{form.value()} in the form, {tab.options} in use"
    assert setup.run_form.value() == tab.run
    assert setup.seed_box.value() == tab.seed, f"{setup.seed_box.value()} shown, {tab.seed} in use"
    assert tab.controller.trace.model.options == tab.options
    if setup.generator_form is not None:
        assert setup.generator_form.value() == tab.generator_options


def same(one: Any, other: Any) -> bool:
    """Say whether two pictures show the same, down to the last bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    own = type(one).__module__.startswith("em_explorer") and not isinstance(one, Enum)
    if own and type(one).__eq__ is object.__eq__:
        return vars(one).keys() == vars(other).keys() and all(
            same(value, vars(other)[name]) for name, value in vars(one).items()
        )
    return one is other or bool(one == other) or (one != one and other != other)


def main() -> int:
    """Let the monkey loose from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="so many, from --seed on")
    parser.add_argument("--told", action="store_true", help="say each action when it is done")
    parser.add_argument("--actions", type=int, default=2000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = folder
        for seed in range(chosen.seed, chosen.seed + chosen.seeds):
            try:
                took = loose(seed, chosen.actions, Path(folder), told=chosen.told)
            except Broken:
                traceback.print_exc()
                return leave(1)
            sys.stdout.write(f"seed {seed}: {chosen.actions} actions, {took:.0f} s\n")
            sys.stdout.flush()
    return leave(0)


def loose(seed: int, actions: int, folder: Path, *, told: bool = False) -> float:
    """Do so many actions in a window of their own; return the seconds it took."""
    import pyqtgraph as pg

    from em_explorer.ui.app import application
    from em_explorer.ui.theme import LIGHT, apply_theme

    app = application()
    pg.setConfigOption("mouseRateLimit", -1)
    apply_theme(app, LIGHT)
    begun = time.monotonic()
    window = MainWindow()
    window.show()
    window.show_model(0)
    monkey = Monkey(window, seed, folder)
    monkey.told = told
    try:
        for _ in range(actions):
            monkey.act()
    finally:
        window.close()
        monkey.finish()
        window.deleteLater()
        app.processEvents()
    assert not monkey.watch.heard, monkey.watch.heard
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
