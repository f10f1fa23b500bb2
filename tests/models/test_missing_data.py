"""The missing-data model against norm, norm2, lavaan, mvnmle, a textbook loop and closed forms."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.models.conditionals import regression
from em_explorer.models.missing_data import (
    MissingData,
    MissingDataOptions,
    MissingDataParams,
    MissingDataStart,
    draw,
)
from em_explorer.models.patterns import STACK, framed, group_patterns

DATA = Path(__file__).parents[1] / "data"
MVN = json.loads((DATA / "mvn_ml.json").read_text())["results"]
NAN = np.nan
MURRAY = np.array(
    [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    + [(2, NAN)] * 2
    + [(-2, NAN)] * 2
    + [(NAN, 2)] * 2
    + [(NAN, -2)] * 2
)


def rng(seed=0):
    return np.random.default_rng(seed)


def with_holes(n_rows, n_columns, rate, seed, empty_rows=0):
    """Correlated normals with holes, every column seen at least twice."""
    random = rng(seed)
    table = random.normal(size=(n_rows, n_columns)) @ random.normal(size=(n_columns, n_columns))
    table += random.normal(size=n_columns) * 3
    table[random.random(table.shape) < rate] = NAN
    for j in range(n_columns):
        if np.isfinite(table[:, j]).sum() < 2:
            table[:2, j] = random.normal(size=2)
    if empty_rows:
        table = np.vstack([table, np.full((empty_rows, n_columns), NAN)])
    return table


def started(table, **options):
    model = MissingData(MissingDataOptions(**options))
    data = model.prepare(table)
    return model, data, model.initialize(data, rng(1))


def given(table, mean, covariance):
    model = MissingData(MissingDataOptions(start=MissingDataStart.GIVEN))
    data = model.prepare(table)
    params = MissingDataParams(np.array(mean, dtype=float), np.array(covariance, dtype=float))
    return model, data, model.from_units(params, data)


def random_params(n_columns, seed):
    factor = rng(seed).normal(size=(n_columns, n_columns + 2))
    return MissingDataParams(rng(seed + 1).normal(size=n_columns), factor @ factor.T)


def published(name):
    expected = MVN[name]
    with (DATA / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = [[r[c] for c in expected["columns"]] for r in rows]
    return np.array([[NAN if c in ("NA", "") else float(c) for c in r] for r in cells]), expected


def scaled_error(found, expected):
    """Largest error of a covariance, each entry beside the two standard deviations it joins."""
    expected = np.asarray(expected)
    spread = np.sqrt(np.diagonal(expected))
    return np.abs((found - expected) / np.outer(spread, spread)).max()


def textbook(table, mean, covariance):
    """Little & Rubin's E-step row by row: sums, log-likelihood, entropy, filled rows, their SDs."""
    n_columns = len(mean)
    filled, added = table.copy(), np.zeros((n_columns, n_columns))
    deviations = np.zeros(table.shape)
    log_likelihood = entropy = 0.0
    for row, values in enumerate(table):
        o, m = np.isfinite(values), np.isnan(values)
        slopes = covariance[np.ix_(m, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
        residual = covariance[np.ix_(m, m)] - slopes @ covariance[np.ix_(o, m)]
        filled[row, m] = mean[m] + slopes @ (values[o] - mean[o])
        deviations[row, m] = np.sqrt(np.diagonal(residual))
        if not o.any():
            continue
        added[np.ix_(m, m)] += residual
        apart, seen = values[o] - mean[o], covariance[np.ix_(o, o)]
        log_likelihood -= 0.5 * (
            np.linalg.slogdet(2 * np.pi * seen)[1] + apart @ np.linalg.solve(seen, apart)
        )
        entropy += 0.5 * np.linalg.slogdet(2 * np.pi * np.e * residual)[1]
    used = filled[np.isfinite(table).any(axis=1)]
    apart = used - used.mean(axis=0)
    return used.mean(axis=0), apart.T @ apart + added, log_likelihood, entropy, filled, deviations


# Other people's programs


@pytest.mark.parametrize("name", MVN)
def test_every_step_of_norm(name):
    table, expected = published(name)
    model, data, params = started(table)
    trace = expected["norm_trace"]["steps"]
    run = RunOptions(max_iter=len(trace) - 1, tolerance=0)
    found = [s for s in em_steps(model, data, params, run) if s.phase is Phase.E]
    assert len(found) == len(trace) == 31
    for snapshot, step in zip(found, trace, strict=True):
        assert snapshot.iteration == step["iteration"]
        shown = model.to_units(snapshot.params, data)
        np.testing.assert_allclose(shown.mean, step["mean"], rtol=1e-8)
        np.testing.assert_allclose(shown.covariance, step["cov"], rtol=1e-8)
        assert snapshot.log_likelihood == pytest.approx(step["loglik"], rel=1e-8)
        assert snapshot.bound == pytest.approx(step["loglik"], rel=1e-8)


@pytest.mark.parametrize("name", MVN)
def test_maximum_likelihood_of_four_programs(name):
    table, expected = published(name)
    model, data, params = started(table)
    found = fit(model, data, params, RunOptions(max_iter=200, tolerance=0))
    shown = model.to_units(found.params, data)
    for program in ("norm_em", "norm2_em"):
        np.testing.assert_allclose(shown.mean, expected[program]["mean"], rtol=1e-8)
        np.testing.assert_allclose(shown.covariance, expected[program]["cov"], rtol=1e-8)
        assert found.history[-1] == pytest.approx(expected[program]["loglik_mvtnorm"], rel=1e-8)
    # These two stopped a little short of the maximum, as their likelihoods say.
    for program in ("lavaan_fiml", "mvnmle"):
        np.testing.assert_allclose(shown.mean, expected[program]["mean"], rtol=1e-5)
        assert scaled_error(shown.covariance, expected[program]["cov"]) < 2e-5

    constants = 0.5 * data.observed.sum() * np.log(2 * np.pi)
    standardized = 0.5 * (data.observed.sum(axis=0) * np.log(data.variances)).sum()
    at_end = found.history[-1] + constants
    assert at_end == pytest.approx(expected["norm2_em"]["pkg_loglik_last"], rel=1e-8)
    norm = expected["norm_em"]["loglik_norm_pkg"]
    assert at_end + standardized == pytest.approx(norm, rel=1e-8)


@pytest.mark.parametrize("program", ["norm_em", "norm2_em", "lavaan_fiml", "mvnmle"])
@pytest.mark.parametrize("name", MVN)
def test_likelihood_at_their_parameters(name, program):
    table, expected = published(name)
    theirs = expected[program]
    covariance = np.array(theirs["cov"])
    model, data, params = given(table, theirs["mean"], 0.5 * (covariance + covariance.T))
    at_theirs = theirs.get("loglik_mvtnorm", theirs.get("loglik"))
    assert model.e_step(data, params).log_likelihood == pytest.approx(at_theirs, rel=1e-10)
    if "minus2loglik_pkg" in theirs:
        constants = 0.5 * data.observed.sum() * np.log(2 * np.pi)
        assert at_theirs + constants == pytest.approx(-0.5 * theirs["minus2loglik_pkg"], rel=1e-8)


@pytest.mark.parametrize("name", MVN)
def test_conditional_means_at_the_maximum(name):
    table, expected = published(name)
    ml = expected["norm_em"]
    model, data, params = given(table, ml["mean"], ml["cov"])
    posterior = model.e_step(data, params, latent=True).latent
    filled = posterior.imputed_in_units(data)
    in_units = model.to_units(params, data)
    cells = expected["conditional_means_at_norm_mle"]
    assert len(cells) == expected["conditional_means_total_rows"]
    assert len(cells) == (~data.observed.all(axis=1)).sum()
    for cell in cells:
        row, columns = cell["row"] - 1, np.atleast_1d(cell["cols"]) - 1
        np.testing.assert_allclose(filled[row, columns], np.atleast_1d(cell["mean"]), rtol=1e-8)
        behind = regression(in_units.mean, in_units.covariance, data.observed[row])
        assert behind.missing_columns.tolist() == columns.tolist()
        by_hand = behind.intercept + behind.coefficients @ table[row, behind.observed_columns]
        np.testing.assert_allclose(by_hand, np.atleast_1d(cell["mean"]), rtol=1e-8)
        deviations = np.sqrt(np.diagonal(behind.conditional_covariance))
        np.testing.assert_allclose(posterior.standard_deviations[row, columns], deviations)


def test_row_by_row_reference():
    reference = json.loads((DATA / "impute_200x3.json").read_text())
    table = np.array(reference["data"], dtype=float)
    model, data, params = given(table, reference["init"]["mean"], reference["init"]["cov"])
    found = fit(model, data, params, RunOptions(max_iter=10, tolerance=0))
    for m_steps, expected in reference["observed_loglik_after_m_steps"].items():
        assert found.history[int(m_steps)] == pytest.approx(expected, rel=1e-10)
    shown, expected = model.to_units(found.params, data), reference["params_after_10"]
    np.testing.assert_allclose(shown.mean, expected["mean"], rtol=1e-10)
    np.testing.assert_allclose(shown.covariance, expected["cov"], rtol=1e-10)
    assert reference["init"]["mean"] == pytest.approx(data.center, rel=1e-12)


# Brute force and closed forms


@pytest.mark.parametrize("n_columns", [1, 2, 4])
def test_textbook_e_step(n_columns):
    table = with_holes(60, n_columns, 0.4, seed=n_columns, empty_rows=3)
    params = random_params(n_columns, 7)
    model, data, params = given(table, params.mean, params.covariance)
    found = model.e_step(data, params, latent=True)
    mean, scatter, log_likelihood, entropy, filled, deviations = textbook(
        data.values, params.mean, params.covariance
    )
    np.testing.assert_allclose(found.statistics.means[0], mean, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.statistics.scatter[0], scatter, rtol=1e-11, atol=1e-11)
    assert found.statistics.counts[0] == np.isfinite(table).any(axis=1).sum()
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    assert found.entropy == pytest.approx(entropy, rel=1e-12)
    np.testing.assert_allclose(found.latent.imputed, filled, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.latent.standard_deviations, deviations, rtol=1e-11)
    np.testing.assert_array_equal(found.latent.observed, np.isfinite(table))
    # The bound touches the likelihood: q is the posterior.
    assert model.bound(params, found) == pytest.approx(log_likelihood, rel=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_m_step_is_the_maximum(ridge):
    """Finite differences of the bound vanish at the M-step, and the bound is lower around it."""
    model, data, params = started(with_holes(50, 3, 0.3, seed=5), ridge=ridge)
    expectation = model.e_step(data, params)
    best = model.m_step(params, expectation)
    top = model.bound(best, expectation)
    step, tried = 1e-5, 0
    for i, j in itertools.combinations_with_replacement(range(3), 2):
        move = np.zeros((3, 3))
        move[i, j] = move[j, i] = step
        up = model.bound(MissingDataParams(best.mean, best.covariance + move), expectation)
        down = model.bound(MissingDataParams(best.mean, best.covariance - move), expectation)
        assert abs(up - down) / (2 * step) < 1e-5
        assert up + down < 2 * top
        tried += 1
    for i in range(3):
        up = model.bound(
            MissingDataParams(best.mean + step * np.eye(3)[i], best.covariance), expectation
        )
        down = model.bound(
            MissingDataParams(best.mean - step * np.eye(3)[i], best.covariance), expectation
        )
        assert abs(up - down) / (2 * step) < 1e-5
        tried += 1
    assert tried == 9


def test_complete_data_are_solved_in_one_step():
    table = rng(3).normal(size=(40, 3)) @ rng(4).normal(size=(3, 3)) + 5
    model, data, params = started(table)
    found = fit(model, data, params)
    assert found.stop.reason is StopReason.CONVERGED
    assert found.n_iter == 2
    np.testing.assert_allclose(model.to_units(found.params, data).mean, table.mean(axis=0))
    np.testing.assert_allclose(found.params.covariance, np.cov(table.T, bias=True), rtol=1e-12)
    assert found.expectation.entropy == 0.0


def test_one_column():
    table = np.array([[1.0], [NAN], [3.0], [8.0], [NAN]])
    model, data, params = started(table)
    found = fit(model, data, params)
    assert found.stop.reason is StopReason.CONVERGED
    assert model.to_units(found.params, data).mean == pytest.approx([4.0])
    assert found.params.covariance[0, 0] == pytest.approx(26 / 3)
    filled = model.e_step(data, found.params, latent=True).latent
    assert filled.imputed_in_units(data)[1] == pytest.approx([4.0])
    assert filled.standard_deviations.ravel() ** 2 == pytest.approx([0, 26 / 3, 0, 0, 26 / 3])


def test_monotone_pattern_has_a_closed_form():
    """With x2 missing in some rows: regress x2 on x1 among the complete rows (Anderson 1957)."""
    table = rng(8).normal(size=(80, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]]) + [3, -1]
    table[50:, 1] = NAN
    model, data, params = started(table)
    found = fit(model, data, params, RunOptions(max_iter=500, tolerance=1e-15))
    shown = model.to_units(found.params, data)
    x1, y1, y2 = table[:, 0], table[:50, 0], table[:50, 1]
    slope = np.cov(y1, y2, bias=True)[0, 1] / y1.var()
    residual = y2.var() - slope**2 * y1.var()
    expected_mean = [x1.mean(), y2.mean() + slope * (x1.mean() - y1.mean())]
    cross = slope * x1.var()
    np.testing.assert_allclose(shown.mean, expected_mean, rtol=1e-7)
    np.testing.assert_allclose(
        shown.covariance, [[x1.var(), cross], [cross, residual + slope * cross]], rtol=1e-6
    )


def test_murray_saddle_stalls_and_a_nudge_frees_it():
    model, data, params = started(MURRAY)
    stalled = fit(model, data, params)
    assert stalled.stop.reason is StopReason.STALLED
    assert stalled.history[-1] == pytest.approx(-30.0333, abs=5e-5)
    signs = set()
    for seed in range(6):
        moved = model.nudge(params, rng(seed), 1e-3)
        found = fit(model, data, moved, RunOptions(max_iter=2000, tolerance=1e-14))
        assert found.stop.reason is StopReason.CONVERGED
        assert found.history[-1] == pytest.approx(-29.97429, abs=5e-6)
        covariance = found.params.covariance
        correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        assert abs(correlation) == pytest.approx(0.5, abs=1e-5)
        signs.add(np.sign(correlation))
    assert signs == {-1.0, 1.0}


# Properties


MONOTONE_PROBLEMS = 200


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_bound_never_falls(ridge):
    """Each half-step of 200 random problems, to 1e-9 relative, and the bound is the likelihood."""
    half_steps = problems = 0
    starts = [s for s in MissingDataStart if s is not MissingDataStart.GIVEN]
    for seed in range(MONOTONE_PROBLEMS):
        random = rng(seed)
        n_columns = int(random.integers(1, 6))
        n_rows = int(random.integers(8 * n_columns, 60 + 8 * n_columns))
        table = with_holes(n_rows, n_columns, random.uniform(0, 0.45), seed, seed % 3)
        table = table * 10.0 ** random.uniform(-2, 3, n_columns) + random.normal() * 100
        model = MissingData(MissingDataOptions(ridge=ridge))
        data = model.prepare(table)
        kind = starts[seed % len(starts)]
        if kind is MissingDataStart.COMPLETE_CASES and (
            data.complete is None or data.complete.counts[0] < 2 * n_columns
        ):
            kind = MissingDataStart.RANDOM
        model = MissingData(MissingDataOptions(start=kind, ridge=ridge))
        params = model.initialize(data, random)
        before = -np.inf
        for snapshot in em_steps(model, data, params, RunOptions(max_iter=12, tolerance=0)):
            if snapshot.bound is None:
                continue
            assert snapshot.bound >= before - 1e-9 * (1 + abs(before) if np.isfinite(before) else 1)
            before = snapshot.bound
            if snapshot.phase is Phase.E:
                exact = snapshot.log_likelihood + model.log_prior(snapshot.params)
                assert snapshot.bound == pytest.approx(exact, rel=1e-11, abs=1e-9)
            half_steps += 1
        problems += 1
    assert problems == MONOTONE_PROBLEMS
    assert half_steps == MONOTONE_PROBLEMS * (1 + 2 * 12)


def test_chunks_merge():
    table = with_holes(90, 4, 0.35, seed=2, empty_rows=4)[rng(0).permutation(94)]
    model, data, params = started(table, start="random")
    whole = model.e_step(data, params)
    chunks = [data.chunk(rows) for rows in np.array_split(np.arange(94), 5)]
    merged = model.e_step(chunks[0], params)
    for chunk in chunks[1:]:
        merged = merged + model.e_step(chunk, params)
    assert merged.statistics.counts[0] == whole.statistics.counts[0]
    np.testing.assert_allclose(merged.statistics.means, whole.statistics.means, rtol=1e-12)
    np.testing.assert_allclose(merged.statistics.scatter, whole.statistics.scatter, rtol=1e-12)
    assert merged.entropy == pytest.approx(whole.entropy, rel=1e-12)
    assert merged.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    empty = model.e_step(data.chunk(data.empty_rows), params)
    assert (empty.statistics.counts[0], empty.entropy, empty.log_likelihood) == (0.0, 0.0, 0.0)


def fitted(table):
    model, data, params = started(table)
    found = fit(model, data, params, RunOptions(max_iter=15, tolerance=0))
    shown = model.to_units(found.params, data)
    return found.history[-1], shown.mean, shown.covariance


def test_row_order_does_not_matter():
    table = with_holes(70, 3, 0.3, seed=11, empty_rows=2)
    for one, other in zip(fitted(table), fitted(table[rng(5).permutation(72)]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)


def test_column_order_does_not_matter():
    table, order = with_holes(70, 4, 0.3, seed=12), [2, 0, 3, 1]
    likelihood, mean, covariance = fitted(table)
    likelihood_2, mean_2, covariance_2 = fitted(table[:, order])
    assert likelihood_2 == pytest.approx(likelihood, rel=1e-11)
    np.testing.assert_allclose(mean_2, mean[order], rtol=1e-11)
    np.testing.assert_allclose(covariance_2, covariance[np.ix_(order, order)], rtol=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_shift_and_scale(shift):
    table = with_holes(70, 3, 0.3, seed=13)
    scale = np.array([1e-3, 1.0, 250.0])
    likelihood, mean, covariance = fitted(table)
    moved = fitted(table * scale + shift)
    loss = (np.isfinite(table).sum(axis=0) * np.log(scale)).sum()
    # An offset of 1e6 beside a spread of 1e-3 leaves about six digits in the data themselves.
    digits = 1e-9 if shift == 0 else 1e-6
    assert moved[0] == pytest.approx(likelihood - loss, rel=digits)
    np.testing.assert_allclose(moved[1], mean * scale + shift, rtol=digits)
    np.testing.assert_allclose(
        moved[2], covariance * np.outer(scale, scale), rtol=digits, atol=digits * scale[0] ** 2
    )


@pytest.mark.parametrize("n_columns", [14, 70])
def test_grouping_serves_more_patterns_than_a_stack_holds(n_columns):
    table = rng(1).normal(size=(4000, n_columns))
    table[rng(2).random(table.shape) < 7 / n_columns] = NAN
    table[:9, 3:] = NAN
    stacks, empty = group_patterns(table)
    rows = [r for stack in stacks for pattern in stack.rows for r in pattern] + list(empty)
    assert sorted(rows) == list(range(4000))
    assert max(len(stack.rows) for stack in stacks) <= STACK
    for stack in stacks:
        for order, chosen in zip(stack.order, stack.rows, strict=True):
            seen = np.isfinite(table[chosen])
            assert seen[:, order[: stack.n_observed]].all()
            assert not seen[:, order[stack.n_observed :]].any()


def test_recipe_with_wholly_missing_rows():
    """1,000 draws with a fifth of the cells missing: EM's error .780 against .935 of mean fill."""
    covariance = np.array([[1, 0.5, 0.3], [0.5, 1, 0.2], [0.3, 0.2, 1]])
    legacy = np.random.RandomState(42)
    truth = legacy.multivariate_normal(np.zeros(3), covariance, 1000)
    holes = legacy.rand(1000, 3) < 0.2
    table = np.where(holes, NAN, truth)
    assert holes.all(axis=1).sum() == 7
    model, data, params = started(table)
    found = fit(model, data, params, RunOptions(tolerance=1e-9))
    assert found.stop.reason is StopReason.CONVERGED
    posterior = model.e_step(data, found.params, latent=True).latent
    filled = posterior.imputed_in_units(data)
    assert ((filled - truth)[holes] ** 2).mean() == pytest.approx(0.780, abs=0.001)
    by_mean = np.where(holes, np.nanmean(table, axis=0), truth)
    assert ((by_mean - truth)[holes] ** 2).mean() == pytest.approx(0.935, abs=0.001)
    shown = model.to_units(found.params, data)
    empty = holes.all(axis=1)
    np.testing.assert_array_equal(filled[empty], np.tile(shown.mean, (7, 1)))
    np.testing.assert_allclose(
        posterior.standard_deviations[empty] ** 2, np.tile(np.diag(shown.covariance), (7, 1))
    )


def test_draws_have_the_conditional_moments():
    row = np.array([[1.5, NAN, NAN], [NAN, NAN, NAN], [0.3, 0.1, -0.2]])
    params = random_params(3, 21)
    data = framed(np.repeat(row, 40_000, axis=0), np.zeros(3), ("a", "b", "c"))
    drawn = draw(data, params, rng(0))
    np.testing.assert_array_equal(drawn[data.observed], data.values[data.observed])
    behind = regression(params.mean, params.covariance, [True, False, False])
    part = drawn[:40_000, 1:]
    expected = behind.intercept + behind.coefficients @ [1.5]
    error = np.sqrt(np.diag(behind.conditional_covariance) / 40_000)
    assert (np.abs(part.mean(axis=0) - expected) < 4 * error).all()
    assert scaled_error(np.cov(part.T), behind.conditional_covariance) < 0.03
    assert scaled_error(np.cov(drawn[40_000:80_000].T), params.covariance) < 0.03
    np.testing.assert_array_equal(drawn, draw(data, params, rng(0)))


def test_sample():
    params = random_params(3, 4)
    drawn = MissingData().sample(params, 50_000, rng(0))
    assert scaled_error(np.cov(drawn.T), params.covariance) < 0.03
    error = np.sqrt(np.diag(params.covariance) / 50_000)
    assert (np.abs(drawn.mean(axis=0) - params.mean) < 4 * error).all()


# Starts, priors, frames


def test_starts():
    table = with_holes(60, 3, 0.3, seed=9)
    model, data, available = started(table)
    np.testing.assert_allclose(model.to_units(available, data).mean, np.nanmean(table, axis=0))
    np.testing.assert_allclose(available.covariance, np.diag(np.nanvar(table, axis=0)))

    model, data, complete = started(table, start=MissingDataStart.COMPLETE_CASES)
    rows = table[np.isfinite(table).all(axis=1)]
    np.testing.assert_allclose(model.to_units(complete, data).mean, rows.mean(axis=0))
    np.testing.assert_allclose(complete.covariance, np.cov(rows.T, bias=True), rtol=1e-12)

    model, data, one = started(table, start=MissingDataStart.RANDOM)
    np.testing.assert_array_equal(one.covariance, model.initialize(data, rng(1)).covariance)
    other = model.initialize(data, rng(2))
    assert not np.allclose(one.covariance, other.covariance)
    np.testing.assert_allclose(np.diag(one.covariance), np.nanvar(table, axis=0))
    ends = [
        fit(model, data, p, RunOptions(max_iter=500, tolerance=1e-13)).history[-1]
        for p in (available, complete, one, other)
    ]
    assert np.ptp(ends) < 1e-6


def test_given_start_asks_for_parameters():
    with pytest.raises(DataError, match="give a mean and a covariance"):
        started(MURRAY, start=MissingDataStart.GIVEN)


def test_complete_cases_need_enough_rows():
    table = np.array([[1.0, 2, 3], [2, 1, NAN], [NAN, 4, 1], [3, 5, 9], [2, NAN, 2]])
    with pytest.raises(DataError, match="2 complete rows are too few"):
        started(table, start=MissingDataStart.COMPLETE_CASES)
    with pytest.raises(DataError, match="No row is complete"):
        started(MURRAY[4:], start=MissingDataStart.COMPLETE_CASES)


def test_units_there_and_back():
    model, data, params = started(with_holes(40, 3, 0.2, seed=6), start="random")
    back = model.from_units(model.to_units(params, data), data)
    np.testing.assert_allclose(back.mean, params.mean, atol=1e-13)
    np.testing.assert_array_equal(back.covariance, params.covariance)


@pytest.mark.parametrize(
    ("mean", "covariance", "words"),
    [
        ([0, 0, 0], np.eye(3), "2 columns"),
        ([0, 0], np.eye(3), "2 columns"),
        ([0, NAN], np.eye(2), "finite"),
        ([0, 0], [[1, 0.5], [0.2, 1]], "not symmetric"),
    ],
)
def test_given_parameters_are_checked(mean, covariance, words):
    with pytest.raises(DataError, match=words):
        given(MURRAY, mean, covariance)


def test_prior_keeps_the_covariance_off_the_edge():
    table = rng(2).normal(size=(30, 2))
    table = np.column_stack([table, table.sum(axis=1)])
    table[::4, 0] = NAN
    model, data, params = started(table)
    found = fit(model, data, params, RunOptions(max_iter=5000, tolerance=0))
    assert found.stop.reason is StopReason.SINGULAR
    assert "column 1, column 2, column 3 determine one another" in found.stop.message
    assert np.isfinite(found.params.covariance).all()
    assert np.isfinite(found.history).all()
    model, data, params = started(table, ridge=0.1)
    found = fit(model, data, params)
    assert found.stop.reason is StopReason.CONVERGED
    assert np.linalg.eigvalsh(found.params.covariance)[0] > 0.1 / (3 * 31)


def test_constant_column():
    table = with_holes(30, 3, 0.2, seed=3)
    table[:, 1] = np.where(np.isfinite(table[:, 1]), 7.0, NAN)
    model, data, params = started(table)
    with pytest.raises(SingularError, match="variance of column 2 is zero"):
        model.e_step(data, params)
    with pytest.raises(SingularError, match="set a ridge"):
        fit(model, data, params)
    model, data, params = started(table, ridge=0.5)
    found = fit(model, data, params)
    assert found.stop.reason is StopReason.CONVERGED
    filled = model.e_step(data, found.params, latent=True).latent.imputed_in_units(data)
    np.testing.assert_allclose(filled[:, 1], 7.0)


def test_indefinite_covariance_is_singular():
    model, data, params = given(MURRAY, [0, 0], [[1, 2], [2, 1]])
    with pytest.raises(SingularError, match="determine one another"):
        model.e_step(data, params)


def test_one_part_only():
    model, data, params = started(MURRAY)
    assert model.permuted(params, [0]) is params
    with pytest.raises(DataError, match="one normal"):
        model.permuted(params, [1, 0])
    assert model.symmetry(params) is None
    assert model.n_observations(data) == 12


def test_nudge_stays_valid():
    params = MissingDataParams(np.zeros(3), np.diag([1.0, 1e-8, 1e8]))
    for seed, size in itertools.product(range(20), [1e-6, 1e-2, 10.0]):
        moved = MissingData().nudge(params, rng(seed), size)
        np.linalg.cholesky(moved.covariance)
        np.testing.assert_array_equal(moved.covariance, moved.covariance.T)
        assert moved.covariance[0, 1] != 0


# What prepare takes and refuses


def test_prepare_takes_none_masks_and_frames():
    import pandas as pd

    expected = MissingData().prepare([[1, NAN], [2, 5], [4, 1]])
    frame = pd.DataFrame({"a": [1, 2, 4], "b": pd.array([None, 5, 1], dtype="Int64")})
    masked = np.ma.array([[1, 9], [2, 5], [4, 1]], mask=[[0, 1], [0, 0], [0, 0]])
    for raw in ([[1, None], [2, 5], [4, 1]], frame, masked):
        data = MissingData().prepare(raw)
        np.testing.assert_array_equal(data.values, expected.values)
        np.testing.assert_array_equal(data.observed, [[True, False], [True, True], [True, True]])
    assert MissingData().prepare(frame).columns == ("a", "b")
    assert not expected.values.flags.writeable


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[1.0, NAN], [2.0, NAN]], "Nothing was observed in column 2"),
        ([[1.0, np.inf], [2.0, 3.0]], "infinite value in column 2"),
        ([[1.0, 1e200], [2.0, 3.0]], "squares overflow"),
        ([["1.0", "2.0"], ["2.0", "3.0"]], "must hold numbers"),
        ([[1.0, "x"], [2.0, None]], "must hold numbers"),
        (np.array([[1.0, "x"], [2.0, None]], dtype=object), "must hold numbers"),
        ([[1.0, 2.0], [3.0]], "all rows of one length"),
        ([[1.0 + 2j, 2.0]], "must hold numbers"),
        ([1.0, 2.0], "rows and columns"),
        (np.empty((0, 3)), "rows and columns"),
        (np.empty((3, 0)), "rows and columns"),
        (5.0, "rows and columns"),
        (None, "must hold numbers|rows and columns"),
    ],
)
def test_prepare_refuses(raw, words):
    with pytest.raises(DataError, match=words):
        MissingData().prepare(raw)


def test_column_is_called_by_its_name():
    import pandas as pd

    with pytest.raises(DataError, match="Nothing was observed in Ozone"):
        MissingData().prepare(pd.DataFrame({"Wind": [1.0, 2.0], "Ozone": [NAN, NAN]}))


def test_ridge_is_checked():
    with pytest.raises(DataError, match="ridge must be at least 0"):
        MissingDataOptions(ridge=-1.0)
