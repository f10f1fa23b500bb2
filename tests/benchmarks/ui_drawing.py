"""Measure drawing, playing, scrubbing and pace in the real window, offscreen.

Each section runs in a process of its own: ``python tests/benchmarks/ui_drawing.py play`` prints
one as Markdown. Everything counts what a person would see: paint events of the view, and the
delay of a timer in the window's thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FRAME = 1.0 / 60.0
TICK_MS = 5
PLAY_SECONDS = 4.0

MIXTURE, CHAIN, TOPICS = "gaussian_mixture", "hidden_markov", "latent_dirichlet"

STORIES: dict[str, dict[str, Any]] = {
    "mixture, 100,000 points, K = 5": {
        "model": MIXTURE,
        "data": {"generator": "blobs", "options": {"n": 100_000, "n_clusters": 5}},
        "options": {"n_components": 5},
    },
    "mixture, 1,000,000 points, K = 5": {
        "model": MIXTURE,
        "data": {"generator": "blobs", "options": {"n": 1_000_000, "n_clusters": 5}},
        "options": {"n_components": 5},
    },
    "histogram, 1,000,000 points, K = 2": {
        "model": MIXTURE,
        "data": {"generator": "two-normals", "options": {"n": 1_000_000}},
        "options": {"n_components": 2},
    },
    "HMM, T = 100,000, K = 3": {
        "model": CHAIN,
        "data": {"generator": "level-chain", "options": {"n": 100_000}},
        "options": {"n_states": 3, "emission": "gaussian"},
    },
    "HMM, T = 1,000,000, K = 3": {
        "model": CHAIN,
        "data": {"generator": "level-chain", "options": {"n": 1_000_000}},
        "options": {"n_states": 3, "emission": "gaussian"},
    },
    "LDA, 5,000 documents × 5,000 words × 20 topics": {
        "model": TOPICS,
        "data": {
            "generator": "topics",
            "options": {"n": 5000, "n_words": 5000, "n_topics": 20},
        },
        "options": {"n_topics": 20},
    },
}


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of the values lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


@dataclass
class Played:
    """What was seen while something played."""

    seconds: float
    half_steps: int
    due: int
    frames: int
    delays: list[float]
    inside: float

    @property
    def drawn(self) -> float:
        """Share of the frames due that were drawn."""
        return min(self.frames / max(self.due, 1), 1.0)

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    def line(self, name: str) -> str:
        """Return a row of the table."""
        worst = 1e3 * max(self.delays, default=0.0)
        drawn = f"{100 * self.drawn:.0f} %" if self.due else "–"
        return (
            f"| {name} | {self.half_steps / self.seconds:.0f} | {self.due / self.seconds:.0f} | "
            f"{self.rate:.0f} | {drawn} | "
            f"{1e3 * percentile(self.delays, 0.99):.1f} | {worst:.0f} | "
            f"{100 * self.inside / self.seconds:.0f} % |"
        )


HEAD = (
    "| what | half-steps/s | frames due/s | frames/s | drawn of those due | delay p99, ms | "
    "worst, ms | worker busy |\n|---|---|---|---|---|---|---|---|"
)


def window() -> Any:
    """Return the real window, as the program opens it."""
    from em_explorer.models.backend import choose, warm_up
    from em_explorer.session.kernels import loader
    from em_explorer.ui.app import application
    from em_explorer.ui.main_window import MainWindow
    from em_explorer.ui.motion import Motion
    from em_explorer.ui.theme import LIGHT, apply_theme

    app = application()
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
    """Open one of the stories that never stop by themselves; return its tab."""
    from em_explorer import registry
    from em_explorer.session.document import Story

    found = STORIES[name]
    run = {"max_iter": 1_000_000, "tolerance": 0.0}
    story = Story(
        "bench",
        name,
        found["model"],
        data=found["data"],
        options=found["options"],
        run=run,
        start={"seed": 1},
    )
    keys = [row.key for row in registry.MODELS]
    tab = main_window.tab_for(found["model"], open_first_demo=False)
    main_window.show_model(keys.index(found["model"]))
    assert tab.load_story(story), tab.heading.notice.text.text()
    wait_for_picture(tab)
    return tab


def wait_for_picture(tab: Any, patience: float = 60.0) -> float:
    """Wait until the picture of the cursor is on the screen; return the seconds it took."""
    from PySide6.QtWidgets import QApplication

    begun = time.perf_counter()
    while time.perf_counter() - begun < patience:
        QApplication.processEvents()
        if not tab.stage.busy and tab.stage.shown_index == tab.controller.cursor:
            break
        time.sleep(0.0005)
    return time.perf_counter() - begun


def view_of(tab: Any) -> Any:
    """Return the widget whose paint events count as frames."""
    if tab.key == MIXTURE:
        return (tab.histogram if tab.one_column else tab.scatter).viewport()
    return tab.area.time.viewport() if tab.key == CHAIN else tab.area.map


class Watch:
    """Counts paint events and measures how late a timer comes."""

    def __init__(self, view: Any) -> None:
        from PySide6.QtCore import QEvent, QObject, Qt, QTimer

        self.paints: list[float] = []
        self.delays: list[float] = []
        self._last = time.perf_counter()
        watch = self

        class Painted(QObject):
            def eventFilter(self, _: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint:
                    watch.paints.append(time.perf_counter())
                return False

        self._filter = Painted()
        self._view = view
        view.installEventFilter(self._filter)
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._last - TICK_MS / 1000.0))
        self._last = now

    def stop(self) -> None:
        """Stop counting."""
        self._timer.stop()
        self._view.removeEventFilter(self._filter)


def play(tab: Any, seconds: float = PLAY_SECONDS, speed: float = float("inf")) -> Played:
    """Play for a while and say what was seen."""
    controller, inside = tab.controller, [0.0]
    arrived: list[float] = []
    controller.set_speed(speed)

    def on_grant(_run: int, _steps: int, spent: float) -> None:
        inside[0] += spent

    def on_cursor(_index: int) -> None:
        arrived.append(time.perf_counter())

    controller.play()
    spin(1.0)  # the first frames make what later ones only use
    controller._worker.granted.connect(on_grant)
    controller.cursor_changed.connect(on_cursor)
    watch = Watch(view_of(tab))
    brought: list[int] = []
    tab.stage.brought.connect(brought.append)
    before = len(controller.trace)
    begun = time.perf_counter()
    spin(seconds)
    took = time.perf_counter() - begun
    half_steps = len(controller.trace) - before
    watch.stop()
    controller.pause()
    controller._worker.granted.disconnect(on_grant)
    controller.cursor_changed.disconnect(on_cursor)
    tab.stage.brought.disconnect(brought.append)
    due = len({int((t - begun) / FRAME) for t in arrived if t < begun + took})
    frames = min(len(brought), len(watch.paints))
    wait_for_picture(tab)
    return Played(took, half_steps, due, frames, watch.delays, inside[0])


# -- the plain way ---------------------------------------------------------------------------


def play_plainly(name: str, seconds: float = PLAY_SECONDS) -> Played:
    """Do the same work as programs commonly do: a brush per point, drawn where the step ends."""
    import pyqtgraph as pg
    from PySide6.QtCore import QObject, QThread, Signal

    from em_explorer import registry
    from em_explorer.data.generators import generate
    from em_explorer.em.steps import RunOptions, em_steps
    from em_explorer.models.backend import choose
    from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
    from em_explorer.ui.views.shapes import component_colors, ellipse

    assert registry.MODELS
    found = STORIES[name]
    values = generate(found["data"]["generator"], **found["data"]["options"]).values
    model = GaussianMixture(GaussianMixtureOptions(**found["options"]), choose())
    data = model.prepare(values)
    import numpy as np

    start = model.initialize(data, np.random.default_rng(1))

    class Plain(QObject):
        stepped = Signal(object)
        going = True
        inside = 0.0

        def run(self) -> None:
            for snapshot in em_steps(model, data, start, RunOptions(1_000_000, 0.0)):
                if not self.going:
                    return
                self.stepped.emit(snapshot)

    plot = pg.PlotWidget()
    plot.resize(740, 420)
    points = pg.ScatterPlotItem(pos=values, size=8, pen=None)
    plot.addItem(points)
    colors = component_colors(len(start.weights))
    outlines = [plot.plot(pen=pg.mkPen(c, width=2)) for c in colors]
    plot.show()
    drawn: list[float] = []

    class Slot(QObject):
        def draw(self, snapshot: Any) -> None:
            if snapshot.posterior_params is None:
                return
            shares = model.e_step(data, snapshot.posterior_params, latent=True)
            mixed = shares.latent.responsibilities @ colors
            points.setBrush([pg.mkBrush(*rgb) for rgb in mixed])
            for k, outline in enumerate(outlines):
                outline.setData(
                    *ellipse(
                        snapshot.params.means[k] + data.center, snapshot.params.covariances[k], 1.0
                    )
                )
            drawn.append(time.perf_counter())

    thread, worker, slot = QThread(), Plain(), Slot()
    worker.moveToThread(thread)
    thread.started.connect(worker.run)
    worker.stepped.connect(slot.draw)
    watch = Watch(plot.viewport())
    begun = time.perf_counter()
    thread.start()
    spin(seconds)
    took = time.perf_counter() - begun
    watch.stop()
    worker.going = False
    thread.quit()
    thread.wait()
    plot.hide()
    frames = len(watch.paints)
    return Played(took, len(drawn), round(took / FRAME), frames, watch.delays, 0.0)


# -- the sections ----------------------------------------------------------------------------


def drawing() -> str:
    """Time one picture of every size, from the wish to the last paint event."""
    lines = ["| what | picture, ms (median) | worst, ms |", "|---|---|---|"]
    main_window = window()
    for name in STORIES:
        tab = load(main_window, name)
        walk(tab, 4)
        took = []
        for index in (1, 2, 3, 4, 3, 2, 1, 4, 2, 3):
            tab.controller.seek(index)
            took.append(wait_for_paint(tab))
        lines.append(f"| {name} | {1e3 * percentile(took, 0.5):.1f} | {1e3 * max(took):.0f} |")
    main_window.close()
    return "\n".join(lines)


def walk(tab: Any, n: int) -> None:
    """Take so many half-steps, each drawn."""
    for _ in range(n):
        before = tab.controller.cursor
        tab.controller.step()
        while tab.controller.cursor == before:
            spin(0.002)
        wait_for_picture(tab)


def wait_for_paint(tab: Any) -> float:
    """Return the seconds until the cursor's picture has been painted."""
    from PySide6.QtWidgets import QApplication

    watch = Watch(view_of(tab))
    begun = time.perf_counter()
    took = wait_for_picture(tab)
    while not any(t >= begun + took for t in watch.paints) and took < 60:
        QApplication.processEvents()
        if watch.paints and watch.paints[-1] - begun > 0:
            break
    watch.stop()
    return max(watch.paints[-1] if watch.paints else 0.0, begun + took) - begun


