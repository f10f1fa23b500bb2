"""Parts of two fits matched, and fits compared, for every kind of parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureParams
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovParams,
    PoissonEmission,
)
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletParams
from em_explorer.models.matching import aligned_difference, difference, match_parts
from em_explorer.models.missing_data import MissingData, MissingDataParams


def random_params(kind: str, rng: np.random.Generator, k: int = 4) -> tuple[Any, Any]:
    means = 5 * rng.standard_normal((k, 2))
    roots = rng.standard_normal((k, 2, 2)) + 2 * np.eye(2)
    covariances = roots @ roots.swapaxes(1, 2)
    if kind == "mixture":
        return GaussianMixture(), GaussianMixtureParams(
            rng.dirichlet(np.ones(k)), means, covariances
        )
    if kind == "topics":
        return LatentDirichlet(), LatentDirichletParams(rng.gamma(0.5, size=(k, 12)) + 0.01)
    emission: Any = {
        "symbols": lambda: CategoricalEmission(rng.dirichlet(np.ones(6), size=k)),
        "vectors": lambda: GaussianEmission(means, covariances),
        "counts": lambda: PoissonEmission(rng.gamma(3.0, 5.0, size=k)),
    }[kind]()
    transition = rng.dirichlet(np.ones(k), size=k)
    return HiddenMarkov(), HiddenMarkovParams(rng.dirichlet(np.ones(k)), transition, emission)


KINDS = ("mixture", "topics", "symbols", "vectors", "counts")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_renumbered_fit_is_recognized(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, params = random_params(kind, rng)
    order = rng.permutation(4)
    shuffled = model.permuted(params, order)
    found = match_parts(shuffled, params)
    np.testing.assert_array_equal(order[found], np.arange(4))
    assert aligned_difference(model, shuffled, params) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_two_fits_that_have_nothing_in_common_differ(kind: str) -> None:
    model, one = random_params(kind, np.random.default_rng(1))
    _, other = random_params(kind, np.random.default_rng(2))
    assert aligned_difference(model, one, other) > 0.3


def test_differences_are_in_standard_deviations_and_total_variation() -> None:
    weights, means, covariances = np.array([0.5, 0.5]), np.array([[0.0], [9.0]]), np.array([4.0, 1])
    one = GaussianMixtureParams(weights, means, covariances[:, None, None])
    moved = GaussianMixtureParams(
        weights, means + np.array([[1.0], [0.0]]), covariances[:, None, None]
    )
    assert difference(moved, one) == pytest.approx(0.5)  # one unit is half a deviation
    shifted = GaussianMixtureParams(np.array([0.7, 0.3]), means, covariances[:, None, None])
    assert difference(shifted, one) == pytest.approx(0.2)


def test_one_normal_has_nothing_to_match() -> None:
    one = MissingDataParams(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    other = MissingDataParams(np.zeros(2), np.array([[1.0, -0.5], [-0.5, 1.0]]))
    np.testing.assert_array_equal(match_parts(one, other), [0])
    assert aligned_difference(MissingData(), one, other) == pytest.approx(1.0)


def test_other_numbers_of_parts_are_infinitely_far() -> None:
    _, one = random_params("mixture", np.random.default_rng(1), 3)
    _, other = random_params("mixture", np.random.default_rng(1), 4)
    assert difference(one, other) == np.inf
