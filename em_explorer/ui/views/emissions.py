"""What each state emits: bars for symbols, densities over the data for numbers and counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.models.emissions import CategoricalEmission, GaussianEmission, PoissonEmission
from em_explorer.ui.theme import dashed_pen, style_plot, theme_manager
from em_explorer.ui.views.arrows import Arrows
from em_explorer.ui.views.axes import axes
from em_explorer.ui.views.observations import Observed
from em_explorer.ui.views.padlock import Padlocks
from em_explorer.ui.views.scatter import component_colors

MOST_BARS = 240
"""More bars than this become a heat map."""

UNSEEN = 1e-4
"""Of the axis' height: a curve that moves by less has not moved by a tenth of a pixel."""

NO_CURVE = np.empty(0), np.empty(0)


class EmissionView(pg.PlotWidget):
    """The emissions of all states; the true ones dashed where they are known.

    Signals
    -------
    asked(state, symbol, place)
        A right-click on a symbol's bar, or on a state's curve (symbol −1); the place on the
        screen.
    """

    asked = Signal(int, int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False, axisItems=axes())
        self.setObjectName("emissions")
        self.setAccessibleName("What each state emits")
        self.setMinimumSize(150, 110)
        self.setMouseEnabled(x=False, y=False)
        self.bars: list[pg.BarGraphItem] = []
        self.curves: list[pg.PlotCurveItem] = []
        self.ghosts: list[pg.PlotCurveItem] = []
        self.truths: list[pg.PlotCurveItem] = []
        self.histogram = pg.BarGraphItem(x=[0.0], height=[0.0], width=1.0, pen=None)
        self.arrows = Arrows()
        self.heat = pg.ImageItem()
        self.addItem(self.heat, ignoreBounds=True)
        self.addItem(self.histogram, ignoreBounds=True)
        self.addItem(self.arrows, ignoreBounds=True)
        self.padlocks = Padlocks(self)
        self.scene().sigMouseClicked.connect(self._on_clicked)
        self._emission: Any = None
        self._observed = Observed(np.zeros(1), (), "")
        self._column = 0
        self._n_states = 1
        self._top = 0.0
        self._grid: Floats = np.linspace(0.0, 1.0, 200)
        style_plot(self)

    def show_data(self, observed: Observed, n_states: int, column: int = 0) -> None:
        """Set the axes for other observations or another number of states."""
        self._observed, self._n_states, self._column = observed, n_states, column
        self._top, self._emission = 0.0, None
        self.arrows.clear()
        self.padlocks.place(np.empty((0, 2)))
        for item in (*self.bars, *self.curves, *self.ghosts, *self.truths):
            self.removeItem(item)
        self.bars, self.curves, self.ghosts, self.truths = [], [], [], []
        self.heat.clear()
        self.histogram.setOpts(x=[0.0], height=[0.0], width=1.0)
        if observed.symbols:
            self._set_up_symbols()
        else:
            self._set_up_values()
        self.retheme()

    def _set_up_symbols(self) -> None:
        names = self._observed.symbols
        m = len(names)
        short = [s if len(s) <= 9 else s[:8] + "…" for s in names]
        self.getAxis("bottom").setTicks([list(enumerate(short))])
        self.setLabel("bottom", self._observed.label)
        self.setXRange(-0.6, m - 0.4, padding=0)
        if self._heat_map:
            self.setLabel("left", "state")
            self.setYRange(-0.5, self._n_states - 0.5, padding=0)
            return
        self.setLabel("left", "probability")
        for _ in range(self._n_states):
            bar = pg.BarGraphItem(x=[0.0], height=[0.0], width=1.0, pen=None)
            self.addItem(bar, ignoreBounds=True)
            self.bars.append(bar)
        self._add_lines()

    def _set_up_values(self) -> None:
        values = self._observed.values
        low, high = self._observed.y_range
        whole = bool(np.all(values == np.round(values))) and high - low < 60
        if whole:
            edges = np.arange(math.floor(values.min()), values.max() + 2) - 0.5
        else:
            edges = np.linspace(low, high, 31)
        heights, edges = np.histogram(values, edges, density=True)
        self._top = float(heights.max()) * 1.1
        middle = 0.5 * (edges[1:] + edges[:-1])
        self.histogram.setOpts(x=middle, height=heights, width=(edges[1] - edges[0]) * 0.92)
        self._grid = np.linspace(low, high, 300)
        self.getAxis("bottom").setTicks(None)
        self.setLabel("bottom", self._observed.label)
        self.setLabel("left", "share" if whole else "density")
        self.setXRange(low, high, padding=0)
        self.setYRange(0.0, self._top, padding=0)
        for _ in range(self._n_states):
            curve = pg.PlotCurveItem(antialias=True)
            self.addItem(curve, ignoreBounds=True)
            self.curves.append(curve)
        self._add_lines()

    def _add_lines(self) -> None:
        for _ in range(self._n_states):
            for items in (self.ghosts, self.truths):
                item = pg.PlotCurveItem(antialias=True)
                self.addItem(item, ignoreBounds=True)
                items.append(item)

    @property
    def _heat_map(self) -> bool:
        return len(self._observed.symbols) * self._n_states > MOST_BARS

    def retheme(self) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        style_plot(self)
        self.showGrid(x=False, y=True, alpha=0.15)
        self.getAxis("left").setWidth(theme_manager().px(58))
        self.histogram.setOpts(brush=theme.color("secondary", 0.22), pen=None)
        for k in range(self._n_states):
            if self.bars:
                self.bars[k].setOpts(brush=theme.component(k), pen=None)
            if self.curves:
                self.curves[k].setPen(pg.mkPen(theme.component(k), width=2.5))
            if self.ghosts:
                self.ghosts[k].setPen(pg.mkPen(theme.color("secondary", 0.6), width=1.2))
                self.truths[k].setPen(dashed_pen(theme, 1.4))

    # -- pictures ----------------------------------------------------------------------------

    def draw(self, emission: Any, shares: Floats, ghost: Any = None, truth: Any = None) -> None:
        """Draw an emission.

        Parameters
        ----------
        emission : CategoricalEmission, GaussianEmission or PoissonEmission
            In the data's units.
        shares : (K,) float
            The share of time spent in each state; scales densities so that they sum to the data's.
        ghost, truth : like ``emission``, or None
            The state before an M-step; the true one, its states in the same order.
        """
        if self._n_states != emission.n_states:
            return
        self._emission = emission
        if isinstance(emission, CategoricalEmission):
            if self._heat_map:
                self._draw_heat(emission.probs)
            else:
                self._draw_bars(emission.probs, ghost, truth)
            return
        for k in range(self._n_states):
            self._place(self.curves[k], emission, k, shares)
            self._place(self.ghosts[k], ghost, k, shares)
            self._place(self.truths[k], truth, k, shares)
        highest = max(float(np.max(c.getData()[1])) for c in self.curves)
        self.raise_top(min(highest, 3.0 * self._top) * 1.08)

    def _place(self, curve: pg.PlotCurveItem, emission: Any, k: int, shares: Floats) -> None:
        """Draw a density, or none; one that has moved too little to be seen stays."""
        x, y = self._density(emission, k, float(shares[k])) if emission is not None else NO_CURVE
        old_x, old_y = curve.xData, curve.yData
        same = old_x is not None and np.array_equal(x, old_x)
        if not same or (y.size and np.abs(y - old_y).max() > UNSEEN * self._top):
            curve.setData(x, y)

    def show_locks(self, locks: list[tuple[str, int, int]]) -> None:
        """Put padlocks where things are held: (group, state, symbol or −1) each."""
        places = [self._place_of(*lock) for lock in locks] if self._emission is not None else []
        found = [place for place in places if place is not None]
        self.padlocks.place(np.array(found).reshape(-1, 2))

    def _place_of(self, group: str, state: int, symbol: int) -> tuple[float, float] | None:
        """Return where something is drawn."""
        emission = self._emission
        if group == "emission":
            if self._heat_map:
                return float(symbol), float(state)
            height = min(0.1 * self._top + float(emission.probs[state, symbol]), 0.88 * self._top)
            return symbol - 0.4 + (state + 0.5) * 0.8 / self._n_states, height
        x, y = self.curves[state].getData()
        if x is None or not len(x):
            return None
        mean = emission.rates if group == "rates" else emission.means[:, self._column]
        place = float(mean[state])
        if group == "covariances":
            place += math.sqrt(float(emission.covariances[state, self._column, self._column]))
        return place, float(np.interp(place, x, y))

    def _on_clicked(self, event: Any) -> None:
        """Find what is under a right-click."""
        if event.button() != Qt.MouseButton.RightButton or self._emission is None:
            return
        box = self.plotItem.vb
        if not box.sceneBoundingRect().contains(event.scenePos()):
            return
        event.accept()
        place = box.mapSceneToView(event.scenePos())
        x, y, k = place.x(), place.y(), self._n_states
        state, symbol = 0, -1
        if self._observed.symbols:
            symbol = min(max(round(x), 0), len(self._observed.symbols) - 1)
            state = round(y) if self._heat_map else math.floor((x - symbol + 0.4) / 0.8 * k)
        else:
            heights = [np.interp(x, *c.getData()) for c in self.curves]
            state = int(np.argmin(np.abs(np.array(heights) - y)))
        self.asked.emit(min(max(state, 0), k - 1), symbol, event.screenPos().toPoint())

    def _density(self, emission: Any, k: int, share: float) -> tuple[Floats, Floats]:
        if isinstance(emission, PoissonEmission):
            x = np.arange(max(0, math.ceil(self._grid[0])), math.floor(self._grid[-1]) + 1.0)
            return x, share * poisson_probs(x, float(emission.rates[k]))
        assert isinstance(emission, GaussianEmission)
        mean = float(emission.means[k, self._column])
        variance = float(emission.covariances[k, self._column, self._column])
        z = (self._grid - mean) ** 2 / variance
        return self._grid, share * np.exp(-0.5 * z) / math.sqrt(2.0 * math.pi * variance)

    def _draw_bars(self, probs: Floats, ghost: Any, truth: Any) -> None:
        k, m = probs.shape
        width = 0.8 / k
        for i, bar in enumerate(self.bars):
            left = np.arange(m) - 0.4 + i * width
            bar.setOpts(x=left + width / 2.0, height=probs[i], width=width * 0.94)
            for items, other in ((self.ghosts, ghost), (self.truths, truth)):
                if other is None:
                    items[i].setData([], [])
                    continue
                # The truth may know fewer symbols than the model was given.
                probs_there = other.probs[i][:m]
                from_left = left[: len(probs_there)]
                x = np.stack([from_left, from_left + width * 0.94], axis=1).ravel()
                items[i].setData(x, np.repeat(probs_there, 2), connect="pairs")
        self._draw_arrows(probs, ghost, width)
        highest = float(probs.max())
        if truth is not None:
            highest = max(highest, float(truth.probs.max()))
        self.raise_top(highest * 1.05)

    def _draw_arrows(self, probs: Floats, ghost: Any, width: float) -> None:
        """Draw arrows from the bars before to the bars now."""
        if ghost is None or ghost.probs.shape != probs.shape:
            self.arrows.clear()
            return
        k, m = probs.shape
        middle = np.arange(m) - 0.4 + (np.arange(k)[:, None] + 0.5) * width
        starts = np.stack([middle, ghost.probs], axis=2).reshape(-1, 2)
        ends = np.stack([middle, probs], axis=2).reshape(-1, 2)
        self.arrows.draw(starts, ends, [theme_manager().current.color("text", 0.8)])

    @property
    def top(self) -> float:
        """Where the axis of probabilities ends."""
        return self._top

    def raise_top(self, wanted: float) -> None:
        """Make the axis reach at least so high."""
        # The axis grows in steps and never shrinks during a run: bars must not seem to move.
        if wanted > self._top:
            step = 10.0 ** math.floor(math.log10(wanted)) / 2.0
            self._top = math.ceil(wanted / step) * step
        self.setYRange(0.0, self._top, padding=0)

    def _draw_heat(self, probs: Floats) -> None:
        theme = theme_manager().current
        panel = theme.color("panel")
        base = np.array([panel.red(), panel.green(), panel.blue()], dtype=float)
        strength = np.sqrt(probs / max(float(probs.max()), 1e-300))[:, :, None]
        image = (1.0 - strength) * base + strength * component_colors(len(probs))[:, None, :]
        self.heat.setImage(np.swapaxes(image, 0, 1).astype(np.uint8), autoLevels=False)
        self.heat.setRect(QRectF(-0.5, -0.5, probs.shape[1], probs.shape[0]))


def poisson_probs(x: Floats, rate: float) -> Floats:
    """Return ``λ^x e^−λ / x!`` for whole numbers x."""
    log_factorial = np.array([math.lgamma(v + 1.0) for v in x])
    log_rate = math.log(rate) if rate > 0 else -math.inf
    power = np.where(x > 0, x * log_rate, 0.0)
    return np.asarray(np.exp(power - rate - log_factorial))
