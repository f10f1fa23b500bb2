"""The right half of a split view: a tab of the same kind that only follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QComboBox,
    QLabel,
    QSpinBox,
    QWidget,
)

from em_explorer.data.dataset import Dataset
from em_explorer.session.controller import Controller
from em_explorer.session.lockstep import Follower
from em_explorer.session.runs import RunRecord
from em_explorer.ui.model_tab import GLIDE_UP_TO, ModelTab
from em_explorer.ui.motion import Motion

ONLY_FOLLOWS = (
    "The right half only follows. Change this on the left; or end the comparison and show that "
    "run in the Lab."
)

LEGEND = "treatments"
"""A legend whose boxes tell colors apart stays visible in both halves."""

NOT_COPIED = ("hold_out", "punch", "punch_column", "undo", "undo_punch")
"""Controls that change the data: the left run alone does that."""


class Companion(ModelTab):
    """What every tab's right half does otherwise: it says nothing, and begins no runs.

    Its play area is all that is shown of it; panels, words and curve are the left one's.
    """

    main: ClassVar[ModelTab]

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName(f"beside_{self.key}")

    def make_controller(self) -> Controller:
        """Return what lets the run follow."""
        return Follower(self)

    def follow(self, record: RunRecord, cursor: int) -> None:
        """Show a run from a half-step on."""
        self.runs.current = None  # nothing is let go of here: the list is the left tab's
        self.show_run(record, cursor)

    def notify(self, sentence: str, tone: str = "failure") -> None:
        """Show a sentence above both halves."""
        self.main.notify(sentence, tone)

    def _start(self, dataset: Dataset, given: Any) -> bool:
        self.notify(ONLY_FOLLOWS, "secondary")
        return False

    @Slot()
    def _on_followed(self) -> None:
        self.run_loaded()

    @Slot()
    def _on_diagnosis_due(self) -> None:
        """Diagnose nothing: the panels are the left one's."""

    @Slot(int)
    def _on_grown(self, length: int) -> None:
        """Draw no curve: it is the left one's."""

    def _show_words(self, index: int) -> None:
        """Say nothing: the words are about the left run."""

    def _show_onward(self) -> None:
        """Lead nowhere."""

    @Slot()
    def _show_panels(self) -> None:
        self._panels.stop()

    @Slot()
    def _on_panels_due(self) -> None:
        """Bring no panel up to date: they are the left one's."""

    @Slot(int)
    def _on_cursor(self, index: int) -> None:
        if not self.controller.at_hand(index):
            self._show_nearest(index)
            return
        leader, shown = self.main.controller, self.stage.shown_index
        near = shown is not None and abs(index - shown) == 1
        slow = leader.speed <= GLIDE_UP_TO or not leader.playing
        scrubbing = self.main.bottom.timeline.isSliderDown()
        self.stage.show(index, glide=near and slow and not scrubbing and Motion.enabled)

    def _show_nearest(self, index: int) -> None:
        assert self.controller.trace is not None
        self.stage.show(self.controller.trace.nearest(index))
        self.controller.fetch(index)


def make_companion(tab: ModelTab) -> Companion:
    """Return a tab of the same kind as ``tab`` that follows it."""
    kind = type(tab)
    made: Companion = type(f"{kind.__name__}Beside", (Companion, kind), {"main": tab})()
    return made


