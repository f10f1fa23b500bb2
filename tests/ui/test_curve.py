"""The likelihood curve: exact while short, a true envelope when long, and cheap to grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QMainWindow

from em_explorer.em.steps import RunOptions, em_steps
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.ui.theme import DARK, apply_theme
from em_explorer.ui.views.curve import LikelihoodCurve
from em_explorer.ui.views.curve_parts import CurveMode, OtherCurve, envelope, wide_enough


class Numbers:
    """As much of a trace as a curve reads."""

    def __init__(self, bounds: np.ndarray) -> None:
        self._bounds = np.append(np.nan, bounds)
        self.n = len(self._bounds)

    @property
    def half_step_bounds(self) -> np.ndarray:
        return self._bounds[: self.n]


@pytest.fixture
def curve(qtbot: Any) -> Iterator[LikelihoodCurve]:
    holder = QMainWindow()
    qtbot.addWidget(holder)
    made = LikelihoodCurve()
    holder.setCentralWidget(made)
    holder.resize(900, 132)
    holder.show()
    yield made
    holder.close()  # which held it until now


def falling_trace() -> Trace:
    """Return the history of a model whose second M-step overshoots."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(-1, 1, 100), rng.normal(1, 1, 100)])

    class Overshoot(GaussianMixture):
        def m_step(self, params: Any, expectation: Any) -> Any:
            best = super().m_step(params, expectation)
            return replace(best, means=best.means + 3.0 * (best.means - params.means) + 0.5)

    model = Overshoot(GaussianMixtureOptions(2))
    data = model.prepare(points)
    trace = Trace(model, data)
    for snapshot in em_steps(model, data, model.initialize(data, rng), RunOptions(3, 0.0)):
        trace.append(snapshot)
    return trace


def rising(n: int) -> np.ndarray:
    return -1000.0 - 500.0 * np.exp(-np.arange(n) / (n / 5))


def test_few_points_are_drawn_as_they_are(curve):
    bounds = rising(25)
    curve.follow(Numbers(bounds), 10, "bound")
    x, y = curve.line.getData()
    assert x.tolist() == [k / 2 for k in range(25)]
    assert y.tolist() == bounds.tolist()
    assert curve.e_dots.getData()[0].tolist() == list(range(13))
    assert curve.m_dots.getData()[0].tolist() == [k + 0.5 for k in range(12)]
    curve.show_mode(CurveMode.EACH)
    np.testing.assert_allclose(curve.line.getData()[1], bounds / 10)


