"""The dialog that shows a report of an unexpected error, ready to be copied."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.ui.theme import theme_manager

MOST_REPORTS = 20
"""So many reports one dialog holds; the log has them all."""

WORDS = (
    "em_explorer met an error it was not made for. The window goes on; EM is paused. If a picture "
    "looks wrong, open the demo or your data again."
)


class CrashDialog(QDialog):
    """What went wrong, the report, where it is kept; it blocks nothing.

    Parameters
    ----------
    sentence : str
        What happened.
    report : str
        The text to copy.
    log : Path
        Where the same text was written.
    parent : QWidget, optional
    """

    def __init__(
        self, sentence: str, report: str, log: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        px = theme_manager().px
        self.setObjectName("crash_dialog")
        self.setWindowTitle("Something went wrong")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.resize(px(640), px(420))
        self._reports = 1
        head = QLabel(WORDS)
        head.setWordWrap(True)
        what = QLabel(sentence)
        what.setObjectName("crash_sentence")
        what.setWordWrap(True)
        what.setTextFormat(Qt.TextFormat.PlainText)
        what.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        what.setProperty("state", "failure")
        self.text = QPlainTextEdit(report)
        self.text.setObjectName("crash_report")
        self.text.setAccessibleName("Report of the error")
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        where = QLabel(f"Also kept in {log}")
        where.setObjectName("crash_log")
        where.setWordWrap(True)
        where.setProperty("role", "caption")
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for widget in (head, what):
            column.addWidget(widget)
        column.addWidget(self.text, 1)
        column.addWidget(where)
        column.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        self.copy = QPushButton("Copy report")
        self.copy.setObjectName("crash_copy")
        self.copy.setAccessibleName("Copy the report to the clipboard")
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(self._copy)
        leave = QPushButton("Go on")
        leave.setObjectName("crash_close")
        leave.setAccessibleName("Close this report and go on")
        leave.setDefault(True)
        leave.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy)
        row.addWidget(leave)
        return row

    def add(self, report: str) -> None:
        """Show one more report below the ones there are."""
        self._reports += 1
        if self._reports <= MOST_REPORTS:
            self.text.appendPlainText(f"\n{'-' * 72}\n{report}")
        elif self._reports == MOST_REPORTS + 1:
            self.text.appendPlainText(f"\n{'-' * 72}\nMore of them are in the log.")

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText("Copied")
