"""Two runs at one cursor: the leader's controls move both, and the one that lasts longer goes on.

The follower is a run with a worker of its own. It is asked for one half-step after another, never
for more than the leader has taken, and where it falls behind the leader waits for it.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from em_explorer.session.controller import Controller
from em_explorer.session.worker_link import GRANTS_UNDER_WAY


class Follower(Controller):
    """A run that goes where it is told, computing what has not come yet."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.goal = 0

    @property
    def ended(self) -> bool:
        """Whether no more half-steps will come."""
        return self.trace is None or self.trace.stop is not None or self._failed

    @property
    def missing(self) -> int:
        """Half-steps to be computed before it is where it was told to be."""
        return 0 if self.ended else max(self.goal - self.reach, 0)

    @property
    def stride(self) -> int:
        """Half-steps to be handed out at once."""
        return self._link.stride()

    def go_to(self, index: int) -> None:
        """Put the cursor on a half-step, or on the nearest that comes; an ended run stays there."""
        self.goal = max(index, 0)
        self.seek(self.goal)
        self._hurry()

    def _hurry(self) -> None:
        if self.missing and not self._link.under_way:
            self._link.send(min(self.missing, self.stride))

    def _on_stepped(self, snapshots: tuple[Any, ...]) -> None:
        run_id = self.run_id
        super()._on_stepped(snapshots)
        if run_id == self.run_id and self.cursor > self.goal:
            self.seek(self.goal)  # it was called back while the half-step was under way

    def _on_granted(self, steps: int) -> None:
        run_id = self.run_id
        super()._on_granted(steps)
        if run_id == self.run_id:
            self._hurry()


class Leader(Controller):
    """A run whose cursor another one may follow, also beyond this one's end.

    Signals
    -------
    moved(position)
        The shared cursor is elsewhere; this run's own may have stayed at its end.
    """

    moved = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.follower: Follower | None = None
        self._beyond = 0
        self.cursor_changed.connect(self._lead)

    def lead(self, follower: Follower | None) -> None:
        """Take a run along from here on, or none."""
        if self.follower is not None:
            self.follower.cursor_changed.disconnect(self._on_followed)
            self.follower.state_changed.disconnect(self._on_follower_state)
        self.follower, self._beyond = follower, 0
        if follower is not None:
            follower.cursor_changed.connect(self._on_followed)
            follower.state_changed.connect(self._on_follower_state)
            self._lead()
        elif self._playing and not self.can_advance:
            self.pause()
        self._refresh_state()

    @property
    def ended(self) -> bool:
        """Whether no more half-steps of this run will come."""
        return self.trace is not None and (self.trace.stop is not None or self._failed)

    @property
    def position(self) -> int:
        """The shared cursor: beyond this run's end where the follower lasts longer."""
        return self.cursor + self._beyond

    @property
    def reach(self) -> int:
        """The last half-step that either run has; of a run under way, its own newest."""
        own = super().reach
        if self.follower is None or not self.ended:
            return own
        return max(own, self.follower.reach)

    @property
    def can_advance(self) -> bool:
        """True when either run has a next half-step, in its history or to be computed."""
        if super().can_advance:
            return True
        follower = self.follower
        if follower is None or follower.trace is None or not self.ended:
            return False
        return not follower.ended or follower.reach > self.position

    @property
    def fetching(self) -> bool:
        """True while a half-step asked for is being computed again, on either side."""
        beside = self.follower is not None and self.follower.fetching
        return super().fetching or beside

    def seek(self, index: int) -> None:
        """Put the shared cursor on a half-step of the history."""
        if self.trace is None:
            return
        index = max(0, min(index, self.reach))
        own = min(index, len(self.trace) - 1)
        before, self._beyond = self._beyond, index - own
        stayed = own == self.cursor
        super().seek(own)
        if stayed and before != self._beyond:
            self._lead()
            self._refresh_state()

    def stop(self) -> None:
        """End both runs here, by the user's wish."""
        super().stop()
        if self.follower is not None:
            self.follower.goal = self.follower.cursor
            self.follower.stop()
            self._refresh_state()

    def _make_ready(self, *run: Any) -> None:
        self._beyond = 0
        super()._make_ready(*run)

    @Slot()
    def _lead(self, *_: object) -> None:
        if self.follower is not None:
            self.follower.go_to(self.position)
        self.moved.emit(self.position)

    # -- the EM clock ------------------------------------------------------------------------

    def _advance(self, room: int = 1) -> None:
        follower = self.follower
        if follower is None or not (self.ended and self.at_end):
            if follower is None or not (self._playing and follower.missing):
                super()._advance(room)  # else this beat is the follower's
        elif follower.reach > self.position:
            self.seek(self.position + 1)
        elif follower.missing < room:
            follower.go_to(max(follower.goal, self.position) + 1)

    def _keep_busy(self) -> None:
        follower = self.follower
        if follower is None or not self.ended:
            if follower is None or follower.missing < GRANTS_UNDER_WAY * follower.stride:
                super()._keep_busy()
        elif not follower.missing:
            follower.go_to(follower.reach + follower.stride)

    def _on_finished(self, stop: Any) -> None:
        playing, to_the_end = self._playing, self._to_the_end
        super()._on_finished(stop)
        if playing and not self._playing and self.can_advance:  # the follower has not ended
            self._to_the_end = to_the_end
            self.play()

    @Slot(int)
    def _on_followed(self, index: int) -> None:
        """Go along with a follower that is computing half-steps beyond this run's end."""
        follower = self.follower
        assert follower is not None
        if self.ended and self.at_end and self.position < index <= follower.goal:
            self._beyond = index - self.cursor
            self._refresh_state()
        self.moved.emit(self.position)

    @Slot(object)
    def _on_follower_state(self, _state: object) -> None:
        if self._playing:
            if not self.can_advance:
                self.pause()
        elif self.ended and self.at_end:
            self._refresh_state()
