"""Long sequences as images: what is binned stays true."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyqtgraph as pg
import pytest

from em_explorer.ui.views.time_axis import even_axis
from em_explorer.ui.views.time_images import (
    column_edges,
    column_majority,
    column_means,
    dots_image,
    mark_image,
    sort_into_cells,
    stack_image,
    strip_image,
)


@pytest.mark.parametrize(("n", "most"), [(10, 100), (100, 10), (48_502, 671), (7, 7), (1, 5)])
def test_columns_cover_every_step_once(n, most):
    edges = column_edges(3, 3 + n, most)
    assert edges[0] == 3
    assert edges[-1] == 3 + n
    assert len(edges) - 1 == min(n, most)
    assert np.diff(edges).min() >= 1
    assert np.diff(edges).max() - np.diff(edges).min() <= 1


def test_means_and_majorities_are_those_of_the_steps():
    rng = np.random.default_rng(0)
    gamma = rng.dirichlet(np.ones(3), 1000)
    labels = rng.integers(0, 3, 1000)
    edges = column_edges(100, 900, 37)
    means, most = column_means(gamma, edges), column_majority(labels, edges, 3)
    for c in range(37):
        part = slice(edges[c], edges[c + 1])
        np.testing.assert_allclose(means[c], gamma[part].mean(axis=0))
        assert most[c] == np.bincount(labels[part], minlength=3).argmax()
    np.testing.assert_allclose(means.sum(axis=1), 1.0)


def test_bands_are_as_high_as_their_shares():
    colors = np.array([[255.0, 0, 0], [0, 255, 0], [0, 0, 255]])
    image = stack_image(np.array([[0.25, 0.5, 0.25], [0.0, 1.0, 0.0]]), colors, 100)
    assert image.shape == (2, 100, 4)
    assert (image[..., 3] == 255).all()
    image = image[..., :3]
    assert (image == colors[0]).all(axis=2).sum(axis=1).tolist() == [25, 0]
    assert (image == colors[1]).all(axis=2).sum(axis=1).tolist() == [50, 100]
    assert (image[0, 0] == colors[0]).all()  # the first state is at the bottom


def test_strips_and_marks():
    colors = np.array([[10.0, 20, 30], [40, 50, 60]])
    assert strip_image(np.array([1, 0]), colors)[:, 0].tolist() == [[40, 50, 60], [10, 20, 30]]
    marked = np.zeros(10, dtype=bool)
    marked[7] = True
    image = mark_image(marked, column_edges(0, 10, 5), (1, 2, 3))
    assert image[:, 0, 3].tolist() == [0, 0, 0, 181, 0]
    assert image[3, 0, :3].tolist() == [1, 2, 3]


def test_dots_lie_in_their_rows_with_the_mean_color():
    rows = np.array([0, 0, 1, 1])
    rgb = np.array([[0.0, 0, 0], [100, 0, 0], [50, 50, 50], [50, 50, 50]])
    cells = sort_into_cells(rows, 2, column_edges(0, 4, 2))
    image = dots_image(cells, np.eye(4), rgb)
    assert image[0, 0].tolist() == [50, 0, 0, 255]
    assert image[0, 1, 3] == 0
    assert image[1, 1].tolist() == [50, 50, 50, 255]
    plain = dots_image(cells, None, np.array([[1.0, 2.0, 3.0]]))
    np.testing.assert_array_equal(plain[..., 3], image[..., 3])
    assert plain[0, 0].tolist() == [1, 2, 3, 255]


def test_crowded_cells_are_more_opaque():
    rng = np.random.default_rng(1)
    rows, shares = rng.integers(0, 4, 500), rng.dirichlet(np.ones(3), 500)
    colors = rng.uniform(0.0, 255.0, (3, 3))
    edges = column_edges(0, 500, 9)
    image = dots_image(sort_into_cells(rows, 5, edges), shares, colors)
    assert image.shape == (9, 5, 4)
    assert not image[:, 4].any()  # no step is in the last row
    counts = np.array([np.bincount(rows[a:b], minlength=4) for a, b in pairwise(edges)])
    crowded = np.quantile((counts / np.diff(edges)[:, None])[counts > 0], 0.95)
    for c in range(9):
        for row in range(4):
            here = np.flatnonzero(rows[edges[c] : edges[c + 1]] == row) + edges[c]
            share = len(here) / (edges[c + 1] - edges[c])
            assert image[c, row, 3] == int(90.0 + 165.0 * np.sqrt(min(share / crowded, 1.0)))
            mean = (shares[here] @ colors).mean(axis=0)
            np.testing.assert_allclose(image[c, row, :3], mean, atol=1.0)


def test_a_long_sequence_is_not_paler_than_a_short_one():
    rng = np.random.default_rng(2)
    means = []
    for n in (1_000, 100_000):
        rows = np.clip(rng.normal(20.0, 5.0, n), 0, 39).astype(np.int64)
        cells = sort_into_cells(rows, 40, column_edges(0, n, 700))
        means.append(np.average(cells.opacity, weights=cells.counts))
        assert cells.opacity.min() >= 90
    assert means[1] > 0.8 * means[0]


def test_years_are_an_axis_and_gaps_are_not():
    assert even_axis(np.array([1900.0, 1901.0, 1902.0]), 3) == (1900.0, 1.0)
    assert even_axis(np.array([1900.0, 1905.0, 1906.0]), 3) == (1.0, 1.0)
    assert even_axis(None, 3) == (1.0, 1.0)


@pytest.mark.parametrize("m", [1, 2, 300])
def test_every_image_can_be_drawn(qapp, m):
    colors = np.array([[255.0, 0.0, 0.0], [0.0, 0.0, 255.0]])
    edges = column_edges(0, m, m)
    labels = np.arange(m) % 2
    shares = np.eye(2)[labels]
    for image in (
        strip_image(labels, colors),
        mark_image(np.ones(m), edges, colors[0]),
        stack_image(shares, colors, 8),
    ):
        item = pg.ImageItem(image, autoLevels=False)
        item.render()
        drawn = item.qimage
        assert not drawn.isNull()
        assert (drawn.width(), drawn.height()) == image.shape[:2]
        for x in range(min(m, 4)):
            found = drawn.pixelColor(x, 0)
            assert [found.red(), found.green(), found.blue()] == list(image[x, 0, :3])
