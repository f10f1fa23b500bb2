"""The loader: the reference serves until the kernels are there, and whatever goes wrong."""

from __future__ import annotations

import pytest

from em_explorer.models.backend import Backend
from em_explorer.session import kernels
from em_explorer.session.kernels import KernelLoader


class Process:
    waited = False

    def wait(self) -> None:
        self.waited = True


@pytest.fixture
def begun(monkeypatch):
    def run(answers, process=None):
        answers = iter(answers)
        monkeypatch.setattr(kernels, "choose", lambda: next(answers))
        monkeypatch.setattr(kernels, "start_warm_up", lambda: process)
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
