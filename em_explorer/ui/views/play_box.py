"""A plot whose points can be taken in hand: drag, double-click, right-click, hover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal

from em_explorer.em.arrays import Floats
from em_explorer.ui.views.raster import Rows

REACH = 9.0
"""How near the pointer must be to a point to mean it, px."""

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class PlayBox(pg.ViewBox):
    """A view box that tells which of its points the hand is on.

    Signals
    -------
    point_grabbed(i), point_moving(i, x, y), point_dropped(i, x, y)
        A point is being dragged.
    point_removed(i)
        A right-click on a point.
    place_doubled(x, y)
        A double-click where there is no point.
    place_clicked()
        A click where there is no point.
    point_hovered(i)
        The pointer came to a point, or left it: −1.
    """

    point_grabbed = Signal(int)
    point_moving = Signal(int, float, float)
    point_dropped = Signal(int, float, float)
    point_removed = Signal(int)
    place_doubled = Signal(float, float)
    place_clicked = Signal()
    point_hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.places = np.empty((0, 2))
        self.candidates: Callable[[float, float, Floats], Rows] | None = None
        self._held: int | None = None
        self._hovered = -1

    def set_places(self, places: Floats) -> None:
        """Say where the points are, (N, 2).

        Of many points, ``candidates(x, y, reach)`` may name the few that lie within reach (2,) of
        a place, so that not all of them are measured whenever the pointer moves.
        """
        self.places = places
        self.candidates = None
        self._held = None
        self._hovered = -1

    def pixels(self) -> Floats:
        """Return pixels per unit of each axis."""
        (x0, x1), (y0, y1) = self.viewRange()
        return np.array(
            [
                max(self.width(), 1.0) / max(x1 - x0, 1e-300),
                max(self.height(), 1.0) / max(y1 - y0, 1e-300),
            ]
        )

    def nearest(self, position: QPointF) -> int | None:
        """Return the point within reach of a position in the box's own coordinates."""
        if not len(self.places):
            return None
        place = self.mapToView(position)
        x, y, pixels = place.x(), place.y(), self.pixels()
        near, places = None, self.places
        if self.candidates is not None:
            near = self.candidates(x, y, REACH / pixels)
            if not len(near):
                return None
            places = places[near]
        apart = (places - (x, y)) * pixels
        distance = np.einsum("ij,ij->i", apart, apart)
        i = int(np.argmin(distance))
        if distance[i] > REACH**2:
            return None
        return i if near is None else int(near[i])

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Drag the point under the pointer, or else the view."""
        if ev.isStart() and axis is None and ev.button() == LEFT:
            self._held = self.nearest(ev.buttonDownPos())
            if self._held is not None:
                self.point_grabbed.emit(self._held)
        if self._held is None:
            super().mouseDragEvent(ev, axis=axis)
            return
        ev.accept()
        place, held = self.mapToView(ev.pos()), self._held
        if ev.isFinish():
            self._held = None
            self.point_dropped.emit(held, place.x(), place.y())
        else:
            self.point_moving.emit(held, place.x(), place.y())

    def mouseClickEvent(self, ev: Any) -> None:
        """Add with a double-click, remove with the right button."""
        point = self.nearest(ev.pos())
        if ev.button() == RIGHT and point is not None:
            ev.accept()
            self.point_removed.emit(point)
        elif ev.button() == LEFT and point is None:
            ev.accept()
            if ev.double():
                place = self.mapToView(ev.pos())
                self.place_doubled.emit(place.x(), place.y())
            else:
                self.place_clicked.emit()

    def hoverEvent(self, ev: Any) -> None:
        """Tell which point the pointer is on, if no handle above it has taken the pointer."""
        point = None
        if not ev.isExit():
            taken = ev.dragItems().get(LEFT)
            if taken is None or taken is self:
                point = self.nearest(ev.pos())
        hovered = -1 if point is None else point
        if hovered != self._hovered:
            self._hovered = hovered
            self.point_hovered.emit(hovered)
