"""The left panel: Data, Model, Start and Run, its forms made from the options dataclasses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.options import Control, controls
from em_explorer.em.steps import RunOptions
from em_explorer.ui.data_choices import DataChoice
from em_explorer.ui.editors import ElidedComboBox, WholeNumberEdit
from em_explorer.ui.forms import OptionsForm
from em_explorer.ui.icons import icon
from em_explorer.ui.theme import theme_manager

LARGEST_SEED = 999_999


def following_seed(seed: int) -> int:
    """Return the next seed; after the largest comes 0."""
    return (seed + 1) % (LARGEST_SEED + 1)


class SetupPanel(QScrollArea):
    """Choose data, model, start and when to stop.

    Signals
    -------
    data_chosen(choice)
    generator_changed(options)
    open_wanted()
    options_changed(options)
    seed_changed(seed)
    run_changed(run_options)
    """

    data_chosen = Signal(object)
    generator_changed = Signal(object)
    open_wanted = Signal()
    options_changed = Signal(object)
    seed_changed = Signal(int)
    run_changed = Signal(object)

    def __init__(self, options_class: type, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("setup")
        self.setAccessibleName("Data, model, start and run")
        self.setProperty("role", "panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QWidget(self.viewport())
        page.setProperty("role", "panel")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(16, 16, 16, 8)
        self._column.setSpacing(8)
        self._choices: list[DataChoice] = []
        self._add_data_group()
        self.model_form = OptionsForm(options_class, "Model", columns=2)
        self.locks_button = QToolButton()
        self.locks_button.setObjectName("locks")
        self.locks_button.setAccessibleName("Lock parameters")
        self.locks_button.setProperty("role", "inline")
        self.locks_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._add_group("MODEL", self.model_form, beside=(self.locks_button,))
        self.start_form = OptionsForm(options_class, "Start")
        self._add_group("START", self.start_form)
        self._add_seed()
        self.run_form = OptionsForm(RunOptions, columns=2)
        self._add_group("RUN", self.run_form)
        self._column.addStretch(1)
        self.setWidget(page)
        self.model_form.changed.connect(self._on_options)
        self.start_form.changed.connect(self._on_options)
        self.run_form.changed.connect(self.run_changed)

    def _add_group(self, title: str, *widgets: QWidget, beside: Sequence[QWidget] = ()) -> None:
        if self._column.count():
            line = QFrame()
            line.setProperty("role", "hairline")
            self._column.addWidget(line)
        head = QLabel(title)
        head.setProperty("role", "group")
        row = QHBoxLayout()
        row.addWidget(head, 1)
        for form in widgets:
            if isinstance(form, OptionsForm) and form.all_advanced:
                row.addWidget(form.more)  # nothing stands between: one line is enough
        for button in beside:
            row.addWidget(button)
        self._column.addLayout(row)
        for widget in widgets:
            self._column.addWidget(widget)

    def _add_data_group(self) -> None:
        self.data_box = ElidedComboBox()
        self.data_box.setObjectName("data")
        self.data_box.setAccessibleName("Data set")
        self.data_box.setToolTip("The data EM is run on")
        # The panel's width decides, not the longest title.
        self.data_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.data_box.activated.connect(self._on_data)
        self.open_button = QToolButton()
        self.open_button.setObjectName("open")
        self.open_button.setAccessibleName("Open a file of your own")
        self.open_button.setProperty("role", "inline")
        self.open_button.setToolTip("Load your own data from a CSV or text file (Ctrl+O)")
        self.open_button.clicked.connect(self.open_wanted)
        self.size_label = QLabel()
        self.size_label.setObjectName("data_size")
        self.size_label.setProperty("role", "caption")
        self.size_label.setWordWrap(True)
        self._generator_place = QVBoxLayout()
        self.generator_form: OptionsForm | None = None
        self.generator_fold = QToolButton()
        self.generator_fold.setObjectName("data_options")
        self.generator_fold.setText("Options")
        self.generator_fold.setAccessibleName("Data options")
        self.generator_fold.setToolTip("How these data are made")
        self.generator_fold.setProperty("role", "fold")
        self.generator_fold.setCheckable(True)
        self.generator_fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.generator_fold.toggled.connect(self._fold_generator)
        beside = (self.generator_fold, self.open_button)
        self._add_group("DATA", self.data_box, self.size_label, beside=beside)
        self._fold_generator(False)
        self._column.addLayout(self._generator_place)

    def _add_seed(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        label = QLabel("Seed")
        label.setProperty("role", "secondary")
        self.seed_box = WholeNumberEdit(Control("Seed", low=0, high=LARGEST_SEED))
        self.seed_box.setObjectName("seed")
        self.seed_box.setMinimumWidth(theme_manager().px(64))
        self.seed_box.setAccessibleName("Seed of the start")
        self.seed_box.setToolTip("The same seed draws the same start")
        self.seed_box.valueChanged.connect(self.seed_changed)
        self.dice = QToolButton()
        self.dice.setObjectName("dice")
        self.dice.setAccessibleName("Draw a new start")
        self.dice.setToolTip("Draw a new start (N)")
        self.dice.clicked.connect(
            lambda: self.seed_box.setValue(following_seed(self.seed_box.value()))
        )
        row.addWidget(label)
        row.addWidget(self.seed_box, 1)
        row.addWidget(self.dice)
        self._column.addLayout(row)
        theme_manager().changed.connect(self._retheme)
        self._retheme()

    def _retheme(self, *_: object) -> None:
        text = theme_manager().current.text
        self.dice.setIcon(icon("new-start", text))
        self.open_button.setIcon(icon("open", text))

    # -- what the tab sets -------------------------------------------------------------------

    def set_choices(self, choices: Sequence[DataChoice], current: str) -> None:
        """List the data sets and choose one by name, without a signal."""
        self._choices = list(choices)
        self.data_box.clear()
        for choice in self._choices:
            self.data_box.addItem(choice.title)
        names = [choice.name for choice in self._choices]
        self.data_box.setCurrentIndex(names.index(current) if current in names else -1)
        self.data_box.setToolTip(self.data_box.currentText() or "The data EM is run on")

    def show_size(self, text: str) -> None:
        """Say how large the data are."""
        self.size_label.setText(text)

    def show_options(self, options: Any) -> None:
        """Show the model's options, without a signal."""
        self.model_form.set_value(options)
        self.start_form.set_value(options)

    def show_run(self, run: RunOptions) -> None:
        """Show when to stop, without a signal."""
        self.run_form.set_value(run)

    def show_seed(self, seed: int) -> None:
        """Show the seed, without a signal."""
        self.seed_box.blockSignals(True)
        self.seed_box.setValue(seed)
        self.seed_box.blockSignals(False)

    def show_generator(self, options: Any | None) -> None:
        """Show the form of a generator's options, or none."""
        if self.generator_form is not None:
            self._generator_place.removeWidget(self.generator_form)
            self.generator_form.deleteLater()
            self.generator_form = None
        if options is not None and controls(options):
            self.generator_form = OptionsForm(type(options), columns=2)
            self.generator_form.setObjectName("generator")
            self.generator_form.set_value(options)
            self.generator_form.changed.connect(self.generator_changed)
            self._generator_place.addWidget(self.generator_form)
        self.generator_fold.setVisible(self.generator_form is not None)
        self._fold_generator(self.generator_fold.isChecked())

    def _fold_generator(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.generator_fold.setArrowType(arrow)
        if self.generator_form is not None:
            self.generator_form.setVisible(opened)

    # -- what the person does ----------------------------------------------------------------

    def _on_options(self, options: Any) -> None:
        self.show_options(options)
        self.options_changed.emit(options)

    def _on_data(self, index: int) -> None:
        if 0 <= index < len(self._choices):
            self.data_chosen.emit(self._choices[index])
