"""Stories: every bundled one can be shown, and a bad file is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.errors import DataError
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from em_explorer.models.hidden_markov import HiddenMarkovParams, PoissonEmission
from em_explorer.session.document import list_stories, load_story, read_story
from em_explorer.session.mapping import options_from_mapping, params_from_mapping, to_mapping

STORIES = {story.name: story for story in list_stories()}


@pytest.mark.parametrize("name", STORIES)
def test_every_story_begins(name):
    story = STORIES[name]
    model = story.build_model()
    data = model.prepare(story.dataset().values)
    given = story.initial_params()
    if given is None:
        params = model.initialize(data, np.random.default_rng(story.seed))
    else:
        params = model.from_units(given, data)
    expectation = model.e_step(data, params)
    assert np.isfinite(model.bound(params, expectation))
    assert story.caption
    assert story.question
    assert story.watch
    for onward in story.next:
        assert onward.demo in STORIES
    story.run_options()


def test_each_tab_opens_on_a_story_of_its_own():
    for row in registry.MODELS:
        assert STORIES[row.first_demo].model == row.key


def test_every_model_has_at_least_four_stories():
    for row in registry.MODELS:
        assert sum(story.model == row.key for story in STORIES.values()) >= 4


def test_names_match_their_files_and_orders_differ():
    keys = [(s.model, s.order) for s in STORIES.values()]
    assert len(set(keys)) == len(keys)
    for name in STORIES:
        assert load_story(name).name == name


def test_an_unknown_story_names_its_neighbors():
    with pytest.raises(DataError, match="Did you mean old-faithful"):
        load_story("old-faithfull")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "is no story"),
        ("name = 'x'\ntitle = 'X'", "it has no model"),
        ("name = 'x'\ntitle = 'X'\nmodel = 'm'\ncolor = 'red'", "is no story"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_story(path)


def test_params_survive_the_file():
    params = HiddenMarkovParams(
        np.array([0.5, 0.5]),
        np.array([[0.9, 0.1], [0.1, 0.9]]),
        PoissonEmission(np.array([10.0, 30.0])),
    )
    back = params_from_mapping(HiddenMarkovParams, to_mapping(params))
    assert isinstance(back.emission, PoissonEmission)
    assert np.array_equal(back.emission.rates, params.emission.rates)
    assert np.array_equal(back.transition_matrix, params.transition_matrix)


def test_bad_params_and_options_are_refused():
    with pytest.raises(DataError, match="must give"):
        params_from_mapping(GaussianMixtureParams, {"weights": [1.0]})
    options = registry.load(registry.entry("gaussian_mixture").options)
    with pytest.raises(DataError, match="Unknown option colour"):
        options_from_mapping(options, {"colour": 1})
