"""Parameters against the iteration, in every tab: values, truth, choice, click, long runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from em_explorer import registry
from em_explorer.em.anatomy import Parameter
from em_explorer.session.settings import Settings
from em_explorer.ui.views.parameter_traces import EVERYTHING, Traces, most_moved, series_of

KEYS = [row.key for row in registry.MODELS]
WITH_TRUTH = {
    "gaussian_mixture": "three-blobs",
    "hidden_markov": "casino",
    "latent_dirichlet": "bars",
    "missing_data": "missing-at-random",
}


@pytest.fixture
def strip(window: Any) -> Any:
    """Open a demo with its parameters drawn."""

    def open_strip(demo: str) -> tuple[Any, Any]:
        window.open_demo(demo)
        window.tab.bottom.traces_button.click()
        return window.tab, window.tab.bottom.strip

    return open_strip


def test_the_strip_is_made_when_it_is_wanted(window, step):
    bottom = window.tab.bottom
    assert bottom.strip is None
    step(window.tab, 2)
    bottom.traces_button.click()
    assert bottom.strip.plot.isVisible()
    assert not bottom.curve.getAxis("bottom").isVisible()
    bottom.traces_button.click()
    assert not bottom.strip.plot.isVisible()
    assert bottom.curve.getAxis("bottom").isVisible()


@pytest.mark.parametrize(
    "then",
    [
        lambda window: window.tab.controller.rewind(),
        lambda window: window.tab.new_start(),
        lambda window: window.tab.bottom.mode_box.setCurrentIndex(1),
        lambda window: window.tab.lockstep.toggle(),
        lambda window: window.theme_button.click(),
    ],
    ids=["rewound", "another start", "another mode", "side by side", "another theme"],
)
def test_the_curve_above_keeps_its_room(window, step, then):
    window.resize(1280, 800)
    step(window.tab, 4)
    bottom = window.tab.bottom
    bottom.traces_button.click()
    then(window)
    step(window.tab, 2)
    left = bottom.curve.getAxis("left")
    assert not bottom.curve.getAxis("bottom").isVisible()
    assert not left.label.isVisibleTo(left)
    assert bottom.curve.getPlotItem().vb.height() > 40
    bottom.traces_button.click()
    assert left.label.isVisibleTo(left)


@pytest.mark.parametrize("key", KEYS)
def test_a_low_window_does_not_grow(window, step, qtbot, key):
    window.resize(1280, 800)
    window.open_model(key)
    tab = window.tab
    step(tab, 3)
    scroll = tab.setup.verticalScrollBar()
    before = tab.play_area.height(), scroll.maximum()
    tab.bottom.traces_button.click()
    qtbot.waitUntil(tab.bottom.strip.plot.isVisible)
    assert window.height() == 800
    assert (tab.play_area.height(), scroll.maximum()) >= (before[0] - 8, before[1])
    tab.bottom.traces_button.click()
    assert window.height() == 800


@pytest.mark.parametrize("key", KEYS)
def test_parameters_are_drawn(strip, step, key):
    tab, strip = strip("old-faithful" if key == "gaussian_mixture" else WITH_TRUTH[key])
    step(tab, 8)
    anatomy, plot = tab.anatomy(), strip.plot
    parameters = anatomy.parameters(tab.snapshot(0).params)
    for name in series_of(parameters):
        strip.choose(name)
        assert strip.box.currentText() == name
        if name == EVERYTHING:
            continue
        for column, row in enumerate(plot.rows):
            drawn = plot.heights()[:, column]
            found = [anatomy.values(tab.snapshot(2 * k + 1).params)[row] for k in range(4)]
            np.testing.assert_array_equal(drawn[:4], found)
    assert plot.cursor_line.x() == 3.5


@pytest.mark.parametrize("key", KEYS)
def test_the_truth_is_dashed(strip, step, run_to_end, key):
    tab, strip = strip(WITH_TRUTH[key])
    if key == "latent_dirichlet":
        step(tab, 4)
    else:
        run_to_end(tab)
    traces = strip.plot.traces
    assert traces.truth is not None
    names = [name for name in series_of(traces.parameters) if name != EVERYTHING]
    strip.choose(names[1])
    levels = strip.plot.true_heights()
    if len(strip.plot.rows) <= 24:
        assert sorted(levels) == sorted(traces.truth[strip.plot.rows])
        assert len(strip.plot.truth.getData()[1]) == 2 * len(levels)
        assert strip.plot.truth.opts["pen"].style() == Qt.PenStyle.DashLine
        assert "(" in strip.readout.text()


def test_the_truth_is_matched_to_what_was_found(strip, step, run_to_end):
    tab, strip = strip("three-blobs")
    run_to_end(tab)
    traces = strip.plot.traces
    means = [i for i, p in enumerate(traces.parameters) if p.group == "means"]
    now = tab.diagnosis.values(len(tab.controller.trace) - 1)
    assert np.abs(traces.truth[means] - now[means]).max() < 0.5


def test_a_click_goes_there_and_the_line_pointed_at_is_read(strip, step, qtbot):
    tab, strip = strip("old-faithful")
    step(tab, 12)
    strip.choose("weights")
    plot = strip.plot
    with qtbot.waitSignal(tab.controller.cursor_changed):
        plot.picked.emit(5)
    assert tab.controller.cursor == 5
    assert plot.cursor_line.x() == 2.0
    box = plot.getPlotItem().vb
    height = plot.heights()[3, 1]
    plot._on_moved(box.mapViewToScene(QPointF(3.0, float(height))))
    assert strip.readout.text().startswith("<b>")
    assert "π₂" in strip.readout.text().split("</b>")[0]
    assert len(plot.bold.getData()[0])
    plot.point_at(-1)
    assert not len(plot.bold.getData()[0])


def test_a_long_run_is_thinned_and_never_replayed(window, qtbot, monkeypatch):
    monkeypatch.setattr(
        "em_explorer.session.controller.load_settings", lambda: Settings(trace_megabytes=1)
    )
    window.open_demo("overlap-is-slow")
    tab = window.tab
    tab.bottom.traces_button.click()
    tab.controller.run_to_end()
    qtbot.waitUntil(lambda: len(tab.controller.trace) > 1100, timeout=60_000)
    tab.controller.pause()
    trace = tab.controller.trace
    assert trace.stride > 1
    monkeypatch.setattr(type(trace), "_replay", lambda *_: pytest.fail("a replay"))
    iterations, values = tab.diagnosis.traces()
    assert len(iterations) == len(values) <= 257
    assert iterations[-1] == len(trace) // 2 - 1
    assert (np.diff(iterations) > 0).all()


def parameter(group: str, label: str, part: int | None = 0) -> Parameter:
    return Parameter(group, label, part, label)


def test_what_shares_an_axis():
    rows = [
        parameter("weights", "π₁"),
        parameter("means", "μ₁ waiting"),
        parameter("means", "μ₂ waiting", 1),
        parameter("means", "μ₁ eruption"),
    ]
    assert series_of(rows) == {
        "weights": [0],
        "means of waiting": [1, 2],
        "means of eruption": [3],
        EVERYTHING: [0, 1, 2, 3],
    }
    values = np.array([[0.5, 50.0, 80.0, 2.0], [0.4, 51.0, 80.0, 3.0]])
    scales = np.array([1.0, 5.0, 5.0, 0.3])
    traces = Traces(tuple(rows), np.arange(2), values, scales)
    assert most_moved(traces) == "means of eruption"
