"""Names, values, coordinates and gauges of a hidden Markov model."""

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.models.emissions import CategoricalEmission, GaussianEmission, PoissonEmission
from em_explorer.models.hidden_markov import (
    EmissionType,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
)
from em_explorer.models.hidden_markov_anatomy import HiddenMarkovAnatomy
from tests.models.anatomy_checks import check_anatomy

TRANSITION = np.array([[0.9, 0.1], [0.2, 0.8]])


def chain(kind, dims=2, k=3, seed=0, n=120):
    rng = np.random.default_rng(seed)
    states = np.repeat(rng.integers(k, size=n // 6), 6)
    if kind is EmissionType.GAUSSIAN:
        raw = 3.0 * states[:, None] + rng.standard_normal((len(states), dims)) + 20.0
    elif kind is EmissionType.POISSON:
        raw = rng.poisson(1.0 + 4.0 * states)
    else:
        raw = (states + rng.integers(2, size=len(states))) % 4
    model = HiddenMarkov(HiddenMarkovOptions(k, kind, start=HiddenMarkovStart.RANDOM))
    data = model.prepare(raw)
    return model, data, model.initialize(data, rng)


@pytest.mark.parametrize(
    ("kind", "dims"),
    [
        (EmissionType.CATEGORICAL, 1),
        (EmissionType.POISSON, 1),
        *((EmissionType.GAUSSIAN, dims) for dims in (1, 2, 3)),
    ],
)
def test_an_anatomy_keeps_what_all_keep(kind, dims):
    for seed in range(4):
        model, data, params = chain(kind, dims, seed=seed)
        check_anatomy(HiddenMarkovAnatomy(model, data), model, data, params)


def test_the_registry_knows_it():
    assert registry.load(registry.entry("hidden_markov").anatomy) is HiddenMarkovAnatomy


def test_names_and_values_of_symbols():
    model, data, _ = chain(EmissionType.CATEGORICAL, k=2)
    anatomy = HiddenMarkovAnatomy(model, data, ("one", "two", "five", "six"))
    probs = np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.5, 0.0]])
    params = HiddenMarkovParams(np.array([0.3, 0.7]), TRANSITION, CategoricalEmission(probs))
    found = anatomy.parameters(params)
    assert [p.label for p in found] == [
        *("π₁", "π₂", "P(1 → 1)", "P(1 → 2)", "P(2 → 1)", "P(2 → 2)"),
        *("b₁(one)", "b₁(two)", "b₁(five)", "b₁(six)"),
        *("b₂(one)", "b₂(two)", "b₂(five)", "b₂(six)"),
    ]
    assert [p.part for p in found] == [0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    expected = np.concatenate([[0.3, 0.7], TRANSITION.ravel(), probs.ravel()])
    np.testing.assert_array_equal(anatomy.values(params), expected)
    assert anatomy.from_coordinates(anatomy.coordinates(params), params).emission.probs[1, 3] == 0


def test_names_and_values_of_vectors_are_in_the_units_of_the_data():
    model, data, _ = chain(EmissionType.GAUSSIAN, k=2)
    anatomy = HiddenMarkovAnatomy(model, data, ("height", "width"))
    means = np.array([[20.0, 21.0], [25.0, 26.0]])
    covariances = np.array([[[4.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 9.0]]])
    emission = GaussianEmission(means, covariances)
    params = model.from_units(HiddenMarkovParams(np.full(2, 0.5), TRANSITION, emission), data)
    assert [p.label for p in anatomy.parameters(params)][6:] == [
        *("μ₁ height", "μ₁ width", "μ₂ height", "μ₂ width"),
        *("σ₁ height", "σ₁ width", "σ₂ height", "σ₂ width", "ρ₁", "ρ₂"),
    ]
    expected = [20, 21, 25, 26, 2, 1, 1, 3, 0.5, 0]
    np.testing.assert_allclose(anatomy.values(params)[6:], expected, rtol=1e-13)
    np.testing.assert_allclose(anatomy.scales(params)[6:], [2, 1, 1, 3, 2, 1, 1, 3, 1, 1])


def test_rates_move_on_the_scale_of_a_count():
    model, data, _ = chain(EmissionType.POISSON, k=2)
    anatomy = HiddenMarkovAnatomy(model, data)
    params = HiddenMarkovParams(np.full(2, 0.5), TRANSITION, PoissonEmission(np.array([0.0, 9.0])))
    assert [p.label for p in anatomy.parameters(params)][6:] == ["λ₁", "λ₂"]
    np.testing.assert_allclose(anatomy.scales(params)[6:], [120**-0.5, 3.0], rtol=1e-15)
    assert anatomy.from_coordinates(anatomy.coordinates(params), params).emission.rates[0] == 0


def test_of_very_many_states_and_symbols_some_are_followed():
    rng = np.random.default_rng(0)
    symbols = np.concatenate([rng.integers(100, 130, size=500), [299]])
    model = HiddenMarkov(HiddenMarkovOptions(20, start=HiddenMarkovStart.RANDOM))
    data = model.prepare(symbols)
    params = model.initialize(data, rng)
    anatomy = HiddenMarkovAnatomy(model, data)
    found = anatomy.parameters(params)
    assert [p.key for p in found if p.group == "transitions"] == [
        f"transition_matrix[{i}, {i}]" for i in range(20)
    ]
    followed = {int(p.key.split(", ")[1][:-1]) for p in found if p.group == "emissions"}
    seen = np.bincount(symbols)
    assert len(followed) == 10
    assert min(seen[list(followed)]) >= max(np.delete(seen, list(followed)))
    assert anatomy.values(params).shape == (len(found),)


@pytest.mark.parametrize("kind", EmissionType)
def test_visits_are_gauged_in_steps(kind):
    model, data, params = chain(kind, k=3)
    gauges = HiddenMarkovAnatomy(model, data).gauges(params, model.e_step(data, params))
    visits = [g for g in gauges if g.kind == "count"]
    assert sum(g.value for g in visits) == pytest.approx(120, rel=1e-12)
    assert {g.full for g in visits} == {40.0}
    eigenvalues = [g for g in gauges if g.kind == "eigenvalue"]
    assert len(eigenvalues) == (3 if kind is EmissionType.GAUSSIAN else 0)
