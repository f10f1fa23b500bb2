import importlib.util
import json
import logging
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from em_explorer import cli
from em_explorer.models import backend
from em_explorer.models.backend import Backend, choose, map_chunks, set_threads, threads, warm_up
from em_explorer.models.gaussian_mixture import GaussianMixture

TINY = """
from em_explorer.models.kernels.jit import kernel


@kernel()
def double(x):
    return 2.0 * x


KERNELS = (("double", lambda: double(1.0)),)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and nothing remembered from the test before."""
    monkeypatch.setattr(backend, "cache_root", lambda: tmp_path / "cache")
    monkeypatch.setattr(backend, "_READY", set())
    backend._say_once.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def tiny(tmp_path):
    """A module with one small kernel, in a file of its own as numba's cache wants it."""
    path = tmp_path / "tiny_kernel.py"
    path.write_text(TINY, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("tiny_kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ready(own_cache):
    """A cache that looks complete without anything having been compiled."""
    folder = backend.cache_folder()
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "double.nbi").write_bytes(b"index")
    backend._write_marker(folder)
    return folder


def _one_line(caplog) -> str:
    lines = [r.getMessage() for r in caplog.records if r.name == backend.__name__]
    assert len(lines) == 1
    return lines[0]


def test_without_a_cache_the_reference_serves_with_one_line(caplog):
    caplog.set_level(logging.INFO)
    assert choose() is Backend.REFERENCE
    assert choose() is Backend.REFERENCE
    assert "not compiled yet" in _one_line(caplog)


def test_a_complete_cache_lets_the_kernels_serve(ready, caplog):
    caplog.set_level(logging.INFO)
    assert choose() is Backend.NUMBA
    assert not caplog.records
    served = backend.served_by(GaussianMixture())
    assert served == GaussianMixture(backend=Backend.NUMBA)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "can't be read"),
        ("[]", "can't be read"),
        ('{"files": 3, "made_for": ""}', "can't be read"),
        ('{"files": [], "made_for": "another numba"}', "made for something else"),
    ],
)
def test_a_wrong_marker_means_the_reference(ready, content, said, caplog):
    caplog.set_level(logging.INFO)
    (ready / backend.MARKER).write_text(content, encoding="utf-8")
    assert choose() is Backend.REFERENCE
    assert said in _one_line(caplog)


def test_a_lost_file_means_the_reference(ready, caplog):
    caplog.set_level(logging.INFO)
    (ready / "sub" / "double.nbi").unlink()
    assert choose() is Backend.REFERENCE
    assert "1 files are missing" in _one_line(caplog)


