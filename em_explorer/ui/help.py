"""What the Help menu shows: the keys, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from em_explorer import __version__

KEYS = (
    ("Space", "play or pause"),
    ("→", "the next half-step"),
    ("←", "one half-step back"),
    ("R", "rewind to the same start"),
    ("N", "draw a new start"),
    ("End", "run to the end"),
    ("Esc", "stop EM here"),
    ("Tab, Enter", "to the next button, press it"),
    ("W", "choose when EM is to pause by itself"),
    ("C", "let EM that has stopped go on"),
    ("B", "branch: another run from here"),
    ("K", "lock parameters, or unlock them"),
    ("L", "the Lab: compare runs, starts, models"),
    ("S", "side by side: another run in lockstep"),
    ("PgDn, PgUp", "next and previous demo"),
    ("D", "diagnose this run"),
    ("T", "parameters against the iteration"),
    ("P", "the picture of the bound"),
    ("F9", "fold the side panel"),
    ("F11", "projector mode"),
    ("Ctrl+O, Ctrl+E", "open your own data, export tables"),
    ("Ctrl+Shift+S", "save the picture"),
    ("Ctrl+D", "dark or light"),
    ("Ctrl+,", "settings"),
    ("Ctrl+Q", "quit"),
)


class _Note(QMessageBox):
    """Something to read, beside a window that goes on."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)


class KeyboardHelp(_Note):
    """The keys and what they do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("keyboard_help", "Keyboard", parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        rows = (f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>" for key, what in KEYS)
        self.setText(f"<table cellspacing=4>{''.join(rows)}</table>")


class About(_Note):
    """The version, the license, the sources."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("about", "About em_explorer", parent)
        self.setText(
            f"em_explorer {__version__}\n\nWatch Expectation-Maximization work, one half-step at "
            "a time.\n\nMIT license. The data sets' sources are named beside each of them."
        )
