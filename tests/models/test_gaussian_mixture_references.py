"""Other programs' answers, closed forms and classroom stories."""

import json
from pathlib import Path

import numpy as np
import pytest

from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)

ROOT = Path(__file__).parents[2]
FAITHFUL = np.loadtxt(ROOT / "assets/data/faithful.csv", delimiter=",", skiprows=1)


def reference(name):
    return json.loads((ROOT / "tests/data" / f"{name}.json").read_text())


def given(n_components, **options):
    return GaussianMixture(GaussianMixtureOptions(n_components, start="given", **options))


def close(found, wanted, rtol):
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=0.0)


def e_snapshots(model, data, params, n):
    steps = em_steps(model, data, params, RunOptions(max_iter=n, tolerance=0))
    return [s for s in steps if s.phase is Phase.E]


def test_every_step_of_mclust_on_old_faithful():
    run = reference("gmm_faithful_mclust")["runs"]["VVV_G2"]
    model = given(2)
    data = model.prepare(FAITHFUL)
    init = run["init"]
    start = GaussianMixtureParams(*(np.array(init[key]) for key in ("pro", "mean", "cov")))
    steps = e_snapshots(model, data, model.from_units(start, data), 100)
    assert len(run["trace"]) == 24
    for wanted in run["trace"]:
        found = steps[wanted["iteration"]]
        params = model.to_units(found.params, data)
        close(found.log_likelihood, wanted["loglik"], 1e-9)
        close(params.weights, wanted["pro"], 1e-9)
        close(params.means, wanted["mean"], 1e-9)
        close(params.covariances, wanted["cov"], 1e-9)


def test_mclust_converged():
    run = reference("gmm_faithful_mclust")["runs"]["VVV_G2"]
    model = given(2)
    data = model.prepare(FAITHFUL)
    start = GaussianMixtureParams(*(np.array(run["init"][key]) for key in ("pro", "mean", "cov")))
    end = fit(model, data, model.from_units(start, data), RunOptions(500, 1e-9))
    assert end.stop.reason is StopReason.CONVERGED
    close(end.expectation.log_likelihood, run["converged"]["loglik"], 1e-9)
    assert round(end.expectation.log_likelihood, 5) == -1130.26396
    posterior = model.e_step(data, end.params, latent=True).latent
    np.testing.assert_allclose(
        posterior.responsibilities[:5], run["converged"]["resp_first5"], atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "rtol"), [("gmm_500x2_k3", 1e-10), ("gmm_badscale_500x2_k3", 1e-7)]
)
def test_scikit_learn(name, rtol):
    wanted = reference(name)
    model = given(3)
    data = model.prepare(wanted["data"])
    start = GaussianMixtureParams(*(np.array(part) for part in wanted["init"].values()))
    steps = e_snapshots(model, data, model.from_units(start, data), 10)
    for m_steps, log_likelihood in wanted["total_loglik_after_m_steps"].items():
        close(steps[int(m_steps)].log_likelihood, log_likelihood, rtol)
    params = model.to_units(steps[10].params, data)
    after = wanted["params_after_10"]
    close(params.weights, after["weights"], rtol)
    np.testing.assert_allclose(
        params.means, after["means"], rtol=rtol, atol=rtol * np.abs(data.points).max()
    )
    # Each entry against the size its own row and column give it.
    spread = np.sqrt(np.diagonal(params.covariances, axis1=1, axis2=2))
    scaled = (params.covariances - after["covariances"]) / (spread[:, :, None] * spread[:, None, :])
    # At an offset of a million scikit-learn loses digits in the covariances first.
    assert np.abs(scaled).max() < (1e-10 if rtol < 1e-8 else 1e-6)


@pytest.mark.parametrize(
    ("name", "rtol"), [("gmm_500x2_k3", 1e-13), ("gmm_badscale_500x2_k3", 1e-13)]
)
def test_log_likelihood_in_long_double(name, rtol):
    wanted = reference(name)
    model = given(3)
    data = model.prepare(wanted["data"])
    start = GaussianMixtureParams(*(np.array(part) for part in wanted["init"].values()))
    found = model.e_step(data, model.from_units(start, data)).log_likelihood
    close(found, wanted["long_double_loglik_at_init"], rtol)


