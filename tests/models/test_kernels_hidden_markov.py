"""The compiled hidden Markov model: number for number what the numpy one gives."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from em_explorer.em.errors import ImpossibleDataError, SingularError
from em_explorer.em.steps import RunOptions, fit
from em_explorer.models.backend import Backend, set_threads, threads
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
    PoissonEmission,
    Sequences,
    viterbi,
)
from em_explorer.models.kernels import chains, words
from em_explorer.models.kernels import hidden_markov as kernel
from em_explorer.models.kernels.elementary import exp, exp_digamma

LENGTHS = (700, 1, 2, 257, 256, 40)
KINDS = list(EmissionType)


def observations(kind, rng, n):
    if kind is EmissionType.CATEGORICAL:
        return rng.integers(0, 5, n)
    if kind is EmissionType.POISSON:
        return rng.poisson(rng.choice([1.0, 5.0, 30.0], n))
    return rng.normal(size=(n, 3)) * [1.0, 2.0, 3.0] + rng.integers(0, 3, n)[:, None]


def problem(kind, n_states, seed, lengths=LENGTHS):
    """Return the reference, the kernel, data, and random parameters after two EM steps."""
    rng = np.random.default_rng(seed)
    options = HiddenMarkovOptions(n_states, kind, start=HiddenMarkovStart.RANDOM)
    reference = HiddenMarkov(options)
    data = reference.prepare(Sequences(observations(kind, rng, sum(lengths)), lengths))
    params = reference.initialize(data, rng)
    compiled = replace(reference, backend=Backend.NUMBA)
    for _ in range(2):
        params = reference.m_step(params, compiled.e_step(data, params))
    return reference, compiled, data, params


def assert_close(found, wanted, rtol=1e-9):
    for field in fields(wanted):
        a, b = getattr(found, field.name), getattr(wanted, field.name)
        if hasattr(b, "__dataclass_fields__"):
            assert_close(a, b, rtol)
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9, err_msg=field.name)


def assert_same_step(found, wanted):
    assert_close(found.statistics, wanted.statistics)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-11)
    # The entropy is the difference of two numbers of the likelihood's size.
    rounding = 1e-8 + 1e-14 * abs(wanted.log_likelihood)
    assert found.entropy == pytest.approx(wanted.entropy, rel=1e-9, abs=rounding)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_agrees_with_the_reference(kind, n_states):
    reference, compiled, data, params = problem(kind, n_states, n_states)
    wanted = reference.e_step(data, params, latent=True)
    found = compiled.e_step(data, params, latent=True)
    assert_same_step(found, wanted)
    assert_close(found.latent, wanted.latent)
    path, log_probability = viterbi(compiled, data, params)
    wanted_path, wanted_log = viterbi(reference, data, params)
    np.testing.assert_array_equal(path, wanted_path)
    assert log_probability == pytest.approx(wanted_log, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_looking_changes_no_bit(kind):
    _, compiled, data, params = problem(kind, 3, 0)
    seen, unseen = (compiled.e_step(data, params, latent=latent) for latent in (True, False))
    assert unseen.latent is None
    assert seen.log_likelihood == unseen.log_likelihood
    np.testing.assert_array_equal(seen.statistics.transitions, unseen.statistics.transitions)
    assert_close(seen.statistics, unseen.statistics, rtol=0.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_states", [3, 6])
def test_gamma_alone_is_that_of_the_whole_posterior(kind, n_states):
    reference, compiled, data, params = problem(kind, n_states, 4, (700, 40))
    for model in (reference, compiled):
        whole = model.e_step(data, params, latent=True)
        found, gamma = model.e_step_and_gamma(data, params)
        assert found.latent is None
        assert not gamma.flags.writeable
        np.testing.assert_array_equal(gamma, whole.latent.gamma)
        assert found.log_likelihood == whole.log_likelihood
        assert_close(found.statistics, whole.statistics, rtol=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_no_bit(kind, monkeypatch):
    monkeypatch.setattr(kernel, "CHUNK_STEPS", 300)
    _, compiled, data, params = problem(kind, 3, 1, (100, 250, 60, 400, 7, 90, 310))
    before = threads()
    results = []
    try:
        for n in (1, 2, 3):
            set_threads(n)
            results.append((compiled.e_step(data, params), viterbi(compiled, data, params)))
    finally:
        set_threads(before)
    first, (path, log_probability) = results[0]
    for other, (other_path, other_log) in results[1:]:
        assert first.log_likelihood == other.log_likelihood
        assert first.entropy == other.entropy
        np.testing.assert_array_equal(first.statistics.transitions, other.statistics.transitions)
        assert_close(other.statistics, first.statistics, rtol=0.0)
        np.testing.assert_array_equal(path, other_path)
        assert log_probability == other_log


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_states", [3, 6])
def test_a_sequence_in_segments_gives_the_same(kind, n_states, monkeypatch):
    reference, compiled, data, params = problem(kind, n_states, 2, (1500, 300))
    whole = compiled.e_step(data, params, latent=True)
    monkeypatch.setattr(kernel, "ALPHA_BYTES", 1)
    monkeypatch.setattr(kernel, "WORD_BYTES", 1000)
    parts = compiled.e_step(data, params, latent=True)
    assert_close(parts.statistics, whole.statistics, rtol=1e-13)
    assert_same_step(parts, reference.e_step(data, params))
    assert_close(parts.latent, whole.latent, rtol=1e-12)


def test_segments_of_states_that_never_come_back(monkeypatch):
    monkeypatch.setattr(kernel, "ALPHA_BYTES", 1)
    test_states_that_never_come_back()


@pytest.mark.parametrize("kind", KINDS)
def test_fits_alike_with_priors(kind):
    rng = np.random.default_rng(3)
    options = HiddenMarkovOptions(3, kind, ridge=0.1, pseudo_count=0.5)
    reference = HiddenMarkov(options)
    data = reference.prepare(Sequences(observations(kind, rng, 300), (200, 100)))
    params = reference.initialize(data, rng)
    run = RunOptions(max_iter=15, tolerance=0.0)
    wanted = fit(reference, data, params, run)
    found = fit(replace(reference, backend=Backend.NUMBA), data, params, run)
    np.testing.assert_allclose(found.history, wanted.history, rtol=1e-10)
    assert_close(found.params, wanted.params, rtol=1e-7)


def chain_that_only_goes_on(n_states):
    """Return a matrix whose states follow one another and never come back."""
    matrix = 0.98 * np.eye(n_states) + 0.02 * np.eye(n_states, k=1)
    matrix[-1, -1] = 1.0
    return matrix


def test_states_that_never_come_back():
    """α of a state that was left underflows, and must not be lost without notice."""
    rng = np.random.default_rng(4)
    symbols = np.repeat([0, 1, 2, 1, 2, 2], 500)
    symbols = np.where(rng.random(3000) < 0.1, rng.integers(0, 3, 3000), symbols)
    reference = HiddenMarkov(HiddenMarkovOptions(4))
    data = reference.prepare(Sequences(symbols, (2000, 1000)))
    probs = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9], [0.2, 0.4, 0.4]])
    params = HiddenMarkovParams(
        np.array([1.0, 0.0, 0.0, 0.0]), chain_that_only_goes_on(4), CategoricalEmission(probs)
    )
    compiled = replace(reference, backend=Backend.NUMBA)
    found, wanted = (m.e_step(data, params, latent=True) for m in (compiled, reference))
    assert_same_step(found, wanted)
    assert_close(found.latent, wanted.latent)


def test_a_state_in_favor_again_after_underflow():
    """Two chains that never mix: what is seen first rules one out, what follows the other."""
    reference = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.GAUSSIAN))
    data = reference.prepare(np.concatenate([np.full(300, -1.0), np.full(310, 1.0)]))
    emission = GaussianEmission(np.array([[-1.0], [1.0]]), np.full((2, 1, 1), 0.01))
    params = HiddenMarkovParams(np.full(2, 0.5), np.eye(2), emission)
    params = reference.from_units(params, data)
    found = replace(reference, backend=Backend.NUMBA).e_step(data, params)
    assert_same_step(found, reference.e_step(data, params))
    np.testing.assert_allclose(found.statistics.initial, [0.0, 1.0], atol=1e-12)


def test_an_observation_far_from_every_state():
    """A step can be improbable by more than floating point can say."""
    reference = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.GAUSSIAN))
    data = reference.prepare(np.array([0.0, 1.0, 0.2, 1e4, 0.7, -2e4, 0.0]))
    emission = GaussianEmission(np.array([[0.0], [1.0]]), np.full((2, 1, 1), 0.01))
    transition = np.array([[0.9, 0.1], [0.2, 0.8]])
    params = reference.from_units(HiddenMarkovParams(np.full(2, 0.5), transition, emission), data)
    found = replace(reference, backend=Backend.NUMBA).e_step(data, params, latent=True)
    wanted = reference.e_step(data, params, latent=True)
    assert_same_step(found, wanted)
    assert_close(found.latent, wanted.latent)


def test_zeros_in_every_part():
    """A symbol that few states know, forbidden transitions, a first state that is certain."""
    probs = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.3, 0.0, 0.7]])
    transition = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]])
    params = HiddenMarkovParams(np.array([1.0, 0.0, 0.0]), transition, CategoricalEmission(probs))
    reference = HiddenMarkov(HiddenMarkovOptions(3))
    raw, _ = reference.sample(params, 2000, np.random.default_rng(5))
    data = reference.prepare(raw)
    compiled = replace(reference, backend=Backend.NUMBA)
    found, wanted = compiled.e_step(data, params), reference.e_step(data, params)
    assert_same_step(found, wanted)
    assert np.all(found.statistics.transitions[transition == 0] == 0)
    np.testing.assert_array_equal(
        viterbi(compiled, data, params)[0], viterbi(reference, data, params)[0]
    )


@pytest.mark.parametrize(
    ("symbols", "lengths"),
    [([0, 1, 1, 2, 0], ()), ([0, 0, 1, 1, 0, 0], (2, 4)), ([1, 0, 0], ())],
)
def test_impossible_data_are_named_alike(symbols, lengths):
    probs = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    params = HiddenMarkovParams(
        np.array([1.0, 0.0]), np.array([[0.5, 0.5], [0.0, 1.0]]), CategoricalEmission(probs)
    )
    reference = HiddenMarkov(HiddenMarkovOptions(2, n_symbols=3))
    data = reference.prepare(Sequences(np.array(symbols), lengths))
    compiled = replace(reference, backend=Backend.NUMBA)
    messages = []
    for model in (reference, compiled):
        for run in (model.e_step, lambda d, p, m=model: viterbi(m, d, p)):
            with pytest.raises(ImpossibleDataError) as error:
                run(data, params)
            messages.append(str(error.value))
    assert messages[:2] == messages[2:]


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-8])
def test_gaussians_far_away_and_narrow(scale):
    rng = np.random.default_rng(6)
    states = rng.integers(0, 2, 900)
    points = rng.normal(size=(900, 2)) * scale + 10.0 * scale * states[:, None]
    points += 1e6 if scale == 1e-3 else 0.0
    reference = HiddenMarkov(HiddenMarkovOptions(3, EmissionType.GAUSSIAN))
    data = reference.prepare(points)
    params = reference.initialize(data, rng)
    compiled = replace(reference, backend=Backend.NUMBA)
    found, wanted = compiled.e_step(data, params), reference.e_step(data, params)
    one, other = found.statistics.emission, wanted.statistics.emission
    np.testing.assert_allclose(one.counts, other.counts, rtol=1e-9)
    np.testing.assert_allclose(one.means, other.means, rtol=1e-9, atol=1e-11 * scale)
    size = np.abs(other.scatter).max()
    np.testing.assert_allclose(one.scatter, other.scatter, rtol=1e-9, atol=1e-11 * size)
    assert_same_step(replace(found, statistics=wanted.statistics), wanted)  # likelihood and entropy


def test_a_singular_covariance_is_refused():
    reference = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.GAUSSIAN))
    data = reference.prepare(np.arange(8.0).reshape(4, 2) ** 2)
    flat = np.array([np.eye(2), np.ones((2, 2))])
    emission = GaussianEmission(np.zeros((2, 2)), flat)
    params = HiddenMarkovParams(np.full(2, 0.5), np.full((2, 2), 0.5), emission)
    with pytest.raises(SingularError) as error:
        replace(reference, backend=Backend.NUMBA).e_step(data, params)
    assert error.value.part == 1


def test_large_counts_are_numbered_by_rank():
    reference = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.POISSON))
    data = reference.prepare(np.array([3, 2_000_000, 5, 1_999_000, 4, 2_001_000, 2_000_000]))
    params = HiddenMarkovParams(
        np.full(2, 0.5), np.full((2, 2), 0.5), PoissonEmission(np.array([4.0, 2e6]))
    )
    compiled = replace(reference, backend=Backend.NUMBA)
    found, wanted = compiled.e_step(data, params), reference.e_step(data, params)
    assert_same_step(found, wanted)


def test_many_symbols():
    """Too many for a matrix each, and each improbable in every state."""
    rng = np.random.default_rng(7)
    reference = HiddenMarkov(HiddenMarkovOptions(3, start=HiddenMarkovStart.RANDOM))
    data = reference.prepare(rng.integers(0, 3000, 2000))
    params = reference.initialize(data, rng)
    compiled = replace(reference, backend=Backend.NUMBA)
    assert_same_step(compiled.e_step(data, params), reference.e_step(data, params))


def test_a_sequence_given_up_half_way_leaves_no_trace(monkeypatch):
    """Sequences that only the backward pass gives up on are taken out and run on logarithms."""
    reference, compiled, data, params = problem(EmissionType.CATEGORICAL, 2, 8)
    skipped_first = []

    def give_up_once(*arguments):
        result = chains.run_chains(*arguments)
        skipped = next(a for a in arguments if isinstance(a, np.ndarray) and a.dtype == np.bool_)
        if not skipped_first:
            skipped_first.append(True)
            skipped[3] = True
            return result[0], False
        return result

    monkeypatch.setattr(kernel, "run_chains", give_up_once)
    monkeypatch.setattr(kernel, "word_length", lambda *_: 0)
    assert_same_step(compiled.e_step(data, params), reference.e_step(data, params))
    assert skipped_first


def both_ways(compiled, data, params, length, monkeypatch):
    """Return an E-step by words of a length, and whether they served to the end."""
    served = []

    def run_words(*arguments):
        served.append(words.run_words(*arguments))
        return served[-1]

    monkeypatch.setattr(kernel, "word_length", lambda *_: length)
    monkeypatch.setattr(kernel, "run_words", run_words)
    return compiled.e_step(data, params), bool(np.all(np.isfinite(served)))


@pytest.mark.parametrize("room", [24, 10_000])
@pytest.mark.parametrize("length", [2, 3, 4, 6])
@pytest.mark.parametrize("n_states", [2, 3, 4, 5])
def test_words_of_any_length_tell_the_same(n_states, length, room, monkeypatch):
    """Whole words, shorter ones at the ends, and sequences in one segment or in many."""
    rng = np.random.default_rng(n_states)
    reference = HiddenMarkov(HiddenMarkovOptions(n_states, start=HiddenMarkovStart.RANDOM))
    data = reference.prepare(Sequences(rng.integers(0, 3, 316), (200, 1, 2, 13, 100)))
    params = reference.initialize(data, rng)
    monkeypatch.setattr(kernel, "WORD_BYTES", room)
    compiled = replace(reference, backend=Backend.NUMBA)
    found, served = both_ways(compiled, data, params, length, monkeypatch)
    assert served
    assert_same_step(found, reference.e_step(data, params))


def test_counts_are_words_too(monkeypatch):
    """Counts far from every rate: what their densities are divided by comes back."""
    reference = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.POISSON))
    data = reference.prepare(np.array([0, 3, 1, 12, 0, 2, 40, 1, 0, 11, 10, 2]))
    params = HiddenMarkovParams(
        np.full(2, 0.5), np.array([[0.9, 0.1], [0.3, 0.7]]), PoissonEmission(np.array([0.1, 2.0]))
    )
    compiled = replace(reference, backend=Backend.NUMBA)
    found, served = both_ways(compiled, data, params, 2, monkeypatch)
    assert served
    assert_same_step(found, reference.e_step(data, params))


@pytest.mark.parametrize("rare", [1e-40, 1e-200])
def test_improbable_words_are_left_to_single_steps(rare, monkeypatch):
    """Three symbols in a row can be too improbable for one number, each alone is not."""
    reference = HiddenMarkov(HiddenMarkovOptions(2))
    data = reference.prepare(np.array([0, 1, 1, 1, 0, 0, 1, 1, 0, 0]))
    probs = np.array([[1.0 - rare, rare], [1.0 - 3 * rare, 3 * rare]])
    transition = np.array([[0.8, 0.2], [0.4, 0.6]])
    params = HiddenMarkovParams(np.full(2, 0.5), transition, CategoricalEmission(probs))
    compiled = replace(reference, backend=Backend.NUMBA)
    found, served = both_ways(compiled, data, params, 3, monkeypatch)
    assert not served
    assert_same_step(found, reference.e_step(data, params))


@pytest.mark.parametrize(
    ("n_steps", "n_symbols", "n_states", "length"),
    [(1000, 4, 3, 2), (100_000, 4, 3, 4), (10**6, 10, 5, 3), (50, 4, 3, 0), (10**6, 400, 3, 0)],
)
def test_words_are_longer_where_there_are_many_of_few(n_steps, n_symbols, n_states, length):
    assert words.word_length(n_steps, n_symbols, n_states) == length
    assert words.word_length(n_steps, n_symbols, 1) == 0
    assert words.word_length(n_steps, n_symbols, 6) == 0


def test_elementary_functions():
    from scipy.special import psi

    x = np.concatenate([np.linspace(-699.0, 5.0, 4001), [0.0, -1e-300]])
    np.testing.assert_allclose([exp(v) for v in x], np.exp(x), rtol=4e-16)
    y = np.concatenate([np.geomspace(0.01, 1e12, 2001), [0.5, 1.0, 2.0]])
    np.testing.assert_allclose([exp_digamma(v) for v in y], np.exp(psi(y)), rtol=5e-13)


def test_every_kernel_runs():
    for name, run in kernel.KERNELS:
        assert run() is None, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pseudo_count", [0.0, 0.7])
def test_the_other_half_step_agrees(kind, pseudo_count):
    """M-step and bound, with states nobody was in and probabilities that stay zero."""
    rng = np.random.default_rng(9)
    reference = HiddenMarkov(HiddenMarkovOptions(3, kind, pseudo_count=pseudo_count))
    data = reference.prepare(observations(kind, rng, 120))
    params = reference.initialize(data, rng)
    transition = np.array([[0.5, 0.5, 0.0], [0.3, 0.7, 0.0], [0.2, 0.2, 0.6]])
    params = HiddenMarkovParams(np.array([0.4, 0.6, 0.0]), transition, params.emission)
    compiled = replace(reference, backend=Backend.NUMBA)
    expectation = reference.e_step(data, params)
    found, wanted = compiled.m_step(params, expectation), reference.m_step(params, expectation)
    assert_close(found, wanted, rtol=1e-14)
    assert not found.transition_matrix.flags.writeable
    if pseudo_count == 0:
        np.testing.assert_array_equal(found.transition_matrix[2], transition[2])
    assert compiled.bound(found, expectation) == pytest.approx(
        reference.bound(wanted, expectation), rel=1e-13
    )
