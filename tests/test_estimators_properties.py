"""What must hold for any data: EM climbs, and answers do not depend on order, names or units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import multivariate_normal

from em_explorer import (
    EMImputation,
    GaussianMixtureModel,
    HiddenMarkovModel,
    LatentDirichletAllocation,
)
from em_explorer.em.errors import DataError
from em_explorer.models import backend
from em_explorer.models.alignment import align_parts

some = settings(max_examples=15, deadline=None, derandomize=True)
SEEDS = st.integers(0, 10_000)
KINDS = st.sampled_from(["full", "tied", "diagonal", "spherical"])


def run(estimator, *data):
    """Fit for some steps; None where the data allow none."""
    estimator.set_params(max_iter=8, tolerance=0)
    try:
        return estimator.fit(*data)
    except DataError:
        return None


def climbs(found):
    history = found.log_likelihood_history_
    slack = 1e-9 * (1.0 + np.abs(history).max())
    assert np.all(np.diff(history) >= -slack)
    assert found.stop_reason_ != "decreased"


def same_history(one, other, shift=0.0):
    # A component may collapse a step earlier where sums are taken in another order.
    n = min(len(one.log_likelihood_history_), len(other.log_likelihood_history_))
    assert n > 1 or one.stop_reason_ == other.stop_reason_ == "singular"
    expected = other.log_likelihood_history_[:n] + shift
    scale = 1.0 + np.abs(expected).max() + abs(shift)
    np.testing.assert_allclose(
        one.log_likelihood_history_[:n] / scale, expected / scale, rtol=0, atol=1e-9
    )


def points_of(seed, n=60):
    """Draw points in two groups, with a start."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    centers = 3 * rng.normal(size=(2, d))
    points = centers[rng.integers(2, size=n)] + rng.normal(size=(n, d))
    start = {
        "weights_init": rng.dirichlet([5.0, 5.0]),
        "means_init": points[:2] + 0.1,
        "covariances_init": np.array([np.eye(d), 2 * np.eye(d)]),
    }
    return points, start, rng


# --- mixtures -----------------------------------------------------------------------------------


@some
@given(SEEDS, KINDS, st.sampled_from([0.0, 0.1]))
def test_mixtures_climb(seed, kind, ridge):
    points, _, _ = points_of(seed)
    for init in ("k-means++", "random points", "random responsibilities"):
        climbs(
            run(GaussianMixtureModel(3, kind, init=init, ridge=ridge, random_state=seed), points)
        )


