"""The history of a run: every half-step, ready to be looked at again.

Params are kept for each half-step; the posterior is recomputed from them when somebody looks,
because an E-step depends on its parameters (and LDA's carried γ) alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from em_explorer.em.model import Expectation
from em_explorer.em.steps import Model, Phase, Snapshot, Stop

LATENT_CACHE = 8
"""Posteriors remembered: enough for stepping to and fro without recomputing."""


class Trace:
    """Snapshots of one run in order, with its model, data and stop.

    Parameters
    ----------
    model : EMModel
    data : object
        From ``model.prepare``.
    backend : str
        Which code ran the E-steps; fixed for a run.
    """

    def __init__(self, model: Model, data: Any, backend: str = "reference") -> None:
        self.model = model
        self.data = data
        self.backend = backend
        self.stop: Stop | None = None
        self._snapshots: list[Snapshot] = []
        self._e_steps: list[int] = []
        self._latent: OrderedDict[int, Expectation[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._snapshots)

    def __getitem__(self, index: int) -> Snapshot:
        return self._snapshots[index]

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self._snapshots)

    def append(self, snapshot: Snapshot) -> None:
        """Add the next half-step."""
        if snapshot.phase is Phase.E:
            self._e_steps.append(len(self._snapshots))
        self._snapshots.append(snapshot)

    @property
    def e_indices(self) -> list[int]:
        """Indices of the snapshots that end an E-step: one per iteration, the initial one first."""
        return self._e_steps

    @property
    def bounds(self) -> list[float]:
        """The bound at each E-step, in nats; n_iter + 1 entries."""
        return [s.bound for i in self._e_steps if (s := self._snapshots[i]).bound is not None]

    @property
    def n_iter(self) -> int:
        """Full steps whose E-step is done."""
        return max(len(self._e_steps) - 1, 0)

    @property
    def final(self) -> Snapshot:
        """The last E-step, which is the last good state; the start where there is none."""
        return self._snapshots[self._e_steps[-1] if self._e_steps else 0]

    def posterior(self, index: int) -> Expectation[Any] | None:
        """Return the E-step in force at a snapshot, with its posterior in ``latent``.

        Returns
        -------
        Expectation or None
            None at the start, before the first E-step.
        """
        snapshot = self._snapshots[index]
        if snapshot.posterior_params is None:
            return None
        key = id(snapshot.posterior_params)
        if key in self._latent:
            self._latent.move_to_end(key)
            return self._latent[key]
        found = self.model.e_step(
            self.data, snapshot.posterior_params, latent=True, carry=snapshot.carry
        )
        self._latent[key] = found
        if len(self._latent) > LATENT_CACHE:
            self._latent.popitem(last=False)
        return found
