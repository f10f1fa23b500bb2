"""The loader: the reference serves until the kernels are there, and whatever goes wrong."""

from __future__ import annotations

import pytest

from em_explorer.models.backend import Backend, set_threads, threads
from em_explorer.session import kernels
from em_explorer.session.kernels import KernelLoader
from em_explorer.session.settings import Settings


class Process:
    waited = False

    def wait(self) -> None:
        self.waited = True


@pytest.fixture
def begun(monkeypatch):
    def run(answers, process=None, chosen=0):
        answers = iter(answers)
        monkeypatch.setattr(kernels, "choose", lambda: next(answers))
        monkeypatch.setattr(kernels, "start_warm_up", lambda: process)
        monkeypatch.setattr(kernels, "load_settings", lambda: Settings(threads=chosen))
        loader = KernelLoader()
        assert loader.backend is Backend.REFERENCE
        loader.start()
        loader._thread.join(5)
        return loader

    return run


def test_kernels_that_are_cached_serve(begun):
    assert begun([Backend.NUMBA]).backend is Backend.NUMBA


def test_kernels_that_are_not_are_compiled_elsewhere_first(begun):
    process = Process()
    loader = begun([Backend.REFERENCE, Backend.NUMBA], process)
    assert process.waited
    assert loader.backend is Backend.NUMBA


def test_without_a_compiler_the_reference_serves(begun):
    assert begun([Backend.REFERENCE], None).backend is Backend.REFERENCE


def test_whatever_goes_wrong_is_one_log_line(begun, caplog):
    assert begun([]).backend is Backend.REFERENCE
    assert "the reference serves" in caplog.text


@pytest.mark.parametrize(("chosen", "used"), [(0, 5), (3, 3), (99, 4)])
def test_the_threads_of_the_settings_are_used(begun, chosen, used, monkeypatch):
    """Nothing chosen leaves them as they are, and there are no more of them than cores."""
    before = threads()
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    try:
        set_threads(5)
        begun([Backend.NUMBA], chosen=chosen)
        assert threads() == used
    finally:
        set_threads(before)
