"""Keep the colors of components, states and topics: by the start, by the truth, by another run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from em_explorer.em.arrays import Ints
from em_explorer.em.errors import DataError
from em_explorer.models.matching import difference, match_parts
from em_explorer.models.renumbering import renumbered
from em_explorer.session.controller import RunState

START, TRUTH = "the start", "the truth"


@dataclass(frozen=True)
class Reference:
    """What the numbers and colors are kept by.

    Attributes
    ----------
    name : str
        As the choice says it: :data:`START`, :data:`TRUTH`, or a run's name.
    params : object or None
        In the data's units; None for the start, which numbers the parts itself.
    dataset : object or None
        What they were found for.
    """

    name: str
    params: Any = None
    dataset: Any = None


def _numbers(params: Any) -> range:
    """Return the numbers of the parts of a fit; a single normal has but one."""
    name = fields(params)[0].name
    return range(1 if name == "mean" else len(getattr(params, name)))


class ColorKeeper(QObject):
    """Renumber the run of a tab so that its parts wear the colors of a reference.

    Signals
    -------
    changed()
        Another reference was chosen, or parts were renumbered.

    Parameters
    ----------
    tab : ModelTab
    """

    changed = Signal()

    def __init__(self, tab: Any) -> None:
        super().__init__(tab)
        self._tab = tab
        self.reference = Reference(START)
        self._busy = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._keep)
        tab.controller.loaded.connect(self._on_loaded)
        tab.controller.state_changed.connect(self._on_state)

    # -- choosing ------------------------------------------------------------------------------

    @property
    def n_parts(self) -> int:
        """How many parts there are to number; 1 where there is but one."""
        trace = self._tab.controller.trace
        return 1 if trace is None else len(_numbers(trace[0].params))

    def choices(self) -> tuple[Reference, ...]:
        """Return what colors can be kept by: the start, the truth, and runs of as many parts."""
        tab = self._tab
        found = [Reference(START)]
        truth = tab.true_params()
        if truth is not None and self._fits(truth):
            found.append(Reference(TRUTH, truth, tab.dataset))
        for record in tab.runs:
            if record is tab.runs.current or record.trace is None or record.kind != "EM":
                continue
            params = record.model.to_units(record.trace.final.params, record.data)
            if record.setting["dataset"] is tab.dataset and self._fits(params):
                found.append(Reference(record.name, params, tab.dataset))
        return tuple(found)

    def choose(self, reference: Reference) -> None:
        """Keep the colors by something else, from now on."""
        self.reference = reference
        self._keep()
        self.changed.emit()

    def _fits(self, params: Any) -> bool:
        """Whether params have the parts of the present run."""
        tab = self._tab
        if tab.model is None or tab.controller.trace is None:
            return False
        now = tab.controller.trace[0].params
        if type(params) is not type(now) or len(_numbers(params)) != self.n_parts:
            return False
        try:
            centred = tab.model.from_units(params, tab.data)
        except DataError:  # they have other columns
            return False
        return bool(np.isfinite(difference(centred, now)))  # infinite where shapes differ

    # -- where they are ------------------------------------------------------------------------

    def order(self, index: int, like: Any) -> Ints:
        """Return the order in which the parts of a half-step are most like those of ``like``."""
        return match_parts(self._tab.controller.trace[index].params, like)

    def switched(self, index: int) -> Ints:
        """Return which part now is most like which of the start: the numbers as they were."""
        return self.order(index, self._tab.controller.trace[0].params)

    # -- renumbering ---------------------------------------------------------------------------

    def renumber(self, order: Ints) -> None:
        """Renumber the whole run on the screen; new part ``i`` is old part ``order[i]``."""
        tab = self._tab
        trace, cursor = tab.controller.trace, tab.controller.cursor
        if trace is None or (order == np.arange(len(order))).all():
            return
        if getattr(tab.model, "locks", None):
            tab.notify("Locked parts keep their numbers: unlock them to change colors.", "warning")
            return
        self._busy = True
        try:
            tab.parts_renumbered(order)
            tab.show_renumbered(renumbered(trace, order), cursor)
        finally:
            self._busy = False
        self.changed.emit()

    @Slot()
    def _keep(self) -> None:
        """Bring the present run into the reference's order, where it is not."""
        tab, trace = self._tab, self._tab.controller.trace
        if self.reference.params is None or trace is None or tab.controller.playing:
            return
        params = self.reference.params
        if self.reference.dataset is not tab.dataset:  # each data set has a truth of its own
            params = tab.true_params() if self.reference.name == TRUTH else None
        if params is None or not self._fits(params):
            return  # other data or another number of parts: it keeps what it has
        like = tab.model.from_units(params, tab.data)
        self.renumber(match_parts(trace.final.params, like))

    @Slot()
    def _on_loaded(self) -> None:
        if not self._busy and self.reference.params is not None:
            self._soon.start(0)

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        if state is RunState.FINISHED and not self._busy and self.reference.params is not None:
            self._soon.start(0)
