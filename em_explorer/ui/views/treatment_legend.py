"""The legend of treatments: a check box each, with the line its ellipse is drawn in."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from em_explorer.models.treatments import Treatment
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.pattern_map import IMPUTED

TRUTH = "truth"
"""The line of the true distribution, where it is known."""

LINES: dict[str, tuple[int, Qt.PenStyle]] = {
    Treatment.COMPLETE_CASES.value: (1, Qt.PenStyle.DashLine),
    Treatment.MEAN_FILL.value: (4, Qt.PenStyle.DotLine),
    Treatment.PLUG_IN.value: (5, Qt.PenStyle.DashDotLine),
    Treatment.RANDOM_DRAWS.value: (7, Qt.PenStyle.DashDotDotLine),
    Treatment.EM.value: (IMPUTED, Qt.PenStyle.SolidLine),
}
"""Component color and dash of each treatment."""

WORDS = {
    Treatment.COMPLETE_CASES.value: (
        "Complete cases",
        "Drop every row with a hole. Fair only where chance alone made the holes.",
    ),
    Treatment.MEAN_FILL.value: (
        "Mean fill",
        "Fill each hole with its column's mean. The spread shrinks, correlations fade.",
    ),
    Treatment.PLUG_IN.value: (
        "Plug-in",
        "Take the filled-in values for real ones: EM's conditional means without their "
        "uncertainty. The spread is too small.",
    ),
    Treatment.RANDOM_DRAWS.value: (
        "Random draws",
        "Fill each hole with a random draw around the filled-in value: the spread is right again.",
    ),
    Treatment.EM.value: (
        "EM",
        "The mean and covariance EM has reached, with the uncertainty of every hole in it.",
    ),
    TRUTH: ("Truth", "The distribution the data were drawn from."),
}


def line_pen(name: str, width: float = 2.0) -> QPen:
    """Return the pen of a treatment's ellipse, or of the truth's."""
    theme = theme_manager().current
    if name == TRUTH:
        pen = QPen(QColor(theme.truth), 1.5, Qt.PenStyle.DashLine)
    else:
        color, style = LINES[name]
        pen = QPen(theme.component(color), width, style)
    pen.setCosmetic(True)
    return pen


class TreatmentLegend(QWidget):
    """Which ellipses are drawn.

    Signals
    -------
    changed()
        A line was switched on or off.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("treatments")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        self.boxes: dict[str, QCheckBox] = {}
        for name, (label, tip) in WORDS.items():
            box = QCheckBox(label)
            box.setObjectName(f"treatment_{name.replace(' ', '_').replace('-', '_').lower()}")
            box.setAccessibleName(f"Draw the ellipse of: {label}")
            box.setToolTip(tip)
            box.toggled.connect(self._on_toggled)
            self.boxes[name] = box
        self._grid.setColumnStretch(len(WORDS), 1)
        self.show_compact(False)
        theme_manager().changed.connect(self._retheme)
        self.choose({Treatment.EM.value})
        self._retheme()

    def show_compact(self, on: bool) -> None:
        """Stand in two rows, or in one."""
        in_a_row = -(-len(self.boxes) // 2) if on else len(self.boxes)
        for i, box in enumerate(self.boxes.values()):
            self._grid.addWidget(box, i // in_a_row, i % in_a_row)

    def call_run(self, name: str) -> None:
        """Call the line of the run itself something else than EM."""
        box = self.boxes[Treatment.EM.value]
        box.setText(name)
        box.setAccessibleName(f"Draw the ellipse of: {name}")
        if name == WORDS[Treatment.EM.value][0]:
            return
        box.setToolTip(f"The mean and covariance {name} has reached")
        for other in self.boxes.values():
            other.setHidden(other.isHidden() or (other is not box and other.text() == name))

    @property
    def chosen(self) -> frozenset[str]:
        """Names of the lines switched on and possible."""
        return frozenset(
            name
            for name, box in self.boxes.items()
            if box.isChecked() and box.isEnabled() and not box.isHidden()
        )

    def choose(self, names: Collection[str]) -> None:
        """Switch on exactly these lines."""
        for name, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(name in names)
            box.blockSignals(False)
        self.changed.emit()

    def allow(self, *, complete_cases: bool, truth: bool) -> None:
        """Say which lines these data can have."""
        box = self.boxes[Treatment.COMPLETE_CASES.value]
        box.setEnabled(complete_cases)
        tip = WORDS[Treatment.COMPLETE_CASES.value][1]
        box.setToolTip(tip if complete_cases else "Too few rows are complete.")
        self.boxes[TRUTH].setHidden(not truth)

    def _on_toggled(self, *_: object) -> None:
        self.changed.emit()

    def _retheme(self, *_: object) -> None:
        px = theme_manager().px
        size = QSize(px(22), px(12))
        for name, box in self.boxes.items():
            pixmap = QPixmap(size * 2)
            pixmap.setDevicePixelRatio(2)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(line_pen(name, 2.2))
            painter.drawLine(0, size.height() // 2, size.width(), size.height() // 2)
            painter.end()
            box.setIcon(QIcon(pixmap))
            box.setIconSize(size)
