"""Uncertainty and pulls: closed forms, and what the arrows of all points add up to."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.models.mixture_reading import pulls, strongest, uncertainty


def test_uncertainty_is_zero_for_sure_and_one_for_undecided():
    shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]])
    np.testing.assert_allclose(uncertainty(shares), [0.0, 1.0, 0.5], rtol=1e-15)
    np.testing.assert_allclose(uncertainty(np.full((2, 4), 0.25)), [1.0, 1.0], rtol=1e-15)
    np.testing.assert_array_equal(uncertainty(np.ones((3, 1))), np.zeros(3))


@pytest.mark.parametrize("seed", range(5))
def test_all_pulls_together_are_the_way_of_the_mean_in_the_next_m_step(seed):
    rng = np.random.default_rng(seed)
    model = GaussianMixture(GaussianMixtureOptions(n_components=3))
    data = model.prepare(rng.standard_normal((60, 2)) * [1.0, 20.0])
    params = model.initialize(data, rng)
    found = model.e_step(data, params, latent=True)
    after = model.m_step(params, found)
    for k in range(3):
        spread = np.sqrt(np.diagonal(params.covariances[k]))
        arrows = pulls(
            data.points,
            found.latent.responsibilities[:, k],
            params.means[k],
            spread,
            found.statistics.counts[k],
        )
        way = (after.means[k] - params.means[k]) / spread
        np.testing.assert_allclose(arrows.sum(axis=0), way, rtol=1e-9, atol=1e-12)
        balanced = pulls(
            data.points,
            found.latent.responsibilities[:, k],
            after.means[k],
            spread,
            found.statistics.counts[k],
        )
        np.testing.assert_allclose(balanced.sum(axis=0), 0.0, atol=1e-12)


def test_the_strongest_are_sorted_and_never_of_length_zero():
    arrows = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0], [0.0, -2.0]])
    np.testing.assert_array_equal(strongest(arrows, 2), [1, 3])
    np.testing.assert_array_equal(strongest(arrows, 9), [1, 3, 2])