def test_scale_and_offset_cost_no_digits():
    """The second file is the first in other units; its own rounding is all that may differ."""
    likelihoods = []
    for name in ("gmm_500x2_k3", "gmm_badscale_500x2_k3"):
        wanted = reference(name)
        model = given(3)
        data = model.prepare(wanted["data"])
        start = GaussianMixtureParams(*(np.array(part) for part in wanted["init"].values()))
        steps = e_snapshots(model, data, model.from_units(start, data), 10)
        likelihoods.append([s.log_likelihood for s in steps])
    close(likelihoods[1], likelihoods[0], 1e-7)


def test_waiting_times_of_old_faithful():
    model = given(2)
    data = model.prepare(FAITHFUL[:, 1])
    start = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[50.0], [80.0]]), np.full((2, 1, 1), 25.0)
    )
    end = fit(model, data, model.from_units(start, data), RunOptions(500, 1e-10))
    params = model.to_units(end.params, data)
    assert round(end.expectation.log_likelihood, 4) == -1034.0017
    np.testing.assert_allclose(params.weights, [0.360887, 0.639113], atol=2e-5)
    np.testing.assert_allclose(params.means.ravel(), [54.6149, 80.0911], atol=2e-3)
    np.testing.assert_allclose(np.sqrt(params.covariances.ravel()), [5.8712, 5.8677], atol=2e-3)


def test_three_blobs():
    from sklearn.datasets import make_blobs
    from sklearn.metrics import adjusted_rand_score

    points, truth = make_blobs(n_samples=1000, centers=3, cluster_std=1.0, random_state=42)
    model = GaussianMixture(GaussianMixtureOptions(3))
    data = model.prepare(points)
    found = 0
    for seed in range(20):
        end = fit(model, data, model.initialize(data, np.random.default_rng(seed)))
        labels = model.e_step(data, end.params, latent=True).latent.hard_labels
        same = relabel(labels, align_labels(labels, truth, 3))
        if abs(end.expectation.log_likelihood + 3905.697) < 5e-4:
            found += 1
            assert adjusted_rand_score(truth, labels) == 1.0
            np.testing.assert_array_equal(same, truth)
    assert found >= 18


def singular_story(ridge):
    points = np.append(np.random.default_rng(7).standard_normal(50), 5.0)
    model = given(2, ridge=ridge)
    data = model.prepare(points)
    start = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[0.0], [5.0]]), np.array([[[1.0]], [[0.3**2]]])
    )
    return fit(model, data, model.from_units(start, data), RunOptions(200, 1e-9))


def test_a_component_collapses_on_one_point():
    end = singular_story(ridge=0.0)
    assert end.stop.reason is StopReason.SINGULAR
    assert "Component 2 has collapsed" in end.stop.message
    assert "ridge" in end.stop.message
    assert 1 <= end.n_iter <= 5
    assert np.isfinite(end.history).all()  # the last good state is kept


def test_the_ridge_rescues_it():
    end = singular_story(ridge=0.1)
    assert end.stop.reason is StopReason.CONVERGED
    assert np.all(np.diff(end.history) >= -1e-9)
    # One point of its own: (0 + 0.1) / (1 + 1), give or take the neighbours' shares.
    assert end.params.covariances[1, 0, 0] == pytest.approx(0.05, rel=0.05)


def test_one_component_is_the_sample():
    points = np.random.default_rng(1).standard_normal((40, 3)) @ np.array(
        [[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.1, -0.3, 0.4]]
    ) + [10.0, -5.0, 3.0]
    covariance = np.cov(points.T, bias=True)
    model = GaussianMixture(GaussianMixtureOptions(1))
    data = model.prepare(points)
    end = fit(model, data, model.initialize(data, np.random.default_rng(0)))
    params = model.to_units(end.params, data)
    close(params.weights, [1.0], 1e-15)
    close(params.means[0], points.mean(0), 1e-13)
    close(params.covariances[0], covariance, 1e-11)
    # log L = −N/2 (D log 2π + log|S| + D)
    wanted = -20 * (3 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 3)
    close(end.expectation.log_likelihood, wanted, 1e-13)

    ridged = GaussianMixture(GaussianMixtureOptions(1, ridge=0.7))
    end = fit(ridged, data, ridged.initialize(data, np.random.default_rng(0)))
    close(end.params.covariances[0], (40 * covariance + 0.7 * np.eye(3)) / 41, 1e-11)