def test_an_envelope_hides_no_fall_and_shifts_nothing():
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=100_001))
    values[54_321] -= 1e4
    values[77_777] += 1e4
    positions, thinned = envelope(values, 700)
    assert len(positions) == len(thinned) <= 2 * 700 + 1
    assert thinned.min() == values.min()
    assert thinned.max() == values.max()
    assert (np.diff(positions) >= 0).all()
    assert positions[-1] == 100_000
    assert thinned[-1] == values[-1]
    length = positions[2] - positions[0]
    for place, value in zip(positions, thinned, strict=True):
        first = int(place // length * length)
        assert value in values[first : first + int(length)]


def test_an_envelope_stays_where_it_is_while_the_row_grows():
    values = rising(60_000)
    before, _ = envelope(values[:50_000], 700)
    after, _ = envelope(values[:50_400], 700)
    assert before[:-3].tolist() == after[: len(before) - 3].tolist()


def test_a_rising_curve_stays_rising():
    assert (np.diff(envelope(rising(200_001), 640)[1]) >= 0).all()


def test_the_axis_grows_in_steps():
    widths = [wide_enough(n) for n in range(3000)]
    assert all(width >= 1.02 * n for n, width in enumerate(widths))
    assert all(width <= 12 or width <= 1.6 * n for n, width in enumerate(widths))
    assert sorted(set(widths))[:6] == [12, 16, 24, 32, 48, 64]


def test_a_hundred_thousand_iterations_take_few_points(curve):
    trace = Numbers(rising(200_001))
    curve.follow(trace, 10, "bound")
    columns = curve.getPlotItem().vb.width()
    x, y = curve.line.getData()
    assert len(x) <= 2 * columns + 1
    assert not curve.line.opts["antialias"]
    assert curve.line.opts["pen"].widthF() == 1
    assert not len(curve.e_dots.getData()[0])
    assert (x[-1], y[-1]) == (100_000, trace.half_step_bounds[-1])
    curve.mark(150_000)
    assert curve.marker.getData()[0].tolist() == [149_999 / 2]
    assert curve.marker.getData()[1].tolist() == [trace.half_step_bounds[150_000]]


def test_a_flood_of_half_steps_is_drawn_once_a_frame(qtbot, curve, monkeypatch):
    trace = Numbers(rising(20_000))
    trace.n = 1000
    curve.follow(trace, 10, "bound")
    drawn = []
    draw = curve.line.setData

    def counted(*args: Any, **options: Any) -> None:
        drawn.append(len(args[0]))
        draw(*args, **options)

    monkeypatch.setattr(curve.line, "setData", counted)
    for n in range(1001, 2001):
        trace.n = n
        curve.grow()
        curve.mark(n - 1)
    assert len(drawn) < 20  # a thousand came at once, and no frame was due meanwhile
    qtbot.waitUntil(lambda: curve.line.getData()[0][-1] == 1998 / 2)
    assert curve.marker.getData()[0].tolist() == [1998 / 2]


def test_a_picture_of_the_window_lacks_nothing(curve):
    trace = Numbers(rising(100))
    trace.n = 50
    curve.follow(trace, 10, "bound")
    trace.n = 101
    curve.grow()
    curve.mark(100)
    curve.grab()
    assert curve.line.getData()[0][-1] == 99 / 2
    assert curve.marker.getData()[0].tolist() == [99 / 2]


def test_the_range_holds_still_while_the_curve_fits(curve):
    bounds = -1000.0 - 500.0 * np.exp(-np.arange(30_000) / 300.0)
    trace = Numbers(bounds)
    trace.n = 20_000
    curve.follow(trace, 10, "bound")
    before = curve.getPlotItem().vb.viewRange()
    trace.n = 24_000
    curve.draw_now()
    assert curve.getPlotItem().vb.viewRange() == before
    low, high = before[1]
    assert low < bounds.min() < bounds.max() < high


def test_another_theme_repaints_the_line(qapp, curve):
    curve.follow(Numbers(rising(5000)), 10, "bound")
    app = QApplication.instance()
    apply_theme(app, DARK)
    assert curve.line.opts["pen"].color().name() == DARK.secondary.lower()


def test_a_steady_rate_falls_on_a_straight_line(curve):
    limit, rate = -500.0, 0.8
    e_steps = limit - 100.0 * rate ** np.arange(40)
    bounds = np.repeat(e_steps, 2)[:-1]
    bounds[1::2] = 0.5 * (e_steps[:-1] + e_steps[1:])
    curve.follow(Numbers(bounds), 10, "bound")
    curve.show_mode(CurveMode.DISTANCE)
    x, y = curve.e_dots.getData()
    np.testing.assert_allclose(y, np.log10(100.0) + x * np.log10(rate), atol=1e-4)
    assert curve.getAxis("left").labelText == "log₁₀(L∞−L)"
    curve.mark(21)
    np.testing.assert_allclose(curve.marker.getData()[1], [2.0 + 10 * np.log10(rate)], atol=1e-6)


def test_without_a_limit_the_curve_says_so(curve):
    curve.follow(Numbers(np.array([-10.0, -9.0, -8.0, -6.0, -1.0])), 10, "bound")
    curve.show_mode(CurveMode.DISTANCE)
    assert not curve.getPlotItem().isVisible()
    assert "can’t be told yet" in curve.invitation.text()
    curve.show_mode(CurveMode.TOTAL)
    assert curve.getPlotItem().isVisible()


def test_a_fall_is_marked(curve):
    trace = falling_trace()
    curve.follow(trace, 10, "bound")
    places = curve.falls
    assert len(places)
    assert (places % 2 == 0).all()  # M-steps
    assert curve.fall_marks.getData()[0].tolist() == ((places - 1) / 2).tolist()
    fallen = [trace.bound(int(place)) for place in places]
    assert curve.fall_marks.getData()[1].tolist() == fallen
    curve.show_mode(CurveMode.EACH)
    np.testing.assert_allclose(curve.fall_marks.getData()[1], np.divide(fallen, 10))


def test_others_are_drawn_once_while_this_run_grows(curve):
    numbers = Numbers(rising(20))
    curve.follow(numbers, 10, "bound")
    other = OtherCurve(np.array([-9.0, -5.0, np.nan, -4.0]), 2.0, "#123456", dashed=True)
    curve.show_others((other,))
    [line] = curve.other_lines
    np.testing.assert_array_equal(line.getData()[0], [2.0, 3.0, 5.0])
    np.testing.assert_array_equal(line.getData()[1], [-9.0, -5.0, -4.0])
    drawn = []
    line.sigPlotChanged.connect(drawn.append)
    curve.draw_now()
    assert not drawn
    curve.show_mode(CurveMode.EACH)
    np.testing.assert_allclose(line.getData()[1], [-0.9, -0.5, -0.4])
    assert len(drawn) == 1


def test_a_long_run_behind_is_thinned(curve):
    curve.follow(Numbers(rising(20)), 10, "bound")
    bounds = rising(100_000)
    curve.show_others((OtherCurve(bounds, 0.0, "#123456"),))
    x, y = curve.other_lines[0].getData()
    assert len(x) < 5000
    assert (x[-1], y[-1]) == (99_999.0, bounds[-1])
