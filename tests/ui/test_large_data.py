"""Many points and long sequences: made behind the window's back, and still the same picture."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF, QThread
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from em_explorer.models.gaussian_mixture import GaussianMixture
from em_explorer.models.hidden_markov import HiddenMarkov
from em_explorer.session.document import Story
from em_explorer.ui.stage import Stage
from em_explorer.ui.tabs.mixture_picture import LOOKED_AT, SKETCH
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.topic_wording import likeliest
from em_explorer.ui.views.atlas import AtlasScatter, code_colors, color_codes
from em_explorer.ui.views.raster import Frame, bin_line, bin_points, blended
from em_explorer.ui.views.shapes import component_colors


def blobs(n: int, k: int = 3) -> Story:
    return Story(
        "crowd",
        "A crowd",
        "gaussian_mixture",
        data={"generator": "blobs", "options": {"n": n, "n_clusters": k}},
        options={"n_components": k},
        start={"seed": 1},
    )


def line(n: int) -> Story:
    data = {"generator": "two-normals", "options": {"n": n}}
    return Story("line", "A line", "gaussian_mixture", data=data, options={"n_components": 2})


def chain(n: int) -> Story:
    return Story(
        "long",
        "A long chain",
        "hidden_markov",
        data={"generator": "level-chain", "options": {"n": n, "n_states": 2}},
        options={"n_states": 2, "emission": "gaussian"},
    )


@pytest.fixture
def crowd(window: Any, qtbot: Any) -> Any:
    tab = window.tab
    assert tab.load_story(blobs(30_000))
    arrive(qtbot, tab)
    return tab


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Who calls E-steps: whether it is the window's thread, and with how many points or steps."""
    found: list[tuple[bool, int]] = []
    inside = threading.local()  # one way to an E-step may lead over the other: it is one
    ways = ((GaussianMixture, "e_step"), (HiddenMarkov, "e_step"))
    for model, name in (*ways, (HiddenMarkov, "e_step_and_gamma")):
        plain = getattr(model, name)

        def way(self: Any, data: Any, *args: Any, plain: Any = plain, **options: Any) -> Any:
            if getattr(inside, "now", False):
                return plain(self, data, *args, **options)
            n = len(data.points) if hasattr(data, "points") else len(data)
            found.append((threading.current_thread() is threading.main_thread(), n))
            inside.now = True
            try:
                return plain(self, data, *args, **options)
            finally:
                inside.now = False

        monkeypatch.setattr(model, name, way)
    return found


def arrive(qtbot: Any, tab: Any) -> None:
    """Wait until the cursor's picture is on the screen."""
    qtbot.waitUntil(
        lambda: not tab.stage.busy and tab.stage.shown_index == tab.controller.cursor,
        timeout=20_000,
    )


def take(qtbot: Any, tab: Any, n: int) -> None:
    for _ in range(n):
        with qtbot.waitSignal(tab.controller.cursor_changed, timeout=20_000):
            tab.controller.step()
        arrive(qtbot, tab)


# -- marks -----------------------------------------------------------------------------------


def grabbed(plot: Any) -> Any:
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), dtype=np.uint8)
    return pixels.reshape(image.height(), image.width(), 4)[..., :3].astype(int)


def test_marks_from_the_atlas_are_the_marks_drawn_one_by_one(qtbot):
    rng = np.random.default_rng(0)
    plot = pg.PlotWidget(background="w")
    qtbot.addWidget(plot)
    plot.hideAxis("left")
    plot.hideAxis("bottom")
    plot.resize(300, 200)
    plot.show()
    QApplication.processEvents()
    box = plot.getPlotItem().vb
    corner = box.mapToScene(QPointF(0, 0))
    shift = np.ceil([corner.x(), corner.y()]) - [corner.x(), corner.y()]
    width, height = box.width(), box.height()
    box.setRange(xRange=(0, width), yRange=(0, height), padding=0)
    # In the middle of pixels, so that both ways round alike.
    places = rng.integers(10, [width - 10, height - 10], (200, 2)).astype(float)
    places += [shift[0], (height - shift[1]) % 1.0]
    item = AtlasScatter(8, 210)
    plot.addItem(item, ignoreBounds=True)
    item.set_places(places)
    kinds = rng.integers(0, 3, 200)
    colors = rng.uniform(0, 255, (200, 3))
    item.paint_points(colors, ("o", "s", "t"), kinds)
    np.testing.assert_allclose(item.colors, colors, atol=255 / 63 / 2 + 1e-9)
    from_atlas = grabbed(plot)
    item.as_shapes = True
    item.update()
    one_by_one = grabbed(plot)
    assert (one_by_one < 250).any(axis=2).mean() > 0.1  # something is drawn
    apart = np.abs(from_atlas - one_by_one).max(axis=2)
    assert (apart <= 6).mean() > 0.995


