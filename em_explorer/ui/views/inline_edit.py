"""A small line edit that opens over a drawn thing, for its name or its number."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget


class InlineEdit(QLineEdit):
    """Enter or a click elsewhere takes the text over, Escape leaves everything as it was.

    Signals
    -------
    entered(text)
    """

    entered = Signal(str)

    def __init__(self, name: str, words: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.editingFinished.connect(self._on_finished)
        self.hide()

    def open_at(self, where: QRect, text: str) -> None:
        """Open over a part of the parent, with all of its text selected."""
        width, height = max(where.width(), 64), max(where.height(), 26)
        x = min(where.center().x() - width // 2, self._over.width() - width)
        y = min(where.center().y() - height // 2, self._over.height() - height)
        self.setGeometry(max(x, 0), max(y, 0), width, height)
        self.setText(text)
        self.show()
        self.setFocus()
        self.selectAll()

    def event(self, event: QEvent) -> bool:
        """Keep Escape from the window, where it ends the run."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Escape close it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def _on_finished(self) -> None:
        if self.isVisible():
            self.hide()  # first: hiding takes the focus away, which finishes once more
            self.entered.emit(self.text().strip())
