"""What is drawn of one component: its ellipses, ghost, trail, mean with label, and handles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from em_explorer.em.arrays import Floats
from em_explorer.ui.theme import CAPTION, theme_manager, ui_font
from em_explorer.ui.views.dots import Dots
from em_explorer.ui.views.padlock import padlock
from em_explorer.ui.views.shapes import apart, drag_axis, ellipse, screen_axes, unit_outline

SIGMAS = (1.0, 2.0)
OUTLINE_WIDTHS = (2.0, 1.2)
"""Of the outlines at these distances, px."""

MARKS_UP_TO = 60
"""A longer trail is a line only."""

SIDES = ((1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1), (1, 0), (-1, 0))
"""Where a label may stand beside its mean, the best first (y points down)."""

LOCK = 11
"""Side of a padlock on a label, px."""

LOCK_ROOM = "\u00a0" * 4

GAP = 9.0
"""Between a mean and its label, px."""

ABOVE_POINTS, HANDLES, LABELS = 5, 30, 20


class Askable:
    """What a handle and a line do with the mouse: answer the right button, tell of the pointer.

    For graphics items of pyqtgraph that can be dragged and have a ``number`` and the signals
    ``hovered(bool)`` and ``asked(number, place)``.
    """

    number: int
    moving: bool
    mouseHovering: bool
    hovered: Any
    asked: Any

    def mouseClickEvent(self, ev: Any) -> None:
        """Ask what can be done here; while it is dragged, the right button takes that back."""
        if ev.button() == Qt.MouseButton.RightButton and not self.moving:
            ev.accept()
            self.asked.emit(self.number, ev.screenPos().toPoint())
            return
        super().mouseClickEvent(ev)  # type: ignore[misc]

    def setMouseHover(self, hover: bool) -> None:
        """Tell that the pointer came or went."""
        changed = self.mouseHovering is not hover
        super().setMouseHover(hover)  # type: ignore[misc]
        if changed:
            self.hovered.emit(hover)


class Handle(Askable, pg.TargetItem):
    """A mark that can be dragged and says when the pointer is on it.

    Signals
    -------
    hovered(bool)
    asked(number, place)
        A right-click; the place on the screen.
    """

    hovered = Signal(bool)
    asked = Signal(int, object)

    def __init__(self, number: int, color: QColor, size: float, symbol: str) -> None:
        theme = theme_manager().current
        super().__init__(
            size=theme_manager().px(size),
            symbol=symbol,
            pen=pg.mkPen(theme.panel, width=2),
            brush=color,
            hoverPen=pg.mkPen(theme.text, width=2),
            hoverBrush=color,
        )
        self.number = number
        self.setCursor(Qt.CursorShape.SizeAllCursor)


class MeanLine(Askable, pg.InfiniteLine):
    """The line of a component's mean, which can be dragged.

    Signals
    -------
    hovered(bool)
    asked(number, place)
        A right-click; the place on the screen.
    """

    hovered = Signal(bool)
    asked = Signal(int, object)

    def __init__(self, number: int, color: QColor) -> None:
        pen, broad = pg.mkPen(color, width=2), pg.mkPen(color, width=3)
        super().__init__(0.0, movable=True, pen=pen, hoverPen=broad)
        self.number = number
        self.setCursor(Qt.CursorShape.SizeHorCursor)


class Label(pg.TextItem):
    """A short text beside a mean, on a ground of its own so that it can be read over points."""

    def __init__(self) -> None:
        theme = theme_manager().current
        super().__init__("", color=theme.text, fill=theme.color("panel", 0.82))
        self.setFont(ui_font(CAPTION, bold=True))
        self.setZValue(LABELS)
        self.words = ""
        self._lock: QGraphicsPathItem | None = None
        self._locked = False

    def say(self, words: str) -> None:
        """Show other words."""
        if words != self.words:
            self.words = words
            self.setText(words + (LOCK_ROOM if self.locked else ""))

    @property
    def locked(self) -> bool:
        """Whether a padlock stands on it."""
        return self._locked

    def show_lock(self, on: bool) -> None:
        """Put a padlock on the right end of the words, or take it away."""
        if self._lock is None:
            if not on:
                return
            self._lock = QGraphicsPathItem(padlock(), self.textItem)
            self._lock.hide()
            self._lock.setPen(QPen(Qt.PenStyle.NoPen))
            self._lock.setBrush(theme_manager().current.color("text"))
        if on is not self._locked:
            self._locked = on
            self._lock.setVisible(on)
            self.setText(self.words + (LOCK_ROOM if on else ""))
        side, box = theme_manager().px(LOCK), self.textItem.boundingRect()
        self._lock.setScale(side)
        self._lock.setPos(box.right() - 0.85 * side, box.center().y())

    def size(self) -> tuple[float, float]:
        """Return width and height, px."""
        box = self.textItem.boundingRect()
        return box.width(), box.height()

    def stand(self, place: QPointF, side: tuple[int, int]) -> None:
        """Stand beside a place, in the data's units."""
        width, height = self.size()
        gap_x, gap_y = GAP / max(width, 1.0), GAP / max(height, 1.0)
        anchor = {1: lambda g: -g, 0: lambda _: 0.5, -1: lambda g: 1.0 + g}
        self.setAnchor((anchor[side[0]](gap_x), anchor[side[1]](gap_y)))
        self.setPos(place)


def label_box(place: QPointF, size: tuple[float, float], side: tuple[int, int]) -> QRectF:
    """Return where a label would stand, in pixels."""
    width, height = size
    left = {1: GAP, 0: -width / 2, -1: -GAP - width}[side[0]]
    top = {1: GAP, 0: -height / 2, -1: -GAP - height}[side[1]]
    return QRectF(place.x() + left, place.y() + top, width, height)


