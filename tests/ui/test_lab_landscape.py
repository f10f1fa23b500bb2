"""The Lab's landscape over two parameters, in every tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em import landscape as engine
from em_explorer.em.anatomy import Parameter
from em_explorer.em.steps import RunOptions
from em_explorer.ui.lab.landscape_page import two_of_interest

KEYS = [row.key for row in registry.MODELS]


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the coarsest grid: the engine's tests look at fine ones."""
    monkeypatch.setattr(engine, "SECONDS", 0.0)


def lab(window: Any, key: str) -> tuple[Any, Any]:
    window.open_model(key)
    if key == "latent_dirichlet":
        window.open_demo("small-topics")
    return window.tab, window.door.open("landscape")


@pytest.mark.parametrize("key", KEYS)
def test_the_landscape_with_ems_way_on_it(
    qtbot: Any, window: Any, step: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    step(tab, 5)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    found = page.found
    assert page.plot.image.image.shape == found.values.shape == (17, 17)
    assert found.stride == 1
    x, y = page.asked.numbers
    way = np.array([page.asked.anatomy.values(tab.snapshot(i).params)[[x, y]] for i in (1, 3, 5)])
    np.testing.assert_allclose(np.transpose(page.plot.way.getData()), way)
    assert found.x[0] <= way[:, 0].min() <= way[:, 0].max() <= found.x[-1]
    # the landscape passes through where EM is
    at = page.asked.anatomy.values(tab.snapshot(5).params)[[x, y]]
    np.testing.assert_allclose(page.plot.marker.getData(), at[:, None])
    placed = engine._height(tab.model, tab.data, tab.snapshot(5).params, False)
    # documents that start afresh may end a little apart from those carried on
    assert placed == pytest.approx(tab.controller.trace.bound(5), rel=1e-3)
    assert np.nanmax(found.values) == pytest.approx(placed, abs=0.2 * abs(placed))
    step(tab, 2)  # and it follows
    assert len(page.plot.way.getData()[0]) == 4
    tab.controller.seek(1)
    np.testing.assert_allclose(
        page.plot.marker.getData(),
        page.asked.anatomy.values(tab.snapshot(1).params)[[x, y]][:, None],
    )


@pytest.mark.parametrize("key", KEYS)
def test_a_click_begins_a_run_there(
    qtbot: Any, window: Any, step: Callable[..., None], key: str
) -> None:
    tab, page = lab(window, key)
    step(tab, 3)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    at_x, at_y = float(page.found.x[5]), float(page.found.y[9])
    expected = page.found.values[9, 5]
    page.start_at(at_x, at_y)
    assert tab.controller.cursor == 0
    values = page.asked.anatomy.values(tab.snapshot(0).params)[list(page.asked.numbers)]
    np.testing.assert_allclose(values, [at_x, at_y], rtol=1e-9)
    assert "landscape" in tab.runs.current.how
    step(tab, 1)
    assert tab.controller.trace.bound(1) == pytest.approx(expected, rel=1e-9)
    # the way it came from is drawn beside the new one, over the same landscape
    assert len(page.plot.others) >= 1
    assert page.plot.isVisible()


def test_murrays_two_tops_are_seen(
    qtbot: Any, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_affordable", lambda *_: 33)
    window.open_demo("murray")
    tab, page = window.tab, window.door.open("landscape")
    assert page.x_box.currentText() == "ρ"
    tab.nudge()
    tab.controller.run_to_end()
    qtbot.waitUntil(lambda: tab.controller.trace.stop is not None)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    i, j = np.unravel_index(np.nanargmax(page.found.values), page.found.values.shape)
    assert abs(page.found.x[j]) == pytest.approx(0.5, abs=0.05)
    row = page.found.values[i]
    middle = len(row) // 2
    assert row[middle] < np.nanmax(row[:middle])
    assert row[middle] < np.nanmax(row[middle + 1 :])
    assert page.plot.contours
    assert not page.fit_box.isEnabled()


def test_the_starts_of_a_census_are_drawn_over_it(qtbot: Any, window: Any) -> None:
    window.open_demo("waiting-times")
    starts = window.door.open("starts")
    starts.number.setValue(4)
    with qtbot.waitSignal(starts.worked, timeout=30_000):
        starts.button.click()
    page = window.door.open("landscape")
    with qtbot.waitSignal(page.worked, timeout=30_000):
        page.button.click()
    (bundle,) = page.plot.others
    assert np.isnan(bundle.getData()[0]).sum() == 4  # a gap after each


def test_the_rest_is_fitted_where_locks_allow(
    qtbot: Any, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "REST", RunOptions(4, 1e-6))
    window.open_demo("waiting-times")
    page = window.door.open("landscape")
    assert page.fit_box.isEnabled()
    with qtbot.waitSignal(page.worked, timeout=30_000):
        page.button.click()
    cut = page.found
    page.fit_box.setChecked(True)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    both = np.isfinite(cut.values) & np.isfinite(page.found.values)
    assert both.any()
    assert np.all(page.found.values[both] >= cut.values[both] - 1e-6)


def test_two_different_parameters_are_asked_for(window: Any) -> None:
    page = window.door.open("landscape")
    page.y_box.setCurrentIndex(page.x_box.currentIndex())
    page.button.click()
    assert not page.working
    assert "different" in page.message.text()


def test_another_model_takes_the_landscape_away(
    qtbot: Any, window: Any, step: Callable[..., None]
) -> None:
    tab, page = lab(window, "gaussian_mixture")
    with qtbot.waitSignal(page.worked, timeout=30_000):
        page.button.click()
    window.open_demo("iris-many-optima")
    assert page.plot.isHidden()
    assert page.asked is None
    assert page.x_box.count() == len(tab.anatomy().parameters(tab.snapshot(0).params))


def test_a_run_of_fewer_topics_has_no_way_in_it(
    qtbot: Any, window: Any, step: Callable[..., None]
) -> None:
    tab, page = lab(window, "latent_dirichlet")
    step(tab, 5)
    tab.set_options(replace(tab.options, n_topics=5))
    step(tab, 5)
    assert [record.trace.model.options.n_topics for record in tab.runs] == [3, 5]
    with qtbot.waitSignal(page.worked, timeout=30_000):
        page.button.click()
    assert page.found is not None
    assert page.plot.others == []


def test_what_is_offered_first() -> None:
    def named(group: str, key: str, part: int | None) -> Parameter:
        return Parameter(group, key, part, key)

    means = tuple(named("means", f"means[{k}, {d}]", k) for k in (0, 1) for d in (0, 1))
    weights = tuple(named("weights", f"weights[{k}]", k) for k in (0, 1))
    zeros = np.zeros(8)
    assert two_of_interest(weights + means, zeros) == (2, 4)
    assert two_of_interest(weights, zeros) == (0, 1)
    faces = tuple(named("emissions", f"emissions[{k}, {m}]", k) for k in (0, 1) for m in range(3))
    assert two_of_interest(faces, np.array([0.3, 0.4, 0.3, 0.2, 0.2, 0.6])) == (2, 5)
    one = (named("means", "mean[0]", None), named("spreads", "spreads[0]", None))
    assert two_of_interest(one, zeros) == (0, 1)
    tilt = named("correlations", "correlations[0, 1]", None)
    assert two_of_interest((*one, tilt), zeros) == (2, 1)
