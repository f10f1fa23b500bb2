"""Forward–backward and Viterbi against brute force, the log domain and extreme numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from em_explorer.em.errors import ImpossibleDataError
from em_explorer.models import forward_backward as module
from em_explorer.models.forward_backward import (
    forward_backward,
    log_forward_backward,
    viterbi_path,
)


def all_paths(initial_probs, transition_matrix, log_emission):
    """Return every path of states and its log joint probability."""
    n_steps, n_states = log_emission.shape
    with np.errstate(divide="ignore"):
        log_initial, log_transition = np.log(initial_probs), np.log(transition_matrix)
    paths = np.array(list(itertools.product(range(n_states), repeat=n_steps)))
    logs = log_initial[paths[:, 0]] + log_emission[np.arange(n_steps), paths].sum(axis=1)
    logs = logs + log_transition[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    return paths, logs


def random_chain(rng, n_steps=None, n_states=None, zeros=False):
    n_states = n_states or int(rng.integers(1, 4))
    n_steps = n_steps or int(rng.integers(1, 7))
    initial = rng.dirichlet(np.ones(n_states))
    transition = rng.dirichlet(np.ones(n_states), n_states)
    if zeros and n_states > 1:
        transition[0, 1] = 0.0
        transition /= transition.sum(axis=1, keepdims=True)
    return initial, transition, 3.0 * rng.standard_normal((n_steps, n_states)) - 2.0


@pytest.mark.parametrize("function", [forward_backward, log_forward_backward])
@pytest.mark.parametrize("zeros", [False, True])
def test_all_paths_of_tiny_chains(function, zeros):
    rng = np.random.default_rng(1)
    for _ in range(30):
        initial, transition, log_emission = random_chain(rng, zeros=zeros)
        n_steps, n_states = log_emission.shape
        paths, logs = all_paths(initial, transition, log_emission)
        log_likelihood = np.logaddexp.reduce(logs)
        weights = np.exp(logs - log_likelihood)
        states = np.eye(n_states)[paths]
        gamma = np.einsum("p,ptk->tk", weights, states)
        xi = np.einsum("p,pti,ptj->ij", weights, states[:, :-1], states[:, 1:])

        found = function(initial, transition, log_emission, with_beta=True)

        assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
        np.testing.assert_allclose(found.gamma, gamma, atol=1e-13)
        np.testing.assert_allclose(found.xi, xi, atol=1e-13)
        for t in range(n_steps):
            heads, head_logs = all_paths(initial, transition, log_emission[: t + 1])
            head_likelihood = np.logaddexp.reduce(head_logs)
            filtered = np.exp(head_logs - head_likelihood) @ np.eye(n_states)[heads[:, -1]]
            np.testing.assert_allclose(found.alpha[t], filtered, atol=1e-13)
            assert found.log_scale[: t + 1].sum() == pytest.approx(head_likelihood, rel=1e-12)
        np.testing.assert_allclose(found.alpha * found.beta, gamma, atol=1e-13)


def test_viterbi_finds_the_best_of_all_paths():
    rng = np.random.default_rng(2)
    for i in range(60):
        chain = random_chain(rng, zeros=bool(i % 2))
        paths, logs = all_paths(*chain)
        path, log_probability = viterbi_path(*chain)
        assert log_probability == pytest.approx(logs.max(), rel=1e-12)
        np.testing.assert_array_equal(path, paths[np.argmax(logs)])


def test_viterbi_gives_ties_to_the_lower_state():
    half = np.full((2, 2), 0.5)
    path, _ = viterbi_path(half[0], half, np.zeros((4, 2)))
    np.testing.assert_array_equal(path, [0, 0, 0, 0])


def test_beta_costs_nothing_when_nobody_asks():
    found = forward_backward(*random_chain(np.random.default_rng(3)))
    assert found.beta is None


def test_scaled_and_log_domain_agree_on_a_longer_chain():
    rng = np.random.default_rng(4)
    initial, transition, log_emission = random_chain(rng, n_steps=2000, n_states=3)
    scaled = forward_backward(initial, transition, log_emission, with_beta=True)
    logs = log_forward_backward(initial, transition, log_emission, with_beta=True)
    assert scaled.log_likelihood == pytest.approx(logs.log_likelihood, rel=1e-13)
    for name in ("gamma", "xi", "alpha", "beta", "log_scale"):
        np.testing.assert_allclose(
            getattr(scaled, name), getattr(logs, name), rtol=1e-9, err_msg=name
        )


def test_twenty_thousand_steps_do_not_underflow():
    rng = np.random.default_rng(5)
    initial, transition, log_emission = random_chain(rng, n_steps=20_000, n_states=3)
    log_emission -= 40.0  # the likelihood is about exp(−800,000)
    found = forward_backward(initial, transition, log_emission)
    assert np.all(np.isfinite(found.gamma))
    np.testing.assert_allclose(found.gamma.sum(axis=1), 1.0, atol=1e-14)
    np.testing.assert_allclose(found.xi.sum(), 19_999, rtol=1e-12)
    np.testing.assert_allclose(found.xi.sum(axis=1), found.gamma[:-1].sum(axis=0), rtol=1e-11)
    np.testing.assert_allclose(found.xi.sum(axis=0), found.gamma[1:].sum(axis=0), rtol=1e-11)
    raised = forward_backward(initial, transition, log_emission + 40.0)
    assert found.log_likelihood == pytest.approx(raised.log_likelihood - 800_000.0, rel=1e-13)


@pytest.mark.parametrize("depth", [-600.0, -1e4, -1e8])
def test_a_scale_that_underflows_is_done_on_logarithms(depth):
    # State 0 is certain at first, and the second observation all but excludes it.
    initial = np.array([1.0, 0.0])
    transition = np.array([[1.0 - 1e-300, 1e-300], [0.5, 0.5]])
    log_emission = np.array([[0.0, 0.0], [depth, 0.0], [0.0, 0.0]])
    _, logs = all_paths(initial, transition, log_emission)
    found = forward_backward(initial, transition, log_emission, with_beta=True)
    assert found.log_likelihood == pytest.approx(np.logaddexp.reduce(logs), rel=1e-13)
    np.testing.assert_allclose(found.gamma.sum(axis=1), 1.0, atol=1e-12)
    assert np.all(np.isfinite(found.beta))


def test_a_state_may_come_back_from_below_the_smallest_number():
    # Two states that never change: the first 900 steps speak for state 0 by a nat each, so that
    # α of state 1 falls to exp(−900); the next 1,000 speak for state 1.
    log_emission = np.zeros((1900, 2))
    log_emission[:900, 1] = log_emission[900:, 0] = -1.0
    found = forward_backward(np.array([0.5, 0.5]), np.eye(2), log_emission)
    assert found.log_likelihood == pytest.approx(np.log(0.5) - 900.0, rel=1e-12)
    np.testing.assert_allclose(found.gamma[:, 1], 1.0, atol=1e-12)


def test_a_transient_state_that_underflows_costs_no_logarithms(monkeypatch):
    # Where every state can be entered from every other, a forgotten α does no harm.
    monkeypatch.setattr(module, "log_forward_backward", None)
    log_emission = np.zeros((50, 2))
    log_emission[:, 1] = -800.0
    found = forward_backward(np.array([0.5, 0.5]), np.full((2, 2), 0.5), log_emission)
    assert found.log_likelihood == pytest.approx(50 * np.log(0.5), rel=1e-12)


@pytest.mark.parametrize("function", [forward_backward, log_forward_backward, viterbi_path])
def test_impossible_observations_are_named(function):
    chain = (np.array([0.5, 0.5]), np.full((2, 2), 0.5))
    log_emission = np.zeros((5, 2))
    log_emission[3] = -np.inf
    with pytest.raises(ImpossibleDataError, match="time step 4 has probability zero"):
        function(*chain, log_emission)


@pytest.mark.parametrize("function", [forward_backward, log_forward_backward, viterbi_path])
def test_impossible_transitions_are_named(function):
    # State 0 can't be left, and the third observation can't come from it.
    log_emission = np.array([[0.0, -np.inf], [0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(ImpossibleDataError, match="time step 3 has probability zero"):
        function(np.array([0.5, 0.5]), np.eye(2), log_emission)


def test_the_posterior_is_frozen():
    found = forward_backward(*random_chain(np.random.default_rng(6)), with_beta=True)
    for name in ("gamma", "xi", "alpha", "beta", "log_scale"):
        assert not getattr(found, name).flags.writeable
