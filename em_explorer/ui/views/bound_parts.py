"""The bound taken apart, as steps up to log p(X): what is expected, the entropy, the gap."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from em_explorer.em.diagnostics import BoundParts
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.wording import nats, plain, signed

LINE = 18
"""Height of a step, px."""

LABELS, VALUES = 104, 76
"""Width of the words on the left and the numbers on the right, px."""

ROOM = 0.3
"""What is drawn left of the lowest step, as a share of all steps together."""


@dataclass(frozen=True)
class Stair:
    """One step: from where to where it goes, nats.

    Attributes
    ----------
    label, value, tip : str
    start : float or None
        None for a bar from the left edge: a sum.
    end : float
    token : str
        Its color in the theme.
    """

    label: str
    value: str
    tip: str
    start: float | None
    end: float
    token: str


def stairs(parts: BoundParts, phase: str) -> tuple[Stair, ...]:
    """Return the steps from the expected log joint up to the likelihood.

    Parameters
    ----------
    parts : BoundParts
    phase : str
        "E" or "M": the color of the bound.
    """
    joint = parts.expected_log_joint
    rows = [
        Stair(
            "E[log p(X, Z)]",
            nats(joint),
            "Expected log-likelihood of the data together with the hidden values. The M-step "
            "climbs here.",
            None,
            joint,
            "border",
        ),
        Stair(
            "+ entropy of q",
            signed(parts.entropy, 4),
            "How undecided the posterior q is. It stands still in the M-step.",
            joint,
            joint + parts.entropy,
            "e",
        ),
    ]
    if parts.log_prior:
        rows.append(
            Stair(
                "+ log prior",
                signed(parts.log_prior, 4),
                "What the parameters cost under their prior",
                joint + parts.entropy,
                parts.bound,
                "secondary",
            )
        )
    rows.append(
        Stair(
            "= bound F",
            nats(parts.bound),
            "What EM climbs, and what the curve shows",
            None,
            parts.bound,
            phase.lower() or "secondary",
        )
    )
    if parts.gap is not None:
        rows += _to_likelihood(parts)
    return tuple(rows)


def _to_likelihood(parts: BoundParts) -> list[Stair]:
    assert parts.gap is not None
    total = parts.bound + parts.gap
    with_prior = " (with the prior)" if parts.log_prior else ""
    return [
        Stair(
            "+ gap KL",
            "0" if parts.gap == 0 else f"+{plain(parts.gap, 4)}",
            "How far q is from the true posterior at these parameters: the M-step opens the gap, "
            "the E-step closes it.",
            parts.bound,
            total,
            "warning",
        ),
        Stair(
            "= log p(X)",
            nats(total),
            f"The log-likelihood of the data{with_prior}: never below the bound",
            None,
            total,
            "text",
        ),
    ]


class BoundStairs(QWidget):
    """Steps under each other, all on one axis of nats."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bound_parts")
        self.setAccessibleName("Parts of the bound")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.rows: tuple[Stair, ...] = ()
        theme_manager().changed.connect(self.updateGeometry)

    def show_rows(self, rows: tuple[Stair, ...]) -> None:
        """Draw other steps."""
        changed = len(rows) != len(self.rows)
        self.rows = rows
        self.setAccessibleDescription("; ".join(f"{row.label} {row.value}" for row in rows))
        if changed:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of all steps."""
        px = theme_manager().px
        return QSize(px(248), px(LINE) * max(len(self.rows), 1))

    def minimumSizeHint(self) -> QSize:
        """Return the height of all steps; the width may shrink."""
        return QSize(theme_manager().px(200), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw words, bars and numbers."""
        if not self.rows:
            return
        manager = theme_manager()
        px, theme = manager.px, manager.current
        painter = QPainter(self)
        painter.setFont(ui_font(CAPTION))
        left, right = px(LABELS), self.width() - px(VALUES)
        low, high = self._range()
        height = px(LINE)

        def x(value: float) -> float:
            return left + (right - left) * (value - low) / (high - low)

        for i, row in enumerate(self.rows):
            top = i * height
            sum_row = row.start is None
            painter.setPen(theme.color("text" if sum_row else "secondary"))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, left, height), int(middle), row.label)
            numbers = QRectF(right, top, self.width() - right, height)
            painter.drawText(numbers, int(middle | Qt.AlignmentFlag.AlignRight), row.value)
            start, end = x(low if row.start is None else row.start), x(row.end)
            bar = QRectF(min(start, end), top + 4, max(abs(end - start), 1.5), height - 8)
            painter.fillRect(bar, theme.color(row.token, 0.55 if sum_row else 1.0))
            if i + 1 < len(self.rows):  # where the next one begins
                painter.setPen(QPen(theme.color("border"), 1))
                painter.drawLine(round(end), round(top + height - 4), round(end), top + height + 4)
        painter.end()

    def _range(self) -> tuple[float, float]:
        ends = [row.end for row in self.rows]
        low, high = min(ends), max(ends)
        span = max(high - low, 1e-9 * (1.0 + abs(high)))
        return low - ROOM * span, high + 0.02 * span

    def event(self, event: QEvent) -> bool:
        """Explain the step under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            i = event.pos().y() // theme_manager().px(LINE)
            if 0 <= i < len(self.rows):
                QToolTip.showText(event.globalPos(), self.rows[i].tip, self)
            return True
        return super().event(event)
