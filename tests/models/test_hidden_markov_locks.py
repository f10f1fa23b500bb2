"""A hidden Markov model with cells, means, covariances or rates held."""

from dataclasses import replace

import numpy as np
import pytest

from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError
from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.backend import Backend
from em_explorer.models.emissions import CategoricalEmission
from em_explorer.models.hidden_markov import (
    EmissionType,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
    Sequences,
)
from em_explorer.models.hidden_markov_anatomy import HiddenMarkovAnatomy
from em_explorer.models.viterbi_training import ViterbiTraining
from tests.models.locking_checks import check_locks, check_run, some_of

GROUPS = {
    EmissionType.CATEGORICAL: ("emission",),
    EmissionType.GAUSSIAN: ("means", "covariances"),
    EmissionType.POISSON: ("rates",),
}
cases = pytest.mark.parametrize(
    ("kind", "group"),
    [
        (kind, group)
        for kind, own in GROUPS.items()
        for group in ("initial_probs", "transition_matrix", *own, "any")
    ],
)
every_kind = pytest.mark.parametrize("kind", EmissionType)


def problem(seed, kind, ridge=0.0, pseudo=0.0, k=3, model=HiddenMarkov):
    rng = np.random.default_rng(seed)
    states = np.repeat(rng.integers(k, size=25), 4)
    raw = {
        EmissionType.GAUSSIAN: 1.5 * states[:, None] + rng.standard_normal((100, 1 + seed % 2)),
        EmissionType.POISSON: rng.poisson(1.0 + 2.0 * states),
        EmissionType.CATEGORICAL: (states + rng.integers(2, size=100)) % 4,
    }[kind]
    start = [HiddenMarkovStart.RANDOM, HiddenMarkovStart.DATA][seed % 2]
    options = HiddenMarkovOptions(k, kind, start=start, ridge=ridge, pseudo_count=pseudo)
    model = model(options)
    data = model.prepare(Sequences(raw, (20, 30, 49, 1)))
    return model, data, model.initialize(data, rng)


def held_by(locks):
    def held(params):
        chosen = [np.zeros(0)]
        for lock in sorted(locks):
            group = "probs" if lock.group == "emission" else lock.group
            owner = params if hasattr(params, group) else params.emission
            chosen.append(np.ravel(getattr(owner, group)[lock.index]))
        return np.concatenate(chosen)

    return held


@cases
@pytest.mark.parametrize(("ridge", "pseudo"), [(0.0, 0.0), (0.05, 0.6)])
def test_locked_stays_and_the_rest_is_a_maximum(kind, group, ridge, pseudo):
    taken = 0
    for seed in range(4):
        model, data, params = problem(seed, kind, ridge, pseudo)
        choice = [x for x in model.lockable(params) if group in ("any", x.group)]
        locks = some_of(choice, seed)
        taken += check_locks(model, data, params, locks, HiddenMarkovAnatomy, held_by(locks))
    assert taken >= 18


def test_free_cells_share_what_the_locked_ones_leave():
    model, data, params = problem(1, EmissionType.CATEGORICAL, pseudo=0.5)
    expectation = model.e_step(data, params)
    locks = frozenset({Lock("transition_matrix", (1, 0)), Lock("emission", (2, 3))})
    after = replace(model, locks=locks).m_step(params, expectation)
    counts = expectation.statistics.transitions[1] + 0.5
    share = (1 - params.transition_matrix[1, 0]) * counts[1:] / counts[1:].sum()
    np.testing.assert_allclose(after.transition_matrix[1, 1:], share, rtol=1e-13)
    counts = expectation.statistics.emission.counts[2] + 0.5
    share = (1 - params.emission.probs[2, 3]) * counts[:3] / counts[:3].sum()
    np.testing.assert_allclose(after.emission.probs[2, :3], share, rtol=1e-13)
    free = model.m_step(params, expectation)
    np.testing.assert_allclose(after.transition_matrix[0], free.transition_matrix[0], rtol=1e-13)
    np.testing.assert_allclose(after.initial_probs, free.initial_probs, rtol=1e-13)


def test_structural_zeros_stay_beside_locks():
    model, data, params = problem(2, EmissionType.CATEGORICAL, pseudo=0.5)
    transition = np.array([[0.5, 0.5, 0.0], [0.0, 0.6, 0.4], [0.3, 0.0, 0.7]])
    params = HiddenMarkovParams(params.initial_probs, transition, params.emission)
    locks = frozenset({Lock("transition_matrix", (0, 0)), Lock("transition_matrix", (2, 1))})
    check_locks(model, data, params, locks, HiddenMarkovAnatomy, held_by(locks))
    after = fit(replace(model, locks=locks), data, params, RunOptions(5, 0.0)).params
    np.testing.assert_array_equal(after.transition_matrix == 0, transition == 0)
    assert after.transition_matrix[0, 1] == 0.5


