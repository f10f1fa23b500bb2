"""Load the compiled kernels behind the window's back; until then the reference serves."""

from __future__ import annotations

import logging
import os
import threading

from em_explorer.models.backend import Backend, choose, set_threads, start_warm_up
from em_explorer.session.settings import load_settings

logger = logging.getLogger(__name__)


class KernelLoader:
    """Knows which backend a new run may use, and never makes anybody wait for it.

    Attributes
    ----------
    backend : Backend
        The reference until the kernels are loaded.
    """

    def __init__(self) -> None:
        self.backend = Backend.REFERENCE
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to load, or to compile in a process of its own and then to load."""
        if self._thread is None:
            # A daemon: who closes the window must not wait for a compiler.
            self._thread = threading.Thread(target=self._load, name="kernels", daemon=True)
            self._thread.start()

    def _load(self) -> None:
        try:
            # Threads of one's own choice, or one core less than there are, for the window.
            chosen = load_settings().threads
            if chosen > 0:
                set_threads(min(chosen, os.cpu_count() or 1))
            found = choose()
            if found is Backend.REFERENCE:
                process = start_warm_up()
                if process is not None:
                    process.wait()
                    found = choose()
            self.backend = found
        except Exception:
            logger.exception("The compiled kernels can't be used; the reference serves.")


loader = KernelLoader()
"""The program's one loader; only the application starts it."""