def test_color_codes_are_where_colors_round_to():
    colors = np.array([[0.0, 0.0, 0.0], [255.0, 255.0, 255.0], [128.0, 3.0, 250.0]])
    codes = color_codes(colors)
    assert codes.tolist()[:2] == [0, 64**3 - 1]
    assert (color_codes(code_colors(codes)) == codes).all()


# -- cells -----------------------------------------------------------------------------------


def test_every_point_lies_in_its_cell_and_no_other():
    rng = np.random.default_rng(1)
    xy = rng.normal(size=(5000, 2))
    frame = Frame(-1.5, -1.0, 1.5, 2.0, 37, 23)
    raster = bin_points(xy, frame)
    inside = (xy >= [-1.5, -1.0]).all(axis=1) & (xy < [1.5, 2.0]).all(axis=1)
    assert np.array_equal(np.sort(raster.order), np.flatnonzero(inside))
    column, row = np.floor((xy - [-1.5, -1.0]) / frame.cell).astype(int).T
    owner = np.repeat(raster.cells, raster.counts)
    assert np.array_equal(owner, (row * 37 + column)[raster.order])
    assert (np.diff(raster.cells) > 0).all()


def test_a_sample_keeps_lonely_points_and_thins_crowds():
    xy = np.concatenate([np.full((900, 2), 0.5), [[2.5, 0.5], [3.5, 0.5]]])
    raster = bin_points(xy, Frame(0.0, 0.0, 4.0, 1.0, 4, 1))
    assert raster.sample(10_000).rows.size == 902
    sample = raster.sample(40)
    assert sample.sizes.tolist() == [32, 1, 1]
    assert sample.rows[-2:].tolist() == [900, 901]
    assert np.ptp(sample.rows[:32]) > 800  # from all over the crowd
    shares = np.zeros((34, 2))
    shares[:32, 0] = shares[32:, 1] = 1.0
    colors = blended(sample, shares, np.array([[10.0, 20.0, 30.0], [200.0, 0.0, 100.0]]))
    assert colors.tolist() == [[10, 20, 30], [200, 0, 100], [200, 0, 100]]
    image = raster.image(colors)
    assert image.shape == (1, 4, 4)
    assert image[0, 1].tolist() == [0, 0, 0, 0]
    assert image[0, 0, 3] == 255 > image[0, 2, 3] >= 127


def test_bars_hold_what_a_histogram_counts():
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(size=4000), 2)  # many lie on an edge
    edges = np.linspace(-4, 4, 81)
    x = x[(x >= -4) & (x <= 4)]
    raster = bin_line(x, edges)
    counts = np.zeros(80, dtype=int)
    counts[raster.cells] = raster.counts
    expected = np.clip(np.searchsorted(edges, x, "right") - 1, 0, 79)
    assert np.array_equal(counts, np.bincount(expected, minlength=80))


# -- the mixture -----------------------------------------------------------------------------


def test_cells_have_the_blended_colors_of_their_points(crowd, qtbot):
    take(qtbot, crowd, 3)
    crowd.stage.settle()
    assert crowd.scatter.cloud.isVisible()
    assert len(crowd.scatter.points.places) == 0
    raster = crowd.scatter.raster
    params = crowd.snapshot(3).posterior_params
    shares = crowd.model.e_step(crowd.data, params, latent=True).latent.responsibilities
    mixed = shares @ component_colors(3)
    frame, image = raster.frame, crowd.scatter.cloud.image
    origin = np.array([frame.x0, frame.y0])
    column, row = np.floor((crowd.values - origin) / frame.cell).astype(int).T
    rng = np.random.default_rng(0)
    for point in rng.integers(0, len(mixed), 200):
        together = (column == column[point]) & (row == row[point])
        drawn = image[row[point], column[point]]
        assert np.abs(drawn[:3] - mixed[together].mean(axis=0)).max() <= 0.51
        assert drawn[3] >= 127
    assert (image[..., 3] > 0).sum() == len(raster.cells)


