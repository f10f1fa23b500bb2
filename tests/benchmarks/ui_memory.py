"""Measure what the history of a run takes, and whether runs leave anything behind."""

from __future__ import annotations

import gc
import os
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
from ui_window import verdict

BUDGET = 64
"""Megabytes for the history."""

ITERATIONS, TOPIC_ITERATIONS, RUNS = 100_000, 500, 1000
LEAST_GROWTH = 4.0
"""Megabytes that may come and go."""


def resident() -> float:
    """Return the megabytes this process has in memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory() -> str:
    """Fill the history of long runs, look into it, and load a thousand runs in the window."""
    from em_explorer.models.backend import choose, warm_up

    warm_up()
    backend = choose()
    lines = [
        f"Long runs under a budget of {BUDGET} MB, every half-step of which can still be looked "
        "at; looking is timed at 30 places. A half-step over 100 ms comes behind the window's "
        "back, the nearest one kept meanwhile.",
        "",
        "| run | half-steps | history, MB | µs to append one | kept: every …th iteration | "
        "looking at one, ms (median) | worst, ms | |",
        "|---|---|---|---|---|---|---|---|",
        _filled("mixture of Old Faithful, K = 2", _mixture(backend), ITERATIONS),
        _filled("LDA, 200 documents × 5,000 words × 20 topics", _topics(backend), TOPIC_ITERATIONS),
        "",
        f"{RUNS:,} runs of Old Faithful in one controller, each of ten half-steps: what is left "
        "after the first hundred and after the last.",
        "",
        "| memory of | after 100 runs, MB | after 1,000, MB | |",
        "|---|---|---|---|",
        *_grown(),
    ]
    return "\n".join(lines)


def _mixture(backend: Any) -> tuple[Any, Any]:
    from em_explorer.session.document import load_story

    story = load_story("old-faithful")
    model = type(story.build_model())(story.build_model().options, backend)
    return model, model.prepare(story.dataset().values)


def _topics(backend: Any) -> tuple[Any, Any]:
    from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions

    rng = np.random.default_rng(1)
    counts = np.zeros((200, 5000))
    np.add.at(counts, (np.arange(200).repeat(100), rng.integers(0, 5000, 20_000)), 1.0)
    model = LatentDirichlet(LatentDirichletOptions(n_topics=20), backend)
    return model, model.prepare(counts)


def _filled(name: str, problem: tuple[Any, Any], iterations: int) -> str:
    from em_explorer.em.steps import RunOptions, em_steps
    from em_explorer.em.trace import MEGABYTE, Trace

    model, data = problem
    trace = Trace(model, data, budget=BUDGET * MEGABYTE)
    start = model.initialize(data, np.random.default_rng(1))
    appending = 0.0
    for snapshot in em_steps(model, data, start, RunOptions(iterations, 0.0)):
        begun = time.perf_counter()
        trace.append(snapshot)
        appending += time.perf_counter() - begun
    took = []
    for index in np.random.default_rng(2).integers(0, len(trace), 30):
        begun = time.perf_counter()
        snapshot = trace[int(index)]
        took.append(time.perf_counter() - begun)
        assert snapshot.params is not None
    within = trace.nbytes <= BUDGET * MEGABYTE
    line = (
        f"| {name} | {len(trace):,} | {trace.nbytes / MEGABYTE:.0f} | "
        f"{1e6 * appending / len(trace):.0f} | {trace.stride} | {1e3 * sorted(took)[15]:.1f} | "
        f"{1e3 * max(took):.0f} | {verdict(within)} |"
    )
    print(line, file=sys.stderr)
    return line


def _grown() -> list[str]:
    from PySide6.QtCore import QCoreApplication, QEventLoop

    from em_explorer.em.steps import RunOptions
    from em_explorer.session.controller import Controller
    from em_explorer.session.document import load_story

    app = QCoreApplication.instance() or QCoreApplication([])
    story = load_story("old-faithful")
    model = story.build_model()
    data = model.prepare(story.dataset().values)
    start = model.initialize(data, np.random.default_rng(1))
    controller = Controller()
    loop = QEventLoop()
    controller.state_changed.connect(lambda _: controller.trace.stop and loop.quit())

    def state() -> tuple[float, float]:
        app.processEvents()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / 2**20, resident()

    tracemalloc.start()
    early = (0.0, 0.0)
    for run in range(RUNS):
        controller.load(model, data, start, RunOptions(5, 0.0))
        controller.run_to_end()
        loop.exec()
        if run == 99:
            early = state()
    late = state()
    tracemalloc.stop()
    controller.shutdown()
    return [
        f"| {name} | {a:.1f} | {b:.1f} | {verdict(b - a <= LEAST_GROWTH)} |"
        for name, a, b in zip(("Python's objects", "the process"), early, late, strict=True)
    ]


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(memory(), flush=True)
    os._exit(0)
