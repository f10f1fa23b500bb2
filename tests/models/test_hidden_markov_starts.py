"""Where hidden Markov models start, when they can't move, how they are nudged and sampled."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.em.arrays import largest_change
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
    PoissonEmission,
    viterbi,
)

EMISSIONS = list(EmissionType)


def random_emission(kind, n_states, rng):
    if kind is EmissionType.CATEGORICAL:
        return CategoricalEmission(rng.dirichlet(np.ones(3), n_states))
    if kind is EmissionType.POISSON:
        return PoissonEmission(rng.gamma(2.0, 3.0, n_states))
    factors = rng.standard_normal((n_states, 2, 4))
    covariances = factors @ factors.transpose(0, 2, 1)
    return GaussianEmission(2.0 * rng.standard_normal((n_states, 2)), covariances)


def raw_data(kind, n=300):
    rng = np.random.default_rng(14)
    states = np.repeat(np.arange(10) % 2, n // 10)
    if kind is EmissionType.CATEGORICAL:
        return CategoricalEmission([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]).sample(states, rng), states
    if kind is EmissionType.POISSON:
        return PoissonEmission([3.0, 15.0]).sample(states, rng), states
    emission = GaussianEmission([[0.0, 0.0], [3.0, 1.0]], np.array([np.eye(2), np.eye(2)]))
    return emission.sample(states, rng), states


@pytest.mark.parametrize("start", [HiddenMarkovStart.RANDOM, HiddenMarkovStart.DATA])
@pytest.mark.parametrize("kind", EMISSIONS)
def test_starts_are_seeded_and_differ(kind, start):
    model = HiddenMarkov(HiddenMarkovOptions(3, kind, start=start))
    data = model.prepare(raw_data(kind)[0])
    one, again, other = (model.initialize(data, np.random.default_rng(s)) for s in (1, 1, 2))
    assert largest_change(one, again) == 0.0
    assert largest_change(one, other) > 1e-3
    assert model.symmetry(one) is None
    assert fit(model, data, one, RunOptions(3, 0.0)).history[3] > -np.inf


@pytest.mark.parametrize("kind", EMISSIONS)
def test_a_start_from_the_data_finds_the_states(kind):
    raw, states = raw_data(kind)
    model = HiddenMarkov(HiddenMarkovOptions(2, kind))
    data = model.prepare(raw)
    for seed in range(3):
        params = fit(model, data, model.initialize(data, np.random.default_rng(seed))).params
        path, _ = viterbi(model, data, params)
        assert np.mean(relabel(path, align_labels(path, states, 2)) == states) > 0.95


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("kind", EMISSIONS)
def test_a_flat_start_never_moves_and_says_so(kind, prior):
    options = HiddenMarkovOptions(
        3,
        kind,
        start=HiddenMarkovStart.FLAT,
        ridge=0.1 * prior,
        pseudo_count=0.5 * prior,
    )
    model = HiddenMarkov(options)
    data = model.prepare(raw_data(kind)[0])
    params = model.initialize(data, np.random.default_rng(0))
    found = fit(model, data, params)
    assert found.stop.reason is StopReason.STALLED
    assert "EM can never part them" in found.stop.message
    np.testing.assert_allclose(found.params.transition_matrix, 1 / 3, rtol=1e-9)
    if not prior:
        assert largest_change(params, found.params) < 1e-12
    nudged = model.nudge(params, np.random.default_rng(0), 0.05)
    assert model.symmetry(nudged) is None
    if prior:  # which may make the flat place a maximum
        return
    better = fit(model, data, nudged, RunOptions(300, 1e-6))
    assert better.history[-1] > found.history[-1] + 10


@pytest.mark.parametrize("kind", EMISSIONS)
def test_equal_states_are_seen_however_they_are_joined(kind):
    rng = np.random.default_rng(15)
    emission = random_emission(kind, 3, rng).permuted([0, 1, 1])
    model = HiddenMarkov(HiddenMarkovOptions(3, kind))
    pi = [0.4, 0.3, 0.3]
    # Exchanging the states' numbers changes nothing.
    mirrored = [[0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    # The states share every way in at a ratio of two to one.
    shared = [[0.4, 0.4, 0.2], [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]
    apart = [[0.4, 0.4, 0.2], [0.1, 0.6, 0.3], [0.3, 0.4, 0.3]]
    for initial, matrix in ((pi, mirrored), ([0.4, 0.4, 0.2], shared)):
        params = HiddenMarkovParams(initial, matrix, emission)
        message = model.symmetry(params)
        assert message is not None
        assert message.startswith("States 2 and 3 are equal")
        data = model.prepare(model.sample(params, 40, rng)[0])
        after = fit(model, data, model.from_units(params, data), RunOptions(3, 0.0)).params
        assert after.emission.same(1, 2)
        assert model.symmetry(after) is not None
    assert model.symmetry(HiddenMarkovParams(pi, apart, emission)) is None


@pytest.mark.parametrize("kind", EMISSIONS)
def test_a_nudge_is_small_and_keeps_zeros(kind):
    rng = np.random.default_rng(16)
    model = HiddenMarkov(HiddenMarkovOptions(2, kind))
    params = HiddenMarkovParams([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], random_emission(kind, 2, rng))
    moved = model.nudge(params, rng, 1e-3)
    assert 1e-6 < largest_change(params, moved) < 2e-2
    assert moved.initial_probs[1] == 0.0
    assert moved.transition_matrix[1, 0] == 0.0


@pytest.mark.parametrize("kind", EMISSIONS)
def test_samples_follow_the_model(kind):
    rng = np.random.default_rng(17)
    model = HiddenMarkov(HiddenMarkovOptions(2, kind))
    params = HiddenMarkovParams([0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]], random_emission(kind, 2, rng))
    sequence, states = model.sample(params, 40_000, rng)
    assert sequence.lengths == (40_000,)
    counts = np.zeros((2, 2))
    np.add.at(counts, (states[:-1], states[1:]), 1)
    np.testing.assert_allclose(
        counts / counts.sum(axis=1, keepdims=True), params.transition_matrix, atol=0.01
    )
    firsts = [model.sample(params, 1, rng)[1][0] for _ in range(2000)]
    assert np.mean(firsts) == pytest.approx(0.7, abs=0.04)
    whole = np.eye(2)[states]
    learned = params.emission.maximize(
        params.emission.collect(sequence.observations, whole), model.options.prior
    )
    assert largest_change(params.emission, learned) < 0.03


def test_the_thousand_step_recipe_is_solved_from_every_start_from_the_data():
    # The chain that underflows without scaling: the state is drawn, then its observation, then
    # the next state.
    initial = np.array([0.3, 0.3, 0.4])
    transition = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    symbols = np.array([[0.8, 0.1, 0.05, 0.05], [0.05, 0.8, 0.1, 0.05], [0.05, 0.05, 0.1, 0.8]])
    legacy = np.random.RandomState(42)
    states, observations = [], []
    for t in range(1000):
        states.append(legacy.choice(3, p=transition[states[-1]] if t else initial))
        observations.append(legacy.choice(4, p=symbols[states[-1]]))
    model = HiddenMarkov(HiddenMarkovOptions(3))
    data = model.prepare(observations)
    for seed in range(4):
        found = fit(model, data, model.initialize(data, np.random.default_rng(seed)))
        assert found.history[-1] == pytest.approx(-1119.0, abs=0.1)
        path, _ = viterbi(model, data, found.params)
        accuracy = np.mean(relabel(path, align_labels(path, states, 3)) == states)
        assert accuracy == pytest.approx(0.85, abs=0.005)
