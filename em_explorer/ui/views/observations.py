"""What was seen, over time: dots on rows of symbols or at values; dice or letters from close by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from em_explorer.em.arrays import Floats, Ints
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.glyphs import DIE_FACES, glyphs_for
from em_explorer.ui.views.scatter import BrushCache, blend, component_colors
from em_explorer.ui.views.shapes import apart

MOST_MARKS = 1200
"""More steps in view than this are drawn as an image."""

VALUE_ROWS = 96
GLYPH_FROM = 11.0
"""Room per step, px, from which a die or a letter can be read."""

LONGEST_LABEL = 14
"""A longer one does not fit beside a low plot."""

ROW_FOR_NAME = 9.5
"""Room a row needs for the name beside it, px."""

MANY_SYMBOLS = 12
"""More kinds of symbols than this are written on one line once they can be read."""


@dataclass(frozen=True)
class Observed:
    """One column of the observations.

    Attributes
    ----------
    values : (T,) float
        Symbol numbers, counts or measurements, in the data's units.
    symbols : tuple of str
        Names of the symbols; empty for counts and measurements.
    label : str
        What the axis says.
    """

    values: Floats
    symbols: tuple[str, ...]
    label: str

    @property
    def y_range(self) -> tuple[float, float]:
        """Lowest and highest value drawn."""
        if self.symbols:
            return -0.6, len(self.symbols) - 0.4
        low, high = float(self.values.min()), float(self.values.max())
        room = 0.08 * (high - low) or 1.0
        return low - room, high + room


class ObservationLayer:
    """The items that draw :class:`Observed` into one plot.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
    """

    def __init__(self, plot: Any) -> None:
        self.plot = plot
        self.image = pg.ImageItem()
        self.line = pg.PlotCurveItem(antialias=False)
        self.marks = pg.ScatterPlotItem(pen=None)
        self.levels: list[pg.InfiniteLine] = []
        for item in (self.image, self.line, self.marks):
            plot.addItem(item, ignoreBounds=True)
        self.observed = Observed(np.zeros(1), (), "")
        self._x0, self._dx = 0.0, 1.0
        self._brushes = BrushCache()
        self._rows: Ints = np.zeros(1, dtype=np.int64)
        self._one_line = False
        self._crowded = False
        self._every = 1

    def show(self, observed: Observed, x0: float, dx: float) -> None:
        """Take other observations; step t lies at ``x0 + t · dx``."""
        self.observed, self._x0, self._dx = observed, x0, dx
        low, high = observed.y_range
        self.plot.setYRange(low, high, padding=0)
        short = not observed.symbols and len(observed.label) <= LONGEST_LABEL
        self.plot.setLabel("left", observed.label if short else "")
        if observed.symbols:
            self._rows = observed.values.astype(np.int64)
        else:
            share = (observed.values - low) / (high - low)
            self._rows = np.clip((share * VALUE_ROWS).astype(np.int64), 0, VALUE_ROWS - 1)
        self._one_line = False
        self.retheme()

    def retheme(self) -> None:
        """Take the theme's colors."""
        theme = theme_manager().current
        self.line.setPen(pg.mkPen(theme.color("secondary", 0.35), width=1))
        self._style_levels()
        self._set_ticks()

    def _style_levels(self) -> None:
        """Draw the means behind marks, or so that they can be seen on a crowd of their color."""
        theme = theme_manager().current
        for k, line in enumerate(self.levels):
            color = apart(k) if self._crowded else theme.component(k)
            line.setPen(pg.mkPen(color, width=1.5))
            line.setZValue(5 if self._crowded else -5)

    def _set_ticks(self) -> None:
        axis, symbols = self.plot.getAxis("left"), self.observed.symbols
        if not symbols:
            axis.setTicks(None)
            return
        if self._one_line:
            axis.setTicks([[((len(symbols) - 1) / 2.0, self.observed.label)]])
            return
        names = [s if len(s) <= 9 else s[:8] + "…" for s in symbols]
        if symbols == DIE_FACES:
            names = [f"{s} {chr(0x2680 + i)}" for i, s in enumerate(symbols)]
        self._every = every = self._named()
        # Where there is no room for all, the last counts most: a six.
        first = 0 if len(symbols) > MANY_SYMBOLS else (len(symbols) - 1) % every
        axis.setTicks([[(i, names[i]) for i in range(first, len(symbols), every)]])

    def _named(self) -> int:
        """Return 1 where each row has room for its name, 2 where every second has, and so on."""
        n, least = len(self.observed.symbols), theme_manager().px(ROW_FOR_NAME)
        every = 1 if n <= MANY_SYMBOLS else 4
        row = self.plot.vb.height() / max(n, 1)
        while every < n and 0 < row * every < least:
            every *= 2
        return every

    @property
    def rows(self) -> Ints:
        """The row of each step's dot in an image."""
        return self._rows

    def dot_rows(self, n_steps: int) -> int:
        """Return how many rows an image of so many steps has; 0 where they are marks."""
        if n_steps <= MOST_MARKS:
            return 0
        return len(self.observed.symbols) or VALUE_ROWS

    def draw(
        self, start: int, stop: int, pixels: float, gamma: Floats | None, dots: Any = None
    ) -> None:
        """Draw the steps ``start … stop − 1`` over a width of ``pixels``.

        Parameters
        ----------
        gamma : (T, K) float or None
            Colors each step by its posterior; neutral before the first E-step.
        dots : image or None
            Of more steps than can be drawn as marks.
        """
        n = stop - start
        if self._crowded is not (dots is not None):
            self._crowded = dots is not None
            self._style_levels()
        if dots is not None:
            self.marks.clear()
            self.line.setData([], [])
            self._place_image(start, stop, dots)
            return
        self.image.clear()
        room = pixels / max(n, 1)
        symbols = self.observed.symbols
        glyphs = glyphs_for(symbols) if room >= GLYPH_FROM else None
        one_line = glyphs is not None and len(symbols) > MANY_SYMBOLS
        if one_line != self._one_line:
            self._one_line = one_line
            self._set_ticks()
        if symbols and self._named() != self._every:
            self._set_ticks()
        x = self._x0 + self._dx * np.arange(start, stop)
        y = self.observed.values[start:stop]
        if symbols:
            self.line.setData([], [])
        else:
            self.line.setData(x, y)
        size = float(np.clip(0.85 * room, 4.0, 7.0))
        marks: Any = "o"
        if glyphs is not None:
            size = float(np.clip(0.9 * room, 10.0, 18.0))
            marks = [glyphs[int(v)] for v in y]
        if one_line:
            y = np.full(n, (len(symbols) - 1) / 2.0)
            size = float(np.clip(1.1 * room, 12.0, 26.0))
        self.marks.setData(
            x=x,
            y=y,
            size=theme_manager().px(size),
            symbol=marks,
            brush=self._colors(gamma, x0=start, x1=stop),
        )

    def place_levels(self, means: Floats | None) -> None:
        """Draw a line at each state's mean, or none."""
        n = 0 if means is None else len(means)
        while len(self.levels) > n:
            self.plot.removeItem(self.levels.pop())
        if len(self.levels) < n:
            while len(self.levels) < n:
                line = pg.InfiniteLine(0.0, angle=0)
                self.plot.addItem(line, ignoreBounds=True)
                self.levels.append(line)
            self._style_levels()
        for line, mean in zip(self.levels, () if means is None else means, strict=True):
            line.setPos(float(mean))

    def _colors(self, gamma: Floats | None, *, x0: int, x1: int) -> Any:
        if gamma is None:
            return pg.mkBrush(theme_manager().current.color("secondary", 0.7))
        rgb = blend(gamma[x0:x1], component_colors(gamma.shape[1]))
        return self._brushes.brushes(rgb, 235)

    def _place_image(self, start: int, stop: int, dots: Any) -> None:
        if self._one_line:
            self._one_line = False
            self._set_ticks()
        symbols = self.observed.symbols
        low, high = (-0.5, len(symbols) - 0.5) if symbols else self.observed.y_range
        self.image.setImage(dots, autoLevels=False)
        left = self._x0 + self._dx * (start - 0.5)
        self.image.setRect(QRectF(left, low, self._dx * (stop - start), high - low))
