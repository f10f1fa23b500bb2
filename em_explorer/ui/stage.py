"""The frame clock and the movement between half-steps.

A tab turns a snapshot into a *picture*, a frozen dataclass of arrays, and paints pictures. The
stage decides when: at most once a frame, and with a glide between two pictures of one shape
when somebody steps slowly enough to see it. A picture of large data is made behind the window's
back from a *plan*; the one before stays meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, Qt, QTimer, QVariantAnimation, Signal, Slot

from em_explorer.session.making import Maker
from em_explorer.ui.motion import Motion

FRAME_MS = 1000.0 / 60.0
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
    parent : QObject
    plan : callable, optional
        Takes an index and ``final``; returns a function that makes the picture and touches
        neither widgets nor the trace, so that it can run in another thread, or None where
        ``picture`` is quick enough. ``final`` is True when somebody waits for the result.

    Signals
    -------
    failed(error)
        A picture could not be made or drawn; the frame clock goes on with the next one.
    brought(index)
        The picture of a snapshot is on the screen.
    """

    failed = Signal(object)
    brought = Signal(int)

    def __init__(
        self,
        picture: Callable[[int], Any],
        paint: Callable[[Any], None],
        parent: QObject,
        plan: Callable[[int, bool], Callable[[], Any] | None] | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._paint = paint
        self._plan = plan
        self._wanted: int | None = None
        self._making: int | None = None
        self._glide = False
        self._closed = False
        self._passing = False
        self._next_frame = 0.0
        self.shown: Any = None
        self.shown_index: int | None = None
        self._old: Any = None
        self._new: Any = None
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self.draw_now)
        self._maker = Maker("pictures", self)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(self._on_not_made)
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(GLIDE_MS)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutSine)
        self._animation.valueChanged.connect(self._on_glide)

    def show(self, index: int, *, glide: bool = False) -> None:
        """Ask for a snapshot to be drawn with the next frame."""
        if self._closed:
            return
        self._wanted = index
        self._glide = glide
        # While one is being made the next waits for it: pictures never queue up.
        if not self._frame.isActive() and self._making is None:
            self._wait_for_frame()

    def _go_on(self) -> None:
        """Have the next picture made: at once if it is due, while the one before is painted."""
        if time.perf_counter() >= self._next_frame:
            self.draw_now()
        else:
            self._wait_for_frame()

    def _wait_for_frame(self) -> None:
        wait = 1000.0 * (self._next_frame - time.perf_counter())
        self._frame.start(max(0, min(round(wait), round(FRAME_MS))))

    def forget(self) -> None:
        """Drop the picture shown: another run begins, and nothing glides into it."""
        self._animation.stop()
        self._maker.cancel()
        self._making = None
        self._passing = False
        self.shown = None
        self.shown_index = None

    def close(self) -> None:
        """End the thread that makes pictures; called before the window goes."""
        self._closed = True
        self._frame.stop()
        self._wanted = self._making = None
        self._maker.shutdown()

    @property
    def busy(self) -> bool:
        """Whether a picture is waited for."""
        return self._wanted is not None or self._making is not None

    def draw_now(self) -> None:
        """Draw what is wanted at once (the frame clock's tick), or have it made."""
        self._frame.stop()
        if self._wanted is None or self._making is not None:
            return
        self._next_frame = time.perf_counter() + FRAME_MS / 1000.0
        index, self._wanted = self._wanted, None
        try:
            job = None if self._plan is None else self._plan(index, False)
            picture = self._picture(index) if job is None else None
        except Exception as error:  # whatever a view does wrong, the window lives on
            self.shown_index = index
            self._give_up(error)
            return
        if job is None:
            self._bring(index, picture)
        else:
            self._making = index
            self._maker.start(job)

    def redraw(self) -> None:
        """Draw the shown snapshot again: the theme or a view setting changed.

        A snapshot that waits for the next frame is not replaced by the one before it.
        """
        index = self.shown_index if self._making is None else self._making
        if self._wanted is None and index is not None:
            self.show(index)

    def settle(self) -> None:
        """Finish a glide and any waiting frame now, in this thread, as well as it can be drawn."""
        waiting = self._wanted if self._wanted is not None else self._making
        if waiting is None and self._passing:
            waiting = self.shown_index
        if waiting is not None:
            self._frame.stop()
            self._maker.cancel()
            self._wanted = self._making = None
            self._glide = False
            self._make_here(waiting)
        if self._animation.state() == QVariantAnimation.State.Running:
            self._animation.stop()
            self._draw(self._new)

    def _make_here(self, index: int) -> None:
        try:
            job = None if self._plan is None else self._plan(index, True)
            picture = self._picture(index) if job is None else job()
        except Exception as error:
            self.shown_index = index
            self._give_up(error)
        else:
            self._bring(index, picture)

    @Slot(object)
    def _on_made(self, picture: Any) -> None:
        index, self._making = self._making, None
        if index is not None:
            self._bring(index, picture)
            self._passing = True  # it may be a sketch
        if self._wanted is not None:
            self._go_on()

    @Slot(object)
    def _on_not_made(self, error: Exception) -> None:
        self.shown_index, self._making = self._making, None
        if self._wanted is not None:
            self._wait_for_frame()
        self._give_up(error)

    def _bring(self, index: int, picture: Any) -> None:
        """Draw a picture, or begin to glide into it."""
        self._passing = False
        self._animation.stop()
        self.shown_index = index
        if self._glide and Motion.enabled and self.shown is not None:
            self._old, self._new = self.shown, picture
            self._animation.start()
        else:
            self._draw(picture)
        self.brought.emit(index)

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
