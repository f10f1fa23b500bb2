"""The looks that belong to chains: the sweeps of forward–backward, and α, β, γ at one step."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from em_explorer.models.hidden_markov import viterbi
from em_explorer.ui.motion import Motion
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.shapes import rgb
from em_explorer.ui.views.time_images import Sweep, sweep_image

COLORS = np.array([[10.0, 0.0, 0.0], [0.0, 20.0, 0.0]])


@pytest.fixture
def tab(window):
    window.open_demo("casino")
    return window.tab


def test_a_sweep_is_drawn_as_far_as_it_has_come():
    alpha = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.25, 0.75]])
    beta = np.array([[2.0, 2.0], [1.0, 3.0], [4.0, 0.0], [1.0, 1.0]])
    image = sweep_image(Sweep(alpha, beta, 3, 2), np.arange(5), COLORS, 10)
    above, below = image[:, 6:], image[:, :4]
    np.testing.assert_array_equal(above[:, :, 3] > 0, np.arange(4)[:, None] < np.full(4, 3))
    np.testing.assert_array_equal(below[:, :, 3] > 0, np.arange(4)[:, None] >= np.full(4, 2))
    assert (above[0, :, 0] == 10).all()  # the first step is sure of state 1
    assert [(above[1, :, 0] == 10).sum(), (above[1, :, 1] == 20).sum()] == [2, 2]
    assert (below[2, :, 0] == 10).all()  # 4 : 0 becomes 1 : 0
    assert not image[:, 4:6, 3].any()  # a gap between past and future


def test_alpha_runs_ahead_beta_comes_back_and_both_make_gamma(tab, step):
    looks, view = tab.looks, tab.area.time
    assert looks.row.isHidden()
    step(tab, 1)
    posterior = view.band_image.image.copy()
    looks.button.click()
    assert not looks.row.isHidden()
    assert view.sweep is None  # without motion it is over at once
    np.testing.assert_array_equal(view.band_image.image, posterior)
    n = len(tab.data)
    assert looks.slider.maximum() == 2 * n + 1
    looks.slider.setValue(100)
    assert (view.sweep.ahead, view.sweep.back) == (100, n)
    np.testing.assert_array_equal(view.sweep.alpha, tab.latent(1).alpha)
    image, half = view.band_image.image, 60
    columns = np.flatnonzero(image[:, -1, 3] > 0)
    assert view.edges[columns[-1]] == 99
    assert not image[:, : half - 1, 3].any()
    assert "forward" in looks.words.text()
    looks.slider.setValue(n + 50)
    assert (view.sweep.ahead, view.sweep.back) == (n, n - 50)
    image = view.band_image.image
    assert (image[:, -1, 3] > 0).all()
    assert view.edges[np.flatnonzero(image[:, 0, 3] > 0)[0]] == n - 50
    assert "backward" in looks.words.text()
    looks.slider.setValue(looks.slider.maximum())
    np.testing.assert_array_equal(view.band_image.image, posterior)
    assert "γ" in looks.words.text()


def test_the_sweep_can_be_stepped_by_keys(tab, step, qtbot):
    step(tab, 1)
    slider = tab.looks.slider
    qtbot.keyClick(tab, Qt.Key.Key_W, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(slider.isVisible)
    slider.setValue(0)
    for _ in range(3):
        qtbot.keyClick(slider, Qt.Key.Key_Up)
    assert tab.area.time.sweep.ahead == 3
    qtbot.keyClick(slider, Qt.Key.Key_Down)
    assert tab.area.time.sweep.ahead == 2


def test_the_next_half_step_shows_the_posterior_again(tab, step):
    step(tab, 1)
    tab.looks.button.click()
    tab.looks.slider.setValue(40)
    step(tab, 1)
    assert tab.area.time.sweep is None
    assert tab.looks.slider.value() == tab.looks.slider.maximum()


def test_a_new_e_step_is_swept_where_there_is_time(tab, step, qtbot, monkeypatch):
    step(tab, 1)
    tab.looks.button.click()
    step(tab, 1)
    monkeypatch.setattr(Motion, "enabled", True)
    monkeypatch.setattr("em_explorer.ui.tabs.hidden_markov_looks.SWEEP_MS", 60)
    seen = []
    tab.looks.slider.valueChanged.connect(lambda _: seen.append(tab.area.time.sweep))
    tab.controller.step()
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] is None and tab.controller.cursor == 3)
    swept = [s for s in seen if s is not None]
    assert swept
    assert [s.ahead for s in swept] == sorted(s.ahead for s in swept)
    assert [s.back for s in swept] == sorted((s.back for s in swept), reverse=True)
    np.testing.assert_array_equal(swept[0].alpha, tab.latent(3).alpha)


def test_pointing_at_a_step_shows_alpha_beta_and_gamma(tab, step, qtbot):
    view = tab.area.time
    view.point_at(150)
    assert view.bars.isHidden()  # nothing is known before the first E-step
    step(tab, 1)
    box = view.observations.vb
    place = view.mapFromScene(box.mapViewToScene(QPointF(view.x_of(150), 3.0)))
    qtbot.mouseMove(view.viewport(), place)
    assert view.bars.isVisible()
    latent = tab.latent(1)
    alpha, beta, gamma = latent.alpha[150], latent.beta[150], latent.gamma[150]
    np.testing.assert_allclose(alpha * beta, gamma, rtol=1e-9)
    np.testing.assert_allclose(view.bars.shares, [alpha, beta / beta.sum(), gamma], rtol=1e-12)
    assert f"State {gamma.argmax() + 1}: α past" in view.bars.accessibleName()
    view.point_at(-1)
    assert view.bars.isHidden()


def test_messages_are_numbered_as_the_states_are_shown(tab, step):
    step(tab, 1)
    before = [part.copy() for part in tab.looks.messages()]
    tab.order = np.array([1, 0])
    for now, was in zip(tab.looks.messages(), before, strict=True):
        np.testing.assert_array_equal(now, was[:, ::-1])


def test_posterior_and_viterbi_are_marked_where_they_differ(tab, step):
    step(tab, 5)
    latent, view = tab.latent(5), tab.area.time
    path = viterbi(tab.model, tab.data, tab.snapshot(5).posterior_params)[0]
    differ = latent.gamma.argmax(1) != path
    assert differ.any()
    marked = view.differ_image.image[:, 0, 3] > 0
    columns = np.logical_or.reduceat(differ, view.edges[:-1])
    np.testing.assert_array_equal(marked, columns)
    for item in (view.band_image, view.path_image, view.differ_image, view.truth_image):
        item.render()
        assert not item.qimage.isNull()  # what is drawn, not only what was handed over
    # Marked in the color of no state, and said in words: beside the strip, and of a step.
    color = view.differ_image.image[np.flatnonzero(marked)[0], 0, :3]
    np.testing.assert_array_equal(color, rgb(theme_manager().current.color("text")))
    assert "differ" in view.differ.toolTip()
    for t in (np.flatnonzero(differ)[0], np.flatnonzero(~differ)[0]):
        assert (", differs" in tab.reading(int(t))) == differ[t]
    assert "“differ” marks" in tab.explained(5).text


def test_strips_are_painted(tab, step):
    step(tab, 5)
    view = tab.area.time
    picture = view.grab().toImage()
    for plot, item in (
        (view.viterbi, view.path_image),
        (view.truth, view.truth_image),
        (view.differ, view.differ_image),
    ):
        box = plot.vb.sceneBoundingRect()
        seen = {
            picture.pixelColor(round(x), round(box.center().y())).getRgb()[:3]
            for x in np.linspace(box.left() + 3, box.right() - 3, 200)
        }
        shown = item.image[:, 0]
        opaque = shown[shown[:, 3] == 255] if shown.shape[1] == 4 else shown
        wanted = {tuple(int(c) for c in rgb) for rgb in opaque[:, :3]}
        assert wanted <= seen


def test_few_names_of_symbols_stand_beside_a_low_plot(tab, step):
    layer = tab.area.time.layer

    def names() -> list[str]:
        [ticks] = layer.plot.getAxis("left")._tickLevels
        return [name[0] for _, name in ticks]

    assert names() == list("123456")
    layer.plot.vb.resize(400, 40)
    step(tab, 1)
    layer.draw(0, 300, 400.0, None)
    assert names() == list("246")


def test_very_long_sequences_say_why_there_is_no_sweep(tab):
    tab.looks.say_length(long=True)
    assert not tab.looks.button.isEnabled()
    assert "long" in tab.looks.button.toolTip()
