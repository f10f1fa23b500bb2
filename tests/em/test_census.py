"""Many starts, few ends: known landscapes, clusters of optima, the worst start, paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from em_explorer.data.library import load_bundled
from em_explorer.em.census import Census, CensusRun, census, dispersed, gather
from em_explorer.em.progress import Progress, finish
from em_explorer.em.steps import RunOptions, Stop, StopReason, fit
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
    MixtureStart,
)
from em_explorer.models.hidden_markov import HiddenMarkov, HiddenMarkovOptions, HiddenMarkovStart
from em_explorer.models.latent_dirichlet import (
    LatentDirichlet,
    LatentDirichletOptions,
    LatentDirichletStart,
)
from em_explorer.models.matching import aligned_difference
from em_explorer.models.missing_data import MissingData, MissingDataOptions

RUN = RunOptions(1000, 1e-8)


def take(model: Any, data: Any, n: int, run: RunOptions = RUN) -> Census:
    return finish(census(model, data, range(n), run, partial(aligned_difference, model)))


def test_old_faithful_has_one_good_optimum_however_its_parts_are_numbered() -> None:
    model = GaussianMixture(GaussianMixtureOptions(start=MixtureStart.RANDOM_POINTS))
    data = model.prepare(load_bundled("old-faithful").values)
    found = take(model, data, 12)
    assert [len(optimum.members) for optimum in found.optima] == [11, 1]
    assert found.optima[0].bound == pytest.approx(-1130.2640, abs=1e-3)
    first = {run.end.means[0, 1] > run.end.means[1, 1] for run in found.runs}
    assert first == {True, False}  # both numberings occur


def test_iris_has_many_optima_and_the_worst_start_ends_at_the_lowest() -> None:
    model = GaussianMixture(
        GaussianMixtureOptions(n_components=3, start=MixtureStart.RANDOM_POINTS)
    )
    data = model.prepare(load_bundled("iris").values)
    found = take(model, data, 40)
    bounds = [optimum.bound for optimum in found.optima]
    assert len(bounds) >= 8
    assert bounds == sorted(bounds, reverse=True)
    assert sum(o.share for o in found.optima) + len(found.collapsed) / 40 == pytest.approx(1.0)
    assert found.worst is not None
    assert found.worst.bound == min(run.bound for run in found.runs if run.converged)
    assert found.best is not None
    assert found.best.bound == bounds[0]
    assert found.optimum_of(found.best.number) == 0
    again = fit(model, data, found.worst.start, RUN)
    assert again.history == tuple(found.worst.bounds)


def test_murrays_two_optima_have_one_bound_and_are_not_one() -> None:
    model = MissingData(MissingDataOptions())
    data = model.prepare(load_bundled("murray").values)
    drawn = dispersed(model, data)
    assert drawn is not None
    found = take(drawn, data, 12, RunOptions(2000, 1e-10))
    assert len(found.optima) == 2
    assert [o.bound for o in found.optima] == pytest.approx([-29.97429, -29.97429], abs=1e-4)
    signs = {np.sign(found.runs[o.best].end.covariance[0, 1]) for o in found.optima}
    assert signs == {-1.0, 1.0}


def test_starts_that_collapse_are_counted_apart() -> None:
    rng = np.random.default_rng(3)
    points = np.append(rng.standard_normal(50), 5.0)
    model = GaussianMixture(GaussianMixtureOptions())
    data = model.prepare(points)

    def draw(seed: int) -> GaussianMixtureParams:
        means = [0.0, 5.0] if seed % 2 else [-1.0, 1.0]
        spreads = [1.0, 0.09] if seed % 2 else [1.0, 1.0]
        params = GaussianMixtureParams(
            np.array([0.5, 0.5]), np.array(means)[:, None], np.array(spreads)[:, None, None]
        )
        return model.from_units(params, data)

    job = census(model, data, range(4), RUN, partial(aligned_difference, model), draw)
    found = finish(job)
    assert found.collapsed == (1, 3)
    assert all(found.runs[n].stop.reason is StopReason.SINGULAR for n in found.collapsed)  # type: ignore[union-attr]
    assert sum(len(o.members) for o in found.optima) == 2


def test_progress_never_goes_back_and_every_run_is_told() -> None:
    model = GaussianMixture(GaussianMixtureOptions(start=MixtureStart.RANDOM_POINTS))
    data = model.prepare(load_bundled("old-faithful").values)
    told: list[Progress] = list(census(model, data, range(3), RUN, partial(_zero)))
    shares = [p.share for p in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [p.partial.number for p in told if p.partial is not None] == [0, 1, 2]


def _zero(one: Any, other: Any) -> float:
    return 0.0


def test_a_path_begins_at_the_start_and_ends_at_the_end() -> None:
    model = GaussianMixture(
        GaussianMixtureOptions(n_components=3, start=MixtureStart.RANDOM_POINTS)
    )
    data = model.prepare(load_bundled("iris").values)
    run = take(model, data, 1).runs[0]
    iterations = [iteration for iteration, _ in run.path]
    assert iterations[:11] == list(range(11))
    assert iterations == sorted(set(iterations))
    assert iterations[-1] == run.n_iter
    assert len(iterations) < run.n_iter
    assert run.path[0][1] is run.start
    assert run.path[-1][1] is run.end


def test_ends_on_a_ridge_form_a_chain() -> None:
    stop = Stop(StopReason.CONVERGED, "", 1)

    def ended(number: int, bound: float, at: float) -> CensusRun:
        return CensusRun(number, number, 0.0, at, np.array([bound]), (), stop, "")

    runs = (
        ended(0, -5.0, 0.0),
        ended(1, -5.001, 0.08),
        ended(2, -5.002, 0.16),
        ended(3, -5.0, 9.0),
    )
    found = gather(runs, 10, lambda a, b: abs(a - b))
    assert [o.members for o in found.optima] == [(0, 1, 2), (3,)]
    assert [o.share for o in found.optima] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (lambda: GaussianMixture(GaussianMixtureOptions(start=MixtureStart.GIVEN)), "old-faithful"),
        (lambda: HiddenMarkov(HiddenMarkovOptions(start=HiddenMarkovStart.FLAT)), "vowels"),
        (lambda: LatentDirichlet(LatentDirichletOptions(start=LatentDirichletStart.UNIFORM)), None),
        (lambda: MissingData(MissingDataOptions()), "airquality"),
    ],
)
def test_every_model_has_a_start_that_is_drawn(make: Callable[[], Any], data: str | None) -> None:
    model = make()
    raw = [[0, 1, 1], [2, 2, 1], [0, 0, 2]] if data is None else None
    if data == "vowels":
        raw = np.array([0, 1, 1, 0, 2, 1, 0, 0, 2])  # type: ignore[assignment]
    prepared = model.prepare(raw if raw is not None else load_bundled(str(data)).values)
    drawn = dispersed(model, prepared)
    assert drawn is not None
    one, other = (drawn.initialize(prepared, np.random.default_rng(s)) for s in (3, 4))
    assert aligned_difference(drawn, one, other) > 0


def test_a_start_that_is_drawn_is_kept() -> None:
    model = GaussianMixture(GaussianMixtureOptions(start=MixtureStart.KMEANS_PLUS_PLUS))
    data = model.prepare(load_bundled("old-faithful").values)
    kept = dispersed(model, data)
    assert kept is not None
    assert kept.options.start is MixtureStart.KMEANS_PLUS_PLUS
    given = GaussianMixture(
        GaussianMixtureOptions(start=MixtureStart.GIVEN, covariance_type=CovarianceType.TIED)
    )
    assert dispersed(given, data).options.covariance_type is CovarianceType.TIED  # type: ignore[union-attr]
