from dataclasses import fields

import numpy as np
import pytest

from em_explorer.data.generate_sequences import draw_states, draw_symbols, sticky
from em_explorer.data.generators import GENERATORS, generate, generators
from em_explorer.em.errors import DataError
from em_explorer.em.options import controls
from em_explorer.registry import MODELS, entry, load


def raw(dataset):
    values = getattr(dataset.values, "observations", dataset.values)
    return values.toarray() if hasattr(values, "toarray") else values


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_is_reproducible_keeps_its_truth_and_suits_its_model(name):
    generator = GENERATORS[name]
    one, two = generator(), generator()
    assert (one.name, one.title, one.model) == (name, generator.title, generator.model)
    np.testing.assert_array_equal(raw(one), raw(two))
    assert one.story.endswith(".")
    assert one.source
    assert one.truth is not None
    if one.model == "latent_dirichlet":
        assert one.truth.topic_word.shape[1] == len(one.vocabulary) == one.values.shape[1]
        assert one.truth.doc_topic.shape == (len(one.documents), len(one.truth.topic_word))
        np.testing.assert_allclose(one.truth.topic_word.sum(axis=1), 1.0)
        np.testing.assert_allclose(one.truth.doc_topic.sum(axis=1), 1.0)
    elif one.model == "missing_data":
        seen = ~np.isnan(one.values)
        np.testing.assert_array_equal(one.values[seen], one.truth.complete[seen])
        assert not np.isnan(one.truth.complete).any()
        assert not seen.all()
    else:
        assert one.truth.labels.shape == (len(raw(one)),)
    row = entry(one.model)
    model = load(row.model)(load(row.options)(**one.options))
    data = model.prepare(one.values)
    if one.truth.params is not None:
        params = model.from_units(one.truth.params, data)
        assert np.isfinite(model.e_step(data, params).log_likelihood)


@pytest.mark.parametrize("name", GENERATORS)
def test_options_can_make_a_form_and_the_seed_counts(name):
    options = GENERATORS[name].options
    assert set(controls(options)) == {f.name for f in fields(options)}
    assert all(control.label for control in controls(options).values())
    if "seed" in controls(options):
        assert not np.array_equal(raw(generate(name, seed=1)), raw(generate(name, seed=2)))
        with pytest.raises(DataError, match="seed must be"):
            generate(name, seed=-1)


def test_every_model_has_generators():
    assert sum(len(generators(row.key)) for row in MODELS) == len(generators()) == len(GENERATORS)
    assert min(len(generators(row.key)) for row in MODELS) >= 3


def test_unknown_names_are_refused():
    with pytest.raises(DataError, match="no generator 'blob'"):
        generate("blob")
    with pytest.raises(DataError, match="given the options size; it has n, n_clusters"):
        generate("blobs", size=3)
    with pytest.raises(DataError, match="it has none"):
        generate("three-blobs", n=3)


def test_separation_is_the_distance_of_neighbors():
    means = generate("blobs", n_clusters=5, separation=4.0).truth.params.means
    np.testing.assert_allclose(np.linalg.norm(means - np.roll(means, 1, axis=0), axis=1), 4.0)
    one = generate("blobs", n_clusters=1).truth.params
    assert one.means.tolist() == [[0.0, 0.0]]
    assert np.diff(generate("two-normals", separation=2.0).truth.params.means[:, 0]) == [2.0]


def test_clusters_have_the_moments_of_their_truth():
    dataset = generate("stretched", n=60_000, n_clusters=2)
    params = dataset.truth.params
    for k in range(2):
        points = dataset.values[dataset.truth.labels == k]
        np.testing.assert_allclose(points.mean(axis=0), params.means[k], atol=0.2)
        np.testing.assert_allclose(np.cov(points.T), params.covariances[k], rtol=0.05, atol=0.5)
    eigenvalues = np.linalg.eigvalsh(params.covariances[0])
    np.testing.assert_allclose(eigenvalues, [1.0, 64.0])


def test_story_sets_are_as_told():
    far = generate("far-and-near")
    assert np.bincount(far.truth.labels).tolist() == [200, 200, 200]
    assert far.truth.params.means[:, 0].tolist() == [-6.0, 5.0, 9.0]
    outlier = generate("outlier")
    assert outlier.values.shape == (51, 1)
    assert outlier.values[-1, 0] == 5.0
    assert np.abs(outlier.values[:-1]).max() < 4.0
    overlapping = generate("overlapping")
    assert np.bincount(overlapping.truth.labels).tolist() == [300, 100]


def test_rings_have_their_radii():
    dataset = generate("rings", n=2000, n_rings=3, noise=0.01)
    radius = np.linalg.norm(dataset.values, axis=1)
    np.testing.assert_allclose(radius, dataset.truth.labels + 1, atol=0.06)


def test_three_blobs_are_scikit_learns():
    from sklearn.datasets import make_blobs

    points, labels = make_blobs(n_samples=1000, centers=3, cluster_std=1.0, random_state=42)
    dataset = generate("three-blobs")
    np.testing.assert_array_equal(dataset.values, points)
    np.testing.assert_array_equal(dataset.truth.labels, labels)


