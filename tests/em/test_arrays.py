"""Frozen values, and what is remembered of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from em_explorer.em.arrays import Floats, freeze, latest, unchecked


@dataclass(frozen=True)
class Pair:
    """Two fields, one of them an array."""

    values: Floats
    name: str

    def __post_init__(self) -> None:
        freeze(self)


def test_freezing_leaves_other_peoples_memory_alone():
    memory = np.zeros((2, 3))
    own, view = Pair(np.zeros(3), "own"), Pair(memory[0], "view")
    memory[:] = 1.0
    assert view.values.tolist() == [0.0, 0.0, 0.0]
    for pair in (own, view):
        with pytest.raises(ValueError, match="read-only"):
            pair.values[0] = 2.0


def test_unchecked_values_are_frozen_and_equal_to_checked_ones():
    made = unchecked(Pair, np.arange(3.0), "made")
    assert made.name == "made"
    assert made.values.tolist() == [0.0, 1.0, 2.0]
    assert not made.values.flags.writeable
    with pytest.raises(ValueError, match="shorter"):
        unchecked(Pair, np.arange(3.0))


def test_only_the_last_frozen_array_is_remembered():
    asked = []

    @latest
    def doubled(array):
        asked.append(array)
        return 2.0 * array

    first, second = np.ones(2), np.full(2, 3.0)
    first.flags.writeable = second.flags.writeable = False
    assert doubled(first) is doubled(first)
    assert len(asked) == 1
    assert doubled(second).tolist() == [6.0, 6.0]
    assert doubled(first).tolist() == [2.0, 2.0]
    assert len(asked) == 3


def test_an_array_that_may_change_is_asked_again():
    @latest
    def doubled(array):
        return 2.0 * array

    array = np.ones(2)
    assert doubled(array).tolist() == [2.0, 2.0]
    array[:] = 5.0
    assert doubled(array).tolist() == [10.0, 10.0]
