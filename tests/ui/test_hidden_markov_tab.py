"""The hidden Markov tab: what is drawn is what the model says, and the hand can change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from em_explorer.data.dataset import Dataset
from em_explorer.em.steps import StopReason
from em_explorer.models.hidden_markov import viterbi
from em_explorer.models.sequences import Sequences
from em_explorer.ui.data_choices import choices_for
from em_explorer.ui.tabs.hidden_markov import HiddenMarkovTab
from em_explorer.ui.theme import DARK, theme_manager
from em_explorer.ui.views.scatter import component_colors
from em_explorer.ui.views.time_axis import truth_shades
from em_explorer.ui.views.transition_matrix import renormalized_row

SETS = [choice.name for choice in choices_for("hidden_markov", None)]


@pytest.fixture
def tab(qtbot: Any) -> Iterator[Any]:
    """The tab with its first demo, outside the main window: that is quicker to build."""
    page = HiddenMarkovTab()
    qtbot.addWidget(page)
    page.resize(1280, 730)
    page.show()
    story(page, "casino")
    yield page
    page.close_run()


def load(tab: Any, name: str) -> None:
    choice = next(c for c in choices_for("hidden_markov", None) if c.name == name)
    tab.choose_data(choice)
    tab.stage.settle()


def story(tab: Any, name: str) -> None:
    assert tab.load_story(name)
    tab.stage.settle()


def on_screen(tab: Any) -> float:
    return float(tab.bottom.value_label.text().replace("−", "-").replace(",", ""))


def image_rows(item: Any) -> Any:
    return np.asarray(item.image)[:, 0]


def test_it_opens_on_the_casino(window):
    window.show_model(1)
    tab = window.tab
    assert tab.key == "hidden_markov"
    assert tab.story.name == "casino"
    assert tab.heading.caption.text() == tab.story.caption
    assert tab.setup.size_label.text() == "300 throws"
    tab.stage.settle()
    assert tab.area.time.band_image.image is None
    assert tab.area.time.invitation.isVisible()
    assert tab.area.time.truth.isVisible()


@pytest.mark.parametrize("name", SETS)
def test_every_set_loads_and_steps(tab, step, name):
    load(tab, name)
    assert tab.dataset.name == name
    step(tab, 3)
    trace = tab.controller.trace
    assert trace.stop is None
    assert on_screen(tab) == pytest.approx(trace[3].bound, abs=1e-2)
    view = tab.area.time
    assert view.edges.size - 1 <= view.observations.vb.width()
    assert view.shares.shape == (view.edges.size - 1, tab.options.n_states)
    np.testing.assert_allclose(view.shares.sum(axis=1), 1.0, atol=1e-9)
    assert image_rows(view.path_image).shape == (view.edges.size - 1, 3)
    assert tab.heading.caption.text().endswith(".")


def test_earthquakes_on_the_screen_are_the_references(tab, run_to_end):
    story(tab, "earthquakes")
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    assert on_screen(tab) == pytest.approx(-341.87870, abs=5e-6)
    tab.side.setCurrentIndex(1)
    assert tab.side.numbers.value_of("mean, earthquakes a year") == "15.420"
    assert [line.value() for line in tab.area.time.layer.levels] == pytest.approx(
        [15.4205, 26.0176], abs=1e-3
    )


def test_strips_and_bands_are_viterbi_truth_and_posterior(tab, step):
    step(tab, 5)
    view, gamma = tab.area.time, tab.latent(5).gamma
    assert view.edges.tolist() == list(range(301))
    np.testing.assert_allclose(view.shares, gamma, rtol=0, atol=1e-12)
    np.testing.assert_allclose(view.shares.sum(axis=1), 1.0, atol=1e-12)
    path, _ = viterbi(tab.model, tab.data, tab.snapshot(5).posterior_params)
    colors = component_colors(2).astype(np.uint8)
    np.testing.assert_array_equal(image_rows(view.path_image), colors[path])
    shades = truth_shades(2).astype(np.uint8)
    truth = tab.dataset.truth.labels
    np.testing.assert_array_equal(image_rows(view.truth_image), shades[truth])
    marked = image_rows(view.differ_image)[:, 3] > 0
    np.testing.assert_array_equal(marked, gamma.argmax(1) != path)
    bands = np.asarray(view.band_image.image)[..., :3]
    first = (bands == colors[0]).all(axis=2).mean(axis=1)
    np.testing.assert_allclose(first, gamma[:, 0], atol=0.5 / bands.shape[1] + 1e-9)


def test_the_matrix_and_the_bars_are_the_parameters(tab, step):
    step(tab, 4)
    params = tab.shown_params(4)
    np.testing.assert_array_equal(tab.area.matrix.matrix, params.transition_matrix)
    np.testing.assert_array_equal(tab.area.diagram.matrix, params.transition_matrix)
    for k, bar in enumerate(tab.area.emissions.bars):
        np.testing.assert_array_equal(bar.opts["height"], params.emission.probs[k])
    np.testing.assert_allclose(tab.area.matrix.counts, tab.latent(4).xi)
    # The true dice are dashed over the bars of the states that match them.
    heights = tab.area.emissions.truths[1].getData()[1]
    assert heights[-1] in (pytest.approx(0.5), pytest.approx(1 / 6))


def test_all_plots_zoom_together_and_are_binned_again(tab, step):
    step(tab, 1)
    view = tab.area.time
    view.viterbi.setXRange(50.0, 90.0, padding=0)
    view.bin_now()
    for plot in view.plots:
        assert plot.vb.viewRange()[0] == pytest.approx([50.0, 90.0], abs=0.2)
    start, stop = view.visible_steps
    assert (start, stop) == (49, 90)  # throw t is step t − 1
    assert view.edges.tolist() == list(range(start, stop + 1))
    np.testing.assert_allclose(view.shares, tab.latent(1).gamma[start:stop])
    assert view.band_image.mapRectToParent(view.band_image.boundingRect()).left() == 49.5
    assert len(view.layer.marks.data) == stop - start
    assert not isinstance(view.layer.marks.data["symbol"][0], str)  # dice, not dots
    tab.area.whole.click()
    assert view.visible_steps == (0, 300)
    assert view.layer.marks.data["symbol"][0] is None  # the plain dot


def test_a_long_sequence_has_a_column_per_pixel_and_its_path_when_it_rests(tab, step, qtbot):
    load(tab, "lambda-phage")
    step(tab, 1)
    view, gamma = tab.area.time, tab.latent(1).gamma
    assert 100 < view.shares.shape[0] <= view.observations.vb.width() < 48_502
    a, b = view.edges[10], view.edges[11]
    np.testing.assert_allclose(view.shares[10], gamma[a:b].mean(axis=0))
    qtbot.waitUntil(lambda: view.path_image.image is not None, timeout=20_000)
    path = tab.stage.shown.long.path
    assert 0.5 < (path == gamma.argmax(1)).mean() <= 1.0
    step(tab, 1)
    assert tab.stage.shown.long.gamma is not None
    qtbot.waitUntil(lambda: tab.stage.shown.long.path is not None, timeout=20_000)


def test_dragging_a_transition_renormalizes_its_row_and_starts_anew(tab, step):
    step(tab, 3)
    matrix = tab.area.matrix
    before = tab.shown_params(3)
    place = matrix.cell_rect(0, 1).center()
    QTest.mousePress(matrix, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseMove(matrix, place - QPoint(0, 28))
    assert matrix.matrix.sum(axis=1) == pytest.approx([1.0, 1.0])
    QTest.mouseRelease(matrix, Qt.MouseButton.LeftButton, pos=place - QPoint(0, 28))
    tab.stage.settle()
    assert tab.controller.cursor == 0
    after = tab.shown_params(0)
    wanted = before.transition_matrix[0, 1] + 0.2
    np.testing.assert_allclose(after.transition_matrix[0], [1 - wanted, wanted], atol=1e-9)
    np.testing.assert_array_equal(after.transition_matrix[1], before.transition_matrix[1])
    np.testing.assert_array_equal(after.emission.probs, before.emission.probs)
    assert tab.options.start.value == "given"
    assert "new start" in tab.heading.caption.text()


def test_a_transition_can_be_typed(tab):
    matrix = tab.area.matrix
    QTest.mouseDClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.cell_rect(1, 1).center())
    assert matrix.number_edit.isVisible()
    matrix.number_edit.setText("0.75")
    QTest.keyClick(matrix.number_edit, Qt.Key.Key_Return)
    np.testing.assert_allclose(tab.shown_params(0).transition_matrix[1], [0.25, 0.75])
    run = tab.controller.run_id
    matrix.edit_cell(0, 0)
    matrix.number_edit.setText("often")
    QTest.keyClick(matrix.number_edit, Qt.Key.Key_Return)
    assert tab.controller.run_id == run
    assert not matrix.number_edit.isVisible()
    said = tab.heading.notice.text.text()
    assert said == "“often” is no probability: type a number from 0 to 1."
    for text, refused in (("1.5", True), ("-0.1", True), ("nan", True), ("", False)):
        tab.heading.notice.dismiss()
        matrix.edit_cell(0, 0)
        matrix.number_edit.setText(text)
        QTest.keyClick(matrix.number_edit, Qt.Key.Key_Return)
        assert tab.controller.run_id == run
        assert (text in tab.heading.notice.text.text()) is True
        assert tab.heading.notice.isVisible() is refused


def test_a_row_keeps_the_ratios_of_the_others():
    row = renormalized_row(np.array([0.6, 0.3, 0.1]), 0, 0.2)
    np.testing.assert_allclose(row, [0.2, 0.6, 0.2])
    np.testing.assert_allclose(
        renormalized_row(np.array([1.0, 0.0, 0.0]), 0, 0.5), [0.5, 0.25, 0.25]
    )
    np.testing.assert_array_equal(renormalized_row(np.array([1.0]), 0, 0.2), [1.0])


def test_a_state_keeps_its_name_while_the_data_stay(tab, step):
    matrix = tab.area.matrix
    QTest.mouseDClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.header_rect(1).center())
    matrix.name_edit.setText("loaded")
    QTest.keyClick(matrix.name_edit, Qt.Key.Key_Return)
    tab.stage.settle()
    assert tab.names() == ("State 1", "loaded")
    assert matrix.names == tab.area.diagram.names == ("State 1", "loaded")
    tab.new_start()
    step(tab, 1)
    assert "loaded:" in tab.heading.caption.text()
    diagram = tab.area.diagram
    center = diagram.centers()[1].toPoint()
    QTest.mouseDClick(diagram, Qt.MouseButton.LeftButton, pos=center)
    diagram.name_edit.setText("")
    QTest.keyClick(diagram.name_edit, Qt.Key.Key_Return)
    assert tab.names() == ("State 1", "State 2")
    tab.rename_state(0, "fair")
    load(tab, "geyser")
    assert tab.names() == ("State 1", "State 2")


def test_align_mends_swapped_colors(tab, run_to_end):
    run_to_end(tab)
    reference, value = tab.area.time.shares.copy(), on_screen(tab)
    story(tab, "label-switching")
    tab.align()
    assert "first E-step" in tab.heading.notice.text.text()
    run_to_end(tab)
    assert on_screen(tab) == pytest.approx(value, abs=2e-3)
    swapped = tab.area.time.shares.copy()
    assert np.abs(swapped - reference).mean() > 0.5
    tab.area.align.click()
    tab.stage.settle()
    np.testing.assert_allclose(tab.area.time.shares, swapped[:, ::-1])
    np.testing.assert_allclose(tab.area.time.shares, reference, atol=0.02)
    assert tab.order.tolist() == [1, 0]
    assert tab.shown_params(0).emission.probs[1, 5] > tab.shown_params(0).emission.probs[0, 5]
    path = tab.path(tab.controller.cursor)
    np.testing.assert_array_equal(
        image_rows(tab.area.time.path_image), component_colors(2).astype(np.uint8)[path]
    )
    assert "1 and 2" in tab.heading.notice.text.text()
    tab.align()
    assert "already" in tab.heading.notice.text.text()


def test_align_without_a_truth_puts_the_largest_mean_first(tab, step):
    story(tab, "earthquakes")
    step(tab, 3)
    tab.align()
    tab.stage.settle()
    rates = tab.shown_params(3).emission.rates
    assert rates[0] > rates[1]
    assert tab.names() == ("restless", "quiet")


def test_a_flat_start_stalls_and_says_why(tab, run_to_end):
    story(tab, "vowels-flat")
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.STALLED
    assert "stalled" in tab.bottom.transport.pill.text()
    assert "equal" in tab.heading.caption.text()
    assert tab.heading.nudge.isVisible()


def test_several_sequences_have_separators_and_a_chooser(tab, step):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, (40, 2)), rng.normal(5, 1, (60, 2))])
    dataset = Dataset(
        "pair",
        "Two runs",
        "hidden_markov",
        Sequences(values, (40, 60)),
        columns=("speed (m/s)", "turn"),
        options={"n_states": 2, "emission": "gaussian"},
    )
    assert tab._start_fresh(dataset)
    step(tab, 1)
    view, area = tab.area.time, tab.area
    assert tab.setup.size_label.text() == "100 time steps in 2 sequences"
    assert {line.value() for line in view.separators} == {40.5}
    assert area.sequence_box.isVisible()
    assert area.column_box.isVisible()
    area.sequence_box.setCurrentIndex(2)
    area.sequence_chosen.emit(1)
    assert view.visible_steps == (40, 100)
    view.observations.setXRange(0.0, 100.0, padding=0)
    assert view.visible_steps == (40, 100)  # no steps outside the sequence chosen
    area.column_box.setCurrentIndex(1)
    area.column_chosen.emit(1)
    tab.stage.settle()
    np.testing.assert_allclose(view.layer.observed.values, values[:, 1])
    means = tab.shown_params(1).emission.means[:, 1]
    assert [line.value() for line in view.layer.levels] == pytest.approx(means.tolist())
    load(tab, "casino")
    assert not area.sequence_box.isVisible()
    assert view.separators == []


def test_pointing_at_a_step_reads_it(tab, step):
    step(tab, 2)
    view = tab.area.time
    place = view.observations.vb.mapViewToScene(QPointF(57.0, 2.0))
    view.scene().sigMouseMoved.emit(place)
    text = tab.area.readout.text()
    face = tab.symbols[int(tab.observed.values[56])]
    assert text.startswith(f"<b>throw 57</b>: {face} · ")
    assert "Viterbi: State" in text
    assert f"truth: {tab.truth[56] + 1}" in text
    assert all(line.isVisible() and line.value() == 57.0 for line in view.lines)
    view.point_at(-1)
    assert "point to read" in tab.area.readout.text()
    assert not view.lines[0].isVisible()


def test_words_follow_the_half_steps(tab, step):
    step(tab, 1)
    assert tab.heading.caption.text().startswith("Every throw now knows")
    step(tab, 1)
    assert "(was " in tab.heading.caption.text()
    step(tab, 1)
    changed = int((tab.latent(3).gamma.argmax(1) != tab.latent(1).gamma.argmax(1)).sum())
    own = "its" if changed == 1 else "their"
    plural = "throw" if changed == 1 else "throws"
    assert tab.heading.caption.text() == f"{changed} {plural} changed {own} most probable state."


def test_numbers_hold_the_accuracy_after_alignment(tab, run_to_end):
    story(tab, "three-state-chain")
    tab.side.setCurrentIndex(1)
    run_to_end(tab)
    assert on_screen(tab) == pytest.approx(-1119.0, abs=0.1)
    assert tab.side.numbers.value_of("right, by Viterbi") == ".85"
    assert float(tab.side.numbers.value_of("right, by posterior")) == pytest.approx(0.86)
    assert tab.side.numbers.value_of("true parameters get") == ".87"
    assert tab.side.numbers.value_of("their log-likelihood") == "−1133.16"


def test_other_emissions_and_the_dark_theme_redraw_everything(tab, step):
    from dataclasses import replace

    from em_explorer.models.emissions import EmissionType

    load(tab, "earthquakes")
    tab.set_options(replace(tab.options, emission=EmissionType.GAUSSIAN, n_states=3))
    step(tab, 2)
    assert len(tab.area.emissions.curves) == 3
    assert len(tab.area.time.layer.levels) == 3
    theme_manager().use(DARK)
    tab.stage.settle()
    assert tab.area.time.layer.levels[0].pen.color() == DARK.component(0)
    np.testing.assert_array_equal(
        np.unique(image_rows(tab.area.time.path_image), axis=0),
        np.unique(component_colors(3).astype(np.uint8)[tab.path(2)], axis=0),
    )
