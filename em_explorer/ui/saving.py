"""Save what is on the screen: a picture of the window, or tables of the fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog


def ask_and_save_picture(window: Any) -> None:
    """Ask for a file and write a PNG of the window into it."""
    name, _ = QFileDialog.getSaveFileName(window, "Save a picture", "em.png", "Pictures (*.png)")
    if name:
        save_picture(window, Path(name))


def save_picture(window: Any, path: Path) -> None:
    """Write a picture of the window."""
    window.tab.settle()
    if window.grab().save(str(path)):
        window.tab.notify(f"Saved {path.name}.", "success")
    else:
        window.tab.notify(f"{path.name} could not be written. Choose another folder, or .png.")


def ask_and_export(window: Any) -> None:
    """Ask for a folder and write the fit's tables into it."""
    name = QFileDialog.getExistingDirectory(window, "Export tables into a folder")
    if name:
        export_tables(window.tab, Path(name))


def export_tables(tab: Any, folder: Path) -> list[Path]:
    """Write the history and the tab's own tables as CSV files; say which."""
    from em_explorer.data.exporters import write_table
    from em_explorer.em.errors import DataError

    trace = tab.controller.trace
    if trace is None:
        return []
    rows = [[k, phase.value, bound] for k, phase, bound, _ in trace.history() if bound is not None]
    tables = {"history": (["iteration", "half-step", "bound, nats"], rows)}
    tables |= tab.export_tables(tab.controller.cursor)
    written = []
    try:
        for table, (columns, lines) in tables.items():
            path = folder / f"{table}.csv"
            write_table(path, columns, lines)
            written.append(path)
    except DataError as error:
        tab.notify(str(error))
        return written
    tab.notify(f"Wrote {', '.join(path.name for path in written)} into {folder}.", "success")
    return written
