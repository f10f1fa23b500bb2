"""The questions of the Lab as jobs: locks are kept, and what can't be asked is refused."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.data.library import load_bundled
from em_explorer.em.anatomy import Lock
from em_explorer.em.progress import finish
from em_explorer.em.steps import RunOptions
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    MixtureStart,
)
from em_explorer.models.latent_dirichlet import LatentDirichlet
from em_explorer.models.missing_data import MissingData, MissingDataOptions
from em_explorer.session.how_many import how_many
from em_explorer.session.lab import census_of, enough


def test_every_start_of_a_census_has_what_is_locked() -> None:
    options = GaussianMixtureOptions(start=MixtureStart.RANDOM_POINTS)
    model = GaussianMixture(options, locks=frozenset({Lock("means", (0,))}))
    data = model.prepare(load_bundled("old-faithful").values)
    like = GaussianMixture(options).initialize(data, np.random.default_rng(9))
    found = finish(census_of(model, data, 0, 4, RunOptions(), like))
    for run in found.runs:
        np.testing.assert_allclose(run.start.means[0], like.means[0], rtol=1e-12)
        np.testing.assert_allclose(run.end.means[0], like.means[0], rtol=1e-12)
    assert len({tuple(run.start.means[1]) for run in found.runs}) == 4


def test_a_census_takes_fine_steps_except_of_topics() -> None:
    coarse = RunOptions(50, 1e-4)
    assert enough(GaussianMixture(), coarse) == RunOptions(500, 1e-7)
    assert enough(LatentDirichlet(), coarse) == RunOptions(500, 1e-4)
    assert enough(LatentDirichlet(), RunOptions(50, 0.0)).tolerance > 0
    assert enough(MissingData(), RunOptions(900, 1e-9)) == RunOptions(900, 1e-9)


def test_a_strong_ridge_tells_hidden_cells_worse_when_there_are_many_rows() -> None:
    rng = np.random.default_rng(4)
    table = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]], size=300)
    model = MissingData(MissingDataOptions())
    data = model.prepare(table)
    found = finish(how_many(model, data, table, RunOptions(), 1))
    densities = [judged.criteria.held_out for judged in found]
    assert densities[0] == pytest.approx(max(densities), abs=0.01)
    assert densities[-1] < densities[0] - 0.3


def test_a_ridge_helps_when_rows_are_few() -> None:
    rng = np.random.default_rng(0)
    table = rng.standard_normal((9, 6))
    model = MissingData(MissingDataOptions())
    data = model.prepare(table)
    found = finish(how_many(model, data, table, RunOptions(2000, 1e-7), 1))
    scored = {j.candidate.label: j.criteria.held_out for j in found if j.criteria is not None}
    assert max(scored, key=lambda label: scored[label]) != "no ridge"