def test_a_folder_that_cannot_be_written_means_the_reference(ready, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    # Permissions do not bind the superuser, under whom tests may run.
    monkeypatch.setattr(backend, "writable", lambda folder: False)
    assert choose() is Backend.REFERENCE
    assert "can't be written" in _one_line(caplog)
    assert backend.start_warm_up() is None
    assert not warm_up(kernels=())


def test_writable_tells_a_folder_from_a_file_in_its_place(tmp_path):
    assert backend.writable(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert not backend.writable(tmp_path / "file" / "c")


def test_without_numba_the_reference_serves(ready, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(backend, "installed_numba", lambda: None)
    assert choose() is Backend.REFERENCE
    assert _one_line(caplog).endswith("numba is not installed.")
    assert backend.start_warm_up() is None
    assert not warm_up(kernels=())


def test_a_numba_that_cannot_be_imported_means_the_reference(ready, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "em_explorer.models.kernels.jit", raising=False)
    assert choose() is Backend.REFERENCE
    assert "can't be imported" in _one_line(caplog)


def test_other_sources_have_another_cache(monkeypatch):
    before = backend.cache_folder()
    monkeypatch.setattr(backend, "fingerprint", lambda: "another source")
    assert backend.cache_folder() != before


def test_warming_up_fills_the_cache_and_says_how_far_it_is(tiny):
    assert choose() is Backend.REFERENCE
    told = []
    assert warm_up(lambda *progress: told.append(progress), tiny.KERNELS)
    assert told == [("double", 0, 1), ("", 1, 1)]
    assert choose() is Backend.NUMBA
    marker = json.loads((backend.cache_folder() / backend.MARKER).read_text(encoding="utf-8"))
    assert len(marker["files"]) == 1
    assert "double" in marker["files"][0]
    assert tiny.double(21.0) == 42.0
    assert backend.start_warm_up() is None  # there is nothing left to do


def test_what_another_process_compiles_is_not_compiled_twice(own_cache, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    folder = backend.cache_folder()
    folder.mkdir(parents=True)
    waiting, lock, run, ended = threading.Event(), fcntl.flock, [], []

    def flock(file, how):
        if not how & fcntl.LOCK_NB:
            waiting.set()
        lock(file, how)

    with (folder / backend.LOCK).open("wb") as held:  # as the other process does
        lock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(fcntl, "flock", flock)
        work = [("double", lambda: run.append("double"))]
        second = threading.Thread(target=lambda: ended.append(warm_up(kernels=work)))
        second.start()
        assert waiting.wait(10)
        assert not run
        backend._write_marker(folder)
    second.join(10)
    assert ended == [True]
    assert not run
    assert warm_up(kernels=work)  # by hand, and nobody else is at it
    assert run == ["double"]


def test_a_kernel_that_fails_leaves_the_reference(caplog):
    caplog.set_level(logging.INFO)

    def fail() -> None:
        raise RuntimeError("no compiler")

    assert not warm_up(kernels=[("broken", fail)])
    assert "no compiler" in _one_line(caplog)
    assert choose() is Backend.REFERENCE


def test_old_caches_are_deleted(own_cache, tiny):
    for i in range(backend.CACHES_KEPT + 3):
        (own_cache / f"kernels-{i}").mkdir(parents=True)
    assert warm_up(kernels=tiny.KERNELS)
    assert len(list(own_cache.glob("kernels-*"))) == backend.CACHES_KEPT + 1
    assert choose() is Backend.NUMBA


def test_the_command_line_warms_up(tiny, monkeypatch, capsys):
    monkeypatch.setattr(backend, "all_kernels", lambda: list(tiny.KERNELS))
    assert cli.main(["warm-up"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == "[1/1] double"
    assert str(backend.cache_folder()) in last
    monkeypatch.setattr(backend, "warm_up", lambda: False)
    monkeypatch.setattr(backend, "give_way", lambda: None)
    assert cli.main(["warm-up", "--quiet"]) == 1
    assert capsys.readouterr().out == ""


def test_the_background_process_is_our_own_command(monkeypatch):
    begun = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **_: begun.append(words))
    backend.start_warm_up()
    assert begun == [[sys.executable, "-m", "em_explorer", "warm-up", "--quiet"]]


def test_without_a_cache_numba_is_not_even_imported(tmp_path):
    script = f"""
        import sys
        from pathlib import Path
        from em_explorer.models import backend
        backend.cache_root = lambda: Path({str(tmp_path)!r})
        assert backend.choose() is backend.Backend.REFERENCE
        from em_explorer.models import (
            gaussian_mixture, hidden_markov, latent_dirichlet, missing_data)
        assert "numba" not in sys.modules and "llvmlite" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)


@pytest.fixture
def as_many_threads_after():
    before = threads()
    yield
    set_threads(before)


def test_chunks_come_back_in_order_whatever_the_threads(as_many_threads_after):
    chunks = [np.arange(i, i + 5) for i in range(40)]
    for n in 1, 2, 5:
        set_threads(n)
        assert threads() == n
        assert list(map_chunks(lambda chunk: int(chunk.sum()), chunks)) == [
            int(chunk.sum()) for chunk in chunks
        ]


def test_chunks_run_in_several_threads(as_many_threads_after):
    set_threads(2)
    together = threading.Barrier(2, timeout=30)  # passes only if two are there at once
    assert list(map_chunks(lambda i: together.wait() >= 0 and i, [1, 2])) == [1, 2]


def test_no_thread_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one thread"):
        set_threads(0)
