"""Locks in the hidden Markov tab: states are numbered as shown, locks as the model has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Slot

from em_explorer.em.anatomy import Lock
from em_explorer.ui.tabs.hidden_markov_states import ChainStates

OF_ONE_STATE = ("means", "covariances", "rates")


def renumbered(locks: frozenset[Lock], place: Sequence[int]) -> frozenset[Lock]:
    """Return the locks after state k has become state ``place[k]``."""

    def moved(lock: Lock) -> Lock:
        n = 2 if lock.group == "transition_matrix" else 1
        return Lock(lock.group, (*(int(place[k]) for k in lock.index[:n]), *lock.index[n:]))

    return frozenset(map(moved, locks))


class ChainLocks(ChainStates):
    """What the tab locks and where it shows that."""

    symbols: Any

    def lock_names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the states in the model's order, and of the symbols."""
        shown = self.names()
        return [shown[i] for i in np.argsort(self.order)], self.symbols

    def start_from(self, params: Any) -> bool:
        """Run from parameters in the centred frame; states keep the numbers they are shown by."""
        order, locks = self.order, self.locks
        if self.in_order:
            return super().start_from(params)
        assert self.model is not None
        self.locks = renumbered(locks, np.argsort(order).tolist())
        if super().start_from(self.model.permuted(params, order)):
            return True
        self.locks = locks
        return False

    def shown_locks(self) -> frozenset[Lock]:
        """Return the locks with the states' numbers as shown."""
        return renumbered(self.locks, np.argsort(self.order).tolist())

    def connect_locks(self) -> None:
        """Listen to right-clicks."""
        self.area.matrix.cell_asked.connect(self._on_cell_asked)
        self.area.matrix.state_asked.connect(self._on_state_asked)
        self.area.emissions.asked.connect(self._on_emission_asked)

    def draw_locks(self) -> None:
        """Put padlocks on cells, names, bars and curves."""
        n, shown = len(self.order), self.shown_locks()
        cells, first = np.zeros((n, n), dtype=bool), np.zeros(n, dtype=bool)
        emitted = []
        for lock in shown:
            if lock.group == "transition_matrix":
                cells[lock.index] = True
            elif lock.group == "initial_probs":
                first[lock.index] = True
            else:
                emitted.append((lock.group, *lock.index, *(() if len(lock.index) > 1 else (-1,))))
        self.area.matrix.show_locks(cells, first)
        self.area.emissions.show_locks(sorted(emitted))

    @Slot(int, int, object)
    def _on_cell_asked(self, i: int, j: int, place: Any) -> None:
        self._ask([Lock("transition_matrix", (i, j))], place)

    @Slot(int, object)
    def _on_state_asked(self, state: int, place: Any) -> None:
        row = [Lock("transition_matrix", (state, j)) for j in range(len(self.order))]
        self._ask([Lock("initial_probs", (state,)), *row], place)

    @Slot(int, int, object)
    def _on_emission_asked(self, state: int, symbol: int, place: Any) -> None:
        if symbol >= 0:
            self._ask([Lock("emission", (state, symbol))], place)
            return
        groups = {lock.group for lock in self.lockable()}
        self._ask([Lock(g, (state,)) for g in OF_ONE_STATE if g in groups], place)

    def _ask(self, shown: list[Lock], place: Any) -> None:
        """Offer locks whose states are numbered as shown."""
        self.ask_locks(
            [next(iter(renumbered(frozenset({x}), self.order.tolist()))) for x in shown], place
        )