def test_a_row_with_nothing_in_its_free_cells_keeps_them():
    """A state nobody leaves: the count of its other ways out is zero."""
    model, data, _ = problem(3, EmissionType.CATEGORICAL)
    probs = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5], [0.25] * 4])
    transition = np.array([[0.2, 0.8, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    start = HiddenMarkovParams(np.array([0.5, 0.5, 0.0]), transition, CategoricalEmission(probs))
    locks = frozenset({Lock("transition_matrix", (2, 2))})
    after = replace(model, locks=locks).m_step(start, model.e_step(data, start))
    np.testing.assert_array_equal(after.transition_matrix[2], transition[2])


@every_kind
def test_everything_locked_is_a_fixed_point(kind):
    model, data, params = problem(4, kind)
    model = replace(model, locks=frozenset(model.lockable(params)))
    found = fit(model, data, params, RunOptions(5, 1e-9))
    assert found.stop.reason is StopReason.CONVERGED
    locks = frozenset(model.lockable(params))
    np.testing.assert_array_equal(held_by(locks)(found.params), held_by(locks)(params))


@every_kind
def test_without_effective_locks_nothing_changes(kind):
    """A lock that no step would break leaves the others as they are without it."""
    for pseudo in (0.0, 0.5):
        model, data, params = problem(5, kind, ridge=0.1, pseudo=pseudo, k=1)
        expectation = model.e_step(data, params)
        free = model.m_step(params, expectation)
        held = replace(model, locks=frozenset({Lock("initial_probs", (0,))}))
        after = held.m_step(params, expectation)
        all_locks = frozenset(model.lockable(params))
        np.testing.assert_allclose(
            held_by(all_locks)(after), held_by(all_locks)(free), rtol=1e-13, atol=1e-15
        )


@every_kind
def test_the_compiled_backend_agrees(kind):
    for seed in range(4):
        model, data, params = problem(seed, kind, ridge=0.05)
        locks = some_of(model.lockable(params), seed + 5)
        slow = replace(model, locks=locks)
        fast = replace(slow, backend=Backend.NUMBA)
        a, b = (fit(m, data, params, RunOptions(5, 0.0)) for m in (slow, fast))
        np.testing.assert_allclose(b.history, a.history, rtol=1e-11)
        np.testing.assert_allclose(
            b.params.transition_matrix, a.params.transition_matrix, rtol=1e-8, atol=1e-12
        )
        np.testing.assert_array_equal(held_by(locks)(b.params), held_by(locks)(params))


@every_kind
def test_viterbi_training_holds_them_too(kind):
    for seed in range(4):
        model, data, params = problem(seed, kind, 0.05, 0.5, model=ViterbiTraining)
        locks = some_of(model.lockable(params), seed)
        check_run(replace(model, locks=locks), data, params, held_by(locks))


def test_equal_states_can_be_parted_by_a_lock():
    model, _, params = problem(6, EmissionType.CATEGORICAL, k=2)
    probs = np.repeat(params.emission.probs[:1], 2, axis=0)
    twin = HiddenMarkovParams(np.full(2, 0.5), np.full((2, 2), 0.5), CategoricalEmission(probs))
    assert model.symmetry(twin) is not None

    def parted(*locks):
        return replace(model, locks=frozenset(locks)).symmetry(twin) is None

    assert parted(Lock("emission", (0, 1)))
    assert parted(Lock("transition_matrix", (0, 1)))
    assert not parted(Lock("transition_matrix", (0, 1)), Lock("transition_matrix", (1, 0)))
    assert not parted(Lock("emission", (0, 1)), Lock("emission", (1, 1)))
    assert parted(Lock("emission", (0, 1)), Lock("emission", (1, 0)))


@every_kind
def test_locks_on_what_is_not_there_are_refused(kind):
    model, data, params = problem(0, kind)
    expectation = model.e_step(data, params)
    assert {x.group for x in model.lockable(params)} == {
        *("initial_probs", "transition_matrix"),
        *GROUPS[kind],
    }
    other = "rates" if kind is not EmissionType.POISSON else "emission"
    for lock in (Lock(other, (0,)), Lock("transition_matrix", (0,)), Lock("initial_probs", (3,))):
        with pytest.raises(DataError, match="to lock"):
            replace(model, locks=frozenset({lock})).m_step(params, expectation)
