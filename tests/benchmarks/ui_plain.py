"""The plain way to animate a mixture, for comparison: a brush per point, drawn in the slot."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from ui_window import STORIES, Watch, spin


class PlainWay:
    """A plot of a mixture as programs commonly draw it, and the model it follows.

    Every point gets a new brush in every frame, and the frame is drawn in the slot that the
    worker's signal calls.
    """

    def __init__(self, name: str) -> None:
        import pyqtgraph as pg
        from PySide6.QtWidgets import QApplication

        from em_explorer.data.generators import generate
        from em_explorer.models.backend import choose
        from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
        from em_explorer.ui.views.shapes import component_colors

        found = STORIES[name]
        values = generate(found["data"]["generator"], **found["data"]["options"]).values
        self.model = GaussianMixture(GaussianMixtureOptions(**found["options"]), choose())
        self.data = self.model.prepare(values)
        self.start = self.model.initialize(self.data, np.random.default_rng(1))
        self.plot = pg.PlotWidget()
        self.plot.resize(740, 420)
        self.points = pg.ScatterPlotItem(pos=values, size=8, pen=None)
        self.plot.addItem(self.points)
        self.colors = component_colors(len(self.start.weights))
        self.outlines = [self.plot.plot(pen=pg.mkPen(c, width=2)) for c in self.colors]
        self.plot.show()
        QApplication.processEvents()

    def draw(self, snapshot: Any) -> None:
        """Color every point and draw the ellipses of a snapshot."""
        import pyqtgraph as pg

        from em_explorer.ui.views.shapes import ellipse

        if snapshot.posterior_params is None:
            return
        found = self.model.e_step(self.data, snapshot.posterior_params, latent=True)
        mixed = found.latent.responsibilities @ self.colors
        self.points.setBrush([pg.mkBrush(*rgb) for rgb in mixed])
        params = snapshot.params
        for mean, covariance, outline in zip(
            params.means, params.covariances, self.outlines, strict=True
        ):
            outline.setData(*ellipse(mean + self.data.center, covariance, 1.0))


def picture_seconds(name: str, n: int = 3) -> float:
    """Return the median seconds from a snapshot to its picture on the screen, the plain way."""
    from PySide6.QtWidgets import QApplication

    from em_explorer.em.steps import RunOptions, em_steps

    plain = PlainWay(name)
    took = []
    steps = em_steps(plain.model, plain.data, plain.start, RunOptions(1000, 0.0))
    for index, snapshot in enumerate(steps):
        begun = time.perf_counter()
        plain.draw(snapshot)
        plain.plot.viewport().repaint()
        QApplication.processEvents()
        if index:
            took.append(time.perf_counter() - begun)
        if index == n:
            break
    plain.plot.hide()
    return sorted(took)[len(took) // 2]


def play(name: str, seconds: float) -> tuple[float, int, int, list[float]]:
    """Play for a while: seconds taken, half-steps drawn, paint events, delays of the event loop."""
    from PySide6.QtCore import QObject, QThread, Signal

    from em_explorer.em.steps import RunOptions, em_steps

    plain = PlainWay(name)

    class Worker(QObject):
        stepped = Signal(object)
        going = True

        def run(self) -> None:
            options = RunOptions(1_000_000, 0.0)
            for snapshot in em_steps(plain.model, plain.data, plain.start, options):
                if not self.going:
                    return
                self.stepped.emit(snapshot)

    drawn = []

    class Slot(QObject):
        def draw(self, snapshot: Any) -> None:
            # The event loop is not reached again while snapshots wait: the end must be seen here.
            worker.going = worker.going and time.perf_counter() - begun < seconds
            if worker.going:
                plain.draw(snapshot)
                drawn.append(snapshot)

    thread, worker, slot = QThread(), Worker(), Slot()
    worker.moveToThread(thread)
    thread.started.connect(worker.run)
    worker.stepped.connect(slot.draw)
    watch = Watch(plain.plot.viewport())
    begun = time.perf_counter()
    thread.start()
    spin(seconds)
    took = time.perf_counter() - begun
    watch.stop()
    worker.going = False
    thread.quit()
    thread.wait()
    plain.plot.hide()
    return took, len(drawn), len(watch.paints), watch.delays
