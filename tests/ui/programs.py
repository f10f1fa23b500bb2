"""The program in a process of its own, with settings and caches in a folder of the test's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(code: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python code beside the tests; end it, and all that it has started, afterwards.

    A window that finds no kernels begins to compile them in a process that outlives it. Left
    alone, a few of these would take the processor from all other tests.
    """
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": str(ROOT),
        **{f"XDG_{k}_HOME": str(home / k) for k in ("CONFIG", "CACHE", "DATA", "STATE")},
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):  # it left nothing behind
                os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