class ComponentItems:
    """The items of component ``number``, to be added to a plot in the order of :meth:`items`."""

    def __init__(self, number: int) -> None:
        theme = theme_manager().current
        color = theme.component(number)
        self.number = number
        self.mean = np.zeros(2)
        self.covariance = np.eye(2)
        self._pixels = np.ones(2)
        fill = QColor(color)
        fill.setAlpha(26)
        dashes = Qt.PenStyle.DashLine
        self.ghost = pg.PlotCurveItem(
            pen=pg.mkPen(theme.color("secondary", 0.6), width=1.2, style=dashes)
        )
        self.outlines = [
            pg.PlotCurveItem(fillLevel="enclosed", brush=fill),
            pg.PlotCurveItem(),
        ]
        way = QColor(color)
        way.setAlpha(170)
        self.trail = pg.PlotCurveItem(pen=pg.mkPen(way, width=1.3))
        self.marks = Dots(theme_manager().px(5), color, QColor(theme.panel))
        self.handle = Handle(number, color, 15, "o")
        self.label = Label()
        self.axis_handles = [Handle(number, color, 10, "s") for _ in range(2)]
        for i, item in enumerate(self.items()):
            item.setZValue(ABOVE_POINTS + i)
        for handle in (*self.axis_handles, self.handle):
            handle.setZValue(HANDLES)
        self.label.setZValue(LABELS)
        self.show_axes(False)
        self.stand_out(False)

    def items(self) -> list[Any]:
        """Return every item, from back to front."""
        return [
            self.ghost,
            *reversed(self.outlines),
            self.trail,
            self.marks,
            self.label,
            *self.axis_handles,
            self.handle,
        ]

    def stand_out(self, on: bool) -> None:
        """Draw the outlines so that they can be seen on a ground of their own color, or plainly."""
        theme = theme_manager().current
        color = apart(self.number) if on else theme.component(self.number)
        for item, width in zip(self.outlines, OUTLINE_WIDTHS, strict=True):
            item.setPen(pg.mkPen(color, width=width))

    def place(self, mean: Floats, covariance: Floats, pixels: Floats) -> None:
        """Put the mean, its ellipses and handles where the parameters say."""
        self.mean, self.covariance = mean, covariance
        outline = unit_outline(covariance)
        for sigma, item in zip(SIGMAS, self.outlines, strict=True):
            item.setData(*(mean[:, None] + sigma * outline))
        self.handle.setPos(float(mean[0]), float(mean[1]))
        self.place_axes(pixels)

    def place_axes(self, pixels: Floats) -> None:
        """Put the handles on the ends of the axes of the 1σ ellipse, if they are shown."""
        self._pixels = pixels
        if not self._axes_shown:
            return
        for handle, end in zip(
            self.axis_handles, screen_axes(self.covariance, pixels), strict=True
        ):
            if not handle.moving:
                handle.setPos(*map(float, self.mean + end))

    def show_axes(self, on: bool) -> None:
        """Show or hide the handles of the axes."""
        self._axes_shown = on
        self.place_axes(self._pixels)
        for handle in self.axis_handles:
            handle.setVisible(on)

    def reshaped(self, axis: int, pixels: Floats) -> Floats:
        """Return the (2, 2) covariance that a dragged axis handle asks for."""
        held = self.axis_handles[axis].pos()
        end = np.array([held.x(), held.y()]) - self.mean
        return drag_axis(self.covariance, pixels, axis, end)

    def leave_ghost(self, mean: Floats | None, covariance: Floats | None) -> None:
        """Leave the outline of the state before, or none."""
        if mean is None or covariance is None:
            clear(self.ghost)
        else:
            self.ghost.setData(*ellipse(mean, covariance, 1.0))

    def draw_trail(self, past: Floats, *, marked: bool = True) -> None:
        """Draw the way of the mean: (steps, 2) places it left, then where it is.

        With ``marked``, every place it left is marked, if they are not too many.
        """
        if not len(past):
            clear(self.trail)
            clear(self.marks)
            return
        self.trail.setData(np.append(past[:, 0], self.mean[0]), np.append(past[:, 1], self.mean[1]))
        if not marked:
            clear(self.marks)
            return
        places = past if len(past) <= MARKS_UP_TO else past[:1]
        self.marks.setData(places[:, 0], places[:, 1])


def clear(item: Any) -> None:
    """Empty a curve or its marks, unless they are: pyqtgraph would draw them anew."""
    x = item.getData()[0]
    if x is not None and len(x):
        item.setData([], [])


def stand_labels(components: list[ComponentItems], box: pg.ViewBox) -> None:
    """Let every label stand beside its mean: inside the view, on no other label and no mean."""
    places = [box.mapFromView(QPointF(*map(float, c.mean))) for c in components]
    reach = GAP - 1.0
    taken = [QRectF(p.x() - reach, p.y() - reach, 2 * reach, 2 * reach) for p in places]
    inside = QRectF(0, 0, box.width(), box.height())
    for k, component in enumerate(components):
        size = component.label.size()
        others = taken[:k] + taken[k + 1 :]
        least, best, side = float("inf"), QRectF(), SIDES[0]
        for tried in SIDES:
            box_there = label_box(places[k], size, tried)
            cost = sum(box_there.intersects(other) for other in others)
            cost += 10 * (not inside.contains(box_there))
            if cost < least:
                least, best, side = cost, box_there, tried
            if not cost:
                break
        component.label.stand(QPointF(*map(float, component.mean)), side)
        taken.append(best)
