"""The mixture's tab through the real window: what is drawn is what the engine found."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from em_explorer.data.library import bundled
from em_explorer.em.steps import Phase, fit
from em_explorer.session.document import load_story
from em_explorer.ui.data_choices import choices_for
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.shapes import component_colors

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def tab(window):
    return window.tab


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


# -- a run -------------------------------------------------------------------------------------


def test_old_faithful_to_convergence_and_the_buttons_that_lead_on(window, tab, run_to_end, qtbot):
    assert tab.story.name == "old-faithful"
    assert not tab.controller.playing
    run_to_end(tab)
    shown = number(tab.bottom.value_label.text())
    story = tab.story
    data = tab.model.prepare(story.dataset().values)
    start = tab.model.from_units(story.initial_params(), data)
    found = fit(tab.model, data, start, story.run_options())
    assert shown == pytest.approx(found.history[-1], abs=1e-6)
    assert shown == pytest.approx(-1130.26396, abs=1e-5)
    assert "converged" in tab.bottom.transport.pill.text()
    labels = [button.label for button in tab.heading._shown]
    assert labels == ["Worse start", "Wrong K", "Collapse"]
    for name in [button.demo for button in story.next]:
        window.open_demo("old-faithful")
        run_to_end(window.tab)
        button = window.tab.heading.findChild(object, f"next_{name}")
        QTest.mouseClick(button, LEFT)
        assert window.tab.story.name == name
        assert window.tab.controller.cursor == 0


def test_points_are_colored_by_responsibility(tab, step):
    step(tab, 5)
    shares = tab.latent(5).responsibilities
    expected = shares @ component_colors(2)
    drawn = tab.scatter.points.colors
    assert np.abs(drawn - expected).max() <= 2.1
    assert len(np.unique(drawn, axis=0)) > 20


def test_points_are_neutral_at_the_start(tab):
    tab.stage.settle()
    gray = theme_manager().current.color("secondary").getRgb()[:3]
    drawn = tab.scatter.points.colors
    assert np.abs(drawn - gray).max() <= 2


def test_ellipses_means_labels_ghosts_and_trails_are_where_they_should_be(tab, step):
    step(tab, 6)
    assert tab.snapshot(6).phase is Phase.M
    now, before = tab.shown_params(6), tab.shown_params(5)
    for k, items in enumerate(tab.scatter.components):
        for sigma, outline in zip((1.0, 2.0), items.outlines, strict=True):
            apart = np.column_stack(outline.getData()) - now.means[k]
            square = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(now.covariances[k]), apart)
            np.testing.assert_allclose(np.sqrt(square), sigma, rtol=1e-9)
        apart = np.column_stack(items.ghost.getData()) - before.means[k]
        square = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(before.covariances[k]), apart)
        np.testing.assert_allclose(np.sqrt(square), 1.0, rtol=1e-9)
        trail = np.column_stack(items.trail.getData())
        expected = [tab.shown_params(i).means[k] for i in (0, 2, 4, 6)]
        np.testing.assert_allclose(trail, expected, rtol=1e-12)
        np.testing.assert_allclose(items.handle.pos(), now.means[k], rtol=1e-12)
        assert items.label.words == f"{k + 1} · {100 * now.weights[k]:.0f} %"
    step(tab, 1)
    assert all(items.ghost.getData()[0].size == 0 for items in tab.scatter.components)


def test_a_toggle_right_after_a_step_does_not_bring_the_old_picture_back(tab, step, qtbot):
    step(tab, 3)
    with qtbot.waitSignal(tab.controller.cursor_changed):
        tab.controller.step()
    tab.area.density_button.toggle()
    tab.stage.settle()
    assert tab.stage.shown_index == 4
    for handle, mean in zip(tab.scatter.handles, tab.shown_params(4).means, strict=True):
        np.testing.assert_allclose(handle.pos(), mean, rtol=1e-12)


def test_captions_speak_of_eruptions(tab, step):
    step(tab, 5)
    now, before = (tab.latent(i).responsibilities.argmax(1) for i in (5, 3))
    changed = int((now != before).sum())
    assert tab.heading.caption.text() == f"{changed} eruptions changed sides."
    step(tab, 1)
    assert "% of the eruptions" in tab.heading.caption.text()
    tab.controller.seek(0)
    assert "press Space" in tab.heading.caption.text()


def test_the_explanation_puts_todays_numbers_in(tab, step):
    step(tab, 3)
    shares = tab.latent(3).responsibilities
    n = int(shares.max(1).argmin())
    text = tab.side.explain.numbers.text()
    assert f"eruption {n + 1}" in text
    assert f"= {shares[n].max():.2f}" in text
    step(tab, 1)
    assert "of 272" in tab.side.explain.numbers.text()
    assert all(not label.pixmap().isNull() for label in tab.side.explain.formulas)


def test_numbers_show_agreement_and_silhouette(window, run_to_end):
    window.open_demo("three-blobs")
    tab = window.tab
    tab.side.setCurrentWidget(tab.side.numbers)
    run_to_end(tab)
    assert tab.side.numbers.value_of("agrees with truth (ARI)") == "1.000"
    assert number(tab.side.numbers.value_of("silhouette")) == pytest.approx(0.844, abs=1e-3)
    assert number(tab.bottom.value_label.text()) == pytest.approx(-3905.697, abs=6e-3)
    assert tab.controller.trace.final.bound == pytest.approx(-3905.697, abs=1e-3)


# -- more columns, one column ------------------------------------------------------------------


def test_the_pair_chooser_and_dragging_in_four_columns(window, step):
    window.open_demo("iris-many-optima")
    tab = window.tab
    assert tab.area.columns.isVisible()
    assert tab.pair == (2, 3)
    step(tab, 5)
    tab.area.x_box.setCurrentIndex(3)
    tab.area.x_box.activated.emit(3)
    tab.stage.settle()
    assert tab.pair == (3, 2), "the column that was there changes places"
    np.testing.assert_allclose(
        np.column_stack(tab.scatter.points.getData()), tab.values[:, [3, 2]], rtol=1e-12
    )
    params = tab.shown_params(5)
    tab.move_mean(1, 1.0, 3.0)
    began = tab.shown_params(0)
    np.testing.assert_allclose(began.means[1, [3, 2]], [1.0, 3.0])
    np.testing.assert_allclose(began.means[1, :2], params.means[1, :2], rtol=1e-9)
    assert tab.pair == (3, 2)
    shape = np.array([[0.2, 0.05], [0.05, 0.4]])
    tab.reshape(0, shape)
    wide = tab.shown_params(0).covariances[0]
    np.testing.assert_allclose(wide[np.ix_([3, 2], [3, 2])], shape, rtol=1e-9)
    np.testing.assert_allclose(wide[:2, :2], params.covariances[0][:2, :2], rtol=1e-9)
    assert np.linalg.eigvalsh(wide)[0] > 0
    before = tab.dataset
    tab.add_point(1.0, 1.0)
    assert tab.dataset is before
    assert "all 4 columns" in tab.heading.notice.text.text()
    tab.remove_point(0)
    assert len(tab.values) == 149
    assert tab.pair == (3, 2)


def test_one_column_draws_densities_that_hold_the_weights(window, step):
    window.open_demo("waiting-times")
    tab = window.tab
    step(tab, 8)
    view, params = tab.histogram, tab.shown_params(8)
    assert view.isVisible()
    assert not tab.scatter.isVisible()
    for k, curve in enumerate(view.curves):
        x, density = curve.getData()
        area = np.nansum(0.5 * (density[1:] + density[:-1]) * np.diff(x))
        assert area == pytest.approx(params.weights[k], abs=2e-3)
        assert view.lines[k].value() == pytest.approx(params.means[k, 0], rel=1e-12)
    x, total = view.total.getData()
    assert np.nansum(total) * (x[1] - x[0]) == pytest.approx(1.0, abs=3e-3)
    bars = view.bars.opts
    assert float(np.sum(bars["height"])) * bars["width"] / 0.92 == pytest.approx(1.0, rel=1e-9)
    trail = view.trails[0].getData()[0]
    expected = [tab.shown_params(i).means[0, 0] for i in (0, 2, 4, 6, 8)]
    np.testing.assert_allclose(trail, expected, rtol=1e-12)
    assert view.ghosts[0].getData()[0].size > 0


# -- views -------------------------------------------------------------------------------------


def test_the_toggles_show_density_margins_symbols_and_truth(window, step):
    window.open_demo("iris-many-optima")
    tab = window.tab
    step(tab, 9)
    assert len(tab.scatter.truths) == 3
    tab.area.truth_button.setChecked(False)
    assert not tab.scatter.truths
    for button in (tab.area.density_button, tab.area.margins_button, tab.area.symbols_button):
        button.setChecked(True)
    tab.stage.settle()
    assert tab.scatter.density.isVisible()
    assert tab.scatter.density.image[..., 3].max() == 120
    assert tab.margins.top.isVisible()
    assert len(tab.margins.right.curves) == 3
    best = tab.latent(9).responsibilities.argmax(1)
    theme = theme_manager().current
    points = tab.scatter.points
    assert [points.symbols[k] for k in points.kinds] == [theme.symbol(int(k)) for k in best]
    tab.area.symbols_button.setChecked(False)
    tab.stage.settle()
    assert set(points.symbols) == {"o"}
    theme_manager().toggle()
    tab.stage.settle()
    assert len(tab.scatter.components) == 3


# -- the library and the stories ---------------------------------------------------------------


def test_every_bundled_set_loads_and_steps(tab, step):
    choices = {choice.name: choice for choice in choices_for(tab.key, None)}
    rows = bundled("gaussian_mixture")
    assert len(rows) >= 7
    for row in rows:
        tab.choose_data(choices[row.name])
        assert tab.dataset.name == row.name
        step(tab, 4)
        assert tab.snapshot(4).phase is Phase.M
        assert tab.dataset.noun or tab.dataset.truth is not None


def test_twins_are_called_stalled(window, run_to_end):
    window.open_demo("identical-twins")
    tab = window.tab
    assert tab.heading.caption.text() == load_story("identical-twins").caption
    run_to_end(tab)
    assert "stalled" in tab.bottom.transport.pill.text()
    assert "can never part them" in tab.heading.caption.text()


def test_a_collapse_keeps_the_last_good_picture(window, run_to_end):
    window.open_demo("old-faithful-collapse")
    tab = window.tab
    run_to_end(tab)
    last = tab.shown_params(len(tab.controller.trace) - 1)
    for k, items in enumerate(tab.scatter.components):
        assert np.all(np.isfinite(np.column_stack(items.outlines[0].getData())))
        np.testing.assert_allclose(items.handle.pos(), last.means[k], rtol=1e-12)
    assert last.means[1, 1] == pytest.approx(90.0, abs=1e-2)
    assert "singular" in tab.bottom.transport.pill.text()
    assert "collapsed" in tab.heading.caption.text()


def test_the_axes_hold_the_ellipses_a_story_begins_with(window):
    scatter = window.tab.scatter
    (x0, x1), (y0, y1) = scatter.box.viewRange()
    for outlines in scatter.ellipses:
        for outline in outlines:
            x, y = outline.getData()
            assert x0 < x.min() < x.max() < x1
            assert y0 < y.min() < y.max() < y1
