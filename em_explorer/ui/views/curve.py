"""The likelihood curve: the bound after every half-step, never smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from em_explorer.em.steps import Phase
from em_explorer.em.trace import Trace
from em_explorer.ui.theme import style_plot, theme_manager

MOST_DOTS = 240


class LikelihoodCurve(pg.PlotWidget):
    """Bound against iteration; an M-step is drawn half an iteration before its E-step.

    Signals
    -------
    picked(index)
        A half-step was clicked.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curve")
        self.setAccessibleName("Curve of the objective against the iteration")
        self.setToolTip("The objective after each half-step. Click a point to go there.")
        self._trace: Trace | None = None
        self._iterations: list[float] = []
        self._bounds: list[float] = []
        self._read = 0
        self._n_observations = 1
        self.per_observation = False
        self.name = "log-likelihood"
        self.setMouseEnabled(x=False, y=False)
        self.line = self.plot([], [], pen=None)
        self.e_dots = pg.ScatterPlotItem(size=6, pen=None)
        self.m_dots = pg.ScatterPlotItem(size=5, pen=None)
        self.marker = pg.ScatterPlotItem(size=11)
        self.addItem(self.m_dots)
        self.addItem(self.e_dots)
        self.addItem(self.marker)
        self.scene().sigMouseClicked.connect(self._on_click)
        theme_manager().changed.connect(self.retheme)
        self.retheme()

    def follow(self, trace: Trace | None, n_observations: int, name: str) -> None:
        """Show another run's curve from its beginning."""
        self._trace = trace
        self._n_observations = max(n_observations, 1)
        self.name = name
        self._iterations, self._bounds, self._read = [], [], 0
        self._label()
        self.grow()

    def grow(self) -> None:
        """Read the snapshots that have come since the last call and draw."""
        if self._trace is None:
            return
        for index in range(self._read, len(self._trace)):
            snapshot = self._trace[index]
            if snapshot.bound is not None:
                shift = 0.5 if snapshot.phase is Phase.M else 0.0
                self._iterations.append(snapshot.iteration - shift)
                self._bounds.append(snapshot.bound)
        self._read = len(self._trace)
        self._draw()

    def show_per_observation(self, on: bool) -> None:
        """Choose between the total and the value per observation."""
        self.per_observation = on
        self._label()
        self._draw()

    def mark(self, index: int) -> None:
        """Put the large dot on the cursor's half-step."""
        if self._trace is None or index >= len(self._trace) or index == 0 or not self._bounds:
            self.marker.setData([], [])
            return
        position = min(index - 1, len(self._bounds) - 1)
        theme = theme_manager().current
        phase = self._trace[index].phase.value
        self.marker.setData(
            [self._iterations[position]],
            [self._bounds[position] * self._scale],
            brush=theme.phase_color(phase),
            pen=pg.mkPen(theme.panel, width=2),
        )

    @property
    def values(self) -> tuple[list[float], list[float]]:
        """The iterations and bounds drawn, in nats (total)."""
        return self._iterations, self._bounds

    @property
    def _scale(self) -> float:
        return 1.0 / self._n_observations if self.per_observation else 1.0

    def _draw(self) -> None:
        x = np.array(self._iterations)
        y = np.array(self._bounds) * self._scale
        many = x.size > MOST_DOTS
        is_e = x == np.floor(x)
        e, m = (np.zeros_like(is_e),) * 2 if many else (is_e, ~is_e)
        self.line.setData(x, y)
        self.e_dots.setData(x[e], y[e])
        self.m_dots.setData(x[m], y[m])
        if x.size:
            # The range grows in steps, so that the curve does not creep at every point.
            right = max(12.0, 2.0 ** np.ceil(np.log2(max(x[-1], 1.0) * 1.02)))
            right = right if x[-1] > 0.75 * right else max(12.0, x[-1] * 1.34)
            self.setXRange(-0.4, right, padding=0)
            low, high = float(y.min()), float(y.max())
            settled = float(y[2:].min()) if y.size > 4 else low
            if settled - low > 3 * (high - settled):
                low = settled  # the first leap would press all that follows flat
            room = max((high - low) * 0.12, abs(high) * 1e-9, 1e-12)
            self.setYRange(low - room, high + room, padding=0)
        else:
            self.setXRange(-0.4, 12, padding=0)

    def _label(self) -> None:
        what = f"{self.name} / n" if self.per_observation else self.name
        self.setLabel("left", what, units=None)
        self.setLabel("bottom", "iteration")
        style_plot(self)

    def retheme(self, *_: object) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        style_plot(self)
        self.line.setPen(pg.mkPen(theme.border, width=1.5))
        self.e_dots.setBrush(theme.phase_color("E"))
        self.m_dots.setBrush(theme.phase_color("M"))

    def _on_click(self, event: Any) -> None:
        if self._trace is None or not self._iterations:
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = self.getPlotItem().vb.mapSceneToView(event.scenePos()).x()
        nearest = int(np.argmin(np.abs(np.array(self._iterations) - x)))
        self.picked.emit(nearest + 1)
