"""Which code runs an E-step: the numpy reference or its compiled twin. Nothing else decides.

Compiling takes seconds, so nobody waits for it: the kernels serve only once they lie in a cache,
which :func:`warm_up` fills, in a process of its own where there is a window. A marker file says
that the cache is whole and was made by this Python, this numba, this processor and this source.
Without it, or where anything is wrong, the reference serves.

Every model imports this module, and the window waits for it: what only compiling needs is
imported where it is used.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import subprocess
    from concurrent.futures import ThreadPoolExecutor

logger = logging.getLogger(__name__)

ROOT_PACKAGE = "em_explorer"
KERNEL_PACKAGE = "em_explorer.models.kernels"
MARKER = "ready.json"
LOCK = "compiling"
"""The file that the process which compiles holds."""
CACHES_KEPT = 4
"""Caches of earlier versions that may stay: other Pythons may still use them."""

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
Kernels = Iterable[tuple[str, Callable[[], object]]]


class Backend(Enum):
    """Which code runs the E-steps; fixed for a run and kept in its trace."""

    REFERENCE = "reference"
    NUMBA = "numba"


# --- which one serves ---------------------------------------------------------------------------


def choose() -> Backend:
    """Return the backend that serves now.

    Compiles nothing, and imports numba only when the cache is ready. Call it off the window's
    thread the first time: importing numba takes some tenths of a second.

    Returns
    -------
    Backend
        ``NUMBA`` when the kernels are compiled and cached for this very set-up, else
        ``REFERENCE``, with one line in the log that says why.
    """
    reason = _why_not()
    if reason is None:
        return Backend.NUMBA
    _say_once(reason)
    return Backend.REFERENCE


_READY: set[Path] = set()
"""Folders found ready in this process: looking once is enough."""


def _why_not() -> str | None:
    """Return why the kernels can't serve, or None when they can."""
    folder = cache_folder()
    if folder in _READY:
        return None
    if installed_numba() is None:
        return "numba is not installed"
    if not (folder / MARKER).exists():
        return "they are not compiled yet (em-explorer warm-up does it)"
    import json

    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files = list(marker["files"])
        if marker["made_for"] != fingerprint():
            return f"the cache in {folder} was made for something else"
    except (OSError, ValueError, TypeError, KeyError) as error:
        return f"the marker in {folder} can't be read ({error})"
    lost = [name for name in files if not (folder / name).is_file()]
    if lost:
        return f"{len(lost)} files are missing from the cache in {folder}"
    if not writable(folder):
        return f"the cache folder {folder} can't be written"
    try:
        import_module(f"{KERNEL_PACKAGE}.jit")
    except Exception as error:
        return f"numba can't be imported ({error})"
    _READY.add(folder)
    return None


@cache
def _say_once(reason: str) -> None:
    logger.info("The numpy reference serves instead of the compiled kernels: %s.", reason)


@cache
def installed_numba() -> str | None:
    """Return the versions of numba and llvmlite, or None; imports neither."""
    from importlib import metadata

    try:
        return f"numba {metadata.version('numba')}, llvmlite {metadata.version('llvmlite')}"
    except metadata.PackageNotFoundError:
        return None


# --- the cache ----------------------------------------------------------------------------------


def cache_root() -> Path:
    """Return the folder in which the program keeps what it can make again."""
    return _cache_root(*map(os.environ.get, CACHE_VARIABLES))


CACHE_VARIABLES = ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")
"""What the place of a user's cache depends on."""


@cache
def _cache_root(*_variables: str | None) -> Path:
    from platformdirs import user_cache_path

    return user_cache_path(ROOT_PACKAGE, appauthor=False)


def cache_folder() -> Path:
    """Return the folder of the kernels compiled for this very set-up; it may not exist yet."""
    return _kernel_folder(cache_root(), fingerprint())


@cache
def _kernel_folder(root: Path, made_for: str) -> Path:
    return root / f"kernels-{_digest(made_for)}"


@cache
def fingerprint() -> str:
    """Describe all that compiled code depends on: sources, numba, Python and processor.

    The sources enter by place, size and time, as in numba's own cache: with a stamp that numba
    doesn't know it would compile again, and a ready cache must never mean that.
    """
    from importlib import metadata

    folder = Path(__file__).parent / "kernels"
    stamps = [(path, path.stat()) for path in sorted(folder.glob("*.py"))]
    sources = [f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stamps]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = f"{python}, numpy {metadata.version('numpy')}, {installed_numba()}"
    return "\n".join([versions, _processor(), *sources])