def test_a_sketch_is_near_what_is_finished(crowd, qtbot):
    take(qtbot, crowd, 3)
    binned = crowd._binned[0]
    params, colors = crowd.snapshot(3).posterior_params, component_colors(3)
    few = binned.color(crowd.model, params, colors, np.zeros(3), 5000)
    all_ = binned.color(crowd.model, params, colors, np.zeros(3), SKETCH)
    assert all_.finished
    assert not few.finished
    assert np.abs(few.colors - all_.colors).mean() < 3.0


def test_points_are_neutral_before_the_first_e_step(crowd):
    image = crowd.scatter.cloud.image
    drawn = image[image[..., 3] > 0][:, :3]
    assert (drawn == drawn[0]).all()


def test_the_pointer_finds_the_nearest_point(crowd):
    box = crowd.scatter.box
    rng = np.random.default_rng(3)
    found = 0
    for place in rng.uniform([0, 0], [box.width(), box.height()], (60, 2)):
        position = QPointF(*place)
        nearest = box.nearest(position)
        here = box.mapToView(position)
        apart = np.hypot(*((crowd.values - (here.x(), here.y())) * box.pixels()).T)
        if apart.min() > 9.0:
            assert nearest is None
        else:
            found += 1
            assert apart[nearest] == apart.min()
    assert found > 10
    crowd._on_point_pointed(17)
    assert "Point 18" in crowd.readout.text()


def test_no_e_step_over_all_points_in_the_windows_thread(crowd, qtbot, callers):
    take(qtbot, crowd, 5)
    crowd.side.setCurrentIndex(1)
    take(qtbot, crowd, 2)
    crowd._on_point_pointed(5)
    assert max(n for mine, n in callers if mine) <= LOOKED_AT
    assert any(n == 30_000 for mine, n in callers if not mine)
    assert "Of 10,000 points looked at" in crowd.words.next_e(
        crowd.shares(5), crowd.shares(7), crowd.witnesses.total
    )


def test_zooming_stretches_the_old_image_and_then_sorts_anew(crowd, qtbot):
    before = crowd.scatter.raster
    rect = crowd.scatter.cloud.mapRectToParent(crowd.scatter.cloud.boundingRect())
    crowd.scatter.setRange(xRange=(-1, 1), yRange=(-1, 1), padding=0)
    assert crowd.scatter.raster is before
    assert crowd.scatter.cloud.mapRectToParent(crowd.scatter.cloud.boundingRect()) == rect
    qtbot.waitUntil(lambda: crowd.scatter.raster.frame == crowd.scatter.frame(), timeout=10_000)
    assert crowd.scatter.raster is not before


def test_scrubbing_shows_the_cursors_snapshot(crowd, qtbot):
    take(qtbot, crowd, 8)
    for index in (1, 6, 3, 8, 2):
        crowd.controller.seek(index)
        arrive(qtbot, crowd)
        np.testing.assert_array_equal(crowd.stage.shown.means, crowd.shown_params(index).means)
        cloud = crowd.stage.shown.clouds[0]
        params, colors = crowd.snapshot(index).posterior_params, component_colors(3)
        expected = cloud.binned.color(crowd.model, params, colors, np.zeros(3), SKETCH)
        np.testing.assert_allclose(cloud.colors, expected.colors)
    for index in (1, 2, 3, 4, 5, 6, 7):  # faster than anything can be drawn
        crowd.controller.seek(index)
    arrive(qtbot, crowd)
    np.testing.assert_array_equal(crowd.stage.shown.means, crowd.shown_params(7).means)