@some
@given(SEEDS, KINDS)
def test_mixtures_know_no_order_and_no_names(seed, kind):
    points, start, rng = points_of(seed)
    one = run(GaussianMixtureModel(2, kind, **start), points)
    same_history(run(GaussianMixtureModel(2, kind, **start), points[rng.permutation(60)]), one)
    swapped = {name: value[::-1] for name, value in start.items()}
    if kind == "tied":
        swapped["covariances_init"] = start["covariances_init"]
        swapped["weights_init"] = start["weights_init"] = np.array([0.5, 0.5])
        one = run(GaussianMixtureModel(2, kind, **start), points)
    other = run(GaussianMixtureModel(2, kind, **swapped), points)
    same_history(other, one)
    np.testing.assert_allclose(other.means_[::-1], one.means_, rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(1 - other.predict(points), one.predict(points))


@some
@given(SEEDS, KINDS, st.sampled_from([-1e6, 0.0, 3.5]), st.sampled_from([1e-6, 0.3, 1e5]))
def test_mixtures_know_no_units(seed, kind, shift, scale):
    points, start, _ = points_of(seed)
    one = run(GaussianMixtureModel(2, kind, **start), points)
    moved = {
        "weights_init": start["weights_init"],
        "means_init": start["means_init"] * scale + shift,
        "covariances_init": start["covariances_init"] * scale**2,
    }
    other = run(GaussianMixtureModel(2, kind, **moved), points * scale + shift)
    # The shifted points themselves are rounded.
    lost = 1e-9 + 20 * np.finfo(float).eps * abs(shift) / scale
    n = min(len(other.log_likelihood_history_), len(one.log_likelihood_history_))
    expected = one.log_likelihood_history_[:n] - points.size * np.log(scale)
    np.testing.assert_allclose(other.log_likelihood_history_[:n], expected, rtol=100 * lost)
    assert (n > 1) or one.stop_reason_ == "singular"
    np.testing.assert_allclose((other.means_ - shift) / scale, one.means_, atol=1e3 * lost)


@some
@given(SEEDS)
def test_one_component_is_the_normal(seed):
    points, _, _ = points_of(seed)
    mixture = run(GaussianMixtureModel(1, random_state=seed), points)
    mean, covariance = points.mean(axis=0), np.cov(points.T, bias=True)
    np.testing.assert_allclose(mixture.means_, [mean], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mixture.covariances_[0], np.atleast_2d(covariance), rtol=1e-9)
    np.testing.assert_allclose(mixture.weights_, [1.0])
    expected = multivariate_normal.logpdf(points, mean, covariance).sum()
    np.testing.assert_allclose(mixture.log_likelihood_history_[1:], expected, rtol=1e-10)


def test_a_mixture_is_found_again():
    rng = np.random.default_rng(1)
    weights, means = np.array([0.5, 0.3, 0.2]), np.array([[0.0, 0], [6, 1], [-3, 7]])
    factors = rng.normal(size=(3, 2, 2)) * 0.4 + np.eye(2)
    labels = rng.choice(3, 30_000, p=weights)
    noise = rng.normal(size=(30_000, 2))
    points = means[labels] + np.einsum("nij,nj->ni", factors[labels], noise)
    mixture = GaussianMixtureModel(3, n_init=2, random_state=0).fit(points)
    order = align_parts(np.linalg.norm(means[:, None] - mixture.means_[None], axis=2))
    np.testing.assert_allclose(mixture.means_[order], means, atol=0.06)
    np.testing.assert_allclose(mixture.weights_[order], weights, atol=0.01)
    truth = factors @ factors.swapaxes(1, 2)
    np.testing.assert_allclose(mixture.covariances_[order], truth, atol=0.08)


# --- hidden Markov models -----------------------------------------------------------------------

EMISSIONS = st.sampled_from(["categorical", "gaussian", "poisson"])


def sequences_of(seed, kind):
    """Draw sequences of two sticky states, with a start."""
    rng = np.random.default_rng(seed)
    found = []
    for length in rng.integers(5, 30, size=4):
        state = (np.arange(length) // int(rng.integers(2, 7))) % 2
        if kind == "gaussian":
            found.append(rng.normal(size=(length, 2)) + 3.0 * state[:, None])
        elif kind == "poisson":
            found.append(rng.poisson(1 + 5 * state))
        else:
            found.append(rng.integers(0, 3, length) + state)
    start = {"startprob_init": rng.dirichlet([3, 3]), "transmat_init": rng.dirichlet([3, 3], 2)}
    if kind == "gaussian":
        start["means_init"] = rng.normal(size=(2, 2)) + np.array([[0.0], [3.0]])
        start["covariances_init"] = np.array([np.eye(2), 2 * np.eye(2)])
    elif kind == "poisson":
        start["rates_init"] = np.array([1.5, 4.0])
    else:
        start["emissionprob_init"] = rng.dirichlet(np.ones(4), 2)
    return found, start


@some
@given(SEEDS, EMISSIONS, st.sampled_from([0.0, 0.5]))
def test_chains_climb(seed, kind, prior):
    data, _ = sequences_of(seed, kind)
    for init in ("from the data", "random"):
        model = HiddenMarkovModel(
            3, kind, init=init, ridge=prior, pseudo_count=prior, random_state=seed
        )
        found = run(model, data)
        if found is not None:
            climbs(found)


@some
@given(SEEDS, EMISSIONS)
def test_chains_know_no_order_and_no_names(seed, kind):
    data, start = sequences_of(seed, kind)
    n_symbols = 4 if kind == "categorical" else None
    one = run(HiddenMarkovModel(2, kind, n_symbols, **start), data)
    same_history(run(HiddenMarkovModel(2, kind, n_symbols, **start), data[::-1]), one)
    swapped = {name: value[::-1] for name, value in start.items()}
    swapped["transmat_init"] = start["transmat_init"][::-1, ::-1]
    other = run(HiddenMarkovModel(2, kind, n_symbols, **swapped), data)
    same_history(other, one)
    np.testing.assert_allclose(other.transmat_[::-1, ::-1], one.transmat_, atol=1e-8)
    proba = np.concatenate([other.predict_proba(data)[:, ::-1]])
    np.testing.assert_allclose(proba, one.predict_proba(data), atol=1e-7)


@some
@given(SEEDS, st.sampled_from([-1e5, 2.0]), st.sampled_from([1e-3, 50.0]))
def test_chains_know_no_units(seed, shift, scale):
    data, start = sequences_of(seed, "gaussian")
    one = run(HiddenMarkovModel(2, "gaussian", **start), data)
    moved = {
        **start,
        "means_init": start["means_init"] * scale + shift,
        "covariances_init": start["covariances_init"] * scale**2,
    }
    other = run(HiddenMarkovModel(2, "gaussian", **moved), [x * scale + shift for x in data])
    lost = 1e-9 + 20 * np.finfo(float).eps * abs(shift) / scale
    n_numbers = sum(x.size for x in data)
    expected = one.log_likelihood_history_ - n_numbers * np.log(scale)
    np.testing.assert_allclose(other.log_likelihood_history_, expected, rtol=100 * lost)


@some
@given(SEEDS)
def test_one_state_is_no_chain(seed):
    symbols, counts, points = (
        sequences_of(seed, k)[0] for k in ("categorical", "poisson", "gaussian")
    )
    model = run(HiddenMarkovModel(1, "categorical", 4, random_state=seed), symbols)
    shares = np.bincount(np.concatenate(symbols), minlength=4) / sum(map(len, symbols))
    np.testing.assert_allclose(model.emissionprob_, [shares], rtol=1e-10, atol=1e-15)
    seen = shares[shares > 0]
    expected = sum(map(len, symbols)) * float(seen @ np.log(seen))
    assert model.log_likelihood_history_[-1] == pytest.approx(expected, rel=1e-10)
    model = run(HiddenMarkovModel(1, "poisson", random_state=seed), counts)
    np.testing.assert_allclose(model.rates_, [np.concatenate(counts).mean()], rtol=1e-10)
    model = run(HiddenMarkovModel(1, "gaussian", random_state=seed), points)
    everything = np.concatenate(points)
    np.testing.assert_allclose(model.means_, [everything.mean(axis=0)], rtol=1e-10)
    np.testing.assert_allclose(model.covariances_, [np.cov(everything.T, bias=True)], rtol=1e-9)
    np.testing.assert_allclose(model.transmat_, [[1.0]])


def test_a_chain_is_found_again():
    rng = np.random.default_rng(2)
    transitions = np.array([[0.95, 0.05], [0.1, 0.9]])
    emission = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    draws, states = rng.random(20_000), [0]
    for u in draws[1:]:
        states.append(int(u > transitions[states[-1], 0]))
    edges = np.cumsum(emission, axis=1)[:, :-1]
    symbols = (edges[states] <= rng.random(20_000)[:, None]).sum(axis=1)
    model = HiddenMarkovModel(2, tolerance=1e-5, random_state=0).fit(symbols)
    order = np.argsort(-model.emissionprob_[:, 0])
    np.testing.assert_allclose(model.emissionprob_[order], emission, atol=0.03)
    np.testing.assert_allclose(model.transmat_[np.ix_(order, order)], transitions, atol=0.02)


# --- topics -------------------------------------------------------------------------------------


def documents_of(seed):
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(8, 0.4), 2)
    counts = rng.poisson(15 * rng.dirichlet([0.5, 0.5], 20) @ topics)
    counts[counts.sum(axis=1) == 0, 0] = 1
    return counts, rng.gamma(2.0, size=(2, 8)) + 0.1, rng


@some
@given(SEEDS, st.sampled_from(["best", "carried"]), st.sampled_from([0.01, 0.5]))
def test_topics_climb(seed, inner, beta):
    counts, _, _ = documents_of(seed)
    for init in ("random", "random documents"):
        climbs(
            run(
                LatentDirichletAllocation(
                    3, beta=beta, init=init, inner_start=inner, random_state=seed
                ),
                counts,
            )
        )


@some
@given(SEEDS)
def test_topics_know_no_order_and_no_names(seed):
    counts, start, rng = documents_of(seed)
    one = run(LatentDirichletAllocation(2, topic_word_init=start), counts)
    rows, columns = rng.permutation(20), rng.permutation(8)
    for data, init in (
        (counts[rows], start),
        (counts, start[::-1]),
        (counts[:, columns], start[:, columns]),
    ):
        other = run(LatentDirichletAllocation(2, topic_word_init=init), data)
        # A document stops where its own turns do, and a last bit may cost it one turn more.
        np.testing.assert_allclose(
            other.log_likelihood_history_, one.log_likelihood_history_, rtol=1e-6
        )


@some
@given(SEEDS, st.sampled_from([0.01, 1.0]))
def test_one_topic_is_counting(seed, beta):
    counts, _, _ = documents_of(seed)
    model = run(LatentDirichletAllocation(1, beta=beta, random_state=seed), counts)
    words = counts.sum(axis=0)
    expected = (
        gammaln(8 * beta)
        - gammaln(8 * beta + words.sum())
        + (gammaln(beta + words) - gammaln(beta)).sum()
    )
    np.testing.assert_allclose(model.log_likelihood_history_[1:], expected, rtol=1e-11)
    np.testing.assert_allclose(model.topic_word_posterior_, [beta + words], rtol=1e-12)


def test_topics_are_found_again():
    rng = np.random.default_rng(3)
    truth = rng.dirichlet(np.full(30, 0.1), 3)
    shares = rng.dirichlet(np.full(3, 0.2), 1500)
    counts = np.array([rng.multinomial(80, share @ truth) for share in shares])
    model = LatentDirichletAllocation(3, max_iter=40, tolerance=1e-4, random_state=0).fit(counts)
    distance = 0.5 * np.abs(truth[:, None] - model.topic_word_[None]).sum(axis=2)
    order = align_parts(distance)
    assert distance[np.arange(3), order].max() < 0.05
    assert np.abs(model.doc_topic_[:, order] - shares).mean() < 0.05


# --- missing data -------------------------------------------------------------------------------


def holed_of(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3)) + rng.normal(size=3)
    table[rng.random(table.shape) < 0.25] = np.nan
    return table, rng


