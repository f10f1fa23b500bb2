"""Every figure in the words of the mixture's stories, run again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from em_explorer.em.steps import fit
from em_explorer.models.clustering_scores import adjusted_rand_index
from em_explorer.models.gaussian_mixture import GaussianMixture, MixtureStart
from em_explorer.models.k_means import KMeans
from em_explorer.session.document import list_stories, load_story

ENDS = {
    "old-faithful": ("converged", 16, -1130.26396),
    "old-faithful-worse-start": ("converged", 16, -1276.25),
    "old-faithful-wrong-k": ("converged", 110, -1106.03),
    "old-faithful-collapse": ("singular", 18, -1259.39),
    "old-faithful-ridge": ("converged", 64, -1137.01),
    "waiting-times": ("converged", 19, -1034.0017),
    "bad-start-sticks": ("converged", 273, -1543.67),
    "good-start": ("converged", 17, -1452.98),
    "singularity": ("singular", 1, -49.11),
    "singularity-ridge": ("converged", 2, -68.40),
    "identical-twins": ("stalled", 2, -1289.80),
    "overlap-is-slow": ("converged", 583, -3558.11),
    "iris-many-optima": ("converged", 47, -193.14),
    "three-blobs": ("converged", 2, -3905.697),
    "k-means-against-em": ("converged", 21, -3412.81),
}


def run(story, seed=None):
    given = story.initial_params()
    model = story.build_model()
    if given is not None:
        model = GaussianMixture(replace(model.options, start=MixtureStart.GIVEN))
    data = model.prepare(story.dataset().values)
    if given is None:
        rng = np.random.default_rng(story.seed if seed is None else seed)
        params = model.initialize(data, rng)
    else:
        params = model.from_units(given, data)
    found = fit(model, data, params, story.run_options())
    latent = model.e_step(data, found.params, latent=True).latent
    return found, model.to_units(found.params, data), latent.responsibilities.argmax(1)


def test_every_story_is_here_in_order_and_has_words():
    stories = list_stories("gaussian_mixture")
    assert [story.name for story in stories] == list(ENDS)
    assert [story.order for story in stories] == sorted({story.order for story in stories})
    for story in stories:
        assert story.caption
        assert story.question.endswith("?")
        assert story.watch
        for button in story.next:
            assert load_story(button.demo).model == "gaussian_mixture"


@pytest.mark.parametrize("name", ENDS)
def test_a_story_ends_as_its_words_say(name):
    reason, n_iter, value = ENDS[name]
    found, _, _ = run(load_story(name))
    assert found.stop.reason.value == reason
    assert found.n_iter == pytest.approx(n_iter, abs=1)  # another BLAS may round elsewhere
    assert found.history[-1] == pytest.approx(value, abs=6e-3)


def test_other_figures_in_the_words():
    _, params, _ = run(load_story("waiting-times"))
    np.testing.assert_allclose(params.means.ravel(), [54.61, 80.09], atol=6e-3)
    assert params.weights[0] == pytest.approx(0.36, abs=5e-3)
    _, params, _ = run(load_story("old-faithful-worse-start"))
    assert params.weights[1] == pytest.approx(0.05, abs=5e-3)
    found, _, _ = run(load_story("old-faithful-ridge"))
    assert found.expectation.log_likelihood == pytest.approx(-1130.39, abs=6e-3)
    _, params, _ = run(load_story("singularity-ridge"))
    assert params.weights[1] == pytest.approx(0.02, abs=5e-3)
    assert np.sqrt(params.covariances[1, 0, 0]) == pytest.approx(0.22, abs=5e-3)
    overlap = load_story("overlap-is-slow")
    easy = replace(overlap, data={"generator": "two-normals", "options": {"separation": 4.0}})
    assert run(easy)[0].n_iter == pytest.approx(18, abs=1)


def test_the_irises_end_on_the_hills_the_words_name():
    story = load_story("iris-many-optima")
    truth = story.dataset().truth.labels
    for seed, value, agreement in ((17, -193.14, 0.52), (18, -186.57, 0.72), (35, -180.19, 0.90)):
        found, _, labels = run(story, seed)
        assert found.history[-1] == pytest.approx(value, abs=6e-3)
        assert adjusted_rand_index(labels, truth) == pytest.approx(agreement, abs=6e-3)


def rightly_grouped(labels, truth):
    """Count the points in the right group, groups matched as well as they can be."""
    table = np.zeros((3, 3))
    np.add.at(table, (truth, labels), 1)
    return table[linear_sum_assignment(-table)].sum()


def test_k_means_cuts_the_long_groups_and_em_follows_them():
    story = load_story("k-means-against-em")
    truth = story.dataset().truth.labels
    assert len(truth) == 600
    _, _, labels = run(story)
    assert rightly_grouped(labels, truth) == pytest.approx(597, abs=1)
    rival = KMeans(story.build_model().options)
    data = rival.prepare(story.dataset().values)
    params = rival.from_units(story.initial_params(), data)
    found = fit(rival, data, params, story.run_options())
    labels = rival.e_step(data, found.params, latent=True).latent.responsibilities.argmax(1)
    assert found.n_iter == 10
    assert rightly_grouped(labels, truth) == 375
    spread = np.sqrt(np.linalg.eigvalsh(story.dataset().truth.params.covariances[0]))
    assert spread[1] / spread[0] == pytest.approx(6.0)


def test_bic_prefers_two_kinds_of_eruption_to_four():
    def bic(name):
        found, params, labels = run(load_story(name))
        k = len(params.weights)
        free = (k - 1) + 2 * k + 3 * k
        return free, free * np.log(labels.size) - 2.0 * found.history[-1]

    two, four = bic("old-faithful"), bic("old-faithful-wrong-k")
    assert (two[0], four[0]) == (11, 23)
    assert two[1] < four[1]
