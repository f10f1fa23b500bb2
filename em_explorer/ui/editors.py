"""Fields for one number or one choice; what is out of range cannot be entered.

Between two edits the keys belong to EM: in a number there is nothing to do with Space, R or N, so
these, and the arrows while nothing is half typed, go on to the window's shortcuts.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPaintEvent, QStandardItemModel, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from em_explorer.em.options import Control
from em_explorer.ui.theme import theme_manager

LARGEST_INT = 2**31 - 1
LARGEST_NUMBER = 1e12
SMALLEST_STEP = 1e-12
"""Below this a number that goes by factors of ten becomes its lowest value."""

LEAST_COLUMN = 84
"""The least width of a choice of columns, px."""

TEXT_MARGIN = 8
"""Left of the number in a spin box, px, so that it stands as in a combo box."""

NEVER_TYPED = (
    *(Qt.Key.Key_Space, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown),
    *(Qt.Key.Key_R, Qt.Key.Key_N, Qt.Key.Key_B, Qt.Key.Key_C, Qt.Key.Key_L),
    *(Qt.Key.Key_D, Qt.Key.Key_T, Qt.Key.Key_P, Qt.Key.Key_K, Qt.Key.Key_S, Qt.Key.Key_W),
)
"""Keys of the window that no number needs."""

WHILE_TYPING = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
"""Keys that belong to the number only while it is being typed."""


class NumberEdit(QDoubleSpinBox):
    """A number as people write it: ``0.5``, ``1e-9``, never ``0.000000001``.

    Parameters
    ----------
    control : Control
        Range, suffix and step; without a step the arrows multiply and divide by ten.
    """

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step = control.step
        # Qt rounds to this many places; 15 keep every tolerance a person would type.
        self.setDecimals(15)
        self.setRange(
            -LARGEST_NUMBER if control.low is None else control.low,
            LARGEST_NUMBER if control.high is None else control.high,
        )
        if control.step is not None:
            self.setSingleStep(control.step)
        self.setSuffix(f" {control.suffix}" if control.suffix else "")
        _prepare(self)

    def textFromValue(self, value: float) -> str:
        """Write a number with at most ten digits and a short exponent."""
        return plain(value)

    def valueFromText(self, text: str) -> float:
        """Read a number; a decimal comma counts as a point."""
        return float(self._bare(text))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Let through what is, or may become, a number in range."""
        state = QValidator.State
        bare = self._bare(text)
        try:
            number = float(bare)
        except ValueError:
            # "", "-", "1e" and "1e-" are on the way to a number.
            unfinished = set(bare) <= set("0123456789.e-+") and bare.count("e") <= 1
            return (state.Intermediate if unfinished else state.Invalid), text, position
        if not math.isfinite(number):
            return state.Invalid, text, position
        inside = self.minimum() <= number <= self.maximum()
        # "5" may become "5e-1": too large is unfinished too, and never taken.
        return (state.Acceptable if inside else state.Intermediate), text, position

    def stepBy(self, steps: int) -> None:
        """Go by the declared step, or by factors of ten."""
        if self._step is not None:
            super().stepBy(steps)
            return
        value = self.value() or SMALLEST_STEP / 10
        stepped = value * 10.0**steps
        self.setValue(self.minimum() if abs(stepped) < SMALLEST_STEP / 2 else stepped)
        self.selectAll()

    def event(self, event: QEvent) -> bool:
        """Let the window have its keys."""
        return False if _is_for_window(self, event) else super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the field has the focus."""
        _wheel(self, event, super().wheelEvent)

    def _bare(self, text: str) -> str:
        return text.removesuffix(self.suffix()).strip().lower().replace(",", ".")


class WholeNumberEdit(QSpinBox):
    """A spin box that ignores the wheel while it has no focus."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(
            -LARGEST_INT if control.low is None else int(control.low),
            LARGEST_INT if control.high is None else min(int(control.high), LARGEST_INT),
        )
        self.setSingleStep(max(1, int(control.step or 1)))
        self.setSuffix(f" {control.suffix}" if control.suffix else "")
        _prepare(self)

    def event(self, event: QEvent) -> bool:
        """Let the window have its keys."""
        return False if _is_for_window(self, event) else super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the field has the focus."""
        _wheel(self, event, super().wheelEvent)


class ElidedComboBox(QComboBox):
    """A combo box narrower than its longest entry; what has no room ends in an ellipsis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def shown_text(self) -> str:
        """Return the current entry as it is painted."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        # The label is painted with two pixels less on either side.
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, room.width() - 4
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the entry elided."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class ColumnBox(ElidedComboBox):
    """A combo box as wide as its longest entry, which gives way where there is no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToContents)

    def minimumSizeHint(self) -> QSize:
        """Return the width of a few letters: a long name must not widen the window."""
        return QSize(theme_manager().px(LEAST_COLUMN), super().minimumSizeHint().height())


class ChoiceEdit(ElidedComboBox):
    """A combo box over the members of an enum, shown by their values."""

    def __init__(self, kind: type[Enum], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.members = list(kind)
        self.addItems([str(member.value) for member in self.members])

    def member(self) -> Enum:
        """Return the chosen member."""
        return self.members[self.currentIndex()]

    def set_member(self, member: Enum) -> None:
        """Choose a member."""
        self.setCurrentIndex(self.members.index(member))

    def set_member_enabled(self, member: Enum, enabled: bool) -> None:
        """Gray a member out, or let it be chosen again."""
        model = self.model()
        if isinstance(model, QStandardItemModel):
            model.item(self.members.index(member)).setEnabled(enabled)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the field has the focus."""
        _wheel(self, event, super().wheelEvent)


def plain(value: float) -> str:
    """Write a number shortly: ``0.5``, ``120``, ``1e-9``."""
    mantissa, e, exponent = f"{value:.10g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def _prepare(box: QSpinBox | QDoubleSpinBox) -> None:
    # A half-typed "1" of "12" is no wish; and a wheel that passes over must not take the focus.
    box.setKeyboardTracking(False)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.lineEdit().returnPressed.connect(box.clearFocus)
    # The style sheet's left padding does not reach the field inside a spin box.
    box.lineEdit().setTextMargins(TEXT_MARGIN, 0, 0, 0)


def _wheel(widget: QWidget, event: QWheelEvent, take: Any) -> None:
    if widget.hasFocus():
        take(event)
    else:
        event.ignore()


def _is_for_window(box: QSpinBox | QDoubleSpinBox, event: QEvent) -> bool:
    """Tell whether a key press in a number field is meant for the window."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.modifiers() not in (
        Qt.KeyboardModifier.NoModifier,
        Qt.KeyboardModifier.KeypadModifier,
    ):
        return False
    value: Any = box.value()
    settled = box.lineEdit().text() == box.textFromValue(value) + box.suffix()
    if event.key() in NEVER_TYPED or (settled and event.key() in WHILE_TYPING):
        event.ignore()
        return True
    return False
