"""Marks with a meaning: faces of a die and letters, as pyqtgraph symbols of unit size."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainterPath, QTransform
from PySide6.QtWidgets import QApplication

DIE_FACES = ("1", "2", "3", "4", "5", "6")

PIPS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 0),),
    2: ((-1, -1), (1, 1)),
    3: ((-1, -1), (0, 0), (1, 1)),
    4: ((-1, -1), (-1, 1), (1, -1), (1, 1)),
    5: ((-1, -1), (-1, 1), (0, 0), (1, -1), (1, 1)),
    6: ((-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)),
}
"""Where the pips of each face are, in thirds of the die."""


@cache
def die_face(face: int) -> QPainterPath:
    """Return a die showing ``face``: a rounded square with its pips left out."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    path.addRoundedRect(QRectF(-0.5, -0.5, 1.0, 1.0), 0.16, 0.16)
    for x, y in PIPS[face]:
        path.addEllipse(QRectF(0.27 * x - 0.1, 0.27 * y - 0.1, 0.2, 0.2))
    return path


@cache
def letter(text: str) -> QPainterPath:
    """Return a letter; from the tallest to the deepest it fills one unit."""
    path = QPainterPath()
    if text == "␣":
        # Not every font has the sign for a space.
        path.addRect(QRectF(-0.35, 0.22, 0.7, 0.1))
        path.addRect(QRectF(-0.35, 0.02, 0.1, 0.2))
        path.addRect(QRectF(0.25, 0.02, 0.1, 0.2))
        return path
    font = QFont(QApplication.font().family())
    font.setPixelSize(100)
    font.setWeight(QFont.Weight.DemiBold)
    path.addText(0.0, 0.0, font, text)
    middle = path.boundingRect().center().x()
    return QTransform().scale(0.01, 0.01).translate(-middle, 27.0).map(path)


def glyphs_for(symbols: tuple[str, ...]) -> list[QPainterPath] | None:
    """Return a mark per symbol, or None where names are too long to be marks."""
    if symbols == DIE_FACES:
        return [die_face(face) for face in range(1, 7)]
    if symbols and all(len(name) == 1 for name in symbols):
        return [letter(name) for name in symbols]
    return None