def playing() -> str:
    """Play everything as fast as it goes, and the mixture the plain way beside it."""
    lines = [HEAD]
    main_window = window()
    for name in STORIES:
        lines.append(play(load(main_window, name)).line(name))
        print(lines[-1], file=sys.stderr)
    main_window.close()
    spin(0.2)
    for name in [n for n in STORIES if "100,000 points" in n]:
        lines.append(play_plainly(name).line(f"the plain way: {name}"))
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines)


def scrubbing() -> str:
    """Jump over the timeline: from the cursor's move to the picture on the screen, in frames."""
    lines = [
        "| what | median, ms | p95, ms | frames (median) | delay p99, ms |",
        "|---|---|---|---|---|",
    ]
    main_window = window()
    for name in STORIES:
        tab = load(main_window, name)
        walk(tab, 12 if "LDA" not in name else 6)
        newest = len(tab.controller.trace) - 1
        took, delays = [], []
        for i in range(40):
            tab.controller.seek((i * 5 + 1) % newest)
            watch = Watch(view_of(tab))
            took.append(wait_for_paint(tab))
            watch.stop()
            delays += watch.delays
            spin(0.02)
        median = percentile(took, 0.5)
        lines.append(
            f"| {name} | {1e3 * median:.1f} | {1e3 * percentile(took, 0.95):.1f} | "
            f"{median / FRAME:.1f} | {1e3 * percentile(delays, 0.99):.1f} |"
        )
        print(lines[-1], file=sys.stderr)
    main_window.close()
    return "\n".join(lines)