def test_three_blobs_have_the_known_likelihood():
    # Full covariances, K = 3, at convergence: the blobs are so far apart that one EM step from
    # the truth is the answer.
    from em_explorer.em.steps import RunOptions, fit
    from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions

    dataset = generate("three-blobs")
    model = GaussianMixture(GaussianMixtureOptions(n_components=3))
    data = model.prepare(dataset.values)
    start = model.from_units(dataset.truth.params, data)
    end = fit(model, data, start, RunOptions(max_iter=50, tolerance=1e-12))
    assert end.expectation.log_likelihood == pytest.approx(-3905.697, abs=5e-4)


def test_three_state_chain_has_the_known_likelihood():
    from em_explorer.em.steps import RunOptions, fit
    from em_explorer.models.hidden_markov import HiddenMarkov, HiddenMarkovOptions

    dataset = generate("three-state-chain")
    model = HiddenMarkov(HiddenMarkovOptions(**dataset.options))
    data = model.prepare(dataset.values)
    start = model.from_units(dataset.truth.params, data)
    # The truth's value, and one on the way to the maximum −1119.0131, both by hmmlearn.
    history = fit(model, data, start, RunOptions(max_iter=60, tolerance=0.0)).history
    assert history[0] == pytest.approx(-1133.16107631483, rel=1e-10)
    assert -1119.5 < history[-1] < -1119.013


def test_casino_rolls_as_the_story_says():
    dataset = generate("casino", n=100_000)
    rolls, states = dataset.values.observations, dataset.truth.labels
    assert states[0] == 0
    assert (rolls[states == 1] == 5).mean() == pytest.approx(0.5, abs=0.01)
    assert (rolls[states == 0] == 5).mean() == pytest.approx(1 / 6, abs=0.01)
    stays = [(states[1:] == k)[states[:-1] == k].mean() for k in (0, 1)]
    np.testing.assert_allclose(stays, [0.95, 0.90], atol=0.005)
    assert len(generate("casino", n=3000).index) == 3000


def test_states_and_symbols_follow_given_matrices():
    rng = np.random.default_rng(3)
    initial = np.array([0.0, 1.0, 0.0])
    transition = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 0.1, 0.9]])
    states = draw_states(initial, transition, [20_000, 20_000], rng)
    assert states[0] == states[20_000] == 1
    counts = np.zeros((3, 3))
    np.add.at(counts, (states[:-1], states[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), transition, atol=0.04)
    assert counts[0, 2] == 0
    probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
    symbols = draw_symbols(states, probs, rng)
    shares = [(symbols[states == k] == 1).mean() for k in range(3)]
    np.testing.assert_allclose(shares, probs[:, 1], atol=0.02)


def test_sticky_matrices():
    np.testing.assert_allclose(sticky(3, 0.8), [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    assert sticky(1, 0.3).tolist() == [[1.0]]


@pytest.mark.parametrize("name", ["symbol-chain", "level-chain", "count-chain"])
def test_chains_split_into_sequences(name):
    dataset = generate(name, n=100, n_sequences=3)
    assert dataset.values.lengths == (34, 33, 33)
    emission = dataset.truth.params.emission
    assert type(emission).__name__.lower().startswith(dataset.options["emission"])


def test_bars_light_up_rows_and_columns():
    dataset = generate("bars")
    assert dataset.image_shape == (5, 5)
    topics = dataset.truth.topic_word.reshape(10, 5, 5)
    np.testing.assert_allclose(topics.sum(axis=(1, 2)), 1.0)
    assert (topics[0, 0] == 0.2).all()
    assert (topics[5, :, 0] == 0.2).all()
    np.testing.assert_array_equal(dataset.values.sum(axis=1), 100)
    expected = 100 * dataset.truth.doc_topic @ dataset.truth.topic_word
    residual = (dataset.values.toarray() - expected) / np.sqrt(expected + 1e-9)
    assert np.mean(residual**2) == pytest.approx(0.96, abs=0.05)  # 24 free of 25


def test_small_topics_are_as_told():
    dataset = generate("small-topics")
    lengths = dataset.values.sum(axis=1)
    assert lengths.min() >= 10
    assert lengths.max() <= 29
    assert dataset.values.shape == (100, 24)
    used = np.asarray(dataset.values.sum(axis=0)).ravel() > 0
    assert used.tolist() == [True] * 15 + [False] * 9


def test_three_normals_have_the_known_error_of_mean_fill():
    dataset = generate("three-normals")
    hole = np.isnan(dataset.values)
    mean = np.nanmean(dataset.values, axis=0)
    error = ((dataset.truth.complete - mean) ** 2)[hole].mean()
    assert error == pytest.approx(0.93543, abs=5e-6)
    assert hole.all(axis=1).sum() == 7
    assert "7 rows have nothing" in dataset.story
