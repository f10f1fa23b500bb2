"""The program's own icons: strokes in ``assets/icons``, drawn in any color, at any size."""

from __future__ import annotations

from functools import cache
from math import ceil

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from em_explorer.data.assets import asset
from em_explorer.ui.theme import theme_manager

SIZES = (16, 20, 24, 32, 48, 64)
"""Pixel sizes an icon may hold; Qt picks the nearest that is large enough."""
LARGEST = 24
"""Of the sizes that buttons ask for, at the usual scale and density."""


def icon(name: str, color: str, disabled: str | None = None) -> QIcon:
    """Return an icon.

    Parameters
    ----------
    name : str
        A file of ``assets/icons`` without its ending, as ``"play"``.
    color : str
        ``#RRGGBB``, mostly the theme's text color.
    disabled : str, optional
        Color while its button is disabled; without it, the color at 35 %.
    """
    # Most screens and scales need but the small ones: two dozen icons in two states take time.
    density = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    largest = LARGEST * ceil(density * theme_manager().scale)
    return _icon(name, color, disabled, tuple(size for size in SIZES if size <= largest))


@cache
def _icon(name: str, color: str, disabled: str | None, sizes: tuple[int, ...]) -> QIcon:
    drawing = _drawing(name, QColor(color))
    off, opacity = (_drawing(name, QColor(disabled)), 1.0) if disabled else (drawing, 0.35)
    result = QIcon()
    for size in sizes:
        result.addPixmap(_drawn(drawing, 1.0, size))
        result.addPixmap(_drawn(off, opacity, size), QIcon.Mode.Disabled)
    return result


@cache
def app_icon() -> QIcon:
    """Return the program's icon, for the window and the task bar."""
    drawing = _drawing("em_explorer", QColor("black"))
    result = QIcon()
    for size in (*SIZES, 128, 256):
        result.addPixmap(_drawn(drawing, 1.0, size))
    return result


def _drawing(name: str, color: QColor) -> QSvgRenderer:
    # QtSvg knows no currentColor, so the color is put in as text.
    source = asset("icons", f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(source.replace("currentColor", color.name()).encode()))


def _drawn(drawing: QSvgRenderer, opacity: float, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    drawing.render(painter, QRectF(0, 0, size, size))
    if opacity < 1.0:
        # After the drawing, or strokes that overlap would show.
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        painter.fillRect(0, 0, size, size, QColor.fromRgbF(0, 0, 0, opacity))
    painter.end()
    return pixmap
