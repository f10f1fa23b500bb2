"""The picture of the bound, large, in the corner of the play area; no dialog, nothing waits."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.ui.icons import icon
from em_explorer.ui.panels.explain import wrapped
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.bound_picture import LARGE, BoundPicture, BoundView

WIDTH, HEIGHT, MARGIN = 460, 372, 8
"""The largest it gets, and its distance from the corner, px."""

WORDS = {
    "": "",  # the picture itself says so
    "E": "E lifts the bound until it touches the likelihood at today’s parameters θ. From there "
    "the M-step will climb to the bound’s top.",
    "M": "M has taken θ to the bound’s top. The likelihood there is higher by the gap, which the "
    "next E-step closes.",
}
BOUND_ONLY = (
    "The likelihood is out of reach in this model: q is the best of a family. M takes θ to the "
    "bound’s top all the same."
)


class BoundOverlay(QFrame):
    """A card over the lower right corner of another widget.

    Signals
    -------
    closed()
    """

    closed = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("bound_overlay")
        self.setProperty("role", "card")
        self._over = over
        title = QLabel("The bound along this step")
        title.setProperty("role", "title")
        self.close_button = QToolButton()
        self.close_button.setObjectName("close_bound")
        self.close_button.setAccessibleName("Close the picture of the bound")
        self.close_button.setToolTip("Close (P)")
        self.close_button.clicked.connect(self.closed)
        self.picture = BoundPicture("bound_picture_large", LARGE)
        self.picture.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.words = wrapped(role="secondary", name="bound_overlay_words")
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.picture, 1)
        column.addWidget(self.words)
        over.installEventFilter(self)
        theme_manager().changed.connect(self._retheme)
        self._retheme()
        self._place()

    def show_view(self, view: BoundView, exact: bool) -> None:
        """Draw a step and say what is seen."""
        self.picture.show_view(view)
        self.words.setText(WORDS[view.phase] if exact or not view.phase else BOUND_ONLY)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        px, area = theme_manager().px, self._over.rect()
        width = min(px(WIDTH), area.width() - 2 * MARGIN)
        height = min(px(HEIGHT), area.height() - 2 * MARGIN)
        self.setGeometry(
            area.right() - width - MARGIN, area.bottom() - height - MARGIN, width, height
        )
        self.raise_()

    def _retheme(self, *_: object) -> None:
        self.close_button.setIcon(icon("close", theme_manager().current.text))
        self._place()
