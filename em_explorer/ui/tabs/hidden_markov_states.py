"""States by number and name in the hidden Markov tab: shown state k is the model's ``order[k]``."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Slot

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.emissions import GaussianEmission, PoissonEmission
from em_explorer.ui.tabs.chain_long import LongChain
from em_explorer.ui.tabs.hidden_markov_picture import PathCache

LONGEST_NAME = 24


class ChainStates(LongChain):
    """Which state is called what, and everything about the run in that order."""

    def prepare_states(self) -> None:
        """Take the states as the model numbers them; called before anything else is made."""
        self.order: Ints = np.arange(2)
        self._names: dict[int, str] = {}
        self._paths = PathCache()

    def number_states(self, n_states: int) -> None:
        """Take the states of another run as they come."""
        self.order = np.arange(n_states)
        self._paths.clear()

    @property
    def column(self) -> int:
        """The column of the observations that is drawn."""
        raise NotImplementedError

    # -- names -------------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        """Return the name of each state, "State 1" where nobody gave one."""
        return tuple(self._names.get(k, f"State {k + 1}") for k in range(self.options.n_states))

    @Slot(int, str)
    def rename_state(self, state: int, name: str) -> None:
        """Name a state; kept while the data set stays. An empty name brings the number back."""
        name = name.strip()[:LONGEST_NAME]
        self._names.pop(state, None)
        if name and name != f"State {state + 1}":
            self._names[state] = name
        self.show_choice()

    def choices(self) -> dict[str, Any]:
        """Return the states' names and their order."""
        return {"names": dict(self._names), "order": tuple(int(k) for k in self.order)}

    def take_choices(self, choices: dict[str, Any]) -> None:
        """Call and order the states as in the other half."""
        if len(choices["order"]) == self.order.size:
            self.order = np.array(choices["order"])
        self._names = dict(choices["names"])
        self.show_choice()

    def parts_renumbered(self, order: Ints) -> None:
        """Let names follow their states."""
        places = {int(state): k for k, state in enumerate(self.order)}
        old = self._names
        moved = {i: old.get(places[int(state)]) for i, state in enumerate(order)}
        self._names = {i: name for i, name in moved.items() if name is not None}

    # -- the run, states numbered as shown ---------------------------------------------------

    @property
    def in_order(self) -> bool:
        """Whether the states are numbered as the model has them."""
        return bool((self.order == np.arange(self.order.size)).all())

    def shown_params(self, index: int) -> Any:
        """Return a snapshot's parameters in the data's units, states numbered as shown."""
        params = super().shown_params(index)
        if self.in_order:
            return params
        assert self.model is not None
        return self.model.permuted(params, self.order)

    def gamma(self, index: int) -> Floats | None:
        """Return the posterior (T, K), states numbered as shown; None before the first E-step.

        None, too, while a long sequence is still being read.
        """
        if self.long:
            found = self.reading_at(index)
            return None if found is None else np.asarray(found.gamma[:, self.order])
        latent = self.latent(index)
        return None if latent is None else np.asarray(latent.gamma[:, self.order])

    def path(self, index: int) -> Ints | None:
        """Return the Viterbi path (T,), states numbered as shown; None where there is none yet.

        It belongs to the parameters of the last E-step, like the posterior beside it.
        """
        params = self.snapshot(index).posterior_params
        if params is None:
            return None
        assert self.model is not None
        resting = not self.controller.playing
        found = self._paths.path(self.model, self.data, params, resting=resting)
        return None if found is None else relabel(found, self.order)

    # -- another order -----------------------------------------------------------------------

    @Slot()
    def align(self) -> None:
        """Renumber the states to the truth, or by descending mean: which is first is chance."""
        index = self.controller.cursor
        if self.controller.trace is None:
            return
        gamma = self.gamma(index)
        if gamma is None:
            self.notify("Take the first E-step; then there is something to align.", "warning")
            return
        order = self._wanted_order(gamma, self.shown_params(index).emission)
        if (order == np.arange(order.size)).all():
            self.notify("The states are aligned already.", "success")
            return
        self.order = self.order[order]
        names = {k: self._names[int(o)] for k, o in enumerate(order) if int(o) in self._names}
        self._names = names
        moved = sorted(int(o) + 1 for k, o in enumerate(order) if k != int(o))
        listed = " and ".join([", ".join(map(str, moved[:-1])), str(moved[-1])])
        self.notify(f"States {listed} changed numbers and colors; nothing else did.", "success")
        self.show_choice()

    def _wanted_order(self, gamma: Floats, emission: Any) -> Ints:
        if self.truth is not None:
            return align_labels(gamma.argmax(1), self.truth, gamma.shape[1])
        if isinstance(emission, PoissonEmission):
            level = emission.rates
        elif isinstance(emission, GaussianEmission):
            level = emission.means[:, self.column]
        else:
            level = gamma.sum(axis=0)  # symbols have no mean: the state most visited comes first
        return np.asarray(np.argsort(-level, kind="stable"), dtype=np.int64)
