"""The one list of models: every row builds, runs and is drawn."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.options import controls
from em_explorer.em.steps import RunOptions, fit
from em_explorer.session.document import load_story
from em_explorer.session.mapping import params_from_mapping, to_mapping
from em_explorer.ui.model_tab import ModelTab


@pytest.mark.parametrize("row", registry.MODELS, ids=lambda row: row.key)
def test_a_row_builds_and_runs(window, step, row):
    options, params = registry.load(row.options), registry.load(row.params)
    assert controls(options)
    assert all(field.default is not None for field in fields(options))
    assert is_dataclass(params)
    story = load_story(row.first_demo)
    model = story.build_model()
    data = model.prepare(story.dataset().values)
    given = story.initial_params()
    start = (
        model.initialize(data, np.random.default_rng(story.seed))
        if given is None
        else model.from_units(given, data)
    )
    assert isinstance(start, params)
    found = fit(model, data, start, RunOptions(2, 0.0))
    assert found.history[2] >= found.history[1] >= found.history[0]

    window.open_model(row.key)
    tab = window.tab
    assert isinstance(tab, registry.load(row.tab))
    assert isinstance(tab, ModelTab)
    assert window.tab_bar.tabText(window.tab_bar.currentIndex()) == row.title
    step(tab, 5)
    assert tab.controller.trace.bounds == pytest.approx(found.history, rel=1e-12)
    assert tab.bottom.transport.step.text().startswith("M-step: ")


@pytest.mark.parametrize("row", registry.MODELS, ids=lambda row: row.key)
def test_params_survive_a_file(row):
    story = load_story(row.first_demo)
    model = story.build_model()
    data = model.prepare(story.dataset().values)
    params = model.to_units(model.initialize(data, np.random.default_rng(1)), data)
    again = params_from_mapping(type(params), to_mapping(params))
    assert to_mapping(again) == to_mapping(params)


def test_an_unknown_model_names_those_there_are():
    with pytest.raises(KeyError, match="gaussian_mixture"):
        registry.entry("nothing")
