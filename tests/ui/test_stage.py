"""The frame clock: at most one drawing a frame, and a glide between two pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject

from em_explorer.ui.stage import Motion, Stage, mix


@dataclass(frozen=True)
class Inner:
    x: Any


@dataclass(frozen=True)
class Picture:
    place: Any
    labels: Any
    inner: Inner
    name: str


def picture(value: float, n: int = 2) -> Picture:
    return Picture(np.full(n, value), np.arange(n), Inner(np.full((n, 2), -value)), f"{value}")


def test_mix_interpolates_floats_and_leaves_the_rest():
    half = mix(picture(0.0), picture(1.0), 0.25)
    assert np.array_equal(half.place, [0.25, 0.25])
    assert np.array_equal(half.inner.x, np.full((2, 2), -0.25))
    assert np.array_equal(half.labels, [0, 1])
    assert half.name == "1.0"
    end = mix(picture(0.1), picture(0.7), 1.0)
    assert np.array_equal(end.place, picture(0.7).place)


def test_pictures_of_other_shapes_are_taken_as_they_are():
    assert np.array_equal(mix(picture(0.0, 2), picture(1.0, 3), 0.5).place, np.ones(3))


@pytest.fixture
def stage(qtbot):
    parent = QObject()
    drawn: list[Picture] = []
    made = Stage(lambda index: picture(float(index)), drawn.append, parent)
    made.drawn = drawn
    yield made
    parent.deleteLater()


def test_many_wishes_in_one_frame_are_one_drawing(qtbot, stage):
    for index in range(100):
        stage.show(index)
    qtbot.waitUntil(lambda: bool(stage.drawn))
    assert [p.name for p in stage.drawn] == ["99.0"]
    assert stage.shown_index == 99


def test_a_glide_passes_between_and_ends_exactly(qtbot, stage, monkeypatch):
    monkeypatch.setattr(Motion, "enabled", True)
    stage.show(0)
    stage.draw_now()
    stage.show(1, glide=True)
    qtbot.waitUntil(lambda: bool(stage.drawn[-1].place[0] == 1.0), timeout=3000)
    between = [float(p.place[0]) for p in stage.drawn]
    assert between == sorted(between)
    assert any(0.0 < value < 1.0 for value in between)


def test_a_new_wish_during_a_glide_wins(qtbot, stage, monkeypatch):
    monkeypatch.setattr(Motion, "enabled", True)
    stage.show(0)
    stage.draw_now()
    stage.show(1, glide=True)
    stage.draw_now()
    stage.show(5)
    stage.settle()
    assert stage.drawn[-1].name == "5.0"
    count = len(stage.drawn)
    qtbot.wait(60)
    assert len(stage.drawn) == count


def test_forget_lets_nothing_glide_in(qtbot, stage, monkeypatch):
    monkeypatch.setattr(Motion, "enabled", True)
    stage.show(0)
    stage.draw_now()
    stage.forget()
    stage.show(3, glide=True)
    stage.settle()
    assert [p.name for p in stage.drawn] == ["0.0", "3.0"]
