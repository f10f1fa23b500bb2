"""Arrows from old to new in every tab: means, imputed points, transitions, emissions, words."""

from __future__ import annotations

import numpy as np

from em_explorer.ui.theme import theme_manager


def test_means_travel_along_arrows(window, step):
    tab = window.tab
    step(tab, 2)
    arrows, pair = tab.scatter.arrows, list(tab.pair)
    np.testing.assert_allclose(arrows.starts, tab.shown_params(1).means[:, pair])
    np.testing.assert_allclose(arrows.ends, tab.shown_params(2).means[:, pair])
    theme = theme_manager().current
    assert [color.name() for color in arrows.colors] == [theme.component(k).name() for k in (0, 1)]
    step(tab, 1)
    assert not len(arrows.starts)  # nothing moves in E
    tab.controller.back()
    tab.settle()
    assert len(arrows.starts) == 2


def test_imputed_points_slide_along_arrows(window, step):
    window.open_demo("missing-at-random")
    tab = window.tab
    step(tab, 3)
    slides, holes = tab.scatter.slides, ~tab.data.observed[:, list(tab.pair)]
    moved = holes.any(axis=1)
    np.testing.assert_allclose(slides.starts, tab.filled(1)[0][moved][:, list(tab.pair)])
    np.testing.assert_allclose(slides.ends, tab.filled(3)[0][moved][:, list(tab.pair)])
    step(tab, 1)
    assert not len(slides.starts)
    assert tab.stage.shown.ghost_mean is not None


def test_transitions_and_emissions_say_where_they_go(window, step):
    window.open_demo("casino")
    tab = window.tab
    step(tab, 2)
    matrix, before, now = tab.area.matrix, tab.shown_params(1), tab.shown_params(2)
    change = now.transition_matrix - before.transition_matrix
    for i in range(2):
        for j in range(2):
            noted = abs(change[i, j]) >= 0.005
            assert matrix.change(i, j) == (change[i, j] if noted else 0.0)
    arrows = tab.area.emissions.arrows
    assert (arrows.starts[:, 1] == before.emission.probs.ravel()).all()
    assert (arrows.ends[:, 1] == now.emission.probs.ravel()).all()
    assert (arrows.starts[:, 0] == arrows.ends[:, 0]).all()
    step(tab, 1)
    assert matrix.change(0, 0) == 0.0
    assert not len(arrows.starts)


def test_words_rise_and_fall(window, step):
    window.open_demo("bars")
    tab = window.tab
    step(tab, 2)
    trend = tab.stage.shown.trend
    change = tab.topic_word(2) - tab.topic_word(1)
    assert (trend != 0).any()
    assert (np.sign(change)[trend != 0] == trend[trend != 0]).all()


def test_arrows_are_painted(window, step):
    tab = window.tab
    step(tab, 2)
    with_arrows = tab.scatter.grab().toImage()
    tab.scatter.arrows.clear()
    tab.scatter.viewport().update()
    assert tab.scatter.grab().toImage() != with_arrows
