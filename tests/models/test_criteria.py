"""Information criteria against published numbers and closed forms; densities of hidden cells."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from em_explorer.data.library import load_bundled
from em_explorer.em.progress import finish
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.em.sweep import Candidate, Judged, sweep
from em_explorer.models.criteria import (
    criteria_of,
    free_parameters,
    held_out_density,
    information_criteria,
    punched_cells,
)
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
    MixtureStart,
)
from em_explorer.models.hidden_markov import EmissionType, HiddenMarkov, HiddenMarkovOptions
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.missing_data import MissingData

RUN = RunOptions(500, 1e-8)


def candidate(raw: Any, n: int, kind: CovarianceType = CovarianceType.FULL) -> Candidate:
    model = GaussianMixture(GaussianMixtureOptions(n, kind, start=MixtureStart.RANDOM_POINTS))
    data = model.prepare(raw)
    judge = partial(criteria_of, model, data)
    return Candidate(kind.value, n, f"{n} components", model, data, judge, n_starts=5)


def test_the_likelihood_of_old_faithful_always_rises_and_bic_turns_at_two() -> None:
    raw = load_bundled("old-faithful").values
    found = finish(sweep([candidate(raw, n) for n in range(1, 6)], RUN))
    likelihoods = [judged.criteria.log_likelihood for judged in found]
    assert likelihoods == sorted(likelihoods)
    bics = [judged.criteria.bic for judged in found]
    assert int(np.argmin(bics)) + 1 == 2
    assert bics[1] == pytest.approx(2322.192, abs=5e-3)  # mclust, VVV, 2 components, sign turned
    assert bics[1] == pytest.approx(-2 * -1130.2640 + 11 * np.log(272), abs=1e-3)
    assert all(j.criteria.icl >= j.criteria.bic for j in found)
    assert found[0].criteria.icl == pytest.approx(found[0].criteria.bic)  # nothing is unsure


def test_three_equal_ellipses_are_the_best_of_all_shapes_for_old_faithful() -> None:
    raw = load_bundled("old-faithful").values
    kinds = (CovarianceType.FULL, CovarianceType.TIED, CovarianceType.SPHERICAL)
    found = finish(sweep([candidate(raw, n, k) for k in kinds for n in (2, 3)], RUN))
    best = min(found, key=lambda judged: judged.criteria.bic)
    assert (best.candidate.line, best.candidate.x) == ("tied", 3)
    assert best.criteria.bic == pytest.approx(2314.3, abs=0.5)  # mclust's EEE, 3


def test_a_candidate_that_always_collapses_says_why() -> None:
    raw = np.repeat(np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 2.0], [9.0, 9.0]]), 2, axis=0)
    (judged,) = finish(sweep([candidate(raw, 4)], RUN))
    assert isinstance(judged, Judged)
    assert judged.end is None
    assert judged.criteria is None
    assert judged.words


def test_the_sweep_tells_of_each_candidate() -> None:
    raw = load_bundled("old-faithful").values
    told = list(sweep([candidate(raw, n) for n in (1, 2)], RUN))
    assert [p.partial.candidate.x for p in told if p.partial is not None] == [1, 2]
    shares = [p.share for p in told]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (CovarianceType.FULL, 2 + 6 + 9),
        (CovarianceType.TIED, 2 + 6 + 3),
        (CovarianceType.DIAGONAL, 2 + 6 + 6),
        (CovarianceType.SPHERICAL, 2 + 6 + 3),
    ],
)
def test_free_parameters_of_a_mixture(kind: CovarianceType, expected: int) -> None:
    model = GaussianMixture(GaussianMixtureOptions(3, kind))
    data = model.prepare(np.random.default_rng(0).standard_normal((30, 2)))
    params = model.initialize(data, np.random.default_rng(0))
    assert free_parameters(model, params) == expected


@pytest.mark.parametrize(
    ("emission", "expected"),
    [
        (EmissionType.CATEGORICAL, 2 + 6 + 3 * 4),
        (EmissionType.POISSON, 2 + 6 + 3),
        (EmissionType.GAUSSIAN, 2 + 6 + 3 * 2),
    ],
)
def test_free_parameters_of_a_chain(emission: EmissionType, expected: int) -> None:
    model = HiddenMarkov(HiddenMarkovOptions(n_states=3, emission=emission, n_symbols=5))
    data = model.prepare(np.random.default_rng(0).integers(0, 5, size=60))
    params = model.initialize(data, np.random.default_rng(0))
    assert free_parameters(model, params) == expected


def test_a_table_with_holes_has_a_mean_and_a_triangle() -> None:
    model = MissingData()
    data = model.prepare(load_bundled("airquality").values)
    params = model.initialize(data, np.random.default_rng(0))
    n = data.shape[1]
    assert free_parameters(model, params) == n + n * (n + 1) // 2


def test_topics_have_no_count_and_keep_their_bound() -> None:
    model = LatentDirichlet(LatentDirichletOptions(n_topics=2))
    data = model.prepare(np.random.default_rng(7).integers(0, 4, size=(6, 8)))
    done = fit(model, data, model.initialize(data, np.random.default_rng(0)), RUN)
    assert free_parameters(model, done.params) is None
    found = criteria_of(model, data, done.params)
    assert found.bic is None
    # A fresh E-step may end a little apart from the one EM carried on.
    assert found.log_likelihood == pytest.approx(done.history[-1], abs=0.05)


def test_criteria_by_their_formulas() -> None:
    found = information_criteria(-100.0, 7, 50, 3.0)
    assert (found.aic, found.bic) == (214.0, pytest.approx(200.0 + 7 * np.log(50)))
    assert found.icl == pytest.approx(200.0 + 7 * np.log(50) + 6.0)


def test_hidden_cells_leave_something_in_every_row() -> None:
    rng = np.random.default_rng(0)
    table = rng.standard_normal((200, 4))
    table[rng.random(table.shape) < 0.4] = np.nan
    punched = punched_cells(table, 0.1, rng)
    seen, left = (~np.isnan(table)).sum(axis=1), (~np.isnan(punched)).sum(axis=1)
    assert np.all(left[seen > 0] > 0)
    assert set(seen - left) == {0, 1}
    assert (seen - left).sum() == pytest.approx(0.1 * seen.sum(), rel=0.35)
    kept = ~np.isnan(punched)
    np.testing.assert_array_equal(punched[kept], table[kept])


def test_the_density_of_hidden_cells_is_the_conditional_normals() -> None:
    rng = np.random.default_rng(1)
    table = rng.multivariate_normal([10.0, 20.0], [[2.0, 1.2], [1.2, 3.0]], size=80)
    punched = table.copy()
    punched[:20, 1] = np.nan
    model = MissingData()
    whole, rest = model.prepare(table), model.prepare(punched)
    done = fit(model, rest, model.initialize(rest, rng), RUN)
    assert done.stop.reason is StopReason.CONVERGED
    found = held_out_density(model, done.params, whole, rest, 20)
    shown = model.to_units(done.params, rest)
    joint = multivariate_normal(shown.mean, shown.covariance).logpdf(table[:20])
    margin = multivariate_normal(shown.mean[0], shown.covariance[0, 0]).logpdf(table[:20, 0])
    assert found == pytest.approx(float(np.mean(joint - margin)), abs=1e-9)
