"""Matching found parts to true ones."""

from itertools import permutations

import numpy as np
import pytest

from em_explorer.em.errors import DataError
from em_explorer.models.alignment import align_labels, align_parts, overlap, relabel


def test_align_parts_is_the_cheapest_of_all_permutations():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 4, 5):
        cost = rng.standard_normal((size, size))
        order = align_parts(cost)
        rows = np.arange(size)
        cheapest = min(cost[rows, list(p)].sum() for p in permutations(range(size)))
        assert sorted(order) == list(range(size))
        assert cost[rows, order].sum() == pytest.approx(cheapest, rel=1e-14)


def test_labels_of_a_permuted_truth_come_back():
    truth = np.repeat(np.arange(4), [5, 3, 8, 2])
    found = np.array([2, 0, 3, 1])[truth]
    order = align_labels(found, truth, 4)
    np.testing.assert_array_equal(order, [2, 0, 3, 1])
    np.testing.assert_array_equal(relabel(found, order), truth)


def test_more_found_parts_than_true_ones_go_to_the_end():
    order = align_labels([2, 2, 0, 0, 1, 3], [0, 0, 1, 1, 1, 1], 4)
    np.testing.assert_array_equal(order, [2, 0, 1, 3])


def test_more_true_parts_than_found_ones():
    order = align_labels([1, 1, 1, 0, 0], [0, 0, 1, 2, 2], 2)
    np.testing.assert_array_equal(order, [1, 0])


def test_unknown_labels_are_not_counted():
    np.testing.assert_array_equal(overlap([0, 1, 1, -1], [1, 0, -1, 0], 2), [[0, 1], [1, 0]])


def test_an_empty_truth_keeps_the_order():
    np.testing.assert_array_equal(align_labels([], [], 3), [0, 1, 2])


def test_bad_labels_and_costs():
    with pytest.raises(DataError, match="2 found labels and 3 true ones"):
        align_labels([0, 1], [0, 1, 1], 2)
    with pytest.raises(DataError, match="Label 2 is too large for 2 parts"):
        align_labels([0, 2], [0, 1], 2)
    with pytest.raises(DataError, match="finite costs"):
        align_parts([[np.nan, 1.0], [0.0, 1.0]])