def test_pictures_of_other_data_are_dropped(window, qtbot):
    tab = window.tab
    assert tab.load_story(blobs(40_000))
    tab.stage.draw_now()
    assert tab.load_story(blobs(20_000, k=2))
    arrive(qtbot, tab)
    assert len(tab.stage.shown.clouds[0].binned.points.points) == 20_000
    tab.stage.redraw()
    tab.stage.draw_now()
    assert tab.load_story(blobs(300))
    arrive(qtbot, tab)
    qtbot.wait(100)
    assert not tab.stage.shown.clouds
    assert not tab.scatter.cloud.isVisible()
    assert len(tab.scatter.points.colors) == 300


def test_playing_a_crowd_to_its_end_leaves_the_last_picture_and_words(crowd, qtbot, run_to_end):
    run_to_end(crowd)
    arrive(qtbot, crowd)
    last = len(crowd.controller.trace) - 1
    assert crowd.stage.shown_index == last == crowd.bottom.timeline.value()
    np.testing.assert_array_equal(crowd.stage.shown.means, crowd.shown_params(last).means)
    assert crowd.heading.caption.text() == crowd.controller.trace.stop.message


def test_a_long_line_has_bars_and_points_in_blended_colors(window, qtbot):
    tab = window.tab
    assert tab.load_story(line(20_000))
    take(qtbot, tab, 3)
    tab.stage.settle()
    histogram = tab.histogram
    params = tab.snapshot(3).posterior_params
    shares = tab.model.e_step(tab.data, params, latent=True).latent.responsibilities
    edges = histogram._edges
    bins = np.clip(np.searchsorted(edges, tab.values[:, 0], "right") - 1, 0, edges.size - 2)
    for number in np.unique(bins)[::10]:
        expected = shares[bins == number].mean(axis=0) @ component_colors(2)
        drawn = histogram.bars.opts["brushes"][number].getRgb()[:3]
        assert np.abs(np.array(drawn) - expected).max() <= 1.01
    assert histogram.cloud.image.shape[0] == 1
    position = histogram.box.mapFromView(QPointF(*histogram.box.places[123]))
    nearest = histogram.box.nearest(position)
    assert histogram.box.places[nearest, 0] == pytest.approx(tab.values[123, 0], abs=1e-3)


def test_bars_have_smooth_edges_and_ghosts_again_after_a_rush(window, qtbot):
    tab, controller = window.tab, window.tab.controller
    assert tab.load_story(line(20_000))
    tab.set_run(type(tab.run)(max_iter=1_000_000, tolerance=0.0))
    take(qtbot, tab, 4)
    histogram = tab.histogram
    assert all(len(ghost.getData()[0]) for ghost in histogram.ghosts)
    controller.set_speed(math.inf)
    controller.play()
    qtbot.waitUntil(lambda: histogram.bars.hurried, timeout=10_000)
    assert not any(len(ghost.getData()[0]) for ghost in histogram.ghosts)
    controller.pause()
    qtbot.waitUntil(lambda: not controller._link.under_way, timeout=10_000)
    controller.seek(4)
    tab.settle()
    assert not histogram.bars.hurried
    assert all(len(ghost.getData()[0]) for ghost in histogram.ghosts)


# -- long sequences --------------------------------------------------------------------------


def test_a_long_sequence_is_read_once_and_never_in_the_windows_thread(window, qtbot, callers):
    window.open_model("hidden_markov")
    tab = window.tab
    callers.clear()
    assert tab.load_story(chain(25_000))
    take(qtbot, tab, 3)
    assert not [n for mine, n in callers if mine]
    assert len([n for _, n in callers if n == 25_000]) <= 3  # two E-steps; one for the truth
    long = tab.stage.shown.long
    exact = tab.model.e_step(tab.data, tab.snapshot(3).posterior_params, latent=True).latent
    np.testing.assert_array_equal(long.gamma, exact.gamma)
    assert "changed" in tab.heading.caption.text()
    view = tab.area.time
    a, b = view.edges[7], view.edges[8]
    np.testing.assert_allclose(view.shares[7], exact.gamma[a:b].mean(axis=0))
    qtbot.waitUntil(lambda: tab.stage.shown.long.path is not None, timeout=20_000)
    tab.area.time.show_steps(100, 180)
    qtbot.waitUntil(lambda: view.edges[0] >= 98 and view.edges[-1] <= 182, timeout=10_000)
    np.testing.assert_allclose(view.shares, exact.gamma[view.edges[0] : view.edges[-1]])
    tab.settle()
    view.observations.setXRange(5_000.0, 20_000.0, padding=0.0)
    tab.settle()  # with the images of another stretch still to be asked for
    assert view.edges[0] > 4_000
    assert view.edges[-1] > 19_000


