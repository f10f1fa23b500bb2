"""The few choices about the machine: memory for a run's history, threads of an E-step."""

from __future__ import annotations

import os
from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from em_explorer.models.backend import set_threads
from em_explorer.session.settings import Settings, load_settings, save_settings
from em_explorer.ui.theme import theme_manager

LEAST_MEGABYTES, MOST_MEGABYTES, STEP_MEGABYTES = 16, 65_536, 64

MEMORY = (
    "Where a run's history would take more, some half-steps are computed again when you look at "
    "them. Counts for the next run."
)


def usual_threads() -> int:
    """Return how many threads an E-step has unless somebody chooses: one core is the window's."""
    return max(1, (os.cpu_count() or 1) - 1)


def threads_words() -> str:
    """Say what another number of threads would change."""
    cores = os.cpu_count() or 1
    have = "1 core" if cores == 1 else f"{cores} cores"
    return (
        f"This computer has {have}. With one left to the window, pictures stay smooth; results "
        "do not depend on it."
    )


class SettingsDialog(QDialog):
    """Ask for the settings that have no place beside what they change.

    Signals
    -------
    chosen(settings)
        Other settings are kept from now on.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        settings = load_settings()
        self.megabytes = QSpinBox()
        self.megabytes.setObjectName("trace_megabytes")
        self.megabytes.setRange(LEAST_MEGABYTES, MOST_MEGABYTES)
        self.megabytes.setSingleStep(STEP_MEGABYTES)
        self.megabytes.setSuffix(" MB")
        self.megabytes.setGroupSeparatorShown(True)
        self.megabytes.setValue(settings.trace_megabytes)
        self.threads = QSpinBox()
        self.threads.setObjectName("threads")
        self.threads.setRange(0, os.cpu_count() or 1)
        self.threads.setSpecialValueText(f"Automatic ({usual_threads()})")
        self.threads.setValue(settings.threads)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)

    def _lay_out(self, buttons: QDialogButtonBox) -> None:
        px = theme_manager().px
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(4))
        grid.setColumnStretch(0, 1)
        row = 0
        for words, control, help_words in (
            ("&Memory for a run's history", self.megabytes, MEMORY),
            ("&Threads of an E-step", self.threads, threads_words()),
        ):
            label, help_label = QLabel(words), QLabel(help_words)
            label.setBuddy(control)
            help_label.setWordWrap(True)
            help_label.setProperty("role", "secondary")
            control.setAccessibleName(words.replace("&", ""))
            control.setAccessibleDescription(help_words)
            control.setMinimumWidth(px(164))
            grid.addWidget(label, row, 0)
            grid.addWidget(control, row, 1, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(help_label, row + 1, 0, 1, 2)
            grid.setRowMinimumHeight(row + 2, px(12))
            row += 3
        column = QVBoxLayout(self)
        column.setContentsMargins(px(20), px(16), px(20), px(16))
        column.addLayout(grid)
        column.addWidget(buttons)
        self.setFixedWidth(px(440))

    @property
    def value(self) -> Settings:
        """The settings as they would be kept."""
        return replace(
            load_settings(),
            trace_megabytes=self.megabytes.value(),
            threads=self.threads.value(),
        )

    @Slot()
    def accept(self) -> None:
        """Keep the settings; threads count at once, memory for the next run."""
        settings = self.value
        save_settings(settings)
        set_threads(settings.threads or usual_threads())
        self.chosen.emit(settings)
        super().accept()
