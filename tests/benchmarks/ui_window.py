"""The real window on large data, offscreen: what the measurements of the window share.

Everything counts what a person would see: paint events of the view, and the delay of a timer in
the window's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FRAME = 1.0 / 60.0
TICK_MS = 5

MIXTURE, CHAIN, TOPICS = "gaussian_mixture", "hidden_markov", "latent_dirichlet"


def _points(n: int) -> dict[str, Any]:
    return {
        "model": MIXTURE,
        "data": {"generator": "blobs", "options": {"n": n, "n_clusters": 5}},
        "options": {"n_components": 5},
    }


def _chain(n: int) -> dict[str, Any]:
    return {
        "model": CHAIN,
        "data": {"generator": "level-chain", "options": {"n": n}},
        "options": {"n_states": 3, "emission": "gaussian"},
    }


HUNDRED_THOUSAND = "mixture, 100,000 points, K = 5"
MILLION = "mixture, 1,000,000 points, K = 5"
HISTOGRAM = "histogram, 1,000,000 points, K = 2"
LONG_CHAIN = "HMM, T = 100,000, K = 3"
LONGEST_CHAIN = "HMM, T = 1,000,000, K = 3"
MANY_WORDS = "LDA, 5,000 documents × 5,000 words × 20 topics"

STORIES: dict[str, dict[str, Any]] = {
    "mixture, 1,000 points, K = 5": _points(1_000),
    "mixture, 10,000 points, K = 5": _points(10_000),
    HUNDRED_THOUSAND: _points(100_000),
    MILLION: _points(1_000_000),
    HISTOGRAM: {
        "model": MIXTURE,
        "data": {"generator": "two-normals", "options": {"n": 1_000_000}},
        "options": {"n_components": 2},
    },
    LONG_CHAIN: _chain(100_000),
    LONGEST_CHAIN: _chain(1_000_000),
    MANY_WORDS: {
        "model": TOPICS,
        "data": {"generator": "topics", "options": {"n": 5000, "n_words": 5000, "n_topics": 20}},
        "options": {"n_topics": 20},
    },
}


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of the values lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def verdict(met: bool) -> str:
    """Return what the last column of a table says."""
    return "met" if met else "**not met**"


def window() -> Any:
    """Return the real window, as the program opens it, with compiled kernels."""
    from em_explorer.models.backend import choose, warm_up
    from em_explorer.session.kernels import loader
    from em_explorer.ui.app import application
    from em_explorer.ui.crash import CrashReporter
    from em_explorer.ui.main_window import MainWindow
    from em_explorer.ui.motion import Motion
    from em_explorer.ui.theme import LIGHT, apply_theme

    app = application()
    CrashReporter(app).install()  # it leaves out what offscreen says of every window
    apply_theme(app, LIGHT)
    Motion.enabled = True
    warm_up()
    loader.backend = choose()
    main_window = MainWindow()
    main_window.resize(1280, 800)
    main_window.show()
    main_window.show_model(0)
    spin(0.3)
    return main_window


def spin(seconds: float) -> None:
    """Let the event loop run."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def load(main_window: Any, name: str) -> Any:
    """Open one of the stories as a run that never stops by itself; return its tab."""
    from em_explorer import registry
    from em_explorer.session.document import Story

    found = STORIES[name]
    story = Story(
        "bench",
        name,
        found["model"],
        data=found["data"],
        options=found["options"],
        run={"max_iter": 1_000_000, "tolerance": 0.0},
        start={"seed": 1},
    )
    keys = [row.key for row in registry.MODELS]
    tab = main_window.tab_for(found["model"], open_first_demo=False)
    main_window.show_model(keys.index(found["model"]))
    assert tab.load_story(story), tab.heading.notice.text.text()
    wait_for_picture(tab)
    return tab


def wait_for_picture(tab: Any, patience: float = 60.0) -> None:
    """Wait until the picture of the cursor has been drawn."""
    from PySide6.QtWidgets import QApplication

    begun = time.perf_counter()
    while time.perf_counter() - begun < patience:
        QApplication.processEvents()
        if not tab.stage.busy and tab.stage.shown_index == tab.controller.cursor:
            return
        time.sleep(0.0002)


def walk(tab: Any, n: int) -> None:
    """Take so many half-steps, each drawn."""
    for _ in range(n):
        before = tab.controller.cursor
        tab.controller.step()
        while tab.controller.cursor == before:
            spin(0.002)
        wait_for_picture(tab)


def seek(tab: Any, index: int, patience: float = 60.0) -> tuple[float, float]:
    """Jump to a half-step; return seconds until it is on the screen, and those of the window."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    drawn: list[float] = []

    def on_brought(_: int) -> None:
        drawn.append(time.perf_counter())

    def on_paint() -> None:
        if drawn and not tab.stage.busy:
            QTimer.singleShot(0, loop.quit)

    watch = Watch(view_of(tab), on_paint, tick=False)
    tab.stage.brought.connect(on_brought)
    QTimer.singleShot(round(1000 * patience), loop.quit)
    begun, own = time.perf_counter(), time.thread_time()
    tab.controller.seek(index)
    loop.exec()
    own = time.thread_time() - own
    tab.stage.brought.disconnect(on_brought)
    watch.stop()
    return watch.paints[-1] - begun, own


def view_of(tab: Any) -> Any:
    """Return the widget whose paint events count as frames."""
    if tab.key == MIXTURE:
        return (tab.histogram if tab.one_column else tab.scatter).viewport()
    return tab.area.time.viewport() if tab.key == CHAIN else tab.area.map


class Watch:
    """Counts paint events and measures how late a timer comes."""

    def __init__(
        self, view: Any, then: Callable[[], None] | None = None, *, tick: bool = True
    ) -> None:
        from PySide6.QtCore import QEvent, QObject, Qt, QTimer

        self.paints: list[float] = []
        self.delays: list[float] = []
        self._last = time.perf_counter()
        watch = self

        class Painted(QObject):
            def eventFilter(self, _: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint:
                    watch.paints.append(time.perf_counter())
                    if then is not None:
                        then()
                return False

        self._filter = Painted()
        self._view = view
        view.installEventFilter(self._filter)
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        if tick:
            self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._last - TICK_MS / 1000.0))
        self._last = now

    def stop(self) -> None:
        """Stop counting."""
        self._timer.stop()
        self._view.removeEventFilter(self._filter)
