"""What past, future and both say about one time step: α, β and γ as three small bars."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.wording import probability

WORDS = ("α past", "β future", "γ both")
NAMES, BAR, VALUE, LINE, EDGE = 54, 84, 40, 17, 6
"""Widths of words, bars and values, height of a line and the edge around them, px."""


class MessageBars(QWidget):
    """Three stacked bars, and beside each the share of the state that γ prefers.

    Attributes
    ----------
    shares : (3, K) float
        α, β and γ of one step; rows sum to one.
    state : int
        The state that γ prefers.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("messages")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.shares: Floats = np.ones((3, 1))
        self.state = 0
        self.hide()

    def show_messages(self, alpha: Floats, beta: Floats, gamma: Floats) -> None:
        """Take what is known of a step, each (K,)."""
        future = beta / max(float(beta.sum()), 1e-300)
        self.shares = np.stack([alpha, future, gamma])
        self.state = int(gamma.argmax())
        px = theme_manager().px
        self.resize(px(NAMES + BAR + VALUE + 2 * EDGE), px(3 * LINE + 2 * EDGE))
        self.setAccessibleName(self.words())
        self.update()

    def words(self) -> str:
        """Say the numbers: "State 1: α past .62, β future .64, γ both .74"."""
        values = (
            f"{w} {probability(float(s[self.state]))}"
            for w, s in zip(WORDS, self.shares, strict=True)
        )
        return f"State {self.state + 1}: {', '.join(values)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw words, bars and values."""
        theme, px = theme_manager().current, theme_manager().px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("hairline"))
        painter.setBrush(theme.color("panel", 0.94))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setFont(ui_font(CAPTION))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for i, (word, shares) in enumerate(zip(WORDS, self.shares, strict=True)):
            top = px(EDGE + i * LINE)
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(px(EDGE), top, px(NAMES), px(LINE)), left, word)
            value = probability(float(shares[self.state]))
            x = float(px(EDGE + NAMES + BAR + 6))
            painter.drawText(QRectF(x, top, px(VALUE), px(LINE)), left, value)
            x = float(px(EDGE + NAMES))
            painter.setPen(Qt.PenStyle.NoPen)
            for k, share in enumerate(shares):
                painter.setBrush(theme.component(k))
                painter.drawRect(QRectF(x, top + px(3), px(BAR) * float(share), px(LINE - 6)))
                x += px(BAR) * float(share)
        painter.end()