class Mirror(QObject):
    """Keep two play areas of one kind alike: columns, toggles, ranges; the left one's count.

    Parameters
    ----------
    tab : ModelTab
        Its play area has the controls.
    companion : Companion
        Its own are hidden, but keep their room, so that the pictures stand at one height.
    """

    def __init__(self, tab: ModelTab, companion: Companion) -> None:
        super().__init__(companion)
        self._tab, self._companion = tab, companion
        self._views = list(zip(tab.shared_views(), companion.shared_views(), strict=True))
        self._pairs: dict[QObject, Any] = {}
        self._choices: dict[str, Any] = {}
        self._busy = False
        for kind in (QAbstractButton, QComboBox, QAbstractSlider, QSpinBox, QAction):
            for left, right in _named(tab.play_area, companion.play_area, kind):
                self._pairs[left] = right
                self._listen(left)
        self.hide_controls()
        for left, right in self._views:
            left.sigRangeChanged.connect(self._on_left_range)
            right.sigRangeChanged.connect(self._on_right_range)
        tab.stage.brought.connect(self._on_left_brought)
        companion.stage.brought.connect(self._on_right_brought)
        self.copy()

    def _listen(self, left: Any) -> None:
        if isinstance(left, QAbstractButton | QAction):
            left.toggled.connect(self._on_control)
        elif isinstance(left, QComboBox):
            left.currentIndexChanged.connect(self._on_control)
        else:
            left.valueChanged.connect(self._on_control)

    def hide_controls(self) -> None:
        """Hide the controls of the right half, and the labels beside them."""
        rows = set()
        for right in self._pairs.values():
            if not isinstance(right, QWidget) or _in_legend(right):
                continue
            rows.add(right.parentWidget())
            _hide(right)
        for row in rows:
            for label in row.findChildren(QLabel) if row is not None else ():
                if label.property("role") == "secondary" and label.parentWidget() is row:
                    _hide(label)

    def copy(self) -> None:
        """Make the right half show what the left one does."""
        for left in self._pairs:
            self._copy_one(left)
        self._copy_ranges(0)
        self._choices = self._tab.choices()
        self._companion.take_choices(self._choices)

    @Slot()
    def _on_control(self, *_: object) -> None:
        left = self.sender()
        if left in self._pairs:
            self._copy_one(left)

    def _copy_one(self, left: Any) -> None:
        right = self._pairs[left]
        if left.objectName() in NOT_COPIED:
            return
        if isinstance(left, QAbstractButton | QAction):
            if left.isCheckable() and right.isChecked() != left.isChecked():
                right.setChecked(left.isChecked())
        elif isinstance(left, QComboBox):
            index = left.currentIndex()
            if right.currentIndex() != index and 0 <= index < right.count():
                right.setCurrentIndex(index)
                right.activated.emit(index)
        elif right.value() != left.value():
            right.setValue(left.value())

    @Slot()
    def _on_left_range(self, *_: object) -> None:
        self._copy_ranges(0)

    @Slot()
    def _on_right_range(self, *_: object) -> None:
        self._copy_ranges(1)

    def _copy_ranges(self, source: int) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            for pair in self._views:
                x, y = pair[source].viewRange()
                pair[1 - source].setRange(xRange=x, yRange=y, padding=0)
        finally:
            self._busy = False

    @Slot()
    def _on_left_brought(self, *_: object) -> None:
        self._pass_on(self._tab, self._companion)

    @Slot()
    def _on_right_brought(self, *_: object) -> None:
        self._pass_on(self._companion, self._tab)

    def _pass_on(self, source: ModelTab, target: ModelTab) -> None:
        """Show in one half what has been chosen in the picture of the other."""
        choices = source.choices()
        self._tab.share_scale(self._companion)
        if choices != self._choices:
            self._choices = choices
            target.take_choices(choices)


def _named(left: QWidget, right: QWidget, kind: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the controls of two areas that have the same names, as pairs."""
    known: dict[str, list[Any]] = {}
    for each in right.findChildren(kind):
        known.setdefault(each.objectName(), []).append(each)
    for each in left.findChildren(kind):
        name = each.objectName()
        if name and not name.startswith("qt_") and known.get(name):
            yield each, known[name].pop(0)


def _in_legend(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and parent.objectName() == LEGEND


def _hide(widget: QWidget) -> None:
    widget.ensurePolished()  # one that was never seen does not know its size
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(not widget.isHidden())
    widget.setSizePolicy(policy)
    widget.hide()
