"""The missing-data tab in the real window: what is drawn is what the library computed."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from em_explorer.data.library import bundled, load_bundled
from em_explorer.em.steps import Phase, RunOptions, StopReason, fit
from em_explorer.models.missing_data import MissingData, draw
from em_explorer.session.document import list_stories
from em_explorer.ui.data_choices import choices_for
from em_explorer.ui.theme import DARK, theme_manager
from em_explorer.ui.views.incomplete_scatter import whisker_lines
from em_explorer.ui.views.pattern_map import IMPUTED, find_patterns
from em_explorer.ui.views.scatter import ellipse

SETS = [row.name for row in bundled("missing_data")]


@pytest.fixture
def tab(window):
    """Give the missing-data tab on its first demo, in front."""
    window.open_model("missing_data")
    return window.tab


def drawn(item):
    """Return the points of a scatter or a curve as (n, 2)."""
    return np.column_stack(item.getData())


def outline(mean, covariance, sigma=2.0):
    return np.column_stack(ellipse(np.asarray(mean), np.asarray(covariance), sigma))


def choose(tab, name):
    tab.choose_data(next(c for c in choices_for("missing_data", None) if c.name == name))


def converge(name, tolerance=1e-9):
    """Fit a bundled set with the library alone."""
    model = MissingData()
    data = model.prepare(load_bundled(name).values)
    params = model.initialize(data, np.random.default_rng(0))
    found = fit(model, data, params, RunOptions(max_iter=200, tolerance=tolerance))
    return model, data, found


# Data sets and runs


def test_opens_on_its_first_demo(tab):
    assert tab.story.name == "missing-at-random"
    assert tab.heading.caption.text() == tab.story.caption
    assert (
        tab.setup.size_label.text() == "300 × 2, 113 rows with holes, 113 cells missing (19\u00a0%)"
    )
    assert tab.legend.chosen == {"EM", "complete cases", "truth"}


@pytest.mark.parametrize("name", SETS)
def test_every_bundled_set_loads_and_steps(tab, step, name):
    choose(tab, name)
    assert tab.dataset.name == name
    table = np.asarray(tab.dataset.values, dtype=float)
    step(tab, 3)
    assert tab.snapshot(3).phase is Phase.E
    latent = tab.latent(3)
    x, y = tab.pair
    holes = np.isnan(table[:, [x, y]]).any(axis=1)
    filled = latent.imputed_in_units(tab.data)[:, [x, y]]
    np.testing.assert_allclose(drawn(tab.scatter.imputed), filled[holes], rtol=1e-12)
    np.testing.assert_allclose(drawn(tab.scatter.points), table[~holes][:, [x, y]], rtol=1e-12)
    assert len(drawn(tab.scatter.imputed)) + len(drawn(tab.scatter.points)) == len(table)


def test_airquality_converges_to_the_library_s_likelihood(window, tab, run_to_end):
    window.open_demo("airquality")
    size = tab.setup.size_label.text()
    assert size == "153 × 4, 42 rows with holes, 44 cells missing (7\u00a0%)"
    run_to_end(tab)
    _, _, found = converge("airquality")
    assert found.history[-1] == pytest.approx(-2326.6974, abs=5e-5)
    shown = float(tab.bottom.value_label.text().replace("−", "-"))
    assert shown == pytest.approx(found.history[-1], abs=1e-8)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    negative = drawn(tab.scatter.imputed)[:, 1].min()
    assert negative < 0, "the story says that the coolest days get less than no ozone"


def test_every_story_runs_to_its_end_as_its_words_say(window, tab, run_to_end):
    ends = {}
    names = [story.name for story in list_stories("missing_data")]
    assert names[0] == "missing-at-random"
    for name in names:
        window.open_demo(name)
        run_to_end(tab)
        params = tab.shown_params(len(tab.controller.trace) - 1)
        spread = np.sqrt(np.diagonal(params.covariance))
        ends[name] = params.mean, spread, params.covariance[0, 1] / spread[0] / spread[1]
        assert tab.controller.trace.stop.reason is (
            StopReason.STALLED if name == "murray" else StopReason.CONVERGED
        )
    assert len(names) == 6
    mean, _, correlation = ends["missing-at-random"]
    assert abs(mean[1]) < 0.1
    assert correlation == pytest.approx(0.7, abs=0.05)
    mean, _, correlation = ends["missing-completely-at-random"]
    assert abs(mean[1]) < 0.1
    assert correlation == pytest.approx(0.7, abs=0.05)
    mean, spread, _ = ends["missing-not-at-random"]
    assert -0.5 < mean[1] < -0.3, "EM stops between the values seen and the truth"
    assert spread[1] < 0.9


# Pictures


def test_whiskers_are_one_conditional_deviation(window, tab, step):
    window.open_demo("three-normals")
    step(tab, 3)
    latent, pair = tab.latent(3), list(tab.pair)
    imputed = latent.imputed_in_units(tab.data)[:, pair]
    deviations = latent.standard_deviations[:, pair]
    missing = ~tab.data.observed[:, pair]
    ends = drawn(tab.scatter.whiskers).reshape(-1, 2, 2)
    assert len(ends) == missing.sum()
    rows, axes = np.nonzero(missing.T)[::-1]
    for end, row, axis in zip(ends, rows, axes, strict=True):
        middle, reach = end.mean(axis=0), end[1] - end[0]
        np.testing.assert_allclose(middle, imputed[row], rtol=1e-9, atol=1e-12)
        assert reach[axis] == pytest.approx(2 * deviations[row, axis], rel=1e-9)
        assert reach[1 - axis] == 0
    assert deviations[missing].min() > 0


def test_whiskers_of_a_row_that_misses_both():
    x, y = whisker_lines(np.array([[1.0, 2.0]]), np.array([[0.5, 0.25]]), np.array([[True, True]]))
    np.testing.assert_array_equal(x, [0.5, 1.5, 1, 1])
    np.testing.assert_array_equal(y, [2, 2, 1.75, 2.25])


def test_ticks_in_the_margin_stand_at_the_seen_value(window, tab):
    window.open_demo("three-normals")
    table = tab.table[:, list(tab.pair)]
    (left, _), (bottom, _) = tab.scatter.box.viewRange()
    ticks = drawn(tab.scatter.ticks).reshape(-1, 2, 2)
    only_y = np.isnan(table[:, 1]) & ~np.isnan(table[:, 0])
    only_x = np.isnan(table[:, 0]) & ~np.isnan(table[:, 1])
    assert len(ticks) == only_y.sum() + only_x.sum()
    below, beside = ticks[: only_y.sum()], ticks[only_y.sum() :]
    np.testing.assert_allclose(below[:, 0, 0], table[only_y, 0])
    np.testing.assert_allclose(below[:, 0, 1], bottom)
    np.testing.assert_allclose(beside[:, 0, 1], table[only_x, 1])
    np.testing.assert_allclose(beside[:, 0, 0], left)


def test_e_moves_the_points_and_m_the_ellipse(tab, step):
    step(tab, 2)
    scatter = tab.scatter
    points, line = drawn(scatter.imputed), drawn(scatter.lines["EM"])
    assert len(drawn(scatter.ghost)), "an M-step leaves a ghost"
    np.testing.assert_allclose(
        drawn(scatter.ghost),
        outline(tab.shown_params(1).mean, tab.shown_params(1).covariance),
    )
    step(tab, 1)
    assert np.abs(drawn(scatter.imputed) - points).max() > 0.1
    np.testing.assert_array_equal(drawn(scatter.lines["EM"]), line)
    assert not len(drawn(scatter.ghost))
    step(tab, 1)
    params = tab.shown_params(4)
    np.testing.assert_allclose(
        drawn(scatter.lines["EM"]), outline(params.mean, params.covariance), rtol=1e-12
    )
    np.testing.assert_allclose(
        drawn(scatter.inner), outline(params.mean, params.covariance, 1.0), rtol=1e-12
    )
    np.testing.assert_allclose(drawn(scatter.mean)[0], params.mean)


def test_ellipses_of_the_treatments_are_numpy_s_own(window, tab, step):
    window.open_demo("airquality")
    for name in ("complete cases", "mean fill", "plug-in", "random draws"):
        tab.legend.boxes[name].click()
    step(tab, 3)
    pair = list(tab.pair)
    table = np.asarray(load_bundled("airquality").values)
    holes = np.isnan(table)
    by_mean = np.where(holes, np.nanmean(table, axis=0), table)
    params = tab.snapshot(3).params
    drawn_table = draw(tab.data, params, np.random.default_rng(tab.seed)) + tab.data.center
    expected = {
        "complete cases": table[~holes.any(axis=1)],
        "mean fill": by_mean,
        "plug-in": tab.latent(3).imputed_in_units(tab.data),
        "random draws": drawn_table,
    }
    for name, filled in expected.items():
        covariance = np.cov(filled[:, pair].T, bias=True)
        wanted = outline(filled[:, pair].mean(axis=0), covariance)
        np.testing.assert_allclose(drawn(tab.scatter.lines[name]), wanted, rtol=1e-9)
    pens = {name: tab.scatter.lines[name].opts["pen"] for name in expected}
    pens["EM"] = tab.scatter.lines["EM"].opts["pen"]
    assert len({pen.color().name() for pen in pens.values()}) == 5
    assert len({pen.style() for pen in pens.values()}) == 5
    assert tab.legend.boxes["truth"].isHidden(), "nobody knows the truth of these data"
    tab.legend.boxes["mean fill"].click()
    tab.stage.settle()
    assert not len(drawn(tab.scatter.lines["mean fill"]))


def test_true_ellipse_is_that_of_the_generator(tab):
    tab.stage.settle()
    wanted = outline([0, 0], [[1, 0.7], [0.7, 1]])
    np.testing.assert_allclose(drawn(tab.scatter.lines["truth"]), wanted, atol=1e-12)
    assert tab.scatter.lines["truth"].opts["pen"].style() is Qt.PenStyle.DashLine


def test_other_columns_can_be_chosen(window, tab, step):
    window.open_demo("airquality")
    step(tab, 3)
    tab.x_box.setCurrentIndex(tab.columns.names.index("solar radiation"))
    tab.x_box.activated.emit(1)
    tab.stage.settle()
    holes = np.isnan(tab.table[:, [1, 0]]).any(axis=1)
    filled = tab.latent(3).imputed_in_units(tab.data)[holes][:, [1, 0]]
    np.testing.assert_allclose(drawn(tab.scatter.imputed), filled)
    assert tab.scatter.getAxis("bottom").labelText == "solar radiation (langley)"
    assert [tab.punch_box.itemText(i) for i in (0, 1)] == ["ozone", "solar radiation"]


# The map


def test_the_map_s_cells_are_the_data_s_pattern(window, tab, qtbot):
    window.open_demo("airquality")
    observed = ~np.isnan(load_bundled("airquality").values)
    patterns = tab.map.patterns
    np.testing.assert_array_equal(patterns.observed[patterns.which], observed)
    np.testing.assert_array_equal(patterns.counts, [111, 35, 5, 2])
    qtbot.waitUntil(lambda: tab.map.height() >= tab.map.sizeHint().height())
    picture = tab.map.grab().toImage()
    scale = tab.map.devicePixelRatioF()
    green = tab.map.cell_color(1, 0)
    assert green.name() == theme_manager().current.component(IMPUTED).name()
    for p, row in enumerate(patterns.observed):
        for d, seen in enumerate(row):
            place = tab.map.cell(p, d).center().toPoint() * scale
            assert (picture.pixelColor(place).name() == green.name()) == (not seen)


def test_patterns_are_sorted_by_size():
    observed = np.array([[1, 0], [1, 1], [1, 0], [0, 1], [1, 1], [1, 0]], dtype=bool)
    found = find_patterns(observed)
    np.testing.assert_array_equal(found.counts, [3, 2, 1])
    np.testing.assert_array_equal(found.observed, [[1, 0], [1, 1], [0, 1]])
    np.testing.assert_array_equal(found.which, [0, 1, 0, 2, 1, 0])


def test_a_click_on_a_pattern_finds_its_rows(window, tab, step):
    window.open_demo("airquality")
    step(tab, 1)
    table = load_bundled("airquality").values
    place = tab.map.cell(1, 0).center().toPoint()
    QTest.mouseClick(tab.map, Qt.MouseButton.LeftButton, pos=place)
    tab.stage.settle()
    no_ozone = np.isnan(table[:, 0]) & ~np.isnan(table[:, 1:]).any(axis=1)
    found = drawn(tab.scatter.marked_imputed)
    np.testing.assert_allclose(found[:, 0], table[no_ozone, 3])
    assert len(drawn(tab.scatter.marked_points)) == 0
    assert tab.map.words_for(1) == "35 rows: missing ozone"
    QTest.mouseClick(tab.map, Qt.MouseButton.LeftButton, pos=place)
    tab.stage.settle()
    assert not len(drawn(tab.scatter.marked_imputed))
    QTest.keyClick(tab.map, Qt.Key.Key_Down)
    tab.stage.settle()
    assert len(drawn(tab.scatter.marked_points)) == 111


# Words and numbers


def test_captions_tell_today_s_numbers(window, tab, step):
    window.open_demo("airquality")
    step(tab, 1)
    assert tab.heading.caption.text().startswith("42 days wait at the mean")
    step(tab, 1)
    params = tab.shown_params(2)
    spread = np.sqrt(np.diagonal(params.covariance))
    r = params.covariance / np.outer(spread, spread)
    assert tab.heading.caption.text() == (
        f"The correlation of ozone and temperature rose to {r[0, 3]:.2f}."
    )
    step(tab, 1)
    before, after = tab.filled(1)[0], tab.filled(3)[0]
    motion = np.abs(after - before) / np.nanstd(load_bundled("airquality").values, axis=0)
    row, column = np.unravel_index(motion.argmax(), motion.shape)
    words = tab.heading.caption.text()
    assert words.startswith(f"42 days slide to where the other columns expect them; day {row + 1} ")
    assert column == 0
    assert f"(ozone {before[row, 0]:.0f} → {after[row, 0]:.0f} ppb)".replace("-", "−") in words


def test_errors_of_the_recipe_are_numpy_s(window, tab, run_to_end):
    window.open_demo("three-normals")
    run_to_end(tab)
    tab.side.setCurrentIndex(1)
    dataset = load_bundled("three-normals")
    table, truth = dataset.values, dataset.truth.complete
    holes = np.isnan(table)
    error = ((tab.filled(len(tab.controller.trace) - 1)[0] - truth)[holes] ** 2).mean()
    by_mean = ((np.nanmean(table, axis=0) - truth)[holes] ** 2).mean()
    assert error == pytest.approx(0.780, abs=0.001)
    assert by_mean == pytest.approx(0.935, abs=0.001)
    panel = tab.side.numbers
    assert panel.value_of("MSE") == f"{error:.4f}"
    assert panel.value_of("RMSE") == f"{np.sqrt(error):.4f}"
    assert panel.value_of("MSE of mean fill") == f"{by_mean:.4f}"
    assert panel.value_of("cells scored") == "616"
    params = tab.shown_params(len(tab.controller.trace) - 1)
    x, y = np.sqrt(params.covariance[0, 0]), np.sqrt(params.covariance[1, 1])
    assert panel.value_of("x, y") == f"{params.covariance[0, 1] / x / y:.3f}"


def test_a_hovered_point_says_its_value(window, tab, step, qtbot):
    window.open_demo("airquality")
    step(tab, 3)
    latent = tab.latent(3)
    value = latent.imputed_in_units(tab.data)[4, 0]
    words = tab.scatter.describe(4)
    assert words.splitlines()[0] == "Day 5"
    spread = latent.standard_deviations[4, 0]
    assert f"ozone {value:.0f} ± {spread:.0f} ppb  (imputed)".replace("-", "−") in words
    assert "wind 14.3 mph" in words
    scatter = tab.scatter
    place = latent.imputed_in_units(tab.data)[4, list(tab.pair)]
    there = scatter.mapFromScene(scatter.box.mapViewToScene(QPointF(*place)))
    QTest.mouseMove(scatter.viewport(), there + QPoint(40, 0))
    QTest.mouseMove(scatter.viewport(), there)
    qtbot.waitUntil(lambda: "Day 5" in scatter.box.toolTip())
    assert words in scatter.box.toolTip()


# The hand


def test_a_punched_hole_is_one_more_missing_cell_until_undone(tab, step):
    table = tab.table
    row = int(np.flatnonzero(~np.isnan(table).any(axis=1))[0])
    tab.brush.click()
    tab.scatter.punched.emit(np.array([row]))
    assert np.isnan(tab.table[row, 1])
    assert np.isnan(tab.table).sum() == np.isnan(table).sum() + 1
    assert tab.truth.complete[row, 1] == pytest.approx(table[row, 1])
    assert "You punched 1 hole in y" in tab.heading.caption.text()
    assert tab.undo_button.isVisible()
    assert tab.brush.isChecked(), "the brush stays in the hand"
    step(tab, 1)
    assert row in tab.scatter.imputed.data["data"]
    tab.undo_button.click()
    np.testing.assert_array_equal(np.isnan(tab.table), np.isnan(table))
    np.testing.assert_allclose(tab.table, table)
    assert not tab.undo_button.isVisible()
    assert tab.heading.caption.text() == tab.story.caption


def test_the_brush_punches_what_it_goes_over(window, tab, qtbot):
    window.open_demo("airquality")
    tab.stage.settle()
    before = tab.table
    tab.brush.click()
    scatter = tab.scatter
    row = 116  # 168 ppb of ozone: alone at the top
    assert before[row, 0] == 168
    place = scatter.mapFromScene(scatter.box.mapViewToScene(QPointF(*before[row, [3, 0]])))
    viewport = scatter.viewport()
    with qtbot.waitSignal(scatter.punched):
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=place - QPoint(30, 0))
        for shift in range(-30, 31, 5):
            QTest.mouseMove(viewport, place + QPoint(shift, 0))
            qtbot.wait(1)
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=place + QPoint(30, 0))
    assert np.isnan(tab.table[row, 0])
    assert np.isnan(tab.table[:, 0]).sum() == 38
    assert tab.truth.complete[row, 0] == 168
    assert tab.setup.size_label.text().startswith("153 × 4, 43 rows with holes, 45 cells")
    tab.side.setCurrentIndex(1)
    assert tab.side.numbers.value_of("cells scored") == "1", "only the punched cell has a truth"


def test_murray_stalls_until_it_is_nudged(window, tab, run_to_end, qtbot):
    window.open_demo("murray")
    button = tab.heading.nudge
    assert button.isHidden()
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.STALLED
    assert tab.snapshot(len(tab.controller.trace) - 1).bound == pytest.approx(-30.0333, abs=5e-5)
    qtbot.waitUntil(lambda: not button.isHidden())
    assert tab.heading.caption.text().startswith("EM did not move")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.isHidden()
    assert "Nudged" in tab.heading.caption.text()
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    last = len(tab.controller.trace) - 1
    assert tab.snapshot(last).bound == pytest.approx(-29.97429, abs=5e-6)
    covariance = tab.shown_params(last).covariance
    correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert abs(correlation) == pytest.approx(0.5, abs=1e-2)


def test_another_theme_and_another_set_while_running(tab, run_to_end):
    tab.controller.play()
    theme_manager().use(DARK)
    choose(tab, "nhanes")
    run_to_end(tab)
    _, _, found = converge("nhanes", tolerance=1e-6)
    assert tab.snapshot(len(tab.controller.trace) - 1).bound == pytest.approx(found.history[-1])


@pytest.mark.parametrize(
    ("lines", "holes"),
    [(["a", "1", "2", "", "4"], 1), (["a,b", "1,2", "2,1", "3,5", "4,4"], 0)],
)
def test_one_column_and_a_table_without_holes(tab, tmp_path, run_to_end, lines, holes):
    path = tmp_path / "own.csv"
    # A table of one column marks its hole by a word: an empty line is no row.
    path.write_text("\n".join(line or "NA" for line in lines))
    assert tab.open_file(path), tab.heading.notice.text.text()
    run_to_end(tab)
    assert len(drawn(tab.scatter.imputed)) == holes
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    tab.side.setCurrentIndex(1)
    assert tab.side.numbers.value_of("a").startswith("2")