def pace() -> str:
    """Compare the speed asked for with the one kept, and count the half-steps seen."""
    from em_explorer.session.document import load_story

    lines = ["| speed asked for | kept, half-steps/s | taken | drawn |", "|---|---|---|---|"]
    main_window = window()
    for speed in (4.0, 8.0, 16.0, 32.0):
        tab = main_window.tab_for(MIXTURE, open_first_demo=False)
        main_window.show_model(0)
        tab.load_story(load_story("old-faithful"))
        wait_for_picture(tab)
        seen: list[int] = []
        tab.stage.brought.connect(seen.append)
        tab.controller.set_speed(speed)
        begun = time.perf_counter()
        tab.controller.play()
        while tab.controller.playing:
            spin(0.005)
        took = time.perf_counter() - begun
        wait_for_picture(tab)
        tab.stage.brought.disconnect(seen.append)
        taken = tab.controller.cursor
        lines.append(f"| {speed:g} | {taken / took:.1f} | {taken} | {len(set(seen))} |")
        print(lines[-1], file=sys.stderr)
    return "\n".join([*lines, "", HEAD, play_small(main_window).line("272 points, flat out")])


def play_small(main_window: Any) -> Played:
    """Play Old Faithful without an end as fast as it goes."""
    from dataclasses import replace

    from em_explorer.session.document import load_story

    story = replace(load_story("old-faithful"), run={"max_iter": 1_000_000, "tolerance": 0.0})
    tab = main_window.tab_for(MIXTURE, open_first_demo=False)
    tab.load_story(story)
    wait_for_picture(tab)
    found = play(tab)
    main_window.close()
    return found


MEASURES: dict[str, Callable[[], str]] = {
    "drawing": drawing,
    "play": playing,
    "scrub": scrubbing,
    "pace": pace,
}


def in_a_process(name: str) -> Callable[[], str]:
    """Return what measures a section in a process of its own."""

    def measure() -> str:
        done = subprocess.run(
            [sys.executable, __file__, name],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=1800,
            cwd=ROOT,
            env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
        )
        return done.stdout.strip()

    return measure


SECTIONS: dict[str, Callable[[], str]] = {name.title(): in_a_process(name) for name in MEASURES}
"""For the page of results: title to function."""


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if len(sys.argv) > 2:  # only the stories whose names hold the word
        for title in [t for t in STORIES if sys.argv[2] not in t]:
            del STORIES[title]
    print(MEASURES[sys.argv[1]](), flush=True)
    os._exit(0)  # a half-step of large data may still be under way