@some
@given(SEEDS, st.sampled_from([0.0, 0.2]))
def test_imputations_climb(seed, ridge):
    table, _ = holed_of(seed)
    climbs(run(EMImputation(ridge=ridge), table))


@some
@given(SEEDS)
def test_imputations_know_no_order(seed):
    table, rng = holed_of(seed)
    one = run(EMImputation(), table)
    rows, columns = rng.permutation(40), rng.permutation(3)
    same_history(run(EMImputation(), table[rows]), one)
    other = run(EMImputation(), table[:, columns])
    same_history(other, one)
    np.testing.assert_allclose(other.transform(table[:, columns]), one.transform(table)[:, columns])


@some
@given(SEEDS, st.sampled_from([-1e6, 7.0]), st.sampled_from([1e-4, 1e3]))
def test_imputations_know_no_units(seed, shift, scale):
    table, _ = holed_of(seed)
    scales = np.array([scale, 1.0, 1.0 / scale])
    one, other = run(EMImputation(), table), run(EMImputation(), table * scales + shift)
    n_seen = (~np.isnan(table)).sum(axis=0)
    lost = 1e-9 + 20 * np.finfo(float).eps * abs(shift) / scales.min()
    expected = one.log_likelihood_history_ - n_seen @ np.log(scales)
    np.testing.assert_allclose(other.log_likelihood_history_, expected, rtol=100 * lost)
    moved = (other.transform(table * scales + shift) - shift) / scales
    np.testing.assert_allclose(moved, one.transform(table), atol=1e4 * lost)


