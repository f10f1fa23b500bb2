"""The frame clock and the movement between half-steps.

A tab turns a snapshot into a *picture*, a frozen dataclass of arrays, and paints pictures. The
stage decides when: at most once a frame, and with a glide between two pictures of one shape
when somebody steps slowly enough to see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, QTimer, QVariantAnimation, Signal

from em_explorer.ui.motion import Motion

FRAME_MS = 16
GLIDE_MS = 250


def mix(old: Any, new: Any, share: float) -> Any:
    """Return a picture between two: every float array of equal shape is interpolated.

    Parameters
    ----------
    old, new : dataclasses of one type
    share : float
        0 gives ``old``, 1 gives ``new``.
    """
    changes: dict[str, Any] = {}
    for field in fields(new):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if is_dataclass(after) and type(before) is type(after):
            changes[field.name] = mix(before, after, share)
        elif (
            isinstance(after, np.ndarray)
            and isinstance(before, np.ndarray)
            and before.shape == after.shape
            and np.issubdtype(after.dtype, np.floating)
        ):
            changes[field.name] = (1.0 - share) * before + share * after
    return replace(new, **changes)


class Stage(QObject):
    """Paint pictures at frame rate.

    Parameters
    ----------
    picture : callable
        Makes the picture of a snapshot's index.
    paint : callable
        Draws a picture.

    Signals
    -------
    failed(error)
        A picture could not be made or drawn; the frame clock goes on with the next one.
    """

    failed = Signal(object)

    def __init__(
        self, picture: Callable[[int], Any], paint: Callable[[Any], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._paint = paint
        self._wanted: int | None = None
        self._glide = False
        self.shown: Any = None
        self.shown_index: int | None = None
        self._old: Any = None
        self._new: Any = None
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self.draw_now)
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(GLIDE_MS)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutSine)
        self._animation.valueChanged.connect(self._on_glide)

    def show(self, index: int, *, glide: bool = False) -> None:
        """Ask for a snapshot to be drawn with the next frame."""
        self._wanted = index
        self._glide = glide
        if not self._frame.isActive():
            self._frame.start()

    def forget(self) -> None:
        """Drop the picture shown: another run begins, and nothing glides into it."""
        self._animation.stop()
        self.shown = None
        self.shown_index = None

    def draw_now(self) -> None:
        """Draw what is wanted at once (the frame clock's tick)."""
        self._frame.stop()
        if self._wanted is None:
            return
        index, self._wanted = self._wanted, None
        self._animation.stop()
        self.shown_index = index
        try:
            picture = self._picture(index)
        except Exception as error:  # whatever a view does wrong, the window lives on
            self._give_up(error)
            return
        if self._glide and Motion.enabled and self.shown is not None:
            self._old, self._new = self.shown, picture
            self._animation.start()
        else:
            self._draw(picture)

    def redraw(self) -> None:
        """Draw the shown snapshot again: the theme or a view setting changed.

        A snapshot that waits for the next frame is not replaced by the one before it.
        """
        if self._wanted is None and self.shown_index is not None:
            self.show(self.shown_index)

    def settle(self) -> None:
        """Finish a glide and any waiting frame now."""
        if self._frame.isActive():
            self._glide = False
            self.draw_now()
        if self._animation.state() == QVariantAnimation.State.Running:
            self._animation.stop()
            self._draw(self._new)

    def _on_glide(self, share: float) -> None:
        if self._new is not None:
            self._draw(self._new if share >= 1.0 else mix(self._old, self._new, share))

    def _draw(self, picture: Any) -> None:
        self.shown = picture
        try:
            self._paint(picture)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Leave the half-drawn picture: nothing glides out of it."""
        self._animation.stop()
        self.shown = None
        self.failed.emit(error)
