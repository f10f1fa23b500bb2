"""The likelihood over two parameters: Murray's saddle, mirror images, what is impossible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from em_explorer.data.library import load_bundled
from em_explorer.em.landscape import Landscape, landscape
from em_explorer.em.progress import Progress, finish
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.models.missing_data import MissingData, MissingDataParams
from em_explorer.models.missing_data_anatomy import MissingDataAnatomy
from em_explorer.models.placing import place


def by_key(anatomy: Any, params: Any, key: str) -> Any:
    return next(p for p in anatomy.parameters(params) if p.key == key)


def placer(model: Any, data: Any, anatomy: Any, params: Any, x: str, y: str) -> Callable[..., Any]:
    shown = model.to_units(params, data)
    at_x, at_y = by_key(anatomy, params, x), by_key(anatomy, params, y)

    def placed(x: float, y: float) -> Any:
        half = place(model, shown, at_x, x)
        whole = None if half is None else place(model, half, at_y, y)
        return None if whole is None else model.from_units(whole, data)

    return placed


def test_murrays_correlation_has_a_saddle_at_zero_and_two_tops_at_a_half() -> None:
    model = MissingData()
    data = model.prepare(load_bundled("murray").values)
    anatomy = MissingDataAnatomy(model, data)
    top = MissingDataParams(np.zeros(2), np.array([[8.0, 4.0], [4.0, 8.0]]) / 3.0)
    placed = placer(model, data, anatomy, top, "correlations[0, 1]", "spreads[0]")
    spread = np.sqrt(8.0 / 3.0)
    found = finish(landscape(model, data, placed, (-1.0, 1.0), (0.5 * spread, 1.5 * spread), 17))
    row = found.values[8]  # at the spread of the optimum
    assert np.isnan(row[[0, -1]]).all()  # a correlation of one is no covariance
    assert row[12] == pytest.approx(-29.97429, abs=1e-5)
    assert row[4] == pytest.approx(row[12], abs=1e-10)
    assert np.nanmax(found.values) == pytest.approx(row[12], abs=1e-12)
    assert row[8] < row[12]
    saddle = MissingDataParams(np.zeros(2), np.diag([2.5, 2.5]))
    bound = model.bound(saddle, model.e_step(data, saddle))
    assert bound == pytest.approx(-30.0333, abs=1e-4)


def test_two_means_make_two_mirrored_hills() -> None:
    rng = np.random.default_rng(0)
    model = GaussianMixture(GaussianMixtureOptions())
    data = model.prepare(np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 60)]))
    anatomy = GaussianMixtureAnatomy(model, data)
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-3.0], [3.0]]), np.ones((2, 1, 1))
    )
    placed = placer(model, data, anatomy, params, "means[0, 0]", "means[1, 0]")
    found = finish(landscape(model, data, placed, (-6.0, 6.0), (-6.0, 6.0), 25))
    np.testing.assert_allclose(found.values, found.values.T, rtol=1e-12)
    i, j = np.unravel_index(np.nanargmax(found.values), found.values.shape)
    assert {round(found.x[j]), round(found.y[i])} == {-3, 3}
    # each value is what EM's own bound would be there
    at = model.from_units(placed_in_units(params, -6.0, 6.0), data)
    assert found.values[-1, 0] == pytest.approx(model.bound(at, model.e_step(data, at)))


def placed_in_units(params: GaussianMixtureParams, one: float, other: float) -> Any:
    return GaussianMixtureParams(params.weights, np.array([[one], [other]]), params.covariances)


def test_it_is_refined_step_by_step_and_never_computed_twice() -> None:
    calls: list[tuple[float, float]] = []

    class Plane:
        def e_step(self, data: Any, params: Any) -> Any:
            return params

        def bound(self, params: Any, expectation: Any) -> float:
            return params[0] + 10 * params[1]

    def remember(x: float, y: float) -> tuple[float, float]:
        calls.append((x, y))
        return x, y

    told: list[Progress] = list(
        landscape(Plane(), None, remember, (0.0, 1.0), (0.0, 1.0), 17)  # type: ignore[arg-type]
    )
    parts: list[Landscape] = [p.partial for p in told if p.partial is not None]
    assert [part.stride for part in parts] == [8, 4, 2, 1]
    assert len(calls) == len(set(calls)) == 17 * 17
    assert told[-1].share == 1.0
    first, last = parts[0], parts[-1]
    assert np.isfinite(first.values).sum() == 9
    assert np.isfinite(first.filled).all()
    np.testing.assert_allclose(last.values, last.x[None, :] + 10 * last.y[:, None])
    np.testing.assert_array_equal(last.filled, last.values)


def test_fitting_the_rest_never_lies_below_leaving_it() -> None:
    model = GaussianMixture(GaussianMixtureOptions())
    data = model.prepare(load_bundled("old-faithful").values[:, :1])
    anatomy = GaussianMixtureAnatomy(model, data)
    params = model.initialize(data, np.random.default_rng(0))
    placed = placer(model, data, anatomy, params, "means[0, 0]", "weights[0]")
    ranges = (1.5, 5.0), (0.1, 0.9)
    slice_ = finish(landscape(model, data, placed, *ranges, 9))
    profile = finish(landscape(model, data, placed, *ranges, 9, fit_rest=True))
    assert np.all(profile.values >= slice_.values - 1e-9)