@some
@given(SEEDS)
def test_without_holes_it_is_the_normal(seed):
    table = np.random.default_rng(seed).normal(size=(30, 3)) + 5.0
    model = run(EMImputation(), table)
    np.testing.assert_allclose(model.mean_, table.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.covariance_, np.cov(table.T, bias=True), rtol=1e-10)
    expected = multivariate_normal.logpdf(table, model.mean_, model.covariance_).sum()
    assert model.log_likelihood_history_[-1] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(model.transform(table), table)


def test_a_normal_is_found_again_behind_holes():
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(4, 4))
    table = rng.normal(size=(40_000, 4)) @ mixing + 3.0
    table[rng.random(table.shape) < 0.3] = np.nan
    model = EMImputation().fit(table)
    np.testing.assert_allclose(model.mean_, 3.0, atol=0.06)
    np.testing.assert_allclose(model.covariance_, mixing.T @ mixing, atol=0.15)


# --- threads ------------------------------------------------------------------------------------


def bits(estimator):
    return {
        name: value.tobytes()
        for name, value in vars(estimator).items()
        if name.endswith("_") and isinstance(value, np.ndarray)
    }


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(5)
    points = np.concatenate([rng.normal(size=(9_000, 2)), rng.normal(size=(9_000, 2)) + 3])
    symbols, lengths = rng.integers(0, 4, 3_000), (500,) * 6
    counts = rng.poisson(1.0, (200, 30)) + np.eye(200, 30, dtype=int)
    holed = np.where(rng.random((5_000, 4)) < 0.2, np.nan, rng.normal(size=(5_000, 4)))
    estimators = [
        (GaussianMixtureModel(3, random_state=1), points),
        (HiddenMarkovModel(3, random_state=1), symbols, lengths),
        (LatentDirichletAllocation(3, inner_max_iter=20, random_state=1), counts),
        (EMImputation(), holed),
    ]
    before, found = backend.threads(), []
    try:
        for n_threads in (1, 2, 3):
            backend.set_threads(n_threads)
            found.append([bits(run(estimator, *data)) for estimator, *data in estimators])
    finally:
        backend.set_threads(before)
    assert found[0] == found[1] == found[2]
    assert all(len(names) >= 3 for names in found[0])
