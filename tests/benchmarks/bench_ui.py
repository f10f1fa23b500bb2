"""Measure the window offscreen and write RESULTS-ui.md; ``make bench-ui`` runs all of it.

Each section is a function that returns its part of the page as Markdown; ``SECTIONS`` lists
them. ``python tests/benchmarks/bench_ui.py start-up`` measures only the sections named and keeps
the others as they were written. The page ends with NOTES-ui.md: what is behind the figures.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ui_memory
import ui_play
from ui_window import verdict

from em_explorer.frames import with_room

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS-ui.md")
NOTES = Path(__file__).with_name("NOTES-ui.md")

# -- start-up --------------------------------------------------------------------------------

START_RUNS = 15
SHELL_LIMIT, TAB_LIMIT = 1.5, 1.2

STAMP = """
import sys, time
def stamp(name):
    print(name, time.monotonic_ns() - int(sys.argv[1]), time.thread_time_ns(), flush=True)
"""

BARE = (
    STAMP
    + """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([])
window = QMainWindow()
window.resize(1280, 800)
window.show()
app.processEvents()
stamp("bare window")
"""
)

PLOT = (
    STAMP
    + """
import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication
points = np.loadtxt("assets/data/faithful.csv", delimiter=",", skiprows=1, usecols=(-2, -1))
assert len(points) == 272
app = QApplication([])
plot = pg.PlotWidget()
plot.resize(1280, 800)
plot.plot(points[:, 0], points[:, 1], pen=None, symbol="o")
plot.show()
app.processEvents()
stamp("plain plot")
"""
)

PROGRAM = (
    STAMP
    + """
import gc
from em_explorer import cli

def timed(*arguments, **more):
    gc.disable()  # as the command does before it imports the window
    from em_explorer.ui import app

    class Timed(app.Opening):
        def open_first_tab(self):
            stamp("painted shell")
            super().open_first_tab()

        def finish(self):
            app.QApplication.processEvents()  # the tab's own paint events
            stamp("first tab")
            assert self._window.tab.bottom.transport.play.isEnabled()
            assert len(self._window.tab.dataset.values) == 272
            self._window.close()

    app.Opening = Timed
    return run(*arguments, **more)

run, cli._run = cli._run, timed
cli.main([])
"""
)


def start_up() -> str:
    """Time from the start of the process to the first frames, each in a fresh process."""
    took: dict[str, list[tuple[float, float]]] = {}
    for round_ in range(START_RUNS + 1):
        for script in (BARE, PROGRAM, PLOT):
            for name, times in _stamps(script).items():
                if round_:  # the first round only warms the disk's cache
                    took.setdefault(name, []).append(times)
    lines = [
        "| what | fastest, ms | median, ms | fastest, ms of CPU | median, ms of CPU |",
        "|---|---|---|---|---|",
    ]
    for name in took:
        lines.append(f"| {name} | {' | '.join(f'{1e3 * t:.0f}' for t in _summary(took[name]))} |")
    lines += [
        "",
        "| ratio | fastest | median | fastest, CPU | median, CPU | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, against, limit in (
        ("painted shell", "bare window", SHELL_LIMIT),
        ("first tab", "plain plot", TAB_LIMIT),
    ):
        pairs = zip(_summary(took[name]), _summary(took[against]), strict=True)
        ratios = [round(a / b, 2) for a, b in pairs]
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        met = verdict(ratios[0] <= limit)
        lines.append(f"| {name} / {against} | {shown} | ≤ {limit:g} | {met} |")
    words = (
        f"From the start of the process, {START_RUNS} fresh processes each, interleaved. The "
        "shell is the window with its menus and tabs; the first tab is Old Faithful, drawn and "
        "ready to play. The plain plot imports pyqtgraph and shows the same 272 points. The "
        "processor time of the window's thread tells more where other programs run as well. "
        "Judged by the fastest on the clock, the least disturbed."
    )
    return "\n".join([words, "", *lines])


def _summary(times: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    wall, cpu = zip(*times, strict=True)
    return min(wall), statistics.median(wall), min(cpu), statistics.median(cpu)


def _stamps(script: str) -> dict[str, tuple[float, float]]:
    # Compiled modules are kept, as in any installation, whatever the caller's settings are.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "em-explorer-bench-pyc")
    begun = time.monotonic_ns()
    done = subprocess.run(
        [sys.executable, "-c", script, str(begun)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        env=kept | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
    )
    lines = (line.rsplit(" ", 2) for line in done.stdout.splitlines())
    return {name: (int(wall) / 1e9, int(cpu) / 1e9) for name, wall, cpu in lines}


# -- the page --------------------------------------------------------------------------------

SECTIONS: dict[str, Callable[[], str]] = {
    "Start-up": start_up,
    **ui_play.SECTIONS,
    "Memory": ui_play.in_a_process("memory", ui_memory.__file__),
}
"""Title to function; another section is one more function and one more line here."""


def machine() -> str:
    """Say what was measured on."""
    from importlib.metadata import version

    packages = ", ".join(
        f"{name} {version(name)}" for name in ("PySide6-Essentials", "pyqtgraph", "numpy", "scipy")
    )
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, {packages}; offscreen, without a graphics card. Ratios are "
        "worth more than times."
    )


def written() -> dict[str, str]:
    """Return the sections of the page there is, by title."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^## (.+)\n", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def main(names: list[str]) -> None:
    """Measure the sections named, or all, and write the page."""
    wanted = {name.lower() for name in names} or {title.lower() for title in SECTIONS}
    unknown = wanted - {title.lower() for title in SECTIONS}
    if unknown:
        sys.exit(f"No section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}.")
    bodies = written()
    for title, measure in SECTIONS.items():
        if title.lower() in wanted:
            bodies[title] = measure()
            sys.stdout.write(f"## {title}\n\n{bodies[title]}\n\n")
    page = [
        "# The window, measured",
        "",
        f"Written by `make bench-ui`. {machine()}",
    ]
    for title in SECTIONS:
        if title in bodies:
            page += ["", f"## {title}", "", bodies[title]]
    if NOTES.exists():
        page += ["", NOTES.read_text(encoding="utf-8").strip()]
    RESULTS.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with_room(partial(main, sys.argv[1:]))  # as the command runs the window
