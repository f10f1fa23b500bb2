"""What the topic maps share: cells colored by topic, symbols, text that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QTransform

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import theme_manager


def rgb_of(color: QColor | str) -> Floats:
    """Return a color as three numbers, 0 to 255."""
    color = QColor(color)
    return np.array([color.red(), color.green(), color.blue()], dtype=float)


def topic_rgb(n: int) -> Floats:
    """Return the theme's colors of topics 0 to n − 1, (n, 3)."""
    theme = theme_manager().current
    return np.array([rgb_of(theme.component(k)) for k in range(n)]).reshape(n, 3)


def ink(values: Floats, colors: Floats) -> Floats:
    """Return the color of cells: paper at 0, the full color at 1.

    Parameters
    ----------
    values : (R, C) float
    colors : broadcasts to (R, C, 3)

    Returns
    -------
    (R, C, 3) float
    """
    paper = rgb_of(theme_manager().current.panel)
    share = np.clip(values, 0.0, 1.0)[..., None]
    return np.asarray(paper + share * (colors - paper))


def to_image(rgb: Floats) -> QImage:
    """Return an (R, C, 3) array as an image of C × R pixels."""
    rows, columns, _ = rgb.shape
    pixels = np.full((rows, columns, 4), 255, dtype=np.uint8)
    pixels[..., :3] = np.clip(rgb, 0, 255)[..., ::-1]
    image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
    return image.copy()  # the copy owns its memory


def share_pixels(values: Floats, n_pixels: int) -> Floats:
    """Average the rows that fall on one pixel line, so that none is dropped."""
    if len(values) <= n_pixels:
        return values
    edges = np.linspace(0, len(values), n_pixels + 1).astype(int)[:-1]
    sizes = np.diff(np.append(edges, len(values)))[:, None]
    return np.asarray(np.add.reduceat(values, edges, axis=0) / sizes)


def draw_symbol(painter: QPainter, topic: int, x: float, y: float, size: float) -> None:
    """Draw a topic's symbol in its color, centered at (x, y)."""
    theme = theme_manager().current
    path = pg.graphicsItems.ScatterPlotItem.Symbols[theme.symbol(topic)]
    placed = QTransform().translate(x, y).scale(size, size).map(path)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(placed, theme.component(topic))


def draw_triangle(painter: QPainter, up: bool, x: float, y: float, size: float) -> None:
    """Draw ▲ or ▼ centered at (x, y) in the painter's pen color."""
    draw_triangles(painter, [(up, x, y)], size)


def draw_triangles(
    painter: QPainter, places: Iterable[tuple[bool, float, float]], size: float
) -> None:
    """Draw many ▲ and ▼ at once: (up, x, y) each, in the painter's pen color."""
    path = QPainterPath()
    half = 0.5 * size
    for up, x, y in places:
        height = 0.45 * size * (1 if up else -1)
        path.addPolygon(
            [QPointF(x - half, y + height), QPointF(x + half, y + height), QPointF(x, y - height)]
        )
        path.closeSubpath()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(painter.pen().color())
    painter.drawPath(path)


def frame(painter: QPainter, rect: QRectF, color: QColor | str, width: float = 1.0) -> None:
    """Draw the outline of a rectangle."""
    painter.save()
    painter.setPen(QPen(QColor(color), width))
    painter.setBrush(QColor(0, 0, 0, 0))
    painter.drawRect(rect)
    painter.restore()


def name_groups(names: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Find runs of documents of one book: names alike but for the number at the end.

    Returns
    -------
    list of (name, first, last + 1)
        Empty unless there are 2 to 20 runs of at least 3 documents on average.
    """
    groups: list[tuple[str, int, int]] = []
    for d, name in enumerate(names):
        stem = re.sub(r"[\s,:#.-]*\d+$", "", name)
        if groups and groups[-1][0] == stem:
            groups[-1] = (stem, groups[-1][1], d + 1)
        else:
            groups.append((stem, d, d + 1))
    return groups if 2 <= len(groups) <= min(20, len(names) // 3) else []
