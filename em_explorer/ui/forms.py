"""Forms that draw themselves from an options dataclass.

Each field declared with :func:`em_explorer.em.options.option` becomes one control: a whole number
a spin box, a number a :class:`NumberEdit`, an enum a combo box, a truth value a check box. What is
out of range cannot be entered.
"""

from __future__ import annotations

from dataclasses import fields, replace
from enum import Enum
from typing import Any

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.errors import DataError
from em_explorer.em.options import Control, controls
from em_explorer.ui.editors import ChoiceEdit, NumberEdit, WholeNumberEdit
from em_explorer.ui.theme import GRID, LABEL_GAP, theme_manager

MOST_BESIDE = 100
"""A label wider than this has no place beside another control, px."""

Editor = WholeNumberEdit | NumberEdit | ChoiceEdit | QCheckBox


class OptionsForm(QWidget):
    """The controls of one options dataclass, or of one group of it.

    Parameters
    ----------
    options_class : type
        A frozen dataclass of options, all with defaults.
    group : str, optional
        Only the options of this group ("Model", "Start", "Run"). The others keep the values last
        given to :meth:`set_value`, so two forms over one class stay in step by passing each
        other's value on.
    columns : int
        How many controls stand side by side; a choice, a check box, or one with a long label,
        stands alone.
    most_beside : int
        A label wider than this is a long one, px.
    """

    changed = Signal(object)
    """Emitted with the new options when the person changed one; not by :meth:`set_value`."""

    def __init__(
        self,
        options_class: type,
        group: str | None = None,
        parent: QWidget | None = None,
        *,
        columns: int = 1,
        most_beside: int = MOST_BESIDE,
    ) -> None:
        super().__init__(parent)
        self._options: Any = options_class()
        self._quiet = False
        self.editors: dict[str, Editor] = {}
        self._rows: dict[str, QWidget] = {}
        shown = {
            name: control
            for name, control in controls(options_class).items()
            if group is None or control.group == group
        }
        self._layout = _column(self, 1.5 * GRID)
        self.more = _fold_button(self)
        self._folded = QWidget(self)
        folded = _column(self._folded, 1.5 * GRID)
        self._problem = QLabel(self)
        plain = {n: c for n, c in shown.items() if not c.advanced}
        self._add_rows(plain, columns, theme_manager().px(most_beside))
        for name, control in shown.items():
            if control.advanced:
                folded.addWidget(self._row(name, control))
        self._finish(any(control.advanced for control in shown.values()))
        self.all_advanced = bool(shown) and all(c.advanced for c in shown.values())
        self.set_value(self._options)

    def value(self) -> Any:
        """Return the options as the form shows them.

        Raises
        ------
        DataError
            If two of the values do not go together.
        """
        return replace(self._options, **{name: _read(e) for name, e in self.editors.items()})

    def set_value(self, options: Any) -> None:
        """Show these options; :attr:`changed` is not emitted."""
        self._options = options
        self._quiet = True
        try:
            for name, editor in self.editors.items():
                _write(editor, getattr(options, name))
        finally:
            self._quiet = False
        self._problem.hide()

    def show_option(self, name: str, visible: bool) -> None:
        """Hide an option that does not matter now, or show it again."""
        self._rows[name].setVisible(visible)

    def set_choice_enabled(self, name: str, member: Enum, enabled: bool) -> None:
        """Gray out one choice of an enum option, such as a start that has nothing given."""
        editor = self.editors[name]
        if isinstance(editor, ChoiceEdit):
            editor.set_member_enabled(member, enabled)

    def _row(self, name: str, control: Control) -> QWidget:
        default = next(f.default for f in fields(self._options) if f.name == name)
        row = QWidget(self)
        layout = _column(row, LABEL_GAP)
        editor, notify = _editor(default, control, row)
        editor.setObjectName(f"option_{name}")
        # A spin box wants room for its largest number; here the panel's width decides.
        editor.setMinimumWidth(theme_manager().px(64))
        editor.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        editor.setAccessibleName(control.label)
        editor.setAccessibleDescription(control.help)
        row.setToolTip(control.help)
        if not isinstance(editor, QCheckBox):
            label = QLabel(control.label, row)
            label.setProperty("role", "secondary")
            label.setBuddy(editor)
            layout.addWidget(label)
        layout.addWidget(editor)
        notify.connect(self._edited)
        self.editors[name] = editor
        self._rows[name] = row
        return row

    def _add_rows(self, shown: dict[str, Control], columns: int, room: int) -> None:
        """Put the controls under each other, narrow ones side by side."""
        waiting: list[QWidget] = []
        for name, control in shown.items():
            row = self._row(name, control)
            wide = self.fontMetrics().horizontalAdvance(control.label) > room
            broad = isinstance(self.editors[name], ChoiceEdit | QCheckBox)
            alone = columns == 1 or wide or broad
            if waiting and (alone or len(waiting) == columns):
                self._layout.addLayout(_side_by_side(waiting))
                waiting = []
            if alone:
                self._layout.addWidget(row)
            else:
                waiting.append(row)
        if waiting:
            self._layout.addLayout(_side_by_side(waiting))

    def _finish(self, has_advanced: bool) -> None:
        self._layout.addWidget(self.more)
        self._layout.addWidget(self._folded)
        self._layout.addWidget(self._problem)
        self._folded.hide()
        self.more.setVisible(has_advanced)
        self.more.toggled.connect(self._fold)
        self._problem.setWordWrap(True)
        self._problem.setProperty("state", "failure")
        self._problem.setObjectName("option_problem")
        self._problem.hide()

    def _fold(self, opened: bool) -> None:
        self._folded.setVisible(opened)
        self.more.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)

    def _edited(self) -> None:
        if self._quiet:
            return
        try:
            options = self.value()
        except DataError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self._problem.hide()
        if options != self._options:
            self._options = options
            self.changed.emit(options)


def _editor(default: Any, control: Control, parent: QWidget) -> tuple[Editor, SignalInstance]:
    if isinstance(default, Enum):
        choice = ChoiceEdit(type(default), parent)
        return choice, choice.currentIndexChanged
    if isinstance(default, bool):
        check = QCheckBox(control.label, parent)
        return check, check.toggled
    if isinstance(default, int):
        whole = WholeNumberEdit(control, parent)
        return whole, whole.valueChanged
    number = NumberEdit(control, parent)
    return number, number.valueChanged


def _read(editor: Editor) -> Any:
    if isinstance(editor, ChoiceEdit):
        return editor.member()
    return editor.isChecked() if isinstance(editor, QCheckBox) else editor.value()


def _write(editor: Editor, value: Any) -> None:
    if isinstance(editor, ChoiceEdit):
        editor.set_member(value)
    elif isinstance(editor, QCheckBox):
        editor.setChecked(value)
    elif isinstance(editor, NumberEdit):
        editor.setValue(float(value))
    else:
        editor.setValue(int(value))


def _column(widget: QWidget, spacing: float) -> QVBoxLayout:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme_manager().px(spacing))
    return layout


def _side_by_side(widgets: list[QWidget]) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(theme_manager().px(GRID))
    for widget in widgets:
        layout.addWidget(widget, 1)
    return layout


def _fold_button(parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText("More options")
    button.setObjectName("more_options")
    button.setAccessibleName("More options")
    button.setProperty("role", "fold")
    button.setCheckable(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setArrowType(Qt.ArrowType.RightArrow)
    return button
