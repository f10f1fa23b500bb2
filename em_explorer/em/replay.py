"""Steps that a trace has let go of, done again with the same bits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from em_explorer.em.steps import Model, Phase, RunOptions, Snapshot, continue_steps


@dataclass(frozen=True, slots=True)
class Replayed:
    """E-steps done again: the last ones before where the replay ended, in order.

    Attributes
    ----------
    snapshots : tuple of Snapshot
    seconds_per_step : float
        What a full step took.
    """

    snapshots: tuple[Snapshot, ...]
    seconds_per_step: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Full steps to be done again; it touches no trace and may run in any thread.

    Attributes
    ----------
    model, data : object
    keyframe : Snapshot
        The E-step to go on from.
    iteration : int
        The last one wanted.
    keep : int
        How many snapshots, the newest, are worth handing back.
    """

    model: Model
    data: Any
    keyframe: Snapshot
    iteration: int
    keep: int

    @property
    def n_steps(self) -> int:
        """Full steps to take."""
        return self.iteration - self.keyframe.iteration

    def run(self, cancelled: Callable[[], bool] = lambda: False) -> Replayed:
        """Take the steps; what was done when ``cancelled`` says True is handed back."""
        newest: deque[Snapshot] = deque(maxlen=self.keep)
        begun, done = time.perf_counter(), 0
        # One iteration more is allowed than is taken: no stop belongs to a step on the way.
        options = RunOptions(self.iteration + 1, 0.0)
        steps = continue_steps(self.model, self.data, self.keyframe, options)
        for snapshot in islice(steps, 2 * self.n_steps):
            if snapshot.phase is Phase.E:
                newest.append(snapshot)
                done += 1
                if cancelled():
                    break
        return Replayed(tuple(newest), (time.perf_counter() - begun) / max(done, 1))
