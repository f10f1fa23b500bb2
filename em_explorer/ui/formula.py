"""A formula from the assets, drawn in the text's color."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QLabel, QWidget

from em_explorer.data.assets import asset
from em_explorer.ui.theme import theme_manager

MOST_WIDTH = 232
"""Formulas wider than this are drawn smaller: the panel is this wide inside its padding, px."""


class FormulaLabel(QLabel):
    """Show one formula at the size of the text around it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        theme_manager().changed.connect(self._render)

    def show_formula(self, name: str) -> None:
        """Show ``assets/formulas/<name>.svg``."""
        if name != self._name:
            self._name = name
            self.setAccessibleName(f"Formula: {name.replace('_', ' ').replace('-', ' ')}")
            self._render()

    def _render(self, *_: object) -> None:
        if not self._name:
            return
        manager = theme_manager()
        ratio = self.devicePixelRatioF()
        image = _draw(self._name, manager.current.text, manager.scale, ratio)
        self.setPixmap(QPixmap.fromImage(image))


@lru_cache(maxsize=64)
def _draw(name: str, color: str, scale: float, ratio: float) -> QImage:
    """Draw a formula; E-step and M-step take turns, so each is kept."""
    source = asset("formulas", f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", color).encode()))
    natural = renderer.defaultSize()
    fitted = min(scale, round(MOST_WIDTH * scale) / max(natural.width(), 1))
    size = QSize(round(natural.width() * fitted), round(natural.height() * fitted))
    image = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    return image