# -- the stage -------------------------------------------------------------------------------


def test_the_stage_draws_what_is_wanted_last_and_nothing_of_the_past(window, qtbot):
    go = threading.Event()
    painted: list[int] = []

    def plan(index: int, final: bool) -> Any:
        def make() -> int:
            go.wait(5)
            assert threading.current_thread() is not threading.main_thread() or final
            return index

        return make

    stage = Stage(lambda index: index, painted.append, window, plan)
    for index in range(5):
        stage.show(index)
    stage.draw_now()
    for index in range(5, 9):
        stage.show(index)
    assert stage.busy
    go.set()
    qtbot.waitUntil(lambda: not stage.busy, timeout=5000)
    assert painted == [4, 8]
    go.clear()
    stage.show(9)
    stage.draw_now()
    stage.forget()
    go.set()
    qtbot.wait(50)
    assert painted == [4, 8]
    stage.show(10)
    stage.settle()
    assert painted[-1] == 10
    thread = stage.findChildren(QThread)[0]
    stage.close()
    assert not thread.isRunning()
    stage.show(11)
    qtbot.wait(40)
    assert painted[-1] == 10


def test_a_picture_that_can_not_be_made_is_told_and_the_next_is_drawn(window, qtbot):
    told: list[Exception] = []
    painted: list[int] = []

    def plan(index: int, final: bool) -> Any:
        return lambda: 12 // index

    stage = Stage(lambda index: index, painted.append, window, plan)
    stage.failed.connect(told.append)
    stage.show(0)
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert isinstance(told[0], ZeroDivisionError)
    stage.show(4)
    qtbot.waitUntil(lambda: bool(painted), timeout=5000)
    assert painted == [3]
    stage.close()


def test_the_likeliest_words_are_found_without_sorting_all():
    topics = np.random.default_rng(4).dirichlet(np.ones(300), 7)
    expected = np.argsort(-topics, axis=1, kind="stable")[:, :12]
    assert np.array_equal(likeliest(topics, 12), expected)
    assert np.array_equal(likeliest(topics[:, :5], 12), np.argsort(-topics[:, :5], axis=1))


def test_outlines_stand_out_from_a_crowd_of_their_own_color(crowd):
    scatter = crowd.scatter
    own = [c.outlines[0].opts["pen"].color().name() for c in scatter.components]
    assert crowd.load_story(blobs(300))
    plain = [c.outlines[0].opts["pen"].color().name() for c in scatter.components]
    theme = theme_manager().current
    assert plain == [theme.component(k).name() for k in range(len(plain))]
    assert not {*own} & {*plain}
    assert crowd.load_story(blobs(1_000))  # as many marks hide them too
    assert [c.outlines[0].opts["pen"].color().name() for c in scatter.components] == own


def test_means_stand_out_from_a_long_chain_of_their_own_color(window, qtbot):
    window.open_model("hidden_markov")
    tab = window.tab
    looks = []
    for n in (300, 30_000):
        assert tab.load_story(chain(n))
        arrive(qtbot, tab)
        layer = tab.area.time.layer
        qtbot.waitUntil(lambda n=n, layer=layer: (layer.image.image is not None) == (n > 300))
        assert len(layer.levels) == 2
        looks.append(
            [(v.zValue() > layer.image.zValue(), v.pen.color().name()) for v in layer.levels]
        )
    theme = theme_manager().current
    assert looks[0] == [(False, theme.component(k).name()) for k in range(2)]
    assert [above for above, _ in looks[1]] == [True, True]
    assert not {color for _, color in looks[0]} & {color for _, color in looks[1]}
