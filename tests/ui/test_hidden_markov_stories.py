"""What the hidden Markov demos say in words is what happens when they run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from em_explorer.data.letters import LETTERS
from em_explorer.em.steps import Fit, StopReason, fit
from em_explorer.models.hidden_markov import HiddenMarkov, viterbi
from em_explorer.session.document import Story, list_stories, load_story
from em_explorer.ui.tabs.hidden_markov_picture import truth_figures
from em_explorer.ui.tabs.hidden_markov_words import (
    aligned_accuracy,
    m_caption,
    mean_sentence,
    two_probabilities,
)


def run(name: str) -> tuple[Story, HiddenMarkov, Any, Any, Fit]:
    story = load_story(name)
    dataset, model = story.dataset(), story.build_model()
    data = model.prepare(dataset.values)
    given = story.initial_params()
    if given is None:
        params = model.initialize(data, np.random.default_rng(story.seed))
    else:
        params = model.from_units(given, data)
    return story, model, dataset, data, fit(model, data, params, story.run_options())


def accuracy(model: Any, dataset: Any, data: Any, params: Any) -> float:
    gamma = model.e_step(data, params, latent=True).latent.gamma
    return aligned_accuracy(gamma.argmax(1), dataset.truth.labels, model.options.n_states)


def test_every_story_has_its_words_and_leads_to_another():
    stories = list_stories("hidden_markov")
    assert len(stories) >= 8
    assert stories[0].name == "casino"
    for story in stories:
        assert story.caption.endswith(".")
        assert story.question.endswith("?")
        assert story.watch.endswith(".")
        assert all(load_story(onward.demo) for onward in story.next)


def test_with_300_rolls_the_fit_beats_the_truth_and_is_less_right():
    _, model, dataset, data, end = run("casino")
    assert end.stop.reason is StopReason.CONVERGED
    assert end.history[-1] == pytest.approx(-494.50, abs=0.005)
    value, share = truth_figures(model, dataset, data)
    assert value == pytest.approx(-500.40, abs=0.005)
    assert f"{share:.2f}" == "0.82"
    assert f"{accuracy(model, dataset, data, end.params):.2f}" == "0.78"
    assert end.params.emission.probs[1, 5] > end.params.emission.probs[0, 5]


def test_with_3000_rolls_the_loaded_die_is_nearly_the_true_one():
    _, model, dataset, data, end = run("casino-3000")
    np.testing.assert_allclose(
        end.params.emission.probs, dataset.truth.params.emission.probs, atol=0.04
    )
    gain = end.history[-1] - truth_figures(model, dataset, data)[0]
    assert 3.0 < gain < 10.0


def test_label_switching_ends_at_the_casinos_likelihood_with_the_other_numbers():
    _, _, _, _, end = run("label-switching")
    assert end.history[-1] == pytest.approx(-494.50, abs=0.005)
    assert end.params.emission.probs[0, 5] > end.params.emission.probs[1, 5]


def test_vowels_part_within_forty_iterations():
    _, _, _, data, end = run("vowels")
    assert len(data) == 4000
    assert end.stop.reason is StopReason.CONVERGED
    assert end.n_iter <= 40
    counts = end.expectation.statistics.emission.counts
    first = {LETTERS[m] for m in np.flatnonzero(counts[0] > counts[1])}
    assert set("aeiou") <= first
    assert "␣" not in first
    assert len(first) <= 8
    assert end.params.transition_matrix[0, 0] < 0.05


def test_the_flat_start_stalls_and_a_nudge_frees_it():
    story, model, _, data, end = run("vowels-flat")
    assert end.stop.reason is StopReason.STALLED
    assert end.n_iter == 1
    nudged = model.nudge(end.params, np.random.default_rng([0, 4]), 0.05)
    freed = fit(model, data, nudged, replace(story.run_options(), max_iter=100))
    assert freed.stop.reason is StopReason.ITERATION_LIMIT  # slow, but not stuck
    assert freed.history[-1] > end.history[-1] + 50.0


def test_earthquakes_and_the_nile_end_where_the_words_say():
    _, _, _, _, quakes = run("earthquakes")
    assert quakes.history[-1] == pytest.approx(-341.87870, abs=5e-6)
    np.testing.assert_allclose(quakes.params.emission.rates, [15.4, 26.0], atol=0.05)
    _, model, dataset, data, nile = run("nile")
    assert nile.history[-1] == pytest.approx(-629.80446, abs=5e-6)
    path, _ = viterbi(model, data, nile.params)
    assert dataset.index[np.flatnonzero(np.diff(path))].tolist() == [1898.0]
    assert nile.params.transition_matrix[1, 0] < 1e-6


def test_three_states_are_found_as_well_as_the_words_say():
    _, model, dataset, data, end = run("three-state-chain")
    assert end.history[-1] == pytest.approx(-1119.0, abs=0.05)
    path, _ = viterbi(model, data, end.params)
    assert aligned_accuracy(path, dataset.truth.labels, 3) == pytest.approx(0.85, abs=0.005)
    assert truth_figures(model, dataset, data)[1] == pytest.approx(0.87, abs=0.005)


def test_an_m_step_is_told_as_a_teacher_would():
    _, model, _, data, _ = run("casino")
    old = load_story("casino").initial_params()
    new = model.m_step(old, model.e_step(data, old))
    said = m_caption(old, new, ("State 1", "State 2"), tuple("123456"), "face")
    changed = np.abs(new.emission.probs - old.emission.probs)
    k, m = np.unravel_index(changed.argmax(), changed.shape)
    assert said == (
        f"State {k + 1} now shows “{m + 1}” with probability "
        f"{new.emission.probs[k, m]:.2f} (was {old.emission.probs[k, m]:.2f}).".replace(" 0.", " .")
    )
    assert two_probabilities(0.9312, 0.9308) == (".9312", ".9308")
    assert two_probabilities(0.93, 0.88) == (".93", ".88")
    assert mean_sentence("quiet", "earthquakes a year", "14.1", "13.7") == (
        "The mean of quiet is now 14.1 earthquakes a year (was 13.7)."
    )
    assert mean_sentence("low", "flow (10⁸ m³)", "861", "903") == (
        "The mean flow of low is now 861 × 10⁸ m³ (was 903)."
    )
