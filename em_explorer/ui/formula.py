"""A formula from the assets, drawn in the text's color."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
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
        source = asset("formulas", f"{self._name}.svg").read_text(encoding="utf-8")
        source = source.replace("currentColor", theme_manager().current.text)
        renderer = QSvgRenderer(QByteArray(source.encode()))
        natural = renderer.defaultSize()
        room = theme_manager().px(MOST_WIDTH)
        scale = min(theme_manager().scale, room / max(natural.width(), 1))
        size = QSize(round(natural.width() * scale), round(natural.height() * scale))
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size.width(), size.height()))
        painter.end()
        self.setPixmap(pixmap)
