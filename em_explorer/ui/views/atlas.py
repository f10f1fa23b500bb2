"""A scatter whose marks are copied from a picture of ready-made ones.

Making a brush per point is what is slow about points of many colors. Here every symbol is drawn
once, in white; its tiles in all colors that occur are made from that by numpy, and a frame says
only which tile each point takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols, drawSymbol
from pyqtgraph.Qt import internals
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPixmap

from em_explorer.em.arrays import Floats, Ints

BITS = 6
"""Colors are rounded to so many bits a channel: no eye sees the difference."""

LEVELS = 1 << BITS
TILES_A_ROW = 64
MOST_SIZES = 8
"""Tiles are kept for so many sizes; each keeps a table of all colors."""

FARTHEST = 2.0**30
"""Qt crashes on coordinates far beyond this, px."""


def color_codes(colors: Floats) -> Ints:
    """Return the number of each (N, 3) color, 0 to 255 a channel, after rounding."""
    steps = (np.clip(colors, 0.0, 255.0) * ((LEVELS - 1) / 255.0) + 0.5).astype(np.int64)
    return (steps[:, 0] << (2 * BITS)) | (steps[:, 1] << BITS) | steps[:, 2]


def code_colors(codes: Ints) -> Floats:
    """Return the (N, 3) colors behind :func:`color_codes`."""
    mask = LEVELS - 1
    steps = np.stack([codes >> (2 * BITS), (codes >> BITS) & mask, codes & mask], axis=1)
    return steps * (255.0 / (LEVELS - 1))


class SymbolTiles:
    """Tiles of one size: symbols in colors.

    Parameters
    ----------
    size : float, px
        Of the symbols.
    alpha : int
        Opacity of the marks, 0 to 255.
    ratio : float
        Device pixels per pixel.
    """

    def __init__(self, size: float, alpha: int, ratio: float = 1.0) -> None:
        self.size, self.alpha, self.ratio = size, alpha, ratio
        self.side = int(np.ceil((size + 2.0) * ratio))
        self._masks: dict[str, Floats] = {}
        self._slots: dict[str, NDArray[np.int32]] = {}
        self._n = 0
        self._pixels = np.zeros((0, TILES_A_ROW * self.side, 4), dtype=np.uint8)
        self._pixmap: QPixmap | None = None

    def corners(self, symbol: str, codes: Ints) -> Ints:
        """Return where the tiles of a symbol lie, (N, 2) device px, making those that are new."""
        slots = self._slots.setdefault(symbol, np.full(LEVELS**3, -1, dtype=np.int32))
        found = slots[codes]
        if (found < 0).any():
            # Not np.unique, which brings in numpy.ma: 20 ms of the first picture.
            new = np.flatnonzero(np.bincount(codes[found < 0]))
            slots[new] = self._n + np.arange(len(new))
            self._make(symbol, code_colors(new))
            found = slots[codes]
        places = np.stack([found % TILES_A_ROW, found // TILES_A_ROW], axis=1)
        return places.astype(np.int64) * self.side

    @property
    def pixmap(self) -> QPixmap:
        """All tiles made so far."""
        if self._pixmap is None:
            height, width, _ = self._pixels.shape
            image = QImage(
                self._pixels.data,
                width,
                height,
                width * 4,
                QImage.Format.Format_ARGB32_Premultiplied,
            )
            self._pixmap = QPixmap.fromImage(image.copy())  # the copy owns its memory
        return self._pixmap

    def _make(self, symbol: str, colors: Floats) -> None:
        first, self._n = self._n, self._n + len(colors)
        n_rows = -(-self._n // TILES_A_ROW)
        room = len(self._pixels) // self.side
        if n_rows > room:  # grows by halves, so that it is seldom copied
            more = max(n_rows, 2 * room) - room
            wider = np.zeros((more * self.side, *self._pixels.shape[1:]), dtype=np.uint8)
            self._pixels = np.concatenate([self._pixels, wider])
        mask = self._mask(symbol)
        bgra = np.empty((len(colors), 4))
        bgra[:, :3], bgra[:, 3] = colors[:, ::-1], 255.0
        tiles = np.round(mask[None, :, :, None] * bgra[:, None, None, :]).astype(np.uint8)
        for i, tile in enumerate(tiles, start=first):
            y, x = (i // TILES_A_ROW) * self.side, (i % TILES_A_ROW) * self.side
            self._pixels[y : y + self.side, x : x + self.side] = tile
        self._pixmap = None

    def _mask(self, symbol: str) -> Floats:
        """Return how much of each pixel a symbol covers, (side, side), opacity included."""
        if symbol not in self._masks:
            image = QImage(self.side, self.side, QImage.Format.Format_ARGB32_Premultiplied)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(self.ratio, self.ratio)
            middle = 0.5 * self.side / self.ratio
            painter.translate(middle, middle)
            white = QBrush(QColor(255, 255, 255, self.alpha))
            drawSymbol(painter, symbol, self.size, pg.mkPen(None), white)
            painter.end()
            bytes_ = np.frombuffer(image.constBits(), dtype=np.uint8)
            pixels = bytes_.reshape(self.side, image.bytesPerLine() // 4, 4)
            self._masks[symbol] = pixels[:, : self.side, 3] / 255.0
        return self._masks[symbol]


class AtlasScatter(pg.GraphicsObject):
    """Points as marks of few sizes in many colors, copied from :class:`SymbolTiles`.

    Attributes
    ----------
    places : (N, 2) float
    codes : (N,) int
        The color of each point, see :func:`color_codes`.
    symbols : tuple of str
        The symbols in use.
    kinds : (N,) int
        Which of them each point has.
    sizes : (N,) float, px, or None
        Of each point's mark, where they differ; the largest lie on top.
    as_shapes : bool
        Draw each mark by itself, as files of shapes need it; slow.
    """

    def __init__(self, size: float, alpha: int) -> None:
        super().__init__()
        self.alpha = alpha
        self.size = size
        self.places: Floats = np.empty((0, 2))
        self.codes: Ints = np.empty(0, dtype=np.int64)
        self.kinds: Ints = np.empty(0, dtype=np.int64)
        self.symbols: tuple[str, ...] = ("o",)
        self.sizes: Floats | None = None
        self.as_shapes = False
        self._bounds = QRectF()
        self._tiles: dict[tuple[float, float], SymbolTiles] = {}
        self._fragments = internals.PrimitiveArray(QPainter.PixmapFragment, 10)

    def set_places(self, places: Floats) -> None:
        """Take other points, (N, 2); they are black until they are colored."""
        self.places = places
        self.codes = np.zeros(len(places), dtype=np.int64)
        self.kinds = np.zeros(len(places), dtype=np.int64)
        self.sizes = None
        self.prepareGeometryChange()
        self._bounds = QRectF()
        if len(places):
            low, high = places.min(axis=0), places.max(axis=0)
            self._bounds = QRectF(QPointF(*low), QPointF(*high))
        self.update()

    def paint_points(
        self,
        colors: Floats,
        symbols: Sequence[str] = ("o",),
        kinds: Ints | None = None,
        size: float | None = None,
        sizes: Floats | None = None,
    ) -> None:
        """Color the points, and give each one of the symbols.

        Parameters
        ----------
        colors : (N, 3) float, 0 to 255
        symbols : sequence of str
        kinds : (N,) int, optional
            Which of the symbols; the first for all.
        size : float, px, optional
        sizes : (N,) float, px, optional
            A size for each; a handful of different ones, as tiles are made for each of them.
        """
        self.codes = color_codes(colors)
        self.symbols = tuple(symbols)
        self.kinds = np.zeros(len(colors), dtype=np.int64) if kinds is None else kinds
        self.size = self.size if size is None else size
        if sizes is not None or self.sizes is not None:
            self.prepareGeometryChange()
        self.sizes = sizes
        self.update()

    @property
    def colors(self) -> Floats:
        """The (N, 3) colors drawn, 0 to 255."""
        return code_colors(self.codes)

    def getData(self) -> tuple[Floats, Floats]:
        """Return x and y, as other items do."""
        return self.places[:, 0], self.places[:, 1]

    def boundingRect(self) -> QRectF:
        """Return the points' rectangle with room for their marks."""
        if not len(self.places):
            return QRectF()
        across, up = self.pixelVectors()
        largest = self.size if self.sizes is None else float(self.sizes.max(initial=self.size))
        room = 0.5 * largest + 2.0
        x = 0.0 if across is None else room * abs(across.x())
        y = 0.0 if up is None else room * abs(up.y())
        return self._bounds.adjusted(-x, -y, x, y)

    def viewTransformChanged(self) -> None:
        """Have the room for the marks measured again."""
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Copy each point's tile to its place."""
        if not len(self.places) or len(self.codes) != len(self.places):
            return
        matrix = painter.transform()
        linear = np.array([[matrix.m11(), matrix.m12()], [matrix.m21(), matrix.m22()]])
        places = self.places @ linear + (matrix.dx(), matrix.dy())
        places = np.clip(places, -FARTHEST, FARTHEST)
        painter.resetTransform()
        if self.as_shapes:
            self._paint_shapes(painter, places)
            return
        device = painter.device()
        ratio = device.devicePixelRatioF() if widget is None else widget.devicePixelRatioF()
        if self.sizes is None:
            self._paint_tiles(painter, places, np.arange(len(places)), (self.size, ratio))
            return
        for size in np.unique(self.sizes):
            rows = np.flatnonzero(self.sizes == size)
            self._paint_tiles(painter, places[rows], rows, (float(size), ratio))

    def _paint_tiles(
        self, painter: QPainter, places: Floats, rows: Ints, kind: tuple[float, float]
    ) -> None:
        """Copy the tiles of some points, all of one ``kind``: size and device pixels per pixel."""
        if kind not in self._tiles:
            if len(self._tiles) >= MOST_SIZES:
                self._tiles.clear()
            self._tiles[kind] = SymbolTiles(kind[0], self.alpha, kind[1])
        tiles, ratio = self._tiles[kind], kind[1]
        corners = self._corners(tiles, rows)
        self._fragments.resize(len(places))
        fragments = self._fragments.ndarray()
        fragments[:, 0:2] = places
        fragments[:, 2:4] = corners
        fragments[:, 4:6] = tiles.side
        fragments[:, 6:10] = [1.0 / ratio, 1.0 / ratio, 0.0, 1.0]  # scales, rotation, opacity
        draw: Any = painter.drawPixmapFragments  # takes an address and a number, too
        draw(*self._fragments.drawargs(), tiles.pixmap)

    def _corners(self, tiles: SymbolTiles, rows: Ints) -> Ints:
        codes, kinds = self.codes[rows], self.kinds[rows]
        if len(self.symbols) == 1:
            return tiles.corners(self.symbols[0], codes)
        corners = np.empty((len(codes), 2), dtype=np.int64)
        for kind, symbol in enumerate(self.symbols):
            mine = kinds == kind
            if mine.any():
                corners[mine] = tiles.corners(symbol, codes[mine])
        return corners

    def _paint_shapes(self, painter: QPainter, places: Floats) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        no_pen = pg.mkPen(None)
        sizes = np.full(len(places), self.size) if self.sizes is None else self.sizes
        marks = zip(places, self.colors, self.kinds, sizes.tolist(), strict=True)
        for place, color, kind, size in marks:
            painter.resetTransform()
            painter.translate(*place)
            red, green, blue = (round(float(c)) for c in color)
            brush = QBrush(QColor(red, green, blue, self.alpha))
            drawSymbol(painter, Symbols[self.symbols[kind]], size, no_pen, brush)