@cache
def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _processor() -> str:
    """Describe the processor as far as compiled code can depend on it."""
    wanted = ("model name", "flags", "Features", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    found = [line for line in lines if line.startswith(wanted)]
    return " ".join([platform.machine(), platform.processor(), *found])


def writable(folder: Path) -> bool:
    """Say whether files can be made in a folder, which is made if need be."""
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


# --- compiling ----------------------------------------------------------------------------------


def all_kernels() -> list[tuple[str, Callable[[], object]]]:
    """Import every kernel module and return its ``KERNELS``: names, and what runs each once."""
    import pkgutil

    package = import_module(KERNEL_PACKAGE)
    found: list[tuple[str, Callable[[], object]]] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        found += getattr(import_module(f"{KERNEL_PACKAGE}.{module}"), "KERNELS", ())
    return found


def warm_up(progress: Progress | None = None, kernels: Kernels | None = None) -> bool:
    """Compile every kernel into the cache and mark it ready.

    Parameters
    ----------
    progress : callable, optional
        Called with a kernel's name, how many are done and how many there are.
    kernels : iterable of (name, callable), optional
        All of them, if not given.

    Returns
    -------
    bool
        False when the kernels can't be kept or compiled here: the log says why, and the reference
        goes on serving.
    """
    from em_explorer.models.one_process import one_process

    folder = cache_folder()
    if installed_numba() is None:
        _say_once("numba is not installed")
        return False
    if not writable(folder):
        _say_once(f"the cache folder {folder} can't be written")
        return False
    try:
        with one_process(folder / LOCK) as waited:
            if waited and _why_not() is None:
                return True  # the other process has done it
            found = list(all_kernels() if kernels is None else kernels)
            for done, (name, run) in enumerate(found):
                if progress is not None:
                    progress(name, done, len(found))
                run()
            if progress is not None:
                progress("", len(found), len(found))
            _write_marker(folder)
    except Exception as error:  # a broken numba may raise anything
        _say_once(f"compiling them failed ({type(error).__name__}: {error})")
        return False
    _forget_old(folder)
    return True


def _write_marker(folder: Path) -> None:
    # The index (.nbi) of each function; the code beside it may be replaced by a later version.
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.nbi"))
    import json

    content = json.dumps({"made_for": fingerprint(), "files": files}, indent=1)
    unfinished = folder / f"{MARKER}.{os.getpid()}"
    unfinished.write_text(content, encoding="utf-8")
    unfinished.replace(folder / MARKER)


def _forget_old(folder: Path) -> None:
    """Delete the oldest caches of other versions."""
    import shutil

    others = [path for path in folder.parent.glob("kernels-*") if path != folder]
    others.sort(key=lambda path: path.stat().st_mtime)
    for path in others[: max(0, len(others) - CACHES_KEPT)]:
        shutil.rmtree(path, ignore_errors=True)


def start_warm_up() -> subprocess.Popen[bytes] | None:
    """Compile the kernels in the background, in a process that gives way to all others.

    Returns
    -------
    Popen or None
        None when there is nothing to do or nothing can be done. The kernels serve the runs that
        begin after it has ended.
    """
    import subprocess

    folder = cache_folder()
    if installed_numba() is None or _why_not() is None or not writable(folder):
        return None
    idle = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)  # Windows; else it is nice itself
    try:
        return subprocess.Popen(
            [sys.executable, "-m", ROOT_PACKAGE, "warm-up", "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=idle,
        )
    except OSError as error:
        _say_once(f"no process could be started to compile them ({error})")
        return None


def give_way() -> None:
    """Let every other process go first, where the system has a way to say so."""
    if hasattr(os, "nice"):
        os.nice(10)


# --- threads ------------------------------------------------------------------------------------

_threads = max(1, (os.cpu_count() or 1) - 1)
_pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """Return how many threads an E-step uses: all cores but the window's, unless set otherwise."""
    return _threads


def set_threads(n: int) -> None:
    """Set how many threads an E-step uses; results don't depend on it, down to the last bit."""
    global _threads, _pool
    if n < 1:
        raise ValueError(f"An E-step needs at least one thread; {n} were asked for.")
    if n != _threads:
        _threads = n
        _pool = None  # a pool still in use ends by itself once nobody holds it


def map_chunks(function: Callable[[Chunk], Result], chunks: Iterable[Chunk]) -> Iterator[Result]:
    """Apply a function to chunks, in threads, and yield the results in the order of the chunks.

    The chunks must not depend on the number of threads: then neither do the results, nor what
    comes of merging them in order.
    """
    global _pool
    todo = list(chunks)
    if _threads == 1 or len(todo) == 1:
        return map(function, todo)
    if _pool is None:
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(_threads, thread_name_prefix="e-step")
    return _pool.map(function, todo)


_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to the calling thread while chunks run in threads of their own.

    Its own threads would take the window's core, and its sums depend on their number. Several
    runs may be inside at once: the last one out lifts the limit.
    """
    global _blas_users, _blas_limit
    with _blas_lock:
        if _blas_users == 0:
            _blas_limit = _blas().limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0:
                _blas_limit.restore_original_limits()


@cache
def _blas() -> Any:
    """Find the BLAS libraries that are loaded; looking takes milliseconds, so only once."""
    import scipy.linalg  # noqa: F401  (the one that compiled code calls must be among them)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def served_by(model: Any) -> Any:
    """Return the model with the backend that serves now."""
    return replace(model, backend=choose())
