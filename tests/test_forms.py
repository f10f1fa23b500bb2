from dataclasses import dataclass
from enum import Enum

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel

from em_explorer.em.errors import DataError
from em_explorer.em.options import check_options, option
from em_explorer.ui.editors import ChoiceEdit, NumberEdit, WholeNumberEdit, plain
from em_explorer.ui.forms import OptionsForm


class Shape(Enum):
    FULL = "full"
    TIED = "tied"


@dataclass(frozen=True)
class Options:
    count: int = option(2, "Number of groups", help="How many there are.", low=1, high=20)
    shape: Shape = option(Shape.FULL, "Shape", group="Start")
    tolerance: float = option(1e-6, "Tolerance", low=0.0, high=1.0, group="Run")
    weight: float = option(0.5, "Weight", low=0.0, high=10.0, step=0.25, suffix="min")
    shuffle: bool = option(False, "Shuffle", advanced=True)
    silent: str = "kept"

    def __post_init__(self):
        check_options(self)
        if self.shuffle and self.count == 1:
            raise DataError("One group cannot be shuffled; choose more groups.")


@pytest.fixture
def form(qtbot):
    form = OptionsForm(Options)
    qtbot.addWidget(form)
    form.resize(240, 400)
    form.show()
    return form


def test_every_option_becomes_the_control_of_its_kind(form):
    kinds = {name: type(editor) for name, editor in form.editors.items()}
    assert kinds == {
        "count": WholeNumberEdit,
        "shape": ChoiceEdit,
        "tolerance": NumberEdit,
        "weight": NumberEdit,
        "shuffle": QCheckBox,
    }
    count = form.findChild(WholeNumberEdit, "option_count")
    assert count.accessibleName() == "Number of groups"
    assert count.accessibleDescription() == "How many there are."
    assert count.parentWidget().toolTip() == "How many there are."
    assert [label.text() for label in form.findChildren(QLabel) if label.buddy() is count] == [
        "Number of groups"
    ]
    assert form.editors["shape"].currentText() == "full"


def test_value_goes_round_and_keeps_what_has_no_control(form):
    heard = []
    form.changed.connect(heard.append)
    options = Options(7, Shape.TIED, 1e-9, 2.5, True, silent="still here")
    form.set_value(options)
    assert form.value() == options
    assert heard == []


def test_a_group_shows_its_own_options_and_keeps_the_others(qtbot):
    form = OptionsForm(Options, group="Start")
    qtbot.addWidget(form)
    assert list(form.editors) == ["shape"]
    form.set_value(Options(9))
    with qtbot.waitSignal(form.changed) as caught:
        form.editors["shape"].setCurrentIndex(1)
    assert caught.args == [Options(9, Shape.TIED)]


def test_changes_are_told_once_with_the_new_options(form, qtbot):
    heard = []
    form.changed.connect(heard.append)
    form.editors["count"].stepUp()
    form.editors["shuffle"].setChecked(True)
    assert heard == [Options(3), Options(3, shuffle=True)]


def test_a_number_counts_when_it_is_finished(form, qtbot):
    heard = []
    form.changed.connect(heard.append)
    count = form.editors["count"]
    count.selectAll()
    qtbot.keyClicks(count, "12")
    assert heard == []
    qtbot.keyClick(count, Qt.Key.Key_Return)
    assert heard == [Options(12)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-9, "1e-9"), (0.5, "0.5"), (1e-4, "0.0001"), (120.0, "120"), (2.5e-7, "2.5e-7"), (0, "0")],
)
def test_numbers_are_written_plainly(value, text):
    assert plain(value) == text


def test_tolerance_is_typed_and_stepped_by_factors_of_ten(form, qtbot):
    tolerance = form.editors["tolerance"]
    assert tolerance.text() == "1e-6"
    tolerance.stepUp()
    assert tolerance.text() == "1e-5"
    tolerance.selectAll()
    qtbot.keyClicks(tolerance, "3e-12")
    qtbot.keyClick(tolerance, Qt.Key.Key_Return)
    assert form.value().tolerance == 3e-12
    tolerance.setValue(1e-12)
    tolerance.stepDown()
    assert tolerance.value() == 0
    tolerance.stepUp()
    assert tolerance.value() == 1e-12


def test_a_step_and_a_unit_are_honored(form):
    weight = form.editors["weight"]
    assert weight.text() == "0.5 min"
    weight.stepUp()
    assert weight.text() == "0.75 min"
    assert form.value().weight == 0.75


@pytest.mark.parametrize("typed", ["7", "-1", "nan", "abc", "1e", ""])
def test_out_of_range_is_not_entered(form, qtbot, typed):
    tolerance = form.editors["tolerance"]
    tolerance.selectAll()
    qtbot.keyClicks(tolerance, typed)
    qtbot.keyClick(tolerance, Qt.Key.Key_Return)
    assert form.value().tolerance == 1e-6


def test_whole_numbers_stay_in_range(form, qtbot):
    count = form.editors["count"]
    count.selectAll()
    qtbot.keyClicks(count, "99")
    qtbot.keyClick(count, Qt.Key.Key_Return)
    assert form.value().count == 9
    count.setValue(1000)
    assert form.value().count == 20


def test_values_that_do_not_go_together_are_said_in_place(form):
    heard = []
    form.set_value(Options(shuffle=True))
    form.changed.connect(heard.append)
    form.editors["count"].setValue(1)
    problem = form.findChild(QLabel, "option_problem")
    assert problem.isVisible()
    assert "cannot be shuffled" in problem.text()
    assert heard == []
    form.editors["count"].setValue(4)
    assert problem.isHidden()
    assert heard == [Options(4, shuffle=True)]


def test_advanced_options_stand_behind_the_fold(form):
    shuffle = form.editors["shuffle"]
    assert not shuffle.isVisible()
    form.more.setChecked(True)
    assert shuffle.isVisible()
    form.more.setChecked(False)
    assert not shuffle.isVisible()


def test_there_is_no_fold_without_advanced_options(qtbot):
    form = OptionsForm(Options, group="Run")
    qtbot.addWidget(form)
    form.show()
    assert not form.more.isVisible()


@pytest.mark.parametrize("name", ["count", "tolerance", "shape"])
def test_a_passing_wheel_changes_nothing(form, name):
    editor = form.editors[name]
    form.set_value(Options(5, Shape.TIED))
    editor.clearFocus()
    middle = QPointF(editor.rect().center())
    wheel = QWheelEvent(
        middle,
        editor.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(editor, wheel)
    assert form.value() == Options(5, Shape.TIED)
    assert not wheel.isAccepted()
    assert editor.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_an_option_can_be_hidden_and_a_choice_grayed(form):
    form.show_option("weight", False)
    assert not form.editors["weight"].isVisible()
    form.set_choice_enabled("shape", Shape.TIED, False)
    assert not form.editors["shape"].model().item(1).isEnabled()
