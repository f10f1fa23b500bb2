"""Keep what the worker finds on its way, so that drawing it costs no second E-step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from em_explorer.em.model import Expectation

FRAME_SECONDS = 0.016
"""So often an E-step's posterior is kept: more could not be drawn."""

KEPT = 3

Look = Callable[[Any, Any, Any, Any], tuple[Expectation[Any], Any]]
"""Does a model's E-step, given (model, data, params, carry); returns it and what to keep."""


class WatchedModel:
    """A model whose E-steps leave part of their posterior behind, at most one a frame.

    It may run in the worker's thread while another asks :meth:`found`.

    Parameters
    ----------
    model : EMModel
    look : Look
    """

    def __init__(self, model: Any, look: Look) -> None:
        self._model = model
        self._look = look
        self._due = 0.0
        self._found: tuple[tuple[Any, Any], ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def e_step(
        self, data: Any, params: Any, *, latent: bool = False, carry: Any = None
    ) -> Expectation[Any]:
        """Do the model's E-step, and keep its posterior where it is time."""
        now = time.perf_counter()
        if latent or now < self._due:
            found: Expectation[Any] = self._model.e_step(data, params, latent=latent, carry=carry)
            return found
        self._due = now + FRAME_SECONDS
        found, kept = self._look(self._model, data, params, carry)
        # One assignment of a new tuple: whoever reads meanwhile sees the old one or the new.
        self._found = (*self._found[1 - KEPT :], (params, kept))
        return found

    def found(self, params: Any) -> Any:
        """Return what was kept of the E-step at exactly these params, or None."""
        return next((kept for at, kept in self._found if at is params), None)
