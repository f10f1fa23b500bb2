"""One parameter put at a value: it has that value after, the rest keeps its own, sums stay one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from em_explorer.em.anatomy import Lock, Parameter
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
)
from em_explorer.models.gaussian_mixture_anatomy import GaussianMixtureAnatomy
from em_explorer.models.hidden_markov import EmissionType, HiddenMarkov, HiddenMarkovOptions
from em_explorer.models.hidden_markov_anatomy import HiddenMarkovAnatomy
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.latent_dirichlet_anatomy import LatentDirichletAnatomy
from em_explorer.models.missing_data import MissingData, MissingDataOptions, MissingDataStart
from em_explorer.models.missing_data_anatomy import MissingDataAnatomy
from em_explorer.models.placing import lock_of, natural_range, parse, place


def mixture(kind: CovarianceType) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(5)
    model = GaussianMixture(GaussianMixtureOptions(n_components=3, covariance_type=kind))
    data = model.prepare(100.0 + rng.standard_normal((60, 3)) @ rng.standard_normal((3, 3)))
    return model, data, GaussianMixtureAnatomy(model, data)


def chain(emission: EmissionType) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(6)
    model = HiddenMarkov(HiddenMarkovOptions(n_states=3, emission=emission))
    raw: Any = rng.integers(0, 4, size=80)
    if emission is EmissionType.GAUSSIAN:
        raw = 20.0 + rng.standard_normal((80, 2))
    data = model.prepare(raw)
    return model, data, HiddenMarkovAnatomy(model, data)


def topics() -> tuple[Any, Any, Any]:
    model = LatentDirichlet(LatentDirichletOptions(n_topics=3))
    data = model.prepare(np.random.default_rng(7).integers(0, 4, size=(6, 8)))
    return model, data, LatentDirichletAnatomy(model, data)


def table() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(8)
    values = 50.0 + rng.standard_normal((40, 3))
    values[rng.random(values.shape) < 0.2] = np.nan
    model = MissingData(MissingDataOptions(start=MissingDataStart.RANDOM))
    data = model.prepare(values)
    return model, data, MissingDataAnatomy(model, data)


MAKERS = [
    *[lambda kind=kind: mixture(kind) for kind in CovarianceType],
    *[lambda emission=emission: chain(emission) for emission in EmissionType],
    topics,
    table,
]


@pytest.mark.parametrize("make", MAKERS)
def test_every_parameter_of_every_model_can_be_placed(make: Any) -> None:
    model, data, anatomy = make()
    params = model.initialize(data, np.random.default_rng(1))
    values, scales = anatomy.values(params), anatomy.scales(params)
    shown = model.to_units(params, data)
    for i, parameter in enumerate(anatomy.parameters(params)):
        low, high = natural_range(parameter, values[i : i + 1], float(scales[i]))
        assert low <= values[i] <= high or parameter.group in ("weights", "starts", "topic sizes")
        target = 0.6 * values[i] + 0.4 * (0.4 * low + 0.6 * high)
        placed = place(model, shown, parameter, float(target))
        assert placed is not None, parameter
        inside = model.from_units(placed, data)
        after = anatomy.values(inside)
        assert after[i] == pytest.approx(target, rel=1e-9), parameter
        # and what EM makes of it is a number: sums are one, covariances positive
        assert np.isfinite(model.bound(inside, model.e_step(data, inside)))
        same = place(model, shown, parameter, float(values[i]))
        assert same is not None
        np.testing.assert_allclose(
            anatomy.values(model.from_units(same, data)), values, rtol=1e-9, atol=1e-12
        )


def test_a_probability_pushes_the_others_aside_in_proportion() -> None:
    model, data, _ = mixture(CovarianceType.FULL)
    params = model.initialize(data, np.random.default_rng(1))
    placed = place(model, params, Parameter("weights", "π₁", 0, "weights[0]"), 0.9)
    assert placed is not None
    assert placed.weights.sum() == pytest.approx(1.0)
    ratio = params.weights[1] / params.weights[2]
    assert placed.weights[1] / placed.weights[2] == pytest.approx(ratio)
    np.testing.assert_array_equal(placed.means, params.means)


def test_a_spread_keeps_the_correlations() -> None:
    model, data, _ = mixture(CovarianceType.FULL)
    params = model.initialize(data, np.random.default_rng(1))
    placed = place(model, params, Parameter("spreads", "σ", 1, "spreads[1, 2]"), 7.0)
    assert placed is not None
    old, new = params.covariances[1], placed.covariances[1]
    assert new[2, 2] == pytest.approx(49.0)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        before = old[a, b] / np.sqrt(old[a, a] * old[b, b])
        assert new[a, b] / np.sqrt(new[a, a] * new[b, b]) == pytest.approx(before)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weights[0]", 1.2),
        ("weights[0]", -0.1),
        ("spreads[0, 0]", 0.0),
        ("spreads[0, 0]", -1.0),
        ("correlations[0, 0, 1]", 1.0),
        ("means[0, 0]", np.nan),
        ("nonsense[1]", 1.0),
    ],
)
def test_what_is_impossible_is_none(key: str, value: float) -> None:
    model, data, _ = mixture(CovarianceType.FULL)
    params = model.initialize(data, np.random.default_rng(1))
    assert place(model, params, Parameter("", "", 0, key), value) is None


def test_keys_and_locks() -> None:
    assert parse("means[0, 1]") == ("means", (0, 1))
    assert parse("weights[3]") == ("weights", (3,))
    assert lock_of(Parameter("", "", 0, "means[1, 0]")) == Lock("means", (1,))
    assert lock_of(Parameter("", "", 0, "transition_matrix[0, 1]")) == Lock(
        "transition_matrix", (0, 1)
    )
    assert lock_of(Parameter("", "", 0, "spreads[0, 1]")) is None
